"""From one image to another through the bottleneck, beside the plain blend of their pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF

from viewer.figures import colours
from viewer.figures.comparison import Block, ComparisonFigure, of_one
from viewer.figures.tiles import ImageRow, Large
from viewer.qt.latent.mode import Mode, Shared
from viewer.qt.latent.picker import Picker
from viewer.qt.panels.request_panel import hit_in
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Numbers
from viewer.state import formatting, numbers
from viewer.state.latent import STEPS, interpolate
from viewer.state.samples import Samples
from viewer.state.selection import State

NAMES = ("A", *(f"{step}/{STEPS - 1}" for step in range(STEPS)), "B")
BLEND = "blend of the pixels"


class InterpolateMode(Mode):
    """A strip for each compared run: A, nine decoded steps, B."""

    name = "interpolate"
    title = "Interpolate"
    hint = "Choose two images: the decoder draws what lies between their bottlenecks."

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._step = STEPS // 2 + 1
        shared.page.came.connect(self.request)
        self.picker = Picker("AB", self.tools.images, self)
        self.picker.picked.connect(self.request)
        self.body.insertWidget(1, self.picker)
        self.view.clicked.connect(self._press)
        self.view.column_step.connect(lambda step: self._choose(self._step + step))
        connect_page_keys(self.view, self.tools.images)

    def inputs(self, state: State) -> tuple[object, ...]:
        networks = self.shared.networks
        return (*networks.items(), *(state.samples_of(path) for path in networks))

    def begin(self, state: State) -> None:
        super().begin(state)
        samples = state.samples if state.samples is not None else next(iter(self.shared.page.samples.values()), None)
        if samples is not None:
            self.picker.show_samples(samples)

    def points(self) -> dict[Path, np.ndarray]:
        bottlenecks = self.shared.page.bottlenecks
        return {path: interpolate(*self.picker.rows(bottlenecks[path])) for path in self.usable if path in bottlenecks}

    # ---- showing ----

    def redraw(self) -> None:
        made = {path: self._strip(path) for path in self.networks}
        pictures = [path for path, strip in made.items() if not isinstance(strip, str)]
        if not pictures:
            sentence = next((strip for strip in made.values() if isinstance(strip, str) and strip), "")
            self.show_sentence(sentence or "The steps between two images appear here.")
            return
        first, second = self.picker.numbers
        self.say(f"from image {first} to image {second}, in {STEPS} steps")
        text = (
            f"From image {first} to image {second} through the bottleneck of {formatting.counted(len(pictures), 'run')}"
        )
        blend = self._blend(self.shared.page.samples[pictures[0]])
        figure = self._one(made[pictures[0]], blend, text) if len(made) == 1 else self._several(made, blend, text)
        self.view.show_figure(figure, text)

    def _strip(self, path: Path) -> np.ndarray | str:
        """A run's pictures with both originals at the ends, uint8 (11, H, W, 3); or why there are none."""
        network, samples = self.networks[path], self.shared.page.samples.get(path)
        if isinstance(network, str):
            return network
        if path in self.shared.page.errors:
            return self.shared.page.errors[path]
        if samples is None:
            return "The images shown have another shape than this graph takes." if self.store.state.page else ""
        decoded = self.decoded.get(path, "")
        return decoded if isinstance(decoded, str) else self._with_ends(decoded, samples)

    def _with_ends(self, pictures: np.ndarray, samples: Samples) -> np.ndarray:
        ends = colours.fit(colours.from_images(self.picker.rows(samples.targets)), pictures.shape[1:3])
        if ends.shape[1:] != pictures.shape[1:]:
            return pictures
        return np.concatenate([ends[:1], pictures, ends[1:]])

    def _blend(self, samples: Samples) -> np.ndarray:
        """The plain blend of the pixels, with the originals at the ends: uint8 (11, H, W, 3)."""
        blend = interpolate(*self.picker.rows(samples.targets))
        return self._with_ends(colours.from_images(blend), samples)

    def _one(self, strip: np.ndarray | str, blend: np.ndarray, text: str) -> ComparisonFigure:
        assert not isinstance(strip, str)
        step, rows = min(self._step, len(strip) - 1), (ImageRow("decoded", strip), ImageRow("pixels", blend))
        large = (Large(f"decoded, {NAMES[step]}", strip[step]), Large(BLEND, blend[step]))
        return of_one(self.theme, rows, NAMES, chosen=step, large=large, description=text)

    def _several(self, made: dict[Path, np.ndarray | str], blend: np.ndarray, text: str) -> ComparisonFigure:
        state, blocks = self.store.state, []
        for path, strip in made.items():
            block = Block(state.shown_names[path], colour=self.theme.colour_of_run(state.colours, path))
            shown = {"sentence": strip} if isinstance(strip, str) else {"bands": (ImageRow("", strip),)}
            blocks.append(replace(block, **shown))
        blocks.append(Block(BLEND, (ImageRow("", blend),), captions=NAMES))
        return ComparisonFigure(self.theme, tuple(blocks), self._step, description=text, paged=False)

    def _press(self, point: QPointF) -> None:
        found = hit_in(self.view, point)
        if found is not None:
            self._choose(found.image)

    def _choose(self, step: int) -> None:
        self._step = max(0, min(len(NAMES) - 1, step))
        self.redraw()

    def numbers(self) -> Numbers:
        """How far each step's picture is from both images and from their blend, as mean squared errors."""
        rows: Numbers = [("run", "step", "mse to A", "mse to B", "mse to the blend")]
        for path in self.networks:
            strip = self._strip(path)
            if isinstance(strip, str) or len(strip) != len(NAMES):
                continue
            pictures, blend = strip / 255.0, self._blend(self.shared.page.samples[path]) / 255.0
            others = (*(np.broadcast_to(end, pictures.shape) for end in (pictures[:1], pictures[-1:])), blend)
            apart = zip(*(numbers.mse(other, pictures).tolist() for other in others), strict=True)
            rows += [(self.name_of(path), name, *errors) for name, errors in zip(NAMES, apart, strict=True)]
        return rows if len(rows) > 1 else []
