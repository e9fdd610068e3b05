"""Bottleneck size against error: a point a model, and the curve of principal components beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from viewer.figures.chart import legend, names, ticks
from viewer.figures.chart.axes import Axes, plot_in
from viewer.figures.chart.legend import LegendEntry, LegendLayout
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.state.trade_off import rank_correlation as rank_correlation

DOT, RING, CHOSEN_RING = 3.5, 5.5, 7.0
LEAST = 1e-5  # errors below are drawn here: PCA of all values has none
REACH = 12.0  # how far from a point the pointer may be to mean it
RIGHT = 90.0  # what is left beside the plot for names, where all of them are written


@dataclass(frozen=True)
class Point:
    """One model: how many values its bottleneck has, its error, the sheet's, and PCA's with as many values.

    group   what it is compared within; each has a curve of PCA
    family  what has a colour of its own, '' for the group
    pca_at  where PCA stands on the axis of sizes, None for where the model does
    hollow  whether its figure says nothing yet
    chosen  whether it is selected
    colour  its run's own, '' for that of its family
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
    colour: str = ""

    @property
    def errors(self) -> list[float]:
        return [value for value in (self.error, self.published, self.pca) if value is not None]

    @property
    def sizes(self) -> list[float]:
        return [self.size] if self.pca is None or self.pca_at is None else [self.size, self.pca_at]


