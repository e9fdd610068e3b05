"""What goes through the matrix: a graph, inputs that suit it, and the reference that says what should come out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
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
Make = Callable[[str, int], Array | None]


@dataclass(frozen=True)
class ConformanceTest:
    """A graph, what goes in, and what should come out.

    reference   who says what should come out: 'torch', or 'onnxruntime' where there is no checkpoint
    expect      says it, float32 by output
    rounding    the error of float32 itself in each output, for an input
    inputs      makes 'noise' or 'real' inputs of a batch size; None where there are none of that kind
    vectors     the test vectors of a bundle: what went in, and what torch made of it
    """

    graph: Graph
    reference: str
    expect: Function
    rounding: Callable[[Array], Mapping[str, float]]
    inputs: Make
    vectors: tuple[Array, Mapping[str, Array]] | None = None

    def cases(self) -> list[Case]:
        """Return what goes in: noise, real images, zeros and ones at every batch size, and the test vectors."""
        size, shape = self.graph.input.shape[0], self.graph.value_shape
        found = []
        for batch in (size,) if isinstance(size, int) else BATCHES:
            for kind in ("noise", "real"):
                value = self.inputs(kind, batch)
                found += [] if value is None else [Case(kind, value)]
            found.append(Case("zeros", np.zeros((batch, *shape), np.float32)))
            found.append(Case("ones", np.ones((batch, *shape), np.float32)))
        return [*found, *([Case(VECTORS, self.vectors[0])] if self.vectors else [])]

    def expected(self, case: Case) -> Mapping[str, Array]:
        return self.vectors[1] if case.kind == VECTORS and self.vectors else self.expect(case.value)


def conformance_of(target: RunFolder | Path) -> Iterator[ConformanceTest]:
    """Yield a test for each graph of a run, a bundle or a file. Raises FileRefused, RunError."""
    if isinstance(target, Path):
        yield _alone(_read(target), {})
        return
    paths = [path for path in (*map(target.graph, GRAPHS), target.fp16_model) if path.is_file()]
    if not paths:
        raise RunError(f"no model.onnx in {target.path}; export it with `aezoo export`")
    graphs = {path.name: _read(path) for path in paths}
    if target.checkpoint.is_dir() and target.history.is_file():
        yield from _trained(target, list(graphs.values()))
        return
    proofs = vectors.read(target.path) if (target.path / vectors.FILE).is_file() else None
    for file, graph in graphs.items():
        test = _alone(graph, graphs)
        if proofs and file in proofs.graphs and not graph.is_fp16:
            port, outputs = proofs.graphs[file]
            if {*outputs} != {*graph.outputs}:
                raise FileRefused(
                    f"{graph.source} has other outputs than {vectors.FILE} lists; export the bundle again"
                )
            wanted = {name: proofs.tensors[name] for name in outputs}
            test = replace(test, vectors=(proofs.tensors[port], wanted))
        yield test


def _read(path: Path) -> Graph:
    graph = Graph.read(path)
    _ = graph.input  # refuses what no runtime can be fed
    if graph.facts.is_random:
        raise FileRefused(
            f"{graph.source} draws random numbers: runtimes differ, as one does from itself; not compared"
        )
    return graph


def _alone(graph: Graph, beside: Mapping[str, Graph]) -> ConformanceTest:
    """Test a graph of which nothing else is known: onnxruntime says what should come out.

    `beside` holds the graphs of its folder that are open, by file name.
    """
    encoder = _encoder_beside(graph, beside)
    make = _encoded(_images(encoder.value_shape, None), encoder) if encoder else _images(graph.value_shape, None)
    return ConformanceTest(graph, "onnxruntime", graph, _shaken(graph), make)


def _encoder_beside(graph: Graph, beside: Mapping[str, Graph]) -> Graph | None:
    """Return the encoder of images of the same recipe that lies beside a decoder."""
    path = Path(graph.source).with_name("encoder.onnx")
    if graph.card is None or graph.card.graph != "decoder" or not path.is_file():
        return None
    encoder = beside.get(path.name) or _read(path)
    fits = encoder.card is not None and encoder.card.name == graph.card.name and encoder.facts.image_shape is not None
    return encoder if fits else None


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


def _trained(run: RunFolder, graphs: Sequence[Graph]) -> Iterator[ConformanceTest]:
    """Test the graphs of a run with its checkpoint: torch says what should come out, float64 how exactly."""
    from export.trained import load_trained

    history, first = run.read_history(), graphs[0]
    if first.card is None:
        raise FileRefused(f"{first.source} has no card inside; export the run again")
    trained = load_trained(registry.load(first.card.name), run, epochs=history.epochs)
    make = _images(trained.image_shape, real_images(history))
    for graph in graphs:
        if graph.is_fp16:  # export compared it with torch; here it must compute the same everywhere
            yield ConformanceTest(graph, "onnxruntime", graph, _shaken(graph), make)
            continue
        expect = partial(trained.compute, graph.part)
        inputs = _encoded(make, partial(trained.compute, "encoder")) if graph.part == "decoder" else make
        yield ConformanceTest(graph, "torch", expect, partial(trained.rounding, graph.part), inputs)


def _images(shape: tuple[int, ...], real: Array | None) -> Make:
    """Return what makes batches of images; of a shape that is not an image's noise is normal, and none are real."""

    def make(kind: str, batch: int) -> Array | None:
        if kind == "noise":
            noise = np.random.default_rng(batch)
            uniform = noise.random((batch, *shape), dtype=np.float32)
            return uniform if len(shape) == 3 else noise.standard_normal((batch, *shape), dtype=np.float32)
        images = real if real is not None else _samples(shape)
        return None if images is None else np.resize(images, (batch, *shape)).astype(np.float32)

    return make


def _encoded(make: Make, encode: Function) -> Make:
    """Return what makes a decoder's inputs: what its encoder gives for images."""

    def encoded(kind: str, batch: int) -> Array | None:
        value = make(kind, batch)
        return None if value is None else encode(value)[BOTTLENECK]

    return encoded


def _samples(shape: tuple[int, ...]) -> Array | None:
    """Return embedded images fitted to a shape (C, H, W), float32 in [0, 1]: digits where grey, else photographs."""
    if len(shape) != 3 or shape[0] not in (1, 3):
        return None
    pixels = (sample.digits("test") if shape[0] == 1 else sample.photos("test")).pixels[:8]
    rows, columns = (np.arange(size) * own // size for size, own in zip(shape[1:], pixels.shape[2:], strict=True))
    return pixels[:, :, rows][..., columns].astype(np.float32) / 255
