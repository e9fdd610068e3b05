"""What a worker keeps: the sessions used last, as many as fit a number and a sum of bytes, and what they made last."""

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

AT_LEAST = 2  # the one that is asked and the one before it, however large
LARGE_FILE = 1 << 20  # below, what opening leaves behind is not worth the 1 to 3 ms

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Loaded:
    """A session, what the gate said of its graph, and with inner layers exposed, their (C, H, W) where known."""

    session: onnxruntime.InferenceSession
    facts: gate.GraphFacts
    layers: Mapping[str, list[int] | None] | None = None


@dataclass
class Kept(Generic[Value]):
    """Drops what was used longest ago, by number and by the bytes that each value weighs."""

    most: int
    most_bytes: int
    _values: OrderedDict[Hashable, tuple[Value, int]] = field(default_factory=OrderedDict)

    def get(self, key: Hashable) -> Value | None:
        """Return what is kept under a key, which makes it the newest."""
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
        """The bytes together."""
        return sum(weight for _, weight in self._values.values())

    def __len__(self) -> int:
        return len(self._values)


def give_back_memory() -> None:
    """Hand what was freed back to the system, where its allocator keeps it: of a 15 MB graph another 13 MB."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
        if trim is not None:
            trim(0)
