"""What the user sees on stderr while a run is trained: a bar with an ETA, or plain lines where there is no terminal."""

from __future__ import annotations

import copy
import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Tells on stderr how far a training is; says nothing but warnings when `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[losses]}"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._last_line = 0.0

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def beside(self) -> Progress:
        """Return another progress for a training that runs beside: its own bar below, the same screen."""
        other = copy.copy(self)
        other._task = None
        return other

    def drop(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def begin(self, name: str, *, epochs: int, done: int, steps: int) -> None:
        """Start the bar of one run of `epochs` epochs of `steps` batches, `done` of them behind us."""
        self.drop()  # of a training that begins once more after a kill
        self._name, self._epochs, self._steps, self._done = name, epochs, steps, done
        self._began = time.monotonic()
        self._last_line = self._began
        self._first = done
        self._task = self._bar.add_task(self._title(done), total=epochs * steps, completed=done * steps, losses="")
        if done:
            self.say(f"{name}: resumed after epoch {done} of {epochs}")

    def step(self, count: int = 1) -> None:
        """So many batches were taken."""
        if self._task is not None:
            self._bar.advance(self._task, count)

    def epoch(self, epoch: int, train_loss: float, val_loss: float) -> None:
        """One epoch is done and saved."""
        losses = f"train {train_loss:.5f}  val {val_loss:.5f}"
        if self._task is not None:
            completed = epoch * self._steps
            self._bar.update(self._task, description=self._title(epoch), losses=losses, completed=completed)
        now = time.monotonic()
        due = now - self._last_line > SECONDS_BETWEEN_LINES or epoch == self._epochs
        if due and not self._quiet and not self._console.is_terminal:
            self._last_line = now
            left = (now - self._began) / (epoch - self._first) * (self._epochs - epoch)
            self.say(f"{self._name}: epoch {epoch} of {self._epochs}  {losses}  ETA {_clock(left)}")

    def measuring(self) -> None:
        """The epochs are done; metrics and baselines are next."""
        if self._task is not None:
            self._bar.update(self._task, description=f"{self._name}  measuring")

    def exporting(self) -> None:
        if self._task is not None:
            self._bar.update(self._task, description=f"{self._name}  exporting")

    def end(self) -> None:
        """The run is whole."""
        if self._task is not None:
            self._bar.update(self._task, description=self._title(self._epochs))

    def print_result(self, text: str) -> None:
        """Print on stdout without tearing the bar."""
        self.drop()
        self._bar.refresh()
        print(text, flush=True)

    def say(self, line: str) -> None:
        if not self._quiet:
            self._console.print(line, markup=False, soft_wrap=True)

    def warn(self, line: str) -> None:
        """Say what the user must know even when quiet."""
        self._bar.console.print(f"aezoo: warning: {line}", markup=False, soft_wrap=True)
        sys.stderr.flush()

    def _title(self, epoch: int) -> str:
        return f"{self._name}  epoch {epoch}/{self._epochs}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
