"""How a panel queries graphs: one batch of queries at a time, and after it the newest batch that is waiting.

While a batch is under way only the newest next one waits and older ones are skipped, so that a slider that is moved
without pause shows a new picture with each reply. A batch about something that is no longer shown is forgotten.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.infer.messages import Kind, Reply, Request
from viewer.qt.worker import Workers
from viewer.state.files import FileBytes


@dataclass(frozen=True, eq=False)
class Query:
    """What is wanted from one file: the outputs of a graph for `images`, float32 (N, …); or 'layers', or 'epochs'."""

    file: FileBytes
    images: np.ndarray | None = None
    outputs: tuple[str, ...] = ()
    inner: bool = False  # `outputs` may name tensors inside the graph
    kind: Kind = "run"


@dataclass(frozen=True, eq=False)
class QueryBatch:
    """Queries by key, their replies by the same keys, and a `context` that the panel gets back with the replies."""

    queries: Mapping[Hashable, Query]
    context: object = None
    replies: dict[Hashable, Reply] = field(default_factory=dict)
    low_priority: bool = False


class Requester(QObject):
    """Sends requests for one panel; `answered` brings a QueryBatch once all of its replies have come."""

    answered = Signal(object)

    def __init__(self, name: str, workers: Workers, parent: QObject) -> None:
        super().__init__(parent)
        self.name, self._workers = name, workers
        self._now: QueryBatch | None = None
        self._next: QueryBatch | None = None
        self._open: dict[Request, Hashable] = {}
        self.sent = 0
        self.received = 0

    @property
    def waiting(self) -> bool:
        """Whether replies are still to come."""
        return self._now is not None

    def send(self, queries: Mapping[Hashable, Query], context: object = None, *, low_priority: bool = False) -> None:
        """Send a batch once the one under way is over; it replaces one that is still waiting.

        A batch of low priority lets others go first, and waits while they keep coming.
        """
        assert queries, self.name
        self.sent += 1
        self._next = QueryBatch(queries, context, low_priority=low_priority)
        if self._now is None or self._withdraw():
            self._begin()

    def forget(self) -> None:
        """Drop the batch under way and the next; their replies are ignored."""
        self._now = self._next = None
        self._open.clear()

    def _withdraw(self) -> bool:
        """Withdraw the batch under way if nothing of it has been sent yet; return whether it was withdrawn."""
        assert self._now is not None
        if len(self._open) < len(self._now.queries) or not self._workers.withdraw(self._open):
            return False
        self._open.clear()
        return True

    def _begin(self) -> None:
        self._now, self._next = self._next, None
        if self._now is None:
            return
        for index, (key, query) in enumerate(self._now.queries.items()):
            name = f"{self.name} {index}" if index else self.name
            args = (query.kind, query.file, query.images, query.outputs, query.inner, self._now.low_priority)
            request = Request(name, *args, callback=self._take)
            self._open[request] = key
            self._workers.send(request)

    def _take(self, reply: Reply) -> None:
        key = self._open.pop(reply.request, None)
        if key is None or self._now is None:
            return
        self._now.replies[key] = reply
        if self._open:
            return
        done = self._now
        self._begin()
        self.received += 1
        self.answered.emit(done)
