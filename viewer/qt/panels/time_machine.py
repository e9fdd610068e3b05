"""Time machine: what a run made of its ten images in every epoch, moved through by a slider or played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QWidget

from viewer.figures.arrange import StackedFigure
from viewer.figures.chart.readings import Series
from viewer.figures.comparison import Block, ComparisonFigure, of_one
from viewer.figures.curves import CurvesFigure
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow
from viewer.qt.epoch_reader import EpochReader
from viewer.qt.panels.compared import scale_of, signed_row
from viewer.qt.panels.request_panel import RequestPanel
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.controls import IconButton
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.panel import Command, Numbers
from viewer.state import formatting
from viewer.state.epochs import EpochFrame, EpochFrames, frame_at
from viewer.state.history import RunHistory
from viewer.state.selection import State

SPEEDS = (2, 5, 10, 20)  # epochs a second
USUAL_SPEED = 5
NARROWEST_SLIDER = 80
LINE_SHARE, PICTURES_SHARE = 1, 4  # of the panel's height
LOWEST_LINE = 150  # pixels
WAITING = "The pictures of every epoch appear here."
PLAY = "Play the epochs"

Shown = Sequence[tuple[Path, RunHistory]]


class TimeMachine(RequestPanel):
    """Targets, reconstructions and differences; below, the losses as a time line that can be dragged."""

    name = "time"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.reader = EpochReader(tools.elsewhere, self)
        self.reader.changed.connect(self._frames_changed)
        self.view.show_sentence(WAITING)
        self.time_line = FigureView("Time line of the losses")
        self.time_line.setMinimumHeight(LOWEST_LINE)
        self.time_line.clicked.connect(self._scrub)
        self.time_line.dragged.connect(self._scrub)
        self._line: CurvesFigure | None = None
        self._line_inputs: tuple[object, ...] = ()
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._tick)
        self._build_controls()
        self._connect_keys(self.time_line)
        self.body.setStretchFactor(self.view, PICTURES_SHARE)
        self.body.addWidget(self.time_line, LINE_SHARE)
        self._set_range([])

    def _build_controls(self) -> None:
        tip = "Play the epochs one after another, or pause (Space)."
        self.play_button = IconButton("play", tip, self.play_or_pause, name=PLAY)
        tip = "The epoch that is shown; , and . go one back and one on."
        self.slider = controls.slider("Epoch", tip, 0, 0, self.redraw, narrowest=NARROWEST_SLIDER)
        self.epoch_label = controls.label("", longest="1000 of 1000")
        speeds = {f"{speed}/s": speed for speed in SPEEDS}
        self.speed_box = controls.combo("Epochs a second", "Epochs played per second.", speeds, shortest=3)
        self.speed_box.setCurrentIndex(SPEEDS.index(USUAL_SPEED))
        self.speed_box.currentIndexChanged.connect(self._set_speed)
        tip = "Start again after the last epoch."
        self.loop_box = controls.check("loop", tip, lambda: None, name="Play again from the beginning")
        tip = "Also show output minus target, on one scale for all epochs and runs."
        self.difference_box = controls.check("difference", tip, self.redraw, name="Show the differences", on=True)
        playing = (self.play_button, self.slider, self.epoch_label, self.speed_box, self.loop_box)
        self.body.insertLayout(0, controls.row(*playing, self.difference_box, stretched=self.slider))

    def connect_pages(self) -> None:
        self._connect_keys(self.view)

    def _connect_keys(self, view: FigureView) -> None:
        """Move through the epochs with a view's keys."""
        view.page_step.connect(lambda pages: self.step(pages * self.slider.pageStep()))
        view.first.connect(lambda: self.slider.setValue(self.slider.minimum()))
        view.last.connect(lambda: self.slider.setValue(self.slider.maximum()))
        if view is not self.view:  # whose arrow keys go to `_step`
            view.column_step.connect(self.step)

    def _step(self, step: int) -> None:
        self.step(step)

    # ---- reading ----

    def show_state(self, before: State, after: State) -> None:
        self.reader.want(after)
        self._frames_changed()

    @property
    def waiting(self) -> bool:
        return self.reader.busy

    def _frames_changed(self) -> None:
        """Update the slider's range; a slider at the end stays at the end, to follow a training."""
        self._set_range([frames for frames in self.reader.frames.values() if isinstance(frames, EpochFrames)])
        self.redraw()

    def _set_range(self, found: list[EpochFrames]) -> None:
        first = min((frames.first for frames in found), default=0)
        last = max((frames.last for frames in found), default=0)
        at_end = self.slider.value() >= self.slider.maximum()
        self.slider.blockSignals(True)
        self.slider.setRange(first, last)
        self.slider.setPageStep(max(1, (last - first) // 10))
        self.slider.blockSignals(False)
        if at_end:
            controls.set_quietly(self.slider, last)
        for widget in (self.slider, self.play_button):
            widget.setEnabled(last > first)
        if not found:
            self.pause()

    # ---- time ----

    @property
    def playing(self) -> bool:
        return self._clock.isActive()

    def play_or_pause(self) -> None:
        """Play from here (from the beginning if this is the end), or pause."""
        if self.playing or not self.slider.isEnabled():
            self.pause()
            return
        if self.slider.value() >= self.slider.maximum():
            self.slider.setValue(self.slider.minimum())
        self._set_speed()
        self._clock.start()
        self.play_button.set_shape("pause", "Pause")

    def pause(self) -> None:
        """Stop playing."""
        self._clock.stop()
        self.play_button.set_shape("play", PLAY)

    def step(self, step: int) -> None:
        """Move by this many epochs."""
        self.slider.setValue(self.slider.value() + step)

    def _set_speed(self) -> None:
        self._clock.setInterval(round(1000 / int(self.speed_box.currentData())))

    def _tick(self) -> None:
        if self.slider.value() < self.slider.maximum():
            self.step(1)
        elif self.loop_box.isChecked():
            self.slider.setValue(self.slider.minimum())
        else:
            self.pause()

    def _scrub(self, point: QPointF) -> None:
        line = self.time_line.figure
        if isinstance(line, CurvesFigure):
            self.slider.setValue(round(line.axes(self.time_line.paper).x_at(point.x())))

    # ---- showing ----

    def _frames(self) -> dict[Path, EpochFrame | str]:
        """Return what each compared run shows at the slider's epoch; '' while that is still to come."""
        known = {path: self.reader.frames.get(path, "") for path in self.store.state.compared}
        epoch = self.slider.value()
        return {p: one if isinstance(one, str) else frame_at(one, epoch) for p, one in known.items()}

    def redraw(self) -> None:
        state, frames = self.store.state, self._frames()
        found = {path: frame for path, frame in frames.items() if isinstance(frame, EpochFrame)}
        self._show_time_line(state)
        at = f"{self.slider.value()} of {self.slider.maximum()}"
        self.epoch_label.setText(at if found else "")
        if not found:
            text = next((frame for frame in frames.values() if isinstance(frame, str) and frame), "")
            self.subtitle.setText("")
            if text or not frames:
                self.view.show_sentence(text or WAITING)
            return
        names, first, difference = state.names(), next(iter(found.values())), self.difference_box.isChecked()
        text = "; ".join(f"{names[path]}: {frame.note}" for path, frame in found.items())
        self.subtitle.setText(first.note if len(frames) == 1 else f"epoch {at}")
        figure = pictures_of(self.theme, frames, state, f"epoch {at}", difference=difference)
        self.view.show_figure(figure, text)

    def _show_time_line(self, state: State) -> None:
        """Show the losses with a mark at the slider's epoch; the curves are made anew only when they changed."""
        known = [(path, state.known_of(path).history) for path in state.compared]
        shown = [(path, history) for path, history in known if history is not None and history.epochs_done]
        first, last, epoch = self.slider.minimum(), self.slider.maximum(), self.slider.value()
        self.time_line.setVisible(bool(shown) and last > 0)
        if shown and last > 0:
            inputs = (self.theme, first, last, *shown)
            if self._line is None or inputs != self._line_inputs:
                self._line, self._line_inputs = time_line_of(self.theme, shown, state, first, last), inputs
            self.time_line.show_figure(self._line.with_hover(epoch), f"losses, marked at epoch {epoch}")

    # ---- as every panel ----

    @property
    def figure(self) -> Figure | None:
        pictures, line = self.view.figure, self.time_line.figure
        if pictures is None or line is None:
            return pictures or line
        return StackedFigure(((pictures, PICTURES_SHARE), (line, LINE_SHARE)))

    def numbers(self) -> Numbers:
        rows: Numbers = [("run", "epoch", "mse of its images", "training loss", "validation loss")]
        state, names = self.store.state, self.store.state.names()
        for path in state.compared:
            frames, history = self.reader.frames.get(path), state.known_of(path).history
            if not isinstance(frames, EpochFrames) or history is None:
                continue
            for epoch, errors in zip(frames.epochs.numbers, frames.errors, strict=True):
                losses = (_at(history.train_loss, epoch), _at(history.val_loss, epoch))
                rows.append((names[path], epoch, float(errors.mean()), *losses))
        return rows if len(rows) > 1 else []

    def commands(self) -> tuple[Command, ...]:
        return (Command("play or pause", self.play_or_pause),)

    def focus_panel(self) -> None:
        if self.slider.isEnabled():
            self.slider.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            super().focus_panel()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self.play_or_pause()
        elif event.key() in (Qt.Key.Key_Comma, Qt.Key.Key_Period):
            self.step(1 if event.key() == Qt.Key.Key_Period else -1)
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.pause()
        super().hideEvent(event)


def _at(losses: np.ndarray, epoch: int) -> float | str:
    return float(losses[epoch - 1]) if epoch <= len(losses) else ""


def pictures_of(
    theme: Theme, frames: Mapping[Path, EpochFrame | str], state: State, description: str, *, difference: bool
) -> ComparisonFigure:
    """Return what runs made in an epoch; what all of several should make stands once. '' is for a run still to come."""
    found = [frame for frame in frames.values() if isinstance(frame, EpochFrame)]
    reach, targets = max(frame.epoch_frames.reach for frame in found), found[0].epoch_frames.targets
    scale = scale_of(theme, reach) if difference else None
    if len(frames) == 1:
        rows, errors = _rows(theme, found[0], reach, difference=difference), found[0].errors
        chosen = min(state.sample, len(errors) - 1)
        captions = tuple(formatting.mse(float(error)) for error in errors)
        return of_one(theme, rows, captions, "mse", chosen=chosen, scale=scale, description=found[0].note)
    alike = all(np.array_equal(frame.epoch_frames.targets, targets) for frame in found)
    blocks = [Block("target", (ImageRow.of("", targets),))] if alike else []
    for path, frame in frames.items():
        block = Block(state.shown_names[path], colour=theme.colour_of_run(state.colours, path))
        if isinstance(frame, str):
            blocks.append(replace(block, sentence=frame or "Its pictures are being read."))
            continue
        rows = _rows(theme, frame, reach, difference=difference)[1 if alike else 0 :]
        blocks.append(replace(block, bands=rows, note=frame.note))
    return ComparisonFigure(theme, tuple(blocks), state.sample, scale, description)


def time_line_of(
    theme: Theme, shown: list[tuple[Path, RunHistory]], state: State, first: int, last: int
) -> CurvesFigure:
    """Draw both losses of one run, or the validation losses of several; different objectives are scaled alike."""
    lines, names = [], state.shown_names
    several = len({history.objective for _, history in shown}) > 1
    for path, history in shown:
        colour = theme.colour_of_run(state.colours, path)
        parts = (("train", history.train_loss, True), ("validation", history.val_loss, False))
        for part, values, dashed in parts if len(shown) == 1 else parts[1:]:
            made = _share_of_range(values[:last]) if several else values[:last]
            lines.append(Series(names[path], part, made, colour, dashed, read=values[:last]))
    label = "loss, from each run's least to its largest" if several else "loss"
    return CurvesFigure(theme, tuple(lines), label, span=(first, last))


def _share_of_range(values: np.ndarray) -> np.ndarray:
    low, high = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0.0, 1.0)
    shares: np.ndarray = (values - low) / ((high - low) or 1.0)
    return shares


def _rows(theme: Theme, frame: EpochFrame, reach: float, *, difference: bool) -> tuple[ImageRow, ...]:
    """Target, output and, where it is wanted, their difference."""
    frames = frame.epoch_frames
    rows = (
        ImageRow.of("target", frames.targets),
        ImageRow.of("output", frames.epochs.pictures[frame.index]),
    )
    return (*rows, signed_row(theme, frames.difference(frame.index), reach)) if difference else rows
