"""A plot with two axes: where values stand in it, the ticks and labels around it, and curves as they are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from viewer.figures.chart.ticks import Axis
from viewer.figures.paper import Paper
from viewer.figures.theme import Theme

SMALLEST_PLOT = 20.0
LABEL_GAP = 6.0  # between a label of the vertical axis and the plot
MARK = 4.0  # the line at a tick of the horizontal axis
BETWEEN = 6.0  # labels of the horizontal axis, at least
CLOSE = 3.0  # by how much less than a line labels may be apart: figures have no descenders
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def plot_in(paper: Paper, y: Axis, *, above: float, below: float, right: float = 12.0, gap: float = 10.0) -> QRectF:
    """Return what the labels of the vertical axis, and so much above, below and at the right, leave for a plot."""
    left = max(map(paper.metrics.horizontalAdvance, y.labels)) + gap
    return paper.rect.adjusted(left, above, -right, -below)


@dataclass(frozen=True, eq=False)
class Axes:
    """A horizontal and a vertical axis around a plot."""

    theme: Theme
    plot: QRectF
    x: Axis
    y: Axis

    @property
    def is_too_small(self) -> bool:
        return self.plot.width() < SMALLEST_PLOT or self.plot.height() < SMALLEST_PLOT

    @property
    def transform(self) -> QTransform:
        """From a unit square, with its origin at the lower left, to the plot."""
        return QTransform(self.plot.width(), 0, 0, -self.plot.height(), self.plot.left(), self.plot.bottom())

    def spot(self, x: float, y: float) -> QPointF:
        """Return where a point stands."""
        return self.transform.map(QPointF(self.x.position(x), self.y.position(y)))

    def x_spot(self, x: float) -> float:
        return self.plot.left() + self.x.position(x) * self.plot.width()

    def y_spot(self, y: float) -> float:
        return self.plot.bottom() - self.y.position(y) * self.plot.height()

    def x_at(self, x: float) -> float:
        """Return the value on the horizontal axis that stands at `x`, or the nearest end's."""
        share = min(1.0, max(0.0, (x - self.plot.left()) / max(1.0, self.plot.width())))
        return self.x.value(share)

    # ---- painting ----

    def paint_rows(self, painter: QPainter, paper: Paper, *, gap: float = LABEL_GAP) -> None:
        """Paint a line across for every tick of the vertical axis, and its label, as many as find room."""
        line, last = paper.metrics.height(), math.inf
        for tick, text in zip(self.y.ticks, self.y.labels, strict=True):
            y = self.y_spot(tick)
            if last - y >= line - CLOSE:
                self.paint_across(painter, y, self.theme.colour("grid"))
                self._write(painter, QRectF(self.plot.left() - 100 - gap, y - line / 2, 100, line), _RIGHT, text)
                last = y

    def paint_columns(self, painter: QPainter, paper: Paper, *, down: float = MARK + 1, whole: bool = False) -> None:
        """Paint a mark for every tick of the horizontal axis, or a `whole` line, and its label `down` from the plot.

        A label without room is left out, so that none is torn or lies over another.
        """
        bottom, end = self.plot.bottom(), -math.inf
        for tick, text in zip(self.x.ticks, self.x.labels, strict=True):
            x = self.x_spot(tick)
            if whole:
                self.paint_upright(painter, x, QPen(self.theme.colour("grid"), 1))
            else:
                painter.setPen(self.theme.colour("muted"))
                painter.drawLine(QPointF(x, bottom), QPointF(x, bottom + min(MARK, down)))
            half = paper.metrics.horizontalAdvance(text) / 2
            if x - half > end:
                box = QRectF(x - 40, bottom + down, 80, paper.metrics.height())
                self._write(painter, box, Qt.AlignmentFlag.AlignHCenter, text)
                end = x + half + BETWEEN

    def paint_labels(self, painter: QPainter, paper: Paper, x_label: str, y_label: str) -> None:
        """Paint the base line and what the axes are of; a wide label above begins before the plot."""
        line, rect, plot = paper.metrics.height(), paper.rect, self.plot
        painter.setPen(QPen(self.theme.colour("muted"), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        left = max(rect.left(), min(plot.left(), rect.right() - paper.metrics.horizontalAdvance(y_label)))
        label = paper.metrics.elidedText(y_label, Qt.TextElideMode.ElideRight, rect.right() - left + 1)
        painter.drawText(QPointF(left, plot.top() - 8), label)
        below = QRectF(plot.left(), plot.bottom() + line + 6, plot.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, x_label)

    def paint_across(self, painter: QPainter, y: float, colour: QColor) -> None:
        painter.setPen(QPen(colour, 1))
        painter.drawLine(QPointF(self.plot.left(), y), QPointF(self.plot.right(), y))

    def paint_upright(self, painter: QPainter, x: float, pen: QPen) -> None:
        painter.setPen(pen)
        painter.drawLine(QPointF(x, self.plot.top()), QPointF(x, self.plot.bottom()))

    def _write(self, painter: QPainter, box: QRectF, flags: Qt.AlignmentFlag, text: str) -> None:
        painter.setPen(self.theme.colour("muted"))
        painter.drawText(box, flags, text.replace("-", "−"))


@dataclass(frozen=True, eq=False)
class Drawn:
    """A curve in a unit square, and the values without neighbours, which a line cannot show."""

    path: QPainterPath
    alone: tuple[QPointF, ...]


def joined(xs: np.ndarray, ys: np.ndarray) -> Drawn:
    """Join neighbouring points, each from 0 to 1, that can be drawn; the others are gaps."""
    path, alone = QPainterPath(), list[QPointF]()
    there = np.concatenate([[False], np.isfinite(xs) & np.isfinite(ys), [False]])
    starts, ends = np.flatnonzero(there[1:] & ~there[:-1]), np.flatnonzero(there[:-1] & ~there[1:])
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        points = [QPointF(x, y) for x, y in zip(xs[start:end].tolist(), ys[start:end].tolist(), strict=True)]
        if len(points) == 1:
            alone += points
        else:
            path.addPolygon(QPolygonF(points))
    return Drawn(path, tuple(alone))


def line_pen(painter: QPainter, colour: str, *, dashed: bool = False, width: float = 1.7) -> QPen:
    """A line's pen: a cosmetic pen counts device pixels, so its width grows with the display's ratio."""
    pen = QPen(colour)
    pen.setWidthF(width * painter.device().devicePixelRatioF())
    pen.setCosmetic(True)
    if dashed:
        pen.setDashPattern([4, 3])
    return pen


def paint_curve(painter: QPainter, axes: Axes, drawn: Drawn, pen: QPen, *, dot: float = 0.0) -> None:
    """Stretch a curve over a plot, with a dot for each value alone; a cosmetic pen keeps its width."""
    painter.save()
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setTransform(axes.transform, True)
    painter.drawPath(drawn.path)
    painter.restore()
    for spot in drawn.alone if dot else ():
        paint_dot(painter, axes.transform.map(spot), pen.color(), dot)


def paint_dot(painter: QPainter, spot: QPointF, colour: QColor | str, radius: float) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(spot, radius, radius)