@dataclass(frozen=True, eq=False)
class TradeOffFigure(Figure):
    """Sizes on a logarithmic axis; filled dots are measured, rings are the sheet's, lines are PCA.

    log         whether the axis of errors is logarithmic
    name_all    whether every point is named, however far from it; otherwise the chosen, and others where there is room
    hover       which of the points the pointer or the keyboard is on
    """

    theme: Theme
    points: tuple[Point, ...]
    x_label: str = "values in the bottleneck"
    y_label: str = "mean squared error on the test split"
    log: bool = True
    name_all: bool = True
    hover: int | None = None

    @cached_property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(point.group for point in self.points))

    @cached_property
    def families(self) -> list[str]:
        return list(dict.fromkeys(point.family or point.group for point in self.points))

    @property
    def _by_run(self) -> bool:
        """Whether colours tell runs, not families."""
        return any(point.colour for point in self.points)

    @cached_property
    def y_axis(self) -> ticks.Axis:
        errors = [error for point in self.points for error in point.errors if math.isfinite(error)]
        low, high = (min(errors), max(errors)) if errors else (0.1, 1.0)
        if not self.log:
            return ticks.linear_axis(low, high)
        return ticks.logarithmic_axis(max(low, LEAST), max(high, LEAST))

    @cached_property
    def x_axis(self) -> ticks.Axis:
        """Sizes, and a little more than the points need."""
        sizes = [size for point in self.points for size in point.sizes if size > 0]
        ends = (min(sizes) * math.exp(-0.4), max(sizes) * math.exp(0.4)) if sizes else (1.0, math.e)
        sizes = sorted({point.size for point in self.points})
        return ticks.Axis(*ends, True, tuple(sizes), tuple(f"{size:,.0f}" for size in sizes))

    def colour_of(self, point: Point) -> str:
        """The run's own colour, or its family's; the accent where there is only one."""
        if point.colour or len(self.families) == 1:
            return point.colour or self.theme.accent
        return self._colour(point.family or point.group)

    def _colour(self, family: str) -> str:
        return self.theme.run_colour(self.families.index(family)).name()

    # ---- geometry ----

    def axes(self, paper: Paper) -> Axes:
        """Return the axes in what legend, ticks and labels leave."""
        above = legend.height_of(self._legend(paper), paper) + paper.line + 10
        right = RIGHT if self.name_all else 12.0
        plot = plot_in(paper, self.y_axis, above=above, below=2 * paper.line + 12, right=right)
        return Axes(self.theme, plot, self.x_axis, self.y_axis)

    def _spot(self, axes: Axes, size: float, error: float) -> QPointF:
        return axes.spot(size, max(error, axes.y.low))

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return which of the models is nearest to a position, if it is near."""
        far = [QLineF(spot, point).length() for spot in self._spots(self.axes(paper))]
        nearest = min(range(len(far)), key=far.__getitem__, default=None)
        return nearest if nearest is not None and far[nearest] <= REACH else None

    def spot_of(self, index: int, paper: Paper) -> QPointF:
        """Return where a point is painted."""
        return self._spots(self.axes(paper))[index]

    def _spots(self, axes: Axes) -> list[QPointF]:
        return [self._spot(axes, point.size, point.error) for point in self.points]

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint legend, axes and points."""
        axes = self.axes(paper)
        if not self.points or axes.is_too_small:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        axes.paint_rows(painter, paper)
        axes.paint_columns(painter, paper)
        axes.paint_labels(painter, paper, self.x_label, self.y_label)
        legend.paint(painter, self._legend(paper), self.theme, paper)
        for group in self.groups:
            self._paint_pca(painter, axes, [point for point in self.points if point.group == group])
        for index, point in sorted(enumerate(self.points), key=lambda each: each[1].chosen):  # the chosen on top
            self._paint_point(painter, axes, point, pointed_at=index == self.hover)
        self._paint_names(painter, axes.plot.adjusted(0, -4, 10, -2), axes, paper)

    def _legend(self, paper: Paper) -> LegendLayout:
        """What the legend holds and where: the marks, and the families where there are several with colours."""
        one_colour = len(self.families) == 1 and not self._by_run
        plain = self.theme.accent if one_colour else self.theme.muted
        entries = [LegendEntry("part", "", "measured", self.theme.text if self._by_run else plain, mark="dot")]
        if any(point.colour and not point.chosen for point in self.points):
            entries.append(LegendEntry("part", "", "runs not shown", plain, mark="dot"))
        if any(point.hollow for point in self.points):
            entries.append(LegendEntry("part", "", "unfinished", plain, mark="hollow"))
        if any(point.published is not None for point in self.points):
            entries.append(LegendEntry("part", "", "the sheet's", plain, mark="ring"))
        if any(point.pca is not None for point in self.points):
            entries.append(LegendEntry("part", "", "PCA with as many components", self.theme.muted))
        if len(self.families) > 1 and not self._by_run:
            entries += [LegendEntry("run", name, name, self._colour(name), mark="dot") for name in self.families]
        return legend.place(entries, paper)

    def _paint_pca(self, painter: QPainter, axes: Axes, points: Sequence[Point]) -> None:
        known = {point.pca_at or point.size: point.pca for point in points if point.pca is not None}
        path = QPainterPath()
        for index, size in enumerate(sorted(known)):
            spot = self._spot(axes, size, known[size])
            move = path.lineTo if index else path.moveTo
            move(spot)
        ink = self.theme.muted if len(self.groups) == 1 or self._by_run else self.colour_of(points[0])
        painter.setPen(QPen(QColor(ink), 1.7))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        painter.setBrush(QColor(ink))
        for size, error in known.items() if len(known) == 1 else ():
            spot = self._spot(axes, size, error)  # one alone is no line
            painter.drawLine(spot - QPointF(5, 0), spot + QPointF(5, 0))

    def _paint_point(self, painter: QPainter, axes: Axes, point: Point, *, pointed_at: bool) -> None:
        spot, ink = self._spot(axes, point.size, point.error), QColor(self.colour_of(point))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if point.published is not None:
            painter.setPen(QPen(ink, 1.5))
            painter.drawEllipse(self._spot(axes, point.size, point.published), RING, RING)
        if point.chosen or pointed_at:
            painter.setPen(QPen(self.theme.colour("text"), 1.6 if point.chosen else 1.0))
            painter.drawEllipse(spot, CHOSEN_RING, CHOSEN_RING)
        painter.setPen(QPen(ink, 1.4))
        painter.setBrush(self.theme.colour("base") if point.hollow else ink)
        painter.drawEllipse(spot, DOT, DOT)

    def _paint_names(self, painter: QPainter, rect: QRectF, axes: Axes, paper: Paper) -> None:
        """Write names, none over another: those of points that share a size stand below one another."""
        spots, plot, line = self._spots(axes), paper if self.name_all else paper.at(rect), self.theme.colour("muted")
        rings = [(point.size, point.published) for point in self.points if point.published is not None]
        taken = [_around(spot, 5) for spot in spots] + [_around(self._spot(axes, *ring), 6) for ring in rings]
        for index in self._named_order(spots):
            point, spot = self.points[index], spots[index]
            box = names.find(point.name, spot, taken, plot, far=paper.rect.height() if self.name_all else paper.line)
            if box is not None:
                taken.append(box)
                pale = not point.chosen and (point.hollow or self._by_run)
                colour = self.theme.colour("muted" if pale else "text")
                names.write(painter, point.name, box, spot, colour, line, paper)
        for group in self.groups if self._by_run and len(self.groups) > 1 else ():  # whose lines have one colour
            ends = [(p.pca_at or p.size, p.pca) for p in self.points if p.group == group and p.pca is not None]
            spot, text = self._spot(axes, *min(ends)) if ends else QPointF(), f"PCA, {group}"
            box = names.find(text, spot, taken, plot, far=paper.line) if ends else None
            if box is not None:
                names.write(painter, text, box, spot, line, line, paper)

    def _named_order(self, spots: Sequence[QPointF]) -> list[int]:
        """Which names are placed first: from the top, or the chosen ones and then from the foot."""
        if self.name_all:
            return sorted(range(len(spots)), key=lambda index: -self.points[index].error)
        return sorted(range(len(spots)), key=lambda index: (not self.points[index].chosen, -spots[index].y()))


def _around(spot: QPointF, reach: float) -> QRectF:
    return QRectF(spot.x() - reach, spot.y() - reach, 2 * reach, 2 * reach)
