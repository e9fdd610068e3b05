"""Tiles: pictures of one size on a grid, at the largest whole zoom that fits.

A pixel of a picture takes a whole number of device pixels and begins at one, so that 28×28 images look alike and sharp
at any zoom and on any display; only a picture larger than its room is made smaller.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from viewer.figures import colours
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

LARGEST_ZOOM = 80  # a bottleneck of two values is two pixels
SWATCH = 0.75  # side of a run's colour, of the height of letters


def whole_zoom(across: float, down: float, ratio: float) -> float:
    """Return the largest zoom that fits and takes whole device pixels; a fraction only where the image is larger."""
    fits = max(min(across, down), 1e-3)
    whole = math.floor(fits * ratio + 1e-9) / ratio
    return min(whole, LARGEST_ZOOM) if whole > 0 else fits


def aligned(value: float, ratio: float) -> float:
    """Return the next whole device pixel."""
    return math.ceil(value * ratio - 1e-6) / ratio


@dataclass(frozen=True)
class Gaps:
    """What is left free on a grid: between columns and rows, and above and below each picture for lines of text."""

    across: float = 0.0
    down: float = 0.0
    above: float = 0.0
    below: float = 0.0


@dataclass(frozen=True)
class Tiles:
    """A grid of `count` pictures of (height, width), `columns` to a row, each enlarged `zoom` times."""

    corner: QPointF
    size: tuple[int, int]
    count: int
    columns: int
    zoom: float
    ratio: float
    gaps: Gaps

    @classmethod
    def fitting(
        cls, rect: QRectF, size: tuple[int, ...], count: int, columns: int, ratio: float, gaps: Gaps = Gaps()
    ) -> Tiles:
        """Return the grid with the largest zoom that fits into a rectangle."""
        height, width = size[:2]
        rows = math.ceil(count / columns)
        across = (rect.width() - gaps.across * (columns - 1)) / columns
        down = (rect.height() - gaps.down * (rows - 1)) / rows - gaps.above - gaps.below
        zoom = whole_zoom(across / width, down / height, ratio)
        return cls(rect.topLeft(), (height, width), count, columns, zoom, ratio, gaps)

    @property
    def width(self) -> float:
        return self.size[1] * self.zoom

    @property
    def height(self) -> float:
        return self.size[0] * self.zoom

    @property
    def pitch(self) -> tuple[float, float]:
        """How far apart two columns and two rows are."""
        gaps = self.gaps
        return self.width + gaps.across, self.height + gaps.above + gaps.below + gaps.down

    @property
    def used(self) -> QRectF:
        """What the pictures and their texts take."""
        across, down = self.pitch
        rows = math.ceil(self.count / self.columns)
        return QRectF(
            self.corner.x(), self.corner.y(), self.columns * across - self.gaps.across, rows * down - self.gaps.down
        )

    def cell(self, index: int) -> QRectF:
        """Return where a picture stands."""
        row, column = divmod(index, self.columns)
        left, top = column * self.pitch[0], row * self.pitch[1] + self.gaps.above
        corner = QPointF(aligned(self.corner.x(), self.ratio), aligned(self.corner.y(), self.ratio))
        if self.gaps == Gaps():  # they are painted as one picture
            return QRectF(corner.x() + left, corner.y() + top, self.width, self.height)
        left, top = aligned(self.corner.x() + left, self.ratio), aligned(self.corner.y() + top, self.ratio)
        return QRectF(left, top, self.width, self.height)

    @property
    def cells(self) -> tuple[QRectF, ...]:
        return tuple(map(self.cell, range(self.count)))


class Pointed(NamedTuple):
    """The image and the pixel under the pointer: of a band of a block, which both are 0 in a grid of images."""

    block: int
    band: int
    image: int
    y: int
    x: int


def pixel_at(point: QPointF, cell: QRectF, size: tuple[int, ...]) -> tuple[int, int]:
    """The (row, column) of an image of this (height, width) that lies under a point of its cell, or nearest to it."""
    row = math.floor((point.y() - cell.top()) / cell.height() * size[0])
    column = math.floor((point.x() - cell.left()) / cell.width() * size[1])
    return max(0, min(size[0] - 1, row)), max(0, min(size[1] - 1, column))


# ---- pixels ----


def to_image(pixels: np.ndarray) -> QImage:
    """Return a QImage on an array, uint8 (H, W, 3); the QImage keeps the array alive, and nobody may change it."""
    whole = np.ascontiguousarray(pixels)
    height, width, _ = whole.shape
    return QImage(whole.data, width, height, 3 * width, QImage.Format.Format_RGB888)


def sheet_of(pixels: np.ndarray, columns: int) -> QImage:
    """Return pictures, uint8 (N, H, W, 3), as one image of so many to a row; where they end, black."""
    count, height, width = pixels.shape[:3]
    rows = math.ceil(count / columns)
    full = np.zeros((rows * columns, height, width, 3), dtype=np.uint8)
    full[:count] = pixels
    grid = full.reshape(rows, columns, height, width, 3).transpose(0, 2, 1, 3, 4)
    return to_image(grid.reshape(rows * height, columns * width, 3))


def paint_image(painter: QPainter, target: QRectF, image: QImage, source: QRectF | None = None) -> None:
    """Paint an image, or a part of it; smoothly only where it is made smaller."""
    part = source or QRectF(image.rect())
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, target.width() < part.width() - 0.5)
    painter.drawImage(target, image, part)


def paint_frame(painter: QPainter, rect: QRectF, colour: QColor, *, away: float = 1.5) -> None:
    """Paint the frame of what is chosen, a little away from it."""
    painter.setPen(QPen(colour, 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect.adjusted(-away, -away, away, away))


def after_swatch(painter: QPainter, colour: str, paper: Paper) -> Paper:
    """Paint a run's colour, #rrggbb or '' for none, before its name, and return what is left for that."""
    if not colour:
        return paper
    side = SWATCH * paper.metrics.ascent()
    corner = paper.rect.topLeft() + QPointF(0, (paper.metrics.height() - side) / 2)
    painter.fillRect(QRectF(corner, QSizeF(side, side)), QColor(colour))
    return paper.at(paper.rect.adjusted(1.6 * side, 0, 0, 0))


