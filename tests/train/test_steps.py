"""The form of an epoch that a CUDA graph can hold takes the very steps of the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.conftest import TrainedRuns, shortened, small_splits
from tests.representatives import each_small
from train.dependencies import load_dependencies
from train.engine.batches import Batches, TestSplit
from train.engine.devices import threads_restored
from train.engine.prepare import Preparation
from train.engine.rewriting import PixelShuffleConvolution
from train.engine.steps import (
    ComputeConfig,
    EagerSteps,
    StaticSteps,
    Steps,
    TrainStep,
    chunk_sizes,
    make_restorer,
    steps_of,
    validate,
)
from train.engine.threads import ThreadTimer
from train.options import Options
from train.state import fresh_state
from zoo import registry
from zoo.objectives import Batch, Terms, objective_of
from zoo.recipe import Recipe

CPU = torch.device("cpu")
Form = Callable[[TrainStep, Batches], Steps]


def make_train_step(
    recipe: Recipe, needs: Path, *, size: int | None = None, device: torch.device = CPU
) -> tuple[TrainStep, Batches]:
    """A train step at the start, and the batches of a few sample images."""
    dependencies = load_dependencies(recipe, Options(data="sample", runs=needs, quick=True), device)
    state = fresh_state(recipe, 0, device, dependencies)
    prepare = Preparation.of(recipe, dependencies.targets, device=device)
    batches = Batches.of(
        small_splits(recipe).train,
        prepare,
        batch_size=size or recipe.schedule.batch_size,
        device=device,
        steps=None if size else recipe.schedule.steps,
    )
    return TrainStep(state.network, objective_of(recipe, dependencies.teacher), state.optimiser, "fp32"), batches


def run_epochs(
    form: Form, recipe: Recipe, needs: Path, epochs: int = 2, size: int | None = None
) -> tuple[list[int], TrainStep, torch.Tensor]:
    train_step, batches = make_train_step(recipe, needs, size=size)
    steps = form(train_step, batches)
    counts = [count for epoch in range(1, epochs + 1) for count in steps.run(0, epoch)]
    return counts, train_step, steps.step_losses


def same(one: TrainStep, two: TrainStep) -> bool:
    pairs = zip(one.network.state_dict().values(), two.network.state_dict().values(), strict=True)
    return all(torch.equal(left, right) for left, right in pairs)


@each_small
def test_static_steps_are_the_eager_ones_bit_for_bit(name: str, trained_runs: TrainedRuns) -> None:
    recipe, needs = shortened(registry.load(name)), trained_runs(*registry.load(name).needs)
    _, eager, step_losses = run_epochs(EagerSteps, recipe, needs)
    _, static, other_losses = run_epochs(lambda *both: StaticSteps(*both, steps_per_graph=2), recipe, needs)
    assert torch.equal(step_losses, other_losses) and bool(step_losses[:, 0].all())
    assert same(eager, static)


@pytest.mark.parametrize("name", ["purdue/conv", "hesso/vae-2-10", "letters/classifier-noise"])
def test_compiled_steps_are_those_of_torch_within_rounding(
    name: str, trained_runs: TrainedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.engine.steps.COMPILER", {"backend": "aot_eager"})
    recipe, needs = shortened(registry.load(name)), trained_runs(*registry.load(name).needs)
    _, static, losses = run_epochs(StaticSteps, recipe, needs)
    _, compiled, other_losses = run_epochs(lambda *both: StaticSteps(*both, compiled=True), recipe, needs)
    assert compiled.terms == static.terms
    torch.testing.assert_close(other_losses, losses, rtol=1e-5, atol=1e-6)
    pairs = zip(compiled.network.parameters(), static.network.parameters(), strict=True)
    assert all(torch.allclose(one, two, rtol=1e-4, atol=1e-5) for one, two in pairs)


def test_a_smaller_last_batch_is_taken_as_it_is(tmp_path: Path) -> None:
    recipe = registry.load("purdue/denoise")
    _, eager, step_losses = run_epochs(EagerSteps, recipe, tmp_path, size=64)
    counts, static, other_losses = run_epochs(
        lambda *both: StaticSteps(*both, steps_per_graph=3), recipe, tmp_path, size=64
    )
    assert counts == [3, 1, 1] * 2, "300 images: four whole batches, and one of 44"
    assert torch.equal(step_losses, other_losses)
    assert same(eager, static)


def test_steps_are_split_into_graphs_and_single_ones() -> None:
    assert list(chunk_sizes(37, 16)) == [16, 16, 1, 1, 1, 1, 1]
    assert list(chunk_sizes(3, 16)) == [1, 1, 1]
    assert list(chunk_sizes(0, 16)) == []


class OperatorCounts(TorchDispatchMode):
    """Counts aten's operators, each of which is a launch on a GPU; views and empty tensors are none."""

    NO_LAUNCH = frozenset("view t transpose permute expand slice select unsqueeze detach alias unbind empty".split())

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if func.namespace == "aten" and name.strip("_").removesuffix("_like") not in self.NO_LAUNCH:
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("name", "at_most"),
    [("purdue/conv", 38), ("purdue/dense", 45), ("freiburg/lr-0.001", 39), ("maastricht/base", 37)],
)
def test_a_step_takes_few_operators(name: str, at_most: int, tmp_path: Path) -> None:
    train_step, batches = make_train_step(registry.load(name), tmp_path, size=32)
    ComputeConfig("fp32", "nhwc", torch.get_num_threads()).apply_to(train_step.network)
    running = StaticSteps(train_step, batches, steps_per_graph=1).run(0, 1)
    next(running)  # makes Adam's state
    with OperatorCounts() as counter:
        next(running)
    counts = counter.counts
    assert counts.total() <= at_most, counts
    assert counts["_fused_adam_"] == counts["_foreach_add_"] == 1, "all of Adam"
    assert counts["index_select"] == 1, "the pixels'; nothing reads the labels"


