"""A heartbeat in the GUI thread: every gap in it is a time in which the window could not answer."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from PySide6.QtCore import QObject, Qt, QTimer, Signal

BEAT_MILLISECONDS = 5
LOOK_MILLISECONDS = 20  # of a gap, until its stack is looked at
_VIEWER = f"{Path(__file__).parents[1]}{os.sep}"


@dataclass(frozen=True)
class Gap:
    """Milliseconds between two beats, those of them that the thread computed, what was being done, and where."""

    milliseconds: float
    computing_ms: float
    phase: str
    where: str


class Watch(QObject):
    """Beats every 5 ms while the event loop is free, and keeps every gap longer than it looks at."""

    beat = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.phase = ""
        self.gaps: list[Gap] = []
        self.longest = 0.0
        self._thread_id = threading.get_ident()
        self._last = self._computed = 0.0
        self._where: Counter[str] = Counter()
        self._counts = False
        self._timer = QTimer(self, interval=BEAT_MILLISECONDS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._stopping = threading.Event()
        self._looker = threading.Thread(target=self._look, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to beat; gaps count from the first `resume` on."""
        self._timer.start()
        self._looker.start()

    def stop(self) -> None:
        self._timer.stop()
        self._stopping.set()
        self._looker.join()

    def pause(self) -> None:
        """Count no gap until `resume`: what comes now is the benchmark's own work."""
        self._counts = False

    def resume(self) -> None:
        self._last, self._computed, self._counts = time.perf_counter(), time.thread_time(), True

    def _beat(self) -> None:
        now, computed = time.perf_counter(), time.thread_time()
        gap = 1e3 * (now - self._last)
        if self._counts:
            self.longest = max(self.longest, gap)
            if gap > LOOK_MILLISECONDS:
                where = self._where.most_common(1)
                computing = 1e3 * (computed - self._computed)
                self.gaps.append(Gap(gap, computing, self.phase, where[0][0] if where else ""))
        self._where = Counter()
        self._last, self._computed = now, computed
        self.beat.emit()

    def _look(self) -> None:
        """In a thread of its own: while a beat is late, see where the GUI thread is."""
        while not self._stopping.wait(LOOK_MILLISECONDS / 4e3):
            if time.perf_counter() - self._last > LOOK_MILLISECONDS / 1e3:
                self._where[_ours(sys._current_frames().get(self._thread_id))] += 1


def _ours(frame: FrameType | None) -> str:
    """Name the innermost function of the viewer's own, 'Qt' where only Qt is at work.

    Nothing may hold the frame for longer: its locals would live on, a painter among them.
    """
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_VIEWER):
            module = name.removeprefix(_VIEWER)
            return "Qt" if module.startswith("bench") else f"viewer/{module}:{frame.f_lineno} {frame.f_code.co_name}"
        frame = frame.f_back
    return "Qt"
