"""Loss curves: axes with ticks, one colour a run, dashes for training and a line for validation, a legend."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen, QTransform

from viewer.figures import ticks
from viewer.figures.theme import Theme

SAMPLE_WIDTH = 22.0  # of a line in the legend
LEGEND_SHARE = 1 / 3  # of the height; what has no room in it is counted

Named = tuple[str, str, bool]  # text, colour ('' draws no line), dashed


@dataclass(frozen=True, eq=False)
class Series:
    """One curve: values by epoch from 1; what is not finite is a gap."""

    run: str
    part: str
    values: np.ndarray
    colour: str
    dashed: bool


@dataclass(frozen=True, eq=False)
class CurvesFigure:
    """Several curves over one axis of epochs; `hover` is an epoch whose values are written out."""

    theme: Theme
    series: tuple[Series, ...]
    y_label: str
    log: bool = False
    hover: int | None = None
    _paths: dict[int, QPainterPath] = field(default_factory=dict)

    @cached_property
    def x_axis(self) -> ticks.Axis:
        return ticks.counting(1, max(len(curve.values) for curve in self.series))

    @cached_property
    def y_axis(self) -> ticks.Axis:
        values = np.concatenate([curve.values for curve in self.series])
        usable = values[np.isfinite(values) & ((values > 0) | (not self.log))]
        low, high = (float(usable.min()), float(usable.max())) if usable.size else (0.1, 1.0)
        return ticks.logarithmic(low, high) if self.log else ticks.linear(low, high)

    def with_hover(self, epoch: int | None) -> CurvesFigure:
        """Return the same figure with another epoch pointed at; axes and paths are kept."""
        copy = CurvesFigure(self.theme, self.series, self.y_label, self.log, epoch, self._paths)
        copy.__dict__.update(x_axis=self.x_axis, y_axis=self.y_axis)
        return copy

    # ---- geometry ----

    def plot_rect(self, rect: QRectF, metrics: QFontMetricsF) -> QRectF:
        """Return where the curves lie: what legend, ticks and labels leave."""
        line = metrics.height()
        left = max(metrics.horizontalAdvance(text) for text in self.y_axis.labels) + 10
        legend = len({place.y() for _, place in self.legend(rect, metrics)})
        top = legend * (line + 2) + line + 8
        return QRectF(
            rect.left() + left, rect.top() + top, rect.width() - left - 12, rect.height() - top - 2 * line - 12
        )

    def epoch_at(self, point: QPointF, rect: QRectF, metrics: QFontMetricsF) -> int | None:
        """Return the epoch under a point of the plot."""
        plot = self.plot_rect(rect, metrics)
        if not plot.adjusted(-4, -4, 4, 4).contains(point) or plot.width() <= 0:
            return None
        place = (point.x() - plot.left()) / plot.width()
        epoch = round(self.x_axis.low + place * (self.x_axis.high - self.x_axis.low))
        return max(1, min(epoch, max(len(curve.values) for curve in self.series)))

    def _entries(self, runs_named: int | None = None) -> list[Named]:
        """The legend: one entry a run while there are several, so many of them named, and the two kinds of line."""
        runs = list(dict.fromkeys((curve.run, curve.colour) for curve in self.series))
        if len(runs) == 1:
            return [(curve.part, curve.colour, curve.dashed) for curve in self.series]
        parts = dict.fromkeys((curve.part, self.theme.muted, curve.dashed) for curve in self.series)
        named = [(name, colour, False) for name, colour in runs[:runs_named]]
        more = len(runs) - len(named)
        return [*named, *([(f"… and {more} more", "", False)] if more else []), *parts]

    def legend(self, rect: QRectF, metrics: QFontMetricsF) -> list[tuple[Named, QPointF]]:
        """Return what the legend holds and where: as many runs as a third of the height takes."""
        lines = max(1, math.floor(rect.height() * LEGEND_SHARE / (metrics.height() + 2)))
        everything = self._entries()
        placed = _flow(everything, rect, metrics)
        if _fits(placed, lines):
            return placed
        most = len({curve.run for curve in self.series}) - 1
        few = bisect_left(range(most + 1), True, key=lambda n: not _fits(_flow(self._entries(n), rect, metrics), lines))
        return _flow(self._entries(max(0, few - 1)), rect, metrics)

    # ---- painting ----

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint legend, axes and curves inside `rect`."""
        if not self.series:
            return
        metrics = QFontMetricsF(painter.font(), painter.device())
        plot = self.plot_rect(rect, metrics)
        if plot.width() < 20 or plot.height() < 20:
            return
        self._paint_legend(painter, rect, metrics)
        self._paint_axes(painter, plot, metrics)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(plot.adjusted(-1, -2, 1, 2))
        for index, curve in enumerate(self.series):
            self._paint_curve(painter, plot, index, curve)
        painter.restore()
        if self.hover is not None:
            self._paint_hover(painter, plot, metrics)

    def _paint_legend(self, painter: QPainter, rect: QRectF, metrics: QFontMetricsF) -> None:
        line = metrics.height()
        for (text, colour, dashed), place in self.legend(rect, metrics):
            middle = math.floor(place.y() + line / 2)  # on whole pixels, so that all are of one width
            if colour:
                painter.setPen(_pen(painter, colour, dashed=dashed))
                painter.drawLine(QPointF(place.x(), middle), QPointF(place.x() + SAMPLE_WIDTH, middle))
            left = place.x() + (SAMPLE_WIDTH + 6 if colour else 0)
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, rect.right() - left)
            painter.setPen(self.theme.colour("text" if colour else "muted"))
            painter.drawText(QPointF(left, place.y() + metrics.ascent()), shown)

    def _paint_axes(self, painter: QPainter, plot: QRectF, metrics: QFontMetricsF) -> None:
        line = metrics.height()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for tick, text in zip(self.y_axis.ticks, self.y_axis.labels, strict=True):
            y = plot.bottom() - self.y_axis.place(tick) * plot.height()
            painter.setPen(QPen(self.theme.colour("grid"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(self.theme.colour("muted"))
            painter.drawText(QRectF(plot.left() - 106, y - line / 2, 100, line), right, text)
        for tick, text in zip(self.x_axis.ticks, self.x_axis.labels, strict=True):
            x = plot.left() + self.x_axis.place(tick) * plot.width()
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 4))
            box = QRectF(x - 40, plot.bottom() + 5, 80, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, text)
        painter.setPen(QPen(self.theme.colour("muted"), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        told = metrics.elidedText(self.y_label, Qt.TextElideMode.ElideRight, plot.width() + 8)
        painter.drawText(QPointF(plot.left(), plot.top() - 8), told)
        below = QRectF(plot.left(), plot.bottom() + line + 6, plot.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, "epoch")

    def _paint_curve(self, painter: QPainter, plot: QRectF, index: int, curve: Series) -> None:
        painter.save()
        painter.setPen(_pen(painter, curve.colour, dashed=curve.dashed))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        transform = QTransform(plot.width(), 0, 0, -plot.height(), plot.left(), plot.bottom())
        if np.count_nonzero(np.isfinite(curve.values)) == 1:
            self._paint_dot(painter, plot, curve)
        painter.setTransform(transform, True)
        painter.drawPath(self._path(index))
        painter.restore()

    def _paint_dot(self, painter: QPainter, plot: QRectF, curve: Series) -> None:
        epoch = int(np.flatnonzero(np.isfinite(curve.values))[0]) + 1
        place = self._point(curve, epoch)
        if place:
            painter.setBrush(painter.pen().color())
            centre = QPointF(plot.left() + place[0] * plot.width(), plot.bottom() - place[1] * plot.height())
            painter.drawEllipse(centre, 2.5, 2.5)

    def _path(self, index: int) -> QPainterPath:
        """The curve in a unit square, made once; a cosmetic pen keeps its width when it is stretched."""
        path = self._paths.get(index)
        if path is None:
            path, joined = QPainterPath(), False
            curve = self.series[index]
            for epoch in range(1, len(curve.values) + 1):
                place = self._point(curve, epoch)
                if place is not None and joined:
                    path.lineTo(*place)
                elif place is not None:
                    path.moveTo(*place)
                joined = place is not None
            self._paths[index] = path
        return path

    def _point(self, curve: Series, epoch: int) -> tuple[float, float] | None:
        value = float(curve.values[epoch - 1])
        if not math.isfinite(value) or (self.log and value <= 0):
            return None
        return self.x_axis.place(epoch), self.y_axis.place(value)

    def _paint_hover(self, painter: QPainter, plot: QRectF, metrics: QFontMetricsF) -> None:
        assert self.hover is not None
        x = plot.left() + self.x_axis.place(self.hover) * plot.width()
        painter.setPen(QPen(self.theme.colour("muted"), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        several = len({curve.run for curve in self.series}) > 1
        heading = f"epoch {self.hover}" + (", validation" if several else "")
        values = self._values_at(self.hover)
        room = max(1, math.floor((plot.height() - 12) / metrics.height()) - 1)
        if len(values) > room:
            values = [*values[: room - 1], (f"… and {len(values) - room + 1} more", self.theme.muted)]
        lines = [(heading, self.theme.text), *values]
        width = max(metrics.horizontalAdvance(text) for text, _ in lines) + 14
        height = len(lines) * metrics.height() + 8
        beside = x + 8 if x + 8 + width <= plot.right() else x - 8 - width
        left = max(plot.left() + 2, min(beside, plot.right() - width))
        box = QRectF(left, plot.top() + 2, width, height)
        painter.setPen(QPen(self.theme.colour("border"), 1))
        painter.setBrush(self.theme.colour("raised"))
        painter.drawRect(box)
        for index, (text, colour) in enumerate(lines):
            painter.setPen(QPen(colour))
            place = QPointF(box.left() + 7, box.top() + 4 + index * metrics.height() + metrics.ascent())
            painter.drawText(place, text)

    def _values_at(self, epoch: int) -> list[tuple[str, str]]:
        """What is written at an epoch: both losses of a single run, the validation loss of several."""
        several = len({curve.run for curve in self.series}) > 1
        return [
            (f"{curve.run if several else curve.part}  {curve.values[epoch - 1]:.5g}", curve.colour)
            for curve in self.series
            if not (several and curve.dashed)
            if epoch <= len(curve.values) and math.isfinite(curve.values[epoch - 1])
        ]


def _flow(entries: Sequence[Named], rect: QRectF, metrics: QFontMetricsF) -> list[tuple[Named, QPointF]]:
    """Place entries from left to right and then below."""
    placed, x, y = [], 0.0, 0.0
    for entry in entries:
        width = (SAMPLE_WIDTH + 6 if entry[1] else 0) + metrics.horizontalAdvance(entry[0]) + 16
        if x > 0 and x + width > rect.width():
            x, y = 0.0, y + metrics.height() + 2
        placed.append((entry, QPointF(rect.left() + x, rect.top() + y)))
        x += width
    return placed


def _fits(placed: Sequence[tuple[Named, QPointF]], lines: int) -> bool:
    return len({place.y() for _, place in placed}) <= lines


def _pen(painter: QPainter, colour: str, *, dashed: bool = False) -> QPen:
    """A line's pen: a cosmetic pen counts device pixels, so its width grows with the display's ratio."""
    pen = QPen(colour)
    pen.setWidthF(1.7 * painter.device().devicePixelRatioF())
    pen.setCosmetic(True)
    if dashed:
        pen.setDashPattern([4, 3])
    return pen


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
