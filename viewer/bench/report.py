"""The numbers of the benchmark beside their targets: one document for programs, and a table of it for people."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from viewer.bench.drive import Driven, Milliseconds, OfRun, Start

WORST = 5  # that are named
TARGETS = {
    "window": (400.0, "ms"),
    "first picture": (1200.0, "ms"),
    "slider": (50.0, "ms"),
    "paging": (30.0, "ms"),
    "memory": (500.0, "MB"),
    "longest stall": (30.0, "ms"),
}

Measured = tuple[Milliseconds, str]  # a number, and what it is of


def document(conditions: dict[str, Any], starts: Sequence[Start], driven: Driven) -> dict[str, Any]:
    """Return everything as JSON takes it; what took for ever is null, and its target missed."""
    originals = [run for run in driven.runs if not run.copy]
    measured = {
        "window": _start([window for window, _ in starts]),
        "first picture": _start([picture for _, picture in starts]),
        "slider": _slowest({run.name: run.steps for run in originals}),
        "paging": _slowest({run.name: run.pages for run in originals}),
        "memory": _memory(driven.memory_mb),
        "longest stall": _stall(driven),
    }
    return {
        "conditions": conditions,
        "targets": [_target(name, *measured[name]) for name in TARGETS],
        "starts": [{"window_ms": window, "picture_ms": picture} for window, picture in starts],
        "runs": [_run(run) for run in driven.runs],
        "memory_mb": [round(mb, 2) for mb in driven.memory_mb],
        "stalls": [[round(ms, 2), phase] for ms, phase in sorted(driven.stalls, reverse=True)],
    }


def _target(name: str, value: Milliseconds, note: str) -> dict[str, Any]:
    limit, unit = TARGETS[name]
    passed = None if value is None else value <= limit
    return {"name": name, "limit": limit, "unit": unit, "measured": _plain(value), "passed": passed, "note": note}


def _start(times: Sequence[Milliseconds]) -> Measured:
    known = [value for value in times[1:] or times if value is not None]
    note = f"median of {len(known)} fresh processes; the first of all took {_written(times[0], 'ms')}"
    return (statistics.median(known) if known else None), note


def _slowest(of_runs: dict[str, list[Milliseconds]]) -> Measured:
    """The 95th percentile of the recipe where it is the longest."""
    figures = {name: percentile(values) for name, values in of_runs.items() if values}
    if not figures:
        return None, "not measured; see what was left out"
    name = max(figures, key=lambda name: figures[name])
    return figures[name], f"95th percentile of the slowest of {len(figures)}, {name}"


def _memory(megabytes: Sequence[float]) -> Measured:
    if not megabytes:
        return None, "not measured: this system does not report what processes share"
    return max(megabytes), f"PSS at its most, {len(megabytes)} models opened in turn; {megabytes[-1]:.0f} MB at the end"


def _stall(driven: Driven) -> Measured:
    over = sum(ms > TARGETS["longest stall"][0] for ms, _ in driven.stalls)
    longest = max((ms for ms, _ in driven.stalls), default=0.0)
    return longest if driven.runs else None, f"of the GUI thread, {over} above the target"


def percentile(values: Iterable[Milliseconds], share: float = 95) -> float:
    """The percentile of milliseconds; a wish that never became a picture took for ever."""
    return float(np.percentile([np.inf if value is None else value for value in values], share, method="higher"))


def _run(run: OfRun) -> dict[str, Any]:
    series = {"steps": run.steps, "pages": run.pages}
    figures = {
        name: {"n": len(values), "median": _plain(percentile(values, 50)), "p95": _plain(percentile(values))}
        for name, values in series.items()
        if values
    }
    return {"name": run.name, "copy": run.copy, "opening": _plain(run.opening), **figures, "left_out": run.left_out}


def _plain(value: Milliseconds) -> Milliseconds:
    return round(value, 2) if value is not None and np.isfinite(value) else None


def table(document: dict[str, Any]) -> str:
    """Return the targets, the slowest recipes, the longest stalls and what was left out, as text."""
    lines = [f"{name}: {value}" for name, value in document["conditions"].items()]
    lines += ["", f"{'':14} {'target':>8} {'measured':>9}"]
    for each in document["targets"]:
        sign = {True: "pass", False: "MISS", None: "–"}[each["passed"]]
        value = "never" if each["passed"] is False and each["measured"] is None else None
        value = value or _written(each["measured"], each["unit"])
        lines.append(f"{each['name']:14} {each['limit']:>5.0f} {each['unit']} {value:>9}  {sign:4}  {each['note']}")
    slid = sorted((run for run in document["runs"] if "steps" in run), key=lambda run: run["steps"]["p95"] or np.inf)
    lines += ["", "the slowest recipes, 95th percentile of a step of the slider"]
    lines += [f"  {run['name']}: {_written(run['steps']['p95'], 'ms')}" for run in slid[: -WORST - 1 : -1]]
    lines += ["", "the longest stalls of the GUI thread"]
    lines += [f"  {ms:.0f} ms, {phase}" for ms, phase in document["stalls"][:WORST]] or ["  none"]
    left_out: dict[str, list[str]] = {}
    for run in document["runs"]:
        for what, why in run["left_out"].items():
            left_out.setdefault(f"{what}: {why}", []).append(run["name"])
    lines += ["", "not measured:"] if left_out else []
    for what, names in left_out.items():
        lines.append(f"  {what} ({', '.join(names) if len(names) <= WORST else f'{len(names)} runs'})")
    return "\n".join(lines)


def _written(value: Milliseconds, unit: str) -> str:
    return "–" if value is None else f"{value:.0f} {unit}"
