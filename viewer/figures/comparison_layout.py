"""The layout of a comparison: two arrangements are tried, and the one that shows more or larger images is taken.

    columns   a block is a column and an image a row, with its caption at the right; columns wrap into lines
    rows      a block is a row with its head above it, and an image a column, with its caption below

A block is one run, a band its images of one kind (input, output, …), a head its title, a label the name of a band, a
caption the text of one image; the room is the QRectF available, the scale the colour bar below everything. Sizes of
images and texts go in, QRectFs come out.

A paged comparison shows fewer images instead of smaller ones: those around the chosen one, as many as fit at a zoom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from PySide6.QtCore import QRectF

from viewer.figures.tiles import aligned, largest_zoom

GAP = 3.0
BELOW_HEAD = 2.0  # between a name and the images below it, in rows
BLOCK_GAP = 14.0
LARGEST_ZOOM = 16
SMALLEST_ZOOM = 0.05
NARROWEST_BLOCK = 54.0
NARROWEST_SENTENCE = 110.0
WIDEST_SENTENCE = 160.0
SENTENCE_LINES = 3
COLUMN_SENTENCE_LINES = 10  # a column is narrow
ENOUGH, FEW = 5, 3  # images on a page: they are enlarged while so many remain, or else at least twice

Size = tuple[float, float]  # (height, width)
BandRects = tuple[tuple[QRectF, ...], ...]  # [band][image]


@dataclass(frozen=True)
class TextSizes:
    """How much room texts take: a line's height, and the widths of the widest label and caption."""

    line: float
    label: float
    caption: float
    head_lines: int  # above a column: its title, and if any block has them its note and its bands' labels


@dataclass(frozen=True)
class ComparisonLayout:
    """`cells[block][band][image]`; a block's `sentences` rectangle is used if it has no bands."""

    is_columns: bool
    zoom: float
    cells: tuple[BandRects, ...]
    heads: tuple[QRectF, ...]
    sentences: tuple[QRectF, ...]
    captions: tuple[tuple[QRectF, ...], ...]
    scale_rect: QRectF
    first: int = 0  # of the images shown
    shown: int = 0  # how many


