"""The curves of runs by epoch, and what they have where a crosshair stands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Series:
    """One curve: values by epoch from 1; what is not finite is a gap.

    x       where each value stands; None for its epoch
    raw     the values before smoothing, drawn faintly behind
    read    what is read at each epoch, where the curve is drawn on another scale
    note    what the legend says of the run, such as where it has no numbers, or its value at a mark
    best    an epoch that is marked
    band    what other seeds have, low and high (E,) each, drawn faintly behind
    """

    run: str
    part: str
    values: np.ndarray
    colour: str
    dashed: bool
    x: np.ndarray | None = None
    raw: np.ndarray | None = None
    read: np.ndarray | None = None
    note: str = ""
    best: int | None = None
    band: tuple[np.ndarray, np.ndarray] | None = None

    @cached_property
    def positions(self) -> np.ndarray:
        """Where each value stands on the x axis, float64 (E,)."""
        return np.arange(1.0, len(self.values) + 1) if self.x is None else self.x[: len(self.values)]

    @property
    def unsmoothed(self) -> np.ndarray:
        return self.values if self.raw is None else self.raw


@dataclass(frozen=True)
class Reading:
    """What the crosshair reads of a run: its epoch, and the value of every part that is shown."""

    run: str
    colour: str
    epoch: int
    x: float
    values: tuple[float | None, ...]

    @property
    def key(self) -> float:
        """What readings are sorted by: the last part, which is validation, or else the first."""
        finite = [value for value in reversed(self.values) if value is not None and math.isfinite(value)]
        return finite[0] if finite else math.inf

    def cells(self, *, with_epoch: bool) -> tuple[str, ...]:
        """What is written of a run beside its name; its epoch where another one than the others' may stand there."""
        values = tuple(map(written, self.values))
        return (str(self.epoch), *values) if with_epoch else values


def read(curves: Sequence[Series], parts: Sequence[str], x: float) -> list[Reading]:
    """Return what every run has nearest to x in these parts, the least first."""
    runs: dict[tuple[str, str], dict[str, Series]] = {}
    for curve in curves:
        runs.setdefault((curve.run, curve.colour), {})[curve.part] = curve
    found = []
    for (run, colour), own in runs.items():
        longest = max(own.values(), key=lambda curve: len(curve.values))
        index = _nearest(longest.positions, x)
        if index is None:
            continue
        values = tuple(_at(own.get(part), index) for part in parts)
        if any(value is not None for value in values):
            found.append(Reading(run, colour, index + 1, float(longest.positions[index]), values))
    return sorted(found, key=lambda reading: reading.key)


def _nearest(xs: np.ndarray, x: float) -> int | None:
    """Return the index of the value nearest to x; None where the curve has not begun or has ended."""
    if not len(xs):
        return None
    index = int(np.argmin(np.abs(xs - x)))
    step = float(xs[-1] - xs[-2]) if len(xs) > 1 and xs[-1] > xs[-2] else float(xs[-1]) or 1.0
    return index if abs(xs[index] - x) <= 0.5 * step + 1e-9 or 0 < index < len(xs) - 1 else None


def _at(curve: Series | None, index: int) -> float | None:
    if curve is None or index >= len(curve.values):
        return None
    return float((curve.values if curve.read is None else curve.read)[index])


def written(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if math.isfinite(value) else "–"  # the legend says of a run that it has no numbers
