"""HES-SO, Master of Science in Engineering, machine learning, practical work 12 (ML-PW-12): on MNIST.

A convolutional autoencoder; the same network taking noise of three strengths away; variational autoencoders that make
new twos, threes and eights after having seen 10, 100, 1,000 or all digits of that kind; and a classifier that shows
which of the new digits are no longer recognised. Its questions: what does more noise cost, and can the diversity of
generated digits be measured? Image (B, 1, 28, 28) in, reconstruction (B, 1, 28, 28) out.

The sheet fixes the convolutional network (7,265 parameters), its loss and Adam, and leans on F. Chollet's "Building
Autoencoders in Keras" (2016), from which the rest is taken. Its bottleneck has 784 values, as many as the image has
pixels: it need not compress anything.
"""

from __future__ import annotations

from zoo.data.splits import Selection
from zoo.lazy import blocks, nn
from zoo.recipe import Data, Needs, Recipe, Schedule, network
from zoo.tasks import CLASSIFY, DENOISE, GENERATE

DIGITS = (2, 3, 8)
_SPELLED = {2: "twos", 3: "threes", 8: "eights"}
COUNTS = (10, 100, 1_000, None)
STEPS_OF_ALL = 187  # batches of 32 in the 5,958 twos of MNIST; the other sets are gone through again and again as long


@network("conv 16-16 | 16-16-1, pool and upsample 2", parameters=7_265, bottleneck=(16, 7, 7), view=(28, 28))
def conv() -> blocks.Autoencoder:
    """Convolutions of 3×3 with max-pooling and nearest upsampling."""
    encoder = nn.Sequential(
        *blocks.conv_relu_pool(1, 16),  # (B, 16, 14, 14)
        *blocks.conv_relu_pool(16, 16),  # (B, 16, 7, 7)
    )
    decoder = nn.Sequential(
        *blocks.conv_relu(16, 16),
        nn.Upsample(scale_factor=2),  # (B, 16, 14, 14)
        *blocks.conv_relu(16, 16),
        nn.Upsample(scale_factor=2),  # (B, 16, 28, 28)
        nn.Conv2d(16, 1, 3, padding=1),  # (B, 1, 28, 28)
    )
    return blocks.Autoencoder(encoder=encoder, decoder=decoder, to_pixels=nn.Sigmoid())


@network("784-64-2-64-784", parameters=101_652, bottleneck=(2,), view=(1, 2))
def vae() -> blocks.Variational:
    """Perceptrons with two latent variables."""
    return blocks.Variational(
        encoder=nn.Sequential(nn.Flatten(), *blocks.linear_relu(784, 64)),  # (B, 64)
        mean=nn.Linear(64, 2),
        logvar=nn.Linear(64, 2),
        decoder=nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 784), nn.Unflatten(1, (1, 28, 28))),
        to_pixels=nn.Sigmoid(),
    )


@network("conv 32-64, pool 2, 128, 10", parameters=421_642, features=128)
def digits() -> blocks.Classifier:
    """A classifier of digits, which names what is generated."""
    features = nn.Sequential(
        *blocks.conv_relu_pool(1, 32),  # (B, 32, 14, 14)
        *blocks.conv_relu_pool(32, 64),  # (B, 64, 7, 7)
        nn.Flatten(),
        *blocks.linear_relu(3136, 128),  # (B, 128)
        nn.Dropout(0.5),
    )
    return blocks.Classifier(features=features, head=nn.Linear(128, 10))


_HUNDRED = Schedule(epochs=100, batch_size=128)
_BLOG = "batch 128 and 100 epochs: as the Keras blog has them"


def _denoise(noise: float, **published: float) -> Recipe:
    return Recipe(
        name=f"hesso/denoise-{noise:g}",
        task=DENOISE,
        network=conv,
        data=Data("mnist", noise=noise),
        objective="bce",
        schedule=_HUNDRED,
        published=published,
        compared_by="bce",
        choices=(_BLOG, "noise clipped to [0, 1]: as the Keras blog has it", "fresh noise every epoch: ours"),
    )


def _generate(digit: int, count: int | None) -> Recipe:
    return Recipe(
        name=f"hesso/vae-{digit}-{count or 'all'}",
        task=GENERATE,
        network=vae,
        data=Data("mnist", selection=Selection(label=digit, count=count, noun=_SPELLED[digit])),
        objective="elbo",
        schedule=Schedule(epochs=100, batch_size=32, steps=STEPS_OF_ALL),
        needs=Needs(scoring_classifier="hesso/classifier"),
        choices=(
            "784-64-2-64-784, batch 32 and 100 epochs: as the Keras blog has them",
            "logvar is the logarithm of the variance, in the sampling as in the divergence: ours, the blog mixes both",
            f"{STEPS_OF_ALL} batches an epoch whatever the number of digits: ours",
            "loss and metrics of the test digits are those at the mean: ours",
        ),
    )


RECIPES = (
    Recipe(name="hesso/conv", network=conv, data=Data("mnist"), objective="bce", schedule=_HUNDRED, choices=(_BLOG,)),
    _denoise(0.5, bce=0.10),
    _denoise(0.7),
    _denoise(0.9, bce=0.15),
    Recipe(
        name="hesso/classifier",
        task=CLASSIFY,
        network=digits,
        data=Data("mnist"),
        objective="cross-entropy",
        schedule=Schedule(epochs=12, batch_size=128),
        choices=("its layers, batch 128 and 12 epochs: ours; the sheet speaks of a pre-trained classifier",),
    ),
    *(_generate(digit, count) for digit in DIGITS for count in COUNTS),
)

if __name__ == "__main__":
    print("this file holds recipes; train them with: aezoo train hesso")
