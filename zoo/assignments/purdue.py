"""Purdue ECE 595 Machine Learning II, project 2: Autoencoders (2019), on MNIST.

Part 1 squeezes a digit through 100 perceptrons, part 2 through eight 7×7 feature maps, part 3 gives the network of
part 2 noisy digits and asks for the clean ones back. Image (B, 1, 28, 28) in, reconstruction (B, 1, 28, 28) out.

The sheet fixes the layers and 150 epochs and takes the test split for validation. It leaves open, and we chose:
ReLU inside, a sigmoid at the output, binary cross-entropy, Adam at 1e-3, and the batch sizes below.
"""

from __future__ import annotations

from zoo.lazy import blocks, nn
from zoo.recipe import Data, Network, Recipe, Schedule, network
from zoo.tasks import DENOISE, RECONSTRUCT


@network("784-400-200-100-200-400-784", parameters=829_284, bottleneck=(100,), view=(10, 10))
def dense() -> blocks.Autoencoder:
    """Perceptrons down to 100 values and back."""
    encoder = nn.Sequential(
        nn.Flatten(),  # (B, 784)
        *blocks.linear_relu(784, 400, 200, 100),  # (B, 100)
    )
    decoder = nn.Sequential(
        *blocks.linear_relu(100, 200, 400),
        nn.Linear(400, 784),
        nn.Unflatten(1, (1, 28, 28)),  # (B, 1, 28, 28)
    )
    return blocks.Autoencoder(encoder=encoder, decoder=decoder, to_pixels=nn.Sigmoid())


@network("conv 16-8 | 8-16-1, pool and upsample 2", parameters=3_217, bottleneck=(8, 7, 7), view=(28, 14))
def conv() -> blocks.Autoencoder:
    """Convolutions of 3×3 with max-pooling and nearest upsampling."""
    encoder = nn.Sequential(
        *blocks.conv_relu_pool(1, 16),  # (B, 16, 14, 14)
        *blocks.conv_relu_pool(16, 8),  # (B, 8, 7, 7)
    )
    decoder = nn.Sequential(
        *blocks.conv_relu(8, 8),
        nn.Upsample(scale_factor=2),  # (B, 8, 14, 14)
        *blocks.conv_relu(8, 16),
        nn.Upsample(scale_factor=2),  # (B, 16, 28, 28)
        nn.Conv2d(16, 1, 3, padding=1),  # (B, 1, 28, 28)
    )
    return blocks.Autoencoder(encoder=encoder, decoder=decoder, to_pixels=nn.Sigmoid())


_OURS = ("ReLU, sigmoid output, binary cross-entropy, Adam 1e-3: ours, the sheet leaves them open",)


def _recipe(name: str, network: Network, batch: int, *choices: str, noise: float = 0.0) -> Recipe:
    return Recipe(
        name=f"purdue/{name}",
        task=DENOISE if noise else RECONSTRUCT,
        network=network,
        data=Data("mnist", noise=noise),
        objective="bce",
        schedule=Schedule(epochs=150, batch_size=batch),
        choices=(*_OURS, f"batch {batch}: ours", *choices),
    )


RECIPES = (
    _recipe("dense", dense, 256),
    _recipe("conv", conv, 128),
    _recipe("denoise", conv, 128, "the network of part 2: ours", "fresh noise every epoch: ours", noise=0.25),
)

if __name__ == "__main__":
    print("this file holds recipes; train them with: aezoo train purdue")
