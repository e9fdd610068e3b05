"""The figures of the latent panel's modes: rows of a sweep, a sum of pictures, a strip to choose images from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QImage, QPainter

from viewer.figures.paper import Figure, Paper, kept
from viewer.figures.theme import Theme
from viewer.figures.tiles import Gaps, ImageRow, Large, Tiles, paint_frame, paint_image, to_image

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


SIGN_WIDTH = 18.0
LINE_GAP = 10.0
FINE = 8.0  # device pixels a logical one, at which lines are compared


@dataclass(frozen=True, eq=False)
class EquationTerm:
    """A picture, uint8 (H, W, 3), with the sign before it ('' for none) and what is written above it."""

    sign: str
    label: str
    pixels: np.ndarray

    @cached_property
    def image(self) -> QImage:
        return to_image(self.pixels)


@dataclass(frozen=True, eq=False)
class EquationFigure(Figure):
    """`lines` of terms: the sums that stand on a line of their own where there is no room for one long one."""

    theme: Theme
    lines: tuple[tuple[EquationTerm, ...], ...]
    description: str = ""

    @property
    def terms(self) -> tuple[EquationTerm, ...]:
        return tuple(term for line in self.lines for term in line)

    def _tiles(self, paper: Paper, lines: Sequence[Sequence[EquationTerm]], ratio: float) -> Tiles:
        most = max(map(len, lines))
        gaps = Gaps(across=SIGN_WIDTH, down=LINE_GAP, above=paper.line + 2)
        room = paper.rect.adjusted(SIGN_WIDTH, 0, 0, 0)
        return Tiles.fitting(room, self.terms[0].pixels.shape, len(lines) * most, most, ratio, gaps)

    def layout(self, paper: Paper) -> tuple[QRectF, ...]:
        """Return where each term's picture stands, in the lines as they are given or all in one: whichever is larger.

        Its sign is left of it, its label above.
        """
        candidates = (self.lines, (self.terms,))
        lines = max(candidates, key=lambda lines: self._tiles(paper, lines, FINE).zoom)
        rows = self._tiles(paper, lines, paper.ratio).rows
        return tuple(cell for terms, cells in zip(lines, rows, strict=True) for cell in cells[: len(terms)])

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return the term under a point, None where there is none."""
        return next((index for index, cell in enumerate(self.layout(paper)) if cell.contains(point)), None)

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint every term."""
        metrics = paper.metrics
        for term, cell in zip(self.terms, self.layout(paper), strict=True):
            paint_image(painter, cell, term.image)
            painter.setPen(self.theme.colour("text"))
            sign = QRectF(cell.left() - SIGN_WIDTH, cell.top(), SIGN_WIDTH, cell.height())
            painter.drawText(sign, Qt.AlignmentFlag.AlignCenter, term.sign)
            painter.setPen(self.theme.colour("muted"))
            shown = metrics.elidedText(term.label, Qt.TextElideMode.ElideRight, cell.width() + SIGN_WIDTH - 4)
            painter.drawText(QPointF(cell.left(), cell.top() - metrics.descent() - 2), shown)


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