@dataclass(frozen=True)
class Geometry:
    """What is to be laid out: for each block the sizes of its bands' images and whether it has captions or a sentence.

    A block without bands is one with a sentence.
    """

    sizes: tuple[tuple[Size, ...], ...]
    captioned: tuple[bool, ...]
    count: int
    text_sizes: TextSizes
    ratio: float  # device pixels a logical one

    @cached_property
    def largest(self) -> Size:
        heights, widths = zip(*self.distinct, strict=True) if self.distinct else ((1,), (1,))
        return max(heights), max(widths)

    @cached_property
    def distinct(self) -> tuple[Size, ...]:
        return tuple({size for block in self.sizes for size in block})

    @property
    def gap(self) -> float:
        return self.rounded_up(GAP)

    @property
    def block_gap(self) -> float:
        return self.rounded_up(BLOCK_GAP)

    # ---- sizes ----

    def scaled(self, size: Size, zoom: float) -> Size:
        """Return the drawn size of an image: a small one is enlarged by an integer, at most to the largest one's."""
        own = zoom * max(1, min(self.largest[0] // size[0], self.largest[1] // size[1]))
        return size[0] * own, size[1] * own

    def image_pitch(self, zoom: float, *, columns: bool) -> float:
        """Return the distance between the beginnings of two images: the same in all blocks, so that they align."""
        sizes = [self.scaled(size, zoom) for size in self.distinct]
        return self.rounded_up(max((size[0] if columns else size[1] for size in sizes), default=0.0) + GAP)

    def bands_width(self, block: int, zoom: float, *, columns: bool) -> float:
        """Return the width (in rows: the height) of all bands of a block."""
        sizes = [self.scaled(size, zoom) for size in self.sizes[block]]
        return sum(self.rounded_up(size[1] if columns else size[0]) + self.gap for size in sizes)

    def block_extent(self, block: int, zoom: float, *, columns: bool) -> float:
        """Return the width of a block that is a column, or the height of one that is a row."""
        line, captioned = self.text_sizes.line, self.captioned[block]
        if not self.sizes[block]:
            return self.rounded_up(NARROWEST_SENTENCE if columns else (1 + SENTENCE_LINES) * line)
        bands = self.bands_width(block, zoom, columns=columns)
        if columns:
            caption = self.text_sizes.caption + GAP if captioned else 0.0
            return self.rounded_up(max(NARROWEST_BLOCK, bands + caption))
        return self.rounded_up(line + BELOW_HEAD + bands + (line if captioned else 0.0))

    def leading_space(self, *, columns: bool) -> float:
        """Return the space before the first image: in columns for the heads, in rows for the labels of the bands."""
        if columns:
            return self.text_sizes.head_lines * self.text_sizes.line + 2
        return self.text_sizes.label + 2 * GAP if self.text_sizes.label else 0.0

    def lines(self, zoom: float, width: float) -> tuple[tuple[int, ...], ...]:
        """Return the blocks line by line, evenly where the width has room for it."""
        filled = self._lines(zoom, width, most=len(self.sizes))
        even = self._lines(zoom, width, most=math.ceil(len(self.sizes) / max(1, len(filled))))
        return even if len(even) == len(filled) else filled

    def _lines(self, zoom: float, width: float, *, most: int) -> tuple[tuple[int, ...], ...]:
        """Return the blocks line by line, as many to a line as its width has room for, at least one, at most `most`."""
        lines: list[tuple[int, ...]] = []
        used = math.inf
        for block in range(len(self.sizes)):
            extent = self.block_extent(block, zoom, columns=True)
            if used + self.block_gap + extent > width or len(lines[-1]) == most:
                lines.append((block,))
                used = extent
            else:
                lines[-1] = (*lines[-1], block)
                used += self.block_gap + extent
        return tuple(lines)

    def total_size(self, zoom: float, width: float, *, columns: bool) -> Size:
        """Return (height, width) of everything, in a room of this width."""
        lines = self.lines(zoom, width) if columns else (tuple(range(len(self.sizes))),)
        extents = [[self.block_extent(block, zoom, columns=columns) for block in line] for line in lines]
        across = max((sum(line) + self.block_gap * max(0, len(line) - 1) for line in extents), default=0.0)
        along = self.leading_space(columns=columns) + self.count * self.image_pitch(zoom, columns=columns)
        return (along * len(lines) + self.block_gap * (len(lines) - 1), across) if columns else (across, along)

    def fits(self, zoom: float, room: QRectF, *, columns: bool) -> bool:
        """Whether everything fits into the room."""
        height, width = self.total_size(zoom, room.width(), columns=columns)
        return height <= room.height() and width <= room.width()

    def rounded_up(self, value: float) -> float:
        """Round up to a whole device pixel: an image between two of them would have pixels of different sizes."""
        return aligned(value, self.ratio)

    # ---- how many, and how large ----

    def most_images(self, zoom: float, room: QRectF) -> int:
        """Return how many images fit at a zoom, in the better arrangement; 0 if none does."""
        fewer = (replace(self, count=count) for count in range(self.count, 0, -1))
        fitting = (f.count for f in fewer if f.fits(zoom, room, columns=True) or f.fits(zoom, room, columns=False))
        return next(fitting, 0)

    def page_zoom(self, room: QRectF) -> float | None:
        """Return the zoom of a page: the largest that leaves enough images on it, not below twice while one fits."""
        counts = {step / self.ratio: 0 for step in range(1, math.floor(LARGEST_ZOOM * self.ratio) + 1)}
        counts = {zoom: self.most_images(zoom, room) for zoom in counts}
        for least, wanted in ((2.0, ENOUGH), (2.0, FEW), (2.0, 1), (1.0, 1)):
            fitting = [z for z, count in counts.items() if z >= least and count >= min(self.count, wanted)]
            if fitting:
                return max(fitting) if wanted > 1 else min(fitting)
        return None

    def largest_fitting_zoom(self, room: QRectF, *, columns: bool) -> float:
        """Return the largest zoom at which everything fits into the room."""

        def fits(zoom: float) -> bool:
            return self.fits(zoom, room, columns=columns)

        return largest_zoom(fits, self.ratio, largest=LARGEST_ZOOM, floor=SMALLEST_ZOOM)

    # ---- arranging ----

    def whole(self, room: QRectF) -> ComparisonLayout:
        """Lay out all images, as large as they fit."""
        zooms = {columns: self.largest_fitting_zoom(room, columns=columns) for columns in (True, False)}
        columns = zooms[True] >= zooms[False]
        return self._lay_out(room, zooms[columns], columns=columns)

    def page(self, room: QRectF, chosen: int, zoom: float | None) -> ComparisonLayout:
        """Lay out the images around the chosen one, at this zoom or at one that leaves enough images."""
        zoom = zoom if zoom is not None and self.most_images(zoom, room) else self.page_zoom(room)
        if zoom is None:
            few = replace(self, count=min(self.count, 2))
            layout = few.whole(room)
        else:
            few = replace(self, count=self.most_images(zoom, room))
            layout = few._lay_out(room, zoom, columns=few.fits(zoom, room, columns=True))
        shown = max(1, few.count)  # sentences alone have no images
        return replace(layout, first=chosen // shown * shown, shown=shown)

    def _lay_out(self, room: QRectF, zoom: float, *, columns: bool) -> ComparisonLayout:
        """Lay out the blocks, and below them the scale, for which the room below this one is free."""
        arrange = self._column if columns else self._row
        lines = self.lines(zoom, room.width()) if columns else (tuple(range(len(self.sizes))),)
        tall = self.leading_space(columns=columns) + self.count * self.image_pitch(zoom, columns=True)
        extra = self._extra_width(room, zoom) if columns and len(lines) == 1 else 0.0
        placed = []
        for number, line in enumerate(lines):
            top = room.top() + number * (tall + self.block_gap)
            own = QRectF(room.left(), top, room.width(), tall if len(lines) > 1 else room.height())
            at = own.left() if columns else own.top()
            for block in line:
                at = self.rounded_up(at)
                extent = self.block_extent(block, zoom, columns=columns) + (0.0 if self.sizes[block] else extra)
                placed.append(arrange(block, zoom, at, extent, own))
                at += extent + self.block_gap
        cells, heads, sentences, captions = zip(*placed, strict=True) if placed else ((), (), (), ())
        layout = ComparisonLayout(columns, zoom, cells, heads, sentences, captions, room, shown=self.count)
        bottom = max([rect.bottom() for rect in _occupied_rects(layout)], default=room.top())
        scale = QRectF(room.left(), min(bottom, room.bottom()) + GAP, room.width(), self.text_sizes.line)
        return replace(layout, scale_rect=scale)

    def _extra_width(self, room: QRectF, zoom: float) -> float:
        """Return how much wider than necessary each column with a sentence can be."""
        count = sum(not block for block in self.sizes)
        spare = room.width() - self.total_size(zoom, room.width(), columns=True)[1]
        return max(0.0, min(spare / count, WIDEST_SENTENCE - NARROWEST_SENTENCE)) if count else 0.0

    def _column(
        self, block: int, zoom: float, x: float, extent: float, room: QRectF
    ) -> tuple[BandRects, QRectF, QRectF, tuple[QRectF, ...]]:
        line, top = self.text_sizes.line, self.rounded_up(room.top() + self.leading_space(columns=True))
        head = QRectF(x, room.top(), extent, self.text_sizes.head_lines * line)
        bands, left, pitch = [], x, self.image_pitch(zoom, columns=True)
        tall = max(self.count * pitch, COLUMN_SENTENCE_LINES * line)
        sentence = QRectF(x, top, extent, min(tall, room.bottom() - top))
        for height, width in (self.scaled(size, zoom) for size in self.sizes[block]):
            bands.append(tuple(QRectF(left, top + index * pitch, width, height) for index in range(self.count)))
            left += self.rounded_up(width) + self.gap
        captions = tuple(
            QRectF(left, top + index * pitch, extent - (left - x), pitch - GAP) for index in range(self.count)
        )
        return tuple(bands), head, sentence, captions if self.captioned[block] else ()

    def _row(
        self, block: int, zoom: float, y: float, extent: float, room: QRectF
    ) -> tuple[BandRects, QRectF, QRectF, tuple[QRectF, ...]]:
        line, left = self.text_sizes.line, self.rounded_up(room.left() + self.leading_space(columns=False))
        head, top = QRectF(room.left(), y, room.width(), line), self.rounded_up(y + line + BELOW_HEAD)
        sentence = QRectF(room.left(), top, room.width(), extent - (top - y))
        bands, pitch = [], self.image_pitch(zoom, columns=False)
        for height, width in (self.scaled(size, zoom) for size in self.sizes[block]):
            bands.append(tuple(QRectF(left + index * pitch, top, width, height) for index in range(self.count)))
            top += self.rounded_up(height) + self.gap
        captions = tuple(QRectF(left + index * pitch - GAP / 2, top - 2, pitch, line) for index in range(self.count))
        return tuple(bands), head, sentence, captions if self.captioned[block] else ()


@lru_cache(maxsize=32)
def layout_of(
    geometry: Geometry, room: tuple[float, float, float, float], chosen: int, zoom: float | None, *, paged: bool
) -> ComparisonLayout:
    """Return the layout of a page, or of all images, cached: a moved slider makes figures of the same geometry."""
    return geometry.page(QRectF(*room), chosen, zoom) if paged else geometry.whole(QRectF(*room))


def _occupied_rects(layout: ComparisonLayout) -> list[QRectF]:
    """Return all rectangles with something in them, except heads in rows, which reach to the edge of the room."""
    bands = [rect for block in layout.cells for band in block for rect in band]
    captions = [rect for block in layout.captions for rect in block]
    alone = [rect for rect, cells in zip(layout.sentences, layout.cells, strict=True) if not cells]
    return [*bands, *captions, *alone, *(layout.heads if layout.is_columns else ())]
