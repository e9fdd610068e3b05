"""Objectives: what is minimised, as pure functions from (output, target) to named terms whose sum is the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn import functional

from zoo.blocks import Output

Terms = dict[str, Tensor]
Objective = Callable[[Output, Tensor], Terms]


def bce(output: Output, target: Tensor) -> Terms:
    """Binary cross-entropy a pixel, in nats, of a sigmoid network; taken from its logits, which cannot overflow."""
    return {"bce": functional.binary_cross_entropy_with_logits(output.raw, target)}


def mse(output: Output, target: Tensor) -> Terms:
    """Squared error a pixel of the reconstruction."""
    return {"mse": functional.mse_loss(output.reconstruction, target)}


def mse_linear(output: Output, target: Tensor) -> Terms:
    """Squared error a pixel before clamping, of a network whose output is linear."""
    return {"mse": functional.mse_loss(output.raw, target)}


OBJECTIVES: Mapping[str, Objective] = {"bce": bce, "mse": mse, "mse-linear": mse_linear}


def total(terms: Terms) -> Tensor:
    """Return the loss: the sum of the terms."""
    first, *rest = terms.values()
    for term in rest:
        first = first + term
    return first
