"""The numbers of the benchmark beside their targets: one document for programs, one table for people."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from viewer.bench.drive import Driven, OfRun
from viewer.bench.start import Start
from viewer.bench.watch import Gap

WORST = 5  # that are named
TARGETS = {
    "window": (400.0, "ms"),
    "first picture": (1200.0, "ms"),
    "slider, single steps": (50.0, "ms"),
    "slider, dragged": (50.0, "ms"),
    "paging": (30.0, "ms"),
    "memory": (500.0, "MB"),
    "longest stall": (30.0, "ms"),
}


@dataclass(frozen=True)
class TargetResult:
    """A number beside its target; None where it was not measured, and `note` says what it is of."""

    name: str
    limit: float
    unit: str
    measured: float | None
    note: str

    @property
    def passed(self) -> bool | None:
        return None if self.measured is None else self.measured <= self.limit


def targets(starts: Sequence[Start], driven: Driven) -> list[TargetResult]:
    """Return every target with what was measured."""
    warm = starts[1:] or starts
    originals = [run for run in driven.runs if not run.copy]
    found: dict[str, tuple[float | None, str]] = {
        "window": _start([start.window_ms for start in warm], starts[0].window_ms),
        "first picture": _start([start.picture_ms for start in warm], starts[0].picture_ms),
        "slider, single steps": _worst({run.name: run.steps for run in originals}),
        "slider, dragged": _worst({run.name: run.drag for run in originals}),
        "paging": _worst({run.name: run.pages for run in originals}),
        "memory": _memory(driven),
        "longest stall": (driven.longest_gap_ms, _stall(driven.gaps)),
    }
    return [TargetResult(name, *TARGETS[name], *found[name]) for name in TARGETS]


def _start(warm: Sequence[float | None], cold: float | None) -> tuple[float | None, str]:
    known = [value for value in warm if value is not None]
    note = f"median of {len(known)} fresh processes; the first of all took {_number(cold, 'ms')}"
    return (statistics.median(known) if known else None), note


def _worst(of_runs: dict[str, list[float | None]]) -> tuple[float | None, str]:
    """The 95th percentile of the recipe where it is the longest."""
    figures = {name: percentile(values) for name, values in of_runs.items() if values}
    if not figures:
        return None, "not measured; see what was left out"
    name = max(figures, key=lambda name: figures[name])
    return figures[name], f"95th percentile of the slowest of {len(figures)}, {name}"


def percentile(values: Iterable[float | None], share: float = 95) -> float:
    """The percentile of milliseconds; a wish that never became a picture took for ever."""
    return float(np.percentile([np.inf if value is None else value for value in values], share, method="higher"))


def _memory(driven: Driven) -> tuple[float | None, str]:
    if not driven.memory_mb:
        return None, "not measured: this system does not report what processes share"
    note = f"PSS at its most, {len(driven.memory_mb)} models opened in turn, {driven.processes} processes"
    return max(driven.memory_mb), f"{note}; {driven.memory_mb[-1]:.0f} MB at the end"


def _stall(gaps: Sequence[Gap]) -> str:
    over = sum(gap.milliseconds > TARGETS["longest stall"][0] for gap in gaps)
    computing = max((gap.computing_ms for gap in gaps), default=0.0)
    return f"of the GUI thread, {over} above the target; at most {computing:.0f} ms of one it computed"


# ---- for programs ----------------------------------------------------------------------------------------------


def document(conditions: dict[str, Any], starts: Sequence[Start], driven: Driven) -> dict[str, Any]:
    """Return everything as JSON takes it; what took for ever is null."""
    figures: dict[str, Any] = _plain(
        {
            "conditions": conditions,
            "targets": [{**asdict(each), "passed": each.passed} for each in targets(starts, driven)],
            "starts": [asdict(start) for start in starts],
            "building_ms": driven.building_ms,
            "runs": [_run(run) for run in driven.runs],
            "memory_mb": driven.memory_mb,
            "window_mb": driven.window_mb,
            "processes": driven.processes,
            "stalls": [asdict(gap) for gap in _by_length(driven.gaps)],
        }
    )
    return figures


def _run(run: OfRun) -> dict[str, Any]:
    series = {"steps": run.steps, "drag": run.drag, "pages": run.pages, "whole": run.whole}
    figures = {name: _summary_of(values) for name, values in series.items() if values}
    return {"name": run.name, "copy": run.copy, "opening": run.opening, **figures, "left_out": run.left_out}


def _summary_of(values: Sequence[float | None]) -> dict[str, float]:
    never = sum(value is None for value in values)
    return {"n": len(values), "median": percentile(values, 50), "p95": percentile(values), "never": never}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return round(value, 2) if np.isfinite(value) else None
    return value


# ---- for people ------------------------------------------------------------------------------------------------


def table(conditions: dict[str, Any], starts: Sequence[Start], driven: Driven) -> str:
    """Return the targets, the slowest recipes, the longest stalls and what was left out, as text."""
    lines = [f"{name}: {value}" for name, value in conditions.items()]
    lines += ["", f"{'':22} {'target':>9} {'measured':>9}"]
    for each in targets(starts, driven):
        sign = {True: "pass", False: "MISS", None: "–"}[each.passed]
        limit, value = f"{each.limit:.0f} {each.unit}", _number(each.measured, each.unit)
        lines.append(f"{each.name:22} {limit:>9} {value:>9}  {sign:4}  {each.note}")
    lines += ["", *_slowest(driven.runs), "", *_stalls(driven)]
    left_out = _left_out(driven.runs)
    return "\n".join([*lines, *(["", "not measured:", *left_out] if left_out else [])])


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{value:.0f} {unit}" if np.isfinite(value) else "never"


def _slowest(runs: Sequence[OfRun]) -> list[str]:
    heading = "".join(f" {name:>13}" for name in ("steps", "dragged", "pages", "all panels"))
    lines = [f"{'the slowest recipes, ms':32} {'to picture':>10}{heading}"]
    known = [run for run in runs if run.steps and not run.copy]
    for run in sorted(known, key=lambda run: -percentile(run.steps))[:WORST]:
        cells = "".join(f" {_middle_and_p95(values):>13}" for values in (run.steps, run.drag, run.pages, run.whole))
        opening = "–" if run.opening is None else f"{run.opening:.0f}"
        lines.append(f"  {run.name:30} {opening:>10}{cells}")
    openings = [run.opening for run in runs if run.opening is not None]
    if openings:
        middle, most = percentile(openings, 50), max(openings)
        lines.append(f"  from selecting a run to its picture: median {middle:.0f}, at most {most:.0f}")
    return [*lines, "  (median and 95th percentile)"]


def _middle_and_p95(values: Sequence[float | None]) -> str:
    if not values:
        return "–"
    both = percentile(values, 50), percentile(values)
    return " ".join(f"{value:.0f}" if np.isfinite(value) else "never" for value in both)


def _stalls(driven: Driven) -> list[str]:
    lines = ["the longest stalls of the GUI thread, ms (computing)"]
    for gap in _by_length(driven.gaps)[:WORST]:
        where = f", in {gap.where}" if gap.where else ""
        lines.append(f"  {gap.milliseconds:5.0f} ({gap.computing_ms:.0f})  {gap.phase}{where}")
    built = f"  its widgets are built before there is a window; these {driven.building_ms:.0f} ms are not counted here"
    return [*lines, *([] if driven.gaps else ["  none"]), built]


def _by_length(gaps: Iterable[Gap]) -> list[Gap]:
    return sorted(gaps, key=lambda gap: -gap.milliseconds)


def _left_out(runs: Iterable[OfRun]) -> list[str]:
    """What was not measured, each reason once with its runs."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        for what, why in run.left_out.items():
            reasons.setdefault((what, why), []).append(run.name)
    return [f"  {what}: {why} ({_named(names)})" for (what, why), names in reasons.items()]


def _named(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= WORST else f"{len(names)} runs"
