"""Names beside points, none over another, with a line to the point where it is too far to be told whose name it is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from viewer.figures.paper import Paper

GAP = 8.0  # between a point and its name
EDGE = 6.0  # of a point, which the line does not reach
RIGHT, LEFT = 1, -1


def find(
    text: str, spot: QPointF, taken: Sequence[QRectF], paper: Paper, *, far: float, sides: Sequence[int] = (RIGHT, LEFT)
) -> QRectF | None:
    """Return where a name is free of others beside a point, as little above or below as can be, at most `far`."""
    width, height = paper.metrics.horizontalAdvance(text), paper.metrics.height()
    for step in range(0, round(far) + 1, 2):
        for down, side in ((down, side) for down in (step, -step) for side in sides):
            left = spot.x() + GAP if side == RIGHT else spot.x() - GAP - width
            box = QRectF(left, spot.y() - height / 2 + down, width, height)
            if paper.rect.contains(box) and not any(box.intersects(other) for other in taken):
                return box
    return None


def write(painter: QPainter, text: str, box: QRectF, spot: QPointF, colour: QColor, line: QColor, paper: Paper) -> None:
    """Write a name where it was found to be free."""
    if abs(box.center().y() - spot.y()) > box.height():
        painter.setPen(QPen(line, 0.8))
        end = box.left() - 2 if box.left() > spot.x() else box.right() + 2
        to_point = QLineF(QPointF(end, box.center().y()), spot)
        to_point.setLength(max(0.0, to_point.length() - EDGE))
        painter.drawLine(to_point)
    painter.setPen(colour)
    painter.drawText(QPointF(box.left(), box.top() + paper.metrics.ascent()), text)
