"""Maastricht University, Advanced Concepts of Machine Learning, assignment 2 (2020), on CIFAR-10.

A base network of three convolutions, seven changes of it to see what each does to the error and whether the error
follows the bottleneck's size, and two networks that colour grey photographs. Image (B, 3, 32, 32) in and out; the
colourisers take (B, 1, 32, 32).

The sheet fixes the base network, the 80/10/10 split and 20 epochs. Its table gives the bottleneck sizes 4,096, 4,096,
8,192, 576, 256, 16 and 400; each model here has exactly that size. Three of the sizes seem to be worked out on paper
and not to be those of the trained networks; `-as-trained` is then the network that the error speaks for.
"""

from __future__ import annotations

from zoo.data.splits import SHUFFLED
from zoo.lazy import blocks, nn
from zoo.recipe import Data, Network, Recipe, Schedule, network
from zoo.tasks import COLOURISE, RECONSTRUCT, Task


def _conv(before: int, after: int, kernel: int = 3, *, stride: int = 1) -> nn.Conv2d:
    """A convolution without ReLU, which keeps the size where no stride is given."""
    return nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2)


def _up() -> nn.Upsample:
    return nn.Upsample(scale_factor=2)


def _network(encoder: list[nn.Module], decoder: list[nn.Module]) -> blocks.Autoencoder:
    return blocks.Autoencoder(encoder=nn.Sequential(*encoder), decoder=nn.Sequential(*decoder), to_pixels=nn.Sigmoid())


def _base(kernel: int) -> blocks.Autoencoder:
    return _network(
        [
            *blocks.conv_relu_pool(3, 8, kernel),  # (B, 8, 16, 16)
            *blocks.conv_relu_pool(8, 12, kernel),  # (B, 12, 8, 8)
            *blocks.conv_relu(12, 16, kernel),  # (B, 16, 8, 8)
        ],
        _decoder_of_base(kernel),
    )


def _decoder_of_base(kernel: int) -> list[nn.Module]:
    return [_up(), *blocks.conv_relu(16, 12, kernel), _up(), _conv(12, 3, kernel)]  # (B, 3, 32, 32)


base = Network(lambda: _base(3), "conv 8-12-16, pool 2 | 12-3, upsample 2", parameters=4_911, bottleneck=(16, 8, 8))


@network("conv 12-16, one pool | 12-3", parameters=4_147, bottleneck=(16, 16, 16))
def model_1() -> blocks.Autoencoder:
    """One convolution less, read as one level less."""
    return _network(
        [*blocks.conv_relu_pool(3, 12), *blocks.conv_relu(12, 16)],  # (B, 16, 16, 16)
        [_up(), *blocks.conv_relu(16, 12), _conv(12, 3)],
    )


@network("pool, conv 12-16, pool | 12-3", parameters=4_147, bottleneck=(16, 8, 8))
def model_1_as_trained() -> blocks.Autoencoder:
    """The base network without its first convolution: it begins with a pool."""
    return _network(
        [nn.MaxPool2d(2), *blocks.conv_relu_pool(3, 12), *blocks.conv_relu(12, 16)],  # (B, 16, 8, 8)
        _decoder_of_base(3),
    )


def _one_pool(before: int, first: int, second: int, third: int, kernel: int = 3) -> blocks.Autoencoder:
    """conv → conv → pool → conv | up → conv 3: the shape of model 2 and of both colourisers."""
    return _network(
        [
            *blocks.conv_relu(before, first, kernel),
            *blocks.conv_relu_pool(first, second, kernel),
            *blocks.conv_relu(second, third, kernel),  # (B, third, 16, 16)
        ],
        [_up(), _conv(third, 3, kernel)],
    )


# One level less, with more values than the image has.
model_2 = Network(
    lambda: _one_pool(3, 8, 12, 16), "conv 8-12-16, one pool | 3", parameters=3_279, bottleneck=(16, 16, 16)
)


@network("conv 32-64-128, pool 2 | 64-3", parameters=168_771, bottleneck=(128, 8, 8))
def model_3() -> blocks.Autoencoder:
    """More channels."""
    return _network(
        [
            *blocks.conv_relu_pool(3, 32),
            *blocks.conv_relu_pool(32, 64),
            *blocks.conv_relu(64, 128),  # (B, 128, 8, 8)
        ],
        [_up(), *blocks.conv_relu(128, 64), _up(), _conv(64, 3)],
    )


def _narrowed(kernel: int) -> blocks.Autoencoder:
    """The base network with larger kernels and a third convolution padded by 1 alone, as the sheet's formula has it.

    The decoder opens with the transposed mirror of that convolution, which brings 8×8 back.
    """
    return _network(
        [
            *blocks.conv_relu_pool(3, 8, kernel),
            *blocks.conv_relu_pool(8, 12, kernel),  # (B, 12, 8, 8)
            *blocks.conv_relu(12, 16, kernel, padding=1),  # (B, 16, 6, 6) with 5×5 kernels, (B, 16, 4, 4) with 7×7
        ],
        [nn.ConvTranspose2d(16, 16, kernel, padding=1), nn.ReLU(), *_decoder_of_base(kernel)],
    )


