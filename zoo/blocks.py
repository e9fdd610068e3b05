"""Network pieces that several assignments share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.data.images import LUMA


class Output(NamedTuple):
    """What an autoencoder returns.

    `raw` is the decoder's last layer before it becomes pixels: an objective that wants logits, or an
    unclamped error, takes it from here. `logvar` is a variational one's; its bottleneck is then the mean.
    """

    reconstruction: Tensor  # (B, C, H, W), pixels in [0, 1]
    bottleneck: Tensor  # (B, *bottleneck shape)
    raw: Tensor  # (B, C, H, W)
    logvar: Tensor | None = None  # (B, *bottleneck shape)


class ClassifierOutput(NamedTuple):
    """What a classifier returns."""

    logits: Tensor  # (B, classes)
    features: Tensor  # (B, features), what the last layer sees


def conv_relu(
    before: int, after: int, kernel: int = 3, *, padding: int | None = None, stride: int = 1
) -> list[nn.Module]:
    """Return a convolution and ReLU: (B, before, H, W) → (B, after, H, W), where no padding or stride is given."""
    padding = kernel // 2 if padding is None else padding
    return [nn.Conv2d(before, after, kernel, stride=stride, padding=padding), nn.ReLU()]


def conv_relu_pool(before: int, after: int, kernel: int = 3) -> list[nn.Module]:
    """The same and a max-pool, which halves the size: → (B, after, H/2, W/2)."""
    return [*conv_relu(before, after, kernel), nn.MaxPool2d(2)]


def linear_relu(*sizes: int) -> list[nn.Module]:
    """Return perceptrons from each size to the next, each with ReLU: (B, first) → (B, last)."""
    return [layer for size in itertools.pairwise(sizes) for layer in (nn.Linear(*size), nn.ReLU())]


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

    def encode(self, image: Tensor) -> Mapping[str, Tensor]:
        """Return what the encoder's graph gives: the bottleneck."""
        return {"bottleneck": self.encoder(image)}

    def decode(self, bottleneck: Tensor) -> Tensor:
        """Return pixels in [0, 1]."""
        pixels: Tensor = self.to_pixels(self.decoder(bottleneck))
        return pixels

    def forward(self, image: Tensor) -> Output:
        bottleneck = self.encoder(image)
        raw = self.decoder(bottleneck)
        return Output(reconstruction=self.to_pixels(raw), bottleneck=bottleneck, raw=raw)


class Variational(Autoencoder):
    """A variational autoencoder (Kingma & Welling 2014): the encoder ends in a mean and the logarithm of a variance.

    While it is trained the decoder sees mean + exp(logvar / 2)·N(0, 1); otherwise it sees the mean.
    """

    def __init__(
        self, *, encoder: nn.Module, mean: nn.Module, logvar: nn.Module, decoder: nn.Module, to_pixels: nn.Module
    ) -> None:
        super().__init__(encoder=encoder, decoder=decoder, to_pixels=to_pixels)
        self.mean = mean
        self.logvar = logvar
        self.apply(_glorot_uniform)

    def encode(self, image: Tensor) -> Mapping[str, Tensor]:
        hidden = self.encoder(image)
        return {"bottleneck": self.mean(hidden), "logvar": self.logvar(hidden)}

    def forward(self, image: Tensor) -> Output:
        mean, logvar = self.encode(image).values()
        latent = mean + torch.exp(logvar / 2) * torch.randn_like(mean) if self.training else mean
        raw = self.decoder(latent)
        return Output(reconstruction=self.to_pixels(raw), bottleneck=mean, raw=raw, logvar=logvar)


