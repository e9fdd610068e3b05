"""The layout of a comparison: three arrangements are tried, and the one with the largest images is taken.

    columns   a block is a column and an image a row, with its caption at the right; columns wrap into lines
    rows      a block is a row with its head above it, and an image a column, with its caption below
    beside    as `rows`, but with the head at the left of the images: for a low room

A block is one run, a band its images of one kind (input, output, …), a head its title, a label the name of a band, a
caption the text of one image; the room is the QRectF available, the scale the colour bar below everything. The space
left beside or below shows the chosen image of every block large. Sizes of images and texts go in, QRectFs come out.

A paged comparison shows fewer images instead of smaller ones: those around the chosen one, as many as fit at a zoom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import product
from typing import Literal, NamedTuple

from PySide6.QtCore import QRectF

from viewer.figures.tiles import aligned, largest_zoom

GAP = 3.0
BLOCK_GAP = 14.0
LARGEST_ZOOM = 16
SMALLEST_ZOOM = 0.05
SMALLEST_IMAGE = 14.0  # where images would be smaller, gaps and captions give way
TIGHT_GAP = 5.0
NARROWEST_BLOCK = 54.0
NARROWEST_TIGHT = 36.0
NARROWEST_SENTENCE = 110.0
WIDEST_SENTENCE = 160.0
SENTENCE_LINES = 3
COLUMN_SENTENCE_LINES = 10  # a column is narrow
ENOUGH, FEW = 5, 3  # images on a page: they are enlarged while so many remain, or else at least twice
WORTH_IT = 1.5  # how much larger the chosen image must become for it to be shown again

Arrangement = Literal["columns", "rows", "beside"]
ARRANGEMENTS: tuple[Arrangement, ...] = ("columns", "rows", "beside")
Size = tuple[float, float]  # (height, width)
BandRects = tuple[tuple[QRectF, ...], ...]  # [band][image]
BlockRects = tuple[tuple[QRectF, ...], ...]  # [block][band]


@dataclass(frozen=True)
class TextSizes:
    """How much room texts take: a line's height, and the widths of the widest head, label and caption."""

    line: float
    head: float
    label: float
    caption: float
    head_lines: int  # above a column: its title, and if any block has them its note and its bands' labels


@dataclass(frozen=True)
class ComparisonLayout:
    """`cells[block][band][image]`, `large[block][band]`; a block's `sentences` rectangle is used if it has no bands."""

    arrangement: Arrangement
    zoom: float
    cells: tuple[BandRects, ...]
    heads: tuple[QRectF, ...]
    sentences: tuple[QRectF, ...]
    captions: tuple[tuple[QRectF, ...], ...]
    scale_rect: QRectF
    large: BlockRects = ()
    large_heads: tuple[QRectF, ...] = ()
    first: int = 0  # of the images shown
    shown: int = 0  # how many

    @property
    def is_columns(self) -> bool:
        return self.arrangement == "columns"


