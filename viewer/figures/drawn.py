"""What networks make of one drawing: for each what it was given and what came out, or how likely it holds what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from viewer.figures import arrange
from viewer.figures.arrange import Paragraph, Parts, TextLine, column, row
from viewer.figures.image_grid import ImageGrid
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

LONGEST_BAR = 420.0  # with its name and its value
PAIR = 2.0  # so much wider than tall are what was given and what came out beside one another
BETWEEN = " · "
PICTURES = row(("pictures", 0.4), ("bars", 0))
CELL = column(("title", 1), ("note", 1), ("measured", 1), (PICTURES, 0), ("sentence", 0))


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


def notes_of(cell: DrawnCell) -> list[str]:
    """Return how the drawing was fitted and what was measured of it, if anything."""
    return list(filter(None, (cell.note, cell.measured)))


@dataclass(frozen=True, eq=False)
class BarsOfShares(Figure):
    """The likeliest classes, or the largest values: the first stands out."""

    theme: Theme
    bars: tuple[DrawnBar, ...]

    def paint(self, painter: QPainter, paper: Paper) -> None:
        room, line, advance = paper.rect, paper.metrics.height() + 4, paper.metrics.horizontalAdvance
        name = min(max(advance(bar.name) for bar in self.bars), room.width() / 3) + 6
        value = max(advance(bar.text) for bar in self.bars) + 6
        for index, bar in enumerate(self.bars):
            whole = QRectF(room.left(), room.top() + index * line, min(room.width(), LONGEST_BAR), line)
            track = whole.adjusted(name, 3, -value, -3)
            if track.width() > 8:
                part = QRectF(track.left(), track.top(), track.width() * bar.length, track.height())
                painter.fillRect(track, self.theme.colour("grid"))
                painter.fillRect(part, self.theme.colour("muted" if index else "accent"))
            TextLine(self.theme, bar.name).paint(painter, paper.at(whole.adjusted(0, 0, name - whole.width() - 2, 0)))
            painter.setPen(self.theme.colour("muted" if index else "text"))
            painter.drawText(whole, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, bar.text)


@dataclass(frozen=True, eq=False)
class DrawnFigure(Figure):
    """A cell for each network, in the grid that shows pictures largest."""

    theme: Theme
    cells: tuple[DrawnCell, ...]

    def paint(self, painter: QPainter, paper: Paper) -> None:
        rects = arrange.cells(paper.rect, len(self.cells), PAIR)
        widest = max((paper.metrics.horizontalAdvance(BETWEEN.join(notes_of(cell))) for cell in self.cells), default=0)
        between = BETWEEN if all(widest <= rect.width() for rect in rects) else ""
        for cell, rect in zip(self.cells, rects, strict=True):
            Parts(self._parts(cell, between), CELL.place).paint(painter, paper.at(rect))

    def _parts(self, cell: DrawnCell, between: str) -> dict[str, Figure]:
        """Return what a cell shows; '' stands between its notes where they need a line each."""
        parts: dict[str, Figure] = {"title": TextLine(self.theme, cell.title, colour=cell.colour)}
        notes = [between.join(notes_of(cell))] if between else notes_of(cell)
        for name, text in zip(("note", "measured"), notes, strict=False):
            parts[name] = TextLine(self.theme, text, "muted")
        if cell.pictures is None:
            return parts | {"sentence": Paragraph(self.theme, cell.sentence)}
        count, signs = len(cell.pictures), ("", "→") if len(cell.pictures) > 1 else ()
        parts["pictures"] = ImageGrid(self.theme, cell.pictures, columns=(count,), signs=signs)
        return parts | ({"bars": BarsOfShares(self.theme, cell.bars)} if cell.bars else {})
