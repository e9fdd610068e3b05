"""The folder that the window is measured on: the runs there are, and copies of them up to a number."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

from zoo import gate
from zoo.errors import RunError
from zoo.runs import GRAPHS, RunFolder, atomic_write, find_runs


def fill(root: Path, source: Path, count: int) -> tuple[list[Path], list[Path]]:
    """Put every exported run under `source` into `root`, and copies until there are `count`; return both.

    Raises RunError where there is no exported run.
    """
    found = [run for run in find_runs(source) if run.history.is_file() and run.graph("model").is_file()]
    if not found:
        raise RunError(f"no exported run in {source}; train one first with `aezoo train purdue/conv`")
    filled = []
    for number, run in enumerate(islice(cycle(found), max(count, len(found)))):
        target = root.joinpath(str(number), *run.path.parts[-2:])
        _copy(run, target, number if number >= len(found) else 0)
        filled.append(target)
    return filled[: len(found)], filled[len(found) :]


def _copy(run: RunFolder, target: Path, number: int) -> None:
    """Copy a run. A numbered copy has other bytes in its graphs: a worker must not answer from its original's session.

    It has no card.json, which would list the original's bytes.
    """
    target.mkdir(parents=True)
    graphs = [run.graph(name) for name in GRAPHS if run.graph(name).is_file()]
    for path in (*graphs, run.history, *([run.card] if run.card.is_file() and not number else [])):
        more = _one_more_line(number) if number and path in graphs else b""
        atomic_write(target / path.name, gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES) + more)


def _one_more_line(number: int) -> bytes:
    """A metadata_props entry {"copy": number} as protobuf has it: what is appended to a message is merged into it."""
    key, value = b"copy", str(number).encode()
    entry = bytes((0x0A, len(key))) + key + bytes((0x12, len(value))) + value
    return bytes((0x72, len(entry))) + entry
