"""Noise: the images with noise of the chosen strength, every compared graph's output, and curves of PSNR."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QSplitter, QWidget

from viewer.figures.arrange import StackedFigure
from viewer.figures.curves import CurvesFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.qt.application import make_small
from viewer.qt.chunks import ChunkedRun, ChunkRunner
from viewer.qt.disk import Disk, JobResult
from viewer.qt.panels import noise_pictures as pictures
from viewer.qt.panels.images import panel_inputs
from viewer.qt.panels.request_panel import Queries, Replies, RequestPanel, image_in
from viewer.qt.requester import Query, Requester
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.controls import ElidedLabel
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Command, Numbers
from viewer.state import formatting, noise, noise_lab, why
from viewer.state.noise import Kind
from viewer.state.noise_lab import STRENGTHS, Curve, CurveKey, NoiseFrame, NoiseInput, NoiseResult
from viewer.state.selection import State

NARROWEST_SLIDER = 160  # its hundred steps can still be reached with the pointer
ROOM_FOR_BOTH = 300  # pixels of height for pictures and curve together
KINDS: dict[str, Kind] = {"Gaussian σ": "gaussian", "salt and pepper": "salt and pepper"}
KIND_TIP = (
    "Gaussian: a normal value of standard deviation σ is added to every pixel; the sum is clipped to [0, 1].\n"
    "Salt and pepper: a share of the pixels becomes black or white, half of each."
)
CURVE_TIP = (
    "The PSNR of every compared run at 11 noise strengths, on the images shown.\nClick the curve to set the slider."
)


@dataclass(frozen=True, eq=False)
class NoisePlan:
    """The inputs of a round of requests."""

    kind: Kind
    strength: float
    noise_inputs: Mapping[Path, NoiseInput]
    noisy: Mapping[Path, np.ndarray]


class Noise(RequestPanel):
    """A slider for the strength of the noise; clean, noisy, median filtered and output; curves of PSNR against it."""

    name = "noise"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.frame: NoiseFrame | None = None  # what is shown
        self._started_for: tuple[Path, ...] = ()
        self._strengths: dict[Kind, float] = {"gaussian": noise.DEFAULT_SIGMA, "salt and pepper": noise.DEFAULT_SHARE}
        self.view.show_sentence("The images with noise and what the networks make of them appear here.")
        self._build_controls()
        self._build_views()
        self._set_quietly(self._strengths[self.kind])

    def _build_controls(self) -> None:
        self.kind_box = controls.combo("Kind of noise", KIND_TIP, KINDS, shortest=8)
        self.kind_box.currentIndexChanged.connect(self._kind_changed)
        self.slider = controls.slider("", "", 0, noise.STEPS, self._moved, narrowest=NARROWEST_SLIDER)
        self.slider.setEnabled(False)
        name = "Curve of PSNR against the noise"
        self.curve_box = controls.check("curve", CURVE_TIP, self._show_curve, name=name)
        self.sigma_label = controls.label("", longest="100 %")
        self.psnr_label = ElidedLabel()
        self.psnr_label.setTextFormat(Qt.TextFormat.PlainText)
        make_small(self.psnr_label)
        self.psnr_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        strength = (self.kind_box, self.slider, self.sigma_label, self.curve_box)
        self.body.insertLayout(0, controls.row(*strength, stretched=self.slider, spacing=10))
        self.body.insertWidget(1, self.psnr_label)

    def _build_views(self) -> None:
        self.curve_view = NoiseCurve(self.new_requester("curve"), self.tools.disk, self)
        self.curve_view.strength_chosen.connect(self._set_strength)
        self.curve_view.column_step.connect(lambda step: self.slider.setValue(self.slider.value() + step))
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.body.addWidget(self.splitter, 1)
        for view, share in ((self.view, 3), (self.curve_view, 2)):
            self.splitter.addWidget(view)
            self.splitter.setStretchFactor(self.splitter.indexOf(view), share)

    # ---- controls ----

    @property
    def kind(self) -> Kind:
        return KINDS[self.kind_box.currentText()]

    @property
    def sigma(self) -> float:
        """The strength of the noise: the standard deviation, or the share of pixels that are hit."""
        return self.slider.value() / noise.STEPS

    def connect_pages(self) -> None:
        connect_page_keys(self.view, self.tools.images, self.turn)

    def commands(self) -> tuple[Command, ...]:
        return (
            Command("switch the kind of noise", self._other_kind, "Alt+N"),
            Command("show or hide the curve", self.curve_box.toggle, "Alt+C"),
        )

    def _other_kind(self) -> None:
        self.kind_box.setCurrentIndex((self.kind_box.currentIndex() + 1) % len(KINDS))

    def _kind_changed(self) -> None:
        self._set_quietly(self._strengths[self.kind])
        self.request()

    def _set_quietly(self, strength: float) -> None:
        controls.set_quietly(self.slider, round(strength * noise.STEPS))
        self._say_strength()

    def _set_strength(self, strength: float) -> None:
        if self.slider.isEnabled():
            self.slider.setValue(round(strength * noise.STEPS))

    def _moved(self) -> None:
        self._say_strength()
        self.request()

    def _say_strength(self) -> None:
        gaussian = self.kind == "gaussian"
        self._strengths[self.kind] = self.sigma
        what = "Standard deviation of the noise" if gaussian else "Share of pixels hit"
        self.slider.setAccessibleName(f"{what}, in hundredths")
        self.slider.setToolTip(f"{what}; ← → by one hundredth, Page Up and Page Down by ten")
        self.sigma_label.setText(f"{self.sigma:.2f}" if gaussian else f"{100 * self.sigma:.0f} %")

    # ---- for the window ----

    @property
    def figure(self) -> Figure | None:
        pictures_shown, curve = self.view.figure, self.curve_view.figure
        if self.view.isHidden():
            return curve
        if pictures_shown is None or curve is None or self.curve_view.isHidden():
            return pictures_shown
        above, below = (max(1, height) for height in self.splitter.sizes())
        return StackedFigure(((pictures_shown, above), (curve, below)))

    def numbers(self) -> Numbers:
        if self.frame is None:
            return []
        return noise_lab.table(self.frame, self.curve_view.curves, self.curve_view.keys, self.store.state.names())

    # ---- requests ----

    def inputs(self, state: State) -> tuple[object, ...]:
        self._start(state)
        return panel_inputs(state), state.current

    def begin(self, state: State) -> None:
        self.frame = None

    def _start(self, state: State) -> None:
        """Start with the noise that a run was trained with; moving among the compared runs changes nothing."""
        graph = state.current_known.graph
        if graph is None or state.current is None:
            return
        begun, self._started_for = state.current in self._started_for, state.compared
        if not begun:
            self._strengths["gaussian"] = noise.starting_sigma(graph.noise)
            self._set_quietly(self._strengths[self.kind])

    def request_of(self, state: State) -> tuple[Queries, object]:
        found = {path: noise_lab.noise_input_of(state, path) for path in state.compared}
        inputs = {path: noise_input for path, noise_input in found.items() if noise_input is not None}
        self.slider.setEnabled(bool(inputs))
        kind, strength = self.kind, self.sigma
        noisy = {path: noise.apply(one.clean, kind, strength) for path, one in inputs.items()}
        queries: Queries = {path: Query(one.file, noisy[path], (one.output,)) for path, one in inputs.items()}
        return queries, NoisePlan(kind, strength, inputs, noisy)

    def show_nothing(self, state: State) -> None:
        self.frame = None
        if self.show_why_no_output(state, "output"):
            self.psnr_label.setText("")
            self.curve_view.show_frame(None, state)

    def take(self, replies: Replies, context: NoisePlan) -> None:
        results = {}
        for path, noise_input in context.noise_inputs.items():
            reply, noisy = replies[path], context.noisy[path]
            if reply.error:
                results[path] = NoiseResult(noise_input, noisy, error=formatting.sentence(reply.error))
            else:
                results[path] = noise_lab.result_of(noise_input, noisy, next(iter(reply.arrays.values())))
        current = self.store.state.current
        first = current if current in results else next(iter(results))
        reference = noise_lab.reference_of(context.noise_inputs[first], context.noisy[first])
        self.frame = NoiseFrame(context.kind, context.strength, results, reference)
        self.redraw()

    # ---- painting ----

    def redraw(self) -> None:
        frame, state = self.frame, self.store.state
        if frame is None:
            return
        self.curve_view.show_frame(frame, state)
        errors = {path: why.no_output(state, path) for path in state.compared if path not in frame.results}
        single = next(iter(frame.results.values())) if len(frame.results) == 1 and not errors else None
        self.subtitle.setText(_summary(state))
        if single is not None and single.error:
            self.psnr_label.setText("")
            self.view.show_sentence(single.error)
            return
        self.psnr_label.setText(noise_lab.summary(frame, single))
        described = f"Noise, {noise_lab.strength_text(frame.kind, frame.strength)}. {self.psnr_label.text()}"
        if single is not None:
            figure: Figure = pictures.mosaic(self.theme, single, frame.reference, state.sample)
        else:
            figure = pictures.comparison(self.theme, frame, state, errors)
        self.view.show_figure(figure, described)

    def hint_at(self, point: QPointF) -> str:
        """Return the figures of the image under a point: of the shared input, and of the run's output."""
        frame, found = self.frame, image_in(self.view, point)
        if frame is None or found is None or found[0] > len(frame.results):
            return ""
        (block, image), names, paths = found, self.store.state.names(), list(frame.results)
        lines = [] if block else [noise_lab.hint(None, frame.reference, image, "")]
        if block or isinstance(self.view.figure, MosaicFigure):
            path = paths[block - 1] if block else paths[0]
            lines.append(noise_lab.hint(frame.results[path], frame.reference, image, names.get(path, "")))
        return "\n".join(text for text in lines if text)

    # ---- the curve ----

    def _show_curve(self) -> None:
        self.curve_view.setVisible(self.curve_box.isChecked())
        self._make_room()
        self.curve_view.begin()

    def _make_room(self) -> None:
        """Hide the pictures where they would be too small above the curve."""
        self.view.setVisible(not self.curve_box.isChecked() or self.splitter.height() >= ROOM_FOR_BOTH)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()


