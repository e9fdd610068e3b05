"""The window's side of the processes that read images: one for each task, killed when it takes too long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, QProcessEnvironment, QTimer, Signal

from viewer.infer import messages
from viewer.infer.messages import Completed, ImageTask, Refused
from viewer.qt.child_process import ChildProcess, python_command, with_one_thread
from viewer.state.formatting import clean
from zoo.protocol import Frame

SECONDS = 60
MOST_RUNNING = 2  # each takes a core for a second
Callback = Callable[[Completed | str], None]


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
