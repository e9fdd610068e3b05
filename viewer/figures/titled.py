"""A figure below its title."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter

from viewer.figures.paintable import Paintable
from viewer.figures.theme import Theme

BELOW = 6.0  # points between a title and its figure


@dataclass(frozen=True, eq=False)
class TitledFigure:
    """A title in bold above any figure."""

    theme: Theme
    title: str
    figure: Paintable

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint title and figure inside `rect`."""
        painter.save()
        font = QFont(painter.font())
        font.setBold(True)
        painter.setFont(font)
        metrics = QFontMetricsF(font, painter.device())
        painter.setPen(self.theme.colour("text"))
        text = metrics.elidedText(self.title, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(QPointF(rect.left(), rect.top() + metrics.ascent()), text)
        painter.restore()
        self.figure.paint(painter, rect.adjusted(0, math.ceil(metrics.height() + BELOW), 0, 0))


@dataclass(frozen=True, eq=False)
class BesideFigure:
    """Figures side by side, each as wide as the others."""

    figures: tuple[Paintable, ...]
    columns: int = 2
    gap: float = 16.0

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint them from the left inside `rect`; where there are fewer than `columns`, the rest stays empty."""
        width = (rect.width() - self.gap * (self.columns - 1)) / self.columns
        for index, figure in enumerate(self.figures[: self.columns]):
            painter.save()
            figure.paint(painter, QRectF(rect.left() + index * (width + self.gap), rect.top(), width, rect.height()))
            painter.restore()
