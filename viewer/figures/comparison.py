"""Several runs on the same images, side by side: each run is a block, with a band of images for input, output, ….

Where the room is tall the runs are columns and an image is a row; where it is wide and low it is the other way round,
whichever shows larger images (see `comparison_layout`). A pixel takes a whole number of device pixels as long as that
fits. The space that is left shows the chosen image of every run large.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from viewer.figures.comparison_layout import GAP, ComparisonLayout, Geometry, TextSizes, arrange
from viewer.figures.paper import Figure, Paper
from viewer.figures.scale import Scale, ScaleLine
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, pixel_at

WIDEST_TITLE = 170.0
BETWEEN = ", "
MARK = 2.0  # the line below a marked image


class Band(ImageRow):
    """Images that belong together, uint8 (N, H, W, 3)."""


@dataclass(frozen=True, eq=False)
class Block:
    """A run: its name, a line below it, its bands, and a caption for each image; `sentence` stands where bands fail.

    The images in `marked` are underlined in the colour of warnings, and their captions have it.
    """

    title: str
    bands: tuple[Band, ...] = ()
    captions: tuple[str, ...] = ()
    note: str = ""
    sentence: str = ""
    marked: frozenset[int] = frozenset()


class BandHit(NamedTuple):
    """What lies under a point."""

    block: int
    band: int
    image: int


class BandPixel(NamedTuple):
    """What lies under a point, to the pixel of the image."""

    hit: BandHit
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class ComparisonFigure(Figure):
    """Blocks on the same images; `chosen` is marked in all of them, and shown `large` where there is room."""

    theme: Theme
    blocks: tuple[Block, ...]
    chosen: int = 0
    scale: Scale | None = None
    description: str = ""
    large: bool = True

    @property
    def count(self) -> int:
        """The number of images."""
        return max((len(band.pixels) for block in self.blocks for band in block.bands), default=0)

    # ---- layout ----

    def layout(self, paper: Paper) -> ComparisonLayout:
        """Lay everything out in `rect`, in the arrangement that shows images largest."""
        rect, ratio, metrics = paper.rect, paper.ratio, paper.metrics
        geometry = Geometry(
            sizes=tuple(tuple(band.size for band in block.bands) for block in self.blocks),
            captioned=tuple(any(block.captions) for block in self.blocks),
            count=self.count,
            text_sizes=self._text_sizes(metrics),
            ratio=ratio,
        )
        room = (rect.x(), rect.y(), rect.width(), rect.height())
        below = geometry.text_sizes.line + GAP if self.scale else 0.0
        return arrange(geometry, room, line_below=below, large=self.large and self._has_chosen())

    def _text_sizes(self, metrics: QFontMetricsF) -> TextSizes:
        def widest(texts: Sequence[str]) -> float:
            return max((metrics.horizontalAdvance(text) for text in texts), default=0.0)

        labels = [band.label for block in self.blocks for band in block.bands]
        notes = [block.note for block in self.blocks]
        return TextSizes(
            line=math.ceil(metrics.height()),
            head=min(WIDEST_TITLE, widest([*notes, *(block.title for block in self.blocks)])),
            label=widest(labels),
            caption=widest([text for block in self.blocks for text in block.captions]),
            head_lines=1 + any(notes) + any(labels),
        )

    def _has_chosen(self) -> bool:
        return 0 <= self.chosen < self.count

    def hit(self, point: QPointF, paper: Paper) -> BandHit | None:
        """Return which image lies under a point, None where there is none."""
        spot = self.spot(point, paper)
        return spot.hit if spot else None

    def spot(self, point: QPointF, paper: Paper) -> BandPixel | None:
        """Return which pixel of which image lies under a point, or nearest to it in the gap around an image."""
        layout = self.layout(paper)
        for block, rects in enumerate(layout.cells):
            for band, band_rects in enumerate(rects):
                for image, cell in enumerate(band_rects[: len(self.blocks[block].bands[band].pixels)]):
                    if cell.adjusted(-GAP / 2, -GAP / 2, GAP / 2, GAP / 2).contains(point):
                        return self._spot(BandHit(block, band, image), cell, point)
        for block, cells in enumerate(layout.large):
            for band, cell in enumerate(cells):
                if cell.contains(point) and self.chosen < len(self.blocks[block].bands[band].pixels):
                    return self._spot(BandHit(block, band, self.chosen), cell, point)
        return None

    def _spot(self, hit: BandHit, cell: QRectF, point: QPointF) -> BandPixel:
        return BandPixel(hit, *pixel_at(point, cell, self.blocks[hit.block].bands[hit.band].size))

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint all blocks inside `rect`."""
        metrics = paper.metrics
        layout = self.layout(paper)
        for block, rects in zip(self.blocks, layout.cells, strict=True):
            for band, band_rects in zip(block.bands, rects, strict=True):
                for index, cell in enumerate(band_rects[: len(band.pixels)]):
                    band.paint(painter, index, cell)
            for cell in (rects[-1][index] for index in block.marked if rects and index < len(rects[-1])):
                line = QRectF(cell.left(), cell.bottom(), cell.width(), MARK)
                painter.fillRect(line, self.theme.colour("warning"))
        self._paint_large(painter, layout, metrics)
        for index, block in enumerate(self.blocks):
            self._paint_head(painter, block, layout.heads[index], metrics, beside=layout.arrangement == "rows")
            self._paint_labels(painter, block, layout, index, metrics)
            if block.sentence:
                painter.setPen(self.theme.colour("muted"))
                painter.drawText(layout.sentences[index], int(Qt.TextFlag.TextWordWrap), block.sentence)
        self._paint_captions(painter, layout, metrics)
        self._paint_chosen(painter, layout)
        if self.scale:
            ScaleLine(self.theme, self.scale).paint(painter, paper.at(layout.scale_rect))

    def _paint_head(
        self, painter: QPainter, block: Block, head: QRectF, metrics: QFontMetricsF, *, beside: bool
    ) -> None:
        """Write the title and its note, the one below the other or beside it."""
        title = metrics.elidedText(block.title, Qt.TextElideMode.ElideMiddle, head.width())
        painter.setPen(self.theme.colour("text"))
        painter.drawText(QPointF(head.left(), head.top() + metrics.ascent()), title)
        along = metrics.horizontalAdvance(title) + 10 if beside else 0.0
        down = 0.0 if beside else metrics.height()
        note = metrics.elidedText(block.note, Qt.TextElideMode.ElideRight, max(0.0, head.width() - along))
        if (beside and note != block.note) or (not beside and head.height() < 2 * metrics.height() - 1):
            return  # "…" alone says nothing, and what is written below the head would be another's
        painter.setPen(self.theme.colour("muted"))
        painter.drawText(QPointF(head.left() + along, head.top() + down + metrics.ascent()), note)

    def _paint_labels(
        self, painter: QPainter, block: Block, layout: ComparisonLayout, index: int, metrics: QFontMetricsF
    ) -> None:
        """Write what the bands are: above each, or all of them in one line where they are too narrow for that."""
        painter.setPen(self.theme.colour("muted"))
        bands = zip(block.bands, layout.cells[index], strict=True)
        firsts = [(band.label, rects[0]) for band, rects in bands if rects]
        if not layout.is_columns:
            for label, cell in firsts:
                if cell.height() >= metrics.ascent():
                    left = cell.left() - 2 * GAP - metrics.horizontalAdvance(label)
                    painter.drawText(QPointF(left, cell.center().y() + metrics.ascent() / 2 - 1), label)
            return
        head = layout.heads[index]
        line = QRectF(head.left(), head.bottom() - metrics.height(), head.width(), metrics.height())
        if all(metrics.horizontalAdvance(label) <= cell.width() + GAP for label, cell in firsts):
            for label, cell in firsts:
                box = QRectF(cell.left() - GAP, line.top(), cell.width() + 2 * GAP, line.height())
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, label)
            return
        every = BETWEEN.join(label for label, _ in firsts if label)
        shown = metrics.elidedText(every, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, shown)

    def _paint_captions(self, painter: QPainter, layout: ComparisonLayout, metrics: QFontMetricsF) -> None:
        """Write the captions; of those that would run into one another only the chosen image's."""
        align = Qt.AlignmentFlag.AlignLeft if layout.is_columns else Qt.AlignmentFlag.AlignHCenter
        for block, rects in zip(self.blocks, layout.captions, strict=True):
            written = [(*entry, at) for at, entry in enumerate(zip(block.captions, rects, strict=False))]
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
        if not self._has_chosen():
            return
        painter.setPen(QPen(self.theme.colour("accent"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for rects in layout.cells:
            cells = [band_rects[self.chosen] for band_rects in rects if self.chosen < len(band_rects)]
            if cells:
                first = QRectF(cells[0])
                for cell in cells[1:]:
                    first = first.united(cell)
                painter.drawRect(first.adjusted(-1.5, -1.5, 1.5, 1.5))

    def _paint_large(self, painter: QPainter, layout: ComparisonLayout, metrics: QFontMetricsF) -> None:
        """Show the chosen image of every block once more."""
        for block, cells, head in zip(self.blocks, layout.large, layout.large_heads, strict=False):
            if not cells:
                continue
            caption = block.captions[self.chosen] if self.chosen < len(block.captions) else ""
            self._paint_head(painter, replace(block, note=caption), head, metrics, beside=True)
            for band, cell in zip(block.bands, cells, strict=False):
                if self.chosen < len(band.pixels):
                    band.paint(painter, self.chosen, cell)
