"""Losses: training and validation over the epochs, of every selected run."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QCheckBox, QWidget

from viewer.figures import curves
from viewer.figures.curves import CurvesFigure
from viewer.figures.theme import Theme
from viewer.qt.tools import Tools
from viewer.qt.widgets.figure_view import Figure, FigureView
from viewer.qt.widgets.panel import Panel
from viewer.state.history import RunHistory
from viewer.state.selection import State
from viewer.state.words import sentence

_OBJECTIVES = {
    "bce": "loss: binary cross-entropy, nats a pixel",
    "mse": "loss: mean squared error, of pixels in [0, 1]",
    "mse-linear": "loss: mean squared error, of pixels in [0, 1]",
    "mse-normalised": "loss: mean squared error, of images of unit deviation",
    "elbo": "loss: negative evidence lower bound, nats an image",
    "cross-entropy": "loss: cross-entropy, nats an image",
    "teacher": "loss: cross-entropy of the classifier's verdict, nats an image",
}


class Losses(Panel):
    """One colour a run; validation is a line, training is dashed; the pointer reads an epoch's values."""

    title = "Losses"
    hint = "Training and validation loss of every selected run by epoch."

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self._hover: int | None = None
        self.log_box = QCheckBox("log scale")
        self.log_box.setAccessibleName("Logarithmic scale of the losses")
        self.view = FigureView("Losses", self)
        self.view.show_sentence("Here come the losses of training and validation.")
        self.log_box.setEnabled(False)
        self.log_box.setFont(self.view.font())
        self.log_box.toggled.connect(lambda _: self.redraw())
        self.view.hovered.connect(self._point_at)
        self.view.stepped.connect(self._step)
        self.body.addWidget(self.log_box)
        self.body.addWidget(self.view, 1)

    @property
    def figure(self) -> Figure | None:
        return self.view.figure

    def set_theme(self, theme: Theme) -> None:
        self.view.set_theme(theme)
        super().set_theme(theme)

    def follow(self, before: State, after: State) -> None:
        """Show the new state, if a selected run's history is another."""
        if self._histories(before) != self._histories(after) or before.entries is not after.entries:
            self.redraw()

    @staticmethod
    def _histories(state: State) -> list[tuple[object, RunHistory]]:
        histories = [(path, state.of(path).history) for path in state.selected]
        return [(path, history) for path, history in histories if history is not None and history.epochs_done]

    def redraw(self) -> None:
        state = self.store.state
        shown = self._histories(state)
        self.log_box.setEnabled(bool(shown))
        if not shown:
            self.subtitle.setText("")
            self.view.show_sentence(self._why_nothing(state))
            return
        names = {str(path): name for path, name in state.names().items()}
        objectives = {history.objective for _, history in shown}
        figure = curves.of_runs(
            self.theme,
            [(names[str(path)], history.train_loss, history.val_loss) for path, history in shown],
            y_label=_y_label(objectives),
            log=self.log_box.isChecked(),
        )
        self.subtitle.setText("" if len(shown) == 1 else f"{len(shown)} runs")
        self.view.show_figure(figure.with_hover(self._hover), _description(shown, names))

    def _why_nothing(self, state: State) -> str:
        entry = state.entry
        if entry is None:
            return self.view.sentence
        if state.now.history_trouble:
            return sentence(state.now.history_trouble)
        if entry.history_stamp is None:
            return f"No losses: there is no history.h5 beside {entry.graph.name}."
        return "" if state.now.history is None else "No epoch has ended yet."

    def _point_at(self, point: QPointF | None) -> None:
        figure = self.view.figure
        if not isinstance(figure, CurvesFigure):
            return
        metrics = QFontMetricsF(self.view.font())
        self._set_hover(figure.epoch_at(point, self.view.inside, metrics) if point is not None else None)

    def _step(self, step: int) -> None:
        figure = self.view.figure
        if isinstance(figure, CurvesFigure):
            last = max(len(curve.values) for curve in figure.series)
            self._set_hover(max(1, min(last, (self._hover or (0 if step > 0 else last + 1)) + step)))

    def _set_hover(self, epoch: int | None) -> None:
        figure = self.view.figure
        if epoch != self._hover and isinstance(figure, CurvesFigure):
            self._hover = epoch
            self.view.show_figure(figure.with_hover(epoch), self.view.accessibleDescription())


def _y_label(objectives: set[str]) -> str:
    if len(objectives) > 1:
        return "loss, of different objectives"
    return _OBJECTIVES.get(objectives.pop(), "loss")


def _description(shown: list[tuple[object, RunHistory]], names: dict[str, str]) -> str:
    told = []
    for path, history in shown:
        last = history.val_loss[-1] if len(history.val_loss) else float("nan")
        told.append(f"{names[str(path)]}: {history.epochs_done} epochs, validation loss {last:.5g}")
    return "; ".join(told)
