"""An exported graph, opened once: its bytes, what the gate found in them, its card, and a session that runs it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo import card, gate, sessions
from zoo.errors import FileRefused, first_line
from zoo.graphs import BOTTLENECK as BOTTLENECK
from zoo.graphs import RECONSTRUCTION as RECONSTRUCTION
from zoo.runs import FP16_MODEL

if TYPE_CHECKING:
    import onnxruntime

IMAGE = "image"
LOGVAR = "logvar"
LOGITS = "logits"
FEATURES = "features"

Array = np.ndarray


class Graph:
    """ONNX bytes that passed the gate; called with a batch, it returns every output by name.

    `source` names the graph in messages. The session is made at the first call; its errors become FileRefused.
    """

    def __init__(self, data: bytes, source: str) -> None:
        self.data, self.source = data, source
        self.facts = gate.check_onnx(data, source=source)

    @classmethod
    def read(cls, path: Path) -> Graph:
        """Open a file. Raises FileRefused."""
        return cls(gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES), str(path))

    @property
    def file(self) -> str:
        return Path(self.source).name

    @property
    def part(self) -> str:
        """Which part of a network it is, by its file: 'model' (also at half the size), 'encoder' or 'decoder'."""
        return "model" if self.file == FP16_MODEL else self.file.removesuffix(".onnx")

    @property
    def is_fp16(self) -> bool:
        """Whether its weights are stored as float16."""
        return self.facts.metadata.get(card.WEIGHTS_KEY) == "float16"

    @cached_property
    def card(self) -> card.Card | None:
        """The card inside, None in a graph of somebody else's. Raises FileRefused for a damaged one."""
        return card.from_metadata(self.facts.metadata, source=self.source)

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(port.name for port in self.facts.outputs)

    @property
    def input(self) -> gate.Port:
        """The only input, a batch of float32 values. Raises FileRefused for a graph that takes anything else."""
        ports = self.facts.inputs
        if len(ports) != 1 or ports[0].dtype != "float32" or not ports[0].shape:
            taken = ", ".join(f"{port.dtype} {port.shape}" for port in ports) or "nothing"
            raise FileRefused(f"{self.source} takes {taken}; only a graph that takes one batch of float32 can be run")
        return ports[0]

    @property
    def value_shape(self) -> tuple[int, ...]:
        """The input's shape without the batch, with 1 for a symbol. Raises FileRefused as `input` does."""
        return tuple(size if isinstance(size, int) else 1 for size in self.input.shape[1:])

    @cached_property
    def session(self) -> onnxruntime.InferenceSession:
        with self._refusing():
            return sessions.make(self.data)

    def __call__(self, value: Array) -> dict[str, Array]:
        session = self.session
        with self._refusing():
            results = list(map(np.asarray, session.run(list(self.outputs), {self.facts.inputs[0].name: value})))
        if any(result.dtype.kind not in "fiub" for result in results):
            raise FileRefused(f"{self.source} has outputs that are not numbers; they cannot be compared")
        return dict(zip(self.outputs, results, strict=True))

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # onnxruntime raises kinds of its own, and UnicodeDecodeError
            raise FileRefused(f"{self.source} cannot be run by onnxruntime ({first_line(error)})") from error
