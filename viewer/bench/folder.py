"""The folder that the window is measured on: the runs there are, and copies of them up to a number."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from zoo import card, gate
from zoo.errors import FileRefused, RunError
from zoo.runs import GRAPHS, RunFolder, atomic_write, find_runs

LARGEST_FILE = gate.MAX_ONNX_BYTES


@dataclass(frozen=True)
class BenchRuns:
    """The runs in a folder made for the benchmark: which of them are somebody's, and which copies of those."""

    root: Path
    originals: tuple[Path, ...]
    copies: tuple[Path, ...]

    @property
    def all(self) -> tuple[Path, ...]:
        return (*self.originals, *self.copies)


def fill(root: Path, source: Path, count: int) -> BenchRuns:
    """Link every exported run under `source` into `root`, and add copies until there are `count`.

    A copy has one more line of metadata in its graphs, so that a worker cannot answer for it with the session of its
    original. Raises RunError where there is no exported run.
    """
    found = [run for run in find_runs(source) if run.history.is_file() and run.graph("model").is_file()]
    if not found:
        raise RunError(f"no exported run in {source}; train one first with `aezoo train purdue/conv`")
    originals, copies = [], []
    for run in found:
        target = _free(root, "/".join(run.path.parts[-2:]))
        _link(run, RunFolder(target))
        originals.append(target)
    for number, run in enumerate(islice(cycle(found), max(0, count - len(found))), start=1):
        target = _free(root, f"{'/'.join(run.path.parts[-2:])}-copy-{number}")
        _copy(run, RunFolder(target), number)
        copies.append(target)
    return BenchRuns(root, tuple(originals), tuple(copies))


def _free(root: Path, name: str) -> Path:
    target, number = root / name, 1
    while target.exists():
        number += 1
        target = root / f"{name}-{number}"
    return target


def _graphs(run: RunFolder) -> dict[str, Path]:
    return {f"{name}.onnx": run.graph(name) for name in GRAPHS if run.graph(name).is_file()}


def _link(run: RunFolder, target: RunFolder) -> None:
    target.path.mkdir(parents=True)
    for path in (*_graphs(run).values(), run.history, run.card):
        if path.is_file():
            try:
                os.link(path, target.path / path.name)
            except OSError:  # another disk, or one that has no such links
                atomic_write(target.path / path.name, gate.read_bytes(path, limit=LARGEST_FILE))


def _copy(run: RunFolder, target: RunFolder, number: int) -> None:
    """Write a run once more with other bytes in its graphs, and a card.json that lists these."""
    sums = {}
    for name, path in _graphs(run).items():
        data = gate.read_bytes(path, limit=LARGEST_FILE) + _one_more_line(number)
        atomic_write(target.path / name, data)
        sums[name] = (hashlib.sha256(data).hexdigest(), len(data))
    atomic_write(target.history, gate.read_bytes(run.history, limit=LARGEST_FILE))
    if run.card.is_file():
        text = gate.read_bytes(run.card, limit=card.MAX_TEXT).decode(errors="replace")
        try:
            copied = card.from_json(text)
        except FileRefused:
            return  # a run whose card cannot be read is measured without one
        atomic_write(target.card, copied.to_file(sums))


def _one_more_line(number: int) -> bytes:
    """A metadata_props entry {"copy": number} as protobuf has it: what is appended to a message is merged into it."""
    key, value = b"copy", str(number).encode()
    entry = bytes((0x0A, len(key))) + key + bytes((0x12, len(value))) + value
    return bytes((0x72, len(entry))) + entry
