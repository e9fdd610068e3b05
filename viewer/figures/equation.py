"""Pictures with signs between them, a − b + c = …, on as many lines as show them largest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from viewer.figures.mosaic import to_image, whole_zoom
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import Theme

SIGN_WIDTH = 18.0
LINE_GAP = 10.0


@dataclass(frozen=True, eq=False)
class EquationTerm:
    """A picture, uint8 (H, W, 3), with the sign before it ('' for none) and what is written above it."""

    sign: str
    label: str
    pixels: np.ndarray

    @cached_property
    def image(self) -> QImage:
        return to_image(np.ascontiguousarray(self.pixels))


@dataclass(frozen=True, eq=False)
class EquationFigure(Figure):
    """`lines` of terms: the sums that stand on a line of their own where there is no room for one long one."""

    theme: Theme
    lines: tuple[tuple[EquationTerm, ...], ...]
    description: str = ""

    @property
    def terms(self) -> tuple[EquationTerm, ...]:
        return tuple(term for line in self.lines for term in line)

    def _broken(self, rect: QRectF, line: float) -> tuple[Sequence[EquationTerm], ...]:
        """The lines as they are given, or all in one: whatever shows the pictures larger."""
        candidates: tuple[tuple[Sequence[EquationTerm], ...], ...] = (self.lines, (self.terms,))
        return max(candidates, key=lambda lines: self._zoom(rect, lines, line, 8.0))

    def _zoom(self, rect: QRectF, lines: Sequence[Sequence[EquationTerm]], line: float, ratio: float) -> float:
        height, width = self.terms[0].pixels.shape[:2]
        most = max(map(len, lines))
        across = (rect.width() - SIGN_WIDTH * most) / most
        down = (rect.height() - LINE_GAP * (len(lines) - 1)) / len(lines) - line
        return whole_zoom(max(1.0, across) / width, max(1.0, down) / height, ratio)

    def layout(self, paper: Paper) -> tuple[QRectF, ...]:
        """Return where each term's picture stands; its sign is left of it, its label above."""
        rect, ratio, metrics = paper.rect, paper.ratio, paper.metrics
        line = math.ceil(metrics.height()) + 2
        lines = self._broken(rect, line)
        zoom = self._zoom(rect, lines, line, ratio)
        height, width = (size * zoom for size in self.terms[0].pixels.shape[:2])
        return tuple(
            QRectF(
                rect.left() + column * (width + SIGN_WIDTH) + SIGN_WIDTH,
                rect.top() + row * (height + line + LINE_GAP) + line,
                width,
                height,
            )
            for row, terms in enumerate(lines)
            for column in range(len(terms))
        )

    def hit(self, point: QPointF, paper: Paper) -> int | None:
        """Return the term under a point, None where there is none."""
        picture_rects = self.layout(paper)
        return next((index for index, picture_rect in enumerate(picture_rects) if picture_rect.contains(point)), None)

    def paint(self, painter: QPainter, paper: Paper) -> None:
        """Paint every term inside `rect`."""
        metrics = paper.metrics
        picture_rects = self.layout(paper)
        for term, picture_rect in zip(self.terms, picture_rects, strict=True):
            painter.setRenderHint(
                QPainter.RenderHint.SmoothPixmapTransform, picture_rect.width() < term.pixels.shape[1]
            )
            painter.drawImage(picture_rect, term.image)
            painter.setPen(self.theme.colour("text"))
            sign = QRectF(picture_rect.left() - SIGN_WIDTH, picture_rect.top(), SIGN_WIDTH, picture_rect.height())
            painter.drawText(sign, Qt.AlignmentFlag.AlignCenter, term.sign)
            painter.setPen(self.theme.colour("muted"))
            shown = metrics.elidedText(term.label, Qt.TextElideMode.ElideRight, picture_rect.width() + SIGN_WIDTH - 4)
            painter.drawText(QPointF(picture_rect.left(), picture_rect.top() - metrics.descent() - 2), shown)
