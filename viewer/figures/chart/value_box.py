"""A box of values beside a crosshair: rows of cells, aligned, each row in a colour."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from viewer.figures.chart.axes import Axes
from viewer.figures.paper import Paper

PADDING, BETWEEN = 7.0, 10.0
ABOVE = 4.0
BESIDE = 8.0  # between the crosshair and the box

Row = tuple[tuple[str, ...], str]  # cells, and their colour


def paint(painter: QPainter, axes: Axes, x: float, rows: Sequence[Row], paper: Paper) -> None:
    """Paint rows right of the crosshair at `x`, or left of it where they have no room there."""
    advance, line = paper.metrics.horizontalAdvance, paper.metrics.height()
    widths = [max(map(advance, column)) for column in zip(*(cells for cells, _ in rows), strict=True)]
    box = _box(axes.plot, x, sum(widths) + BETWEEN * (len(widths) - 1) + 2 * PADDING, len(rows) * line + 2 * ABOVE)
    painter.setPen(QPen(axes.theme.colour("border"), 1))
    painter.setBrush(axes.theme.colour("raised"))
    painter.drawRect(box)
    for index, (cells, colour) in enumerate(rows):
        painter.setPen(QPen(QColor(colour)))
        left, base = box.left() + PADDING, box.top() + ABOVE + index * line + paper.metrics.ascent()
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            indent = width - advance(cell) if column else 0.0  # names stand at the left, numbers at the right
            painter.drawText(QPointF(left + indent, base), cell)
            left += width + BETWEEN


def _box(plot: QRectF, x: float, width: float, height: float) -> QRectF:
    beside = x + BESIDE if x + BESIDE + width <= plot.right() else x - BESIDE - width
    return QRectF(max(plot.left() + 2, min(beside, plot.right() - width)), plot.top() + 2, width, height)
