"""A study gathers other seeds and measures a sheet's experiments, and goes on where it was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.zoo.test_cli import Capture, aezoo
from tests.zoo.test_studies import history
from train.study import augmentation
from zoo import studies
from zoo.runs import RunFolder, pack_history


@pytest.fixture
def short_study(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COUNTS", (10,)), ("VAE_STEPS", 1), ("STEPS", 1), ("GENERATED", 2)):
        monkeypatch.setattr(augmentation, name, value)


def test_augmentation_is_measured_seed_by_seed_and_goes_on(tmp_path: Path, short_study: None, capsys: Capture) -> None:
    def accuracies(*words: Any) -> dict[str, list[float]]:
        code, out, err = aezoo(capsys, "study", "hesso", "--data", "sample", "--runs", tmp_path, *words)
        assert (code, "wrote" in out) == (0, True), err
        found: dict[str, list[float]] = studies.read(tmp_path, "hesso").experiments["augmentation"]["accuracy"]
        return found

    first = accuracies("--seeds", 1)
    assert first.keys() == {"nothing-10", "generated-10", "affine-10"}
    assert all(len(values) == 1 and 0 <= values[0] <= 1 for values in first.values())
    both = accuracies("--seeds", 2)
    assert {name: values[:1] for name, values in both.items()} == first and len(both["affine-10"]) == 2
    assert accuracies("--seeds", 1) == both, "what is measured stays"


def test_other_seeds_are_kept_without_their_weights(tmp_path: Path, capsys: Capture) -> None:
    for name in ("freiburg/lr-0.01", "freiburg/lr-0.01@seed=1"):
        run = RunFolder.of(tmp_path, name)
        run.path.mkdir(parents=True)
        run.history.write_bytes(pack_history(history(name)))
    code, out, err = aezoo(capsys, "study", "freiburg", "--runs", tmp_path)
    assert (code, "1 runs, 0 experiments" in out) == (0, True), err
    assert studies.read(tmp_path, "freiburg").runs.keys() == {"freiburg/lr-0.01@seed=1"}


def test_a_study_of_nothing_says_what_to_train(tmp_path: Path, capsys: Capture) -> None:
    code, _, err = aezoo(capsys, "study", "freiburg", "--runs", tmp_path)
    assert code == 2 and "train some with `aezoo train freiburg --set seed=1,2`" in err
    code, _, err = aezoo(capsys, "study", "freibrug", "--runs", tmp_path)
    assert code == 2 and "no assignment 'freibrug'; there is freiburg" in err
