"""Arrays of images as people hold them: as a batch for a network, and a network's images in the same layout again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data.fit import Shape, fit_to_shape
from zoo.errors import DataError

EXPECTED = "(H, W), (H, W, C), (N, H, W), (N, H, W, C) or (N, C, H, W)"
_COLOURS = (1, 3, 4)  # channels that a picture may have: grey, colour, colour with transparency
_RANGE = 1e-6  # by which a float may lie outside [0, 1] by rounding


@dataclass(frozen=True)
class Layout:
    """The axes of an array of images, one letter each: 'HW', 'HWC', 'CHW', 'NHW', 'NHWC' or 'NCHW'."""

    axes: str

    def to_batch(self, images: np.ndarray) -> np.ndarray:
        """Return images of this layout as (N, C, H, W)."""
        images = images if "N" in self.axes else images[None]
        if "C" not in self.axes:
            return images[:, None]
        return images.transpose(0, 3, 1, 2) if self.axes.endswith("C") else images

    def from_batch(self, batch: np.ndarray) -> np.ndarray:
        """Return a batch (N, C, H, W) in this layout; colours come last where it has no axis for them."""
        if "C" not in self.axes and batch.shape[1] == 1:
            batch = batch[:, 0]
        elif "C" not in self.axes or self.axes.endswith("C"):
            batch = batch.transpose(0, 2, 3, 1)
        return np.ascontiguousarray(batch if "N" in self.axes else batch[0])


def layout_of(shape: tuple[int, ...], wanted: Shape) -> Layout:
    """Return the layout of an array that is to become images of the shape `wanted`, (C, H, W). Raises DataError."""
    channels, height, width = wanted
    if len(shape) == 2:
        return Layout("HW")
    if len(shape) == 3:
        if shape[1:] == (height, width):
            return Layout("CHW" if channels == shape[0] > 1 else "NHW")
        return Layout("HWC" if shape[2] in _COLOURS else "CHW" if channels == shape[0] > 1 else "NHW")
    if len(shape) == 4:
        for axes, own in (("NCHW", shape[1:]), ("NHWC", (shape[3], *shape[1:3]))):
            if own == wanted:
                return Layout(axes)
        for colours in ((channels,), _COLOURS):
            for axes, axis in (("NCHW", 1), ("NHWC", 3)):
                if shape[axis] in colours:
                    return Layout(axes)
    raise DataError(f"an array of the shape {shape} holds no images; expected {EXPECTED}")


def to_floats(images: np.ndarray) -> np.ndarray:
    """Return pixels as float32: of uint8 and uint16 the share of the largest value, floats as they are."""
    if images.dtype in (np.uint8, np.uint16):
        return images.astype(np.float32) / np.float32(np.iinfo(images.dtype).max)
    if images.dtype.kind not in "fb":
        raise DataError(
            f"the images are {images.dtype}; expected uint8 (0 to 255: images.astype(np.uint8)) or floats in [0, 1]"
        )
    return images.astype(np.float32, copy=False)


def check_range(images: np.ndarray) -> None:
    """Raise DataError for floats that are no pixels in [0, 1]."""
    low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
    if not (low >= -_RANGE and high <= 1 + _RANGE):  # nan is neither
        way = "np.clip(images, 0, 1)" if not (low >= 0 and high > 2) else "divide them by 255, or pass uint8"
        raise DataError(f"the images' values go from {low:g} to {high:g}; expected [0, 1]: {way}")


def to_images(value: Any, wanted: Shape, *, fit: bool, title: str, pixels: bool = True) -> tuple[np.ndarray, Layout]:
    """Return a batch float32 (N, *wanted), and the layout of what was handed over: an array, or what becomes one.

    fit      crop, scale and grey images of another shape; a list may then hold pictures of several sizes
    title    what takes the images, for messages
    pixels   whether floats must lie in [0, 1]

    Raises DataError.
    """
    if fit and isinstance(value, list | tuple) and value and np.ndim(value[0]) > 1:
        parts = [to_images(each, wanted, fit=True, title=title, pixels=pixels) for each in value]
        layouts = {layout.axes.removeprefix("N") for _, layout in parts}
        return np.concatenate([part for part, _ in parts]), Layout(
            "N" + (layouts.pop() if len(layouts) == 1 else "HWC")
        )
    try:
        images = np.asarray(value)
    except ValueError as error:  # lists of several lengths
        raise DataError("the images have several sizes; add fit=True, or bring them to one size first") from error
    layout = layout_of(images.shape, wanted)
    batch = to_floats(layout.to_batch(images))
    if pixels:
        check_range(batch)
    if batch.shape[1:] == wanted:
        return np.ascontiguousarray(batch), layout
    if not fit:
        axes = layout.axes if "C" in layout.axes or wanted[0] == 1 else f"{layout.axes}C"
        sizes = {"N": "N", **dict(zip("CHW", wanted, strict=True))}
        expected = ", ".join(str(sizes[axis]) for axis in axes)
        raise DataError(
            f"the images have the shape {images.shape}, and {title} takes ({expected}); "
            "add fit=True to crop, scale and colour them to it"
        )
    return np.stack([_fitted(image, wanted) for image in batch]), layout


def _fitted(image: np.ndarray, wanted: Shape) -> np.ndarray:
    if image.shape[0] == 4:
        raise DataError("the images have four channels; drop transparency first: images[..., :3]")
    picture = np.repeat(image, 3, axis=0) if image.shape[0] == 1 else image
    return fit_to_shape(picture.transpose(1, 2, 0), wanted)[0]
