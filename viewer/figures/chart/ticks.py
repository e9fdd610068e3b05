"""Where the ticks of an axis stand and what is written beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Axis:
    """An axis from low to high, linear or logarithmic, with its ticks."""

    low: float
    high: float
    log: bool
    ticks: tuple[float, ...]
    texts: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """What is written beside the ticks: `texts`, or else numbers, on a linear axis with equally many decimals."""
        if self.texts:
            return self.texts
        if self.log or any(tick != 0 and not 1e-4 <= abs(tick) < 1e5 for tick in self.ticks):
            return tuple(map(tick_label, self.ticks))
        decimals = max(len(tick_label(tick).partition(".")[2]) for tick in self.ticks)
        return tuple(f"{tick:.{decimals}f}" for tick in self.ticks)

    def position(self, value: float) -> float:
        """Return where a value stands: 0 at the low end, 1 at the high end."""
        if self.log:
            return (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return (value - self.low) / (self.high - self.low)

    def value(self, share: float) -> float:
        """Return what stands at a share of the way from the low end to the high end."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    def positions(self, values: np.ndarray) -> np.ndarray:
        """Return where values stand, float64; not a number for what is not on the axis."""
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.log:
                share = (np.log10(values) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
            else:
                share = (values - self.low) / (self.high - self.low)
        found: np.ndarray = np.where(np.isfinite(share), share, np.nan)
        return found


def linear_axis(low: float, high: float, *, about: int = 5) -> Axis:
    """Return an axis over [low, high] with about so many ticks at 1, 2 or 5 times a power of ten."""
    if not high - low > 1e-9 * max(abs(low), abs(high)):  # closer than twelve digits can tell apart
        low, high = low - (abs(low) / 2 or 0.5), high + (abs(high) / 2 or 0.5)
    step = _nice((high - low) / about)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(float(f"{index * step:.12g}") for index in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], False, ticks)


def integer_axis(low: int, high: int, *, about: int = 6) -> Axis:
    """Return an axis for whole numbers that ends at its data, as an axis of epochs should."""
    if high <= low:
        return Axis(low - 1, high + 1, False, (float(low),))
    step = max(1, round(_nice((high - low) / about)))
    ticks = [float(value) for value in range(math.ceil(low / step) * step, high + 1, step)]
    if ticks[0] != low and ticks[0] - low > step / 2:
        ticks.insert(0, float(low))
    return Axis(low, high, False, tuple(ticks))


def logarithmic_axis(low: float, high: float) -> Axis:
    """Return a logarithmic axis over [low, high], both positive, with ticks at 1, 2 and 5 or at powers of ten."""
    if not high > low * (1 + 1e-9):
        low, high = low / 2, high * 2
    candidates = _powers(low, high)
    below = [value for value in candidates if value <= low * (1 + 1e-9)]
    above = [value for value in candidates if value >= high * (1 - 1e-9)]
    bottom, top = (below or candidates)[-1], (above or candidates[-1:])[0]
    ticks = tuple(value for value in candidates if bottom <= value <= top)
    return Axis(ticks[0], ticks[-1], True, ticks)


def _powers(low: float, high: float) -> list[float]:
    """Powers of ten around a range, and where it is short also twice and five times as much."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1,) if last - first > 3 else (1, 2, 5)
    return [float(f"{factor * 10.0**power:.12g}") for power in range(first, last + 1) for factor in factors]


def _nice(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if step <= factor * power * (1 + 1e-9))


def tick_label(value: float) -> str:
    """Write a tick: short, and never 0.30000000000000004."""
    if value != 0 and (abs(value) >= 1e5 or abs(value) < 1e-4):
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:g}"


def axis_within(low: float, high: float, *, log: bool = False, about: int = 5) -> Axis:
    """Return an axis that ends exactly at low and high, with the ticks that lie between: of a range zoomed into."""
    if log and low > 0 and high > low:
        inside = tuple(tick for tick in _powers(low, high) if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9))
        return Axis(low, high, True, inside or (low, high))
    whole = linear_axis(low, high, about=about)
    if not high > low:
        return whole
    slack = 1e-9 * (high - low)
    return Axis(low, high, False, tuple(tick for tick in whole.ticks if low - slack <= tick <= high + slack) or (low,))
