"""Pictures of one size in a grid, with titles and captions; and the latent plane as a square of generated pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen

from viewer.figures import arrange
from viewer.figures.paper import Figure, Paper, kept
from viewer.figures.theme import Theme
from viewer.figures.tiles import Gaps, Pointed, Tiles, paint_frame, paint_image, pixel_at, sheet_of

GAP = 3.0
TIGHT = 1.0  # between cells so small that a gap would cost more than it shows
SMALL = 14.0
SIGN = 18.0  # of a sign's width
FRAME = 3.0  # around the chosen picture, kept free of the text below


@dataclass(frozen=True)
class Mark:
    """An outline around a pixel of a picture, in a colour of the theme."""

    picture: int
    row: int
    column: int
    colour: str = "accent"


@dataclass(frozen=True, eq=False)
class ImageGrid(Figure):
    """Pictures, uint8 (N, H, W, 3), in rows of one of these numbers of `columns`, or of any: what shows them largest.

    Titles and captions are left out where the cells are too small for them; those of a single picture may be as wide
    as the sheet. The chosen picture has a frame, marked pixels an outline, and a sign stands before its picture.
    """

    theme: Theme
    pixels: np.ndarray
    titles: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    columns: tuple[int, ...] = ()
    room_for: int = 0  # so many are to come: those there are stand as they will then
    chosen: int | None = None
    marks: tuple[Mark, ...] = ()
    signs: tuple[str, ...] = ()

    @cached_property
    def _side(self) -> int:
        """How many pictures the image has in a row: the painter cannot reach farther than 32,767 pixels."""
        return math.ceil(math.sqrt(len(self.pixels)))

    @cached_property
    def image(self) -> QImage:
        """All pictures in one that is near square."""
        return sheet_of(self.pixels, self._side)

    @property
    def count(self) -> int:
        """The number of pictures that room is kept for."""
        return max(len(self.pixels), self.room_for)

    # ---- layout ----

    @kept
    def tiles(self, paper: Paper) -> Tiles:
        """Return the grid that shows the pictures largest, with their texts if these find room.

        Among those it is one that leaves few cells empty, and has few rows.
        """
        below = paper.line + FRAME if self.captions else 0
        if self.titles:
            titled = self._largest(paper, paper.line, below)
            widest = max(map(paper.metrics.horizontalAdvance, self.titles))
            if self.count == 1 or widest <= titled.pitch[0]:
                return titled
        return self._largest(paper, 0, below)

    def _largest(self, paper: Paper, above: float, below: float) -> Tiles:
        tried = [self._grid(paper, each, above, below) for each in self.columns or range(1, self.count + 1)]
        return max(tried, key=lambda tiles: (tiles.zoom, -(-self.count % tiles.columns), tiles.columns))

    def _grid(self, paper: Paper, columns: int, above: float, below: float) -> Tiles:
        rect, rows = paper.rect, math.ceil(self.count / columns)
        gap = GAP if min(rect.width() / columns, rect.height() / rows) >= SMALL else TIGHT
        gaps = Gaps(SIGN if self.signs else gap, gap, above, below)
        rect = rect.adjusted(SIGN if any(self.signs[::columns]) else 0.0, 0, 0, 0)
        return Tiles.fitting(rect, self.pixels.shape[1:3], self.count, columns, paper.ratio, gaps)

    def used(self, paper: Paper) -> QRectF:
        """Return the part of the paper that the pictures and their texts take."""
        used = self.tiles(paper).used
        if self.count == 1:
            widest = max(map(paper.metrics.horizontalAdvance, (*self.titles, *self.captions)), default=0.0)
            used.setWidth(max(used.width(), min(widest + 1, paper.rect.width())))
        return used

    def hit(self, point: QPointF, paper: Paper) -> Pointed | None:
        """Return the pixel under a point."""
        tiles = self.tiles(paper)
        across, down = tiles.pitch
        column = math.floor((point.x() - tiles.cell(0).left()) / across)
        index = math.floor((point.y() - tiles.corner.y()) / down) * tiles.columns + column
        if not 0 <= column < tiles.columns or not 0 <= index < len(self.pixels):
            return None
        cell = tiles.cell(index)
        return Pointed(0, 0, index, *pixel_at(point, cell, tiles.size)) if cell.contains(point) else None

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint pictures, texts, frame and marks."""
        tiles = self.tiles(paper)
        height, width = tiles.size
        cells = [tiles.cell(index) for index in range(len(self.pixels))]
        for index, cell in enumerate(cells):
            row, column = divmod(index, self._side)
            paint_image(painter, cell, self.image, QRectF(column * width, row * height, width, height))
        if tiles.gaps.above:
            self._paint_titles(painter, cells, paper)
        self._paint_captions(painter, cells, tiles, paper)
        self._paint_outlines(painter, cells, tiles.zoom)
        painter.setPen(self.theme.colour("text"))
        for sign, cell in zip(self.signs, cells, strict=False):
            before = QRectF(cell.left() - SIGN, cell.top(), SIGN, cell.height())
            painter.drawText(before, Qt.AlignmentFlag.AlignCenter, sign)

    def _paint_titles(self, painter: QPainter, cells: Sequence[QRectF], paper: Paper) -> None:
        metrics = paper.metrics
        painter.setPen(self.theme.colour("muted"))
        for text, cell in zip(self.titles, cells, strict=False):
            if self.count == 1:
                text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, paper.rect.right() - cell.left())
            painter.drawText(QPointF(cell.left(), cell.top() - 0.3 * metrics.height()), text)

    def _paint_captions(self, painter: QPainter, cells: Sequence[QRectF], tiles: Tiles, paper: Paper) -> None:
        """Write every caption, or every second, fourth or eighth; a single one may be as wide as the sheet."""
        rect, metrics, middle = paper.rect, paper.metrics, Qt.AlignmentFlag.AlignVCenter
        painter.setPen(self.theme.colour("text"))
        stride = self._stride(tiles, paper)
        for index, (text, cell) in enumerate(zip(self.captions, cells, strict=False)):
            top, height = cell.bottom() + FRAME, tiles.gaps.below - FRAME
            if self.count == 1:
                below = QRectF(cell.left(), top, rect.right() - cell.left(), height)
                paper.at(below).write(painter, text, self.theme.colour("text"), centred=True)
            elif stride and index % stride == 0:
                width = metrics.horizontalAdvance(text) + 1
                left = max(rect.left() - 2, min(cell.center().x() - width / 2, rect.right() + 2 - width))
                painter.drawText(QRectF(left, top, width, height), middle, text)

    def _stride(self, tiles: Tiles, paper: Paper) -> int:
        """Every how many captions find room; 0 where not even one does."""
        widest = max(map(paper.metrics.horizontalAdvance, self.captions), default=0.0)
        return next((stride for stride in (1, 2, 4, 8) if widest <= stride * tiles.pitch[0]), 0)

    def _paint_outlines(self, painter: QPainter, cells: Sequence[QRectF], zoom: float) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.chosen is not None and 0 <= self.chosen < len(cells):
            paint_frame(painter, cells[self.chosen], self.theme.colour("accent"))
        for mark in self.marks:
            if 0 <= mark.picture < len(cells):
                corner = cells[mark.picture].topLeft()
                left, top = corner.x() + mark.column * zoom, corner.y() + mark.row * zoom
                self._paint_mark(painter, QRectF(left, top, zoom, zoom), mark.colour)

    def _paint_mark(self, painter: QPainter, pixel: QRectF, colour: str) -> None:
        """Two lines, one dark and one bright, so that they are seen on every colour of the scale."""
        reach = max(0.0, 2.5 - pixel.width() / 2)  # a pixel too small to be seen has a frame around it
        framed = pixel.adjusted(-reach, -reach, reach, reach)
        painter.setPen(QPen(self.theme.colour("base"), 3))
        painter.drawRect(framed)
        painter.setPen(QPen(self.theme.colour(colour), 1.5))
        painter.drawRect(framed)


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
        tiles = self.tiles(paper) if len(self.pixels) else None
        if tiles is None or not tiles.used.contains(point):
            return None
        row, column = pixel_at(point, tiles.used, (self.side, self.side))
        return row * self.side + column

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
