"""Pictures of one size in a grid, with titles and captions, whose pixels can be pointed at; and figures of several.

A pixel takes a whole number of device pixels as long as that fits, as everywhere in the window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPen

from viewer.figures.mosaic import Scale, paint_scale, to_image, whole_zoom
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

GAP = 3.0
TIGHT = 1.0  # between cells so small that a gap would cost more than it shows
SMALL = 14.0
FRAME = 3.0  # around the chosen picture, kept free of the text below


class GridPixel(NamedTuple):
    """What lies under a point: a pixel of a picture, or (row −1) its title."""

    picture: int
    row: int
    column: int


@dataclass(frozen=True)
class Mark:
    """An outline around a pixel of a picture, in a colour of the theme."""

    picture: int
    row: int
    column: int
    colour: str = "accent"


@dataclass(frozen=True)
class Cells:
    """Where the pictures stand: `columns` to a row, each `zoom` times as large; lines of text take `above`, `below`."""

    columns: int
    zoom: float
    gap: float
    above: float
    below: float


@dataclass(frozen=True, eq=False)
class ImageGrid(Figure):
    """Pictures, uint8 (N, H, W, 3); `columns` of them to a row, or as many as show them largest.

    Titles and captions are left out where the cells are too small for them; those of a single picture may be as wide
    as the sheet. The chosen picture has a frame, marked pixels an outline.
    """

    theme: Theme
    pixels: np.ndarray
    titles: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    columns: int = 0
    room_for: int = 0  # so many are to come: those there are stand as they will then
    chosen: int | None = None
    marks: tuple[Mark, ...] = ()
    _cells: dict[tuple[float, ...], Cells] = field(default_factory=dict)

    @cached_property
    def image(self) -> QImage:
        """All pictures in one that is near square: the painter cannot reach farther than 32,767 pixels."""
        count, height, width = self.pixels.shape[:3]
        side = math.ceil(math.sqrt(count))
        full = np.zeros((side * math.ceil(count / side), height, width, 3), dtype=np.uint8)
        full[:count] = self.pixels
        rows = full.reshape(-1, side, height, width, 3).transpose(0, 2, 1, 3, 4)
        return to_image(np.ascontiguousarray(rows.reshape(-1, side * width, 3)))

    @property
    def count(self) -> int:
        """The number of pictures that room is kept for."""
        return max(len(self.pixels), self.room_for)

    # ---- layout ----

    def cells(self, paper: Paper) -> Cells:
        """Return the grid that shows the pictures largest in `rect`, with their texts if these find room.

        Among those it is one that leaves few cells empty, and has few rows.
        """
        _rect, _ratio, _metrics = paper.rect, paper.ratio, paper.metrics
        key = paper.key
        if key not in self._cells:
            self._cells.clear()
            self._cells[key] = self._best(paper)
        return self._cells[key]

    def _best(self, paper: Paper) -> Cells:
        _rect, _ratio, metrics = paper.rect, paper.ratio, paper.metrics
        line = math.ceil(metrics.height())
        below = line + FRAME if self.captions else 0
        if self.titles:
            titled = self._largest(paper, line, below)
            widest = max(map(metrics.horizontalAdvance, self.titles))
            if self.count == 1 or widest <= self.pixels.shape[2] * titled.zoom + titled.gap:
                return titled
        return self._largest(paper, 0, below)

    def _largest(self, paper: Paper, above: float, below: float) -> Cells:
        choices = [self.columns] if self.columns else range(1, self.count + 1)
        tried = [self._grid(paper, columns, above, below) for columns in choices]
        return max(tried, key=lambda cells: (cells.zoom, -(-self.count % cells.columns), cells.columns))

    def _grid(self, paper: Paper, columns: int, above: float, below: float) -> Cells:
        rect, (height, width) = paper.rect, self.pixels.shape[1:3]
        rows = math.ceil(self.count / columns)
        gap = GAP if min(rect.width() / columns, rect.height() / rows) >= SMALL else TIGHT
        across = (rect.width() - gap * (columns - 1)) / columns / width
        down = (rect.height() - (gap + above + below) * rows + gap) / rows / height
        return Cells(columns, whole_zoom(across, down, paper.ratio), gap, above, below)

    def used(self, paper: Paper) -> QRectF:
        """Return the part of `rect` that the pictures and their texts take."""
        rect = paper.rect
        cells = self.cells(paper)
        height, width = self.pixels.shape[1:3]
        rows = math.ceil(self.count / cells.columns)
        tall = rows * (height * cells.zoom + cells.above + cells.below + cells.gap) - cells.gap
        wide = cells.columns * (width * cells.zoom + cells.gap) - cells.gap
        return QRectF(rect.left(), rect.top(), wide, tall)

    def cell(self, index: int, paper: Paper) -> QRectF:
        """Return where a picture stands."""
        rect, ratio = paper.rect, paper.ratio
        cells = self.cells(paper)
        height, width = (size * cells.zoom for size in self.pixels.shape[1:3])
        row, column = divmod(index, cells.columns)
        left = rect.left() + column * (width + cells.gap)
        top = rect.top() + row * (height + cells.above + cells.below + cells.gap) + cells.above
        return QRectF(math.ceil(left * ratio) / ratio, math.ceil(top * ratio) / ratio, width, height)

    def hit(self, point: QPointF, paper: Paper) -> GridPixel | None:
        """Return the pixel or the title under a point."""
        rect = paper.rect
        cells = self.cells(paper)
        height, width = self.pixels.shape[1:3]
        first = self.cell(0, paper)
        across = first.width() + cells.gap
        down = first.height() + cells.above + cells.below + cells.gap
        column, row = math.floor((point.x() - first.left()) / across), math.floor((point.y() - rect.top()) / down)
        index = row * cells.columns + column
        if row < 0 or not 0 <= column < cells.columns or index >= len(self.pixels):
            return None
        cell = self.cell(index, paper)
        if not cell.adjusted(0, -cells.above, 0, 0).contains(point):
            return None
        if point.y() < cell.top():
            return GridPixel(index, -1, 0)
        y, x = (point.y() - cell.top()) / cells.zoom, (point.x() - cell.left()) / cells.zoom
        return GridPixel(index, min(height - 1, math.floor(y)), min(width - 1, math.floor(x)))

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint pictures, texts, frame and marks inside `rect`."""
        ratio = paper.ratio
        cells = self.cells(paper)
        height, width = self.pixels.shape[1:3]
        side = self.image.width() // width
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, cells.zoom * ratio < 0.99)
        rects = [self.cell(index, paper) for index in range(len(self.pixels))]
        for index, cell in enumerate(rects):
            row, column = divmod(index, side)
            painter.drawImage(cell, self.image, QRectF(column * width, row * height, width, height))
        self._paint_texts(painter, rects, cells, paper)
        self._paint_outlines(painter, rects, cells)

    def _paint_texts(self, painter: QPainter, rects: Sequence[QRectF], cells: Cells, paper: Paper) -> None:
        rect, metrics = paper.rect, paper.metrics
        alone, middle = self.count == 1, Qt.AlignmentFlag.AlignVCenter
        painter.setPen(self.theme.colour("muted"))
        if cells.above:
            for text, cell in zip(self.titles, rects, strict=False):
                if alone:
                    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.right() - cell.left())
                painter.drawText(QPointF(cell.left(), cell.top() - 0.3 * metrics.height()), text)
        painter.setPen(self.theme.colour("text"))
        stride = 1 if alone else self._stride(cells, metrics)
        for index, (text, cell) in enumerate(zip(self.captions, rects, strict=False)):
            below = QRectF(cell.left(), cell.bottom() + FRAME, cell.width(), cells.below - FRAME)
            if alone:
                below.setRight(rect.right())
                shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, below.width())
                painter.drawText(below, middle, shown)
            elif stride and index % stride == 0:
                width = metrics.horizontalAdvance(text) + 1
                left = max(rect.left() - 2, min(cell.center().x() - width / 2, rect.right() + 2 - width))
                painter.drawText(QRectF(left, cell.bottom() + FRAME, width, cells.below - FRAME), middle, text)

    def _stride(self, cells: Cells, metrics: QFontMetricsF) -> int:
        """Every how many captions find room; 0 where not even one does."""
        pitch = self.pixels.shape[2] * cells.zoom + cells.gap
        widest = max(map(metrics.horizontalAdvance, self.captions), default=0.0)
        return next((stride for stride in (1, 2, 4, 8) if widest <= stride * pitch), 0)

    def _paint_outlines(self, painter: QPainter, rects: Sequence[QRectF], cells: Cells) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.chosen is not None and 0 <= self.chosen < len(rects):
            painter.setPen(QPen(self.theme.colour("accent"), 2))
            painter.drawRect(rects[self.chosen].adjusted(-1.5, -1.5, 1.5, 1.5))
        for mark in self.marks:
            if 0 <= mark.picture < len(rects):
                corner = rects[mark.picture].topLeft()
                left, top = corner.x() + mark.column * cells.zoom, corner.y() + mark.row * cells.zoom
                self._paint_mark(painter, QRectF(left, top, cells.zoom, cells.zoom), mark.colour)

    def _paint_mark(self, painter: QPainter, pixel: QRectF, colour: str) -> None:
        """Two lines, one dark and one bright, so that they are seen on every colour of the scale."""
        reach = max(0.0, 2.5 - pixel.width() / 2)  # a pixel too small to be seen has a frame around it
        framed = pixel.adjusted(-reach, -reach, reach, reach)
        painter.setPen(QPen(self.theme.colour("base"), 3))
        painter.drawRect(framed)
        painter.setPen(QPen(self.theme.colour(colour), 1.5))
        painter.drawRect(framed)


@dataclass(frozen=True, eq=False)
class ScaleLine(Figure):
    """A colour scale on a line of its own."""

    theme: Theme
    scale: Scale

    def paint(self, painter: QPainter, paper: Paper) -> None:
        paint_scale(painter, paper, self.scale, self.theme)
