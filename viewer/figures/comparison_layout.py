"""The layout of a comparison: blocks of images in the arrangement that shows more or larger ones.

    columns   a block is a column and an image a row, with its caption at the right; columns wrap into lines
    rows      a block is a row with its head above it, and an image a column, with its caption below

A block is one run, a band its images of one kind (input, output, …), a head its title, a label the name of a band, a
caption the text of one image. Sizes are given along the images, of which one begins every `pitch`, and across them.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from PySide6.QtCore import QRectF

from viewer.figures.tiles import aligned

GAP = 3.0
BELOW_HEAD = 2.0  # between a name and the images below it, in rows
ABOVE_CAPTION = 2.0  # below the images' gap, in rows: the frame of the chosen one stands in that
BLOCK_GAP = 14.0
LARGEST_ON_A_PAGE = 16
LARGEST_ZOOM = 80  # a bottleneck of two values is two pixels
SMALLER, STEPS = 0.95, 60  # below a device pixel: down to a twentieth
NARROWEST_BLOCK = 54.0
SENTENCE_WIDTH = 130.0
SENTENCE_LINES = 3
COLUMN_SENTENCE_LINES = 10  # a column is narrow
ENOUGH, FEW = 5, 3  # images on a page: they are enlarged while so many remain, or else at least twice

Size = tuple[float, float]  # (height, width)
BandRects = tuple[tuple[QRectF, ...], ...]  # [band][image]


@dataclass(frozen=True)
class Placed:
    """Where a block stands; its `sentence` is used if it has no bands."""

    head: QRectF
    bands: BandRects
    captions: tuple[QRectF, ...]
    sentence: QRectF


@dataclass(frozen=True)
class ComparisonLayout:
    """Where everything stands; `first` and `shown` say which images are on the page."""

    is_columns: bool
    zoom: float
    blocks: tuple[Placed, ...]
    bottom: float
    first: int = 0
    shown: int = 0

    @property
    def cells(self) -> tuple[BandRects, ...]:
        """`cells[block][band][image]`."""
        return tuple(block.bands for block in self.blocks)


@dataclass(frozen=True)
class Arrangement:
    """Blocks as columns of a room, or as its rows: sizes of their bands' images, and which of them have captions.

    A block without bands is one with a sentence. `titles` are the widths of their names, 0 for none; `label` and
    `caption` are the widths of the widest, `line` is the height of a line and `head_lines` how many stand above a
    column: title, note and labels, if any block has them.
    """

    room: QRectF
    columns: bool
    sizes: tuple[tuple[Size, ...], ...]
    titles: tuple[float, ...]
    captioned: tuple[bool, ...]
    count: int
    line: float
    label: float
    caption: float
    head_lines: int
    ratio: float  # device pixels a logical one

    @cached_property
    def distinct(self) -> tuple[Size, ...]:
        return tuple({size for block in self.sizes for size in block})

    @cached_property
    def largest_image(self) -> Size:
        return max(height for height, _ in self.distinct), max(width for _, width in self.distinct)

    def up(self, value: float) -> float:
        """Round up to a whole device pixel: an image between two of them would have pixels of different sizes."""
        return aligned(value, self.ratio)

    # ---- sizes ----

    def drawn(self, size: Size, zoom: float) -> Size:
        """Return an image's size along and across: a small one is enlarged by an integer, at most to the largest's."""
        own = zoom * max(1, min(self.largest_image[0] // size[0], self.largest_image[1] // size[1]))
        height, width = size[0] * own, size[1] * own
        return (height, width) if self.columns else (width, height)

    def pitch(self, zoom: float) -> float:
        """Return the distance between the beginnings of two images: the same in all blocks, so that they align."""
        return self.up(max((self.drawn(size, zoom)[0] for size in self.distinct), default=0.0) + GAP)

    @property
    def lead(self) -> float:
        """The space before the first image: for heads above columns, for the labels of bands left of rows."""
        return self.head_lines * self.line + 2 if self.columns else self.label

    def extents(self, zoom: float) -> list[float]:
        """Return how much of the room's width each column takes, or of its height each row."""
        up, columns, line = self.up, self.columns, self.line
        sentence = up(SENTENCE_WIDTH if columns else (1 + SENTENCE_LINES) * line)
        head, caption = (0.0, self.caption + GAP) if columns else (line + BELOW_HEAD, line + ABOVE_CAPTION)
        found = []
        for sizes, title, captioned in zip(self.sizes, self.titles, self.captioned, strict=True):
            bands = sum(up(self.drawn(size, zoom)[1]) + up(GAP) for size in sizes)
            extent = up(max(NARROWEST_BLOCK * columns, head * bool(title) + bands + caption * captioned))
            found.append(extent if sizes else sentence)
        return found

    def lines(self, extents: Sequence[float]) -> Sequence[Sequence[int]]:
        """Return the blocks line by line, evenly where the width has room for it; rows all stand in one."""
        every = range(len(extents))
        if not self.columns:
            return [every]
        filled = self._lines(extents, len(every))
        even = self._lines(extents, math.ceil(len(every) / max(1, len(filled))))
        return even if len(even) == len(filled) else filled

    def _lines(self, extents: Sequence[float], most: int) -> list[list[int]]:
        lines: list[list[int]] = []
        used = math.inf
        for block, extent in enumerate(extents):
            used += self.up(BLOCK_GAP) + extent
            if used > self.room.width() or len(lines[-1]) == most:
                lines.append([])
                used = extent
            lines[-1].append(block)
        return lines

    def most(self, zoom: float) -> int:
        """Return how many images of each block have room at a zoom; −1 where not even the blocks have."""
        extents, gap = self.extents(zoom), self.up(BLOCK_GAP)
        lines = self.lines(extents)
        across = [sum(extents[block] + gap for block in line) - gap for line in lines]
        long, wide = self.room.width(), self.room.height()
        if self.columns:
            long, wide = (wide + gap) / max(1, len(lines)) - gap, long
        fits = max(across, default=0.0) <= wide + 1e-6 and long >= self.lead
        return min(self.count, math.floor((long - self.lead) / self.pitch(zoom) + 1e-6)) if fits else -1

    def largest(self, count: int) -> float:
        """Return the largest zoom at which so many images have room, whole device pixels or less than one."""
        whole = [step / self.ratio for step in range(1, math.floor(LARGEST_ZOOM * self.ratio) + 1)]
        zooms = [whole[0] * SMALLER**step for step in range(STEPS, 0, -1)] + whole
        return zooms[max(0, bisect_left(zooms, True, key=lambda zoom: self.most(zoom) < count) - 1)]

    # ---- places ----

    def place(self, zoom: float, count: int) -> ComparisonLayout:
        """Return where so many images of every block stand, and where all of it ends."""
        extents, gap, room = self.extents(zoom), self.up(BLOCK_GAP), self.room
        lines = self.lines(extents)
        if self.columns:
            self._widen(extents, lines)
        long = self.lead + count * self.pitch(zoom)
        placed = []
        for number, line in enumerate(lines):
            along = room.top() + number * (long + gap) if self.columns else room.left()
            end = min(along + long, room.bottom()) if len(lines) > 1 else room.bottom()
            across = room.left() if self.columns else room.top()
            for block in line:
                across = self.up(across)
                placed.append(self._block(block, zoom, count, along, across, extents[block], end))
                across += extents[block] + gap
        rects = [rect for block in placed for rect in self._occupied(block)]
        bottom = min(max((rect.bottom() for rect in rects), default=room.top()), room.bottom())
        return ComparisonLayout(self.columns, zoom, tuple(placed), bottom, shown=count)

    def _widen(self, extents: list[float], lines: Sequence[Sequence[int]]) -> None:
        """Give columns the room that their names need, where a line of them has it."""
        for line in lines:
            wanted = {block: max(extents[block], self.up(self.titles[block])) for block in line}
            if sum(wanted.values()) + self.up(BLOCK_GAP) * (len(line) - 1) <= self.room.width():
                for block, extent in wanted.items():
                    extents[block] = extent

    def _block(
        self, block: int, zoom: float, count: int, along: float, across: float, extent: float, end: float
    ) -> Placed:
        up, line, room = self.up, self.line, self.room
        begin, pitch = up(along + self.lead), self.pitch(zoom)
        first = across if self.columns else up(across + (line + BELOW_HEAD) * bool(self.titles[block]))
        bands, at = [], first
        for long, wide in (self.drawn(size, zoom) for size in self.sizes[block]):
            bands.append(tuple(self._rect(begin + index * pitch, at, long, wide) for index in range(count)))
            at += up(wide) + up(GAP)
        captioned = count if self.captioned[block] else 0
        if self.columns:
            captions = [QRectF(at, begin + n * pitch, across + extent - at, pitch - GAP) for n in range(captioned)]
            tall = min(max(count * pitch, COLUMN_SENTENCE_LINES * line), end - begin)
            head = QRectF(across, along, extent, self.head_lines * line)
            return Placed(head, tuple(bands), tuple(captions), QRectF(across, begin, extent, tall))
        captions = [QRectF(begin + n * pitch - GAP / 2, at + ABOVE_CAPTION, pitch, line) for n in range(captioned)]
        sentence = QRectF(room.left(), first, room.width(), across + extent - first)
        return Placed(QRectF(room.left(), across, room.width(), line), tuple(bands), tuple(captions), sentence)

    def _rect(self, along: float, across: float, long: float, wide: float) -> QRectF:
        return QRectF(across, along, wide, long) if self.columns else QRectF(along, across, long, wide)

    def _occupied(self, block: Placed) -> list[QRectF]:
        """All rectangles with something in them, except heads in rows, which reach to the edge of the room."""
        images = [rect for band in block.bands for rect in band]
        return [*images, *block.captions, *([] if block.bands else [block.sentence]), *([block.head] * self.columns)]


