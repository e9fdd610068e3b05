"""Ctrl-C and SIGTERM as a question that the loop asks between two batches."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from zoo.errors import AezooError


class Interrupted(AezooError):
    """The user, or the system, asked the training to stop; what was done is saved."""

    def __init__(self, message: str, received: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + received  # as a shell reports a program that a signal ended


class Interrupt:
    """Remembers the first signal; a second Ctrl-C acts at once."""

    def __init__(self) -> None:
        self.received: int | None = None

    def receive(self, number: int, _: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number


@contextlib.contextmanager
def watch() -> Iterator[Interrupt]:
    """Catch SIGINT and SIGTERM inside the block."""
    interrupt = Interrupt()
    previous = {number: signal.signal(number, interrupt.receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
