"""Checks on exported graphs: numbers only; `export.report` puts them into text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from export.graph import BOTTLENECK, RECONSTRUCTION, Array, Graph
from zoo.errors import FileRefused
from zoo.runs import SAMPLE_INPUTS, History

if TYPE_CHECKING:  # torch is loaded where there is a network to compare with
    from export.trained import Trained

BATCHES = (1, 2, 5, 7, 64)
# Thirty times what eight networks showed in onnxruntime, on [0, 1] pixels; other values scale with their size.
TOLERANCE = 1e-5
# Half a unit in float16's last place is 5e-4 of a weight; images of trained networks were up to 5e-4 off.
FP16_TOLERANCE = 2e-3
ROUNDINGS = 4


@dataclass(frozen=True)
class Check:
    """One comparison: the largest |difference| met for an output over all inputs, and what was allowed there."""

    graph: str
    output: str
    against: str
    difference: float
    allowed: float
    images: int

    @property
    def passed(self) -> bool:
        return bool(self.difference <= self.allowed < math.inf)  # not a number is not passed


def inputs(shape: tuple[int, int, int], real: Array) -> Iterator[Array]:
    """Yield batches of 1, 2, 5, 7 and 64 images: noise from two seeds, real ones, all zeros, all ones.

    `real` is float32 (N, C, H, W); it is repeated to fill a batch.
    """
    for batch in BATCHES:
        for seed in (0, 1):
            yield np.random.default_rng([seed, batch]).random((batch, *shape), dtype=np.float32)
        yield np.resize(real, (batch, *shape))
    for value in (0.0, 1.0):
        yield np.full((2, *shape), value, dtype=np.float32)


def real_images(history: History) -> Array:
    """Return the run's sample inputs, float32 (10, C, H, W) in [0, 1]."""
    return history.arrays[SAMPLE_INPUTS].astype(np.float32) / 255


def tolerance_of(graph: Graph) -> float:
    """Return what a graph may differ from torch."""
    return FP16_TOLERANCE if graph.is_fp16 else TOLERANCE


def against_torch(graph: Graph, trained: Trained, real: Array) -> list[Check]:
    """Compare a graph with torch in float32, per output, in onnxruntime on the CPU."""
    worst: dict[str, Check] = {}
    name, tolerance = graph.file.removesuffix(".onnx"), tolerance_of(graph)
    for image in inputs(trained.image_shape, real):
        value = trained.compute("encoder", image)[BOTTLENECK] if graph.part == "decoder" else image
        answers = graph(value)
        for output, expected in trained.compute(graph.part, value).items():
            check = compare(name, output, "torch", answers[output], expected, tolerance)
            if not check.passed:
                check = allowing(check, trained.rounding(graph.part, value)[output])
            keep_worst(worst, check)
    return list(worst.values())


def allowing(check: Check, rounding: float) -> Check:
    """Allow four times what torch's own float32 answer is off from its float64 one, where that is more.

    Noise drives a variational network's latent to hundreds, and the decoder's logits to thousands: there float32 itself
    has no five digits, in torch as little as in any runtime. A wrong graph is off by far more than rounding.
    """
    return replace(check, allowed=max(check.allowed, ROUNDINGS * rounding))


def composition(graphs: Mapping[str, Graph], shape: tuple[int, int, int], real: Array) -> list[Check]:
    """Compare decoder(encoder(x)) with the whole graph, of file name → graph; empty where one of them is absent."""
    if not {"model.onnx", "encoder.onnx", "decoder.onnx"} <= graphs.keys():
        return []
    worst: dict[str, Check] = {}
    for image in inputs(shape, real):
        expected = graphs["model.onnx"](image)[RECONSTRUCTION]
        answer = graphs["decoder.onnx"](graphs["encoder.onnx"](image)[BOTTLENECK])[RECONSTRUCTION]
        keep_worst(worst, compare("decoder(encoder)", RECONSTRUCTION, "model.onnx", answer, expected))
    return list(worst.values())


def repetition(graph: Graph) -> list[Check]:
    """Run a graph of which nothing else is known: twice, and each image alone against the same images in one batch.

    Raises FileRefused for a graph whose input is not a batch, or that onnxruntime cannot run. One that draws random
    numbers is run, and not compared.
    """
    count, shape = graph.input.shape[0], graph.value_shape
    if 0 in (count, *shape):
        raise FileRefused(f"{graph.source} takes batches of the shape {graph.input.shape}, which hold no value")
    batch = np.random.default_rng(0).random((count if isinstance(count, int) else 5, *shape), dtype=np.float32)
    together, again = graph(batch), graph(batch)
    if graph.facts.is_random:
        return []
    worst: dict[str, Check] = {}
    for name, answer in together.items():
        keep_worst(worst, compare("graph", name, "itself, run again", again[name], answer))
    per_image = [name for name, answer in together.items() if answer.ndim and len(answer) == len(batch)]
    for index in () if isinstance(count, int) else range(len(batch)):
        alone, row = graph(batch[index : index + 1]), slice(index, index + 1)
        for name in per_image:
            keep_worst(worst, compare("graph", name, "itself, one image at a time", alone[name], together[name][row]))
    return list(worst.values())


def compare(
    graph: str, output: str, against: str, answer: Array, expected: Array, tolerance: float = TOLERANCE
) -> Check:
    """Compare one output; `tolerance` is for [0, 1] pixels, and scales with the largest value of anything else."""
    images = len(expected) if expected.ndim else 1
    if answer.shape != expected.shape:
        return Check(graph, output, against, math.inf, tolerance, images)
    scale = 1.0 if output == RECONSTRUCTION else max(1.0, float(np.abs(expected).max(initial=0)))
    with np.errstate(invalid="ignore"):  # of two infinities; the check then fails by not being a number
        difference = float(np.abs(answer.astype(np.float64) - expected).max(initial=0))
    return Check(graph, output, against, difference, tolerance * scale, images)


def severity(check: Check) -> float:
    """Return how much of what is allowed was met, as a share; what is not a number is worse than any."""
    share = check.difference / check.allowed
    return math.inf if math.isnan(share) else share


def keep_worst(worst: dict[str, Check], check: Check) -> None:
    """Keep the comparison nearest to, or furthest beyond, what is allowed; count all images."""
    key = f"{check.output} {check.against}"
    known = worst.get(key)
    images = check.images + (known.images if known else 0)
    kept = check if known is None or severity(check) > severity(known) else known
    worst[key] = replace(kept, images=images)
