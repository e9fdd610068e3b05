"""The same sweep on Ray: what a killed worker began is taken up, and nothing is lost or trained twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.train.test_jobs import epochs_of, losses, wait_for_epochs
from train.distributed import ray as cluster
from train.distributed.jobs import ProgressCall
from train.distributed.ray import Resources
from train.interrupts import Interrupt
from train.one import Outcome
from train.options import Options
from train.progress import Progress
from zoo import registry
from zoo.cli import main
from zoo.errors import CheckFailed, DeviceError, UsageError

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'aezoo[cluster]'")
linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in Linux's /proc")


def start(runs: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "train", *arguments, "--data", "sample", "--device", "cpu", "--precision", "fp32"]
    own = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    more = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*command, "--runs", str(runs), "--no-export"], env={**own, **more}, **pipes)


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err


def worker_of(name: str) -> int:
    """Return the process that trains a recipe: Ray writes the task's name over its command line."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if file.read_bytes().rstrip(b"\0 ") == f"ray::{name}".encode():
                return int(file.parent.name)
        except OSError:  # it has just ended
            continue
    raise AssertionError(f"no process trains {name}")


@linux
@pytest.mark.slow
def test_a_sweep_outlives_a_killed_worker_and_is_not_done_twice(tmp_path: Path) -> None:
    names = [f"purdue/dense@epochs=60,seed={seed}" for seed in (0, 1, 2)]
    arguments = ("purdue/dense", "--set", "epochs=60", "--set", "seed=0..2", "--cluster", "ray", "--jobs", "2")
    process = start(tmp_path / "ray", *arguments)
    wait_for_epochs(process, tmp_path / "ray", names[:1], 3)
    os.kill(worker_of(names[0]), signal.SIGKILL)
    out, err = finish(process)
    assert err.count("resumed after epoch") == 1, err
    for name in names:
        assert out.count(f"{name}: 60 epochs") == 1
        assert epochs_of(tmp_path / "ray", name) == 60
    finish(start(tmp_path / "alone", names[0]))
    assert losses(tmp_path / "ray", names[0]) == losses(tmp_path / "alone", names[0]), "the kill changed no bit"

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "ray").rglob("history.h5")}
    out, err = finish(start(tmp_path / "ray", *arguments, "--resume"))
    assert err.count("finished before") == 3
    assert out.count("60 epochs") == 3, "a finished run is reported all the same"
    assert before == {path: path.stat().st_mtime_ns for path in before}


@linux
@pytest.mark.slow
def test_ctrl_c_saves_the_sweep_and_says_how_to_go_on(tmp_path: Path) -> None:
    names = [f"purdue/dense@epochs=900,seed={seed}" for seed in (0, 1)]
    process = start(tmp_path, "purdue/dense", "--set", "epochs=900", "--set", "seed=0,1", "--cluster", "ray")
    wait_for_epochs(process, tmp_path, names, 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert f"Resume with: aezoo train {names[0]} {names[1]} --resume" in err
    assert "--cluster ray" in err and "Traceback" not in err
    assert not list(tmp_path.glob(".sweep-*"))


@pytest.fixture
def cluster_with_a_gpu() -> Iterator[str]:
    """A cluster with a GPU, which Ray counts and does not look for."""
    from ray.cluster_utils import Cluster

    there = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 1, "include_dashboard": False})
    yield there.address
    there.shutdown()


@pytest.mark.slow
def test_two_trainings_share_a_gpu_of_the_cluster_at_ray_address(tmp_path: Path, cluster_with_a_gpu: str) -> None:
    arguments = ("purdue/dense", "--set", "seed=0,1", "--quick", "--cluster", "ray", "--gpus", "0.5")
    environment = {"RAY_ADDRESS": cluster_with_a_gpu}
    if "RAY_AUTH_MODE" in os.environ:
        environment["RAY_AUTH_MODE"] = os.environ["RAY_AUTH_MODE"]
    out, err = finish(start(tmp_path, *arguments, **environment))
    assert "1 GPUs; each training has 1 core and 0.5 of a GPU" in err
    assert out.count("2 epochs") == 2


# ---- what may be wrong ---------------------------------------------------------------------------------------


class FakeRay:
    def __init__(self, gpus: float) -> None:
        self.gpus = gpus

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4, **({"GPU": self.gpus} if self.gpus else {})}


