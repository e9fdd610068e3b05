"""A layer's feature maps, measured and painted: all in a grid, the chosen one large, and the image that went in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF

from viewer.figures import colours
from viewer.figures.arrange import TextLine, column, row
from viewer.figures.image_grid import ImageGrid
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import Scale
from viewer.state import formatting


@dataclass(frozen=True, eq=False)
class Maps:
    """The maps of one image, float32 (C, H, W), and of each, float64 (C,), what its finite values are.

    A map without a finite value has not-a-number for all but `zeros`, which are shares from 0 to 1.
    """

    values: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    means: np.ndarray
    zeros: np.ndarray
    broken: int  # values that are not finite

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest value of all, (0, 0) where none is finite."""
        known = np.isfinite(self.lows)
        return (float(self.lows[known].min()), float(self.highs[known].max())) if known.any() else (0.0, 0.0)

    @property
    def dead(self) -> int:
        """The number of maps that are zero everywhere."""
        return int(np.count_nonzero(self.zeros == 1))


def measure(values: np.ndarray) -> Maps:
    """Return the figures of maps, float32 (C, H, W), none of the three sizes 0."""
    flat = values.reshape(len(values), -1)
    finite = np.isfinite(flat)
    broken = int(flat.size - np.count_nonzero(finite))
    counts = finite.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        if not broken:
            lows, highs, means = flat.min(axis=1), flat.max(axis=1), flat.mean(axis=1, dtype=np.float64)
        else:
            lows = np.where(finite, flat, np.inf).min(axis=1)
            highs = np.where(finite, flat, -np.inf).max(axis=1)
            means = np.where(finite, flat, 0).sum(axis=1, dtype=np.float64) / counts
    gone = counts == 0
    lows, highs = (np.where(gone, np.nan, ends.astype(np.float64)) for ends in (lows, highs))
    zeros = np.count_nonzero(flat == 0, axis=1) / flat.shape[1]
    return Maps(values, lows, highs, means, zeros, broken)


MOST_MAPS = 1_024
MOST_PIXELS = 1_500_000  # of all maps in the grid together: what the largest screens show of them
WIDE = 1.25  # from this shape on the large map stands beside the grid, not above


@dataclass(frozen=True, eq=False)
class ColouredMaps:
    """Maps with their figures and, of the first 1,024, their pictures, uint8 (n, h, w, 3).

    Where all pixels together are more than a screen has, only every `stride`th row and column is in the pictures.
    """

    maps: Maps
    pictures: np.ndarray
    stride: int
    own: bool  # whether each map has a contrast of its own
    table: np.ndarray  # of the colours

    def large(self, index: int) -> np.ndarray:
        """Return one map in colour with all its pixels, uint8 (1, H, W, 3)."""
        return _colour(self.maps, slice(index, index + 1), 1, self.table, own=self.own)


def prepare(values: np.ndarray, colour_map: str, *, own: bool) -> ColouredMaps:
    """Measure and colour maps, float32 (C, H, W): 4 million values take 0.1 s."""
    return recolour(measure(values), colour_map, own=own)


def recolour(maps: Maps, colour_map: str, *, own: bool) -> ColouredMaps:
    """Colour maps on one scale, or each on its own."""
    shown = min(maps.count, MOST_MAPS)
    stride = max(1, math.ceil(math.sqrt(shown * math.prod(maps.values.shape[1:]) / MOST_PIXELS)))
    table = colours.sequential(colour_map)
    return ColouredMaps(maps, _colour(maps, slice(0, shown), stride, table, own=own), stride, own, table)


def _colour(maps: Maps, which: slice, stride: int, table: np.ndarray, *, own: bool) -> np.ndarray:
    values = maps.values[which, ::stride, ::stride]
    if not own:
        return colours.apply_table(values, *maps.range, table)
    lows, highs = (ends[which, None, None].astype(np.float32) for ends in (maps.lows, maps.highs))
    spans = np.where(highs > lows, highs - lows, 1)
    return colours.apply_table((values - lows) / spans, 0.0, 1.0, table)


def parts_of(theme: Theme, shown: ColouredMaps, image: np.ndarray, chosen: int, *, name: str) -> dict[str, Figure]:
    """Return the parts of the figure; `image` is what went in, float32 (C, H, W), and `name` what it is called."""
    maps = shown.maps
    large = ImageGrid(
        theme,
        shown.large(chosen),
        titles=(f"map {chosen + 1} of {maps.count:,}, {formatting.shape(maps.values.shape[1:])}",),
    )
    parts: dict[str, Figure] = {
        "large": large,
        "input": ImageGrid(theme, colours.from_images(image[None]), titles=(name,)),
        "line": TextLine(theme, figures_of(maps, chosen)),
    }
    if maps.count > 1:
        parts["maps"] = ImageGrid(theme, shown.pictures, chosen=chosen)
    if not shown.own:
        low, high = (formatting.number(end, 3) for end in maps.range)
        parts["scale"] = Scale(theme, low, high, shown.table, "value")
    return parts


def figures_of(maps: Maps, index: int) -> str:
    """Say what one map is in figures."""
    low, high, mean = (formatting.number(float(ends[index]), 3) for ends in (maps.lows, maps.highs, maps.means))
    return f"{low} … {high}, mean {mean}, {100 * maps.zeros[index]:.0f} % zero"


def summary(maps: Maps) -> str:
    """Say what all maps are in figures, what is amiss first: a narrow column has no room for the rest."""
    low, high = (formatting.number(end, 3) for end in maps.range)
    parts = [f"{maps.dead:,} of {maps.count:,} maps dead"] if maps.dead else []
    parts += [f"{100 * float(maps.zeros.mean()):.0f} % zero", f"{low} … {high}"]
    if maps.broken:
        parts.append(f"{maps.broken:,} values not finite")
    if maps.count > MOST_MAPS:
        parts.append(f"the first {MOST_MAPS:,} of {maps.count:,} maps")
    return " · ".join(parts)


def arrange(parts: Mapping[str, Figure], paper: Paper) -> dict[str, QRectF]:
    """Place the grid at the left and the large map over the input at the right; in narrow rooms the grid below."""
    if "maps" in parts and paper.rect.width() > WIDE * paper.rect.height():
        large = column(("large", 0.62), ("line", 1), ("input", 0))
        return row((column(("maps", 0), ("scale", 1)), 0.6), (large, 0)).place(parts, paper)
    large = row(("large", 0.6), ("input", 0))
    return column((large, 0.36 if "maps" in parts else 0), ("line", 1), ("maps", 0), ("scale", 1)).place(parts, paper)
