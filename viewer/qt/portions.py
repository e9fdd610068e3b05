"""Much that goes through a graph, a portion a question, so that a slider's questions find their turn in between."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.qt.asker import Ask, Asker, Round
from viewer.state.files import FileBytes


@dataclass(frozen=True, eq=False)
class Job:
    """`count` inputs for one graph, `portion` at a time; `inputs(start, stop)` makes them, float32 (n, …).

    `shape` is what the output has for one input; `parts` grows with every answer, `trouble` holds why it ended.
    """

    key: Hashable
    file: FileBytes
    output: str
    shape: tuple[int, ...]
    count: int
    portion: int
    inputs: Callable[[int, int], np.ndarray]
    parts: list[np.ndarray] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many are there by now."""
        return sum(map(len, self.parts))

    @property
    def done(self) -> bool:
        return self.rows >= self.count or bool(self.trouble)


class Portions(QObject):
    """Does jobs one after another; `grown` tells of each portion, and of a job that ended."""

    grown = Signal(object)  # Job

    def __init__(self, asker: Asker, parent: QObject) -> None:
        super().__init__(parent)
        self._asker = asker
        self._jobs: list[Job] = []
        asker.answered.connect(self._take)

    def begin(self, jobs: Sequence[Job]) -> None:
        """Do these jobs; those that were under way are forgotten."""
        self._asker.forget()
        self._jobs = [job for job in jobs if job.count]
        self._go_on()

    def _go_on(self) -> None:
        while self._jobs and self._jobs[0].done:
            self._jobs.pop(0)
        if self._jobs:
            job = self._jobs[0]
            inputs = job.inputs(job.rows, min(job.count, job.rows + job.portion))
            self._asker.ask({job.key: Ask(job.file, inputs, (job.output,))}, job)

    def _take(self, done: Round) -> None:
        job, answer = done.context, next(iter(done.answers.values()))
        assert isinstance(job, Job), job
        values = answer.arrays.get(job.output)
        if answer.trouble or values is None:
            job.trouble.append(answer.trouble or "the graph gave no answer")
        elif values.shape[1:] != job.shape:
            job.trouble.append("the graph's output has another shape than it declares")
        else:
            job.parts.append(values)
        self._go_on()
        self.grown.emit(job)
