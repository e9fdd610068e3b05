"""Several recipes at once: the same results as alone, and a killed process loses nothing."""

from __future__ import annotations

import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from train import loop
from train.distributed import jobs
from train.distributed.jobs import ProgressCall, Remote, TrainRequest, outcome_of, ready
from train.engine.probe import Choice
from train.engine.steps import ComputeConfig
from train.interrupts import Interrupt
from train.one import Outcome
from train.options import Options, share_of_cores
from train.progress import Progress
from train.setup import TrainingSetup
from zoo import json_lines, registry
from zoo.errors import DataError, RunError
from zoo.recipe import Recipe
from zoo.runs import RunFolder, find_runs

THREADS = str(share_of_cores(2))


def start(runs: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "train", *arguments, "--data", "sample", "--device", "cpu", "--no-export"]
    environment = {**os.environ, "OMP_NUM_THREADS": THREADS, "PYTHONPATH": str(Path(__file__).parents[2])}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*command, "--runs", str(runs)], env=environment, **pipes)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def train_here(runs: Path, name: str, threads: int) -> None:
    """Train quickly in this process, which has loaded torch already, on so many threads."""
    options = Options(data="sample", runs=runs, device="cpu", quick=True, precision="fp32", export=False)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        outcome = outcome_of(name, options, Interrupt(), Progress(quiet=True))
    finally:
        torch.set_num_threads(before)
    assert outcome.report is not None, outcome.error


def losses(runs: Path, name: str) -> list[float]:
    found: list[float] = RunFolder.of(runs, name).read_history().arrays["history/epoch/val_loss"].tolist()
    return found


@pytest.mark.slow
def test_a_grid_of_runs_trains_two_at_once_and_each_as_if_alone(tmp_path: Path) -> None:
    arguments = (
        "purdue/dense",
        "--set",
        "learning_rate=0.001,0.01",
        "--set",
        "seed=1",
        "--quick",
        "--precision",
        "fp32",
    )
    code, out, err = finish(start(tmp_path / "together", *arguments, "--jobs", "2", "--json"))
    assert code == 0, err
    names = {report["name"] for report in json.loads(out)}
    assert names == {f"purdue/dense@learning_rate={rate},seed=1" for rate in (0.001, 0.01)}
    assert {run.path.name for run in find_runs(tmp_path / "together")} == {name.split("/")[1] for name in names}
    meta = RunFolder.of(tmp_path / "together", "purdue/dense@learning_rate=0.01,seed=1").read_history().meta
    assert (meta["recipe"], meta["seed"]) == ("purdue/dense@learning_rate=0.01,seed=1", 1)
    alone = "purdue/dense@learning_rate=0.01,seed=1"
    train_here(tmp_path / "alone", alone, int(THREADS))
    assert losses(tmp_path / "together", alone) == losses(tmp_path / "alone", alone)
    assert len({tuple(losses(tmp_path / "together", name)) for name in names}) == 2


@pytest.mark.slow
def test_a_recipe_waits_for_those_it_needs(tmp_path: Path) -> None:
    arguments = ("hesso/vae-3-10", "purdue/dense", "--quick", "--jobs", "2")
    code, out, err = finish(start(tmp_path, *arguments))
    assert code == 0, err
    assert "hesso/classifier is trained first, since it is needed by hesso/vae-3-10" in err
    assert out.count("epochs,") == 3


def test_a_recipe_is_ready_when_nothing_that_it_needs_waits_or_runs() -> None:
    recipes = {name: registry.load(name) for name in ("hesso/vae-3-10", "purdue/dense")}
    need = registry.load("hesso/classifier")
    assert ready({**recipes, need.name: need}, {None}) == ["purdue/dense", need.name]
    assert ready(recipes, {None, need.name}) == ["purdue/dense"]
    assert ready(recipes, {None}) == ["hesso/vae-3-10", "purdue/dense"]


