"""The benchmark compares like with like, and reports what it compared."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity
from torch.utils.data import RandomSampler

from tests.conftest import small_splits
from train.bench import CAN, DEFAULT, __main__, contenders, machine
from train.bench.__main__ import Run, _costs, _evaluated, _head, _is_there, _profile, _table, app
from train.engine import devices, fused
from train.engine.steps import FusedSteps
from train.setup import TrainingSetup
from zoo import bench_process, registry
from zoo.blocks import parameter_count
from zoo.cli import main, run
from zoo.data import sets
from zoo.data.images import Images
from zoo.data.splits import Splits
from zoo.recipe import Recipe

ROOT = Path(__file__).parents[2]
KERAS = importlib.util.find_spec("keras") and importlib.util.find_spec("tensorflow")


def bench(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ending:
        run(app, arguments, name="aezoo bench train")
    said = capsys.readouterr()
    return int(ending.value.code or 0), said.out, said.err


@pytest.fixture
def quick_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's limits are measured on little, and not for long."""
    monkeypatch.setattr(machine, "_SIDE", 256)
    monkeypatch.setattr(machine, "_VALUES", 100_000)
    monkeypatch.setattr(machine, "_SECONDS", 0.01)


@pytest.mark.usefixtures("quick_limits")
def test_a_small_benchmark_reports_speed_losses_memory_and_conditions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "purdue/dense --data sample --images 300 --epochs 2 --device cpu --precision fp32 --json --quiet"
    code, out, _ = bench(capsys, *line.split(), "--out", str(tmp_path / "bench.json"))
    assert code == 0
    report: dict[str, Any] = json.loads(out)
    assert report == json.loads((tmp_path / "bench.json").read_text())
    assert report["machine"]["torch"] == torch.__version__
    assert all(limit > 1e8 for limit in report["limits"].values())
    recipe = report["recipes"]["purdue/dense"]
    assert (recipe["images"], recipe["batch"]) == (300, 256)
    assert "sample" in recipe["provenance"]
    with_keras = [name for name in ("tensorflow", "jax") if KERAS and importlib.util.find_spec(name)]
    assert list(recipe["contenders"]) == ["torch", "plain", *with_keras], "dense networks are not compiled"
    for row in recipe["contenders"].values():
        assert len(row["seconds"]) == len(row["losses"]) == 2
        assert row["images_a_second"] == pytest.approx(300 / row["seconds"][1])
        assert row["memory"] > 50e6
        low, middle, high = row["ours_is_faster"]
        assert 0 < low <= middle <= high
        assert 0 < row["losses"][1] < row["losses"][0] < 1
    ours = recipe["contenders"]["torch"]
    speed = ours["images_a_second"] * ours["operations_an_image"]
    assert ours["share_of_limit"] == pytest.approx(speed / report["limits"]["gemm_fp32"])


@pytest.mark.slow
@pytest.mark.parametrize("name", CAN)
def test_our_engine_learns_what_a_plain_loop_learns(name: str, splits: Splits) -> None:
    """The same start and other shuffles: after six epochs of the sample digits the losses are within 5 %."""
    recipe = registry.load(name)
    if recipe.data.name != "mnist":
        pytest.skip("the fixture holds digits")
    both = [
        contenders.of(who, recipe, splits.train, splits.test, device="cpu", precision="fp32")
        for who in ("plain", "torch", *(["fused"] if machine.compiled_operations(recipe) else []))
    ]
    for contender in both:
        for number in range(1, 7):
            contender.epoch(number)
    for ours in both[1:]:
        assert ours.loss() == pytest.approx(both[0].loss(), rel=0.05)


@pytest.mark.usefixtures("quick_limits")
@pytest.mark.parametrize("there", [True, False])
def test_bfloat16_is_only_measured_where_the_hardware_has_it(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda device: there)
    limits = machine.rates(torch.device("cpu"))
    assert limits.keys() == {"gemm_fp32", "copy", *(["gemm_bf16"] if there else [])}
    assert ("no bfloat16" in _head({"machine": {"name": "it"}, "load": 0.5, "limits": limits})) == (not there)


