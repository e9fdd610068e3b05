"""`--jobs N`: several recipes at once, each in a process that keeps to its share of the cores.

Processes share nothing but the run folders, and each draws its own numbers from its own seeds: what a recipe becomes
does not depend on what is trained beside it. A process that is killed takes only its own recipe with it, which is taken
up once more from its last checkpoint.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

import torch

from train.interrupts import Interrupt
from train.one import Outcome, train_one
from train.options import Options, share_of_cores
from train.progress import Progress
from zoo import registry
from zoo.errors import AezooError, Interrupted
from zoo.recipe import Recipe

_PATIENCE = 0.2  # seconds between two looks at the interrupt


# ---- in the process ------------------------------------------------------------------------------------------


class Remote(Progress):
    """Passes on what a training tells to the process that shows it, as (method, arguments, keywords)."""

    def __init__(self, send: Callable[[tuple[str, tuple[Any, ...], dict[str, Any]]], None]) -> None:
        super().__init__(quiet=True)
        self._send = send

    def _pass_on(self, what: str, *words: Any, **more: Any) -> None:
        self._send((what, words, more))

    def begin(self, name: str, *, epochs: int, done: int, steps: int, images: int) -> None:
        self._pass_on("begin", name, epochs=epochs, done=done, steps=steps, images=images)

    def step(self, count: int = 1) -> None:
        """Not told of every batch: an epoch is told when it is done."""

    def epoch(self, epoch: int, train_loss: float, val_loss: float) -> None:
        self._pass_on("epoch", epoch, train_loss, val_loss)

    def measuring(self, done: int = 0, of: int | None = None) -> None:
        self._pass_on("measuring", done, of)

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
            pipe.send(("outcome", (outcome_of(name, options, interrupt, Remote(pipe.send)),), {}))


def outcome_of(name: str, options: Options, interrupt: Interrupt, progress: Progress) -> Outcome:
    try:
        return train_one(registry.load(name), options, interrupt, progress)
    except AezooError as error:
        return Outcome(name, error=str(error), code=error.exit_code, interrupted=isinstance(error, Interrupted))


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
                _hand_out(waiting, workers, each, jobs, progress)
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


def ready(waiting: Mapping[str, Recipe], running: Collection[str | None]) -> list[str]:
    """Return those that wait for none of the others, and for none that runs."""
    return [
        name for name, recipe in waiting.items() if not any(need in waiting or need in running for need in recipe.needs)
    ]


def _hand_out(
    waiting: dict[str, Recipe],
    workers: list[_Worker],
    each: Mapping[str, Options],
    jobs: int,
    progress: Progress,
) -> None:
    for name in ready(waiting, {worker.name for worker in workers}):
        worker = next((worker for worker in workers if worker.name is None), None)
        if worker is None:
            if len(workers) == jobs:
                return
            worker = _start(share_of_cores(jobs), progress)
            workers.append(worker)
        worker.name = name
        del waiting[name]
        with contextlib.suppress(BrokenPipeError):  # it is gone: heard of at the next look
            worker.pipe.send((name, each[name]))


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
