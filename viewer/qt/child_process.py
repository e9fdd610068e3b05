"""Processes of the window's: messages go out to their standard input, frames come in from their standard output."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from viewer.infer import messages
from viewer.infer.messages import Completed, ImageTask, Message, Refused
from viewer.state.formatting import clean
from zoo.protocol import Decoder, Frame, ProtocolError

ROOT = Path(__file__).resolve().parents[2]
PIECE_BYTES = 1 << 20  # written to a process at a time: a whole file of 15 MB would cost the window a frame
SECONDS = 60  # to read images
MOST_RUNNING = 2  # processes that do: each takes a core for a second
Callback = Callable[[Completed | str], None]
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")  # threads started before the sandbox is sealed are outside it


class ChildProcess(QObject):
    """One process, from its start to its end. `ended` comes once, with the reason."""

    ended = Signal(str)

    def __init__(self, command: list[str], environment: QProcessEnvironment, parent: QObject | None) -> None:
        super().__init__(parent)
        self._decoder = Decoder()
        self._over = False
        self._stderr = b""
        self._outbox: deque[memoryview] = deque()
        self._process = QProcess(self)
        self._process.setProcessEnvironment(environment)
        self._process.bytesWritten.connect(self._feed)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._read_stderr)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        self._process.start(command[0], command[1:])

    def take(self, frame: Frame) -> None:
        """Take what the process sent; raise ProtocolError for something that was not agreed on."""
        raise NotImplementedError

    @property
    def process_id(self) -> int:
        return self._process.processId()

    def send(self, message: Message) -> None:
        """Send a message; a large one is copied a piece at a time."""
        self._outbox += (part for part in messages.parts(message) if part.nbytes)
        self._feed()

    def _feed(self) -> None:
        while self._outbox and self._process.bytesToWrite() < PIECE_BYTES:
            part = self._outbox.popleft()
            if part.nbytes > PIECE_BYTES:
                self._outbox.appendleft(part[PIECE_BYTES:])
            self._process.write(bytes(part[:PIECE_BYTES]))

    def stop(self, why: str) -> None:
        """Kill it and say why; only the first reason counts."""
        if self._over:
            return
        self._over = True
        if self._process.state() == QProcess.ProcessState.NotRunning:
            self.deleteLater()
        else:
            self._process.finished.connect(self.deleteLater)
            self._process.kill()
        self.ended.emit(why)

    def close(self) -> None:
        """End it without a notice and wait until it is gone."""
        self._over = True
        self._process.kill()
        self._process.waitForFinished(2000)

    def _read(self) -> None:
        try:
            for frame in self._decoder.feed(bytes(self._process.readAllStandardOutput().data())):
                if not self._over:
                    self.take(frame)
        except ProtocolError as error:
            self.stop(f"sent an invalid reply: {error}")

    def _read_stderr(self) -> None:
        """Keep the end of what it prints; a hostile process could print without end."""
        self._stderr = (self._stderr + bytes(self._process.readAllStandardError().data()))[-2000:]

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        crashed = status == QProcess.ExitStatus.CrashExit
        why = f"died of signal {code}" if crashed else f"ended with exit code {code}"
        self._read_stderr()
        lines = self._stderr.decode(errors="replace").strip().splitlines()
        last_line = f" ({clean(lines[-1], limit=160)})" if lines and not crashed else ""
        self.stop(why + last_line)

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.stop(f"could not be started ({clean(self._process.errorString())})")


def python_command(module: str) -> list[str]:
    """The command line that runs a module's `main`, isolated from the user's environment and the current folder."""
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {module} import main; main()"
    return [sys.executable, "-I", "-c", start]


def with_one_thread(environment: QProcessEnvironment) -> QProcessEnvironment:
    """Have numpy start no threads of its own."""
    for name in _ONE_THREAD:
        environment.insert(name, "1")
    return environment


class ImageProcesses(QObject):
    """Starts a process for each task and calls back with its reply, or with a sentence on why there is none."""

    idle = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: list[_ImageProcess] = []
        self._waiting: deque[tuple[ImageTask, Callback]] = deque()

    @property
    def busy(self) -> bool:
        return bool(self._running or self._waiting)

    def send(self, task: ImageTask, callback: Callback) -> None:
        """Have a task done by a new process; `callback` is called once, with the reply or with a sentence."""
        self._waiting.append((task, callback))
        self._begin()

    def _begin(self) -> None:
        while self._waiting and len(self._running) < MOST_RUNNING:
            process = _ImageProcess(*self._waiting.popleft(), self)
            process.over.connect(self._forget)
            self._running.append(process)

    def close(self) -> None:
        """End the running processes, and start no more."""
        self._waiting.clear()
        for process in self._running:
            process.close()
        self._running = []

    def _forget(self, process: _ImageProcess) -> None:
        self._running.remove(process)
        self._begin()
        if not self.busy:
            self.idle.emit()


class _ImageProcess(ChildProcess):
    """One process, from its task to its end. Its environment is the user's, which may say where the data is."""

    over = Signal(object)

    def __init__(self, task: ImageTask, callback: Callback, parent: QObject) -> None:
        environment = with_one_thread(QProcessEnvironment.systemEnvironment())
        super().__init__(python_command("viewer.infer.images"), environment, parent)
        self._callback: Callback | None = callback
        self.ended.connect(self._end)
        self.send(task)
        QTimer.singleShot(1000 * SECONDS, self, lambda: self.stop(f"did not reply within {SECONDS} s; try once more"))

    def take(self, frame: Frame) -> None:
        reply = messages.decode(frame, Completed, Refused)
        assert isinstance(reply, Completed | Refused)
        self._reply(clean(reply.sentence, limit=500) if isinstance(reply, Refused) else reply)

    def _end(self, why: str) -> None:
        self._reply(f"the process that reads images {why}")
        self.over.emit(self)

    def _reply(self, result: Completed | str) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(result)
