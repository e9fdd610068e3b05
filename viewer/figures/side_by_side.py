"""Equal cells for things that stand beside one another, in as many columns as make them largest."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from viewer.figures.theme import Theme

GAP = 16.0


def cells(rect: QRectF, count: int, *, aspect: float = 1.0) -> tuple[QRectF, ...]:
    """Return `count` cells inside `rect`, row by row, in which a picture of width : height `aspect` is largest."""
    best = max(range(1, count + 1), key=lambda columns: _scale(rect, count, columns, aspect))
    width, height = _size(rect, count, best)
    return tuple(
        QRectF(rect.left() + (i % best) * (width + GAP), rect.top() + (i // best) * (height + GAP), width, height)
        for i in range(count)
    )


def cells_and_lines(rect: QRectF, pictured: Sequence[bool], line: float) -> tuple[QRectF, ...]:
    """Return a cell for each thing that is a picture, and a line at the foot for each that is but a sentence."""
    lines = pictured.count(False) if any(pictured) else 0
    room = rect.adjusted(0, 0, 0, -lines * line)
    left = iter(cells(room, pictured.count(True) or len(pictured)))
    feet = iter(QRectF(rect.left(), room.bottom() + index * line, rect.width(), line) for index in range(lines))
    return tuple(next(feet) if lines and not there else next(left) for there in pictured)


def paint_sentence(painter: QPainter, rect: QRectF, title: str, sentence: str, theme: Theme) -> None:
    """Paint a sentence into its line, or into a whole cell where there was no picture at all."""
    metrics = QFontMetricsF(painter.font(), painter.device())
    text = f"{title}: {sentence}" if title else sentence
    painter.setPen(theme.colour("muted"))
    if rect.height() > 2 * metrics.height():
        painter.drawText(rect, int(Qt.TextFlag.TextWordWrap), text)
    else:
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


def _size(rect: QRectF, count: int, columns: int) -> tuple[float, float]:
    rows = math.ceil(count / columns)
    return (rect.width() - GAP * (columns - 1)) / columns, (rect.height() - GAP * (rows - 1)) / rows


def _scale(rect: QRectF, count: int, columns: int, aspect: float) -> float:
    width, height = _size(rect, count, columns)
    return min(width / aspect, height)
