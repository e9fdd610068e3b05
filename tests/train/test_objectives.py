"""Objectives are the formulas that their names promise."""

from __future__ import annotations

import pytest
import torch

from train.objectives import OBJECTIVES, total
from zoo.blocks import Output


@pytest.fixture
def output() -> Output:
    raw = torch.linspace(-3, 3, 32).reshape(2, 1, 4, 4).requires_grad_()
    return Output(reconstruction=torch.sigmoid(raw), bottleneck=torch.zeros(2, 1), raw=raw)


TARGET = torch.linspace(0, 1, 32).reshape(2, 1, 4, 4)


def test_bce_is_the_mean_cross_entropy_a_pixel(output: Output) -> None:
    p = output.reconstruction.double()
    expected = -(TARGET * p.log() + (1 - TARGET) * (1 - p).log()).mean()
    torch.testing.assert_close(OBJECTIVES["bce"](output, TARGET)["bce"].double(), expected, rtol=1e-5, atol=1e-6)


def test_mse_is_the_mean_squared_error_a_pixel(output: Output) -> None:
    expected = (output.reconstruction - TARGET).square().mean()
    torch.testing.assert_close(OBJECTIVES["mse"](output, TARGET)["mse"], expected)


def test_mse_linear_is_the_squared_error_before_clamping(output: Output) -> None:
    expected = (output.raw - TARGET).square().mean()
    torch.testing.assert_close(OBJECTIVES["mse-linear"](output, TARGET)["mse"], expected)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_has_a_gradient_and_is_least_at_the_target(name: str, output: Output) -> None:
    objective = OBJECTIVES[name]
    total(objective(output, TARGET)).backward()
    assert output.raw.grad is not None
    assert output.raw.grad.abs().sum() > 0
    logits = torch.logit(TARGET.clamp(1e-6, 1 - 1e-6))
    perfect = Output(TARGET, output.bottleneck, TARGET if name == "mse-linear" else logits)
    assert total(objective(perfect, TARGET)) < total(objective(output, TARGET))


def test_the_loss_is_the_sum_of_its_terms() -> None:
    assert total({"a": torch.tensor(1.0), "b": torch.tensor(2.5)}) == 3.5
