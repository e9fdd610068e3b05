"""The probe takes bfloat16 only where it keeps the result, is asked only where it pays, and is believed later on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import Train
from train import setup
from train.dependencies import NOTHING
from train.engine import probe
from train.engine.batches import Batches, TestSplit
from train.engine.prepare import Preparation
from train.engine.probe import Choice, ProbeTarget, choose, gradient_error, reference
from train.engine.steps import ComputeConfig, TrainStep
from train.state import fresh_state
from zoo import registry
from zoo.blocks import Output
from zoo.data.splits import Splits
from zoo.errors import RunError
from zoo.objectives import Batch, Terms, objective_of

CPU = torch.device("cpu")
LONG = 10**9  # images: no machine trains so many in half a minute
FP32, BF16 = ComputeConfig("fp32", "nhwc", 1), ComputeConfig("bf16", "nhwc", 1)


def quiet(line: str) -> None: ...


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def own_threads() -> Iterator[None]:
    """Ways set torch's threads; other tests compare bits, which depend on them."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


class Spoiled:
    """purdue/dense's objective, with something wrong in it where layers compute in bfloat16."""

    def __init__(self, *, loss: float = 1.0, gradient: float = 1.0) -> None:
        self.loss, self.gradient = loss, gradient

    def __call__(self, output: Output, batch: Batch) -> Terms:
        terms = objective_of(registry.load("purdue/dense"), None)(output, batch)
        return {name: self._change(value) for name, value in terms.items()}

    def _change(self, value: Tensor) -> Tensor:
        if value.requires_grad and self.gradient != 1:
            value.register_hook(lambda gradient: gradient * self.gradient)
        return value * self.loss


def subject(splits: Splits, spoiled: Spoiled | None = None) -> ProbeTarget:
    recipe = registry.load("purdue/dense")
    prepare = Preparation.of(recipe, None, classes=recipe.classes, device=CPU)
    usual = objective_of(recipe, None)

    def fresh(precision: str) -> TrainStep:
        state = fresh_state(recipe, 0, CPU, NOTHING)
        return TrainStep(
            state.network, spoiled if spoiled and precision == "bf16" else usual, state.optimiser, precision
        )

    batches = Batches.of(splits.train, prepare, batch_size=64, device=CPU)
    return ProbeTarget(recipe, recipe.network(), fresh, batches, TestSplit.of(splits.test, prepare, device=CPU), 0)


