"""Objectives: what is minimised, as pure functions from (output, batch) to named terms whose sum is the loss."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from zoo.blocks import ClassifierOutput, Output, kind_of_colour
from zoo.recipe import Recipe


@dataclass(frozen=True)
class Batch:
    """What goes in, what should come out, and of which class it is.

    image    float32 (B, C, H, W) in [0, 1]
    target   float32 (B, C, H, W) in [0, 1], or several of them (B, K, C, H, W)
    label    int64 (B,); in training (0,), where nothing reads it
    """

    image: Tensor
    target: Tensor
    label: Tensor


Terms = dict[str, Tensor]
Objective = Callable[[Any, Batch], Terms]


def bce(output: Output, batch: Batch) -> Terms:
    """Binary cross-entropy a pixel, in nats, of a sigmoid network; taken from its logits, which cannot overflow."""
    return {"bce": functional.binary_cross_entropy_with_logits(output.raw, batch.target)}


def mse(output: Output, batch: Batch) -> Terms:
    """Squared error a pixel of the reconstruction."""
    return {"mse": functional.mse_loss(output.reconstruction, batch.target)}


def mse_linear(output: Output, batch: Batch) -> Terms:
    """Squared error a pixel before clamping, of a network whose output is linear."""
    return {"mse": functional.mse_loss(output.raw, batch.target)}


def mse_normalised(output: Output, batch: Batch) -> Terms:
    """Squared error to targets of zero mean and unit deviation, before clamping; to several the mean over all."""
    raw = output.raw.unsqueeze(1) if batch.target.ndim == 5 else output.raw
    return {"mse": functional.mse_loss(raw.expand_as(batch.target), batch.target)}


def elbo(output: Output, batch: Batch) -> Terms:
    """The negative evidence lower bound an image, in nats (Kingma & Welling 2014, equation 10).

    Binary cross-entropy summed over the pixels, and the divergence of N(mean, exp(logvar)) from N(0, 1) summed over
    the latent variables, each the mean over the images.
    """
    assert output.logvar is not None
    count = len(batch.target)
    logits = functional.binary_cross_entropy_with_logits(output.raw, batch.target, reduction="sum") / count
    divergence = -0.5 * (1 + output.logvar - output.bottleneck.square() - output.logvar.exp()).sum() / count
    return {"bce": logits, "kl": divergence}


def colour_classes(output: Output, batch: Batch) -> Terms:
    """Cross-entropy of each pixel's kind of colour, in nats a pixel; the bottleneck is luma and the kinds' logits."""
    kinds = kind_of_colour(batch.target)
    return {"cross_entropy": functional.cross_entropy(output.bottleneck[:, 1:], kinds)}


def cross_entropy(output: ClassifierOutput, batch: Batch) -> Terms:
    """Cross-entropy of a classifier's logits, in nats an image."""
    return {"cross_entropy": functional.cross_entropy(output.logits, batch.label)}


def taught_by(teacher: nn.Module) -> Objective:
    """Return the cross-entropy of a frozen classifier that sees the reconstruction, in nats an image."""

    def objective(output: Output, batch: Batch) -> Terms:
        return cross_entropy(teacher(output.reconstruction), batch)

    return objective


TEACHER = "teacher"
MAX_TERMS = 3  # of an objective
OBJECTIVES: Mapping[str, Objective] = {
    "bce": bce,
    "mse": mse,
    "mse-linear": mse_linear,
    "mse-normalised": mse_normalised,
    "elbo": elbo,
    "colour-classes": colour_classes,
    "cross-entropy": cross_entropy,
}


FROM_RAW = frozenset({bce, mse_linear, mse_normalised, elbo})  # read an output's `raw`, never its pixels
READS_LABEL = frozenset({"cross-entropy", TEACHER})


def objective_of(recipe: Recipe, teacher: nn.Module | None) -> Objective:
    """Return a recipe's objective; `teacher` is the frozen classifier of one that has it in its loss."""
    if recipe.loss is not None:
        return recipe.loss
    if recipe.objective == TEACHER:
        assert teacher is not None, recipe.name
        return taught_by(teacher)
    return OBJECTIVES[recipe.objective]


def total(terms: Terms) -> Tensor:
    """Return the loss: the sum of the terms."""
    return reduce(operator.add, terms.values())
