"""The probe takes bfloat16 only where it keeps the result, is asked only where it pays, and is believed later on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import Train
from train import setup as setups
from train.dependencies import NOTHING
from train.engine import devices, probe
from train.engine.batches import Batches, TestSplit
from train.engine.prepare import Preparation
from train.engine.probe import Choice, ProbeTarget, choose, gradient_error, reference_config
from train.engine.steps import ComputeConfig, TrainStep
from train.options import Options
from train.setup import TrainingSetup
from train.state import fresh_state
from zoo import registry
from zoo.blocks import Output
from zoo.data.splits import Splits
from zoo.errors import RunError
from zoo.objectives import Batch, Terms, objective_of
from zoo.variants import vary

CPU = torch.device("cpu")
LONG = 10**9  # images: no machine trains so many in half a minute
FP32, BF16 = ComputeConfig("fp32", "nhwc", 1), ComputeConfig("bf16", "nhwc", 1)


def quiet(line: str) -> None: ...


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def nothing_else_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "load_average", lambda: 0.0)


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


def probe_target(splits: Splits, spoiled: Spoiled | None = None) -> ProbeTarget:
    recipe = registry.load("purdue/dense")
    prepare = Preparation.of(recipe, None, device=CPU)
    usual = objective_of(recipe, None)

    def make_train_step(precision: str) -> TrainStep:
        state = fresh_state(recipe, 0, CPU, NOTHING)
        return TrainStep(
            state.network, spoiled if spoiled and precision == "bf16" else usual, state.optimiser, precision
        )

    batches = Batches.of(splits.train, prepare, batch_size=64, device=CPU)
    return ProbeTarget(
        recipe, recipe.network(), make_train_step, batches, TestSplit.of(splits.test, prepare, device=CPU), 0
    )


@pytest.fixture
def bf16_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine is: bfloat16 twice as fast as float32, two threads no faster than one."""
    monkeypatch.setattr(devices, "has_bf16", lambda device: True)
    monkeypatch.setattr(
        probe, "images_per_second", lambda target, config: 2000.0 if config.precision == "bf16" else 1000.0
    )


@pytest.mark.usefixtures("bf16_is_faster")
def test_bf16_is_taken_where_it_is_faster_and_keeps_the_loss(splits: Splits) -> None:
    choice = choose(probe_target(splits), precision="auto", images=LONG, say=quiet)
    assert choice.config.precision == "bf16"
    assert choice.why["bf16"] == "taken"
    assert choice.why["bf16_loss"] == pytest.approx(choice.why["fp32_loss"], rel=0.01)


@pytest.mark.usefixtures("bf16_is_faster")
def test_bf16_is_refused_where_the_loss_is_another(splits: Splits) -> None:
    choice = choose(probe_target(splits, Spoiled(loss=1.02)), precision="auto", images=LONG, say=quiet)
    assert choice.config.precision == "fp32"
    assert "refused: its validation loss is" in choice.why["bf16"]


@pytest.mark.usefixtures("bf16_is_faster")
@pytest.mark.parametrize("factor", [float("nan"), 3.0])
def test_bf16_is_refused_where_its_gradients_are_unsound(splits: Splits, factor: float) -> None:
    choice = choose(probe_target(splits, Spoiled(gradient=factor)), precision="auto", images=LONG, say=quiet)
    assert choice.config.precision == "fp32"
    assert "refused: its gradients differ" in choice.why["bf16"]


@pytest.mark.usefixtures("bf16_is_faster")
@pytest.mark.parametrize("rate", [1e9, 1e30])
def test_a_float32_that_diverges_itself_takes_no_bf16_and_leaves_no_nan_behind(
    rate: float, tmp_path: Path, splits: Splits, own_cache: Path
) -> None:
    recipe = vary(registry.load("freiburg/lr-0.01"), {"learning_rate": rate})
    options = Options(data="sample", runs=tmp_path, device="cpu", precision="auto")
    target = TrainingSetup.of(recipe, splits, options).probe_target
    choice = choose(target, precision="auto", images=LONG, say=quiet)
    assert choice.config.precision == "fp32"
    assert choice.why["bf16"].startswith("refused: float32's validation loss is not finite after")
    assert json.dumps(choice.why, allow_nan=False)  # as the history wants it
    (file,) = (own_cache / "compute-configs").iterdir()
    assert "NaN" not in file.read_text()


