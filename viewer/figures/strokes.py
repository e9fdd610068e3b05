"""Strokes of a brush: round, anti-aliased, as wide at each point as it was pressed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

Point = tuple[float, float, float]  # x, y, width


def blank_image(side: int, ground: np.ndarray | None) -> QImage:
    """Return a square image, black or a copy of a picture, uint8 (side, side, 3)."""
    if ground is None:
        image = QImage(side, side, QImage.Format.Format_RGB32)
        image.fill(QColor("black"))
        return image
    plain = np.ascontiguousarray(ground)
    return QImage(plain.data, side, side, 3 * side, QImage.Format.Format_RGB888).convertToFormat(
        QImage.Format.Format_RGB32
    )


def paint(image: QImage, points: Sequence[Point], colour: str) -> None:
    """Paint a line through points onto an image; a single point is a dot."""
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ends = points[1:] or points[:1]
    for (x, y, _), (to_x, to_y, width) in zip(points, ends, strict=False):
        pen = QPen(QColor(colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        if (x, y) == (to_x, to_y):
            painter.drawPoint(QPointF(x, y))
        else:
            painter.drawLine(QPointF(x, y), QPointF(to_x, to_y))
    painter.end()


def paint_whole(image: QImage, points: Sequence[Point], colour: str) -> None:
    """Paint a stroke as it came about: its first dot, which the edges keep, and then the line."""
    paint(image, points[:1], colour)
    if len(points) > 1:
        paint(image, points, colour)


def pixels(image: QImage) -> np.ndarray:
    """Return an image's pixels, uint8 (H, W, 3)."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    lines = np.frombuffer(plain.constBits(), dtype=np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return lines[:, : 3 * plain.width()].reshape(plain.height(), plain.width(), 3).copy()
