"""What several seeds of one recipe have in a figure, and whether two recipes differ by more than that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import mean, stdev

MOST_DIGITS = 4  # that count, of a mean


@dataclass(frozen=True)
class Spread:
    """A figure of each seed."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return mean(self.values)

    @property
    def deviation(self) -> float:
        """The standard deviation of the seeds; 0 of one alone."""
        return stdev(self.values) if len(self.values) > 1 else 0.0

    @property
    def seeds(self) -> str:
        return "one seed" if len(self.values) == 1 else f"{len(self.values)} seeds"

    def written(self, form: str = ".3g") -> str:
        """Return '0.0063 ± 0.0002', both to the deviation's first digit, or the figure alone of one seed."""
        if len(self.values) < 2 or not self.deviation:
            return f"{self.mean:{form}}"
        places = -math.floor(math.log10(self.deviation))
        most = MOST_DIGITS - 1 - math.floor(math.log10(abs(self.mean) or 1.0))
        places = max(0, min(places, most))
        deviation = f"{self.deviation:.{places}f}"
        return f"{self.mean:.{places}f} ± {deviation}" if float(deviation) else f"{self.mean:{form}}"

    def percent(self) -> str:
        """Return '4.1 ± 0.3 %', for shares."""
        return f"{Spread(tuple(100 * value for value in self.values)).written('.1f')} %"


def is_beyond(one: Spread, other: Spread) -> bool:
    """Whether two figures differ by more than both standard deviations together; a single seed has none."""
    return abs(one.mean - other.mean) > one.deviation + other.deviation


def alike_within(one: Spread, other: Spread, form: str = ".1g") -> str:
    """Return 'alike within 0.0003', for figures that are not beyond their spread."""
    return f"alike within {one.deviation + other.deviation:{form}}"
