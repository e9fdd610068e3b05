"""Images: pixels, labels and where they come from, as a value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

LUMA = (0.2989, 0.5870, 0.1140)  # of red, green and blue: ITU-R BT.601, as TensorFlow rounds it


@dataclass(frozen=True)
class Images:
    """One split of a data set, in its published order.

    pixels      uint8 (N, C, H, W)
    labels      uint8 (N,)
    provenance  one clause that goes beside every figure and picture made from them
    classes     the names that the labels count, where they have any
    """

    dataset: str
    split: str
    pixels: np.ndarray
    labels: np.ndarray
    provenance: str
    licence: str
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.pixels.dtype == np.uint8 and self.pixels.ndim == 4, (self.pixels.dtype, self.pixels.shape)
        assert self.labels.shape == self.pixels.shape[:1], (self.labels.shape, self.pixels.shape)

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def take(self, rows: np.ndarray | slice) -> Images:
        """Return some of the images, in that order."""
        return replace(self, pixels=self.pixels[rows], labels=self.labels[rows])

    def part(self, split: str, rows: slice) -> Images:
        """Return some of the images as a split of that name."""
        return replace(self.take(rows), split=split)

    @cached_property
    def sha256(self) -> str:
        """The hash of the pixels, which names the very images that a model saw."""
        return hashlib.sha256(np.ascontiguousarray(self.pixels).data).hexdigest()

    @property
    def digest(self) -> str:
        """The hash of pixels and labels."""
        labels = hashlib.sha256(np.ascontiguousarray(self.labels).data).hexdigest()
        return f"{self.sha256} {labels}"
