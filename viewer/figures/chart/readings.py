"""The curves of runs by epoch, what they have where a crosshair stands, and the box that shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from viewer.figures.chart.axes import Axes
from viewer.figures.paper import Paper


@dataclass(frozen=True, eq=False)
class Series:
    """One curve: values by epoch from 1; what is not finite is a gap.

    x       where each value stands; None for its epoch
    raw     the values before smoothing, drawn faintly behind
    read    what is read at each epoch, where the curve is drawn on another scale
    note    what the legend says of the run, such as where it has no numbers, or its value at a mark
    best    an epoch that is marked
    band    what other seeds have, low and high (E,) each, drawn faintly behind
    """

    run: str
    part: str
    values: np.ndarray
    colour: str
    dashed: bool
    x: np.ndarray | None = None
    raw: np.ndarray | None = None
    read: np.ndarray | None = None
    note: str = ""
    best: int | None = None
    band: tuple[np.ndarray, np.ndarray] | None = None

    @cached_property
    def positions(self) -> np.ndarray:
        """Where each value stands on the x axis, float64 (E,)."""
        return np.arange(1.0, len(self.values) + 1) if self.x is None else self.x[: len(self.values)]

    @property
    def readable(self) -> np.ndarray:
        return self.values if self.read is None else self.read

    @property
    def unsmoothed(self) -> np.ndarray:
        return self.values if self.raw is None else self.raw


@dataclass(frozen=True)
class Reading:
    """What the crosshair reads of a run: its epoch, and of every part shown its value and where that is drawn."""

    run: str
    colour: str
    epoch: int
    x: float
    values: tuple[float | None, ...]
    drawn: tuple[float | None, ...]

    @property
    def key(self) -> float:
        """What readings are sorted by: the last part, which is validation, or else the first."""
        finite = [value for value in reversed(self.values) if value is not None and math.isfinite(value)]
        return finite[0] if finite else math.inf

    def cells(self, *, with_epoch: bool) -> tuple[str, ...]:
        """What is written of a run beside its name; its epoch where another one than the others' may stand there."""
        values = tuple(map(written, self.values))
        return (str(self.epoch), *values) if with_epoch else values


def read(curves: Sequence[Series], parts: Sequence[str], x: float) -> list[Reading]:
    """Return what every run has nearest to x in these parts, the least first."""
    runs: dict[tuple[str, str], dict[str, Series]] = {}
    for curve in curves:
        runs.setdefault((curve.run, curve.colour), {})[curve.part] = curve
    found = []
    for (run, colour), own in runs.items():
        longest = max(own.values(), key=lambda curve: len(curve.values))
        index = _nearest(longest.positions, x)
        if index is None:
            continue
        shown = [own.get(part) for part in parts]
        drawn = tuple(_at(curve.values, index) if curve else None for curve in shown)
        values = tuple(_at(curve.readable, index) if curve else None for curve in shown)
        if any(value is not None for value in values):
            found.append(Reading(run, colour, index + 1, float(longest.positions[index]), values, drawn))
    return sorted(found, key=lambda reading: reading.key)


def _nearest(xs: np.ndarray, x: float) -> int | None:
    """Return the index of the value nearest to x; None where the curve has not begun or has ended."""
    if not len(xs):
        return None
    index = int(np.argmin(np.abs(xs - x)))
    step = float(xs[-1] - xs[-2]) if len(xs) > 1 and xs[-1] > xs[-2] else float(xs[-1]) or 1.0
    return index if abs(xs[index] - x) <= 0.5 * step + 1e-9 or 0 < index < len(xs) - 1 else None


def _at(values: np.ndarray, index: int) -> float | None:
    return float(values[index]) if index < len(values) else None


def written(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if math.isfinite(value) else "–"  # the legend says of a run that it has no numbers


PADDING, BETWEEN = 7.0, 10.0
ABOVE = 4.0
BESIDE = 8.0  # between the crosshair and the box

BoxRow = tuple[tuple[str, ...], str]  # cells, and their colour


def paint_box(painter: QPainter, axes: Axes, x: float, rows: Sequence[BoxRow], paper: Paper) -> None:
    """Paint rows right of the crosshair at `x`, or left of it where they have no room there."""
    advance, line = paper.metrics.horizontalAdvance, paper.metrics.height()
    widths = [max(map(advance, column)) for column in zip(*(cells for cells, _ in rows), strict=True)]
    box = _box(axes.plot, x, sum(widths) + BETWEEN * (len(widths) - 1) + 2 * PADDING, len(rows) * line + 2 * ABOVE)
    painter.setPen(QPen(axes.theme.colour("border"), 1))
    painter.setBrush(axes.theme.colour("raised"))
    painter.drawRect(box)
    for index, (cells, colour) in enumerate(rows):
        painter.setPen(QPen(QColor(colour)))
        left, base = box.left() + PADDING, box.top() + ABOVE + index * line + paper.metrics.ascent()
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            indent = width - advance(cell) if column else 0.0  # names stand at the left, numbers at the right
            painter.drawText(QPointF(left + indent, base), cell)
            left += width + BETWEEN


def _box(plot: QRectF, x: float, width: float, height: float) -> QRectF:
    beside = x + BESIDE if x + BESIDE + width <= plot.right() else x - BESIDE - width
    return QRectF(max(plot.left() + 2, min(beside, plot.right() - width)), plot.top() + 2, width, height)
