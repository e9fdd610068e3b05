"""One decoded picture large, and below or beside it a row for each direction: what it becomes along it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from viewer.figures.mosaic import ImageRow, Large, whole_zoom
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

GAP = 3.0
BLOCK_GAP = 16.0
LARGE_SHARE = 0.42  # of the width or height, where there are rows
SMALLEST_ZOOM = 0.7  # of the rows' pictures: smaller ones are left out for the large picture's sake


class SweepCell(NamedTuple):
    """A picture of a row."""

    row: int
    column: int


@dataclass(frozen=True)
class SweepLayout:
    """Where everything stands; no cells where the rows have no room."""

    large: tuple[QRectF, ...]
    cells: tuple[tuple[QRectF, ...], ...]
    heads: QRectF

    @property
    def size(self) -> float:
        """How large the pictures are: the rows' count twice, since there is more to see in them."""
        return 2 * (self.cells[0][0].width() if self.cells else 0.0) + self.large[0].width()


@dataclass(frozen=True, eq=False)
class SweepFigure(Figure):
    """`large` pictures first; `rows` of one picture for each of the `columns`, whose values are written above."""

    theme: Theme
    large: tuple[Large, ...]
    rows: tuple[ImageRow, ...] = ()
    columns: tuple[str, ...] = ()
    description: str = ""
    _layouts: dict[tuple[float, ...], SweepLayout] = field(default_factory=dict)

    @cached_property
    def _size(self) -> tuple[int, int]:
        return self.large[0].pixels.shape[0], self.large[0].pixels.shape[1]

    def layout(self, paper: Paper) -> SweepLayout:
        """Place the large pictures and the rows, beside or below one another: whichever shows them larger."""
        rect, _ratio, _metrics = paper.rect, paper.ratio, paper.metrics
        key = paper.key
        if key not in self._layouts:
            arrangements = [self._arrange(paper, wide=wide) for wide in (True, False)]
            if not any(layout.cells for layout in arrangements):
                large = self._arrange_large(paper, down=rect.height() > rect.width())
                arrangements = [SweepLayout(large, (), QRectF())]
            self._layouts.clear()
            self._layouts[key] = max(arrangements, key=lambda layout: layout.size)
        return self._layouts[key]

    def _arrange(self, paper: Paper, *, wide: bool) -> SweepLayout:
        """Place the rows right of the large pictures, which stand below one another then; or below them."""
        rect, _ratio, _metrics = paper.rect, paper.ratio, paper.metrics
        share = LARGE_SHARE if self.rows else 1.0
        near = QRectF(rect)
        near.setWidth(rect.width() * share if wide else rect.width())
        near.setHeight(rect.height() if wide else rect.height() * share)
        large = self._arrange_large(paper.at(near), down=wide)
        end = max(r.right() if wide else r.bottom() + 4 for r in large) + BLOCK_GAP
        far = rect.adjusted(end - rect.left(), 0, 0, 0) if wide else rect.adjusted(0, end - rect.top(), 0, 0)
        cells, heads = self._arrange_rows(paper.at(far))
        return SweepLayout(large, cells, heads)

    def _arrange_large(self, paper: Paper, *, down: bool) -> tuple[QRectF, ...]:
        rect, ratio, metrics = paper.rect, paper.ratio, paper.metrics
        line, (height, width), count = math.ceil(metrics.height()), self._size, len(self.large)
        across, along = (1, count) if down else (count, 1)
        room = (rect.width() - BLOCK_GAP * (across - 1)) / across
        tall = (rect.height() - BLOCK_GAP * (along - 1)) / along - line - 2
        zoom = whole_zoom(max(1.0, room) / width, max(1.0, tall) / height, ratio)
        rects = []
        x, y = rect.left(), rect.top()
        for _ in self.large:
            rects.append(QRectF(x, y + line + 2, width * zoom, height * zoom))
            x, y = (x, rects[-1].bottom() + BLOCK_GAP) if down else (rects[-1].right() + BLOCK_GAP, y)
        return tuple(rects)

    def _arrange_rows(self, paper: Paper) -> tuple[tuple[tuple[QRectF, ...], ...], QRectF]:
        rect, ratio, metrics = paper.rect, paper.ratio, paper.metrics
        line, (height, width) = math.ceil(metrics.height()), self._size
        if not self.rows:
            return (), QRectF()
        margin = max(metrics.horizontalAdvance(row.label) for row in self.rows) + 8
        room = (rect.width() - margin) / len(self.columns) - GAP
        tall = (rect.height() - line) / len(self.rows) - GAP
        zoom = whole_zoom(max(1.0, room) / width, max(1.0, tall) / height, ratio)
        if zoom * min(height, width) < SMALLEST_ZOOM * min(28, height, width):
            return (), QRectF()
        cells = tuple(
            tuple(
                QRectF(
                    rect.left() + margin + column * (width * zoom + GAP),
                    rect.top() + line + row * (height * zoom + GAP),
                    width * zoom,
                    height * zoom,
                )
                for column in range(len(self.columns))
            )
            for row in range(len(self.rows))
        )
        return cells, QRectF(rect.left(), rect.top(), margin - 8, line)

    def hit(self, point: QPointF, paper: Paper) -> SweepCell | None:
        """Return the picture of a row under a point, None where there is none."""
        for row, strip in enumerate(self.layout(paper).cells):
            for column, cell in enumerate(strip):
                if cell.adjusted(-GAP / 2, -GAP / 2, GAP / 2, GAP / 2).contains(point):
                    return SweepCell(row, column)
        return None

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint all of it inside `rect`."""
        metrics = paper.metrics
        layout = self.layout(paper)
        for entry, target in zip(self.large, layout.large, strict=True):
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, target.width() < self._size[1])
            painter.drawImage(target, entry.image)
            painter.setPen(self.theme.colour("muted"))
            painter.drawText(QPointF(target.left(), target.top() - metrics.descent() - 1), entry.label)
        for row, strip in zip(self.rows, layout.cells, strict=False):
            self._paint_row(painter, row, strip, layout.heads, metrics)
        for text, cell in zip(self.columns, layout.cells[0] if layout.cells else (), strict=False):
            if metrics.horizontalAdvance(text) <= cell.width() + GAP:
                box = QRectF(cell.left() - 20, layout.heads.top(), cell.width() + 40, layout.heads.height())
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, text)

    def _paint_row(
        self, painter: QPainter, row: ImageRow, strip: tuple[QRectF, ...], heads: QRectF, metrics: QFontMetricsF
    ) -> None:
        height, width = row.pixels.shape[1:3]
        for index, cell in enumerate(strip[: len(row.pixels)]):
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, cell.width() < width)
            painter.drawImage(cell, row.image, QRectF(index * width, 0, width, height))
        painter.setPen(self.theme.colour("muted"))
        box = QRectF(heads.left(), strip[0].top(), heads.width(), strip[0].height())
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, row.label)
