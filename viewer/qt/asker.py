"""How a panel asks a graph: one question at a time, and only the answer to that question is heard."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.infer.questions import Answer, Question
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

    def ask(self, file: FileBytes, images: np.ndarray, outputs: tuple[str, ...]) -> None:
        """Ask what a graph makes of these images."""
        self.asked += 1
        self._open = Question(asker=self._name, kind="run", file=file, images=images, outputs=outputs)
        self._workers.ask(self._open)

    def forget(self) -> None:
        """No longer want to know."""
        self._open = None

    def _take(self, answer: Answer) -> None:
        if answer.question is not self._open:
            return
        self._open = None
        self.heard += 1
        self.answered.emit(answer)
