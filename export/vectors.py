"""Test vectors: images and what torch computes for them, as raw float32 that any language reads, and the tolerance."""

from __future__ import annotations

import json
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

IMAGES = 2
FILE = "test/vectors.json"
COMPACT = "model_fp16.onnx"
_MAX_BYTES = 1 << 26

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
    """Run the vectors through the graphs that are there, in onnxruntime on the CPU."""
    checks = []
    for file, (port, outputs) in vectors.graphs.items():
        if file in files:
            answers = runner(files[file], f"{source}{file}")(vectors.tensors[port])
            for name, allowed in outputs.items():
                if name not in answers:
                    raise FileRefused(f"{source}{file} has no output {name!r}, which its test vectors tell of")
                found = compare(file.removesuffix(".onnx"), name, "test vectors", answers[name], vectors.tensors[name])
                checks.append(Check(found.graph, name, found.against, found.difference, allowed, found.images))
    return checks


def read(folder: Path) -> Vectors:
    """Read a bundle's vectors. Raises FileRefused for what is not one's."""
    text = gate.read_bytes(folder / FILE, limit=1 << 18).decode(errors="replace")
    try:
        told: dict[str, Any] = json.loads(text)
        if told["format"] != FORMAT or told["dtype"] != "float32" or told["byte_order"] != "little":
            raise ValueError
        tensors = {
            str(name): _tensor(folder / "test" / _plain(entry["file"]), tuple(map(int, entry["shape"])))
            for name, entry in told["tensors"].items()
        }
        graphs = {
            str(file): (
                str(entry["input"]),
                {str(name): float(near["tolerance"]) for name, near in entry["outputs"].items()},
            )
            for file, entry in told["graphs"].items()
        }
        for port, outputs in graphs.values():
            _ = [tensors[name] for name in (port, *outputs)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileRefused(f"{folder / FILE} is not a list of test vectors of aezoo; export the bundle again") from error
    return Vectors(tensors, graphs)


def _plain(name: object) -> str:
    if not isinstance(name, str) or Path(name).name != name or not name.endswith(".f32"):
        raise ValueError(name)
    return name


def _tensor(path: Path, shape: tuple[int, ...]) -> Array:
    data = gate.read_bytes(path, limit=_MAX_BYTES)
    count = int(np.prod(shape, dtype=object))
    if min(shape, default=0) < 1 or len(data) != 4 * count:
        raise FileRefused(f"{path} has {len(data):,} bytes, expected float32 values of the shape {shape}; export again")
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(shape)
