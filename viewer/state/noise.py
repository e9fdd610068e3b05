"""The noise of the noise panel: one fixed seeded tensor that the slider only scales, so the picture stands still."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

SEED = 0
STEPS = 100  # of the slider, over sigma 0 to 1
DEFAULT_SIGMA = 0.25
COUNT = 10  # images with noise of their own; those behind them get the same again


@lru_cache(maxsize=4)
def tensor(shape: tuple[int, ...]) -> np.ndarray:
    """Return standard normal noise of this shape, float32; the same for ever."""
    return np.random.default_rng(SEED).standard_normal(shape, dtype=np.float32)


def add(images: np.ndarray, sigma: float) -> np.ndarray:
    """Return the images, float32 in [0, 1], with noise of this standard deviation, clipped to [0, 1]."""
    few = tensor((min(len(images), COUNT), *images.shape[1:]))
    more = few if len(images) <= COUNT else np.resize(few, images.shape)
    noisy: np.ndarray = np.clip(images + np.float32(sigma) * more, 0, 1, dtype=np.float32)
    return noisy


def starting_sigma(trained_with: float) -> float:
    """Return where the slider starts: at the noise the run was trained with, if any."""
    return round(min(trained_with, 1.0) * STEPS) / STEPS if trained_with > 0 else DEFAULT_SIGMA
