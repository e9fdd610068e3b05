"""What a figure is painted on, and what every figure is: whatever paints itself onto a paper."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFontMetricsF, QPainter


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

    @property
    def key(self) -> tuple[float, ...]:
        """All that a layout depends on, for those that keep one."""
        rect, metrics = self.rect, self.metrics
        place = (rect.x(), rect.y(), rect.width(), rect.height())
        return (*place, self.ratio, metrics.height(), metrics.averageCharWidth())


class Figure(Protocol):
    """Something that paints itself onto a paper, and knows what of it lies under a point; by default nothing does."""

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint all of it."""

    def hit(self, point: QPointF, paper: Paper) -> object | None:
        """Return what lies under a point, None where there is nothing."""
        return None

    @property
    def description(self) -> str:
        """What a screen reader says of it."""
        return ""
