"""Compiled steps: each kernel computes its formula, gradients are torch's, and bits depend on nothing but the seed."""

from __future__ import annotations

import builtins
import copy
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from llvmlite import ir
from torch import Tensor, nn

from tests.conftest import Train, small_splits
from train import cache
from train import setup as setups
from train.cache import cached_bytes
from train.dependencies import NOTHING
from train.engine import fused
from train.engine.batches import Batches
from train.engine.fused import NoCompiler, Unsupported, driver, emitter, kernels
from train.engine.fused.driver import Adam, Engine, aligned, form_for
from train.engine.fused.form import Compiler, Form, Sums
from train.engine.fused.kernels import AxisMap
from train.engine.prepare import Preparation
from train.engine.steps import EagerSteps, FusedSteps, Steps, TrainStep
from train.engine.threads import MIN_SECONDS, ThreadTimer
from train.options import Options
from train.setup import TrainingSetup
from train.state import fresh_state
from zoo import registry
from zoo.blocks import Autoencoder, UnitClamp
from zoo.data.splits import Splits
from zoo.errors import DeviceError
from zoo.objectives import Batch, objective_of, total
from zoo.recipe import Recipe

CPU = torch.device("cpu")
COMPILED = (
    *("freiburg/lr-0.1", "freiburg/lr-0.01", "freiburg/lr-0.001", "purdue/conv", "purdue/denoise", "hesso/conv"),
    *("hesso/denoise-0.5", "hesso/denoise-0.7", "hesso/denoise-0.9"),
    *(name for name in registry.names() if name.startswith("maastricht/")),
)
QUICK = ("purdue/denoise", "freiburg/lr-0.01", "maastricht/model-1-as-trained", "maastricht/model-7")
WIDTHS = (8, 16)  # floats in a vector of the processor: AVX2's and AVX512's; code for either runs on both


def each(quick: tuple[str, ...]) -> pytest.MarkDecorator:
    marked = [pytest.param(name, marks=[] if name in quick else [pytest.mark.slow]) for name in COMPILED]
    return pytest.mark.parametrize("name", marked)


each_compiled = each(QUICK)


def prepared(recipe: Recipe, size: int | None = None) -> tuple[TrainStep, Batches]:
    """A train step at the start, and the batches of 300 sample images."""
    state = fresh_state(recipe, 0, CPU, NOTHING)
    batches = Batches.of(
        small_splits(recipe).train, Preparation.of(recipe, None, device=CPU), batch_size=size or 48, device=CPU
    )
    return TrainStep(state.network, objective_of(recipe, None), state.optimiser, "fp32"), batches


def compiled_steps(train_step: TrainStep, batches: Batches) -> FusedSteps:
    return FusedSteps(train_step, batches, 2)


FORMS: tuple[Callable[[TrainStep, Batches], Steps], ...] = (EagerSteps, compiled_steps)


