"""Reconstructions: what goes in, what comes out, and the signed difference from what should have come out."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from viewer.figures.comparison import ComparisonFigure
from viewer.figures.theme import Theme
from viewer.qt.panels.compared import ComparedPanel
from viewer.qt.panels.reconstruction_figures import picture_of_one, picture_of_several
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.panel import Numbers
from viewer.state import run_outputs
from viewer.state.selection import State
from zoo.image_ports import PIXELS, InputChoice

SIDES = {"auto": 0, **{str(side): side for side in (28, 64, 128, 224, 256, 384, 512)}}


class Reconstructions(ComparedPanel):
    """Ten images: of one run the input, output and difference, with the chosen image enlarged; of several a block each.

    A classifier's images are shown with its predictions. All differences share one scale.
    """

    name = "reconstructions"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        tip = "What this graph takes for black and white; its pictures are read back in the same way"
        self.pixels_box = controls.combo("pixels", tip, PIXELS, self._set_choice, widest="imagenet")
        tip = "The side of the images that go in: this graph takes any"
        self.side_box = controls.combo("size of images", tip, SIDES, self._set_choice, widest="auto")
        self.pixels_label = controls.label("pixels", self.pixels_box)
        self.side_label = controls.label("images of", self.side_box)
        for widget in (self.side_box, self.side_label, self.pixels_box, self.pixels_label):
            self.row.insertWidget(1, widget)
            widget.hide()
        self.view.show_sentence("Ten images, what the network makes of them, and the differences appear here.")

    @property
    def low_priority(self) -> bool:
        """Never: a page is turned to see these pictures."""
        return False

    def runs(self, state: State) -> tuple[Path, ...]:
        return state.compared

    def takes_pixels(self, state: State) -> bool:
        """Whether the current graph is somebody else's, of which nobody says what pixels it takes."""
        graph = state.current_known.graph
        return graph is not None and graph.card is None and graph.image_shape is not None

    def show_state(self, before: State, after: State) -> None:
        for widget in (self.pixels_box, self.pixels_label):
            widget.setVisible(self.takes_pixels(after))
        graph, choice = after.current_known.graph, after.choice_of(after.current)
        for widget in (self.side_box, self.side_label):
            widget.setVisible(choice.size is not None or (graph is not None and graph.facts.takes_any_size))
        self.pixels_box.setCurrentText(choice.pixels)
        self.side_box.setCurrentText(str(choice.size[0]) if choice.size else "auto")
        super().show_state(before, after)

    def _set_choice(self) -> None:
        side = self.side_box.currentData()
        choice = InputChoice(self.pixels_box.currentText(), (side, side) if side else None)
        if self.store.state.current is not None:
            self.store.set_choice(self.store.state.current, choice)

    def picture_of(self, theme: Theme, state: State) -> ComparisonFigure | str:
        runs, labels = self.outputs, run_outputs.labels_of(state)
        if not runs or (len(runs) == 1 and runs[0].coming):
            return self.view.sentence or "Ten images, what the network makes of them, and the differences appear here."
        self.subtitle.setText(_subtitle(self, state))
        alone = runs[0].count == 1 or not runs[0].is_comparable  # then the pictures stand beside one another
        if len(runs) > 1 or (runs[0].images is not None and alone):
            return picture_of_several(theme, runs, state.sample, labels, state.colours)
        (output,) = runs
        if output.images is None and output.logits is None:
            return output.sentence
        return picture_of_one(theme, output, state.sample, labels)

    def numbers(self) -> Numbers:
        state = self.store.state
        labels, names = run_outputs.labels_of(state), run_outputs.class_names(state)
        rows: Numbers = [("run", "image", "position", "label", "mse", "psnr_db", "called", "sure")]
        places = state.page.indices if state.page else None
        for output in self.outputs:
            if output.images is None and output.logits is None:
                continue
            for image in range(output.count):
                shows_page_images = output.shows_page_images and labels is not None and image < len(labels)
                label = int(labels[image]) if shows_page_images and labels is not None else None
                position = places[image] + 1 if output.shows_page_images and places and image < len(places) else ""
                label_name = "" if label is None else names[label] if label < len(names) else str(label)
                figures = (float(output.mse[image]), float(output.psnr[image])) if len(output.mse) else ("", "")
                prediction = output.prediction(image) if output.logits is not None else ("", "")
                rows.append((output.name, image + 1, position, label_name, *figures, *prediction))
        return rows if len(rows) > 1 else []


def _subtitle(panel: Reconstructions, state: State) -> str:
    """Say which images and page are shown, or what is shown for a run without a graph."""
    page = run_outputs.page_title(state)
    (first, *others) = panel.outputs
    if others:
        return page
    if first.logits is not None:
        page = f"{'largest values' if first.is_plain else 'predictions'} for {page}"
        return f"{page} · {first.note}" if first.note else page
    if first.images is not None and panel.takes_pixels(state) and first.note:
        return f"{page} · {first.note}"
    return first.note or (page if first.images is not None else "")