def _summary(state: State) -> str:
    if len(state.compared) > 1:
        return f"{len(state.compared)} runs, with the same noise"
    trained = state.current_known.graph.noise if state.current_known.graph else 0.0
    if trained:
        return f"trained with σ = {trained:g}"
    return "trained without noise" if state.current_known.any_card else ""


class NoiseCurve(FigureView):
    """Shows the PSNR of every run of a frame against the noise; what is not known yet is computed one after another."""

    strength_chosen = Signal(float)  # by a click or a drag

    def __init__(self, requester: Requester, disk: Disk, parent: QWidget) -> None:
        super().__init__("Curve of PSNR against the noise", parent, height=100)
        self.requester, self._disk = requester, disk
        self._runner = ChunkRunner(requester, self, low_priority=True)
        self._runner.grown.connect(self._take)
        self.curves: dict[CurveKey, Curve] = defaultdict(Curve)
        self.keys: dict[CurveKey, Path | None] = {}
        self._frame: NoiseFrame | None = None
        self._state = State()
        for signal in (self.clicked, self.dragged):
            signal.connect(self._point_chosen)
        self.hide()

    def show_frame(self, frame: NoiseFrame | None, state: State) -> None:
        """Take what is shown above; None for nothing."""
        before, self._frame, self._state = self.keys, frame, state
        self.keys = noise_lab.frame_keys(frame, state.current) if frame is not None else {}
        if self.keys == before:
            self.redraw()
        else:
            self.begin()

    def begin(self) -> None:
        """Paint what is known of the curves; compute the rest a strength at a time, so that the slider comes first."""
        self.redraw()
        if self.isHidden() or self._frame is None:
            return
        missing = {key: path for key, path in self.keys.items() if self.curves[key].done < len(STRENGTHS)}
        results = self._frame.results
        self._runner.begin([self._run(key, results[path].noise_input) for key, path in missing.items() if path])
        if None in missing.values():
            images = noise_lab.reference_input(self._frame, self._state.current)
            job = partial(noise_lab.baseline_curves, images, self._frame.kind)
            self._disk.do("curves of the baselines", job, self._take_baselines)

    def _run(self, key: CurveKey, images: NoiseInput) -> ChunkedRun:
        count, strengths = len(images.clean), STRENGTHS[self.curves[key].done :]

        def inputs(start: int, _stop: int) -> np.ndarray:
            return noise.apply(images.clean, key.kind, float(strengths[start // count]))

        return ChunkedRun((key, images), images.file, images.output, None, count * len(strengths), count, inputs)

    def _take(self, run: ChunkedRun) -> None:
        key, images = cast("tuple[CurveKey, NoiseInput]", run.key)
        curve = self.curves[key]
        if run.errors:  # which another strength would not mend
            curve.done = len(STRENGTHS)
        else:
            curve.add(noise_lab.result_of(images, images.clean, run.chunks[-1]).scores)
        self.redraw()

    def _take_baselines(self, done: JobResult) -> None:
        self.curves.update(done.result or {})
        self.redraw()

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.redraw()

    def redraw(self) -> None:
        """Paint the curves as far as they are known."""
        if self.isHidden():
            return
        if self._frame is None or not self.keys:
            self.show_sentence("There is no curve: a classifier outputs no images." if self._frame else "")
            return
        figure = pictures.curves_of(self._theme, self._frame, self.curves, self.keys, self._state)
        described = "; ".join(f"{curve.run} {curve.note}" for curve in figure.series)
        self.show_figure(figure, f"at {noise_lab.strength_text(self._frame.kind, self._frame.strength)}: {described}")

    def _point_chosen(self, point: QPointF) -> None:
        x = self.figure.hit(point, self.paper) if isinstance(self.figure, CurvesFigure) else None
        if x is not None:
            self.strength_chosen.emit(x)
