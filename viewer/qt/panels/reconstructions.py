"""Reconstructions: what goes in, what comes out, and the signed difference from what should have come out."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QWidget

from viewer.figures import colours
from viewer.figures.mosaic import Large, MosaicFigure, Row, Scale
from viewer.figures.theme import Theme
from viewer.infer.questions import Answer
from viewer.qt.asker import Asker
from viewer.qt.panels.images import ImagePanel, not_finite
from viewer.qt.store import AppState
from viewer.qt.worker import Workers
from viewer.state import numbers, words
from viewer.state.samples import Samples
from viewer.state.selection import State

_SPELLED = {"diff.": "difference", "noisy": "noisy input"}


class Reconstructions(ImagePanel):
    """Ten images; rows input, output, difference; the mean squared error under each column."""

    def __init__(self, store: AppState, workers: Workers, parent: QWidget | None = None) -> None:
        super().__init__("Reconstructions", store, parent)
        self.asker = Asker("reconstructions", workers, self)
        self.asker.answered.connect(self._take)
        self._outputs: np.ndarray | None = None
        self.view.show_sentence("Here come ten images, what the network makes of them, and the difference.")
        self._shown: tuple[object, ...] = ()

    def follow(self, before: State, after: State) -> None:
        subject = (after.graph_file, after.samples, after.now.graph_trouble, after.now.samples_trouble, after.entry)
        if subject != self._shown:
            self._shown = subject
            self._outputs = None
            self._ask(after)
        elif before.sample != after.sample:
            self.redraw()

    def _ask(self, state: State) -> None:
        file, samples, graph = state.graph_file, state.samples, state.now.graph
        if file and samples and graph and graph.image_shape == samples.inputs.shape[1:] and graph.reconstruction:
            self.asker.ask(file, samples.inputs, (graph.reconstruction,))
            return
        self.asker.forget()
        stored = samples.reconstructions if samples else None
        if samples is not None and stored is not None and state.entry and not state.entry.graph_stamp:
            self._outputs = stored  # in training: the newest epoch's pictures lie in the history
            self.redraw()
        elif not self.is_coming(state):
            self.view.show_sentence(self.why_nothing(state, needs="reconstruction"))

    def _take(self, answer: Answer) -> None:
        if answer.trouble:
            self.view.show_sentence(words.sentence(answer.trouble))
            return
        samples = self.store.state.samples
        outputs = next(iter(answer.arrays.values()))
        if samples is None or outputs.shape != samples.targets.shape:
            self.view.show_sentence("The graph's output has another shape than its images.")
            return
        if broken := not_finite(outputs):
            self.view.show_sentence(broken)
            return
        self._outputs = outputs
        self.redraw()

    def redraw(self) -> None:
        state = self.store.state
        if self._outputs is None or state.samples is None:
            return
        figure = figure_of(self.theme, state.samples, self._outputs, state.sample, noisy=_is_noisy(state.samples))
        self.subtitle.setText(self._words(state))
        self.view.show_figure(figure, figure.description)

    def _words(self, state: State) -> str:
        history = state.now.history
        if history and state.entry and not state.entry.graph_stamp:
            how = "in training" if history.state == "training" else "model.onnx is missing"
            return f"{how}, as of epoch {history.epochs_done}"
        count = len(state.samples.inputs) if state.samples else 0
        of_run = state.now.history is not None and state.now.history.samples is state.samples
        return f"the first {count} of {'the test split' if of_run else 'the embedded sample'}"


def _is_noisy(samples: Samples) -> bool:
    return samples.inputs is not samples.targets and not np.array_equal(samples.inputs, samples.targets)


def figure_of(theme: Theme, samples: Samples, outputs: np.ndarray, chosen: int, *, noisy: bool) -> MosaicFigure:
    """Return the figure of ten images and what became of them; the difference is output minus target."""
    errors = numbers.mse(samples.targets, outputs)
    difference = (outputs.astype(np.float64) - samples.targets).mean(axis=1)  # (N, H, W), the mean over colours
    reach = float(np.nanmax(np.abs(difference))) if np.isfinite(difference).any() else 0.0
    far = f"{reach:.2f}" if reach < words.LARGE else words.large(reach)
    table = colours.diverging(theme.neutral)
    rows = [
        Row("noisy" if noisy else "input", colours.from_images(samples.inputs)),
        Row("output", colours.from_images(outputs)),
        Row("diff.", colours.apply(difference, -reach, reach, table)),
    ]
    if noisy:
        rows.insert(2, Row("target", colours.from_images(samples.targets)))
    chosen = min(chosen, len(errors) - 1)
    captions = tuple(words.error(float(error)) for error in errors)
    large = tuple(Large(_SPELLED.get(row.label, row.label), row.pixels[chosen]) for row in rows)
    return MosaicFigure(
        theme=theme,
        rows=tuple(rows),
        captions=captions,
        caption_label="mse",
        chosen=chosen,
        large=large,
        scale=Scale(f"−{far}", f"+{far}", table, "output − target"),
        description=f"{len(errors)} images; mean squared errors {', '.join(captions)}",
    )
