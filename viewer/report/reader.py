"""Runs as the report reads them: through the worker process, one question at a time, like the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer

from viewer.infer.questions import Answer, Question
from viewer.qt.worker import Workers
from viewer.state import files, history
from viewer.state.files import FileBytes
from viewer.state.history import RunHistory
from viewer.state.words import clean, sentence
from zoo import gate
from zoo.errors import CheckFailed, FileRefused
from zoo.runs import RunFolder

LIMIT_SECONDS = 60


@dataclass(frozen=True, eq=False)
class Run:
    """A run's history, and its graph where it has one."""

    name: str
    history: RunHistory
    graph: FileBytes | None


class Reader:
    """Asks the worker and waits for its answer."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._workers = Workers(keep_spare=False)
        self.troubles: list[str] = []

    def close(self) -> None:
        self._workers.close()

    def run(self, name: str) -> Run | None:
        """Return a run, or None where there is none yet, or none that can be read: `troubles` then tells why."""
        folder = RunFolder.of(self._runs, name)
        if not folder.history.is_file():
            return None
        try:
            run = self._read(name, folder)
        except FileRefused as refusal:
            self.troubles.append(sentence(str(refusal)))
            return None
        if run.history.recipe != name:
            told = clean(run.history.recipe, limit=60)
            self.troubles.append(f"{folder.path} holds a run of {told}, expected {name}: it is left out.")
            return None
        return run

    def _read(self, name: str, folder: RunFolder) -> Run:
        file = files.read(folder.history, limit=gate.MAX_HDF5_BYTES, label=str(folder.history))
        answer = self._ask(Question(asker="report", kind="history", file=file))
        meta = answer.header.get("meta")
        if not isinstance(meta, Mapping):
            raise FileRefused(f"{file.label} has no description; train the run again")
        graph = folder.graph("model")
        read = partial(files.read, limit=gate.MAX_ONNX_BYTES, label=str(folder.graph("model")))
        return Run(name, history.from_parts(meta, answer.arrays), read(graph) if graph.is_file() else None)

    def outputs(self, run: Run, images: np.ndarray, name: str) -> np.ndarray | None:
        """Return what the run's graph makes of images, float32 (N, C, H, W) in [0, 1]; None without a graph."""
        if run.graph is None:
            return None
        answer = self._ask(Question(asker="report", kind="run", file=run.graph, images=images, outputs=(name,)))
        return answer.arrays[name]

    def _ask(self, question: Question) -> Answer:
        loop, answers = QEventLoop(), list[Answer]()

        def take(answer: Answer) -> None:
            if answer.question is question:
                answers.append(answer)
                loop.quit()

        self._workers.answered.connect(take)
        QTimer.singleShot(1000 * LIMIT_SECONDS, loop, loop.quit)
        self._workers.ask(question)
        loop.exec()
        self._workers.answered.disconnect(take)
        if not answers:
            raise CheckFailed(f"{question.file.label}: no answer within {LIMIT_SECONDS} s; try once more")
        if answers[0].trouble:
            raise FileRefused(answers[0].trouble)
        return answers[0]
