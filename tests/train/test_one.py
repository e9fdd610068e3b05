"""A training asked for again: what was finished is not done twice, and what was begun is taken up."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zoo
from train import one
from train.dependencies import NOTHING, check, in_order, load_dependencies
from train.interrupts import Interrupt
from train.one import Outcome, key_of, splits_of, train_one
from train.options import Options
from train.progress import Progress
from zoo import checkpoints, registry, runs
from zoo.data.images import Images
from zoo.data.splits import Splits
from zoo.errors import Interrupted, RunError
from zoo.runs import History, RunFolder, atomic_write, pack_history

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
    splits = splits_of(recipe, Options(data="sample"))
    others = replace(splits, **{split: change(getattr(splits, split))})
    assert key_of(recipe, options, splits, NOTHING) == key_of(recipe, options, splits, NOTHING)
    assert key_of(recipe, options, splits, NOTHING) != key_of(recipe, options, others, NOTHING)


@pytest.mark.parametrize(
    "change", [{"seed": 7}, {"precision": "fp32"}, {"quick": False}], ids=["seed", "precision", "budget"]
)
def test_other_options_are_another_training(change: dict[str, Any], tmp_path: Path) -> None:
    recipe, options = registry.load(NAME), asked(tmp_path)
    splits = splits_of(recipe, Options(data="sample"))
    before = key_of(recipe, options, splits, NOTHING)
    assert key_of(recipe, replace(options, **change), splits, NOTHING) != before


def test_other_code_is_another_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, options = registry.load(NAME), asked(tmp_path)
    splits = splits_of(recipe, Options(data="sample"))
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


def write_run(root: Path, name: str, **meta: Any) -> RunFolder:
    """Write the history of a run that has no checkpoint."""
    run = RunFolder.of(root, name)
    facts = {"recipe": name, "state": "finished", "data": "mnist-sample", **meta}
    atomic_write(run.history, pack_history(History(facts, {runs.TRAIN_LOSS: np.zeros(1)})))
    return run


@pytest.mark.parametrize(
    ("meta", "options", "sentence"),
    [
        (None, {}, r"hesso/vae-2-10 needs hesso/classifier, which is not trained in .*`aezoo train hesso/classifier`"),
        ({"recipe": "purdue/conv"}, {}, "holds a run of purdue/conv, expected hesso/classifier; move it"),
        ({"state": "training"}, {}, r"whose training in .* has not ended; go on .*train hesso/classifier --resume"),
        ({"state": "training"}, {"quick": True}, "has not ended"),
        ({"state": "quick"}, {"quick": False}, r"was trained for a few steps only \(--quick\); .*--overwrite"),
        ({"state": "failed"}, {"quick": False}, "has failed: it answers all alike; train it again"),
        ({"data": "mnist"}, {}, r"is to be trained on the sample, but hesso/classifier in .* was trained on mnist;"),
        ({}, {"data": None}, "is to be trained on real data, but hesso/classifier .* was trained on mnist-sample"),
        ({}, {"quick": False}, "no checkpoint in"),
        ({"state": "quick"}, {}, "no checkpoint in"),
        ({"state": "failed"}, {}, "no checkpoint in"),
    ],
)
def test_a_needed_run_that_will_not_do_is_refused_before_anything_is_trained(
    meta: dict[str, Any] | None, options: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    wanted, need = registry.load("hesso/vae-2-10"), registry.load("hesso/classifier")
    if meta is not None:
        write_run(tmp_path, need.name, **meta)
    with pytest.raises(RunError, match=sentence):
        check([wanted], asked(tmp_path, **options))
    check([need, wanted], asked(tmp_path, **options))  # it is trained anew


def test_letters_to_translate_into_are_those_to_train_on_of_the_data_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, letters, asked_for = (
        registry.load(NAME),
        splits_of(registry.load(NAME), Options(data="sample")).test,
        list[Any](),
    )

    def load(*words: Any) -> Images:
        asked_for.append(words)
        return letters

    monkeypatch.setattr("train.dependencies.sets.load", load)
    translated = replace(recipe, data=replace(recipe.data, targets="cyrillic"))
    assert load_dependencies(translated, asked(tmp_path), torch.device("cpu")).targets is letters
    assert load_dependencies(recipe, asked(tmp_path), torch.device("cpu")).targets is None
    assert asked_for == [("cyrillic", "train", "sample")]


def test_a_needed_run_of_another_network_is_one_sentence(tmp_path: Path) -> None:
    run, state = write_run(tmp_path, "hesso/classifier"), io.BytesIO()
    torch.save({"network": {}}, state)
    checkpoints.commit(run, epoch=1, val_loss=1.0, facts={}, files={checkpoints.STATE: state.getvalue()})
    with pytest.raises(RunError, match="is not of this recipe"):
        check([registry.load("hesso/vae-2-10")], asked(tmp_path))


def test_what_is_needed_comes_first_and_once_and_what_is_there_is_left_alone(tmp_path: Path) -> None:
    names = ("letters/latent", "purdue/conv", "letters/random", "letters/latent")
    ordered = [recipe.name for recipe in in_order([registry.load(name) for name in names], tmp_path)]
    assert ordered == ["letters/classifier", "letters/random", "letters/latent", "purdue/conv"]
    write_run(tmp_path, "letters/classifier", state="training")  # without a checkpoint it cannot be gone on with
    assert [recipe.name for recipe in in_order([registry.load("letters/random")], tmp_path)] == ["letters/random"]
    both = [registry.load("letters/random"), registry.load("letters/classifier")]
    assert [recipe.name for recipe in in_order(both, tmp_path)] == ["letters/classifier", "letters/random"]


def test_other_settings_needs_targets_places_or_versions_are_another_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, options = registry.load(NAME), asked(tmp_path)
    pixels, labels = np.arange(8, dtype=np.uint8).reshape(2, 1, 2, 2), np.arange(2, dtype=np.uint8)
    test = Images("mnist-sample", "test", pixels, labels, "made up", "none")
    splits = Splits(train=flipped(test), test=test)
    validated = replace(splits, val=test)
    keys = [
        key_of(recipe, options, splits, NOTHING),
        key_of(recipe, replace(options, runs=tmp_path / "b"), splits, NOTHING),
        key_of(recipe, replace(options, epochs=9), splits, NOTHING),
        key_of(recipe, replace(options, export=True), splits, NOTHING),
        key_of(replace(recipe, objective="mse"), options, splits, NOTHING),
        key_of(replace(recipe, schedule=replace(recipe.schedule, learning_rate=0.5)), options, splits, NOTHING),
        key_of(replace(recipe, data=replace(recipe.data, noise=0.5)), options, splits, NOTHING),
        key_of(replace(recipe, name="purdue/other"), options, splits, NOTHING),
        key_of(recipe, options, validated, NOTHING),
        key_of(recipe, options, replace(validated, val=splits.train), NOTHING),
        key_of(recipe, options, splits, replace(NOTHING, targets=test)),
        key_of(recipe, options, splits, replace(NOTHING, targets=relabelled(test))),
        key_of(recipe, options, splits, replace(NOTHING, sums={"a": "1"})),
        key_of(recipe, options, splits, replace(NOTHING, sums={"a": "2"})),
    ]
    monkeypatch.setattr(torch, "__version__", "0.1")
    keys.append(key_of(recipe, options, splits, NOTHING))
    assert len(set(keys)) == len(keys)


def test_our_code_is_that_of_the_rooms_that_a_result_follows_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in ("zoo", "train", "export", "viewer"):
        (tmp_path / room / "inner").mkdir(parents=True)
        (tmp_path / room / "inner" / "a.py").write_text(f"{room} = 1")
    monkeypatch.setattr(zoo, "__file__", str(tmp_path / "zoo" / "__init__.py"))
    sums = [one.code.__wrapped__()]
    (tmp_path / "viewer" / "inner" / "a.py").write_text("other")
    assert one.code.__wrapped__() == sums[0]
    for room in ("zoo", "train", "export"):
        (tmp_path / room / "inner" / "a.py").write_text("other")
        sums.append(one.code.__wrapped__())
    (tmp_path / "zoo" / "inner" / "a.py").rename(tmp_path / "zoo" / "a.py")
    assert len({*sums, one.code.__wrapped__()}) == 5


def test_only_the_whole_outcome_of_this_very_training_is_remembered(tmp_path: Path) -> None:
    recipe, run = registry.load(NAME), write_run(tmp_path, NAME)
    report: dict[str, Any] = {"export": {"files": {"model.onnx": {}}}}
    outcome = Outcome(NAME, report=report, text="done")
    receipt = {"key": "k", "outcome": {"name": NAME, "report": report, "text": "done"}}
    atomic_write(run.checkpoint / "outcome.json", json.dumps(receipt).encode())
    assert one._read(run, "k", recipe) is None, "its graph is not there"
    run.graph("model").write_bytes(b"")
    assert one._read(run, "k", recipe) == outcome
    assert one._read(run, "another", recipe) is None
    assert one._read(run, "k", registry.load("purdue/conv")) is None
