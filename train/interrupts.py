"""Ctrl-C and SIGTERM: remembered for the loop, which looks between two batches, or acted on at once."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from zoo.errors import Interrupted

_ACKNOWLEDGED = b"\naezoo: stopping; another Ctrl-C stops at once\n"


class Interrupt:
    """Remembers the first signal; the next Ctrl-C acts at once, unless signals come `repeated`, as from torchrun."""

    def __init__(self, *, repeated: bool = False, acknowledges: bool = False) -> None:
        self.received: int | None = None
        self._repeated, self._acknowledges = repeated, acknowledges
        self._acts_at_once = False

    def receive(self, number: int, _: FrameType | None) -> None:
        again = self.received is not None
        if not again:
            self.received = number
        if self._acknowledges and not again:
            os.write(2, _ACKNOWLEDGED)  # print may be the very thing that was interrupted
        if self._acts_at_once or (again and not self._repeated):
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def at_once(self, sentence: str) -> Iterator[None]:
        """Let a signal end the block wherever it is, as Interrupted with this sentence."""
        self._acts_at_once = True
        try:
            if self.received is not None:
                raise KeyboardInterrupt
            yield
        except KeyboardInterrupt:
            if self.received is None:
                raise
            raise Interrupted(sentence, received=self.received) from None
        finally:
            self._acts_at_once = False


@contextlib.contextmanager
def watch(*, repeated: bool = False) -> Iterator[Interrupt]:
    """Catch SIGINT and SIGTERM inside the block."""
    interrupt = Interrupt(repeated=repeated, acknowledges=os.environ.get("LOCAL_RANK", "0") == "0")
    previous = {number: signal.signal(number, interrupt.receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