def test_a_step_follows_its_own_batch_alone_by_the_weight_it_is_given(tmp_path: Path) -> None:
    train_step, batches = make_train_step(registry.load("purdue/dense"), tmp_path, size=32)
    train_step.optimiser = torch.optim.SGD(train_step.network.parameters(), lr=0)  # keeps weights and gradients
    train_step.objective = lambda output, batch: {"two": output.raw.square().mean(), "one": output.raw.mean()}
    batch, row, found = next(batches.epoch(0, 1)), torch.zeros(4), list[torch.Tensor]()
    for weight in (1, 1, 0.25):
        train_step.step(batch, row, weight=weight)
        found.append(torch.cat([value.grad.flatten() for value in train_step.network.parameters()]))  # type: ignore[union-attr]
    assert torch.equal(found[0], found[1]) and bool(found[0].any())
    torch.testing.assert_close(found[2], found[0] / 4)
    assert train_step.terms == ("two", "one") and float(row[0]) == pytest.approx(float(row[1] + row[2]))
    assert float(row[1]) == pytest.approx(float(train_step.network(batch.image).raw.detach().square().mean()))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["purdue/conv", "freiburg/lr-0.01", "hesso/vae-2-10", "hesso/classifier"])
def test_layers_compute_in_the_precision_and_losses_in_float32(name: str, precision: str) -> None:
    network, layers, outputs = registry.load(name).network(), set[torch.dtype](), list[Any]()

    def objective(output: Any, batch: Batch) -> Terms:
        outputs.append(output)
        return {"mean": next(value for value in output if value is not None).mean()}

    for layer in network.modules():
        if isinstance(layer, torch.nn.Linear):
            layer.register_forward_hook(lambda layer, given, made: layers.add(made.dtype))
    train_step = TrainStep(network, objective, torch.optim.SGD(network.parameters(), lr=0), precision)
    image = torch.rand(4, *registry.load(name).input_shape)
    train_step.step(Batch(image, image, torch.zeros(4, dtype=torch.int64)), torch.zeros(4))
    (output,) = outputs
    assert {value.dtype for value in output if value is not None} == {torch.float32}
    assert layers <= {torch.bfloat16 if precision == "bf16" else torch.float32}
    assert layers or name == "purdue/conv" or "freiburg" in name
    shuffled = sum(isinstance(layer, PixelShuffleConvolution) for layer in train_step.rewritten.modules())
    assert shuffled == (2 if "freiburg" in name and precision == "bf16" else 0)


@pytest.mark.parametrize("mode", [True, False])
def test_both_networks_learn_or_rest(mode: bool, tmp_path: Path) -> None:
    train_step, _ = make_train_step(registry.load("purdue/conv"), tmp_path)
    train_step.train(not mode)
    train_step.train(mode)
    for network in (train_step.network, train_step.rewritten):
        assert {layer.training for layer in network.modules()} == {mode}