def options(**more: Any) -> Options:
    return Options(data="sample", runs=Path("runs"), cluster="ray", **more)


def test_a_training_is_given_a_gpu_where_there_is_one_and_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "somewhere")
    assert cluster._resources(FakeRay(2), None, options()) == Resources(1, 1.0)
    assert cluster._resources(FakeRay(2), None, options(gpus=0.25)) == Resources(1, 0.25)
    assert cluster._resources(FakeRay(2), None, options(device="cpu")) == Resources(1, 0.0)
    assert cluster._resources(FakeRay(0), None, options()) == Resources(1, 0.0)
    with pytest.raises(DeviceError, match="the cluster has no GPU"):
        cluster._resources(FakeRay(0), None, options(device="cuda"))
    with pytest.raises(DeviceError, match="the cluster has 1; ask for no more"):
        cluster._resources(FakeRay(1), None, options(gpus=2))
    with pytest.raises(UsageError, match="one GPU at most"):
        cluster._resources(FakeRay(2), None, options(gpus=1.5))
    with pytest.raises(UsageError, match="--device cuda and --gpus 0 contradict"):
        cluster._resources(FakeRay(2), None, options(device="cuda", gpus=0))


def test_what_there_is_and_what_each_training_has_is_said_in_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [str(Resources(*each)) for each in ((1, 0.0), (3, 0.0), (2, 0.25))] == [
        "1 core",
        "3 cores",
        "2 cores and 0.25 of a GPU",
    ]
    monkeypatch.setattr(
        FakeRay, "nodes", lambda self: [{"Alive": True}, {"Alive": False}, {"Alive": True}], raising=False
    )
    assert cluster._count(FakeRay(2)) == "2 nodes, 4 cores, 2 GPUs"
    monkeypatch.setattr(FakeRay, "nodes", lambda self: [{"Alive": True}])
    assert cluster._count(FakeRay(0)) == "1 node, 4 cores"
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    given = [cluster._resources(FakeRay(0), jobs, options()).cpus for jobs in (None, 2, 9)]
    assert given == [1, 4, 1], "of this machine's cores its share; of a cluster's one"


def test_a_task_finds_the_folders_from_elsewhere_and_takes_no_gpu_that_it_was_not_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    sent = cluster._from_anywhere(Options(data="data", runs=Path("runs")), Resources(1, 0))
    assert (sent.data, sent.runs, sent.device) == (str(tmp_path / "data"), tmp_path / "runs", "cpu")
    sent = cluster._from_anywhere(options(), Resources(1, 0.5))
    assert (sent.data, sent.device) == ("sample", "auto")


class Failing:
    """Ray, of which every task ends with the same error."""

    exceptions = ray.exceptions

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get(self, reference: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            ray.exceptions.RayTaskError("task", "…", torch.OutOfMemoryError("CUDA out of memory")),
            "one failed: OutOfMemoryError: CUDA out of memory; give it more with --gpus, or --set a smaller batch_size",
        ),
        (
            ray.exceptions.RayTaskError("task", "…", ModuleNotFoundError("train")),
            "one: a node of the cluster has no aezoo",
        ),
        (ray.exceptions.WorkerCrashedError(), "Ray gave one up: "),
    ],
)
def test_what_ends_one_training_ends_no_sweep(error: Exception, sentence: str) -> None:
    outcome = cluster._outcome(Failing(error), None, "one")  # type: ignore[arg-type]
    assert outcome.report is None and outcome.code != 0
    assert outcome.error.startswith(sentence)


def test_a_node_that_does_not_see_the_runs_or_has_other_versions_says_so(tmp_path: Path) -> None:
    asked = options()
    outcome = cluster.task("purdue/dense", asked, Resources(1, 0), str(tmp_path / "absent"), cluster._VERSIONS, None)
    assert (outcome.code, outcome.report) == (2, None)
    assert "does not see runs; name a --runs DIR that every node shares" in outcome.error
    outcome = cluster.task("purdue/dense", asked, Resources(1, 0), str(tmp_path / "absent"), "aezoo 9", None)
    assert "and this machine aezoo 9; install the same on both" in outcome.error


