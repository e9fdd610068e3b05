"""Sums of images: a − b + c of their bottlenecks, decoded, beside the same sum of their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from viewer.figures import colours
from viewer.figures.equation import EquationFigure, EquationTerm
from viewer.figures.theme import Theme
from viewer.qt.latent.mode import Mode, Shared, pictures_of, reason
from viewer.qt.latent.picker import Picker
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Numbers
from viewer.state import numbers
from viewer.state.encoder_decoders import EncoderDecoder
from viewer.state.samples import Samples
from viewer.state.selection import State

PARTS = "abc"
SIGNS = {"a": "", "b": "−", "c": "+"}


class ArithmeticMode(Mode):
    """Acts on the current run."""

    name = "arithmetic"
    title = "Arithmetic"
    hint = "Choose three images a, b, c: the decoder draws a − b + c of their bottlenecks."

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._path: Path | None = None
        self._network: EncoderDecoder | None = None
        self._decoded: np.ndarray | None = None  # uint8 (H, W, 3)
        self._decoder = shared.panel.new_requester("sum")
        self._decoder.answered.connect(self._take)
        shared.page.came.connect(self._request)
        self.picker = Picker(PARTS, self)
        self.picker.picked.connect(self._request)
        self.body.insertWidget(1, self.picker)
        connect_page_keys(self.view, self.tools.images)
        connect_page_keys(self.picker, self.tools.images)

    def applies(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> str | None:
        network = networks.get(state.current) if state.current else None
        return reason({state.current: network}) if state.current and network is not None else None

    def inputs(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> tuple[object, ...]:
        return state.current, networks.get(state.current) if state.current else None, state.samples

    def show_state(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> None:
        network = networks.get(state.current) if state.current else None
        self._path, self._network = (state.current, network if isinstance(network, EncoderDecoder) else None)
        self._decoded = None
        if state.samples is not None:
            self.picker.show_samples(state.samples)
        self._request()

    def _request(self) -> None:
        bottlenecks = self.shared.page.bottlenecks.get(self._path) if self._path else None
        if self._network is None or bottlenecks is None or not self.in_front:
            self.redraw()
            return
        a, b, c = (bottlenecks[min(len(bottlenecks) - 1, self.picker.parts[part])] for part in PARTS)
        self._decoder.send(
            {self._path: Query(self._network.decoder, (a - b + c)[None], (self._network.picture,))}, self._network
        )

    def _take(self, done: QueryBatch) -> None:
        if self._network is None or done.context != self._network:
            return
        made = pictures_of(next(iter(done.replies.values())), self._network)
        if isinstance(made, str):
            self.show_sentence(made)
            return
        self._decoded = made[0]
        self.redraw()

    def set_theme(self, theme: Theme) -> None:
        self.picker.redraw(theme)
        super().set_theme(theme)

    def redraw(self) -> None:
        samples = self.shared.page.samples.get(self._path) if self._path else None
        error = self.shared.page.errors.get(self._path, "") if self._path else ""
        if error or samples is None or self._decoded is None:
            self.show_sentence(error or "The sum of three images appears here.")
            return
        a, b, c = (self.picker.parts[part] + 1 for part in PARTS)
        several = len(self.store.state.compared) > 1
        of = f", of {self.name_of(self._path)}" if several else ""
        self.say(f"image {a} − image {b} + image {c}{of}")
        text = f"Image {a} minus image {b} plus image {c}: of the bottlenecks, decoded, and of the pixels"
        pixels = colours.from_images(self._parts(samples))
        terms = tuple(EquationTerm(SIGNS[part], part, image) for part, image in zip(PARTS, pixels, strict=True))
        plain = colours.from_images(self._sum(samples)[None])[0]
        results = (EquationTerm("=", "decoded", self._decoded), EquationTerm("", "the pixels' sum", plain))
        self.view.show_figure(EquationFigure(self.theme, (terms, results), text), text)

    def _parts(self, samples: Samples) -> np.ndarray:
        """The three images, float32 (3, C, H, W)."""
        last = len(samples.targets) - 1
        chosen: np.ndarray = samples.targets[[min(last, self.picker.parts[part]) for part in PARTS]]
        return chosen

    def _sum(self, samples: Samples) -> np.ndarray:
        a, b, c = self._parts(samples)
        made: np.ndarray = np.clip(a - b + c, 0, 1)
        return made

    def numbers(self) -> Numbers:
        """How far the decoded sum is from the pixels' sum and from each of the three images, as mean squared errors."""
        samples = self.shared.page.samples.get(self._path) if self._path else None
        if samples is None or self._decoded is None:
            return []
        made = (self._decoded.astype(np.float64) / 255)[None]
        others = np.concatenate([self._parts(samples), self._sum(samples)[None]])
        apart = numbers.mse(np.broadcast_to(made, (4, *made.shape[1:])), colours.from_images(others) / 255.0)
        names = [f"{part}: image {self.picker.parts[part] + 1}" for part in PARTS] + ["sum of the pixels"]
        return [("picture", "mse to the decoded sum"), *zip(names, map(float, apart), strict=True)]
