"""Universität Konstanz, Deep Learning for Computer Vision 2017/18, sheet 4: from Cyrillic letters to Latin ones.

An encoder-decoder takes a Cyrillic letter and is to give the Latin letter of the same sound. The sheet tries several
things to train it for: that a frozen classifier of Latin letters names the output rightly (`class`, about 97 % right
and nothing that a person could read; `class-noise`, with a class for noise), that it is near some Latin letters of
the class (`random`), near one of them (`representative`), or near their mean (`mean`). `latent` then freezes the
decoder of `random` and looks for the 512 values that give the best letter of each class. Image (B, 1, 28, 28) in and
out.

The sheet fixes the layers, PReLU, batch normalisation, dropout and the strategies. Where its public code slips (a
PReLU without a slope, a noise label outside its classes, normalisation that blocks the gradient of the 512 values),
its text is followed. Images are given zero mean and unit deviation inside the network; pixels are 0.35·value + 0.2,
clamped.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from zoo.blocks import Autoencoder, Classifier, Frozen, Normalise, UnitClamp
from zoo.data.comnist import PAIRS
from zoo.recipe import Recipe, Wanted

CLASSES = len(PAIRS)
VALUES = 512
# Of the letters' mean pixels and deviations; a value of a normalised letter times one plus the other is a pixel.
DEVIATION, MEAN = 0.35, 0.2


def _decoder(slope: nn.PReLU) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(VALUES, 3136),
        nn.BatchNorm1d(3136),
        slope,
        nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1),  # (B, 32, 14, 14)
        nn.BatchNorm2d(32),
        slope,
        nn.ConvTranspose2d(32, 1, 3, stride=2, padding=1, output_padding=1),  # (B, 1, 28, 28)
        nn.BatchNorm2d(1),
        slope,
        nn.Flatten(),
        nn.Linear(784, 784),
        nn.Unflatten(1, (1, 28, 28)),
    )


def encoder_decoder() -> Autoencoder:
    """conv 32 /2 → conv 64 /2 → 512 | 3136 → upconv 32 ×2 → upconv 1 ×2 → 784, one slope: 3,875,476 parameters."""
    slope = nn.PReLU()
    encoder = nn.Sequential(
        Normalise(),
        nn.Conv2d(1, 32, 3, stride=2, padding=1),  # (B, 32, 14, 14)
        nn.BatchNorm2d(32),
        slope,
        nn.Conv2d(32, 64, 3, stride=2, padding=1),  # (B, 64, 7, 7)
        nn.BatchNorm2d(64),
        slope,
        nn.Flatten(),
        nn.Linear(3136, VALUES),
        nn.BatchNorm1d(VALUES),
        slope,
        nn.Dropout(0.33),  # (B, 512)
    )
    return Autoencoder(encoder=encoder, decoder=_decoder(slope), to_pixels=UnitClamp(scale=DEVIATION, offset=MEAN))


class Table(nn.Module):
    """One learned vector a class: a row of pixels (B, 1, 1, classes) that weighs the classes → (B, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors = nn.Linear(CLASSES, VALUES, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        vectors: Tensor = self.vectors(image.flatten(1))
        return vectors


def latent() -> Autoencoder:
    """A table of 14 vectors of 512 values, drawn from N(0, 1), and the decoder of `random`, frozen."""
    table = Table()
    network = Autoencoder(
        encoder=table, decoder=Frozen(_decoder(nn.PReLU())), to_pixels=UnitClamp(scale=DEVIATION, offset=MEAN)
    )
    nn.init.normal_(table.vectors.weight)
    return network


def _classifier(classes: int) -> Classifier:
    """conv 32 → pool → conv 64 → pool → 1024, kernels of 5×5."""
    features = nn.Sequential(
        Normalise(),
        nn.Conv2d(1, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 32, 14, 14)
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 64, 7, 7)
        nn.Flatten(),
        nn.Linear(3136, 1024),
        nn.ReLU(),  # (B, 1024)
        nn.Dropout(0.5),
    )
    return Classifier(features=features, head=nn.Linear(1024, classes))


def latin() -> Classifier:
    """A classifier of the 14 Latin letters."""
    return _classifier(CLASSES)


def latin_and_noise() -> Classifier:
    """The same with a fifteenth class, for noise."""
    return _classifier(CLASSES + 1)


STEPS = 400  # batches an epoch: an epoch of 50 would write 400 checkpoints of 46 MB
_SUMMARY = "conv 32-64 /2, 512 | 3136, upconv 32-1 ×2, 784"
_NETWORK = (
    "one PReLU slope for the whole network, dropout of 0.33 after the 512 values: as public solutions have it",
    "batch 100, Adam 1e-3, 20,000 steps (10,000 for one letter or the mean): as public solutions have it",
    "images are normalised inside the graph; pixels are 0.35·value + 0.2, clamped: ours",
)


def _classify(name: str, network: Callable[[], Classifier], *, noise: bool) -> Recipe:
    told = ("a fifteenth class of as many N(0, 1) images as letters, labelled 14",) if noise else ()
    return Recipe(
        name=f"letters/{name}",
        summary=f"conv 32-64 of 5×5, pool 2, 1024, {CLASSES + noise}",
        network=network,
        dataset="latin",
        objective="cross-entropy",
        epochs=50,
        steps=STEPS,
        batch_size=100,
        task="classify",
        learning_rate=1e-4,
        augment=True,
        noise_class=noise,
        rival="nearest-example",
        choices=("affine and elastic augmentation, since Latin drawings are few: ours", *told),
    )


def _translate(
    name: str,
    objective: str,
    *choices: str,
    epochs: int = 50,
    wanted: Wanted | None = None,
    teacher: str | None = None,
    **published: float,
) -> Recipe:
    return Recipe(
        name=f"letters/{name}",
        summary=_SUMMARY,
        network=encoder_decoder,
        dataset="cyrillic",
        objective=objective,
        epochs=epochs,
        steps=STEPS,
        batch_size=100,
        task="translate",
        partner="latin",
        wanted=wanted,
        teacher=teacher,
        judge="letters/classifier",
        bottleneck_view=(16, 32),
        published=published,
        rival="nearest-example",
        choices=(*_NETWORK, *choices),
    )


RECIPES = (
    _classify("classifier", latin, noise=False),
    _classify("classifier-noise", latin_and_noise, noise=True),
    _translate("class", "teacher", teacher="letters/classifier", accuracy=0.97),
    _translate("class-noise", "teacher", teacher="letters/classifier-noise"),
    _translate(
        "random",
        "mse-normalised",
        "up to 20 Latin letters of the class, the same for the whole training: as public solutions have it",
        wanted="several",
    ),
    _translate(
        "representative",
        "mse-normalised",
        "the Latin letter nearest to the mean of its class: ours",
        wanted="one",
        epochs=25,
    ),
    _translate("mean", "mse-normalised", wanted="mean", epochs=25),
    Recipe(
        name="letters/latent",
        summary="14 × 512 | the decoder of letters/random, frozen",
        network=latent,
        dataset="latin",
        objective="mse-normalised",
        epochs=10,
        steps=10,
        batch_size=10_000,
        task="recall",
        learning_rate=1e-2,
        judge="letters/classifier",
        parent="letters/random",
        bottleneck_view=(16, 32),
        rival="class-mean",
        choices=(
            "100 steps of Adam 1e-2, each with all letters: as public solutions have it",
            "the class is told as a picture of one row, one pixel a class: ours",
        ),
    ),
)
