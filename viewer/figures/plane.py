"""The latent plane: a square of generated pictures, with those marked that a classifier takes for something else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen

from viewer.figures import arrange
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import Tiles, paint_frame, paint_image, sheet_of

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
        """All pictures in one."""
        return sheet_of(self.pixels[: self.side**2], self.side)

    def tiles(self, paper: Paper) -> Tiles:
        """Return where the pictures stand, below the title."""
        room = paper.rect.adjusted(0, paper.line + 4 if self.title else 0, 0, 0)
        return Tiles.fitting(room, self.pixels.shape[1:3], self.side**2, self.side, paper.ratio)

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return the picture under a point, None where there is none."""
        return self.tiles(paper).index_at(point) if len(self.pixels) else None

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint title, pictures and marks."""
        if not len(self.pixels):
            arrange.paint_sentence(painter, paper, self.title, self.sentence, self.theme)
            return
        tiles = self.tiles(paper)
        paper.write(painter, self.title, self.theme.colour("text"), keep_ends=True)
        paint_image(painter, QRectF(tiles.cell(0).topLeft(), tiles.used.size()), self.image)
        self._paint_marks(painter, tiles)
        if self.chosen is not None:
            paint_frame(painter, tiles.cell(self.chosen), self.theme.colour("accent"), away=1.0)

    def _paint_marks(self, painter: QPainter, tiles: Tiles) -> None:
        font = QFont(painter.font())
        font.setPixelSize(max(8, round(tiles.width * 0.42)))
        font.setBold(True)
        painter.save()
        painter.setFont(font)
        corner = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight
        for index, mark in enumerate(self.marks):
            if mark:
                cell = tiles.cell(index)
                painter.setPen(QPen(WRONG, 1))
                painter.drawRect(cell.adjusted(0.5, 0.5, -0.5, -0.5))
                painter.drawText(cell.adjusted(2, 0, -2, -1), corner, mark)
        painter.restore()


def side_by_side(planes: Mapping[str, Figure], paper: Paper) -> dict[str, QRectF]:
    """Return where several runs' planes stand: one that is but a sentence has a line."""
    pictured = [isinstance(plane, PlaneFigure) and len(plane.pixels) > 0 for plane in planes.values()]
    return dict(zip(planes, arrange.cells_and_lines(paper, pictured), strict=True))
