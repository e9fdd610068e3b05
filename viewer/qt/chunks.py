"""Runs many inputs through a graph, a chunk per request, so that a slider's requests get their turn in between."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.qt.requester import Query, QueryBatch, Requester
from viewer.state.files import FileBytes


@dataclass(frozen=True, eq=False)
class ChunkedRun:
    """`count` inputs for one graph, `chunk_size` at a time; `inputs(start, stop)` makes them, float32 (n, …).

    `shape` is that of the output for one input, None for any; `chunks` grows with every reply, `errors` holds why the
    run ended.
    """

    key: Hashable
    file: FileBytes
    output: str
    shape: tuple[int, ...] | None
    count: int
    chunk_size: int
    inputs: Callable[[int, int], np.ndarray]
    chunks: list[np.ndarray] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many inputs have been run so far."""
        return sum(map(len, self.chunks))

    @property
    def done(self) -> bool:
        return self.rows >= self.count or bool(self.errors)


class ChunkRunner(QObject):
    """Works through chunked runs one after another; `grown` brings a run after each chunk, and when it has failed."""

    grown = Signal(object)  # ChunkedRun

    def __init__(self, requester: Requester, parent: QObject, *, low_priority: bool = False) -> None:
        super().__init__(parent)
        self._requester, self._low_priority = requester, low_priority
        self._runs: list[ChunkedRun] = []
        requester.answered.connect(self._take)

    def begin(self, runs: Sequence[ChunkedRun]) -> None:
        """Start these runs; those under way are dropped."""
        self._requester.forget()
        self._runs = [run for run in runs if run.count]
        self._go_on()

    def _go_on(self) -> None:
        while self._runs and self._runs[0].done:
            self._runs.pop(0)
        if self._runs:
            run = self._runs[0]
            inputs = run.inputs(run.rows, min(run.count, run.rows + run.chunk_size))
            self._requester.send(
                {run.key: Query(run.file, inputs, (run.output,))}, run, low_priority=self._low_priority
            )

    def _take(self, done: QueryBatch) -> None:
        run, reply = done.context, next(iter(done.replies.values()))
        assert isinstance(run, ChunkedRun), run
        values = reply.arrays.get(run.output)
        if reply.error or values is None:
            run.errors.append(reply.error or "the graph gave no output")
        elif run.shape is not None and values.shape[1:] != run.shape:
            run.errors.append("the graph's output has another shape than it declares")
        else:
            run.chunks.append(values)
        self._go_on()
        self.grown.emit(run)
