"""What networks make of one drawing: for each what it was given and what came out, or how likely it holds what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainter

from viewer.figures import arrange
from viewer.figures.image_grid import SIGN, ImageGrid
from viewer.figures.paper import Figure, Paper, kept
from viewer.figures.theme import Theme
from viewer.figures.tiles import after_swatch

ARROW = "→"
CELL_GAP = 18.0
LONGEST_BAR = 420.0  # with its name and its value
LINES = 3  # of text in a cell: its title, how the drawing was fitted, what came of it


class DrawnBar(NamedTuple):
    """A class or the place of a value, the length of its bar, 0 to 1, and what is written at its end."""

    name: str
    length: float
    text: str


@dataclass(frozen=True, eq=False)
class DrawnCell:
    """One network: `pictures` uint8 (N, H, W, 3), what was given and perhaps the output, or bars beside the one."""

    title: str
    note: str = ""
    pictures: np.ndarray | None = None
    bars: tuple[DrawnBar, ...] = ()
    measured: str = ""
    sentence: str = ""
    colour: str = ""  # of the run, #rrggbb


@dataclass(frozen=True)
class DrawnLayout:
    """Where the cells stand, and how large a side their pictures have."""

    cells: tuple[QRectF, ...]
    side: float


@dataclass(frozen=True, eq=False)
class DrawnFigure(Figure):
    """A cell for each network, in the grid that shows pictures largest."""

    theme: Theme
    cells: tuple[DrawnCell, ...]

    @kept
    def layout(self, paper: Paper) -> DrawnLayout:
        """Place the cells."""
        tried = [self._grid(paper, columns) for columns in range(1, len(self.cells) + 1)]
        return max(tried, key=lambda layout: layout.side)

    def _grid(self, paper: Paper, columns: int) -> DrawnLayout:
        cells = arrange.grid(paper.rect, len(self.cells), columns, CELL_GAP)
        width, height = cells[0].width(), cells[0].height()
        return DrawnLayout(cells, max(1.0, min((width - SIGN) / 2, height - LINES * paper.metrics.height() - 4)))

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint all cells."""
        if not self.cells:
            return
        layout = self.layout(paper)
        for cell, rect in zip(self.cells, layout.cells, strict=True):
            self._paint_cell(painter, cell, layout.side, paper.at(rect))

    def _paint_cell(self, painter: QPainter, cell: DrawnCell, side: float, paper: Paper) -> None:
        rect, line = paper.rect, paper.metrics.height()
        first = QRectF(rect.left(), rect.top(), rect.width(), line)
        self._write(painter, cell.title, "text", after_swatch(painter, cell.colour, paper.at(first)))
        self._write(painter, cell.note, "muted", paper.at(first.translated(0, line)))
        room = rect.adjusted(0, 2 * line + 2, 0, 0)
        if cell.pictures is None:
            painter.setPen(self.theme.colour("muted"))
            painter.drawText(room, int(Qt.TextFlag.TextWordWrap), cell.sentence)
            return
        corner = self._paint_pictures(painter, cell.pictures, side, paper.at(room))
        if cell.bars:
            beside = QRectF(corner.x(), room.top(), rect.right() - corner.x(), max(side, 3 * line))
            self._paint_bars(painter, cell.bars, paper.at(beside))
        self._write(painter, cell.measured, "text", paper.at(QRectF(rect.left(), corner.y() + 2, rect.width(), line)))

    def _paint_pictures(self, painter: QPainter, pictures: np.ndarray, side: float, paper: Paper) -> QPointF:
        """Paint pictures beside one another, with arrows between them; return where they end."""
        count, corner = len(pictures), paper.rect.topLeft()
        grid = ImageGrid(self.theme, pictures, columns=(count,), signs=("", *[ARROW] * (count - 1)))
        room = paper.at(QRectF(corner, QSizeF(count * (side + SIGN) - SIGN, side)))
        grid.paint(painter, room)
        return grid.used(room).bottomRight() + QPointF(SIGN, 0)

    def _write(self, painter: QPainter, text: str, colour: str, paper: Paper) -> None:
        paper.write(painter, text, self.theme.colour(colour), centred=True, keep_ends=True)

    def _paint_bars(self, painter: QPainter, bars: Sequence[DrawnBar], paper: Paper) -> None:
        room, advance = paper.rect, paper.metrics.horizontalAdvance
        line = paper.metrics.height() + 4
        name = min(max(advance(bar.name) for bar in bars), room.width() / 3) + 6
        value = max(advance(bar.text) for bar in bars) + 6
        for index, bar in enumerate(bars):
            row = QRectF(room.left(), room.top() + index * line, min(room.width(), LONGEST_BAR), line)
            whole = row.adjusted(name, 3, -value, -3)
            if whole.width() > 8:
                part = QRectF(whole.left(), whole.top(), whole.width() * bar.length, whole.height())
                painter.fillRect(whole, self.theme.colour("grid"))
                painter.fillRect(part, self.theme.colour("muted" if index else "accent"))
            self._write(painter, bar.name, "text", paper.at(row.adjusted(0, 0, name - row.width() - 2, 0)))
            painter.setPen(self.theme.colour("muted" if index else "text"))
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, bar.text)
