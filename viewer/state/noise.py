"""The noise of the noise lab, seeded and only scaled by the slider, so that the picture stands still; and a baseline.

Every model is measured against the median filter, which knows nothing of what the images are of.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.random  # numpy reads it when it is first used, which would be while a run is selected

SEED = 0
STEPS = 100  # of the slider, over sigma, or the share of pixels, 0 to 1
DEFAULT_SIGMA = 0.25
DEFAULT_SHARE = 0.1
COUNT = 10  # images with noise of their own; those behind them get the same again

Kind = Literal["gaussian", "salt and pepper"]


@lru_cache(maxsize=8)
def tensor(shape: tuple[int, ...]) -> np.ndarray:
    """Return standard normal noise of this shape, float32; the same for ever."""
    return np.random.default_rng(SEED).standard_normal(shape, dtype=np.float32)


@lru_cache(maxsize=8)
def _thresholds(shape: tuple[int, ...]) -> np.ndarray:
    """Return a number in [0, 1) for each pixel, float32: pixels are hit in its order, from both ends."""
    return np.random.default_rng(SEED + 1).random(shape, dtype=np.float32)


def add(images: np.ndarray, sigma: float) -> np.ndarray:
    """Return the images, float32 in [0, 1], with noise of this standard deviation, clipped to [0, 1]."""
    few = tensor((min(len(images), COUNT), *images.shape[1:]))
    more = few if len(images) <= COUNT else np.resize(few, images.shape)
    noisy: np.ndarray = np.clip(images + np.float32(sigma) * more, 0, 1, dtype=np.float32)
    return noisy


def sprinkle(images: np.ndarray, share: float) -> np.ndarray:
    """Return the images (N, C, H, W) with this share of their pixels black or white, half of each.

    A pixel is hit in all its colours. What is hit at one share is hit in the same way at every greater one.
    """
    few = _thresholds((min(len(images), COUNT), 1, *images.shape[2:]))
    thresholds = few if len(images) <= COUNT else np.resize(few, (len(images), 1, *images.shape[2:]))
    peppered = np.where(thresholds < np.float32(share / 2), np.float32(0), images)
    return np.where(thresholds >= np.float32(1 - share / 2), np.float32(1), peppered)


def apply(images: np.ndarray, kind: Kind, strength: float) -> np.ndarray:
    """Return the images with noise of a kind; `strength` is sigma, or the share of pixels that are hit."""
    return add(images, strength) if kind == "gaussian" else sprinkle(images, strength)


def median(images: np.ndarray) -> np.ndarray:
    """Return the images (N, C, H, W) after a median filter of 3×3 pixels, each colour by itself; edges are repeated.

    Nine values are in order of their middle one after 19 comparisons: A. Paeth, Median finding on a 3×3 grid, in
    Graphics Gems, 1990. On ten images of 28×28 that takes 0.12 ms, and sorting 1.4 ms.
    """
    height, width = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    nine = [padded[..., y : y + height, x : x + width] for y in range(3) for x in range(3)]
    for low, high in _EXCHANGES:
        nine[low], nine[high] = np.minimum(nine[low], nine[high]), np.maximum(nine[low], nine[high])
    return nine[4]


_EXCHANGES = (
    *((1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8)),  # the three rows, each in order
    *((0, 3), (5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7), (4, 2), (6, 4), (4, 2)),
)


def starting_sigma(trained_with: float) -> float:
    """Return where the slider starts: at the noise the run was trained with, if any."""
    return round(min(trained_with, 1.0) * STEPS) / STEPS if trained_with > 0 else DEFAULT_SIGMA