def test_a_profile_is_of_one_step_however_few_an_epoch_has(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [SimpleNamespace(key=key, self_cpu_time_total=time) for key, time in (("mul", 3.0), ("mm", 6.0))]
    found = nullcontext(SimpleNamespace(key_averages=lambda: rows))
    monkeypatch.setattr(contenders, "profile", lambda **_: found)
    times = contenders.profile_of(iter(range(contenders.WARM + 3)), torch.device("cpu"))
    assert list(times.items()) == [("all", 3.0), ("mm", 2.0), ("mul", 1.0)]


def test_a_profile_on_a_gpu_is_of_its_own_time_and_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [SimpleNamespace(key="mm", self_cpu_time_total=3.0, self_device_time_total=40.0)]
    kinds: list[Any] = []

    def profiler(activities: list[Any]) -> Any:
        kinds.extend(activities)
        return nullcontext(SimpleNamespace(key_averages=lambda: rows))

    monkeypatch.setattr(contenders, "profile", profiler)
    waited: list[torch.device] = []
    monkeypatch.setattr(devices, "wait", waited.append)
    cuda, steps = torch.device("cuda"), iter(range(100))
    assert contenders.profile_of(steps, cuda) == {"all": 2.0, "mm": 2.0}, "of one of 20 steps"
    assert ProfilerActivity.CUDA in kinds and waited == [cuda]


def test_a_plain_loop_begins_where_ours_does_and_steps_as_it_does() -> None:
    """All images are alike, so that their order says nothing; the last batch is a smaller one."""
    recipe = registry.load("maastricht/colour-1")  # of grey images
    recipe = replace(recipe, schedule=replace(recipe.schedule, batch_size=8, learning_rate=2e-3))
    splits = small_splits(recipe)
    alike = splits.train.take(np.zeros(20, int))
    held = splits.train.take(slice(104))
    plain, ours = (
        contenders.of(who, recipe, alike, held, device="cpu", precision="fp32") for who in ("plain", "torch")
    )
    assert isinstance(plain, contenders.Plain) and isinstance(plain._loader.sampler, RandomSampler)
    for epoch in (1, 2):
        assert plain.loss() == pytest.approx(ours.loss(), rel=1e-5 if epoch == 1 else 1e-3)
        for contender in (plain, ours):
            contender.epoch(epoch)
    assert plain.loss() == pytest.approx(ours.loss(), rel=2e-3)


def test_every_epoch_of_ours_is_another_one_and_is_waited_for(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingSetup, "choose_config", lambda *_, **more: pytest.fail("compiled steps ask no probe"))
    ours = contenders.of("fused", registry.load("purdue/conv"), splits.train, splits.test, device="cpu")
    assert isinstance(ours, contenders.Ours) and isinstance(ours._steps, FusedSteps)
    assert str(ours.about["config"]).startswith("fp32, fused")
    asked: list[object] = []
    losses = SimpleNamespace(cpu=lambda: asked.append("waited"))

    def take(*of: int) -> Iterator[int]:
        asked.append(of)
        yield 1

    ours._steps = SimpleNamespace(run=take, step_losses=losses)
    ours.epoch(3)
    assert asked == [(0, 3), "waited"]


def test_a_contender_takes_the_first_images_of_the_recipe_s_own_splits(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    recipe = registry.load("letters/random")
    contender = SimpleNamespace(about={"config": "c"}, profile=lambda: {"all": 1.0}, loss=lambda: asked.append("loss"))
    contender.epoch = asked.append
    whole = replace(splits, val=splits.train.take(slice(30)))

    def of(name: str, recipe: Recipe, train: Images, validation: Images, **more: Any) -> Any:
        asked.append((name, recipe.name, len(train), len(validation), more))
        return contender

    def select(_: object, selection: object) -> Splits:
        asked.append(selection)
        return whole

    monkeypatch.setattr(contenders, "load", lambda name, data, *, split: asked.append((name, data, split)))
    monkeypatch.setattr(contenders, "select", select)
    monkeypatch.setattr(contenders, "of", of)
    about, answer = contenders.make("plain", recipe.name, "d", "cpu", "fp32", 20)
    assert about == {"about": {"config": "c"}, "images": 20, "provenance": splits.train.provenance}
    more = {"device": "cpu", "precision": "fp32"}
    assert asked == [
        (recipe.data.name, "d", recipe.data.split),
        recipe.data.selection,
        ("plain", recipe.name, 20, 20, more),
    ]
    contenders.make("plain", recipe.name, "d", "cpu", "fp32", 0)
    assert asked[-1] == ("plain", recipe.name, 200, 30, more)
    asked.clear()
    assert answer("profile") == {"profile": {"all": 1.0}} and asked == []
    assert answer(3).keys() == {"seconds", "loss"} and asked == [3, "loss"]


def test_an_epoch_of_the_benchmark_takes_each_image_once(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(contenders, "Ours", lambda recipe, *_, **more: made.append((recipe.schedule.steps, more)))
    recipe = registry.load("hesso/vae-2-10")
    for name in ("fused", "torch"):
        contenders.of(name, recipe, splits.train, splits.test, device="cpu", precision="fp32")
    assert recipe.schedule.steps == 187
    assert made == [(None, {"device": "cpu", "precision": "fp32", "engine": engine}) for engine in ("fused", "torch")]


def test_a_goal_is_reached_after_the_epochs_it_took() -> None:
    run_of_three = Run(None, seconds=[3.0, 2.0, 2.0], losses=[0.3, 0.2, 0.1])  # type: ignore[arg-type]
    assert run_of_three.time_to(0.2) == 5.0
    assert run_of_three.time_to(0.05) is None


class Contender:
    """A child that answers at once: its epochs take what `seconds` says, and its losses fall from 1 to 1/2, 1/3, …"""

    setup, memory = 1.5, 200_000_000

    def __init__(self, asked: list[tuple[Any, ...]], arguments: dict[str, Any], config: str = "fp32") -> None:
        self._asked, self._of = asked, (arguments["name"], arguments["images"])
        self.about = {"about": {"config": config}, "images": arguments["images"] or 800, "provenance": "made up"}

    def ask(self, what: int | str) -> dict[str, Any]:
        self._asked.append((*self._of, what))
        if isinstance(what, str):
            return {"profile": {"all": 10.0, "mm": 10.0}}
        return {"seconds": {"fused": 1.0, "torch": 2.0, "plain": 4.0}[self._of[0]] + what / 4, "loss": 1 / what}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the contenders were asked: none of them computes, and the machine's limits are round."""
    asked: list[tuple[Any, ...]] = []

    @contextmanager
    def child(name: str, module: str, arguments: dict[str, Any]) -> Iterator[Contender]:
        assert (name, module) == (arguments["name"], "train.bench.contenders")
        asked.append(tuple(arguments.values()))
        yield Contender(asked, arguments, "bf16" if name == "torch" else "fp32")

    loads = iter([0.25, 7.0, *[0.5] * 99])
    monkeypatch.setattr(bench_process, "child", child)
    monkeypatch.setattr(__main__, "load_average", lambda: next(loads))
    monkeypatch.setattr(
        __main__, "_is_there", lambda name, *, compiles: name in ("fused", "torch", "plain")[not compiles :]
    )
    monkeypatch.setattr(machine, "rates", lambda _: {"gemm_fp32": 1e12, "gemm_bf16": 4e12, "copy": 2.5e10})
    monkeypatch.setattr(machine, "operations", lambda _: 3_000_000_000)
    monkeypatch.setattr(machine, "compiled_operations", lambda _: 2_000_000_000)
    monkeypatch.setattr(sets, "obtain", lambda *which: asked.append(("obtain", *which)))
    return asked


def test_contenders_take_turns_and_each_is_counted_against_its_own_limit(
    asked: list[tuple[Any, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "purdue/conv --data sample --epochs 3 --device cpu --precision fp32 --profile --scaling --json"
    code, out, err = bench(capsys, *line.split(), "--out", str(tmp_path / "bench.json"))
    assert code == 0
    assert asked == [
        ("obtain", "mnist", "sample"),
        *((name, "purdue/conv", "cpu", "sample", "fp32", 0) for name in ("fused", "torch", "plain")),
        *(("fused", 0, 1), ("torch", 0, 1), ("plain", 0, 1)),
        *(("torch", 0, 2), ("plain", 0, 2), ("fused", 0, 2)),
        *(("plain", 0, 3), ("fused", 0, 3), ("torch", 0, 3)),
        *((name, 0, "profile") for name in ("fused", "torch", "plain")),
        *(
            each
            for images in (200, 400, 800)
            for each in (
                ("fused", "purdue/conv", "cpu", "sample", "fp32", images),
                *(("fused", images, epoch) for epoch in (1, 2)),
            )
        ),
    ]
    report = json.loads(out)
    assert (report["load"], report["epochs"]) == (0.25, 3)
    recipe = report["recipes"]["purdue/conv"]
    ours, torch_s, plain = recipe["contenders"].values()
    assert (ours["load"], torch_s["load"]) == (7.0, 0.5), "the highest of its epochs"
    assert (ours["seconds"], ours["images_a_second"]) == ([1.25, 1.5, 1.75], 800 / 1.625)
    assert plain["ours_is_faster"] == pytest.approx([4.75 / 1.75, (4.75 / 1.75 + 4.5 / 1.5) / 2, 4.5 / 1.5])
    assert [each.get("operations_an_image") for each in (ours, torch_s, plain)] == [2_000_000_000, 3_000_000_000, None]
    assert ours["share_of_limit"] == pytest.approx(800 / 1.625 * 2e9 / 1e12)
    assert torch_s["share_of_limit"] == pytest.approx(800 / 2.625 * 3e9 / 4e12)
    assert recipe["scaling"] == {
        "contender": "fused",
        "images": {"200": 1.5, "400": 1.5, "800": 1.5},
        "epochs": {"1": 1.5, "2": 3.25},
    }
    assert plain["profile"] == {"all": 10.0, "mm": 10.0}
    assert "purdue/conv: plain loop, epoch 3 of 3: 4.75 s, validation 0.33333" in err


def test_without_names_four_recipes_are_compared_and_each_data_set_is_fetched_once(
    asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "compiled_operations", lambda _: None)
    code, out, err = bench(capsys, *"--data sample --epochs 2 --device cpu --images 64 --quiet".split())
    assert (code, err) == (0, "")
    assert asked[:3] == [("obtain", "mnist", "sample"), ("obtain", "cifar10", "sample"), asked[2]]
    assert asked[2] == ("torch", DEFAULT[0], "cpu", "sample", "auto", 64), "where nothing is compiled torch is ours"
    assert [line.split(":")[0] for line in out.splitlines() if " images (made up), batch " in line] == list(DEFAULT)
    assert out.splitlines()[-1] == "next: aezoo train purdue/conv"
    assert bench(capsys, *"purdue/conv --data sample --epochs 1".split())[0] == 2, "no epoch would be left to count"


def test_what_a_contender_is_made_of_says_whether_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"keras", "jax"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in installed else None)
    found = {name: _is_there(name, compiles=True) for name in ("fused", "torch", "plain", "tensorflow", "jax")}
    assert found == {"fused": True, "torch": True, "plain": True, "tensorflow": False, "jax": True}
    assert not _is_there("fused", compiles=False)
    installed = {"jax", "tensorflow"}
    assert not _is_there("jax", compiles=True) and not _is_there("tensorflow", compiles=True)


def test_the_goal_is_a_hundredth_above_the_plain_loop_s_last_loss() -> None:
    asked: list[tuple[Any, ...]] = []
    children = [Contender(asked, {"name": name, "images": 600}) for name in ("torch", "plain")]
    runs = {
        "torch": Run(children[0], [9.0, 1.0, 2.0, 6.0], [0.9, 0.5, 0.2019, 0.1], 3.0),  # type: ignore[arg-type]
        "plain": Run(children[1], [8.0, 4.0, 4.0, 4.0], [0.1, 0.3, 0.25, 0.2]),  # type: ignore[arg-type]
    }
    found = _evaluated("purdue/conv", runs)
    ours, plain = found.pop("contenders").values()
    assert found == {"provenance": "made up", "images": 600, "batch": 128, "goal": 0.2 * 1.01, "ours": "torch"}
    assert (ours["images_a_second"], plain["images_a_second"]) == (300.0, 150.0)
    assert (ours["seconds_to_goal"], plain["seconds_to_goal"]) == (12.0, 8.0)
    assert (ours["ours_is_faster"], plain["ours_is_faster"]) == ([1.0] * 3, [4 / 6, 2.0, 4.0])
    assert (ours["setup"], ours["memory"], ours["load"], plain["load"]) == (1.5, 200_000_000, 3.0, 0.0)


def test_the_table_says_what_is_missing_what_is_ours_and_what_was_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    common = {"about": {"config": "fp32, 2 threads"}, "losses": [0.5, 0.125], "memory": 256_000_000, "setup": 2.25}
    torch_s = {**common, "images_a_second": 1234.5, "ours_is_faster": [1.0] * 3, "seconds_to_goal": None, "load": 2.4}
    plain = {**torch_s, "images_a_second": 600.0, "ours_is_faster": [1.5, 2.0, 2.5], "seconds_to_goal": 3.0}
    result: dict[str, Any] = {"images": 6_000, "provenance": "made up", "batch": 32, "goal": 0.2, "ours": "torch"}
    result["contenders"] = {"torch": {**torch_s, "share_of_limit": 0.25}, "plain": plain}
    assert _table("a/b", result, "cpu").splitlines()[1:] == [
        "a/b: 6,000 images (made up), batch 32, cpu",
        "                     images/s  ours, torch is faster by    last loss s to goal ready, s     MB  limit  load",
        "  ours, fused       –  not compiled",
        "  ours, torch           1,234                                0.12500         –      2.2    256    25%   2.4",
        "  plain loop              600  2.00 (1.50 to 2.50)           0.12500       3.0      2.2    256          2.4",
        "  Keras, TensorFlow –  not installed: pip install 'aezoo[bench]'",
        "  Keras, JAX        –  not installed: pip install 'aezoo[bench]'",
        "  ours, torch: fp32, 2 threads",
        "  the goal is 0.20000, 1 % above the plain loop's last loss; limit: of the products",
    ]
    plain["load"], torch_s["profile"] = 2.5, {"all": 50.0, "mm": 50.0}
    result["contenders"]["torch"] = torch_s
    result["scaling"] = {"contender": "torch", "images": {10: 1.0, 20: 1.6}, "epochs": {1: 1.0}}
    *_, goal, busy, images, epochs, step, mm, rest = _table("a/b", result, "cpu").splitlines()
    assert "  2.5*" in _table("a/b", result, "cpu") and "  2.4*" not in _table("a/b", result, "cpu")
    assert goal.startswith("  the goal") and busy.startswith("  * more processes wanted a core")
    assert (images, epochs) == (
        "  ours, torch, seconds by images: 10: 1.00 (+25%), 20: 1.60 (+0%)",
        "  ours, torch, seconds by epochs: 1: 1.00 (+0%)",
    )
    assert step == "  a step of ours, torch: 50 µs" and mm.endswith("100.0%  mm") and rest.endswith("0.0%  the rest")


def test_a_size_s_cost_is_told_beside_its_share_of_the_largest_s() -> None:
    assert _costs({1_000: 1.0, 2_000: 1.5, 4_000: 4.0}) == "1,000: 1.00 (+0%), 2,000: 1.50 (-25%), 4,000: 4.00 (+0%)"


def test_of_a_step_the_operators_above_a_fiftieth_are_named_and_the_rest_is_one_line() -> None:
    found = {"all": 1_000.0, "mm": 900.0, "relu": 21.0, "add": 20.0, "mul": 59.0}
    lines = [line.split() for line in _profile("ours", found)]
    assert lines[0] == ["a", "step", "of", "ours:", "1,000", "µs"]
    assert [(line[0], line[2], " ".join(line[3:])) for line in lines[1:]] == [
        *(("900", "90.0%", "mm"), ("21", "2.1%", "relu"), ("59", "5.9%", "mul"), ("20", "2.0%", "the rest"))
    ]
    assert _profile("plain", {}) == []


def test_the_limits_are_told_in_thousand_millions() -> None:
    limits = {"gemm_fp32": 1.5e12, "gemm_bf16": 3e12, "copy": 2.5e10}
    document = {"machine": {"name": "it", "torch": "2"}, "limits": limits, "load": 0.5}
    assert _head(document) == (
        "it; torch 2\nlimits measured here: 1,500 GFLOP/s float32, 3,000 bfloat16, copying 25.0 GB/s; load before: 0.50"
    )


def test_a_limit_is_the_best_of_what_was_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product of matrices of side n is 2 n³ operations; a copy reads and writes four bytes a value."""
    monkeypatch.setattr(machine, "_SIDE", 8)
    monkeypatch.setattr(machine, "_VALUES", 100)
    monkeypatch.setattr(devices, "has_bf16", lambda device: True)
    seen: list[Any] = []

    def fastest(work: Callable[[], Any], device: torch.device) -> float:
        seen.append(work().dtype)
        return 0.5

    waited: list[torch.device] = []
    took = iter([0.0, *(0.0, 0.0, 1.0), *(1.0, 1.0, 1.25), *(2.0, 2.0, 4.0), 11.0])  # is there time?, before, after
    with monkeypatch.context() as patch:
        patch.setattr(machine, "time", SimpleNamespace(perf_counter=lambda: next(took)))
        patch.setattr(machine, "_SECONDS", 10.0)
        patch.setattr(devices, "wait", waited.append)
        assert machine._fastest(lambda: None, torch.device("cpu")) == 0.25
    assert len(waited) == 3
    monkeypatch.setattr(machine, "_fastest", fastest)
    assert machine.rates(torch.device("cpu")) == {"gemm_fp32": 2048.0, "gemm_bf16": 2048.0, "copy": 1600.0}
    assert seen == [torch.float32, torch.bfloat16, torch.float32]


def test_compiled_operations_are_those_of_the_form_and_none_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert machine.compiled_operations(registry.load("purdue/dense")) is None

    def refuse(*_: object) -> None:
        raise fused.NoCompiler("nothing here")

    recipe = registry.load("purdue/conv")
    monkeypatch.setattr(fused, "check", lambda network, batches: SimpleNamespace(flops=7, entries=8))
    assert machine.compiled_operations(recipe) == 7
    monkeypatch.setattr(fused, "check", refuse)
    assert machine.compiled_operations(recipe) is None


def test_the_operations_of_the_dense_network_are_counted() -> None:
    """Forward and both gradients: three products a weight, save the first layer's towards the image."""
    weights = 2 * (784 * 400 + 400 * 200 + 200 * 100)
    assert machine.operations(registry.load("purdue/dense")) == 2 * (3 * weights - 784 * 400)


@pytest.mark.skipif(not KERAS, reason="Keras is not installed: pip install 'aezoo[bench]'")
@pytest.mark.parametrize("name", CAN)
def test_the_networks_in_keras_have_the_recipes_shapes_and_parameters(name: str) -> None:
    from train.bench.keras_networks import network_of

    recipe = registry.load(name)
    model = network_of(name)
    channels, height, width = recipe.image_shape
    assert model.input_shape == (None, *recipe.input_shape[1:], recipe.input_shape[0])
    assert model.output_shape == (None, height, width, channels)
    assert model.count_params() == parameter_count(recipe.network())


def test_what_the_benchmark_cannot_do_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(capsys, "hesso/denoise-0.5", "--data", "sample")[::2] == (
        2,
        f"aezoo: the benchmark has no 'hesso/denoise-0.5' for Keras; it knows {', '.join(CAN)}\n",
    )
    assert bench(capsys, "--precision", "fp8", "--data", "sample")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [("bench", "'bench train' or 'bench graphs' or 'bench view'"), ("bench trian", "'bench train'")],
)
def test_a_verb_of_two_words_has_a_hint(arguments: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments.split())
    assert ending.value.code == 2
    assert f"no verb {arguments!r}; did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.usefixtures("quick_limits")
def test_a_truncated_file_is_one_sentence_of_a_contender(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"):
        (folder / name).write_bytes(b"\0" * 1000)
    code, _, err = bench(capfd, *f"maastricht/base --data {tmp_path} --epochs 2 --device cpu".split())
    assert code == 2
    assert "is truncated: 1,000 bytes" in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("quick_limits")
def test_data_may_be_named_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here" / "cifar-10-batches-bin").mkdir(parents=True)
    for name in (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"):
        (tmp_path / "here" / "cifar-10-batches-bin" / name).write_bytes(b"\0" * 1000)
    monkeypatch.chdir(tmp_path)
    code, _, err = bench(capfd, *"maastricht/base --data here --epochs 2 --device cpu".split())
    assert (code, "is truncated: 1,000 bytes" in err) == (2, True), "it was found, and read"


def test_the_memory_is_of_the_process_itself() -> None:
    """A child inherits getrusage's maximum; this one holds 300 MB, and its child next to nothing."""
    child = "from zoo import bench_process; print(bench_process.peak_memory())"
    program = (
        f"import numpy, subprocess, sys; held = numpy.ones(40_000_000); command = [sys.executable, '-c', {child!r}]; "
    )
    program += "print(subprocess.check_output(command, text=True))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    assert 1e6 < int(done.stdout) < 150e6


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not say")
def test_the_memory_is_the_most_that_was_held_and_not_that_of_the_moment() -> None:
    program = "import numpy; from zoo import bench_process; numpy.ones(40_000_000); print(bench_process.peak_memory())"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    assert int(done.stdout) > 320e6


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_ends_a_benchmark_at_once_without_a_traceback() -> None:
    command = [sys.executable, "-m", "zoo.cli", *"bench train purdue/dense --data sample --epochs 9999".split()]

    def heeding() -> None:  # these tests may run where Ctrl-C is ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heeding)
    assert process.stdout is not None and process.stderr is not None
    try:
        said = [process.stderr.readline()]
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=300)
    finally:
        process.kill()
    assert "epoch 1 of 9999" in said[0]
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "aezoo: stopped"
    assert "Traceback" not in rest
