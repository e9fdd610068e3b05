"""The images a panel works on: a run's own first ten, or the embedded sample for a graph that comes alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from viewer.state import noise
from zoo.data.images import LUMA

COUNT = 10
LARGEST_SIDE = 512  # of what photographs are scaled to


@dataclass(frozen=True, eq=False)
class Samples:
    """What goes in, what should come out and, of a run, what came out; float32 (N, C, H, W) in [0, 1].

    Inputs and targets are of different shapes where grey photographs are coloured, or classes drawn.
    `stand_in` says that they are not of the run's test split, which may not be passed on, but in its place.
    """

    inputs: np.ndarray
    targets: np.ndarray
    reconstructions: np.ndarray | None = None
    provenance: str = ""
    stand_in: bool = False

    def clean(self, *, noisy: bool) -> np.ndarray:
        """Return what goes in without noise: of a denoiser, whose inputs are noisy, the targets."""
        return self.targets if noisy else self.inputs


def to_grey(images: np.ndarray) -> np.ndarray:
    """Return the luma of colour images: (N, 3, H, W) → (N, 1, H, W)."""
    luma: np.ndarray = np.tensordot(images, np.array(LUMA, dtype=np.float32), axes=(1, 0))[:, None]
    return luma


def to_unit(pixels: np.ndarray) -> np.ndarray:
    """Turn uint8 pixels into float32 in [0, 1]."""
    return pixels.astype(np.float32) / np.float32(255)


def embedded_samples(
    shape: tuple[int, int, int], *, dataset: str = "", sigma: float = 0.0, task: str = ""
) -> Samples | None:
    """Return ten embedded images of a shape, noisy for a denoiser, grey for a colouriser; None if there are none.

    Where none has the shape, they are photographs scaled to it. Of a network that recalls the letter of a class, the
    inputs hold the class.
    """
    from zoo.data import sets

    own = {"recall": sets.DATA_SETS["latin"].shape, "colourise": (3, *shape[1:])}
    wanted = own.get(task, shape)
    fitting = [entry for entry in sets.DATA_SETS.values() if entry.shape == wanted]
    if not fitting:
        return _scaled_photographs(shape) if shape[0] in (1, 3) and max(shape) <= LARGEST_SIDE else None
    chosen = next((entry for entry in fitting if entry.name == dataset.removesuffix("-sample")), fitting[0])
    images = sets.load(chosen.name, "test", sets.SAMPLE)
    clean = to_unit(images.pixels[:COUNT])
    if task == "colourise":
        return Samples(inputs=to_grey(clean), targets=clean, provenance=images.provenance)
    if task == "recall":
        classes = np.eye(shape[2], dtype=np.float32)[images.labels[:COUNT] % shape[2], None, None]
        return Samples(inputs=classes, targets=clean, provenance=images.provenance)
    return Samples(inputs=noise.add(clean, sigma) if sigma > 0 else clean, targets=clean, provenance=images.provenance)


def _scaled_photographs(shape: tuple[int, int, int]) -> Samples:
    from zoo.data import sets
    from zoo.data.fit import fit_to_shape

    images = sets.load("cifar10", "test", sets.SAMPLE)  # of which photographs stand in
    scaled = [fit_to_shape(pixels.transpose(1, 2, 0), shape)[0] for pixels in images.pixels[:COUNT]]
    made = np.stack(scaled)
    return Samples(made, made, provenance=f"{images.provenance}, scaled to {'×'.join(map(str, shape))}")
