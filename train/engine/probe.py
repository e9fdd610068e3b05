"""The probe: times compute configs for a few seconds and chooses the fastest that keeps a training's result.

Configs differ in precision, memory format and number of threads. bfloat16 is only chosen if, after the same steps from
the same start, its validation loss is at most 1 % above float32's, and if its gradients are close to float32's: freed
memory is filled with NaN first, which shows in the gradients of a kernel that leaves memory unwritten.
On CUDA float32 is TF32, and bfloat16 is for networks of a million weights: below that its casts are half as many
launches again. torch.compile is tried there, for trainings that pay for the 15 to 35 s of its first step.
"""

import hashlib
import json
import math
import os
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
from train.engine.steps import ComputeConfig, TrainStep, steps_of, validate
from zoo.bench_process import load_average
from zoo.data.fetch import cache_folder
from zoo.errors import WriteError
from zoo.objectives import MAX_TERMS
from zoo.recipe import Recipe
from zoo.runs import atomic_write, finite

BUDGET_SECONDS = 5.0
MIN_TRAINING_SECONDS = 30.0  # shorter trainings start without a probe
MAX_LOSS_INCREASE = 0.01  # of bfloat16's validation loss over float32's, relative
MIN_COMPILED_SECONDS = 300.0  # of a training that pays for compiling, here and again when it begins
MIN_BF16_WEIGHTS = 1_000_000  # on CUDA
MIN_SPEEDUP = 1.1  # over the reference, to choose another config, which rounds differently
FORMAT = 2
_TIMING_SHARE = 0.6  # of the budget
_COMPARISON_TRAINING_SHARE = 0.7  # of the remaining budget; validation takes the rest
_TIMING_SECONDS = 0.15  # per config and round
_MAX_STEP_SECONDS = 0.1  # of a step that is timed, so that every config is
_MIN_COMPARE_STEPS = 20  # after fewer steps the losses say nothing
_MAX_COMPARE_STEPS = 200
_VALIDATION_IMAGES = 500
_MIN_RELATIVE_NORM = 0.01  # of a layer's gradient relative to the network's, as the divisor of its error
_MAX_GRADIENT_ERROR = 0.6  # of a layer; correct bfloat16 gives 0.005 to 0.1, with normalisation up to 0.45


@dataclass(frozen=True)
class Choice:
    """The compute config that was chosen, and why, as plain values for the history."""

    config: ComputeConfig
    why: dict[str, Any]


@dataclass(frozen=True)
class ProbeTarget:
    """The training to probe.

    network           an untrained instance, used only to inspect its layers
    make_train_step   returns a train step at the start of the training, in a given precision
    """

    recipe: Recipe
    network: nn.Module
    make_train_step: Callable[[str], TrainStep]
    batches: Batches
    validation: TestSplit
    seed: int


def reference_config(precision: str = "fp32", engine: str = "torch") -> ComputeConfig:
    """Return the config used without a probe: it never depends on a clock."""
    return ComputeConfig(precision, "nhwc", torch.get_num_threads(), engine)


def unprobed_choice(precision: str, engine: str = "torch") -> Choice:
    """Return the reference config for `--precision`, where nothing is probed."""
    return Choice(reference_config("bf16" if precision == "bf16" else "fp32", engine), {"probe": "none"})


@devices.threads_restored()
def choose(
    target: ProbeTarget, *, precision: str, images: int, say: Callable[[str], None], engine: str = "torch"
) -> Choice:
    """Choose the config for a training of `images` in all its epochs; `precision` is 'auto' or 'bf16'.

    `engine` is that of the reference. Compiled steps are the fastest in float32, so beside them only bfloat16 is tried,
    where the processor has it.
    """
    reference, device = unprobed_choice(precision, engine).config, target.batches.pixels.device
    if precision == "auto" and devices.has_tf32(device):
        reference = replace(reference, precision="tf32")
    if engine == "fused" and not devices.has_bf16(device):
        return Choice(reference, {"probe": "none: compiled steps, and no bfloat16 in hardware"})
    file = _file(target, precision, engine, images)
    cached = _load(file)
    if cached is not None:
        return cached
    start = time.perf_counter()
    is_busy = load_average() > (os.cpu_count() or 1)
    rates = {config: images_per_second(target, config) for config in _by_threads(reference)}
    rate = max(rates.values())
    seconds = images / rate
    if seconds < MIN_TRAINING_SECONDS:
        return Choice(reference, {"probe": f"none: the training takes about {seconds:.0f} s"})
    limit = f"at most {BUDGET_SECONDS:g} s"
    say(f"{target.recipe.name}: trying for {limit} how computing is fastest (--no-probe begins at once)")
    size = int(max(1, min(target.batches.batch_size, rate * _MAX_STEP_SECONDS)))
    shortened = replace(target, batches=replace(target.batches, batch_size=size))
    rates = _time(shortened, reference, precision, rates, until=start + BUDGET_SECONDS * _TIMING_SHARE)
    fastest = max(rates, key=rates.__getitem__)
    why: dict[str, Any] = {}
    if precision == "auto" and fastest.precision == "bf16":
        fastest_fp32 = _fastest(rates, reference.precision)
        left = _COMPARISON_TRAINING_SHARE * (BUDGET_SECONDS - (time.perf_counter() - start))
        gains = rates[fastest] >= MIN_SPEEDUP * rates[fastest_fp32]
        comparison = _compare(target, fastest_fp32, fastest, rates, left) if gains else {}
        why |= comparison
        fastest = fastest if comparison.get("bf16") == "taken" else fastest_fp32
    if fastest != reference and rates[fastest] < MIN_SPEEDUP * rates[reference]:
        fastest = reference
    if devices.has_compiler(device) and images >= MIN_COMPILED_SECONDS * rates[fastest]:
        say(f"{target.recipe.name}: compiling its step, about half a minute, to see whether that is faster still")
        compiled = replace(fastest, compiled=True)
        try:
            rates[compiled] = images_per_second(target, compiled)
        except RuntimeError as error:  # torch's own and the compilers' errors are all of them
            why["compiled"] = f"failed: {str(error).strip().splitlines()[0]}"
        else:
            fastest = compiled if rates[compiled] >= MIN_SPEEDUP * rates[fastest] else fastest
    why["images_a_second"] = {str(config): round(rate) for config, rate in rates.items()}
    why["seconds"] = round(time.perf_counter() - start, 2)
    choice = Choice(fastest, why)
    if len(rates) > 1 and not is_busy:  # otherwise the next training had better look again
        _store(file, choice)
    return choice


