"""A legend that flows: samples of lines with their names, placed from left to right and then below, and found again."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from viewer.figures.chart.series import line_pen
from viewer.figures.paper import Paper
from viewer.figures.theme import Theme

SAMPLE_WIDTH = 22.0  # of a line in the legend
BEFORE_NAME = SAMPLE_WIDTH + 6
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


def flow(widths: Iterable[float], paper: Paper, *, gap: float = GAP, leading: float = 2.0) -> list[QRectF]:
    """Place entries of these widths from left to right and then below."""
    rooms, x, y, line, rect = list[QRectF](), 0.0, 0.0, paper.metrics.height() + leading, paper.rect
    for width in widths:
        if x > 0 and x + width > rect.width():
            x, y = 0.0, y + line
        rooms.append(QRectF(rect.left() + x, rect.top() + y, min(width, rect.width() - x), line))
        x += width + gap
    return rooms


def place(entries: Sequence[LegendEntry], paper: Paper) -> LegendLayout:
    """Place entries with their samples."""
    advance = paper.metrics.horizontalAdvance
    widths = ((BEFORE_NAME if entry.colour else 0) + advance(entry.text) for entry in entries)
    return list(zip(entries, flow(widths, paper), strict=True))


def lines_of(rooms: Iterable[QRectF]) -> int:
    return len({room.y() for room in rooms})


def fitting_layout(
    make: Callable[[int], Sequence[LegendEntry]], most: int, paper: Paper, *, lines: int
) -> LegendLayout:
    """Place what `make` returns for as many names, up to `most`, as so many lines take."""

    def overflows(names: int) -> bool:
        return lines_of(room for _, room in place(make(names), paper)) > lines

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
        left = room.x() + (BEFORE_NAME if entry.colour else 0)
        if entry.kind == "best":
            painter.setPen(QPen(theme.colour("muted"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(room.x() + SAMPLE_WIDTH - 6, middle), 4, 4)
        elif entry.colour:
            colour = entry.colour if entry.shown else theme.border
            paint_sample(painter, QPointF(room.x(), middle), colour, dashed=entry.dashed)
        painter.setPen(theme.colour(_ink(entry)))
        shown = metrics.elidedText(entry.text, Qt.TextElideMode.ElideMiddle, room.right() - left + 1)
        painter.drawText(QPointF(left, room.y() + metrics.ascent()), shown)
        if not entry.shown:
            painter.setPen(QPen(theme.colour("muted"), 1))
            painter.drawLine(QPointF(left, middle + 0.5), QPointF(room.right(), middle + 0.5))


def paint_sample(
    painter: QPainter, start: QPointF, colour: str, *, dashed: bool = False, width: float = SAMPLE_WIDTH
) -> None:
    """Paint a short piece of a line."""
    painter.setPen(line_pen(painter, colour, dashed=dashed))
    painter.drawLine(start, start + QPointF(width, 0))


def _ink(entry: LegendEntry) -> str:
    if entry.kind == "note":
        return "warning"
    return "text" if entry.shown and entry.kind in ("run", "part") else "muted"
