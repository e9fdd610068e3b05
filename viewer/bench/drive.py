"""Drives the real window off-screen, one run after another, and measures what a user would wait for."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from viewer.bench import memory
from viewer.bench.folder import BenchRuns
from viewer.bench.pictures import Pictures, TimedWorkers
from viewer.bench.watch import Gap, Watch
from viewer.qt.application import make_application
from viewer.qt.disk import Disk
from viewer.qt.panels.noise import Noise
from viewer.qt.panels.reconstructions import Reconstructions
from viewer.qt.signals import Signals
from viewer.qt.window import make_window
from viewer.state import noise, selection
from viewer.state.pages import Order
from zoo.errors import CheckFailed, Interrupted

LIMIT_SECONDS = 60.0
FRAME_MILLISECONDS = 16  # a drag at 60 Hz
SETTLED_BEATS = 3  # for which nothing may be under way until the window counts as settled
STRIDE = 37  # of single steps over the slider's hundred: far from the last one and never the same
SEED = 0
WHOLE = 5  # pages turned, each once all panels show the one before

Say = Callable[[str], None]


@dataclass(frozen=True)
class DrivePlan:
    """What is done to each run: single steps of the slider, steps of a drag, pages; and where the data sets lie."""

    steps: int
    drag: int
    pages: int
    data: str | None = None


@dataclass
class OfRun:
    """Milliseconds measured on one run; None stands for a wish that never became a picture."""

    name: str
    copy: bool
    opening: float | None = None
    steps: list[float | None] = field(default_factory=list)
    drag: list[float | None] = field(default_factory=list)
    pages: list[float | None] = field(default_factory=list)
    whole: list[float | None] = field(default_factory=list)  # pages, until every panel shows them
    left_out: dict[str, str] = field(default_factory=dict)  # what was not measured → why


@dataclass
class Driven:
    """What was measured of one window."""

    runs: list[OfRun] = field(default_factory=list)
    building_ms: float = 0.0  # of the widgets, before there is a window
    memory_mb: list[float] = field(default_factory=list)  # after each run
    window_mb: float | None = None  # at the end, of the window's own process
    processes: int = 0  # at the end, the window's own among them
    longest_gap_ms: float = 0.0
    gaps: list[Gap] = field(default_factory=list)
    provider: str = ""


def drive(runs: BenchRuns, plan: DrivePlan, say: Say) -> Driven:
    """Open a window on the runs and measure. Raises CheckFailed where the window does not settle, Interrupted."""
    application = make_application()
    signals = Signals()
    stage = _Stage(application, runs, plan, say)
    QTimer.singleShot(0, stage.play)
    try:
        code = application.exec()
        if stage.failure is not None:
            raise stage.failure
        if code:
            raise Interrupted("stopped; nothing was measured to the end", received=code - 128)
    finally:
        stage.close()
        signals.close()
    return stage.driven


def _not(met: Collection[int]) -> Iterator[int]:
    """Return the slider's values that were not met yet, in order and for ever: a worker may remember those met."""
    return cycle([value for value in range(noise.STEPS + 1) if value not in met] or range(noise.STEPS + 1))


class _Stopped(Exception):
    """The event loop was asked to end."""


