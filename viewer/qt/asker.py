"""How a panel asks a graph: one question at a time, and only the answer to that question is heard."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.infer.questions import Answer, Kind, Question
from viewer.qt.worker import Workers
from viewer.state.files import FileBytes


class Asker(QObject):
    """Asks in one panel's name; `answered` brings the answer to the newest question and to no other."""

    answered = Signal(object)

    def __init__(self, name: str, workers: Workers, parent: QObject) -> None:
        super().__init__(parent)
        self._name, self._workers = name, workers
        self._open: Question | None = None
        self.asked = 0
        self.heard = 0
        workers.answered.connect(self._take)

    @property
    def waiting(self) -> bool:
        """Whether the answer to the newest question is still to come."""
        return self._open is not None

    def ask(self, file: FileBytes, images: np.ndarray, outputs: tuple[str, ...], *, inner: bool = False) -> None:
        """Ask what a graph makes of these images; `outputs` may be layers of it where `inner` is set."""
        self._put(Question(self._name, "run", file, images=images, outputs=outputs, inner=inner))

    def ask_of(self, kind: Kind, file: FileBytes) -> None:
        """Ask what a file holds: 'layers', 'epochs'."""
        self._put(Question(self._name, kind, file))

    def _put(self, question: Question) -> None:
        self.asked += 1
        self._open = question
        self._workers.ask(question)

    def forget(self) -> None:
        """No longer want to know."""
        self._open = None

    def _take(self, answer: Answer) -> None:
        if answer.question is not self._open:
            return
        self._open = None
        self.heard += 1
        self.answered.emit(answer)
