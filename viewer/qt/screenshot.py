"""A screenshot of the whole window, taken once nothing is under way in it, or not at all after a time limit."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QObject, Qt, QTimer, Signal, SignalInstance

from viewer.qt.main_window import SIZE, MainWindow
from zoo.runs import atomic_write

LIMIT_SECONDS = 30.0


class Settling(QObject):
    """Emits `settled` once the window has nothing under way any more, or `late` when the limit has passed."""

    settled = Signal()
    late = Signal()

    def __init__(self, window: MainWindow, *, limit_seconds: float = LIMIT_SECONDS) -> None:
        super().__init__(window)
        self._window, self._over = window, False
        self._check = QTimer(self, singleShot=True, interval=0)
        self._check.timeout.connect(lambda: self._end(self.settled) if window.settled else None)
        QTimer.singleShot(round(1000 * limit_seconds), self, lambda: self._end(self.late))
        window.settling.connect(self._check.start)
        self._check.start()

    def _end(self, how: SignalInstance) -> None:
        if not self._over:
            self._over = True
            self._window.settling.disconnect(self._check.start)
            how.emit()


def prepare(window: MainWindow) -> None:
    """Lay a window out as on a screen of 1600×1000, whatever the off-screen one has."""
    window.setWindowState(Qt.WindowState.WindowNoState)
    window.resize(SIZE)
    window.reset_layout()


def take(window: MainWindow, file: Path) -> None:
    """Write the window as a PNG of 1600×1000; raise WriteError."""
    window.resize(SIZE)
    picture = window.grab()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert picture.save(buffer, "PNG"), file
    atomic_write(file, bytes(buffer.data().data()))
