"""Chooses how many threads take an epoch's steps, by timing real ones: another process may want a core."""

from collections.abc import Iterator

MIN_SECONDS = 0.015  # that a number of threads is timed


class ThreadTimer:
    """Each epoch begins with all threads, then half of them, then one, and goes on with the fastest.

    `threads` is how many to use now; `took` is told how long some images took with them.
    """

    def __init__(self, most: int) -> None:
        self._candidates = sorted({most, max(1, most // 2), 1}, reverse=True)
        self.begin_epoch()

    def begin_epoch(self) -> None:
        self._rates: dict[int, float] = {}
        self._left: Iterator[int] = iter(self._candidates)
        self.threads = next(self._left)
        self._images, self._seconds = 0, 0.0

    def took(self, images: int, seconds: float) -> None:
        if len(self._rates) == len(self._candidates):
            return
        self._images, self._seconds = self._images + images, self._seconds + seconds
        if self._seconds < MIN_SECONDS:
            return
        self._rates[self.threads] = self._images / self._seconds
        self._images, self._seconds = 0, 0.0
        self.threads = next(self._left, max(self._rates, key=self._rates.__getitem__))