# ---- how fast ------------------------------------------------------------------------------------------------


def _by_threads(config: ComputeConfig) -> list[ComputeConfig]:
    """Return a config with one thread, which other work on the machine slows least, then with all.

    Compiled steps choose their threads by themselves.
    """
    few = [replace(config, threads=1)] if config.engine == "torch" and config.threads > 1 else []
    return [*few, config]


def _time(
    target: ProbeTarget, reference: ComputeConfig, precision: str, before: dict[ComputeConfig, float], *, until: float
) -> dict[ComputeConfig, float]:
    """Return images per second of configs: every precision and layout with the reference's better number of threads,
    then the fastest of each precision with both.

    Configs not reached before `until` are left out.
    """
    rates = dict(before)
    allows_bf16 = devices.has_bf16(target.batches.pixels.device) and (
        reference.precision != "tf32" or target.recipe.network.parameters >= MIN_BF16_WEIGHTS
    )
    both = (reference.precision, "bf16") if allows_bf16 else (reference.precision,)
    precisions = ("bf16",) if precision == "bf16" or reference.engine == "fused" else both
    has_convolutions = any(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in target.network.modules())
    layouts = ("nhwc", "nchw") if has_convolutions else ("nhwc",)
    threads = max(rates, key=rates.__getitem__).threads

    def measure(configs: list[ComputeConfig]) -> None:
        for config in configs:
            if time.perf_counter() < until:
                rates[config] = max(rates.get(config, 0.0), images_per_second(target, config))

    measure([ComputeConfig(each, layout, threads) for each in precisions for layout in layouts])
    fastest = [_fastest(rates, each) for each in {config.precision: None for config in rates}]
    measure([each for config in fastest for each in _by_threads(replace(config, threads=reference.threads))])
    return rates


def _fastest(rates: dict[ComputeConfig, float], precision: str) -> ComputeConfig:
    return max((config for config in rates if config.precision == precision), key=rates.__getitem__)


def images_per_second(target: ProbeTarget, config: ComputeConfig) -> float:
    """Return images per second of the fastest step, since other work on the machine only slows."""
    train_step = target.make_train_step(config.precision)
    config.apply_to(train_step.network)
    steps = steps_of(train_step, target.batches, config)
    fastest, before, since_first = math.inf, time.perf_counter(), 0.0
    for count in steps.run(target.seed, 1):  # of which the first allocates and chooses kernels
        devices.wait(target.batches.pixels.device)
        now = time.perf_counter()
        since_first += now - before if fastest < math.inf else 0.0
        fastest, before = min(fastest, (now - before) / count), now
        if since_first > _TIMING_SECONDS:
            break
    return target.batches.sizes[0] / fastest


# ---- how good ------------------------------------------------------------------------------------------------


