"""Colourisers that keep the grey values they are given, on CIFAR-10: Maastricht's "try out some ideas", three times.

An image is its luma Y and two colours, R - Y and B - Y; only the colours are to be found, and at half the size, since
the eye and JPEG want them no finer. `colour-luma` does so with two small convolutions. `colour-unet` sees the whole
image and forgets no detail (Ronneberger, Fischer and Brox 2015, with fewer channels and zero padding). `colour-classes`
gives each pixel of the same network a distribution over 49 kinds of colour, so that it need not settle for the pale
mean of several (Zhang, Isola and Efros 2016, without their rebalancing of rare colours). Grey (B, 1, 32, 32) in,
colours (B, 3, 32, 32) out; the bottleneck is Y beside what was found, so that the decoder has nothing to learn.
"""

from __future__ import annotations

from zoo.data.splits import SHUFFLED
from zoo.lazy import blocks, nn
from zoo.recipe import Data, Network, Recipe, Schedule, network
from zoo.tasks import COLOURISE

KINDS = 49
CHANNELS = (24, 48, 96)


def _coloured(finder: nn.Module, decoder: nn.Module) -> blocks.Autoencoder:
    return blocks.Autoencoder(encoder=blocks.Beside(finder), decoder=decoder, to_pixels=blocks.UnitClamp())


@network("conv 32 /2, 64 | 2 colours, upsample 2, grey kept", parameters=19_970, bottleneck=(3, 32, 32))
def luma() -> blocks.Autoencoder:
    """Two small convolutions at half the size."""
    finder = nn.Sequential(
        *blocks.conv_relu(1, 32, stride=2),  # (B, 32, 16, 16)
        *blocks.conv_relu(32, 64),
        nn.Conv2d(64, 2, 3, padding=1),
        nn.Upsample(scale_factor=2),  # (B, 2, 32, 32)
    )
    return _coloured(finder, blocks.ColoursOfLuma())


def _unet(before: int, wide: int, *deeper: int) -> nn.Sequential:
    """(B, before, H, W) → (B, wide, H, W), by way of half the size where there are deeper channels."""
    layers = [*blocks.conv_relu(before, wide), *blocks.conv_relu(wide, wide)]
    if not deeper:
        return nn.Sequential(*layers)
    below = nn.Sequential(nn.MaxPool2d(2), _unet(wide, *deeper), nn.Upsample(scale_factor=2))
    return nn.Sequential(*layers, blocks.Beside(below), *blocks.conv_relu(wide + deeper[0], wide))


def _finder(outputs: int) -> nn.Sequential:
    return nn.Sequential(
        *blocks.conv_relu(1, CHANNELS[0], stride=2),  # (B, 24, 16, 16)
        _unet(CHANNELS[0], *CHANNELS),  # down to (B, 96, 4, 4) and back
        nn.Conv2d(CHANNELS[0], outputs, 1),
        nn.Upsample(scale_factor=2),  # (B, outputs, 32, 32)
    )


@network("conv 24 /2, U-Net 24-48-96 | 2 colours, upsample 2, grey kept", parameters=244_346, bottleneck=(3, 32, 32))
def unet() -> blocks.Autoencoder:
    """Three sizes of image, down to 4×4."""
    return _coloured(_finder(2), blocks.ColoursOfLuma())


@network(
    f"conv 24 /2, U-Net 24-48-96 | {KINDS} kinds of colour, upsample 2, grey kept",
    parameters=245_521,
    bottleneck=(1 + KINDS, 32, 32),
)
def classes() -> blocks.Autoencoder:
    """The same network with one logit a kind of colour."""
    return _coloured(_finder(KINDS), nn.Sequential(blocks.MeanColour(), blocks.ColoursOfLuma()))


def _recipe(kind: str, net: Network, objective: str, *choices: str) -> Recipe:
    return Recipe(
        name=f"plus/colour-{kind}",
        task=COLOURISE,
        network=net,
        data=Data("cifar10", split=SHUFFLED),
        objective=objective,
        schedule=Schedule(epochs=20, batch_size=64),
        choices=(
            "layers, Adam 1e-3, batch 64, 20 epochs: ours",
            "the luma of what comes out is what went in, save where a colour is cut at 0 or 1: ours",
            *choices,
        ),
    )


RECIPES = (
    _recipe("luma", luma, "mse-linear"),
    _recipe("unet", unet, "mse-linear"),
    _recipe(
        "classes",
        classes,
        "colour-classes",
        "49 kinds of colour on a square grid, sharpened by 0.38 before their mean is taken: after Zhang, Isola & Efros",
        "rare colours count no more than others: ours, the paper weighs them",
    ),
)