@dataclass(frozen=True, eq=False)
class ImageRow:
    """Labelled images of one kind, uint8 (N, H, W, 3), and the values that they show, (N, C, H, W) or (N, H, W)."""

    label: str
    pixels: np.ndarray
    values: np.ndarray | None = None

    @classmethod
    def of(cls, label: str, values: np.ndarray, colour: Callable[[np.ndarray], np.ndarray] | None = None) -> ImageRow:
        """Show values, images (N, C, H, W) in [0, 1], or what `colour` makes pixels of."""
        return cls(label, (colour or colours.from_images)(values), values)

    def fitted(self, size: tuple[int, ...]) -> ImageRow:
        """Return the same images brought to another size."""
        return replace(self, pixels=colours.fit(self.pixels, size))

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of an image."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @cached_property
    def image(self) -> QImage:
        """All images beside one another in one."""
        return sheet_of(self.pixels, len(self.pixels))

    def text_at(self, pointed: Pointed, title: str) -> str:
        """Return the value of a pixel, or the three of a colour pixel; '' where it shows no values."""
        values, y, x = self.values, pointed.y, pointed.x
        if values is None or not (pointed.image < len(values) and y < values.shape[-2] and x < values.shape[-1]):
            return ""
        numbers = " ".join(f"{float(value):.3f}" for value in np.atleast_1d(values[pointed.image][..., y, x]))
        of = f" of {title}" if title else ""
        return f"{self.label or 'value'}{of} at x {x}, y {y}: {numbers}"

    def paint(self, painter: QPainter, index: int, cell: QRectF) -> None:
        """Paint one of the images."""
        height, width = self.size
        paint_image(painter, cell, self.image, QRectF(index * width, 0, width, height))


GAP = 6.0
BAR = (20.0, 120.0)  # the colours' width: at least and at most
END = 60.0  # of the width, for what is written at the high end


@dataclass(frozen=True, eq=False)
class Scale(Figure):
    """A colour scale on a line of its own: its label, its low end, the colours of a table, its high end."""

    theme: Theme
    low: str
    high: str
    table: np.ndarray  # uint8 (256, 3)
    label: str = ""

    def used(self, paper: Paper) -> QRectF:
        return paper.first_line

    def paint(self, painter: QPainter, paper: Paper) -> None:
        rect, left = paper.rect, paper.rect.left()
        for text, colour in ((self.label, "muted"), (self.low, "text")):
            left = self._write(painter, paper, left, text, colour)
        bar = QRectF(left, rect.center().y() - 4, min(BAR[1], max(BAR[0], rect.right() - left - END)), 8)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawImage(bar, to_image(self.table[None]))
        self._write(painter, paper, bar.right() + GAP, self.high, "text")

    def _write(self, painter: QPainter, paper: Paper, left: float, text: str, colour: str) -> float:
        """Write a text if it finds room, and return where the next thing stands."""
        room, width = paper.rect.adjusted(left - paper.rect.left(), 0, 0, 0), paper.metrics.horizontalAdvance(text)
        if not text or width > room.width():
            return left
        painter.setPen(self.theme.colour(colour))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        return left + width + GAP
