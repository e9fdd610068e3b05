"""What networks make of one drawing: for each what it was given and what came out, or how likely it holds what."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from viewer.figures.mosaic import Large, whole_zoom
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

ARROW = "→"
GAP = 18.0  # between what was given and what came out, for an arrow
CELL_GAP = 18.0
LINES = 3  # of text in a cell: its title, how the drawing was fitted, what came of it


@dataclass(frozen=True, eq=False)
class DrawnCell:
    """One network: pictures beside one another, or one and the likeliest classes with their shares."""

    title: str
    note: str = ""
    pictures: tuple[Large, ...] = ()
    classes: tuple[tuple[str, float], ...] = ()
    measured: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class DrawnLayout:
    """Where the cells stand, and how large a side their pictures have."""

    cells: tuple[QRectF, ...]
    side: float


@dataclass(frozen=True, eq=False)
class DrawnFigure(Figure):
    """A cell for each network, in the grid that shows pictures largest."""

    theme: Theme
    cells: tuple[DrawnCell, ...]
    _layouts: dict[tuple[float, ...], DrawnLayout] = field(default_factory=dict)

    def layout(self, paper: Paper) -> DrawnLayout:
        """Place the cells in `rect`."""
        rect, metrics = paper.rect, paper.metrics
        key = paper.key
        if key not in self._layouts:
            self._layouts.clear()
            tried = [self._grid(rect, columns, metrics) for columns in range(1, len(self.cells) + 1)]
            self._layouts[key] = max(tried, key=lambda layout: layout.side)
        return self._layouts[key]

    def _grid(self, rect: QRectF, columns: int, metrics: QFontMetricsF) -> DrawnLayout:
        rows = math.ceil(len(self.cells) / columns)
        width = (rect.width() - CELL_GAP * (columns - 1)) / columns
        height = (rect.height() - CELL_GAP * (rows - 1)) / rows
        cells = tuple(
            QRectF(
                rect.left() + (index % columns) * (width + CELL_GAP),
                rect.top() + (index // columns) * (height + CELL_GAP),
                width,
                height,
            )
            for index in range(len(self.cells))
        )
        return DrawnLayout(cells, max(1.0, min((width - GAP) / 2, height - LINES * metrics.height() - 4)))

    # ---- painting ----

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint all cells inside `rect`."""
        rect, metrics = paper.rect, paper.metrics
        if not self.cells:
            return
        layout = self.layout(paper)
        for cell, rect in zip(self.cells, layout.cells, strict=True):
            self._paint_cell(painter, cell, rect, layout.side, metrics)

    def _paint_cell(
        self, painter: QPainter, cell: DrawnCell, rect: QRectF, side: float, metrics: QFontMetricsF
    ) -> None:
        line = metrics.height()
        for index, (text, colour) in enumerate(((cell.title, "text"), (cell.note, "muted"))):
            self._write(painter, text, colour, QRectF(rect.left(), rect.top() + index * line, rect.width(), line))
        top = rect.top() + 2 * line + 2
        if cell.sentence:
            painter.setPen(self.theme.colour("muted"))
            room = QRectF(rect.left(), top, rect.width(), rect.bottom() - top)
            painter.drawText(room, int(Qt.TextFlag.TextWordWrap), cell.sentence)
            return
        left, bottom = rect.left(), top
        for index, picture in enumerate(cell.pictures):
            box = self._paint_picture(painter, picture, QPointF(left, top), side)
            if index:
                between = QRectF(box.left() - GAP, box.top(), GAP, box.height())
                painter.setPen(self.theme.colour("muted"))
                painter.drawText(between, Qt.AlignmentFlag.AlignCenter, ARROW)
            left, bottom = box.right() + GAP, max(bottom, box.bottom())
        if cell.classes:
            bars = QRectF(left, top, rect.right() - left, max(side, 3 * line))
            self._paint_classes(painter, cell.classes, bars, metrics)
        self._write(painter, cell.measured, "text", QRectF(rect.left(), bottom + 2, rect.width(), line))

    def _write(self, painter: QPainter, text: str, colour: str, room: QRectF) -> None:
        metrics = QFontMetricsF(painter.font(), painter.device())
        painter.setPen(self.theme.colour(colour))
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)

    def _paint_picture(self, painter: QPainter, picture: Large, corner: QPointF, side: float) -> QRectF:
        height, width = picture.pixels.shape[:2]
        ratio = painter.device().devicePixelRatioF()
        zoom = whole_zoom(side / width, side / height, ratio)
        box = QRectF(
            math.ceil(corner.x() * ratio) / ratio, math.ceil(corner.y() * ratio) / ratio, width * zoom, height * zoom
        )
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom * ratio < 1)
        painter.drawImage(box, picture.image)
        return box

    def _paint_classes(
        self, painter: QPainter, classes: tuple[tuple[str, float], ...], room: QRectF, metrics: QFontMetricsF
    ) -> None:
        line = metrics.height() + 4
        name = min(max(metrics.horizontalAdvance(text) for text, _ in classes), room.width() / 3) + 6
        decimals = 1 if room.width() >= name + metrics.horizontalAdvance("100.0 %") else 0
        percent = metrics.horizontalAdvance("100.0 %") + 6
        for index, (text, share) in enumerate(classes):
            row = QRectF(room.left(), room.top() + index * line, room.width(), line)
            bar = row.adjusted(name, 3, -percent, -3)
            if bar.width() > 8:
                painter.fillRect(bar, self.theme.colour("grid"))
                colour = "accent" if index == 0 else "muted"
                painter.fillRect(
                    QRectF(bar.left(), bar.top(), bar.width() * share, bar.height()), self.theme.colour(colour)
                )
            self._write(painter, text, "text", row.adjusted(0, 0, name - row.width() - 2, 0))
            painter.setPen(self.theme.colour("text" if index == 0 else "muted"))
            painter.drawText(
                row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{100 * share:.{decimals}f} %"
            )