class _Stage:
    """The window, and who plays with it."""

    def __init__(self, application: QApplication, runs: BenchRuns, plan: DrivePlan, say: Say) -> None:
        self._application, self._runs, self._plan, self._say = application, runs, plan, say
        self.driven = Driven()
        self.failure: Exception | None = None
        self._workers = TimedWorkers()
        begun = time.perf_counter()
        self._window = make_window(self._workers, Disk(), theme="light")
        self._window.images.data = plan.data
        self.driven.building_ms = 1e3 * (time.perf_counter() - begun)
        panels = self._window.panels
        self._noise, self._reconstructions = panels["noise"], panels["reconstructions"]
        self._watch = Watch(self._window)
        self._settled_beats = 0
        self._calm_since = 0.0
        self._chance = np.random.default_rng(SEED)
        self._watch.beat.connect(self._count_settled_beats)

    def close(self) -> None:
        self._watch.stop()
        self._window.close()
        self._window.deleteLater()

    def play(self) -> None:
        """The whole piece; what goes wrong is kept, since Qt would swallow it."""
        try:
            self._play()
        except _Stopped:
            return
        except Exception as error:
            self.failure = error
        self._application.quit()

    def _play(self) -> None:
        self._watch.start()
        self._window.show()
        self._until(lambda: self._window.window_at is not None, "the window's first painting")
        gc.freeze()  # as the viewer does
        self._watch.resume()  # what comes before there is a window is part of the start
        self._phase("opening the folder")
        self._window.open((self._runs.root,), remember=False)
        self._settle()
        for path in self._runs.all:
            self._measure(path)
        self.driven.gaps, self.driven.longest_gap_ms = self._watch.gaps, self._watch.longest
        self.driven.window_mb = memory.held([os.getpid()])
        self.driven.processes = len(memory.family(os.getpid()))
        self.driven.provider = self._workers.ready.provider if self._workers.ready else ""

    def _measure(self, path: Path) -> None:
        run = OfRun("/".join(path.parts[-2:]), copy=path in self._runs.copies)
        self.driven.runs.append(run)
        self._say(f"{len(self.driven.runs)} of {len(self._runs.all)}: {run.name}")
        run.opening = self._open(path, run.name)
        if not run.copy:
            self._slide(run)
            self._turn_pages(run)
        self._weigh()

    def _open(self, path: Path, name: str) -> float | None:
        """Select a run and return the milliseconds to its picture; None where it was selected already, or has none."""
        self._phase(f"selecting {name}")
        self._window.go_to(self._reconstructions)
        assert isinstance(self._reconstructions, Reconstructions)
        pictures = Pictures(self._reconstructions.view, self._reconstructions.requester, self._workers, self._window)
        begun = time.perf_counter()
        self._window.store.set_selected((path,), path)
        self._settle()
        pictures.close()
        return pictures.milliseconds_from(begun)

    def _slide(self, run: OfRun) -> None:
        """Move the slider in single steps, each once the one before is shown, and then in a drag."""
        assert isinstance(self._noise, Noise)
        slider, view = self._noise.slider, self._noise.view
        self._window.go_to(self._noise)
        self._settle()
        if not slider.isEnabled():
            run.left_out["slider"] = view.sentence or "its noise slider is off"
            return
        pictures = Pictures(view, self._noise.requester, self._workers, self._window)
        self._phase(f"single steps of the slider, {run.name}")
        met = {0}
        for _ in range(self._plan.steps):
            moved = time.perf_counter()
            slider.setValue((slider.value() + STRIDE) % (noise.STEPS + 1))
            met.add(slider.value())
            self._shown(pictures, moved)
            run.steps.append(pictures.milliseconds_from(moved))
        self._phase(f"dragging the slider, {run.name}")
        slider.setValue(0)
        self._settle()
        moves = self._drag(list(islice(_not(met), self._plan.drag)))
        self._settle()
        run.drag = [pictures.milliseconds_from(moved) for moved in moves]
        pictures.close()

    def _drag(self, values: Sequence[int]) -> list[float]:
        """Move the slider once a frame; return when."""
        assert isinstance(self._noise, Noise)
        slider, left, moves = self._noise.slider, list(values), list[float]()

        def move() -> None:
            moves.append(time.perf_counter())
            slider.setValue(left.pop(0))
            if not left:
                timer.stop()

        timer = QTimer(self._window, interval=FRAME_MILLISECONDS, timerType=Qt.TimerType.PreciseTimer)
        timer.timeout.connect(move)
        timer.start()
        self._until(lambda: not left, "the drag")
        timer.deleteLater()
        return moves

    def _turn_pages(self, run: OfRun) -> None:
        """Page through the test split, after a first page that has it read."""
        assert isinstance(self._reconstructions, Reconstructions)
        self._window.go_to(self._reconstructions)
        self._phase(f"reading the test split, {run.name}")
        self._window.images.turn(1)
        self._settle()
        pictures = Pictures(self._reconstructions.view, self._reconstructions.requester, self._workers, self._window)
        self._phase(f"turning pages, {run.name}")
        for _ in range(self._plan.pages):
            turned = self._turn()
            self._shown(pictures, turned)
            run.pages.append(pictures.milliseconds_from(turned))
        pictures.close()
        self._settle()
        for _ in range(WHOLE):
            turned = self._turn()
            self._settle()
            run.whole.append(1e3 * (self._calm_since - turned))
        self._window.images.show_in_order()
        if all(each is None for each in run.pages):
            run.pages, run.whole = [], []
            run.left_out["pages"] = "its pages show no other pictures"

    def _turn(self) -> float:
        """Go on to the next page; return when. At its end the split is shuffled: a worker remembers pages."""
        store, turned = self._window.store, time.perf_counter()
        before, rows = store.state.start, selection.rows_of(store.state)
        self._window.images.turn(1)
        if store.state.start == before and rows is not None:
            store.set_start(0, Order(self._chance.permutation(len(rows)), "shuffled"))
        return turned

    def _weigh(self) -> None:
        """Measure memory, which takes some milliseconds of the GUI thread that are the benchmark's own."""
        self._watch.pause()
        mb = memory.held(memory.family(os.getpid()))
        if mb is not None:
            self.driven.memory_mb.append(mb)
        self._watch.resume()

    # ---- waiting ----

    def _phase(self, phase: str) -> None:
        self._watch.phase = phase

    def _count_settled_beats(self) -> None:
        self._settled_beats = self._settled_beats + 1 if self._window.settled else 0
        if self._settled_beats == 1:
            self._calm_since = time.perf_counter()

    def _settle(self) -> None:
        """Wait until nothing is under way, and some beats longer for what that has painted."""
        self._settled_beats = 0
        self._until(lambda: self._settled_beats >= SETTLED_BEATS, self._watch.phase)

    def _shown(self, pictures: Pictures, wished: float) -> None:
        """Wait until a wish is a picture, or will be none."""
        self._settled_beats = 0
        self._until(
            lambda: pictures.milliseconds_from(wished) is not None or self._settled_beats >= SETTLED_BEATS,
            self._watch.phase,
        )

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        """Let the event loop run until something holds."""
        loop, late = QEventLoop(), time.perf_counter() + LIMIT_SECONDS

        def look() -> None:
            if holds() or time.perf_counter() > late:
                loop.quit()

        self._watch.beat.connect(look)
        loop.exec()
        self._watch.beat.disconnect(look)
        if holds():
            return
        if time.perf_counter() > late:
            raise CheckFailed(f"{what}: the window was not done within {LIMIT_SECONDS:g} s; see above, and try again")
        raise _Stopped
