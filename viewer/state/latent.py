"""The geometry of bottlenecks: a range of a plane, principal directions, steps from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DIRECTIONS = 6
REACH = 3.0  # standard deviations that a slider goes to either side
STEPS = 9  # between two images
NEAREST, FARTHEST = 0.05, 50.0  # half the side of the range of a plane that is shown
ZOOM = 1.25
LEAST_SHARE = 1e-6  # of the variance: a direction below it is rounding


@dataclass(frozen=True)
class Range:
    """A square part of the plane: its middle, and how far it goes to each side."""

    x: float = 0.0
    y: float = 0.0
    reach: float = REACH

    def zoomed(self, steps: int, x: float, y: float) -> Range:
        """Go so many steps nearer; (x, y) stays where it is."""
        reach = min(FARTHEST, max(NEAREST, self.reach / ZOOM**steps))
        share = reach / self.reach
        return Range(x + (self.x - x) * share, y + (self.y - y) * share, reach)

    def moved_to_show(self, x: float, y: float) -> Range:
        """Return the same range, moved as little as it takes to show a point."""
        middle_x = min(max(self.x, x - self.reach), x + self.reach)
        middle_y = min(max(self.y, y - self.reach), y + self.reach)
        return Range(middle_x, middle_y, self.reach)

    def centres(self, side: int) -> np.ndarray:
        """Return the middles of side × side tiles, float32 (side², 2), row by row from the top."""
        steps = (np.arange(side) + 0.5) / side * 2 - 1
        across, up = np.meshgrid(self.x + self.reach * steps, self.y - self.reach * steps)
        return np.stack([across, up], axis=-1).reshape(-1, 2).astype(np.float32)


def range_around(points: np.ndarray) -> Range:
    """Return the range that shows nearly all points (N, 2), and at least the middle of a standard normal plane."""
    finite = points[np.isfinite(points).all(axis=1)] if len(points) else points
    if not len(finite):
        return Range()
    low, high = np.percentile(finite, [0.5, 99.5], axis=0)
    (x, y), reach = (low + high) / 2, float((high - low).max()) * 0.55
    if abs(x) < 1 and abs(y) < 1 and reach < REACH:
        return Range()
    return Range(float(x), float(y), min(FARTHEST, max(NEAREST, reach)))


# ---- principal directions ----


@dataclass(frozen=True, eq=False)
class Directions:
    """The mean of bottlenecks (D,), unit vectors (K, D), and of each its deviation and share of the variance (K,)."""

    mean: np.ndarray
    vectors: np.ndarray
    deviations: np.ndarray
    shares: np.ndarray
    count: int  # of the bottlenecks that they were computed of

    def __len__(self) -> int:
        return len(self.vectors)

    def at(self, coefficients: np.ndarray) -> np.ndarray:
        """Return bottlenecks (N, D) at coefficients (N, K), in standard deviations from the mean."""
        made: np.ndarray = self.mean + (coefficients * self.deviations) @ self.vectors
        return made.astype(np.float32)

    def coefficients_of(self, bottlenecks: np.ndarray) -> np.ndarray:
        """Return where bottlenecks (N, D) lie along the directions (N, K), in standard deviations."""
        made: np.ndarray = (bottlenecks - self.mean) @ self.vectors.T / self.deviations
        return made


def directions_of(parts: Sequence[np.ndarray], *, most: int = DIRECTIONS) -> Directions | None:
    """Return the principal directions of bottlenecks, given in chunks (n, …); None where fewer than three differ.

    Takes 0.1 to 0.5 s for 500 bottlenecks of 8,192 values (2 cores): the products of all pairs of bottlenecks are made
    where there are fewer bottlenecks than values, of all pairs of values otherwise.
    """
    values = np.concatenate([part.reshape(len(part), -1) for part in parts])
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) < 3:
        return None
    mean = values.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = values - mean
    wide = centred.shape[1] > len(centred)
    products = (centred @ centred.T if wide else centred.T @ centred).astype(np.float64)
    energies, columns = np.linalg.eigh(products)
    total, order = float(np.trace(products)), np.argsort(-energies)[:most]
    order = order[energies[order] > LEAST_SHARE * total] if total > 0 else order[:0]
    if not len(order):
        return None
    kept = energies[order]
    vectors = (columns[:, order].T @ centred) / np.sqrt(kept)[:, None] if wide else columns[:, order].T
    largest = np.abs(vectors).argmax(axis=1)  # whose sign is made positive: a direction has none of its own
    vectors = vectors * np.sign(vectors[np.arange(len(vectors)), largest])[:, None]
    deviations = np.sqrt(kept / (len(values) - 1))
    return Directions(mean, vectors.astype(np.float32), deviations.astype(np.float32), kept / total, len(values))


# ---- between images, and sums of them ----


def interpolate(first: np.ndarray, second: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Return evenly spaced values from one array to another, both ends among them, float32 (steps, …)."""
    share = np.linspace(0, 1, steps, dtype=np.float32).reshape(-1, *[1] * first.ndim)
    made: np.ndarray = (1 - share) * first + share * second
    return made.astype(np.float32)


def label_by_share(predictions: np.ndarray, wrong: float | None) -> int | None:
    """Return the label for which this share of the predictions is wrong; None where not exactly one is."""
    if wrong is None or not 0 <= wrong < 1:
        return None
    labels, counts = np.unique(predictions, return_counts=True)
    fitting = labels[np.abs(1 - counts / len(predictions) - wrong) < 1e-6]
    return int(fitting[0]) if len(fitting) == 1 else None
