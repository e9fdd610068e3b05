"""A report as a value: headings, sentences, tables and pictures in their order; paper and page are made of it alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from viewer.figures.paper import Figure
from viewer.figures.theme import Theme

SHORT = 110  # characters of a heading in the contents, and of one that is shortened

Kind = Literal["plain", "quote", "answer", "note"]


@dataclass(frozen=True)
class Heading:
    """A part of the sheet (level 2) or one thing that it asks for (level 3), as it says it."""

    text: str
    level: Literal[2, 3] = 3

    @property
    def short(self) -> str:
        """The heading as the contents have it: whole sentences or words of one line, and no bracket left open."""
        if len(self.text) <= SHORT:
            return self.text
        cut = self.text[:SHORT].rsplit(" ", 1)[0]
        while cut.count("(") > cut.count(")"):
            cut = cut[: cut.rindex("(")]
        sentence = cut.rfind(". ", SHORT // 3)
        return (cut[: sentence + 1] if sentence > 0 else cut.rstrip(" ,.;:(")) + " …"


@dataclass(frozen=True)
class TextBlock:
    """A paragraph.

    quote   the sheet's own words
    answer  our own, written from measured numbers
    note    what is missing or not to be trusted, and the command that mends it
    """

    text: str
    kind: Kind = "plain"
    in_short: bool = True  # of an answer or a note: whether `--short` has it too


@dataclass(frozen=True)
class TableBlock:
    """Rows of cells, the first of them the heading; the first `text_columns` are text, the others figures."""

    caption: str
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1
    code: bool = False  # the last column holds hashes, which may be broken anywhere
    cell: str = ""  # code that prints it in a notebook
    in_short: bool = False  # whether `--short` has it too

    def __post_init__(self) -> None:
        assert len({len(row) for row in self.rows}) == 1, self.rows


@dataclass(frozen=True, eq=False)
class FigureBlock:
    """A figure for either theme, its file name, its size in points, its caption, and where its images come from.

    `letters` is the size of what is written in it. Images are zoomed by whole dots, on paper by halves where `halves`.
    `cell` is code that shows it in a notebook, made of the functions in notebook/code and of `runs`, the runs by name.
    """

    name: str
    figure: Callable[[Theme], Figure]
    size: tuple[int, int]
    caption: str
    data: str = ""
    halves: bool = False
    letters: int = 13
    cell: str = ""
    is_plot: bool = False  # so that it may be painted smaller with letters of the same size


Block = Heading | TextBlock | TableBlock | FigureBlock


@dataclass(frozen=True, eq=False)
class Report:
    """What one sheet asks for, and the answers."""

    assignment: str
    title: str
    lead: str
    blocks: tuple[Block, ...]
    most_pages: int | None = None  # of a short one, which has no contents
    warning: str = ""  # what must be known before anything is believed

    @property
    def headings(self) -> list[Heading]:
        return [block for block in self.blocks if isinstance(block, Heading)]

    @property
    def pictures(self) -> list[FigureBlock]:
        return [block for block in self.blocks if isinstance(block, FigureBlock)]

    @property
    def texts(self) -> list[TextBlock]:
        return [block for block in self.blocks if isinstance(block, TextBlock)]


def part(text: str) -> Heading:
    """A part of the sheet."""
    return Heading(text, 2)


def quote(text: str) -> TextBlock:
    return TextBlock(text, "quote")


def answer(text: str, *, in_short: bool = True) -> TextBlock:
    return TextBlock(text, "answer", in_short)


def note(text: str) -> TextBlock:
    return TextBlock(text, "note")
