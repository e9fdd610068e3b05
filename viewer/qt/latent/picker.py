"""A strip of the images shown, from which a click or the arrow keys choose A, B and C."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, Signal
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.figures import colours
from viewer.figures.latent import PickerFigure
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow
from viewer.qt.image_browser import ImageBrowser
from viewer.qt.panels.request_panel import hit_in
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.state.samples import Samples

HEIGHT = 58


class Picker(FigureView):
    """A click chooses the image of the active part and goes on to the next; ↑ ↓ change the part, ← → its image."""

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
        """Paint the strip."""
        if self._pixels is not None:
            parts = ", ".join(f"{letter} is image {index + 1}" for letter, index in self.parts.items())
            figure = PickerFigure(self._theme, ImageRow("", self._pixels), dict(self.parts), self.active)
            self.show_figure(figure, f"{parts}; the next click is for {self.active}")

    def _press(self, point: QPointF) -> None:
        index = hit_in(self, point)
        if index is not None:
            self._put(index)
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
