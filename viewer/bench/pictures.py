"""When a wish becomes a picture: from the question that it makes to the painting of a figure that answers it."""

from __future__ import annotations

import time
import weakref

from PySide6.QtCore import QObject

from viewer.infer.requests import Reply, Request
from viewer.qt.requester import Requester
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.worker import Workers


class TimedWorkers(Workers):
    """Workers that remember when each request was made."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sent_at: weakref.WeakKeyDictionary[Request, float] = weakref.WeakKeyDictionary()

    def send(self, request: Request) -> None:
        self._sent_at[request] = time.perf_counter()
        super().send(request)

    def sent_at(self, request: Request) -> float:
        """Seconds on the performance counter."""
        return self._sent_at[request]


class Pictures(QObject):
    """Notes each new figure that a panel's view has painted, and when the request that it answers was made."""

    def __init__(self, view: FigureView, requester: Requester, workers: TimedWorkers, parent: QObject) -> None:
        super().__init__(parent)
        self._view, self._requester, self._workers, self._figure = view, requester, workers, view.figure
        self._answered = 0.0
        self._shown: list[tuple[float, float]] = []  # painted, asked
        workers.answered.connect(self._take)
        view.pictured.connect(self._note)

    def milliseconds_from(self, wished: float) -> float | None:
        """From a wish, in seconds on the performance counter, to the first picture of it or of a newer one."""
        return next((1e3 * (painted - wished) for painted, asked in self._shown if asked >= wished), None)

    def close(self) -> None:
        self._workers.answered.disconnect(self._take)
        self._view.pictured.disconnect(self._note)
        self.deleteLater()

    def _take(self, reply: Reply) -> None:
        if reply.request.requester == self._requester.name and not reply.error:  # of one run the first and only one
            self._answered = max(self._answered, self._workers.sent_at(reply.request))

    def _note(self) -> None:
        if self._view.figure is not self._figure:
            self._figure = self._view.figure
            self._shown.append((time.perf_counter(), self._answered))
