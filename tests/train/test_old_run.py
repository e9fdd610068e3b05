"""A run that an earlier version wrote is read and resumed: `tests/old_run` is one of July, and is not to be renewed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from train.interrupts import Interrupt
from train.loop import train
from train.one import splits_of
from train.options import Options
from train.progress import Progress
from zoo import checkpoints, registry, runs
from zoo.card import from_json
from zoo.errors import RunError
from zoo.runs import RunFolder

OLD = Path(__file__).parents[1] / "old_run"
NAME = "freiburg/lr-0.01"


def test_the_history_and_the_card_of_before_are_read() -> None:
    run = RunFolder.of(OLD, NAME)
    history = run.read_history()
    assert history.epochs == 2 and history.meta["state"] == "quick"
    assert history.meta["way"] == {"precision": "fp32", "layout": "nhwc", "threads": 2}, "the key of before"
    assert history.metrics().keys() == set(runs.METRICS)
    assert from_json(run.card.read_text()).name == NAME


def resume(folder: Path) -> None:
    recipe = registry.load(NAME)
    options = Options(data="sample", runs=folder, device="cpu", quick=True, epochs=3, resume=True, precision="auto")
    with checkpoints.lock(RunFolder.of(folder, NAME)), Progress(quiet=True) as progress:
        train(recipe, splits_of(recipe, Options(data="sample")), options, Interrupt(), progress)


def test_a_run_on_the_sample_of_before_is_not_gone_on_with_on_todays(tmp_path: Path) -> None:
    shutil.copytree(OLD, tmp_path, dirs_exist_ok=True)
    with pytest.raises(RunError, match="was trained with another data set: before 1,500 images of mnist-sample"):
        resume(tmp_path)


def test_a_checkpoint_of_before_is_resumed_as_it_was_begun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(OLD, tmp_path, dirs_exist_ok=True)
    run = RunFolder.of(tmp_path, NAME)
    before = run.read_history().arrays[runs.TRAIN_LOSS].tolist()
    for manifest in run.checkpoint.glob("*/manifest.json"):  # as if it had been trained on today's sample
        described = json.loads(manifest.read_text())
        described["facts"]["data_sha256"] = splits_of(registry.load(NAME), Options(data="sample")).train.sha256
        manifest.write_text(json.dumps(described))
    resume(tmp_path)
    history = run.read_history()
    losses = history.arrays[runs.TRAIN_LOSS].tolist()
    assert losses[:2] == before and 0 < losses[2] < 1
    assert history.meta["compute_config"]["layout"] == "nhwc" and "way" not in history.meta
    assert history.meta["why"] == {"probe": "none"}
    assert "nothing to resume" not in capsys.readouterr().err
