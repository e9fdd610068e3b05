"""What stride and padding do to a transposed convolution: how many values are summed at each position of its output."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from viewer.figures import arrange, colours
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

COLUMNS = 3
GAP = 14.0


@dataclass(frozen=True, eq=False)
class OverlapCase:
    """One setting: `counts` (H, W) values are summed at each position, `cut` is the padding that is cut off its border.

    `counts` is that of no padding, so that what is cut off can be shown; `stamp` is the position of one kernel.
    """

    title: str
    counts: np.ndarray
    cut: tuple[int, int]
    stamp: tuple[int, int]


@dataclass(frozen=True, eq=False)
class OverlapFigure(Figure):
    """Settings side by side; dark positions get one value, bright ones more; what padding cuts off is crossed."""

    theme: Theme
    cases: tuple[OverlapCase, ...]

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint all settings, three in a row."""
        most = max(int(case.counts.max()) for case in self.cases)
        for case, box in zip(self.cases, arrange.grid(paper.rect, len(self.cases), COLUMNS, GAP), strict=True):
            paper.at(box).write(painter, case.title, self.theme.colour("text"))
            self._paint_case(painter, box.adjusted(0, paper.line + 6, 0, 0), case, most)

    def _paint_case(self, painter: QPainter, box: QRectF, case: OverlapCase, most: int) -> None:
        rows, columns = case.counts.shape
        cell = math.floor(min(box.width() / columns, box.height() / rows))
        shades = colours.apply_table(case.counts.astype(np.float64), 0, most, colours.sequential(self.theme.colour_map))
        for (y, x), count in np.ndenumerate(case.counts):
            tile = QRectF(box.left() + x * cell, box.top() + y * cell, cell, cell)
            shade = shades[y, x].tolist()
            painter.fillRect(tile.adjusted(0.5, 0.5, -0.5, -0.5), QColor(*shade))
            painter.setPen(Qt.GlobalColor.black if sum(shade) > 330 else Qt.GlobalColor.white)
            painter.drawText(tile, Qt.AlignmentFlag.AlignCenter, str(count))
            inside = case.cut[0] <= y < rows - case.cut[0] and case.cut[1] <= x < columns - case.cut[1]
            if not inside:
                painter.setPen(QPen(self.theme.colour("base"), 2))
                painter.drawLine(tile.topLeft(), tile.bottomRight())
                painter.drawLine(tile.topRight(), tile.bottomLeft())
        painter.setPen(QPen(Qt.GlobalColor.red, 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(box.left(), box.top(), case.stamp[1] * cell, case.stamp[0] * cell))
