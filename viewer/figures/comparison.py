"""Images in rows and columns: of one run with the chosen image large below, or of several runs, a block each.

Of several runs a block is a column where the room is tall, and a row where it is wide and low, whichever shows larger
images (see `comparison_layout`). A pixel takes a whole number of device pixels as long as that fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainter

from viewer.figures import comparison_layout
from viewer.figures.arrange import Paragraph
from viewer.figures.comparison_layout import ENOUGH, FEW, GAP, Arrangement, ComparisonLayout, Placed
from viewer.figures.image_grid import ImageGrid
from viewer.figures.paper import Figure, Paper, kept
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Pointed, Scale, after_swatch, paint_frame, pixel_at

BETWEEN = ", "
LARGE_GAP = 8.0  # above the large images
MARK = 2.0  # the line below a marked image

Labels = Sequence[tuple[str, QRectF]]  # of bands, each with where its first image stands


@dataclass(frozen=True, eq=False)
class Block:
    """A run: its name, a line below it, its bands, and a caption for each image; `sentence` stands where bands fail.

    The images in `marked` are underlined in the colour of warnings, and their captions have it.
    """

    title: str
    bands: tuple[ImageRow, ...] = ()
    captions: tuple[str, ...] = ()
    note: str = ""
    sentence: str = ""
    marked: frozenset[int] = frozenset()
    colour: str = ""  # of the run, #rrggbb
    caption_label: str = ""


@dataclass(frozen=True, eq=False)
class ComparisonFigure(Figure):
    """Blocks on the same images, of which `chosen` is marked in all, or shown `large` below the rows of a single one.

    A page holds the images around the chosen one, at `zoom` or as large as leaves enough of them; one that is not
    `paged` has all images, however small; one that is `open` has the chosen image alone, as large as it fits.
    """

    theme: Theme
    blocks: tuple[Block, ...]
    chosen: int = 0
    scale: Scale | None = None
    description: str = ""
    paged: bool = True
    zoom: float | None = None
    open: bool = False
    large: ImageGrid | None = None
    label_lines: float = 0.0  # how wide the bands' labels are at least, in lines: for figures below one another

    @property
    def count(self) -> int:
        """The number of images."""
        return max((len(band.pixels) for block in self.blocks for band in block.bands), default=0)

    # ---- layout ----

    @kept
    def layout(self, paper: Paper) -> ComparisonLayout:
        """Lay everything out, in the arrangement that shows most images, or the largest."""
        foot = paper.line + GAP if self.scale else 0.0
        room, ways = paper.rect.adjusted(0, 0, 0, -foot), (False,) if self.large is not None else (True, False)
        arrangements = [self._arrangement(paper.at(room), columns=columns) for columns in ways]
        chosen = max(0, min(self.chosen, self.count - 1))
        if self.open:
            return replace(comparison_layout.whole(arrangements, min(1, self.count)), first=chosen)
        if not self.paged:
            return comparison_layout.whole(arrangements, self.count)
        layout = comparison_layout.page(arrangements, self.zoom, (ENOUGH, FEW) if self.large is None else (self.count,))
        shown = max(1, layout.shown)  # sentences alone have no images
        return replace(layout, first=chosen // shown * shown, shown=shown)

    def _arrangement(self, paper: Paper, *, columns: bool) -> Arrangement:
        def widest(texts: Sequence[str]) -> float:
            return max(map(paper.metrics.horizontalAdvance, texts), default=0.0)

        labels = [band.label for block in self.blocks for band in block.bands]
        label = widest([*labels, *(block.caption_label for block in self.blocks)])
        return Arrangement(
            paper.rect,
            columns,
            sizes=tuple(tuple(band.size for band in block.bands) for block in self.blocks),
            titles=tuple(
                widest([block.title]) + (paper.line if block.colour else 0.0) if block.title else 0.0
                for block in self.blocks
            ),
            captioned=tuple(any(block.captions) for block in self.blocks),
            count=self.count,
            line=paper.line,
            label=max(label + 2 * GAP, self.label_lines * paper.line) if label else 0.0,
            caption=widest([text for block in self.blocks for text in block.captions]),
            head_lines=1 if self.open else 1 + any(block.note for block in self.blocks) + any(labels),
            ratio=paper.ratio,
        )

    @property
    def _labelled(self) -> bool:
        """Whether bands have labels above them: not those that stand alone and need the room."""
        return not self.open or any(len(block.bands) > 1 for block in self.blocks)

    def large_in(self, paper: Paper) -> Paper | None:
        """Return what the rows leave for the large images; None where there are none, or that is not enough."""
        if self.large is None:
            return None
        layout, foot = self.layout(paper), paper.line + GAP if self.scale else 0.0
        corner = QPointF(layout.cells[0][0][0].left(), layout.bottom + LARGE_GAP)
        room = QRectF(corner, paper.rect.bottomRight() - QPointF(0, foot))
        return paper.at(room) if room.height() > 4 * paper.line else None

    def large_side(self, paper: Paper) -> float:
        """Return the shorter side of a large image, 0 where there is none."""
        large = self.large_in(paper)
        tiles = self.large.tiles(large) if self.large is not None and large else None
        return min(tiles.width, tiles.height) if tiles else 0.0

    def scale_rect(self, paper: Paper) -> QRectF:
        """Return where the colour scale stands, below everything else."""
        layout, large = self.layout(paper), self.large_in(paper)
        below = self.large.used(large).bottom() if self.large is not None and large else layout.bottom
        left = layout.cells[0][0][0].left() if self.large is not None else paper.rect.left()
        return QRectF(left, below + GAP, paper.rect.right() - left, paper.line)

    def hit(self, point: QPointF, paper: Paper) -> Pointed | None:
        """Return which pixel of which image lies under a point, or nearest to it in the gap around an image."""
        layout = self.layout(paper)
        for block, rects in enumerate(layout.cells):
            for number, (band, cells) in enumerate(zip(self.blocks[block].bands, rects, strict=True)):
                for image, cell in self._images(band, cells, layout.first):
                    if cell.adjusted(-GAP / 2, -GAP / 2, GAP / 2, GAP / 2).contains(point):
                        return Pointed(block, number, image, *pixel_at(point, cell, band.size))
        large = self.large_in(paper)
        found = self.large.hit(point, large) if self.large is not None and large else None
        if found is None:
            return None
        every = [(block, number) for block, each in enumerate(self.blocks) for number in range(len(each.bands))]
        block, number = every[found.image]
        return found._replace(block=block, band=number, image=self.chosen)

    def _images(self, band: ImageRow, cells: Sequence[QRectF], first: int) -> list[tuple[int, QRectF]]:
        """The images of a band that are shown, each with where it stands."""
        return list(enumerate(cells[: max(0, len(band.pixels) - first)], start=first))

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint all blocks, the chosen image large, and the scale."""
        layout = self.layout(paper)
        for block, placed in zip(self.blocks, layout.blocks, strict=True):
            self._paint_images(painter, block, placed, layout.first)
        for block, placed in zip(self.blocks, layout.blocks, strict=True):
            firsts = [(band.label, cells[0]) for band, cells in zip(block.bands, placed.bands, strict=True) if cells]
            self._paint_texts(painter, block, firsts, paper.at(placed.head), layout)
            if block.sentence:
                Paragraph(self.theme, block.sentence).paint(painter, paper.at(placed.sentence))
            self._paint_captions(painter, block, placed, layout, paper)
            self._paint_chosen(painter, placed, layout)
        large = self.large_in(paper)
        if self.large is not None and large:
            self.large.paint(painter, large)
        if self.scale:
            self.scale.paint(painter, paper.at(self.scale_rect(paper)))

    def _paint_images(self, painter: QPainter, block: Block, placed: Placed, first: int) -> None:
        for band, cells in zip(block.bands, placed.bands, strict=True):
            for index, cell in self._images(band, cells, first):
                band.paint(painter, index, cell)
        marked = (index - first for index in block.marked)
        for cell in (placed.bands[-1][at] for at in marked if block.bands and 0 <= at < len(placed.bands[-1])):
            line = QRectF(cell.left(), cell.bottom(), cell.width(), MARK)
            painter.fillRect(line, self.theme.colour("warning"))

    def _paint_texts(
        self, painter: QPainter, block: Block, firsts: Labels, head: Paper, layout: ComparisonLayout
    ) -> None:
        """Write a block's title and note and what its bands are; of an opened image all in one line."""
        if not layout.is_columns:
            self._paint_head(painter, block, head, beside=True)
            self._paint_labels_beside(painter, firsts, head)
        elif self.open:
            self._paint_one_line(painter, block, firsts, head)
        else:
            self._paint_head(painter, block, head, beside=False)
            self._paint_labels_above(painter, firsts, head)

    def _paint_one_line(self, painter: QPainter, block: Block, firsts: Labels, head: Paper) -> None:
        """Write title and note; where bands have labels these stand above their right ends, the note after the last."""
        if not firsts or not self._labelled:
            self._paint_head(painter, block, head, beside=True)
            return
        *others, (last, end) = firsts
        labels, line = [*others, (f"{last} {block.note}".strip(), end)], head.rect
        painter.setPen(self.theme.colour("muted"))
        for label, cell in labels:
            above = QRectF(cell.left(), line.top(), cell.width(), line.height())
            painter.drawText(above, Qt.AlignmentFlag.AlignRight, label)
        label, cell = labels[0]
        left = cell.right() - head.metrics.horizontalAdvance(label) - 2 * GAP - line.left()
        title = QRectF(line.topLeft(), QSizeF(left, line.height()))
        self._paint_head(painter, replace(block, note=""), head.at(title), beside=True)

    def _paint_head(self, painter: QPainter, block: Block, paper: Paper, *, beside: bool) -> None:
        """Write the title and its note, the one below the other or beside it."""
        paper = after_swatch(painter, block.colour, paper)
        head, metrics = paper.rect, paper.metrics
        title = metrics.elidedText(block.title, Qt.TextElideMode.ElideMiddle, head.width())
        paper.write(painter, title, self.theme.colour("text"))
        along = metrics.horizontalAdvance(title) + 10 if beside else 0.0
        down = 0.0 if beside else metrics.height()
        room = paper.at(head.adjusted(along, down, 0, 0))
        note = block.note
        while BETWEEN in note and metrics.horizontalAdvance(note) > room.rect.width():
            note = note.rpartition(BETWEEN)[0]  # rather than break off within a word
        fits = metrics.horizontalAdvance(note) <= room.rect.width()
        if (beside and not fits) or (not beside and head.height() < 2 * metrics.height() - 1):
            return  # "…" alone says nothing, and what is written below the head would be another's
        room.write(painter, note, self.theme.colour("muted"))

    def _paint_labels_beside(self, painter: QPainter, firsts: Labels, paper: Paper) -> None:
        """Write what the bands are at the left of each that is high enough."""
        metrics = paper.metrics
        painter.setPen(self.theme.colour("muted"))
        for label, cell in firsts:
            if cell.height() >= metrics.ascent():
                left = cell.left() - 2 * GAP - metrics.horizontalAdvance(label)
                painter.drawText(QPointF(left, cell.center().y() + metrics.ascent() / 2 - 1), label)

    def _paint_labels_above(self, painter: QPainter, firsts: Labels, paper: Paper) -> None:
        """Write what the bands are above each, or all of them in one line where they are too narrow for that."""
        head, height, advance = paper.rect, paper.metrics.height(), paper.metrics.horizontalAdvance
        line = QRectF(head.left(), head.bottom() - height, head.width(), height)
        if any(advance(label) > cell.width() + GAP for label, cell in firsts):
            every = BETWEEN.join(label for label, _ in firsts if label)
            paper.at(line).write(painter, every, self.theme.colour("muted"))
            return
        painter.setPen(self.theme.colour("muted"))
        for label, cell in firsts:
            box = QRectF(cell.left() - GAP, line.top(), cell.width() + 2 * GAP, height)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, label)

    def _paint_captions(
        self, painter: QPainter, block: Block, placed: Placed, layout: ComparisonLayout, paper: Paper
    ) -> None:
        """Write the captions that find room, or the chosen image's alone where that would run into others."""
        advance, first = paper.metrics.horizontalAdvance, layout.first
        align = Qt.AlignmentFlag.AlignLeft if layout.is_columns else Qt.AlignmentFlag.AlignHCenter
        spare = 1 if layout.is_columns else -GAP  # between captions side by side there must be a gap to be seen
        every = list(enumerate(zip(block.captions[first:], placed.captions, strict=False), start=first))
        written = [(at, text, box) for at, (text, box) in every if advance(text) <= box.width() + spare]
        if self.chosen not in [at for at, _, _ in written]:
            wide = advance("0") * 20
            own = [(at, text, box.adjusted(-wide, 0, wide, 0)) for at, (text, box) in every if at == self.chosen]
            written = own or written
        if any(box.height() < paper.metrics.ascent() for _, _, box in written):
            return
        for at, text, box in written:
            painter.setPen(self.theme.colour("warning" if at in block.marked else "muted"))
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | align, text)
        if written and block.caption_label:
            below = QRectF(placed.bands[-1][0].left(), placed.captions[0].top(), 0, placed.captions[0].height())
            self._paint_labels_beside(painter, [(block.caption_label, below)], paper)

    def _paint_chosen(self, painter: QPainter, placed: Placed, layout: ComparisonLayout) -> None:
        at = self.chosen - layout.first
        cells = [cells[at] for cells in placed.bands if 0 <= at < len(cells)]
        if cells and not self.open:
            paint_frame(painter, cells[0].united(cells[-1]), self.theme.colour("accent"))


