"""The images a panel works on: a run's own first ten, or the embedded sample for a graph that comes alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from viewer.state import noise

COUNT = 10


@dataclass(frozen=True, eq=False)
class Samples:
    """What goes in, what should come out and, of a run, what came out; float32 (N, C, H, W) in [0, 1]."""

    inputs: np.ndarray
    targets: np.ndarray
    reconstructions: np.ndarray | None = None
    provenance: str = ""


def to_unit(pixels: np.ndarray) -> np.ndarray:
    """Turn uint8 pixels into float32 in [0, 1]."""
    return pixels.astype(np.float32) / np.float32(255)


def embedded(shape: tuple[int, int, int], *, dataset: str = "", sigma: float = 0.0) -> Samples | None:
    """Return ten embedded images of this shape, noisy for a denoiser, or None where none has it.

    The first call takes one to two seconds: scikit-learn is imported for its digits.
    """
    from zoo.data import sets

    fitting = [entry for entry in sets.DATA_SETS.values() if entry.shape == shape]
    if not fitting:
        return None
    chosen = next((entry for entry in fitting if entry.name == dataset), fitting[0])
    images = sets.load(chosen.name, "test", sets.SAMPLE)
    clean = to_unit(images.pixels[:COUNT])
    return Samples(inputs=noise.add(clean, sigma) if sigma > 0 else clean, targets=clean, provenance=images.provenance)
