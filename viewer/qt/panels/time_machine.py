"""Time machine: what a run made of its ten images in every epoch, moved through by a slider or played."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from viewer.figures import colours
from viewer.figures.arrange import StackedFigure
from viewer.figures.comparison import Band, Block, ComparisonFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.figures.paper import Figure
from viewer.figures.scale import Scale
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Large
from viewer.figures.time_line import LossLine, TimeLineFigure
from viewer.infer.requests import Reply
from viewer.qt.disk import JobResult
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.tools import Tools
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.state import epochs, files, formatting
from viewer.state.epoch_frames import EpochFrames, epoch_frames_of
from viewer.state.epochs import Epochs
from viewer.state.files import FileBytes
from viewer.state.history import RunHistory
from viewer.state.library import Entry, Stamp
from viewer.state.selection import State
from zoo import gate
from zoo.errors import FileRefused

SPEEDS = (2, 5, 10, 20)  # epochs a second
USUAL_SPEED = 5
NARROWEST_SLIDER = 80
LINE_SHARE, PICTURES_SHARE = 1, 4  # of the panel's height


@dataclass(frozen=True, eq=False)
class EpochFrame:
    """One run at the slider's epoch: the index of the epoch shown, and a note about it."""

    epoch_frames: EpochFrames
    index: int
    note: str

    @property
    def epoch(self) -> int:
        return self.epoch_frames.epochs.numbers[self.index]

    @property
    def errors(self) -> np.ndarray:
        """The mean squared error of each image, float64 (N,)."""
        errors: np.ndarray = self.epoch_frames.errors[self.index]
        return errors


