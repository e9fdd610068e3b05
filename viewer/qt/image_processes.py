"""The window's side of the processes that read images: one for each request, killed when it takes too long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from viewer.infer import messages
from viewer.infer.messages import AnyMessage, Message, Refused
from viewer.infer.protocol import Decoder, ProtocolError
from viewer.qt.worker import python_command
from viewer.state.formatting import clean

SECONDS = 60
LARGEST_REPLY = 64 << 20
MOST_RUNNING = 2  # each takes a core for a second


class ImageProcesses(QObject):
    """Starts a process for each request and calls back with its reply, or with a sentence on why there is none."""

    idle = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: list[_Reading] = []
        self._waiting: deque[tuple[Message, type[Message], Callable[[Any], None]]] = deque()

    @property
    def busy(self) -> bool:
        return bool(self._running or self._waiting)

    def send(self, request: Message, expected: type[AnyMessage], callback: Callable[[AnyMessage | str], None]) -> None:
        """Send a request to a new process; `callback` is called once, with the reply expected or with a sentence."""
        self._waiting.append((request, expected, callback))
        self._begin()

    def _begin(self) -> None:
        while self._waiting and len(self._running) < MOST_RUNNING:
            reading = _Reading(*self._waiting.popleft(), self)
            reading.over.connect(self._forget)
            self._running.append(reading)

    def close(self) -> None:
        """End the running processes, and start no more."""
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
    """One process, from its request to its end."""

    over = Signal(object)

    def __init__(
        self, request: Message, expected: type[Message], callback: Callable[[Any], None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._expected = expected
        self._callback: Callable[[Any], None] | None = callback
        self._decoder = Decoder(LARGEST_REPLY)
        self._process = QProcess(self)
        self._process.setProcessEnvironment(_environment())
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._ended)
        self._process.errorOccurred.connect(self._failed)
        command = python_command("viewer.infer.images")
        self._process.start(command[0], command[1:])
        self._process.write(messages.encode(request))
        QTimer.singleShot(1000 * SECONDS, self, self._too_late)

    def kill(self) -> None:
        self._callback = None
        self._process.kill()

    def wait(self) -> None:
        self._process.waitForFinished(2000)

    def _read(self) -> None:
        try:
            for frame in self._decoder.feed(bytes(self._process.readAllStandardOutput().data())):
                reply = messages.decode(frame, self._expected, Refused)
                self._finish(clean(reply.sentence, limit=500) if isinstance(reply, Refused) else reply)
        except ProtocolError as error:
            self._finish(f"the process that reads images sent an invalid reply ({error})")

    def _finish(self, result: Message | str) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(result)

    def _too_late(self) -> None:
        self._finish(f"the images could not be read within {SECONDS} s; try once more")
        self._process.kill()

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._finish("the process that reads images could not be started")
            self._ended()

    def _ended(self, *_: object) -> None:
        self._read()
        last = bytes(self._process.readAllStandardError().data()).decode(errors="replace").strip().splitlines()
        last_line = f" ({clean(last[-1], limit=160)})" if last else ""
        self._finish(f"the process that reads images ended without a reply{last_line}")
        self.over.emit(self)
        self.deleteLater()


def _environment() -> QProcessEnvironment:
    """The user's own environment, which may say where the data is; one thread, since the worker runs beside it."""
    environment = QProcessEnvironment.systemEnvironment()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        environment.insert(name, "1")
    return environment
