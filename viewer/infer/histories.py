"""What the worker makes of a history.h5: all that the panels need at once, or the pictures of every epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from viewer.infer.requests import EPOCHS_BYTES
from viewer.state import epochs
from zoo import runs
from zoo.errors import FileRefused

Reply = tuple[dict[str, Any], Mapping[str, np.ndarray]]


def read_history(data: bytes, label: str) -> Reply:
    """Read history.h5; the newest pictures go on, those of earlier epochs stay."""
    history = runs.unpack_history(data, source=label)
    arrays = dict(history.arrays)
    arrays.pop(runs.STEP_LOSS, None)
    pictures = arrays.get(runs.EPOCH_RECONSTRUCTIONS)
    if pictures is not None:
        arrays[runs.EPOCH_RECONSTRUCTIONS] = pictures[-1:]
    return {"kind": "done", "meta": dict(history.meta)}, arrays


def read_epochs(data: bytes, label: str) -> Reply:
    """Read what a run made of its samples in every epoch, or in as many as can be sent. Raises FileRefused."""
    pictures = runs.unpack_history(data, source=label).arrays.get(runs.EPOCH_RECONSTRUCTIONS)
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
    header = {"kind": "done", "epochs": [int(index) + 1 for index in chosen]}
    return header, {"reconstructions": np.ascontiguousarray(pictures[chosen])}


def _spread(count: int, *, most: int) -> np.ndarray:
    """Return at most so many indices, evenly spread with the first and the last; where one is to be had, the last."""
    if most >= count:
        return np.arange(count)
    return np.array([count - 1][:most]) if most < 2 else np.linspace(0, count - 1, most).round().astype(int)
