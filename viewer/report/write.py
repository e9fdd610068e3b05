"""From an assignment's name to files: read the runs, make the report, paint its pictures, write page and PDF."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from viewer.figures.theme import DARK, LIGHT
from viewer.report import foot, page, paper, sheets, short
from viewer.report.document import Block, Report, note, part
from viewer.report.notes import embedded
from viewer.report.painting import to_png
from viewer.report.reader import Reader
from viewer.report.reasons import with_reasons
from zoo.runs import atomic_write

HEAVY = 200_000  # bytes of a picture that is shown on white in the dark too: a dark copy would double the page

Say = Callable[[str], None]


def make(assignment: str, runs: Path, data: str | None, *, say: Say, is_short: bool = False) -> Report:
    """Return the report of an assignment from the runs in a folder, or what of it fits two pages."""
    reader = Reader(runs, data, say=say)
    try:
        return report_of(assignment, reader, is_short=is_short)
    finally:
        reader.close()


def sheet_of(assignment: str) -> ModuleType:
    """Return a sheet by its assignment's name: see viewer.report.sheets."""
    return importlib.import_module(f"{sheets.__name__}.{assignment}")


def report_of(assignment: str, reader: Reader, *, is_short: bool = False) -> Report:
    """Return what could not be read, what the sheet asks for, choices and provenance; or what of it fits two pages."""
    sheet = sheet_of(assignment)
    blocks = sheet.blocks(reader)
    own = [run for run in reader.known if run.is_there]
    errors = [note(text) for text in dict.fromkeys(reader.errors)]
    broken: list[Block] = [part("What could not be read"), *errors] if errors else []
    if is_short:
        kept = short.shorten([*broken, *blocks], sheet.SHORT)
        ending = short.provenance(own)
        return Report(assignment, sheet.TITLE, sheet.LEAD, (*kept, *ending), short.PAGES, embedded(own))
    ending = [*foot.choices(assignment, own), *foot.provenance(assignment, own)]
    whole = (*broken, *with_reasons(assignment, blocks), *ending)
    return Report(assignment, sheet.TITLE, sheet.LEAD, whole, warning=embedded(own))


def write(report: Report, paths: Sequence[Path], figures: Path | None, *, say: Say) -> None:
    """Write the report to each path, as PDF or page by its name, and its pictures into a folder. Raises WriteError."""
    for path in paths:
        if path.suffix.lower() == ".pdf":
            say(f"setting {path}")
            atomic_write(path, paper.to_pdf(report))
        else:
            atomic_write(path, page.to_html(report, _painted(report, say)).encode())
    for picture in report.pictures if figures else ():
        assert figures is not None
        atomic_write(figures / f"{picture.name}.png", to_png(picture, LIGHT))


def _painted(report: Report, say: Say) -> page.Painted:
    painted = {}
    for number, picture in enumerate(report.pictures, start=1):
        say(f"painting picture {number} of {len(report.pictures)}")
        light = to_png(picture, LIGHT)
        painted[picture.name, LIGHT.name] = light
        if len(light) <= HEAVY:
            painted[picture.name, DARK.name] = to_png(picture, DARK)
    return painted
