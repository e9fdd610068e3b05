"""The loop: repeatable bit for bit, resumable bit for bit, never losing a run, and honest about a dead one."""

from __future__ import annotations

import errno
import io
import math
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.conftest import Train, TrainedRuns, shortened, small_splits
from tests.representatives import each_small, each_task
from train import loop, resume
from train import setup as setups
from train.dependencies import NOTHING, Dependencies
from train.engine import devices, fused
from train.engine.batches import Batches
from train.engine.devices import choose
from train.engine.probe import Choice, unprobed_choice
from train.engine.steps import ComputeConfig, EagerSteps, TrainStep
from train.interrupts import Interrupt, watch
from train.measure.run import Measured, RunMeasurement, to_bytes
from train.options import Options
from train.progress import Progress
from train.setup import TrainingSetup
from train.state import Record, fresh_state, state_from_bytes, to_history
from train.writer import RunWriter, facts_of
from zoo import card, checkpoints, registry, runs
from zoo.blocks import Autoencoder, Classifier, Frozen
from zoo.data.splits import Splits
from zoo.errors import DeviceError, FileRefused, Interrupted, RunError, UsageError, WriteError
from zoo.runs import History, RunFolder


def final_state(run: RunFolder) -> dict[str, object]:
    data = checkpoints.last(run).files[checkpoints.STATE]
    state: dict[str, object] = torch.load(io.BytesIO(data), weights_only=True)
    del state["record"]["seconds"]  # type: ignore[attr-defined]  # the one thing that is never the same
    return state


