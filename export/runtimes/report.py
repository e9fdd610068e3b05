"""The matrix as text: a table, what failed, which faults are known, and what would install the other runtimes."""

import contextlib
import difflib
import math
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from export.report import aligned
from export.runtimes.catalogue import NAMES, Runtime, find
from export.runtimes.conformance import BATCHES, ConformanceTest, conformance_of
from export.runtimes.matrix import Cell, Row, as_json, run_matrix
from export.runtimes.supervise import Limits
from zoo.cli import plain, print_json
from zoo.errors import AezooError, FileRefused, Interrupted, UsageError
from zoo.runs import RunFolder

ABSENT = "–"


def show_matrix(targets: Sequence[RunFolder | Path], names: str | None, *, as_json: bool, quiet: bool) -> bool:
    """Run and print the matrix of these targets; return whether nothing failed. Raises UsageError for a wrong name."""
    runtimes = [find(name) for name in chosen(names)]
    limits = Limits()
    tests, refused = _tests(targets)
    installed = sum(runtime.version is not None for runtime in runtimes)
    tick = _Tick(len(tests) * installed, shown=not (quiet or as_json) and sys.stderr.isatty())
    with _stopped_by_signals(), contextlib.closing(tick):
        rows: list[Row] = []
        for test in tests:
            try:
                rows += run_matrix([test], runtimes, limits, done=tick)
            except FileRefused as error:  # what onnxruntime cannot run has no reference
                refused.append(str(error))
    passed = not refused and any(cell.tried for row in rows for cell in row.cells) and all(row.passed for row in rows)
    if as_json:
        print_json(_document(rows, runtimes, refused, limits, passed))
    else:
        print(plain(as_text(rows, runtimes, refused, limits)))
    return passed


def chosen(names: str | None) -> Sequence[str]:
    """Return the runtimes of a comma list, all where there is none."""
    if names is None:
        return NAMES
    wanted = list(dict.fromkeys(filter(None, (name.strip() for name in names.split(",")))))
    for name in wanted:
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise UsageError(f"no runtime {name!r}{hint} There are {', '.join(NAMES)}")
    if not wanted:
        raise UsageError(f"--runtimes names none; there are {', '.join(NAMES)}")
    return wanted


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does: end every process that was started, too."""

    def stop(number: int, _: object) -> None:
        raise Interrupted("stopped", received=number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tests(targets: Sequence[RunFolder | Path]) -> tuple[list[ConformanceTest], list[str]]:
    """Return the graphs of the targets, and a sentence for each that is refused."""
    tests, refused = [], []
    for target in targets:
        try:
            for test in conformance_of(target):
                tests.append(test)
        except AezooError as error:
            path = str(target.path if isinstance(target, RunFolder) else target)
            refused.append(str(error) if path in str(error) else f"{path}: {error}")
    return tests, refused


class _Tick:
    """Shows on a terminal which graph is in which runtime."""

    def __init__(self, of: int, *, shown: bool) -> None:
        self._of, self._done, self._shown = of, 0, shown

    def __call__(self, test: ConformanceTest, cell: Cell) -> None:
        self._done += 1
        if self._shown:
            line = f"{self._done} of {self._of}: {_label(test)} in {cell.runtime.name}"
            print(f"\r\x1b[K{plain(line)[:100]}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def as_text(rows: Sequence[Row], runtimes: Sequence[Runtime], refused: Sequence[str], limits: Limits) -> str:
    """Return the table of largest differences, its legend, the failures and the known faults."""
    lines = [*_table(rows, runtimes), "", *_legend(rows, runtimes, limits), ""] if rows else []
    failures = [_failure(row, cell) for row in rows for cell in row.cells if not cell.passed]
    faults = dict.fromkeys(
        f"  known   {cell.runtime.name}: {fault.sentence} ({fault.source})"
        for row in rows
        for cell in row.cells
        if not cell.passed
        for fault in cell.faults
    )
    lines += [*failures, *(f"  FAILED  {sentence}" for sentence in refused), *faults]
    tried = sum(cell.tried for row in rows for cell in row.cells)
    failed = len(failures) + len(refused)
    summary = f"{failed} FAILED" if failed else "passed" if tried else "FAILED, nothing was run"
    lines.append(f"{summary}: {len(rows)} graphs, {tried} runs in runtimes")
    return "\n".join(lines)


def _label(test: ConformanceTest) -> str:
    return str(Path(*Path(test.graph.source).parts[-3:]))


def _table(rows: Sequence[Row], runtimes: Sequence[Runtime]) -> list[str]:
    head = ["max |difference|", *(runtime.name for runtime in runtimes)]
    return aligned([head, *([_label(row.test), *map(_cell_text, row.cells)] for row in rows)])


def _cell_text(cell: Cell) -> str:
    if not cell.tried:
        return ABSENT
    if cell.why or cell.worst is None:
        return "stopped"
    number = f"{cell.worst.difference:.1e}" if math.isfinite(cell.worst.difference) else "not a number"
    return number if cell.passed else f"{number} !"


def _failure(row: Row, cell: Cell) -> str:
    where = f"  FAILED  {_label(row.test)} in {cell.runtime.name}: "
    if cell.why:
        return where + cell.why
    if cell.worst is None:
        return f"{where}answered {cell.cases[0]} of {cell.cases[1]} cases"
    if not math.isfinite(cell.worst.difference):
        return f"{where}another shape, or not a number ({cell.where})"
    return f"{where}{cell.worst.difference:.1e} of {cell.worst.allowed:.1e} ({cell.where})"


def _legend(rows: Sequence[Row], runtimes: Sequence[Runtime], limits: Limits) -> list[str]:
    references = ", ".join(dict.fromkeys(row.test.reference for row in rows))
    lines = [
        f"  against {references} at batches of {', '.join(map(str, BATCHES))}: noise, real images, zeros, ones; "
        f"at most {limits.seconds:g} s and {limits.memory / 2**30:g} GiB each"
    ]
    width = max(len(runtime.name) for runtime in runtimes)
    for runtime in runtimes:
        found = runtime.version or f"{ABSENT} {runtime.absent}"
        lines.append(f"  {runtime.name:{width}}  {found}")
    return lines


def _document(
    rows: Sequence[Row], runtimes: Sequence[Runtime], refused: Sequence[str], limits: Limits, passed: bool
) -> dict[str, object]:
    return {
        "passed": passed,
        "limits": {"seconds": limits.seconds, "memory_bytes": limits.memory},
        "runtimes": [{"name": each.name, "version": each.version, "absent": each.absent or None} for each in runtimes],
        "graphs": [as_json(row) for row in rows],
        "refused": list(refused),
    }
