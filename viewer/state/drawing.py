"""A drawing by hand: strokes on a square canvas, perhaps over a picture, and how it becomes a network's image."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from viewer.state import noise, numbers
from viewer.state.graph import GraphInfo
from viewer.state.samples import to_unit
from zoo.data import fit

SIDE = 280  # of the canvas, in its own pixels: ten for each of a digit's
BOX_SHARE = 20 / 28  # of an image's side, the box that MNIST's digits were scaled to
FAINTEST_INK = 0.1  # what is darker is paper
MOST_LIKELY = 3

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Stroke:
    """A line through points (x, y, width) in pixels of the canvas, in a colour (#rrggbb)."""

    points: tuple[tuple[float, float, float], ...]
    colour: str


@dataclass(frozen=True, eq=False)
class Drawing:
    """Strokes, the newest last, on black or on a picture, uint8 (SIDE, SIDE, 3)."""

    strokes: tuple[Stroke, ...] = ()
    ground: np.ndarray | None = field(default=None)

    @property
    def is_empty(self) -> bool:
        return not self.strokes and self.ground is None

    def with_stroke(self, stroke: Stroke) -> Drawing:
        return replace(self, strokes=(*self.strokes, stroke))


@dataclass(frozen=True, eq=False)
class Given:
    """What a network is given of a drawing: float32 (C, H, W) in [0, 1], and how it was made."""

    image: np.ndarray
    how: str


def prepare_drawing(picture: np.ndarray, shape: Shape, *, centre: bool, sigma: float) -> Given:
    """Fit a canvas's picture, uint8 (SIDE, SIDE, 3), to a network's images.

    Only grey images are centred as MNIST's were: colours come with grounds that are no paper.
    """
    image, how = fit.fit_to_shape(picture, shape)
    if centre and shape[0] == 1:
        image, how = centre_like_mnist(picture, shape), f"centred as MNIST, {shape[2]}×{shape[1]}"
    if sigma > 0:
        image, how = noise.add(image[None], sigma)[0], f"{how}, noise σ = {sigma:.2f}"
    return Given(image, how)


def centre_like_mnist(picture: np.ndarray, shape: Shape) -> np.ndarray:
    """Return a white-on-black drawing as MNIST's digits were made, float32 (1, H, W).

    The ink's box is scaled, its proportions kept, to 20 pixels of 28 at its longer side, and put so that its centre of
    mass is the image's middle: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, 1998.
    """
    _, height, width = shape
    image = np.zeros(shape, dtype=np.float32)
    ink = fit.luma(to_unit(picture))
    rows, columns = np.flatnonzero(ink.max(axis=1) > FAINTEST_INK), np.flatnonzero(ink.max(axis=0) > FAINTEST_INK)
    if not len(rows):
        return image
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longest = BOX_SHARE * min(height, width) / max(box.shape)
    tall, wide = (max(1, round(side * longest)) for side in box.shape)
    small = fit.resize_by_area(box, tall, wide)
    down, across = (_centre(small.sum(axis=axis)) for axis in (1, 0))
    top = min(max(0, round(height / 2 - down)), height - tall)
    left = min(max(0, round(width / 2 - across)), width - wide)
    image[0, top : top + tall, left : left + wide] = small
    return image


def _centre(masses: np.ndarray) -> float:
    """The centre of mass of a row of pixels, from its left end."""
    return float((masses * (np.arange(len(masses)) + 0.5)).sum() / masses.sum())


def class_probabilities(logits: np.ndarray, classes: tuple[str, ...]) -> list[tuple[str, float]]:
    """Return the classes and their probabilities (softmax) for one row of finite logits, the likeliest first."""
    (shares,) = numbers.softmax(logits[None])
    names = [classes[index] if index < len(classes) else str(index) for index in range(len(shares))]
    return [(names[index], float(shares[index])) for index in np.argsort(-shares, kind="stable")]


def outputs_for(graph: GraphInfo) -> tuple[str, ...]:
    """Return the outputs to request: the picture and, where it has two values, the bottleneck; or a row of values."""
    if graph.reconstruction:
        plane = [port.name for port in graph.facts.outputs if port.shape[1:] == (2,) and port.name == graph.bottleneck]
        return (graph.reconstruction, *plane)
    return (graph.shown_output,) if graph.shown_output else ()
