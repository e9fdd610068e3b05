"""The latent plane: a square of generated pictures, with those marked that a classifier takes for something else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from viewer.figures import side_by_side
from viewer.figures.mosaic import to_image, whole_zoom
from viewer.figures.theme import Theme

WRONG = QColor("#00c853")  # the sheet's green numbers


@dataclass(frozen=True, eq=False)
class PlaneFigure:
    """`pixels` uint8 (side·side, H, W, 3), row by row; `marks` holds what is written on a picture, '' for nothing.

    `chosen` is a picture with a frame; where there are no pictures, `sentence` says why.
    """

    theme: Theme
    title: str
    pixels: np.ndarray
    marks: tuple[str, ...] = ()
    chosen: int | None = None
    sentence: str = ""

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
        if not len(self.pixels):
            side_by_side.paint_sentence(painter, rect, self.title, self.sentence, self.theme)
            return
        painter.setPen(self.theme.colour("text"))
        shown = metrics.elidedText(self.title, Qt.TextElideMode.ElideMiddle, rect.width())
        painter.drawText(QPointF(rect.left(), rect.top() + metrics.ascent()), shown)
        square = self.square(rect, painter.device().devicePixelRatioF(), metrics)
        smaller = square.width() < self.side * self.pixels.shape[2]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smaller)
        painter.drawImage(square, self.image)
        self._paint_marks(painter, square)
        if self.chosen is not None:
            painter.setPen(QPen(self.theme.colour("accent"), 2.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self._tile(square, self.chosen).adjusted(-1, -1, 1, 1))

    def square(self, rect: QRectF, ratio: float, metrics: QFontMetricsF) -> QRectF:
        """Return where the square of pictures stands, below the title."""
        head = math.ceil(metrics.height()) + 4 if self.title else 0
        height, width = self.pixels.shape[1:3]
        room = rect.adjusted(0, head, 0, 0)
        zoom = whole_zoom(room.width() / (self.side * width), room.height() / (self.side * height), ratio)
        return QRectF(room.left(), room.top(), self.side * width * zoom, self.side * height * zoom)

    def hit(self, point: QPointF, rect: QRectF, ratio: float, metrics: QFontMetricsF) -> int | None:
        """Return the picture under a point, None where there is none."""
        if not len(self.pixels):
            return None
        square = self.square(rect, ratio, metrics)
        if not square.contains(point):
            return None
        column = math.floor((point.x() - square.left()) / square.width() * self.side)
        row = math.floor((point.y() - square.top()) / square.height() * self.side)
        return min(row, self.side - 1) * self.side + min(column, self.side - 1)

    def _tile(self, square: QRectF, index: int) -> QRectF:
        row, column = divmod(index, self.side)
        width, height = square.width() / self.side, square.height() / self.side
        return QRectF(square.left() + column * width, square.top() + row * height, width, height)

    def _paint_marks(self, painter: QPainter, square: QRectF) -> None:
        cell = square.width() / self.side
        font = QFont(painter.font())
        font.setPixelSize(max(8, round(cell * 0.42)))
        font.setBold(True)
        painter.save()
        painter.setFont(font)
        for index, mark in enumerate(self.marks):
            if not mark:
                continue
            tile = self._tile(square, index)
            painter.setPen(QPen(WRONG, 1))
            painter.drawRect(tile.adjusted(0.5, 0.5, -0.5, -0.5))
            painter.drawText(
                tile.adjusted(2, 0, -2, -1), Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight, mark
            )
        painter.restore()


@dataclass(frozen=True, eq=False)
class PlanesFigure:
    """Several runs' planes side by side."""

    planes: tuple[PlaneFigure, ...]
    description: str = ""

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint every plane into its cell."""
        metrics = QFontMetricsF(painter.font(), painter.device())
        for plane, cell in zip(self.planes, self._cells(rect, metrics), strict=True):
            plane.paint(painter, cell)

    def _cells(self, rect: QRectF, metrics: QFontMetricsF) -> tuple[QRectF, ...]:
        pictured = [len(plane.pixels) > 0 for plane in self.planes]
        return side_by_side.cells_and_lines(rect, pictured, math.ceil(metrics.height()) + 2)

    def hit(self, point: QPointF, rect: QRectF, ratio: float, metrics: QFontMetricsF) -> tuple[int, int] | None:
        """Return the plane and the picture in it under a point, None where there is none."""
        for index, (plane, cell) in enumerate(zip(self.planes, self._cells(rect, metrics), strict=True)):
            tile = plane.hit(point, cell, ratio, metrics) if cell.contains(point) else None
            if tile is not None:
                return index, tile
        return None
