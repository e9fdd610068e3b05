"""The sheets: one file each, which reads like its sheet. A file put here is a report by being here.

Each holds TITLE, LEAD and `blocks(reader)`: what the sheet asks for, in its order and with its words.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from viewer.report import foot
from viewer.report.document import Block, Report, note, part
from viewer.report.reader import Reader


@dataclass(frozen=True)
class SheetReport:
    """An assignment's name, its title, the line below it, and what is asked and answered."""

    assignment: str
    title: str
    lead: str
    blocks: Callable[[Reader], list[Block]]


def load(assignment: str) -> SheetReport:
    """Return a sheet by its assignment's name, one of `names()`."""
    module = importlib.import_module(f"{__name__}.{assignment}")
    return SheetReport(assignment, module.TITLE, module.LEAD, module.blocks)


def report(assignment: str, reader: Reader) -> Report:
    """Return the report of an assignment: what could not be read, what the sheet asks for, choices and provenance."""
    sheet = load(assignment)
    blocks = sheet.blocks(reader)
    own = [run for run in reader.known if run.is_there]
    errors = [note(text) for text in dict.fromkeys(reader.errors)]
    broken: list[Block] = [part("What could not be read"), *errors] if errors else []
    ending = [*foot.choices(own), *foot.provenance(own)]
    return Report(assignment, sheet.title, sheet.lead, (*broken, *blocks, *ending))
