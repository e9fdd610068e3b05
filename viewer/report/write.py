"""From an assignment's name to files: read the runs, make the report, paint its pictures, write page and PDF."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from viewer.figures.theme import LIGHT
from viewer.report import foot, page, paper, sheets, short
from viewer.report.document import Block, Heading, Report, TextBlock, answer, note, part, quote
from viewer.report.notes import embedded
from viewer.report.painting import to_png
from viewer.report.reader import Reader
from zoo.runs import atomic_write

MARKS: dict[str, Callable[[str], Block]] = {"## ": part, "### ": Heading, "> ": quote, "Answer: ": answer}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Sheet:
    """The text of a sheet: what it asks for, paragraph by paragraph, and which figures its short report shows."""

    title: str
    lead: str
    short: tuple[str, ...]
    paragraphs: tuple[str, ...]


def sheet_of(assignment: str) -> Sheet:
    """Read a sheet's text: see viewer.report.sheets."""
    text = (sheets.FOLDER / f"{assignment}.md").read_text(encoding="utf-8")
    title, lead, figures, *paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
    return Sheet(title.removeprefix("# "), lead, tuple(figures.removeprefix("In short: ").split()), tuple(paragraphs))


def make(assignment: str, runs: Path, data: str | None, *, say: Say, is_short: bool = False) -> Report:
    """Return the report of an assignment from the runs in a folder, or what of it fits two pages."""
    with closing(Reader(runs, data, say=say)) as reader:
        return report_of(assignment, reader, is_short=is_short)


def report_of(assignment: str, reader: Reader, *, is_short: bool = False) -> Report:
    """Return what could not be read, what the sheet asks for, choices and provenance; or what of it fits two pages."""
    sheet = sheet_of(assignment)
    blocks = _blocks(sheet, importlib.import_module(f"{sheets.__name__}.{assignment}").blocks(reader))
    own = [run for run in reader.known if run.is_there]
    if reader.errors:
        blocks = [part("What could not be read"), *map(note, dict.fromkeys(reader.errors)), *blocks]
    if is_short:
        kept = (*short.shorten(blocks, sheet.short), foot.provenance_in_short(own))
        return Report(assignment, sheet.title, sheet.lead, kept, short.PAGES, embedded(own))
    whole = (*blocks, *foot.choices(assignment, own), *foot.provenance(assignment, own))
    return Report(assignment, sheet.title, sheet.lead, whole, warning=embedded(own))


def _blocks(sheet: Sheet, made: dict[str, list[Block]]) -> list[Block]:
    """Return a sheet's text as blocks, with what was made of the runs where its name stands."""
    blocks: list[Block] = []
    for text in sheet.paragraphs:
        blocks += made[text[1:-1]] if text.startswith("{") else [_block(text)]
    return blocks


def _block(text: str) -> Block:
    mark = next((mark for mark in MARKS if text.startswith(mark)), "")
    return MARKS.get(mark, TextBlock)(text.removeprefix(mark))


def write(report: Report, paths: Sequence[Path], figures: Path | None, *, say: Say) -> None:
    """Write the report to each path, as PDF or page by its name, and its pictures into a folder. Raises WriteError."""
    for path in paths:
        say(f"setting {path}")
        is_pdf = path.suffix.lower() == ".pdf"
        atomic_write(path, paper.to_pdf(report) if is_pdf else page.to_html(report).encode())
    for picture in report.pictures if figures else ():
        assert figures is not None
        atomic_write(figures / f"{picture.name}.png", to_png(picture, LIGHT))
