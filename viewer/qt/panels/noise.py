"""Noise: the images with noise of the chosen strength, every compared graph's output, and curves of PSNR."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QSizePolicy, QSlider, QSplitter, QWidget

from viewer.figures.arrange import Above
from viewer.figures.comparison import ComparisonFigure
from viewer.figures.lines import LinesFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.qt.panels import noise_pictures as pictures
from viewer.qt.panels.images import ImagePanel, panel_inputs
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.tools import Tools
from viewer.qt.widgets.elided_label import ElidedLabel, hold_size
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.panel import Command, Numbers
from viewer.state import formatting, noise, noise_lab, run_outputs
from viewer.state.noise import Kind
from viewer.state.noise_lab import CurveKey, Curves, NoiseFrame, NoiseInput
from viewer.state.selection import State

NARROWEST_SLIDER = 160  # its hundred steps can still be reached with the pointer
REST_MILLISECONDS = 150  # the slider rests this long before the curves continue
ROOM_FOR_BOTH = 300  # pixels of height for pictures and curve together
KINDS: tuple[Kind, ...] = ("gaussian", "salt and pepper")
KIND_LABELS = {"gaussian": "Gaussian σ", "salt and pepper": "salt and pepper"}


@dataclass(frozen=True, eq=False)
class NoisePlan:
    """The inputs of a round of requests."""

    kind: Kind
    strength: float
    noise_inputs: Mapping[Path, NoiseInput]
    noisy: Mapping[Path, np.ndarray]


@dataclass(frozen=True, eq=False)
class CurvePoint:
    """One point of one curve."""

    key: CurveKey
    index: int
    noise_input: NoiseInput
    noisy: np.ndarray


class Noise(ImagePanel):
    """A slider for the strength of the noise; clean, noisy, median filtered and output; curves of PSNR against it."""

    name = "noise"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.requester = self.new_requester()
        self.requester.answered.connect(self._take)
        self.curve_requester = self.new_requester("curve")
        self.curve_requester.answered.connect(self._take_point)
        self.frame: NoiseFrame | None = None  # what is shown
        self.curves = Curves()
        self._noise_inputs: dict[Path, NoiseInput] = {}
        self._shown: tuple[object, ...] = ()
        self._started_for: tuple[Path, ...] = ()
        self._strengths: dict[Kind, float] = {"gaussian": noise.DEFAULT_SIGMA, "salt and pepper": noise.DEFAULT_SHARE}
        self._rest = QTimer(self, singleShot=True)
        self._rest.timeout.connect(self._next_point)
        self.view.show_sentence("The images with noise and what the networks make of them appear here.")
        self.view.hovered.connect(self._show_hint)
        self._make_controls()
        self._build()

    def _make_controls(self) -> None:
        self.kind_box = QComboBox()
        for kind in KINDS:
            self.kind_box.addItem(KIND_LABELS[kind], kind)
        self.kind_box.setAccessibleName("Kind of noise")
        self.kind_box.setToolTip(
            "Gaussian: a normal value of standard deviation σ is added to every pixel; the sum is clipped to [0, 1].\n"
            "Salt and pepper: a share of the pixels becomes black or white, half of each."
        )
        self.kind_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.kind_box.setMinimumContentsLength(8)
        self.kind_box.currentIndexChanged.connect(self._kind_changed)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, noise.STEPS)
        self.slider.setPageStep(10)
        self.slider.setMinimumWidth(NARROWEST_SLIDER)
        self.slider.setEnabled(False)
        self.slider.valueChanged.connect(self._moved)
        self.curve_box = QCheckBox("curve")
        self.curve_box.setAccessibleName("Curve of PSNR against the noise")
        self.curve_box.setToolTip(
            "The PSNR of every compared run at 11 noise strengths, on the images shown.\n"
            "Click the curve to set the slider."
        )
        self.curve_box.toggled.connect(self._show_curve)
        self.curve_view = FigureView("Curve of PSNR against the noise", self, height=100)
        for signal in (self.curve_view.clicked, self.curve_view.dragged):
            signal.connect(self._set_by_curve)
        self.curve_view.column_step.connect(lambda step: self.slider.setValue(self.slider.value() + step))
        self.curve_view.hide()

    def _build(self) -> None:
        self.sigma_label, self.psnr_label = QLabel(), ElidedLabel()
        for text in (self.sigma_label, self.psnr_label):
            text.setTextFormat(Qt.TextFormat.PlainText)
        for control in (self.kind_box, self.sigma_label, self.psnr_label, self.curve_box):
            control.setFont(self.view.font())
        hold_size(self.sigma_label, "100 %")
        self.psnr_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.kind_box)
        row.addWidget(self.slider, 1)
        row.addWidget(self.sigma_label)
        row.addWidget(self.curve_box)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.body.insertLayout(0, row)
        self.body.insertWidget(1, self.psnr_label)
        self.body.addWidget(self.splitter, 1)
        for view, share in ((self.view, 3), (self.curve_view, 2)):
            self.splitter.addWidget(view)
            self.splitter.setStretchFactor(self.splitter.indexOf(view), share)
        self._set_quietly(self._strengths[self.kind])

    # ---- controls ----

    @property
    def kind(self) -> Kind:
        return KINDS[self.kind_box.currentIndex()]

    @property
    def sigma(self) -> float:
        """The strength of the noise: the standard deviation, or the share of pixels that are hit."""
        return self.slider.value() / noise.STEPS

    def commands(self) -> tuple[Command, ...]:
        return (
            Command("switch the kind of noise", self._other_kind, "Alt+N"),
            Command("show or hide the curve", self.curve_box.toggle, "Alt+C"),
        )

    def _other_kind(self) -> None:
        self.kind_box.setCurrentIndex((self.kind_box.currentIndex() + 1) % len(KINDS))

    def _kind_changed(self) -> None:
        self._set_quietly(self._strengths[self.kind])
        self._request()

    def _set_quietly(self, strength: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(strength * noise.STEPS))
        self.slider.blockSignals(False)
        self._say_strength()

    def _moved(self) -> None:
        self._say_strength()
        self._request()

    def _say_strength(self) -> None:
        gaussian = self.kind == "gaussian"
        self._strengths[self.kind] = self.sigma
        what = "Standard deviation of the noise" if gaussian else "Share of pixels hit"
        self.slider.setAccessibleName(f"{what}, in hundredths")
        self.slider.setToolTip(f"{what}; ← → by one hundredth, Page Up and Page Down by ten")
        self.sigma_label.setText(f"{self.sigma:.2f}" if gaussian else f"{100 * self.sigma:.0f} %")

    def _set_by_curve(self, point: QPointF) -> None:
        figure = self.curve_view.figure
        if isinstance(figure, LinesFigure) and self.slider.isEnabled():
            x = figure.hit(point, self.curve_view.paper)
            if x is not None:
                self.slider.setValue(round(x * noise.STEPS))

    # ---- what is shown ----

    @property
    def waiting(self) -> bool:
        """Whether a reply or the rest of a curve is still to come."""
        return super().waiting or self._rest.isActive()

    @property
    def figure(self) -> Figure | None:
        pictures_shown, curve = self.view.figure, self.curve_view.figure
        if self.view.isHidden():
            return curve
        if pictures_shown is None or curve is None or self.curve_view.isHidden():
            return pictures_shown
        heights = self.splitter.sizes()
        return Above(pictures_shown, curve, heights[0] / max(1, sum(heights)))

    def numbers(self) -> Numbers:
        if self.frame is None:
            return []
        return pictures.table(self.frame, self.curves, self._keys(), self.store.state.names())

    def set_theme(self, theme: Theme) -> None:
        self.curve_view.set_theme(theme)
        super().set_theme(theme)

    def show_state(self, before: State, after: State) -> None:
        self._start(after)
        inputs = (panel_inputs(after), after.current)
        if inputs != self._shown:
            self._shown = inputs
            self.frame = None
            self._request(low_priority=self.low_priority)
        elif before.sample != after.sample:
            self.redraw()

    def _start(self, state: State) -> None:
        """Start with the noise that a run was trained with; moving among the compared runs changes nothing."""
        graph = state.current_known.graph
        if graph is None or state.current is None:
            return
        begun, self._started_for = state.current in self._started_for, state.compared
        if begun:
            return
        self._strengths["gaussian"] = noise.starting_sigma(graph.noise)
        self._set_quietly(self._strengths[self.kind])

    # ---- requests ----

    def _request(self, *, low_priority: bool = False) -> None:
        state = self.store.state
        found = {path: noise_lab.noise_input_of(state, path) for path in state.compared}
        self._noise_inputs = {path: noise_input for path, noise_input in found.items() if noise_input is not None}
        self.slider.setEnabled(bool(self._noise_inputs))
        self._rest.stop()
        if not self._noise_inputs:
            self.requester.forget()
            self._show_nothing(state)
            return
        kind, strength = self.kind, self.sigma
        noisy = {path: noise.apply(entry.clean, kind, strength) for path, entry in self._noise_inputs.items()}
        queries: dict[Hashable, Query] = {
            path: Query(noise_input.file, noisy[path], (noise_input.output,))
            for path, noise_input in self._noise_inputs.items()
        }
        self.requester.send(queries, NoisePlan(kind, strength, self._noise_inputs, noisy), low_priority=low_priority)

    def _show_nothing(self, state: State) -> None:
        self.frame = None
        if self.show_why_no_output(state, "output"):
            self.psnr_label.setText("")
            self.curve_view.show_sentence("")

    def _take(self, done: QueryBatch) -> None:
        plan = done.context
        assert isinstance(plan, NoisePlan), plan
        state, results = self.store.state, {}
        for path, reply in done.replies.items():
            assert isinstance(path, Path), path
            noise_input, noisy = plan.noise_inputs[path], plan.noisy[path]
            if reply.error:
                results[path] = noise_lab.NoiseResult(noise_input, noisy, error=formatting.sentence(reply.error))
            else:
                results[path] = noise_lab.result_of(noise_input, noisy, next(iter(reply.arrays.values())))
        first = state.current if state.current in results else next(iter(results))
        reference = noise_lab.reference_of(plan.noise_inputs[first], plan.noisy[first])
        in_order = {path: results[path] for path in plan.noise_inputs}
        self.frame = NoiseFrame(plan.kind, plan.strength, in_order, reference)
        self.redraw()
        self._go_on()

    # ---- painting ----

    def redraw(self) -> None:
        frame, state = self.frame, self.store.state
        if frame is None:
            return
        self._redraw_curve()
        errors = {path: run_outputs.why_no_output(state, path) for path in state.compared if path not in frame.results}
        single = next(iter(frame.results.values())) if len(frame.results) == 1 and not errors else None
        self.subtitle.setText(self._summary(state, frame))
        if single is not None and single.error:
            self.psnr_label.setText("")
            self.view.show_sentence(single.error)
            return
        self.psnr_label.setText(pictures.summary(frame, single))
        described = f"Noise, {pictures.strength_text(frame.kind, frame.strength)}. {self.psnr_label.text()}"
        if single is not None:
            figure: Figure = pictures.mosaic(self.theme, single, frame.reference, state.sample)
        else:
            figure = pictures.comparison(self.theme, frame, state.names(), errors, state.sample)
        self.view.show_figure(figure, described)

    @staticmethod
    def _summary(state: State, frame: NoiseFrame) -> str:
        if len(state.compared) > 1:
            return f"{len(state.compared)} runs, with the same noise"
        trained = state.current_known.graph.noise if state.current_known.graph else 0.0
        if trained:
            return f"trained with σ = {trained:g}"
        return "trained without noise" if state.current_known.any_card else ""

    def _choose(self, point: QPointF) -> None:
        image = self._image_at(point)
        if image is not None:
            self.store.set_sample(image[1])

    def _step(self, step: int) -> None:
        if self.frame is not None:
            count = len(self.frame.reference.clean)
            self.store.set_sample(max(0, min(count - 1, min(self.store.state.sample, count - 1) + step)))

    def _image_at(self, point: QPointF) -> tuple[int, int] | None:
        """Return the block (0 for the shared inputs, then the runs) and the image under a point."""
        figure = self.view.figure
        if isinstance(figure, MosaicFigure):
            column = figure.hit(point, self.view.paper)
            return None if column is None else (0, column)
        if not isinstance(figure, ComparisonFigure):
            return None
        hit = figure.hit(point, self.view.paper)
        return None if hit is None else (hit.block, hit.image)

    def _show_hint(self, point: QPointF | None) -> None:
        """Show the figures of the image under the pointer in a tool tip."""
        self.view.show_hint(self._hint_at(point) if point is not None else "", point or QPointF())

    def _hint_at(self, point: QPointF) -> str:
        """Return the figures of the image under a point: of the shared input, and of the run's output."""
        frame, hit = self.frame, self._image_at(point)
        if frame is None or hit is None or hit[0] > len(frame.results):
            return ""
        block, image = hit
        names, paths = self.store.state.names(), list(frame.results)
        single = isinstance(self.view.figure, MosaicFigure)
        lines = [] if block else [pictures.hint(None, frame.reference, image, "")]
        if block or single:
            path = paths[block - 1] if block else paths[0]
            lines.append(pictures.hint(frame.results[path], frame.reference, image, names.get(path, "")))
        return "\n".join(text for text in lines if text)

    # ---- the curve ----

    def _keys(self) -> dict[CurveKey, Path | None]:
        frame = self.frame
        if frame is None:
            return {}
        noise_inputs = {path: result.noise_input for path, result in frame.results.items()}
        current = self.store.state.current
        reference = noise_inputs[current] if current in noise_inputs else next(iter(noise_inputs.values()))
        return noise_lab.curve_keys(noise_inputs, reference, frame.kind)

    def _show_curve(self, on: bool) -> None:
        self.curve_view.setVisible(on)
        self._make_room()
        self._redraw_curve()
        self._go_on()

    def _make_room(self) -> None:
        """Hide the pictures where they would be too small above the curve."""
        self.view.setVisible(not self.curve_box.isChecked() or self.splitter.height() >= ROOM_FOR_BOTH)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _redraw_curve(self) -> None:
        if self.curve_view.isHidden() or self.frame is None:
            return
        keys = self._keys()
        if not keys:
            self.curve_view.show_sentence("There is no curve: a classifier outputs no images.")
            return
        figure = pictures.lines(self.theme, self.frame, self.curves, keys, self.store.state.names())
        described = "; ".join(f"{line.name} {formatting.decibels(line.now)} dB" for line in figure.lines)
        self.curve_view.show_figure(figure, f"{figure.heading}: {described}")

    def _go_on(self, milliseconds: int = REST_MILLISECONDS) -> None:
        """Compute the next point of the curves after a pause, so that the slider comes first."""
        wanted = not self.curve_view.isHidden() and self.frame is not None and not self.curve_requester.waiting
        if wanted and self.curves.missing(self._keys()) is not None:
            self._rest.start(milliseconds)

    def _next_point(self) -> None:
        keys = self._keys()
        missing = self.curves.missing(keys)
        if missing is None or self.frame is None or self.curve_view.isHidden():
            return
        if self.requester.waiting:
            self._rest.start(REST_MILLISECONDS)
            return
        key, index = missing
        path = keys[key]
        noise_inputs = [result.noise_input for result in self.frame.results.values()]
        if path is not None:
            noise_input = self.frame.results[path].noise_input
        else:
            noise_input = next(noise_input for noise_input in noise_inputs if noise_input.digest == key.images)
        noisy = noise.apply(noise_input.clean, key.kind, float(noise_lab.STRENGTHS[index]))
        if path is None:
            self.curves.put(key, index, noise_lab.reference_score(noise_input, noisy, key.who))
            self._point_found()
        else:
            step = CurvePoint(key, index, noise_input, noisy)
            self.curve_requester.send(
                {path: Query(noise_input.file, noisy, (noise_input.output,))}, step, low_priority=True
            )

    def _take_point(self, done: QueryBatch) -> None:
        step = done.context
        assert isinstance(step, CurvePoint), step
        (reply,) = done.replies.values()
        scores = None
        if not reply.error:
            scores = noise_lab.result_of(step.noise_input, step.noisy, next(iter(reply.arrays.values()))).scores
        self.curves.put(step.key, step.index, scores)
        self._point_found()

    def _point_found(self) -> None:
        self._redraw_curve()
        self._go_on(REST_MILLISECONDS if self.requester.waiting else 0)
