"""Maastricht University, Advanced Concepts of Machine Learning, assignment 2 (2020), on CIFAR-10.

A base network of three convolutions, seven changes of it to see what each does to the error and whether the error
follows the bottleneck's size, and two networks that colour grey photographs. Image (B, 3, 32, 32) in and out; the
colourisers take (B, 1, 32, 32).

The sheet fixes the base network, the 80/10/10 split and 20 epochs. Its table gives the bottleneck sizes 4,096, 4,096,
8,192, 576, 256, 16 and 400; each model here has exactly that size. Three of the sizes seem to be worked out on paper
and not to be those of the trained networks; `-as-trained` is then the network that the error speaks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from zoo.blocks import Autoencoder, Spread
from zoo.data.splits import SHUFFLED
from zoo.recipe import Recipe, Task


def _conv(before: int, after: int, kernel: int = 3, *, padding: int | None = None, stride: int = 1) -> nn.Conv2d:
    """A convolution; without a word about its padding it keeps the size."""
    return nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2 if padding is None else padding)


def _up() -> nn.Upsample:
    return nn.Upsample(scale_factor=2)


def _network(encoder: list[nn.Module], decoder: list[nn.Module]) -> Autoencoder:
    return Autoencoder(encoder=nn.Sequential(*encoder), decoder=nn.Sequential(*decoder), to_pixels=nn.Sigmoid())


def base(kernel: int = 3) -> Autoencoder:
    """conv 8 → pool → conv 12 → pool → conv 16 | up → conv 12 → up → conv 3; with 3×3 kernels 4,911 parameters."""
    return _network(
        [
            _conv(3, 8, kernel),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 8, 16, 16)
            _conv(8, 12, kernel),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 12, 8, 8)
            _conv(12, 16, kernel),
            nn.ReLU(),  # (B, 16, 8, 8)
        ],
        _decoder_of_base(kernel),
    )


def _decoder_of_base(kernel: int) -> list[nn.Module]:
    return [_up(), _conv(16, 12, kernel), nn.ReLU(), _up(), _conv(12, 3, kernel)]  # (B, 3, 32, 32)


def model_1() -> Autoencoder:
    """conv 12 → pool → conv 16 | up → conv 12 → conv 3: one convolution less, read as one level less."""
    return _network(
        [_conv(3, 12), nn.ReLU(), nn.MaxPool2d(2), _conv(12, 16), nn.ReLU()],  # (B, 16, 16, 16)
        [_up(), _conv(16, 12), nn.ReLU(), _conv(12, 3)],
    )


def model_1_as_trained() -> Autoencoder:
    """The base network without its first convolution: it begins with a pool."""
    return _network(
        [nn.MaxPool2d(2), _conv(3, 12), nn.ReLU(), nn.MaxPool2d(2), _conv(12, 16), nn.ReLU()],  # (B, 16, 8, 8)
        _decoder_of_base(3),
    )


def one_pool(channels: tuple[int, int, int], *, image_channels: int = 3, kernel: int = 3) -> Autoencoder:
    """conv → conv → pool → conv | up → conv 3: the shape of model 2 and of both colourisers."""
    first, second, third = channels
    return _network(
        [
            _conv(image_channels, first, kernel),
            nn.ReLU(),
            _conv(first, second, kernel),
            nn.ReLU(),
            nn.MaxPool2d(2),
            _conv(second, third, kernel),
            nn.ReLU(),  # (B, third, 16, 16)
        ],
        [_up(), _conv(third, 3, kernel)],
    )


def model_2() -> Autoencoder:
    """conv 8 → conv 12 → pool → conv 16 | up → conv 3: 3,279 parameters."""
    return one_pool((8, 12, 16))


def model_3() -> Autoencoder:
    """conv 32 → pool → conv 64 → pool → conv 128 | up → conv 64 → up → conv 3: 168,771 parameters."""
    return _network(
        [
            _conv(3, 32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            _conv(32, 64),
            nn.ReLU(),
            nn.MaxPool2d(2),
            _conv(64, 128),
            nn.ReLU(),  # (B, 128, 8, 8)
        ],
        [_up(), _conv(128, 64), nn.ReLU(), _up(), _conv(64, 3)],
    )


def _narrowed(kernel: int) -> Autoencoder:
    """The base network with larger kernels and a third convolution padded by 1 alone, as the sheet's formula has it.

    The decoder opens with the transposed mirror of that convolution, which brings 8×8 back.
    """
    return _network(
        [
            _conv(3, 8, kernel),
            nn.ReLU(),
            nn.MaxPool2d(2),
            _conv(8, 12, kernel),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 12, 8, 8)
            _conv(12, 16, kernel, padding=1),
            nn.ReLU(),  # (B, 16, 6, 6) with 5×5 kernels, (B, 16, 4, 4) with 7×7
        ],
        [nn.ConvTranspose2d(16, 16, kernel, padding=1), nn.ReLU(), *_decoder_of_base(kernel)],
    )


def model_4() -> Autoencoder:
    """Kernels of 5×5."""
    return _narrowed(5)


def model_5() -> Autoencoder:
    """Kernels of 7×7."""
    return _narrowed(7)


def model_4_as_trained() -> Autoencoder:
    """The base network with kernels of 5×5."""
    return base(5)


def model_5_as_trained() -> Autoencoder:
    """The base network with kernels of 7×7."""
    return base(7)


def model_6() -> Autoencoder:
    """Every convolution with stride 3: one pixel is left, and one colour comes back, spread over the whole image."""
    return _network(
        [
            _conv(3, 8, stride=3),  # (B, 8, 11, 11)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 8, 5, 5)
            _conv(8, 12, stride=3),  # (B, 12, 2, 2)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 12, 1, 1)
            _conv(12, 16, stride=3),
            nn.ReLU(),  # (B, 16, 1, 1)
        ],
        [_up(), _conv(16, 12, stride=3), nn.ReLU(), _up(), _conv(12, 3, stride=3), Spread(32)],
    )


def model_7() -> Autoencoder:
    """No padding in the encoder, the second pool rounding up; 5×5 come back as 10×10, 30×30 and a border of 1."""
    return _network(
        [
            _conv(3, 8, padding=0),  # (B, 8, 30, 30)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 8, 15, 15)
            _conv(8, 12, padding=0),  # (B, 12, 13, 13)
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),  # (B, 12, 7, 7)
            _conv(12, 16, padding=0),
            nn.ReLU(),  # (B, 16, 5, 5)
        ],
        [_up(), _conv(16, 12), nn.ReLU(), nn.Upsample(scale_factor=3), nn.ZeroPad2d(1), _conv(12, 3)],
    )


def colour_1() -> Autoencoder:
    """Grey in, colour out: model 2 with 32, 64 and 128 channels."""
    return one_pool((32, 64, 128), image_channels=1)


def colour_2() -> Autoencoder:
    """The same with kernels of 5×5."""
    return one_pool((32, 64, 128), image_channels=1, kernel=5)


_OURS = (
    "ReLU inside, sigmoid output, squared error, Adam 1e-3, batch 32: as public solutions have it",
    "the shuffle of the 60,000 images has a fixed seed: ours",
)
_GREY = "grey is 0.2989 R + 0.5870 G + 0.1140 B: as public solutions have it"


def _recipe(
    name: str,
    summary: str,
    network: Callable[[], Autoencoder],
    published: float,
    *choices: str,
    epochs: int = 20,
    task: Task = "reconstruct",
    view: tuple[int, int] | None = None,
) -> Recipe:
    figures: Mapping[str, float] = {"mse": published}
    return Recipe(
        name=f"maastricht/{name}",
        summary=summary,
        network=network,
        dataset="cifar10",
        objective="mse",
        epochs=epochs,
        batch_size=32,
        task=task,
        split=SHUFFLED,
        bottleneck_view=view,
        published=figures,
        rival="grey-copied" if task == "colourise" else "pca",
        choices=(*_OURS, *choices),
    )


_PAPER = "the sheet's size seems to be worked out on paper; this network has it for real: ours"
_TRAINED = "the network that the sheet's error speaks for; its true size differs from the sheet's: ours"

RECIPES = (
    _recipe("base", "conv 8-12-16, pool 2 | 12-3, upsample 2", base, 0.0036),
    _recipe("model-1", "conv 12-16, one pool | 12-3", model_1, 0.0051, _PAPER),
    _recipe("model-1-as-trained", "pool, conv 12-16, pool | 12-3", model_1_as_trained, 0.0051, _TRAINED),
    _recipe("model-2", "conv 8-12-16, one pool | 3", model_2, 0.00056),
    _recipe("model-3", "conv 32-64-128, pool 2 | 64-3", model_3, 0.0011),
    _recipe("model-4", "base with 5×5, 6×6 left | upconv, 12-3", model_4, 0.0033, _PAPER),
    _recipe("model-4-as-trained", "base with 5×5", model_4_as_trained, 0.0033, _TRAINED),
    _recipe("model-5", "base with 7×7, 4×4 left | upconv, 12-3", model_5, 0.0032, _PAPER),
    _recipe("model-5-as-trained", "base with 7×7", model_5_as_trained, 0.0032, _TRAINED),
    _recipe(
        "model-6",
        "base with stride 3 everywhere",
        model_6,
        0.044,
        "the decoder's convolutions have stride 3 too, so one colour comes out and is spread over the image: ours",
    ),
    _recipe(
        "model-7",
        "base without padding | up 2, conv 12, up 3, pad, conv 3",
        model_7,
        0.015,
        "the sheet does not tell its decoder; this one is ours",
    ),
    _recipe(
        "colour-1", "conv 32-64-128, one pool | 3", colour_1, 0.0056, _GREY, "its channels: ours", task="colourise"
    ),
    _recipe(
        "colour-2",
        "conv 32-64-128 of 5×5, one pool | 3",
        colour_2,
        0.0057,
        _GREY,
        "its channels and its 5×5 kernels: ours",
        task="colourise",
        epochs=100,
    ),
)
