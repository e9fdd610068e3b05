"""Reads a history.h5 in the worker: all that the panels need at once, or the pictures of every epoch."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from viewer.infer.messages import Arrays
from viewer.infer.requests import EPOCHS_BYTES
from viewer.state import epochs
from zoo import runs
from zoo.errors import FileRefused


class ReplyContent(NamedTuple):
    """What a worker found or computed, without the number of the request: JSON values and arrays."""

    facts: dict[str, Any]
    arrays: Arrays = MappingProxyType({})


def read_history(data: bytes, label: str) -> ReplyContent:
    """Read history.h5; of the pictures of its epochs only the newest are sent."""
    history = runs.unpack_history(data, source=label)
    arrays = dict(history.arrays)
    arrays.pop(runs.STEP_LOSS, None)
    pictures = arrays.get(runs.EPOCH_RECONSTRUCTIONS)
    if pictures is not None:
        arrays[runs.EPOCH_RECONSTRUCTIONS] = pictures[-1:]
    return ReplyContent({"meta": dict(history.meta)}, arrays)


def read_epochs(data: bytes, label: str) -> ReplyContent:
    """Read the reconstructions of every epoch, or of as many as can be sent. Raises FileRefused."""
    history = runs.unpack_history(data, source=label)
    pictures = history.arrays.get(runs.EPOCH_RECONSTRUCTIONS)
    if pictures is None:
        raise FileRefused(f"{label} keeps no pictures of earlier epochs; train the run again to have them")
    if not epochs.are_pictures(pictures):
        raise FileRefused(
            f"{label} keeps pictures of its epochs as {pictures.dtype} {pictures.shape}; expected uint8 (epochs, "
            "images, 1 or 3, height, width): train the run again"
        )
    chosen = _spread(len(pictures), most=min(epochs.MOST, EPOCHS_BYTES // pictures[0].nbytes))
    if not len(chosen):
        raise FileRefused(f"{label} keeps {pictures[0].nbytes / 2**20:.0f} MiB of pictures an epoch, too many to show")
    numbers = history.meta.get(runs.PICTURED_EPOCHS, [*range(1, len(pictures) + 1)])
    if not isinstance(numbers, list) or len(numbers) != len(pictures):
        raise FileRefused(f"{label} does not say of which epochs its pictures are; train the run again")
    facts = {"epochs": [numbers[index] for index in chosen]}
    return ReplyContent(facts, {"reconstructions": np.ascontiguousarray(pictures[chosen])})


def _spread(count: int, *, most: int) -> np.ndarray:
    """Return at most `most` indices, evenly spread from the first to the last; if only one fits, the last."""
    if most >= count:
        return np.arange(count)
    return np.array([count - 1][:most]) if most < 2 else np.linspace(0, count - 1, most).round().astype(int)
