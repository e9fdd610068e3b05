"""Sums of images: a − b + c of their bottlenecks, decoded, beside the same sum of their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from viewer.figures import colours
from viewer.figures.latent import EquationFigure, EquationTerm
from viewer.qt.latent.mode import Mode, Shared
from viewer.qt.latent.picker import Picker
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Numbers
from viewer.state import numbers
from viewer.state.samples import Samples
from viewer.state.selection import State

SIGNS = {"a": "", "b": "−", "c": "+"}


class ArithmeticMode(Mode):
    """Acts on the current run."""

    name = "arithmetic"
    title = "Arithmetic"
    hint = "Choose three images a, b, c: the decoder draws a − b + c of their bottlenecks."
    of_current = True

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        shared.page.came.connect(self.request)
        self.picker = Picker("".join(SIGNS), self.tools.images, self)
        self.picker.picked.connect(self.request)
        self.body.insertWidget(1, self.picker)
        connect_page_keys(self.view, self.tools.images)

    def inputs(self, state: State) -> tuple[object, ...]:
        return state.current, self.shared.networks.get(state.current) if state.current else None, state.samples

    def begin(self, state: State) -> None:
        super().begin(state)
        if state.samples is not None:
            self.picker.show_samples(state.samples)

    def points(self) -> dict[Path, np.ndarray]:
        bottlenecks = self.shared.page.bottlenecks.get(self.path) if self.path else None
        if self.path is None or self.network is None or bottlenecks is None:
            return {}
        a, b, c = self.picker.rows(bottlenecks)
        return {self.path: (a - b + c)[None]}

    @property
    def _shown(self) -> tuple[Samples, np.ndarray] | str:
        """The run's samples and the decoded sum, uint8 (H, W, 3); or why there is none."""
        if self.path is None or self.path in self.shared.page.errors:
            return self.shared.page.errors[self.path] if self.path else ""
        samples, decoded = self.shared.page.samples.get(self.path), self.decoded.get(self.path, "")
        if isinstance(decoded, str):
            return decoded
        return (samples, decoded[0]) if samples is not None else ""

    def redraw(self) -> None:
        shown = self._shown
        if isinstance(shown, str):
            self.show_sentence(shown or "The sum of three images appears here.")
            return
        samples, decoded = shown
        a, b, c = self.picker.numbers
        several = len(self.store.state.compared) > 1
        self.say(f"image {a} − image {b} + image {c}" + (f", of {self.name_of(self.path)}" if several else ""))
        text = f"Image {a} minus image {b} plus image {c}: of the bottlenecks, decoded, and of the pixels"
        pixels = colours.from_images(self.picker.rows(samples.targets))
        terms = tuple(EquationTerm(SIGNS[part], part, image) for part, image in zip(SIGNS, pixels, strict=True))
        plain = colours.from_images(self._sum(samples)[None])[0]
        results = (EquationTerm("=", "decoded", decoded), EquationTerm("", "the pixels' sum", plain))
        self.view.show_figure(EquationFigure(self.theme, (terms, results), text), text)

    def _sum(self, samples: Samples) -> np.ndarray:
        a, b, c = self.picker.rows(samples.targets)
        made: np.ndarray = np.clip(a - b + c, 0, 1)
        return made

    def numbers(self) -> Numbers:
        """How far the decoded sum is from the pixels' sum and from each of the three images, as mean squared errors."""
        shown = self._shown
        if isinstance(shown, str):
            return []
        samples, decoded = shown
        made = (decoded.astype(np.float64) / 255)[None]
        others = np.concatenate([self.picker.rows(samples.targets), self._sum(samples)[None]])
        apart = numbers.mse(np.broadcast_to(made, (4, *made.shape[1:])), colours.from_images(others) / 255.0)
        names = [f"{part}: image {index + 1}" for part, index in self.picker.parts.items()] + ["sum of the pixels"]
        return [("picture", "mse to the decoded sum"), *zip(names, map(float, apart), strict=True)]
