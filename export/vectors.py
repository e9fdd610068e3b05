"""Test vectors: images and what torch computes for them, as raw float32 that any language reads, and the tolerance."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.graph import Array, Graph
from export.verify import Check, compare, tolerance_of
from zoo import gate
from zoo.card import FORMAT
from zoo.errors import FileRefused

if TYPE_CHECKING:
    from export.trained import Trained

IMAGES = 2
FILE = "test/vectors.json"
_MAX_BYTES = 1 << 26  # of all vectors together
_MAX_TENSORS = 16


@dataclass(frozen=True)
class Vectors:
    """Values at the ports, float32 with the images first, and for each graph its input and what its outputs may differ.

    graphs  {file name: (input, {output: largest |difference| allowed})}
    """

    tensors: Mapping[str, Array]
    graphs: Mapping[str, tuple[str, Mapping[str, float]]]

    def as_files(self) -> dict[str, bytes]:
        """Return `test/<port>.f32`, little-endian, and `test/vectors.json`, by their names."""
        files = {f"test/{name}.f32": value.astype("<f4").tobytes() for name, value in self.tensors.items()}
        listing = {
            "format": FORMAT,
            "dtype": "float32",
            "byte_order": "little",
            "images": len(next(iter(self.tensors.values()))),
            "tensors": {
                name: {"file": f"{name}.f32", "shape": list(value.shape)} for name, value in self.tensors.items()
            },
            "graphs": {
                name: {"input": port, "outputs": {output: {"tolerance": most} for output, most in outputs.items()}}
                for name, (port, outputs) in self.graphs.items()
            },
        }
        files[FILE] = (json.dumps(listing, indent=1, sort_keys=True) + "\n").encode()
        return files


def make(trained: Trained, real: Array, graphs: Iterable[Graph]) -> Vectors:
    """Return the vectors of a network's graphs for the first two of `real`, float32 (N, C, H, W)."""
    image = np.resize(real, (IMAGES, *trained.image_shape))
    tensors = {trained.ports["model"][0][0]: image, **trained.compute("model", image)}
    allowed = {}
    for graph in graphs:
        (port,), outputs = trained.ports[graph.part]
        allowed[graph.file] = port, {name: _allowed(graph, name, tensors[name]) for name in outputs}
    return Vectors(tensors, allowed)


def _allowed(graph: Graph, name: str, value: Array) -> float:
    return float(f"{compare(graph.file, name, '', value, value, tolerance_of(graph)).allowed:.3g}")


def check(vectors: Vectors, graphs: Mapping[str, Graph]) -> list[Check]:
    """Run the vectors through the graphs (file name → graph) that are there, in onnxruntime on the CPU.

    No tolerance is wider than ours: with a wide one anything would pass. Raises FileRefused where an output has no
    vector: what was not compared must not look compared.
    """
    for file, graph in graphs.items():
        if file not in vectors.graphs:
            raise FileRefused(f"{graph.source} has no test vectors; export the bundle again")
    checks = []
    for file, (port, outputs) in vectors.graphs.items():
        if file not in graphs:
            continue
        graph, name = graphs[file], file.removesuffix(".onnx")
        answers = graph(vectors.tensors[port])
        for output in answers.keys() ^ outputs.keys():
            what = "no test vector of its output" if output in answers else "no output"
            raise FileRefused(f"{graph.source} has {what} {output!r}; export the bundle again")
        for output, allowed in outputs.items():
            found = compare(name, output, "test vectors", answers[output], vectors.tensors[output])
            most = min(allowed, _allowed(graph, output, vectors.tensors[output]))
            checks.append(replace(found, allowed=most))
    return checks


def read(folder: Path) -> Vectors:
    """Read a bundle's vectors. Raises FileRefused for anything else than vectors."""
    path = folder / FILE
    text = gate.read_bytes(path, limit=1 << 18).decode(errors="replace")
    try:
        listing: dict[str, Any] = json.loads(text, object_pairs_hook=_each_once)
        if listing["format"] != FORMAT or listing["dtype"] != "float32" or listing["byte_order"] != "little":
            raise ValueError
        entries = {name: _file_and_shape(entry) for name, entry in listing["tensors"].items()}
        graphs = {
            file: (str(entry["input"]), {name: _tolerance(each) for name, each in entry["outputs"].items()})
            for file, entry in listing["graphs"].items()
        }
        for port, outputs in graphs.values():
            _ = [entries[name] for name in (port, *outputs)]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise FileRefused(f"{path} is not a list of test vectors of aezoo; export the bundle again") from error
    if len(entries) > _MAX_TENSORS or 4 * sum(math.prod(shape) for _, shape in entries.values()) > _MAX_BYTES:
        raise FileRefused(f"{path} lists more than {_MAX_BYTES >> 20} MiB of vectors; they are not read")
    tensors = {name: _tensor(folder / "test" / file, shape) for name, (file, shape) in entries.items()}
    return Vectors(tensors, graphs)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key occurs twice")
    return value


def _tolerance(output: dict[str, Any]) -> float:
    tolerance = float(output["tolerance"])
    if not 0 < tolerance < math.inf:
        raise ValueError(tolerance)
    return tolerance


def _file_and_shape(entry: dict[str, Any]) -> tuple[str, tuple[int, ...]]:
    """Return where a tensor lies. Raises ValueError for a file elsewhere, or more images than the gate lets through."""
    file, sizes = entry["file"], entry["shape"]
    if Path(file).name != file or not file.endswith(".f32"):
        raise ValueError(file)
    if not isinstance(sizes, list) or not sizes or not all(type(size) is int and size > 0 for size in sizes):
        raise ValueError(sizes)
    if sizes[0] > gate.MAX_BATCH:
        raise ValueError(sizes)
    return file, tuple(sizes)


def _tensor(path: Path, shape: tuple[int, ...]) -> Array:
    data = gate.read_bytes(path, limit=_MAX_BYTES)
    if len(data) != 4 * math.prod(shape):
        raise FileRefused(f"{path} has {len(data):,} bytes, expected float32 values of the shape {shape}; export again")
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(shape)
