"""Curves as they are drawn: joined where values follow one another, with gaps where they are not finite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from viewer.figures.chart.axes import Axes


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


def paint(painter: QPainter, axes: Axes, drawn: Drawn, pen: QPen, *, dot: float = 0.0) -> None:
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
