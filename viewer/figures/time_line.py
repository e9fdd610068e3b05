"""The losses of a training as a low strip over its epochs, with a mark that can be taken hold of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from viewer.figures import ticks
from viewer.figures.legend import line_pen
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

HANDLE = 6.0  # half the width of the mark's handle


@dataclass(frozen=True, eq=False)
class LossLine:
    """One curve by epoch from 1; what is not finite is a gap. `label` is what its value is called at the mark."""

    label: str
    values: np.ndarray
    colour: str
    dashed: bool

    def at(self, epoch: int) -> float:
        """The value at an epoch, not a number where there is none."""
        return float(self.values[epoch - 1]) if 1 <= epoch <= len(self.values) else math.nan


@dataclass(frozen=True, eq=False)
class TimeLineFigure(Figure):
    """Curves over the epochs from `first` to `last`, marked at `epoch`; their values there stand above.

    Losses of different objectives cannot be compared: with `own_scales` each curve fills the height, without ticks.
    """

    theme: Theme
    lines: tuple[LossLine, ...]
    first: int
    last: int
    epoch: int
    own_scales: bool = False
    _paths: dict[int, QPainterPath] = field(default_factory=dict)

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

    def plot_rect(self, paper: Paper) -> QRectF:
        """Return where the curves lie: below the values, right of the ticks."""
        rect, metrics = paper.rect, paper.metrics
        labels = () if self.own_scales else self.y_axes[0].labels
        left = max((metrics.horizontalAdvance(text) + 8 for text in labels), default=HANDLE + 2)
        top, line = metrics.height() + HANDLE + 6, metrics.height()
        return QRectF(rect.left() + left, rect.top() + top, rect.width() - left - 10, rect.height() - top - line - 4)

    def hit(self, point: QPointF, paper: Paper) -> int:
        """Return the epoch nearest to a point, however high or low that is."""
        plot = self.plot_rect(paper)
        share = (point.x() - plot.left()) / max(1.0, plot.width())
        return max(self.first, min(self.last, round(self.x_axis.low + share * (self.x_axis.high - self.x_axis.low))))

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint values, axes, curves and mark inside `rect`."""
        metrics = paper.metrics
        plot = self.plot_rect(paper)
        if plot.width() < 20 or plot.height() < 8:
            return
        self._paint_values(painter, paper)
        self._paint_axes(painter, plot, metrics)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index in range(len(self.lines)):
            self._paint_line(painter, plot, index)
        self._paint_mark(painter, plot)
        painter.restore()

    def _paint_values(self, painter: QPainter, paper: Paper) -> None:
        rect, metrics = paper.rect, paper.metrics
        x = rect.left()
        for line in self.lines:
            value = line.at(self.epoch)
            text = f"{line.label} {value:.4g}" if math.isfinite(value) else line.label
            width = 22 + metrics.horizontalAdvance(text) + 14
            if x + width > rect.right() + 14:
                return  # what has no room is in the table of numbers
            middle = math.floor(rect.top() + metrics.height() / 2)
            painter.setPen(line_pen(painter, line.colour, dashed=line.dashed))
            painter.drawLine(QPointF(x, middle), QPointF(x + 16, middle))
            painter.setPen(self.theme.colour("text"))
            painter.drawText(QPointF(x + 22, rect.top() + metrics.ascent()), text)
            x += width

    def _paint_axes(self, painter: QPainter, plot: QRectF, metrics: QFontMetricsF) -> None:
        line, axis = metrics.height(), self.y_axes[0]
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        every = max(1, math.ceil(line * len(axis.ticks) / max(1.0, plot.height() + line)))
        for tick, text in () if self.own_scales else list(zip(axis.ticks, axis.labels, strict=True))[::every]:
            y = plot.bottom() - axis.position(tick) * plot.height()
            painter.setPen(QPen(self.theme.colour("grid"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(self.theme.colour("muted"))
            painter.drawText(QRectF(plot.left() - 106, y - line / 2, 100, line), right, text)
        for tick, text in zip(self.x_axis.ticks, self.x_axis.labels, strict=True):
            x = plot.left() + self.x_axis.position(tick) * plot.width()
            painter.setPen(self.theme.colour("muted"))
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 3))
            painter.drawText(QRectF(x - 40, plot.bottom() + 3, 80, line), Qt.AlignmentFlag.AlignHCenter, text)

    def _paint_line(self, painter: QPainter, plot: QRectF, index: int) -> None:
        painter.save()
        painter.setPen(line_pen(painter, self.lines[index].colour, dashed=self.lines[index].dashed))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setTransform(QTransform(plot.width(), 0, 0, -plot.height(), plot.left(), plot.bottom()), True)
        painter.drawPath(self._path(index))
        painter.restore()

    def _path(self, index: int) -> QPainterPath:
        """The curve in a unit square, made once."""
        if index not in self._paths:
            path, joined = QPainterPath(), False
            for epoch, value in enumerate(self.lines[index].values.tolist(), start=1):
                if math.isfinite(value):
                    spot = (self.x_axis.position(epoch), self.y_axes[index].position(value))
                    path.lineTo(*spot) if joined else path.moveTo(*spot)
                joined = math.isfinite(value)
            self._paths[index] = path
        return self._paths[index]

    def _paint_mark(self, painter: QPainter, plot: QRectF) -> None:
        x = plot.left() + self.x_axis.position(self.epoch) * plot.width()
        painter.setPen(QPen(self.theme.colour("accent"), 1.6))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        painter.setBrush(self.theme.colour("accent"))
        top = plot.top() - HANDLE
        painter.drawPolygon(
            QPolygonF([QPointF(x - HANDLE, top), QPointF(x + HANDLE, top), QPointF(x, plot.top() + HANDLE / 2)])
        )
        for line, axis in zip(self.lines, self.y_axes, strict=True):
            value = line.at(self.epoch)
            if math.isfinite(value):
                painter.setPen(QPen(self.theme.colour("base"), 1))
                painter.setBrush(QPen(line.colour).color())
                painter.drawEllipse(QPointF(x, plot.bottom() - axis.position(value) * plot.height()), 3.5, 3.5)


def _axis(values: np.ndarray) -> ticks.Axis:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return ticks.linear_axis(low, high, about=2 if finite.size else 5)
