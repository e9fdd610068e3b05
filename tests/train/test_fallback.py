"""An epoch that is not finite in bfloat16 is taken again in float32, from where it began, and counted once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from train.engine.fallback import FallbackSteps
from train.engine.steps import TrainStep
from zoo import registry
from zoo.objectives import MAX_TERMS, mse


class MadeUpSteps:
    """Epochs of two steps and one more, the last of which may spoil the losses or the weights of epoch 2."""

    def __init__(self, train_step: TrainStep, spoiled: str = "") -> None:
        self.train_step, self.spoiled = train_step, spoiled
        self.step_losses = torch.ones(3, MAX_TERMS + 1)

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        weights = next(self.train_step.network.parameters())
        with torch.no_grad():
            weights.add_(1)
        yield 2
        if epoch == 2 and self.spoiled == "losses":
            self.step_losses[1, 0] = torch.inf
        if epoch == 2 and self.spoiled == "weights":
            with torch.no_grad():
                weights[0] = torch.nan
        yield 1


@pytest.mark.parametrize("spoiled", ["losses", "weights"])
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_what_is_not_finite_is_taken_again_if_it_was_in_bf16(precision: str, spoiled: str) -> None:
    network = registry.load("purdue/dense").network()
    train_step = TrainStep(network, mse, torch.optim.Adam(network.parameters()), precision)
    weights, told = next(network.parameters()), list[int]()
    start = weights.detach().clone()
    seen_by_float32: list[torch.Tensor] = []

    def make_float32_steps() -> MadeUpSteps:
        seen_by_float32.append(weights.detach().clone())
        return MadeUpSteps(replace(train_step, precision="fp32"))

    steps = FallbackSteps(MadeUpSteps(train_step, spoiled), make_float32_steps, told.append)
    assert list(steps.run(0, 1)) == [2, 1]
    counts = list(steps.run(0, 2))
    if precision == "fp32":
        assert (counts, told) == ([2, 1], []), "as it was asked for"
        return
    assert (counts, told) == ([2, 1, -3, 2, 1], [2])
    assert [torch.equal(seen, start + 1) for seen in seen_by_float32] == [True], "as epoch 1 left them"
    assert torch.equal(weights, start + 1 + 1)
    assert steps.train_step.precision == "fp32" and bool(steps.step_losses.isfinite().all())
