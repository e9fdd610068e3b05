"""The losses of a training as a low strip over its epochs, with a mark that can be taken hold of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from viewer.figures.chart import legend, series, ticks
from viewer.figures.chart.axes import Axes, plot_in
from viewer.figures.chart.legend import LegendEntry
from viewer.figures.chart.readings import Series
from viewer.figures.chart.series import Drawn, joined, line_pen
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

HANDLE = 6.0  # half the width of the mark's handle
LOWEST_PLOT = 8.0


@dataclass(frozen=True, eq=False)
class TimeLineFigure(Figure):
    """Curves over the epochs from `first` to `last`, marked at `epoch`; their values there stand above.

    Losses of different objectives cannot be compared: with `own_scales` each curve fills the height, without ticks.
    """

    theme: Theme
    lines: tuple[Series, ...]
    first: int
    last: int
    epoch: int
    own_scales: bool = False
    _paths: dict[int, Drawn] = field(default_factory=dict)

    def at(self, epoch: int) -> TimeLineFigure:
        """Return the same figure with the mark elsewhere; axes and paths are kept."""
        copy = replace(self, epoch=epoch)
        copy.__dict__.update(x_axis=self.x_axis, y_axes=self.y_axes)
        return copy

    @cached_property
    def x_axis(self) -> ticks.Axis:
        return ticks.integer_axis(self.first, self.last, about=8)

    @cached_property
    def y_axes(self) -> tuple[ticks.Axis, ...]:
        """The axis of each curve: of its own, or one for all."""
        if self.own_scales:
            return tuple(_axis(line.values) for line in self.lines)
        return (_axis(np.concatenate([line.values for line in self.lines])),) * len(self.lines)

    def axes(self, paper: Paper) -> Axes:
        """Return the axes below the values, right of the ticks."""
        line = paper.metrics.height()
        above, below = line + HANDLE + 6, line + 4
        if self.own_scales:
            plot = paper.rect.adjusted(HANDLE + 2, above, -10, -below)
        else:
            plot = plot_in(paper, self.y_axes[0], above=above, below=below, right=10, gap=8)
        return Axes(self.theme, plot, self.x_axis, self.y_axes[0])

    def hit(self, point: QPointF, paper: Paper) -> int:
        """Return the epoch nearest to a point, however high or low that is."""
        return max(self.first, min(self.last, round(self.axes(paper).x_at(point.x()))))

    def _value(self, line: Series) -> float:
        """The value at the mark, not a number where there is none."""
        return float(line.values[self.epoch - 1]) if 1 <= self.epoch <= len(line.values) else math.nan

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint values, axes, curves and mark."""
        axes = self.axes(paper)
        if axes.plot.width() < 20 or axes.plot.height() < LOWEST_PLOT:
            return
        self._paint_values(painter, paper)
        if not self.own_scales:
            axes.paint_rows(painter, paper)
        axes.paint_columns(painter, paper, down=3)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index, line in enumerate(self.lines):
            series.paint(painter, axes, self._drawn(index), line_pen(painter, line.colour, dashed=line.dashed), dot=1.5)
        self._paint_mark(painter, axes)
        painter.restore()

    def _paint_values(self, painter: QPainter, paper: Paper) -> None:
        """Paint a legend of one line; what has no room in it is in the table of numbers."""
        entries = []
        for line in self.lines:
            value = self._value(line)
            text = f"{line.run} {value:.4g}" if math.isfinite(value) else line.run
            entries.append(LegendEntry("run", line.run, text, line.colour, line.dashed))
        first = [(entry, room) for entry, room in legend.place(entries, paper) if room.top() == paper.rect.top()]
        legend.paint(painter, first, self.theme, paper)

    def _drawn(self, index: int) -> Drawn:
        """The curve in a unit square, made once."""
        if index not in self._paths:
            line = self.lines[index]
            xs, ys = self.x_axis.positions(line.positions), self.y_axes[index].positions(line.values)
            self._paths[index] = joined(xs, ys)
        return self._paths[index]

    def _paint_mark(self, painter: QPainter, axes: Axes) -> None:
        x, top = axes.x_spot(self.epoch), axes.plot.top()
        axes.paint_upright(painter, x, QPen(self.theme.colour("accent"), 1.6))
        painter.setBrush(self.theme.colour("accent"))
        handle = ((x - HANDLE, top - HANDLE), (x + HANDLE, top - HANDLE), (x, top + HANDLE / 2))
        painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in handle]))
        for line, axis in zip(self.lines, self.y_axes, strict=True):
            value = self._value(line)
            if math.isfinite(value):
                painter.setPen(QPen(self.theme.colour("base"), 1))
                painter.setBrush(QColor(line.colour))
                painter.drawEllipse(QPointF(x, replace(axes, y=axis).y_spot(value)), 3.5, 3.5)


def _axis(values: np.ndarray) -> ticks.Axis:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return ticks.linear_axis(low, high, about=2 if finite.size else 5)
