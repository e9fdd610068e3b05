"""Bottleneck size against error: a point a model, and the curve of principal components beside them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen

from viewer.figures import ticks
from viewer.figures.theme import Theme

Place = Callable[[float, float], QPointF]


@dataclass(frozen=True)
class Point:
    """One model: how many values its bottleneck has, its error, the sheet's, and PCA's with as many values."""

    name: str
    size: float
    error: float
    published: float | None = None
    pca: float | None = None


@dataclass(frozen=True, eq=False)
class TradeOffFigure:
    """Both axes logarithmic; filled dots are measured, rings are the sheet's, the line is PCA."""

    theme: Theme
    points: tuple[Point, ...]
    x_label: str = "values in the bottleneck"
    y_label: str = "mean squared error on the test split"
    least: float = 1e-5  # errors below are drawn here: PCA of all values has none

    @property
    def _span(self) -> tuple[float, float]:
        """The ends of the axis of sizes, as logarithms: a little more than the points need."""
        sizes = [math.log(point.size) for point in self.points]
        return min(sizes) - 0.4, max(sizes) + 0.4

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint legend, axes and points inside `rect`."""
        metrics = QFontMetricsF(painter.font(), painter.device())
        line = math.ceil(metrics.height())
        errors = [
            value for point in self.points for value in (point.error, point.published, point.pca) if value is not None
        ]
        y_axis = ticks.logarithmic(max(min(errors), self.least), max(errors))
        left = max(metrics.horizontalAdvance(text) for text in y_axis.labels) + 10
        plot = QRectF(
            rect.left() + left, rect.top() + 2 * line + 10, rect.width() - left - 90, rect.height() - 4 * line - 22
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axes(painter, plot, y_axis, metrics)
        self._paint_legend(painter, rect, metrics)

        def place(size: float, error: float) -> QPointF:
            return QPointF(self._x(size, plot), plot.bottom() - y_axis.place(max(error, y_axis.low)) * plot.height())

        self._paint_pca(painter, place)
        self._paint_points(painter, place, metrics)

    def _x(self, size: float, plot: QRectF) -> float:
        low, high = self._span
        return plot.left() + (math.log(size) - low) / (high - low) * plot.width()

    def _paint_axes(self, painter: QPainter, plot: QRectF, y_axis: ticks.Axis, metrics: QFontMetricsF) -> None:
        line = metrics.height()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for tick, text in zip(y_axis.ticks, y_axis.labels, strict=True):
            y = plot.bottom() - y_axis.place(tick) * plot.height()
            painter.setPen(QPen(self.theme.colour("grid"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(self.theme.colour("muted"))
            painter.drawText(QRectF(plot.left() - 106, y - line / 2, 100, line), right, text)
        for size in sorted({point.size for point in self.points}):
            x = self._x(size, plot)
            painter.setPen(self.theme.colour("muted"))
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 4))
            painter.drawText(QRectF(x - 40, plot.bottom() + 5, 80, line), Qt.AlignmentFlag.AlignHCenter, f"{size:,.0f}")
        painter.setPen(QPen(self.theme.colour("muted"), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        painter.drawText(QPointF(plot.left(), plot.top() - 8), self.y_label)
        below = QRectF(plot.left(), plot.bottom() + line + 6, plot.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self.x_label)

    def _paint_legend(self, painter: QPainter, rect: QRectF, metrics: QFontMetricsF) -> None:
        x, y = rect.left(), rect.top() + metrics.height() / 2
        for kind, text in (("dot", "measured"), ("ring", "the sheet's"), ("line", "PCA with as many values")):
            painter.setPen(QPen(self.theme.colour("muted" if kind == "line" else "accent"), 1.7))
            painter.setBrush(self.theme.colour("accent") if kind == "dot" else Qt.BrushStyle.NoBrush)
            if kind == "line":
                painter.drawLine(QPointF(x, y), QPointF(x + 18, y))
            else:
                painter.drawEllipse(QPointF(x + 9, y), 4, 4)
            painter.setPen(self.theme.colour("text"))
            painter.drawText(QPointF(x + 24, rect.top() + metrics.ascent()), text)
            x += 24 + metrics.horizontalAdvance(text) + 18

    def _paint_pca(self, painter: QPainter, place: Place) -> None:
        known = {point.size: point.pca for point in self.points if point.pca is not None}
        path = QPainterPath()
        for index, size in enumerate(sorted(known)):
            spot = place(size, known[size])
            move = path.lineTo if index else path.moveTo
            move(spot)
        painter.setPen(QPen(self.theme.colour("muted"), 1.7))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)

    def _paint_points(self, painter: QPainter, place: Place, metrics: QFontMetricsF) -> None:
        """Paint dots and rings; names of points that share a size stand below one another, none over another."""
        spots = [place(point.size, point.error) for point in self.points]
        taken = [QRectF(spot.x() - 5, spot.y() - 5, 10, 10) for spot in spots]
        for point in sorted(self.points, key=lambda point: -point.error):
            spot = place(point.size, point.error)
            if point.published is not None:
                ring = place(point.size, point.published)
                painter.setPen(QPen(self.theme.colour("accent"), 1.5))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(ring, 5, 5)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour("accent"))
            painter.drawEllipse(spot, 4, 4)
            box = QRectF(
                spot.x() + 8, spot.y() - metrics.height() / 2, metrics.horizontalAdvance(point.name), metrics.height()
            )
            while any(box.intersects(other) for other in taken):
                box.translate(0, 2)
            taken.append(QRectF(box))
            painter.setPen(self.theme.colour("text"))
            painter.drawText(QPointF(box.left(), box.top() + metrics.ascent()), point.name)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Spearman's rank correlation of two equally long rows of values; ties share their mean rank."""

    def ranks(values: np.ndarray) -> np.ndarray:
        return np.array(
            [((values < value).sum() + (values <= value).sum() - 1) / 2 for value in values], dtype=np.float64
        )

    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])
