"""Losses: the loss, its terms, the learning rate and the time of each epoch, for every selected run."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QSlider, QWidget

from viewer.figures.chart import legend
from viewer.figures.chart.readings import Series
from viewer.figures.curves import CurvesFigure
from viewer.figures.mosaic import small_font
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.qt.widgets.plot_view import PlotView
from viewer.state import losses
from viewer.state.formatting import sentence
from viewer.state.history import RunHistory
from viewer.state.losses import LOSS, VALIDATION
from viewer.state.selection import State

EPOCHS, TIME = "epochs", "wall clock"
UNITS = ((7200.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))  # from so many seconds on
LEAST_DRAG = 6.0  # pixels; less is a click

Shown = list[tuple[Path, RunHistory]]


class Losses(Panel):
    """One colour per run; validation is a line, training is dashed; the crosshair reads an epoch's values.

    A run or a part is toggled by a click on its name in the legend, or with ↑ ↓ and Space; a range of the axis is
    chosen by dragging, or with + and −.
    """

    name = "losses"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._hidden: frozenset[str] = frozenset()
        self._span: tuple[float, float] | None = None
        self._pressed: QPointF | None = None
        self._chosen: int | None = None
        self._runs_seen: tuple[Path, ...] = ()
        self.view = PlotView("Losses", self)
        self.view.setToolTip(
            "← → move the crosshair to another epoch, ↑ ↓ and Space show or hide a name of the legend, + − zoom.\n"
            "Click a name to show or hide it, double-click to show it alone.\n"
            "Drag to zoom into a range, double-click to zoom out."
        )
        self.view.show_sentence("The losses of training and validation appear here.")
        self.body.addLayout(self._choices())
        self.body.addLayout(self._scales())
        self.body.addWidget(self.view, 1)
        self._connect()
        self._enable(False)

    def _choices(self) -> QHBoxLayout:
        self.what_box = _box("What is plotted", "The loss, one of its terms, the learning rate, or the time per epoch")
        self.what_box.addItem(LOSS)
        self.x_box = _box("The horizontal axis", "Epochs, or the training time until then")
        self.x_box.addItems([EPOCHS, TIME])
        row = QHBoxLayout()
        row.addWidget(self.what_box, 3)
        row.addWidget(self.x_box, 2)
        return row

    def _scales(self) -> QHBoxLayout:
        self.log_box = _check("log y", "Logarithmic vertical axis")
        self.log_x_box = _check("log x", "Logarithmic horizontal axis")
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, round(100 * losses.HEAVIEST))
        self.smoothing.setPageStep(10)
        self.smoothing.setMinimumWidth(60)
        self.smoothing.setAccessibleName("Smoothing of the curves")
        self.smoothing.setToolTip(
            "Exponential moving average with weight w for earlier values, corrected for its start as in "
            "TensorBoard:\nmₜ = w·mₜ₋₁ + (1 − w)·vₜ, shown as mₜ / (1 − wᵗ).\nThe values themselves stay "
            "visible, faint, behind the curve."
        )
        self.smoothing_label = QLabel("smoothing 0")
        self.smoothing_label.setFont(small_font(self.smoothing_label.font()))
        self.smoothing_label.setMinimumWidth(self.smoothing_label.fontMetrics().horizontalAdvance("smoothing 0.00") + 2)
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (self.log_box, self.log_x_box, self.smoothing_label):
            row.addWidget(widget)
        row.addWidget(self.smoothing, 1)
        return row

    def _connect(self) -> None:
        self.log_box.toggled.connect(lambda _: self.redraw())
        self.what_box.activated.connect(lambda _: self.redraw())
        self.smoothing.valueChanged.connect(lambda _: self.redraw())
        for changed in (self.log_x_box.toggled, self.x_box.activated):
            changed.connect(lambda _: self.show_all_of_it())
        self.view.hovered.connect(self._point_at)
        self.view.column_step.connect(self._step)
        self.view.page_step.connect(self._page)
        self.view.first.connect(lambda: self._go_to_epoch(0))
        self.view.last.connect(lambda: self._go_to_epoch(-1))
        self.view.row_step.connect(self._choose)
        self.view.picked.connect(lambda _: self._toggle_chosen())
        self.view.zoomed.connect(self._zoom)
        self.view.clicked.connect(self._press)
        self.view.dragged.connect(self._drag)
        self.view.released.connect(self._release)
        self.view.doubled.connect(self._double)

    def _enable(self, on: bool) -> None:
        for widget in (self.what_box, self.x_box, self.log_box, self.log_x_box, self.smoothing):
            widget.setEnabled(on)

    @property
    def figure(self) -> Figure | None:
        return self.view.figure

    @property
    def curves(self) -> CurvesFigure | None:
        """The figure, while there is one."""
        return self.view.figure if isinstance(self.view.figure, CurvesFigure) else None

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

    def set_theme(self, theme: Theme) -> None:
        self.view.set_theme(theme)
        super().set_theme(theme)

    # ---- what is shown ----

    def show_state(self, before: State, after: State) -> None:
        """Show the new state if a selected run's history has changed."""
        if _histories(before) != _histories(after) or before.entries is not after.entries:
            self._offer(after)
            self.redraw()

    def _offer(self, state: State) -> None:
        """Offer the quantities that the selected runs have; keep the present choice if possible."""
        shown = _histories(state)
        offered = losses.quantities(history for _, history in shown)
        if offered != [self.what_box.itemText(index) for index in range(self.what_box.count())]:
            before = self.quantity
            self.what_box.clear()
            self.what_box.addItems(offered)
            self.what_box.setCurrentText(before if before in offered else LOSS)
        if state.selected != self._runs_seen:  # range and hidden curves belong to the earlier selection
            self._runs_seen, self._span = state.selected, None
            self._hidden &= {losses.TRAIN, VALIDATION}

    def redraw(self) -> None:
        state = self.store.state
        shown = _histories(state)
        self._enable(bool(shown))
        self.smoothing_label.setText(f"smoothing {self.weight:.2f}" if self.weight else "smoothing 0")
        series, unit = self._series(shown, state)
        if not series:
            self.subtitle.setText("")
            self.view.show_sentence(self._why_no_figure(state, shown))
            return
        before = self.curves
        figure = CurvesFigure(
            self.theme,
            series,
            losses.label_of(self.quantity, [history for _, history in shown]),
            log=self.log_box.isChecked(),
            x_label=f"{unit} of training" if unit else "epoch",
            x_log=self.log_x_box.isChecked(),
            hidden=self._hidden,
            span=self._span,
            chosen=self._chosen,
            unit=unit,
        ).with_hover(before.hover if before else None)
        self.subtitle.setText(_summary(shown, self.weight))
        self.view.show_figure(figure, _description(shown, state.names()))

    def _series(self, shown: Shown, state: State) -> tuple[tuple[Series, ...], str]:
        """Return every run's curves and the unit of time on the axis, '' for epochs."""
        names, series, unit = state.names(), list[Series](), ""
        clocks = {path: losses.clock(history) for path, history in shown}
        by_time = self.x_box.currentText() == TIME
        longest = max((float(clock[-1]) for clock in clocks.values() if len(clock)), default=0.0)
        _, length, unit = next(choice for choice in UNITS if longest >= choice[0])
        for index, (path, history) in enumerate(shown):
            colour = self.theme.series[index % len(self.theme.series)]
            lines = losses.lines_of(history, self.quantity)
            note = losses.gaps_of(lines)
            for line in lines:
                x = clocks[path][: len(line.values)] / length if by_time else None
                if x is not None and len(x) < len(line.values):
                    continue  # no time was recorded
                series.append(
                    Series(
                        run=names[path],
                        part=line.part,
                        values=losses.smooth(line.values, self.weight),
                        colour=colour,
                        dashed=line.part == losses.TRAIN and self.quantity == LOSS,
                        x=x,
                        raw=line.values if self.weight else None,
                        note=note,
                        best=losses.best_epoch(history) if line.part == VALIDATION else None,
                    )
                )
        return tuple(series), unit if by_time else ""

    def _why_no_figure(self, state: State, shown: Shown) -> str:
        entry = state.entry
        if shown:
            what = "time" if self.x_box.currentText() == TIME else self.quantity
            return f"No {what} was recorded for {'this run' if len(shown) == 1 else 'these runs'}."
        if entry is None:
            return self.view.sentence
        if state.current_known.history_error:
            return sentence(state.current_known.history_error)
        if entry.history_stamp is None:
            return f"There are no losses, because there is no history.h5 beside {entry.graph.name}."
        return "" if state.current_known.history is None else "No epoch has ended yet."

    # ---- the crosshair ----

    def _show(self, figure: CurvesFigure) -> None:
        self.view.show_figure(figure, self.view.accessibleDescription())

    def _point_at(self, point: QPointF | None) -> None:
        figure = self.curves
        if figure is None or self._pressed is not None:
            return
        x = figure.hit(point, self.view.paper) if point is not None else None
        over = self._entry_at(point) if point is not None else None
        hand = over is not None and over.can_be_toggled
        self.view.setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)
        after = figure.with_hover(x)
        if after.hover != figure.hover:
            self._show(after)

    def _step(self, step: int) -> None:
        if self.curves is not None:
            self._show(self.curves.with_step(step))
            self._say()

    def _page(self, pages: int) -> None:
        if self.curves is not None and len(self.curves.stops):
            self._show(self.curves.with_step(10 * pages))
            self._say()

    def _go_to_epoch(self, index: int) -> None:
        """Move the crosshair to the first epoch (0) or the last one (−1)."""
        if self.curves is not None and len(self.curves.stops):
            self._show(self.curves.with_hover(float(self.curves.stops[index])))
            self._say()

    def _say(self) -> None:
        """Describe the crosshair's readings for screen readers."""
        figure = self.curves
        if figure is not None and figure.hover is not None:
            values = "; ".join(
                f"{reading.run}: " + ", ".join(f"{value:.5g}" for value in reading.values if value is not None)
                for reading in figure.readings()
            )
            self.view.setAccessibleDescription(f"{figure.heading()}. {values}")

    # ---- the legend ----

    def _entry_at(self, point: QPointF) -> legend.LegendEntry | None:
        figure = self.curves
        return legend.hit(figure.legend(self.view.paper), point) if figure else None

    def toggle(self, name: str) -> None:
        """Hide a run or a part, or show it again."""
        self._hidden = self._hidden ^ {name}
        self.redraw()

    def show_every_curve(self) -> None:
        self._hidden = frozenset()
        self.redraw()

    def show_alone(self, entry: legend.LegendEntry) -> None:
        """Hide all others of its kind, or show them again if they are hidden already."""
        figure = self.curves
        if figure is None:
            return
        others = {curve.run if entry.kind == "run" else curve.part for curve in figure.series} - {entry.name}
        alone = others <= self._hidden  # the first click of the double click has toggled the name itself
        self._hidden = self._hidden - others - {entry.name} if alone else (self._hidden | others) - {entry.name}
        self.redraw()

    def _choose(self, step: int) -> None:
        """Move to the next or the previous name of the legend."""
        figure = self.curves
        if figure is None:
            return
        first = 0 if step > 0 else -1
        self._chosen = first if self._chosen is None else self._chosen + step
        self._show(figure.with_chosen(self._chosen))
        entry = self._chosen_entry()
        if entry is not None:
            self.view.setAccessibleDescription(
                f"{entry.text}, {'shown' if entry.shown else 'hidden'}; Space toggles it"
            )

    def _chosen_entry(self) -> legend.LegendEntry | None:
        figure = self.curves
        return figure.chosen_entry(figure.legend(self.view.paper)) if figure else None

    def _toggle_chosen(self) -> None:
        entry = self._chosen_entry()
        if entry is not None:
            self.toggle(entry.name)

    # ---- the range ----

    def show_all_of_it(self) -> None:
        """Show the whole of the horizontal axis."""
        self._span = None
        self.redraw()

    def _press(self, point: QPointF) -> None:
        entry = self._entry_at(point)
        if entry is not None:
            if entry.can_be_toggled:
                self.toggle(entry.name)
            return
        figure = self.curves
        if figure is not None and figure.hit(point, self.view.paper) is not None:
            self._pressed = point

    def _ends(self, point: QPointF) -> tuple[float, float] | None:
        figure = self.curves
        if figure is None or self._pressed is None or abs(point.x() - self._pressed.x()) < LEAST_DRAG:
            return None
        axes = figure.axes(self.view.paper)
        low, high = sorted(axes.x_at(x) for x in (self._pressed.x(), point.x()))
        return low, high

    def _drag(self, point: QPointF) -> None:
        if self.curves is not None and self._pressed is not None:
            self._show(self.curves.with_hover(None).with_band(self._ends(point)))

    def _release(self, point: QPointF) -> None:
        figure, ends = self.curves, self._ends(point)
        self._pressed = None
        if figure is None:
            return
        if ends is None:
            self._show(figure.with_band(None))
        else:
            self._zoom_to(figure, *ends)

    def _zoom_to(self, figure: CurvesFigure, low: float, high: float) -> None:
        """Show a range of at least two epochs, and of no more than there are."""
        least, most = figure.reach
        if figure.counts_epochs:
            low, high = float(round(low)), float(round(high))
            if high - low < 1:
                low, high = low - 1, high + 1
        low, high = max(least if figure.counts_epochs or figure.x_log else 0.0, low), min(most, high)
        self._span = (low, high) if high > low and (low, high) != (least, most) else None
        self.redraw()

    def _zoom(self, steps: int, around: QPointF | None) -> None:
        """Show half of the range, or twice as much, around the pointer or the crosshair."""
        figure = self.curves
        if figure is None:
            return
        middle = figure.axes(self.view.paper).x_at(around.x()) if around is not None else figure.hover
        low, high = figure.x_axis.low, figure.x_axis.high
        middle = (low + high) / 2 if middle is None else middle
        share = 0.5**steps
        if share > 1 and figure.span is None:
            return
        self._zoom_to(figure, middle - (middle - low) * share, middle + (high - middle) * share)

    def _double(self, point: QPointF) -> None:
        entry = self._entry_at(point)
        if entry is None:
            self._pressed = None
            self.show_all_of_it()
        elif entry.can_be_toggled:
            self.show_alone(entry)

    # ---- numbers ----

    def numbers(self) -> Numbers:
        """Return a row for every epoch of every selected run, with everything recorded."""
        state = self.store.state
        shown, names = _histories(state), state.names()
        if not shown:
            return []
        terms = list(dict.fromkeys(name for _, history in shown for name in history.terms))
        heading = ("run", "epoch", "train_loss", "val_loss", *terms, "learning_rate", "seconds", "seconds_so_far")
        rows: Numbers = [heading]
        for path, history in shown:
            columns = [history.train_loss, history.val_loss]
            columns += [history.terms.get(name, history.train_loss[:0]) for name in terms]
            columns += [history.learning_rate, history.epoch_seconds, losses.clock(history)]
            for index in range(history.epochs_done):
                values = (float(column[index]) if index < len(column) else "" for column in columns)
                rows.append((names[path], index + 1, *values))
        return rows


def _histories(state: State) -> Shown:
    histories = [(path, state.known_of(path).history) for path in state.selected]
    return [(path, history) for path, history in histories if history is not None and history.epochs_done]


def _summary(shown: Shown, weight: float) -> str:
    parts = [f"{len(shown)} runs"] if len(shown) > 1 else []
    return ", ".join([*parts, *(["smoothed"] if weight else [])])


def _description(shown: Shown, names: dict[Path, str]) -> str:
    texts = []
    for path, history in shown:
        last = history.val_loss[-1] if len(history.val_loss) else float("nan")
        texts.append(f"{names[path]}: {history.epochs_done} epochs, validation loss {last:.5g}")
    return "; ".join(texts)


def _box(name: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(tip)
    box.setFont(small_font(box.font()))
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    return box


def _check(text: str, name: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setAccessibleName(name)
    box.setToolTip(name)
    box.setFont(small_font(box.font()))
    return box