@pytest.fixture
def bf16_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine is: bfloat16 twice as fast as float32, two threads no faster than one."""
    monkeypatch.setattr(probe, "_rate", lambda subject, config: 2000.0 if config.precision == "bf16" else 1000.0)


@pytest.mark.usefixtures("bf16_is_faster")
def test_bf16_is_taken_where_it_is_faster_and_keeps_the_loss(splits: Splits) -> None:
    choice = choose(subject(splits), precision="auto", images=LONG, say=quiet)
    assert choice.config.precision == "bf16"
    assert choice.why["bf16"] == "taken"
    assert choice.why["bf16_loss"] == pytest.approx(choice.why["fp32_loss"], rel=0.01)


@pytest.mark.usefixtures("bf16_is_faster")
def test_bf16_is_refused_where_the_loss_is_another(splits: Splits) -> None:
    choice = choose(subject(splits, Spoiled(loss=1.02)), precision="auto", images=LONG, say=quiet)
    assert choice.config.precision == "fp32"
    assert "refused: its validation loss is" in choice.why["bf16"]


@pytest.mark.usefixtures("bf16_is_faster")
@pytest.mark.parametrize("factor", [float("nan"), 3.0])
def test_bf16_is_refused_where_its_gradients_are_unsound(splits: Splits, factor: float) -> None:
    choice = choose(subject(splits, Spoiled(gradient=factor)), precision="auto", images=LONG, say=quiet)
    assert choice.config.precision == "fp32"
    assert "refused: its gradients differ" in choice.why["bf16"]


def test_sound_bf16_gradients_are_near_those_of_float32(splits: Splits) -> None:
    assert 0 < gradient_error(subject(splits), FP32, BF16) < 0.1


def test_a_slower_bf16_is_not_taken(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_rate", lambda subject, config: 1000.0 if config.precision == "bf16" else 990.0)
    assert choose(subject(splits), precision="auto", images=LONG, say=quiet).config.precision == "fp32"


@pytest.mark.usefixtures("bf16_is_faster")
def test_what_was_found_is_kept_and_a_broken_file_counts_as_none(
    splits: Splits, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = choose(subject(splits), precision="auto", images=LONG, say=quiet)
    said: list[str] = []
    again = choose(subject(splits), precision="auto", images=LONG, say=said.append)
    assert (again.config, again.why["probe"], said) == (first.config, "cached", [])
    (file,) = (own_cache / "compute-configs").iterdir()
    for content in ("{", '{"config": {"precision": "fp8", "layout": "nhwc", "threads": 1}, "why": {}}', "[]"):
        file.write_text(content)
        assert choose(subject(splits), precision="auto", images=LONG, say=said.append).config == first.config
    assert len(said) == 3


@pytest.mark.usefixtures("bf16_is_faster")
def test_a_short_training_begins_at_once(splits: Splits) -> None:
    said: list[str] = []
    choice = choose(subject(splits), precision="auto", images=5000, say=said.append)
    assert (choice.config, said) == (reference(), [])


def test_float32_never_asks_a_clock(tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **more: object) -> Choice:
        raise AssertionError("the probe was asked")

    monkeypatch.setattr(setup, "choose", never)
    asked: list[dict[str, Any]] = [{"precision": "fp32"}, {"precision": "auto", "probe": False}]
    for number, more in enumerate(asked):
        meta = train_quickly("purdue/conv", tmp_path / str(number), epochs=1, **more).run.read_history().meta
        assert meta["precision"] == "fp32"
        assert meta["compute_config"] == reference().as_json()


def chosen(monkeypatch: pytest.MonkeyPatch, config: ComputeConfig) -> None:
    monkeypatch.setattr(setup, "choose", lambda subject, **more: Choice(config, {"probe": "made up"}))


def test_a_resumed_run_keeps_the_way_it_was_begun_on(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen(monkeypatch, BF16)
    train_quickly("purdue/conv", tmp_path, epochs=1, precision="auto")
    chosen(monkeypatch, FP32)
    meta = train_quickly("purdue/conv", tmp_path, precision="auto", resume=True).run.read_history().meta
    assert meta["compute_config"] == BF16.as_json()
    assert meta["why"] == {"probe": "made up"}
    with pytest.raises(RunError, match=r"another precision \(bf16, now fp32\)"):
        train_quickly("purdue/conv", tmp_path, epochs=3, precision="fp32", resume=True)


def test_an_epoch_that_diverges_in_bf16_is_taken_again_in_float32(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen(monkeypatch, BF16)
    step, taken = TrainStep.step, [0]

    def unsound_later(train_step: TrainStep, batch: Batch, row: Tensor) -> None:
        step(train_step, batch, row)
        taken[0] += 1
        if train_step.precision == "bf16" and taken[0] == 3:  # in the second epoch of two batches
            row[0] = float("nan")

    monkeypatch.setattr(TrainStep, "step", unsound_later)
    result = train_quickly("purdue/conv", tmp_path, epochs=3, precision="auto")
    assert "bf16 gave a loss that is not finite in epoch 2; it is taken again in fp32" in capsys.readouterr().err
    history = result.run.read_history()
    assert history.epochs == 3 and result.is_finite
    assert history.meta["precision"] == history.meta["compute_config"]["precision"] == "fp32"
    assert history.meta["why"]["bf16"] == "left in epoch 2: its loss was not finite"


def test_bf16_that_was_asked_for_is_not_changed(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = TrainStep.step

    def unsound(train_step: TrainStep, batch: Batch, row: Tensor) -> None:
        step(train_step, batch, row)
        row[0] = float("nan")

    monkeypatch.setattr(TrainStep, "step", unsound)
    result = train_quickly("purdue/conv", tmp_path, epochs=1, precision="bf16", probe=False)
    assert result.run.read_history().meta["precision"] == "bf16"


def test_the_ways_of_a_machine_are_timed_within_the_budget(splits: Splits) -> None:
    whole = subject(splits)
    choice = choose(replace(whole, seed=1), precision="auto", images=LONG, say=quiet)
    timed: dict[str, Any] = choice.why["images_a_second"]
    assert {config.split(",")[0] for config in timed} == {"fp32", "bf16"}
    assert all(rate > 0 for rate in timed.values())
