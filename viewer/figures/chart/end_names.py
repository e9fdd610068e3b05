"""Names at the right ends of curves, none over another: they can be told apart on paper without colours."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPen

from viewer.figures.chart.axes import Axes
from viewer.figures.paper import Paper
from viewer.figures.theme import Theme

GAP = 14.0  # between a curve's end and its name
LEAST = 12.0


def width(ends: Mapping[str, float], paper: Paper) -> float:
    """Return the room that the names need beside a plot."""
    return max((GAP + paper.metrics.horizontalAdvance(name) + 2 for name in ends), default=LEAST)


def paint(painter: QPainter, axes: Axes, ends: Mapping[str, float], theme: Theme, paper: Paper) -> None:
    """Write each run's name beside its last value, moved as little as can be, and a line from one to the other."""
    metrics, line = paper.metrics, paper.metrics.height()
    spots = sorted((axes.y_spot(value), name) for name, value in ends.items())
    tops: list[float] = []
    for y, _ in spots:
        tops.append(max(y, tops[-1] + line) if tops else y)
    over = max(0.0, tops[-1] - (axes.plot.bottom() + line / 2)) if tops else 0.0
    for index in range(len(tops) - 1, -1, -1):  # what stands too low is moved up again, and what is above it
        after = tops[index + 1] - line if index + 1 < len(tops) else tops[index] - over
        tops[index] = min(tops[index], after)
    right = axes.plot.right()
    for (y, name), top in zip(spots, tops, strict=True):
        painter.setPen(QPen(theme.colour("muted"), 0.8))
        painter.drawLine(QPointF(right + 2, y), QPointF(right + GAP - 3, top))
        painter.setPen(theme.colour("text"))
        painter.drawText(QPointF(right + GAP, top + metrics.ascent() - line / 2), name)
