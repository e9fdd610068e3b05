"""`--jobs N`: several recipes at once, each in a process that keeps to its share of the cores.

Processes share nothing but the run folders, and each draws its own numbers from its own seeds: what a recipe becomes
does not depend on what is trained beside it. A process that is killed takes only its own recipe with it, which is taken
up once more from its last checkpoint.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

import torch

from train.interrupts import Interrupt
from train.one import train_one
from train.options import Options
from train.progress import Progress
from train.report import as_json, as_text
from zoo import checkpoints, registry
from zoo.errors import AezooError, Interrupted
from zoo.recipe import Recipe
from zoo.runs import RunFolder

_PATIENCE = 0.2  # seconds between two looks at the interrupt


@dataclass(frozen=True)
class Outcome:
    """How one recipe ended: its report, or the sentence that says why there is none."""

    name: str
    report: dict[str, Any] | None = None
    text: str = ""
    error: str = ""
    code: int = 0
    interrupted: bool = False


def share_of_cores(jobs: int) -> int:
    """Return the threads that each of so many processes may use."""
    return max(1, (os.cpu_count() or 1) // jobs)


# ---- in the process ------------------------------------------------------------------------------------------


class Remote(Progress):
    """Passes on what a training tells to the process that shows it."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__(quiet=True)
        self._pipe = pipe

    def _pass_on(self, what: str, *words: Any, **more: Any) -> None:
        self._pipe.send((what, words, more))

    def begin(self, name: str, *, epochs: int, done: int, steps: int) -> None:
        self._pass_on("begin", name, epochs=epochs, done=done, steps=steps)

    def step(self, count: int = 1) -> None:
        """Not told of every batch: an epoch is told when it is done."""

    def epoch(self, epoch: int, train_loss: float, val_loss: float) -> None:
        self._pass_on("epoch", epoch, train_loss, val_loss)

    def measuring(self) -> None:
        self._pass_on("measuring")

    def exporting(self) -> None:
        self._pass_on("exporting")

    def end(self) -> None:
        self._pass_on("end")

    def say(self, line: str) -> None:
        self._pass_on("say", line)

    def warn(self, line: str) -> None:
        self._pass_on("warn", line)


def serve(pipe: Connection, threads: int) -> None:
    """Train what the pipe names, until it is shut. Ctrl-C is the parent's to handle: it sends SIGTERM."""
    interrupt = Interrupt()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, interrupt.receive)
    torch.set_num_threads(threads)
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            name, options = pipe.recv()
            pipe.send(("outcome", (_outcome(name, options, interrupt, Remote(pipe)),), {}))


def _outcome(name: str, options: Options, interrupt: Interrupt, progress: Progress) -> Outcome:
    try:
        result, graphs = train_one(registry.load(name), options, interrupt, progress)
    except AezooError as error:
        return Outcome(name, error=str(error), code=error.exit_code, interrupted=isinstance(error, Interrupted))
    return Outcome(name, report={**as_json(result), "export": graphs}, text=as_text(result))


# ---- in the command ------------------------------------------------------------------------------------------


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    progress: Progress
    name: str | None = None


def train_all(
    recipes: Sequence[Recipe], each: Mapping[str, Options], jobs: int, interrupt: Interrupt, progress: Progress
) -> Iterator[Outcome]:
    """Train so many recipes at once, one that needs another after it; yield how each ended, as it ends.

    After an interrupt those that run save and end; what was not begun is not told of.
    """
    waiting = {recipe.name: recipe for recipe in recipes}
    again: set[str] = set()
    workers: list[_Worker] = []
    told = False
    try:
        while True:
            if interrupt.received is None:
                _hand_out(waiting, workers, each, again, jobs, progress)
            elif not told:
                told = True
                for worker in workers:
                    worker.process.terminate()
            busy = [worker for worker in workers if worker.name is not None]
            if not busy:
                return
            for pipe in wait([worker.pipe for worker in busy], timeout=_PATIENCE):
                worker = next(worker for worker in busy if worker.pipe is pipe)
                outcome = _heard(worker)
                if outcome is not None and outcome.code < 0:  # the process is gone
                    workers.remove(worker)
                    if outcome.name not in again and interrupt.received is None:
                        again.add(outcome.name)
                        waiting[outcome.name] = registry.load(outcome.name)
                        progress.warn(f"{outcome.error}; it is taken up again")
                        continue
                if outcome is not None:
                    yield outcome
    finally:
        for worker in workers:
            worker.pipe.close()
        for worker in workers:
            worker.process.join(5)
            worker.process.kill()


def _hand_out(
    waiting: dict[str, Recipe],
    workers: list[_Worker],
    each: Mapping[str, Options],
    again: set[str],
    jobs: int,
    progress: Progress,
) -> None:
    running = {worker.name for worker in workers}
    ready = [
        name for name, recipe in waiting.items() if not any(need in waiting or need in running for need in recipe.needs)
    ]
    for name in ready:
        worker = next((worker for worker in workers if worker.name is None), None)
        if worker is None:
            if len(workers) == jobs:
                return
            worker = _start(share_of_cores(jobs), progress)
            workers.append(worker)
        options = each[name]
        if name in again:
            begun = checkpoints.newest(RunFolder.of(options.runs, name))[0] is not None
            options = replace(options, resume=begun, overwrite=options.overwrite and not begun)
        worker.name = name
        del waiting[name]
        with contextlib.suppress(BrokenPipeError):  # it is gone: heard of at the next look
            worker.pipe.send((name, options))


def _start(threads: int, progress: Progress) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, threads), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours, progress.beside())


def _heard(worker: _Worker) -> Outcome | None:
    """Show what a process tells; return its outcome where it has one. A code below zero: the process is gone."""
    assert worker.name is not None
    try:
        what, words, more = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return Outcome(worker.name, error=f"the process that trained {worker.name} {how}", code=-1)
    if what == "outcome":
        worker.name = None
        worker.progress.drop()
        outcome: Outcome = words[0]
        return outcome
    getattr(worker.progress, what)(*words, **more)
    return None
