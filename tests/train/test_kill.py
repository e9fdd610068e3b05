"""A trainer killed with SIGKILL, wherever it was, is resumed to the very bits of an undisturbed run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.train.test_loop import final_state, same
from zoo import checkpoints
from zoo.runs import RunFolder

EPOCHS = 6


def command(runs: Path, *more: str) -> list[str]:
    arguments = [
        "train",
        "purdue/dense",
        "--data",
        "sample",
        "--epochs",
        str(EPOCHS),
        "--runs",
        str(runs),
        "--quiet",
        *more,
    ]
    return [sys.executable, "-m", "zoo.cli", *arguments]


def kill_after_epoch(runs: Path, epoch: int, *more: str) -> None:
    """Start training and kill it as soon as that epoch's checkpoint is there."""
    trainer = subprocess.Popen(command(runs, *more), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    checkpoint = runs / "purdue" / "dense" / "checkpoint" / f"{epoch:06d}"
    deadline = time.monotonic() + 600
    while not checkpoint.exists() and trainer.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    trainer.kill()
    trainer.communicate()


@pytest.mark.slow
def test_twenty_kills_at_any_moment_change_no_bit(tmp_path: Path) -> None:
    _kill_and_compare(tmp_path, kills=20)


@pytest.mark.slow
def test_a_kill_in_the_middle_of_training_changes_no_bit(tmp_path: Path) -> None:
    _kill_and_compare(tmp_path, kills=2)


def _kill_and_compare(tmp_path: Path, *, kills: int) -> None:
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    subprocess.run(command(straight, "--no-export"), check=True, capture_output=True)
    for count in range(kills):
        more = ["--no-export", *(["--resume"] if count else [])]
        kill_after_epoch(killed, 1 + count * (EPOCHS - 1) // kills, *more)
    run = RunFolder.of(killed, "purdue/dense")
    assert checkpoints.last(run).epoch < EPOCHS, "it was not killed in the middle"
    done = subprocess.run(command(killed, "--resume", "--json"), check=True, capture_output=True)
    report = json.loads(done.stdout)[0]
    assert report["epochs"] == EPOCHS
    assert same(final_state(RunFolder.of(straight, "purdue/dense")), final_state(run))
    assert not [path for path in run.path.rglob("*") if ".tmp" in path.name]
    assert run.graph("model").is_file()
