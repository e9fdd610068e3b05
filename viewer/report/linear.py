"""Principal components and a linear autoencoder: the letters sheet's exercise 4.

An autoencoder without activation functions that minimises the squared error finds the space of the first principal
components (Baldi and Hornik 1989). Here it is trained without knowing of them: encoder and decoder take turns to be
what is best for the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

SEED = 0
ROUNDS = 30  # after which the errors of the two agree to about three digits, on the letters


@dataclass(frozen=True, eq=False)
class LinearMap:
    """Image → values → image: `mean` (D,), `down` (D, k), `up` (k, D), all float64."""

    mean: np.ndarray
    down: np.ndarray
    up: np.ndarray

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return what images, float32 (N, C, H, W), become; not clipped, since clipping is not linear."""
        flat = images.reshape(len(images), -1) - self.mean
        made: np.ndarray = ((flat @ self.down) @ self.up + self.mean).astype(np.float32)
        return made.reshape(images.shape)


def principal_components(images: np.ndarray, counts: Sequence[int]) -> list[LinearMap]:
    """Return projections on so many first principal components of images (N, C, H, W), at most N - 1 of them."""
    mean, centred = _centred(images)
    _, axes = np.linalg.eigh(centred.T @ centred)  # the largest last
    return [LinearMap(mean, axes[:, -count:], axes[:, -count:].T) for count in counts]


def linear_autoencoder(images: np.ndarray, values: int) -> LinearMap:
    """Return a linear autoencoder with this bottleneck, trained on images (N, C, H, W) by alternating least squares."""
    mean, centred = _centred(images)
    up = np.random.default_rng(SEED).standard_normal((values, centred.shape[1]))
    for _ in range(ROUNDS):
        inner = centred @ _best_encoder(up)
        up = np.linalg.solve(_regular(inner.T @ inner), inner.T @ centred)  # the decoder that is best for this encoder
        up /= np.linalg.norm(up, axis=1, keepdims=True) + 1e-300  # changes nothing, but keeps the numbers near 1
    return LinearMap(mean, _best_encoder(up), up)


def _best_encoder(up: np.ndarray) -> np.ndarray:
    """Return the encoder (D, k) that is best for a decoder (k, D)."""
    encoder: np.ndarray = np.linalg.solve(_regular(up @ up.T), up).T
    return encoder


def _regular(square: np.ndarray) -> np.ndarray:
    """Return a matrix that can be solved for, also where the images have fewer directions than values are asked for."""
    regular: np.ndarray = square + (1e-12 * np.trace(square) + 1e-300) * np.eye(len(square))
    return regular


def _centred(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = images.reshape(len(images), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    return mean, flat - mean


@dataclass(frozen=True, eq=False)
class Fit:
    """Both linear maps with so many values: their mean squared errors on images that were not fitted, and outputs."""

    values: int
    components: float
    autoencoder: float
    by_components: np.ndarray = field(default_factory=lambda: np.zeros(0))
    by_autoencoder: np.ndarray = field(default_factory=lambda: np.zeros(0))


def fits(known: np.ndarray, new: np.ndarray, counts: Sequence[int]) -> list[Fit]:
    """Fit both maps to images for each count of values, and try them on others."""
    found = []
    for values, components in zip(counts, principal_components(known, counts), strict=True):
        outputs = components(new), linear_autoencoder(known, values)(new)
        components_error, autoencoder_error = (float(np.mean((output - new) ** 2)) for output in outputs)
        found.append(Fit(values, components_error, autoencoder_error, *outputs))
    return found


# ---- b) the error is the sum of the discarded eigenvalues ------------------------------------------------------


@dataclass(frozen=True)
class Discarded:
    """A mean squared error a pixel, as the discarded eigenvalues predict it and as it was measured."""

    values: int
    predicted: float
    measured: float

    @property
    def difference(self) -> float:
        """The relative difference of the two."""
        return abs(self.measured - self.predicted) / self.predicted


def discarded(images: np.ndarray, counts: Sequence[int]) -> list[Discarded]:
    """Return both errors of images (N, C, H, W), on which the components are fitted, for each count of values."""
    mean, centred = _centred(images)
    eigenvalues, axes = np.linalg.eigh(centred.T @ centred / len(centred))  # the largest last
    found = []
    for count in counts:
        kept = axes[:, -count:]
        measured = np.mean((centred - centred @ kept @ kept.T) ** 2)
        found.append(Discarded(count, float(eigenvalues[:-count].sum()) / len(mean), float(measured)))
    return found


# ---- c) the batch size under stochastic gradient descent -------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Descent:
    """How far the space of a linear autoencoder is from the principal components' after so many steps of SGD.

    distances are from 0, the same space, to 1, orthogonal to it
    """

    batch: int
    steps: np.ndarray
    distances: np.ndarray

    @property
    def taken(self) -> int:
        """How many steps were taken."""
        return int(self.steps[-1])

    @property
    def last(self) -> float:
        """The mean of the last quarter of the steps."""
        return float(self._late.mean())

    @property
    def wander(self) -> float:
        """How far it still goes up and down there: the standard deviation."""
        return float(self._late.std())

    @property
    def _late(self) -> np.ndarray:
        return self.distances[self.steps > 0.75 * self.taken]


def descend(images: np.ndarray, values: int, batch: int, *, steps: int, rate: float, looks: int = 60) -> Descent:
    """Train a linear autoencoder by plain SGD on the summed squared error of an image, and look at its space."""
    centred = _centred(images)[1].astype(np.float32)
    _, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    wanted, random = axes[:, -values:], np.random.default_rng(SEED)
    down = random.standard_normal((centred.shape[1], values), np.float32) / np.float32(np.sqrt(centred.shape[1]))
    up = down.T.copy()
    when = np.unique(np.r_[np.geomspace(1, steps, looks), np.linspace(0.75 * steps, steps, looks // 2)].astype(int))
    distances = []
    for step in range(1, steps + 1):
        rows = centred[random.integers(len(centred), size=batch)]
        inner = rows @ down
        error = (inner @ up - rows) * np.float32(rate / batch)
        down, up = down - rows.T @ (error @ up.T), up - inner.T @ error
        if step in when:
            space, _ = np.linalg.qr(up.T)
            distances.append(1 - float(np.square(wanted.T @ space).sum()) / values)
    return Descent(batch, when.astype(np.float64), np.array(distances))
