"""What the machine can do at most: the rates against which an engine's share is counted."""

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from train.engine import devices, fused
from train.engine.batches import Batches
from train.engine.prepare import Preparation
from zoo.objectives import Batch, objective_of, total
from zoo.recipe import Recipe

_SECONDS = 0.5
_SIDE = 2048
_VALUES = 64_000_000  # 256 MB of float32, beyond any cache


def rates(device: torch.device) -> dict[str, float]:
    """Measure matrix products (operations a second) and copying (bytes read and written a second).

    In float32, and in bfloat16 where the hardware has it.
    """
    found = {}
    both = {"gemm_fp32": torch.float32, "gemm_bf16": torch.bfloat16}
    for name, dtype in both.items() if devices.has_bf16(device) else [("gemm_fp32", torch.float32)]:
        left, right = (torch.rand(_SIDE, _SIDE, device=device).to(dtype) for _ in range(2))
        found[name] = 2 * _SIDE**3 / _fastest(lambda left=left, right=right: left @ right, device)  # type: ignore[misc]
    source = torch.rand(_VALUES, device=device)
    goal = torch.empty_like(source)
    found["copy"] = 2 * 4 * _VALUES / _fastest(lambda: goal.copy_(source), device)
    return found


def _fastest(work: Callable[[], object], device: torch.device) -> float:
    best, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < _SECONDS:
        before = time.perf_counter()
        work()
        devices.wait(device)
        best = min(best, time.perf_counter() - before)
    return best


def operations(recipe: Recipe) -> int:
    """Count the operations of one image in training, forward and backward, of the network as the sheet has it."""
    network, objective = recipe.network(), objective_of(recipe, None)
    images, wanted = torch.rand(2, *recipe.input_shape), torch.rand(2, *recipe.image_shape)
    with FlopCounterMode(display=False) as counter:
        total(objective(network(images), Batch(images, wanted, torch.zeros(2, dtype=torch.int64)))).backward()
    return int(counter.get_total_flops() / 2)


def compiled_operations(recipe: Recipe) -> int | None:
    """Count those of the compiled steps, in which two layers may be one; None where there are none."""
    pixels = torch.zeros(1, *recipe.image_shape, dtype=torch.uint8)
    batches = Batches(pixels, torch.zeros(1, dtype=torch.int64), Preparation(recipe), 1)
    try:
        return fused.check(recipe.network(), batches).flops
    except fused.Unsupported:
        return None
