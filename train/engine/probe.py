"""The probe: a few seconds of trying, so that a training takes the fastest compute config that keeps its result.

Configs differ in what layers compute in, in how images lie in memory, and in the number of threads. bfloat16 is only
taken where, from the same start and after the same steps, the validation loss is at most 1 % above float32's, and where
its gradients are sound: a kernel that leaves memory unwritten is found out by filling what was freed with NaN.

What was found is kept in the user's cache by recipe, network, machine and versions. torch.compile is not
tried: its first step takes 15 to 35 s for the smallest network here, far beyond what a probe may cost.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from train.engine import devices
from train.engine.batches import Batches, TestSplit
from train.engine.steps import MOST_TERMS, ComputeConfig, TrainStep, steps_of, validate
from zoo.data.fetch import cache_folder
from zoo.errors import WriteError
from zoo.recipe import Recipe
from zoo.runs import atomic_write, finite

BUDGET = 5.0  # seconds
WORTH = 30.0  # seconds: a training that takes less begins at once
TOLERANCE = 0.01  # of the validation loss
GAIN = 1.1  # a config that is not this much faster than the reference is not worth other digits
FORMAT = 1
_SHARE = 0.6  # of the budget is for timing
_TRAINING = 0.7  # of the rest is for training, what is left for validation
_TIMING = 0.15  # seconds for each config, in each round
_STEP = 0.1  # seconds that a step may take while configs are timed, so that all of them can be
_ENOUGH = 20  # steps, before a comparison of losses says anything
_MOST = 200
_VALIDATION = 500  # images
_SMALL = 0.01  # of the whole gradient's norm
_GRADIENT_ERROR = 0.6  # of a layer's gradient; sound bfloat16 gives 0.005 to 0.1, with normalisation up to 0.45


@dataclass(frozen=True)
class Choice:
    """The compute config that was chosen, and why, as plain values for the history."""

    config: ComputeConfig
    why: dict[str, Any]


@dataclass(frozen=True)
class ProbeTarget:
    """What is tried: `fresh` gives a train step at the start of the training, in a given precision.

    `network` is one like theirs, to be looked at only.
    """

    recipe: Recipe
    network: nn.Module
    fresh: Callable[[str], TrainStep]
    batches: Batches
    validation: TestSplit
    seed: int


def reference(precision: str = "fp32") -> ComputeConfig:
    """Return the config that is taken without a probe: it never depends on a clock."""
    return ComputeConfig(precision, "nhwc", torch.get_num_threads())


def unprobed(precision: str) -> Choice:
    """Return the reference for what `--precision` asks for, where nothing is tried."""
    return Choice(reference("bf16" if precision == "bf16" else "fp32"), {"probe": "none"})


def choose(target: ProbeTarget, *, precision: str, images: int, say: Callable[[str], None]) -> Choice:
    """Choose how to compute a training of so many images in all; `precision` 'auto' or 'bf16'."""
    file = _file(target, precision)
    cached = _load(file)
    if cached is not None:
        return cached
    start = time.perf_counter()
    usual = unprobed(precision).config
    rate = _rate(target, usual)
    seconds = images / rate
    if seconds < WORTH:
        return Choice(usual, {"probe": f"none: the training takes about {seconds:.0f} s"})
    say(f"{target.recipe.name}: trying for at most {BUDGET:g} s how computing is fastest (--no-probe begins at once)")
    size = int(max(1, min(target.batches.batch_size, rate * _STEP)))
    short = replace(target, batches=replace(target.batches, batch_size=size))
    rates = _time(short, usual, precision, until=start + BUDGET * _SHARE)
    best = max(rates, key=rates.__getitem__)
    why: dict[str, Any] = {"images_a_second": {str(config): round(rate) for config, rate in rates.items()}}
    if precision == "auto" and best.precision == "bf16":
        plain = _best(rates, "fp32")
        left = _TRAINING * (BUDGET - (time.perf_counter() - start))
        comparison = _compare(target, plain, best, rates, left) if rates[best] >= GAIN * rates[plain] else {}
        why |= comparison
        best = best if comparison.get("bf16") == "taken" else plain
    if best != usual and rates[best] < GAIN * rates[usual]:
        best = usual
    why["seconds"] = round(time.perf_counter() - start, 2)
    choice = Choice(best, why)
    _store(file, choice)
    return choice


# ---- how fast ------------------------------------------------------------------------------------------------


def _time(target: ProbeTarget, usual: ComputeConfig, precision: str, *, until: float) -> dict[ComputeConfig, float]:
    """Return images a second of every config: first precision and layout, then fewer threads with the fastest of them.

    Those whose turn would come after `until` are left out.
    """
    both = ("fp32", "bf16") if devices.has_bf16(target.batches.pixels.device) else ("fp32",)
    precisions = ("bf16",) if precision == "bf16" else both
    has_images_inside = any(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in target.network.modules())
    layouts = ("nhwc", "nchw") if has_images_inside else ("nhwc",)
    rates = {usual: _rate(target, usual)}

    def measure(configs: list[ComputeConfig]) -> None:
        for config in configs:
            if time.perf_counter() < until:
                rates[config] = max(rates.get(config, 0.0), _rate(target, config))

    measure([ComputeConfig(each, layout, usual.threads) for each in precisions for layout in layouts])
    best = [_best(rates, each) for each in {config.precision: None for config in rates}]
    few = [replace(config, threads=1) for config in best if config.threads > 1]
    measure(few)
    measure([*best, *few])  # once more, since other work on the machine may have come between
    return rates


def _best(rates: dict[ComputeConfig, float], precision: str) -> ComputeConfig:
    return max((config for config in rates if config.precision == precision), key=rates.__getitem__)


def _rate(target: ProbeTarget, config: ComputeConfig) -> float:
    """Return images a second: the fastest step counts, since other work on the machine only slows."""
    train_step = target.fresh(config.precision)
    config.enter(train_step.network)
    steps = steps_of(train_step, target.batches)
    running = steps.run(target.seed, 1)
    next(running)  # it allocates, and chooses kernels
    devices.wait(target.batches.pixels.device)
    best, start = math.inf, time.perf_counter()
    before = start
    for count in running:
        devices.wait(target.batches.pixels.device)
        now = time.perf_counter()
        best, before = min(best, (now - before) / count), now
        if now - start > _TIMING:
            break
    return target.batches.sizes[0] / best


# ---- how good ------------------------------------------------------------------------------------------------


def _compare(
    target: ProbeTarget, plain: ComputeConfig, fast: ComputeConfig, rates: dict[ComputeConfig, float], seconds: float
) -> dict[str, Any]:
    """Say whether bfloat16 keeps the result: 'taken', or why not."""
    error = gradient_error(target, plain, fast)
    if not error < _GRADIENT_ERROR:
        return {"bf16": f"refused: its gradients differ by {error:.2g} of float32's"}
    cost = 1 / rates[plain] + 1 / rates[fast]  # seconds an image
    size = target.batches.sizes[0]
    fewer = int(max(1, min(size, seconds / cost / _ENOUGH)))
    count = int(min(_MOST, target.batches.steps * size // fewer, max(_ENOUGH, seconds / cost / fewer)))
    losses = [_loss_after(target, config, fewer, count) for config in (plain, fast)]
    measured = {"steps": count, "batch": fewer, "fp32_loss": finite(losses[0]), "bf16_loss": finite(losses[1])}
    for name, loss in zip(("float32's", "its"), losses, strict=True):
        if not math.isfinite(loss):
            return {**measured, "bf16": f"refused: {name} validation loss is not finite after {count} steps"}
    above = (losses[1] - losses[0]) / abs(losses[0])
    if above <= TOLERANCE:
        return {**measured, "bf16": "taken"}
    return {**measured, "bf16": f"refused: its validation loss is {above:.1%} above float32's after {count} steps"}


def _loss_after(target: ProbeTarget, config: ComputeConfig, size: int, count: int) -> float:
    train_step = target.fresh(config.precision)
    config.enter(train_step.network)
    steps = steps_of(train_step, replace(target.batches, batch_size=size))
    done = 0
    for taken in steps.run(target.seed, 1):
        done += taken
        if done >= count:
            break
    return validate(train_step, target.validation, most=_VALIDATION)


def gradient_error(target: ProbeTarget, plain: ComputeConfig, fast: ComputeConfig) -> float:
    """Return the largest relative error of a layer's gradient in `fast`, at the start, with NaN in freed memory.

    oneDNN of torch 2.13 leaves a bfloat16 weight gradient unwritten where a kernel's outer taps never meet the image
    (stride 3 on 2×2 pixels: maastricht/model-6); what lay there before is then learned from.
    """
    wanted = _gradients(target, plain)
    whole = math.sqrt(sum(float(gradient.square().sum()) for gradient in wanted.values()))
    worst = 0.0
    for _ in range(3):
        _spoil_freed_memory()
        for name, gradient in _gradients(target, fast).items():
            size = max(float(wanted[name].norm()), _SMALL * whole)  # a bias before normalisation has none but rounding
            error = float((gradient - wanted[name]).norm()) / size
            worst = max(worst, error if math.isfinite(error) else math.inf)
    return worst


def _gradients(target: ProbeTarget, config: ComputeConfig) -> dict[str, torch.Tensor]:
    train_step = target.fresh(config.precision)
    config.enter(train_step.network)
    train_step.train()
    batch = next(iter(replace(target.batches, batch_size=min(32, target.batches.batch_size)).epoch(target.seed, 1)))
    torch.manual_seed(0)  # the same dropout for both
    train_step.optimiser = torch.optim.SGD(train_step.network.parameters(), lr=0)  # it leaves the gradients there
    train_step.step(batch, torch.zeros(MOST_TERMS + 1, device=batch.image.device))
    return {
        name: value.grad.double() for name, value in train_step.network.named_parameters() if value.grad is not None
    }


def _spoil_freed_memory() -> None:
    """Fill blocks of every small size with NaN and let them go."""
    blocks = [np.full(size, np.nan, np.float32) for size in 2 ** np.arange(4, 17) for _ in range(8)]
    del blocks


# ---- what was found before -----------------------------------------------------------------------------------


def _file(target: ProbeTarget, precision: str) -> Path:
    facts = {
        "format": FORMAT,
        "recipe": target.recipe.name,
        "network": str(target.network),
        "objective": target.recipe.objective,
        "rate": target.recipe.schedule.learning_rate,
        "batch": target.batches.batch_size,
        "data": len(target.batches.pixels),
        "precision": precision,
        "torch": torch.__version__,
        "machine": devices.machine(target.batches.pixels.device),
        "threads": torch.get_num_threads(),
    }
    name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]
    return cache_folder() / "compute-configs" / f"{name}.json"


def _load(file: Path) -> Choice | None:
    """Read what was found before; a file that is not as it should be counts as none."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        saved = json.loads(file.read_text())
        return Choice(ComputeConfig.from_json(saved["config"]), {**dict(saved["why"]), "probe": "cached"})
    return None


def _store(file: Path, choice: Choice) -> None:
    with suppress(WriteError):  # a full disk costs the next training a probe
        atomic_write(file, json.dumps({"config": choice.config.as_json(), "why": choice.why}).encode())