class Classifier(nn.Module):
    """Layers that find features, and a last one that weighs them. Starts as an Autoencoder does."""

    def __init__(self, *, features: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.head = head
        self.apply(_glorot_uniform)

    def with_outputs(self, count: int) -> Classifier:
        """Replace the last layer by a fresh one with so many outputs."""
        assert isinstance(self.head, nn.Linear), self.head
        self.head = nn.Linear(self.head.in_features, count)
        self.head.apply(_glorot_uniform)
        return self

    def forward(self, image: Tensor) -> ClassifierOutput:
        features = self.features(image)
        return ClassifierOutput(logits=self.head(features), features=features)


class Frozen(nn.Module):
    """A trained module that learns no more: no gradients for its weights, its normalisation and dropout at rest."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Frozen:
        return self

    def forward(self, value: Tensor) -> Tensor:
        output: Tensor = self.module(value)
        return output


class UnitClamp(nn.Module):
    """Map the values to pixels by scale and offset, and clamp to [0, 1]: the last step of a network whose output is
    linear. It has no gradient outside, so an objective takes the raw values."""

    def __init__(self, *, scale: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, raw: Tensor) -> Tensor:
        if (self.scale, self.offset) == (1.0, 0.0):
            return raw.clamp(0, 1)
        return (raw * self.scale + self.offset).clamp(0, 1)


class Table(nn.Module):
    """One learned vector a class: a row of pixels (B, 1, 1, classes) that weighs the classes → (B, values)."""

    def __init__(self, classes: int, values: int) -> None:
        super().__init__()
        self.vectors = nn.Linear(classes, values, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        vectors: Tensor = self.vectors(image.flatten(1))
        return vectors


class Beside(nn.Module):
    """What goes in beside what a module makes of it: (B, C, H, W) → (B, C + D, H, W). The skip of a U-Net."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, value: Tensor) -> Tensor:
        return torch.cat([value, self.module(value)], dim=1)


class ColoursOfLuma(nn.Module):
    """Luma Y and the colours R - Y and B - Y → red, green and blue that have this luma: (B, 3, H, W) → the same."""

    def forward(self, value: Tensor) -> Tensor:
        luma, red, blue = value.split(1, dim=1)
        green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1]
        return torch.cat([luma + red, luma + green, luma + blue], dim=1)


class MeanColour(nn.Module):
    """Luma and the logits of 49 kinds of colour → luma and two colours: (B, 50, H, W) → (B, 3, H, W).

    The mean of the kinds' colours, after their distribution was sharpened: the annealed mean of Zhang, Isola & Efros
    2016, equation 5.
    """

    kinds: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kinds", kinds_of_colour(), persistent=False)

    def forward(self, value: Tensor) -> Tensor:
        shares = torch.softmax(value[:, 1:] / COLOUR_TEMPERATURE, dim=1)
        return torch.cat([value[:, :1], functional.conv2d(shares, self.kinds.T[:, :, None, None])], dim=1)


COLOUR_SIDE, COLOUR_STEP = 7, 0.08  # kinds on either axis, and how far apart: what lies further out is rare
COLOUR_TEMPERATURE = 0.38  # Zhang's


def kinds_of_colour() -> Tensor:
    """Return the colours (R - Y, B - Y) of every kind, float32 (49, 2): a square grid around grey."""
    axis = COLOUR_STEP * (torch.arange(COLOUR_SIDE) - (COLOUR_SIDE - 1) / 2)
    return torch.cartesian_prod(axis, axis)


def kind_of_colour(image: Tensor) -> Tensor:
    """Return which kind each pixel's colour is nearest to: (B, 3, H, W) → int64 (B, H, W)."""
    luma = sum(weight * channel for weight, channel in zip(LUMA, image.unbind(1), strict=True))
    steps = (torch.stack([image[:, 0] - luma, image[:, 2] - luma]) / COLOUR_STEP).round()
    row, column = (steps + (COLOUR_SIDE - 1) / 2).clamp(0, COLOUR_SIDE - 1).long().unbind()
    return row * COLOUR_SIDE + column


BLANK = 1e-2  # an image whose deviation is less is blank; a letter's is thirty times as much


def normalize_mean(image: Tensor) -> Tensor:
    """Subtract each image's own mean: (…, C, H, W) → the same."""
    return image - image.mean(dim=(-3, -2, -1), keepdim=True)


def normalize_stddev(image: Tensor) -> Tensor:
    """Divide each image by its own standard deviation (of its values, not of a sample); a blank one stays blank."""
    deviation = normalize_mean(image).square().mean(dim=(-3, -2, -1), keepdim=True).sqrt()
    return image / deviation.clamp(min=BLANK)


def normalise(image: Tensor) -> Tensor:
    """Give each image zero mean and unit standard deviation: (…, C, H, W) → the same."""
    return normalize_stddev(normalize_mean(image))


class Normalise(nn.Module):
    """The same as a layer."""

    def forward(self, image: Tensor) -> Tensor:
        return normalise(image)


def _glorot_uniform(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def parameter_count(network: nn.Module) -> int:
    """Return the number of trainable values."""
    return sum(math.prod(parameter.shape) for parameter in network.parameters() if parameter.requires_grad)
