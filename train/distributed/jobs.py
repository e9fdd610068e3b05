"""`--jobs N`: several recipes at once, each in a process that keeps to its share of the cores.

Processes share nothing but the run folders, and each draws its own numbers from its own seeds: what a recipe becomes
does not depend on what is trained beside it. A process that is killed takes only its own recipe with it, which is
resumed once from its last checkpoint.
"""

import contextlib
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from train.interrupts import Interrupt
from train.one import Outcome, train_one
from train.options import Options, share_of_cores
from train.progress import Progress
from zoo import json_lines, registry
from zoo.errors import AezooError, Interrupted
from zoo.recipe import Recipe

_SECONDS_BETWEEN_LOOKS = 0.2  # at the interrupt


@dataclass(frozen=True)
class TrainRequest:
    """Ask a worker to train a recipe."""

    name: str
    options: Options


@dataclass(frozen=True)
class ProgressCall:
    """A call of one of Progress's methods in a worker, to be repeated in the process that shows the bars."""

    method: str
    arguments: list[Any]
    keywords: dict[str, Any]

    def repeat(self, progress: Progress) -> None:
        getattr(progress, self.method)(*self.arguments, **self.keywords)


_MESSAGES: tuple[type[ProgressCall | Outcome], ...] = (ProgressCall, Outcome)


class Remote(Progress):
    """The progress of a training in a worker: its calls, save those at every batch, go to the process that shows it."""

    def __init__(self, send: Callable[[ProgressCall], None]) -> None:
        super().__init__(quiet=True)

        def sent(method: str) -> Callable[..., None]:
            return lambda *arguments, **keywords: send(ProgressCall(method, list(arguments), keywords))

        for method in ("begin", "epoch", "measuring", "exporting", "drop", "say", "warn"):
            setattr(self, method, sent(method))


def serve(threads: int) -> None:
    """Train what is requested on stdin, until it ends. Ctrl-C is the command's to handle: it sends SIGTERM."""
    interrupt = Interrupt()
    signal.signal(signal.SIGTERM, interrupt.receive)
    send = json_lines.sender()
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        for line in sys.stdin:
            request = json_lines.decode(line, TrainRequest)
            torch.set_num_threads(threads)  # whatever the training before left
            send(outcome_of(request.name, request.options, interrupt, Remote(send)))


def outcome_of(name: str, options: Options, interrupt: Interrupt, progress: Progress) -> Outcome:
    try:
        registry.read_files(options.files)
        return train_one(registry.load(name), options, interrupt, progress)
    except AezooError as error:
        return Outcome(name, error=str(error), code=error.exit_code, interrupted=isinstance(error, Interrupted))


@dataclass
class _Worker:
    process: subprocess.Popen[str]
    progress: Progress
    name: str | None = None


_Inbox = queue.SimpleQueue[tuple[_Worker, ProgressCall | Outcome | None]]  # None: the worker has ended


def train_all(
    recipes: Sequence[Recipe], each: Mapping[str, Options], jobs: int, interrupt: Interrupt, progress: Progress
) -> Iterator[Outcome]:
    """Train so many recipes at once, one that needs another after it; yield how each ended, as it ends.

    After an interrupt those that run save and end; of the others there is no outcome.
    """
    waiting = {recipe.name: recipe for recipe in recipes}
    again: set[str] = set()
    workers: list[_Worker] = []
    inbox: _Inbox = queue.SimpleQueue()
    stopping = False
    try:
        while True:
            if interrupt.received is None:
                _hand_out(waiting, workers, each, jobs, progress, inbox)
            elif not stopping:
                stopping = True
                for worker in workers:
                    worker.process.terminate()
            if all(worker.name is None for worker in workers):
                return
            try:
                worker, message = inbox.get(timeout=_SECONDS_BETWEEN_LOOKS)
            except queue.Empty:
                continue
            if isinstance(message, ProgressCall):
                message.repeat(worker.progress)
                continue
            if message is None and worker.name is None:  # it had nothing to do, and nothing is lost
                workers.remove(worker)
                continue
            outcome = message or _lost(worker)
            worker.progress.drop()
            if message is None:
                workers.remove(worker)
                if worker.name not in again and interrupt.received is None:
                    again.add(outcome.name)
                    waiting[outcome.name] = registry.load(outcome.name)
                    progress.warn(f"{outcome.error}; it is resumed once")
                    continue
            worker.name = None
            yield outcome
    finally:
        _end(workers)


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
    inbox: _Inbox,
) -> None:
    for name in ready(waiting, {worker.name for worker in workers}):
        worker = next((worker for worker in workers if worker.name is None), None)
        if worker is None:
            if len(workers) == jobs:
                return
            worker = _Worker(json_lines.start(__name__, str(share_of_cores(jobs))), progress.beside())
            threading.Thread(target=_listen, args=(worker, inbox), daemon=True).start()
            workers.append(worker)
        worker.name = name
        del waiting[name]
        assert worker.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: the inbox will say so
            worker.process.stdin.write(json_lines.encode(TrainRequest(name, each[name])))
            worker.process.stdin.flush()


def _listen(worker: _Worker, inbox: _Inbox) -> None:
    assert worker.process.stdout is not None
    with worker.process.stdout as messages:
        for line in messages:
            inbox.put((worker, json_lines.decode(line, *_MESSAGES)))
    inbox.put((worker, None))


def _lost(worker: _Worker) -> Outcome:
    """Return the outcome of a recipe whose worker has ended without one."""
    code = worker.process.wait()
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    assert worker.name is not None, code
    return Outcome(worker.name, error=f"the process that trained {worker.name} {how}", code=1)


def _end(workers: Sequence[_Worker]) -> None:
    """Let the workers end, and kill those that do not within seconds."""
    for worker in workers:
        assert worker.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            worker.process.stdin.close()
    for worker in workers:
        try:
            worker.process.wait(5)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
