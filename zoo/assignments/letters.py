"""Universität Konstanz, Deep Learning for Computer Vision 2017/18, sheet 4: from Cyrillic letters to Latin ones.

An encoder-decoder takes a Cyrillic letter and is to give the Latin letter of the same sound. The sheet tries several
things to train it for: that a frozen classifier of Latin letters names the output correctly (`class`, about 97 % right
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

from typing import Literal

from zoo.data.comnist import PAIRS
from zoo.lazy import blocks, nn
from zoo.recipe import Data, Needs, Network, Recipe, Schedule, network
from zoo.tasks import CLASSIFY, RECALL, TRANSLATE

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


@network("conv 32-64 /2, 512 | 3136, upconv 32-1 ×2, 784", parameters=3_875_476, bottleneck=(VALUES,), view=(16, 32))
def encoder_decoder() -> blocks.Autoencoder:
    """Convolutions and a fully connected layer on both sides, with one PReLU slope for all."""
    slope = nn.PReLU()
    encoder = nn.Sequential(
        blocks.Normalise(),
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
    return blocks.Autoencoder(
        encoder=encoder, decoder=_decoder(slope), to_pixels=blocks.UnitClamp(scale=DEVIATION, offset=MEAN)
    )


@network(
    "14 × 512 | the decoder of letters/random, frozen",
    parameters=CLASSES * VALUES,
    bottleneck=(VALUES,),
    view=(16, 32),
    initialisation="vectors from N(0, 1), the decoder of letters/random",
)
def latent() -> blocks.Autoencoder:
    """A table of one vector a class, drawn from N(0, 1), and a frozen decoder."""
    table = blocks.Table(CLASSES, VALUES)
    autoencoder = blocks.Autoencoder(
        encoder=table,
        decoder=blocks.Frozen(_decoder(nn.PReLU())),
        to_pixels=blocks.UnitClamp(scale=DEVIATION, offset=MEAN),
    )
    nn.init.normal_(table.vectors.weight)
    return autoencoder


def _classifier(classes: int) -> blocks.Classifier:
    """conv 32 → pool → conv 64 → pool → 1024, kernels of 5×5."""
    features = nn.Sequential(
        blocks.Normalise(),
        *blocks.conv_relu_pool(1, 32, 5),  # (B, 32, 14, 14)
        *blocks.conv_relu_pool(32, 64, 5),  # (B, 64, 7, 7)
        nn.Flatten(),
        *blocks.linear_relu(3136, 1024),  # (B, 1024)
        nn.Dropout(0.5),
    )
    return blocks.Classifier(features=features, head=nn.Linear(1024, classes))


latin = Network(
    lambda: _classifier(CLASSES), "conv 32-64 of 5×5, pool 2, 1024, 14", parameters=3_278_734, features=1024
)
latin_and_noise = Network(
    lambda: _classifier(CLASSES + 1), "conv 32-64 of 5×5, pool 2, 1024, 15", parameters=3_279_759, features=1024
)
STEPS = 400  # batches an epoch: an epoch of 50 would write 400 checkpoints of 46 MB
_NETWORK = (
    "one PReLU slope for the whole network, dropout of 0.33 after the 512 values: as public solutions have it",
    "batch 100, Adam 1e-3, 20,000 steps (10,000 for one letter or the mean): as public solutions have it",
    "images are normalised inside the graph; pixels are 0.35·value + 0.2, clamped: ours",
)


def _classify(name: str, network: Network, *choices: str, noise_class: bool = False) -> Recipe:
    return Recipe(
        name=f"letters/{name}",
        task=CLASSIFY,
        network=network,
        data=Data("latin", augment=True, noise_class=noise_class),
        objective="cross-entropy",
        schedule=Schedule(epochs=50, steps=STEPS, batch_size=100, learning_rate=1e-4),
        choices=("affine and elastic augmentation, since Latin drawings are few: ours", *choices),
    )


def _translate(
    name: str,
    objective: str,
    *choices: str,
    epochs: int = 50,
    target: Literal["several", "one", "mean"] = "mean",
    teacher: str | None = None,
    **published: float,
) -> Recipe:
    return Recipe(
        name=f"letters/{name}",
        task=TRANSLATE,
        network=encoder_decoder,
        data=Data("cyrillic", targets="latin", target_letters=target),
        objective=objective,
        schedule=Schedule(epochs=epochs, steps=STEPS, batch_size=100),
        needs=Needs(teacher=teacher, scoring_classifier="letters/classifier"),
        published=published,
        choices=(*_NETWORK, *choices),
    )


RECIPES = (
    _classify("classifier", latin),
    _classify(
        "classifier-noise",
        latin_and_noise,
        "a fifteenth class of as many N(0, 1) images as letters, labelled 14",
        noise_class=True,
    ),
    _translate("class", "teacher", teacher="letters/classifier", accuracy=0.97),
    _translate("class-noise", "teacher", teacher="letters/classifier-noise"),
    _translate(
        "random",
        "mse-normalised",
        "up to 20 Latin letters of the class, the same for the whole training: as public solutions have it",
        target="several",
    ),
    _translate(
        "representative",
        "mse-normalised",
        "the Latin letter nearest to the mean of its class: ours",
        target="one",
        epochs=25,
    ),
    _translate("mean", "mse-normalised", epochs=25),
    Recipe(
        name="letters/latent",
        task=RECALL,
        network=latent,
        data=Data("latin"),
        objective="mse-normalised",
        schedule=Schedule(epochs=10, steps=10, batch_size=10_000, learning_rate=1e-2),
        needs=Needs(parent="letters/random", scoring_classifier="letters/classifier"),
        choices=(
            "100 steps of Adam 1e-2, each with all letters: as public solutions have it",
            "the class goes in as a picture of one row, one pixel a class: ours",
        ),
    ),
)

if __name__ == "__main__":
    print("this file holds recipes; train them with: aezoo train letters")
