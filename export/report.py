"""Checks in words, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from export.verify import Check
from zoo.runs import COMPACT

if TYPE_CHECKING:
    from export.bundle import Bundle
    from export.publish import Published


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


def export_as_text(done: Published, made: Bundle | None, *, fp16: bool) -> str:
    """Say what an export wrote, the checks that it passed, and where its bundle lies."""
    lines = [f"{done.recipe.name}: " + ", ".join(f"{name} {size:,} bytes" for name, size in done.sizes.items())]
    lines += [check_as_text(check) for check in (*done.checks, *done.refused)]
    if fp16 and not done.refused and COMPACT not in done.files:
        lines.append(f"  note    no {COMPACT}: model.onnx has at most 1 MiB")
    if made is not None:
        lines.append(f"  bundle  {made.path}: {len(made.sizes)} files, {made.bytes:,} bytes")
    return "\n".join(lines)
