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
from tests.representatives import each_task
from train.dependencies import load_dependencies
from train.engine.batches import Batches
from train.engine.prepare import Preparation
from train.engine.steps import ComputeConfig, EagerSteps, StaticSteps, Steps, TrainStep, chunk_sizes, make_restorer
from train.options import Options
from train.state import fresh_state
from zoo import registry
from zoo.objectives import objective_of
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


@each_task
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


@each_task
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
