"""Modes that mix chosen images: from one to another through the bottleneck, and sums of three; beside their pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, Signal
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.figures import colours
from viewer.figures.comparison import Block, ComparisonFigure, of_one
from viewer.figures.image_grid import ImageGrid
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow
from viewer.qt.image_browser import ImageBrowser
from viewer.qt.latent.mode import Mode, Shared
from viewer.qt.panels.request_panel import hit_in
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Numbers
from viewer.state import formatting, numbers
from viewer.state.latent import STEPS, interpolate
from viewer.state.samples import Samples
from viewer.state.selection import State

HEIGHT = 58  # of the strip to choose from
NAMES = ("A", *(f"{step}/{STEPS - 1}" for step in range(STEPS)), "B")
BLEND = "blend of the pixels"
SIGNS = {"a": "", "b": "−", "c": "+"}


class Picker(FigureView):
    """A strip of the images shown, from which a click or the arrow keys choose A, B and C.

    A click chooses the image of the active part and goes on to the next; ↑ ↓ change the part, ← → its image.
    """

    picked = Signal()

    def __init__(self, parts: str, images: ImageBrowser, parent: QWidget | None = None) -> None:
        super().__init__(f"Images {', '.join(parts)}", parent, height=HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT)
        self.setToolTip(
            f"Click the images for {', '.join(parts)} in turn, or choose a letter with ↑ ↓ and its image with ← →."
        )
        self.parts = {letter: index for index, letter in enumerate(parts)}
        self.active = parts[0]
        self._pixels: np.ndarray | None = None
        self.clicked.connect(self._press)
        self.column_step.connect(self._step)
        self.row_step.connect(self._turn)
        connect_page_keys(self, images)

    def zoom_by(self, steps: int, around: QPointF | None = None) -> None:
        """Do nothing: a strip is not zoomed."""

    def show_samples(self, samples: Samples) -> None:
        """Show the inputs, or the targets where the inputs have another size."""
        alike = samples.inputs.shape[2:] == samples.targets.shape[2:]
        self._pixels = colours.from_images(samples.inputs if alike else samples.targets)
        self.parts = {letter: min(index, len(self._pixels) - 1) for letter, index in self.parts.items()}
        self.redraw()

    def rows(self, values: np.ndarray) -> np.ndarray:
        """Return the rows of the chosen images among values (N, …), the last where there are not so many."""
        chosen: np.ndarray = values[[min(len(values) - 1, index) for index in self.parts.values()]]
        return chosen

    @property
    def numbers(self) -> list[int]:
        """The chosen images as people count them."""
        return [index + 1 for index in self.parts.values()]

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.redraw()

    def redraw(self) -> None:
        """Paint the strip, with the letters below."""
        if self._pixels is not None:
            count, here = len(self._pixels), self.parts.items()
            letters = tuple(" ".join(letter for letter, at in here if at == index) for index in range(count))
            chosen = self.parts[self.active]
            figure = ImageGrid(self._theme, self._pixels, captions=letters, columns=(count,), chosen=chosen)
            parts = ", ".join(f"{letter} is image {index + 1}" for letter, index in here)
            self.show_figure(figure, f"{parts}; the next click is for {self.active}")

    def _press(self, point: QPointF) -> None:
        found = hit_in(self, point)
        if found is not None:
            self._put(found.image)
            self._turn(1)

    def _step(self, step: int) -> None:
        if self._pixels is not None:
            self._put(max(0, min(len(self._pixels) - 1, self.parts[self.active] + step)))

    def _put(self, index: int) -> None:
        self.parts[self.active] = index
        self.redraw()
        self.picked.emit()

    def _turn(self, step: int) -> None:
        letters = list(self.parts)
        self.active = letters[(letters.index(self.active) + step) % len(letters)]
        self.redraw()


class PickedMode(Mode):
    """A mode with a strip to choose `letters` from."""

    letters = ""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self.page = shared.page
        self.page.came.connect(self.request)
        self.picker = Picker(self.letters, self.tools.images, self)
        self.picker.picked.connect(self.request)
        self.body.insertWidget(1, self.picker)
        connect_page_keys(self.view, self.tools.images)

    def inputs(self, state: State) -> tuple[object, ...]:
        networks = self.shared.networks
        return (state.current, *networks.items(), *(state.samples_of(path) for path in networks))

    def begin(self, state: State) -> None:
        super().begin(state)
        samples = state.samples if state.samples is not None else next(iter(self.page.samples.values()), None)
        if samples is not None:
            self.picker.show_samples(samples)

    def decoded_of(self, path: Path) -> np.ndarray | str:
        """Return what was decoded of a run, or why there is nothing, '' while it may still come."""
        network = self.networks.get(path, "")
        error = network if isinstance(network, str) else self.page.errors.get(path, "")
        if not error and path not in self.page.samples and self.store.state.page:
            error = "The images shown have another shape than this graph takes."
        return error or self.decoded.get(path, "")


class InterpolateMode(PickedMode):
    """A strip for each compared run: A, nine decoded steps, B."""

    name = "interpolate"
    title = "Interpolate"
    hint = "Choose two images: the decoder draws what lies between their bottlenecks."
    letters = "AB"

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._step = STEPS // 2 + 1
        self.view.clicked.connect(self._press)
        self.view.column_step.connect(lambda step: self._choose(self._step + step))

    def points(self) -> dict[Path, np.ndarray]:
        found = self.page.bottlenecks
        return {path: interpolate(*self.picker.rows(found[path])) for path in self.usable if path in found}

    def redraw(self) -> None:
        made = {path: self._strip(path) for path in self.networks}
        pictures = [path for path, strip in made.items() if not isinstance(strip, str)]
        if not pictures:
            sentence = next((strip for strip in made.values() if isinstance(strip, str) and strip), "")
            self.show_sentence(sentence or "The steps between two images appear here.")
            return
        first, second = self.picker.numbers
        self.say(f"from image {first} to image {second}, in {STEPS} steps")
        runs = formatting.counted(len(pictures), "run")
        text = f"From image {first} to image {second} through the bottleneck of {runs}"
        blend, strip = self._blend(self.page.samples[pictures[0]]), made[pictures[0]]
        if isinstance(strip, np.ndarray) and len(made) == 1:
            self.view.show_figure(self._one(strip, blend, text), text)
        else:
            self.view.show_figure(self._several(made, blend, text), text)

    def _strip(self, path: Path) -> np.ndarray | str:
        """A run's pictures with both originals at the ends, uint8 (11, H, W, 3); or why there are none."""
        decoded = self.decoded_of(path)
        return decoded if isinstance(decoded, str) else self._with_ends(decoded, self.page.samples[path])

    def _with_ends(self, pictures: np.ndarray, samples: Samples) -> np.ndarray:
        ends = colours.fit(colours.from_images(self.picker.rows(samples.targets)), pictures.shape[1:3])
        if ends.shape[1:] != pictures.shape[1:]:
            return pictures
        return np.concatenate([ends[:1], pictures, ends[1:]])

    def _blend(self, samples: Samples) -> np.ndarray:
        """The plain blend of the pixels, with the originals at the ends: uint8 (11, H, W, 3)."""
        blend = interpolate(*self.picker.rows(samples.targets))
        return self._with_ends(colours.from_images(blend), samples)

    def _one(self, strip: np.ndarray, blend: np.ndarray, text: str) -> ComparisonFigure:
        step, rows = min(self._step, len(strip) - 1), (ImageRow("decoded", strip), ImageRow("pixels", blend))
        return of_one(self.theme, rows, NAMES, chosen=step, notes=(NAMES[step], NAMES[step]), description=text)

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
            pictures, blend = strip / 255.0, self._blend(self.page.samples[path]) / 255.0
            others = (*(np.broadcast_to(end, pictures.shape) for end in (pictures[:1], pictures[-1:])), blend)
            apart = zip(*(numbers.mse(other, pictures).tolist() for other in others), strict=True)
            rows += [(self.name_of(path), name, *errors) for name, errors in zip(NAMES, apart, strict=True)]
        return rows if len(rows) > 1 else []


