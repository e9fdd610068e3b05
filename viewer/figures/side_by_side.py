"""Equal cells for things that stand beside one another, in as many columns as make them largest."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF

GAP = 16.0


def cells(rect: QRectF, count: int, *, aspect: float = 1.0) -> tuple[QRectF, ...]:
    """Return `count` cells inside `rect`, row by row, in which a picture of width : height `aspect` is largest."""
    best = max(range(1, count + 1), key=lambda columns: _scale(rect, count, columns, aspect))
    width, height = _size(rect, count, best)
    return tuple(
        QRectF(rect.left() + (i % best) * (width + GAP), rect.top() + (i // best) * (height + GAP), width, height)
        for i in range(count)
    )


def _size(rect: QRectF, count: int, columns: int) -> tuple[float, float]:
    rows = math.ceil(count / columns)
    return (rect.width() - GAP * (columns - 1)) / columns, (rect.height() - GAP * (rows - 1)) / rows


def _scale(rect: QRectF, count: int, columns: int, aspect: float) -> float:
    width, height = _size(rect, count, columns)
    return min(width / aspect, height)
