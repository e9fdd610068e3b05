"""`--short`: what a lecturer reads on two pages. Answers, the figures that say most, and one line of provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from viewer.report.document import Block, FigureBlock, Heading, Report, TableBlock, TextBlock, part

PAGES = 2


def shorten(blocks: Sequence[Block], figures: Sequence[str]) -> list[Block]:
    """Return answers, notes and the figures whose names fit, below the headings that they stand under."""
    kept = [block for block in blocks if _is_kept(block, figures)]
    return _without_empty_headings(
        [replace(block, text=block.short) if isinstance(block, Heading) else block for block in kept]
    )


def _is_kept(block: Block, figures: Sequence[str]) -> bool:
    if isinstance(block, FigureBlock):
        return any(fnmatchcase(block.name, pattern) for pattern in figures)
    if isinstance(block, TextBlock):
        return block.in_short and block.kind in ("answer", "note")
    return isinstance(block, Heading) or (isinstance(block, TableBlock) and block.in_short)


def _without_empty_headings(blocks: Sequence[Block]) -> list[Block]:
    """Return blocks without the headings that are followed by another one of their level or above, or by nothing."""
    kept: list[Block] = [part("the end")]
    for block in reversed(blocks):
        after = kept[-1]
        if not (isinstance(block, Heading) and isinstance(after, Heading) and after.level <= block.level):
            kept.append(block)
    return kept[:0:-1]


def without_last_figure(report: Report) -> Report:
    """Return the report without its last figure; for one that is still too long."""
    last = max(index for index, block in enumerate(report.blocks) if isinstance(block, FigureBlock))
    left = [block for index, block in enumerate(report.blocks) if index != last]
    return replace(report, blocks=tuple(_without_empty_headings(left)))
