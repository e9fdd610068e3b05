"""A strip of small images of which some are chosen for a part, with the part's letter on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QPainter

from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import Gaps, ImageRow, Tiles, paint_frame

GAPS = Gaps(across=4.0)
MARGIN = 2.0


@dataclass(frozen=True, eq=False)
class PickerFigure(Figure):
    """`parts` maps a letter to the index of its image; the part that the next click chooses is `active`."""

    theme: Theme
    row: ImageRow
    parts: Mapping[str, int]
    active: str

    def layout(self, paper: Paper) -> tuple[QRectF, ...]:
        """Return where each image stands, above the line of letters."""
        count = len(self.row.pixels)
        room = paper.rect.adjusted(MARGIN, MARGIN, -MARGIN, -paper.line - MARGIN)
        return Tiles.fitting(room, self.row.size, count, count, paper.ratio, GAPS).cells

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return the image at a point, wherever it is hit across: the letters below belong to it."""
        near = GAPS.across / 2
        reached = (cell.left() - near <= point.x() <= cell.right() + near for cell in self.layout(paper))
        return next((index for index, there in enumerate(reached) if there), None)

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint the images and, below them, the letters."""
        cells = self.layout(paper)
        for index, cell in enumerate(cells):
            self.row.paint(painter, index, cell)
        for index, cell in enumerate(cells):
            letters = [letter for letter, chosen in self.parts.items() if chosen == index]
            if letters:
                self._paint_letters(painter, letters, paper.at(cell))

    def _paint_letters(self, painter: QPainter, letters: list[str], paper: Paper) -> None:
        cell, active = paper.rect, self.active in letters
        painter.save()
        paint_frame(painter, cell, self.theme.colour("accent" if active else "muted"), away=1.0)
        font = QFont(painter.font())
        font.setBold(active)
        painter.setFont(font)
        box = QRectF(cell.left() - 10, cell.bottom() + 2, cell.width() + 20, paper.metrics.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, " ".join(letters))
        painter.restore()