def test_a_validation_loss_is_the_mean_over_images_of_a_network_at_rest(tmp_path: Path) -> None:
    train_step, batches = make_train_step(registry.load("purdue/dense"), tmp_path)
    images = torch.zeros(250, 1, 28, 28)
    split, seen = TestSplit(images, images, torch.zeros(250, dtype=torch.int64), batches.prepare), list[int]()

    def objective(output: Any, batch: Batch) -> Terms:
        assert not torch.is_grad_enabled() and not train_step.rewritten.training
        seen.append(len(batch.image))
        return {"one": torch.tensor(len(batch.image) - 1.0), "two": torch.tensor(1.0)}

    train_step.objective = objective
    train_step.train()
    for min_images, taken, mean in ((None, 3, 90), (100, 1, 100), (101, 2, 100), (201, 3, 90), (900, 3, 90)):
        assert validate(train_step, split, min_images=min_images) == pytest.approx(mean)
        assert seen == [100, 100, 50][:taken]
        seen.clear()


def test_a_config_sets_the_layout_and_the_threads() -> None:
    network = registry.load("purdue/conv").network()
    weights = next(value for value in network.parameters() if value.dim() == 4 and min(value.shape) > 1)
    with threads_restored():
        for layout, threads in (("nhwc", 2), ("nchw", 1)):
            ComputeConfig("fp32", layout, threads).apply_to(network)
            assert weights.is_contiguous(memory_format=torch.channels_last) == (layout == "nhwc")
            assert torch.get_num_threads() == threads


def test_threads_are_timed_anew_in_each_epoch_and_only_where_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_step, batches = make_train_step(registry.load("purdue/dense"), tmp_path, size=128)
    used, timed = list[int](), list[int]()
    monkeypatch.setattr(torch, "set_num_threads", used.append)

    def took(timer: ThreadTimer, images: int, seconds: float) -> None:
        timed.append(images)
        timer.threads = 1

    monkeypatch.setattr(ThreadTimer, "took", took)
    config = ComputeConfig("fp32", "nhwc", 4)
    list(steps_of(train_step, batches, config).run(0, 1))
    assert (used, timed) == ([], [])
    steps = steps_of(train_step, batches, config, retime=True)
    for epoch in (1, 2):
        list(steps.run(0, epoch))
    assert (used, timed) == ([4, 1, 1] * 2, [128, 128, 44] * 2)


@each_small
def test_labels_are_gathered_only_where_they_are_read(name: str, trained_runs: TrainedRuns) -> None:
    recipe = registry.load(name)
    _, batches = make_train_step(recipe, trained_runs(*recipe.needs))
    batch = batches.gather(torch.arange(4), torch.Generator())
    assert len(batch.label) == (len(batch.image) if recipe.task.name in ("classify", "translate", "recall") else 0)


def test_warming_up_leaves_weights_and_optimiser_as_they_were(trained_runs: TrainedRuns) -> None:
    recipe = registry.load("letters/random")  # with batch normalisation
    train_step, batches = make_train_step(shortened(recipe), trained_runs(*recipe.needs))
    steps = EagerSteps(train_step, batches)
    list(steps.run(0, 1))
    weights = {name: value.clone() for name, value in train_step.network.state_dict().items()}
    addresses = [value.data_ptr() for value in train_step.network.state_dict().values()]
    memory = [value.clone() for values in train_step.optimiser.state.values() for value in values.values()]
    restore = make_restorer(train_step)
    list(steps.run(0, 2))
    assert not all(torch.equal(value, weights[name]) for name, value in train_step.network.state_dict().items())
    restore()
    assert all(torch.equal(value, weights[name]) for name, value in train_step.network.state_dict().items())
    assert addresses == [value.data_ptr() for value in train_step.network.state_dict().values()]
    after = [value for values in train_step.optimiser.state.values() for value in values.values()]
    assert memory and all(map(torch.equal, memory, after))


def test_an_optimiser_that_was_new_is_new_again(tmp_path: Path) -> None:
    train_step, batches = make_train_step(registry.load("purdue/conv"), tmp_path)
    restore = make_restorer(train_step)
    list(EagerSteps(train_step, batches).run(0, 1))
    restore()
    memory = [value for values in train_step.optimiser.state.values() for value in values.values()]
    assert memory and not any(bool(value.any()) for value in memory)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["purdue/conv", "purdue/dense", "purdue/denoise", "maastricht/base"])
def test_a_graph_gives_the_losses_of_the_eager_steps(name: str, tmp_path: Path) -> None:
    """Within 2e-3: kernels that add in another order, and Adam that divides small by small."""
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU")
    device = torch.device("cuda")
    recipe = shortened(registry.load(name))
    step_losses = []
    for form in (EagerSteps, StaticSteps):
        train_step, batches = make_train_step(recipe, tmp_path, device=device)
        steps = form(train_step, batches)
        for epoch in (1, 2, 3):
            list(steps.run(0, epoch))
        step_losses.append(steps.step_losses[:, 0].cpu())
    assert torch.allclose(step_losses[0], step_losses[1], rtol=2e-3, atol=0)
