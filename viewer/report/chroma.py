"""How far colours are off, told apart from how far brightness is: what a grey photograph does not hold at all."""

from __future__ import annotations

import numpy as np

from zoo.data.images import LUMA

_BLUE, _RED = 0.5 / (1 - LUMA[2]), 0.5 / (1 - LUMA[0])  # so that Cb and Cr go from -0.5 to 0.5 (ITU-R BT.601)


def split(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return luma (N, H, W) and chroma (N, 2, H, W), Cb and Cr, of colour images (N, 3, H, W) in [0, 1]."""
    luma = np.tensordot(images.astype(np.float64), np.array(LUMA), axes=(1, 0))
    return luma, np.stack([_BLUE * (images[:, 2] - luma), _RED * (images[:, 0] - luma)], axis=1)


def error(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Return the mean squared error of Cb and Cr; that of grey images is the colours' own mean square."""
    return float(np.mean((split(outputs)[1] - split(targets)[1]) ** 2))


def luma_error(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Return the mean squared error of the luma, which is what goes into a colouriser."""
    return float(np.mean((split(outputs)[0] - split(targets)[0]) ** 2))


def strength(images: np.ndarray) -> float:
    """Return how colourful images are: the root mean square of Cb and Cr, 0 of grey ones."""
    return float(np.sqrt(np.mean(split(images)[1] ** 2)))
