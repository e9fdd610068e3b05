"""`--short`: what a lecturer reads on two pages. Answers, the figures that say most, and one line of provenance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from viewer.report.document import Block, FigureBlock, Heading, Report, TableBlock, TextBlock
from viewer.report.reader import ReportRun
from zoo import __version__

PAGES = 2


def shorten(blocks: Iterable[Block], figures: Sequence[str]) -> list[Block]:
    """Return answers, notes and the figures whose names fit, below the headings that they stand under."""
    return _without_empty_headings([block for block in map(_shortened, blocks) if _is_kept(block, figures)])


def _without_empty_headings(blocks: Sequence[Block]) -> list[Block]:
    """Return blocks without the headings that nothing stands under."""
    kept = list[Block]()
    for block in reversed(blocks):
        if not _heads_nothing(block, kept[-1] if kept else None):
            kept.append(block)
    return kept[::-1]


def _shortened(block: Block) -> Block:
    return replace(block, text=block.short) if isinstance(block, Heading) else block


def _is_kept(block: Block, figures: Sequence[str]) -> bool:
    if isinstance(block, FigureBlock):
        return any(fnmatchcase(block.name, pattern) for pattern in figures)
    if isinstance(block, TextBlock):
        return block.in_short and block.kind in ("answer", "note")
    return isinstance(block, Heading) or (isinstance(block, TableBlock) and block.in_short)


def _heads_nothing(block: Block, after: Block | None) -> bool:
    """Whether a heading is followed by another one of its level or above, or by nothing."""
    if not isinstance(block, Heading):
        return False
    return after is None or (isinstance(after, Heading) and after.level <= block.level)


def provenance(runs: Sequence[ReportRun]) -> list[Block]:
    """One line that says where all of it comes from."""
    there = [run for run in runs if run.is_there]
    data = "; ".join(dict.fromkeys(run.history.provenance for run in there if run.history.provenance))
    versions = ", ".join(dict.fromkeys(f"torch {run.fact('torch')}" for run in there if run.fact("torch")))
    sentences = [
        f"Data: {data}." if data else "",
        f"Made by aezoo {__version__}{f' and {versions}' if versions else ''}.",
    ]
    whole = "Layers, choices, more tables and hashes are in the whole report."
    return [TextBlock(" ".join(filter(None, [*sentences, whole])))]


def without_last_figure(report: Report) -> Report:
    """Return the report without its last figure; for one that is still too long."""
    last = max(index for index, block in enumerate(report.blocks) if isinstance(block, FigureBlock))
    left = [block for index, block in enumerate(report.blocks) if index != last]
    return replace(report, blocks=tuple(_without_empty_headings(left)))
