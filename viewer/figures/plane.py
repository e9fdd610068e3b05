"""The latent plane: a square of generated pictures, with those marked that a classifier takes for something else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen

from viewer.figures import arrange
from viewer.figures.mosaic import to_image, whole_zoom
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

WRONG = QColor("#00c853")  # the sheet's green numbers


@dataclass(frozen=True, eq=False)
class PlaneFigure(Figure):
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

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint title, pictures and marks inside `rect`."""
        rect, metrics = paper.rect, paper.metrics
        if not len(self.pixels):
            arrange.paint_sentence(painter, paper, self.title, self.sentence, self.theme)
            return
        painter.setPen(self.theme.colour("text"))
        shown = metrics.elidedText(self.title, Qt.TextElideMode.ElideMiddle, rect.width())
        painter.drawText(QPointF(rect.left(), rect.top() + metrics.ascent()), shown)
        square = self.square(paper)
        smaller = square.width() < self.side * self.pixels.shape[2]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smaller)
        painter.drawImage(square, self.image)
        self._paint_marks(painter, square)
        if self.chosen is not None:
            painter.setPen(QPen(self.theme.colour("accent"), 2.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self._tile(square, self.chosen).adjusted(-1, -1, 1, 1))

    def square(self, paper: Paper) -> QRectF:
        """Return where the square of pictures stands, below the title."""
        rect, ratio, metrics = paper.rect, paper.ratio, paper.metrics
        head = math.ceil(metrics.height()) + 4 if self.title else 0
        height, width = self.pixels.shape[1:3]
        room = rect.adjusted(0, head, 0, 0)
        zoom = whole_zoom(room.width() / (self.side * width), room.height() / (self.side * height), ratio)
        return QRectF(room.left(), room.top(), self.side * width * zoom, self.side * height * zoom)

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return the picture under a point, None where there is none."""
        if not len(self.pixels):
            return None
        square = self.square(paper)
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
class PlanesFigure(Figure):
    """Several runs' planes side by side."""

    planes: tuple[PlaneFigure, ...]
    description: str = ""

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint every plane into its cell."""
        for plane, cell in zip(self.planes, self._cells(paper), strict=True):
            plane.paint(painter, paper.at(cell))

    def _cells(self, paper: Paper) -> tuple[QRectF, ...]:
        _rect, _metrics = paper.rect, paper.metrics
        pictured = [len(plane.pixels) > 0 for plane in self.planes]
        return arrange.cells_and_lines(paper, pictured)

    def hit(self, point: QPointF, paper: Paper) -> tuple[int, int] | None:
        """Return the plane and the picture in it under a point, None where there is none."""
        for index, (plane, cell) in enumerate(zip(self.planes, self._cells(paper), strict=True)):
            tile = plane.hit(point, paper.at(cell)) if cell.contains(point) else None
            if tile is not None:
                return index, tile
        return None