class TimeMachine(Panel):
    """Targets, reconstructions and differences; below, the losses as a time line that can be dragged."""

    name = "time"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.requester = self.new_requester()
        self.requester.answered.connect(self._take_answers)
        self._stamps: dict[Path, Stamp | None] = {}  # of the histories that were read, or are being read
        self._requested: dict[Path, FileBytes] = {}  # read, with no reply yet
        self._epochs: dict[Path, Epochs] = {}  # replied; their targets may still come
        self._epoch_frames: dict[Path, EpochFrames | str] = {}
        self._line: TimeLineFigure | None = None
        self._line_of: tuple[object, ...] = ()
        self.view, self.time_line = (
            FigureView("Pictures of the epoch"),
            FigureView("Time line of the losses", height=90),
        )
        self.view.show_sentence("The pictures of every epoch appear here.")
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._tick)
        self._build_controls()
        self._connect()
        self.body.addWidget(self.view, PICTURES_SHARE)
        self.body.addWidget(self.time_line, LINE_SHARE)
        self._set_range([])

    def _build_controls(self) -> None:
        self.play_button = QPushButton("▶")
        self.play_button.setToolTip("Play the epochs one after another, or pause (Space).")
        self.play_button.setAccessibleName("Play the epochs")
        self.play_button.setFixedWidth(36)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMinimumWidth(NARROWEST_SLIDER)
        self.slider.setAccessibleName("Epoch")
        self.slider.setToolTip("The epoch that is shown; , and . go one back and one on.")
        self.epoch_label = QLabel()
        self.speed_box = QComboBox()
        self.speed_box.setAccessibleName("Epochs a second")
        self.speed_box.setToolTip("Epochs played per second.")
        for speed in SPEEDS:
            self.speed_box.addItem(f"{speed}/s", speed)
        self.speed_box.setCurrentIndex(SPEEDS.index(USUAL_SPEED))
        self.loop_box, self.difference_box = QCheckBox("loop"), QCheckBox("difference")
        self.loop_box.setToolTip("Start again after the last epoch.")
        self.loop_box.setAccessibleName("Play again from the beginning")
        self.difference_box.setToolTip("Also show output minus target, on one scale for all epochs and runs.")
        self.difference_box.setAccessibleName("Show the differences")
        self.difference_box.setChecked(True)
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (self.play_button, self.slider, self.epoch_label, self.speed_box, self.loop_box):
            widget.setFont(self.view.font())
            row.addWidget(widget, 1 if widget is self.slider else 0)
        self.difference_box.setFont(self.view.font())
        row.addWidget(self.difference_box)
        self.epoch_label.setFixedWidth(self.epoch_label.fontMetrics().horizontalAdvance("1000 of 1000") + 4)
        self.body.addLayout(row)

    def _connect(self) -> None:
        self.play_button.clicked.connect(self.play_or_pause)
        self.slider.valueChanged.connect(lambda _: self.redraw())
        self.speed_box.currentIndexChanged.connect(self._set_speed)
        self.difference_box.toggled.connect(lambda _: self.redraw())
        self.view.clicked.connect(self._choose_image)
        for view in (self.view, self.time_line):
            view.column_step.connect(self.step)
            view.page_step.connect(self._jump)
            view.first.connect(lambda: self.slider.setValue(self.slider.minimum()))
            view.last.connect(lambda: self.slider.setValue(self.slider.maximum()))
        self.time_line.clicked.connect(self._scrub)
        self.time_line.dragged.connect(self._scrub)

    # ---- reading ----

    def show_state(self, before: State, after: State) -> None:
        compared = set(after.compared)
        for kept in (self._stamps, self._requested, self._epochs, self._epoch_frames):
            for path in set(kept).difference(compared):
                del kept[path]
        entries = [entry for entry in after.entries if entry.path in compared]
        new = [entry for entry in entries if self._stamps.get(entry.path, False) != entry.history_stamp]
        for entry in new:
            self._stamps[entry.path] = entry.history_stamp
        self._read([entry for entry in new if entry.history_stamp is not None])
        for entry in new:
            if entry.history_stamp is None:
                self._epoch_frames[entry.path] = (
                    f"There is no history.h5 beside {entry.graph.name}, so its epochs are not known."
                )
        self._make_epoch_frames(after)
        self._epoch_frames_changed()

    def _read(self, entries: list[Entry]) -> None:
        if entries:
            stamps = {entry.path: entry.history_stamp for entry in entries}
            self.tools.disk.do(f"epochs {entries[0].path}", partial(_read, entries), partial(self._take_files, stamps))

    def _take_files(self, stamps: Mapping[Path, Stamp | None], done: JobResult) -> None:
        for path, file in (done.result or {}).items():
            if self._stamps.get(path) != stamps[path]:
                continue  # no longer shown, or replaced once more
            if isinstance(file, FileBytes):
                self._requested[path] = file
            else:
                self._epoch_frames[path] = formatting.sentence(file)
        if self._requested:  # all of them, because a newer request replaces one that waits
            self.requester.send({path: Query(file, kind="epochs") for path, file in self._requested.items()})
        self._epoch_frames_changed()

    def _take_answers(self, done: QueryBatch) -> None:
        for path, reply in done.replies.items():
            assert isinstance(path, Path)
            if self._requested.get(path) is not reply.request.file:
                continue
            del self._requested[path]
            self._take_epochs(path, reply)
        self._epoch_frames_changed()

    def _take_epochs(self, path: Path, reply: Reply) -> None:
        if reply.error:
            self._epoch_frames[path] = formatting.sentence(reply.error)
            return
        try:
            found = epochs.from_parts(reply.facts, reply.arrays)
        except ValueError as error:
            self._epoch_frames[path] = f"The worker's answer cannot be used ({error})."
            return
        self._epochs[path] = found
        self._make_epoch_frames(self.store.state)

    def _make_epoch_frames(self, state: State) -> None:
        """Combine pictures with their targets once both are there."""
        for path in list(self._epochs):
            known = state.known_of(path)
            if known.history is not None:
                targets = known.history.samples.targets if known.history.samples is not None else None
                job = partial(epoch_frames_of, self._epochs.pop(path), targets)
                self.tools.disk.do(f"epoch frames {path}", job, partial(self._take_epoch_frames, path))
            elif known.history_error:
                del self._epochs[path]
                self._epoch_frames[path] = formatting.sentence(known.history_error)

    def _take_epoch_frames(self, path: Path, done: JobResult) -> None:
        if path in self._stamps:
            self._epoch_frames[path] = done.result if done.result is not None else formatting.sentence(done.error)
            self._epoch_frames_changed()

    def _epoch_frames_changed(self) -> None:
        """Update the slider's range; a slider at the end stays at the end, to follow a training."""
        epoch_frames = [
            epoch_frames for epoch_frames in self._epoch_frames.values() if isinstance(epoch_frames, EpochFrames)
        ]
        self._set_range(epoch_frames)
        self.redraw()

    def _set_range(self, epoch_frames: list[EpochFrames]) -> None:
        there = bool(epoch_frames)
        first, last = (
            min((epoch_frames.first for epoch_frames in epoch_frames), default=0),
            max((epoch_frames.last for epoch_frames in epoch_frames), default=0),
        )
        at_end = self.slider.value() >= self.slider.maximum()
        self.slider.blockSignals(True)
        self.slider.setRange(first, last)
        self.slider.setPageStep(max(1, (last - first) // 10))
        if at_end:
            self.slider.setValue(last)
        self.slider.blockSignals(False)
        for widget in (self.slider, self.play_button):
            widget.setEnabled(there and last > first)
        if not there:
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
        self.play_button.setText("⏸")
        self.play_button.setAccessibleName("Pause")

    def pause(self) -> None:
        """Stop playing."""
        self._clock.stop()
        self.play_button.setText("▶")
        self.play_button.setAccessibleName("Play the epochs")

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

    def _jump(self, pages: int) -> None:
        self.step(pages * self.slider.pageStep())

    def _scrub(self, point: QPointF) -> None:
        figure = self.time_line.figure
        if isinstance(figure, TimeLineFigure):
            self.slider.setValue(figure.hit(point, self.time_line.paper))

    def _choose_image(self, point: QPointF) -> None:
        figure = self.view.figure
        if isinstance(figure, MosaicFigure):
            image = figure.hit(point, self.view.paper)
        elif isinstance(figure, ComparisonFigure):
            hit = figure.hit(point, self.view.paper)
            image = hit.image if hit is not None else None
        else:
            return
        if image is not None:
            self.store.set_sample(image)
            self.redraw()

    # ---- showing ----

    def _frames(self) -> dict[Path, EpochFrame | str]:
        """Return what each compared run shows at the slider's epoch; '' while that is still to come."""
        return {path: self._frame(self._epoch_frames.get(path, "")) for path in self.store.state.compared}

    def _frame(self, epoch_frames: EpochFrames | str) -> EpochFrame | str:
        if isinstance(epoch_frames, str):
            return epoch_frames
        wanted = self.slider.value()
        index = epoch_frames.epochs.at(wanted)
        shown = epoch_frames.epochs.numbers[index]
        if shown == wanted:
            note = f"epoch {shown}"
        elif wanted > epoch_frames.last:
            note = f"epoch {shown}, the newest"
        else:
            note = f"epoch {shown}, the nearest kept"
        return EpochFrame(
            epoch_frames, index, f"{note}, mse {formatting.mse(float(epoch_frames.errors[index].mean()))}"
        )

    def redraw(self) -> None:
        state, frames = self.store.state, self._frames()
        found = {path: frame for path, frame in frames.items() if isinstance(frame, EpochFrame)}
        self._show_time_line(state)
        if not found:
            text = next((frame for frame in frames.values() if isinstance(frame, str) and frame), "")
            self.epoch_label.setText("")
            self.subtitle.setText("")
            if text or not frames:
                self.view.show_sentence(text or "The pictures of every epoch appear here.")
            return
        self.epoch_label.setText(f"{self.slider.value()} of {self.slider.maximum()}")
        names = state.names()
        self.subtitle.setText("; ".join(frame.note for frame in found.values()) if len(frames) == 1 else self._common())
        text = "; ".join(f"{names[path]}: {frame.note}" for path, frame in found.items())
        figure = self._one(next(iter(found.values()))) if len(frames) == 1 else self._several(frames, names)
        self.view.show_figure(figure, text)

    def _common(self) -> str:
        return f"epoch {self.slider.value()} of {self.slider.maximum()}"

    def _scale(self, reach: float) -> Scale:
        table = colours.diverging(self.theme.neutral)
        return Scale(f"−{reach:.2f}", f"+{reach:.2f}", table, "output − target")

    def _rows(self, frame: EpochFrame, reach: float) -> tuple[ImageRow, ...]:
        """Target, output and, where it is wanted, their difference."""
        rows = (
            ImageRow("target", _pixels(frame.epoch_frames.targets)),
            ImageRow("output", _pixels(frame.epoch_frames.epochs.pictures[frame.index])),
        )
        if not self.difference_box.isChecked():
            return rows
        difference = frame.epoch_frames.difference(frame.index)
        return (
            *rows,
            ImageRow("diff.", colours.apply_table(difference, -reach, reach, colours.diverging(self.theme.neutral))),
        )

    def _one(self, frame: EpochFrame) -> MosaicFigure:
        rows = self._rows(frame, frame.epoch_frames.reach)
        chosen = min(self.store.state.sample, len(frame.errors) - 1)
        return MosaicFigure(
            theme=self.theme,
            rows=rows,
            captions=tuple(formatting.mse(float(error)) for error in frame.errors),
            caption_label="mse",
            chosen=chosen,
            large=tuple(Large(row.label, row.pixels[chosen]) for row in rows),
            scale=self._scale(frame.epoch_frames.reach) if self.difference_box.isChecked() else None,
            description=frame.note,
        )

    def _several(self, frames: Mapping[Path, EpochFrame | str], names: Mapping[Path, str]) -> ComparisonFigure:
        found = [frame for frame in frames.values() if isinstance(frame, EpochFrame)]
        reach = max(frame.epoch_frames.reach for frame in found)
        targets = found[0].epoch_frames.targets
        alike = all(np.array_equal(frame.epoch_frames.targets, targets) for frame in found)
        blocks = [Block("target", (Band("", _pixels(targets)),))] if alike else []
        for path, frame in frames.items():
            if isinstance(frame, str):
                blocks.append(Block(names[path], sentence=frame or "Its pictures are being read."))
                continue
            rows = self._rows(frame, reach)[1 if alike else 0 :]
            bands = tuple(Band(row.label, row.pixels) for row in rows)
            blocks.append(Block(names[path], bands, note=frame.note))
        scale = self._scale(reach) if self.difference_box.isChecked() else None
        return ComparisonFigure(self.theme, tuple(blocks), self.store.state.sample, scale, self._common())

    def _show_time_line(self, state: State) -> None:
        """Show the losses with a mark at the slider's epoch; rebuild the curves only when they changed."""
        known = [(path, state.known_of(path).history) for path in state.compared]
        shown = [(path, history) for path, history in known if history is not None and history.epochs_done]
        span = (self.slider.minimum(), self.slider.maximum())
        line_of = (self.theme, span, *shown)
        if not shown or span[1] < 1:
            self._line = None
            self.time_line.show_sentence("")
        elif self._line is None or line_of != self._line_of:
            self._line = self._time_line(shown, state.names())
        self._line_of = line_of
        if self._line is not None:
            epoch = self.slider.value()
            self.time_line.show_figure(self._line.at(epoch), f"losses, marked at epoch {epoch}")

    def _time_line(self, shown: list[tuple[Path, RunHistory]], names: Mapping[Path, str]) -> TimeLineFigure:
        """Draw both losses of one run, or the validation losses of several; each objective has its own scale."""
        lines, first, last = [], self.slider.minimum(), self.slider.maximum()
        for index, (path, history) in enumerate(shown):
            colour = self.theme.series[index % len(self.theme.series)]
            parts = (("train", history.train_loss, True), ("validation", history.val_loss, False))
            for part, values, dashed in parts if len(shown) == 1 else parts[1:]:
                lines.append(LossLine(part if len(shown) == 1 else names[path], values[:last], colour, dashed))
        own_scales = len({history.objective for _, history in shown}) > 1
        return TimeLineFigure(self.theme, tuple(lines), first, last, self.slider.value(), own_scales)

    # ---- as every panel ----

    def set_theme(self, theme: Theme) -> None:
        for view in (self.view, self.time_line):
            view.set_theme(theme)
        super().set_theme(theme)

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
            epoch_frames, history = self._epoch_frames.get(path), state.known_of(path).history
            if not isinstance(epoch_frames, EpochFrames) or history is None:
                continue
            for epoch, errors in zip(epoch_frames.epochs.numbers, epoch_frames.errors, strict=True):
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


def _read(entries: Iterable[Entry]) -> dict[Path, FileBytes | str]:
    """Read histories; return an error message for one that cannot be read."""
    found: dict[Path, FileBytes | str] = {}
    for entry in entries:
        label = formatting.clean("/".join(entry.history.parts[-3:]), limit=120)
        try:
            found[entry.path] = files.read(entry.history, limit=gate.MAX_HDF5_BYTES, label=label)
        except FileRefused as refusal:
            found[entry.path] = formatting.clean(refusal)
    return found


def _pixels(images: np.ndarray) -> np.ndarray:
    """Turn images uint8 (N, C, H, W) into uint8 (N, H, W, 3)."""
    shape = (len(images), *images.shape[2:], 3)
    return np.ascontiguousarray(np.broadcast_to(images.transpose(0, 2, 3, 1), shape))


def _at(losses: np.ndarray, epoch: int) -> float | str:
    return float(losses[epoch - 1]) if epoch <= len(losses) else ""
