"""`zoo.train`: the command's training in the caller's process, and the run as `zoo.load` opens it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

import train.one
import zoo
from tests.conftest import first
from zoo.data import sample
from zoo.data.splits import Splits, load
from zoo.errors import AezooError, CheckFailed, RunError, UsageError
from zoo.model import Model


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first 200 and 40 of every data set."""

    def few(dataset: str, data: str | None, *, split: str) -> Splits:
        whole = load(dataset, data, split=split)
        return Splits(train=first(whole.train, 200), test=first(whole.test, 40))

    train.one._splits.cache_clear()
    monkeypatch.setattr("train.one.load", few)


def trained(runs: Path, name: str = "purdue/conv", **more: object) -> Model:
    options = {"data": "sample", "epochs": 2, "precision": "fp32", "quiet": True, "runs": runs} | more
    return zoo.train(name, **options)  # type: ignore[arg-type]


def test_a_training_returns_its_run_with_its_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mode, threads = torch.get_deterministic_debug_mode(), torch.get_num_threads()
    run = trained(tmp_path)
    assert capsys.readouterr() == ("", "")
    assert (torch.get_deterministic_debug_mode(), torch.get_num_threads()) == (mode, threads)
    assert len(run.history.epochs["train_loss"]) == 2 and run.history.metrics["mse"] > 0
    image = np.zeros((28, 28), np.uint8)
    assert np.array_equal(run.reconstruct(image), zoo.load("purdue/conv", runs=tmp_path).reconstruct(image))
    again = trained(tmp_path / "again")
    assert again.history.epochs["val_loss"].tolist() == run.history.epochs["val_loss"].tolist(), "equal seeds"
    with pytest.raises(RunError, match="already holds a run"):
        trained(tmp_path)
    assert len(trained(tmp_path, resume=True, epochs=3).history.epochs["epoch"]) == 3
    assert len(trained(tmp_path, overwrite=True, epochs=1).history.epochs["epoch"]) == 1


def test_a_variant_is_named_as_on_the_command_line_and_what_it_needs_is_trained_first(tmp_path: Path) -> None:
    run = trained(tmp_path, "purdue/conv@learning_rate=0.01", epochs=1)
    assert run.card is not None and run.card.training["learning_rate"] == 0.01
    assert run.title == str(tmp_path / "purdue/conv@learning_rate=0.01")


def test_a_training_runs_in_another_thread_too(tmp_path: Path) -> None:
    models: list[Model] = []
    thread = threading.Thread(target=lambda: models.append(trained(tmp_path, epochs=1)))
    thread.start()
    thread.join()
    assert len(models) == 1


def test_progress_is_shown_unless_it_is_to_be_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(tmp_path, quiet=False)
    assert "purdue/conv: epoch 2 of 2" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_is_one_sentence(tmp_path: Path) -> None:
    sentence = r"purdue/dense@learning_rate=1000000000 is not finite, .*; try 'purdue/dense@learning_rate=1e\+08'"
    with pytest.raises(CheckFailed, match=sentence):
        trained(tmp_path, "purdue/dense@learning_rate=1e9")


@pytest.mark.parametrize(
    ("name", "more", "sentence"),
    [
        ("purdue/cnov", {}, "did you mean 'purdue/conv'"),
        ("purdue/conv", {"precision": "fp8"}, "'fp8' is none of auto, fp32, bf16"),
        ("purdue/conv", {"runs": "pretrained"}, "which are only read; name a folder"),
        ("purdue/conv", {"resume": True, "overwrite": True}, "give one of them"),
        ("purdue/conv", {"epochs": 0}, "epochs=0 is out of range; expected 1 or more"),
        ("purdue/conv", {"seed": -1}, "seed=-1 is out of range; expected 0 or more"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(
    name: str, more: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=sentence):
        zoo.train(name, **({"data": "sample", "quiet": True, "runs": tmp_path} | more))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_train_py_of_the_user_s_is_named_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print('mine ran')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import zoo; zoo.train('purdue/conv')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "" and f"'train' is {tmp_path / 'train.py'} here, expected" in done.stderr
    assert "rename your own train.py, or start elsewhere" in done.stderr


# ---- images of one's own ---------------------------------------------------------------------------------------


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    images = first(sample.digits("train"), count)
    return images.pixels[:, 0], images.labels


def test_an_array_is_trained_on_and_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    pixels, _ = digits(200)
    run = trained(tmp_path / "runs", images=pixels, data=None)
    assert run.card is not None and run.card.name == "purdue/conv@images=array"
    assert [run.card.data[split] for split in ("train", "validation", "test")] == [160, 20, 20]
    assert run.card.data["provenance"] == "own pictures: 200 of array"
    floats = trained(tmp_path / "other", images=pixels[:, None] / 255, data=None)
    assert np.array_equal(floats.reconstruct(pixels), run.reconstruct(pixels)), "the same pixels, the same weights"
    assert np.array_equal(
        zoo.load("purdue/conv@images=array", runs=tmp_path / "runs").encode(pixels), run.encode(pixels)
    )
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
def test_images_of_any_size_are_fitted_and_a_path_is_taken_as_on_the_command_line(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    photographs = [random.random((40 + index, 60, 3)) for index in range(30)]
    assert trained(tmp_path, images=photographs, data=None, epochs=1).image_shape == (1, 28, 28)
    pixels, _ = digits(40)
    np.savez(tmp_path / "mine.npz", images=pixels)
    run = trained(tmp_path, images=tmp_path / "mine.npz", data=None, epochs=1)
    assert run.title == str(tmp_path / "purdue/conv@images=mine")


def test_a_classifier_learns_the_labels_of_an_array(tmp_path: Path) -> None:
    pixels, labels = digits(200)
    chosen = labels < 3
    run = trained(tmp_path, "hesso/classifier", images=pixels[chosen], labels=labels[chosen], data=None, epochs=1)
    assert run.classes == ("0", "1", "2") and run.classify(pixels[0]).shape == (3,)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"images": np.zeros((30, 28, 28), int)}, r"the images are int64; expected uint8"),
        ({"images": np.zeros((3, 28, 28), np.uint8)}, "holds too few pictures"),
        ({"images": np.zeros((30, 28, 28)), "labels": np.zeros(3, int)}, r"labels are int64 \(3,\); .*: \(30,\)"),
        ({"images": "absent", "labels": [1]}, "labels are of images that are an array"),
        ({"images": "absent"}, "which is not there"),
    ],
)
def test_images_that_cannot_be_trained_on_are_one_sentence(
    more: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(AezooError, match=sentence):
        zoo.train("purdue/conv", runs=tmp_path, quiet=True, **more)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
