"""What every figure is: something that paints itself into a rectangle."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter


class Paintable(Protocol):
    """Whatever paints itself into a rectangle."""

    def paint(self, painter: QPainter, rect: QRectF) -> None: ...
