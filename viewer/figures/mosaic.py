"""Rows of small images with captions and, below them, chosen ones large: the figure of three panels.

A pixel of an image always takes a whole number of device pixels, so that 28×28 images look alike and sharp at any
zoom and any display.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QImage, QPainter, QPen

from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

GAP = 3.0
LABEL_GAP = 8.0
BLOCK_GAP = 14.0
LARGEST_ZOOM = 32


@dataclass(frozen=True, eq=False)
class ImageRow:
    """A labelled row of images, uint8 (N, H, W, 3)."""

    label: str
    pixels: np.ndarray

    @cached_property
    def image(self) -> QImage:
        """All images beside one another in one QImage, which shares the array's memory."""
        return to_image(np.ascontiguousarray(self.pixels.transpose(1, 0, 2, 3).reshape(self.pixels.shape[1], -1, 3)))


@dataclass(frozen=True, eq=False)
class Large:
    """One image shown large, with what is written below it; uint8 (H, W, 3)."""

    label: str
    pixels: np.ndarray
    caption: str = ""

    @cached_property
    def image(self) -> QImage:
        return to_image(np.ascontiguousarray(self.pixels))


@dataclass(frozen=True, eq=False)
class Scale:
    """A colour scale with its ends written beside it; `table` is uint8 (256, 3)."""

    low: str
    high: str
    table: np.ndarray
    label: str = ""

    @cached_property
    def image(self) -> QImage:
        return to_image(np.ascontiguousarray(self.table[None]))


def to_image(pixels: np.ndarray) -> QImage:
    """Return a QImage on an array, uint8 (H, W, 3); the QImage keeps the array alive, and nobody may change it."""
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)


@dataclass(frozen=True)
class MosaicLayout:
    """Where everything stands, for hit tests as much as for painting; rectangles are in logical pixels."""

    cells: tuple[tuple[QRectF, ...], ...] = ()
    captions: tuple[QRectF, ...] = ()
    labels: tuple[QRectF, ...] = ()
    large: tuple[QRectF, ...] = ()
    scale_rect: QRectF = field(default_factory=QRectF)


class MosaicPixel(NamedTuple):
    """What lies under a point: the image of a row (or the large one of this index), and the pixel in it."""

    row: int
    image: int
    y: int
    x: int
    large: bool


