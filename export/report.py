"""Checks as lines of text, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from export.verify import Check


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
        "max_difference": check.difference if math.isfinite(check.difference) else None,
        "allowed": check.allowed if math.isfinite(check.allowed) else None,
        "images": check.images,
        "passed": check.passed,
    }


def failure(name: str, checks: Sequence[Check]) -> str:
    """Say which checks failed and that nothing was written."""
    lines = "\n".join(check_as_text(check) for check in checks if not check.passed)
    return f"the export of {name} does not compute what torch computes; no graph was written\n{lines}"
