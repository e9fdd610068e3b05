"""Rows of small images with captions and, below them, chosen ones large: the figure of three panels."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import (
    Gaps,
    ImageRow,
    Large,
    Pointed,
    Scale,
    ScaleLine,
    Tiles,
    aligned,
    paint_frame,
    paint_image,
    pixel_at,
    whole_zoom,
)

GAP = 3.0
LABEL_GAP = 8.0
BLOCK_GAP = 14.0
TWICE = 2.0  # the least zoom of a page's images, where one of them fits


@dataclass(frozen=True)
class MosaicLayout:
    """Where everything stands, for hit tests as much as for painting; rectangles are in logical pixels."""

    cells: tuple[tuple[QRectF, ...], ...] = ()
    captions: tuple[QRectF, ...] = ()
    labels: tuple[QRectF, ...] = ()
    large: tuple[QRectF, ...] = ()
    scale_rect: QRectF = field(default_factory=QRectF)
    first: int = 0  # of the images shown
    zoom: float = 1.0

    @property
    def shown(self) -> int:
        """How many images are shown."""
        return len(self.cells[0]) if self.cells else 0


@dataclass(frozen=True, eq=False)
class MosaicFigure(Figure):
    """The rows, a caption under each column, the chosen column's images large, and a colour scale.

    A paged one shows fewer columns instead of smaller ones: those around the chosen one, at `zoom` or at least twice.
    """

    theme: Theme
    rows: tuple[ImageRow, ...]
    captions: tuple[str, ...] = ()
    caption_label: str = ""
    chosen: int = 0
    large: tuple[Large, ...] = ()
    scale: Scale | None = None
    description: str = ""
    paged: bool = False
    zoom: float | None = None
    label_lines: float = 0.0  # how wide the rows' labels are at least, in lines: for figures below one another

    # ---- layout ----

    def layout(self, paper: Paper) -> MosaicLayout:
        """Place everything: rows with captions, the large images in what they leave, the scale at the foot."""
        if not self.rows:
            return MosaicLayout()
        rect, line, margin = paper.rect, paper.line, self._label_width(paper)
        tiles = self._tiles(paper, margin)
        cells = tiles.rows
        below = cells[-1][0].bottom() + GAP
        captions = tuple(QRectF(cell.left() - GAP / 2, below - GAP / 2, cell.width() + GAP, line) for cell in cells[-1])
        top = cells[-1][0].bottom() + self._footer(line) + BLOCK_GAP
        scale_height = line + BLOCK_GAP if self.scale else 0.0
        room = QRectF(rect.left() + margin, top, rect.width() - margin, rect.bottom() - top - scale_height)
        large = self._arrange_large(paper.at(room))
        space = line * (1 + self._has_notes) if large else 0
        scale_top = max((r.bottom() for r in large), default=top - BLOCK_GAP) + space + GAP
        return MosaicLayout(
            cells=cells,
            captions=captions if self.captions else (),
            labels=tuple(QRectF(rect.left(), r[0].top(), margin - LABEL_GAP, r[0].height()) for r in cells),
            large=large,
            scale_rect=QRectF(rect.left() + margin, scale_top, rect.width() - margin, line) if self.scale else QRectF(),
            first=self._first(len(cells[0])),
            zoom=tiles.zoom,
        )

    def _first(self, shown: int) -> int:
        return max(0, self.chosen) // shown * shown

    def _columns(self, width: float) -> int:
        """How many images stand beside one another in a room of this width."""
        count, wide = len(self.rows[0].pixels), self.rows[0].size[1]
        if not self.paged:
            return count
        whole = (width - GAP * (count - 1)) // (count * wide)
        zoom = self.zoom or max(whole, TWICE)
        return max(1, min(count, int((width + GAP) // (zoom * wide + GAP))))

    def _tiles(self, paper: Paper, margin: float) -> Tiles:
        count = self._columns(paper.rect.width() - margin)
        scale = paper.line + GAP if self.scale else 0.0
        room = paper.rect.adjusted(margin, 0, 0, -self._footer(paper.line) - GAP - scale)
        size = self.rows[0].size
        return Tiles.fitting(room, size, count * len(self.rows), count, paper.ratio, Gaps(across=GAP, down=GAP))

    def _footer(self, line: float) -> float:
        return line + GAP if self.captions else 0.0

    @property
    def _has_notes(self) -> bool:
        return any(entry.caption for entry in self.large)

    def _label_width(self, paper: Paper) -> float:
        texts = [row.label for row in self.rows] + [self.caption_label]
        widest = max(map(paper.metrics.horizontalAdvance, texts))
        return max(widest + LABEL_GAP, self.label_lines * paper.line) if widest else 0.0

    def _arrange_large(self, paper: Paper) -> tuple[QRectF, ...]:
        room, line = paper.rect, paper.line
        if not self.large or room.height() < 4 * line:
            return ()
        wide = (room.width() - BLOCK_GAP * (len(self.large) - 1)) / len(self.large)
        tall = room.height() - line * (1 + self._has_notes) - GAP
        rects, left, top = list[QRectF](), room.left(), aligned(room.top() + line, paper.ratio)
        for entry in self.large:
            height, width = entry.pixels.shape[:2]
            most = min(tall, min(wide, tall) * max(1.0, height / width))
            zoom = whole_zoom(wide / width, most / height, paper.ratio)
            rects.append(QRectF(aligned(left, paper.ratio), top, width * zoom, height * zoom))
            left = rects[-1].right() + BLOCK_GAP
        return tuple(rects)

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return the column under a point, None where there is none."""
        if not self.rows:
            return None
        tiles = self._tiles(paper, self._label_width(paper))
        index = tiles.index_at(point)
        return None if index is None else self._first(tiles.columns) + index % tiles.columns

    def spot(self, point: QPointF, paper: Paper) -> Pointed | None:
        """Return which pixel of which image lies under a point; None beside the images."""
        layout = self.layout(paper)
        for row, cells in enumerate(layout.cells):
            for image, cell in enumerate(cells, start=layout.first):
                if cell.contains(point):
                    return Pointed(0, row, image, *pixel_at(point, cell, self.rows[row].size))
        for index, (cell, entry) in enumerate(zip(layout.large, self.large, strict=False)):
            if cell.contains(point):
                return Pointed(0, index, self.chosen, *pixel_at(point, cell, entry.pixels.shape[:2]))
        return None

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint rows, texts, the chosen column's frame, the large images and the scale."""
        layout = self.layout(paper)
        for row, cells in zip(self.rows, layout.cells, strict=True):
            for index, cell in enumerate(cells[: len(row.pixels) - layout.first], start=layout.first):
                row.paint(painter, index, cell)
        self._paint_texts(painter, layout, paper)
        self._paint_chosen(painter, layout)
        self._paint_large(painter, layout, paper)
        if self.scale:
            ScaleLine(self.theme, self.scale).paint(painter, paper.at(layout.scale_rect))

    def _paint_texts(self, painter: QPainter, layout: MosaicLayout, paper: Paper) -> None:
        right, metrics = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, paper.metrics
        painter.setPen(self.theme.colour("muted"))
        for row, rect in zip(self.rows, layout.labels, strict=True):
            if rect.height() >= metrics.ascent():
                painter.drawText(rect, right, row.label)
        captions = zip(self.captions[layout.first :], layout.captions, strict=False)
        fitting = [(text, rect) for text, rect in captions if metrics.horizontalAdvance(text) <= rect.width()]
        for text, rect in fitting:  # none runs into its neighbour
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
        if fitting and layout.labels:
            first, label = layout.captions[0], layout.labels[0]
            rect = QRectF(label.left(), first.top(), label.width(), first.height())
            painter.drawText(rect, right, self.caption_label)

    def _paint_chosen(self, painter: QPainter, layout: MosaicLayout) -> None:
        at = self.chosen - layout.first
        if not self.large or not 0 <= at < layout.shown:
            return
        column = QRectF(layout.cells[0][at]).united(layout.cells[-1][at])
        paint_frame(painter, column, self.theme.colour("accent"))

    def _paint_large(self, painter: QPainter, layout: MosaicLayout, paper: Paper) -> None:
        line, ends = paper.metrics.height(), [*(rect.left() - GAP for rect in layout.large[1:]), paper.rect.right()]
        for entry, rect, end in zip(self.large, layout.large, ends, strict=False):
            paint_image(painter, rect, entry.image)
            above, below = rect.top() - 0.35 * line, rect.bottom() + 0.95 * line
            for text, colour, y in ((entry.label, "muted", above), (entry.caption, "text", below)):
                if paper.metrics.horizontalAdvance(text) <= end - rect.left():
                    painter.setPen(self.theme.colour(colour))
                    painter.drawText(QPointF(rect.left(), y), text)