model_4 = Network(
    lambda: _narrowed(5), "base with 5×5, 6×6 left | upconv, 12-3", parameters=19_967, bottleneck=(16, 6, 6)
)
model_5 = Network(
    lambda: _narrowed(7), "base with 7×7, 4×4 left | upconv, 12-3", parameters=39_071, bottleneck=(16, 4, 4)
)
model_4_as_trained = Network(lambda: _base(5), "base with 5×5", parameters=13_551, bottleneck=(16, 8, 8))
model_5_as_trained = Network(lambda: _base(7), "base with 7×7", parameters=26_511, bottleneck=(16, 8, 8))


@network("base with stride 3 everywhere", parameters=4_911, bottleneck=(16, 1, 1))
def model_6() -> blocks.Autoencoder:
    """Every convolution with stride 3: one pixel is left, and one colour comes back, spread over the whole image."""
    return _network(
        [
            *blocks.conv_relu(3, 8, stride=3),  # (B, 8, 11, 11)
            nn.MaxPool2d(2),  # (B, 8, 5, 5)
            *blocks.conv_relu(8, 12, stride=3),  # (B, 12, 2, 2)
            nn.MaxPool2d(2),  # (B, 12, 1, 1)
            *blocks.conv_relu(12, 16, stride=3),  # (B, 16, 1, 1)
        ],
        [_up(), *blocks.conv_relu(16, 12, stride=3), _up(), _conv(12, 3, stride=3), nn.Upsample(scale_factor=32)],
    )


@network("base without padding | up 2, conv 12, up 3, pad, conv 3", parameters=4_911, bottleneck=(16, 5, 5))
def model_7() -> blocks.Autoencoder:
    """No padding in the encoder, the second pool rounding up; 5×5 come back as 10×10, 30×30 and a border of 1."""
    return _network(
        [
            *blocks.conv_relu(3, 8, padding=0),  # (B, 8, 30, 30)
            nn.MaxPool2d(2),  # (B, 8, 15, 15)
            *blocks.conv_relu(8, 12, padding=0),  # (B, 12, 13, 13)
            nn.MaxPool2d(2, ceil_mode=True),  # (B, 12, 7, 7)
            *blocks.conv_relu(12, 16, padding=0),  # (B, 16, 5, 5)
        ],
        [_up(), *blocks.conv_relu(16, 12), nn.Upsample(scale_factor=3), nn.ZeroPad2d(1), _conv(12, 3)],
    )


colour_1 = Network(
    lambda: _one_pool(1, 32, 64, 128), "conv 32-64-128, one pool | 3", parameters=96_131, bottleneck=(128, 16, 16)
)
colour_2 = Network(
    lambda: _one_pool(1, 32, 64, 128, 5),
    "conv 32-64-128 of 5×5, one pool | 3",
    parameters=266_627,
    bottleneck=(128, 16, 16),
)


_OURS = (
    "ReLU inside, sigmoid output, squared error, Adam 1e-3, batch 32: as public solutions have it",
    "the shuffle of the 60,000 images has a fixed seed: ours",
)
_GREY = "grey is 0.2989 R + 0.5870 G + 0.1140 B: as public solutions have it"


def _recipe(
    name: str, network: Network, published: float, *choices: str, epochs: int = 20, task: Task = RECONSTRUCT
) -> Recipe:
    return Recipe(
        name=f"maastricht/{name}",
        task=task,
        network=network,
        data=Data("cifar10", split=SHUFFLED),
        objective="mse",
        schedule=Schedule(epochs=epochs, batch_size=32),
        published={"mse": published},
        choices=(*_OURS, *choices),
    )


_PAPER = "the sheet's size seems to be worked out on paper; this network has it for real: ours"
_TRAINED = "the network that the sheet's error speaks for; its true size differs from the sheet's: ours"
_ONE_COLOUR = "the decoder's convolutions have stride 3 too, so one colour comes out and is spread over the image: ours"

RECIPES = (
    _recipe("base", base, 0.0036),
    _recipe("model-1", model_1, 0.0051, _PAPER),
    _recipe("model-1-as-trained", model_1_as_trained, 0.0051, _TRAINED),
    _recipe("model-2", model_2, 0.00056),
    _recipe("model-3", model_3, 0.0011),
    _recipe("model-4", model_4, 0.0033, _PAPER),
    _recipe("model-4-as-trained", model_4_as_trained, 0.0033, _TRAINED),
    _recipe("model-5", model_5, 0.0032, _PAPER),
    _recipe("model-5-as-trained", model_5_as_trained, 0.0032, _TRAINED),
    _recipe("model-6", model_6, 0.044, _ONE_COLOUR),
    _recipe("model-7", model_7, 0.015, "the sheet does not give its decoder; this one is ours"),
    _recipe("colour-1", colour_1, 0.0056, _GREY, "its channels: ours", task=COLOURISE),
    _recipe("colour-2", colour_2, 0.0057, _GREY, "its channels and its 5×5 kernels: ours", task=COLOURISE, epochs=100),
)

if __name__ == "__main__":
    print("this file holds recipes; train them with: aezoo train maastricht")
