"""Bottlenecks as pictures: every sample's tiling, the chosen one's values large, and what the decoder makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PySide6.QtCore import QRectF, Qt

from viewer.figures import colours
from viewer.figures.arrange import Paragraph, TextLine
from viewer.figures.bars import MOST_BARS, BarsFigure, HistogramFigure
from viewer.figures.image_grid import ImageGrid, Mark
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import Scale
from viewer.state import formatting, tiles
from viewer.state.tiles import Grid

SPACE = 8.0  # between parts
SHARE = 0.36  # of the height, for the decoder's pictures below the values
SHARE_WITH_SWEEP = 0.26
ROWS_SHARE = 0.6  # of the height, for rows of tilings of several runs above the large ones
LOWEST_LARGE = 60.0
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

    def scale(self) -> Scale:
        return Scale(formatting.number(self.low, 3), formatting.number(self.high, 3), self.table, "value")


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


def strip(theme: Theme, shown: Tilings, chosen: int) -> ImageGrid:
    """Return the tilings of all samples in a row."""
    return ImageGrid(theme, shown.pictures, columns=len(shown.pictures), chosen=chosen)


def as_tiling(theme: Theme, shown: Tilings, chosen: Chosen) -> dict[str, Figure]:
    """Return the chosen sample's tiling, and its chosen feature map if there are maps."""
    single = {"map": _single(theme, shown, chosen)} if shown.maps else {}
    return {"stage": _tiling(theme, shown, chosen), **single, **line(theme, shown, chosen)}


def _tiling(theme: Theme, shown: Tilings, chosen: Chosen) -> ImageGrid:
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


def compared_parts(
    theme: Theme, runs: Sequence[tuple[str, str, Tilings | None, str]], chosen: int, current: int, mine: Chosen | None
) -> dict[str, Figure]:
    """Return several runs' tilings, a row each, and below them the chosen sample's large.

    `runs` are (name, colour, tilings, sentence) each, the sentence for a run without; `mine` holds what is changed in
    the current one.
    """
    parts: dict[str, Figure] = {}
    for index, (name, colour, shown, sentence) in enumerate(runs):
        if shown is None:
            parts[f"head {index}"] = Paragraph(theme, f"{name}: {sentence}" if sentence else name, colour)
            continue
        rows, columns = shown.grid.shape
        size = formatting.shape(shown.shape)
        text = f"{name}, {size}" + (f" as {rows}×{columns}" if shown.maps else "")
        parts[f"head {index}"] = Paragraph(theme, text, colour)
        parts[f"row {index}"] = ImageGrid(theme, shown.pictures, columns=len(shown.pictures), chosen=chosen)
        if index == current and mine is not None:
            parts[f"large {index}"] = replace(_tiling(theme, shown, mine), titles=(name,))
        elif chosen < len(shown.pictures):
            parts[f"large {index}"] = ImageGrid(theme, shown.pictures[chosen, None], titles=(name,))
    return parts


def as_maps(theme: Theme, shown: Tilings, chosen: Chosen) -> dict[str, Figure]:
    """Return all feature maps of the chosen sample, with their numbers."""
    count = min(shown.maps, MOST_MAPS)
    positions = [(tiles.position_in_map(shown.shape, unit), colour) for unit, colour in _marked(chosen)]
    sheet = ImageGrid(
        theme,
        shown.coloured(chosen.values[:count]),
        titles=tuple(str(index + 1) for index in range(count)),
        chosen=chosen.map,
        marks=tuple(Mark(index, row, column, colour) for (index, row, column), colour in positions if index < count),
    )
    return {"stage": sheet, **line(theme, shown, chosen)}


def as_bars(theme: Theme, shown: Tilings, chosen: Chosen) -> dict[str, Figure]:
    """Return a bar for each value of the chosen sample, or a histogram of too many."""
    flat = chosen.values.reshape(-1)
    title = unit_line(shown, chosen) or f"the {len(flat):,} values of sample {chosen.sample + 1}"
    if len(flat) > MOST_BARS:
        return {"stage": HistogramFigure(theme, flat, shown.low, shown.high, title, chosen.unit)}
    before = shown.values[chosen.sample].reshape(-1)
    return {"stage": BarsFigure(theme, flat, shown.low, shown.high, title, chosen.unit, before)}


def line(theme: Theme, shown: Tilings, chosen: Chosen) -> dict[str, Figure]:
    """Return the line on the chosen unit."""
    return {} if chosen.unit is None else {"line": TextLine(theme, unit_line(shown, chosen))}


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
    return ImageGrid(theme, colours.from_images(images), captions=captions, columns=len(images), chosen=nearest)


# ---- where they stand ----


