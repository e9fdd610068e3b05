"""What goes through the matrix: a graph, inputs that suit it, and the reference that says what should come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from export import vectors
from export.graph import BOTTLENECK, Array, Graph
from export.runtimes.job import Case
from export.verify import real_images
from zoo import registry
from zoo.data import sample
from zoo.errors import FileRefused, RunError
from zoo.runs import GRAPHS, RunFolder

BATCHES = (1, 2, 7, 64)
VECTORS = "vectors"

Outputs = dict[str, Array]
Function = Callable[[Array], Outputs]


@dataclass(frozen=True)
class ConformanceTest:
    """A graph, what goes in, and what should come out.

    reference   who says what should come out: 'torch', or 'onnxruntime' where there is no checkpoint
    expect      says it, float32 by output
    rounding    the error of float32 itself in each output, for an input
    inputs      makes the inputs of a kind and batch size; None where there is none of that kind
    vectors     the test vectors of a bundle: what went in, and what torch made of it
    """

    path: Path
    graph: Graph
    reference: str
    expect: Function
    rounding: Callable[[Array], Mapping[str, float]]
    inputs: Callable[[str, int], Array | None]
    vectors: tuple[Array, Mapping[str, Array]] | None = None

    def cases(self) -> list[Case]:
        """Return what goes in: noise, real images, zeros and ones at every batch size, and the test vectors."""
        size = self.graph.input.shape[0]
        found = [
            Case(kind, value)
            for batch in ((size,) if isinstance(size, int) else BATCHES)
            for kind in ("noise", "real", "zeros", "ones")
            if (value := self.inputs(kind, batch)) is not None
        ]
        return [*found, *([Case(VECTORS, self.vectors[0])] if self.vectors else [])]

    def expected(self, case: Case) -> Mapping[str, Array]:
        return self.vectors[1] if case.kind == VECTORS and self.vectors else self.expect(case.value)


def conformance_of(target: RunFolder | Path) -> Iterator[ConformanceTest]:
    """Yield a test for each graph of a run, a bundle or a file. Raises FileRefused, RunError."""
    if isinstance(target, Path):
        yield _alone(target, {target: _read(target)})
        return
    paths = [path for path in (*map(target.graph, GRAPHS), target.compact) if path.is_file()]
    if not paths:
        raise RunError(f"no model.onnx in {target.path}; export it with `aezoo export`")
    graphs = {path: _read(path) for path in paths}
    if target.checkpoint.is_dir() and target.history.is_file():
        yield from _trained(target, graphs)
        return
    proofs = vectors.read(target.path) if (target.path / vectors.FILE).is_file() else None
    for path, graph in graphs.items():
        test = _alone(path, graphs)
        known = proofs.graphs.get(path.name) if proofs and path != target.compact else None
        if proofs and known:
            port, outputs = known
            if {*outputs} != {*graph.outputs}:
                raise FileRefused(f"{path} has other outputs than {vectors.FILE} lists; export the bundle again")
            wanted = {name: proofs.tensors[name] for name in outputs}
            test = replace(test, vectors=(proofs.tensors[port], wanted))
        yield test


def _read(path: Path) -> Graph:
    graph = Graph.read(path)
    _ = graph.input  # refuses what no runtime can be fed
    return graph


# ---- a graph alone -------------------------------------------------------------------------------------------


def _alone(path: Path, graphs: Mapping[Path, Graph]) -> ConformanceTest:
    """Test a graph of which nothing else is known: onnxruntime says what should come out."""
    graph = graphs[path]
    encoder = _encoder_beside(path, graphs)
    shape = tuple(size if isinstance(size, int) else 1 for size in graph.input.shape[1:])
    make = _images(encoder[1] if encoder else shape, None)
    return ConformanceTest(path, graph, "onnxruntime", graph, _shaken(graph), _through(make, encoder, shape))


def _encoder_beside(path: Path, graphs: Mapping[Path, Graph]) -> tuple[Graph, tuple[int, ...]] | None:
    """Return the encoder of the same recipe that lies beside a decoder, and the shape of its images."""
    own, beside = graphs[path].card, path.with_name("encoder.onnx")
    if own is None or own.graph != "decoder" or not beside.is_file():
        return None
    encoder = graphs.get(beside) or _read(beside)
    if encoder.card is None or encoder.card.name != own.name or encoder.facts.image_shape is None:
        return None
    return encoder, encoder.facts.image_shape


def _shaken(graph: Function) -> Callable[[Array], Mapping[str, float]]:
    """How far the outputs move when each input value is rounded otherwise: no runtime can be blamed for that much."""

    def rounding(value: Array) -> Mapping[str, float]:
        still = graph(value)
        worst = dict.fromkeys(still, 0.0)
        for seed in range(4):
            shift = np.random.default_rng(seed).choice(np.array([-1, 1], np.float32), value.shape)
            moved = graph((value * (1 + shift * np.float32(2**-23))).astype(np.float32))
            for name, output in moved.items():
                difference = np.abs(output.astype(np.float64) - still[name]).max(initial=0)
                worst[name] = max(worst[name], float(difference))
        return worst

    return rounding


# ---- a run ---------------------------------------------------------------------------------------------------


def _trained(run: RunFolder, graphs: Mapping[Path, Graph]) -> Iterator[ConformanceTest]:
    """Test the graphs of a run with its checkpoint: torch says what should come out, float64 how exactly."""
    from export.trained import load_trained

    history, first = run.read_history(), next(iter(graphs.values()))
    if first.card is None:
        raise FileRefused(f"{first.source} has no card inside; export the run again")
    trained = load_trained(registry.load(first.card.name), run, epochs=history.epochs)
    make = _images(trained.image_shape, real_images(history))

    def encode(image: Array) -> Outputs:
        return trained.compute("encoder", image)

    for path, graph in graphs.items():
        name = path.stem
        if path == run.compact:  # export compared it with torch; here its own arithmetic is to be the same everywhere
            yield ConformanceTest(path, graph, "onnxruntime", graph, _shaken(graph), make)
            continue

        def expect(value: Array, name: str = name) -> Outputs:
            return trained.compute(name, value)

        def rounding(value: Array, name: str = name) -> Mapping[str, float]:
            exact = trained.in_float64().compute(name, value.astype(np.float64))
            return {
                output: float(np.abs(single - exact[output]).max(initial=0))
                for output, single in trained.compute(name, value).items()
            }

        encoder = (encode, trained.image_shape) if name == "decoder" else None
        inputs = _through(make, encoder, trained.bottleneck_shape)
        yield ConformanceTest(path, graph, "torch", expect, rounding, inputs)


# ---- inputs --------------------------------------------------------------------------------------------------

Make = Callable[[str, int], Array | None]


def _images(shape: tuple[int, ...], real: Array | None) -> Make:
    """Return what makes batches of images; of a shape that is not an image's noise is normal, and none are real."""

    def make(kind: str, batch: int) -> Array | None:
        if kind == "noise":
            noise = np.random.default_rng(batch)
            uniform = noise.random((batch, *shape), dtype=np.float32)
            return uniform if len(shape) == 3 else noise.standard_normal((batch, *shape), dtype=np.float32)
        if kind == "real":
            images = real if real is not None else _samples(shape)
            return None if images is None else np.resize(images, (batch, *shape)).astype(np.float32)
        return np.full((batch, *shape), float(kind == "ones"), dtype=np.float32)

    return make


