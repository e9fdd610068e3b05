"""Runs a graph on arrays from the window, out of an LRU cache of sessions; what does not fit is a FileRefused."""

from __future__ import annotations

import ctypes
import sys
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from viewer.infer.messages import INNER_BYTES
from zoo import gate
from zoo.errors import FileRefused
from zoo.gate import GraphFacts, Port

if TYPE_CHECKING:
    import onnxruntime


MIN_COUNT = 2  # values that stay, however large they are
LARGE_FILE = 1 << 20  # bytes; a smaller one frees too little memory to be worth the 1 to 3 ms


Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class LoadedGraph:
    """A session and the facts of its graph; if its layers are outputs too, also their (C, H, W) where known."""

    session: onnxruntime.InferenceSession
    facts: gate.GraphFacts
    layers: Mapping[str, list[int] | None] | None = None


@dataclass
class LruCache(Generic[Value]):
    """Drops the least recently used values beyond a number of values or a sum of their sizes in bytes."""

    max_count: int
    max_bytes: int
    _values: OrderedDict[Hashable, tuple[Value, int]] = field(default_factory=OrderedDict)

    def get(self, key: Hashable) -> Value | None:
        """Return the value of a key, now the most recently used, or None."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        self._values[key] = (value, size)
        self._values.move_to_end(key)
        while len(self._values) > self.max_count or (self.size > self.max_bytes and len(self._values) > MIN_COUNT):
            self._values.popitem(last=False)

    @property
    def size(self) -> int:
        """The sum of the sizes in bytes."""
        return sum(size for _, size in self._values.values())

    def __len__(self) -> int:
        return len(self._values)


def give_back_memory() -> None:
    """Return freed memory to the system: the allocator would hold on to 13 MB after a graph of 15 MB."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
        if trim is not None:
            trim(0)


def run(loaded: LoadedGraph, images: np.ndarray, outputs: Sequence[str], *, label: str) -> dict[str, np.ndarray]:
    """Run a batch through a graph and return float32 arrays; a graph with a fixed batch gets chunks of its size.

    `images` are float32 (N, …) of the rank of the graph's only input: images, or bottlenecks for a decoder.
    """
    port = _only_input(loaded.facts, label)
    _check_fit(port, images, label)
    _check_names(loaded, outputs, label)
    for name in outputs:
        _check_size(loaded, name, len(images), label)
    size = port.shape[0] if isinstance(port.shape[0], int) else min(len(images), loaded.facts.images_at_once)
    made: dict[str, list[np.ndarray]] = {name: [] for name in outputs}
    for start in range(0, len(images), size):
        chunk = images[start : start + size]
        padded = np.concatenate([chunk, np.zeros((size - len(chunk), *images.shape[1:]), np.float32)])
        for name, reply in zip(made, loaded.session.run(list(made), {port.name: padded}), strict=True):
            made[name].append(_rows(reply, len(padded), name, label)[: len(chunk)])
    results = {name: np.concatenate(parts) for name, parts in made.items()}
    for name in results.keys() & (loaded.layers or {}):
        _check_maps(name, results[name], len(images), label)
    return results


def _only_input(facts: GraphFacts, label: str) -> Port:
    if len(facts.inputs) != 1:
        names = ", ".join(port.name[:40] for port in facts.inputs[:4]) or "none"
        raise FileRefused(f"{label} takes {len(facts.inputs)} inputs ({names}); only a graph with one can be run here")
    return facts.inputs[0]


def _check_fit(port: Port, images: np.ndarray, label: str) -> None:
    if port.dtype != "float32":
        name = port.name[:60]
        raise FileRefused(f"{label} takes {port.dtype} at its input {name!r}; only one that takes float32 can be run")
    if len(port.shape) < 2 or not port.shape[0]:
        raise FileRefused(f"{label} takes {_shape(port.shape)} at its input {port.name[:60]!r}, which is no batch")
    fits = len(port.shape) == images.ndim and all(
        not isinstance(size, int) or size == given for size, given in zip(port.shape[1:], images.shape[1:], strict=True)
    )
    if not fits or not images.size:
        raise FileRefused(
            f"{label} takes {_shape(port.shape)} at its input {port.name[:60]!r} and was sent "
            f"{_shape(images.shape)}; send it what it takes"
        )


def _check_names(loaded: LoadedGraph, outputs: Sequence[str], label: str) -> None:
    existing = {port.name for port in loaded.facts.outputs} | set(loaded.layers or ())
    for name in outputs:
        if name not in existing:
            what = "output" if loaded.layers is None else "layer"
            raise FileRefused(f"{label} has no {what} {name[:60]!r}; it may have been replaced, so open it again")


def _check_size(loaded: LoadedGraph, name: str, count: int, label: str) -> None:
    """Raise FileRefused for a layer that is too large to send, before it is computed."""
    shape = (loaded.layers or {}).get(name)
    wanted = 4 * count * int(np.prod(shape, dtype=np.float64)) if shape else 0
    if wanted > INNER_BYTES:
        raise FileRefused(_too_much(name, wanted, count, label))


def _check_maps(name: str, result: np.ndarray, count: int, label: str) -> None:
    """Raise FileRefused for a layer whose output is no feature map, or too large."""
    if result.ndim != 4:
        raise FileRefused(f"{label}: its layer {name[:60]!r} is {_shape(result.shape)}, which is no feature map")
    if result.nbytes > INNER_BYTES:
        raise FileRefused(_too_much(name, result.nbytes, count, label))


def _too_much(name: str, size: int, count: int, label: str) -> str:
    return (
        f"{label}: its layer {name[:60]!r} takes {size / 2**20:.0f} MiB for {count} images, more than "
        f"{INNER_BYTES >> 20} MiB are not shown; send fewer images"
    )


def _rows(reply: object, count: int, name: str, label: str) -> np.ndarray:
    """Return an output as float32 with one row per image; a graph may well produce something else."""
    array = np.asarray(reply)
    if array.dtype.kind not in "fiub" or array.ndim < 1 or len(array) != count:
        made = f"{array.dtype} {_shape(array.shape)}"
        raise FileRefused(f"{label}: its output {name[:60]!r} is {made} for {count} images; expected a row each")
    return array.astype(np.float32, copy=False)


def _shape(sizes: Sequence[int | str]) -> str:
    return f"({', '.join(str(size)[:20] for size in sizes)})"
