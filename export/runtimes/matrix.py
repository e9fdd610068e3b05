"""Every graph through every runtime: numbers; the only text is what the runtimes say."""

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

from export.graph import Array, Graph
from export.runtimes import job
from export.runtimes.browser import run_served
from export.runtimes.catalogue import Fault, Runtime
from export.runtimes.conformance import ConformanceTest
from export.runtimes.job import Case, CaseDone, Loaded
from export.runtimes.supervise import Ending, Limits, supervise
from export.verify import Check, allowing, compare, severity
from zoo import json_lines
from zoo.runs import finite


@dataclass(frozen=True)
class Cell:
    """One graph in one runtime.

    worst       the comparison that came nearest to what is allowed, or furthest beyond it
    where       of which output and case it is
    cases       how many cases it answered, of how many
    why         the reason why it was stopped or failed
    faults      what is known to be wrong in the runtime with such a graph
    """

    runtime: Runtime
    worst: Check | None = None
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
        near = self.worst is not None and self.worst.passed
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
    with tempfile.TemporaryDirectory(prefix="aezoo-") as name:
        folder = Path(name)
        job.write(folder, test.graph, cases)
        if runtime.served:
            ending = run_served(runtime.command, folder, limits, stop)
        else:
            environment = {"PYTHONPATH": json_lines.python_path(), **runtime.environment}
            command = [*runtime.command, str(folder)]
            ending = supervise(command, limits, environment=environment, stop=stop, folder=folder)
        answers, why = _answers(folder, test.graph, cases, ending)
    compared = [
        found
        for case, answer, wanted in zip(cases, answers, expected, strict=False)  # where it stopped there is no answer
        for found in _compared(test, case, answer, wanted)
    ]
    worst, where = max(compared, key=lambda found: severity(found[0]), default=(None, ""))
    graph = onnx.ModelProto.FromString(test.graph.model).graph
    faults = tuple(fault for fault in runtime.faults if fault.concerns(graph))
    return Cell(runtime, worst, where, (len(answers), len(cases)), why, ending.seconds, faults)


def _answers(folder: Path, graph: Graph, cases: Sequence[Case], ending: Ending) -> tuple[list[dict[str, Array]], str]:
    """Read what a process wrote for each case, and return why there is no more of it, '' where it is whole."""
    answers: list[dict[str, Array]] = []
    why, done = ending.why, [message for message in ending.messages if isinstance(message, CaseDone)]
    for message in done:
        due = len(answers)
        if message.case != due or due == len(cases):  # each once, in their order
            why = why or f"says that case {message.case!r} is done where {due} was due"
            break
        try:
            answers.append(job.read_outputs(folder, graph, message))
        except (OSError, ValueError, TypeError) as error:
            why = why or f"wrote no sound outputs for {cases[due].name} ({error})"
            break
    if len(answers) < len(cases):
        loaded = any(isinstance(message, Loaded) for message in ending.messages)
        where = f"at {cases[len(answers)].name}" if loaded else "while it loads the graph"
        why = f"{why or 'ended without a message'}, {where}"
    return answers, why


def _compared(
    test: ConformanceTest, case: Case, answers: Mapping[str, Array], expected: Mapping[str, Array]
) -> Iterator[tuple[Check, str]]:
    """Yield the comparison of every output of a case, and where that was."""
    rounding: Mapping[str, float] | None = None
    for name, wanted in expected.items():
        check = compare(test.graph.part, name, test.reference, answers[name], wanted)
        if not check.passed and math.isfinite(check.difference):
            rounding = test.rounding(case.value) if rounding is None else rounding
            check = allowing(check, rounding[name])
        yield check, f"{name}, {case.name}"


def as_json(row: Row) -> dict[str, Any]:
    """Return a row for `--json`; a difference that is no number is null."""
    return {
        "graph": row.test.graph.source,
        "reference": row.test.reference,
        "passed": row.passed,
        "runtimes": {cell.runtime.name: _cell(cell) for cell in row.cells},
    }


def _cell(cell: Cell) -> dict[str, Any]:
    worst = cell.worst
    return {
        "version": cell.runtime.version,
        "absent": cell.runtime.absent or None,
        "passed": cell.passed if cell.tried else None,
        "max_difference": finite(worst.difference) if worst else None,
        "allowed": finite(worst.allowed) if worst else None,
        "where": cell.where or None,
        "cases": {"answered": cell.cases[0], "of": cell.cases[1]},
        "why": cell.why or None,
        "seconds": round(cell.seconds, 3),
        "known_faults": [{"fault": fault.sentence, "source": fault.source} for fault in cell.faults],
    }
