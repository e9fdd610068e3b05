"""One session of changing a bottleneck's units: the chosen unit, what units are set to, and what is to be decoded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from viewer.state import units
from viewer.state.units import Edits


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
        return replace(self, edits=self.edits.with_zeros(units.units_of_map(shape, index)))

    def without_edits(self) -> UnitEdits:
        """Give every unit its own value again."""
        return replace(self, edits=Edits())

    # ---- on one sample's bottleneck, float32 of any shape ----

    def value(self, sample: np.ndarray) -> float:
        """Return what the chosen unit is set to; 0 where none is chosen."""
        return float(self.edits.apply(sample).reshape(-1)[self.unit]) if self.unit is not None else 0.0

    def range(self, samples: np.ndarray) -> tuple[float, float]:
        """Return the range of the chosen unit over samples (N, …)."""
        return units.range_of(samples, self.unit) if self.unit is not None else (0.0, 1.0)

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
        steps = units.sweep_values(*self.range(samples))
        return Sweep(self.unit, steps, units.sweep(self.edits.apply(samples[index]), self.unit, steps))
