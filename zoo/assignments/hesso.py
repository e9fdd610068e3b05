"""HES-SO, Master of Science in Engineering, machine learning, practical work 12 (ML-PW-12): on MNIST.

A convolutional autoencoder; the same network taking noise of three strengths away; variational autoencoders that make
new twos, threes and eights after having seen 10, 100, 1,000 or all digits of that kind; and a classifier that tells
which of the new digits are no longer recognised. Its questions: what does more noise cost, and can the diversity of
generated digits be measured? Image (B, 1, 28, 28) in, reconstruction (B, 1, 28, 28) out.

The sheet fixes the convolutional network (7,265 parameters), its loss and Adam, and leans on F. Chollet's "Building
Autoencoders in Keras" (2016), from which the rest is taken. Its bottleneck has 784 values, as many as the image has
pixels: it need not compress anything.
"""

from __future__ import annotations

from torch import nn

from zoo.blocks import Autoencoder, Classifier, Variational
from zoo.data.splits import Selection
from zoo.recipe import Recipe

DIGITS = (2, 3, 8)
_SPELLED = {2: "twos", 3: "threes", 8: "eights"}
COUNTS = (10, 100, 1_000, None)
STEPS_OF_ALL = 187  # batches of 32 in the 5,958 twos of MNIST; the other sets are dealt over and over as long


def conv() -> Autoencoder:
    """conv 16 → pool → conv 16 → pool | conv 16 → up → conv 16 → up → conv 1, all 3×3: 7,265 parameters."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 16, 14, 14)
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 16, 7, 7)
    )
    decoder = nn.Sequential(
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),  # (B, 16, 14, 14)
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),  # (B, 16, 28, 28)
        nn.Conv2d(16, 1, 3, padding=1),  # (B, 1, 28, 28)
    )
    return Autoencoder(encoder=encoder, decoder=decoder, to_pixels=nn.Sigmoid())


def vae() -> Variational:
    """784-64-2-64-784 with two latent variables."""
    return Variational(
        encoder=nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU()),  # (B, 64)
        mean=nn.Linear(64, 2),
        logvar=nn.Linear(64, 2),
        decoder=nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 784), nn.Unflatten(1, (1, 28, 28))),
        to_pixels=nn.Sigmoid(),
    )


def digits() -> Classifier:
    """conv 32 → pool → conv 64 → pool → 128 → 10, the judge of what is generated."""
    features = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 32, 14, 14)
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 64, 7, 7)
        nn.Flatten(),
        nn.Linear(3136, 128),
        nn.ReLU(),  # (B, 128)
        nn.Dropout(0.5),
    )
    return Classifier(features=features, head=nn.Linear(128, 10))


_SCHEDULE = "batch 128 and 100 epochs: as the Keras blog has them"
_SUMMARY = "conv 16-16 | 16-16-1, pool and upsample 2"


def _denoise(noise: float, **published: float) -> Recipe:
    return Recipe(
        name=f"hesso/denoise-{noise:g}",
        summary=_SUMMARY,
        network=conv,
        dataset="mnist",
        objective="bce",
        epochs=100,
        batch_size=128,
        task="denoise",
        noise=noise,
        bottleneck_view=(28, 28),
        published=published,
        measured_by="bce",
        rival="noisy-input",
        choices=(_SCHEDULE, "noise clipped to [0, 1]: as the Keras blog has it", "fresh noise every epoch: ours"),
    )


def _generate(digit: int, count: int | None) -> Recipe:
    return Recipe(
        name=f"hesso/vae-{digit}-{count or 'all'}",
        summary=f"784-64-2-64-784, from {f'{count:,}' if count else 'all'} {_SPELLED[digit]}",
        network=vae,
        dataset="mnist",
        objective="elbo",
        epochs=100,
        batch_size=32,
        steps=STEPS_OF_ALL,
        task="generate",
        selection=Selection(label=digit, count=count),
        judge="hesso/classifier",
        bottleneck_view=(1, 2),
        rival="nearest-example",
        choices=(
            "784-64-2-64-784, batch 32 and 100 epochs: as the Keras blog has them",
            "logvar is the logarithm of the variance, in the sampling as in the divergence: ours, the blog mixes both",
            f"{STEPS_OF_ALL} batches an epoch whatever the number of digits: ours",
            "loss and metrics of the test digits are those at the mean: ours",
        ),
    )


RECIPES = (
    Recipe(
        name="hesso/conv",
        summary=_SUMMARY,
        network=conv,
        dataset="mnist",
        objective="bce",
        epochs=100,
        batch_size=128,
        bottleneck_view=(28, 28),
        choices=(_SCHEDULE,),
    ),
    _denoise(0.5, bce=0.10),
    _denoise(0.7),
    _denoise(0.9, bce=0.15),
    Recipe(
        name="hesso/classifier",
        summary="conv 32-64, pool 2, 128, 10",
        network=digits,
        dataset="mnist",
        objective="cross-entropy",
        epochs=12,
        batch_size=128,
        task="classify",
        rival="nearest-example",
        choices=("its layers, batch 128 and 12 epochs: ours; the sheet speaks of a pre-trained classifier",),
    ),
    *(_generate(digit, count) for digit in DIGITS for count in COUNTS),
)