class ArithmeticMode(PickedMode):
    """a − b + c of the current run's bottlenecks, decoded, beside the same sum of their pixels."""

    name = "arithmetic"
    title = "Arithmetic"
    hint = "Choose three images a, b, c: the decoder draws a − b + c of their bottlenecks."
    of_current = True
    letters = "".join(SIGNS)

    def points(self) -> dict[Path, np.ndarray]:
        bottlenecks = self.page.bottlenecks.get(self.path) if self.path else None
        if self.path is None or self.network is None or bottlenecks is None:
            return {}
        a, b, c = self.picker.rows(bottlenecks)
        return {self.path: (a - b + c)[None]}

    def redraw(self) -> None:
        decoded = self.decoded_of(self.path) if self.path else ""
        if isinstance(decoded, str):
            self.show_sentence(decoded or "The sum of three images appears here.")
            return
        a, b, c = self.picker.numbers
        several = len(self.store.state.compared) > 1
        self.say(f"image {a} − image {b} + image {c}" + (f", of {self.name_of(self.path)}" if several else ""))
        text = f"Image {a} minus image {b} plus image {c}: of the bottlenecks, decoded, and of the pixels"
        titles, signs = (*SIGNS, "decoded", "sum of the pixels"), (*SIGNS.values(), "=", "")
        images = self._images()
        pixels = np.concatenate([images[:3], decoded, images[3:]])
        self.view.show_figure(ImageGrid(self.theme, pixels, titles, columns=(3, 5), signs=signs), text)

    def _images(self) -> np.ndarray:
        """The three images and the sum of their pixels, uint8 (4, H, W, 3)."""
        assert self.path is not None
        a, b, c = self.picker.rows(self.page.samples[self.path].targets)
        return colours.from_images(np.stack([a, b, c, np.clip(a - b + c, 0, 1)]))

    def numbers(self) -> Numbers:
        """How far the decoded sum is from the pixels' sum and from each of the three images, as mean squared errors."""
        decoded = self.decoded_of(self.path) if self.path else ""
        if isinstance(decoded, str):
            return []
        others = self._images() / 255.0
        apart = numbers.mse(np.broadcast_to(decoded / 255.0, others.shape), others)
        names = [f"{part}: image {index + 1}" for part, index in self.picker.parts.items()] + ["sum of the pixels"]
        return [("picture", "mse to the decoded sum"), *zip(names, map(float, apart), strict=True)]