@pytest.mark.parametrize("there", [True, False])
def test_bf16_is_only_tried_where_the_hardware_has_it(
    there: bool, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda device: there)
    tried: set[str] = set()

    def rate(target: ProbeTarget, config: ComputeConfig) -> float:
        tried.add(config.precision)
        return 1000.0

    monkeypatch.setattr(probe, "images_per_second", rate)
    choose(probe_target(splits), precision="auto", images=LONG, say=quiet)
    assert tried == ({"fp32", "bf16"} if there else {"fp32"})


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[ComputeConfig]:
    """The configs that are timed as on a GPU, where compiled steps train 2,000 images a second and others 1,000."""
    configs: list[ComputeConfig] = []

    def rate(target: ProbeTarget, config: ComputeConfig) -> float:
        configs.append(config)
        return 2000.0 if config.compiled else 1000.0

    for name in ("has_bf16", "has_tf32", "has_compiler"):
        monkeypatch.setattr(devices, name, lambda device: True)
    monkeypatch.setattr(probe, "images_per_second", rate)
    monkeypatch.setattr(probe, "load_average", lambda: 0.0)
    return configs


@pytest.mark.parametrize(("weights", "precisions"), [(999_999, {"tf32"}), (1_000_000, {"tf32", "bf16"})])
def test_a_gpu_trains_small_networks_in_tf32_and_tries_bf16_for_large_ones(
    weights: int, precisions: set[str], splits: Splits, tried: list[ComputeConfig]
) -> None:
    target = probe_target(splits)
    sized = replace(target.recipe, network=replace(target.recipe.network, parameters=weights))
    choice = choose(replace(target, recipe=sized), precision="auto", images=60_000, say=quiet)
    assert choice.config.precision == "tf32" and not choice.config.compiled
    assert {config.precision for config in tried} == precisions


def test_a_short_training_on_a_gpu_is_in_tf32_too(splits: Splits, tried: list[ComputeConfig]) -> None:
    assert choose(probe_target(splits), precision="auto", images=5000, say=quiet).config.precision == "tf32"


@pytest.mark.parametrize(("seconds", "compiled"), [(299, False), (301, True)])
def test_compiling_is_tried_where_the_training_pays_for_it(
    seconds: int, compiled: bool, splits: Splits, tried: list[ComputeConfig]
) -> None:
    target = replace(probe_target(splits), network=registry.load("purdue/conv").network())
    choice = choose(target, precision="auto", images=seconds * 1000, say=quiet)
    assert choice.config.compiled == compiled == any(config.compiled for config in tried)
    again = choose(target, precision="auto", images=seconds * 1000, say=quiet)
    assert (again.config, again.why["probe"]) == (choice.config, "cached")


