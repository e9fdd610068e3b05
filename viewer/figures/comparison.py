"""Several runs beside one another on the same images: a block of bands for each, each band one image after another.

Where the room is tall the runs are columns and an image is a row; where it is wide and low it is the other way round,
since images that can be seen matter more. A pixel takes a whole number of device pixels as long as that fits.
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

from viewer.figures.mosaic import Scale, paint_scale, to_image
from viewer.figures.theme import Theme

GAP = 3.0
BLOCK_GAP = 14.0
LARGEST_ZOOM = 16
NARROWEST_TITLE = 90.0
WIDEST_TITLE = 170.0


@dataclass(frozen=True, eq=False)
class Band:
    """Images that belong together, uint8 (N, H, W, 3)."""

    label: str
    pixels: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of an image."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @cached_property
    def image(self) -> QImage:
        """All images below one another in one QImage, which shares the array's memory."""
        return to_image(np.ascontiguousarray(self.pixels.reshape(-1, *self.pixels.shape[2:])))


@dataclass(frozen=True, eq=False)
class Block:
    """A run: its name, a line below it, its bands, and a caption for each image; `sentence` stands where bands fail."""

    title: str
    bands: tuple[Band, ...] = ()
    captions: tuple[str, ...] = ()
    note: str = ""
    sentence: str = ""


class Hit(NamedTuple):
    """What lies under a point."""

    block: int
    band: int
    image: int


@dataclass(frozen=True)
class Placed:
    """Where everything stands; `cells[block][band][image]`."""

    columns: bool
    zoom: float
    cells: tuple[tuple[tuple[QRectF, ...], ...], ...]
    heads: tuple[QRectF, ...]
    captions: tuple[tuple[QRectF, ...], ...]
    scale: QRectF


