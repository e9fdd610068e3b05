"""Noise: the clean images with noise of the slider's strength, and what the graph makes of them, live."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from viewer.figures import colours
from viewer.figures.mosaic import Large, MosaicFigure, Row
from viewer.figures.theme import Theme
from viewer.qt.asker import Ask, Round
from viewer.qt.panels.images import ImagePanel, not_finite, subject_of
from viewer.qt.tools import Tools
from viewer.qt.widgets.elided_label import ElidedLabel
from viewer.state import noise, numbers, words
from viewer.state.selection import State

NARROWEST_SLIDER = 160  # its hundred steps can still be met with the pointer


class Noise(ImagePanel):
    """A slider for sigma; rows clean, noisy, output; PSNR before and after."""

    title = "Noise"
    hint = "Add noise to the images and see, live, what each network makes of them."

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.asker = self.new_asker()
        self.asker.answered.connect(self._take)
        self._pair: tuple[np.ndarray, np.ndarray] | None = None  # what was asked with and what came back
        self._shown: tuple[object, ...] = ()
        self._started_for: object = None
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, noise.STEPS)
        self.slider.setPageStep(10)
        self.slider.setValue(round(noise.DEFAULT_SIGMA * noise.STEPS))
        self.slider.setAccessibleName("Standard deviation of the noise, in hundredths")
        self.slider.valueChanged.connect(self._moved)
        self.slider.setMinimumWidth(NARROWEST_SLIDER)
        self.sigma_label, self.psnr_label = QLabel(), ElidedLabel()
        self.slider.setEnabled(False)
        self.view.show_sentence("Here come the same images with noise, and what the network makes of that.")
        self._build()

    def _build(self) -> None:
        label = QLabel("noise σ")
        label.setBuddy(self.slider)
        for text in (label, self.sigma_label, self.psnr_label):
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setFont(self.view.font())
        metrics = self.sigma_label.fontMetrics()
        self.sigma_label.setFixedWidth(metrics.horizontalAdvance("0.00") + 4)
        self.psnr_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.psnr_label.usual_width = metrics.horizontalAdvance("PSNR 00.0 dB noisy, 00.0 dB after")
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(label)
        row.addWidget(self.slider, 1)
        row.addWidget(self.sigma_label)
        row.addWidget(self.psnr_label)
        self.body.insertLayout(0, row)
        self._say_sigma()

    @property
    def sigma(self) -> float:
        return self.slider.value() / noise.STEPS

    def follow(self, before: State, after: State) -> None:
        graph = after.now.graph
        if graph is not None and self._started_for != after.current:
            self._started_for = after.current
            self._set_quietly(noise.starting_sigma(graph.noise))
        subject = subject_of(after)
        if subject != self._shown:
            self._shown = subject
            self._pair = None
            self._ask()
        elif before.sample != after.sample:
            self.redraw()

    def _set_quietly(self, sigma: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(sigma * noise.STEPS))
        self.slider.blockSignals(False)
        self._say_sigma()

    def _moved(self) -> None:
        self._say_sigma()
        self._ask()

    def _say_sigma(self) -> None:
        self.sigma_label.setText(f"{self.sigma:.2f}")

    def _ask(self) -> None:
        state = self.store.state
        file, samples, graph = state.graph_file, state.samples, state.now.graph
        usable = bool(file and samples and graph and graph.reconstruction)
        if usable:
            assert samples is not None and graph is not None
            usable = graph.image_shape == samples.clean(noisy=graph.noise > 0).shape[1:]
        self.slider.setEnabled(usable)
        if usable:
            assert file is not None and samples is not None and graph is not None
            clean = samples.clean(noisy=graph.noise > 0)
            self.asker.ask({state.current: Ask(file, noise.add(clean, self.sigma), (graph.reconstruction,))})
            return
        self.asker.forget()
        if not self.is_coming(state):
            self.psnr_label.setText("")
            self.view.show_sentence(self.why_nothing(state, needs="reconstruction"))

    def _take(self, done: Round) -> None:
        (answer,) = done.answers.values()
        noisy, samples = answer.question.images, self.store.state.samples
        if answer.trouble or noisy is None or samples is None:
            self._pair = None
            self.view.show_sentence(words.sentence(answer.trouble))
            return
        outputs = next(iter(answer.arrays.values()))
        if outputs.shape != samples.targets.shape:
            self.view.show_sentence("The graph's output has another shape than its images.")
            return
        if broken := not_finite(outputs):
            self._pair = None
            self.psnr_label.setText("")
            self.view.show_sentence(broken)
            return
        self._pair = (noisy, outputs)
        self.redraw()

    def redraw(self) -> None:
        state = self.store.state
        if self._pair is None or state.samples is None:
            return
        noisy, outputs = self._pair
        targets, clean = (
            state.samples.targets,
            state.samples.clean(noisy=bool(state.now.graph and state.now.graph.noise)),
        )
        same = np.array_equal(clean, targets)  # of what colours or translates, the two are different pictures
        before = f"{words.decibels(numbers.mean_psnr(clean, noisy))} dB noisy, " if same else ""
        after = words.decibels(numbers.mean_psnr(targets, outputs))
        self.psnr_label.setText(f"PSNR {before}{after} dB after")
        trained = state.now.graph.noise if state.now.graph else 0.0
        self.subtitle.setText(
            f"trained with σ = {trained:g}" if trained else "trained without noise" if state.now.any_card else ""
        )
        figure = figure_of(self.theme, clean, noisy, outputs, state.sample, targets=targets)
        self.view.show_figure(figure, f"Noise {self.sigma:.2f}. {self.psnr_label.text()}")


def figure_of(
    theme: Theme,
    clean: np.ndarray,
    noisy: np.ndarray,
    outputs: np.ndarray,
    chosen: int,
    *,
    targets: np.ndarray | None = None,
) -> MosaicFigure:
    """Return the figure: clean, noisy, output, and the PSNR of each output against its target, or the clean image."""
    size = outputs.shape[2:]
    rows = (
        Row("clean", colours.fitted(colours.from_images(clean), size)),
        Row("noisy", colours.fitted(colours.from_images(noisy), size)),
        Row("output", colours.from_images(outputs)),
    )
    ratios = [words.decibels(float(ratio)) for ratio in numbers.psnr(clean if targets is None else targets, outputs)]
    chosen = min(chosen, len(clean) - 1)
    same = targets is None or np.array_equal(clean, targets)
    before = f"PSNR {words.decibels(float(numbers.psnr(clean, noisy)[chosen]))} dB" if same else ""
    notes = ("", before, f"PSNR {ratios[chosen]} dB")
    return MosaicFigure(
        theme=theme,
        rows=rows,
        captions=tuple(ratios),
        caption_label="dB",
        chosen=chosen,
        large=tuple(Large(row.label, row.pixels[chosen], note) for row, note in zip(rows, notes, strict=True)),
    )
