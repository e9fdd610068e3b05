"""A training asked for again: what was finished is not done twice, and what was begun is taken up."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from train import one
from train.dependencies import NOTHING, in_order
from train.interrupts import Interrupt
from train.one import Outcome, key_of, splits_of, train_one
from train.options import Options
from train.progress import Progress
from zoo import checkpoints, registry
from zoo.data.images import Images
from zoo.errors import Interrupted, RunError
from zoo.runs import RunFolder

NAME = "purdue/dense"


class Heard(Progress):
    """Keeps what was said."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def asked(runs: Path, **more: Any) -> Options:
    return Options(**{"data": "sample", "runs": runs, "device": "cpu", "quick": True, "export": False, **more})


def again(options: Options) -> tuple[Outcome, bool]:
    """Train; return the outcome and whether it was only remembered."""
    heard = Heard()
    outcome = train_one(registry.load(NAME), options, Interrupt(), heard)
    return outcome, any("finished before" in line for line in heard.lines)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    runs = tmp_path_factory.mktemp("runs")
    return runs, again(asked(runs))[0]


def test_a_finished_run_is_remembered_with_its_whole_report(trained: tuple[Path, Outcome]) -> None:
    runs, first = trained
    assert again(asked(runs, resume=True)) == (first, True)
    assert first.report is not None and first.report["epochs"] == 2


def test_a_training_ends_with_the_files_that_it_wrote(tmp_path: Path) -> None:
    outcome, _ = again(asked(tmp_path, export=True))
    folder = RunFolder.of(tmp_path, NAME)
    lines = [line.split() for line in outcome.text.splitlines() if str(tmp_path) in line]
    assert {Path(path) for path, *_ in lines} == {
        *(folder.history, folder.card, folder.graph("model"), folder.graph("encoder"), folder.graph("decoder"))
    }
    for path, size, unit, *verified in lines:
        assert float(size) == pytest.approx(Path(path).stat().st_size / {"kB": 1e3, "MB": 1e6}[unit], abs=0.06)
        assert verified == (["verified"] if path.endswith(".onnx") else [])
    assert "  mse: " in outcome.text
    assert "× more error than " in outcome.text or "× less error than " in outcome.text


@pytest.mark.parametrize("change", [{"epochs": 3}, {"export": True}], ids=["more epochs", "its graphs too"])
def test_what_was_asked_otherwise_is_done(
    change: dict[str, Any], trained: tuple[Path, Outcome], tmp_path: Path
) -> None:
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    outcome, remembered = again(asked(tmp_path, resume=True, **change))
    assert not remembered
    assert outcome.report is not None
    assert outcome.report["epochs"] == change.get("epochs", 2)
    assert again(asked(tmp_path, resume=True, **change)) == (outcome, True)


@pytest.mark.parametrize("harm", ["history", "receipt", "moved"])
def test_a_run_whose_files_are_gone_or_elsewhere_is_done_again(
    harm: str, trained: tuple[Path, Outcome], tmp_path: Path
) -> None:
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    run = RunFolder.of(tmp_path, NAME)
    if harm != "moved":
        again(asked(tmp_path, resume=True))
    if harm == "history":
        run.history.unlink()
    if harm == "receipt":
        (run.checkpoint / "outcome.json").write_text('{"key": 1, "outcome": {"name": []}}')
    outcome, remembered = again(asked(tmp_path, resume=True))
    assert not remembered
    assert outcome.report is not None and outcome.report["run"] == str(run.path)
    assert run.history.is_file()


def test_what_a_command_began_is_its_own_to_take_up_and_no_others(tmp_path: Path) -> None:
    old, _ = again(asked(tmp_path, sweep="old"))
    begun = asked(tmp_path, sweep="new", overwrite=True)
    interrupt = Interrupt()

    class StopAfterOne(Heard):
        def epoch(self, epoch: int, train_loss: float, val_loss: float) -> None:
            interrupt.received = 15

    with pytest.raises(Exception, match="epoch 1 is saved"):
        train_one(registry.load(NAME), begun, interrupt, StopAfterOne())
    found = checkpoints.last(RunFolder.of(tmp_path, NAME))
    assert (found.epoch, found.facts["sweep"]) == (1, "new")
    with pytest.raises(RunError, match="add --resume to go on"):
        again(replace(begun, sweep="other", overwrite=False))
    outcome, _ = again(begun)  # as a worker that takes the killed one's place
    assert outcome.report is not None and old.report is not None
    assert outcome.report["val_loss"] == old.report["val_loss"]
    assert "sweep" not in RunFolder.of(tmp_path, NAME).read_history().meta


def flipped(images: Images) -> Images:
    return replace(images, pixels=255 - images.pixels)


def relabelled(images: Images) -> Images:
    return replace(images, labels=images.labels[::-1].copy())


@pytest.mark.parametrize("change", [flipped, relabelled])
@pytest.mark.parametrize("split", ["train", "test"])
def test_other_images_or_labels_of_any_split_are_another_training(split: str, change: Any, tmp_path: Path) -> None:
    recipe, options = registry.load(NAME), asked(tmp_path)
    splits = splits_of(recipe, "sample")
    others = replace(splits, **{split: change(getattr(splits, split))})
    assert key_of(recipe, options, splits, NOTHING) == key_of(recipe, options, splits, NOTHING)
    assert key_of(recipe, options, splits, NOTHING) != key_of(recipe, options, others, NOTHING)


@pytest.mark.parametrize(
    "change", [{"seed": 7}, {"precision": "fp32"}, {"quick": False}], ids=["seed", "precision", "budget"]
)
def test_other_options_are_another_training(change: dict[str, Any], tmp_path: Path) -> None:
    recipe, options = registry.load(NAME), asked(tmp_path)
    splits = splits_of(recipe, "sample")
    before = key_of(recipe, options, splits, NOTHING)
    assert key_of(recipe, replace(options, **change), splits, NOTHING) != before


def test_other_code_is_another_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, options = registry.load(NAME), asked(tmp_path)
    splits = splits_of(recipe, "sample")
    before = key_of(recipe, options, splits, NOTHING)
    monkeypatch.setattr(one, "code", lambda: "other")
    assert key_of(recipe, options, splits, NOTHING) != before


def test_a_needed_training_that_was_broken_off_is_gone_on_with_first(tmp_path: Path) -> None:
    wanted, need = registry.load("hesso/vae-2-10"), registry.load("hesso/classifier")
    assert [recipe.name for recipe in in_order([wanted], tmp_path)] == [need.name, wanted.name]
    interrupt = Interrupt()

    class StopAfterOne(Heard):
        def epoch(self, epoch: int, train_loss: float, val_loss: float) -> None:
            interrupt.received = 15

    with pytest.raises(Interrupted):
        train_one(need, asked(tmp_path), interrupt, StopAfterOne())
    assert [recipe.name for recipe in in_order([wanted], tmp_path)] == [need.name, wanted.name]
    train_one(need, asked(tmp_path, resume=True), Interrupt(), Heard())
    assert [recipe.name for recipe in in_order([wanted], tmp_path)] == [wanted.name]
