"""What a run made of its ten samples in every epoch: as the worker sends it, and beside its targets with the errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from viewer.state import formatting

MOST = 2000
LAST = 1 << 31


@dataclass(frozen=True, eq=False)
class Epochs:
    """Pictures of some epochs, first and last among them: uint8 (E, N, C, H, W), and which epochs, from 1."""

    numbers: tuple[int, ...]
    pictures: np.ndarray

    def at(self, epoch: int) -> int:
        """Return the index of the newest pictures that are not newer than this epoch; the first before all of them."""
        return max(0, int(np.searchsorted(self.numbers, epoch, side="right")) - 1)


def from_parts(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Epochs:
    """Make Epochs from a worker's reply; raise ValueError for a malformed one."""
    numbers, pictures = header.get("epochs"), arrays.get("reconstructions")
    if pictures is None or not set(arrays) <= {"reconstructions", "targets"} or not are_pictures(pictures):
        raise ValueError("no proper pictures of epochs")
    if not isinstance(numbers, list) or not all(type(n) is int and 1 <= n <= LAST for n in numbers):
        raise ValueError("no proper numbers of epochs")
    if len(numbers) != len(pictures) or len(numbers) > MOST or any(a >= b for a, b in pairwise(numbers)):
        raise ValueError("other epochs than it has pictures of")
    return Epochs(tuple(numbers), pictures)


def are_pictures(array: np.ndarray) -> bool:
    """Return whether an array holds grey or colour pictures of at least one epoch."""
    return array.dtype == np.uint8 and array.ndim == 5 and array.shape[2] in (1, 3) and array.size > 0


@dataclass(frozen=True, eq=False)
class EpochFrames:
    """`targets` uint8 (N, C, H, W); `errors` (E, N), the mean squared errors of [0, 1] pixels; `reach` in [0, 1].

    `reach` is the largest difference of any epoch, so that colours mean the same all the way.
    """

    epochs: Epochs
    targets: np.ndarray
    errors: np.ndarray
    reach: float

    @property
    def first(self) -> int:
        """The first epoch that there are pictures of."""
        return self.epochs.numbers[0]

    @property
    def last(self) -> int:
        """The newest epoch that there are pictures of."""
        return self.epochs.numbers[-1]

    def difference(self, index: int) -> np.ndarray:
        """Return output minus target of one of the kept epochs, the mean over colours, float32 (N, H, W) in [-1, 1]."""
        made, target = (images.astype(np.float32) for images in (self.epochs.pictures[index], self.targets))
        difference: np.ndarray = (made - target).mean(axis=1) / np.float32(255)
        return difference


def epoch_frames_of(epochs: Epochs, targets: np.ndarray | None) -> EpochFrames | str:
    """Return the EpochFrames of what a worker sent, or the sentence for pictures that fit no targets.

    `targets` are uint8 (N, C, H, W). Takes 20 ms for 100 epochs of ten MNIST images, so not in a slot.
    """
    if targets is None:
        return "The history has pictures of its epochs, but no images that they should be."
    made = epochs.pictures
    fits = targets.dtype == np.uint8 and made.shape[2:] == targets.shape[1:]
    count = min(made.shape[1], len(targets)) if fits else 0
    if not count:
        return "The pictures of the epochs have another shape than the images that they should be."
    kept = Epochs(epochs.numbers, np.ascontiguousarray(made[:, :count]))
    wanted = targets[:count]
    errors, reach = [], 0.0
    for pictures in kept.pictures:  # one epoch at a time: all at once would take eight times their memory
        apart = (pictures.astype(np.float32) - wanted) / np.float32(255)
        errors.append(np.square(apart, dtype=np.float64).reshape(count, -1).mean(axis=1))
        reach = max(reach, float(np.abs(apart.mean(axis=1)).max()))
    return EpochFrames(kept, wanted, np.stack(errors), reach)


@dataclass(frozen=True, eq=False)
class EpochFrame:
    """One run at the slider's epoch: the index of the epoch shown, and a note about it."""

    epoch_frames: EpochFrames
    index: int
    note: str

    @property
    def errors(self) -> np.ndarray:
        """The mean squared error of each image, float64 (N,)."""
        errors: np.ndarray = self.epoch_frames.errors[self.index]
        return errors


def frame_at(epoch_frames: EpochFrames, wanted: int) -> EpochFrame:
    """Return the frame at an epoch, or the nearest that is kept."""
    index = epoch_frames.epochs.at(wanted)
    shown = epoch_frames.epochs.numbers[index]
    late = ", the newest" if wanted > epoch_frames.last else ", the nearest kept"
    error = formatting.mse(float(epoch_frames.errors[index].mean()))
    return EpochFrame(epoch_frames, index, f"epoch {shown}{'' if shown == wanted else late}, mse {error}")
