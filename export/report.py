"""Checks as lines of text, and as JSON."""

from __future__ import annotations

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
