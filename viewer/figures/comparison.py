"""Several runs on the same images, side by side: each run is a block, with a band of images for input, output, ….

Where the room is tall the runs are columns and an image is a row; where it is wide and low it is the other way round,
whichever shows larger images (see `comparison_layout`). A pixel takes a whole number of device pixels as long as that
fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from viewer.figures.arrange import Paragraph
from viewer.figures.comparison_layout import GAP, BandRects, ComparisonLayout, Geometry, TextSizes, layout_of
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import (
    Gaps,
    ImageRow,
    Pointed,
    Scale,
    ScaleLine,
    Tiles,
    after_swatch,
    paint_frame,
    paint_image,
    pixel_at,
    to_image,
)

BETWEEN = ", "
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


@dataclass(frozen=True, eq=False)
class ComparisonFigure(Figure):
    """Blocks on the same images, of which `chosen` is marked in all of them.

    A page holds the images around the chosen one, at `zoom` or as large as leaves enough of them; one that is not
    `paged` has all images, however small.
    """

    theme: Theme
    blocks: tuple[Block, ...]
    chosen: int = 0
    scale: Scale | None = None
    description: str = ""
    paged: bool = True
    zoom: float | None = None

    @property
    def count(self) -> int:
        """The number of images."""
        return max((len(band.pixels) for block in self.blocks for band in block.bands), default=0)

    # ---- layout ----

    def layout(self, paper: Paper) -> ComparisonLayout:
        """Lay everything out, in the arrangement that shows most images, or the largest."""
        geometry = Geometry(
            sizes=tuple(tuple(band.size for band in block.bands) for block in self.blocks),
            captioned=tuple(any(block.captions) for block in self.blocks),
            count=self.count,
            text_sizes=self._text_sizes(paper),
            ratio=paper.ratio,
        )
        rect, below = paper.rect, geometry.text_sizes.line + GAP if self.scale else 0.0
        room = (rect.x(), rect.y(), rect.width(), rect.height() - below)
        return layout_of(geometry, room, max(0, min(self.chosen, self.count - 1)), self.zoom, paged=self.paged)

    def _text_sizes(self, paper: Paper) -> TextSizes:
        def widest(texts: Sequence[str]) -> float:
            return max(map(paper.metrics.horizontalAdvance, texts), default=0.0)

        labels = [band.label for block in self.blocks for band in block.bands]
        notes = [block.note for block in self.blocks]
        return TextSizes(
            line=paper.line,
            label=widest(labels),
            caption=widest([text for block in self.blocks for text in block.captions]),
            head_lines=1 + any(notes) + any(labels),
        )

    def hit(self, point: QPointF, paper: Paper) -> Pointed | None:
        """Return the same as `spot`: unlike a mosaic, no column as a whole is meant."""
        return self.spot(point, paper)

    def spot(self, point: QPointF, paper: Paper) -> Pointed | None:
        """Return which pixel of which image lies under a point, or nearest to it in the gap around an image."""
        layout = self.layout(paper)
        for block, rects in enumerate(layout.cells):
            for band, band_rects in enumerate(rects):
                there = len(self.blocks[block].bands[band].pixels) - layout.first
                for image, cell in enumerate(band_rects[: max(0, there)], start=layout.first):
                    if cell.adjusted(-GAP / 2, -GAP / 2, GAP / 2, GAP / 2).contains(point):
                        size = self.blocks[block].bands[band].size
                        return Pointed(block, band, image, *pixel_at(point, cell, size))
        return None

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint all blocks."""
        layout = self.layout(paper)
        for block, bands in zip(self.blocks, layout.cells, strict=True):
            self._paint_images(painter, block, bands, layout.first)
        for index, block in enumerate(self.blocks):
            self._paint_head(painter, block, paper.at(layout.heads[index]), beside=not layout.is_columns)
            placed = zip(block.bands, layout.cells[index], strict=True)
            firsts = [(band.label, cells[0]) for band, cells in placed if cells]
            if layout.is_columns:
                self._paint_labels_above(painter, firsts, paper.at(layout.heads[index]))
            else:
                self._paint_labels_beside(painter, firsts, paper)
            if block.sentence:
                Paragraph(self.theme, block.sentence).paint(painter, paper.at(layout.sentences[index]))
        self._paint_captions(painter, layout, paper)
        self._paint_chosen(painter, layout)
        if self.scale:
            ScaleLine(self.theme, self.scale).paint(painter, paper.at(layout.scale_rect))

    def _paint_images(self, painter: QPainter, block: Block, bands: BandRects, first: int) -> None:
        for band, cells in zip(block.bands, bands, strict=True):
            for index, cell in enumerate(cells[: max(0, len(band.pixels) - first)], start=first):
                band.paint(painter, index, cell)
        marked = (index - first for index in block.marked)
        for cell in (bands[-1][index] for index in marked if bands and 0 <= index < len(bands[-1])):
            line = QRectF(cell.left(), cell.bottom(), cell.width(), MARK)
            painter.fillRect(line, self.theme.colour("warning"))

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

    def _paint_captions(self, painter: QPainter, layout: ComparisonLayout, paper: Paper) -> None:
        """Write the captions; of those that would run into one another only the chosen image's."""
        metrics = paper.metrics
        align = Qt.AlignmentFlag.AlignLeft if layout.is_columns else Qt.AlignmentFlag.AlignHCenter
        for block, rects in zip(self.blocks, layout.captions, strict=True):
            texts = block.captions[layout.first :]
            written = [(*entry, at) for at, entry in enumerate(zip(texts, rects, strict=False), start=layout.first)]
            spare = 1 if layout.is_columns else -GAP  # between captions side by side there must be a gap to be seen
            if any(metrics.horizontalAdvance(text) > box.width() + spare for text, box, _ in written):
                wide = metrics.horizontalAdvance("0") * 20
                written = [
                    (text, box.adjusted(-wide, 0, wide, 0), at) for text, box, at in written if at == self.chosen
                ]
            if any(box.height() < metrics.ascent() for _, box, _ in written):
                continue
            for text, box, at in written:
                painter.setPen(self.theme.colour("warning" if at in block.marked else "muted"))
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | align, text)

    def _paint_chosen(self, painter: QPainter, layout: ComparisonLayout) -> None:
        for rects in layout.cells:
            at = self.chosen - layout.first
            cells = [band_rects[at] for band_rects in rects if 0 <= at < len(band_rects)]
            if cells:
                paint_frame(painter, cells[0].united(cells[-1]), self.theme.colour("accent"))


