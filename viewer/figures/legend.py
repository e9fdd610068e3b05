"""A legend that flows: samples of lines with their names, placed from left to right and then below, and found again."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from viewer.figures.paper import Paper
from viewer.figures.theme import Theme

SAMPLE_WIDTH = 22.0  # of a line in the legend
GAP = 14.0
PADDING = 3.0  # around an entry, so that it is easy to hit

Kind = Literal["run", "part", "best", "note", "more"]


@dataclass(frozen=True)
class LegendEntry:
    """A line's name with a sample of it ('' for a colour has none); `shown` is off for what was toggled away."""

    kind: Kind
    name: str
    text: str
    colour: str
    dashed: bool = False
    shown: bool = True

    @property
    def can_be_toggled(self) -> bool:
        return self.kind in ("run", "part")


LegendLayout = list[tuple[LegendEntry, QRectF]]


def flow(entries: Sequence[LegendEntry], paper: Paper) -> LegendLayout:
    """Place entries from left to right and then below."""
    rect, metrics = paper.rect, paper.metrics
    layout, x, y, line = [], 0.0, 0.0, metrics.height() + 2
    for entry in entries:
        width = (SAMPLE_WIDTH + 6 if entry.colour else 0) + metrics.horizontalAdvance(entry.text)
        if x > 0 and x + width > rect.width():
            x, y = 0.0, y + line
        layout.append((entry, QRectF(rect.left() + x, rect.top() + y, min(width, rect.width() - x), line)))
        x += width + GAP
    return layout


def lines_of(layout: LegendLayout) -> int:
    return len({room.y() for _, room in layout})


def fitting_layout(
    make: Callable[[int], Sequence[LegendEntry]], most: int, paper: Paper, *, lines: int
) -> LegendLayout:
    """Place what `make` returns for as many names, up to `most`, as so many lines take."""
    layout = flow(make(most), paper)
    if lines_of(layout) <= lines:
        return layout
    few = bisect_left(range(most), True, key=lambda n: lines_of(flow(make(n), paper)) > lines)
    return flow(make(max(0, few - 1)), paper)


def hit(layout: LegendLayout, point: QPointF) -> LegendEntry | None:
    """Return the entry under a point."""
    return next((entry for entry, room in layout if room.adjusted(-4, 0, PADDING, 0).contains(point)), None)


def paint(
    painter: QPainter, layout: LegendLayout, theme: Theme, metrics: QFontMetricsF, *, chosen: LegendEntry | None
) -> None:
    """Paint entries; what is toggled away is pale and struck through, so that it can be seen without colour too."""
    for entry, room in layout:
        if entry == chosen:
            painter.setPen(QPen(theme.colour("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(room.adjusted(-PADDING, 0, PADDING, -1), 3, 3)
        middle = math.floor(room.y() + metrics.height() / 2)  # on whole pixels, so that all are of one width
        left = room.x() + (SAMPLE_WIDTH + 6 if entry.colour else 0)
        if entry.kind == "best":
            painter.setPen(QPen(theme.colour("muted"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(room.x() + SAMPLE_WIDTH - 6, middle), 4, 4)
        elif entry.colour:
            painter.setPen(line_pen(painter, entry.colour if entry.shown else theme.border, dashed=entry.dashed))
            painter.drawLine(QPointF(room.x(), middle), QPointF(room.x() + SAMPLE_WIDTH, middle))
        painter.setPen(theme.colour(_ink(entry)))
        shown = metrics.elidedText(entry.text, Qt.TextElideMode.ElideMiddle, room.right() - left + 1)
        painter.drawText(QPointF(left, room.y() + metrics.ascent()), shown)
        if not entry.shown:
            painter.setPen(QPen(theme.colour("muted"), 1))
            painter.drawLine(QPointF(left, middle + 0.5), QPointF(room.right(), middle + 0.5))


def _ink(entry: LegendEntry) -> str:
    if entry.kind == "note":
        return "warning"
    return "text" if entry.shown and entry.kind in ("run", "part") else "muted"


def line_pen(painter: QPainter, colour: str, *, dashed: bool = False, width: float = 1.7) -> QPen:
    """A line's pen: a cosmetic pen counts device pixels, so its width grows with the display's ratio."""
    pen = QPen(colour)
    pen.setWidthF(width * painter.device().devicePixelRatioF())
    pen.setCosmetic(True)
    if dashed:
        pen.setDashPattern([4, 3])
    return pen