def arrange(parts: Named, paper: Paper) -> dict[str, QRectF]:
    """Place strip, stage, map and scale below one another; the decoder's pictures below, or beside in wide rooms."""
    rect = paper.rect
    placing = _Placing(parts, paper)
    wide = "decoded" in parts and rect.width() > WIDE * rect.height()
    rest = QRectF(rect)
    if "sweep" in parts:
        tall = placing.height("sweep", rect.width(), 0.24 * rect.height())
        rest.setBottom(rest.bottom() - tall - SPACE)
    if wide:
        left = QRectF(rest.left(), rest.top(), math.floor(rest.width() * 0.58), rest.height())
        right = QRectF(left.right() + 2 * SPACE, rest.top(), rest.right() - left.right() - 2 * SPACE, rest.height())
        bottom = max(placing.values(left), placing.put("decoded", right))
    elif "decoded" in parts:
        share = SHARE_WITH_SWEEP if "sweep" in parts else SHARE
        tall = placing.height("decoded", rest.width(), share * rect.height())
        upper = rest.adjusted(0, 0, 0, -tall - SPACE)
        below = placing.values(upper) + SPACE
        bottom = placing.put("decoded", QRectF(rest.left(), below, rest.width(), tall))
    else:
        bottom = placing.values(rest)
    if "sweep" in parts:
        placing.put("sweep", QRectF(rect.left(), bottom + SPACE, rect.width(), 0.24 * rect.height()))
    return placing.made


class _Placing:
    """Puts parts where they find room and remembers where that was."""

    def __init__(self, parts: Named, paper: Paper) -> None:
        self.parts, self.paper = parts, paper
        self.made: dict[str, QRectF] = {}

    def height(self, name: str, width: float, limit: float) -> float:
        """The height that a part takes, at most `limit`."""
        part = self.parts[name]
        if isinstance(part, ImageGrid):
            return min(limit, part.used(self.paper.at(QRectF(0, 0, width, limit))).height())
        if isinstance(part, Paragraph):
            flags = int(Qt.TextFlag.TextWordWrap)
            return min(limit, self.paper.metrics.boundingRect(QRectF(0, 0, width, limit), flags, part.text).height())
        return limit

    def put(self, name: str, room: QRectF) -> float:
        """Put a part at the top of a room and return where it ends."""
        tall = self.height(name, room.width(), room.height())
        self.made[name] = QRectF(room.left(), room.top(), room.width(), tall)
        return self.made[name].bottom()

    def values(self, room: QRectF) -> float:
        """Put the samples' tilings, the chosen one's values and the scale into a room; return where they end."""
        top, line = room.top(), self.paper.line
        if "stage" not in self.parts:
            return self._rows(room)
        if "strip" in self.parts:
            top = self.put("strip", QRectF(room.left(), top, room.width(), 0.28 * room.height())) + SPACE
        lines = sum(name in self.parts for name in ("line", "scale")) * (line + 2)
        return self._lines(room, self._stage(QRectF(room.left(), top, room.width(), room.bottom() - top - lines)))

    def _lines(self, room: QRectF, bottom: float) -> float:
        """Put the line on the chosen unit and the scale below what ends at `bottom`."""
        line = self.paper.line
        for name in ("line", "scale"):
            if name in self.parts:
                self.made[name] = QRectF(room.left(), bottom + 2, room.width(), line)
                bottom = self.made[name].bottom()
        return bottom

    def _rows(self, room: QRectF) -> float:
        """Put runs below one another, and the chosen sample of each beside one another below them."""
        line = self.paper.line
        heads = [name for name in self.parts if name.startswith("head")]
        large = [name for name in self.parts if name.startswith("large")]
        lines = sum(name in self.parts for name in ("line", "scale")) * (line + 2)
        upper = (room.height() - lines) * (ROWS_SHARE if large else 1)
        tall = max(0.0, upper / max(1, len(heads)) - line - SPACE)
        top = room.top()
        for head in heads:
            row = head.replace("head", "row")
            top = self.put(head, QRectF(room.left(), top, room.width(), line if row in self.parts else tall + line))
            if row in self.parts:
                top = self.put(row, QRectF(room.left(), top + 2, room.width(), tall)) + SPACE
        below = QRectF(room.left(), top, room.width(), room.bottom() - top - lines)
        if large and below.height() > LOWEST_LARGE:
            width = (below.width() - SPACE * (len(large) - 1)) / len(large)
            for column, name in enumerate(large):
                left = below.left() + column * (width + SPACE)
                top = max(top, self.put(name, QRectF(left, below.top(), width, below.height())))
        return self._lines(room, top)

    def _stage(self, room: QRectF) -> float:
        stage = self.parts["stage"]
        if "map" not in self.parts or not isinstance(stage, ImageGrid):
            return self.put("stage", room)
        first = QRectF(room.left(), room.top(), math.floor(room.width() * 0.56), room.height())
        used = stage.used(self.paper.at(first))
        left = room.left() + max(used.width(), room.width() * 0.3) + 2 * SPACE
        first.setRight(left - SPACE)
        bottom = self.put("stage", first)
        return max(bottom, self.put("map", QRectF(left, room.top(), room.right() - left, room.height())))


def nearest_step(steps: np.ndarray, value: float) -> int | None:
    """Return the step of a sweep that a value is closest to, None for a value far outside."""
    if not math.isfinite(value) or len(steps) < 2:
        return None
    index = int(np.abs(steps - value).argmin())
    return index if abs(float(steps[index]) - value) <= abs(float(steps[1] - steps[0])) else None
