"""Grids of pictures in a history: the latent plane, its extremes, one letter of each class; checked and typed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from viewer.state.samples import to_unit

MOST = 4_096  # pictures a grid
MOST_GRIDS = 32


@dataclass(frozen=True, eq=False)
class PictureGrid:
    """Pictures that were made, float32 (N, C, H, W), and what else is known of them; None for what is not there.

    inputs, targets     what went in and what should come out, (N, C, H, W)
    labels, predictions what they should be and what a classifier takes them for, int64 (N,)
    points              of the plane that they were made of, float32 (N, 2)
    """

    images: np.ndarray
    inputs: np.ndarray | None = None
    targets: np.ndarray | None = None
    labels: np.ndarray | None = None
    predictions: np.ndarray | None = None
    points: np.ndarray | None = None

    @property
    def side(self) -> int:
        """Rows and columns of a square grid."""
        return math.isqrt(len(self.images))


def from_arrays(arrays: Mapping[str, np.ndarray]) -> dict[str, PictureGrid]:
    """Return the grids of a history by name; those of an unexpected type or shape are left out."""
    names = sorted({key.split("/")[1] for key in arrays if key.startswith("grids/") and key.count("/") == 2})
    found = {}
    for name in names[:MOST_GRIDS]:
        images = _pictures(arrays.get(f"grids/{name}/images"))
        if images is None:
            continue
        parts = {part: _pictures(arrays.get(f"grids/{name}/{part}"), len(images)) for part in ("inputs", "targets")}
        parts["labels"] = _values(arrays.get(f"grids/{name}/labels"), (len(images),), np.int64)
        parts["predictions"] = _values(arrays.get(f"grids/{name}/verdicts"), (len(images),), np.int64)  # as runs say
        parts["points"] = _values(arrays.get(f"grids/{name}/points"), (len(images), 2), np.float32)
        found[name] = PictureGrid(images=images, **parts)
    return found


def _pictures(array: np.ndarray | None, count: int | None = None) -> np.ndarray | None:
    if array is None or array.ndim != 4 or array.dtype != np.uint8 or array.shape[1] not in (1, 3):
        return None
    return to_unit(array) if 0 < len(array) <= MOST and count in (None, len(array)) else None


def _values(array: np.ndarray | None, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray | None:
    if array is None or array.shape != shape or not np.isfinite(array).all() or np.abs(array).max(initial=0) > 1e6:
        return None
    return array.astype(dtype)
