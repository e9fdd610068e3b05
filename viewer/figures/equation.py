"""Pictures with signs between them, a − b + c = …, on as many lines as show them largest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import Gaps, Tiles, paint_image, to_image

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