def unusual() -> Autoencoder:
    """What no recipe has together: PReLU, fully connected layers, a 1×1 and a strided convolution, an upconvolution."""
    return Autoencoder(
        encoder=nn.Sequential(
            nn.Conv2d(1, 4, 5, stride=2, padding=2),
            nn.PReLU(4),
            nn.Conv2d(4, 6, 1, bias=False),
            nn.PReLU(),
            nn.Conv2d(6, 6, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(294, 10),
            nn.ReLU(),
        ),
        decoder=nn.Sequential(
            nn.Linear(10, 98),
            nn.Unflatten(1, (2, 7, 7)),
            nn.PReLU(),
            nn.ConvTranspose2d(2, 5, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(5, 3, 2, stride=2),
            nn.ReLU(),
            nn.Conv2d(3, 1, 7, padding=3),
        ),
        to_pixels=UnitClamp(scale=0.5, offset=0.25),
    )


def unusually_pooled() -> Autoencoder:
    """What is pooled, padded and upsampled where no recipe does it."""
    return Autoencoder(
        encoder=nn.Sequential(
            nn.MaxPool2d(2),  # of the images themselves
            nn.Upsample(scale_factor=2),
            nn.Conv2d(1, 4, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),  # of what was upsampled
            nn.ZeroPad2d(1),
            nn.Conv2d(4, 5, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(5, 4, 1),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),  # 7 become 4, of a map without a border of its own
        ),
        decoder=nn.Sequential(
            nn.ConvTranspose2d(4, 3, 2, stride=2, output_padding=1),
            nn.Conv2d(3, 3, 2),
            nn.ReLU(),
            nn.ConvTranspose2d(3, 3, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(3, 2, 3),
            nn.ReLU(),
            nn.ConvTranspose2d(2, 2, 2, stride=2, padding=1),
            nn.Conv2d(2, 1, 3, padding=2),
        ),
        to_pixels=nn.Sigmoid(),
    )


def unusual_step(make: Callable[[], Autoencoder] = unusual) -> tuple[TrainStep, Batches]:
    recipe = replace(registry.load("purdue/conv"), objective="mse")
    _, batches = prepared(recipe)
    torch.manual_seed(0)
    network = make()
    return TrainStep(network, objective_of(recipe, None), torch.optim.Adam(network.parameters(), 1e-3), "fp32"), batches


def engine_and_kernels(make: Callable[[], tuple[TrainStep, Batches]], width: int) -> Iterator[tuple[str, float, float]]:
    """Run each kernel on random numbers; yield its name and its largest errors in arena and gradients, relative."""
    train_step, batches = make()
    engine, random = Engine(train_step.network, batches, width=width), np.random.default_rng(0)
    form = engine.form
    arena = aligned(sum(each.vectors for each in form.maps), 16)
    weights, gradients = aligned(len(form.packed.start)), aligned(form.row * 16)
    for number, kernel in enumerate(form.schedule):
        arena[:], weights[:] = 0, random.normal(size=weights.shape)
        for each in form.maps:
            each.inside(arena)[:] = random.normal(size=each.inside(arena).shape)
            each.inside(arena, each.ones)[each.channels :] = 1
        for other in form.schedule:
            if isinstance(other, kernels.ConvolveAndPool):
                other.choice.inside(arena)[:] = random.integers(0, 4, other.choice.inside(arena).shape)
        gradients[:] = random.normal(size=gradients.shape)
        wanted, wanted_gradients = arena.copy(), gradients.copy()
        kernel.formula(wanted, weights, wanted_gradients)
        engine.functions[f"kernel_{number}"](arena.ctypes.data, weights.ctypes.data, gradients.ctypes.data)
        pairs = ((arena, wanted), (gradients, wanted_gradients))
        yield type(kernel).__name__, *(float(abs(found - right).max() / abs(right).max()) for found, right in pairs)  # type: ignore[misc]


@pytest.mark.parametrize("width", WIDTHS)
@each_compiled
def test_each_kernel_computes_its_formula(name: str, width: int) -> None:
    errors = list(engine_and_kernels(lambda: prepared(registry.load(name)), width))
    assert len(errors) > 10
    assert [each for each in errors if max(each[1:]) > 1e-5] == []


def test_kernels_that_no_recipe_has_compute_their_formula_too() -> None:
    errors = list(engine_and_kernels(unusual_step, 8))
    assert {"Prelu", "PreluGradient"} <= {name for name, *_ in errors}
    assert [each for each in errors if max(each[1:]) > 1e-5] == []
    of_recipes = {type(kernel).__name__ for name in QUICK for kernel in form_of(name).schedule}
    every = {name for name, value in vars(kernels).items() if hasattr(value, "formula") and name != "Kernel"}
    assert every == of_recipes | {"Prelu", "PreluGradient"}


def form_of(name: str) -> Form:
    train_step, batches = prepared(registry.load(name))
    return form_for(train_step.network, batches, fused.processor()[0])


def gradients_by_torch(
    train_step: TrainStep, batches: Batches, order: Tensor, noise: Tensor, dtype: torch.dtype
) -> list[np.ndarray]:
    network, prepare = copy.deepcopy(train_step.network).to(dtype), batches.prepare
    clean = batches.pixels[order].float() / 255
    added = (clean + prepare.recipe.data.noise * noise).clamp(0, 1) if prepare.recipe.data.noise else clean
    image = prepare.input(added, batches.labels[order], None).to(dtype)
    total(train_step.objective(network(image), Batch(image, clean.to(dtype), batches.labels[order]))).backward()
    return [value.grad.numpy().ravel() for value in network.parameters() if value.grad is not None]


def gradient_errors(train_step: TrainStep, batches: Batches) -> tuple[float, float]:
    """The largest difference of a parameter's gradient from float64's, relative to its largest value: ours, torch's."""
    with torch.no_grad():
        for value in train_step.network.parameters():
            if value.ndim == 1:
                value.uniform_(-0.1, 0.1, generator=torch.Generator().manual_seed(1))
    engine, order = Engine(train_step.network, batches), torch.arange(43)  # two whole vectors, and 11 images
    noise = torch.randn(43, *batches.pixels.shape[1:], generator=torch.Generator().manual_seed(2))
    adam = replace(engine.take_state(train_step.optimiser), rate=0.0)
    with ThreadPoolExecutor(2) as pool:
        engine.run(order.numpy(), noise.numpy(), 43, adam, 2, pool)
    right, torch_s = (
        gradients_by_torch(train_step, batches, order, noise, dtype) for dtype in (torch.float64, torch.float32)
    )
    ours = np.split(engine.gradients[: engine.form.one], np.cumsum([len(each) for each in right])[:-1])
    return tuple(  # type: ignore[return-value]
        max(float(abs(one - two).max() / abs(two).max()) for one, two in zip(found, right, strict=True))
        for found in (ours, torch_s)
    )


@each_compiled
def test_gradients_are_those_of_float64_within_a_hundred_thousandth(name: str) -> None:
    """Or as near as torch's own in float32, where two corners of a pool are equal but for rounding."""
    ours, torch_s = gradient_errors(*prepared(registry.load(name)))
    assert ours < max(1e-5, 1.1 * torch_s) and ours < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("make", [unusual, unusually_pooled])
def test_gradients_of_layers_that_no_recipe_has_are_those_of_float64(make: Callable[[], Autoencoder]) -> None:
    assert gradient_errors(*unusual_step(make))[0] < 1e-5


@each(("purdue/denoise",))
def test_thirty_steps_of_adam_lose_what_torch_s_lose_within_a_hundred_thousandth(name: str) -> None:
    """Torch's in float64, or in float32 where a rounding has turned both from it; a rate of 0.1 is lowered.

    Where torch's two precisions have parted further, ours may part by a third of that.
    """
    recipe = registry.load(name)
    recipe = replace(recipe, schedule=replace(recipe.schedule, learning_rate=min(recipe.schedule.learning_rate, 0.01)))
    losses: dict[torch.dtype | None, Tensor] = {}
    names: tuple[str, ...] = ()
    for dtype in (torch.float64, torch.float32, None):
        train_step, batches = prepared(recipe)
        batches = replace(batches, batch_size=16, steps_wanted=30)
        if dtype is None:
            steps = compiled_steps(train_step, batches)
            list(steps.run(0, 1))
            losses[dtype] = steps.step_losses[:, 0]
            assert torch.equal(steps.step_losses[:, 0], steps.step_losses[:, 1])
            assert train_step.terms == names
            continue
        network, taken = train_step.network.to(dtype), []
        optimiser = torch.optim.Adam(network.parameters(), recipe.schedule.learning_rate)
        for batch in batches.epoch(0, 1):
            inputs = Batch(batch.image.to(dtype), batch.target.to(dtype), batch.label)
            terms = train_step.objective(network(inputs.image), inputs)
            optimiser.zero_grad()
            total(terms).backward()
            optimiser.step()
            names = tuple(terms)
            taken.append(float(total(terms).detach()))
        losses[dtype] = torch.tensor(taken)
    errors = [float((losses[None] - losses[dtype]).abs().max()) for dtype in (torch.float64, torch.float32)]
    torch_s = float((losses[torch.float32] - losses[torch.float64]).abs().max())
    assert min(errors) < max(1e-5, 0.3 * torch_s)


def weights_after(
    name: str, *, threads: int, width: int | None = None, at_once: int = 7, epochs: int = 2
) -> tuple[bytes, TrainStep]:
    train_step, batches = prepared(registry.load(name))
    steps = FusedSteps(train_step, batches, threads)
    steps.engine = Engine(train_step.network, batches, width=width)
    steps._steps_at_once = at_once
    for epoch in range(1, epochs + 1):
        list(steps.run(3, epoch))
    return b"".join(value.detach().numpy().tobytes() for value in train_step.network.parameters()), train_step


@pytest.mark.parametrize("name", ["purdue/denoise", "freiburg/lr-0.01"])
def test_bits_depend_neither_on_threads_nor_on_the_width_of_vectors_nor_on_steps_at_once(name: str) -> None:
    reference, _ = weights_after(name, threads=1)
    other, _ = weights_after(name, threads=1, epochs=1)
    assert other != reference
    for threads, width, at_once in ((2, None, 1), (3, None, 64), (1, 8, 2), (1, 16, 5), (2, 16, 3)):
        again, _ = weights_after(name, threads=threads, width=width, at_once=at_once)
        assert again == reference, (threads, width, at_once)


def test_state_goes_to_torch_and_back_without_a_bit_lost() -> None:
    recipe = registry.load("purdue/conv")
    train_step, batches = prepared(recipe)
    whole = FusedSteps(train_step, batches, 2)
    for epoch in (1, 2):
        list(whole.run(0, epoch))
    first, _ = prepared(recipe)
    list(FusedSteps(first, batches, 2).run(0, 1))
    second, _ = prepared(recipe)
    second.network.load_state_dict(first.network.state_dict())
    second.optimiser.load_state_dict(copy.deepcopy(first.optimiser.state_dict()))
    list(FusedSteps(second, batches, 1).run(0, 2))
    for one, two in zip(train_step.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, two)
        for key, value in train_step.optimiser.state[one].items():
            assert torch.equal(value, second.optimiser.state[two][key]), key


@pytest.mark.parametrize("name", ["purdue/denoise", "maastricht/colour-1"])
def test_an_epoch_with_noise_or_grey_images_and_a_smaller_last_batch_is_the_eager_one(name: str) -> None:
    losses, weights = [], []
    for form in FORMS:
        train_step, batches = prepared(registry.load(name), 112)
        train_step.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        steps = form(train_step, batches)
        assert sum(steps.run(5, 1)) == 3
        losses.append(steps.step_losses[:, :2])
        weights.append([value.detach().clone() for value in train_step.network.parameters()])
    assert batches.sizes == [112, 112, 76]
    assert torch.allclose(losses[0], losses[1], rtol=1e-4, atol=0)
    assert all(torch.allclose(one, two, rtol=0, atol=2e-4) for one, two in zip(*weights, strict=True))


@pytest.mark.parametrize("engine", ["fused", "torch"])
def test_a_resumed_run_keeps_its_engine_where_it_is_still_there(
    engine: str, tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train_quickly("purdue/conv", tmp_path, epochs=1)
    assert first.run.read_history().meta["compute_config"]["engine"] == "fused"
    monkeypatch.setattr(TrainingSetup, "engine", lambda *_: engine)
    again = train_quickly("purdue/conv", tmp_path, epochs=2, resume=True)
    assert again.run.read_history().meta["compute_config"]["engine"] == engine
    monkeypatch.undo()
    whole = train_quickly("purdue/conv", tmp_path / "whole", epochs=2)
    assert (again.record.train_loss == whole.record.train_loss) == (engine == "fused")
    assert again.record.train_loss == pytest.approx(whole.record.train_loss, rel=1e-4)


@pytest.mark.slow
@each_compiled
def test_three_epochs_end_at_torch_s_validation_loss(name: str, real_mnist: object) -> None:
    """At most half a percent above it, and not a percent below: after so few steps two trainings part a little."""
    from train.engine.batches import TestSplit
    from train.engine.steps import validate

    losses = []
    for form in FORMS:
        train_step, batches = prepared(registry.load(name), 32)
        steps = form(train_step, batches)
        for epoch in (1, 2, 3):
            list(steps.run(0, epoch))
        recipe = registry.load(name)
        losses.append(validate(train_step, TestSplit.of(small_splits(recipe).test, batches.prepare, device=CPU)))
    assert 0.99 * losses[0] < losses[1] < 1.005 * losses[0]


# ---- what is compiled, and what is not -----------------------------------------------------------------------


def test_every_convolutional_recipe_of_four_sheets_is_compiled_and_no_other() -> None:
    found = []
    for name, recipe in registry.recipes().items():
        images, prepare = small_splits(recipe).train, Preparation.of(recipe, None, device=CPU)
        with suppress(Unsupported):
            form_for(recipe.network(), Batches.of(images, prepare, batch_size=16, device=CPU), 32)
            found.append(name)
    assert sorted(found) == sorted(COMPILED)


def network_of(*layers: nn.Module, to_pixels: nn.Module | None = None) -> Autoencoder:
    return Autoencoder(encoder=nn.Sequential(*layers), decoder=nn.Sequential(), to_pixels=to_pixels or nn.Sigmoid())


TO_A_PIXEL = (nn.Conv2d(1, 2, 7, 7), nn.ReLU(), nn.Conv2d(2, 2, 4), nn.ReLU())  # of 28×28


def frozen(network: Autoencoder) -> Autoencoder:
    next(network.parameters()).requires_grad_(False)
    return network


class Residual(nn.Sequential):
    """What is more than its layers one after the other."""


class DrawnAutoencoder(Autoencoder):
    """What is more than an encoder and a decoder."""


shared = nn.Conv2d(1, 1, 3, padding=1)


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (network_of(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1)), r"BatchNorm2d\(4"),
        (network_of(nn.Conv2d(1, 1, 3, padding=1), nn.Dropout(0.5)), "Dropout"),
        (network_of(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 1, 1, groups=1, dilation=2)), "dilation"),
        (network_of(nn.Conv2d(1, 1, (3, 5), padding=(1, 2))), r"kernel_size=\(3, 5\)"),
        (network_of(nn.Conv2d(1, 1, 3, padding="same")), "padding=same"),
        (network_of(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1, groups=2), nn.Conv2d(2, 1, 1)), "groups=2"),
        (network_of(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")), "padding_mode=reflect"),
        (network_of(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.MaxPool2d(3), nn.Conv2d(2, 1, 1)), "kernel_size=3"),
        (network_of(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.MaxPool2d(2, 1), nn.Conv2d(2, 1, 1)), "stride=1"),
        (network_of(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(1, 1, 1, stride=2)), "mode='bilinear'"),
        (network_of(nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(1, 1, 2)), "ZeroPad2d"),
        (network_of(nn.PReLU(), nn.Conv2d(1, 1, 1)), "PReLU"),
        (network_of(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()), "ends in ReLU"),
        (network_of(nn.Conv2d(1, 1, 3)), "an output of 1×26×26"),
        (network_of(nn.Conv2d(1, 1, 29)), "shrink to no pixel"),
        (network_of(shared, nn.ReLU(), shared), "two layers share"),
        (network_of(nn.Conv2d(1, 2, 1), nn.MaxPool2d(2), nn.Conv2d(2, 1, 1)), "MaxPool2d"),
        (network_of(nn.Flatten(), nn.Linear(784, 100)), "at most 65,536 weights"),
        (network_of(nn.Flatten(), nn.Linear(784, 80)), "a kernel of more than 8×8"),
        (network_of(nn.Conv2d(1, 1, 3, padding=1), nn.Linear(28, 28)), "Conv2d|Linear"),
        (network_of(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(784, 4)), "Linear"),
        (network_of(nn.ZeroPad2d(-1), nn.Conv2d(1, 1, 3, padding=2)), "ZeroPad2d"),
        (
            network_of(nn.Conv2d(1, 2, 28), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True), nn.Upsample(None, 28)),
            "MaxPool2d",
        ),
        (frozen(network_of(nn.Conv2d(1, 1, 1))), "parameters that are not trained"),
        (network_of(), "a network without layers"),
        (network_of(nn.Upsample(scale_factor=1.5), nn.Conv2d(1, 1, 1)), "scale_factor=1.5"),
        (network_of(nn.Flatten()), "Flatten"),
        (network_of(nn.Conv2d(1, 1, 3, stride=(1, 2), padding=1)), r"stride=\(1, 2\)"),
        (network_of(nn.Conv2d(1, 1, 3, padding=(1, 0))), r"padding=\(1, 0\)"),
        (network_of(nn.ConvTranspose2d(1, 1, 3, 2, 1, output_padding=(1, 0))), r"output_padding=\(1, 0\)"),
        (network_of(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.MaxPool2d(2, dilation=2), nn.Conv2d(2, 1, 1)), "dilation=2"),
        (network_of(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.MaxPool2d(2, padding=1), nn.Conv2d(2, 1, 1)), "padding=1"),
        (network_of(nn.Upsample(scale_factor=(1, 2)), nn.Conv2d(1, 1, 1)), r"scale_factor=\(1.*2"),
        (network_of(nn.Upsample(size=28), nn.Conv2d(1, 1, 1)), "size=28"),
        (network_of(Residual(nn.Conv2d(1, 1, 1))), "Residual"),
        (network_of(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.PReLU(), nn.Conv2d(2, 1, 1)), "PReLU"),
        (network_of(*TO_A_PIXEL, nn.Flatten(), nn.Linear(2, 8), nn.Unflatten(1, (1, 2, 4))), "Linear"),
        (
            network_of(
                nn.Conv2d(1, 1, 4, 4), nn.Flatten(), nn.Linear(49, 49), nn.Unflatten(1, (1, 7, 7)), nn.Upsample(None, 4)
            ),
            "to or from a square image",
        ),
        (network_of(nn.Conv2d(1, 1, 1), to_pixels=UnitClamp()), "objective bce of UnitClamp"),
        (
            DrawnAutoencoder(encoder=nn.Conv2d(1, 1, 1), decoder=nn.Sequential(), to_pixels=nn.Sigmoid()),
            "a network that is a DrawnAutoencoder",
        ),
        (network_of(nn.Conv2d(1, 1, 1), to_pixels=nn.Tanh()), "objective bce of Tanh"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_compiled_is_named(network: Autoencoder, sentence: str) -> None:
    _, batches = prepared(registry.load("purdue/conv"))
    with pytest.raises(Unsupported, match=sentence):
        form_for(network, batches, 32)


@pytest.mark.parametrize(("ceil_mode", "pooled"), [(False, 13), (True, 14)])
def test_the_last_row_of_an_odd_map_is_pooled_where_a_layer_says_so(ceil_mode: bool, pooled: int) -> None:
    pool, back = nn.MaxPool2d(2, ceil_mode=ceil_mode), nn.ConvTranspose2d(1, 1, 30 - 2 * pooled, 2)
    form = Compiler(network_of(nn.Conv2d(1, 1, 2), nn.ReLU(), pool, back), 32).compile(
        (1, 28, 28), 1, "bce", noisy=False
    )
    assert (27, pooled) in [(one.size, other.size) for one, other in zip(form.maps, form.maps[1:], strict=False)]


def test_a_fully_connected_layer_has_at_most_65536_weights() -> None:
    def network(bottleneck: int) -> Autoencoder:
        shrinking = nn.Conv2d(1, bottleneck, 7, 7), nn.Conv2d(bottleneck, bottleneck, 4)
        large = nn.Linear(bottleneck, 64 * 8 * 8)
        return network_of(*shrinking, large, nn.Unflatten(1, (64, 8, 8)), nn.ConvTranspose2d(64, 1, 7, 3))

    _, batches = prepared(registry.load("purdue/conv"))
    assert len(form_for(network(16), batches, 32).parameters) == 8
    with pytest.raises(Unsupported, match="of at most 65,536 weights"):
        form_for(network(17), batches, 32)


def test_images_that_are_not_square_and_targets_that_are_others_are_not_compiled() -> None:
    network = registry.load("purdue/conv").network()
    with pytest.raises(Unsupported, match="images that are not square: 28×20"):
        Compiler(network, 32).compile((1, 28, 20), 1, "bce", noisy=False)
    _, batches = prepared(registry.load("purdue/conv"))
    others = replace(batches, prepare=replace(batches.prepare, bank=batches.pixels))
    with pytest.raises(Unsupported, match="targets that are not the images"):
        form_for(network, others, 32)


@pytest.fixture
def setup(splits: Splits) -> TrainingSetup:
    return TrainingSetup.of(registry.load("purdue/conv"), splits, Options(device="cpu"))


def test_an_unknown_layer_falls_back_to_torch_and_verbose_says_which(splits: Splits) -> None:
    setup = TrainingSetup.of(registry.load("purdue/dense"), splits, Options(device="cpu"))
    said: list[str] = []
    assert setup.engine(Options(device="cpu"), said.append) == "torch"
    assert said == []
    assert setup.engine(Options(device="cpu", verbose=True), said.append) == "torch"
    assert "purdue/dense: training takes torch's steps" in said[0] and "Linear(in_features=784" in said[0]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda patch: patch.setitem(sys.modules, "llvmlite", None), "llvmlite cannot be loaded .*; pip install"),
        (
            lambda patch: patch.setitem(sys.modules, "llvmlite", SimpleNamespace(__version__="0.43.0")),
            r"llvmlite 0\.43\.0 is too old; pip install 'llvmlite>=",
        ),
        (
            lambda patch: patch.setattr("llvmlite.binding.get_host_cpu_features", lambda: {"avx": True}),
            "the processor has no AVX2 and FMA",
        ),
    ],
    ids=["none", "old", "processor"],
)
def test_where_nothing_can_be_compiled_training_says_so_once_and_takes_torch_s_steps(
    damage: Callable[[pytest.MonkeyPatch], None], sentence: str, setup: TrainingSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(monkeypatch)
    monkeypatch.setattr(setups, "_said", set())
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    said: list[str] = []
    for _ in range(2):
        assert setup.engine(Options(device="cpu"), said.append) == "torch"
    assert len(said) == 1
    with pytest.raises(NoCompiler, match=sentence):
        fused.check(setup.recipe.network(), setup.batches)


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [("0.45.1", False), ("0.46.0", True), ("0.46.1rc1", True), ("0.100.0", True), ("1.0", True)],
)
def test_an_llvmlite_is_enough_from_0_46_on(
    version: str, is_enough: bool, setup: TrainingSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llvmlite.__version__", version)
    with (
        nullcontext()
        if is_enough
        else pytest.raises(NoCompiler, match=f"llvmlite {version} is too old; pip install 'llvmlite>=0.46'")
    ):
        assert fused.check(setup.recipe.network(), setup.batches).schedule


def test_an_llvmlite_that_is_there_but_broken_is_one_that_cannot_be_loaded(
    setup: TrainingSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def broken(name: str, *more: Any) -> Any:
        if name == "llvmlite":
            raise ImportError("its library is for another system")
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(NoCompiler, match=r"cannot be loaded \(its library is for another system\); pip install"):
        fused.check(setup.recipe.network(), setup.batches)


WIDE = {"avx2": True, "fma": True, "avx512f": True, "avx10.1": True, "amx-tile": True, "sse4a": False}


@pytest.mark.parametrize(
    ("machine", "features", "width", "found"),
    [
        ("x86_64", WIDE, None, (32, "+avx2,+fma,+avx512f,+avx10.1,+amx-tile,-sse4a")),
        ("x86_64", WIDE, 8, (7, "+avx2,+fma,-avx512f,-avx10.1,-amx-tile,-sse4a")),
        ("AMD64", {"avx2": True, "fma": True}, None, (7, "+avx2,+fma")),
        ("AMD64", {"avx2": True, "fma": True}, 16, (32, "+avx2,+fma")),
        ("AMD64", {"avx2": True, "fma": False}, None, None),
        ("x86_64", {"avx2": False, "fma": True}, None, None),
        ("aarch64", {"neon": True}, None, (7, "+neon")),
    ],
)
def test_code_is_for_the_processor_s_features_and_none_with_wider_vectors_than_asked_for(
    machine: str,
    features: dict[str, bool],
    width: int | None,
    found: tuple[int, str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda: features)
    monkeypatch.setattr("platform.machine", lambda: machine)
    if found is None:
        with pytest.raises(NoCompiler, match="no AVX2 and FMA"):
            fused.processor(width)
    else:
        assert fused.processor(width) == found


def test_compiled_steps_are_the_reference_wherever_they_are_to_be_had(setup: TrainingSetup) -> None:
    for options in (Options(device="cpu", precision="fp32"), Options(device="cpu", quick=True)):
        choice = setup.choose_config(options, setup.engine(options, print), print)
        assert (choice.config.engine, choice.config.precision) == ("fused", "fp32")
    assert setup.engine(Options(device="cpu", precision="bf16"), print) == "torch"


def test_what_is_no_number_is_not_hidden() -> None:
    for name in ("purdue/conv", "maastricht/base", "freiburg/lr-0.1"):
        train_step, batches = prepared(registry.load(name))
        with torch.no_grad():
            next(train_step.network.parameters()).fill_(float("nan"))
        steps = compiled_steps(train_step, batches)
        list(steps.run(0, 1))
        assert steps.step_losses[:, 0].isnan().all(), name


@pytest.mark.parametrize("logit", [-300.0, -100.0, 100.0, 300.0])
def test_logits_whose_exponential_float32_does_not_hold_lose_what_torch_says(logit: float) -> None:
    losses = []
    for form in FORMS:
        train_step, batches = prepared(registry.load("purdue/conv"))
        with torch.no_grad():
            list(train_step.network.parameters())[-1].fill_(logit)  # the bias of the last layer
        steps = form(train_step, batches)
        list(steps.run(0, 1))
        losses.append(float(steps.step_losses[0, 0]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_no_more_threads_are_timed_than_find_work() -> None:
    train_step, batches = prepared(registry.load("purdue/conv"), 32)
    assert FusedSteps(train_step, batches, 8)._threads.threads == 2
    assert Engine(train_step.network, replace(batches, batch_size=33)).max_threads == 3, "the last one has one image"


def test_no_memory_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    train_step, batches = prepared(registry.load("purdue/conv"))

    def none(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("numpy.zeros", none)
    with pytest.raises(DeviceError, match=r"no memory for compiled steps: .* MiB more are needed"):
        Engine(train_step.network, batches)


@pytest.mark.slow
def test_compiled_code_is_kept_for_the_next_training_and_a_damaged_file_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path))
    made: list[bytes] = []
    real: Callable[..., bytes] = emitter._object_code

    def make(*of: object) -> bytes:
        made.append(real(*of))
        return made[-1]

    monkeypatch.setattr(emitter, "_object_code", make)

    def weights_as_in_a_new_process(width: int = 8) -> list[float]:
        monkeypatch.setattr(driver, "_compiled", {})
        train_step, batches = prepared(registry.load("freiburg/lr-0.01"))
        engine = Engine(train_step.network, batches, width=width)
        with ThreadPoolExecutor(1) as pool:
            engine.run(np.arange(96), np.zeros(0, np.float32), 48, Adam(1e-3, (0.9, 0.999), 1e-8, 0), 1, pool)
        weights: list[float] = engine.parameters.tolist()
        return weights

    first = weights_as_in_a_new_process()
    assert weights_as_in_a_new_process() == first and len(made) == 1
    (file,) = (tmp_path / "compiled").iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert weights_as_in_a_new_process() == first and len(made) == 2 and made[0] == made[1]
    assert weights_as_in_a_new_process(16) == first and len(made) == 3, "code for other features is not this one"


def test_code_is_kept_for_all_that_it_was_made_of_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    hashed: list[list[str]] = []

    class NotCompiledHere(Exception):
        pass

    def asked(folder: str, key: str, make: object) -> bytes:
        keys.append(key)
        raise NotCompiledHere

    def hash_of(files: list[Path]) -> str:
        hashed.append([file.name for file in files])
        return "their hash"

    monkeypatch.setattr(emitter, "cached_bytes", asked)
    monkeypatch.setattr(emitter, "sha256_of_files", hash_of)

    def ask(key: str = "key", features: str = "") -> None:
        with pytest.raises(NotCompiledHere):
            emitter.compiled(key, features, {}, ir.Module)

    ask()
    ask()
    assert keys[0] == keys.pop()
    ask(key="another")
    ask(features="-sse4a")
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "generic")
    ask()
    monkeypatch.setattr("llvmlite.binding.llvm_version_info", (1, 2, 3))
    ask()
    monkeypatch.setattr(emitter, "sha256_of_files", lambda files: "another hash")
    ask()
    assert len(set(keys)) == len(keys) == 6
    assert hashed[0] == ["__init__.py", "driver.py", "emitter.py", "form.py", "kernels.py"]


def test_functions_are_compiled_once_for_all_that_they_are_written_from(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, form, keys = registry.load("purdue/denoise"), form_of("purdue/denoise"), list[tuple[str, str]]()
    monkeypatch.setattr(driver, "_compiled", {})
    monkeypatch.setattr(driver, "compiled", lambda key, features, *_: keys.append((key, features)))
    asked = [
        (form, recipe, ""),
        (form, recipe, "-sse4a"),
        (form, replace(recipe, data=replace(recipe.data, noise=0.125)), ""),
        (form, replace(recipe, task=registry.load("maastricht/colour-1").task), ""),
        (replace(form, schedule=form.schedule[:-1]), recipe, ""),
        (replace(form, image=form.wanted), recipe, ""),
        (replace(form, wanted=form.image), recipe, ""),
        (replace(form, one=form.one + 1), recipe, ""),
        (replace(form, entries=form.entries + 1), recipe, ""),
    ]
    for _ in range(2):
        for each in asked:
            driver._functions(*each)
    assert len(set(keys)) == len(keys) == len(asked)


def test_an_engine_takes_images_in_any_stride_and_a_new_optimiser_without_memory() -> None:
    train_step, batches = prepared(registry.load("purdue/conv"))
    engine, losses = Engine(train_step.network, batches), []
    for order in (np.arange(96)[::2], np.arange(0, 96, 2)):
        adam = engine.take_state(train_step.optimiser)
        assert adam.steps == 0 and not engine.means.any() and not engine.squares.any()
        with ThreadPoolExecutor(1) as pool:
            losses.append(engine.run(order, np.zeros(0, np.float32), 48, adam, 1, pool).tolist())
        assert engine.means.any() and engine.squares.any()
    assert losses[0] == losses[1]


def test_a_profile_has_the_microseconds_of_each_kernel_the_longest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    train_step, batches = prepared(registry.load("purdue/conv"))
    engine = Engine(train_step.network, batches)
    looks = (100.0 * k + later for k in range(1, 99) for later in (0, 0, k / 1_000, 50))  # each kernel is called once
    monkeypatch.setattr(driver, "time", SimpleNamespace(perf_counter=lambda: next(looks)))
    total, *each = engine.profile(1.0).values()
    assert total == pytest.approx(sum(each))
    assert each == pytest.approx([1_000 * k for k in range(len(engine.form.schedule), 0, -1)])


def test_a_vector_s_memory_begins_where_one_may() -> None:
    kept = [aligned(count, 3) for count in range(1, 20)]
    assert all(each.ctypes.data % 64 == 0 and each.dtype == np.float32 and not each.any() for each in kept)
    assert [each.shape for each in kept] == [(count, 3) for count in range(1, 20)]


def test_a_layer_is_multiplied_for_its_output_its_weights_and_but_for_the_first_its_input() -> None:
    network = network_of(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 1, 3, padding=1))
    form = Compiler(network, 32).compile((1, 28, 28), 1, "bce", noisy=False)
    assert form.flops == 28 * 28 * 2 * (2 * 2 + 3 * 2 * 9)


def test_what_took_long_is_kept_under_the_whole_of_its_key_and_is_made_where_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path))
    pairs = [(folder, key) for folder in ("a", "b") for key in ("one", "two")]
    contents = {pair: "/".join(pair).encode() for pair in pairs}
    for pair in pairs:
        assert cached_bytes(*pair, partial(contents.__getitem__, pair)) == contents[pair]
    for pair in pairs:
        assert cached_bytes(*pair, lambda: pytest.fail("it was kept")) == contents[pair]
    names: set[str] = set()
    with monkeypatch.context() as patch:
        patch.setattr(cache, "atomic_write", lambda file, _: names.add(file.name))
        for number in range(300):
            cached_bytes("c", str(number), bytes)
    assert len(names) == 300
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "file"))
    assert cached_bytes("a", "one", lambda: b"made") == b"made"


