"""What a run made of its ten samples in every epoch, as the worker sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

MOST = 2000
LAST = 1 << 31


@dataclass(frozen=True, eq=False)
class Epochs:
    """Pictures of some epochs, first and last among them: uint8 (E, N, C, H, W), and which epochs, from 1."""

    numbers: tuple[int, ...]
    pictures: np.ndarray

    def at(self, epoch: int) -> int:
        """Return the index of the newest pictures that are not newer than this epoch; the first before all of them."""
        return max(0, int(np.searchsorted(self.numbers, epoch, side="right")) - 1)


def from_parts(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Epochs:
    """Make Epochs from a worker's reply; raise ValueError for a malformed one."""
    numbers, pictures = header.get("epochs"), arrays.get("reconstructions")
    if pictures is None or set(arrays) != {"reconstructions"} or not are_pictures(pictures):
        raise ValueError("no proper pictures of epochs")
    if not isinstance(numbers, list) or not all(type(n) is int and 1 <= n <= LAST for n in numbers):
        raise ValueError("no proper numbers of epochs")
    if len(numbers) != len(pictures) or len(numbers) > MOST or any(a >= b for a, b in pairwise(numbers)):
        raise ValueError("other epochs than it has pictures of")
    return Epochs(tuple(numbers), pictures)


def are_pictures(array: np.ndarray) -> bool:
    """Return whether an array holds grey or colour pictures of at least one epoch."""
    return array.dtype == np.uint8 and array.ndim == 5 and array.shape[2] in (1, 3) and array.size > 0
