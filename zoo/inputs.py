"""What goes into a network: pixels from 0 to 1, with noise, in grey, or distorted."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from zoo.data.images import LUMA

NOISE_MEAN, NOISE_DEVIATION = 0.5, 0.15  # of an image of pure noise; nearly none of it is clipped


def to_unit(pixels: Tensor) -> Tensor:
    """Map uint8 pixels to float32 in [0, 1]."""
    return pixels / 255  # as every embedder does; times 1/255 rounds differently


def add_noise(image: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Add sigma·N(0, 1) to every pixel and clip to [0, 1]."""
    if sigma == 0:
        return image
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    return (image + sigma * noise).clamp_(0, 1)


def pure_noise(image: Tensor, generator: torch.Generator) -> Tensor:
    """Return as many images of nothing but noise, N(0.5, 0.15) clipped to [0, 1]."""
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    return (NOISE_MEAN + NOISE_DEVIATION * noise).clamp_(0, 1)


def grey(image: Tensor) -> Tensor:
    """Return the luma of colour images: (B, 3, H, W) → (B, 1, H, W)."""
    red, green, blue = image.unbind(1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)[:, None]


def distort(image: Tensor, generator: torch.Generator, *, bend: float = 0.06) -> Tensor:
    """Turn, shear, scale, shift and bend each image at random: (B, 1, H, W) → the same.

    The bending is a smooth field of displacements, as in Simard, Steinkraus and Platt 2003; 0 leaves affine maps alone.
    """
    count, device = len(image), image.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator, device=device)

    affine = torch.eye(2, 3, device=device) + torch.cat([0.12 * normal(2, 2), 0.06 * normal(2, 1)], dim=2)
    grid = functional.affine_grid(affine, list(image.shape), align_corners=False)
    field = functional.interpolate(bend * normal(2, 5, 5), size=image.shape[2:], mode="bicubic", align_corners=True)
    return functional.grid_sample(image, grid + field.permute(0, 2, 3, 1), align_corners=False)
