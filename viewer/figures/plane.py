"""The latent plane: a square of generated pictures, those that a judge takes for something else marked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from viewer.figures.mosaic import to_image, whole_zoom
from viewer.figures.theme import Theme

WRONG = QColor("#00c853")  # the sheet's green numbers


@dataclass(frozen=True, eq=False)
class PlaneFigure:
    """`pixels` uint8 (side·side, H, W, 3), row by row; `marks` holds what is written on a picture, '' for nothing."""

    theme: Theme
    title: str
    pixels: np.ndarray
    marks: tuple[str, ...] = ()

    @property
    def side(self) -> int:
        return math.isqrt(len(self.pixels))

    @cached_property
    def image(self) -> QImage:
        """All pictures in one, which shares the array's memory."""
        side, (_, height, width, _) = self.side, self.pixels.shape
        square = self.pixels[: side * side].reshape(side, side, height, width, 3).transpose(0, 2, 1, 3, 4)
        return to_image(np.ascontiguousarray(square.reshape(side * height, side * width, 3)))

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint title, pictures and marks inside `rect`."""
        metrics = QFontMetricsF(painter.font(), painter.device())
        line = math.ceil(metrics.height())
        painter.setPen(self.theme.colour("text"))
        painter.drawText(QPointF(rect.left(), rect.top() + metrics.ascent()), self.title)
        height, width = self.pixels.shape[1:3]
        room = QRectF(rect.left(), rect.top() + line + 4, rect.width(), rect.height() - line - 4)
        ratio = painter.device().devicePixelRatioF()
        zoom = whole_zoom(room.width() / (self.side * width), room.height() / (self.side * height), ratio)
        place = QRectF(room.left(), room.top(), self.side * width * zoom, self.side * height * zoom)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < 1)
        painter.drawImage(place, self.image)
        self._paint_marks(painter, place)

    def _paint_marks(self, painter: QPainter, place: QRectF) -> None:
        cell = place.width() / self.side
        font = QFont(painter.font())
        font.setPixelSize(max(8, round(cell * 0.42)))
        font.setBold(True)
        painter.save()
        painter.setFont(font)
        for index, mark in enumerate(self.marks):
            if not mark:
                continue
            row, column = divmod(index, self.side)
            tile = QRectF(place.left() + column * cell, place.top() + row * cell, cell, cell)
            painter.setPen(QPen(WRONG, 1))
            painter.drawRect(tile.adjusted(0.5, 0.5, -0.5, -0.5))
            painter.drawText(
                tile.adjusted(2, 0, -2, -1), Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight, mark
            )
        painter.restore()
