"""The plane of two latent values: encoded images as points, a cross hair, and what is decoded there.

Several runs' planes stand beside one another and share range and cross hair.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPaintEngine, QPainter, QPen, QPolygonF, QTransform

from viewer.figures import arrange
from viewer.figures.chart import legend, ticks
from viewer.figures.chart.axes import Axes
from viewer.figures.chart.legend import LegendEntry, LegendLayout
from viewer.figures.image_grid import ImageGrid
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme
from viewer.figures.tiles import after_swatch, sheet_of
from viewer.state.latent import Range

DOT = 5.0  # a point's width
RING = 8.0  # a ring's radius
GAP = 12.0
LEAST_PICTURE = 96.0  # of what is decoded, where it stands below its plane
WIDEST_PLANE = 0.7  # of a cell's width, where the decoded picture stands beside it
GOLDEN_ANGLE = 137.508  # degrees between the hues of classes beyond the theme's own colours
GROUND_OPACITY = 0.6


@dataclass(frozen=True, eq=False)
class Cloud:
    """Encoded images: points float32 (N, 2), and of each its class (N,)."""

    points: np.ndarray
    classes: np.ndarray

    @cached_property
    def polygons(self) -> Mapping[int, QPolygonF]:
        """The points of each class, in the plane's own coordinates."""
        return {
            int(label): QPolygonF([QPointF(x, y) for x, y in self.points[self.classes == label].tolist()])
            for label in np.unique(self.classes)
        }


@dataclass(frozen=True, eq=False)
class Ground:
    """What the decoder makes of a range, uint8 (side², H, W, 3), row by row."""

    range: Range
    pixels: np.ndarray

    @cached_property
    def image(self) -> QImage:
        return sheet_of(self.pixels, math.isqrt(len(self.pixels)))


@dataclass(frozen=True, eq=False)
class Plane:
    """One run's plane; `rings` are the page's images, (n, 2), `decoded` uint8 (H, W, 3); a sentence where it fails."""

    title: str
    note: str = ""
    cloud: Cloud | None = None
    rings: np.ndarray | None = None
    decoded: np.ndarray | None = None
    ground: Ground | None = None
    sentence: str = ""
    colour: str = ""  # of the run, #rrggbb


class PlanePoint(NamedTuple):
    """A point of a plane."""

    plane: int
    x: float
    y: float


class Ring(NamedTuple):
    """An encoded image of the page, and where it lies in the plane."""

    image: int
    x: float
    y: float


@dataclass(frozen=True)
class PlaneLayout:
    """Where one plane's parts stand."""

    cell: QRectF
    plot: QRectF
    picture: QRectF


