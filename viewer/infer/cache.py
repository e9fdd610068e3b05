"""A worker's LRU cache for sessions and results, limited by their number and by the sum of their sizes."""

from __future__ import annotations

import ctypes
import sys
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from zoo import gate

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
