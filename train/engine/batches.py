"""Batches: the data set lies on the device as uint8, and a batch is gathered by index. No DataLoader.

Order, noise and distortion are functions of (seed, epoch): an epoch draws the same numbers whether the run was resumed
before it or not, and whatever is trained beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.engine.prepare import Preparation
from zoo.data.images import Images
from zoo.objectives import Batch

_ORDER, _NOISE, _NETWORK, _TEST_NOISE, _SHARES = range(5)
TEST_BATCH = 100  # images; a wide network's values for 500 photographs would take 400 MB


def stream_seed(seed: int, epoch: int, stream: int) -> int:
    """Return a 63-bit seed of its own for every (seed, epoch, stream)."""
    return int(np.random.SeedSequence([seed, epoch, stream]).generate_state(1, np.uint64)[0] >> 1)


def noise_seed(seed: int, epoch: int) -> int:
    """Return the seed of an epoch's noise and distortion."""
    return stream_seed(seed, epoch, _NOISE)


def seed_network(seed: int, epoch: int, share: int = 0) -> None:
    """Seed torch's global generator, which initial weights (epoch 0), dropout and variational noise draw from.

    `share` is a process's rank where several train one network: each draws different numbers.
    """
    torch.manual_seed(stream_seed(seed, epoch, _NETWORK if share == 0 else _SHARES + share))


@dataclass(frozen=True)
class Batches:
    """A training split on the device, cut into `steps_wanted` batches an epoch; None: each image once."""

    pixels: Tensor  # (N, C, H, W) uint8
    labels: Tensor  # (N,) int64
    prepare: Preparation
    batch_size: int
    steps_wanted: int | None = None

    @classmethod
    def of(
        cls, images: Images, prepare: Preparation, *, batch_size: int, device: torch.device, steps: int | None = None
    ) -> Batches:
        pixels, labels = on_device(images, device)
        return cls(pixels, labels, prepare, batch_size, steps)

    @property
    def sizes(self) -> list[int]:
        """Images in each batch of an epoch; the last may be smaller unless `steps_wanted` is given."""
        if self.steps_wanted is not None:
            return [min(self.batch_size, len(self.pixels))] * self.steps_wanted
        whole, rest = divmod(len(self.pixels), self.batch_size)
        return [self.batch_size] * whole + ([rest] if rest else [])

    @property
    def step_count(self) -> int:
        """Batches an epoch."""
        return len(self.sizes)

    def order(self, seed: int, epoch: int) -> Tensor:
        """Return the order of images, (sum of sizes,) int64 on the device: shuffled, repeated as often as needed."""
        shuffle = torch.Generator().manual_seed(stream_seed(seed, epoch, _ORDER))
        count, needed = len(self.pixels), sum(self.sizes)
        rounds = -(-needed // count)
        order = torch.cat([torch.randperm(count, generator=shuffle) for _ in range(rounds)])[:needed]
        return order.to(self.pixels.device)

    def gather(self, index: Tensor, noise: torch.Generator) -> Batch:
        """Return the batch of the images at `index` (B,)."""
        labels = self.labels.index_select(0, index) if self.prepare.reads_labels else self.labels[:0]
        return self.prepare(self.pixels.index_select(0, index), labels, noise, training=True)

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """Yield an epoch's batches, shuffled and with fresh noise."""
        noise = torch.Generator(self.pixels.device).manual_seed(noise_seed(seed, epoch))
        for index in self.order(seed, epoch).split(self.sizes):
            yield self.gather(index, noise)


def on_device(images: Images, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return pixels (uint8) and labels (int64) on the device; on the CPU the pixels are not copied."""
    return torch.from_numpy(images.pixels).to(device), torch.from_numpy(images.labels.astype(np.int64)).to(device)


@dataclass(frozen=True)
class TestSplit:
    """A split to measure on, the same for every run of a recipe: the inputs' noise has a fixed seed."""

    __test__ = False  # not a pytest class

    inputs: Tensor  # (N, C, H, W) float32
    pictures: Tensor  # (N, C, H, W) float32, the wanted outputs as images
    labels: Tensor  # (N,) int64
    prepare: Preparation

    @classmethod
    def of(cls, images: Images, prepare: Preparation, *, device: torch.device) -> TestSplit:
        pixels, labels = on_device(images, device)
        generator = torch.Generator(device).manual_seed(stream_seed(0, 0, _TEST_NOISE))
        batch = prepare.measured(pixels, labels, generator)
        return cls(batch.image, batch.target, batch.label, prepare)

    def __len__(self) -> int:
        return len(self.inputs)

    def batches(self, size: int = TEST_BATCH) -> Iterator[Batch]:
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            label = self.labels[rows]
            target = self.prepare.target(self.pictures[rows], label)
            yield Batch(image=self.inputs[rows], target=target, label=label)