def test_a_step_that_cannot_be_compiled_is_taken_as_it_is(
    splits: Splits, tried: list[ComputeConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = probe.images_per_second

    def no_compiler(target: ProbeTarget, config: ComputeConfig) -> float:
        if config.compiled:
            raise RuntimeError("no C compiler\nand much more")
        return rate(target, config)

    monkeypatch.setattr(probe, "images_per_second", no_compiler)
    choice = choose(probe_target(splits), precision="auto", images=LONG, say=quiet)
    assert not choice.config.compiled and choice.why["compiled"] == "failed: no C compiler"


def test_tf32_is_allowed_in_its_steps_alone(splits: Splits) -> None:
    def flags() -> tuple[bool, bool]:
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    seen: list[tuple[bool, bool]] = []

    def objective(output: Output, batch: Batch) -> Terms:
        output.raw.register_hook(lambda gradient: seen.append(flags()))
        seen.append(flags())
        return objective_of(registry.load("purdue/dense"), None)(output, batch)

    devices.make_repeatable(CPU)
    target = probe_target(splits)
    for precision in ("tf32", "fp32"):
        train_step = target.make_train_step(precision)
        train_step.objective = objective
        train_step.step(next(target.batches.epoch(0, 1)), torch.zeros(4))
        assert flags() == (False, False), "so that validation and measuring are in float32"
    assert seen == [(True, True)] * 2 + [(False, False)] * 2


def test_a_config_of_before_is_read_and_a_strange_one_is_not() -> None:
    before = {"precision": "fp32", "layout": "nhwc", "threads": 2}
    assert ComputeConfig.from_json(before) == ComputeConfig("fp32", "nhwc", 2)
    now = ComputeConfig("tf32", "nhwc", 2, compiled=True)
    assert ComputeConfig.from_json(now.as_json()) == now and str(now) == "tf32, nhwc, compiled, 2 threads"
    strange: list[dict[str, Any]] = [{"compiled": "yes"}, {"layout": "chwn"}, {"engine": "jax"}, {"precision": "fp8"}]
    for change in (*strange, {"threads": 0}, {"threads": 1025}):
        with pytest.raises(ValueError, match="unknown compute config"):
            ComputeConfig.from_json({**before, **change})


def test_bf16_that_is_emulated_is_allowed_and_said(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda device: False)
    setup = TrainingSetup.of(registry.load("purdue/dense"), splits, Options(device="cpu"))
    said: list[str] = []
    options = Options(device="cpu", precision="bf16", probe=False)
    assert setup.choose_config(options, "torch", said.append).config.precision == "bf16"
    assert said == ["there is no bfloat16 in hardware here: --precision bf16 is emulated, many times slower than fp32"]
    assert (
        setup.choose_config(Options(device="cpu", precision="fp32"), "torch", said.append).config.precision == "fp32"
        and len(said) == 1
    )


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="reads Linux's list of what the processor has")
def test_a_processor_without_bf16_in_linux_list_has_none() -> None:
    flags = Path("/proc/cpuinfo").read_text()
    if "bf16" not in flags:
        assert not devices.has_bf16(CPU)


def test_sound_bf16_gradients_are_near_those_of_float32(splits: Splits) -> None:
    assert 0 < gradient_error(probe_target(splits), FP32, BF16) < 0.1


def test_a_slower_bf16_is_not_taken(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda device: True)
    monkeypatch.setattr(
        probe, "images_per_second", lambda target, config: 1000.0 if config.precision == "bf16" else 990.0
    )
    assert choose(probe_target(splits), precision="auto", images=LONG, say=quiet).config.precision == "fp32"


@pytest.mark.parametrize(("gain", "layout"), [(1.05, "nhwc"), (1.2, "nchw")])
def test_another_config_is_only_taken_where_it_is_a_tenth_faster(
    gain: float, layout: str, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda device: False)
    monkeypatch.setattr(
        probe, "images_per_second", lambda target, config: 1000.0 * (gain if config.layout == "nchw" else 1)
    )
    target = replace(probe_target(splits), network=registry.load("purdue/conv").network())
    assert choose(target, precision="auto", images=LONG, say=quiet).config.layout == layout


@pytest.mark.usefixtures("bf16_is_faster")
def test_what_was_found_is_kept_and_a_broken_file_counts_as_none(
    splits: Splits, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = choose(probe_target(splits), precision="auto", images=LONG, say=quiet)
    said: list[str] = []
    again = choose(probe_target(splits), precision="auto", images=LONG, say=said.append)
    assert (again.config, again.why["probe"], said) == (first.config, "cached", [])
    (file,) = (own_cache / "compute-configs").iterdir()
    for content in ("{", '{"config": {"precision": "fp8", "layout": "nhwc", "threads": 1}, "why": {}}', "[]"):
        file.write_text(content)
        assert choose(probe_target(splits), precision="auto", images=LONG, say=said.append).config == first.config
    assert len(said) == 3


@pytest.mark.usefixtures("bf16_is_faster")
@pytest.mark.parametrize(("load", "budget", "is_kept"), [(0.0, 5.0, True), (1e6, 5.0, False), (0.0, 0.0, False)])
def test_what_a_busy_machine_or_a_single_timing_says_is_not_kept(
    load: float, budget: float, is_kept: bool, splits: Splits, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "load_average", lambda: load)
    monkeypatch.setattr(probe, "BUDGET_SECONDS", budget)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    choose(probe_target(splits), precision="auto", images=LONG, say=quiet)
    assert (own_cache / "compute-configs").exists() == is_kept


def test_one_thread_is_timed_first_and_the_better_number_goes_on(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where another process wants a core: two threads wait for each other."""
    timed: list[int] = []

    def rate(target: ProbeTarget, config: ComputeConfig) -> float:
        timed.append(config.threads)
        return 1000.0 / config.threads

    monkeypatch.setattr(probe, "images_per_second", rate)
    monkeypatch.setattr(devices, "has_bf16", lambda device: False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    choice = choose(probe_target(splits), precision="auto", images=LONG, say=quiet)
    assert timed[:3] == [1, 2, 1]
    assert choice.config.threads == 1


def test_probing_leaves_torchs_threads_as_they_were(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    def rate(target: ProbeTarget, config: ComputeConfig) -> float:
        torch.set_num_threads(3)
        return 1000.0

    monkeypatch.setattr(probe, "images_per_second", rate)
    torch.set_num_threads(1)
    choose(probe_target(splits), precision="bf16", images=LONG, say=quiet)
    assert torch.get_num_threads() == 1


def test_batches_are_shortened_to_what_a_slow_machine_takes_in_a_tenth_of_a_second(
    splits: Splits, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, now = list[int](), [0.0]

    def rate(target: ProbeTarget, config: ComputeConfig) -> float:
        sizes.append(target.batches.batch_size)
        return now[0]

    monkeypatch.setattr(probe, "images_per_second", rate)
    monkeypatch.setattr(devices, "has_bf16", lambda device: False)
    for now[0], size in ((100.0, 10), (5.0, 1), (1e6, 64)):
        choose(replace(probe_target(splits), seed=size), precision="auto", images=LONG, say=quiet)
        assert (sizes[0], sizes[-1]) == (64, size)
        sizes.clear()
        shutil.rmtree(own_cache, ignore_errors=True)


@pytest.mark.parametrize(("precision", "layouts"), [("auto", {"nhwc"}), ("bf16", {"nhwc", "nchw"})])
def test_what_is_timed_is_of_the_precision_asked_for_and_of_layouts_that_matter(
    precision: str, layouts: set[str], splits: Splits, tried: list[ComputeConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network of dense layers has one layout; one of transposed convolutions alone has two."""
    monkeypatch.setattr(devices, "has_compiler", lambda device: False)
    network = torch.nn.Sequential(torch.nn.ConvTranspose2d(1, 1, 2) if "nchw" in layouts else torch.nn.Linear(1, 1))
    choose(replace(probe_target(splits), network=network), precision=precision, images=LONG, say=quiet)
    assert {config.layout for config in tried} == layouts
    assert {config.precision for config in tried} == ({"bf16"} if precision == "bf16" else {"tf32"})


def test_a_rate_is_that_of_the_fastest_step_after_the_first(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two steps: the first takes 9 s and is not counted, then 0.04, 0.02, 0.06 s, and 0.08 s end it."""
    clock, taken = [0.0], list[float]()

    class MadeUpSteps:
        def run(self, seed: int, epoch: int) -> Iterator[int]:
            for seconds in (9.0, 0.04, 0.02, 0.06, 0.08, 0.001):
                clock[0] += seconds
                taken.append(seconds)
                yield 2

    monkeypatch.setattr(probe, "steps_of", lambda *of: MadeUpSteps())
    monkeypatch.setattr("train.engine.probe.time.perf_counter", lambda: clock[0])
    assert probe.images_per_second(probe_target(splits), FP32) == pytest.approx(64 / 0.01)
    assert taken[-1] == 0.08


def test_an_epoch_of_one_step_has_a_rate_too(splits: Splits) -> None:
    target = probe_target(splits)
    single = replace(target, batches=replace(target.batches, batch_size=len(splits.train.pixels)))
    assert single.batches.step_count == 1 and 0 < probe.images_per_second(single, FP32) < float("inf")


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ((1.0, 1.009), "taken"),
        ((1.0, 0.5), "taken"),
        ((-1.0, -1.5), "taken"),
        ((-1.0, -0.98), "refused: its validation loss is 2.0% above float32's after 20 steps"),
        ((1.0, float("inf")), "refused: its validation loss is not finite after 20 steps"),
        ((float("inf"), 1.0), "refused: float32's validation loss is not finite after 20 steps"),
    ],
)
def test_bf16_is_judged_by_how_far_its_loss_lies_above_float32s(
    losses: tuple[float, float], said: str, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "gradient_error", lambda *of: 0.1)
    monkeypatch.setattr(probe, "_loss_after", lambda target, config, size, count: losses[config.precision == "bf16"])
    target = probe_target(splits)
    longer = replace(target, batches=replace(target.batches, steps_wanted=128))
    found = probe._compare(longer, FP32, BF16, {FP32: 1000.0, BF16: 2000.0}, seconds=0.6)
    assert (found["bf16"], found["batch"], found["steps"]) == (said, 20, 20), "400 images: 20 batches of 20"


@pytest.mark.parametrize(("images", "batch", "steps"), [(10, 1, 20), (1000, 50, 20), (6400, 64, 100), (10**6, 64, 128)])
def test_as_many_steps_are_compared_as_the_time_and_the_epoch_allow(
    images: int, batch: int, steps: int, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "gradient_error", lambda *of: 0.1)
    monkeypatch.setattr(probe, "_loss_after", lambda *of: 1.0)
    target = probe_target(splits)
    longer = replace(target, batches=replace(target.batches, steps_wanted=128))
    found = probe._compare(longer, FP32, BF16, {FP32: 2.0, BF16: 2.0}, seconds=images)
    assert (found["batch"], found["steps"]) == (batch, steps)


@pytest.mark.parametrize("worse", [float("nan"), 0.7])
def test_gradients_are_sound_only_where_every_layers_error_is_a_number_and_small(
    worse: float, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bias's true gradient is nearly 0: its error is judged by the whole network's."""
    spoiled: list[None] = []
    weights, bias = torch.ones(4), torch.full((4,), 1e-9)
    found = iter([(weights, bias), (weights, bias + 1e-3), (weights * (1 + worse), bias), (weights, bias)])
    monkeypatch.setattr(
        probe, "_gradients", lambda target, config: dict(zip(("weights", "bias"), next(found), strict=True))
    )
    monkeypatch.setattr(probe, "_spoil_freed_memory", lambda: spoiled.append(None))
    error = gradient_error(probe_target(splits), FP32, BF16)
    assert error == (pytest.approx(0.7) if worse == 0.7 else float("inf"))
    assert len(spoiled) == 3


FACTS: dict[str, Any] = {
    "recipe": lambda target: replace(target, recipe=replace(target.recipe, name="purdue/other")),
    "objective": lambda target: replace(target, recipe=replace(target.recipe, objective="mse")),
    "rate": lambda target: replace(
        target, recipe=replace(target.recipe, schedule=replace(target.recipe.schedule, learning_rate=0.5))
    ),
    "network": lambda target: replace(target, network=torch.nn.Linear(1, 1)),
    "batch": lambda target: replace(target, batches=replace(target.batches, batch_size=63)),
    "data": lambda target: replace(target, batches=replace(target.batches, pixels=target.batches.pixels[1:])),
}


@pytest.mark.parametrize("change", FACTS.values(), ids=FACTS)
def test_another_training_has_a_choice_of_its_own(change: Any, splits: Splits) -> None:
    target = probe_target(splits)
    assert probe._file(target, "auto", "torch", LONG) == probe._file(probe_target(splits), "auto", "torch", LONG)
    assert probe._file(change(target), "auto", "torch", LONG) != probe._file(target, "auto", "torch", LONG)


def test_another_precision_engine_machine_or_torch_has_a_choice_of_its_own(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = probe_target(splits)

    def file(precision: str = "auto", engine: str = "torch", images: int = LONG) -> Path:
        return probe._file(target, precision, engine, images)

    monkeypatch.setattr(devices, "has_compiler", lambda device: False)
    assert file(images=7) == file(), "where nothing is compiled, a choice is for any length"
    files = [file(), file("bf16"), file(engine="fused")]
    changes: list[tuple[Any, str, Any]] = [
        (devices, "has_compiler", lambda device: True),
        (probe, "FORMAT", probe.FORMAT + 1),
        (torch, "__version__", "another"),
        (devices, "machine", lambda device: "another"),
        (torch, "get_num_threads", lambda: 77),
    ]
    for owner, name, value in changes:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, value)
            files.append(file())
            if name == "has_compiler":
                files.append(file(images=7))
    assert len(set(files)) == len(files) == 9


def test_a_choice_that_cannot_be_kept_costs_nothing(
    splits: Splits, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_cache.write_text("no folder")
    monkeypatch.setattr(probe, "images_per_second", lambda target, config: 1000.0)
    monkeypatch.setattr(devices, "has_bf16", lambda device: True)  # so that there is something to keep
    assert choose(probe_target(splits), precision="auto", images=LONG, say=quiet).config.precision == "fp32"


def test_compiled_steps_are_timed_only_beside_bf16(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[ComputeConfig] = []
    rates = {"fused": 5000.0, "torch": 9000.0}

    def rate(target: ProbeTarget, config: ComputeConfig) -> float:
        timed.append(config)
        return rates[config.engine]

    monkeypatch.setattr(probe, "images_per_second", rate)
    monkeypatch.setattr(devices, "has_bf16", lambda device: False)
    choice = choose(probe_target(splits), precision="auto", images=LONG, say=quiet, engine="fused")
    assert (choice.config, timed) == (reference_config("fp32", "fused"), [])
    monkeypatch.setattr(devices, "has_bf16", lambda device: True)
    monkeypatch.setattr(probe, "_compare", lambda target, fp32, *more: {"bf16": "taken", "against": fp32.engine})
    choice = choose(probe_target(splits), precision="auto", images=LONG, say=quiet, engine="fused")
    assert {(config.engine, config.precision) for config in timed} == {("fused", "fp32"), ("torch", "bf16")}
    assert (choice.config.precision, choice.why["against"]) == ("bf16", "fused")
    rates["torch"] = 5100.0  # which is not worth another rounding
    choice = choose(replace(probe_target(splits), seed=7), precision="auto", images=LONG, say=quiet, engine="fused")
    assert choice.config.precision == "bf16", "as it was found before"


@pytest.mark.usefixtures("bf16_is_faster")
def test_a_short_training_begins_at_once(splits: Splits) -> None:
    said: list[str] = []
    choice = choose(probe_target(splits), precision="auto", images=5000, say=said.append)
    assert (choice.config, said) == (reference_config(), [])


def test_float32_never_asks_a_clock(tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **more: object) -> Choice:
        raise AssertionError("the probe was asked")

    monkeypatch.setattr(setups, "choose", never)
    asked: list[dict[str, Any]] = [{"precision": "fp32"}, {"precision": "auto", "probe": False}]
    for number, more in enumerate(asked):
        meta = train_quickly("purdue/conv", tmp_path / str(number), epochs=1, **more).run.read_history().meta
        assert meta["precision"] == "fp32"
        assert meta["compute_config"] == reference_config("fp32", "fused").as_json()


def chosen(monkeypatch: pytest.MonkeyPatch, config: ComputeConfig) -> None:
    monkeypatch.setattr(setups, "choose", lambda target, **more: Choice(config, {"probe": "made up"}))


def test_a_resumed_run_keeps_the_config_it_was_begun_with(
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


def test_an_epoch_that_diverges_in_bf16_is_taken_again_in_float32_from_where_it_began(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen(monkeypatch, BF16)
    step, taken = TrainStep.step, [0]

    def unsound_later(train_step: TrainStep, batch: Batch, row: Tensor) -> None:
        step(train_step, batch, row)
        taken[0] += 1
        if train_step.precision == "bf16" and taken[0] == 3:  # in the second epoch of two batches
            row[0] = float("nan")
            with torch.no_grad():
                for weights in train_step.network.parameters():
                    weights.fill_(float("nan"))

    monkeypatch.setattr(TrainStep, "step", unsound_later)
    result = train_quickly("purdue/conv", tmp_path, epochs=3, precision="auto")
    assert "bf16 gave a non-finite loss in epoch 2; it is repeated in fp32" in capsys.readouterr().err
    history = result.run.read_history()
    assert history.epochs == 3 and result.is_finite, "from the weights of before"
    assert history.meta["precision"] == history.meta["compute_config"]["precision"] == "fp32"
    assert history.meta["why"]["bf16"] == "left in epoch 2: its loss was not finite"


def test_an_epoch_whose_last_step_alone_spoils_the_weights_is_taken_again_too(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen(monkeypatch, BF16)
    step, taken = TrainStep.step, [0]

    def spoiled_at_the_end(train_step: TrainStep, batch: Batch, row: Tensor) -> None:
        step(train_step, batch, row)
        taken[0] += 1
        if taken[0] == 2:  # the last of the first epoch, whose losses are all finite
            with torch.no_grad():
                next(train_step.network.parameters()).fill_(float("inf"))

    monkeypatch.setattr(TrainStep, "step", spoiled_at_the_end)
    result = train_quickly("purdue/conv", tmp_path, epochs=1, precision="auto")
    assert result.is_finite and result.run.read_history().meta["precision"] == "fp32"
    assert taken == [4]


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


def test_the_configs_of_a_machine_are_timed_within_the_budget(splits: Splits) -> None:
    whole = probe_target(splits)
    choice = choose(replace(whole, seed=1), precision="auto", images=LONG, say=quiet)
    timed: dict[str, Any] = choice.why["images_a_second"]
    assert {config.split(",")[0] for config in timed} == ({"fp32", "bf16"} if devices.has_bf16(CPU) else {"fp32"})
    assert all(rate > 0 for rate in timed.values())
