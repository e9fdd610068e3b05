"""What several seeds of one recipe have in a figure, and whether two recipes differ by more than that."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean, stdev


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
        """Return '0.0063 ± 0.0002', or the figure alone where there is one seed."""
        if len(self.values) < 2:
            return f"{self.mean:{form}}"
        return f"{self.mean:{form}} ± {self.deviation:{form if form.endswith('%') else '.1g'}}"


def is_beyond(one: Spread, other: Spread) -> bool:
    """Whether two figures differ by more than both standard deviations together; a single seed has none."""
    return abs(one.mean - other.mean) > one.deviation + other.deviation


def alike_within(one: Spread, other: Spread, form: str = ".1g") -> str:
    """Return 'alike within 0.0003', for figures that are not beyond their spread."""
    return f"alike within {one.deviation + other.deviation:{form}}"
