"""What the pictures say in figures: mean squared error and PSNR of every image; and which figures of files to use."""

from __future__ import annotations

import math

import numpy as np

LARGEST_WHOLE = 1 << 53  # from here on a float skips whole numbers, and nothing that we count is so large

Cell = str | float | int
Numbers = list[tuple[Cell, ...]]  # of an exported table; the first row is the header


def mse(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return the mean squared error of each image, float64 (N,); the images are (N, C, H, W) in [0, 1]."""
    assert targets.shape == outputs.shape, (targets.shape, outputs.shape)
    squares = (outputs.astype(np.float64) - targets) ** 2
    means: np.ndarray = squares.reshape(len(targets), -1).mean(axis=1)
    return means


def psnr(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return the peak signal-to-noise ratio of each image in dB for a peak of 1, infinite where nothing differs."""
    with np.errstate(divide="ignore"):
        ratios: np.ndarray = -10 * np.log10(mse(targets, outputs))
    return ratios


def mean_psnr(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Return the mean over images of their PSNR, as the metrics of a run are."""
    return float(psnr(targets, outputs).mean())


def largest(values: np.ndarray, count: int = 5) -> list[tuple[int, float]]:
    """Return the largest of a row of values, each with its place, the largest first."""
    return [(int(place), float(values[place])) for place in np.argsort(-values, kind="stable")[:count]]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities, float64 (N, classes)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def finite_or_none(value: object) -> float | None:
    """Return a value from a file as a float; None for anything that is no finite number."""
    if isinstance(value, int):
        return float(value) if abs(value) < LARGEST_WHOLE else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def count_or_zero(value: object) -> int:
    """Return a value from a file as a count, 0 for anything that is none."""
    return value if isinstance(value, int) and 0 <= value < LARGEST_WHOLE else 0


def finite_values(values: object) -> dict[str, float]:
    """Return the finite numbers among a file's metrics."""
    if not isinstance(values, dict):
        return {}
    numbers = {str(key): finite_or_none(value) for key, value in values.items()}
    return {key: value for key, value in numbers.items() if value is not None}