def test_the_hash_of_sources_is_of_what_they_hold(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    sums = []
    for text in ("x", "y"):
        for file in files:
            file.write_text(text)
            sums.append(cache.sha256_of_files(file for file in files if file.is_file()))
    assert len(set(sums)) == 4


def small_engine(*layers: nn.Module, pixels: np.ndarray, objective: str = "bce") -> tuple[Engine, Autoencoder]:
    """An engine for a network of these layers, and images (N, 1, H, W), uint8."""
    recipe = replace(registry.load("purdue/conv"), objective=objective)
    images = replace(small_splits(recipe).train, pixels=pixels, labels=np.zeros(len(pixels), np.uint8))
    batches = Batches.of(images, Preparation.of(recipe, None, device=CPU), batch_size=len(pixels), device=CPU)
    network = network_of(*layers)
    return Engine(network, batches), network


def losses_of(engine: Engine, pool: Executor, threads: int = 1, steps: int = 1) -> np.ndarray:
    """The losses of steps that change nothing, on all images."""
    images, no_step = len(engine._memory["pixels"]), Adam(0.0, (0.9, 0.999), 1e-8, 0)
    order = np.tile(np.arange(images), steps)
    return engine.run(order, np.zeros(0, np.float32), images, no_step, threads, pool)


def submit_or_raise(submits: Iterator[Any], error: BaseException, *call: Any) -> Any:
    submit = next(submits)
    if submit is None:
        raise error
    return submit(*call)


def test_threads_that_cannot_all_begin_leave_none_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a second Ctrl-C, or a limit of processes, may have it: what is raised comes out, and nothing hangs."""
    engine, _ = small_engine(nn.Conv2d(1, 1, 3, padding=1), pixels=np.zeros((40, 1, 4, 4), np.uint8))
    for error in (RuntimeError("can't start new thread"), KeyboardInterrupt()):
        with ThreadPoolExecutor(2) as pool:
            submit, before = pool.submit, [1]

            def failing(
                *call: Any, error: BaseException = error, before: list[int] = before, submit: Any = submit
            ) -> Any:
                if not before:
                    raise error
                before.pop()
                return submit(*call)

            monkeypatch.setattr(pool, "submit", failing)
            with pytest.raises(type(error)):
                losses_of(engine, pool, threads=2)
    with ThreadPoolExecutor(2) as pool:
        assert losses_of(engine, pool, threads=2).shape == (1,)


def test_pixels_that_lie_apart_in_memory_are_read_right() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 1, 6, 6), np.uint8)
    losses = []
    for each in (pixels[::2], pixels[::2].copy()):
        engine, _ = small_engine(nn.Conv2d(1, 1, 3, padding=1), pixels=each)
        engine.parameters[: engine.form.one] = np.linspace(-1, 1, engine.form.one)
        with ThreadPoolExecutor(1) as pool:
            losses.append(losses_of(engine, pool).tolist())
    assert losses[0] == losses[1]


@pytest.mark.parametrize("objective", ["bce", "mse"])
@pytest.mark.parametrize("logit", [-17.0, -6.0, 6.0])
def test_gradients_of_sure_pixels_keep_their_digits(objective: str, logit: float) -> None:
    pixels = np.full((16, 1, 4, 4), 0 if logit < 0 else 255, np.uint8)
    engine, _ = small_engine(nn.Conv2d(1, 1, 1), pixels=pixels, objective=objective)
    engine.parameters[:2] = 0, logit  # weight and bias
    with ThreadPoolExecutor(1) as pool:
        losses_of(engine, pool)
    z = torch.tensor(logit, dtype=torch.float64, requires_grad=True)
    s, t = torch.sigmoid(z), 0.0 if logit < 0 else 1.0
    ((s - t) ** 2 if objective == "mse" else -torch.log(s if t else 1 - s)).backward()
    assert z.grad is not None
    error = 1e-5 if logit < 0 else 1e-3  # 1 - s has few digits left, in torch too
    assert engine.gradients[1] == pytest.approx(float(z.grad), rel=error)


def test_the_loss_of_a_large_image_keeps_its_digits() -> None:
    engine, _ = small_engine(nn.Conv2d(1, 1, 1), pixels=np.zeros((1, 1, 256, 256), np.uint8))
    engine.parameters[:2] = 1, 0.3  # weight and bias
    with ThreadPoolExecutor(1) as pool:
        (loss,) = losses_of(engine, pool)
    assert loss == pytest.approx(np.log1p(np.exp(0.3)), rel=5e-6)


def test_two_layers_become_one_only_where_that_is_few_products() -> None:
    _, batches = prepared(registry.load("freiburg/lr-0.01"))
    kernels_of = {}
    for channels in (8, 32):
        network = network_of(
            nn.Conv2d(1, channels, 2, 2), nn.ReLU(),
            nn.ConvTranspose2d(channels, channels, 2, 2), nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(),
            nn.Conv2d(channels, 1, 1),
        )  # fmt: skip
        form = form_for(network, batches, 32)
        kernels_of[channels] = len(form.schedule)
        assert form.packed.left.size < 1 << 20
    assert kernels_of[8] < kernels_of[32]


# ---- pieces --------------------------------------------------------------------------------------------------


def test_sums_add_products_in_the_order_of_their_terms() -> None:
    sums = Sums.of(np.array([2, 0, 2, 9]), np.array([5, 6, 7, 8]), np.array([1, 2, 3, 4]), outputs=3)
    assert (sums.start.tolist(), sums.left.tolist(), sums.right.tolist()) == ([0, 1, 1, 3], [6, 5, 7], [2, 1, 3])
    many = np.arange(1_000)
    assert Sums.of(many % 3, many, many, outputs=3).left[:334].tolist() == list(range(0, 1_000, 3))
    taken = sums.taken(np.array([2, 1, 2]))
    assert (taken.start.tolist(), taken.left.tolist()) == ([0, 2, 2, 4], [5, 7, 5, 7])


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "upsampling"), [(3, 1, 1, 2), (3, 3, 1, 1), (7, 1, 2, 3), (3, 3, 1, 2)]
)
def test_a_transposed_axis_leads_back(kernel: int, stride: int, padding: int, upsampling: int) -> None:
    from train.engine.fused.form import convolution

    axis, _ = convolution(kernel, stride, padding, upsampling)

    def seen(axis: AxisMap, outputs: range) -> set[tuple[int, int, int]]:
        """Every (output, input, spot)."""
        return {
            (y, axis.stride * (y // len(axis.phases)) + offset, spot)
            for y in outputs
            for offset, spot in axis.phases[y % len(axis.phases)]
        }

    forward = seen(axis, range(60, 90))
    back = {(y, x, spot) for x, y, spot in seen(axis.transposed, range(600)) if 60 <= y < 90}
    assert forward == back and len(forward) >= 30


def test_adam_s_rates_grow_to_the_learning_rate() -> None:
    adam = Adam(rate=0.5, betas=(0.9, 0.999), epsilon=1e-8, steps=0)
    assert adam.rates(1)[0].tolist() == pytest.approx([0.5 / 0.1, 1 / 0.001**0.5])
    assert replace(adam, steps=100_000).rates(2)[1].tolist() == pytest.approx([0.5, 1])


@pytest.mark.parametrize(
    ("rates", "chosen"),
    [
        ({4: 90, 2: 100, 1: 80}, 2),
        ({4: 100, 2: 60, 1: 30}, 4),
        ({4: 10, 2: 20, 1: 55}, 1),
        ({4: 100, 2: 60, 1: 120}, 1),
    ],
)
def test_an_epoch_goes_on_with_the_threads_that_were_fastest(rates: dict[int, int], chosen: int) -> None:
    timer = ThreadTimer(4)
    for _ in range(2):  # epochs
        timer.begin_epoch()
        asked = []
        for _ in range(30):
            asked.append(timer.threads)
            timer.took(rates[timer.threads], MIN_SECONDS * 0.6)
        assert list(dict.fromkeys(asked)) == list(dict.fromkeys([4, 2, 1, chosen]))
        assert asked[6:] == [chosen] * 24


def test_an_epoch_times_afresh_and_once() -> None:
    timer = ThreadTimer(4)
    timer.took(1_000, MIN_SECONDS * 0.9)
    timer.begin_epoch()
    timer.took(1, MIN_SECONDS * 0.9)
    assert timer.threads == 4, "what an epoch before left untimed counts no more"
    for rate in (1, 3, 2):
        timer.took(rate, MIN_SECONDS)
    assert timer.threads == 2
    timer.took(1, 100.0)
    assert timer.threads == 2, "a pause changes nothing any more"


def test_one_thread_is_not_timed_against_itself() -> None:
    timer = ThreadTimer(1)
    timer.took(1, 1.0)
    assert timer.threads == 1
