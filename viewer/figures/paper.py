"""What a figure is painted on, and what every figure is: whatever paints itself onto a paper."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Protocol, TypeVar

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

Layout = TypeVar("Layout")


@dataclass(frozen=True, eq=False)
class Paper:
    """A rectangle of a screen or a page, the metrics of its font, and its device pixels to a logical one."""

    rect: QRectF
    metrics: QFontMetricsF
    ratio: float = 1.0

    @classmethod
    def of(cls, painter: QPainter, rect: QRectF) -> Paper:
        """Return a rectangle of what a painter paints on, with the painter's font."""
        device = painter.device()
        return cls(rect, QFontMetricsF(painter.font(), device), device.devicePixelRatioF())

    def at(self, rect: QRectF) -> Paper:
        """Return another rectangle of the same device."""
        return replace(self, rect=rect)

    @property
    def line(self) -> int:
        """The height of a line of text, in whole points."""
        return math.ceil(self.metrics.height())

    def write(
        self, painter: QPainter, text: str, colour: QColor, *, centred: bool = False, keep_ends: bool = False
    ) -> None:
        """Write a line of text at the top, or half way down; what has no room is left out, at its end or its middle."""
        align = Qt.AlignmentFlag.AlignVCenter if centred else Qt.AlignmentFlag.AlignTop
        elide = Qt.TextElideMode.ElideMiddle if keep_ends else Qt.TextElideMode.ElideRight
        painter.setPen(colour)
        painter.drawText(self.rect, align, self.metrics.elidedText(text, elide, self.rect.width()))

    @property
    def first_line(self) -> QRectF:
        """The room of one line of text at the top."""
        return QRectF(self.rect.left(), self.rect.top(), self.rect.width(), self.line)

    @property
    def key(self) -> tuple[float, ...]:
        """All that a layout depends on, for those that keep one."""
        rect, metrics = self.rect, self.metrics
        place = (rect.x(), rect.y(), rect.width(), rect.height())
        return (*place, self.ratio, metrics.height(), metrics.averageCharWidth())


def small_font(font: QFont) -> QFont:
    """Return the font of captions, a little smaller than the window's."""
    small = QFont(font)
    if font.pointSizeF() > 0:
        small.setPointSizeF(max(7.0, font.pointSizeF() - 1))
    return small


def kept(layout: Callable[[Any, Paper], Layout]) -> Callable[[Any, Paper], Layout]:
    """Keep what a method found for the last paper: a layout is asked for by every painting and every movement."""
    slot = f"_{layout.__name__}_kept"

    @wraps(layout)
    def found(figure: Any, paper: Paper) -> Layout:
        last: tuple[tuple[float, ...], Layout] | None = figure.__dict__.get(slot)
        if last is None or last[0] != paper.key:
            last = figure.__dict__[slot] = paper.key, layout(figure, paper)
        return last[1]

    return found


class Figure(Protocol):
    """Something that paints itself onto a paper, and knows what of it lies under a point; by default nothing does."""

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint all of it."""

    def used(self, paper: Paper) -> QRectF:
        """Return the part of a paper that it takes."""
        return paper.rect

    def hit(self, point: QPointF, paper: Paper) -> object | None:
        """Return what lies under a point, None where there is nothing."""
        return None

    @property
    def description(self) -> str:
        """What a screen reader says of it."""
        return ""
