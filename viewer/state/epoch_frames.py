"""A run's pictures of all epochs beside their targets, with the errors that scrubbing writes, computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from viewer.state import formatting
from viewer.state.epochs import Epochs


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

    `targets` are float32 (N, C, H, W) in [0, 1]. Takes 20 ms for 100 epochs of ten MNIST images, so not in a slot.
    """
    if targets is None:
        return "The history has pictures of its epochs, but no images that they should be."
    made = epochs.pictures
    count = min(made.shape[1], len(targets))
    if made.shape[2:] != targets.shape[1:] or not count:
        return "The pictures of the epochs have another shape than the images that they should be."
    kept = Epochs(epochs.numbers, np.ascontiguousarray(made[:, :count]))
    wanted = np.round(targets[:count] * 255).astype(np.uint8)
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