def notes_of(blocks: Sequence[Block]) -> str:
    """Return what a screen reader says of blocks."""
    return "; ".join(f"{block.title}: {block.sentence or block.note}" for block in blocks if block.note)


def of_one(
    theme: Theme,
    rows: tuple[ImageRow, ...],
    captions: tuple[str, ...] = (),
    caption_label: str = "",
    *,
    chosen: int = -1,
    notes: tuple[str, ...] = (),
    scale: Scale | None = None,
    description: str = "",
    label_lines: float = 0.0,
) -> ComparisonFigure:
    """Return the figure of one run: all its rows, and large those of the chosen image, with notes below."""
    block, large = Block("", rows, captions, caption_label=caption_label), None
    if chosen >= 0:
        large = large_of(theme, rows, chosen, tuple(row.label for row in rows), notes)
    return ComparisonFigure(
        theme, (block,), chosen, scale, description, paged=False, large=large, label_lines=label_lines
    )


def large_of(
    theme: Theme, bands: Sequence[ImageRow], chosen: int, titles: tuple[str, ...], notes: tuple[str, ...] = ()
) -> ImageGrid:
    """Return the chosen image of bands, all of one size, side by side."""
    return ImageGrid(theme, np.stack([band.pixels[chosen] for band in bands]), titles, notes, columns=(len(bands),))
