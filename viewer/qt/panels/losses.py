"""Losses: the loss, its terms, the learning rate and the time of each epoch, for every selected run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from viewer.figures.chart.legend import LegendEntry
from viewer.figures.chart.readings import Series
from viewer.figures.curves import CurvesFigure
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.curves_view import CurvesView
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.state import formatting, losses, why
from viewer.state.history import RunHistory
from viewer.state.losses import LOSS, VALIDATION
from viewer.state.selection import State

EPOCHS, TIME = "epochs", "wall clock"
UNITS = ((7200.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))  # from so many seconds on
SMOOTHING = (
    "Exponential moving average with weight w for earlier values, corrected for its start as in "
    "TensorBoard:\nmₜ = w·mₜ₋₁ + (1 − w)·vₜ, shown as mₜ / (1 − wᵗ).\nThe values themselves stay "
    "visible, faint, behind the curve."
)
IGNORING = "Leave out the first epochs, whose large losses would hide the rest; nothing is left out of the numbers"
MOST_IGNORED = 99

Shown = list[tuple[Path, RunHistory]]


class Losses(Panel):
    """One colour per run; validation is a line, training is dashed; the crosshair reads an epoch's values.

    A run or a part is toggled by a click on its name in the legend, or with ↑ ↓ and Space; a range of the axis is
    chosen by dragging, or with + and −.
    """

    name = "losses"
    view: CurvesView

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._hidden: frozenset[str] = frozenset()
        self._span: tuple[float, float] | None = None
        self._runs_seen: tuple[Path, ...] = ()
        self.view = CurvesView("Losses", self)
        self.view.show_sentence("The losses of training and validation appear here.")
        self.view.toggled.connect(self.toggle)
        self.view.alone.connect(self.show_alone)
        self.view.span_chosen.connect(self._show_span)
        self._build()
        self.body.addWidget(self.view, 1)
        self._enable(False)

    def _build(self) -> None:
        tip = "The loss, one of its terms, the learning rate, or the time per epoch"
        self.what_box = controls.combo("What is plotted", tip, [LOSS], self.redraw)
        tip = "Epochs, or the training time until then"
        self.x_box = controls.combo("The horizontal axis", tip, [EPOCHS, TIME], self.show_all_of_it)
        self.ignored_box = controls.spin("First epochs to ignore", IGNORING, 0, MOST_IGNORED, self.redraw)
        self.ignored_box.setPrefix("skip ")
        self.log_box = controls.check("log y", "Logarithmic vertical axis", self.redraw)
        self.log_x_box = controls.check("log x", "Logarithmic horizontal axis", self.show_all_of_it)
        most = round(100 * losses.HEAVIEST)
        self.smoothing = controls.slider("Smoothing of the curves", SMOOTHING, 0, most, self.redraw)
        self.smoothing_label = controls.label("smoothing 0", longest="smoothing 0.00")
        first = controls.row(self.what_box, self.x_box, self.ignored_box)
        for index, share in enumerate((3, 2, 0)):
            first.setStretch(index, share)
        scales = (self.log_box, self.log_x_box, self.smoothing_label, self.smoothing)
        self.body.addLayout(first)
        self.body.addLayout(controls.row(*scales, stretched=self.smoothing))

    def _enable(self, on: bool) -> None:
        for widget in (self.what_box, self.x_box, self.ignored_box, self.log_box, self.log_x_box, self.smoothing):
            widget.setEnabled(on)

    @property
    def curves(self) -> CurvesFigure | None:
        """The figure, while there is one."""
        return self.view.curves

    @property
    def quantity(self) -> str:
        """What is plotted."""
        return self.what_box.currentText()

    @property
    def weight(self) -> float:
        """The weight of the smoothing, 0 for none."""
        return self.smoothing.value() / 100

    def commands(self) -> tuple[Command, ...]:
        return (
            Command("show every curve again", self.show_every_curve),
            Command("show the whole range", self.show_all_of_it),
        )

    # ---- what is hidden, and the range ----

    def toggle(self, name: str) -> None:
        """Hide a run or a part, or show it again."""
        self._hidden = self._hidden ^ {name}
        self.redraw()

    def show_every_curve(self) -> None:
        self._hidden = frozenset()
        self.redraw()

    def show_alone(self, entry: LegendEntry) -> None:
        """Hide all others of its kind, or show them again if they are hidden already."""
        figure = self.curves
        if figure is None:
            return
        others = {curve.run if entry.kind == "run" else curve.part for curve in figure.series} - {entry.name}
        alone = others <= self._hidden  # the first click of the double click has toggled the name itself
        self._hidden = self._hidden - others - {entry.name} if alone else (self._hidden | others) - {entry.name}
        self.redraw()

    def show_all_of_it(self) -> None:
        """Show the whole of the horizontal axis."""
        self._show_span(None)

    def _show_span(self, span: tuple[float, float] | None) -> None:
        self._span = span
        self.redraw()

    # ---- what is shown ----

    def show_state(self, before: State, after: State) -> None:
        """Show the new state if a shown run's history has changed, or which runs can be compared."""
        shown, others = _histories(before), _histories(after)
        comparable = self._comparable(shown, before) == self._comparable(others, after)
        if shown != others or not comparable or before.entries is not after.entries:
            self._offer(after)
            self.redraw()

    def _offer(self, state: State) -> None:
        """Offer the quantities that the selected runs have; keep the present choice if possible."""
        offered = losses.quantities(history for _, history in _histories(state))
        if offered != [self.what_box.itemText(index) for index in range(self.what_box.count())]:
            before = self.quantity
            self.what_box.clear()
            self.what_box.addItems(offered)
            self.what_box.setCurrentText(before if before in offered else LOSS)
        if state.selected != self._runs_seen:  # range and hidden curves belong to the earlier selection
            self._runs_seen, self._span = state.selected, None
            self._hidden &= {losses.TRAIN, VALIDATION}

    def redraw(self) -> None:
        state, before = self.store.state, self.curves
        shown = self._comparable(_histories(state), state)
        self._enable(bool(shown))
        self.smoothing_label.setText(f"smoothing {self.weight:.2f}" if self.weight else "smoothing 0")
        series, unit = self._series(shown, state)
        if not series:
            self.subtitle.setText("")
            what = "time" if self.x_box.currentText() == TIME else self.quantity
            self.view.show_sentence(why.no_losses(state, len(shown), what) or self.view.sentence)
            return
        figure = CurvesFigure(
            self.theme,
            series,
            losses.label_of(self.quantity, [history for _, history in shown]),
            log=self.log_box.isChecked(),
            x_label=f"{unit} of training" if unit else "epoch",
            x_log=self.log_x_box.isChecked(),
            hidden=self._hidden,
            span=self._span,
            chosen=self.view.chosen,
            unit=unit,
        ).with_hover(before.hover if before else None)
        self.subtitle.setText(self._summary(len(shown), state))
        self.view.show_figure(figure, _description(shown, state.names()))

    def _comparable(self, shown: Shown, state: State) -> Shown:
        """Leave out losses that have another unit than the current run's."""
        if self.quantity != LOSS or not shown:
            return shown
        objective = next((history for path, history in shown if path == state.current), shown[0][1]).objective
        return [(path, history) for path, history in shown if history.objective == objective]

    def _summary(self, runs: int, state: State) -> str:
        ignored, every = self.ignored_box.value(), _histories(state)
        selected = f"{runs} of {len(state.selected)} runs" if runs < len(state.selected) else f"{runs} runs"
        parts = (
            selected if len(state.selected) > 1 else "",
            "losses of other objectives have other units" if runs < len(every) else "",
            "smoothed" if self.weight else "",
            f"without the first {formatting.counted(ignored, 'epoch')}" if ignored else "",
        )
        return ", ".join(filter(None, parts))

    def _series(self, shown: Shown, state: State) -> tuple[tuple[Series, ...], str]:
        """Return every run's curves and the unit of time on the axis, '' for epochs."""
        clocks = {path: losses.clock(history) for path, history in shown}
        by_time = self.x_box.currentText() == TIME
        longest = max((float(clock[-1]) for clock in clocks.values() if len(clock)), default=0.0)
        _, length, unit = next(choice for choice in UNITS if longest >= choice[0])
        series: list[Series] = []
        for path, history in shown:
            colour = self.theme.colour_of_run(state.colours, path)
            times = clocks[path] / length if by_time else None
            series += self._series_of(history, state.shown_names[path], colour, times)
        return tuple(series), unit if by_time else ""

    def _series_of(self, history: RunHistory, name: str, colour: str, times: np.ndarray | None) -> list[Series]:
        lines, ignored = losses.lines_of(history, self.quantity), self.ignored_box.value()
        series = []
        for line in lines:
            if times is not None and len(times) < len(line.values):
                continue  # no time was recorded
            smoothed = losses.smooth(line.values, self.weight)
            best = losses.best_epoch(history) if line.part == VALIDATION else None
            series.append(
                Series(
                    run=name,
                    part=line.part,
                    values=losses.without_first(smoothed, ignored),
                    colour=colour,
                    dashed=line.part == losses.TRAIN and self.quantity == LOSS,
                    x=times[: len(line.values)] if times is not None else None,
                    raw=losses.without_first(line.values, ignored) if self.weight else None,
                    note=losses.gaps_of(lines),
                    best=best if best is not None and best > ignored else None,
                )
            )
        return series

    # ---- numbers ----

    def numbers(self) -> Numbers:
        """Return a row for every epoch of every selected run, with everything recorded."""
        shown, names = _histories(self.store.state), self.store.state.names()
        return losses.table([(names[path], history) for path, history in shown])


class SmallLosses(Losses):
    """The same curves once more, small and without controls, for the drawer."""

    name = "recent"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        for widget in self.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            widget.setVisible(widget is self.view)

    def commands(self) -> tuple[Command, ...]:
        return ()


def _histories(state: State) -> Shown:
    histories = [(path, state.known_of(path).history) for path in state.compared]
    return [(path, history) for path, history in histories if history is not None and history.epochs_done]


def _description(shown: Shown, names: dict[Path, str]) -> str:
    texts = []
    for path, history in shown:
        last = history.val_loss[-1] if len(history.val_loss) else float("nan")
        texts.append(f"{names[path]}: {formatting.counted(history.epochs_done, 'epoch')}, validation loss {last:.5g}")
    return "; ".join(texts)
