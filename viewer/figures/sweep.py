"""One decoded picture large, and below or beside it a row for each direction: what it becomes along it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from viewer.figures.paper import Figure, Paper, kept
from viewer.figures.theme import Theme
from viewer.figures.tiles import Gaps, ImageRow, Large, Tiles, paint_image

GAP = 3.0
BLOCK_GAP = 16.0
LARGE_SHARE = 0.42  # of the width or height, where there are rows
SMALLEST_ZOOM = 0.7  # of the rows' pictures: smaller ones are left out for the large picture's sake


class SweepCell(NamedTuple):
    """A picture of a row."""

    row: int
    column: int


@dataclass(frozen=True)
class SweepLayout:
    """Where everything stands; no cells where the rows have no room."""

    large: tuple[QRectF, ...]
    cells: tuple[tuple[QRectF, ...], ...] = ()
    heads: QRectF = field(default_factory=QRectF)

    @property
    def size(self) -> float:
        """How large the pictures are: the rows' count twice, since there is more to see in them."""
        return 2 * (self.cells[0][0].width() if self.cells else 0.0) + self.large[0].width()


@dataclass(frozen=True, eq=False)
class SweepFigure(Figure):
    """`large` pictures first; `rows` of one picture for each of the `columns`, whose values are written above."""

    theme: Theme
    large: tuple[Large, ...]
    rows: tuple[ImageRow, ...] = ()
    columns: tuple[str, ...] = ()
    description: str = ""

    @kept
    def layout(self, paper: Paper) -> SweepLayout:
        """Place the large pictures and the rows, beside or below one another: whichever shows them larger."""
        arrangements = [self._arrange(paper, wide=wide) for wide in (True, False)]
        if not any(layout.cells for layout in arrangements):
            return SweepLayout(self._arrange_large(paper, down=paper.rect.height() > paper.rect.width()))
        return max(arrangements, key=lambda layout: layout.size)

    def _arrange(self, paper: Paper, *, wide: bool) -> SweepLayout:
        """Place the rows right of the large pictures, which stand below one another then; or below them."""
        rect, near, share = paper.rect, QRectF(paper.rect), LARGE_SHARE if self.rows else 1.0
        near.setWidth(rect.width() * share if wide else rect.width())
        near.setHeight(rect.height() if wide else rect.height() * share)
        large = self._arrange_large(paper.at(near), down=wide)
        end = max(r.right() if wide else r.bottom() + 4 for r in large) + BLOCK_GAP
        far = rect.adjusted(end - rect.left(), 0, 0, 0) if wide else rect.adjusted(0, end - rect.top(), 0, 0)
        return SweepLayout(large, *self._arrange_rows(paper.at(far)))

    def _arrange_large(self, paper: Paper, *, down: bool) -> tuple[QRectF, ...]:
        count, size = len(self.large), self.large[0].pixels.shape
        gaps = Gaps(BLOCK_GAP, BLOCK_GAP, above=paper.line + 2)
        return Tiles.fitting(paper.rect, size, count, 1 if down else count, paper.ratio, gaps).cells

    def _arrange_rows(self, paper: Paper) -> tuple[tuple[tuple[QRectF, ...], ...], QRectF]:
        if not self.rows:
            return (), QRectF()
        rect, line, (height, width) = paper.rect, paper.line, self.large[0].pixels.shape[:2]
        margin = max(paper.metrics.horizontalAdvance(row.label) for row in self.rows) + 8
        room = rect.adjusted(margin, line, -GAP, -GAP)
        count = len(self.columns)
        tiles = Tiles.fitting(room, (height, width), len(self.rows) * count, count, paper.ratio, Gaps(GAP, GAP))
        if tiles.zoom * min(height, width) < SMALLEST_ZOOM * min(28, height, width):
            return (), QRectF()
        return tiles.rows, QRectF(rect.left(), rect.top(), margin - 8, line)

    def hit(self, point: QPointF, paper: Paper) -> SweepCell | None:
        """Return the picture of a row under a point, None where there is none."""
        for row, strip in enumerate(self.layout(paper).cells):
            for column, cell in enumerate(strip):
                if cell.adjusted(-GAP / 2, -GAP / 2, GAP / 2, GAP / 2).contains(point):
                    return SweepCell(row, column)
        return None

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint the large pictures, the rows, and the values above these."""
        layout, metrics = self.layout(paper), paper.metrics
        for entry, target in zip(self.large, layout.large, strict=True):
            paint_image(painter, target, entry.image)
            painter.setPen(self.theme.colour("muted"))
            painter.drawText(QPointF(target.left(), target.top() - metrics.descent() - 1), entry.label)
        for row, strip in zip(self.rows, layout.cells, strict=False):
            self._paint_row(painter, row, strip, layout.heads)
        for text, cell in zip(self.columns, layout.cells[0] if layout.cells else (), strict=False):
            if metrics.horizontalAdvance(text) <= cell.width() + GAP:
                box = QRectF(cell.left() - 20, layout.heads.top(), cell.width() + 40, layout.heads.height())
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, text)

    def _paint_row(self, painter: QPainter, row: ImageRow, strip: tuple[QRectF, ...], heads: QRectF) -> None:
        for index, cell in enumerate(strip[: len(row.pixels)]):
            row.paint(painter, index, cell)
        painter.setPen(self.theme.colour("muted"))
        box = QRectF(heads.left(), strip[0].top(), heads.width(), strip[0].height())
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, row.label)
