"""What the pictures say in figures: mean squared error and PSNR of every image, on [0, 1] pixels."""

from __future__ import annotations

import numpy as np


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
