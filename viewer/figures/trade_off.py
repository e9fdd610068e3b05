"""Bottleneck size against error: a point a model, and the curve of principal components beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen

from viewer.figures import ticks
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.state.trade_off import rank_correlation as rank_correlation

ToPoint = Callable[[float, float], QPointF]
REACH = 12.0  # how far from a point the pointer may be to mean it
NAME_GAP = 8.0
RIGHT = 90.0  # what is left beside the plot for names, where all of them are written


@dataclass(frozen=True)
class Point:
    """One model: how many values its bottleneck has, its error, the sheet's, and PCA's with as many values.

    group   what it is compared within; each has a curve of PCA
    family  what has a colour of its own, '' for the group
    pca_at  where PCA stands on the axis of sizes, None for where the model does
    hollow  whether its figure says nothing yet
    chosen  whether it is selected
    """

    name: str
    size: float
    error: float
    published: float | None = None
    pca: float | None = None
    group: str = ""
    family: str = ""
    pca_at: float | None = None
    hollow: bool = False
    chosen: bool = False

    @property
    def errors(self) -> list[float]:
        return [value for value in (self.error, self.published, self.pca) if value is not None]

    @property
    def sizes(self) -> list[float]:
        return [self.size] if self.pca is None or self.pca_at is None else [self.size, self.pca_at]


@dataclass(frozen=True, eq=False)
class TradeOffFigure(Figure):
    """Sizes on a logarithmic axis; filled dots are measured, rings are the sheet's, lines are PCA.

    least       errors below are drawn here: PCA of all values has none
    log         whether the axis of errors is logarithmic
    name_all    whether every point is named, however far from it; otherwise the chosen, and others where there is room
    hover       which of the points the pointer or the keyboard is on
    """

    theme: Theme
    points: tuple[Point, ...]
    x_label: str = "values in the bottleneck"
    y_label: str = "mean squared error on the test split"
    least: float = 1e-5
    log: bool = True
    name_all: bool = True
    hover: int | None = None

    @cached_property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(point.group for point in self.points))

    @cached_property
    def families(self) -> list[str]:
        return list(dict.fromkeys(point.family or point.group for point in self.points))

    @cached_property
    def y_axis(self) -> ticks.Axis:
        errors = [error for point in self.points for error in point.errors if math.isfinite(error)]
        low, high = (min(errors), max(errors)) if errors else (0.1, 1.0)
        if not self.log:
            return ticks.linear_axis(low, high)
        return ticks.logarithmic_axis(max(low, self.least), max(high, self.least))

    @cached_property
    def _span(self) -> tuple[float, float]:
        """The ends of the axis of sizes, as logarithms: a little more than the points need."""
        sizes = [math.log(size) for point in self.points for size in point.sizes if size > 0]
        return (min(sizes) - 0.4, max(sizes) + 0.4) if sizes else (0.0, 1.0)

    def colour_of(self, point: Point) -> str:
        """A family's colour; the accent where there is only one."""
        if len(self.families) == 1:
            return self.theme.accent
        return self._colour(point.family or point.group)

    def _colour(self, family: str) -> str:
        return self.theme.series[self.families.index(family) % len(self.theme.series)]

    # ---- geometry ----

    def plot_rect(self, paper: Paper) -> QRectF:
        """Return where the points lie: what legend, ticks and labels leave."""
        rect, metrics = paper.rect, paper.metrics
        line = math.ceil(metrics.height())
        left = max(metrics.horizontalAdvance(text) for text in self.y_axis.labels) + 10
        right = RIGHT if self.name_all else 12.0
        lines = len({y for _, _, _, y in self._legend(paper)})
        top = (lines + 1) * line + 10
        return QRectF(
            rect.left() + left, rect.top() + top, rect.width() - left - right, rect.height() - top - 2 * line - 12
        )

    def _transform(self, plot: QRectF) -> ToPoint:
        low, high = self._span
        axis = self.y_axis

        def to_point(size: float, error: float) -> QPointF:
            x = plot.left() + (math.log(size) - low) / (high - low) * plot.width()
            return QPointF(x, plot.bottom() - axis.position(max(error, axis.low)) * plot.height())

        return to_point

    def hit(self, where: QPointF, paper: Paper) -> int | None:
        """Return which of the points is nearest to a position, if it is near."""
        to_point = self._transform(self.plot_rect(paper))
        far = [_distance(to_point(point.size, point.error), where) for point in self.points]
        nearest = min(range(len(far)), key=far.__getitem__, default=None)
        return nearest if nearest is not None and far[nearest] <= REACH else None

    def spot_of(self, index: int, paper: Paper) -> QPointF:
        """Return where a point is painted."""
        point = self.points[index]
        return self._transform(self.plot_rect(paper))(point.size, point.error)

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint legend, axes and points inside `rect`."""
        rect, metrics = paper.rect, paper.metrics
        plot = self.plot_rect(paper)
        if not self.points or plot.width() < 20 or plot.height() < 20:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axes(painter, rect, plot, metrics)
        self._paint_legend(painter, paper)
        to_point = self._transform(plot)
        for group in self.groups:
            self._paint_pca(painter, to_point, [point for point in self.points if point.group == group])
        for index, point in enumerate(self.points):
            self._paint_point(painter, to_point, point, pointed_at=index == self.hover)
        self._paint_names(painter, plot.adjusted(0, -4, 10, -2), to_point, metrics)

    def _paint_axes(self, painter: QPainter, rect: QRectF, plot: QRectF, metrics: QFontMetricsF) -> None:
        line = metrics.height()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        above = math.inf
        for tick, text in zip(self.y_axis.ticks, self.y_axis.labels, strict=True):
            y = plot.bottom() - self.y_axis.position(tick) * plot.height()
            if above - y < line - 3:
                continue  # it would lie over the one below
            above = y
            painter.setPen(QPen(self.theme.colour("grid"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(self.theme.colour("muted"))
            painter.drawText(QRectF(plot.left() - 106, y - line / 2, 100, line), right, text)
        self._paint_sizes(painter, plot, metrics)
        painter.setPen(QPen(self.theme.colour("muted"), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        left = max(rect.left(), min(plot.left(), rect.right() - metrics.horizontalAdvance(self.y_label)))
        painter.drawText(QPointF(left, plot.top() - 8), self.y_label)
        below = QRectF(plot.left(), plot.bottom() + line + 6, plot.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self.x_label)

    def _paint_sizes(self, painter: QPainter, plot: QRectF, metrics: QFontMetricsF) -> None:
        """Mark every size; write those that have room, so that no number is torn or lies over another."""
        to_point, end = self._transform(plot), -math.inf
        painter.setPen(self.theme.colour("muted"))
        for size in sorted({point.size for point in self.points}):
            x, text = to_point(size, self.y_axis.high).x(), f"{size:,.0f}"
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 4))
            width = metrics.horizontalAdvance(text)
            if x - width / 2 > end:
                painter.drawText(QPointF(x - width / 2, plot.bottom() + 5 + metrics.ascent()), text)
                end = x + width / 2 + 6

    def _legend(self, paper: Paper) -> list[tuple[str, str, float, float]]:
        """What the legend says and where: the marks, and the groups where there are several."""
        rect, metrics = paper.rect, paper.metrics
        entries = [("dot", "measured")]
        if any(point.hollow for point in self.points):
            entries.append(("hollow", "unfinished"))
        if any(point.published is not None for point in self.points):
            entries.append(("ring", "the sheet's"))
        if any(point.pca is not None for point in self.points):
            entries.append(("line", "PCA with as many values"))
        if len(self.families) > 1:
            entries += [(f"family {family}", family) for family in self.families]
        legend, x, y = [], 0.0, 0.0
        for kind, text in entries:
            width = 24 + metrics.horizontalAdvance(text)
            if x > 0 and x + width > rect.width():
                x, y = 0.0, y + metrics.height()
            legend.append((kind, text, rect.left() + x, rect.top() + y))
            x += width + 14
        return legend

    def _paint_legend(self, painter: QPainter, paper: Paper) -> None:
        metrics = paper.metrics
        for kind, text, x, y in self._legend(paper):
            middle = y + metrics.height() / 2
            family = text if kind.startswith("family ") else None
            ink = self.theme.accent if len(self.families) == 1 else self.theme.muted
            if family is not None:
                ink = self._colour(family)
            painter.setPen(QPen(QColor(self.theme.muted if kind == "line" else ink), 1.7))
            painter.setBrush(QColor(ink) if kind == "dot" or family is not None else Qt.BrushStyle.NoBrush)
            if kind == "line":
                painter.drawLine(QPointF(x, middle), QPointF(x + 18, middle))
            else:
                radius = 5.5 if kind == "ring" else 3.5
                painter.drawEllipse(QPointF(x + 9, middle), radius, radius)
            painter.setPen(self.theme.colour("text"))
            painter.drawText(QPointF(x + 24, y + metrics.ascent()), text)

    def _paint_pca(self, painter: QPainter, to_point: ToPoint, points: Sequence[Point]) -> None:
        known = {point.pca_at or point.size: point.pca for point in points if point.pca is not None}
        path = QPainterPath()
        for index, size in enumerate(sorted(known)):
            spot = to_point(size, known[size])
            move = path.lineTo if index else path.moveTo
            move(spot)
        ink = self.theme.muted if len(self.families) == 1 else self.colour_of(points[0])
        painter.setPen(QPen(QColor(ink), 1.7))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        painter.setBrush(QColor(ink))
        for size, error in known.items() if len(known) == 1 else ():
            spot = to_point(size, error)  # one alone is no line
            painter.drawLine(spot - QPointF(5, 0), spot + QPointF(5, 0))

    def _paint_point(self, painter: QPainter, to_point: ToPoint, point: Point, *, pointed_at: bool) -> None:
        spot, ink = to_point(point.size, point.error), QColor(self.colour_of(point))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if point.published is not None:
            painter.setPen(QPen(ink, 1.5))
            painter.drawEllipse(to_point(point.size, point.published), 5.5, 5.5)
        if point.chosen or pointed_at:
            painter.setPen(QPen(self.theme.colour("text"), 1.6 if point.chosen else 1.0))
            painter.drawEllipse(spot, 7, 7)
        painter.setPen(QPen(ink, 1.4))
        painter.setBrush(self.theme.colour("base") if point.hollow else ink)
        painter.drawEllipse(spot, 3.5, 3.5)

    def _paint_names(self, painter: QPainter, rect: QRectF, to_point: ToPoint, metrics: QFontMetricsF) -> None:
        """Write names, none over another: those of points that share a size stand below one another."""
        spots = [to_point(point.size, point.error) for point in self.points]
        taken = [QRectF(spot.x() - 5, spot.y() - 5, 10, 10) for spot in spots]
        rings = [to_point(point.size, point.published) for point in self.points if point.published is not None]
        if not self.name_all:
            taken += [QRectF(ring.x() - 6, ring.y() - 6, 12, 12) for ring in rings]
        order = sorted(range(len(self.points)), key=lambda index: (not self.points[index].chosen, -spots[index].y()))
        if self.name_all:
            order = sorted(range(len(self.points)), key=lambda index: -self.points[index].error)
        for index in order:
            point, spot = self.points[index], spots[index]
            size = QRectF(0, 0, metrics.horizontalAdvance(point.name), metrics.height())
            box = _below(size, spot, taken) if self.name_all else _beside(size, spot, taken, rect)
            if box is None:
                continue
            taken.append(box)
            painter.setPen(self.theme.colour("muted" if point.hollow and not point.chosen else "text"))
            painter.drawText(QPointF(box.left(), box.top() + metrics.ascent()), point.name)


def _distance(one: QPointF, other: QPointF) -> float:
    return math.hypot(one.x() - other.x(), one.y() - other.y())


def _below(size: QRectF, spot: QPointF, taken: Sequence[QRectF]) -> QRectF:
    """Where a name is free of others, at the right of a point, or further down."""
    box = QRectF(spot.x() + NAME_GAP, spot.y() - size.height() / 2, size.width(), size.height())
    while any(box.intersects(other) for other in taken):
        box.translate(0, 2)
    return box


def _beside(size: QRectF, spot: QPointF, taken: Sequence[QRectF], rect: QRectF) -> QRectF | None:
    """Where a name is free of others: right of a point, left, above or below; None if nowhere."""
    width, height = size.width(), size.height()
    corners = (
        (NAME_GAP, -height / 2),
        (-NAME_GAP - width, -height / 2),
        (-width / 2, -height - 6),
        (-width / 2, 6.0),
    )
    for x, y in corners:
        box = QRectF(spot.x() + x, spot.y() + y, width, height)
        if rect.contains(box) and not any(box.intersects(other) for other in taken):
            return box
    return None
