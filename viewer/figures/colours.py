"""From values to pixels: grey for images, a perceptual scale for bottlenecks, a diverging one for differences."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

Colour = tuple[int, int, int]

# Even steps to the eye, dark to bright: viridis and magma (Smith and van der Walt, CC0), also for eyes that see no red
# or no green; cividis (Nuñez, Anderton and Renslow 2018, public domain), which looks the same to nearly all eyes.
_MAPS = {
    "viridis": "440154 472c7a 3b518b 2c718e 21908d 27ad81 5cc863 aadc32 fde725",
    "grey": "000000 ffffff",
    "magma": "000004 180f3e 451077 721f81 9f2f7f cd4071 f1605d fd9567 fec98d fcfdbf",
    "cividis": "00204d 00336f 39486b 575c6d 707173 8a8779 a69d75 c4b56c e4cf5b ffea46",
}
_NEGATIVE: tuple[Colour, ...] = ((5, 66, 140), (67, 147, 205))  # blue: darker than the target
_POSITIVE: tuple[Colour, ...] = ((233, 120, 60), (165, 30, 15))  # orange to red: brighter than the target
GAP: Colour = (128, 128, 128)  # not a number


@lru_cache(maxsize=8)
def _table(stops: tuple[Colour, ...]) -> np.ndarray:
    """Return 256 colours through evenly spaced stops, uint8 (256, 3)."""
    steps = np.linspace(0, 255, len(stops))
    channels = [np.interp(np.arange(256), steps, [stop[channel] for stop in stops]) for channel in range(3)]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8)


def sequential(name: str = "viridis") -> np.ndarray:
    """Return the table of a colour map for values without a middle, uint8 (256, 3)."""
    red_green_blue = (bytes.fromhex(stop) for stop in _MAPS[name].split())
    return _table(tuple((red, green, blue) for red, green, blue in red_green_blue))


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
    """Turn images (N, C, H, W) in [0, 1] or of bytes, one channel or three, into uint8 (N, H, W, 3)."""
    bytes_already = images.dtype == np.uint8
    pixels = images if bytes_already else np.round(np.clip(np.nan_to_num(images), 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels.transpose(0, 2, 3, 1), (len(images), *images.shape[2:], 3)))


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
