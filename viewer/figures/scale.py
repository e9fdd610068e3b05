"""A colour scale: which colours stand for which values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import to_image

GAP = 6.0
BAR = (20.0, 120.0)  # the colours' width: at least and at most
END = 60.0  # of the width, for what is written at the high end


@dataclass(frozen=True, eq=False)
class Scale:
    """A colour scale with its ends written beside it; `table` is uint8 (256, 3)."""

    low: str
    high: str
    table: np.ndarray
    label: str = ""

    @cached_property
    def image(self) -> QImage:
        return to_image(self.table[None])


@dataclass(frozen=True, eq=False)
class ScaleLine(Figure):
    """A colour scale on a line of its own: its label, its low end, the colours, its high end."""

    theme: Theme
    scale: Scale

    def paint(self, painter: QPainter, paper: Paper) -> None:
        scale, rect, left = self.scale, paper.rect, paper.rect.left()
        for text, colour in ((scale.label, "muted"), (scale.low, "text")):
            left = self._write(painter, paper, left, text, colour)
        bar = QRectF(left, rect.center().y() - 4, min(BAR[1], max(BAR[0], rect.right() - left - END)), 8)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawImage(bar, scale.image, QRectF(scale.image.rect()))
        self._write(painter, paper, bar.right() + GAP, scale.high, "text")

    def _write(self, painter: QPainter, paper: Paper, left: float, text: str, colour: str) -> float:
        """Write a text if it finds room, and return where the next thing stands."""
        room, width = paper.rect.adjusted(left - paper.rect.left(), 0, 0, 0), paper.metrics.horizontalAdvance(text)
        if not text or width > room.width():
            return left
        painter.setPen(self.theme.colour(colour))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        return left + width + GAP
