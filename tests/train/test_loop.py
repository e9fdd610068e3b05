"""The loop: repeatable bit for bit, resumable bit for bit, never losing a run, and honest about a dead one."""

from __future__ import annotations

import errno
import io
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
from tests.representatives import each_recipe, each_task
from train import resume
from train.dependencies import NOTHING
from train.engine.devices import choose
from train.engine.probe import unprobed_choice
from train.interrupts import Interrupt, watch
from train.measure.run import Measured, to_bytes
from train.options import Options
from train.progress import Progress
from train.state import Record, fresh_state, to_history
from train.writer import RunWriter
from zoo import card, checkpoints, registry, runs
from zoo.blocks import Autoencoder
from zoo.data.splits import Splits
from zoo.errors import DeviceError, Interrupted, RunError, UsageError, WriteError
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


@each_task
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


@each_recipe
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


@each_recipe
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


def test_more_epochs_than_a_history_can_hold_are_refused_before_the_first(tmp_path: Path, train_quickly: Train) -> None:
    with pytest.raises(UsageError, match="at most 8559 can be trained"):
        train_quickly("purdue/conv", tmp_path, epochs=9_000)


def test_resuming_a_run_deletes_the_graphs_of_its_earlier_weights(tmp_path: Path, train_quickly: Train) -> None:
    run = train_quickly("purdue/dense", tmp_path, epochs=1).run
    earlier = card.dump({"format": card.FORMAT, "name": "of earlier weights"}).encode()
    run.graph("model").write_bytes(b"\x08\x08\x12\x05aezoo" + earlier)
    run.card.write_bytes(earlier)
    train_quickly("purdue/dense", tmp_path, epochs=1, resume=True)
    assert run.graph("model").is_file(), "nothing was trained, so nothing is stale"
    train_quickly("purdue/dense", tmp_path, epochs=2, resume=True)
    assert not run.graph("model").exists()
    assert not run.card.exists()


def test_a_run_without_a_readable_checkpoint_cannot_be_resumed_and_says_so(
    tmp_path: Path, train_quickly: Train
) -> None:
    run = train_quickly("purdue/dense", tmp_path, epochs=1).run
    for manifest in run.checkpoint.glob("*/manifest.json"):
        manifest.write_bytes(b"{")
    with pytest.raises(RunError, match="without a readable checkpoint, which cannot be resumed; add --overwrite"):
        train_quickly("purdue/dense", tmp_path, epochs=2, resume=True)


def test_resuming_past_damaged_checkpoints_never_loses_what_is_committed_then(
    tmp_path: Path, train_quickly: Train
) -> None:
    run = train_quickly("purdue/dense", tmp_path, epochs=4).run
    (run.checkpoint / "9junk").mkdir()
    (run.checkpoint / "000004" / "state.pt").write_bytes(b"damaged")
    resumed = train_quickly("purdue/dense", tmp_path, epochs=5, resume=True)
    assert resumed.record.epochs == 5
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
    resumed = train_quickly("purdue/dense", tmp_path, resume=True)
    straight = train_quickly("purdue/dense", tmp_path / "straight")
    assert same(final_state(resumed.run), final_state(straight.run))


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
    assert caught.value.exit_code == 74
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
    ):
        train_quickly("purdue/dense", tmp_path / "full", epochs=2)
    monkeypatch.undo()
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
