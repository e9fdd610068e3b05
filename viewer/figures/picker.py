"""A strip of small images of which some are chosen for a part, with the part's letter on each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPen

from viewer.figures.mosaic import ImageRow, whole_zoom
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

GAP = 4.0


@dataclass(frozen=True, eq=False)
class PickerFigure(Figure):
    """`parts` maps a letter to the index of its image; the part that the next click chooses is `active`."""

    theme: Theme
    row: ImageRow
    parts: Mapping[str, int]
    active: str

    def layout(self, paper: Paper) -> tuple[QRectF, ...]:
        """Return where each image stands, above the line of letters."""
        rect, ratio, metrics = paper.rect, paper.ratio, paper.metrics
        count, height, width = self.row.pixels.shape[:3]
        tall = rect.height() - math.ceil(metrics.height()) - 4
        across = (rect.width() - GAP * (count - 1) - 4) / count
        zoom = whole_zoom(across / width, max(1.0, tall) / height, ratio)
        return tuple(
            QRectF(rect.left() + 2 + index * (width * zoom + GAP), rect.top() + 2, width * zoom, height * zoom)
            for index in range(count)
        )

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return the image at a point, wherever it is hit across: the letters below belong to it."""
        for index, picture_rect in enumerate(self.layout(paper)):
            if picture_rect.left() - GAP / 2 <= point.x() <= picture_rect.right() + GAP / 2:
                return index
        return None

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint the images and, below them, the letters."""
        picture_rects = self.layout(paper)
        height, width = self.row.pixels.shape[1:3]
        for index, picture_rect in enumerate(picture_rects):
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, picture_rect.width() < width)
            painter.drawImage(picture_rect, self.row.image, QRectF(index * width, 0, width, height))
        for index, picture_rect in enumerate(picture_rects):
            letters = [letter for letter, chosen in self.parts.items() if chosen == index]
            if letters:
                self._paint_letters(painter, letters, paper.at(picture_rect))

    def _paint_letters(self, painter: QPainter, letters: list[str], paper: Paper) -> None:
        picture_rect, metrics = paper.rect, paper.metrics
        painter.save()
        active = self.active in letters
        painter.setPen(QPen(self.theme.colour("accent" if active else "muted"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(picture_rect.adjusted(-1, -1, 1, 1))
        font = QFont(painter.font())
        font.setBold(active)
        painter.setFont(font)
        box = QRectF(picture_rect.left() - 10, picture_rect.bottom() + 2, picture_rect.width() + 20, metrics.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, " ".join(letters))
        painter.restore()
