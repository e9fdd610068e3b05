"""The window's side of the processes that read images: one each question, killed when it takes too long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from viewer.infer import protocol
from viewer.infer.protocol import Decoder, Message, ProtocolError
from viewer.qt.worker import python_command
from viewer.state.formatting import clean

SECONDS = 60
LARGEST_ANSWER = 64 << 20
MOST_RUNNING = 2  # each takes a core for a second

Callback = Callable[[Message | str], None]  # an answer, or the sentence of why there is none


class ImageProcesses(QObject):
    """Starts a process for each question and hands its answer, or one sentence, to who asked."""

    idle = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: list[_Reading] = []
        self._waiting: deque[tuple[bytes, Callback]] = deque()

    @property
    def busy(self) -> bool:
        return bool(self._running or self._waiting)

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | bytes, callback: Callback) -> None:
        """Ask a new process; `taker` hears of it once."""
        message = protocol.encode(dict(header), arrays if isinstance(arrays, Mapping) else {})
        self._waiting.append((message, callback))
        self._begin()

    def _begin(self) -> None:
        while self._waiting and len(self._running) < MOST_RUNNING:
            reading = _Reading(*self._waiting.popleft(), self)
            reading.over.connect(self._forget)
            self._running.append(reading)

    def close(self) -> None:
        """End those that still read, and begin no more."""
        self._waiting.clear()
        ending, self._running = self._running, []
        for reading in ending:
            reading.kill()
        for reading in ending:
            reading.wait()

    def _forget(self, reading: _Reading) -> None:
        if reading in self._running:
            self._running.remove(reading)
        self._begin()
        if not self.busy:
            self.idle.emit()


class _Reading(QObject):
    """One process, its answer and its end."""

    over = Signal(object)

    def __init__(self, message: bytes, callback: Callback, parent: QObject) -> None:
        super().__init__(parent)
        self._taker: Callback | None = callback
        self._decoder = Decoder(LARGEST_ANSWER)
        self._process = QProcess(self)
        self._process.setProcessEnvironment(_environment())
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._ended)
        self._process.errorOccurred.connect(self._failed)
        command = python_command("viewer.infer.images")
        self._process.start(command[0], command[1:])
        self._process.write(message)
        QTimer.singleShot(1000 * SECONDS, self, self._too_late)

    def kill(self) -> None:
        self._taker = None
        self._process.kill()

    def wait(self) -> None:
        self._process.waitForFinished(2000)

    def _read(self) -> None:
        try:
            for message in self._decoder.feed(bytes(self._process.readAllStandardOutput().data())):
                refused = message.header.get("kind") == "refused"
                self._tell(clean(message.header.get("sentence", ""), limit=500) if refused else message)
        except ProtocolError as error:
            self._tell(f"the process that reads images sent what is no answer ({error})")

    def _tell(self, told: Message | str) -> None:
        callback, self._taker = self._taker, None
        if callback is not None:
            callback(told)

    def _too_late(self) -> None:
        self._tell(f"the images could not be read within {SECONDS} s; try once more")
        self._process.kill()

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._tell("the process that reads images could not be started")
            self._ended()

    def _ended(self, *_: object) -> None:
        self._read()
        last = bytes(self._process.readAllStandardError().data()).decode(errors="replace").strip().splitlines()
        said = f" ({clean(last[-1], limit=160)})" if last else ""
        self._tell(f"the process that reads images ended without an answer{said}")
        self.over.emit(self)
        self.deleteLater()


def _environment() -> QProcessEnvironment:
    """The user's own, for the data lies where he says; with one thread, since it shares the machine with the worker."""
    environment = QProcessEnvironment.systemEnvironment()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        environment.insert(name, "1")
    return environment
