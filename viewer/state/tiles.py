"""The geometry of bottlenecks: how the values of one sample become a picture.

A dense bottleneck of 100 values is shown as 10×10; the eight 7×7 maps of a convolution as four rows of two, 28×14.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grid:
    """`rows` × `columns` maps of `height` × `width` values; a dense bottleneck is maps of one value."""

    rows: int
    columns: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the whole picture in values."""
        return self.rows * self.height, self.columns * self.width

    @property
    def maps(self) -> int:
        return self.rows * self.columns


def grid_of(shape: tuple[int, ...], view: tuple[int, int] | None = None) -> Grid:
    """Return the grid for one sample's bottleneck, by the card's view where it fits, near-square otherwise.

    `shape` is (D,) or (C, H, W), without the batch; other ranks are taken as a row of values.
    """
    count, height, width = shape if len(shape) == 3 else (math.prod(shape), 1, 1)
    if view is not None and view[0] * view[1] >= count * height * width > 0:
        rows, rest = divmod(view[0], height)
        columns, other = divmod(view[1], width)
        if rest == other == 0 and rows * columns >= count:
            return Grid(rows, columns, height, width)
    if (count, height, width) == (8, 7, 7):
        return Grid(4, 2, 7, 7)
    columns = max(1, math.ceil(math.sqrt(count * height / width)))
    columns = min(columns, max(1, count))
    return Grid(max(1, math.ceil(count / columns)), columns, height, width)


def tile(values: np.ndarray, grid: Grid) -> np.ndarray:
    """Return pictures (N, rows·height, columns·width) of bottlenecks (N, …); cells left over are not-a-number."""
    samples = len(values)
    flat = values.reshape(samples, -1)
    full = np.full((samples, grid.maps * grid.height * grid.width), np.nan, dtype=np.float32)
    full[:, : flat.shape[1]] = flat
    cells = full.reshape(samples, grid.rows, grid.columns, grid.height, grid.width)
    return cells.transpose(0, 1, 3, 2, 4).reshape(samples, *grid.shape)


def units_of(grid: Grid, count: int) -> np.ndarray:
    """Return which unit each pixel of the tiling is, int64 (rows·height, columns·width); −1 for cells left over."""
    index = np.arange(grid.maps * grid.height * grid.width).reshape(1, -1)
    cells = index.reshape(grid.rows, grid.columns, grid.height, grid.width).transpose(0, 2, 1, 3).reshape(grid.shape)
    return np.where(cells < count, cells, -1)


def pixel_of(grid: Grid, unit: int) -> tuple[int, int]:
    """Return (row, column) of a unit's pixel in the tiling."""
    index, inside = divmod(unit, grid.height * grid.width)
    row, column = divmod(inside, grid.width)
    return (index // grid.columns) * grid.height + row, (index % grid.columns) * grid.width + column


def position_in_map(shape: tuple[int, ...], unit: int) -> tuple[int, int, int]:
    """Return (map, row, column) of a unit of (C, H, W), all from 0."""
    index, inside = divmod(unit, shape[1] * shape[2])
    return index, *divmod(inside, shape[2])


def unit_name(shape: tuple[int, ...], unit: int) -> str:
    """Say which unit of one sample's bottleneck it is; people count from 1."""
    if len(shape) != 3:
        return f"unit {unit + 1}"
    index, row, column = position_in_map(shape, unit)
    return f"map {index + 1}, row {row + 1}, column {column + 1}"


def single_map(values: np.ndarray, sample: int, index: int) -> np.ndarray:
    """Return one feature map (H, W) of a convolutional bottleneck (N, C, H, W)."""
    picture: np.ndarray = values[sample, index]
    return picture


def value_range(values: np.ndarray) -> tuple[float, float]:
    """Return the smallest and largest finite value, (0, 0) where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
