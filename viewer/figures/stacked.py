"""Figures below one another, each with its share of the height: what a panel with two views is exported as."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from viewer.figures.paintable import Paintable

GAP = 10.0


@dataclass(frozen=True, eq=False)
class StackedFigure:
    """`parts` are figures and their shares."""

    parts: tuple[tuple[Paintable, float], ...]

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint them from top to bottom."""
        whole = sum(share for _, share in self.parts)
        top, room = rect.top(), rect.height() - GAP * (len(self.parts) - 1)
        for figure, share in self.parts:
            painter.save()
            figure.paint(painter, QRectF(rect.left(), top, rect.width(), room * share / whole))
            painter.restore()
            top += room * share / whole + GAP
