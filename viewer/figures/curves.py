"""Curves over epochs or time: axes with ticks, one colour a run, dashes for training and a line for validation."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from viewer.figures.chart import legend, names, ticks
from viewer.figures.chart.axes import Axes, Drawn, joined, line_pen, paint_curve, paint_dot, plot_in
from viewer.figures.chart.legend import LegendEntry, LegendLayout
from viewer.figures.chart.readings import BoxRow, Reading, Series, paint_box, read, written
from viewer.figures.paper import Figure, Paper, kept
from viewer.figures.theme import Theme

LEAST = "least validation loss"
LEGEND_SHARE = 1 / 3  # of the height; what has no room in it is counted
FAINT = 90  # of 255: how opaque the curve behind a smoothed one is
MARGIN = 0.04  # of the values' range, above and below it
NAME_WIDTH = (60.0, 170.0)  # of a run in the box of values: at least and at most


@dataclass(frozen=True, eq=False)
class CurvesFigure(Figure):
    """Several curves over one axis.

    hover       where the crosshair stands on the x axis
    hidden      runs and parts that were toggled away, by name
    span        the part of the x axis that is shown, None for all of it
    band        the part that is being chosen with the pointer
    chosen      which entry of the legend the keyboard is on
    mark        a position on the x axis that is marked, with every value there
    """

    theme: Theme
    series: tuple[Series, ...]
    y_label: str
    log: bool = False
    hover: float | None = None
    x_label: str = "epoch"
    x_log: bool = False
    hidden: frozenset[str] = frozenset()
    span: tuple[float, float] | None = None
    band: tuple[float, float] | None = None
    chosen: int | None = None
    mark: float | None = None
    unit: str = ""  # of the x axis, where it does not count epochs
    names_at_ends: bool = False  # for paper without colours
    _paths: dict[tuple[int, bool], Drawn] = field(default_factory=dict)

    # ---- what is shown ----

    @cached_property
    def shown(self) -> tuple[Series, ...]:
        """The curves that are not toggled away."""
        return tuple(curve for curve in self.series if not {curve.run, curve.part} & self.hidden)

    @property
    def counts_epochs(self) -> bool:
        return all(curve.x is None for curve in self.series)

    @cached_property
    def reach(self) -> tuple[float, float]:
        """The whole of the x axis, from the first epoch of any run to the last."""
        positions = np.concatenate([curve.positions for curve in self.series])
        positions = positions[np.isfinite(positions) & ((positions > 0) | (not self.x_log))]
        return (float(positions.min()), float(positions.max())) if positions.size else (1.0, 1.0)

    @cached_property
    def x_axis(self) -> ticks.Axis:
        low, high = self.span or self.reach
        if self.x_log and high > low > 0:
            return ticks.axis_within(low, high, log=True)
        if self.counts_epochs:
            return ticks.integer_axis(round(low), round(high))
        return ticks.axis_within(low if self.span else 0.0, high) if high > low else ticks.linear_axis(0.0, high or 1.0)

    @cached_property
    def y_axis(self) -> ticks.Axis:
        low, high = self.x_axis.low, self.x_axis.high
        seen = [
            values[(curve.positions >= low) & (curve.positions <= high)]
            for curve in self.shown
            for values in ((curve.values,) if curve.raw is None else (curve.values, curve.raw))
        ]
        values = np.concatenate(seen) if seen else np.zeros(0)
        usable = values[np.isfinite(values) & ((values > 0) | (not self.log))]
        least, most = (float(usable.min()), float(usable.max())) if usable.size else (0.1, 1.0)
        if self.log:
            return ticks.logarithmic_axis(least, most)
        margin = MARGIN * (most - least)
        return ticks.axis_within(least - margin, most + margin)  # from the data, not from zero

    @cached_property
    def stops(self) -> np.ndarray:
        """Where the crosshair can stand: every epoch of a curve that is shown, sorted."""
        low, high = self.x_axis.low, self.x_axis.high
        positions = np.unique(np.concatenate([np.zeros(0), *(curve.positions for curve in self.shown)]))
        inside: np.ndarray = positions[(positions >= low) & (positions <= high) & np.isfinite(positions)]
        return inside

    def _with(self, **changes: object) -> CurvesFigure:
        """Return the same curves with something else pointed at; axes and paths are kept."""
        copy: CurvesFigure = dataclasses.replace(self, **changes)  # type: ignore[arg-type]
        found = ("shown", "reach", "x_axis", "y_axis", "stops", "_legend_kept")
        copy.__dict__.update({name: self.__dict__[name] for name in found if name in self.__dict__})
        return copy

    def with_hover(self, x: float | None) -> CurvesFigure:
        """Return the same figure with the crosshair at the nearest epoch, or without one."""
        if x is None or not len(self.stops):
            return self._with(hover=None)
        return self._with(hover=float(self.stops[np.argmin(np.abs(self.stops - x))]))

    def with_band(self, band: tuple[float, float] | None) -> CurvesFigure:
        return self._with(band=band)

    def with_chosen(self, chosen: int | None) -> CurvesFigure:
        return self._with(chosen=chosen)

    def with_step(self, step: int) -> CurvesFigure:
        """Return the same figure with the crosshair so many epochs on, or back; it begins at an end."""
        if not len(self.stops):
            return self
        if self.hover is None:
            return self._with(hover=float(self.stops[0 if step > 0 else -1]))
        index = int(np.argmin(np.abs(self.stops - self.hover))) + step
        return self._with(hover=float(self.stops[max(0, min(len(self.stops) - 1, index))]))

    @property
    def parts(self) -> list[str]:
        """The parts that are shown, in their order."""
        return list(dict.fromkeys(curve.part for curve in self.shown))

    def readings(self) -> list[Reading]:
        """Return what every run has at the crosshair, the least first."""
        return [] if self.hover is None else read(self.shown, self.parts, self.hover)

    # ---- geometry ----

    def axes(self, paper: Paper) -> Axes:
        """Return the axes in what legend, ticks and labels leave."""
        line = paper.metrics.height()
        above = legend.height_of(self.legend(paper), paper) + line + 8
        names_width = max(map(paper.metrics.horizontalAdvance, self.last_values), default=0.0) + names.GAP + 2
        right = names_width if self.names_at_ends else 12.0
        plot = plot_in(paper, self.y_axis, above=above, below=2 * line + 12, right=right)
        return Axes(self.theme, plot, self.x_axis, self.y_axis)

    @property
    def last_values(self) -> dict[str, float]:
        """What every run has at its end, where it can stand in the plot."""
        ends = {curve.run: float(curve.values[-1]) for curve in self.shown if len(curve.values)}
        return {name: value for name, value in ends.items() if self._can_stand(value)}

    def hit(self, point: QPointF, paper: Paper) -> float | None:
        """Return what stands on the x axis under a point of the plot."""
        axes = self.axes(paper)
        near = axes.plot.adjusted(-4, -4, 4, 4).contains(point) and axes.plot.width() > 0
        return axes.x_at(point.x()) if near else None

    def entries(self, runs_named: int | None = None) -> list[LegendEntry]:
        """The legend: one entry a run while there are several, so many of them named, and the kinds of line."""
        runs = list(dict.fromkeys((curve.run, curve.colour) for curve in self.series))
        notes = {curve.run: curve.note for curve in self.series if curve.note}
        best = [LegendEntry("best", "", LEAST, self.theme.muted, mark="hollow")] if self._marks_best else []
        if len(runs) == 1:
            parts = [self._part(curve, curve.colour) for curve in self.series]
            return [*parts, *best, *(LegendEntry("note", name, note, "") for name, note in notes.items())]
        parts = list(dict.fromkeys(self._part(curve, self.theme.muted) for curve in self.series))
        drawn = {curve.run for curve in self.series if not curve.dashed}
        named = [
            LegendEntry(
                "run",
                name,
                f"{name}: {notes[name]}" if name in notes else name,
                colour,
                name not in drawn,
                self._is_on(name),
            )
            for name, colour in runs[:runs_named]
        ]
        more = len(runs) - len(named)
        rest = [LegendEntry("more", "", f"… and {more} more", "")] if more else []
        return [*named, *rest, *(parts if len({part.name for part in parts}) > 1 else []), *best]

    def _part(self, curve: Series, colour: str) -> LegendEntry:
        return LegendEntry("part", curve.part, curve.part, colour, curve.dashed, self._is_on(curve.part))

    def _is_on(self, name: str) -> bool:
        return name not in self.hidden

    @property
    def _marks_best(self) -> bool:
        return any(curve.best is not None for curve in self.shown)

    @kept
    def legend(self, paper: Paper) -> LegendLayout:
        """Return what the legend holds and where: as many runs as a third of the height takes."""
        lines = max(1, math.floor(paper.rect.height() * LEGEND_SHARE / (paper.metrics.height() + 2)))
        most = len({curve.run for curve in self.series})
        return legend.fitting_layout(self.entries, most, paper, lines=lines)

    def chosen_entry(self, layout: LegendLayout) -> LegendEntry | None:
        """The entry of the legend that the keyboard is on."""
        choices = [entry for entry, _ in layout if entry.can_be_toggled]
        return choices[self.chosen % len(choices)] if choices and self.chosen is not None else None

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint legend, axes and curves."""
        if not self.series or (axes := self.axes(paper)).is_too_small:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        layout = self.legend(paper)
        legend.paint(painter, layout, self.theme, paper, chosen=self.chosen_entry(layout))
        axes.paint_rows(painter, paper)
        axes.paint_columns(painter, paper)
        axes.paint_labels(painter, paper, self.x_label, self.y_label)
        painter.save()
        painter.setClipRect(axes.plot.adjusted(-1, -5, 5, 3))
        for curve in self.shown:
            self._paint_seeds(painter, axes, curve)
        for index, curve in enumerate(self.shown):
            self._paint_curve(painter, axes, index, curve)
        for curve in self.shown:
            self._paint_best(painter, axes, curve)
        if self.mark is not None:
            self._paint_mark(painter, axes, self.mark)
        if self.band is not None:
            self._paint_band(painter, axes, *sorted(self.band))
        painter.restore()
        if self.names_at_ends:
            self._paint_names(painter, axes, paper)
        if self.hover is not None:
            self._paint_hover(painter, axes, axes.x_spot(self.hover), paper)

    def _paint_names(self, painter: QPainter, axes: Axes, paper: Paper) -> None:
        """Write each run's name beside its last value."""
        taken: list[QRectF] = []
        spots = [(QPointF(axes.plot.right(), axes.y_spot(y)), name) for name, y in self.last_values.items()]
        for spot, name in sorted(spots, key=lambda each: each[0].y()):
            box = names.find(name, spot, taken, paper, far=axes.plot.height(), sides=(names.RIGHT,))
            if box is not None:
                taken.append(box)
                names.write(painter, name, box, spot, self.theme.colour("text"), self.theme.colour("muted"), paper)

    def _paint_seeds(self, painter: QPainter, axes: Axes, curve: Series) -> None:
        """Paint the band of other seeds, behind every curve."""
        if curve.band is None:
            return
        low, high = (np.maximum(edge, self.y_axis.low) for edge in curve.band)
        there = np.isfinite(low) & np.isfinite(high)
        edges = [*zip(curve.positions[there], high[there], strict=True)]
        edges += [*zip(curve.positions[there][::-1], low[there][::-1], strict=True)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._faint(curve.colour)))
        painter.drawPolygon(QPolygonF([axes.spot(float(x), float(y)) for x, y in edges]))

    def _paint_curve(self, painter: QPainter, axes: Axes, index: int, curve: Series) -> None:
        if curve.raw is not None:
            pen = line_pen(painter, self._faint(curve.colour), dashed=curve.dashed, width=1.0)
            paint_curve(painter, axes, self._drawn(index, faint=True), pen)
        pen = line_pen(painter, curve.colour, dashed=curve.dashed)
        paint_curve(painter, axes, self._drawn(index, faint=False), pen, dot=2.5)

    def _faint(self, colour: str) -> str:
        """A faint colour is mixed with the ground, since paper knows no opacity."""
        one, ground = QColor(colour), self.theme.colour("base")
        mixed = [
            (FAINT * a + (255 - FAINT) * b) // 255
            for a, b in zip(one.getRgb()[:3], ground.getRgb()[:3], strict=True)  # type: ignore[index]
        ]
        return QColor(*mixed).name()

    def _paint_best(self, painter: QPainter, axes: Axes, curve: Series) -> None:
        if curve.best is None or curve.best > len(curve.values):
            return
        value, x = float(curve.unsmoothed[curve.best - 1]), float(curve.positions[curve.best - 1])
        can_stand = self._can_stand(value) and not (self.x_axis.log and x <= 0)
        if can_stand and -0.01 <= self.x_axis.position(x) <= 1.01:
            painter.setPen(QPen(QColor(curve.colour), 1.6))
            painter.setBrush(self.theme.colour("base"))
            painter.drawEllipse(axes.spot(x, value), 4, 4)

    def _paint_mark(self, painter: QPainter, axes: Axes, mark: float) -> None:
        axes.paint_upright(painter, axes.x_spot(mark), QPen(self.theme.colour("accent"), 1, Qt.PenStyle.DotLine))
        for curve in self.shown:
            for value in filter(self._can_stand, curve.values[curve.positions == mark].tolist()):
                paint_dot(painter, axes.spot(mark, value), curve.colour, 3.0)

    def _can_stand(self, value: float) -> bool:
        return math.isfinite(value) and (value > 0 or not self.log)

    def _paint_band(self, painter: QPainter, axes: Axes, low: float, high: float) -> None:
        left, right, ground = axes.x_spot(low), axes.x_spot(high), self.theme.colour("accent")
        ground.setAlpha(50)
        painter.fillRect(QRectF(left, axes.plot.top(), right - left, axes.plot.height()), ground)

    def _drawn(self, index: int, *, faint: bool) -> Drawn:
        """The curve in a unit square, made once."""
        drawn = self._paths.get((index, faint))
        if drawn is None:
            curve = self.shown[index]
            near = slice(*self._near(curve))
            xs = self.x_axis.positions(curve.positions[near])
            ys = self.y_axis.positions((curve.unsmoothed if faint else curve.values)[near])
            drawn = self._paths[index, faint] = joined(xs, ys)
        return drawn

    def _near(self, curve: Series) -> tuple[int, int]:
        """The values in the part of the axis that is shown, and one more at either side."""
        if self.span is None:
            return 0, len(curve.values)
        first, last = np.searchsorted(curve.positions, self.span, side="left")
        return max(0, int(first) - 1), min(len(curve.values), int(last) + 2)

    # ---- the crosshair ----

    def _paint_hover(self, painter: QPainter, axes: Axes, x: float, paper: Paper) -> None:
        axes.paint_upright(painter, x, QPen(self.theme.colour("muted"), 1, Qt.PenStyle.DotLine))
        readings = self.readings()
        for reading in readings:
            for value in reading.drawn:
                if value is not None and self._can_stand(value):
                    paint_dot(painter, axes.spot(reading.x, value), reading.colour, 2.8)
        paint_box(painter, axes, x, self._rows(readings, axes.plot, paper), paper)

    def heading(self) -> str:
        """What the crosshair stands at."""
        assert self.hover is not None
        return f"epoch {self.hover:.0f}" if self.counts_epochs else f"{self.hover:.4g} {self.unit}"

    def _rows(self, readings: list[Reading], plot: QRectF, paper: Paper) -> list[BoxRow]:
        """The box of values: a heading, and a row a run, or a row a part of a single run."""
        if len({curve.run for curve in self.series}) == 1:
            values, colour = (readings[0].values, readings[0].colour) if readings else ((), self.theme.text)
            lines = [((part, written(value)), colour) for part, value in zip(self.parts, values, strict=False)]
            return [((self.heading(), ""), self.theme.text), *lines]
        heads = self.parts if self.counts_epochs else ["epoch", *self.parts]
        return [((self.heading(), *heads), self.theme.text), *self._runs_rows(readings, heads, plot, paper)]

    def _runs_rows(self, readings: list[Reading], heads: list[str], plot: QRectF, paper: Paper) -> list[BoxRow]:
        """A row a run, as many as the plot has room for; long names give way to the numbers."""
        metrics = paper.metrics
        cells = [reading.cells(with_epoch=not self.counts_epochs) for reading in readings]
        wide = [max(map(metrics.horizontalAdvance, column)) for column in zip(heads, *cells, strict=True)]
        left = min(NAME_WIDTH[1], max(NAME_WIDTH[0], plot.width() - sum(wide) - 10 * len(wide) - 18))
        rows = [
            ((metrics.elidedText(reading.run, Qt.TextElideMode.ElideMiddle, left), *row), reading.colour)
            for reading, row in zip(readings, cells, strict=True)
        ]
        room = max(1, math.floor((plot.height() - 12) / metrics.height()) - 1)
        if len(rows) <= room:
            return rows
        more = (f"… and {len(rows) - room + 1} more", *("" for _ in heads))
        return [*rows[: room - 1], (more, self.theme.muted)]


Band = tuple[np.ndarray, np.ndarray]  # low and high


def of_runs(
    theme: Theme,
    runs: Sequence[tuple[str, np.ndarray, np.ndarray]],
    *,
    y_label: str,
    log: bool,
    bands: Mapping[str, Band] | None = None,
    names_at_ends: bool = False,
) -> CurvesFigure:
    """Return the figure of several runs' (name, training loss, validation loss); `bands` are other seeds', by name."""
    curves = []
    for index, (name, train, validation) in enumerate(runs):
        colour = theme.run_colour(index).name()
        curves += [
            Series(
                name, part, values, colour, part == "train", band=(bands or {}).get(name) if part != "train" else None
            )
            for part, values in (("train", train), ("validation", validation))
            if len(values)
        ]
    return CurvesFigure(theme, tuple(curves), y_label, log, names_at_ends=names_at_ends)
