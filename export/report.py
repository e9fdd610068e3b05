"""Checks as lines of text and as JSON, and tables as lines of text."""

from collections.abc import Sequence
from typing import Any

from export.verify import Check
from zoo.runs import finite


def check_as_text(check: Check) -> str:
    mark = "ok" if check.passed else "FAILED"
    return (
        f"  {mark:6}  {check.graph}.{check.output} against {check.against}: "
        f"{check.difference:.1e} of {check.allowed:.1e} over {check.images} images"
    )


def check_as_json(check: Check) -> dict[str, Any]:
    return {
        "graph": check.graph,
        "output": check.output,
        "against": check.against,
        "max_difference": finite(check.difference),
        "allowed": finite(check.allowed),
        "images": check.images,
        "passed": check.passed,
    }


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, its first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for label, *cells in table:
        right = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        lines.append("  ".join([f"{label:{widths[0]}}", *right]))
    return lines
