"""A view of a plot: Space and Enter choose, and zooming changes the range of the plot."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent

from viewer.qt.widgets.figure_view import FigureView


class PlotView(FigureView):
    """A FigureView that emits `zoomed` instead of enlarging its figure, so that lines keep their width."""

    picked = Signal(bool)  # by Space or Enter; with Ctrl held
    zoomed = Signal(int, object)  # steps nearer, and QPointF or None for where the crosshair is

    margin = 8.0  # a legend begins at the figure's edge

    def zoom_by(self, steps: int, around: QPointF | None = None) -> None:
        self.zoomed.emit(steps, around)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.picked.emit(bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
        else:
            super().keyPressEvent(event)