def _through(make: Make, encoder: tuple[Function, tuple[int, ...]] | None, shape: tuple[int, ...]) -> Make:
    """Return what makes a decoder's inputs: noise and real images go through its encoder, zeros and ones do not."""
    if encoder is None:
        return make

    def encoded(kind: str, batch: int) -> Array | None:
        if kind in ("zeros", "ones"):
            return np.full((batch, *shape), float(kind == "ones"), dtype=np.float32)
        value = make(kind, batch)
        return None if value is None else encoder[0](value)[BOTTLENECK]

    return encoded


@cache
def _samples(shape: tuple[int, ...]) -> Array | None:
    """Return embedded images fitted to a shape (C, H, W), float32 in [0, 1]: digits where grey, else photographs."""
    from PIL import Image

    if len(shape) != 3 or shape[0] not in (1, 3) or min(shape) < 1:
        return None
    pixels = (sample.digits("test") if shape[0] == 1 else sample.photos("test")).pixels[:8]
    size = shape[2], shape[1]
    fitted = [
        np.asarray(Image.fromarray(image.transpose(1, 2, 0).squeeze()).resize(size, Image.Resampling.BILINEAR))
        for image in pixels
    ]
    return (
        np.stack([image.reshape(*image.shape[:2], -1).transpose(2, 0, 1) for image in fitted]).astype(np.float32) / 255
    )
