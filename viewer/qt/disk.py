"""All file access of the window: one thread that scans folders, reads files and writes exports.

A job has a key: a newer job with the same key replaces one that has not begun. The callback gets the result in the
window's thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from queue import SimpleQueue
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from viewer.state.formatting import clean
from zoo.errors import AezooError

JOIN_SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class JobResult:
    """What a job returned, or the sentence on why it failed."""

    result: Any
    error: str = ""


Job = Callable[[], Any]
Callback = Callable[[JobResult], None]


class Disk(QObject):
    """Does jobs one after another in its own thread."""

    idle = Signal()
    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: SimpleQueue[tuple[str, int, Job, Callback] | None] = SimpleQueue()
        self._newest: dict[str, int] = {}  # the number of the newest job by key
        self._numbers = count()
        self._stopping = False
        self._outstanding = 0
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._work, name="disk", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a result is still to come."""
        return self._outstanding > 0

    def do(self, key: str, job: Job, callback: Callback) -> None:
        """Queue a job; `callback` is called with its result."""
        self._outstanding += 1
        number = self._newest[key] = next(self._numbers)
        self._queue.put((key, number, job, callback))

    def close(self) -> None:
        """Stop after the job under way."""
        self._stopping = True
        self._queue.put(None)
        self._thread.join(JOIN_SECONDS)

    def _deliver(self, callback: Callback, done: JobResult | None) -> None:
        self._outstanding -= 1
        if self._stopping:
            return
        if done is not None:
            callback(done)
        if not self._outstanding:
            self.idle.emit()

    def _work(self) -> None:
        while (waiting := self._queue.get()) is not None and not self._stopping:
            key, number, job, callback = waiting
            done = _attempt(job) if self._newest[key] == number else None  # None: a newer one replaces it
            if not self._stopping:
                self._finished.emit(callback, done)


def _attempt(job: Job) -> JobResult:
    try:
        return JobResult(job())
    except AezooError as error:
        return JobResult(None, clean(error))
    except OSError as error:
        return JobResult(None, clean(f"the disk did not respond ({error.strerror or error})"))
    except (ValueError, MemoryError, ImportError) as error:
        return JobResult(None, clean(f"it could not be read ({error})"))