@dataclass(frozen=True, eq=False)
class ComparisonFigure:
    """Blocks on the same images; `chosen` is marked in all of them."""

    theme: Theme
    blocks: tuple[Block, ...]
    chosen: int = 0
    scale: Scale | None = None
    description: str = ""
    _placed: dict[tuple[float, ...], Placed] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of images."""
        return max((len(band.pixels) for block in self.blocks for band in block.bands), default=0)

    # ---- layout ----

    def layout(self, rect: QRectF, ratio: float, metrics: QFontMetricsF) -> Placed:
        """Place everything in `rect`, in the orientation that shows images larger."""
        key = (rect.x(), rect.y(), rect.width(), rect.height(), ratio, metrics.height())
        if key not in self._placed:
            line = math.ceil(metrics.height())
            inner = rect.adjusted(0, 0, 0, -(line + GAP) if self.scale else 0)
            widest = self._widest_caption(metrics)
            across = self._zoom(inner, ratio, line, widest, columns=True)
            down = self._zoom(inner, ratio, line, widest, columns=False)
            columns = across >= down
            placed = self._place(inner, max(across, down), line, widest, metrics, columns=columns)
            self._placed.clear()
            self._placed[key] = placed
        return self._placed[key]

    def _widest_caption(self, metrics: QFontMetricsF) -> float:
        widths = [metrics.horizontalAdvance(text) for block in self.blocks for text in block.captions]
        return max(widths, default=0.0)

    def _zoom(self, rect: QRectF, ratio: float, line: float, caption: float, *, columns: bool) -> float:
        """The largest zoom that fits: in whole device pixels, or a fraction where even one is too much."""
        for steps in range(math.floor(LARGEST_ZOOM * ratio), 0, -1):
            width, height = self._size(steps / ratio, line, caption, columns=columns)
            if width <= rect.width() and height <= rect.height():
                return steps / ratio
        zoom = 1 / ratio
        while zoom > 0.05:
            width, height = self._size(zoom, line, caption, columns=columns)
            if width <= rect.width() and height <= rect.height():
                break
            zoom *= 0.9
        return zoom

    def _scaled(self, band: Band, zoom: float) -> tuple[float, float]:
        """(height, width) of an image of a band: as tall as the first band's, in whole steps where they fit."""
        tallest = max(b.size[0] for block in self.blocks for b in block.bands)
        own = zoom * max(1, tallest // band.size[0])
        return band.size[0] * own, band.size[1] * own

    def _size(self, zoom: float, line: float, caption: float, *, columns: bool) -> tuple[float, float]:
        """(width, height) that everything takes."""
        breadths, stretch = [], 0.0
        for block in self.blocks:
            sizes = [self._scaled(band, zoom) for band in block.bands]
            along = [size[0] if columns else size[1] for size in sizes]
            stretch = max([stretch, *along])
            thick = sum((size[1] if columns else size[0]) + GAP for size in sizes)
            if columns:
                room = NARROWEST_TITLE if not block.bands else thick + (caption + GAP if block.captions else 0)
                breadths.append(max(room, 54.0))
            else:
                breadths.append(max(thick + (line if block.captions else 0), 2 * line))
        gaps = BLOCK_GAP * max(0, len(self.blocks) - 1)
        if columns:
            return sum(breadths) + gaps, 3 * line + self.count * (stretch + GAP)
        return self._title_width() + self.count * (stretch + GAP), sum(breadths) + gaps

    @staticmethod
    def _title_width() -> float:
        return WIDEST_TITLE

    def _place(
        self, rect: QRectF, zoom: float, line: float, caption: float, metrics: QFontMetricsF, *, columns: bool
    ) -> Placed:
        cells, heads, captions = [], [], []
        x, y = rect.left(), rect.top()
        for block in self.blocks:
            sizes = [self._scaled(band, zoom) for band in block.bands]
            if columns:
                thick = sum(width + GAP for _, width in sizes)
                room = max(thick + (caption + GAP if block.captions else 0), NARROWEST_TITLE if not sizes else 54.0)
                cells.append(self._strips(x, y + 3 * line, sizes, columns=True))
                heads.append(QRectF(x, y, room, 3 * line))
                captions.append(
                    tuple(QRectF(x + thick, c.top(), caption + GAP, c.height()) for c in (cells[-1] or ((),))[0])
                    if block.captions
                    else ()
                )
                x += room + BLOCK_GAP
            else:
                thick = sum(height + GAP for height, _ in sizes)
                left = rect.left() + self._title_width()
                cells.append(self._strips(left, y, sizes, columns=False))
                tall = max(thick + (line if block.captions else 0), 2 * line)
                heads.append(QRectF(rect.left(), y, self._title_width() - 8, tall))
                captions.append(
                    tuple(QRectF(c.left() - 10, y + thick, c.width() + 20, line) for c in (cells[-1] or ((),))[0])
                    if block.captions
                    else ()
                )
                y += tall + BLOCK_GAP
        ends = [cell.bottom() for block in cells for strip in block for cell in strip]
        bottom = max([*ends, *(r.bottom() for r in heads)], default=rect.top()) + (
            line if not columns and any(captions) else 0
        )
        scale = QRectF(rect.left(), min(bottom + GAP, rect.bottom() + GAP), rect.width(), line)
        return Placed(columns, zoom, tuple(cells), tuple(heads), tuple(captions), scale)

    def _strips(
        self, x: float, y: float, sizes: Sequence[tuple[float, float]], *, columns: bool
    ) -> tuple[tuple[QRectF, ...], ...]:
        strips = []
        pitch = max((height if columns else width for height, width in sizes), default=0.0) + GAP
        for height, width in sizes:
            if columns:
                strips.append(tuple(QRectF(x, y + index * pitch, width, height) for index in range(self.count)))
                x += width + GAP
            else:
                strips.append(tuple(QRectF(x + index * pitch, y, width, height) for index in range(self.count)))
                y += height + GAP
        return tuple(strips)

    def hit(self, point: QPointF, rect: QRectF, ratio: float, metrics: QFontMetricsF) -> Hit | None:
        """Return what lies under a point, None where no image does."""
        for block, strips in enumerate(self.layout(rect, ratio, metrics).cells):
            for band, strip in enumerate(strips):
                for image, cell in enumerate(strip):
                    if cell.adjusted(-GAP / 2, -GAP / 2, GAP / 2, GAP / 2).contains(point):
                        return Hit(block, band, image)
        return None

    # ---- painting ----

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint all blocks inside `rect`."""
        metrics = QFontMetricsF(painter.font(), painter.device())
        placed = self.layout(rect, painter.device().devicePixelRatioF(), metrics)
        for block, strips, head in zip(self.blocks, placed.cells, placed.heads, strict=True):
            for band, strip in zip(block.bands, strips, strict=True):
                self._paint_strip(painter, band, strip)
            self._paint_head(painter, block, head, strips, metrics, columns=placed.columns)
        self._paint_captions(painter, placed)
        self._paint_chosen(painter, placed)
        if self.scale:
            paint_scale(painter, placed.scale, self.scale, self.theme)

    def _paint_strip(self, painter: QPainter, band: Band, strip: Sequence[QRectF]) -> None:
        height, width = band.size
        for index, cell in enumerate(strip[: len(band.pixels)]):
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, cell.width() < width - 0.5)
            painter.drawImage(cell, band.image, QRectF(0, index * height, width, height))

    def _paint_head(
        self,
        painter: QPainter,
        block: Block,
        head: QRectF,
        strips: Sequence[Sequence[QRectF]],
        metrics: QFontMetricsF,
        *,
        columns: bool,
    ) -> None:
        line = metrics.height()
        for index, (text, colour) in enumerate(((block.title, "text"), (block.note, "muted"))):
            painter.setPen(self.theme.colour(colour))
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, head.width())
            painter.drawText(QPointF(head.left(), head.top() + index * line + metrics.ascent()), shown)
        if block.sentence:
            painter.setPen(self.theme.colour("muted"))
            below = head.adjusted(0, 3 * line, 0, 8 * line) if columns else head.adjusted(head.width() + 8, 0, 400, 0)
            painter.drawText(below, int(Qt.TextFlag.TextWordWrap), block.sentence)
        painter.setPen(self.theme.colour("muted"))
        for band, strip in zip(block.bands, strips, strict=True):
            if not strip or not band.label:
                continue
            if columns:
                box = QRectF(strip[0].left() - 6, head.bottom() - line - 1, strip[0].width() + 12, line)
                if metrics.horizontalAdvance(band.label) <= box.width():
                    painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, band.label)
            elif strip[0].top() >= head.top() + 2 * line or not block.note:
                box = QRectF(head.left(), strip[0].top(), head.width(), strip[0].height())
                if strip[0].top() >= head.top() + line or not block.title:
                    painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, band.label)

    def _paint_captions(self, painter: QPainter, placed: Placed) -> None:
        metrics = QFontMetricsF(painter.font(), painter.device())
        painter.setPen(self.theme.colour("muted"))
        side = Qt.AlignmentFlag.AlignVCenter | (
            Qt.AlignmentFlag.AlignLeft if placed.columns else Qt.AlignmentFlag.AlignHCenter
        )
        for block, places in zip(self.blocks, placed.captions, strict=True):
            for text, place in zip(block.captions, places, strict=False):
                if metrics.horizontalAdvance(text) <= place.width():
                    painter.drawText(place, side, text)

    def _paint_chosen(self, painter: QPainter, placed: Placed) -> None:
        if not 0 <= self.chosen < self.count:
            return
        painter.setPen(QPen(self.theme.colour("accent"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for strips in placed.cells:
            cells = [strip[self.chosen] for strip in strips if self.chosen < len(strip)]
            if cells:
                first = QRectF(cells[0])
                for cell in cells[1:]:
                    first = first.united(cell)
                painter.drawRect(first.adjusted(-1.5, -1.5, 1.5, 1.5))
