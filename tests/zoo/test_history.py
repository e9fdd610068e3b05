"""`aezoo history` and `model.history`: a training's numbers as columns, and the same numbers in every form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.zoo.test_cli import Capture, aezoo
from zoo import runs
from zoo.history import TrainingHistory
from zoo.runs import History, RunFolder


def test_columns_are_those_of_the_file_and_of_one_length(conv_run: RunFolder) -> None:
    history, arrays = zoo.load(conv_run.path).history, conv_run.read_history().arrays
    assert list(history.epochs) == ["epoch", "train_loss", "val_loss", "learning_rate", "seconds", "terms/bce"]
    assert history.epochs["epoch"].tolist() == [1, 2]
    assert np.array_equal(history.epochs["val_loss"], arrays[runs.VAL_LOSS])
    assert history.steps["epoch"][-1] == 2 and len(history.steps["loss"]) == len(arrays[runs.STEP_LOSS])
    assert history.meta["recipe"] == "purdue/conv" and history.metrics.keys() == {"mse", "psnr", "ssim", "bce"}
    assert history.baselines["black"]["mse"] > 0


def test_csv_and_json_hold_every_digit(conv_run: RunFolder, capsys: Capture, tmp_path: Path) -> None:
    history = zoo.load(conv_run.path).history
    code, out, err = aezoo(capsys, "history", conv_run.path, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, err, len(rows)) == (0, "", 2)
    assert [float(row["train_loss"]) for row in rows] == history.epochs["train_loss"].tolist()
    code, out, _ = aezoo(capsys, "history", conv_run.path, "--json")
    document = json.loads(out)
    assert code == 0 and document["epochs"]["train_loss"] == history.epochs["train_loss"].tolist()
    assert document["metrics"] == history.metrics and document["meta"]["recipe"] == "purdue/conv"
    code, out, _ = aezoo(capsys, "history", conv_run.path, "--steps", "--csv")
    assert code == 0 and len(out.splitlines()) == 1 + len(history.steps["loss"])
    code, out, _ = aezoo(capsys, "history", conv_run.path)
    assert code == 0 and out.split("\n")[0].split() == list(history.epochs)
    file = tmp_path / "history.csv"
    assert aezoo(capsys, "history", conv_run.path, "-o", file)[:2] == (0, f"wrote {file}\n")
    assert list(csv.DictReader(io.StringIO(file.read_text()))) == rows
    code, _, err = aezoo(capsys, "history", conv_run.path, "-o", file)
    assert code == 2 and "is there already; name another file with -o FILE, or add --overwrite" in err
    assert aezoo(capsys, "history", conv_run.path, "-o", file, "--json", "--overwrite")[:2] == (0, "")
    assert json.loads(file.read_text()) == document


def test_a_pretrained_history_has_fewer_losses_of_steps_than_steps(pretrained_folder: Path) -> None:
    history = zoo.load("purdue/conv", runs="pretrained").history
    assert history.steps["epoch"][-1] == len(history.epochs["epoch"]) == 150
    assert history.steps["epoch"][0] == pytest.approx(150 / len(history.steps["loss"]))


def test_a_training_that_has_not_begun_or_fails_is_written_as_json() -> None:
    nothing = TrainingHistory.of(History({}, {}))
    assert nothing.epochs["epoch"].size == nothing.steps["loss"].size == 0
    failed = TrainingHistory.of(History({}, {runs.TRAIN_LOSS: np.array([1.0, np.nan])}))
    assert failed.as_json()["epochs"]["train_loss"] == [1.0, None]


def test_what_has_no_history_is_one_sentence(conv_run: RunFolder, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "model.onnx").write_bytes(conv_run.graph("model").read_bytes())
    code, out, err = aezoo(capsys, "history", tmp_path, "--csv")
    assert (code, out) == (2, "") and f"no history.h5 in {tmp_path}; bundles have none: name the run itself" in err