def test_an_address_where_nobody_answers_is_one_sentence_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    start = time.monotonic()
    with pytest.raises(SystemExit) as ending:
        main(["train", "purdue/dense", "--data", "sample", "--runs", str(tmp_path), "--cluster", "ray"])
    assert ending.value.code == 2
    assert "RAY_ADDRESS=127.0.0.1:1: no Ray cluster answers there" in capsys.readouterr().err
    assert time.monotonic() - start < 150


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--cluster", "slurm"], "--cluster 'slurm' is not known; there is ray"),
        (["--gpus", "0.5"], "--gpus is a share on a cluster; add --cluster ray"),
    ],
)
def test_options_of_a_cluster_are_checked(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["train", "purdue/dense", "--data", "sample", *arguments])
    assert ending.value.code == 2
    assert sentence in capsys.readouterr().err


# ---- a cluster that only a test knows --------------------------------------------------------------------------


class Lines:
    """Ray's queue: what tasks have said."""

    def __init__(self, actor_options: dict[str, Any]) -> None:
        assert actor_options == {"num_cpus": 0}, "it takes no core from a training"
        self.held: list[tuple[str, ProgressCall]] = []

    def put(self, line: tuple[str, ProgressCall]) -> None:
        self.held.append(line)

    def qsize(self) -> int:
        return len(self.held)

    def get_nowait_batch(self, count: int) -> list[tuple[str, ProgressCall]]:
        taken, self.held = self.held[:count], self.held[count:]
        return taken


