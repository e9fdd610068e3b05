"""Network pieces that several assignments share."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Output(NamedTuple):
    """What an autoencoder answers.

    `raw` is the decoder's last layer before it becomes pixels: an objective that wants logits, or an
    unclamped error, takes it from here.
    """

    reconstruction: Tensor  # (B, C, H, W), pixels in [0, 1]
    bottleneck: Tensor  # (B, *bottleneck shape)
    raw: Tensor  # (B, C, H, W)


class Autoencoder(nn.Module):
    """An encoder, a decoder, and the step from the decoder's values to pixels.

    Weights start Glorot-uniform and biases at zero (Glorot & Bengio 2010, equation 16), as in Keras: with
    torch's own start a sigmoid network can stay all black for epochs.
    """

    def __init__(self, *, encoder: nn.Module, decoder: nn.Module, to_pixels: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.to_pixels = to_pixels
        self.apply(_glorot_uniform)

    def forward(self, image: Tensor) -> Output:
        bottleneck = self.encoder(image)
        raw = self.decoder(bottleneck)
        return Output(reconstruction=self.to_pixels(raw), bottleneck=bottleneck, raw=raw)


class UnitClamp(nn.Module):
    """Clamp to [0, 1]: the step to pixels of a network whose output is linear. It has no gradient outside, so an
    objective takes the raw values."""

    def forward(self, raw: Tensor) -> Tensor:
        return raw.clamp(0, 1)


def _glorot_uniform(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def bottleneck_shape(network: Autoencoder, image_shape: tuple[int, int, int]) -> tuple[int, ...]:
    """Return the shape of one image's bottleneck; `image_shape` is (C, H, W)."""
    training = network.training
    network.eval()
    with torch.no_grad():
        shape = tuple(network.encoder(torch.zeros(1, *image_shape)).shape[1:])
    network.train(training)
    return shape


def parameter_count(network: nn.Module) -> int:
    """Return the number of trainable values."""
    return sum(math.prod(parameter.shape) for parameter in network.parameters() if parameter.requires_grad)
