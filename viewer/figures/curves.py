"""Curves over epochs or time: axes with ticks, one colour a run, dashes for training and a line for validation."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from viewer.figures import legend, ticks
from viewer.figures.legend import LegendEntry, LegendLayout, line_pen
from viewer.figures.theme import Theme

LEGEND_SHARE = 1 / 3  # of the height; what has no room in it is counted
FAINT = 90  # of 255: how opaque the curve behind a smoothed one is
MARGIN = 0.04  # of the values' range, above and below it
NAME_WIDTH = (60.0, 170.0)  # of a run in the box of values: at least and at most


@dataclass(frozen=True, eq=False)
class Series:
    """One curve: values by epoch from 1; what is not finite is a gap.

    x       where each value stands; None for its epoch
    raw     the values before smoothing, drawn faintly behind
    note    what the legend says of the run, such as where it has no numbers
    best    an epoch that is marked
    """

    run: str
    part: str
    values: np.ndarray
    colour: str
    dashed: bool
    x: np.ndarray | None = None
    raw: np.ndarray | None = None
    note: str = ""
    best: int | None = None

    @cached_property
    def positions(self) -> np.ndarray:
        """Where each value stands on the x axis, float64 (E,)."""
        return np.arange(1.0, len(self.values) + 1) if self.x is None else self.x[: len(self.values)]

    @property
    def unsmoothed(self) -> np.ndarray:
        return self.values if self.raw is None else self.raw


@dataclass(frozen=True)
class Reading:
    """What the crosshair reads of a run: its epoch, and the value of every part that is shown."""

    run: str
    colour: str
    epoch: int
    x: float
    values: tuple[float | None, ...]

    @property
    def key(self) -> float:
        """What readings are sorted by: the last part, which is validation, or else the first."""
        finite = [value for value in reversed(self.values) if value is not None and math.isfinite(value)]
        return finite[0] if finite else math.inf


@dataclass(frozen=True, eq=False)
class Drawn:
    """A curve in a unit square, and the values without neighbours, which a line cannot show."""

    path: QPainterPath
    alone: tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class CurvesFigure:
    """Several curves over one axis.

    hover       where the crosshair stands on the x axis
    hidden      runs and parts that were toggled away, by name
    span        the part of the x axis that is shown, None for all of it
    band        the part that is being chosen with the pointer
    chosen      which entry of the legend the keyboard is on
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
    unit: str = ""  # of the x axis, where it does not count epochs
    _paths: dict[tuple[int, bool], Drawn] = field(default_factory=dict)
    _layouts: dict[tuple[float, ...], LegendLayout] = field(default_factory=dict)

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
        kept = ("shown", "reach", "x_axis", "y_axis", "stops")
        copy.__dict__.update({name: self.__dict__[name] for name in kept if name in self.__dict__})
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
        if self.hover is None:
            return []
        runs: dict[tuple[str, str], dict[str, Series]] = {}
        for curve in self.shown:
            runs.setdefault((curve.run, curve.colour), {})[curve.part] = curve
        found = []
        for (run, colour), parts in runs.items():
            longest = max(parts.values(), key=lambda curve: len(curve.values))
            index = _nearest(longest.positions, self.hover)
            if index is None:
                continue
            values = tuple(_at(parts.get(part), index) for part in self.parts)
            if any(value is not None for value in values):
                found.append(Reading(run, colour, index + 1, float(longest.positions[index]), values))
        return sorted(found, key=lambda reading: reading.key)

    # ---- geometry ----

    def plot_rect(self, rect: QRectF, metrics: QFontMetricsF) -> QRectF:
        """Return where the curves lie: what legend, ticks and labels leave."""
        line = metrics.height()
        left = max(metrics.horizontalAdvance(text) for text in self.y_axis.labels) + 10
        top = legend.lines_of(self.legend(rect, metrics)) * (line + 2) + line + 8
        return QRectF(
            rect.left() + left, rect.top() + top, rect.width() - left - 12, rect.height() - top - 2 * line - 12
        )

    def x_at(self, point: QPointF, rect: QRectF, metrics: QFontMetricsF) -> float | None:
        """Return what stands on the x axis under a point of the plot."""
        plot = self.plot_rect(rect, metrics)
        if not plot.adjusted(-4, -4, 4, 4).contains(point) or plot.width() <= 0:
            return None
        return self.x_of(point.x(), plot)

    def x_of(self, x: float, plot: QRectF) -> float:
        share, axis = min(1.0, max(0.0, (x - plot.left()) / max(1.0, plot.width()))), self.x_axis
        if axis.log:
            return float(axis.low * (axis.high / axis.low) ** share)
        return axis.low + share * (axis.high - axis.low)

    def entries(self, runs_named: int | None = None) -> list[LegendEntry]:
        """The legend: one entry a run while there are several, so many of them named, and the kinds of line."""
        runs = list(dict.fromkeys((curve.run, curve.colour) for curve in self.series))
        notes = {curve.run: curve.note for curve in self.series if curve.note}
        best = [LegendEntry("best", "", "least validation loss", self.theme.muted)] if self._marks_best else []
        if len(runs) == 1:
            parts = [self._part(curve, curve.colour) for curve in self.series]
            return [*parts, *best, *(LegendEntry("note", name, note, "") for name, note in notes.items())]
        parts = list(dict.fromkeys(self._part(curve, self.theme.muted) for curve in self.series))
        named = [
            LegendEntry(
                "run", name, f"{name}: {notes[name]}" if name in notes else name, colour, False, self._is_on(name)
            )
            for name, colour in runs[:runs_named]
        ]
        more = len(runs) - len(named)
        rest = [LegendEntry("more", "", f"… and {more} more", "")] if more else []
        return [*named, *rest, *(parts if len(parts) > 1 else []), *best]

    def _part(self, curve: Series, colour: str) -> LegendEntry:
        return LegendEntry("part", curve.part, curve.part, colour, curve.dashed, self._is_on(curve.part))

    def _is_on(self, name: str) -> bool:
        return name not in self.hidden

    @property
    def _marks_best(self) -> bool:
        return any(curve.best is not None for curve in self.shown)

    def legend(self, rect: QRectF, metrics: QFontMetricsF) -> LegendLayout:
        """Return what the legend holds and where: as many runs as a third of the height takes."""
        key = (*rect.getRect(), metrics.height(), metrics.averageCharWidth())  # type: ignore[misc]
        layout = self._layouts.get(key)
        if layout is None:
            lines = max(1, math.floor(rect.height() * LEGEND_SHARE / (metrics.height() + 2)))
            most = len({curve.run for curve in self.series})
            layout = self._layouts[key] = legend.fitting_layout(self.entries, most, rect, metrics, lines=lines)
        return layout

    # ---- painting ----

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint legend, axes and curves inside `rect`."""
        if not self.series:
            return
        metrics = QFontMetricsF(painter.font(), painter.device())
        plot = self.plot_rect(rect, metrics)
        if plot.width() < 20 or plot.height() < 20:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        layout = self.legend(rect, metrics)
        legend.paint(painter, layout, self.theme, metrics, chosen=self.chosen_entry(layout))
        self._paint_axes(painter, plot, metrics)
        self._paint_labels(painter, rect, plot, metrics)
        painter.save()
        painter.setClipRect(plot.adjusted(-1, -5, 5, 3))
        for index, curve in enumerate(self.shown):
            self._paint_curve(painter, plot, index, curve)
        for curve in self.shown:
            self._paint_best(painter, plot, curve)
        if self.band is not None:
            self._paint_band(painter, plot)
        painter.restore()
        if self.hover is not None:
            self._paint_hover(painter, plot, metrics)

    def chosen_entry(self, layout: LegendLayout) -> LegendEntry | None:
        """The entry of the legend that the keyboard is on."""
        choices = [entry for entry, _ in layout if entry.can_be_toggled]
        return choices[self.chosen % len(choices)] if choices and self.chosen is not None else None

    def _paint_axes(self, painter: QPainter, plot: QRectF, metrics: QFontMetricsF) -> None:
        line = metrics.height()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for tick, text in zip(self.y_axis.ticks, self.y_axis.labels, strict=True):
            y = plot.bottom() - self.y_axis.position(tick) * plot.height()
            painter.setPen(QPen(self.theme.colour("grid"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(self.theme.colour("muted"))
            painter.drawText(QRectF(plot.left() - 106, y - line / 2, 100, line), right, text)
        for tick, text in zip(self.x_axis.ticks, self.x_axis.labels, strict=True):
            x = plot.left() + self.x_axis.position(tick) * plot.width()
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 4))
            box = QRectF(x - 40, plot.bottom() + 5, 80, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, text)
        painter.setPen(QPen(self.theme.colour("muted"), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())

    def _paint_labels(self, painter: QPainter, rect: QRectF, plot: QRectF, metrics: QFontMetricsF) -> None:
        """Write what the axes are of; the vertical one's begins at the plot, or before it where it needs the room."""
        line, width = metrics.height(), metrics.horizontalAdvance(self.y_label)
        left = max(rect.left(), min(plot.left(), rect.right() - width))
        label = metrics.elidedText(self.y_label, Qt.TextElideMode.ElideRight, rect.right() - left + 1)
        painter.setPen(self.theme.colour("muted"))
        painter.drawText(QPointF(left, plot.top() - 8), label)
        below = QRectF(plot.left(), plot.bottom() + line + 6, plot.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self.x_label)

    def _paint_curve(self, painter: QPainter, plot: QRectF, index: int, curve: Series) -> None:
        transform = QTransform(plot.width(), 0, 0, -plot.height(), plot.left(), plot.bottom())
        for faint in (True, False) if curve.raw is not None else (False,):
            ink = self._ink(curve.colour, faint=faint)
            painter.save()
            painter.setPen(line_pen(painter, ink, dashed=curve.dashed, width=1.0 if faint else 1.7))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setTransform(transform, True)
            painter.drawPath(self._drawn(index, faint=faint).path)
            painter.restore()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(curve.colour))
        for spot in self._drawn(index, faint=False).alone:
            painter.drawEllipse(_stretched(spot, plot), 2.5, 2.5)

    def _ink(self, colour: str, *, faint: bool) -> str:
        """A faint colour is mixed with the ground, since paper knows no opacity."""
        if not faint:
            return colour
        one, ground = QColor(colour), self.theme.colour("base")
        mixed = [
            (FAINT * a + (255 - FAINT) * b) // 255
            for a, b in zip(one.getRgb()[:3], ground.getRgb()[:3], strict=True)  # type: ignore[index]
        ]
        return QColor(*mixed).name()

    def _paint_best(self, painter: QPainter, plot: QRectF, curve: Series) -> None:
        if curve.best is None or curve.best > len(curve.values):
            return
        spot = self._point(curve, curve.best - 1, curve.unsmoothed)
        if spot is not None and -0.01 <= spot[0] <= 1.01:
            painter.setPen(QPen(QColor(curve.colour), 1.6))
            painter.setBrush(self.theme.colour("base"))
            painter.drawEllipse(_stretched(spot, plot), 4, 4)

    def _paint_band(self, painter: QPainter, plot: QRectF) -> None:
        assert self.band is not None
        ends = [plot.left() + self.x_axis.position(end) * plot.width() for end in sorted(self.band)]
        ground = self.theme.colour("accent")
        ground.setAlpha(50)
        painter.fillRect(QRectF(ends[0], plot.top(), ends[1] - ends[0], plot.height()), ground)

    def _drawn(self, index: int, *, faint: bool) -> Drawn:
        """The curve in a unit square, made once; a cosmetic pen keeps its width when it is stretched."""
        drawn = self._paths.get((index, faint))
        if drawn is None:
            curve = self.shown[index]
            near = slice(*self._near(curve))
            xs = self.x_axis.positions(curve.positions[near])
            ys = self.y_axis.positions((curve.unsmoothed if faint else curve.values)[near])
            drawn = self._paths[index, faint] = _joined(xs, ys)
        return drawn

    def _near(self, curve: Series) -> tuple[int, int]:
        """The values in the part of the axis that is shown, and one more at either side."""
        if self.span is None:
            return 0, len(curve.values)
        first, last = np.searchsorted(curve.positions, self.span, side="left")
        return max(0, int(first) - 1), min(len(curve.values), int(last) + 2)

    def _point(self, curve: Series, index: int, values: np.ndarray) -> tuple[float, float] | None:
        value, x = float(values[index]), float(curve.positions[index])
        if not math.isfinite(value) or (self.log and value <= 0) or (self.x_axis.log and x <= 0):
            return None
        return self.x_axis.position(x), self.y_axis.position(value)

    # ---- the crosshair ----

    def _paint_hover(self, painter: QPainter, plot: QRectF, metrics: QFontMetricsF) -> None:
        assert self.hover is not None
        x = plot.left() + self.x_axis.position(self.hover) * plot.width()
        painter.setPen(QPen(self.theme.colour("muted"), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        readings = self.readings()
        for reading in readings:
            self._paint_dots(painter, plot, reading)
        rows = self._rows(readings, metrics, plot)
        widths = [max(metrics.horizontalAdvance(row[0][column]) for row in rows) for column in range(len(rows[0][0]))]
        width, height = sum(widths) + 10 * (len(widths) - 1) + 14, len(rows) * metrics.height() + 8
        beside = x + 8 if x + 8 + width <= plot.right() else x - 8 - width
        left = max(plot.left() + 2, min(beside, plot.right() - width))
        box = QRectF(left, plot.top() + 2, width, height)
        painter.setPen(QPen(self.theme.colour("border"), 1))
        painter.setBrush(self.theme.colour("raised"))
        painter.drawRect(box)
        for index, (cells, colour) in enumerate(rows):
            painter.setPen(QPen(QColor(colour)))
            left = box.left() + 7
            for column, (cell, room) in enumerate(zip(cells, widths, strict=True)):
                indent = room - metrics.horizontalAdvance(cell) if column else 0.0
                painter.drawText(
                    QPointF(left + indent, box.top() + 4 + index * metrics.height() + metrics.ascent()), cell
                )
                left += room + 10

    def _paint_dots(self, painter: QPainter, plot: QRectF, reading: Reading) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(reading.colour))
        for value in reading.values:
            if value is not None and math.isfinite(value) and (value > 0 or not self.log):
                spot = self.x_axis.position(reading.x), self.y_axis.position(value)
                painter.drawEllipse(_stretched(spot, plot), 2.8, 2.8)

    def heading(self) -> str:
        """What the crosshair stands at."""
        assert self.hover is not None
        return f"epoch {self.hover:.0f}" if self.counts_epochs else f"{self.hover:.4g} {self.unit}"

    def _rows(self, readings: list[Reading], metrics: QFontMetricsF, plot: QRectF) -> list[tuple[tuple[str, ...], str]]:
        """The box of values: a heading, and a row a run, or a row a part of a single run; with their colours."""
        several = len({curve.run for curve in self.series}) > 1
        if not several:
            values = readings[0].values if readings else ()
            colour = readings[0].colour if readings else self.theme.text
            lines = [((part, _written(value)), colour) for part, value in zip(self.parts, values, strict=False)]
            return [((self.heading(), ""), self.theme.text), *lines]
        heads = self.parts if self.counts_epochs else ["epoch", *self.parts]
        room = max(1, math.floor((plot.height() - 12) / metrics.height()) - 1)
        cells = [self._cells(reading) for reading in readings]
        wide = [max(map(metrics.horizontalAdvance, column)) for column in zip(heads, *cells, strict=True)]
        left = min(NAME_WIDTH[1], max(NAME_WIDTH[0], plot.width() - sum(wide) - 10 * len(wide) - 18))
        named = [
            ((metrics.elidedText(reading.run, Qt.TextElideMode.ElideMiddle, left), *row), reading.colour)
            for reading, row in zip(readings, cells, strict=True)
        ]
        if len(named) > room:
            more = (f"… and {len(named) - room + 1} more", *("" for _ in heads))
            named = [*named[: room - 1], (more, self.theme.muted)]
        return [((self.heading(), *heads), self.theme.text), *named]

    def _cells(self, reading: Reading) -> tuple[str, ...]:
        """What is written of a run beside its name: in another epoch than the others, where time is the axis."""
        values = tuple(map(_written, reading.values))
        return values if self.counts_epochs else (str(reading.epoch), *values)


def _joined(xs: np.ndarray, ys: np.ndarray) -> Drawn:
    """Join neighbouring points that can be drawn; the others are gaps."""
    path, alone = QPainterPath(), list[tuple[float, float]]()
    there = np.concatenate([[False], np.isfinite(xs) & np.isfinite(ys), [False]])
    starts, ends = np.flatnonzero(there[1:] & ~there[:-1]), np.flatnonzero(there[:-1] & ~there[1:])
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        points = list(zip(xs[start:end].tolist(), ys[start:end].tolist(), strict=True))
        if len(points) == 1:
            alone += points
        else:
            path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points]))
    return Drawn(path, tuple(alone))


