"""Batches: the data set lies on the device as uint8, and a batch is gathered by index. No DataLoader.

Order and noise are functions of (seed, epoch): an epoch draws the same numbers whether the run was resumed before it
or not, and whatever is trained beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zoo.data.images import Images

_ORDER, _NOISE, _NETWORK, _TEST_NOISE = range(4)


def stream_seed(seed: int, epoch: int, stream: int) -> int:
    """Return a 63-bit seed of its own for every (seed, epoch, stream)."""
    return int(np.random.SeedSequence([seed, epoch, stream]).generate_state(1, np.uint64)[0] >> 1)


def seed_network(seed: int, epoch: int) -> None:
    """Seed what draws from torch's own generator: initial weights (epoch 0) and dropout."""
    torch.manual_seed(stream_seed(seed, epoch, _NETWORK))


@dataclass(frozen=True)
class Batch:
    """Input and target, float32 (B, C, H, W) in [0, 1]."""

    image: Tensor
    target: Tensor


@dataclass(frozen=True)
class Batches:
    """A training split on the device, dealt in batches."""

    pixels: Tensor  # (N, C, H, W) uint8
    batch_size: int
    noise: float

    @classmethod
    def of(cls, images: Images, *, batch_size: int, noise: float, device: torch.device) -> Batches:
        return cls(torch.from_numpy(images.pixels).to(device), batch_size, noise)

    @property
    def sizes(self) -> list[int]:
        """Images in each batch of an epoch; the last may be smaller."""
        whole, rest = divmod(len(self.pixels), self.batch_size)
        return [self.batch_size] * whole + ([rest] if rest else [])

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return len(self.sizes)

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """Deal the split once, shuffled, with fresh noise."""
        device = self.pixels.device
        shuffle = torch.Generator().manual_seed(stream_seed(seed, epoch, _ORDER))
        noise = torch.Generator(device).manual_seed(stream_seed(seed, epoch, _NOISE))
        order = torch.randperm(len(self.pixels), generator=shuffle).to(device)
        for index in order.split(self.batch_size):
            target = to_unit(self.pixels.index_select(0, index))
            yield Batch(image=add_noise(target, self.noise, noise), target=target)


def to_unit(pixels: Tensor) -> Tensor:
    """Map uint8 pixels to float32 in [0, 1]."""
    return pixels.to(torch.float32) / 255  # as every embedder does; times 1/255 rounds differently


def add_noise(image: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Add sigma·N(0, 1) to every pixel and clip to [0, 1]."""
    if sigma == 0:
        return image
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    return (image + sigma * noise).clamp_(0, 1)


@dataclass(frozen=True)
class TestSplit:
    """The test split as every run of a recipe sees it: clean targets, and inputs whose noise is always the same."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    inputs: Tensor  # (N, C, H, W) float32
    targets: Tensor  # (N, C, H, W) float32

    @classmethod
    def of(cls, images: Images, *, noise: float, device: torch.device) -> TestSplit:
        targets = to_unit(torch.from_numpy(images.pixels))
        generator = torch.Generator().manual_seed(stream_seed(0, 0, _TEST_NOISE))
        return cls(add_noise(targets, noise, generator).to(device), targets.to(device))

    def batches(self, size: int = 500) -> Iterator[Batch]:
        for image, target in zip(self.inputs.split(size), self.targets.split(size), strict=True):
            yield Batch(image=image, target=target)
