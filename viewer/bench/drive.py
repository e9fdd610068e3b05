"""Drives the real window off-screen, one run after another, and measures what a user would wait for."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, Qt, QTimer

import viewer
from viewer.qt.application import Signals, make_application
from viewer.qt.disk import Disk
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.noise import Noise
from viewer.qt.panels.reconstructions import Reconstructions
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.worker import Workers
from viewer.state import noise, selection
from viewer.state.pages import Order
from zoo.errors import CheckFailed, Interrupted

LIMIT_SECONDS = 60.0
BEAT_MILLISECONDS = 5
STALL_MILLISECONDS = 20.0  # between two beats, from which on it is kept
SETTLED_BEATS = 3  # for which nothing may be under way until the window counts as settled
STRIDE = 37  # of the slider's steps over its hundred: far from the last one and never the same

Milliseconds = float | None  # None stands for a wish that never became a picture
Start = tuple[float, Milliseconds]  # from the start of a process to its window, and to its first picture


@dataclass
class OfRun:
    """What was measured on one run; `left_out` says what was not, and why."""

    name: str
    copy: bool
    opening: Milliseconds = None
    steps: list[Milliseconds] = field(default_factory=list)
    pages: list[Milliseconds] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass
class Driven:
    """What was measured of one window; a stall is a time in which it could not answer, and what was done then."""

    runs: list[OfRun] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)  # after each run
    stalls: list[tuple[float, str]] = field(default_factory=list)
    provider: str = ""


def start(runs: Path, picture: Path) -> Start:
    """Start the viewer on a folder in a fresh process and hear its times. Raises CheckFailed."""
    command = [sys.executable, "-P", "-m", "viewer", "--runs", str(runs), "--screenshot", str(picture), "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    root = Path(viewer.__file__).parents[1]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, cwd=root, env=environment, timeout=LIMIT_SECONDS, check=True
        )
        times = json.loads(done.stdout)
        return times["window_ms"], times["first_picture_ms"]
    except (subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        sentence = f"the viewer reported no times within {LIMIT_SECONDS:g} s; see above, or try `aezoo view --timing`"
        raise CheckFailed(sentence) from error


def drive(
    originals: list[Path],
    copies: list[Path],
    steps: int,
    pages: int,
    data: str | None,
    say: Callable[[str], None],
) -> Driven:
    """Open a window on the runs and measure. Raises CheckFailed where the window does not settle, Interrupted."""
    make_application()
    signals, stage = Signals(), _Stage(data)
    try:
        stage.play(originals, copies, steps, pages, say)
    finally:
        stage.close()
        signals.close()
    return stage.driven


class _Stage:
    """The window, who plays with it, and a heartbeat, whose gaps are times without an answer."""

    def __init__(self, data: str | None) -> None:
        self.driven = Driven()
        self._workers = Workers()
        self._window = MainWindow(self._workers, Disk(), theme="light")
        self._window.images.data = data
        self._chance = np.random.default_rng(0)
        self._phase = ""
        self._settled_beats = 0
        self._last: float | None = None  # beat; None while gaps do not count
        self._beat = QTimer(self._window, interval=BEAT_MILLISECONDS, timerType=Qt.TimerType.PreciseTimer)
        self._beat.timeout.connect(self._count)

    def close(self) -> None:
        self._beat.stop()
        self._window.close()
        self._window.deleteLater()

    def _count(self) -> None:
        now, before = time.perf_counter(), self._last
        if before is not None:
            self._last = now
            if 1e3 * (now - before) > STALL_MILLISECONDS:
                self.driven.stalls.append((1e3 * (now - before), self._phase))
        self._settled_beats = self._settled_beats + 1 if self._window.settled else 0

    def play(
        self, originals: list[Path], copies: list[Path], steps: int, pages: int, say: Callable[[str], None]
    ) -> None:
        """Open the runs, and measure one after another."""
        window, paths = self._window, [*originals, *copies]
        self._beat.start()
        window.show()
        self._until(lambda: window.window_at is not None)
        gc.freeze()  # as the viewer does
        self._last, self._phase = time.perf_counter(), "opening the runs"
        window.open((paths[0].parents[2],), remember=False)
        self._settle()
        for number, path in enumerate(paths, start=1):
            run = OfRun("/".join(path.parts[-2:]), copy=path in copies)
            self.driven.runs.append(run)
            say(f"{number} of {len(paths)}: {run.name}")
            self._open(run, path)
            if not run.copy:
                self._slide(run, steps)
                self._turn_pages(run, pages)
            self._weigh()
        self.driven.provider = self._workers.ready.provider if self._workers.ready else ""

    def _open(self, run: OfRun, path: Path) -> None:
        """Select a run; it has no time where it was selected already, or has no picture."""
        panel = self._window.panels["reconstructions"]
        assert isinstance(panel, Reconstructions)
        self._phase = f"selecting {run.name}"
        self._window.go_to(panel)
        run.opening = self._time(panel.view, lambda: self._window.store.set_selected((path,), path))
        self._settle()

    def _slide(self, run: OfRun, steps: int) -> None:
        """Move the slider, each time once the picture before is shown."""
        panel = self._window.panels["noise"]
        assert isinstance(panel, Noise)
        self._window.go_to(panel)
        self._settle()
        self._phase, slider = f"moving the slider, {run.name}", panel.slider
        if not slider.isEnabled():
            run.left_out["slider"] = panel.view.sentence or "its noise slider is off"
            return
        for _ in range(steps):
            value = (slider.value() + STRIDE) % (noise.STEPS + 1)
            run.steps.append(self._time(panel.view, lambda value=value: slider.setValue(value)))  # type: ignore[misc]

    def _turn_pages(self, run: OfRun, pages: int) -> None:
        """Page through the test split, after a first page that has it read."""
        panel = self._window.panels["reconstructions"]
        assert isinstance(panel, Reconstructions)
        self._window.go_to(panel)
        self._phase = f"reading the test split, {run.name}"
        self._window.images.turn(1)
        self._settle()
        self._phase = f"turning pages, {run.name}"
        run.pages = [self._time(panel.view, self._turn) for _ in range(pages)]
        self._settle()
        self._window.images.show_in_order()
        if all(each is None for each in run.pages):
            run.pages = []
            run.left_out["pages"] = "its pages show no other pictures"

    def _turn(self) -> None:
        """Go on to the next page. At its end the split is shuffled: a worker remembers pages."""
        store = self._window.store
        before, rows = store.state.start, selection.rows_of(store.state)
        self._window.images.turn(1)
        if store.state.start == before and rows is not None:
            store.set_start(0, Order(self._chance.permutation(len(rows)), "shuffled"))

    def _weigh(self) -> None:
        """Measure memory, which takes some milliseconds of the GUI thread that are the benchmark's own."""
        self._last = None
        with suppress(OSError):  # this system does not report what processes share
            self.driven.memory_mb.append(held(family(os.getpid())))
        self._last = time.perf_counter()

    # ---- waiting ----

    def _time(self, view: FigureView, do: Callable[[], object]) -> Milliseconds:
        """Do something, and return the milliseconds until the view has painted another figure; None if it does not."""
        before, painted = view.figure, list[float]()

        def note() -> None:
            if view.figure is not before:
                painted.append(time.perf_counter())

        view.pictured.connect(note)
        begun = time.perf_counter()
        do()
        self._settled_beats = 0
        self._until(lambda: bool(painted) or self._settled_beats >= SETTLED_BEATS)
        view.pictured.disconnect(note)
        return 1e3 * (painted[0] - begun) if painted else None

    def _settle(self) -> None:
        """Wait until nothing is under way, and some beats longer for what that has painted."""
        self._settled_beats = 0
        self._until(lambda: self._settled_beats >= SETTLED_BEATS)

    def _until(self, holds: Callable[[], bool]) -> None:
        """Let the event loop run until something holds."""
        loop, late = QEventLoop(), time.perf_counter() + LIMIT_SECONDS
        look = self._beat.timeout.connect(lambda: loop.quit() if holds() or time.perf_counter() > late else None)
        code = loop.exec()
        self._beat.timeout.disconnect(look)
        if code:
            raise Interrupted("stopped; nothing was measured to the end", received=code - 128)
        if not holds():
            raise CheckFailed(f"{self._phase}: the window was not done within {LIMIT_SECONDS:g} s; try again")


def family(process_id: int) -> list[int]:
    """Return a process and all its descendants."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [process_id]
    for each in found:  # grows while it is walked
        found += [child for child, parent in parents.items() if parent == each]
    return found


def held(process_ids: list[int]) -> float:
    """Return the sum of the processes' proportional set sizes in MB (10⁶ bytes). Raises OSError."""
    texts = [Path(f"/proc/{each}/smaps_rollup").read_text() for each in process_ids]
    return sum(int(text.partition("\nPss:")[2].split()[0]) for text in texts) * 1024 / 1e6
