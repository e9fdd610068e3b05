"""Figures that stand together: one below its title, several below or beside one another, named parts; equal cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFont, QPainter

from viewer.figures.paper import Figure, Paper, kept
from viewer.figures.theme import Theme
from viewer.figures.tiles import after_swatch

BELOW_TITLE = 6.0  # points between a title and its figure
STACK_GAP = 10.0
CELL_GAP = 16.0
SPACE = 6.0  # between parts
BESIDE = 2  # figures side by side


def paint_in(painter: QPainter, paper: Paper, rect: QRectF, figure: Figure) -> None:
    """Paint a figure into a part of a paper, and leave the painter as it was."""
    painter.save()
    figure.paint(painter, paper.at(rect))
    painter.restore()


@dataclass(frozen=True, eq=False)
class TitledFigure(Figure):
    """A title in bold above any figure."""

    theme: Theme
    title: str
    figure: Figure

    def paint(self, painter: QPainter, paper: Paper) -> None:
        font = QFont(painter.font())
        font.setBold(True)
        painter.save()
        painter.setFont(font)
        head = Paper.of(painter, paper.rect)
        head.write(painter, self.title, self.theme.colour("text"))
        painter.restore()
        below = paper.rect.adjusted(0, math.ceil(head.metrics.height() + BELOW_TITLE), 0, 0)
        self.figure.paint(painter, paper.at(below))


@dataclass(frozen=True, eq=False)
class BesideFigure(Figure):
    """One or two figures side by side, each of half the width."""

    figures: tuple[Figure, ...]

    def paint(self, painter: QPainter, paper: Paper) -> None:
        for figure, cell in zip(self.figures, grid(paper.rect, BESIDE, BESIDE, CELL_GAP), strict=False):
            paint_in(painter, paper, cell, figure)


@dataclass(frozen=True, eq=False)
class StackedFigure(Figure):
    """Figures and their shares of the height, from top to bottom: what a panel with two views is exported as."""

    parts: tuple[tuple[Figure, float], ...]

    def paint(self, painter: QPainter, paper: Paper) -> None:
        rect, whole = paper.rect, sum(share for _, share in self.parts)
        top, room = rect.top(), rect.height() - STACK_GAP * (len(self.parts) - 1)
        for figure, share in self.parts:
            paint_in(painter, paper, QRectF(rect.left(), top, rect.width(), room * share / whole), figure)
            top += room * share / whole + STACK_GAP


@dataclass(frozen=True)
class Flow:
    """Named parts or other flows, below one another or beside one another, and the share of the room of each at most.

    One without a share has what the others leave, and so has a single one; parts that there are not take nothing.
    """

    down: bool
    items: tuple[tuple[str | Flow, float], ...]

    def place(self, parts: Mapping[str, Figure], paper: Paper) -> dict[str, QRectF]:
        """Return where the parts stand."""
        there = [(item, share) for item, share in self.items if _is_there(item, parts)]
        rect, gap = QRectF(paper.rect), SPACE if self.down else 2 * SPACE
        long = rect.height() if self.down else rect.width()
        placed, lengths = dict[str | Flow, dict[str, QRectF]](), dict[str | Flow, float]()
        for item, share in sorted(there, key=lambda each: each[1] == 0):  # at first what has a share
            rest = max(1.0, long - sum(lengths.values()) - gap * (len(there) - 1))
            room = share * long if share and len(there) > 1 else rest
            rect.setSize(QSizeF(rect.width(), room) if self.down else QSizeF(room, rect.height()))
            placed[item] = _place(item, parts, paper.at(rect))
            lengths[item] = self._length_of([parts[name].used(paper.at(at)) for name, at in placed[item].items()], rect)
        made, start = dict[str, QRectF](), 0.0
        for item, _ in there:
            by = QPointF(0, start) if self.down else QPointF(start, 0)
            made |= {name: at.translated(by) for name, at in placed[item].items()}
            start += lengths[item] + gap
        return made

    def _length_of(self, used: Sequence[QRectF], room: QRectF) -> float:
        """How much of the room is taken; of its width at least half, for what is written above pictures."""
        if self.down:
            return max(each.bottom() for each in used) - room.top()
        return max(room.width() / 2, max(each.right() for each in used) - room.left())


def column(*items: tuple[str | Flow, float]) -> Flow:
    return Flow(True, items)


def row(*items: tuple[str | Flow, float]) -> Flow:
    return Flow(False, items)


def _is_there(item: str | Flow, parts: Mapping[str, Figure]) -> bool:
    return item in parts if isinstance(item, str) else any(_is_there(each, parts) for each, _ in item.items)


def _place(item: str | Flow, parts: Mapping[str, Figure], paper: Paper) -> dict[str, QRectF]:
    if isinstance(item, Flow):
        return item.place(parts, paper)
    rect, used = paper.rect, parts[item].used(paper)
    return {item: QRectF(rect.left(), rect.top(), rect.width(), min(rect.height(), used.height()))}


Arranger = Callable[[Mapping[str, Figure], Paper], Mapping[str, QRectF]]


@dataclass(frozen=True, eq=False)
class Parts(Figure):
    """Figures that stand together, by name; `arrange` says where, and what it leaves out is not painted."""

    parts: Mapping[str, Figure]
    arrange: Arranger
    description: str = ""

    @kept
    def places(self, paper: Paper) -> Mapping[str, QRectF]:
        """Return where each part stands."""
        return self.arrange(self.parts, paper)

    def paint(self, painter: QPainter, paper: Paper) -> None:
        for name, room in self.places(paper).items():
            if room.width() > 4 and room.height() > 4:
                paint_in(painter, paper, room, self.parts[name])

    def hit(self, point: QPointF, paper: Paper) -> tuple[str, QRectF, object] | None:
        """Return which part lies under a point, where it stands, and what of it."""
        for name, room in self.places(paper).items():
            if room.adjusted(-2, -2, 2, 2).contains(point):
                found = self.parts[name].hit(point, paper.at(room))
                if found is not None:
                    return name, room, found
        return None


@dataclass(frozen=True, eq=False)
class Paragraph(Figure):
    """A muted paragraph, perhaps after the colour of the run that it is about."""

    theme: Theme
    text: str
    colour: str = ""

    def used(self, paper: Paper) -> QRectF:
        return paper.metrics.boundingRect(paper.rect, int(Qt.TextFlag.TextWordWrap), self.text)

    def paint(self, painter: QPainter, paper: Paper) -> None:
        paper = after_swatch(painter, self.colour, paper)
        painter.setPen(self.theme.colour("muted"))
        painter.drawText(paper.rect, int(Qt.TextFlag.TextWordWrap), self.text)


@dataclass(frozen=True, eq=False)
class TextLine(Figure):
    """One line; what has no room is left out of its middle, so that a name and its value are both there."""

    theme: Theme
    text: str
    ink: str = "text"
    colour: str = ""  # of the run that it is about, #rrggbb

    def used(self, paper: Paper) -> QRectF:
        return paper.first_line

    def paint(self, painter: QPainter, paper: Paper) -> None:
        rest = after_swatch(painter, self.colour, paper)
        rest.write(painter, self.text, self.theme.colour(self.ink), centred=True, keep_ends=True)


# ---- equal cells ----


def cells(rect: QRectF, count: int, wide: float = 1.0) -> tuple[QRectF, ...]:
    """Return `count` cells inside `rect`, row by row, in which a picture so much wider than tall is largest."""

    def side(columns: int) -> float:
        first = grid(rect, count, columns, CELL_GAP)[0]
        return min(first.width() / wide, first.height())

    return grid(rect, count, max(range(1, count + 1), key=side), CELL_GAP)


def grid(rect: QRectF, count: int, columns: int, gap: float) -> tuple[QRectF, ...]:
    """Return `count` cells of a size that fill `rect` row by row."""
    rows = math.ceil(count / columns)
    width, height = (rect.width() - gap * (columns - 1)) / columns, (rect.height() - gap * (rows - 1)) / rows
    return tuple(
        QRectF(rect.left() + column * (width + gap), rect.top() + row * (height + gap), width, height)
        for row, column in (divmod(index, columns) for index in range(count))
    )


def cells_and_lines(paper: Paper, pictured: Sequence[bool]) -> tuple[QRectF, ...]:
    """Return a cell for each thing that is a picture, and a line at the foot for each that is but a sentence."""
    rect, line = paper.rect, paper.line + 2
    lines = pictured.count(False) if any(pictured) else 0
    room = rect.adjusted(0, 0, 0, -lines * line)
    left = iter(cells(room, pictured.count(True) or len(pictured)))
    feet = iter(QRectF(rect.left(), room.bottom() + index * line, rect.width(), line) for index in range(lines))
    return tuple(next(feet) if lines and not there else next(left) for there in pictured)


def paint_sentence(painter: QPainter, paper: Paper, title: str, sentence: str, theme: Theme) -> None:
    """Paint a sentence into its line, or into a whole cell where there was no picture at all."""
    text = f"{title}: {sentence}" if title else sentence
    if paper.rect.height() > 2 * paper.metrics.height():
        Paragraph(theme, text).paint(painter, paper)
    else:
        paper.write(painter, text, theme.colour("muted"), centred=True)
