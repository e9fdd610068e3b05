"""Every graph through every runtime: numbers; the only text is what the runtimes say."""

from __future__ import annotations

import math
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from export.graph import Array
from export.runtimes.browser import run_served
from export.runtimes.catalogue import Fault, Runtime
from export.runtimes.conformance import ConformanceTest
from export.runtimes.job import Case, CaseDone, Job, Loaded
from export.runtimes.supervise import Ending, Limits, supervise
from export.verify import Check, allowing, compare, severity
from zoo import json_lines


@dataclass(frozen=True)
class Cell:
    """One graph in one runtime.

    difference  the largest |difference| of the output and case that came nearest to what is allowed, or beyond it
    allowed     what is allowed there
    where       that output and case
    cases       how many cases it answered, of how many
    why         the reason why it was stopped or failed
    faults      what is known to be wrong in the runtime with such a graph
    """

    runtime: Runtime
    difference: float | None = None
    allowed: float | None = None
    where: str = ""
    cases: tuple[int, int] = (0, 0)
    why: str = ""
    seconds: float = 0.0
    faults: tuple[Fault, ...] = ()

    @property
    def tried(self) -> bool:
        return self.runtime.version is not None

    @property
    def passed(self) -> bool:
        """Whether every case was answered within what is allowed; true of a runtime that is not installed."""
        if not self.tried:
            return True
        near = self.difference is not None and self.allowed is not None and self.difference <= self.allowed < math.inf
        return near and not self.why and self.cases[0] == self.cases[1]


@dataclass(frozen=True)
class Row:
    """One graph in every runtime."""

    test: ConformanceTest
    cells: tuple[Cell, ...]

    @property
    def passed(self) -> bool:
        return all(cell.passed for cell in self.cells)


def run_matrix(
    tests: Sequence[ConformanceTest],
    runtimes: Sequence[Runtime],
    limits: Limits,
    *,
    done: Callable[[ConformanceTest, Cell], None] = lambda test, cell: None,
) -> Iterator[Row]:
    """Yield a row a graph; two runtimes work at a time, each in its process under the limits."""
    for test in tests:
        yield _row(test, runtimes, limits, done)


def _row(
    test: ConformanceTest, runtimes: Sequence[Runtime], limits: Limits, done: Callable[[ConformanceTest, Cell], None]
) -> Row:
    cases = test.cases()
    expected = [test.expected(case) for case in cases]
    stop = threading.Event()  # Ctrl-C does not reach the processes: each is in a session of its own

    def one(runtime: Runtime) -> Cell:
        if runtime.version is None:
            return Cell(runtime)
        cell = _run(test, runtime, cases, expected, limits, stop)
        done(test, cell)
        return cell

    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as workers:
        try:
            return Row(test, tuple(workers.map(one, runtimes)))
        except BaseException:
            stop.set()
            raise


def _run(
    test: ConformanceTest,
    runtime: Runtime,
    cases: Sequence[Case],
    expected: Sequence[Mapping[str, Array]],
    limits: Limits,
    stop: threading.Event,
) -> Cell:
    job = Job(test.graph.data, test.graph.input.name, test.graph.outputs, cases)
    with tempfile.TemporaryDirectory(prefix="aezoo-") as name:
        folder = Path(name)
        job.write(folder)
        ending = _supervised(runtime, folder, limits, stop)
        return _cell_of(test, runtime, job, ending, folder, expected)


def _supervised(runtime: Runtime, folder: Path, limits: Limits, stop: threading.Event) -> Ending:
    if runtime.served:
        return run_served(runtime.command, folder, limits, stop)
    environment = {"PYTHONPATH": json_lines.python_path(), **runtime.environment}
    return supervise([*runtime.command, str(folder)], limits, environment=environment, stop=stop, folder=folder)


def _cell_of(
    test: ConformanceTest,
    runtime: Runtime,
    job: Job,
    ending: Ending,
    folder: Path,
    expected: Sequence[Mapping[str, Array]],
) -> Cell:
    worst: tuple[Check, str] | None = None
    answered = 0
    why = ending.why
    for message in ending.messages:
        if not isinstance(message, CaseDone):
            continue
        number = message.case
        if number != answered or number >= len(job.cases):  # each once, in their order
            why = why or f"says that case {number!r} is done where {answered} was due"
            break
        try:
            answers = job.answers(folder, number, message.shapes)
        except (OSError, ValueError, TypeError) as error:
            why = why or f"wrote no sound outputs for {job.cases[number].name} ({error})"
            break
        answered += 1
        for found in _compared(test, job.cases[number], answers, expected[number]):
            if worst is None or severity(found[0]) > severity(worst[0]):
                worst = found
    if answered < len(job.cases):
        why = why or "ended without a message"
        loaded = any(isinstance(message, Loaded) for message in ending.messages)
        why += f", {f'at {job.cases[answered].name}' if loaded else 'while it loads the graph'}"
    met, where = worst or (None, "")
    graph = onnx.ModelProto.FromString(test.graph.data).graph
    faults = tuple(fault for fault in runtime.faults if fault.concerns(graph))
    difference, allowed = (met.difference, met.allowed) if met else (None, None)
    return Cell(runtime, difference, allowed, where, (answered, len(job.cases)), why, ending.seconds, faults)


def _compared(
    test: ConformanceTest, case: Case, answers: Mapping[str, Array], expected: Mapping[str, Array]
) -> Iterator[tuple[Check, str]]:
    """Yield the comparison of every output of a case, and where that was."""
    rounding: Mapping[str, float] | None = None
    for name, wanted in expected.items():
        check = compare(test.path.stem, name, test.reference, answers[name], wanted)
        if not check.passed and math.isfinite(check.difference):
            rounding = test.rounding(case.value) if rounding is None else rounding
            check = allowing(check, rounding[name])
        yield check, f"{name}, {case.name}"


def as_json(row: Row) -> dict[str, Any]:
    """Return a row for `--json`; a difference that is no number is null."""
    return {
        "graph": str(row.test.path),
        "reference": row.test.reference,
        "passed": row.passed,
        "runtimes": {cell.runtime.name: _cell(cell) for cell in row.cells},
    }


def _cell(cell: Cell) -> dict[str, Any]:
    finite = cell.difference is not None and math.isfinite(cell.difference)
    return {
        "version": cell.runtime.version,
        "absent": cell.runtime.absent or None,
        "passed": cell.passed if cell.tried else None,
        "max_difference": cell.difference if finite else None,
        "allowed": cell.allowed if cell.allowed is not None and math.isfinite(cell.allowed) else None,
        "where": cell.where or None,
        "cases": {"answered": cell.cases[0], "of": cell.cases[1]},
        "why": cell.why or None,
        "seconds": round(cell.seconds, 3),
        "known_faults": [{"fault": fault.sentence, "source": fault.source} for fault in cell.faults],
    }
