"""Trade-off: the error of the shown runs, among all open ones, against the size of their bottlenecks, and PCA's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from viewer.figures.trade_off import Point, TradeOffFigure
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.figure_view import PlotView
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.state import formatting, metrics, trade_off, why
from viewer.state.selection import State
from viewer.state.trade_off import AXES, PARAMETERS, VALUES, TradeOffModel
from zoo import comparison
from zoo.runs import METRICS

ALL_DATA = "all data"
NONE_SHOWN = "None of the shown runs is of these data; tick “other open runs”, or choose other data."


class TradeOff(Panel):
    """One dot per run: the shown ones in their colours, the other open ones grey until they are left out.

    A click shows a run, Ctrl+click adds it; ← → and Enter do the same.
    """

    name = "trade_off"
    view: PlotView

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.models: list[TradeOffModel] = []
        self._data = ""  # chosen by the user; '' for that of the current run
        self._build()
        self.view.hovered.connect(self._point_at)
        self.view.clicked.connect(self._click)
        self.view.column_step.connect(self._step)
        self.view.picked.connect(lambda adding: self._select(self.plot.hover if self.plot else None, adding=adding))

    def _build(self) -> None:
        tip = "How the runs are compared, on the test split"
        self.metric_box = controls.combo("Metric", tip, METRICS, self.redraw)
        tip = "The horizontal axis: the number of bottleneck values, or of learned parameters"
        self.axis_box = controls.combo("Size", tip, [VALUES, PARAMETERS], self.redraw)
        tip = "The data set whose runs are shown; that of the current run until you choose another"
        self.data_box = controls.combo("Data", tip, (), self._choose_data)
        tip = "Show the other open runs too, in grey, and count them in the sentence below"
        self.others_box = controls.check("other open runs", tip, self.redraw, on=True)
        self.view = PlotView("Trade-off", self)
        self.view.setToolTip("Click a run to show it, Ctrl+click to add it; ← → move between runs, Enter shows.")
        self.view.show_sentence(why.NO_RUNS_YET)
        self.sentence = controls.label("")
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        boxes = controls.row(self.metric_box, self.axis_box, self.data_box, self.others_box)
        for index, share in enumerate((2, 3, 3)):
            boxes.setStretch(index, share)
        self.body.addLayout(boxes)
        self.body.addWidget(self.view, 1)
        self.body.addWidget(self.sentence)

    @property
    def plot(self) -> TradeOffFigure | None:
        """The figure, while there is one."""
        return self.view.figure if isinstance(self.view.figure, TradeOffFigure) else None

    @property
    def measure(self) -> str:
        """The metric that was chosen."""
        return self.metric_box.currentText()

    @property
    def axis(self) -> str:
        """The chosen measure of size."""
        return self.axis_box.currentText()

    def commands(self) -> tuple[Command, ...]:
        return (Command("select the runs that beat PCA", self.select_those_that_beat_pca),)

    # ---- what is shown ----

    def show_state(self, before: State, after: State) -> None:
        """Show the new state if the runs, their data or the selection have changed."""
        seen = ("entries", "known", "selected", "current")
        if any(getattr(before, name) is not getattr(after, name) for name in seen):
            self._offer(after)
            self.redraw()

    def _offer(self, state: State) -> None:
        """Offer the data sets of the open runs; preset that of the current run until the user chooses."""
        offered = trade_off.data_sets(state)
        offered += [ALL_DATA] if len(offered) > 1 else []
        if offered != [self.data_box.itemText(index) for index in range(self.data_box.count())]:
            self.data_box.clear()
            self.data_box.addItems(offered)
        self._data = self._data if self._data in offered else ""
        current = trade_off.data_of(state.current_known)
        wanted = self._data or (current if current in offered else next(iter(offered), ""))
        self.data_box.setCurrentText(wanted)
        for box in (self.metric_box, self.axis_box, self.data_box):
            box.setEnabled(bool(offered))

    def _choose_data(self) -> None:
        self._data = self.data_box.currentText()
        self.redraw()

    def redraw(self) -> None:
        state = self.store.state
        found, without = trade_off.models_of(state, self.measure, self.axis)
        data = self.data_box.currentText()
        listed, shown = [model for model in found if data in (ALL_DATA, model.data)], set(state.compared)
        self.models = [model for model in listed if self.others_box.isChecked() or model.path in shown]
        conclusion = trade_off.conclusion(self.models, self.measure, self.axis)
        self.sentence.setText(conclusion)
        if not self.models:
            self.subtitle.setText("")
            self.view.show_sentence(NONE_SHOWN if listed else why.no_trade_off(state, len(without), self.measure))
            return
        self.subtitle.setText(_counted(self.models, shown, without))
        self.subtitle.setToolTip(f"without {self.measure}: {', '.join(without)}" if without else "")
        self.view.show_figure(self._figure(state), conclusion)

    def _figure(self, state: State) -> TradeOffFigure:
        hover = self.plot.hover if self.plot else None
        names = formatting.without_common_folder([model.name for model in self.models])
        return TradeOffFigure(
            self.theme,
            tuple(
                _point(model, name, colour=self._colour(state, model.path), chosen=model.path in state.compared)
                for model, name in zip(self.models, names, strict=True)
            ),
            x_label=AXES[self.axis],
            y_label=f"{metrics.title(self.measure)}, test split",
            log=not comparison.larger_is_better(self.measure),
            name_all=False,
            hover=hover if hover is not None and hover < len(self.models) else None,
        )

    def _colour(self, state: State, path: Path) -> str:
        """A shown run's own colour, the same as in every panel; grey for the others."""
        index = state.colour_of(path) if path in state.compared else None
        return self.theme.muted if index is None else self.theme.run_colour(index).name()

    # ---- pointing and choosing ----

    def _index_at(self, point: QPointF) -> int | None:
        return self.plot.hit(point, self.view.paper) if self.plot else None

    def _point_at(self, point: QPointF | None) -> None:
        index = self._index_at(point) if point is not None else None
        self.view.setCursor(Qt.CursorShape.ArrowCursor if index is None else Qt.CursorShape.PointingHandCursor)
        self._hover(index)
        self.view.show_hint(self.describe(self.models[index]) if index is not None else "", point or QPointF())

    def _hover(self, index: int | None) -> None:
        figure = self.plot
        if figure is not None and figure.hover != index:
            self.view.show_figure(replace(figure, hover=index), self.view.accessibleDescription())

    def _step(self, step: int) -> None:
        """Move to the run with the next or the previous size and describe it."""
        figure = self.plot
        if figure is None:
            return
        order = sorted(range(len(self.models)), key=lambda index: self.models[index].positions)
        here = order.index(figure.hover) + step if figure.hover in order else (0 if step > 0 else len(order) - 1)
        index = order[max(0, min(len(order) - 1, here))]
        self._hover(index)
        text = self.describe(self.models[index])
        self.view.setAccessibleDescription(text)
        self.view.show_hint(text, figure.spot_of(index, self.view.paper) + QPointF(8, 8))

    def _click(self, point: QPointF) -> None:
        control = QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier
        self._select(self._index_at(point), adding=bool(control))

    def _select(self, index: int | None, *, adding: bool) -> None:
        if index is None or index >= len(self.models):
            return
        path, selected = self.models[index].path, self.store.state.selected
        if not adding:
            self.store.set_selected((path,), path)
        elif path not in selected:
            self.store.set_selected((*selected, path), path)
        elif len(selected) > 1:
            self.store.set_selected(tuple(other for other in selected if other != path), self.store.state.current)

    def select_those_that_beat_pca(self) -> None:
        """Select every run shown that is better than PCA with as many components."""
        beating = [m.path for m in self.models if m.pca is not None and trade_off.better(m.value, m.pca, self.measure)]
        if beating:
            self.store.set_selected(beating, beating[0])

    def describe(self, model: TradeOffModel) -> str:
        """Describe a run."""
        value = metrics.written(self.measure, model.value, 4)
        lines = [model.name, f"{model.size:,.0f} {AXES[self.axis]}, {self.measure} {value}"]
        if model.pca is not None:
            compared = comparison.in_words(model.value, model.pca, self.measure, "pca")
            lines.append(f"{compared} with as many values ({metrics.written(self.measure, model.pca, 4)})")
        if model.published is not None:
            lines.append(f"on the assignment sheet {metrics.written(self.measure, model.published, 4)}")
        return "\n".join([*lines, f"{model.group}, {model.state}"])

    def numbers(self) -> Numbers:
        """Return a row for every run shown."""
        size = "values" if self.axis == VALUES else "parameters"
        heading = ("run", "data", size, self.measure, f"pca_{self.measure}", "published", "state")
        rows: Numbers = [
            (m.name, m.group, m.size, m.value, *("" if v is None else v for v in (m.pca, m.published)), m.state)
            for m in self.models
        ]
        return [heading, *rows] if rows else []


def _point(model: TradeOffModel, name: str, *, colour: str, chosen: bool) -> Point:
    return Point(
        name=name,
        size=model.size,
        error=model.value,
        published=model.published,
        pca=model.pca if model.pca_at > 0 else None,
        group=model.group,
        colour=colour,
        pca_at=model.pca_at if model.pca_at > 0 else None,
        hollow=not model.counts,
        chosen=chosen,
    )


def _counted(models: list[TradeOffModel], shown: set[Path], without: list[str]) -> str:
    coloured = sum(model.path in shown for model in models)
    parts = [
        formatting.counted(coloured, "shown run"),
        f"{len(models) - coloured} other open",
        f"{len(without)} without figures",
    ]
    return ", ".join(part for part in parts if not part.startswith("0 "))
