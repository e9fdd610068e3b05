"""What goes through the matrix: a graph, the inputs that suit it, and who says what should come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from export import vectors
from export.runtimes.job import Case
from export.verify import runner
from zoo import card, gate, registry
from zoo.data import sample
from zoo.errors import FileRefused, RunError
from zoo.gate import GraphFacts
from zoo.runs import GRAPHS, RunFolder

BATCHES = (1, 2, 7, 64)
VECTORS = "vectors"

Array = np.ndarray
Answers = dict[str, Array]
Function = Callable[[Array], Answers]


@dataclass(frozen=True)
class Subject:
    """A graph that passed the gate.

    reference   who says what should come out: 'torch', or 'onnxruntime' where there is no checkpoint to ask
    answer      says it, float32 by output
    rounding    for an input, how far float32 itself leaves each output open
    inputs      makes the inputs of a kind and batch size; None where there is none of that kind
    vectors     what went in and what torch said, of a bundle
    """

    path: Path
    data: bytes
    facts: GraphFacts
    reference: str
    answer: Function
    rounding: Callable[[Array], Mapping[str, float]]
    inputs: Callable[[str, int], Array | None]
    vectors: tuple[Array, Mapping[str, Array]] | None = None

    @property
    def batches(self) -> tuple[int, ...]:
        size = self.facts.inputs[0].shape[0]
        return (size,) if isinstance(size, int) else BATCHES

    def cases(self) -> list[Case]:
        """Return what goes in: noise, real images, zeros and ones at every batch size, and the test vectors."""
        found = [
            Case(kind, value)
            for batch in self.batches
            for kind in ("noise", "real", "zeros", "ones")
            if (value := self.inputs(kind, batch)) is not None
        ]
        return [*found, *([Case(VECTORS, self.vectors[0])] if self.vectors else [])]

    def expected(self, case: Case) -> Mapping[str, Array]:
        return self.vectors[1] if case.kind == VECTORS and self.vectors else self.answer(case.value)


def subjects_of(target: RunFolder | Path) -> Iterator[Subject]:
    """Yield the graphs of a run, a bundle or a file. Raises FileRefused, RunError."""
    if isinstance(target, Path):
        yield _lone(target)
        return
    paths = [path for path in (*map(target.graph, GRAPHS), target.compact) if path.is_file()]
    if not paths:
        raise RunError(f"no model.onnx in {target.path}; export it with `aezoo export`")
    if target.checkpoint.is_dir() and target.history.is_file():
        yield from _trained(target, paths)
        return
    proofs = vectors.read(target.path) if (target.path / vectors.FILE).is_file() else None
    for path in paths:
        subject = _lone(path)
        known = proofs.graphs.get(path.name) if proofs and path != target.compact else None
        if proofs and known:
            port, outputs = known
            if {*outputs} != {each.name for each in subject.facts.outputs}:
                raise FileRefused(f"{path} has other outputs than {vectors.FILE} tells of; export the bundle again")
            wanted = {name: proofs.tensors[name] for name in outputs}
            subject = replace(subject, vectors=(proofs.tensors[port], wanted))
        yield subject


def _read(path: Path) -> tuple[bytes, GraphFacts]:
    data = gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
    facts = gate.check_onnx(data, source=str(path))
    if len(facts.inputs) != 1 or facts.inputs[0].dtype != "float32" or not facts.inputs[0].shape:
        raise FileRefused(f"{path} takes other things than one batch of float32 values; the matrix cannot feed it")
    return data, facts


# ---- a graph alone -------------------------------------------------------------------------------------------


def _lone(path: Path) -> Subject:
    """A graph of which nothing else is known: onnxruntime says what should come out."""
    data, facts = _read(path)
    run = runner(data, str(path))
    own = card.from_metadata(facts.metadata)
    encode = _encoder_beside(path, own) if own is not None and own.graph == "decoder" else None
    shape = tuple(size if isinstance(size, int) else 1 for size in facts.inputs[0].shape[1:])
    make = _images(encode[1], None) if encode else _images(shape, None)
    return Subject(path, data, facts, "onnxruntime", run, _shaken(run), _through(make, encode, shape))


def _encoder_beside(path: Path, own: card.Card) -> tuple[Function, tuple[int, ...]] | None:
    """Return the encoder of the same recipe that lies beside a decoder, as a function, and the shape of its images."""
    beside = path.with_name("encoder.onnx")
    if not beside.is_file():
        return None
    data, facts = _read(beside)
    other = card.from_metadata(facts.metadata)
    if other is None or other.name != own.name or facts.image_shape is None:
        return None
    return runner(data, str(beside)), facts.image_shape


def _shaken(run: Function) -> Callable[[Array], Mapping[str, float]]:
    """How far the outputs go when each input value is rounded otherwise: what no runtime can be blamed for."""

    def rounding(value: Array) -> Mapping[str, float]:
        calm = run(value)
        worst = dict.fromkeys(calm, 0.0)
        for seed in range(4):
            shift = np.random.default_rng(seed).choice(np.array([-1, 1], np.float32), value.shape)
            moved = run((value * (1 + shift * np.float32(2**-23))).astype(np.float32))
            for name, answer in moved.items():
                difference = np.abs(answer.astype(np.float64) - calm[name]).max(initial=0)
                worst[name] = max(worst[name], float(difference))
        return worst

    return rounding


# ---- a run ---------------------------------------------------------------------------------------------------


def _trained(run: RunFolder, paths: list[Path]) -> Iterator[Subject]:
    """The graphs of a run with its checkpoint: torch says what should come out, and float64 how sure that is."""
    import torch

    from export.graphs import BOTTLENECK, load_trained, reference
    from export.publish import real_images
    from export.verify import in_float64

    history = run.read_history()
    data, facts = _read(paths[0])
    own = card.from_metadata(facts.metadata)
    if own is None:
        raise FileRefused(f"{paths[0]} has no card inside; export the run again")
    trained = load_trained(registry.load(own.name), run, epochs=history.epochs)
    make = _images(trained.image_shape, real_images(history))

    def encode(image: Array) -> Answers:
        return {BOTTLENECK: reference(trained, "encoder", torch.from_numpy(image))[BOTTLENECK].numpy()}

    for path in paths:
        data, facts = _read(path)
        graph = path.stem
        if path == run.compact:  # export compared it with torch; here its own arithmetic is to be the same everywhere
            alone = runner(data, str(path))
            yield Subject(path, data, facts, "onnxruntime", alone, _shaken(alone), make)
            continue

        def answer(value: Array, graph: str = graph) -> Answers:
            told = reference(trained, graph, torch.from_numpy(value))
            return {name: tensor.numpy() for name, tensor in told.items()}

        def rounding(value: Array, graph: str = graph) -> Mapping[str, float]:
            exact = reference(in_float64(trained), graph, torch.from_numpy(value).double())
            told = answer(value, graph)
            return {name: float(np.abs(told[name] - exact[name].numpy()).max(initial=0)) for name in told}

        encoder = (encode, trained.image_shape) if graph == "decoder" else None
        yield Subject(path, data, facts, "torch", answer, rounding, _through(make, encoder, trained.bottleneck_shape))


# ---- inputs --------------------------------------------------------------------------------------------------

Make = Callable[[str, int], Array | None]


def _images(shape: tuple[int, ...], real: Array | None) -> Make:
    """Return what makes batches of images; for a shape that is no image's noise is normal, and none are real."""

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
    """Return what makes a decoder's inputs: noise and real images through its encoder; zeros and ones as they are."""
    if encoder is None:
        return make

    def encoded(kind: str, batch: int) -> Array | None:
        if kind in ("zeros", "ones"):
            return np.full((batch, *shape), float(kind == "ones"), dtype=np.float32)
        value = make(kind, batch)
        return None if value is None else encoder[0](value)["bottleneck"]

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
