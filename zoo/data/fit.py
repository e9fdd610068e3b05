"""How a picture of any size becomes an image for a network: cropped, scaled by area, made grey where needed."""

from __future__ import annotations

import numpy as np

from zoo.data.images import LUMA

Shape = tuple[int, int, int]


def fit_to_shape(picture: np.ndarray, shape: Shape) -> tuple[np.ndarray, str]:
    """Bring a picture (H, W, 3), uint8 or float32 in [0, 1], to an image of `shape` (C, H, W); and say how.

    The image is float32 in [0, 1]. The middle of the picture in the image's proportions is taken, and each pixel of the
    image is the mean of the area that it covers there.
    """
    channels, height, width = shape
    rows, columns = picture.shape[:2]
    tall, wide = _crop((rows, columns), (height, width))
    top, left = (rows - tall) // 2, (columns - wide) // 2
    middle = picture[top : top + tall, left : left + wide].astype(np.float32)
    middle = middle / np.float32(255) if picture.dtype == np.uint8 else middle
    image = resize_by_area(luma(middle) if channels == 1 else middle, height, width)
    image = image[None] if channels == 1 else image.transpose(2, 0, 1)
    was_grey = bool((picture[..., 0] == picture[..., 1]).all() and (picture[..., 1] == picture[..., 2]).all())
    return np.ascontiguousarray(image, dtype=np.float32), _description(picture.shape[:2], (tall, wide), shape, was_grey)


def _crop(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """The largest part of `size` with the proportions of `wanted`, both (height, width)."""
    if size[0] * wanted[1] > size[1] * wanted[0]:
        return max(1, round(size[1] * wanted[0] / wanted[1])), size[1]
    return size[0], max(1, round(size[0] * wanted[1] / wanted[0]))


def luma(picture: np.ndarray) -> np.ndarray:
    """Return how bright a picture (H, W, 3) is, (H, W): sums, since a product of matrices would wake BLAS's threads."""
    red, green, blue = LUMA
    bright: np.ndarray = red * picture[..., 0] + green * picture[..., 1] + blue * picture[..., 2]
    return bright


def resize_by_area(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return values (H, W, …) as (height, width, …), each the mean of the area that it covers."""
    return _means(_means(values, height, axis=0), width, axis=1)


def _means(values: np.ndarray, count: int, *, axis: int) -> np.ndarray:
    """The means over `count` equal stretches of an axis, whose ends may lie within a value."""
    length = values.shape[axis]
    if length % count == 0:
        parts = values.reshape(*values.shape[:axis], count, length // count, *values.shape[axis + 1 :])
        whole: np.ndarray = parts.mean(axis=axis + 1, dtype=np.float32)
        return whole
    zero = np.zeros_like(np.take(values, [0], axis=axis), dtype=np.float64)
    sums = np.concatenate([zero, np.cumsum(values, axis=axis, dtype=np.float64)], axis=axis)
    ends = np.linspace(0, length, count + 1)
    below = np.minimum(np.floor(ends).astype(int), length - 1)
    part = (ends - below).reshape([-1 if index == axis else 1 for index in range(values.ndim)])
    at_ends = np.take(sums, below, axis=axis) + part * np.take(values, below, axis=axis)
    means: np.ndarray = np.diff(at_ends, axis=axis) * (count / length)
    return means.astype(np.float32)


def _description(size: tuple[int, ...], cropped: tuple[int, int], shape: Shape, was_grey: bool) -> str:
    steps = [f"{size[1]}×{size[0]}"]
    if cropped != size:
        steps.append(f"its middle {cropped[1]}×{cropped[0]}")
    if cropped != shape[1:]:
        steps.append(f"scaled to {shape[2]}×{shape[1]}")
    if shape[0] == 1 and not was_grey:
        steps.append("grey by its luma")
    return ", ".join(steps)
