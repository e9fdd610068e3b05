"""A layer's feature maps in figures: of each its smallest and largest value, its mean, how much of it is zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Maps:
    """The maps of one image, float32 (C, H, W), and of each, float64 (C,), what its finite values are.

    A map without a finite value has not-a-number for all but `zeros`, which are shares from 0 to 1.
    """

    values: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    means: np.ndarray
    zeros: np.ndarray
    broken: int  # values that are not finite

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest value of all, (0, 0) where none is finite."""
        known = np.isfinite(self.lows)
        return (float(self.lows[known].min()), float(self.highs[known].max())) if known.any() else (0.0, 0.0)

    @property
    def dead(self) -> int:
        """The number of maps that are zero everywhere."""
        return int(np.count_nonzero(self.zeros == 1))


def measure(values: np.ndarray) -> Maps:
    """Return the figures of maps, float32 (C, H, W), none of the three sizes 0."""
    flat = values.reshape(len(values), -1)
    finite = np.isfinite(flat)
    broken = int(flat.size - np.count_nonzero(finite))
    counts = finite.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        if not broken:
            lows, highs, means = flat.min(axis=1), flat.max(axis=1), flat.mean(axis=1, dtype=np.float64)
        else:
            lows = np.where(finite, flat, np.inf).min(axis=1)
            highs = np.where(finite, flat, -np.inf).max(axis=1)
            means = np.where(finite, flat, 0).sum(axis=1, dtype=np.float64) / counts
    gone = counts == 0
    lows, highs = (np.where(gone, np.nan, ends.astype(np.float64)) for ends in (lows, highs))
    zeros = np.count_nonzero(flat == 0, axis=1) / flat.shape[1]
    return Maps(values, lows, highs, means, zeros, broken)
