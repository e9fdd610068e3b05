"""Reconstructions: what goes in, what comes out, and the signed difference from what should have come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QWidget

from viewer.figures.comparison import Block, ComparisonFigure, of_one
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow
from viewer.qt.panels.compared import ComparedPanel, mean_text, scale_of, signed_row
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.panel import Numbers
from viewer.state import formatting, run_outputs
from viewer.state.run_outputs import RunOutput
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


_KINDS = {(True, False): "predictions", (True, True): "largest values"}  # of logits, plain ones
_INPUTS = {"denoise": "noisy", "colourise": "grey", "recall": "class", "translate": "letter"}


def reach_of(runs: Sequence[RunOutput]) -> float:
    """Return the largest difference of all runs, which sets their common scale; 0 where there is none."""
    differences = [output.difference for output in runs if output.is_comparable]
    return max((float(np.abs(difference).max(initial=0.0)) for difference in differences), default=0.0)


def captions_of(output: RunOutput, labels: np.ndarray | None) -> tuple[str, ...]:
    """Return each image's caption: its error, or a classifier's prediction and, if that is wrong, the true class."""
    if output.logits is None:
        return tuple(formatting.mse(float(error)) for error in output.mse)
    captions = []
    for image in range(output.count):
        name, sure = output.prediction(image)
        if output.is_plain:
            captions.append(f"{formatting.number(sure, 3)} at {name}")
            continue
        wrong = labels is not None and output.is_wrong(image, labels)
        true = output.class_name(int(labels[image])) if labels is not None and wrong else ""
        captions.append(f"{name} ≠ {true}" if wrong else f"{name} {100 * sure:.0f} %")
    return tuple(captions)


# ---- bands ----


def inputs_of(output: RunOutput) -> tuple[ImageRow, ...]:
    """Return the input and, where it is not the same, the target."""
    assert output.samples is not None
    samples = output.samples
    first = ImageRow.of(_INPUTS.get(output.task, "input"), samples.inputs)
    if output.logits is not None or np.array_equal(samples.inputs, samples.targets):
        return (first,)
    return first, ImageRow.of("target", samples.targets)


def results_of(theme: Theme, output: RunOutput, reach: float) -> tuple[ImageRow, ...]:
    """Return the output and its difference from the target."""
    if output.images is None:
        return ()
    made = ImageRow.of("output", output.images)
    return (made, signed_row(theme, output.difference, reach)) if output.is_comparable else (made,)


# ---- pictures ----


def picture_of_one(theme: Theme, output: RunOutput, chosen: int, labels: np.ndarray | None) -> ComparisonFigure:
    """Return the rows of one run, with the chosen image large; of a classifier with its likeliest classes."""
    captions, chosen = captions_of(output, labels), min(chosen, output.count - 1)
    notes: tuple[str, ...] = ()
    if output.logits is not None:
        label = "largest" if output.is_plain else "called"
        rows = inputs_of(output)[:1]
        scale, notes = None, (output.likeliest(chosen),)
    else:
        label, reach = "mse", reach_of((output,))
        before, after = inputs_of(output), results_of(theme, output, reach)
        rows = tuple(row.fitted(after[0].size) for row in (before[0], after[0], *before[1:], after[1]))
        scale = scale_of(theme, reach)
    text = f"{output.count} images, {label} {', '.join(captions)}"
    return of_one(theme, rows, captions, label, chosen=chosen, notes=notes, scale=scale, description=text)


def picture_of_several(
    theme: Theme, runs: Sequence[RunOutput], chosen: int, labels: np.ndarray | None, colours_of: Mapping[Path, int]
) -> ComparisonFigure:
    """Return the comparison: what all runs have in common, once, and a block for each run, with its colour."""
    reach = reach_of(runs)
    drawing = [output for output in runs if output.images is not None]
    common = _common_to(drawing)
    names = formatting.without_common_folder([output.name for output in runs])
    blocks = [
        replace(
            _block_of(theme, output, labels, common, reach),
            title=name,
            colour=theme.colour_of_run(colours_of, output.path),
        )
        for output, name in zip(runs, names, strict=True)
    ]
    scale = scale_of(theme, reach) if any(output.is_comparable for output in drawing) else None
    description = "; ".join(f"{block.title}: {block.sentence or block.note}" for block in blocks)
    images = [Block("images", common)] if common else []
    return ComparisonFigure(theme, (*images, *blocks), chosen, scale, description)


def _common_to(drawing: Sequence[RunOutput]) -> tuple[ImageRow, ...]:
    """Return the images that several runs have in common: inputs and targets, or the targets alone."""
    if len(drawing) < 2:
        return ()
    if run_outputs.same_images(drawing):
        return inputs_of(drawing[0])
    targets = [output.samples.targets for output in drawing if output.samples is not None]
    if all(np.array_equal(targets[0], other) for other in targets[1:]):
        plain = any(len(inputs_of(output)) == 1 for output in drawing)
        return (ImageRow.of("input" if plain else "target", targets[0]),)
    return ()


def _block_of(
    theme: Theme, output: RunOutput, labels: np.ndarray | None, common: tuple[ImageRow, ...], reach: float
) -> Block:
    """Return a run's block; of what goes in it has only what is not shown once for all."""
    if output.images is None and output.logits is None:
        return Block("", sentence=output.sentence)
    shown = [] if output.images is None else [row.pixels for row in common]
    before = [row for row in inputs_of(output) if not any(np.array_equal(row.pixels, of) for of in shown)]
    notes = (mean_text(output.mse), _KINDS.get((output.logits is not None, output.is_plain), ""), output.note)
    note = ", ".join(note for note in notes if note)
    return Block("", (*before, *results_of(theme, output, reach)), captions_of(output, labels), note)
