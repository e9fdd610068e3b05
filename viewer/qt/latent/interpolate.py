"""From one image to another through the bottleneck, beside the plain blend of their pixels."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF

from viewer.figures import colours
from viewer.figures.comparison import Band, Block, ComparisonFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Large
from viewer.qt.latent.mode import Mode, Shared, pictures_of, reason
from viewer.qt.latent.picker import Picker
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Numbers
from viewer.state import numbers
from viewer.state.encoder_decoders import EncoderDecoder
from viewer.state.latent import STEPS, interpolate
from viewer.state.samples import Samples
from viewer.state.selection import State

NAMES = ("A", *(f"{step}/{STEPS - 1}" for step in range(STEPS)), "B")


class InterpolateMode(Mode):
    """A strip for each compared run: A, nine decoded steps, B."""

    name = "interpolate"
    title = "Interpolate"
    hint = "Choose two images: the decoder draws what lies between their bottlenecks."

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._networks: dict[Path, EncoderDecoder | str] = {}
        self._decoded: dict[Path, np.ndarray | str] = {}
        self._step = STEPS // 2 + 1
        self._decoder = shared.panel.new_requester("between")
        self._decoder.answered.connect(self._take)
        shared.page.came.connect(self._request)
        self.picker = Picker("AB", self)
        self.picker.parts["B"] = 1
        self.picker.picked.connect(self._request)
        self.body.insertWidget(1, self.picker)
        self.view.clicked.connect(self._press)
        self.view.column_step.connect(lambda step: self._choose(self._step + step))
        connect_page_keys(self.view, self.tools.images)
        connect_page_keys(self.picker, self.tools.images)

    def applies(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> str | None:
        return reason(networks)

    def inputs(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> tuple[object, ...]:
        return (*networks.items(), *(state.samples_of(path) for path in networks))

    def show_state(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> None:
        self._networks, self._decoded = networks, {}
        samples = state.samples if state.samples is not None else next(iter(self.shared.page.samples.values()), None)
        if samples is not None:
            self.picker.show_samples(samples)
        self._request()

    def _request(self) -> None:
        bottlenecks = self.shared.page.bottlenecks
        queries: dict[Hashable, Query] = {}
        networks = {}
        for path, network in self._networks.items():
            if isinstance(network, EncoderDecoder) and path in bottlenecks:
                first, second = self._pair(bottlenecks[path])
                queries[path] = Query(network.decoder, interpolate(first, second), (network.picture,))
                networks[path] = network
        if queries and self.in_front:
            self._decoder.send(queries, networks)
        else:
            self.redraw()

    def _pair(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of images A and B among values (N, …)."""
        last = len(values) - 1
        return values[min(last, self.picker.parts["A"])], values[min(last, self.picker.parts["B"])]

    def _take(self, done: QueryBatch) -> None:
        assert isinstance(done.context, dict)
        for path, reply in done.replies.items():
            assert isinstance(path, Path)
            self._decoded[path] = pictures_of(reply, done.context[path])
        self.redraw()

    # ---- showing ----

    def set_theme(self, theme: Theme) -> None:
        self.picker.redraw(theme)
        super().set_theme(theme)

    def redraw(self) -> None:
        made = {path: self._strip(path) for path in self._networks}
        pictures = {path: strip for path, strip in made.items() if not isinstance(strip, str)}
        if not pictures:
            sentence = next((strip for strip in made.values() if isinstance(strip, str) and strip), "")
            self.show_sentence(sentence or "The steps between two images appear here.")
            return
        first, second = (self.picker.parts[letter] + 1 for letter in "AB")
        self.say(f"from image {first} to image {second}, in {STEPS} steps")
        text = f"From image {first} to image {second} through the bottleneck of {len(pictures)} runs"
        if len(made) == 1:
            self._show_one(next(iter(pictures)), text)
        else:
            self._show_several(made, text)

    def _strip(self, path: Path) -> np.ndarray | str:
        """A run's pictures with both originals at the ends, uint8 (11, H, W, 3); or why there are none."""
        network, decoded, samples = (self._networks[path], self._decoded.get(path), self.shared.page.samples.get(path))
        if isinstance(network, str):
            return network
        if path in self.shared.page.errors:
            return self.shared.page.errors[path]
        if samples is None:
            return "The images shown have another shape than this graph takes." if self.store.state.page else ""
        if decoded is None or isinstance(decoded, str):
            return decoded or ""
        return self._with_ends(decoded, samples)

    def _with_ends(self, pictures: np.ndarray, samples: Samples) -> np.ndarray:
        ends = colours.fit(colours.from_images(np.stack(self._pair(samples.targets))), pictures.shape[1:3])
        if ends.shape[1:] != pictures.shape[1:]:
            return pictures
        return np.concatenate([ends[:1], pictures, ends[1:]])

    def _blend(self, samples: Samples) -> np.ndarray:
        """The plain blend of the pixels, with the originals at the ends: uint8 (11, H, W, 3)."""
        return self._with_ends(colours.from_images(interpolate(*self._pair(samples.targets))), samples)

    def _show_one(self, path: Path, text: str) -> None:
        strip, blend = self._strip(path), self._blend(self.shared.page.samples[path])
        assert not isinstance(strip, str)
        step = min(self._step, len(strip) - 1)
        figure = MosaicFigure(
            theme=self.theme,
            rows=(ImageRow("decoded", strip), ImageRow("pixels", blend)),
            captions=NAMES,
            chosen=step,
            large=(Large(f"decoded, {NAMES[step]}", strip[step]), Large("blend of the pixels", blend[step])),
            description=text,
        )
        self.view.show_figure(figure, text)

    def _show_several(self, made: dict[Path, np.ndarray | str], text: str) -> None:
        blocks = [
            Block(self.name_of(path), sentence=strip)
            if isinstance(strip, str)
            else Block(self.name_of(path), (Band("", strip),))
            for path, strip in made.items()
        ]
        path = next(path for path, strip in made.items() if not isinstance(strip, str))
        samples = self.shared.page.samples[path]
        blocks.append(Block("blend of the pixels", (Band("", self._blend(samples)),), captions=NAMES))
        self.view.show_figure(ComparisonFigure(self.theme, tuple(blocks), self._step, description=text), text)

    def _press(self, point: QPointF) -> None:
        figure = self.view.figure
        if isinstance(figure, MosaicFigure):
            column = figure.hit(point, self.view.paper)
        elif isinstance(figure, ComparisonFigure):
            hit = figure.hit(point, self.view.paper)
            column = hit.image if hit is not None else None
        else:
            return
        if column is not None:
            self._choose(column)

    def _choose(self, step: int) -> None:
        self._step = max(0, min(len(NAMES) - 1, step))
        self.redraw()

    def numbers(self) -> Numbers:
        """How far each step's picture is from both images and from their blend, as mean squared errors."""
        rows: Numbers = [("run", "step", "mse to A", "mse to B", "mse to the blend")]
        for path in self._networks:
            strip = self._strip(path)
            if isinstance(strip, str) or len(strip) != len(NAMES):
                continue
            blend = self._blend(self.shared.page.samples[path]).astype(np.float64) / 255
            pictures = strip.astype(np.float64) / 255
            to = [numbers.mse(np.broadcast_to(one, pictures.shape), pictures) for one in (pictures[:1], pictures[-1:])]
            apart = numbers.mse(blend, pictures)
            rows += [
                (self.name_of(path), name, float(to[0][i]), float(to[1][i]), float(apart[i]))
                for i, name in enumerate(NAMES)
            ]
        return rows if len(rows) > 1 else []
