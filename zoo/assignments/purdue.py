"""Purdue ECE 595 Machine Learning II, project 2: Autoencoders (2019), on MNIST.

Part 1 squeezes a digit through 100 perceptrons, part 2 through eight 7×7 feature maps, part 3 gives the network of
part 2 noisy digits and asks for the clean ones back. Image (B, 1, 28, 28) in, reconstruction (B, 1, 28, 28) out.

The sheet fixes the layers and 150 epochs and takes the test split for validation. It leaves open, and we chose:
ReLU inside, a sigmoid at the output, binary cross-entropy, Adam at 1e-3, and the batch sizes below.
"""

from __future__ import annotations

from torch import nn

from zoo.blocks import Autoencoder
from zoo.recipe import Recipe


def dense() -> Autoencoder:
    """784-400-200-100-200-400-784, 829,284 parameters."""
    encoder = nn.Sequential(
        nn.Flatten(),  # (B, 784)
        nn.Linear(784, 400),
        nn.ReLU(),
        nn.Linear(400, 200),
        nn.ReLU(),
        nn.Linear(200, 100),
        nn.ReLU(),  # (B, 100)
    )
    decoder = nn.Sequential(
        nn.Linear(100, 200),
        nn.ReLU(),
        nn.Linear(200, 400),
        nn.ReLU(),
        nn.Linear(400, 784),
        nn.Unflatten(1, (1, 28, 28)),  # (B, 1, 28, 28)
    )
    return Autoencoder(encoder=encoder, decoder=decoder, to_pixels=nn.Sigmoid())


def conv() -> Autoencoder:
    """Convolutions 16-8 | 8-16-1 of 3×3 with max-pooling and nearest upsampling, 3,217 parameters."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 16, 14, 14)
        nn.Conv2d(16, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 8, 7, 7)
    )
    decoder = nn.Sequential(
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),  # (B, 8, 14, 14)
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),  # (B, 16, 28, 28)
        nn.Conv2d(16, 1, 3, padding=1),  # (B, 1, 28, 28)
    )
    return Autoencoder(encoder=encoder, decoder=decoder, to_pixels=nn.Sigmoid())


_OURS = ("ReLU, sigmoid output, binary cross-entropy, Adam 1e-3: ours, the sheet leaves them open",)

RECIPES = (
    Recipe(
        name="purdue/dense",
        summary="784-400-200-100-200-400-784",
        network=dense,
        dataset="mnist",
        objective="bce",
        epochs=150,
        batch_size=256,
        bottleneck_view=(10, 10),
        choices=(*_OURS, "batch 256: ours"),
    ),
    Recipe(
        name="purdue/conv",
        summary="conv 16-8 | 8-16-1, pool and upsample 2",
        network=conv,
        dataset="mnist",
        objective="bce",
        epochs=150,
        batch_size=128,
        bottleneck_view=(28, 14),
        choices=(*_OURS, "batch 128: ours"),
    ),
    Recipe(
        name="purdue/denoise",
        summary="conv 16-8 | 8-16-1, pool and upsample 2",
        network=conv,
        dataset="mnist",
        objective="bce",
        epochs=150,
        batch_size=128,
        task="denoise",
        noise=0.25,
        rival="noisy-input",
        bottleneck_view=(28, 14),
        choices=(*_OURS, "batch 128: ours", "the network of part 2: ours", "fresh noise every epoch: ours"),
    ),
)
