"""Units of a bottleneck that are set to other values, and what goes into a decoder to see what they do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from viewer.state import formatting
from viewer.state.graph import GraphInfo

SWEEP = 9  # images of a sweep
NARROWEST = 1e-3  # of a range that a slider goes through


@dataclass(frozen=True)
class Edits:
    """What units are set to, by their index in one sample's bottleneck read row by row."""

    values: Mapping[int, float] = field(default_factory=dict)

    def with_unit(self, unit: int, value: float) -> Edits:
        return Edits({**self.values, unit: value})

    def with_zeros(self, units: Iterable[int]) -> Edits:
        return Edits({**self.values, **dict.fromkeys(units, 0.0)})

    def without(self, unit: int) -> Edits:
        return Edits({key: value for key, value in self.values.items() if key != unit})

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return one sample's bottleneck, float32 of any shape, with these units changed."""
        changed = np.array(values, dtype=np.float32)
        if self.values:
            changed.reshape(-1)[list(self.values)] = list(self.values.values())
        return changed

    @property
    def summary(self) -> str:
        count = len(self.values)
        return "" if not count else "1 unit changed" if count == 1 else f"{count:,} units changed"


def units_of_map(shape: tuple[int, ...], index: int) -> range:
    """The units of one feature map of (C, H, W)."""
    size = math.prod(shape[1:])
    return range(index * size, (index + 1) * size)


def range_of(values: np.ndarray, unit: int) -> tuple[float, float]:
    """Return the smallest and largest finite value that a unit has over samples (N, …).

    One that is the same for all has the range of all units, and where that is a point too, one unit around it.
    """
    flat = values.reshape(len(values), -1)
    for seen in (flat[:, unit], flat):
        finite = seen[np.isfinite(seen)]
        if finite.size and float(finite.max()) - float(finite.min()) > NARROWEST * max(1.0, abs(float(finite.max()))):
            return float(finite.min()), float(finite.max())
    middle = float(finite[0]) if finite.size else 0.0
    return middle - 1, middle + 1


def sweep_values(low: float, high: float) -> np.ndarray:
    """Return what a unit is set to in a sweep, float32, evenly from low to high."""
    return np.linspace(low, high, SWEEP, dtype=np.float32)


def sweep(values: np.ndarray, unit: int, steps: np.ndarray) -> np.ndarray:
    """Return one sample's bottleneck once for each step, float32 (steps, …), with the unit set to it."""
    many = np.repeat(np.asarray(values, dtype=np.float32)[None], len(steps), axis=0)
    many.reshape(len(steps), -1)[:, unit] = steps
    return many


def picture_output(decoder: GraphInfo) -> str:
    """Return the decoder's output that is pictures: float32 (N, C, H, W), grey or colour; '' for none."""
    pictures = [
        port.name
        for port in decoder.facts.outputs
        if port.dtype == "float32" and len(port.shape) == 4 and port.shape[1] in (1, 3)
    ]
    return "reconstruction" if "reconstruction" in pictures else next(iter(pictures), "")


def misfit(decoder: GraphInfo, shape: tuple[int, ...]) -> str:
    """Return why a decoder does not take bottlenecks of this shape (without the batch), '' where it does."""
    ports = decoder.facts.inputs
    if len(ports) != 1 or ports[0].dtype != "float32":
        return "its decoder.onnx does not take one batch of float32 values"
    taken = ports[0].shape[1:]
    fits = len(taken) == len(shape) and all(
        not isinstance(size, int) or size == given for size, given in zip(taken, shape, strict=True)
    )
    if not fits:
        return (
            f"its decoder.onnx takes {formatting.shape(taken)} values and the bottleneck has {formatting.shape(shape)}"
        )
    return "" if picture_output(decoder) else "its decoder.onnx outputs no images"
