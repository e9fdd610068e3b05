"""Reconstructions: what goes in, what comes out, and the signed difference from what should have come out."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QWidget

from viewer.figures import colours
from viewer.figures.mosaic import Large, MosaicFigure, Row, Scale
from viewer.figures.theme import Theme
from viewer.qt.asker import Ask, Round
from viewer.qt.panels.images import ImagePanel, not_finite, subject_of
from viewer.qt.tools import Tools
from viewer.state import numbers, words
from viewer.state.samples import Samples
from viewer.state.selection import State

_SPELLED = {"diff.": "difference", "noisy": "noisy input"}
_INPUTS = {"colourise": "grey", "recall": "class", "translate": "letter"}


class Reconstructions(ImagePanel):
    """Ten images; rows input, output, difference; the mean squared error under each column.

    A classifier's images stand alone, with what it calls them.
    """

    title = "Reconstructions"
    hint = "What goes into each network, what comes out, and the signed difference from what should have come out."

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.asker = self.new_asker()
        self.asker.answered.connect(self._take)
        self._outputs: np.ndarray | None = None
        self._logits: np.ndarray | None = None  # of a classifier
        self._classes: tuple[str, ...] = ()
        self.view.show_sentence("Here come ten images, what the network makes of them, and the difference.")
        self._shown: tuple[object, ...] = ()

    def follow(self, before: State, after: State) -> None:
        subject = subject_of(after)
        if subject != self._shown:
            self._shown = subject
            self._outputs = self._logits = None
            self._ask(after)
        elif before.sample != after.sample:
            self.redraw()

    def _ask(self, state: State) -> None:
        file, samples, graph = state.graph_file, state.samples, state.now.graph
        if file and samples and graph and graph.image_shape == samples.inputs.shape[1:] and graph.reconstruction:
            self.asker.ask({state.current: Ask(file, samples.inputs, (graph.reconstruction,))})
            return
        if file and samples and graph and graph.image_shape == samples.inputs.shape[1:] and graph.verdict:
            self.asker.ask({state.current: Ask(file, samples.inputs, (graph.verdict,))})
            return
        self.asker.forget()
        stored = samples.reconstructions if samples else None
        if samples is not None and stored is not None and state.entry and not state.entry.graph_stamp:
            self._outputs = stored  # in training: the newest epoch's pictures lie in the history
            self.redraw()
        elif not self.is_coming(state):
            self.view.show_sentence(self.why_nothing(state, needs="reconstruction"))

    def _take(self, done: Round) -> None:
        (answer,) = done.answers.values()
        if answer.trouble:
            self.view.show_sentence(words.sentence(answer.trouble))
            return
        samples, graph = self.store.state.samples, self.store.state.now.graph
        outputs = next(iter(answer.arrays.values()))
        if graph and graph.verdict and not graph.reconstruction and samples is not None and outputs.ndim == 2:
            self._show_verdicts(outputs, samples, graph.classes)
            return
        if samples is None or outputs.shape != samples.targets.shape:
            self.view.show_sentence("The graph's output has another shape than its images.")
            return
        if broken := not_finite(outputs):
            self.view.show_sentence(broken)
            return
        self._outputs = outputs
        self.redraw()

    def _show_verdicts(self, logits: np.ndarray, samples: Samples, classes: tuple[str, ...]) -> None:
        if broken := not_finite(logits):
            self.view.show_sentence(broken)
            return
        self._logits, self._classes = logits, classes
        figure = figure_of_verdicts(self.theme, samples, logits, classes, self.store.state.sample)
        self.subtitle.setText(f"what it calls {self._words(self.store.state)}")
        self.view.show_figure(figure, figure.description)

    def redraw(self) -> None:
        state = self.store.state
        if self._logits is not None and state.samples is not None:
            self._show_verdicts(self._logits, state.samples, self._classes)
            return
        if self._outputs is None or state.samples is None:
            return
        task = state.now.any_card.task if state.now.any_card else ""
        label = "noisy" if self._is_noisy(state) else _INPUTS.get(task, "input")
        figure = figure_of(self.theme, state.samples, self._outputs, state.sample, label=label)
        self.subtitle.setText(self._words(state))
        self.view.show_figure(figure, figure.description)

    def _words(self, state: State) -> str:
        history = state.now.history
        if history and state.entry and not state.entry.graph_stamp:
            how = "in training" if history.state == "training" else "model.onnx is missing"
            return f"{how}, as of epoch {history.epochs_done}"
        return state.page.title if state.page else ""

    @staticmethod
    def _is_noisy(state: State) -> bool:
        trained = state.now.graph.noise if state.now.graph else state.now.history.noise if state.now.history else 0.0
        return trained > 0


def figure_of(theme: Theme, samples: Samples, outputs: np.ndarray, chosen: int, *, label: str) -> MosaicFigure:
    """Return the figure of ten images and what became of them; the difference is output minus target.

    `label` names what goes in. What should come out has a row where it is something else.
    """
    errors = numbers.mse(samples.targets, outputs)
    difference = (outputs.astype(np.float64) - samples.targets).mean(axis=1)  # (N, H, W), the mean over colours
    reach = float(np.nanmax(np.abs(difference))) if np.isfinite(difference).any() else 0.0
    far = f"{reach:.2f}" if reach < words.LARGE else words.large(reach)
    table = colours.diverging(theme.neutral)
    rows = [
        Row(label, colours.fitted(colours.from_images(samples.inputs), outputs.shape[2:])),
        Row("output", colours.from_images(outputs)),
        Row("diff.", colours.apply(difference, -reach, reach, table)),
    ]
    if not np.array_equal(samples.inputs, samples.targets):
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


def figure_of_verdicts(
    theme: Theme, samples: Samples, logits: np.ndarray, classes: tuple[str, ...], chosen: int
) -> MosaicFigure:
    """Return the figure of a classifier: the images, the class it gives each, and how sure it is (softmax)."""
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    given, chosen = logits.argmax(axis=1), min(chosen, len(logits) - 1)
    names = [classes[index] if index < len(classes) else str(index) for index in range(logits.shape[1])]
    captions = tuple(names[index] for index in given)
    pixels = colours.from_images(samples.inputs)
    best = np.argsort(-likely[chosen])[:3]
    told = ", ".join(f"{names[index]} {100 * likely[chosen, index]:.1f} %" for index in best)
    return MosaicFigure(
        theme=theme,
        rows=(Row("input", pixels),),
        captions=captions,
        caption_label="called",
        chosen=chosen,
        large=(Large("the chosen image", pixels[chosen], told),),
        description=f"{len(given)} images, called {', '.join(captions)}",
    )
