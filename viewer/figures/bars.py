"""The values of one bottleneck: a bar for each, or where they are too many for that, how many lie where."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from viewer.figures.chart import ticks
from viewer.figures.chart.axes import Axes, plot_in
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

MOST_BARS = 1_000
BINS = 60
WIDEST_BAR = 48.0


@dataclass(frozen=True, eq=False)
class _ValuesFigure(Figure):
    """Values, float32 (D,), on a vertical axis; `low` and `high` are their range, the same for all samples."""

    theme: Theme
    values: np.ndarray
    low: float
    high: float
    title: str = ""
    chosen: int | None = None

    @property
    def axis(self) -> ticks.Axis:
        """The vertical axis."""
        raise NotImplementedError

    def axes(self, paper: Paper) -> Axes:
        """Return the axes in what title, labels and the line below leave; bars are not on the horizontal one."""
        line = paper.metrics.height()
        plot = plot_in(paper, self.axis, above=1.5 * line, below=line + 4, right=2, gap=8)
        return Axes(self.theme, plot, ticks.Axis(0, 1, False, ()), self.axis)

    def _paint_frame(self, painter: QPainter, axes: Axes, paper: Paper, below: str) -> None:
        """Paint what stands around the bars: title, ticks with their lines, and what the bars are."""
        paper.write(painter, self.title, self.theme.colour("muted"))
        plot, line = axes.plot, paper.metrics.height()
        foot = QRectF(plot.left(), plot.bottom() + 2, plot.width(), line)
        painter.drawText(foot, Qt.AlignmentFlag.AlignHCenter, below)
        axes.paint_rows(painter, paper)


@dataclass(frozen=True, eq=False)
class BarsFigure(_ValuesFigure):
    """A bar for each value from zero; what is not finite has none.

    `before` holds the values before some were changed, which are shown beside the new ones; the chosen unit stands out.
    """

    before: np.ndarray | None = None

    @cached_property
    def axis(self) -> ticks.Axis:
        finite = self.values[np.isfinite(self.values)]
        ends = [0.0, self.low, self.high, *((float(finite.min()), float(finite.max())) if finite.size else ())]
        return ticks.linear_axis(min(ends), max(ends))

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return the unit whose bar is above or below a point."""
        plot = self.axes(paper).plot
        pitch = self._pitch(plot)
        unit = math.floor((point.x() - plot.left()) / pitch) if pitch > 0 else -1
        return unit if plot.contains(point) and 0 <= unit < len(self.values) else None

    def _pitch(self, plot: QRectF) -> float:
        return min(WIDEST_BAR, plot.width() / max(1, len(self.values)))

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint title, axis and bars."""
        axes = self.axes(paper)
        if axes.is_too_small:
            return
        self._paint_frame(painter, axes, paper, f"unit, 1 … {len(self.values):,}")
        self._paint_chosen(painter, axes.plot)
        before = self.values if self.before is None else self.before
        for unit in np.flatnonzero(self.values != before).tolist():
            self._paint_bar(painter, axes, unit, float(before[unit]), "border")
        for unit, value in enumerate(self.values.tolist()):
            self._paint_bar(painter, axes, unit, value, "warning" if value != before[unit] else "accent")
        axes.paint_across(painter, axes.y_spot(0.0), self.theme.colour("muted"))

    def _paint_bar(self, painter: QPainter, axes: Axes, unit: int, value: float, colour: str) -> None:
        if not math.isfinite(value):
            return
        pitch, zero, y = self._pitch(axes.plot), axes.y_spot(0.0), axes.y_spot(value)
        gap = pitch * 0.2 if pitch > 4 else 0.0
        left = axes.plot.left() + unit * pitch + gap / 2
        painter.fillRect(QRectF(left, min(y, zero), pitch - gap, abs(y - zero)), self.theme.colour(colour))

    def _paint_chosen(self, painter: QPainter, plot: QRectF) -> None:
        if self.chosen is None or not 0 <= self.chosen < len(self.values):
            return
        pitch = self._pitch(plot)
        wide = max(5.0, pitch)
        middle = plot.left() + (self.chosen + 0.5) * pitch
        band = QRectF(middle - wide / 2, plot.top(), wide, plot.height())
        painter.fillRect(band, self.theme.colour("grid"))
        painter.setPen(QPen(self.theme.colour("accent"), 1))
        painter.drawRect(band)


@dataclass(frozen=True, eq=False)
class HistogramFigure(_ValuesFigure):
    """How many of very many values lie where; a line marks the chosen unit's value."""

    @cached_property
    def counted(self) -> tuple[np.ndarray, np.ndarray]:
        """(counts, edges) of the bins."""
        low, high = (self.low, self.high) if self.high > self.low else (self.low - 0.5, self.high + 0.5)
        counts, edges = np.histogram(np.clip(self.values[np.isfinite(self.values)], low, high), BINS, (low, high))
        return counts, edges

    @cached_property
    def axis(self) -> ticks.Axis:
        return ticks.linear_axis(0, max(1, int(self.counted[0].max())))

    def hit(self, point: QPointF, paper: Paper) -> str | None:
        """Say how many values lie in the bin under a point; single units cannot be chosen here."""
        plot = self.axes(paper).plot
        counts, edges = self.counted
        index = math.floor((point.x() - plot.left()) / plot.width() * BINS) if plot.width() > 0 else -1
        if not plot.contains(point) or not 0 <= index < BINS:
            return None
        return f"{counts[index]:,} values from {edges[index]:.4g} to {edges[index + 1]:.4g}"

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint title, axis, bins and the mark."""
        axes, (counts, edges) = self.axes(paper), self.counted
        if axes.is_too_small:
            return
        self._paint_frame(painter, axes, paper, f"value, {edges[0]:.3g} … {edges[-1]:.3g}")
        pitch = axes.plot.width() / BINS
        for index, count in enumerate(counts.tolist()):
            top = axes.y_spot(count)
            bar = QRectF(axes.plot.left() + index * pitch, top, pitch * 0.9, axes.plot.bottom() - top)
            painter.fillRect(bar, self.theme.colour("accent"))
        self._paint_chosen(painter, axes)

    def _paint_chosen(self, painter: QPainter, axes: Axes) -> None:
        if self.chosen is None or not math.isfinite(self.values[self.chosen]):
            return
        edges = self.counted[1]
        share = min(1.0, max(0.0, (float(self.values[self.chosen]) - edges[0]) / (edges[-1] - edges[0])))
        x = axes.plot.left() + share * axes.plot.width()
        axes.paint_upright(painter, x, QPen(self.theme.colour("warning"), 2))
