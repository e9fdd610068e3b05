"""A legend that flows: samples of lines with their names, placed from left to right and then below, and found again."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from viewer.figures.chart.axes import line_pen
from viewer.figures.paper import Paper
from viewer.figures.theme import Theme

SAMPLE_WIDTH, DOT_WIDTH = 22.0, 12.0  # of a line and of anything round
AFTER_SAMPLE = 6.0
RADII = {"dot": 4.0, "hollow": 4.0, "ring": 5.5}
GAP = 14.0
LEADING = 2.0  # between lines
PADDING = 3.0  # around an entry, so that it is easy to hit

Kind = Literal["run", "part", "best", "note", "more"]
Mark = Literal["line", "dot", "hollow", "ring"]


@dataclass(frozen=True)
class LegendEntry:
    """A line's name with a sample of it ('' for a colour has none); `shown` is off for what was toggled away."""

    kind: Kind
    name: str
    text: str
    colour: str
    dashed: bool = False
    shown: bool = True
    mark: Mark = "line"

    @property
    def can_be_toggled(self) -> bool:
        return self.kind in ("run", "part")

    @property
    def before_name(self) -> float:
        """The width of the sample and the gap after it."""
        return (SAMPLE_WIDTH if self.mark == "line" else DOT_WIDTH) + AFTER_SAMPLE if self.colour else 0.0


LegendLayout = list[tuple[LegendEntry, QRectF]]


def place(entries: Iterable[LegendEntry], paper: Paper) -> LegendLayout:
    """Place entries with their samples from left to right and then below."""
    placed, x, y, line, rect = LegendLayout(), 0.0, 0.0, paper.metrics.height() + LEADING, paper.rect
    for entry in entries:
        width = entry.before_name + paper.metrics.horizontalAdvance(entry.text)
        if x > 0 and x + width > rect.width():
            x, y = 0.0, y + line
        placed.append((entry, QRectF(rect.left() + x, rect.top() + y, min(width, rect.width() - x), line)))
        x += width + GAP
    return placed


def height_of(layout: LegendLayout, paper: Paper) -> float:
    """Return how much of the paper's height a legend takes."""
    return layout[-1][1].bottom() - paper.rect.top() if layout else 0.0


def fitting_layout(
    make: Callable[[int], Sequence[LegendEntry]], most: int, paper: Paper, *, lines: int
) -> LegendLayout:
    """Place what `make` returns for as many names, up to `most`, as so many lines take."""

    def overflows(names: int) -> bool:
        return height_of(place(make(names), paper), paper) > lines * (paper.metrics.height() + LEADING) + 0.5

    if not overflows(most):
        return place(make(most), paper)
    return place(make(max(0, bisect_left(range(most), True, key=overflows) - 1)), paper)


def hit(layout: LegendLayout, point: QPointF) -> LegendEntry | None:
    """Return the entry under a point."""
    return next((entry for entry, room in layout if room.adjusted(-4, 0, PADDING, 0).contains(point)), None)


def paint(
    painter: QPainter, layout: LegendLayout, theme: Theme, paper: Paper, *, chosen: LegendEntry | None = None
) -> None:
    """Paint entries; what is toggled away is pale and struck through, so that it can be seen without colour too."""
    metrics = paper.metrics
    for entry, room in layout:
        if entry == chosen:
            painter.setPen(QPen(theme.colour("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(room.adjusted(-PADDING, 0, PADDING, -1), 3, 3)
        middle = math.floor(room.y() + metrics.height() / 2)  # on whole pixels, so that all are of one width
        left = room.x() + entry.before_name
        if entry.colour:
            _paint_sample(painter, entry, QPointF(room.x(), middle), theme)
        painter.setPen(theme.colour(_ink(entry)))
        shown = metrics.elidedText(entry.text, Qt.TextElideMode.ElideMiddle, room.right() - left + 1)
        painter.drawText(QPointF(left, room.y() + metrics.ascent()), shown)
        if not entry.shown:
            painter.setPen(QPen(theme.colour("muted"), 1))
            painter.drawLine(QPointF(left, middle + 0.5), QPointF(room.right(), middle + 0.5))


def _paint_sample(painter: QPainter, entry: LegendEntry, start: QPointF, theme: Theme) -> None:
    """Paint a short piece of a line, or a dot or a ring."""
    colour = entry.colour if entry.shown else theme.border
    if entry.mark == "line":
        painter.setPen(line_pen(painter, colour, dashed=entry.dashed))
        painter.drawLine(start, start + QPointF(SAMPLE_WIDTH, 0))
        return
    painter.setPen(QPen(QColor(colour), 1.5))
    painter.setBrush(QColor(colour) if entry.mark == "dot" else Qt.BrushStyle.NoBrush)
    radius = RADII[entry.mark]
    painter.drawEllipse(start + QPointF(DOT_WIDTH / 2, 0), radius, radius)


def _ink(entry: LegendEntry) -> str:
    if entry.kind == "note":
        return "warning"
    return "text" if entry.shown and entry.kind in ("run", "part") else "muted"