@dataclass(frozen=True, eq=False)
class LatentPlaneFigure(Figure):
    """Planes side by side; `names` are those of the classes, for the legend; `chosen` is the ring that is filled."""

    theme: Theme
    range: Range
    cross: tuple[float, float]
    planes: tuple[Plane, ...]
    names: Mapping[int, str] = field(default_factory=dict)
    chosen: int = 0
    description: str = ""
    _background: dict[tuple[float, ...], QImage] = field(default_factory=dict)  # what a moving cross hair leaves alone

    def at(self, cross: tuple[float, float], decoded: Sequence[np.ndarray | None]) -> LatentPlaneFigure:
        """Return the same figure with the cross hair elsewhere, and what each plane's decoder makes of that point."""
        planes = tuple(replace(plane, decoded=made) for plane, made in zip(self.planes, decoded, strict=True))
        return replace(self, cross=cross, planes=planes)

    # ---- layout ----

    def layout(self, paper: Paper) -> tuple[PlaneLayout, ...]:
        """Place the planes, below the legend."""
        above = legend.height_of(self._legend(paper), paper)
        pictured = [not plane.sentence for plane in self.planes]
        cells = arrange.cells_and_lines(paper.at(paper.rect.adjusted(0, above, 0, 0)), pictured)
        return tuple(
            self._arrange(paper.at(cell)) if there else PlaneLayout(cell, QRectF(), QRectF())
            for cell, there in zip(cells, pictured, strict=True)
        )

    def _arrange(self, paper: Paper) -> PlaneLayout:
        """A square plane; the picture beside it in a wide cell, below it in a tall one."""
        cell, line = paper.rect, paper.line
        left = paper.metrics.horizontalAdvance("−0.00") + 8
        head = line * (1 + any(plane.note for plane in self.planes)) + 6 if self._has_heads else 4.0
        room = cell.adjusted(left, head, 0, -(line + 8))
        if cell.width() > 1.25 * cell.height():
            side = max(1.0, min(room.height(), WIDEST_PLANE * room.width()))
            plot = QRectF(room.left(), room.top(), side, side)
            picture = QRectF(plot.right() + GAP, plot.top(), cell.right() - plot.right() - GAP, side)
        else:
            least = min(LEAST_PICTURE + line, 0.35 * room.height())  # the line is its title's
            side = max(1.0, min(room.width(), room.height() - least - GAP))
            plot = QRectF(room.left(), room.top(), side, side)
            top = plot.bottom() + line + 8 + GAP
            picture = QRectF(plot.left(), top, cell.right() - plot.left(), max(1.0, cell.bottom() - top))
        return PlaneLayout(cell, plot, picture)

    @property
    def _has_heads(self) -> bool:
        return any(plane.title or plane.note for plane in self.planes)

    def hit(self, point: QPointF, paper: Paper, *, held: int | None = None) -> PlanePoint | None:
        """Return the point of the plane under a point of the screen; of the plane that is `held`, the nearest to it."""
        for index, layout in enumerate(self.layout(paper)):
            if index == held or (held is None and not self.planes[index].sentence and layout.plot.contains(point)):
                inverse, _ = self._transform(layout.plot).inverted()
                at, reach, (x, y) = inverse.map(point), self.range.reach, (self.range.x, self.range.y)
                return PlanePoint(index, max(x - reach, min(x + reach, at.x())), max(y - reach, min(y + reach, at.y())))
        return None

    def ring_at(self, point: QPointF, paper: Paper) -> Ring | None:
        """Return the ring under a point of the screen, None where there is none."""
        for plane, layout in zip(self.planes, self.layout(paper), strict=True):
            for index, (x, y) in enumerate(() if plane.rings is None or plane.sentence else plane.rings.tolist()):
                spot = self.spot(layout.plot, x, y)
                if layout.plot.contains(spot) and math.hypot(spot.x() - point.x(), spot.y() - point.y()) <= RING:
                    return Ring(index, x, y)
        return None

    def spot(self, plot: QRectF, x: float, y: float) -> QPointF:
        """Return where a point of the plane is on the screen."""
        return self._transform(plot).map(QPointF(x, y))

    def _transform(self, plot: QRectF) -> QTransform:
        zoom = plot.width() / (2 * self.range.reach)
        middle = plot.center()
        return QTransform(zoom, 0, 0, -zoom, middle.x() - zoom * self.range.x, middle.y() + zoom * self.range.y)

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint legend and planes."""
        if painter.paintEngine().type() == QPaintEngine.Type.Raster:
            self._paint_kept(painter, paper)
        else:  # on paper points stay points
            self._paint_background(painter, paper)
        for plane, layout in zip(self.planes, self.layout(paper), strict=True):
            if not plane.sentence:
                painter.save()
                painter.setClipRect(layout.plot)
                self._paint_cross(painter, layout.plot)
                painter.restore()
                if plane.decoded is not None:
                    title = "decoded at ({:.2f}, {:.2f})".format(*self.cross).replace("-", "−")
                    ImageGrid(self.theme, plane.decoded[None], (title,)).paint(painter, paper.at(layout.picture))

    def _paint_kept(self, painter: QPainter, paper: Paper) -> None:
        """Paint a cached image of what a moving cross hair leaves alone: three planes of 1,000 points take 20 ms."""
        if paper.key not in self._background:
            corner, ratio = paper.rect.bottomRight(), paper.ratio
            width, height = (max(1, math.ceil(side * ratio)) for side in (corner.x(), corner.y()))
            image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
            image.setDevicePixelRatio(ratio)
            image.fill(Qt.GlobalColor.transparent)
            layer = QPainter(image)
            layer.setFont(painter.font())
            self._paint_background(layer, Paper.of(layer, paper.rect))
            layer.end()
            self._background.clear()
            self._background[paper.key] = image
        painter.drawImage(QPointF(0, 0), self._background[paper.key])

    def _paint_background(self, painter: QPainter, paper: Paper) -> None:
        """Paint all but the cross hair and what is decoded there."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        legend.paint(painter, self._legend(paper), self.theme, paper)
        painter.restore()
        for plane, layout in zip(self.planes, self.layout(paper), strict=True):
            if plane.sentence:
                arrange.paint_sentence(painter, paper.at(layout.cell), plane.title, plane.sentence, self.theme)
                continue
            self._paint_head(painter, plane, paper.at(layout.cell))
            self._paint_axes(painter, layout.plot, paper)
            painter.save()
            painter.setClipRect(layout.plot)
            self._paint_ground(painter, plane, layout.plot)
            self._paint_cloud(painter, plane, layout.plot)
            self._paint_rings(painter, plane, layout.plot)
            painter.restore()

    def _legend(self, paper: Paper) -> LegendLayout:
        """The classes; none where all points are of one."""
        classes = self.names.items() if len(self.names) > 1 else ()
        entries = (LegendEntry("run", name, name, self._colour(label).name(), mark="dot") for label, name in classes)
        return legend.place(entries, paper)

    def _paint_head(self, painter: QPainter, plane: Plane, paper: Paper) -> None:
        for index, (text, colour) in enumerate(((plane.title, "text"), (plane.note, "muted"))):
            down = (index if plane.title else 0) * paper.metrics.height()
            line = after_swatch(painter, "" if index else plane.colour, paper.at(paper.rect.adjusted(0, down, 0, 0)))
            line.write(painter, text, self.theme.colour(colour), keep_ends=True)

    def _paint_axes(self, painter: QPainter, plot: QRectF, paper: Paper) -> None:
        about, reach = max(3, min(7, round(plot.width() / 45))), self.range.reach
        x, y = (
            ticks.axis_within(middle - reach, middle + reach, about=about) for middle in (self.range.x, self.range.y)
        )
        axes = Axes(self.theme, plot, x, y)
        axes.paint_columns(painter, paper, down=3, whole=True)
        axes.paint_rows(painter, paper, gap=5)
        painter.setPen(QPen(self.theme.colour("border"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(plot)

    def _paint_ground(self, painter: QPainter, plane: Plane, plot: QRectF) -> None:
        if plane.ground is None:
            return
        reach, x, y = plane.ground.range.reach, plane.ground.range.x, plane.ground.range.y
        square = QRectF(self.spot(plot, x - reach, y + reach), self.spot(plot, x + reach, y - reach))
        painter.setOpacity(GROUND_OPACITY)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawImage(square, plane.ground.image)
        painter.setOpacity(1.0)

    def _paint_cloud(self, painter: QPainter, plane: Plane, plot: QRectF) -> None:
        """Round points of one width at any range: a cosmetic pen does not grow with the transform."""
        if plane.cloud is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        ratio = painter.device().devicePixelRatioF()
        painter.setTransform(self._transform(plot), True)
        for label, polygon in plane.cloud.polygons.items():
            widths = ((DOT + 2, self.theme.colour("base")),) if plane.ground else ()
            for width, colour in (*widths, (DOT, self._colour(label))):
                pen = QPen(colour, width * ratio)
                pen.setCapStyle(Qt.PenCapStyle.RoundCap)
                pen.setCosmetic(True)
                painter.setPen(pen)
                painter.drawPoints(polygon)
        painter.restore()

    def _paint_rings(self, painter: QPainter, plane: Plane, plot: QRectF) -> None:
        if plane.rings is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        font = QFont(painter.font())
        font.setPixelSize(10)
        font.setBold(True)
        painter.setFont(font)
        for index, (x, y) in enumerate(plane.rings.tolist()):
            if not (math.isfinite(x) and math.isfinite(y)):
                continue
            chosen = index == self.chosen
            spot = self.spot(plot, x, y)
            painter.setPen(QPen(self.theme.colour("text"), 1.4))
            painter.setBrush(self.theme.colour("accent" if chosen else "base"))
            painter.drawEllipse(spot, RING, RING)
            painter.setPen(self.theme.colour("accent_text" if chosen else "text"))
            box = QRectF(spot.x() - RING, spot.y() - RING, 2 * RING, 2 * RING)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(index + 1))
        painter.restore()

    def _paint_cross(self, painter: QPainter, plot: QRectF) -> None:
        exact = self.spot(plot, *self.cross)
        spot = QPointF(round(exact.x()), round(exact.y()))  # whole pixels, so that both lines are of one width
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for width, colour in ((3.0, "base"), (1.0, "text")):
            painter.setPen(QPen(self.theme.colour(colour), width))
            for along in (QPointF(1, 0), QPointF(-1, 0), QPointF(0, 1), QPointF(0, -1)):  # what it points at is free
                painter.drawLine(spot + along * (RING + 3), spot + along * (4 * plot.width()))

    def _colour(self, label: int) -> QColor:
        """The colour of a class; where all points are of one class, the accent."""
        if len(self.names) < 2:
            return self.theme.colour("accent")
        index = list(self.names).index(label) if label in self.names else label
        if index < len(self.theme.series):
            return QColor(self.theme.series[index])
        light = 0.45 if self.theme.name == "light" else 0.72
        return QColor.fromHslF((index * GOLDEN_ANGLE % 360) / 360, 0.65, light)
