"""A view of curves: a crosshair that reads epochs, a legend whose names are toggled, a range chosen by dragging."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QWidget

from viewer.figures.chart import legend
from viewer.figures.chart.legend import LegendEntry
from viewer.figures.curves import CurvesFigure
from viewer.qt.widgets.figure_view import PlotView

LEAST_DRAG = 6.0  # pixels; less is a click


class CurvesView(PlotView):
    """Moves the crosshair by itself; what is hidden and the range are the panel's, which it tells by signals."""

    toggled = Signal(str)  # a name of the legend
    alone = Signal(object)  # LegendEntry, double-clicked
    span_chosen = Signal(object)  # (low, high) of the x axis, or None for all of it

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.setToolTip(
            "← → move the crosshair to another epoch, ↑ ↓ and Space show or hide a name of the legend, + − zoom.\n"
            "Click a name to show or hide it, double-click to show it alone.\n"
            "Drag to zoom into a range, double-click to zoom out."
        )
        self.chosen: int | None = None  # which name of the legend the keyboard is on
        self._pressed: QPointF | None = None
        self.hovered.connect(self._point_at)
        self.column_step.connect(self._read_beyond)
        self.page_step.connect(lambda pages: self._read_beyond(10 * pages))
        self.first.connect(lambda: self._read_at(0))
        self.last.connect(lambda: self._read_at(-1))
        self.row_step.connect(self._choose)
        self.picked.connect(lambda _: self._toggle_chosen())
        self.zoomed.connect(self._zoom)
        self.clicked.connect(self._press)
        self.dragged.connect(self._drag)
        self.released.connect(self._release)
        self.doubled.connect(self._double)

    @property
    def curves(self) -> CurvesFigure | None:
        """The figure, while there is one."""
        return self.figure if isinstance(self.figure, CurvesFigure) else None

    def _show(self, figure: CurvesFigure) -> None:
        self.show_figure(figure, self.accessibleDescription())

    # ---- the crosshair ----

    def _point_at(self, point: QPointF | None) -> None:
        figure = self.curves
        if figure is None or self._pressed is not None:
            return
        x = figure.hit(point, self.paper) if point is not None else None
        over = self._entry_at(point) if point is not None else None
        hand = over is not None and over.can_be_toggled
        self.setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)
        after = figure.with_hover(x)
        if after.hover != figure.hover:
            self._show(after)

    def _read_beyond(self, step: int) -> None:
        if self.curves is not None:
            self._show_read(self.curves.with_step(step))

    def _read_at(self, index: int) -> None:
        """Move the crosshair to the first epoch (0) or the last one (−1)."""
        if self.curves is not None and len(self.curves.stops):
            self._show_read(self.curves.with_hover(float(self.curves.stops[index])))

    def _show_read(self, figure: CurvesFigure) -> None:
        """Show the crosshair elsewhere, and describe its readings for screen readers."""
        self._show(figure)
        if figure.hover is not None:
            values = "; ".join(
                f"{reading.run}: " + ", ".join(f"{value:.5g}" for value in reading.values if value is not None)
                for reading in figure.readings()
            )
            self.setAccessibleDescription(f"{figure.heading()}. {values}")

    # ---- the legend ----

    def _entry_at(self, point: QPointF) -> LegendEntry | None:
        figure = self.curves
        return legend.hit(figure.legend(self.paper), point) if figure else None

    def _choose(self, step: int) -> None:
        """Move to the next or the previous name of the legend."""
        figure = self.curves
        if figure is None:
            return
        self.chosen = (0 if step > 0 else -1) if self.chosen is None else self.chosen + step
        self._show(figure.with_chosen(self.chosen))
        entry = self._chosen_entry()
        if entry is not None:
            self.setAccessibleDescription(f"{entry.text}, {'shown' if entry.shown else 'hidden'}; Space toggles it")

    def _chosen_entry(self) -> LegendEntry | None:
        figure = self.curves
        return figure.chosen_entry(figure.legend(self.paper)) if figure else None

    def _toggle_chosen(self) -> None:
        entry = self._chosen_entry()
        if entry is not None:
            self.toggled.emit(entry.name)

    # ---- the range ----

    def _press(self, point: QPointF) -> None:
        figure, entry = self.curves, self._entry_at(point)
        if entry is not None:
            if entry.can_be_toggled:
                self.toggled.emit(entry.name)
        elif figure is not None and figure.hit(point, self.paper) is not None:
            self._pressed = point

    def _ends(self, point: QPointF) -> tuple[float, float] | None:
        figure = self.curves
        if figure is None or self._pressed is None or abs(point.x() - self._pressed.x()) < LEAST_DRAG:
            return None
        axes = figure.axes(self.paper)
        low, high = sorted(axes.x_at(x) for x in (self._pressed.x(), point.x()))
        return low, high

    def _drag(self, point: QPointF) -> None:
        if self.curves is not None and self._pressed is not None:
            self._show(self.curves.with_hover(None).with_band(self._ends(point)))

    def _release(self, point: QPointF) -> None:
        figure, ends = self.curves, self._ends(point)
        self._pressed = None
        if figure is not None and ends is None:
            self._show(figure.with_band(None))
        elif ends is not None:
            self.zoom_to(*ends)

    def zoom_to(self, low: float, high: float) -> None:
        """Choose a range of at least two epochs, and of no more than there are."""
        figure = self.curves
        if figure is None:
            return
        least, most = figure.reach
        if figure.counts_epochs:
            low, high = float(round(low)), float(round(high))
            if high - low < 1:
                low, high = low - 1, high + 1
        low, high = max(least if figure.counts_epochs or figure.x_log else 0.0, low), min(most, high)
        self.span_chosen.emit((low, high) if high > low and (low, high) != (least, most) else None)

    def _zoom(self, steps: int, around: QPointF | None) -> None:
        """Choose half of the range, or twice as much, around the pointer or the crosshair."""
        figure, share = self.curves, 0.5**steps
        if figure is None or (share > 1 and figure.span is None):
            return
        middle = figure.axes(self.paper).x_at(around.x()) if around is not None else figure.hover
        low, high = figure.x_axis.low, figure.x_axis.high
        middle = (low + high) / 2 if middle is None else middle
        self.zoom_to(middle - (middle - low) * share, middle + (high - middle) * share)

    def _double(self, point: QPointF) -> None:
        entry = self._entry_at(point)
        if entry is None:
            self._pressed = None
            self.span_chosen.emit(None)
        elif entry.can_be_toggled:
            self.alone.emit(entry)