def _nearest(xs: np.ndarray, x: float) -> int | None:
    """Return the index of the value nearest to x; None where the curve has not begun or has ended."""
    if not len(xs):
        return None
    index = int(np.argmin(np.abs(xs - x)))
    step = float(xs[-1] - xs[-2]) if len(xs) > 1 and xs[-1] > xs[-2] else float(xs[-1]) or 1.0
    return index if abs(xs[index] - x) <= 0.5 * step + 1e-9 or 0 < index < len(xs) - 1 else None


def _at(curve: Series | None, index: int) -> float | None:
    return float(curve.values[index]) if curve is not None and index < len(curve.values) else None


def _written(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if math.isfinite(value) else "–"  # the legend says of a run that it has no numbers


def _stretched(spot: tuple[float, float], plot: QRectF) -> QPointF:
    return QPointF(plot.left() + spot[0] * plot.width(), plot.bottom() - spot[1] * plot.height())


def of_runs(
    theme: Theme, runs: Sequence[tuple[str, np.ndarray, np.ndarray]], *, y_label: str, log: bool
) -> CurvesFigure:
    """Return the figure of several runs' (name, training loss, validation loss)."""
    series = []
    for index, (name, train, validation) in enumerate(runs):
        colour = theme.series[index % len(theme.series)]
        series += [
            Series(name, part, values, colour, dashed)
            for part, values, dashed in (("train", train, True), ("validation", validation, False))
            if len(values)
        ]
    return CurvesFigure(theme, tuple(series), y_label, log)
