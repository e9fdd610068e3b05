"""Ctrl-C and SIGTERM close the window as its close button would; Qt's event loop alone does not notice them."""

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
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._before = signal.set_wakeup_fd(self._writer.fileno())
        self._handlers = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._wake)

    def close(self) -> None:
        """Leave signals as they were."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def _receive(self, number: int, _: FrameType | None) -> None:
        self._received = number

    def _wake(self) -> None:
        self._reader.recv(64)
        QApplication.exit(128 + self._received)