TILE_GAP = 14.0
HOW_TO_LEAVE = "← → other images · click or Esc: all images again"


@dataclass(frozen=True, eq=False)
class DetailTile:
    """An image, uint8 (H, W, 3), its name, a line below it, its block and band, and the colour of its run."""

    title: str
    pixels: np.ndarray
    note: str = ""
    block: int = 0
    band: int = 0
    colour: str = ""


@dataclass(frozen=True, eq=False)
class DetailFigure(Figure):
    """The tiles of one image, in as many columns as make them largest."""

    theme: Theme
    image: int
    tiles: tuple[DetailTile, ...]
    description: str = ""

    def grid(self, paper: Paper) -> Tiles:
        """Return where the tiles stand."""
        height = max(tile.pixels.shape[0] for tile in self.tiles)
        width = max(tile.pixels.shape[1] for tile in self.tiles)
        gaps = Gaps(across=TILE_GAP, down=TILE_GAP, above=paper.line, below=paper.line)
        grids = [
            Tiles.fitting(
                paper.rect.adjusted(0, 0, 0, -paper.line), (height, width), len(self.tiles), columns, paper.ratio, gaps
            )
            for columns in range(1, len(self.tiles) + 1)
        ]
        return max(grids, key=lambda grid: (grid.zoom, grid.columns))

    def hit(self, point: QPointF, paper: Paper) -> Pointed | None:
        """Return the tile and the pixel under a point."""
        for tile, cell in zip(self.tiles, self.grid(paper).cells, strict=True):
            if cell.contains(point):
                return Pointed(tile.block, tile.band, self.image, *pixel_at(point, cell, tile.pixels.shape[:2]))
        return None

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint every tile between its name and its line."""
        grid = self.grid(paper)
        for tile, cell in zip(self.tiles, grid.cells, strict=True):
            paint_image(painter, cell, to_image(tile.pixels))
            above, below = cell.adjusted(0, -paper.line, 0, 0), cell.adjusted(0, cell.height(), 0, paper.line)
            head = after_swatch(painter, tile.colour, paper.at(above))
            head.write(painter, tile.title, self.theme.colour("text"), keep_ends=True)
            paper.at(below).write(painter, tile.note, self.theme.colour("muted"))
        foot = QRectF(paper.rect.left(), grid.used.bottom(), paper.rect.width(), paper.line)
        paper.at(foot).write(painter, HOW_TO_LEAVE, self.theme.colour("muted"))
