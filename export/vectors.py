"""Test vectors: images and what torch computes for them, as raw float32 that any language reads, and the tolerance."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from export import compact
from export.graphs import Trained, reference
from export.verify import TOLERANCE, Check, compare, runner
from zoo import gate
from zoo.card import FORMAT
from zoo.errors import FileRefused
from zoo.runs import COMPACT

IMAGES = 2
FILE = "test/vectors.json"
_MAX_BYTES = 1 << 26  # of all vectors together
_MAX_TENSORS = 16

Array = np.ndarray


@dataclass(frozen=True)
class Vectors:
    """Values at the ports, float32 with the images first, and for each graph what goes in and how near it must come.

    graphs  {file name: (input's port, {output's port: largest |difference| allowed})}
    """

    tensors: Mapping[str, Array]
    graphs: Mapping[str, tuple[str, Mapping[str, float]]]

    def as_files(self) -> dict[str, bytes]:
        """Return `test/<port>.f32`, little-endian, and `test/vectors.json`, by their names."""
        files = {f"test/{name}.f32": value.astype("<f4").tobytes() for name, value in self.tensors.items()}
        told = {
            "format": FORMAT,
            "dtype": "float32",
            "byte_order": "little",
            "images": len(next(iter(self.tensors.values()))),
            "tensors": {
                name: {"file": f"{name}.f32", "shape": list(value.shape)} for name, value in self.tensors.items()
            },
            "graphs": {
                name: {"input": port, "outputs": {output: {"tolerance": near} for output, near in outputs.items()}}
                for name, (port, outputs) in self.graphs.items()
            },
        }
        files[FILE] = (json.dumps(told, indent=1, sort_keys=True) + "\n").encode()
        return files


def make(trained: Trained, real: Array, files: Mapping[str, bytes]) -> Vectors:
    """Return the vectors of a network's graphs for the first two of `real`, float32 (N, C, H, W)."""
    image = np.resize(real, (IMAGES, *trained.image_shape))
    answers = reference(trained, "model", torch.from_numpy(image))
    tensors = {trained.ports["model"][0][0]: image, **{name: value.numpy() for name, value in answers.items()}}
    graphs = {
        f"{graph}.onnx": (ins[0], {name: _allowed(name, tensors[name], TOLERANCE) for name in outs})
        for graph, (ins, outs) in trained.ports.items()
    }
    if COMPACT in files:
        port, outputs = graphs["model.onnx"]
        graphs[COMPACT] = port, {name: _allowed(name, tensors[name], compact.TOLERANCE) for name in outputs}
    return Vectors(tensors, graphs)


def _allowed(name: str, value: Array, tolerance: float) -> float:
    return float(f"{compare('', name, '', value, value, tolerance).allowed:.3g}")


def check(vectors: Vectors, files: Mapping[str, bytes], *, source: str = "") -> list[Check]:
    """Run the vectors through the graphs that are there, in onnxruntime on the CPU.

    Raises FileRefused where an output of one of them has no vector: what is not proved shall not look proved.
    """
    checks = []
    for file in files:
        if file.endswith(".onnx") and file not in vectors.graphs:
            raise FileRefused(f"{source}{file} has no test vectors; export the bundle again")
    for file, (port, outputs) in vectors.graphs.items():
        if file in files:
            answers = runner(files[file], f"{source}{file}")(vectors.tensors[port])
            for name in answers.keys() ^ outputs.keys():
                what = "no test vector of its output" if name in answers else "no output"
                raise FileRefused(f"{source}{file} has {what} {name!r}; export the bundle again")
            for name, allowed in outputs.items():
                found = compare(file.removesuffix(".onnx"), name, "test vectors", answers[name], vectors.tensors[name])
                checks.append(Check(found.graph, name, found.against, found.difference, allowed, found.images))
    return checks


def read(folder: Path) -> Vectors:
    """Read a bundle's vectors; no tolerance is wider than ours. Raises FileRefused for what is not one's."""
    path = folder / FILE
    text = gate.read_bytes(path, limit=1 << 18).decode(errors="replace")
    try:
        told: dict[str, Any] = json.loads(text, object_pairs_hook=_each_once)
        if told["format"] != FORMAT or told["dtype"] != "float32" or told["byte_order"] != "little":
            raise ValueError
        entries = {
            str(name): (_plain(entry["file"]), _shape(entry["shape"])) for name, entry in told["tensors"].items()
        }
        graphs = {
            str(file): (str(entry["input"]), {str(name): _near(near) for name, near in entry["outputs"].items()})
            for file, entry in told["graphs"].items()
        }
        for port, outputs in graphs.values():
            _ = [entries[name] for name in (port, *outputs)]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise FileRefused(f"{path} is not a list of test vectors of aezoo; export the bundle again") from error
    if len(entries) > _MAX_TENSORS or 4 * sum(math.prod(shape) for _, shape in entries.values()) > _MAX_BYTES:
        raise FileRefused(f"{path} tells of more than {_MAX_BYTES >> 20} MiB of vectors; they are not read")
    tensors = {name: _tensor(folder / "test" / file, shape) for name, (file, shape) in entries.items()}
    return Vectors(tensors, {file: (port, _ours(file, outputs, tensors)) for file, (port, outputs) in graphs.items()})


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands there twice")
    return value


def _near(told: dict[str, Any]) -> float:
    near = float(told["tolerance"])
    if not 0 < near < math.inf:
        raise ValueError(near)
    return near


def _ours(file: str, outputs: Mapping[str, float], tensors: Mapping[str, Array]) -> dict[str, float]:
    """Return the tolerances, none of them wider than what we would write there: a stranger's proves nothing."""
    widest = compact.TOLERANCE if file == COMPACT else TOLERANCE
    return {name: min(near, _allowed(name, tensors[name], widest)) for name, near in outputs.items()}


def _shape(told: object) -> tuple[int, ...]:
    if not isinstance(told, list) or not told or not all(type(size) is int and size > 0 for size in told):
        raise ValueError(told)
    if told[0] > gate.PROBE_BATCH:
        raise ValueError("more images than the gate let through")
    return tuple(told)


def _plain(name: object) -> str:
    if not isinstance(name, str) or Path(name).name != name or not name.endswith(".f32"):
        raise ValueError(name)
    return name


def _tensor(path: Path, shape: tuple[int, ...]) -> Array:
    data = gate.read_bytes(path, limit=_MAX_BYTES)
    if len(data) != 4 * math.prod(shape):
        raise FileRefused(f"{path} has {len(data):,} bytes, expected float32 values of the shape {shape}; export again")
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(shape)
