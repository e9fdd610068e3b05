"""Bottlenecks as pictures: every sample's tiling, the chosen one's values large, and what the decoder makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PySide6.QtCore import QRectF

from viewer.figures import colours
from viewer.figures.arrange import Paragraph, TextLine, column, row
from viewer.figures.bars import MOST_BARS, BarsFigure, histogram
from viewer.figures.image_grid import ImageGrid, Mark
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import Scale
from viewer.state import formatting, tiles
from viewer.state.tiles import Grid

WIDE = 1.25  # from this shape on the decoder's pictures stand beside the values, not below
MOST_MAPS = 1_024
MOST_MARKS = 400  # outlines of changed units; more would hide what they mark

Named = Mapping[str, Figure]


@dataclass(frozen=True, eq=False)
class Tilings:
    """Every sample's values, float32 (N, …), and their tilings in colour, uint8 (N, rows, columns, 3)."""

    values: np.ndarray
    grid: Grid
    pictures: np.ndarray
    low: float
    high: float
    table: np.ndarray  # of the colours

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample's bottleneck."""
        return tuple(self.values.shape[1:])

    @property
    def count(self) -> int:
        """The number of units."""
        return math.prod(self.shape)

    @property
    def maps(self) -> int:
        """The number of feature maps, 0 of a dense bottleneck."""
        return self.shape[0] if len(self.shape) == 3 else 0

    @cached_property
    def units(self) -> np.ndarray:
        """Which unit each pixel of a tiling is, int64 (rows, columns)."""
        return tiles.units_of(self.grid, self.count)

    def coloured(self, values: np.ndarray) -> np.ndarray:
        """Colour values (…) on the scale of all, uint8 (…, 3)."""
        return colours.apply_table(values, self.low, self.high, self.table)

    def scale(self, theme: Theme) -> Scale:
        return Scale(theme, formatting.number(self.low, 3), formatting.number(self.high, 3), self.table, "value")


@dataclass(frozen=True, eq=False)
class Chosen:
    """What of the tilings is shown large: a sample with its values as they are after changes, a unit, a map."""

    sample: int
    values: np.ndarray
    unit: int | None = None
    map: int = 0
    changed: tuple[int, ...] = ()


def tilings_of(runs: Sequence[tuple[np.ndarray, tuple[int, int] | None]], colour_map: str) -> tuple[Tilings, ...]:
    """Colour the bottlenecks of several runs, (values (N, …), the card's view) each, on one scale for all."""
    ranges, table = [tiles.value_range(values) for values, _ in runs], colours.sequential(colour_map)
    low, high = min((low for low, _ in ranges), default=0.0), max((high for _, high in ranges), default=0.0)
    made = []
    for values, view in runs:
        grid = tiles.grid_of(tuple(values.shape[1:]), view)
        pictures = colours.apply_table(tiles.tile(values, grid), low, high, table)
        made.append(Tilings(values, grid, pictures, low, high, table))
    return tuple(made)


# ---- the parts ----


@dataclass(frozen=True, eq=False)
class TiledRun:
    """A run with its tilings, or the sentence for why it has none."""

    name: str
    colour: str
    shown: Tilings | None
    sentence: str = ""


def parts_of(
    theme: Theme, runs: Mapping[str, TiledRun], sample: int, mine: Chosen | None, view: str
) -> dict[str, Figure]:
    """Return the tilings of all samples, a row a run, and the chosen sample's large, as `view` says.

    `runs` are by what follows the names of their parts; '' is for the current run, of which `mine` holds what is chosen
    and changed: it stands alone, or is one of several.
    """
    parts: dict[str, Figure] = {}
    for key, run in runs.items():
        several, shown = len(runs) > 1, run.shown
        if several:
            parts[f"head{key}"] = Paragraph(theme, _head(run), run.colour)
        if shown is None:
            continue
        parts[f"row{key}"] = ImageGrid(theme, shown.pictures, columns=(len(shown.pictures),), chosen=sample)
        if not key and mine is not None:
            large = LARGE[view](theme, shown, mine)
            parts["large"] = replace(large, titles=(run.name,)) if several and isinstance(large, ImageGrid) else large
        elif sample < len(shown.pictures):
            parts[f"large{key}"] = ImageGrid(theme, shown.pictures[sample, None], titles=(run.name,))
    own = next((run.shown for key, run in runs.items() if not key), None)
    if own is not None and mine is not None:
        if own.maps and view == "grid" and len(runs) == 1:
            parts["map"] = _single(theme, own, mine)
        if mine.unit is not None and view != "bars":
            parts["line"] = TextLine(theme, unit_line(own, mine))
    scale = next((run.shown.scale(theme) for run in runs.values() if run.shown), None)  # one for all
    return parts | ({"scale": scale} if scale and view != "bars" else {})


def _head(run: TiledRun) -> str:
    if run.shown is None:
        return f"{run.name}: {run.sentence}" if run.sentence else run.name
    rows, columns = run.shown.grid.shape
    return f"{run.name}, {formatting.shape(run.shown.shape)}" + (f" as {rows}×{columns}" if run.shown.maps else "")


def _tiling(theme: Theme, shown: Tilings, chosen: Chosen) -> ImageGrid:
    """Return the chosen sample's tiling."""
    picture = shown.coloured(tiles.tile(chosen.values[None], shown.grid))
    marks = [(tiles.pixel_of(shown.grid, unit), colour) for unit, colour in _marked(chosen)]
    rows, columns = shown.grid.shape
    return ImageGrid(
        theme,
        picture,
        titles=(f"sample {chosen.sample + 1}, {rows}×{columns}",),
        marks=tuple(Mark(0, *pixel, colour) for pixel, colour in marks),
    )


