"""Ctrl-C and SIGTERM close the window as its own close button would: Qt's loop does not look at them by itself."""

from __future__ import annotations

import signal
import socket
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier
from PySide6.QtWidgets import QApplication


class Signals(QObject):
    """Ends the event loop with 128 + the signal's number, as a shell reports it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._received = 0
        self._ours, self._pythons = socket.socketpair()
        self._pythons.setblocking(False)
        self._before = signal.set_wakeup_fd(self._pythons.fileno())
        self._handlers = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}
        self._notifier = QSocketNotifier(self._ours.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._wake)

    def close(self) -> None:
        """Leave signals as they were."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._ours.close()
        self._pythons.close()

    def _receive(self, number: int, _: FrameType | None) -> None:
        self._received = number

    def _wake(self) -> None:
        self._ours.recv(64)
        QApplication.exit(128 + self._received)
