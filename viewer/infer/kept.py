"""What a worker keeps: the sessions and results used last, limited by their number and by their size together."""

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

AT_LEAST = 2  # the newest and the one before it, however large they are
LARGE_FILE = 1 << 20  # of a smaller one, too little memory is freed to be worth the 1 to 3 ms

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class LoadedGraph:
    """A session and the facts of its graph; if its layers are outputs too, also their (C, H, W) where known."""

    session: onnxruntime.InferenceSession
    facts: gate.GraphFacts
    layers: Mapping[str, list[int] | None] | None = None


@dataclass
class Kept(Generic[Value]):
    """A cache that drops what was used longest ago, beyond a number of values or a sum of their sizes."""

    most: int
    most_bytes: int
    _values: OrderedDict[Hashable, tuple[Value, int]] = field(default_factory=OrderedDict)

    def get(self, key: Hashable) -> Value | None:
        """Return the value of a key, which becomes the newest."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: Hashable, value: Value, weight: int) -> None:
        self._values[key] = (value, weight)
        self._values.move_to_end(key)
        while len(self._values) > self.most or (self.weight > self.most_bytes and len(self._values) > AT_LEAST):
            self._values.popitem(last=False)

    @property
    def weight(self) -> int:
        """The sum of the sizes in bytes."""
        return sum(weight for _, weight in self._values.values())

    def __len__(self) -> int:
        return len(self._values)


def give_back_memory() -> None:
    """Return freed memory to the system, which the allocator would keep: 13 MB after a graph of 15 MB."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
        if trim is not None:
            trim(0)