def _compare(
    target: ProbeTarget,
    fastest_fp32: ComputeConfig,
    fastest_bf16: ComputeConfig,
    rates: dict[ComputeConfig, float],
    seconds: float,
) -> dict[str, Any]:
    """Return facts for the history; key 'bf16' is 'taken' or the reason for refusal."""
    error = gradient_error(target, fastest_fp32, fastest_bf16)
    if not error < _MAX_GRADIENT_ERROR:
        return {"bf16": f"refused: its gradients differ by {error:.2g} of float32's"}
    images = seconds / (1 / rates[fastest_fp32] + 1 / rates[fastest_bf16])
    size = target.batches.sizes[0]
    compare_batch_size = int(max(1, min(size, images / _MIN_COMPARE_STEPS)))
    count = int(
        min(
            _MAX_COMPARE_STEPS,
            target.batches.step_count * size // compare_batch_size,
            max(_MIN_COMPARE_STEPS, images / compare_batch_size),
        )
    )
    losses = [_loss_after(target, config, compare_batch_size, count) for config in (fastest_fp32, fastest_bf16)]
    measured = {
        "steps": count,
        "batch": compare_batch_size,
        "fp32_loss": finite(losses[0]),
        "bf16_loss": finite(losses[1]),
    }
    for name, loss in zip(("float32's", "its"), losses, strict=True):
        if not math.isfinite(loss):
            return {**measured, "bf16": f"refused: {name} validation loss is not finite after {count} steps"}
    above = (losses[1] - losses[0]) / abs(losses[0])
    if above <= MAX_LOSS_INCREASE:
        return {**measured, "bf16": "taken"}
    return {**measured, "bf16": f"refused: its validation loss is {above:.1%} above float32's after {count} steps"}


def _loss_after(target: ProbeTarget, config: ComputeConfig, size: int, count: int) -> float:
    train_step = target.make_train_step(config.precision)
    config.apply_to(train_step.network)
    steps = steps_of(train_step, replace(target.batches, batch_size=size), config)
    done = 0
    for taken in steps.run(target.seed, 1):
        done += taken
        if done >= count:
            break
    return validate(train_step, target.validation, min_images=_VALIDATION_IMAGES)


def gradient_error(target: ProbeTarget, fastest_fp32: ComputeConfig, fastest_bf16: ComputeConfig) -> float:
    """Return the largest relative error of a layer's bf16 gradient at the start, with NaN in freed memory.

    oneDNN of torch 2.13 leaves a bfloat16 weight gradient unwritten where a kernel's outer taps never meet the image
    (stride 3 on 2×2 pixels: maastricht/model-6), so that training uses what was in memory before.
    """
    wanted = _gradients(target, fastest_fp32)
    whole = math.sqrt(sum(float(gradient.square().sum()) for gradient in wanted.values()))
    worst = 0.0
    for _ in range(3):
        _spoil_freed_memory()
        for name, gradient in _gradients(target, fastest_bf16).items():
            # The true gradient of a bias before a normalisation layer is 0, so only rounding is left of it.
            size = max(float(wanted[name].norm()), _MIN_RELATIVE_NORM * whole)
            error = float((gradient - wanted[name]).norm()) / size
            worst = max(worst, error if math.isfinite(error) else math.inf)
    return worst


def _gradients(target: ProbeTarget, config: ComputeConfig) -> dict[str, torch.Tensor]:
    train_step = target.make_train_step(config.precision)
    config.apply_to(train_step.network)
    train_step.train()
    batch = next(iter(replace(target.batches, batch_size=min(32, target.batches.batch_size)).epoch(target.seed, 1)))
    torch.manual_seed(0)  # the same dropout for both
    train_step.optimiser = torch.optim.SGD(train_step.network.parameters(), lr=0)  # which keeps the gradients
    train_step.step(batch, torch.zeros(MAX_TERMS + 1, device=batch.image.device))
    return {
        name: value.grad.double() for name, value in train_step.network.named_parameters() if value.grad is not None
    }


def _spoil_freed_memory() -> None:
    """Fill blocks of every small size with NaN and free them."""
    blocks = [np.full(size, np.nan, np.float32) for size in 2 ** np.arange(4, 17) for _ in range(8)]
    del blocks


# ---- the cache -----------------------------------------------------------------------------------------------


def _file(target: ProbeTarget, precision: str, engine: str, images: int) -> Path:
    device = target.batches.pixels.device
    facts = {
        "format": FORMAT,
        "recipe": target.recipe.name,
        "network": str(target.network),
        "objective": target.recipe.objective,
        "rate": target.recipe.schedule.learning_rate,
        "batch": target.batches.batch_size,
        "data": len(target.batches.pixels),
        "images": images if devices.has_compiler(device) else None,  # whether compiling pays
        "precision": precision,
        "engine": engine,
        "torch": torch.__version__,
        "machine": devices.machine(device),
        "threads": torch.get_num_threads(),
    }
    name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]
    return cache_folder() / "compute-configs" / f"{name}.json"


def _load(file: Path) -> Choice | None:
    """Return the cached choice; None if the file is missing or invalid."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        saved = json.loads(file.read_text())
        return Choice(ComputeConfig.from_json(saved["config"]), {**dict(saved["why"]), "probe": "cached"})
    return None


def _store(file: Path, choice: Choice) -> None:
    with suppress(WriteError):  # a full disk costs the next training a probe
        atomic_write(file, json.dumps({"config": choice.config.as_json(), "why": choice.why}).encode())
