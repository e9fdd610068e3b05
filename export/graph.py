"""An exported graph, opened once: its bytes, what the gate found in them, its card, and a session that runs it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo import card, gate, graph_process, sessions
from zoo.errors import FileRefused, runtime_reason
from zoo.graph_process import GraphProcess
from zoo.graphs import BOTTLENECK as BOTTLENECK
from zoo.graphs import RECONSTRUCTION as RECONSTRUCTION
from zoo.image_ports import UNCHOSEN, InputChoice
from zoo.runs import FP16_MODEL

if TYPE_CHECKING:
    import onnxruntime

IMAGE = "image"
LOGVAR = "logvar"
LOGITS = "logits"
FEATURES = "features"

Array = np.ndarray


class Graph:
    """An ONNX file that passed the gate; called with a batch, it returns every output by name.

    `source` names the graph in messages, `data` are the file's bytes and `model` those that are run: it takes and gives
    float32 images (N, C, H, W) in [0, 1], however the file does. Its errors become FileRefused. One that was read from
    a file is run in a process with limits.
    """

    def __init__(
        self,
        data: bytes,
        source: str,
        *,
        weights: Mapping[str, bytes] | None = None,
        choice: InputChoice = UNCHOSEN,
        runs: GraphProcess | None = None,
    ) -> None:
        self.data, self.source, self._process = data, source, runs
        self._weights, self._choice = weights, choice
        opened = gate.open_onnx(data, source=source, weights=weights, choice=choice)
        self.model, self.facts = opened.data, opened.facts

    @classmethod
    def read(cls, path: Path, *, choice: InputChoice = UNCHOSEN) -> Graph:
        """Open a file. Raises FileRefused."""
        data = gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
        weights = gate.read_weights(path, data)
        return cls(data, str(path), weights=weights, choice=choice, runs=graph_process.shared())

    def at_size(self, height: int, width: int) -> Graph:
        """Return the graph for images of this size, or of one that suits it, where it takes any; else as it is."""
        if not self.facts.takes_any_size or self._choice.size == (height, width):
            return self
        choice = replace(self._choice, size=(height, width))
        return Graph(self.data, self.source, weights=self._weights, choice=choice, runs=self._process)

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
            return sessions.make(self.model)

    def __call__(self, value: Array) -> dict[str, Array]:
        """Run a batch, as many at once as fit into memory; to a graph that insists on a number zeros are added."""
        size = self.facts.inputs[0].shape[0] if self.facts.inputs[0].shape else 1
        if not isinstance(size, int):
            return self._in_parts(value, self.facts.images_at_once)
        rest = -len(value) % size
        padded = np.concatenate([value, np.zeros((rest, *value.shape[1:]), value.dtype)]) if rest else value
        made = self._in_parts(padded, size)
        return {name: each[: len(value)] if rest else each for name, each in made.items()}

    def _in_parts(self, value: Array, size: int) -> dict[str, Array]:
        parts = [self._run(value[start : start + size]) for start in range(0, len(value), size)]
        if len(parts) == 1:
            return parts[0]
        rows = {name: [part[name] for part in parts] for name in self.outputs}
        return {name: np.concatenate(each) if each[0].ndim else each[0] for name, each in rows.items()}

    def _run(self, value: Array) -> dict[str, Array]:
        name, outputs = self.facts.inputs[0].name, list(self.outputs)
        if self._process is not None:
            return self._process.run(self.model, name, outputs, value, source=self.source)
        session = self.session
        with self._refusing():
            results = list(map(np.asarray, session.run(outputs, {name: value})))
        return dict(zip(outputs, results, strict=True))

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # onnxruntime raises kinds of its own, and UnicodeDecodeError
            raise FileRefused(f"{self.source} cannot be run by onnxruntime ({runtime_reason(error)})") from error