def same(one: object, two: object) -> bool:
    """Compare states to the last bit."""
    if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        return one.dtype == two.dtype and one.shape == two.shape and bool(torch.equal(one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    return one == two


@each_small
def test_the_same_seed_gives_the_same_run_bit_for_bit(
    name: str, trained_runs: TrainedRuns, tmp_path: Path, train_quickly: Train
) -> None:
    recipe, runs_folder = shortened(registry.load(name)), trained_runs(name)
    again = train_quickly(recipe, tmp_path, epochs=1, quick=True, splits=small_splits(recipe), needs=runs_folder)
    before = RunFolder.of(runs_folder, name)
    assert before.read_history().arrays[runs.TRAIN_LOSS].tolist() == again.record.train_loss
    assert same(final_state(before), final_state(again.run))


def test_every_seed_begins_with_weights_of_its_own() -> None:
    recipe = registry.load("purdue/dense")
    zero, again, one = (fresh_state(recipe, seed, choose("cpu"), NOTHING).network.state_dict() for seed in (0, 0, 1))
    assert same(dict(zero), dict(again))
    assert not torch.equal(zero["encoder.1.weight"], one["encoder.1.weight"])


@each_small
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    name: str, trained_runs: TrainedRuns, tmp_path: Path, train_quickly: Train
) -> None:
    recipe = shortened(registry.load(name))
    more: dict[str, Any] = {"splits": small_splits(recipe), "needs": trained_runs(*recipe.needs), "quick": True}
    whole = train_quickly(recipe, tmp_path / "whole", epochs=2, **more)
    shutil.copytree(RunFolder.of(trained_runs(name), name).path, RunFolder.of(tmp_path / "parts", name).path)
    parts = train_quickly(recipe, tmp_path / "parts", epochs=2, resume=True, **more)
    assert same(final_state(whole.run), final_state(parts.run))
    assert whole.metrics == parts.metrics


@each_task
def test_the_pictures_after_the_last_epoch_are_those_of_the_network_at_rest(
    name: str, trained_runs: TrainedRuns
) -> None:
    """No dropout, no normalisation by the batch, and of a variational network the mean."""
    arrays = RunFolder.of(trained_runs(name), name).read_history().arrays
    if runs.EPOCH_RECONSTRUCTIONS not in arrays:
        assert "classifier" in name
        return
    last, final = arrays[runs.EPOCH_RECONSTRUCTIONS][-1].astype(int), arrays[runs.SAMPLE_RECONSTRUCTIONS].astype(int)
    assert abs(last - final).max() <= 1


def test_the_loss_falls_and_the_history_holds_every_epoch_and_step(tmp_path: Path, train_quickly: Train) -> None:
    result = train_quickly("purdue/denoise", tmp_path, epochs=3)
    history = result.run.read_history()
    assert history.epochs == 3
    losses = history.arrays[runs.TRAIN_LOSS]
    assert losses[2] < losses[0]
    assert len(history.arrays[runs.STEP_LOSS]) == 3 * 2
    np.testing.assert_array_equal(history.arrays["terms/bce"], losses)
    assert history.arrays[runs.LEARNING_RATE].tolist() == [1e-3] * 3
    assert history.arrays[runs.EPOCH_RECONSTRUCTIONS].shape == (3, 10, 1, 28, 28)
    inputs, targets = history.arrays[runs.SAMPLE_INPUTS], history.arrays[runs.SAMPLE_TARGETS]
    assert inputs.dtype == targets.dtype == np.uint8
    assert np.abs(inputs.astype(int) - targets).mean() > 10
    np.testing.assert_array_equal(
        history.arrays[runs.SAMPLE_RECONSTRUCTIONS], history.arrays[runs.EPOCH_RECONSTRUCTIONS][-1]
    )
    assert history.metrics().keys() == set(runs.METRICS)
    assert history.baselines().keys() == {"linear", "nearest-example", "black", "mean-image", "noisy-input"}
    assert {"recipe", "seed", "epochs", "device", "torch", "data", "data_sha256", "provenance"} <= history.meta.keys()
    assert history.meta["state"] == result.status


def test_a_run_is_never_overwritten_unasked(tmp_path: Path, train_quickly: Train) -> None:
    train_quickly("purdue/dense", tmp_path)
    with pytest.raises(RunError, match=r"already holds a run \(2 epochs\); add --resume .*--overwrite .*--runs DIR"):
        train_quickly("purdue/dense", tmp_path)
    assert train_quickly("purdue/dense", tmp_path, epochs=1, overwrite=True).record.epochs == 1


def test_another_data_set_or_fewer_epochs_cannot_be_resumed(
    tmp_path: Path, train_quickly: Train, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_quickly("purdue/dense", tmp_path, epochs=2)
    with pytest.raises(RunError, match="has 2 epochs already, more than the 1 asked for"):
        train_quickly("purdue/dense", tmp_path, epochs=1, resume=True)
    monkeypatch.setitem(splits.train.__dict__, "sha256", "other")
    with pytest.raises(RunError, match="was trained with another data set"):
        train_quickly("purdue/dense", tmp_path, epochs=3, resume=True)


def test_a_quick_run_is_not_gone_on_with_as_a_whole_one(tmp_path: Path, train_quickly: Train) -> None:
    train_quickly("purdue/dense", tmp_path, epochs=1, quick=True)
    with pytest.raises(RunError, match=r"was trained with another budget \(--quick\) \(True, now False\)"):
        train_quickly("purdue/dense", tmp_path, epochs=2, resume=True)


def test_a_network_that_stays_black_is_reported_as_failed(tmp_path: Path, train_quickly: Train) -> None:
    def black() -> Autoencoder:
        network = registry.load("purdue/conv").network()
        assert isinstance(network, Autoencoder)
        last = [module for module in network.decoder.modules() if isinstance(module, nn.Conv2d)][-1]
        nn.init.zeros_(last.weight)
        nn.init.constant_(last.bias, -20.0)  # type: ignore[arg-type]
        return network

    conv = registry.load("purdue/conv")
    slow = replace(conv.schedule, learning_rate=1e-9)
    recipe = replace(conv, network=replace(conv.network, build=black), schedule=slow)
    result = train_quickly(recipe, tmp_path)
    assert result.status == "failed"
    assert result.run.read_history().meta["state"] == "failed"
    assert result.metrics["mse"] == pytest.approx(result.baselines["black"]["mse"], rel=1e-3)


def test_more_epochs_than_a_history_can_hold_are_refused_before_the_first(
    tmp_path: Path, train_quickly: Train, splits: Splits
) -> None:
    with pytest.raises(UsageError, match="at most 8559 can be trained"):
        train_quickly("purdue/conv", tmp_path, epochs=9_000)
    recipe, options = registry.load("purdue/conv"), Options(data="sample", runs=tmp_path)
    assert resume.checkpoint_to_resume(recipe, splits, replace(options, epochs=8_559), NOTHING) is None
    with pytest.raises(UsageError, match="at most 8559 can be trained"):
        resume.checkpoint_to_resume(recipe, splits, replace(options, epochs=8_560), NOTHING)


def test_a_stranger_s_file_where_a_graph_would_lie_stops_a_training_unless_it_may_overwrite(
    tmp_path: Path, splits: Splits
) -> None:
    recipe, options = registry.load("purdue/conv"), Options(data="sample", runs=tmp_path)
    graph = RunFolder.of(tmp_path, recipe.name).graph("encoder")
    graph.parent.mkdir(parents=True)
    graph.write_bytes(b"mine")
    with pytest.raises(FileRefused, match=r"encoder\.onnx was not written by aezoo"):
        resume.checkpoint_to_resume(recipe, splits, options, NOTHING)
    assert resume.checkpoint_to_resume(recipe, splits, replace(options, overwrite=True), NOTHING) is None


def test_resuming_a_run_deletes_the_graphs_of_its_earlier_weights(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train_quickly("purdue/dense", tmp_path, epochs=1).run
    earlier = card.dump({"format": card.FORMAT, "name": "of earlier weights"}).encode()
    run.graph("model").write_bytes(b"\x08\x08\x12\x05aezoo" + earlier)
    run.card.write_bytes(earlier)
    train_quickly("purdue/dense", tmp_path, epochs=1, resume=True)
    assert run.graph("model").is_file(), "nothing was trained, so nothing is stale"
    train_quickly("purdue/dense", tmp_path, epochs=2, resume=True)
    assert not run.graph("model").exists()
    assert not run.card.exists()
    assert "bit for bit" not in capsys.readouterr().err
    run.graph("model").write_bytes(b"\x08\x08\x12\x05aezoo" + earlier)
    monkeypatch.setattr(torch, "__version__", "0.1+cpu")
    train_quickly("purdue/dense", tmp_path, epochs=3, resume=True)
    assert "was begun on torch" in capsys.readouterr().err
    assert run.read_history().meta["torch"] == "0.1"
    run.graph("model").write_bytes(b"\x08\x08\x12\x05aezoo" + earlier)
    train_quickly("purdue/dense", tmp_path, epochs=1, overwrite=True)
    assert not run.graph("model").exists(), "nor do they outlive a run that is begun anew"


def test_a_run_without_a_readable_checkpoint_cannot_be_resumed_and_says_so(
    tmp_path: Path, train_quickly: Train
) -> None:
    run = train_quickly("purdue/dense", tmp_path, epochs=1).run
    for manifest in run.checkpoint.glob("*/manifest.json"):
        manifest.write_bytes(b"{")
    with pytest.raises(RunError, match="without a readable checkpoint, which cannot be resumed; add --overwrite"):
        train_quickly("purdue/dense", tmp_path, epochs=2, resume=True)


def test_resuming_past_damaged_checkpoints_never_loses_what_is_committed_then(
    tmp_path: Path, train_quickly: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train_quickly("purdue/dense", tmp_path, epochs=4).run
    (run.checkpoint / "9junk").mkdir()
    (run.checkpoint / "000004" / "state.pt").write_bytes(b"damaged")
    resumed = train_quickly("purdue/dense", tmp_path, epochs=5, resume=True)
    assert resumed.record.epochs == 5
    assert f"warning: the checkpoint {run.checkpoint / '000004'} is damaged" in capsys.readouterr().err
    checkpoint, errors = checkpoints.newest(run)
    assert checkpoint is not None
    assert checkpoint.epoch == 5
    assert not errors


def test_overwriting_on_a_full_disk_does_not_cost_the_run_before(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train_quickly("purdue/dense", tmp_path, epochs=2).run
    before = run.history.read_bytes()
    monkeypatch.setattr(os, "fsync", FullFrom(first=1, count=10_000))
    with pytest.raises(WriteError, match="the disk is full"):
        train_quickly("purdue/dense", tmp_path, epochs=2, overwrite=True)
    monkeypatch.undo()
    assert checkpoints.last(run).epoch == 2
    assert run.history.read_bytes() == before


def test_a_checkpoint_of_another_network_is_refused_with_a_sentence(tmp_path: Path, train_quickly: Train) -> None:
    train_quickly("purdue/dense", tmp_path, epochs=1)
    other = replace(registry.load("purdue/dense"), network=registry.load("purdue/conv").network)
    with pytest.raises(RunError, match="is not of this recipe"):
        train_quickly(other, tmp_path, epochs=2, resume=True)


def test_what_is_not_a_number_is_drawn_black() -> None:
    assert to_bytes(np.array([np.nan, -1, 0.5, 2], np.float32)).tolist() == [0, 0, 128, 255]


@pytest.mark.parametrize(
    ("key", "saved", "given", "sentence"),
    [
        ("recipe", "purdue/conv", {}, r"another recipe \(purdue/conv, now purdue/dense\)"),
        ("seed", 4, {}, r"another seed \(4, now 0\); name the same one to resume it, or add --overwrite"),
        ("batch_size", 32, {}, r"another batch size \(32, now 256\)"),
        ("data_sha256", "other", {}, "another data set of the same name; "),
        ("partner_sha256", "other", {}, "another data set of the targets; "),
        ("needs", {"hesso/classifier": "1"}, {}, "another teacher, scoring classifier or parent; "),
        ("precision", "fp32", {"precision": "bf16"}, r"another precision \(fp32, now bf16\)"),
        ("precision", "fp32", {"precision": "auto"}, ""),
        ("precision", "fp32", {"precision": "fp32"}, ""),
        ("epochs", 9, {}, ""),
    ],
)
def test_only_the_same_training_is_resumed(
    key: str, saved: object, given: dict[str, Any], sentence: str, tmp_path: Path, splits: Splits
) -> None:
    recipe = registry.load("purdue/dense")
    options = Options(data="sample", runs=tmp_path, epochs=2, resume=True, **given)
    run = RunFolder.of(tmp_path, recipe.name)
    facts = {**resume.identity(recipe, splits, options, NOTHING), key: saved}
    checkpoints.commit(run, epoch=2, val_loss=1.0, facts=facts, files={"state.pt": b""})
    if not sentence:
        found = resume.checkpoint_to_resume(recipe, splits, options, NOTHING)
        assert found is not None and found.epoch == 2
        return
    with pytest.raises(RunError, match=f"purdue/dense was trained with {sentence}"):
        resume.checkpoint_to_resume(recipe, splits, options, NOTHING)
    if key in ("needs", "partner_sha256"):
        assert resume.checkpoint_to_resume(recipe, splits, options, None), "what it needs is not known yet"


def test_a_checkpoint_that_says_nothing_of_what_is_asked_is_not_taken_for_another_training(
    tmp_path: Path, splits: Splits
) -> None:
    recipe, options = registry.load("purdue/dense"), Options(data="sample", runs=tmp_path, resume=True)
    run = RunFolder.of(tmp_path, recipe.name)
    checkpoints.commit(run, epoch=2, val_loss=1.0, facts={"recipe": recipe.name}, files={"state.pt": b""})
    assert resume.checkpoint_to_resume(recipe, splits, options, NOTHING) is not None


@pytest.mark.parametrize(
    ("facts", "engine", "expected"),
    [
        ({}, "fused", ("fp32", "nhwc", 3, "torch")),
        ({"precision": "bf16"}, "torch", ("bf16", "nhwc", 3, "torch")),
        (
            {"compute_config": {"precision": "fp32", "layout": "nchw", "threads": 2}},
            "torch",
            ("fp32", "nchw", 2, "torch"),
        ),
        ({"way": {"precision": "fp32", "layout": "nchw", "threads": 64}}, "torch", ("fp32", "nchw", 3, "torch")),
        (
            {"compute_config": {"precision": "fp32", "layout": "nhwc", "threads": 1, "engine": "fused"}},
            "fused",
            ("fp32", "nhwc", 1, "fused"),
        ),
        (
            {"compute_config": {"precision": "fp32", "layout": "nhwc", "threads": 1, "engine": "fused"}},
            "torch",
            ("fp32", "nhwc", 1, "torch"),
        ),
        (
            {
                "compute_config": {"precision": "fp32", "layout": "nhwc", "threads": 1},
                "why": unprobed_choice("fp32").why,
            },
            "torch",
            ("fp32", "nhwc", 3, "torch"),
        ),
    ],
)
def test_a_resumed_run_is_computed_as_before_with_the_threads_and_the_engine_of_now(
    facts: dict[str, Any], engine: str, expected: tuple[str, str, int, str], tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        run, begun = RunFolder(tmp_path), checkpoints.Checkpoint(1, 1.0, facts, {})
        config = resume.config_of(run, begun, engine).config
        assert (config.precision, config.layout, config.threads, config.engine) == expected
        wrong = replace(begun, facts={"compute_config": {"precision": "fp8"}})
        with pytest.raises(RunError, match="is not of this recipe"):
            resume.config_of(run, wrong, engine)
    finally:
        torch.set_num_threads(before)


def test_other_bits_are_warned_of_and_equal_ones_are_not() -> None:
    now = {"torch": "2.13.0", "device": "cpu (1 thread)", "processes": 1}
    lines: list[str] = []
    resume.warn_of_other_bits(RunFolder(Path("r")), now, {"torch": "2.13.0", "device": "cpu (1 threads)"}, lines.append)
    assert lines == []
    resume.warn_of_other_bits(RunFolder(Path("r")), now, {**now, "torch": "2.12.0", "processes": 2}, lines.append)
    assert [line.split(":")[0] for line in lines] == [
        "r was begun on torch '2.12.0', now '2.13.0'",
        "r was begun on processes 2, now 1",
    ]


def test_each_step_of_an_epoch_counts_by_the_images_of_its_batch() -> None:
    class Taken:
        step_losses = torch.tensor([[1.0, 0.25, 0.0], [3.0, 0.75, 8.0]])
        train_step = type("Step", (), {"terms": ["bce", "kl"]})

    record = Record()
    record.add(Taken(), [3, 1], 0.5, 1e-3, 2.0)  # type: ignore[arg-type]
    Taken.step_losses.zero_()
    assert (record.train_loss, record.val_loss, record.learning_rate, record.seconds) == ([1.5], [0.5], [1e-3], [2.0])
    assert record.terms == {"bce": [0.375], "kl": [2.0]}
    record.add(Taken(), [3, 1], 0.5, 1e-3, 2.0)  # type: ignore[arg-type]
    history = to_history(record, {}, {})
    assert history.arrays[runs.STEP_LOSS].tolist() == [1.0, 3.0, 0.0, 0.0], "a copy of what the next epoch writes over"
    assert history.epochs == record.epochs == 2
    assert history.arrays["terms/kl"].tolist() == [2.0, 0.0]


def writer_of(run: RunFolder, **more: Any) -> RunWriter:
    facts = {"recipe": "a/b", "sweep": "s", "epochs": 5, "rival": "pca", "why": {"probe": "p"}}
    config = {"precision": "bf16", "threads": 2}
    facts |= {"precision": "bf16", "compute_config": config}
    return RunWriter(run, facts, {}, Progress(quiet=True), "aezoo train a/b --resume", **{"saved": 0, **more})


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (0, "before the next epoch was done; the start is saved"),
        (1, "before the next epoch was done; epoch 1 is saved"),
        (4, "before the next epoch was done; epochs 1 to 4 are saved"),
        (5, "while it was measured; epochs 1 to 5 are saved"),
    ],
)
def test_a_stop_says_which_epochs_are_saved(saved: int, said: str, tmp_path: Path) -> None:
    writer, interrupt = writer_of(RunFolder(tmp_path), saved=saved), Interrupt()
    writer.raise_if_interrupted(interrupt)
    interrupt.received = signal.SIGINT
    with pytest.raises(Interrupted) as caught:
        writer.raise_if_interrupted(interrupt)
    assert str(caught.value) == f"stopped {said}. Resume with: aezoo train a/b --resume"
    assert caught.value.exit_code == 130


def test_a_checkpoint_is_judged_by_the_validation_loss_of_its_own_epoch(tmp_path: Path) -> None:
    writer, state = writer_of(RunFolder(tmp_path)), fresh_state(registry.load("purdue/conv"), 0, choose("cpu"), NOTHING)
    state.record = Record([0.5, 0.25], [0.75, 1.5], [1e-3, 1e-3], [1.0, 1.0])
    writer.write_epoch(state)
    assert (checkpoints.last(writer.run).epoch, checkpoints.last(writer.run).val_loss) == (2, 1.5)


def test_a_history_says_what_float32_took_over_and_the_baseline_that_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer, state = writer_of(RunFolder(tmp_path)), fresh_state(registry.load("purdue/conv"), 0, choose("cpu"), NOTHING)
    writer.record_fallback(3)
    assert "bf16 gave a non-finite loss in epoch 3; it is repeated in fp32" in capsys.readouterr().err
    arrays = {"samples/inputs": np.zeros((1, 1), np.uint8)}
    measured = Measured({"mse": 0.5}, {"black": {"mse": 0.25}}, "finished", arrays)
    writer.write_result(state, measured, "finished")
    history = writer.run.read_history()
    assert history.meta["precision"] == history.meta["compute_config"]["precision"] == "fp32"
    assert history.meta["why"] == {"probe": "p", "bf16": "left in epoch 3: its loss was not finite"}
    assert (history.meta["rival"], history.meta["state"], "sweep" in history.meta) == ("black", "finished", False)
    assert (history.metrics(), history.baselines()) == ({"mse": 0.5}, {"black": {"mse": 0.25}})
    assert "samples/inputs" in history.arrays
    other = writer_of(RunFolder(tmp_path / "other"))
    other.write_result(state, Measured({"mse": 0.5}, {}, "failed", {}), "failed")
    meta = other.run.read_history().meta
    assert (meta["rival"], meta["state"]) == ("pca", "failed"), "of no baselines the recipe's own"


def test_the_facts_of_a_run_say_what_was_trained_on_what_and_with_what(splits: Splits) -> None:
    conv = registry.load("maastricht/base")
    recipe = replace(
        conv,
        objective="bce",
        data=replace(conv.data, noise=0.25, split="80/10/10"),
        schedule=replace(conv.schedule, learning_rate=0.5),
    )
    train = splits.train.take(np.zeros(1_500, int))
    targets = replace(splits.test, provenance="drawn by hand")
    several = Splits(train=train, test=splits.test.take(slice(7)), val=splits.test.take(slice(5)))
    needs = Dependencies(targets=targets, sums={"a/b": "1"})
    setup = TrainingSetup(recipe, several, needs, choose("cpu"), 3, 9, None, None)  # type: ignore[arg-type]
    config = ComputeConfig("bf16", "nhwc", 3)
    facts = facts_of(setup, Options(seed=3, quick=True, sweep="s"), Choice(config, {"probe": "p"}), 2)
    layers, initialisation, optimiser = (facts.pop(key) for key in ("layers", "initialisation", "optimiser"))
    assert sum(layer["parameters"] for layer in layers) == recipe.network.parameters
    assert "Glorot" in initialisation and "Adam" in optimiser
    assert facts == {
        "recipe": "maastricht/base",
        "seed": 3,
        "epochs": 9,
        "data": "mnist-sample",
        "data_sha256": train.sha256,
        "partner_sha256": targets.sha256,
        "needs": {"a/b": "1"},
        "provenance": f"{train.provenance}; targets: drawn by hand",
        "licence": train.licence,
        "train_images": 1_500,
        "test_images": 7,
        "val_images": 5,
        "baseline_images": 1_000,
        "split": "80/10/10",
        "classes": list("0123456789"),
        "device": devices.describe(torch.device("cpu")),
        "torch": torch.__version__.split("+")[0],
        "task": "reconstruct",
        "objective": "bce",
        "metric": "mse",
        "published": {"mse": 0.0036},
        "rival": recipe.main_baseline,
        "noise": 0.25,
        "learning_rate": 0.5,
        "summary": recipe.summary,
        "batch_size": recipe.schedule.batch_size,
        "parameters": recipe.network.parameters,
        "bottleneck": list(recipe.network.bottleneck),
        "precision": "bf16",
        "compute_config": config.as_json(),
        "why": {"probe": "p"},
        "processes": 2,
        "quick": True,
        "sweep": "s",
    }
    whole = facts_of(
        replace(setup, splits=replace(several, val=None), dependencies=NOTHING), Options(), Choice(config, {}), 1
    )
    assert (whole["val_images"], whole["baseline_images"], whole["provenance"]) == (0, 1_500, train.provenance)
    assert (whole["partner_sha256"], whole["needs"], whole["quick"]) == (None, {}, False)


# ---- what a training is made of ------------------------------------------------------------------------------


@pytest.fixture
def several(splits: Splits) -> Splits:
    """More images than a quick training tests on; those to validate on are others."""
    many = splits.test.take(np.arange(1_200) % 40)
    return Splits(train=splits.train, test=many, val=replace(many, pixels=255 - many.pixels))


def test_a_training_is_validated_on_its_own_split_and_a_quick_one_tests_on_a_thousand_images(
    several: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, repeatable = registry.load("purdue/dense"), list[torch.device]()
    monkeypatch.setattr(devices, "make_repeatable", repeatable.append)
    for quick, images in ((True, 1_000), (False, 1_200)):
        setup = TrainingSetup.of(recipe, several, Options(device="cpu", quick=quick, seed=4))
        assert len(setup.test.inputs) == len(setup.validation.inputs) == images
        assert torch.allclose(setup.validation.inputs, 1 - setup.test.inputs)
        assert TrainingSetup.of(recipe, replace(several, val=None), Options(device="cpu")).validation.inputs.shape
    assert repeatable[0] == torch.device("cpu")
    target = setup.probe_target
    assert (target.recipe, target.seed, target.batches) == (recipe, 4, setup.batches)
    assert target.validation is setup.validation and target.make_train_step("bf16").precision == "bf16"


def test_a_probe_is_asked_with_what_was_asked_for_and_all_images_of_the_training(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    said: list[str] = []

    def choose(target: object, **more: Any) -> Choice:
        asked.append(more)
        return unprobed_choice("fp32")

    monkeypatch.setattr(setups, "choose", choose)
    monkeypatch.setattr(devices, "has_bf16", lambda device: device.type == "cuda")
    setup = TrainingSetup.of(registry.load("purdue/dense"), splits, Options(device="cpu", epochs=7))
    for precision in ("auto", "bf16"):
        setup.choose_config(Options(precision=precision), "fused", said.append)
    assert [(each["precision"], each["images"], each["engine"]) for each in asked] == [
        ("auto", 1_400, "fused"),
        ("bf16", 1_400, "fused"),
    ]
    assert len(said) == 1 and "--precision bf16 is emulated" in said[0]
    there = replace(setup, device=torch.device("cuda"))
    there.choose_config(Options(precision="bf16", probe=False), "torch", said.append)
    assert len(said) == 1, "in hardware it is not"
    monkeypatch.setattr(fused, "check", lambda *_: pytest.fail("steps are compiled for the CPU alone"))
    assert there.engine(Options(), said.append) == "torch"


def test_a_run_is_measured_on_the_images_that_baselines_are_fitted_to_with_its_scoring_classifier(
    splits: Splits,
) -> None:
    train = splits.train.take(np.zeros(1_001, int))
    classifier = registry.load("hesso/classifier").network()
    assert isinstance(classifier, Classifier)
    setup = TrainingSetup.of(registry.load("purdue/conv"), replace(splits, train=train), Options(device="cpu"))
    setup = replace(setup, dependencies=Dependencies(scoring_classifier=classifier))
    stop = lambda: None  # noqa: E731
    for quick, images in ((True, 1_000), (False, 1_001)):
        found = loop._measurement(setup, Options(quick=quick), Progress(quiet=True), check_stop=stop)
        assert (len(found.train), found.bottleneck_size) == (images, 8 * 7 * 7)
        assert found.scoring_classifier is classifier and found.test is setup.test and found.check_stop is stop


@pytest.mark.parametrize("where", ["train_loss", "val_loss", "metric"])
def test_a_training_that_ends_with_a_figure_that_is_no_number_has_failed(
    where: str, tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, begun = Record.add, list[dict[str, Any]]()

    def spoiled(record: Record, *arguments: Any) -> None:
        add(record, *arguments)
        if where != "metric":
            getattr(record, where)[-1] = float("inf")

    figures = {"mse": 0.5, "psnr": float("nan") if where == "metric" else 3.0}
    monkeypatch.setattr(Record, "add", spoiled)
    monkeypatch.setattr(RunMeasurement, "measure", lambda *_: Measured(figures, {}, "finished", {}))
    monkeypatch.setattr(Progress, "begin", lambda _, name, **more: begun.append({"name": name, **more}))
    result = train_quickly("purdue/dense", tmp_path, epochs=1)
    assert (result.status, result.is_finite) == ("failed", False)
    assert begun == [{"name": "purdue/dense", "epochs": 1, "done": 0, "steps": 1, "images": 200}]


class Two:
    """Two processes, of which this one takes all steps."""

    size = 2

    def steps(self, state: Any, train_step: TrainStep, batches: Batches, config: ComputeConfig) -> EagerSteps:
        return EagerSteps(train_step, batches)


def test_several_processes_take_steps_of_their_own_and_are_counted(tmp_path: Path, splits: Splits) -> None:
    options = Options(data="sample", runs=tmp_path, device="cpu", epochs=1, precision="fp32")
    with Progress(quiet=True) as progress:
        result = loop.train(registry.load("purdue/conv"), splits, options, Interrupt(), progress, processes=Two())
    meta = result.run.read_history().meta
    assert (meta["processes"], meta["compute_config"]["engine"]) == (2, "torch")


def test_a_restored_optimiser_keeps_its_own_rate_and_takes_over_what_it_has_seen() -> None:
    recipe = registry.load("purdue/conv")
    faster = replace(recipe, schedule=replace(recipe.schedule, learning_rate=0.5))
    begun, now = (fresh_state(each, 0, choose("cpu"), NOTHING) for each in (recipe, faster))
    for parameter in begun.network.parameters():
        parameter.grad = torch.ones_like(parameter)
    begun.optimiser.step()
    now.restore(state_from_bytes(begun.to_bytes()))
    assert now.optimiser.param_groups[0]["lr"] == 0.5
    assert all(float(saved["step"]) == 1 for saved in now.optimiser.state.values()) and now.optimiser.state


def test_a_frozen_decoder_is_the_parent_s_and_is_not_learned() -> None:
    recipe = registry.load("letters/latent")
    torch.manual_seed(7)
    parent = registry.load("letters/random").network()
    assert isinstance(parent, Autoencoder)
    state = fresh_state(recipe, 0, choose("cpu"), Dependencies(parent=parent))
    assert isinstance(state.network, Autoencoder) and isinstance(state.network.decoder, Frozen)
    assert same(dict(state.network.decoder.module.state_dict()), dict(parent.decoder.state_dict()))
    learned = [parameter for group in state.optimiser.param_groups for parameter in group["params"]]
    assert learned == list(state.network.encoder.parameters())


# ---- interruptions and full disks ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_between_two_batches_and_says_how_to_resume(
    number: signal.Signals, tmp_path: Path, train_quickly: Train
) -> None:
    with watch() as interrupt:
        os.kill(os.getpid(), number)
        with pytest.raises(
            Interrupted, match=r"Resume with: aezoo train purdue/dense --resume --data sample"
        ) as caught:
            train_quickly("purdue/dense", tmp_path, interrupt=interrupt)
    assert caught.value.exit_code == 128 + number
    assert "the start is saved" in str(caught.value)
    run = RunFolder.of(tmp_path, "purdue/dense")
    assert (checkpoints.last(run).epoch, checkpoints.last(run).val_loss) == (0, math.inf)
    assert (run.read_history().epochs, run.read_history().meta["state"]) == (0, "training")
    resumed = train_quickly("purdue/dense", tmp_path, resume=True)
    straight = train_quickly("purdue/dense", tmp_path / "straight")
    assert same(final_state(resumed.run), final_state(straight.run))


def test_a_training_that_had_nothing_to_resume_has_a_start_to_go_on_from_too(
    tmp_path: Path, train_quickly: Train
) -> None:
    interrupt = Interrupt()
    interrupt.received = signal.SIGTERM
    with pytest.raises(Interrupted, match="the start is saved"):
        train_quickly("purdue/dense", tmp_path, interrupt=interrupt, resume=True)
    assert checkpoints.last(RunFolder.of(tmp_path, "purdue/dense")).epoch == 0


def test_a_second_signal_acts_at_once() -> None:
    interrupt = Interrupt()
    interrupt.receive(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        interrupt.receive(signal.SIGINT, None)


class FullFrom:
    """Call no. `first` of os.fsync and the next `count`−1 fail with ENOSPC; 14 = first of epoch 2's checkpoint."""

    def __init__(self, first: int, count: int) -> None:
        self.range, self.calls, self.sync = range(first, first + count), 0, os.fsync

    def __call__(self, descriptor: int) -> None:
        self.calls += 1
        if self.calls in self.range:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.sync(descriptor)


def test_a_disk_that_is_full_for_a_while_costs_nothing_but_a_warning(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    straight = train_quickly("purdue/dense", tmp_path / "straight", epochs=4)
    monkeypatch.setattr(os, "fsync", FullFrom(first=10, count=2))
    result = train_quickly("purdue/dense", tmp_path / "full", epochs=4)
    assert "the disk is full" in capsys.readouterr().err
    assert same(final_state(straight.run), final_state(result.run))


def test_a_disk_that_stays_full_stops_the_third_time_with_the_last_checkpoint_whole(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", FullFrom(first=16, count=10_000))
    with pytest.raises(
        WriteError, match=r"the third in a row that could not be saved; make room, then: aezoo train"
    ) as caught:
        train_quickly("purdue/dense", tmp_path, epochs=9)
    monkeypatch.undo()
    assert (caught.value.exit_code, caught.value.errno) == (74, errno.ENOSPC)
    run = RunFolder.of(tmp_path, "purdue/dense")
    kept = checkpoints.last(run).epoch
    assert kept >= 1
    assert isinstance(run.read_history(), History)
    assert train_quickly("purdue/dense", tmp_path, epochs=kept + 1, resume=True).record.epochs == kept + 1


def test_failures_to_save_that_are_not_in_a_row_stop_nothing(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = checkpoints.commit

    def full_at_times(run: RunFolder, *, epoch: int, **more: Any) -> None:
        if epoch in (1, 2, 4, 5):
            raise WriteError("the disk is full")
        commit(run, epoch=epoch, **more)

    monkeypatch.setattr(checkpoints, "commit", full_at_times)
    assert train_quickly("purdue/dense", tmp_path, epochs=6).record.epochs == 6


def test_a_run_whose_last_epoch_is_not_on_the_disk_is_not_called_finished(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = train_quickly("purdue/dense", tmp_path / "straight", epochs=2)
    monkeypatch.setattr(os, "fsync", FullFrom(first=14, count=10_000))
    with pytest.raises(
        WriteError, match="The last epoch is not saved; make room, then: aezoo train purdue/dense --resume"
    ) as caught:
        train_quickly("purdue/dense", tmp_path / "full", epochs=2)
    monkeypatch.undo()
    assert caught.value.errno == errno.ENOSPC
    run = RunFolder.of(tmp_path / "full", "purdue/dense")
    assert run.read_history().meta["state"] == "training"
    resumed = train_quickly("purdue/dense", tmp_path / "full", epochs=2, resume=True)
    assert same(final_state(straight.run), final_state(resumed.run))


def test_a_stopped_training_names_the_epoch_on_the_disk_and_not_the_last_one_trained(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt = Interrupt()
    disk = FullFrom(first=14, count=10_000)

    def full(descriptor: int) -> None:
        try:
            disk(descriptor)
        except OSError:
            interrupt.received = signal.SIGINT
            raise

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Interrupted, match="; epoch 1 is saved"):
        train_quickly("purdue/dense", tmp_path, epochs=5, interrupt=interrupt)


# ---- devices -------------------------------------------------------------------------------------------------


def test_cuda_is_refused_where_there_is_none() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(DeviceError, match="use --device cpu or auto"):
        choose("cuda")
    assert choose("auto").type == "cpu"


@pytest.mark.gpu
def test_cuda_learns_what_the_cpu_learns(tmp_path: Path, splits: Splits) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")
    from train.loop import train

    losses = {}
    for device in ("cpu", "cuda"):
        options = Options(data="sample", runs=tmp_path / device, device=device, epochs=3, precision="fp32")
        run = RunFolder.of(options.runs, "purdue/conv")
        with checkpoints.lock(run), Progress(quiet=True) as progress:
            result = train(registry.load("purdue/conv"), splits, options, Interrupt(), progress)
        losses[device] = result.record.train_loss
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=2e-3)  # TF32 and another order of sums
