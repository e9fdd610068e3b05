"""One training in several processes: the same losses as in one, and a lost process loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import distributed

from tests.conftest import TrainedRuns, shortened
from tests.representatives import each_small
from tests.train.test_jobs import epochs_of, wait_for_epochs
from tests.train.test_steps import make_train_step, run_epochs, same
from train.dependencies import NOTHING
from train.distributed import team as teams
from train.distributed import torchrun
from train.distributed.team import Team, TeamSteps
from train.engine.batches import Batches, seed_network
from train.engine.steps import ComputeConfig, EagerSteps, Steps, TrainStep
from train.options import Options
from train.state import fresh_state
from zoo import registry
from zoo.data.splits import Splits
from zoo.errors import DataError, DeviceError, UsageError
from zoo.objectives import Batch
from zoo.runs import RunFolder

linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in Linux's /proc")


def start(runs: Path, *arguments: str, processes: int = 2, launcher: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    several = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *launcher]
    command = [sys.executable, *(several if processes > 1 else []), "-m", "train", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    more = ["--data", "sample", "--device", "cpu", "--no-export", "--runs", str(runs)]
    return subprocess.Popen([*command, *more], env=environment, **pipes)


def finish(process: subprocess.Popen[str], *, code: int = 0) -> tuple[str, str]:
    out, err = process.communicate(timeout=300)
    assert (process.returncode == 0) == (code == 0), err
    return out, err


def arrays(runs: Path, name: str) -> dict[str, np.ndarray]:
    return dict(RunFolder.of(runs, name).read_history().arrays)


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    names = ("purdue/dense", "hesso/denoise-0.5")  # the second draws noise
    arguments = (*names, "--precision", "fp32", "--epochs", "2", "--seed", "3")
    out, err = finish(start(tmp_path / "two", *arguments))
    finish(start(tmp_path / "one", *arguments, processes=1))
    assert out.count("2 epochs") == 2, "one process speaks"
    assert err.count("epoch 2 of 2") == 2
    for name in names:
        two, one = arrays(tmp_path / "two", name), arrays(tmp_path / "one", name)
        for key in ("history/step/loss", "history/epoch/train_loss", "history/epoch/val_loss"):
            np.testing.assert_allclose(two[key], one[key], rtol=2e-5, err_msg=f"{name}: {key}")
        assert RunFolder.of(tmp_path / "two", name).read_history().meta["processes"] == 2


@pytest.mark.slow
def test_a_training_of_one_process_goes_on_in_two(tmp_path: Path) -> None:
    finish(start(tmp_path, "purdue/dense", "--precision", "fp32", "--epochs", "1", processes=1))
    out, _ = finish(start(tmp_path, "purdue/dense", "--precision", "fp32", "--epochs", "2", "--resume"))
    assert "2 epochs" in out
    finish(start(tmp_path / "whole", "purdue/dense", "--precision", "fp32", "--epochs", "2", processes=1))
    resumed, whole = (arrays(runs, "purdue/dense")["history/step/loss"] for runs in (tmp_path, tmp_path / "whole"))
    np.testing.assert_allclose(resumed, whole, rtol=2e-5)


@linux
@pytest.mark.parametrize("restarts", [0, 3], ids=["and ends with one sentence", "and is replaced by torchrun"])
@pytest.mark.slow
def test_a_killed_process_loses_nothing(restarts: int, tmp_path: Path) -> None:
    arguments = ("purdue/dense", "--epochs", "40")
    process = start(tmp_path, *arguments, launcher=(f"--max-restarts={restarts}",))
    wait_for_epochs(process, tmp_path, ["purdue/dense"], 2)
    helper = next(pid for pid in children_of(process) if b"RANK=1\0" in environment_of(pid))
    os.kill(helper, signal.SIGKILL)
    out, err = finish(process, code=0 if restarts else 1)
    if restarts:
        assert "resumed after epoch" in err
        assert epochs_of(tmp_path, "purdue/dense") == 40
        return
    assert "Traceback" not in err.split("torch/distributed")[0]
    assert 2 <= epochs_of(tmp_path, "purdue/dense") < 40
    out, _ = finish(start(tmp_path, *arguments, "--resume"))
    assert "40 epochs" in out


def children_of(process: subprocess.Popen[str]) -> list[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(child) for child in text.split()]


def environment_of(pid: int) -> bytes:
    return b"\0" + Path(f"/proc/{pid}/environ").read_bytes()


@linux
@pytest.mark.slow
def test_ctrl_c_saves_and_says_the_command_that_goes_on(tmp_path: Path) -> None:
    process = start(tmp_path, "purdue/dense", "--epochs", "900")
    wait_for_epochs(process, tmp_path, ["purdue/dense"], 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode != 0
    assert err.count("saved. Resume with: torchrun --nproc-per-node=2 -m train purdue/dense --resume") == 1, err


@pytest.mark.slow
def test_what_a_team_cannot_do_is_one_sentence(tmp_path: Path) -> None:
    _, err = finish(start(tmp_path, "letters/class", "--quick"), code=2)
    assert err.count("letters/class normalises over the batch") == 1
    assert "train it in one process: aezoo train letters/class" in err
    _, err = finish(start(tmp_path, "purdue/dense", "--quick", "--jobs", "2"), code=2)
    assert err.count("leave --jobs and --cluster out") == 1


@pytest.mark.slow
def test_overwrite_is_heeded_by_every_command_of_torchrun(tmp_path: Path) -> None:
    arguments = ("purdue/dense", "--quick")
    finish(start(tmp_path, *arguments))
    _, err = finish(start(tmp_path, *arguments), code=2)
    assert "add --resume to go on with it" in err
    _, err = finish(start(tmp_path, *arguments, "--overwrite"))
    assert "finished before" not in err


def test_more_processes_than_gpus_are_refused_by_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    teams.refuse_to_share(2)
    with pytest.raises(DeviceError, match="2 processes on this machine, which has 1 GPU; start one process a GPU"):
        teams.refuse_to_share(1)


def test_what_only_one_process_meets_it_says_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torchrun, "is_launched", lambda: True)
    for rank, error, said in (
        ("1", UsageError("a"), ""),
        ("1", torchrun.TeamLost("b"), ""),
        ("1", DeviceError("b"), ""),
        ("1", DataError("c"), "aezoo: c\n"),
        ("0", UsageError("a"), "aezoo: a\n"),
        ("0", DataError("c"), "aezoo: c\n"),
    ):
        monkeypatch.setenv("LOCAL_RANK", rank)
        with pytest.raises(SystemExit) as ending, torchrun.errors_once_a_machine():
            raise error
        assert (capsys.readouterr().err, ending.value.code) == (said, error.exit_code)
    monkeypatch.setattr(torchrun, "is_launched", lambda: False)
    with pytest.raises(UsageError), torchrun.errors_once_a_machine():
        raise UsageError("the command's own to say")


def test_a_network_that_normalises_is_learned_in_shares_on_gpus_alone() -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    with pytest.raises(
        UsageError, match=r"normalises over the batch.*train it in one process: aezoo train letters/random"
    ):
        teams.check(registry.load("letters/random"), cpu)
    teams.check(registry.load("letters/random"), cuda)
    teams.check(registry.load("purdue/conv"), cpu)


def test_a_command_of_several_machines_is_not_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    options = Options(data="sample", runs=Path("runs"), launcher=torchrun.launcher())
    assert options.resume_line("purdue/dense") == "the same command with --resume"


@pytest.mark.parametrize("late", range(3))
def test_replaced_processes_meet_each_other_and_none_of_the_dead(late: int) -> None:
    store = distributed.HashStore()  # type: ignore[attr-defined]
    brief = timedelta(milliseconds=50)

    def meet(rank: int) -> str:
        time.sleep(0.2 if rank == late else 0)
        part = teams.store_of_living(store, rank, 3, patience=brief)
        part.set(f"address-{rank}", f"{attempt}")
        return ",".join(part.get(f"address-{other}").decode() for other in range(3))

    for attempt in range(3):  # each finds in the store what the one before has left there
        with ThreadPoolExecutor(3) as threads:
            assert list(threads.map(meet, range(3))) == [f"{attempt},{attempt},{attempt}"] * 3


# ---- shares --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [1, 2, 3, 7, 128])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_shares_make_up_the_batch_and_their_weights_its_mean(images: int, size: int) -> None:
    values = torch.arange(images, dtype=torch.float64) ** 2
    batch = Batch(values, values, values)
    members = [Team(rank, size) for rank in range(size)]
    shares = [(member.share(batch).image, member.weight(images)) for member in members]
    assert torch.isclose(sum((share.mean() * weight for share, weight in shares), torch.tensor(0.0)), values.mean())
    counted = torch.cat([share for share, weight in shares if weight])
    assert torch.equal(counted, values)


def test_two_shares_of_a_batch_learn_its_gradient_and_lose_its_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process's gradient, of which DistributedDataParallel takes the mean, and the losses, which are summed."""
    sent: list[object] = []
    monkeypatch.setattr(teams, "DistributedDataParallel", lambda network, **_: network)
    monkeypatch.setattr(distributed, "all_reduce", lambda losses: None)
    monkeypatch.setattr(Team, "send", lambda team, message: sent.append((team.rank, message)))
    recipe = shortened(registry.load("hesso/denoise-0.5"))  # which draws noise, alike in every process

    def take(make: Callable[[TrainStep, Batches], Steps]) -> tuple[torch.Tensor, torch.Tensor]:
        train_step, batches = make_train_step(recipe, Path(), size=101)
        steps = make(train_step, replace(batches, steps_wanted=1))
        assert list(steps.run(0, 3)) == [1]
        gradients = [value.grad.ravel() for value in train_step.network.parameters() if value.grad is not None]
        return torch.cat(gradients), steps.step_losses

    def member(rank: int) -> Callable[[TrainStep, Batches], Steps]:
        return lambda train_step, batches: TeamSteps(train_step, batches, Team(rank, 2))

    whole, losses = take(EagerSteps)
    (first, first_losses), (second, second_losses) = take(member(0)), take(member(1))
    torch.testing.assert_close((first + second) / 2, whole, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(first_losses + second_losses, losses)
    assert sent == [(0, ("epoch", 3))], "the first alone says what comes next"


@pytest.mark.parametrize("rank", [0, 1])
def test_each_share_draws_random_numbers_of_its_own(rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teams, "DistributedDataParallel", lambda network, **_: network)
    monkeypatch.setattr(distributed, "all_reduce", lambda losses: None)
    monkeypatch.setattr(Team, "send", lambda team, message: None)
    recipe = shortened(registry.load("purdue/dense"))
    train_step, batches = make_train_step(recipe, Path(), size=40)
    drawn: list[float] = []
    monkeypatch.setattr(train_step, "step", lambda *_, **__: drawn.append(float(torch.rand(()))))
    list(TeamSteps(train_step, replace(batches, steps_wanted=1), Team(rank, 2)).run(5, 3))
    seed_network(5, 3, share=rank)
    assert drawn == [float(torch.rand(()))]
    seed_network(5, 3, share=1 - rank)
    assert drawn != [float(torch.rand(()))]


def test_the_end_of_a_training_is_announced_where_it_was_not_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr(Team, "send", lambda team, message: sent.append(message))
    with suppress(DataError), teams.end_announced(Team(0, 2)):
        raise DataError("broken off")
    assert sent == []
    with teams.end_announced(None):
        pass
    with teams.end_announced(Team(0, 2)):
        assert sent == []
    assert sent == [None]


def test_who_helps_takes_over_the_state_that_was_sent_and_the_steps_until_the_end(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, options = registry.load("purdue/dense"), Options(device="cpu", seed=5)
    begun = fresh_state(recipe, 9, torch.device("cpu"), NOTHING)
    config = ComputeConfig("bf16", "nhwc", torch.get_num_threads())
    messages: Iterator[Any] = iter(
        [("begin", config.as_json(), begun.to_bytes()), ("epoch", 4), ("epoch", 5), None, ("epoch", 6)]
    )
    ran: list[tuple[int, int]] = []
    applied: list[tuple[ComputeConfig, object]] = []

    class Seen:
        def __init__(self, train_step: TrainStep, batches: Batches, team: Team) -> None:
            assert train_step.precision == "bf16" and sum(batches.sizes) == 200 and team == Team(1, 2)
            assert applied == [(config, train_step.network)], "in the layout that was chosen"
            for own, sent in zip(train_step.network.parameters(), begun.network.parameters(), strict=True):
                assert torch.equal(own, sent)

        def run(self, seed: int, epoch: int) -> Iterator[int]:
            ran.append((seed, epoch))
            yield 1

    monkeypatch.setattr(teams, "TeamSteps", Seen)
    monkeypatch.setattr(ComputeConfig, "apply_to", lambda own, network: applied.append((own, network)))
    monkeypatch.setattr(Team, "receive", lambda _: next(messages))
    teams.train_beside(recipe, splits, options, NOTHING, Team(1, 2))
    assert ran == [(5, 4), (5, 5)]


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (distributed.DistNetworkError("reset"), True),
        (RuntimeError("[Gloo] connection closed by peer"), True),
        (RuntimeError("of another kind"), False),
    ],
)
def test_a_process_that_is_gone_is_one_sentence_and_other_errors_stay_what_they_are(
    error: RuntimeError, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    destroyed: list[bool] = []
    begun = torch.get_num_threads()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(teams, "rendezvous", lambda *_, **more: iter([(None, 1, 2)]))
    monkeypatch.setattr(teams, "store_of_living", lambda *_: None)
    monkeypatch.setattr(distributed, "init_process_group", lambda backend, **more: destroyed.clear())
    monkeypatch.setattr(distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: destroyed.append(True))

    def join() -> None:
        with teams.joined("cpu") as team:
            assert (team, team.leads, torch.get_num_threads()) == (Team(1, 2), False, 3)
            raise error

    try:
        with pytest.raises(torchrun.TeamLost if lost else RuntimeError) as caught:
            join()
    finally:
        torch.set_num_threads(begun)
    assert destroyed == [True]
    assert ("with --resume goes on" in str(caught.value)) == lost


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A team of one, in this process."""
    store = tmp_path_factory.mktemp("store") / "store"
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=0, world_size=1)
    yield Team(0, 1)
    distributed.destroy_process_group()


@each_small
def test_a_team_of_one_learns_as_one_process_bit_for_bit(name: str, alone: Team, trained_runs: TrainedRuns) -> None:
    recipe, needs = shortened(registry.load(name)), trained_runs(*registry.load(name).needs)
    _, eager, seen = run_epochs(EagerSteps, recipe, needs)
    _, shared, other_losses = run_epochs(lambda *both: TeamSteps(both[0], both[1], alone), recipe, needs)
    assert torch.equal(seen, other_losses)
    assert same(eager, shared)
