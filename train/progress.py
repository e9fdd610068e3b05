"""What the user sees on stderr while a run is trained: a bar with an ETA, or plain lines where there is no terminal."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from rich import progress as rich
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

SECONDS_BETWEEN_LINES = 10.0
# Columns of the terminal from which on there is room for these.
LOSSES, SPEED, BAR = 60, 78, 116


class Progress:
    """Shows on stderr how far a training is; prints nothing but warnings when `quiet`."""

    def __init__(self, *, quiet: bool, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._bars = _FittingBars(self._console, disable=quiet or not self._console.is_terminal)
        self._task: rich.TaskID | None = None
        self._phase = ""
        self._last_line = 0.0

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def beside(self) -> Progress:
        """Return another progress for a training that runs beside: its own bar below, the same screen."""
        other = copy.copy(self)
        other._task = None
        return other

    def drop(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None

    def begin(self, name: str, *, epochs: int, done: int, steps: int, images: int) -> None:
        """Start the bar of a run of `epochs` epochs, each of so many steps and images; `done` epochs are behind us."""
        self.drop()  # of a training that begins once more after a kill
        self._name, self._epochs, self._steps, self._first = name, epochs, steps, done
        self._began = self._last_line = time.monotonic()
        self._phase = ""
        self._add(f"{done}/{epochs}", epochs * steps, completed=done * steps, images=images / steps)
        if done:
            self.say(f"{name}: resumed after epoch {done} of {epochs}")

    def step(self, count: int = 1) -> None:
        """So many batches were taken."""
        if self._task is not None:
            self._bars.advance(self._task, count)

    def epoch(self, epoch: int, train_loss: float, val_loss: float) -> None:
        """One epoch is done and saved."""
        losses = f"train {train_loss:.4g} val {val_loss:.4g}"
        if self._task is not None:
            done, phase = epoch * self._steps, f"{epoch}/{self._epochs}"
            self._bars.update(self._task, phase=phase, losses=losses, completed=done)
        now = time.monotonic()
        due = now - self._last_line > SECONDS_BETWEEN_LINES or epoch == self._epochs
        if due and not self._quiet and not self._console.is_terminal:
            self._last_line = now
            left = (now - self._began) / (epoch - self._first) * (self._epochs - epoch)
            self.say(f"{self._name}: epoch {epoch} of {self._epochs}  {losses}  ETA {timedelta(seconds=round(left))}")

    def measuring(self, done: int = 0, total: int | None = None) -> None:
        """The epochs are done; `done` of `total` parts (the model and each baseline) are measured."""
        self._show("measuring", done, total)

    def exporting(self) -> None:
        self._show("exporting", 0, None)

    def _show(self, phase: str, done: int, total: int | None) -> None:
        """Show a phase after the epochs on a bar of its own."""
        if self._phase != phase:
            self.drop()
            self._phase = phase
            self._add(phase, total)
        if self._task is not None:
            self._bars.update(self._task, completed=done, total=total)

    def _add(self, phase: str, total: int | None, *, completed: int = 0, images: float = 0.0) -> None:
        fields: dict[str, Any] = {"phase": phase, "losses": "", "images": images}
        self._task = self._bars.add_task(self._name, total=total, completed=completed, **fields)

    def print_result(self, text: str) -> None:
        """Print on stdout without tearing the bars."""
        self.drop()
        self._bars.refresh()
        print(text, flush=True)

    def say(self, line: str) -> None:
        """Print a line on stderr."""
        if not self._quiet:
            self._console.print(line, markup=False, soft_wrap=True)

    def warn(self, line: str) -> None:
        """Print what the user must know even when quiet."""
        self._bars.console.print(f"aezoo: warning: {line}", markup=False, soft_wrap=True)
        sys.stderr.flush()


class _FittingBars(rich.Progress):
    """Bars with as many columns as the terminal has room for: percent and ETA always, and the name cut short."""

    def __init__(self, console: Console, *, disable: bool) -> None:
        self._terminal = console  # before the base class, which draws at once
        super().__init__(console=console, disable=disable, expand=True)

    def make_tasks_table(self, tasks: Iterable[rich.Task]) -> Table:
        self.columns = _columns(self._terminal.width)
        return super().make_tasks_table(tasks)


def _columns(width: int) -> tuple[rich.ProgressColumn, ...]:
    flexible = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    name = rich.TextColumn("{task.description}", markup=False, table_column=None if width >= BAR else flexible)
    return (
        name,
        rich.TextColumn("{task.fields[phase]}"),
        *([rich.BarColumn(bar_width=None, table_column=flexible)] if width >= BAR else []),
        rich.TaskProgressColumn(),
        *([rich.TextColumn("{task.fields[losses]}")] if width >= LOSSES else []),
        *([_Speed()] if width >= SPEED else []),
        *([rich.TimeElapsedColumn()] if width >= BAR else []),
        rich.TextColumn("ETA"),
        rich.TimeRemainingColumn(),
    )


class _Speed(rich.ProgressColumn):
    """Images a second, of the last steps."""

    def render(self, task: rich.Task) -> Text:
        speed = (task.finished_speed or task.speed or 0.0) * float(task.fields["images"])
        return Text(f"{speed:,.0f} images/s" if speed else "")
