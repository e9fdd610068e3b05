"""Ctrl-C and SIGTERM as a question that the loop asks between two batches."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


class Interrupt:
    """Remembers the first signal; a second Ctrl-C acts at once, unless `patient`: torchrun repeats what it is sent."""

    def __init__(self, *, patient: bool = False) -> None:
        self.received: int | None = None
        self._patient = patient

    def receive(self, number: int, _: FrameType | None) -> None:
        if self.received is not None and not self._patient:
            raise KeyboardInterrupt
        self.received = number


@contextlib.contextmanager
def watch(*, patient: bool = False) -> Iterator[Interrupt]:
    """Catch SIGINT and SIGTERM inside the block."""
    interrupt = Interrupt(patient=patient)
    previous = {number: signal.signal(number, interrupt.receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
