"""A job: a graph and batches of input in a folder, the same for a Python, a Node and a browser process.

    graph.onnx
    job.json        {graph, input, outputs: [name], cases: [{file, shape}]}
    <case>.f32      raw little-endian float32
    <case>.<output>.f32, written by the process

The process sends messages (`zoo.json_lines`): Loaded, a CaseDone after each case, and at the end Done or ProcessFailed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.graph import Array, Graph
from zoo.json_lines import ProcessFailed

JOB = "job.json"


@dataclass(frozen=True)
class Loaded:
    """The graph is loaded."""


@dataclass(frozen=True)
class CaseDone:
    """The outputs of a case are written, in these shapes."""

    case: int
    shapes: list[list[int]]


@dataclass(frozen=True)
class Done:
    """Every case is done; only a process that does not end by itself has to say so."""


JobMessage = Loaded | CaseDone | Done | ProcessFailed
MESSAGES: tuple[type[JobMessage], ...] = (Loaded, CaseDone, Done, ProcessFailed)


@dataclass(frozen=True)
class Case:
    """A batch that goes in: 'noise', 'real', 'zeros', 'ones' or 'vectors', float32 with the images first."""

    kind: str
    value: Array

    @property
    def name(self) -> str:
        return f"{self.kind} × {len(self.value)}"


def write(folder: Path, graph: Graph, cases: Sequence[Case]) -> None:
    """Write a job into an empty folder."""
    (folder / "graph.onnx").write_bytes(graph.model)
    for number, case in enumerate(cases):
        (folder / f"{number}.f32").write_bytes(case.value.astype("<f4").tobytes())
    job = {
        "graph": "graph.onnx",
        "input": graph.input.name,
        "outputs": list(graph.outputs),
        "cases": [{"file": f"{number}.f32", "shape": list(case.value.shape)} for number, case in enumerate(cases)],
    }
    (folder / JOB).write_text(json.dumps(job))


def read_outputs(folder: Path, graph: Graph, message: CaseDone) -> dict[str, Array]:
    """Read what a process wrote for a case, by output. Raises OSError or ValueError where it is not as it says."""
    if len(message.shapes) != len(graph.outputs):
        raise ValueError(f"{len(message.shapes)} outputs, expected {len(graph.outputs)}")
    files = [folder / f"{message.case}.{index}.f32" for index in range(len(message.shapes))]
    return {
        name: np.frombuffer(file.read_bytes(), "<f4").reshape(shape)
        for name, file, shape in zip(graph.outputs, files, message.shapes, strict=True)
    }
