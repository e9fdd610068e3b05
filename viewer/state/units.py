"""Units of a bottleneck that are set to other values: which are, and what goes into a decoder to see what they do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

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


@dataclass(frozen=True, eq=False)
class Sweep:
    """One unit set to each of `steps`, float32 (steps,); `inputs` are the bottlenecks, float32 (steps, …)."""

    unit: int
    steps: np.ndarray
    inputs: np.ndarray


@dataclass(frozen=True)
class UnitEdits:
    """What the user does to the units of one run; `owner` is that run and its graph. Units and maps count from 0."""

    owner: object = None
    unit: int | None = None
    edits: Edits = field(default_factory=Edits)
    sweeping: bool = False

    def of(self, owner: object) -> UnitEdits:
        """Return the same session for the same owner, and a new one for another."""
        return self if owner == self.owner else UnitEdits(owner)

    def fitting(self, count: int) -> UnitEdits:
        """Return the session for a bottleneck of so many units; what was chosen in a larger one is dropped."""
        fits = self.unit is None or self.unit < count
        return self if fits else replace(self, unit=None, edits=Edits())

    def choosing(self, unit: int, count: int) -> UnitEdits:
        """Choose a unit, the last where there are not so many; −1 for none, which ends a sweep."""
        chosen = min(unit, count - 1) if unit >= 0 else None
        return replace(self, unit=chosen, sweeping=self.sweeping and chosen is not None)

    def setting(self, value: float) -> UnitEdits:
        """Set the chosen unit to a value."""
        return self if self.unit is None else replace(self, edits=self.edits.with_unit(self.unit, value))

    def zeroing_map(self, shape: tuple[int, ...], index: int) -> UnitEdits:
        """Set all units of a feature map of (C, H, W) to zero."""
        return replace(self, edits=self.edits.with_zeros(units_of_map(shape, index)))

    def without_edits(self) -> UnitEdits:
        """Give every unit its own value again."""
        return replace(self, edits=Edits())

    # ---- on one sample's bottleneck, float32 of any shape ----

    def value(self, sample: np.ndarray) -> float:
        """Return what the chosen unit is set to; 0 where none is chosen."""
        return float(self.edits.apply(sample).reshape(-1)[self.unit]) if self.unit is not None else 0.0

    def range(self, samples: np.ndarray) -> tuple[float, float]:
        """Return the range of the chosen unit over samples (N, …)."""
        return range_of(samples, self.unit) if self.unit is not None else (0.0, 1.0)

    def to_decode(self, sample: np.ndarray) -> np.ndarray:
        """Return what is decoded, float32 (1 or 2, …): the bottleneck, and the changed one where there are edits."""
        return np.stack([sample, self.edits.apply(sample)]) if self.edits.values else sample[None]

    @property
    def sweep_key(self) -> tuple[object, ...]:
        """What a sweep depends on besides the sample: it replaces the unit's own value."""
        return (self.unit, self.edits.without(self.unit)) if self.unit is not None else ()

    def sweep(self, samples: np.ndarray, index: int) -> Sweep:
        """Return the sweep of the chosen unit through its range over samples (N, …), for one of them."""
        assert self.unit is not None
        steps = sweep_values(*self.range(samples))
        return Sweep(self.unit, steps, sweep(self.edits.apply(samples[index]), self.unit, steps))


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
