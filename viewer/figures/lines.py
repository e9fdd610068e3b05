"""Lines over any axis from 0 to 1: axes, a legend with the values at a marked position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen, QPolygonF

from viewer.figures import ticks
from viewer.figures.legend import line_pen
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

SAMPLE_WIDTH = 22.0  # of a line in the legend
NARROWEST_PLOT = 240.0  # beside it the legend has a column of its own, else it lies above
WIDEST_NAME = 190.0


@dataclass(frozen=True, eq=False)
class PlotLine:
    """One line through points (x, y); what is not finite is a gap. `now` is its value at the marked position."""

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    dashed: bool = False
    now: float | None = None

    @property
    def usable(self) -> np.ndarray:
        finite: np.ndarray = np.isfinite(self.y)
        return finite


@dataclass(frozen=True, eq=False)
class LinesFigure(Figure):
    """Several lines over x from 0 to 1; `at` is the marked position, `heading` stands above the values there."""

    theme: Theme
    lines: tuple[PlotLine, ...]
    x_label: str
    y_label: str
    at: float | None = None
    heading: str = ""
    x_axis: ticks.Axis = field(default_factory=lambda: ticks.linear_axis(0, 1))

    @cached_property
    def y_axis(self) -> ticks.Axis:
        values_of = [line.y[line.usable] for line in self.lines]
        values = np.concatenate([*values_of, *([line.now] for line in self.lines if _is_finite(line.now))])
        return ticks.linear_axis(float(values.min()), float(values.max())) if values.size else ticks.linear_axis(0, 1)

    # ---- geometry ----

    def _beside(self, paper: Paper) -> float:
        """The width of the legend's column, 0 where it lies above the plot."""
        rect, metrics = paper.rect, paper.metrics
        names = max((metrics.horizontalAdvance(line.name) for line in self.lines), default=0.0)
        width = SAMPLE_WIDTH + 6 + min(WIDEST_NAME, names) + 8 + metrics.horizontalAdvance("≈ 00.0") + 2
        return width if rect.width() - width - 60 >= NARROWEST_PLOT else 0.0

    def plot_rect(self, paper: Paper) -> QRectF:
        """Return where the lines lie: what legend, ticks and labels leave."""
        rect, metrics = paper.rect, paper.metrics
        line, beside = metrics.height(), self._beside(paper)
        left = max(metrics.horizontalAdvance(text) for text in self.y_axis.labels) + 10
        above = 0.0 if beside else self._flowing(paper)[-1].bottom() - rect.top()
        top = above + line + 8
        right = beside + 16 if beside else 12
        return rect.adjusted(left, top, -right, -(2 * line + 12))

    def hit(self, point: QPointF, paper: Paper) -> float | None:
        """Return the position on the axis under a point of the plot, from 0 to 1."""
        plot = self.plot_rect(paper)
        if not plot.adjusted(-8, -8, 8, 8).contains(point) or plot.width() <= 0:
            return None
        share = (point.x() - plot.left()) / plot.width()
        return max(0.0, min(1.0, self.x_axis.low + share * (self.x_axis.high - self.x_axis.low)))

    def _flowing(self, paper: Paper) -> list[QRectF]:
        """Where the legend's entries stand above the plot, from left to right and then below."""
        rect, metrics = paper.rect, paper.metrics
        rects: list[QRectF] = []
        x, y, step = rect.left(), rect.top(), metrics.height() + 2
        for line in self.lines:
            width = SAMPLE_WIDTH + 6 + metrics.horizontalAdvance(_entry(line)) + 16
            if x > rect.left() and x + width > rect.right():
                x, y = rect.left(), y + step
            rects.append(QRectF(x, y, min(width, rect.right() - x), step))
            x += width
        return rects or [QRectF(x, y, 0, 0)]

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint legend, axes and lines inside `rect`."""
        rect, metrics = paper.rect, paper.metrics
        plot = self.plot_rect(paper)
        if plot.width() < 20 or plot.height() < 20:
            return
        self._paint_axes(painter, plot, metrics)
        self._paint_mark(painter, plot)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for line in self.lines:
            self._paint_line(painter, plot, line)
        painter.restore()
        if self._beside(paper):
            column = QRectF(plot.right() + 16, rect.top(), rect.right() - plot.right() - 16, rect.height())
            self._paint_column(painter, column, metrics)
        else:
            for line, row in zip(self.lines, self._flowing(paper), strict=False):
                self._paint_entry(painter, row, metrics, line, _entry(line))

    def _paint_axes(self, painter: QPainter, plot: QRectF, metrics: QFontMetricsF) -> None:
        line = metrics.height()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        close = plot.height() < 1.1 * line * len(self.y_axis.ticks)
        for index, (tick, text) in enumerate(zip(self.y_axis.ticks, self.y_axis.labels, strict=True)):
            y = plot.bottom() - self.y_axis.position(tick) * plot.height()
            painter.setPen(QPen(self.theme.colour("grid"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(self.theme.colour("muted"))
            if not close or index % 2 == 0:
                painter.drawText(QRectF(plot.left() - 106, y - line / 2, 100, line), right, text)
        for tick, text in zip(self.x_axis.ticks, self.x_axis.labels, strict=True):
            x = plot.left() + self.x_axis.position(tick) * plot.width()
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 4))
            painter.drawText(QRectF(x - 40, plot.bottom() + 5, 80, line), Qt.AlignmentFlag.AlignHCenter, text)
        painter.setPen(QPen(self.theme.colour("muted"), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        label = metrics.elidedText(self.y_label, Qt.TextElideMode.ElideRight, plot.width() + 8)
        painter.drawText(QPointF(plot.left(), plot.top() - 8), label)
        below = QRectF(plot.left(), plot.bottom() + line + 6, plot.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self.x_label)

    def _paint_mark(self, painter: QPainter, plot: QRectF) -> None:
        if self.at is None:
            return
        x = plot.left() + self.x_axis.position(self.at) * plot.width()
        painter.setPen(QPen(self.theme.colour("accent"), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))

    def _paint_line(self, painter: QPainter, plot: QRectF, line: PlotLine) -> None:
        painter.setPen(line_pen(painter, line.colour, dashed=line.dashed))
        for start, end in _stretches(line.usable):
            points = [self._point(plot, line.x[i], line.y[i]) for i in range(start, end)]
            if len(points) > 1:
                painter.drawPolyline(QPolygonF(points))
            else:
                self._paint_dot(painter, points[0], line.colour, 1.5)
        if self.at is not None and line.now is not None and _is_finite(line.now):
            self._paint_dot(painter, self._point(plot, self.at, line.now), line.colour, 3.0)

    def _point(self, plot: QRectF, x: float, y: float) -> QPointF:
        across, up = self.x_axis.position(float(x)), self.y_axis.position(float(y))
        return QPointF(plot.left() + across * plot.width(), plot.bottom() - up * plot.height())

    def _paint_dot(self, painter: QPainter, share: QPointF, colour: str, radius: float) -> None:
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QPen(colour).color())
        painter.drawEllipse(share, radius, radius)
        painter.restore()

    def _paint_column(self, painter: QPainter, column: QRectF, metrics: QFontMetricsF) -> None:
        step = metrics.height() + 2
        painter.setPen(self.theme.colour("muted"))
        top = QRectF(column.left(), column.top(), column.width(), step)
        painter.drawText(top, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self.heading)
        room = max(1, math.floor(column.height() / step) - 1)
        shown = self.lines if len(self.lines) <= room else self.lines[: room - 1]
        for index, line in enumerate(shown, start=1):
            row = QRectF(column.left(), column.top() + index * step, column.width(), step)
            value = _written(line.now)
            width = metrics.horizontalAdvance(value) + 8
            name = row.adjusted(0, 0, -width, 0)
            self._paint_entry(painter, name, metrics, line, line.name)
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, value)
        if len(shown) < len(self.lines):
            painter.setPen(self.theme.colour("muted"))
            row = QRectF(column.left(), column.top() + (len(shown) + 1) * step, column.width(), step)
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, f"… and {len(self.lines) - len(shown)} more")

    def _paint_entry(self, painter: QPainter, row: QRectF, metrics: QFontMetricsF, line: PlotLine, text: str) -> None:
        middle = math.floor(row.center().y())  # on whole pixels, so that all are of one width
        painter.setPen(line_pen(painter, line.colour, dashed=line.dashed))
        painter.drawLine(QPointF(row.left(), middle), QPointF(row.left() + SAMPLE_WIDTH, middle))
        rest = row.adjusted(SAMPLE_WIDTH + 6, 0, 0, 0)
        painter.setPen(self.theme.colour("text"))
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, rest.width())
        painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def _entry(line: PlotLine) -> str:
    return f"{line.name}  {_written(line.now)}".rstrip()


def _written(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else "∞" if math.isinf(value) else f"{value:.1f}"


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _stretches(usable: Sequence[bool] | np.ndarray) -> list[tuple[int, int]]:
    """Where values follow one another without a gap: (first, behind the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(usable, dtype=bool), [False]]).astype(int)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
