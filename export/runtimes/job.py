"""A job: a graph and batches of input in a folder, the same for a Python, a Node and a browser process.

    graph.onnx
    job.json        {graph, input, outputs: [name], cases: [{name, file, shape}]}
    <case>.f32      raw little-endian float32
    <case>.<output>.f32, written by the process

The process sends messages (`zoo.json_lines`): Loaded, a CaseDone after each case, and at the end Done or ProcessFailed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.graph import Array
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


@dataclass(frozen=True)
class Job:
    """A graph that passed the gate, the names of its ports, and what goes in."""

    graph: bytes
    input: str
    outputs: tuple[str, ...]
    cases: Sequence[Case]

    def write(self, folder: Path) -> None:
        """Write the job into an empty folder."""
        (folder / "graph.onnx").write_bytes(self.graph)
        for number, case in enumerate(self.cases):
            (folder / f"{number}.f32").write_bytes(case.value.astype("<f4").tobytes())
        job = {
            "graph": "graph.onnx",
            "input": self.input,
            "outputs": list(self.outputs),
            "cases": [
                {"name": case.name, "file": f"{number}.f32", "shape": list(case.value.shape)}
                for number, case in enumerate(self.cases)
            ],
        }
        (folder / JOB).write_text(json.dumps(job))

    def answers(self, folder: Path, number: int, shapes: Sequence[Sequence[int]]) -> dict[str, Array]:
        """Read what a process wrote for a case. Raises ValueError where it is not of these shapes."""
        if len(shapes) != len(self.outputs):
            raise ValueError(f"{len(shapes)} outputs, expected {len(self.outputs)}")
        return {
            name: np.frombuffer((folder / f"{number}.{index}.f32").read_bytes(), "<f4").reshape(shapes[index])
            for index, name in enumerate(self.outputs)
        }