class RayBars(Progress):
    """Keeps what is said of each training."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.said: list[str] = []
        self.others: list[Progress] = []

    def beside(self) -> Progress:
        self.others.append(super().beside())
        return self.others[-1]

    def say(self, line: str) -> None:
        self.said.append(line)


class Tasks(FakeRay):
    """Ray on a machine of four cores, of which each look finds the training that began last done."""

    exceptions = ray.exceptions

    def __init__(self, lost: Exception | None = None) -> None:
        super().__init__(0)
        self.lost, self.began, self.most, self.cancelled = lost, list[tuple[Any, ...]](), 0, list[object]()
        self.outcomes: dict[object, Outcome] = {}
        self.running: list[str] = []
        self.waited_for = 0
        self.asked: dict[str, Any] = {}

    def init(self, **asked: Any) -> None:
        self.asked = asked

    def shutdown(self) -> None:
        self.asked = {}

    def nodes(self) -> list[dict[str, bool]]:
        return [{"Alive": True}]

    def remote(self, **asked: Any) -> Any:
        self.given = asked
        return lambda task: SimpleNamespace(options=lambda name: SimpleNamespace(remote=self.begin))

    def begin(self, name: str, options: Options, given: Resources, marker: str, versions: str, queue: Lines) -> object:
        needs = set(registry.load(name).needs)
        assert needs <= {outcome.name for outcome in self.outcomes.values()} - set(self.running), "it is trained first"
        self.running.append(name)
        assert Path(marker).is_file() and Path(marker).parent == options.runs and versions == cluster._VERSIONS
        self.began.append((name, options.seed, given))
        queue.put((name, ProgressCall("say", [f"{name} is trained"], {})))
        queue.put(("another", ProgressCall("say", ["nobody knows it"], {})))
        reference = object()
        self.outcomes[reference] = Outcome(name, report={})
        return reference

    def wait(self, references: list[object], timeout: float, num_returns: int = 1) -> tuple[list[object], list[object]]:
        self.most, self.waited_for = max(self.most, len(references)), num_returns
        if self.lost and num_returns == 1:
            raise self.lost
        return references[-num_returns:], references[:-num_returns]

    def get(self, reference: object) -> Outcome:
        self.running.remove(self.outcomes[reference].name)
        return self.outcomes[reference]

    def cancel(self, reference: object, *, force: bool) -> None:
        assert not force, "it saves its epoch"
        self.cancelled.append(reference)


def train_on(
    there: Tasks, names: list[str], jobs: int | None, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Iterator[Outcome], RayBars, Interrupt]:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(cluster, "_import", lambda: there)
    monkeypatch.setattr("ray.util.queue.Queue", Lines)
    bars, interrupt = RayBars(), Interrupt()
    each = {name: Options(runs=runs, seed=number) for number, name in enumerate(names)}
    return cluster.train_all([registry.load(name) for name in names], each, jobs, interrupt, bars), bars, interrupt


NAMES = ["hesso/vae-3-10", "hesso/classifier", "purdue/dense", "purdue/conv"]


@pytest.mark.parametrize(("jobs", "most", "cores"), [(None, 3, 1), (2, 2, 2), (1, 1, 4)])
def test_no_more_tasks_than_jobs_are_begun_at_once_and_one_that_needs_another_after_it(
    jobs: int | None, most: int, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Tasks()
    outcomes, bars, _ = train_on(there, NAMES, jobs, tmp_path / "runs", monkeypatch)
    ended = [outcome.name for outcome in outcomes]
    assert sorted(ended) == sorted(NAMES) and len(bars.others) == 4
    assert there.most == most
    assert there.given == {"num_cpus": cores, "num_gpus": 0.0, "max_retries": cluster.RETRIES}
    assert sorted(there.began) == sorted((name, seed, Resources(cores, 0.0)) for seed, name in enumerate(NAMES))
    assert bars.said[0] == f"Ray: 1 node, 4 cores; each training has {Resources(cores, 0.0)}"
    assert sorted(bars.said[1:]) == sorted(f"{name} is trained" for name in NAMES)
    assert there.asked == {} and not there.cancelled, "it was shut down"
    assert not list((tmp_path / "runs").iterdir()), "the marker is gone"


def test_after_an_interrupt_what_runs_on_a_cluster_is_cancelled_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Tasks()
    outcomes, _, interrupt = train_on(there, NAMES[1:], 3, tmp_path, monkeypatch)
    assert next(outcomes).name == "purdue/conv"
    interrupt.received = signal.SIGINT
    assert list(outcomes) == []
    assert len(there.cancelled) == there.waited_for == 2 and there.asked == {}


@pytest.mark.parametrize("error", [ray.exceptions.RaySystemError("gone\nat once"), ConnectionError("gone")])
def test_a_cluster_that_is_lost_is_one_sentence(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes, _, _ = train_on(Tasks(error), NAMES, 2, tmp_path, monkeypatch)
    with pytest.raises(
        CheckFailed, match=r"the cluster was lost \(.*gone\); every finished epoch is saved\. .*--resume"
    ):
        list(outcomes)


def test_a_cluster_is_the_one_at_the_address_or_one_of_all_cores_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(cluster, "_check_address", lambda address: None)
    common = {"log_to_driver": False, "logging_level": "ERROR"}
    here = {"address": "local", "include_dashboard": False, "object_store_memory": cluster._STORE}
    for address, jobs, more in (
        ("", None, {**here, "num_cpus": 4}),
        ("", 6, {**here, "num_cpus": 6}),
        ("a:1", 6, None),
    ):
        monkeypatch.setenv("RAY_ADDRESS", address)
        there = Tasks()
        with cluster._cluster(there, jobs):
            assert there.asked == {**common, **(more or {"address": "a:1"})}
        assert there.asked == {}

    def refuse(**_: object) -> None:
        raise RuntimeError("no\nmore")

    monkeypatch.setattr(there, "init", refuse)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with pytest.raises(UsageError, match=r"RAY_ADDRESS=a:1 cannot be used \(no\); .*set RAY_AUTH_MODE=token"):
        cluster._cluster(there, None).__enter__()
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(UsageError, match=r"see `ray status`$"):
        cluster._cluster(there, None).__enter__()
    monkeypatch.delenv("RAY_ADDRESS")
    with pytest.raises(UsageError, match=r"Ray cannot be started on this machine \(no\); do without --cluster"):
        cluster._cluster(there, None).__enter__()


def test_a_task_that_a_node_can_do_trains_on_its_cores_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[float] = []
    begun, lines = torch.get_num_threads(), Lines({"num_cpus": 0})

    def train(name: str, given: Options, interrupt: Interrupt, progress: Progress) -> Outcome:
        progress.say(f"{name} on {torch.get_num_threads()}")
        return Outcome(name, report={"seed": given.seed})

    monkeypatch.setattr(cluster, "outcome_of", train)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", shares.append)
    (tmp_path / "marker").touch()
    try:
        for gpus in (0.0, 0.25, 1.0):
            asked = ("a/b", options(seed=3), Resources(3, gpus), str(tmp_path / "marker"), cluster._VERSIONS, lines)
            assert cluster.task(*asked) == Outcome("a/b", report={"seed": 3})
    finally:
        torch.set_num_threads(begun)
    assert shares == [0.25], "a share of a GPU is a share of its memory"
    assert lines.held == [("a/b", ProgressCall("say", ["a/b on 3"], {}))] * 3
