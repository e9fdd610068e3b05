"""What a graph makes of a drawing: its reply checked and read, and the figures about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from viewer.state import drawing, formatting, numbers
from viewer.state.drawing import Given
from viewer.state.graph import GraphInfo
from viewer.state.why import not_finite


@dataclass(frozen=True, eq=False)
class DrawingInput:
    """A graph, and the drawing as it is given to it."""

    graph: GraphInfo
    task: str
    given: Given


@dataclass(frozen=True, eq=False)
class DrawResult:
    """A graph's output for the drawing: an image (C, H, W), probabilities or values; its point in the plane."""

    drawing_input: DrawingInput
    picture: np.ndarray | None = None
    likely: tuple[tuple[str, float], ...] = ()
    largest: tuple[tuple[int, float], ...] = ()  # values by their places, of a row of which nothing is known
    point: tuple[float, float] | None = None
    sentence: str = ""

    @property
    def error(self) -> float | None:
        """The mean squared error between output and input, where the two should be equal."""
        given = self.drawing_input.given.image
        if self.picture is None or self.picture.shape != given.shape or self.drawing_input.task == "translate":
            return None
        return float(numbers.mse(given[None], self.picture[None])[0])

    @property
    def figures(self) -> str:
        """The error and the point, as they are written below the pictures."""
        texts = [] if self.error is None else [f"mse {formatting.mse(self.error)}"]
        if self.point is not None:
            texts.append(f"at ({self.point[0]:.2f}, {self.point[1]:.2f})".replace("-", "−"))
        return ", ".join(texts)

    @property
    def rows(self) -> list[tuple[str, float]]:
        """Everything measured, by name."""
        rows = [(f"likely {label}", share) for label, share in self.likely]
        rows += [(f"value {place}", value) for place, value in self.largest]
        rows += [] if self.error is None else [("mse", self.error)]
        return rows + [(f"bottleneck {index}", value) for index, value in enumerate(self.point or (), start=1)]


def result_of(drawing_input: DrawingInput, error: str, arrays: Mapping[str, np.ndarray]) -> DrawResult:
    """Check and read a graph's output, which may have any shape and any values."""
    if error:
        return DrawResult(drawing_input, sentence=formatting.sentence(error))
    graph = drawing_input.graph
    name = graph.shown_output
    output = arrays[name][0]
    if broken := not_finite(output):
        return DrawResult(drawing_input, sentence=broken)
    if graph.vector and output.ndim == 1 and output.size:
        return DrawResult(drawing_input, largest=tuple(numbers.largest(output)))
    if not graph.reconstruction and not graph.other_picture:
        if output.ndim != 1 or not output.size:
            return DrawResult(drawing_input, sentence="The graph's output is not a row of logits.")
        return DrawResult(drawing_input, likely=tuple(drawing.class_probabilities(output, graph.classes)))
    if output.ndim != 3 or output.shape[0] not in (1, 3):
        return DrawResult(drawing_input, sentence="The graph's output is not an image.")
    others = [array[0] for label, array in arrays.items() if label != name]
    return DrawResult(drawing_input, picture=output, point=_point(others))


def _point(outputs: list[np.ndarray]) -> tuple[float, float] | None:
    """Return the point of the latent plane among the outputs, if it is one."""
    plane = next(iter(outputs), None)
    if plane is None or plane.shape != (2,) or not np.isfinite(plane).all():
        return None
    return float(plane[0]), float(plane[1])