def children_of(process: subprocess.Popen[str]) -> list[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    workers = [int(child) for child in text.split()]
    return [pid for pid in workers if b"train.distributed.jobs" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def epochs_of(runs: Path, name: str) -> int:
    try:
        return RunFolder.of(runs, name).read_history().epochs
    except Exception:  # not there yet
        return 0


def wait_for_epochs(process: subprocess.Popen[str], runs: Path, names: list[str], epochs: int) -> None:
    end = time.monotonic() + 600
    while any(epochs_of(runs, name) < epochs for name in names):
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in Linux's /proc")
def test_a_killed_process_is_replaced_and_its_recipe_resumed_once(tmp_path: Path) -> None:
    names = [f"purdue/dense@epochs=30,seed={seed}" for seed in (0, 1)]
    process = start(tmp_path, "purdue/dense", "--set", "epochs=30", "--set", "seed=0,1", "--jobs", "2")
    wait_for_epochs(process, tmp_path, names, 2)
    os.kill(children_of(process)[0], signal.SIGKILL)
    code, out, err = finish(process)
    assert code == 0, err
    assert err.count("was killed by signal 9; it is resumed once") == 1
    assert "resumed after epoch" in err
    for name in names:
        assert out.count(f"{name}: 30 epochs") == 1, "nothing lost, nothing trained twice"
        assert epochs_of(tmp_path, name) == 30


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux")
@pytest.mark.slow
def test_sigterm_saves_all_and_one_line_goes_on_with_them(tmp_path: Path) -> None:
    names = [f"purdue/dense@epochs=400,seed={seed}" for seed in (0, 1)]
    process = start(tmp_path, "purdue/dense", "--set", "epochs=400", "--set", "seed=0,1", "--jobs", "2")
    wait_for_epochs(process, tmp_path, names, 2)
    workers = children_of(process)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 128 + signal.SIGTERM
    assert len(workers) == 2 and not any(Path(f"/proc/{pid}").exists() for pid in workers), "no worker is left"
    assert f"aezoo train {names[0]} {names[1]} --resume --data sample --jobs 2" in err
    assert "Traceback" not in err
    assert all(2 <= epochs_of(tmp_path, name) < 400 for name in names)


def test_each_training_of_a_worker_begins_with_its_share_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[tuple[str, int, Options]] = []
    sent: list[Outcome] = []

    def fail_on_one_thread(recipe: Recipe, options: Options, *_: object) -> None:
        threads.append((recipe.name, torch.get_num_threads(), options))
        torch.set_num_threads(1)
        raise DataError("no such data")

    options = Options(runs=tmp_path, after=("a", "b"))
    requests = [json_lines.encode(TrainRequest(name, options)) for name in ("purdue/conv", "purdue/dense@seed=1")]
    monkeypatch.setattr(jobs, "train_one", fail_on_one_thread)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(json_lines, "sender", lambda: sent.append)
    monkeypatch.setattr(sys, "stdin", requests)
    before = torch.get_num_threads()
    try:
        jobs.serve(3)
    finally:
        torch.set_num_threads(before)
    assert threads == [("purdue/conv", 3, options), ("purdue/dense@seed=1", 3, options)]
    assert [(outcome.error, outcome.code) for outcome in sent] == [("no such data", 2)] * 2


def test_what_a_worker_sends_comes_out_as_it_went_in() -> None:
    sent: list[ProgressCall | Outcome] = [Outcome("a", report={"mse": 0.5, "export": None}), Outcome("b", error="c")]
    Remote(sent.append).begin("purdue/conv", epochs=3, done=1, steps=7, images=9)
    assert [json_lines.decode(json_lines.encode(message), *jobs._MESSAGES) for message in sent] == sent
    assert len(sent) == 3


def test_an_error_inside_a_training_leaves_the_worker_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        assert torch.get_num_threads() == 3, "the training was to take three"
        raise RunError("made up")

    begun = torch.get_num_threads()
    chosen = Choice(ComputeConfig("fp32", "nhwc", 3), {})
    monkeypatch.setattr(TrainingSetup, "choose_config", lambda *_: chosen)
    monkeypatch.setattr(loop, "validate", fail)
    options = Options(data="sample", runs=tmp_path, device="cpu", quick=True)
    outcome = outcome_of("purdue/dense", options, Interrupt(), Progress(quiet=True))
    assert (outcome.error, outcome.code) == ("made up", 2)
    assert torch.get_num_threads() == begun


@pytest.mark.slow
def test_resuming_where_there_is_no_run_is_said_by_a_worker_too(tmp_path: Path) -> None:
    words = ("purdue/dense", "--set", "seed=0,1", "--quick", "--resume", "--jobs", "2")
    code, _, err = finish(start(tmp_path, *words))
    assert code == 0, err
    assert err.count("there is nothing to resume in") == 2


def test_settings_that_contradict_are_refused(tmp_path: Path) -> None:
    for arguments, sentence in (
        (("purdue/conv@seed=1", "--set", "seed=2"), "purdue/conv@seed=1 gives seed already"),
        (("purdue/conv", "--set", "epochs=2", "--epochs", "3"), "--epochs and --set epochs=… say the same thing"),
    ):
        code, _, err = finish(start(tmp_path, *arguments))
        assert (code, sentence in err) == (2, True), err
    assert registry.load("purdue/conv").name == "purdue/conv"


class Ended:
    """A process that has ended with a code."""

    def __init__(self, code: int) -> None:
        self.code = code

    def wait(self) -> int:
        return self.code


@pytest.mark.parametrize(
    ("code", "how"), [(-9, "was killed by signal 9"), (3, "ended with exit code 3"), (0, "code 0")]
)
def test_a_worker_that_is_lost_is_reported_with_how_it_ended(code: int, how: str) -> None:
    worker = jobs._Worker(Ended(code), Progress(quiet=True), "purdue/conv")  # type: ignore[arg-type]
    outcome = jobs._lost(worker)
    assert (outcome.name, outcome.report, outcome.code) == ("purdue/conv", None, 1)
    assert outcome.error.startswith("the process that trained purdue/conv ") and outcome.error.endswith(how)


class StandInWorker:
    """A process of which a test says what it does with each request: it answers with messages, or ends."""

    def __init__(self, does: Callable[[StandInWorker, TrainRequest], None], threads: str) -> None:
        self.does, self.threads, self.ended, self.heard = does, threads, False, list[str]()
        self.out: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.stdin, self.stdout = self, self

    def __enter__(self) -> StandInWorker:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[str]:
        return iter(self.out.get, None)

    def say(self, *messages: ProgressCall | Outcome) -> None:
        for message in messages:
            self.out.put(json_lines.encode(message))

    def write(self, line: str) -> None:
        self.does(self, json_lines.decode(line, TrainRequest))

    def flush(self) -> None:
        self.heard.append("flush")

    def end(self) -> None:
        self.ended = True
        self.out.put(None)

    def close(self) -> None:
        self.heard.append("close")
        self.end()

    def terminate(self) -> None:
        self.heard.append("terminate")
        self.say(Outcome(self.heard[0], error="stopped", interrupted=True))

    def kill(self) -> None:
        self.heard.append("kill")

    def wait(self, timeout: float | None = None) -> int:
        if timeout is not None and "stuck" in self.heard:
            raise subprocess.TimeoutExpired("worker", timeout)
        return -9


class JobBars(Progress):
    """Keeps what is shown and said, each by the number of its bar."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.shown: list[tuple[Any, ...]] = []
        self.count = itertools.count(1)
        self.number = 0

    def beside(self) -> Progress:
        other: JobBars = super().beside()  # type: ignore[assignment]
        other.number = next(self.count)
        return other

    def drop(self) -> None:
        self.shown.append((self.number, "drop"))

    def say(self, line: str) -> None:
        self.shown.append((self.number, line))

    def warn(self, line: str) -> None:
        self.shown.append((self.number, line))


def train_fakely(
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    does: Callable[[StandInWorker, TrainRequest], None],
    interrupt: Interrupt | None = None,
    count: int = 2,
) -> tuple[list[Outcome], list[StandInWorker], JobBars]:
    """Train with workers that only a test knows; return how each recipe ended, the workers and what was shown."""
    workers: list[StandInWorker] = []

    def start(module: str, threads: str) -> StandInWorker:
        assert module == "train.distributed.jobs"
        workers.append(StandInWorker(does, threads))
        return workers[-1]

    monkeypatch.setattr(json_lines, "start", start)
    bars, options = JobBars(), {name: Options(seed=number) for number, name in enumerate(names)}
    recipes = [registry.load(name) for name in names]
    found = list(jobs.train_all(recipes, options, count, interrupt or Interrupt(), bars))
    return found, workers, bars


def test_as_many_workers_as_jobs_take_what_is_ready_one_after_the_other_and_end_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["hesso/vae-3-10", "hesso/classifier", "purdue/dense", "purdue/conv"]
    begun: list[str] = []
    running: list[tuple[StandInWorker, TrainRequest]] = []

    def does(worker: StandInWorker, request: TrainRequest) -> None:
        assert request.options == Options(seed=names.index(request.name))
        begun.append(request.name)
        worker.say(ProgressCall("say", [request.name], {}))
        running.append((worker, request))
        if len(running) == 2 or len(begun) == 4:
            for other, asked in running:
                other.say(Outcome(asked.name, report={}))
            running.clear()

    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    found, workers, bars = train_fakely(monkeypatch, names, does)
    assert [worker.threads for worker in workers] == ["4", "4"]
    assert begun[:2] == ["hesso/classifier", "purdue/dense"], "the first of them needs the second"
    assert sorted(begun) == sorted(outcome.name for outcome in found) == sorted(names)
    assert all(outcome.report == {} for outcome in found)
    assert all(worker.ended and worker.heard[-1] == "close" for worker in workers)
    assert {number for number, line in bars.shown} == {1, 2} and bars.shown.count((1, "drop")) >= 1
    assert {line for _, line in bars.shown} == {"drop", *names}


@pytest.mark.parametrize("deaths", [1, 2])
def test_what_a_worker_lost_is_resumed_once_by_another(deaths: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [deaths]

    def does(worker: StandInWorker, request: TrainRequest) -> None:
        if left[0] and request.name == "purdue/dense":
            left[0] -= 1
            worker.end()
        else:
            worker.say(Outcome(request.name, report={}))

    found, workers, bars = train_fakely(monkeypatch, ["purdue/dense", "purdue/conv"], does, count=1)
    lost = "the process that trained purdue/dense was killed by signal 9"
    assert len(workers) == 2, "of which the second goes on"
    assert [line for _, line in bars.shown if line != "drop"] == [f"{lost}; it is resumed once"]
    assert {outcome.name: outcome.error for outcome in found} == {
        "purdue/dense": lost if deaths == 2 else "",
        "purdue/conv": "",
    }


def test_after_an_interrupt_what_runs_is_told_to_end_and_nothing_else_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt = Interrupt()

    def does(worker: StandInWorker, request: TrainRequest) -> None:
        worker.heard.append(request.name)
        if request.name == "purdue/conv":
            worker.heard.append("stuck")
            interrupt.received = signal.SIGTERM

    names = ["purdue/dense", "purdue/conv", "purdue/denoise"]
    found, workers, _ = train_fakely(monkeypatch, names, does, interrupt)
    assert sorted(outcome.name for outcome in found if outcome.interrupted) == ["purdue/conv", "purdue/dense"]
    assert len(found) == len(workers) == 2
    assert workers[0].heard == ["purdue/dense", "flush", "terminate", "close"]
    assert workers[1].heard == ["purdue/conv", "stuck", "flush", "terminate", "close", "kill"], "it did not end in time"


def test_what_is_lost_after_an_interrupt_is_not_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt = Interrupt()

    def does(worker: StandInWorker, request: TrainRequest) -> None:
        interrupt.received = signal.SIGINT
        worker.end()

    monkeypatch.setattr(StandInWorker, "terminate", lambda self: None)
    found, workers, _ = train_fakely(monkeypatch, ["purdue/dense"], does, interrupt)
    assert len(workers) == 1 and [outcome.code for outcome in found] == [1]


def test_a_worker_that_ends_with_nothing_to_do_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first: list[StandInWorker] = []

    def does(worker: StandInWorker, request: TrainRequest) -> None:
        if first:
            first[0].end()
        first.append(worker)
        worker.say(Outcome(request.name, report={}))

    found, workers, bars = train_fakely(monkeypatch, ["purdue/dense", "purdue/conv"], does)
    assert len(workers) == 2 and {outcome.error for outcome in found} == {""} and len(found) == 2
    assert not any("the process that trained" in line for _, line in bars.shown)