# ---- how many, and how large ----


def whole(arrangements: Sequence[Arrangement], count: int) -> ComparisonLayout:
    """Lay out so many images as large as they fit."""
    best = max(arrangements, key=lambda each: each.largest(count))
    return best.place(best.largest(count), count)


def page(arrangements: Sequence[Arrangement], zoom: float | None, enough: Sequence[int]) -> ComparisonLayout:
    """Lay out as many images as fit at this zoom, or at one that leaves enough of them."""

    def most(zoom: float) -> int:
        return max(each.most(zoom) for each in arrangements)

    of = arrangements[0]
    zoom = zoom if zoom is not None and most(zoom) > 0 else _page_zoom(most, of, enough)
    if zoom is None:
        return whole(arrangements, min(of.count, 2))
    best = max(arrangements, key=lambda each: each.most(zoom))
    return best.place(zoom, best.most(zoom))


def _page_zoom(most: Callable[[float], int], of: Arrangement, enough: Sequence[int]) -> float | None:
    """Return the largest zoom that leaves enough images, not below twice while one fits; None if none does."""
    steps = range(1, math.floor(LARGEST_ON_A_PAGE * of.ratio) + 1)
    found = {step / of.ratio: most(step / of.ratio) for step in steps}
    for least, wanted in (*((2.0, wanted) for wanted in enough), (2.0, 1), (1.0, 1)):
        fitting = [zoom for zoom, count in found.items() if zoom >= least and count >= min(of.count, wanted)]
        if fitting:
            return max(fitting) if wanted > 1 else min(fitting)
    return None
