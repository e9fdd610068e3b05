"""Checks on ONNX bytes: numbers, no words. Another file words them."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from export.graphs import BOTTLENECK, RECONSTRUCTION, Trained, reference
from zoo import gate, sessions
from zoo.errors import FileRefused

BATCHES = (1, 2, 5, 7, 64)
# Thirty times what eight networks showed in onnxruntime, on [0, 1] pixels; other values scale with their size.
TOLERANCE = 1e-5
ROUNDINGS = 4

Array = np.ndarray


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


def against_torch(
    graph: str, data: bytes, trained: Trained, real: Array, *, tolerance: float = TOLERANCE
) -> list[Check]:
    """Compare a graph with torch in float32, per output, in onnxruntime on the CPU."""
    run = runner(data)
    worst: dict[str, Check] = {}
    for image in inputs(trained.image_shape, real):
        value = torch.from_numpy(image)
        if graph == "decoder":
            value = reference(trained, "encoder", value)[BOTTLENECK]
        answers = run(value.numpy())
        for name, tensor in reference(trained, graph, value).items():
            check = compare(graph, name, "torch", answers[name], tensor.numpy(), tolerance)
            if not check.passed:
                exact = reference(in_float64(trained), graph, value.double())[name].numpy()
                check = allowing(check, float(np.abs(tensor.numpy() - exact).max(initial=0)))
            keep_worst(worst, check)
    return list(worst.values())


def in_float64(trained: Trained) -> Trained:
    return replace(trained, network=copy.deepcopy(trained.network).double())


def allowing(check: Check, rounding: float) -> Check:
    """Allow four times what torch's own float32 answer is off from its float64 one, where that is more.

    Noise drives a variational network's latent to hundreds, and the decoder's logits to thousands: there float32 itself
    has no five digits, in torch as little as in any runtime. A wrong graph is off by far more than rounding.
    """
    return replace(check, allowed=max(check.allowed, ROUNDINGS * rounding))


def composition(files: dict[str, bytes], shape: tuple[int, int, int], real: Array) -> list[Check]:
    """Compare decoder(encoder(x)) with the whole graph; empty where one of the three is absent."""
    if not {"model", "encoder", "decoder"} <= files.keys():
        return []
    model, encoder, decoder = (runner(files[name]) for name in ("model", "encoder", "decoder"))
    worst: dict[str, Check] = {}
    for image in inputs(shape, real):
        expected = model(image)[RECONSTRUCTION]
        answer = decoder(encoder(image)[BOTTLENECK])[RECONSTRUCTION]
        keep_worst(worst, compare("decoder(encoder)", RECONSTRUCTION, "model.onnx", answer, expected))
    return list(worst.values())


def repetition(data: bytes, facts: gate.GraphFacts, *, source: str) -> list[Check]:
    """Run a graph of which nothing else is known: twice, and each image alone against the same images in one batch.

    Raises FileRefused for a graph whose input is no batch, or that onnxruntime cannot run.
    """
    if len(facts.inputs) != 1 or facts.inputs[0].dtype != "float32" or not facts.inputs[0].shape:
        ports = ", ".join(f"{port.dtype} {port.shape}" for port in facts.inputs) or "nothing"
        raise FileRefused(f"{source} takes {ports}; a graph that takes one batch of float32 values can be verified")
    run = runner(data, source)
    port = facts.inputs[0]
    shape = tuple(size if isinstance(size, int) else 1 for size in port.shape[1:])
    if 0 in port.shape:
        raise FileRefused(f"{source} takes batches of the shape {port.shape}, which hold nothing to verify")
    dynamic = isinstance(port.shape[0], str)
    batch = np.random.default_rng(0).random((5 if dynamic else int(port.shape[0]), *shape), dtype=np.float32)
    together = run(batch)
    again = run(batch)
    worst: dict[str, Check] = {}
    for name, answer in together.items():
        keep_worst(worst, compare("graph", name, "itself, run again", again[name], answer))
    if dynamic:
        for index in range(len(batch)):
            alone = run(batch[index : index + 1])
            for name, answer in together.items():
                if answer.ndim == 0 or len(answer) != len(batch):
                    continue  # no row of it belongs to one image
                keep_worst(
                    worst,
                    compare("graph", name, "itself, one image at a time", alone[name], answer[index : index + 1]),
                )
    return list(worst.values())


class Runner:
    """A graph as a function; what onnxruntime raises becomes FileRefused."""

    def __init__(self, data: bytes, source: str) -> None:
        self._source = source
        with self._refusing():
            self._session = sessions.make(data)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [port.name for port in self._session.get_outputs()]

    def __call__(self, value: Array) -> dict[str, Array]:
        with self._refusing():
            answers = [np.asarray(answer) for answer in self._session.run(self._outputs, {self._input: value})]
        if any(answer.dtype.kind not in "fiub" for answer in answers):
            raise FileRefused(f"{self._source} makes outputs that are no numbers; they cannot be verified")
        return dict(zip(self._outputs, answers, strict=True))

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # onnxruntime raises kinds of its own, and UnicodeDecodeError
            line = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            raise FileRefused(f"{self._source} cannot be run by onnxruntime ({line})") from error


def runner(data: bytes, source: str = "the graph") -> Runner:
    """Return a graph as a function of its input; raises FileRefused for what does not pass the gate or cannot run."""
    gate.check_onnx(data, source=source)
    return Runner(data, source)


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
    worst[key] = Check(kept.graph, kept.output, kept.against, kept.difference, kept.allowed, images)
