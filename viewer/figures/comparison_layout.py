"""Where the blocks of a comparison stand: three arrangements are tried, and the one with the largest images is taken.

    columns   a block is a column, an image a row, its caption at the right
    rows      a block is a row with its head above it, an image a column, its caption below
    beside    the same with its head at the left: for rooms that are low

What room is left beside or below them is given to the chosen image of every block, large. Plain geometry: it knows
the sizes of images and the widths of texts, and no pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

from PySide6.QtCore import QRectF

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
WORTH_IT = 1.5  # how much larger the chosen image must become for it to be shown again

Arrangement = Literal["columns", "rows", "beside"]
ARRANGEMENTS: tuple[Arrangement, ...] = ("columns", "rows", "beside")
Size = tuple[float, float]  # (height, width)
Strips = tuple[tuple[QRectF, ...], ...]


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
    """Where everything stands; `cells[block][band][image]`, `large[block][band]`."""

    arrangement: Arrangement
    zoom: float
    cells: tuple[Strips, ...]
    heads: tuple[QRectF, ...]
    sentences: tuple[QRectF, ...]
    captions: tuple[tuple[QRectF, ...], ...]
    scale: QRectF
    large: Strips = ()
    large_heads: tuple[QRectF, ...] = ()

    @property
    def columns(self) -> bool:
        return self.arrangement == "columns"


@dataclass(frozen=True)
class Geometry:
    """What is to be placed: for each block the sizes of its bands' images and whether it has captions or a sentence.

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
        return self.snapped(GAP)

    @property
    def block_gap(self) -> float:
        return self.snapped(TIGHT_GAP if self.tight else BLOCK_GAP)

    @property
    def narrowest(self) -> float:
        return NARROWEST_TIGHT if self.tight else NARROWEST_BLOCK

    # ---- sizes ----

    def scaled(self, size: Size, zoom: float) -> Size:
        """Return what an image takes: a small one is enlarged in whole steps, up to the largest one."""
        own = zoom * max(1, min(self.largest[0] // size[0], self.largest[1] // size[1]))
        return size[0] * own, size[1] * own

    def pitch(self, zoom: float, *, columns: bool) -> float:
        """Return how far an image's beginning is from the next one's: the same in all blocks, so that they align."""
        sizes = [self.scaled(size, zoom) for size in self.distinct]
        return self.snapped(max((size[0] if columns else size[1] for size in sizes), default=0.0) + GAP)

    def thickness(self, block: int, zoom: float, *, columns: bool) -> float:
        """Return how much all bands of a block take beside one another."""
        sizes = [self.scaled(size, zoom) for size in self.sizes[block]]
        return sum(self.snapped(size[1] if columns else size[0]) + self.gap for size in sizes)

    def breadth(self, block: int, zoom: float, arrangement: Arrangement) -> float:
        """Return what a block takes across: of a column its width, of a row its height."""
        return self.snapped(self._breadth(block, zoom, arrangement))

    def _breadth(self, block: int, zoom: float, arrangement: Arrangement) -> float:
        text_sizes = self.text_sizes
        if arrangement == "columns":
            if not self.sizes[block]:
                return NARROWEST_SENTENCE
            caption = text_sizes.caption + GAP if self.captioned[block] else 0.0
            return max(self.narrowest, self.thickness(block, zoom, columns=True) + caption)
        head = text_sizes.line if arrangement == "rows" else 0.0
        if not self.sizes[block]:
            return max(head + SENTENCE_LINES * text_sizes.line, 2 * text_sizes.line)
        caption = text_sizes.line if self.captioned[block] else 0.0
        least = text_sizes.line if self.tight else 2 * text_sizes.line
        return max(head + self.thickness(block, zoom, columns=False) + caption, least)

    def before(self, arrangement: Arrangement) -> float:
        """Return what stands before the first image: of columns their heads, of rows the labels of their bands."""
        if arrangement == "columns":
            return self.text_sizes.head_lines * self.text_sizes.line + 2
        label = self.text_sizes.label + 2 * GAP if self.text_sizes.label else 0.0
        return label if arrangement == "rows" else self.text_sizes.head + 2 * GAP + label

    def extent(self, zoom: float, arrangement: Arrangement) -> Size:
        """Return (height, width) of everything."""
        columns = arrangement == "columns"
        blocks = range(len(self.sizes))
        across = sum(self.breadth(block, zoom, arrangement) for block in blocks) + self.block_gap * max(
            0, len(blocks) - 1
        )
        along = self.before(arrangement) + self.count * self.pitch(zoom, columns=columns)
        return (along, across) if columns else (across, along)

    def fitting(self, room: QRectF, arrangement: Arrangement) -> float:
        """Return the largest zoom that fits."""

        def fits(zoom: float) -> bool:
            height, width = self.extent(zoom, arrangement)
            return height <= room.height() and width <= room.width()

        return largest_zoom(fits, self.ratio)

    def snapped(self, value: float) -> float:
        """Return the next whole device pixel: an image between two of them would have pixels of unlike sizes."""
        return math.ceil(value * self.ratio - 1e-6) / self.ratio

    # ---- arranging ----

    def arrange(self, room: QRectF, *, line_below: float, large: bool) -> ComparisonLayout:
        """Place everything in a room; `line_below` of it are left for a scale."""
        inner = room.adjusted(0, 0, 0, -line_below)
        zooms = {arrangement: self.fitting(inner, arrangement) for arrangement in ARRANGEMENTS}
        arrangement = max(ARRANGEMENTS, key=lambda name: zooms[name])  # of equal ones the first
        if zooms[arrangement] * max(self.largest) < SMALLEST_IMAGE and (smaller := self._with_less()):
            return smaller.arrange(room, line_below=line_below, large=large)
        placed = self._placed(inner, zooms[arrangement], arrangement)
        bottom = max([rect.bottom() for rect in _every(placed)], default=room.top())
        again: Strips = ()
        heads: tuple[QRectF, ...] = ()
        if large and any(self.sizes):
            again, heads = self._large(self._left_over(inner, placed), placed.zoom)
            bottom = max([bottom, *(rect.bottom() for strip in again for rect in strip)])
        scale = QRectF(
            room.left(), min(bottom + GAP, room.bottom() - line_below + GAP), room.width(), self.text_sizes.line
        )
        return replace(placed, scale=scale, large=again, large_heads=heads)

    def _with_less(self) -> Geometry | None:
        """What gives way where images would become too small: first the gaps, then the captions."""
        if not self.tight:
            return replace(self, tight=True)
        return replace(self, captioned=(False,) * len(self.sizes)) if any(self.captioned) else None

    def _placed(self, room: QRectF, zoom: float, arrangement: Arrangement) -> ComparisonLayout:
        columns = arrangement == "columns"
        arrange = self._column if columns else self._row
        at = room.left() if columns else room.top()
        extra = self._extra_width(room, zoom) if columns else 0.0
        cells, heads, sentences, captions = [], [], [], []
        for block in range(len(self.sizes)):
            at = self.snapped(at)
            breadth = self.breadth(block, zoom, arrangement) + (0.0 if self.sizes[block] else extra)
            strips, head, sentence, noted = arrange(block, zoom, at, breadth, room, arrangement)
            cells.append(strips)
            heads.append(head)
            sentences.append(sentence)
            captions.append(noted)
            at += breadth + self.block_gap
        return ComparisonLayout(
            arrangement,
            zoom,
            tuple(cells),
            tuple(heads),
            tuple(sentences),
            tuple(captions),
            QRectF(room.topLeft(), room.size()),
        )

    def _extra_width(self, room: QRectF, zoom: float) -> float:
        """How much wider than necessary a sentence can be."""
        count = sum(not block for block in self.sizes)
        spare = room.width() - self.extent(zoom, "columns")[1]
        return max(0.0, min(spare / count, WIDEST_SENTENCE - NARROWEST_SENTENCE)) if count else 0.0

    def _column(
        self, block: int, zoom: float, x: float, breadth: float, room: QRectF, arrangement: Arrangement
    ) -> tuple[Strips, QRectF, QRectF, tuple[QRectF, ...]]:
        line, top = self.text_sizes.line, self.snapped(room.top() + self.before(arrangement))
        head = QRectF(x, room.top(), breadth, self.text_sizes.head_lines * line)
        strips, left, pitch = [], x, self.pitch(zoom, columns=True)
        tall = max(self.count * pitch, COLUMN_SENTENCE_LINES * line)
        sentence = QRectF(x, top, breadth, min(tall, room.bottom() - top))
        for height, width in (self.scaled(size, zoom) for size in self.sizes[block]):
            strips.append(tuple(QRectF(left, top + index * pitch, width, height) for index in range(self.count)))
            left += self.snapped(width) + self.gap
        captions = tuple(
            QRectF(left, top + index * pitch, breadth - (left - x), pitch - GAP) for index in range(self.count)
        )
        return tuple(strips), head, sentence, captions if self.captioned[block] else ()

    def _row(
        self, block: int, zoom: float, y: float, breadth: float, room: QRectF, arrangement: Arrangement
    ) -> tuple[Strips, QRectF, QRectF, tuple[QRectF, ...]]:
        line, left = self.text_sizes.line, self.snapped(room.left() + self.before(arrangement))
        above = arrangement == "rows"
        head = QRectF(room.left(), y, room.width() if above else self.text_sizes.head, line if above else breadth)
        top = self.snapped(y + line if above else y)
        indent = room.left() if above else room.left() + self.text_sizes.head + 2 * GAP
        sentence = QRectF(indent, top, room.right() - indent, breadth - (top - y))
        strips, pitch = [], self.pitch(zoom, columns=False)
        for height, width in (self.scaled(size, zoom) for size in self.sizes[block]):
            strips.append(tuple(QRectF(left + index * pitch, top, width, height) for index in range(self.count)))
            top += self.snapped(height) + self.gap
        captions = tuple(QRectF(left + index * pitch - GAP / 2, top - 2, pitch, line) for index in range(self.count))
        return tuple(strips), head, sentence, captions if self.captioned[block] else ()

    # ---- the chosen image, large ----

    def _left_over(self, room: QRectF, placed: ComparisonLayout) -> tuple[QRectF, ...]:
        """The rooms beside and below what stands already."""
        taken = _every(placed)
        right = max((rect.right() for rect in taken), default=room.left()) + BLOCK_GAP
        bottom = max((rect.bottom() for rect in taken), default=room.top()) + BLOCK_GAP
        beside = QRectF(right, room.top(), room.right() - right, room.height())
        below = QRectF(room.left(), bottom, room.width(), room.bottom() - bottom)
        return tuple(rect for rect in (beside, below) if rect.width() > 0 and rect.height() > 0)

    def _large(self, rooms: Sequence[QRectF], zoom: float) -> tuple[Strips, tuple[QRectF, ...]]:
        """Place the chosen image of every block once more where it becomes largest, if that is worth it."""
        shown = [block for block in range(len(self.sizes)) if self.sizes[block]]
        candidates = [(room, down, across) for room in rooms for down in (True, False) for across in (True, False)]
        zooms = [self._large_zoom(room, shown, down=down, across=across) for room, down, across in candidates]
        best = max(range(len(candidates)), key=lambda candidate: zooms[candidate], default=None)
        if best is None or zooms[best] < max(1 / self.ratio, WORTH_IT * zoom):
            return (), ()
        room, down, across = candidates[best]
        return self._arrange_large(room, shown, zooms[best], down=down, across=across)

    def _large_zoom(self, room: QRectF, shown: Sequence[int], *, down: bool, across: bool) -> float:
        """The zoom at which all fit: blocks below one another (`down`) or not, bands beside one another or not."""

        def fits(zoom: float) -> bool:
            sizes = [self._large_size(block, zoom, across=across) for block in shown]
            gaps = self.block_gap * (len(sizes) - 1)
            heights, widths = [height for height, _ in sizes], [width for _, width in sizes]
            height = sum(heights) + gaps if down else max(heights)
            width = max(widths) if down else sum(widths) + gaps
            return height <= room.height() and width <= room.width()

        return largest_zoom(fits, self.ratio)

    def _large_size(self, block: int, zoom: float, *, across: bool) -> Size:
        sizes = [self.scaled(size, zoom) for size in self.sizes[block]]
        along = sum(self.snapped(width if across else height) + self.gap for height, width in sizes) - self.gap
        thick = max(self.snapped(height if across else width) for height, width in sizes)
        height, width = (thick, along) if across else (along, thick)
        return height + self.text_sizes.line + 2, max(width, self.narrowest)

    def _arrange_large(
        self, room: QRectF, shown: Sequence[int], zoom: float, *, down: bool, across: bool
    ) -> tuple[Strips, tuple[QRectF, ...]]:
        cells: list[tuple[QRectF, ...]] = [()] * len(self.sizes)
        heads = [QRectF()] * len(self.sizes)
        x, y = self.snapped(room.left()), room.top()
        for block in shown:
            height, width = self._large_size(block, zoom, across=across)
            heads[block] = QRectF(x, y, room.right() - x if down else width, self.text_sizes.line)
            left, top, rects = x, self.snapped(y + self.text_sizes.line + 2), []
            for size in (self.scaled(size, zoom) for size in self.sizes[block]):
                rects.append(QRectF(left, top, size[1], size[0]))
                left += self.snapped(size[1]) + self.gap if across else 0
                top += 0 if across else self.snapped(size[0]) + self.gap
            cells[block] = tuple(rects)
            x, y = (x, y + height + self.block_gap) if down else (self.snapped(x + width) + self.block_gap, y)
        return tuple(cells), tuple(heads)


@lru_cache(maxsize=32)
def arrange(
    geometry: Geometry, room: tuple[float, float, float, float], *, line_below: float, large: bool
) -> ComparisonLayout:
    """Return what `Geometry.arrange` does, cached: a moved slider makes figures of the same geometry."""
    return geometry.arrange(QRectF(*room), line_below=line_below, large=large)


def largest_zoom(fits: Callable[[float], bool], ratio: float) -> float:
    """Return the largest zoom that fits: in whole device pixels, or a fraction where even one is too much."""
    low, high = 0, math.floor(LARGEST_ZOOM * ratio)
    while low < high:  # the smaller, the better it fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle / ratio) else (low, middle - 1)
    if low:
        return low / ratio
    zoom = 1 / ratio
    while zoom > SMALLEST_ZOOM and not fits(zoom):
        zoom *= 0.95
    return zoom


def _every(placed: ComparisonLayout) -> list[QRectF]:
    """All rectangles with something in them, save heads that reach to the room's edge."""
    strips = [rect for block in placed.cells for strip in block for rect in strip]
    captions = [rect for block in placed.captions for rect in block]
    alone = [rect for rect, cells in zip(placed.sentences, placed.cells, strict=True) if not cells]
    heads = [head for head in placed.heads if placed.arrangement != "rows"]
    return [*strips, *captions, *alone, *heads]
