"""Lines over any axis from 0 to 1: axes, a legend with the values at a marked position."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from viewer.figures.chart import legend, series, ticks
from viewer.figures.chart.axes import Axes, plot_in
from viewer.figures.chart.series import joined, line_pen, paint_dot
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

NARROWEST_PLOT = 240.0  # beside it the legend has a column of its own, else it lies above
WIDEST_NAME = 190.0
COLUMN_GAP = 16.0
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


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
    def written(self) -> str:
        """Its value at the marked position."""
        return "" if self.now is None or math.isnan(self.now) else "∞" if math.isinf(self.now) else f"{self.now:.1f}"


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
        now = [line.now for line in self.lines if line.now is not None]
        values = np.concatenate([*(line.y for line in self.lines), now])
        finite = values[np.isfinite(values)]
        return ticks.linear_axis(float(finite.min()), float(finite.max())) if finite.size else ticks.linear_axis(0, 1)

    # ---- geometry ----

    def _column_width(self, paper: Paper) -> float:
        """The width of the legend's column, 0 where it lies above the plot."""
        advance = paper.metrics.horizontalAdvance
        names = max((advance(line.name) for line in self.lines), default=0.0)
        width = legend.BEFORE_NAME + min(WIDEST_NAME, names) + 8 + advance("≈ 00.0") + 2
        return width if paper.rect.width() - width - 60 >= NARROWEST_PLOT else 0.0

    def axes(self, paper: Paper) -> Axes:
        """Return the axes in what legend, ticks and labels leave."""
        line, column = paper.metrics.height(), self._column_width(paper)
        above = 0.0 if column else self._flowing(paper)[-1].bottom() - paper.rect.top()
        right = column + COLUMN_GAP if column else 12
        plot = plot_in(paper, self.y_axis, above=above + line + 8, below=2 * line + 12, right=right)
        return Axes(self.theme, plot, self.x_axis, self.y_axis)

    def hit(self, point: QPointF, paper: Paper) -> float | None:
        """Return the position on the axis under a point of the plot, from 0 to 1."""
        axes = self.axes(paper)
        near = axes.plot.adjusted(-8, -8, 8, 8).contains(point) and axes.plot.width() > 0
        return max(0.0, min(1.0, axes.x_at(point.x()))) if near else None

    def _flowing(self, paper: Paper) -> list[QRectF]:
        """Where the legend's entries stand above the plot, from left to right and then below."""
        advance = paper.metrics.horizontalAdvance
        widths = [legend.BEFORE_NAME + advance(_entry(line)) + 16 for line in self.lines]
        return legend.flow(widths, paper, gap=0) or [QRectF(paper.rect.topLeft(), paper.rect.topLeft())]

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint legend, axes and lines."""
        axes = self.axes(paper)
        if axes.is_too_small:
            return
        rect, column = paper.rect, QRectF(paper.rect)
        column.setLeft(axes.plot.right() + COLUMN_GAP)
        axes.paint_rows(painter, paper)
        axes.paint_columns(painter, paper)
        whole = rect.adjusted(0, 0, axes.plot.right() + 8 - rect.right(), 0)
        axes.paint_labels(painter, paper.at(whole), self.x_label, self.y_label)
        if self.at is not None:
            dots = QPen(self.theme.colour("accent"), 1, Qt.PenStyle.DotLine)
            axes.paint_upright(painter, axes.x_spot(self.at), dots)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for line in self.lines:
            self._paint_line(painter, axes, line)
        painter.restore()
        if self._column_width(paper):
            self._paint_column(painter, paper.at(column))
        else:
            for line, row in zip(self.lines, self._flowing(paper), strict=False):
                self._paint_entry(painter, paper.at(row), line, _entry(line))

    def _paint_line(self, painter: QPainter, axes: Axes, line: PlotLine) -> None:
        drawn = joined(axes.x.positions(line.x), axes.y.positions(line.y))
        series.paint(painter, axes, drawn, line_pen(painter, line.colour, dashed=line.dashed), dot=1.5)
        if self.at is not None and line.now is not None and math.isfinite(line.now):
            paint_dot(painter, axes.spot(self.at, line.now), line.colour, 3.0)

    def _paint_column(self, painter: QPainter, paper: Paper) -> None:
        """Paint the heading, names and values, and how many lines have no room."""
        step = paper.metrics.height() + 2
        row = QRectF(paper.rect.left(), paper.rect.top(), paper.rect.width(), step)
        room = max(1, math.floor(paper.rect.height() / step) - 1)
        shown = self.lines if len(self.lines) <= room else self.lines[: room - 1]
        painter.setPen(self.theme.colour("muted"))
        painter.drawText(row, _RIGHT, self.heading)
        for line in shown:
            row.translate(0, step)
            value = paper.metrics.horizontalAdvance(line.written) + 8
            self._paint_entry(painter, paper.at(row.adjusted(0, 0, -value, 0)), line, line.name)
            painter.drawText(row, _RIGHT, line.written)
        if len(shown) < len(self.lines):
            painter.setPen(self.theme.colour("muted"))
            rest = f"… and {len(self.lines) - len(shown)} more"
            painter.drawText(row.translated(0, step), Qt.AlignmentFlag.AlignVCenter, rest)

    def _paint_entry(self, painter: QPainter, paper: Paper, line: PlotLine, text: str) -> None:
        start = QPointF(paper.rect.left(), math.floor(paper.rect.center().y()))  # whole pixels: all of one width
        legend.paint_sample(painter, start, line.colour, dashed=line.dashed)
        rest = paper.rect.adjusted(legend.BEFORE_NAME, 0, 0, 0)
        paper.at(rest).write(
            painter,
            text,
            self.theme.colour("text"),
            centred=True,
            keep_ends=True,
        )


def _entry(line: PlotLine) -> str:
    return f"{line.name}  {line.written}".rstrip()
