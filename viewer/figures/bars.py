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
class BarsFigure(Figure):
    """A bar from zero for each value, float32 (D,); what is not finite has none, and the chosen one stands out.

    before      the values before some were changed, which are shown beside the new ones
    low, high   of the vertical axis: the same for all samples
    below       what the bars are
    texts       what is said of each, where it is not a unit
    """

    theme: Theme
    values: np.ndarray
    low: float
    high: float
    title: str = ""
    chosen: int | None = None
    before: np.ndarray | None = None
    below: str = ""
    texts: tuple[str, ...] = ()

    @cached_property
    def axis(self) -> ticks.Axis:
        finite = self.values[np.isfinite(self.values)]
        ends = [0.0, self.low, self.high, *((float(finite.min()), float(finite.max())) if finite.size else ())]
        return ticks.linear_axis(min(ends), max(ends))

    def axes(self, paper: Paper) -> Axes:
        """Return the axes in what title, labels and the line below leave; bars are not on the horizontal one."""
        line = paper.metrics.height()
        plot = plot_in(paper, self.axis, above=1.5 * line, below=line + 4, right=2, gap=8)
        return Axes(self.theme, plot, ticks.Axis(0, 1, False, ()), self.axis)

    def hit(self, point: QPointF, paper: Paper) -> int | str | None:
        """Return the unit whose bar is above or below a point, or what is said of the bar."""
        plot = self.axes(paper).plot
        pitch = self._pitch(plot)
        unit = math.floor((point.x() - plot.left()) / pitch) if pitch > 0 else -1
        if not plot.contains(point) or not 0 <= unit < len(self.values):
            return None
        return self.texts[unit] if self.texts else unit

    def _pitch(self, plot: QRectF) -> float:
        return min(WIDEST_BAR, plot.width() / max(1, len(self.values)))

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint title, ticks with their lines, bars, and what these are."""
        axes = self.axes(paper)
        if axes.is_too_small:
            return
        paper.write(painter, self.title, self.theme.colour("muted"))
        foot = QRectF(axes.plot.left(), axes.plot.bottom() + 2, axes.plot.width(), paper.metrics.height())
        painter.drawText(foot, Qt.AlignmentFlag.AlignHCenter, self.below)
        axes.paint_rows(painter, paper)
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


def histogram(
    theme: Theme, values: np.ndarray, low: float, high: float, title: str = "", chosen: int | None = None
) -> BarsFigure:
    """Return how many of very many values, float32 (D,), lie where; what lies outside is in the bins at the ends."""
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    counts, edges = np.histogram(np.clip(values[np.isfinite(values)], low, high), BINS, (low, high))
    bins = [f"{count:,} values from {edges[n]:.4g} to {edges[n + 1]:.4g}" for n, count in enumerate(counts.tolist())]
    own = values[chosen] if chosen is not None and math.isfinite(values[chosen]) else None
    bin_of_own = None if own is None else min(BINS - 1, max(0, math.floor((own - low) / (high - low) * BINS)))
    below = f"value, {low:.3g} … {high:.3g}"
    return BarsFigure(theme, counts, 0, max(1, counts.max()), title, bin_of_own, None, below, tuple(bins))
