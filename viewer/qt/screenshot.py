"""A screenshot of the whole window, taken once nothing is under way in it, or not at all after a time limit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QObject, QTimer, Signal

from viewer.qt.main_window import SIZE, MainWindow
from zoo.runs import atomic_write

LIMIT_SECONDS = 30.0


class Settling(QObject):
    """Emits `settled` once the window has nothing under way any more, or `late` when the limit has passed."""

    settled = Signal()
    late = Signal()

    def __init__(self, window: MainWindow, *, limit_seconds: float = LIMIT_SECONDS) -> None:
        super().__init__(window)
        self._window = window
        self._over = False
        self._check = QTimer(self, singleShot=True, interval=0)
        self._check.timeout.connect(self._look)
        self._limit = QTimer(self, singleShot=True, interval=round(1000 * limit_seconds))
        self._limit.timeout.connect(self._too_late)
        self._limit.start()
        window.settling.connect(self._soon)
        self._soon()

    def _soon(self, *_: object) -> None:
        if not self._over:
            self._check.start()

    def _look(self) -> None:
        if self._window.settled and not self._over:
            self._over = True
            self._limit.stop()
            self.settled.emit()

    def _too_late(self) -> None:
        self._over = True
        self.late.emit()


def take(window: MainWindow, file: Path) -> None:
    """Write the window as a PNG of 1600×1000; raise WriteError."""
    window.resize(SIZE)
    picture = window.grab()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert picture.save(buffer, "PNG"), file
    atomic_write(file, bytes(buffer.data().data()))


def when_settled(window: MainWindow, then: Callable[[], None], late: Callable[[], None]) -> None:
    """Call `then` once the window has settled, or `late` if it has not in time."""
    settling = Settling(window)
    settling.settled.connect(then)
    settling.late.connect(late)
