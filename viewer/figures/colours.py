"""From values to pixels: grey for images, a perceptual scale for bottlenecks, a diverging one for differences."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

Colour = tuple[int, int, int]

# Nine stops of viridis (Smith and van der Walt, CC0): even steps to the eye, and to eyes that see no red or green.
_VIRIDIS = (
    (68, 1, 84),
    (71, 44, 122),
    (59, 81, 139),
    (44, 113, 142),
    (33, 144, 141),
    (39, 173, 129),
    (92, 200, 99),
    (170, 220, 50),
    (253, 231, 37),
)
_NEGATIVE: tuple[Colour, ...] = ((5, 66, 140), (67, 147, 205))  # blue: darker than the target
_POSITIVE: tuple[Colour, ...] = ((233, 120, 60), (165, 30, 15))  # orange to red: brighter than the target
GAP: Colour = (128, 128, 128)  # not a number


@lru_cache(maxsize=8)
def _table(stops: tuple[Colour, ...]) -> np.ndarray:
    """Return 256 colours through evenly spaced stops, uint8 (256, 3)."""
    steps = np.linspace(0, 255, len(stops))
    channels = [np.interp(np.arange(256), steps, [stop[channel] for stop in stops]) for channel in range(3)]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8)


def sequential() -> np.ndarray:
    """Return the table of the bottleneck's scale, uint8 (256, 3)."""
    return _table(_VIRIDIS)


def diverging(neutral: Colour) -> np.ndarray:
    """Return the table of the signed scale: blue below, `neutral` at zero, red above."""
    return _table((*_NEGATIVE, neutral, *_POSITIVE))


def apply_table(values: np.ndarray, low: float, high: float, table: np.ndarray) -> np.ndarray:
    """Colour values (…) by where they lie between low and high, uint8 (…, 3); what is not finite is grey."""
    span = high - low
    with np.errstate(invalid="ignore"):
        share = np.clip((values - low) / span if span > 0 else np.zeros_like(values), 0, 1)
    finite = np.isfinite(values)
    pixels = table[np.round(np.where(finite, share, 0) * 255).astype(np.uint8)]
    pixels[~finite] = GAP
    return pixels


def from_images(images: np.ndarray) -> np.ndarray:
    """Turn images (N, C, H, W) in [0, 1], one channel or three, into uint8 (N, H, W, 3)."""
    pixels = np.round(np.clip(np.nan_to_num(images), 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels.transpose(0, 2, 3, 1), (*_size_of(images), 3)))


def fit(pixels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Bring images (N, H, W, 3) to another size: as many whole times as they fit, in the middle of grey."""
    height, width = pixels.shape[1:3]
    if (height, width) == tuple(size):
        return pixels
    zoom = min(size[0] // height, size[1] // width)
    if zoom < 1:
        return pixels
    larger = pixels.repeat(zoom, axis=1).repeat(zoom, axis=2)
    canvas = np.full((len(pixels), *size, 3), GAP, dtype=np.uint8)
    top, left = (size[0] - zoom * height) // 2, (size[1] - zoom * width) // 2
    canvas[:, top : top + zoom * height, left : left + zoom * width] = larger
    return canvas


def _size_of(images: np.ndarray) -> tuple[int, int, int]:
    count, _, height, width = images.shape
    return count, height, width
