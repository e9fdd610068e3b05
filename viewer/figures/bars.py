"""The values of one bottleneck: a bar for each, or where they are too many for that, how many lie where."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from viewer.figures import ticks
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

MOST_BARS = 1_000
BINS = 60
WIDEST_BAR = 48.0


@dataclass(frozen=True, eq=False)
class BarsFigure(Figure):
    """A bar for each value, float32 (D,), from zero; what is not finite has none.

    `low` and `high` are the ends of the axis, the same for all samples; `before` holds the values before some were
    changed, which are shown beside the new ones; the chosen unit stands out.
    """

    theme: Theme
    values: np.ndarray
    low: float
    high: float
    title: str = ""
    chosen: int | None = None
    before: np.ndarray | None = None

    @cached_property
    def axis(self) -> ticks.Axis:
        finite = self.values[np.isfinite(self.values)]
        ends = [0.0, self.low, self.high, *((float(finite.min()), float(finite.max())) if finite.size else ())]
        return ticks.linear_axis(min(ends), max(ends))

    @property
    def step(self) -> str:
        """What stands below the axis."""
        return f"unit, 1 … {len(self.values):,}"

    def plot_rect(self, paper: Paper) -> QRectF:
        """Return where the bars stand."""
        return _plot(self.axis, paper)

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return the unit whose bar is above or below a point."""
        plot = self.plot_rect(paper)
        pitch = self._pitch(plot)
        unit = math.floor((point.x() - plot.left()) / pitch) if pitch > 0 else -1
        return unit if plot.contains(point) and 0 <= unit < len(self.values) else None

    def _pitch(self, plot: QRectF) -> float:
        return min(WIDEST_BAR, plot.width() / max(1, len(self.values)))

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint title, axis and bars inside `rect`."""
        rect, metrics = paper.rect, paper.metrics
        plot = self.plot_rect(paper)
        if plot.width() < 20 or plot.height() < 20:
            return
        _paint_frame(painter, self.theme, self.axis, rect, plot, metrics, self.title, self.step)
        self._paint_chosen(painter, plot)
        zero = plot.bottom() - self.axis.position(0.0) * plot.height()
        before = self.values if self.before is None else self.before
        for unit in np.flatnonzero(self.values != before).tolist():
            self._paint_bar(painter, plot, zero, unit, float(before[unit]), "border")
        for unit in range(len(self.values)):
            changed = self.values[unit] != before[unit]
            colour = "warning" if changed else "accent"
            self._paint_bar(painter, plot, zero, unit, float(self.values[unit]), colour)
        painter.setPen(QPen(self.theme.colour("muted"), 1))
        painter.drawLine(QPointF(plot.left(), zero), QPointF(plot.right(), zero))

    def _paint_bar(self, painter: QPainter, plot: QRectF, zero: float, unit: int, value: float, colour: str) -> None:
        if not math.isfinite(value):
            return
        pitch = self._pitch(plot)
        gap = pitch * 0.2 if pitch > 4 else 0.0
        y = plot.bottom() - self.axis.position(value) * plot.height()
        left = plot.left() + unit * pitch + gap / 2
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
class HistogramFigure(Figure):
    """How many of very many values, float32 (D,), lie where; a line marks the chosen unit's value."""

    theme: Theme
    values: np.ndarray
    low: float
    high: float
    title: str = ""
    chosen: int | None = None

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
        plot = _plot(self.axis, paper)
        counts, edges = self.counted
        index = math.floor((point.x() - plot.left()) / plot.width() * BINS) if plot.width() > 0 else -1
        if not plot.contains(point) or not 0 <= index < BINS:
            return None
        return f"{counts[index]:,} values from {edges[index]:.4g} to {edges[index + 1]:.4g}"

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint title, axis, bins and the mark inside `rect`."""
        rect, metrics = paper.rect, paper.metrics
        plot = _plot(self.axis, paper)
        if plot.width() < 20 or plot.height() < 20:
            return
        counts, edges = self.counted
        step = f"value, {edges[0]:.3g} … {edges[-1]:.3g}"
        _paint_frame(painter, self.theme, self.axis, rect, plot, metrics, self.title, step)
        pitch = plot.width() / BINS
        for index, count in enumerate(counts):
            tall = self.axis.position(float(count)) * plot.height()
            bar = QRectF(plot.left() + index * pitch, plot.bottom() - tall, pitch * 0.9, tall)
            painter.fillRect(bar, self.theme.colour("accent"))
        self._paint_chosen(painter, plot)

    def _paint_chosen(self, painter: QPainter, plot: QRectF) -> None:
        if self.chosen is None or not math.isfinite(self.values[self.chosen]):
            return
        edges = self.counted[1]
        share = min(1.0, max(0.0, (float(self.values[self.chosen]) - edges[0]) / (edges[-1] - edges[0])))
        x = plot.left() + share * plot.width()
        painter.setPen(QPen(self.theme.colour("warning"), 2))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))


def _plot(axis: ticks.Axis, paper: Paper) -> QRectF:
    """What title, labels and the line below leave of `rect`."""
    rect, metrics = paper.rect, paper.metrics
    line = metrics.height()
    left = max(map(metrics.horizontalAdvance, axis.labels)) + 8
    return QRectF(rect.left() + left, rect.top() + 1.5 * line, rect.width() - left - 2, rect.height() - 2.5 * line - 4)


def _paint_frame(
    painter: QPainter,
    theme: Theme,
    axis: ticks.Axis,
    rect: QRectF,
    plot: QRectF,
    metrics: QFontMetricsF,
    title: str,
    step: str,
) -> None:
    """Paint what stands around the bars: title, ticks with their lines, and what the bars are."""
    line = metrics.height()
    muted, grid = theme.colour("muted"), theme.colour("grid")
    painter.setPen(muted)
    shown = metrics.elidedText(title, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(QPointF(rect.left(), rect.top() + metrics.ascent()), shown)
    below = QRectF(plot.left(), plot.bottom() + 2, plot.width(), line)
    painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, step)
    written = -math.inf
    for tick, text in zip(axis.ticks, axis.labels, strict=True):
        y = plot.bottom() - axis.position(tick) * plot.height()
        _line(painter, grid, plot, y)
        if written == -math.inf or written - y >= line:  # ticks go upwards; in a low plot not all find room
            painter.setPen(muted)
            box = QRectF(rect.left(), y - line / 2, plot.left() - rect.left() - 6, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
            written = y


def _line(painter: QPainter, colour: QColor, plot: QRectF, y: float) -> None:
    painter.setPen(QPen(colour, 1))
    painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
