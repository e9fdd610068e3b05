"""Uni Freiburg, Deep Learning Lab 2017, machine learning and computer vision track, exercise 3: on MNIST.

A fully convolutional autoencoder down to two 7×7 feature maps, trained with three learning rates. Its question: which
one, and what does a network that never saw noise make of noisy digits? Image (B, 1, 28, 28) in, reconstruction
(B, 1, 28, 28) out.

The sheet fixes layers, filters, strides, the L2 loss, batch 64, Adam and the rates. It leaves open, and we chose: ReLU
after each 3×3 convolution, transposed and output convolutions linear (clamped to [0, 1] in the graph), and 20 epochs.
At a rate of 0.1 the network may collapse to one image for every digit; that is a result, and is reported as such.
"""

from __future__ import annotations

from zoo.lazy import blocks, nn
from zoo.recipe import Data, Recipe, Schedule, network


@network(
    "conv 8-4-2 | upconv 4, conv 4, upconv 8, conv 8, conv 1×1", parameters=1_359, bottleneck=(2, 7, 7), view=(14, 7)
)
def fully_convolutional() -> blocks.Autoencoder:
    """Convolutions of 3×3, transposed ones of 2×2."""
    encoder = nn.Sequential(
        *blocks.conv_relu_pool(1, 8),  # (B, 8, 14, 14)
        *blocks.conv_relu_pool(8, 4),  # (B, 4, 7, 7)
        *blocks.conv_relu(4, 2),  # (B, 2, 7, 7)
    )
    decoder = nn.Sequential(
        nn.ConvTranspose2d(2, 4, 2, stride=2),  # (B, 4, 14, 14)
        *blocks.conv_relu(4, 4),
        nn.ConvTranspose2d(4, 8, 2, stride=2),  # (B, 8, 28, 28)
        *blocks.conv_relu(8, 8),
        nn.Conv2d(8, 1, 1),  # (B, 1, 28, 28)
    )
    return blocks.Autoencoder(encoder=encoder, decoder=decoder, to_pixels=blocks.UnitClamp())


def _at(learning_rate: float) -> Recipe:
    return Recipe(
        name=f"freiburg/lr-{learning_rate:g}",
        network=fully_convolutional,
        data=Data("mnist"),
        objective="mse-linear",
        schedule=Schedule(epochs=20, batch_size=64, learning_rate=learning_rate),
        choices=(
            "ReLU after each 3×3 convolution, transposed and output convolutions linear: ours",
            "clamped to [0, 1] in the graph, not while training: ours",
            "20 epochs: ours",
        ),
    )


RECIPES = tuple(_at(rate) for rate in (0.1, 0.01, 0.001))

if __name__ == "__main__":
    print("this file holds recipes; train them with: aezoo train freiburg")