def _single(theme: Theme, shown: Tilings, chosen: Chosen) -> ImageGrid:
    single = tiles.single_map(chosen.values[None], 0, chosen.map)
    positions = [(tiles.position_in_map(shown.shape, unit), colour) for unit, colour in _marked(chosen)]
    low, high = (formatting.number(value, 3) for value in tiles.value_range(single))
    return ImageGrid(
        theme,
        shown.coloured(single[None]),
        titles=(f"map {chosen.map + 1} of {shown.maps}, {formatting.shape(single.shape)}",),
        captions=(f"values {low} … {high}",),
        marks=tuple(Mark(0, row, column, colour) for (index, row, column), colour in positions if index == chosen.map),
    )


def _maps(theme: Theme, shown: Tilings, chosen: Chosen) -> Figure:
    """Return all feature maps of the chosen sample, with their numbers."""
    count = min(shown.maps, MOST_MAPS)
    positions = [(tiles.position_in_map(shown.shape, unit), colour) for unit, colour in _marked(chosen)]
    return ImageGrid(
        theme,
        shown.coloured(chosen.values[:count]),
        titles=tuple(str(index + 1) for index in range(count)),
        chosen=chosen.map,
        marks=tuple(Mark(index, row, column, colour) for (index, row, column), colour in positions if index < count),
    )


def _bars(theme: Theme, shown: Tilings, chosen: Chosen) -> Figure:
    """Return a bar for each value of the chosen sample, or a histogram of too many."""
    flat = chosen.values.reshape(-1)
    title = unit_line(shown, chosen) or f"the {len(flat):,} values of sample {chosen.sample + 1}"
    if len(flat) > MOST_BARS:
        return histogram(theme, flat, shown.low, shown.high, title, chosen.unit)
    before = shown.values[chosen.sample].reshape(-1)
    below = f"unit, 1 … {len(flat):,}"
    return BarsFigure(theme, flat, shown.low, shown.high, title, chosen.unit, before, below)


LARGE: Mapping[str, Callable[[Theme, Tilings, Chosen], Figure]] = {"grid": _tiling, "maps": _maps, "bars": _bars}


def unit_line(shown: Tilings, chosen: Chosen) -> str:
    """Say which unit is chosen, its value, and what it was set to."""
    if chosen.unit is None:
        return ""
    before = float(shown.values[chosen.sample].reshape(-1)[chosen.unit])
    after = float(chosen.values.reshape(-1)[chosen.unit])
    text = f"{tiles.unit_name(shown.shape, chosen.unit)}: {formatting.number(before, 3)}"
    return f"{text} → {formatting.number(after, 3)}" if chosen.unit in chosen.changed else text


def _marked(chosen: Chosen) -> list[tuple[int, str]]:
    """Units with outlines, and in what colour; the chosen one last, over the others."""
    marked = [(unit, "warning") for unit in chosen.changed[:MOST_MARKS] if unit != chosen.unit]
    return marked if chosen.unit is None else [*marked, (chosen.unit, "accent")]


def decoded_grid(theme: Theme, before: np.ndarray, after: np.ndarray | None) -> ImageGrid:
    """Show the decoder's outputs (C, H, W) for a bottleneck and for the changed one, with their difference."""
    pixels = colours.from_images(before[None])
    if after is None:
        return ImageGrid(theme, pixels, titles=("decoded",), captions=("",), room_for=3)
    difference = (after.astype(np.float64) - before).mean(axis=0)
    reach = float(np.nanmax(np.abs(difference))) if np.isfinite(difference).any() else 0.0
    signed = colours.apply_table(difference, -reach, reach, colours.diverging(theme.neutral))
    return ImageGrid(
        theme,
        np.stack([pixels[0], colours.from_images(after[None])[0], signed]),
        titles=("decoded", "changed", "difference"),
        captions=("", "", f"±{formatting.number(reach, 2)}"),
    )


def swept_grid(theme: Theme, images: np.ndarray, steps: np.ndarray, nearest: int | None) -> ImageGrid:
    """Show the decoder's outputs (steps, C, H, W) for a unit set to each of `steps`, which are written below."""
    captions = tuple(formatting.number(float(step), 2) for step in steps)
    return ImageGrid(theme, colours.from_images(images), captions=captions, columns=(len(images),), chosen=nearest)


# ---- where they stand ----


def arrange(parts: Named, paper: Paper) -> dict[str, QRectF]:
    """Place runs, what is large and the scale below one another; the decoder's pictures below, or beside in wide rooms.

    The chosen samples of several runs stand beside one another, or that of one beside its chosen map.
    """
    heads = [name for name in parts if name.startswith("head")]
    keys = [name.removeprefix("head") for name in heads] or [""]
    tall, wide = (0.6 / len(keys), 0.97 / len(keys)) if heads else (0.28, 0.56)
    runs = [(column((f"head{key}", 1), (f"row{key}", 0)), tall) for key in keys]
    large = row(*((f"large{key}", wide) for key in keys), ("map", 0))
    values = column(*runs, (large, 0), ("line", 1), ("scale", 1))
    if paper.rect.width() > WIDE * paper.rect.height():
        flow = column((row((values, 0.58), ("decoded", 0)), 0), ("sweep", 0.24))
    else:
        flow = column((values, 0), ("decoded", 0.26 if "sweep" in parts else 0.36), ("sweep", 0.24))
    return flow.place(parts, paper)


def nearest_step(steps: np.ndarray, value: float) -> int | None:
    """Return the step of a sweep that a value is closest to, None for a value far outside."""
    if not math.isfinite(value) or len(steps) < 2:
        return None
    index = int(np.abs(steps - value).argmin())
    return index if abs(float(steps[index]) - value) <= abs(float(steps[1] - steps[0])) else None