class LargeArrangement(NamedTuple):
    """Where the chosen images may be shown large, and whether blocks stand below one another and bands in a row."""

    room: QRectF
    blocks_stacked: bool
    bands_side_by_side: bool


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
    tight: bool = False

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
        return self.rounded_up(TIGHT_GAP if self.tight else BLOCK_GAP)

    @property
    def narrowest(self) -> float:
        return NARROWEST_TIGHT if self.tight else NARROWEST_BLOCK

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

    def block_extent(self, block: int, zoom: float, arrangement: Arrangement) -> float:
        """Return the width of a block that is a column, or the height of one that is a row."""
        return self.rounded_up(self._block_extent(block, zoom, arrangement))

    def _block_extent(self, block: int, zoom: float, arrangement: Arrangement) -> float:
        text_sizes = self.text_sizes
        if arrangement == "columns":
            if not self.sizes[block]:
                return NARROWEST_SENTENCE
            caption = text_sizes.caption + GAP if self.captioned[block] else 0.0
            return max(self.narrowest, self.bands_width(block, zoom, columns=True) + caption)
        head = text_sizes.line if arrangement == "rows" else 0.0
        if not self.sizes[block]:
            return max(head + SENTENCE_LINES * text_sizes.line, 2 * text_sizes.line)
        caption = text_sizes.line if self.captioned[block] else 0.0
        least = text_sizes.line if self.tight else 2 * text_sizes.line
        return max(head + self.bands_width(block, zoom, columns=False) + caption, least)

    def leading_space(self, arrangement: Arrangement) -> float:
        """Return the space before the first image: in columns for the heads, in rows for the labels of the bands."""
        if arrangement == "columns":
            return self.text_sizes.head_lines * self.text_sizes.line + 2
        label = self.text_sizes.label + 2 * GAP if self.text_sizes.label else 0.0
        return label if arrangement == "rows" else self.text_sizes.head + 2 * GAP + label

    def lines(self, zoom: float, width: float) -> tuple[tuple[int, ...], ...]:
        """Return the blocks line by line, as many columns to a line as its width has room for, at least one."""
        lines: list[tuple[int, ...]] = []
        used = math.inf
        for block in range(len(self.sizes)):
            extent = self.block_extent(block, zoom, "columns")
            if used + self.block_gap + extent > width:
                lines.append((block,))
                used = extent
            else:
                lines[-1] = (*lines[-1], block)
                used += self.block_gap + extent
        return tuple(lines)

    def total_size(self, zoom: float, arrangement: Arrangement, width: float) -> Size:
        """Return (height, width) of everything, in a room of this width."""
        columns = arrangement == "columns"
        lines = self.lines(zoom, width) if columns else (tuple(range(len(self.sizes))),)
        extents = [[self.block_extent(block, zoom, arrangement) for block in line] for line in lines]
        across = max((sum(line) + self.block_gap * max(0, len(line) - 1) for line in extents), default=0.0)
        along = self.leading_space(arrangement) + self.count * self.image_pitch(zoom, columns=columns)
        return (along * len(lines) + self.block_gap * (len(lines) - 1), across) if columns else (across, along)

    def most_images(self, zoom: float, room: QRectF) -> int:
        """Return how many images fit at a zoom, in the better arrangement of columns and rows; 0 if none does."""
        fewer = (replace(self, count=count) for count in range(self.count, 0, -1))
        fitting = (each.count for each in fewer if each.fits(zoom, room, "columns") or each.fits(zoom, room, "rows"))
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

    def fits(self, zoom: float, room: QRectF, arrangement: Arrangement) -> bool:
        """Whether everything fits into the room."""
        height, width = self.total_size(zoom, arrangement, room.width())
        return height <= room.height() and width <= room.width()

    def largest_fitting_zoom(self, room: QRectF, arrangement: Arrangement) -> float:
        """Return the largest zoom at which everything fits into the room."""

        def fits(zoom: float) -> bool:
            return self.fits(zoom, room, arrangement)

        return largest_zoom(fits, self.ratio, largest=LARGEST_ZOOM, floor=SMALLEST_ZOOM)

    def rounded_up(self, value: float) -> float:
        """Round up to a whole device pixel: an image between two of them would have pixels of different sizes."""
        return aligned(value, self.ratio)

    # ---- arranging ----

    def arrange(self, room: QRectF, *, line_below: float, large: bool) -> ComparisonLayout:
        """Lay everything out in a room, except `line_below` at its bottom, which is for the scale."""
        inner = room.adjusted(0, 0, 0, -line_below)
        zooms = {arrangement: self.largest_fitting_zoom(inner, arrangement) for arrangement in ARRANGEMENTS}
        arrangement = max(ARRANGEMENTS, key=lambda name: zooms[name])  # of equal ones the first
        if zooms[arrangement] * max(self.largest) < SMALLEST_IMAGE and (smaller := self._with_more_room()):
            return smaller.arrange(room, line_below=line_below, large=large)
        layout = self._lay_out(inner, zooms[arrangement], arrangement)
        bottom = max([rect.bottom() for rect in _occupied_rects(layout)], default=room.top())
        large_rects: BlockRects = ()
        heads: tuple[QRectF, ...] = ()
        if large and any(self.sizes):
            large_rects, heads = self._large(self._free_rooms(inner, layout), layout.zoom)
            bottom = max([bottom, *(rect.bottom() for band in large_rects for rect in band)])
        scale_rect = QRectF(
            room.left(), min(bottom + GAP, room.bottom() - line_below + GAP), room.width(), self.text_sizes.line
        )
        return replace(layout, scale_rect=scale_rect, large=large_rects, large_heads=heads)

    def page(self, room: QRectF, chosen: int, zoom: float | None, *, line_below: float) -> ComparisonLayout:
        """Lay out the images around the chosen one, at this zoom or at one that leaves enough images."""
        inner = room.adjusted(0, 0, 0, -line_below)
        zoom = zoom if zoom is not None and self.most_images(zoom, inner) else self.page_zoom(inner)
        if zoom is None:
            few = replace(self, count=min(self.count, 2))
            layout = few.arrange(room, line_below=line_below, large=False)
        else:
            few = replace(self, count=self.most_images(zoom, inner))
            arrangement: Arrangement = "columns" if few.fits(zoom, inner, "columns") else "rows"
            layout = few._lay_out(inner, zoom, arrangement)
            bottom = max([rect.bottom() for rect in _occupied_rects(layout)], default=room.top())
            layout = replace(layout, scale_rect=QRectF(room.left(), bottom + GAP, room.width(), self.text_sizes.line))
        shown = max(1, few.count)  # sentences alone have no images
        return replace(layout, first=chosen // shown * shown, shown=shown)

    def _with_more_room(self) -> Geometry | None:
        """Return a geometry with more room for small images: without wide gaps, then without captions; or None."""
        if not self.tight:
            return replace(self, tight=True)
        return replace(self, captioned=(False,) * len(self.sizes)) if any(self.captioned) else None

    def _lay_out(self, room: QRectF, zoom: float, arrangement: Arrangement) -> ComparisonLayout:
        """Lay out the blocks; `scale_rect` is the whole room until `arrange` knows where the blocks end."""
        columns = arrangement == "columns"
        arrange = self._column if columns else self._row
        lines = self.lines(zoom, room.width()) if columns else (tuple(range(len(self.sizes))),)
        tall = self.leading_space(arrangement) + self.count * self.image_pitch(zoom, columns=True)
        extra = self._extra_width(room, zoom) if columns and len(lines) == 1 else 0.0
        placed = []
        for number, line in enumerate(lines):
            top = room.top() + number * (tall + self.block_gap)
            own = QRectF(room.left(), top, room.width(), tall if len(lines) > 1 else room.height())
            at = own.left() if columns else own.top()
            for block in line:
                at = self.rounded_up(at)
                extent = self.block_extent(block, zoom, arrangement) + (0.0 if self.sizes[block] else extra)
                placed.append(arrange(block, zoom, at, extent, own, arrangement))
                at += extent + self.block_gap
        cells, heads, sentences, captions = zip(*placed, strict=True) if placed else ((), (), (), ())
        whole = QRectF(room.topLeft(), room.size())
        return ComparisonLayout(arrangement, zoom, cells, heads, sentences, captions, whole, first=0, shown=self.count)

    def _extra_width(self, room: QRectF, zoom: float) -> float:
        """Return how much wider than necessary each column with a sentence can be."""
        count = sum(not block for block in self.sizes)
        spare = room.width() - self.total_size(zoom, "columns", room.width())[1]
        return max(0.0, min(spare / count, WIDEST_SENTENCE - NARROWEST_SENTENCE)) if count else 0.0

    def _column(
        self, block: int, zoom: float, x: float, extent: float, room: QRectF, arrangement: Arrangement
    ) -> tuple[BandRects, QRectF, QRectF, tuple[QRectF, ...]]:
        line, top = self.text_sizes.line, self.rounded_up(room.top() + self.leading_space(arrangement))
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
        self, block: int, zoom: float, y: float, extent: float, room: QRectF, arrangement: Arrangement
    ) -> tuple[BandRects, QRectF, QRectF, tuple[QRectF, ...]]:
        line, left = self.text_sizes.line, self.rounded_up(room.left() + self.leading_space(arrangement))
        above = arrangement == "rows"
        head = QRectF(room.left(), y, room.width() if above else self.text_sizes.head, line if above else extent)
        top = self.rounded_up(y + line if above else y)
        indent = room.left() if above else room.left() + self.text_sizes.head + 2 * GAP
        sentence = QRectF(indent, top, room.right() - indent, extent - (top - y))
        bands, pitch = [], self.image_pitch(zoom, columns=False)
        for height, width in (self.scaled(size, zoom) for size in self.sizes[block]):
            bands.append(tuple(QRectF(left + index * pitch, top, width, height) for index in range(self.count)))
            top += self.rounded_up(height) + self.gap
        captions = tuple(QRectF(left + index * pitch - GAP / 2, top - 2, pitch, line) for index in range(self.count))
        return tuple(bands), head, sentence, captions if self.captioned[block] else ()

    # ---- the chosen image, large ----

    def _free_rooms(self, room: QRectF, layout: ComparisonLayout) -> tuple[QRectF, ...]:
        """Return the free rectangles beside and below what has been laid out."""
        taken = _occupied_rects(layout)
        right = max((rect.right() for rect in taken), default=room.left()) + BLOCK_GAP
        bottom = max((rect.bottom() for rect in taken), default=room.top()) + BLOCK_GAP
        beside = QRectF(right, room.top(), room.right() - right, room.height())
        below = QRectF(room.left(), bottom, room.width(), room.bottom() - bottom)
        return tuple(rect for rect in (beside, below) if rect.width() > 0 and rect.height() > 0)

    def _large(self, rooms: Sequence[QRectF], zoom: float) -> tuple[BlockRects, tuple[QRectF, ...]]:
        """Lay out the chosen image of every block where it becomes largest; nothing if that is hardly larger."""
        shown = [block for block in range(len(self.sizes)) if self.sizes[block]]
        candidates = [LargeArrangement(*parts) for parts in product(rooms, (True, False), (True, False))]
        zooms = [self._large_zoom(candidate, shown) for candidate in candidates]
        best = max(range(len(candidates)), key=lambda index: zooms[index], default=None)
        if best is None or zooms[best] < max(1 / self.ratio, WORTH_IT * zoom):
            return (), ()
        return self._arrange_large(candidates[best], shown, zooms[best])

    def _large_zoom(self, candidate: LargeArrangement, shown: Sequence[int]) -> float:
        """Return the largest zoom at which the chosen image of every block fits."""
        room, blocks_stacked, bands_side_by_side = candidate

        def fits(zoom: float) -> bool:
            sizes = [self._large_size(block, zoom, bands_side_by_side=bands_side_by_side) for block in shown]
            gaps = self.block_gap * (len(sizes) - 1)
            heights, widths = [height for height, _ in sizes], [width for _, width in sizes]
            height = sum(heights) + gaps if blocks_stacked else max(heights)
            width = max(widths) if blocks_stacked else sum(widths) + gaps
            return height <= room.height() and width <= room.width()

        return largest_zoom(fits, self.ratio, largest=LARGEST_ZOOM, floor=SMALLEST_ZOOM)

    def _large_size(self, block: int, zoom: float, *, bands_side_by_side: bool) -> Size:
        sizes = [self.scaled(size, zoom) for size in self.sizes[block]]
        heights, widths = (list(map(self.rounded_up, sides)) for sides in zip(*sizes, strict=True))
        gaps = self.gap * (len(sizes) - 1)
        height = max(heights) if bands_side_by_side else sum(heights) + gaps
        width = sum(widths) + gaps if bands_side_by_side else max(widths)
        return height + self.text_sizes.line + 2, max(width, self.narrowest)

    def _arrange_large(
        self, candidate: LargeArrangement, shown: Sequence[int], zoom: float
    ) -> tuple[BlockRects, tuple[QRectF, ...]]:
        """Return the rectangles of the images, [block][band], and of the heads above them."""
        room, blocks_stacked, bands_side_by_side = candidate
        cells: list[tuple[QRectF, ...]] = [()] * len(self.sizes)
        heads = [QRectF()] * len(self.sizes)
        x, y = self.rounded_up(room.left()), room.top()
        for block in shown:
            height, width = self._large_size(block, zoom, bands_side_by_side=bands_side_by_side)
            heads[block] = QRectF(x, y, room.right() - x if blocks_stacked else width, self.text_sizes.line)
            left, top, rects = x, self.rounded_up(y + self.text_sizes.line + 2), []
            for size in (self.scaled(size, zoom) for size in self.sizes[block]):
                rects.append(QRectF(left, top, size[1], size[0]))
                left += self.rounded_up(size[1]) + self.gap if bands_side_by_side else 0
                top += 0 if bands_side_by_side else self.rounded_up(size[0]) + self.gap
            cells[block] = tuple(rects)
            if blocks_stacked:
                y += height + self.block_gap
            else:
                x = self.rounded_up(x + width) + self.block_gap
        return tuple(cells), tuple(heads)


@lru_cache(maxsize=32)
def arrange(
    geometry: Geometry, room: tuple[float, float, float, float], *, line_below: float, large: bool
) -> ComparisonLayout:
    """Return what `Geometry.arrange` does, cached: a moved slider makes figures of the same geometry."""
    return geometry.arrange(QRectF(*room), line_below=line_below, large=large)


@lru_cache(maxsize=32)
def page(
    geometry: Geometry, room: tuple[float, float, float, float], chosen: int, zoom: float | None, *, line_below: float
) -> ComparisonLayout:
    """Return what `Geometry.page` does, cached."""
    return geometry.page(QRectF(*room), chosen, zoom, line_below=line_below)


def _occupied_rects(layout: ComparisonLayout) -> list[QRectF]:
    """Return all rectangles with something in them, except heads in rows, which reach to the edge of the room."""
    bands = [rect for block in layout.cells for band in block for rect in band]
    captions = [rect for block in layout.captions for rect in block]
    alone = [rect for rect, cells in zip(layout.sentences, layout.cells, strict=True) if not cells]
    heads = [head for head in layout.heads if layout.arrangement != "rows"]
    return [*bands, *captions, *alone, *heads]