@dataclass(frozen=True, eq=False)
class MosaicFigure(Figure):
    """The rows, a caption under each column, the chosen column's images large, and a colour scale."""

    theme: Theme
    rows: tuple[ImageRow, ...]
    captions: tuple[str, ...] = ()
    caption_label: str = ""
    chosen: int = 0
    large: tuple[Large, ...] = ()
    scale: Scale | None = None
    description: str = ""

    # ---- layout ----

    def layout(self, paper: Paper) -> MosaicLayout:
        """Place everything in `rect` on a display with `ratio` device pixels a logical one."""
        rect, ratio, metrics = paper.rect, paper.ratio, paper.metrics
        if not self.rows:
            return MosaicLayout()
        line = math.ceil(metrics.height())
        margin = self._label_width(metrics)
        count, height, width = self.rows[0].pixels.shape[:3]
        room = rect.width() - margin - GAP * (count - 1)
        footer = line + GAP if self.captions else 0.0
        tall = (rect.height() - footer - GAP * len(self.rows)) / len(self.rows)
        zoom = whole_zoom(room / count / width, tall / height, ratio)
        cells, top = [], rect.top()
        for _ in self.rows:
            cells.append(self._line_of_cells(rect.left() + margin, top, count, width * zoom, height * zoom, ratio))
            top = cells[-1][0].bottom() + GAP
        captions = tuple(QRectF(c.center().x() - _reach(c), top - GAP / 2, 2 * _reach(c), line) for c in cells[-1])
        top += footer + BLOCK_GAP - GAP
        scale_height = line + BLOCK_GAP if self.scale else 0.0
        below = QRectF(rect.left(), top, rect.width(), rect.bottom() - top - scale_height)
        large = self._arrange_large(below, ratio, line, indent=margin)
        noted = line if any(entry.caption for entry in self.large) else 0.0
        space = noted + line if large else 0.0
        scale_top = max((r.bottom() for r in large), default=top - BLOCK_GAP) + space + GAP
        return MosaicLayout(
            cells=tuple(cells),
            captions=captions if self.captions else (),
            labels=tuple(QRectF(rect.left(), r[0].top(), margin - LABEL_GAP, r[0].height()) for r in cells),
            large=large,
            scale_rect=QRectF(rect.left() + margin, scale_top, rect.width() - margin, line) if self.scale else QRectF(),
        )

    def _label_width(self, metrics: QFontMetricsF) -> float:
        texts = [row.label for row in self.rows] + [self.caption_label]
        widest = max(metrics.horizontalAdvance(word) for word in texts)
        return widest + LABEL_GAP if widest else 0.0

    @staticmethod
    def _line_of_cells(
        left: float, top: float, count: int, width: float, height: float, ratio: float
    ) -> tuple[QRectF, ...]:
        top = math.ceil(top * ratio) / ratio
        lefts = [math.ceil((left + index * (width + GAP)) * ratio) / ratio for index in range(count)]
        return tuple(QRectF(x, top, width, height) for x in lefts)

    def _arrange_large(self, rect: QRectF, ratio: float, line: float, *, indent: float) -> tuple[QRectF, ...]:
        if not self.large or rect.height() < 4 * line:
            return ()
        room = (rect.width() - indent - BLOCK_GAP * (len(self.large) - 1)) / len(self.large)
        tall = rect.height() - line - GAP - (line if any(entry.caption for entry in self.large) else 0)
        rects, left = [], rect.left() + indent
        side = min(room, tall)
        for entry in self.large:
            height, width = entry.pixels.shape[:2]
            zoom = whole_zoom(room / width, min(tall, side * max(1.0, height / width)) / height, ratio)
            x, y = math.ceil(left * ratio) / ratio, math.ceil((rect.top() + line) * ratio) / ratio
            rects.append(QRectF(x, y, width * zoom, height * zoom))
            left = rects[-1].right() + BLOCK_GAP
        return tuple(rects)

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return the column under a point, None where there is none."""
        for row in self.layout(paper).cells:
            for index, cell in enumerate(row):
                if cell.adjusted(-GAP / 2, -GAP / 2, GAP / 2, GAP / 2).contains(point):
                    return index
        return None

    def spot(self, point: QPointF, paper: Paper) -> MosaicPixel | None:
        """Return which pixel of which image lies under a point; None beside the images."""
        layout = self.layout(paper)
        for row, cells in enumerate(layout.cells):
            for image, cell in enumerate(cells):
                if cell.contains(point):
                    return MosaicPixel(row, image, *_pixel(point, cell, self.rows[row].pixels.shape[1:3]), large=False)
        for index, (cell, entry) in enumerate(zip(layout.large, self.large, strict=False)):
            if cell.contains(point):
                return MosaicPixel(index, self.chosen, *_pixel(point, cell, entry.pixels.shape[:2]), large=True)
        return None

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint all of it inside `rect`."""
        rect = paper.rect
        layout = self.layout(paper)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        for row, cells in zip(self.rows, layout.cells, strict=True):
            height, width = row.pixels.shape[1:3]
            for index, cell in enumerate(cells):
                _draw(painter, row.image, cell, QRectF(index * width, 0, width, height))
        self._paint_texts(painter, layout)
        self._paint_chosen(painter, layout)
        self._paint_large(painter, layout, rect.right())
        if self.scale:
            paint_scale(painter, paper.at(layout.scale_rect), self.scale, self.theme)

    def _paint_texts(self, painter: QPainter, layout: MosaicLayout) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(self.theme.colour("muted"))
        metrics = QFontMetricsF(painter.font(), painter.device())
        for row, rect in zip(self.rows, layout.labels, strict=True):
            if rect.height() >= metrics.ascent():
                painter.drawText(rect, middle | Qt.AlignmentFlag.AlignRight, row.label)
        captions = zip(self.captions, layout.captions, strict=False)
        fitting = [(text, rect) for text, rect in captions if metrics.horizontalAdvance(text) <= rect.width()]
        for text, rect in fitting:  # none runs into its neighbour
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
        if fitting and layout.labels:
            first = layout.captions[0]
            rect = QRectF(layout.labels[0].left(), first.top(), layout.labels[0].width(), first.height())
            painter.drawText(rect, middle | Qt.AlignmentFlag.AlignRight, self.caption_label)

    def _paint_chosen(self, painter: QPainter, layout: MosaicLayout) -> None:
        if not self.large or not layout.cells or not 0 <= self.chosen < len(layout.cells[0]):
            return
        column = QRectF(layout.cells[0][self.chosen]).united(layout.cells[-1][self.chosen])
        painter.setPen(QPen(self.theme.colour("accent"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(column.adjusted(-1.5, -1.5, 1.5, 1.5))

    def _paint_large(self, painter: QPainter, layout: MosaicLayout, right: float) -> None:
        metrics = QFontMetricsF(painter.font(), painter.device())
        line, ends = metrics.height(), [*(rect.left() - GAP for rect in layout.large[1:]), right]
        for entry, rect, end in zip(self.large, layout.large, ends, strict=False):
            height, width = entry.pixels.shape[:2]
            _draw(painter, entry.image, rect, QRectF(0, 0, width, height))
            above, below = rect.top() - 0.35 * line, rect.bottom() + 0.95 * line
            for text, colour, y in ((entry.label, "muted", above), (entry.caption, "text", below)):
                if metrics.horizontalAdvance(text) <= end - rect.left():
                    painter.setPen(self.theme.colour(colour))
                    painter.drawText(QPointF(rect.left(), y), text)


def whole_zoom(across: float, down: float, ratio: float) -> float:
    """Return the largest zoom that fits and takes whole device pixels; a fraction only where the image is larger."""
    fits = max(min(across, down), 1e-3)
    whole = math.floor(fits * ratio) / ratio
    return min(whole, LARGEST_ZOOM) if whole > 0 else fits


def _pixel(point: QPointF, cell: QRectF, size: tuple[int, ...]) -> tuple[int, int]:
    """The (row, column) of an image of this (height, width) that lies under a point of its cell."""
    row = math.floor((point.y() - cell.top()) / cell.height() * size[0])
    column = math.floor((point.x() - cell.left()) / cell.width() * size[1])
    return max(0, min(size[0] - 1, row)), max(0, min(size[1] - 1, column))


def _reach(cell: QRectF) -> float:
    return cell.width() / 2 + GAP / 2


def _draw(painter: QPainter, image: QImage, target: QRectF, source: QRectF) -> None:
    smaller = target.width() < source.width() - 0.5
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smaller)
    painter.drawImage(target, image, source)


def paint_scale(painter: QPainter, paper: Paper, scale: Scale, theme: Theme) -> None:
    """Paint a colour scale: its label, its low end, the colours, its high end."""
    rect, metrics = paper.rect, paper.metrics
    left, middle = rect.left(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    for text, colour in ((scale.label, "muted"), (scale.low, "text"), (None, ""), (scale.high, "text")):
        if text is None:
            bar = QRectF(left, rect.center().y() - 4, min(120.0, max(20.0, rect.right() - left - 60)), 8)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
            painter.drawImage(bar, scale.image, QRectF(0, 0, scale.image.width(), 1))
            left = bar.right() + 6
        elif text and metrics.horizontalAdvance(text) <= rect.right() - left:
            painter.setPen(theme.colour(colour))
            painter.drawText(QRectF(left, rect.top(), rect.right() - left, rect.height()), middle, text)
            left += metrics.horizontalAdvance(text) + 6


def small_font(font: QFont) -> QFont:
    """Return the font of captions, a little smaller than the window's."""
    small = QFont(font)
    if font.pointSizeF() > 0:
        small.setPointSizeF(max(7.0, font.pointSizeF() - 1))
    return small
