"""A widget that shows a figure, or a sentence in its place."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.figures.mosaic import small_font
from viewer.figures.theme import LIGHT, Theme

MARGIN = 2.0


class Figure(Protocol):
    """Whatever paints itself into a rectangle."""

    def paint(self, painter: QPainter, rect: QRectF) -> None: ...


class FigureView(QWidget):
    """Shows one figure; says where it was clicked or hovered, and which way an arrow key points."""

    clicked = Signal(QPointF)
    hovered = Signal(object)  # QPointF, or None when the pointer has left
    stepped = Signal(int)
    pictured = Signal()  # after a figure, not a sentence, was painted

    def __init__(self, name: str, parent: QWidget | None = None, *, height: int = 120) -> None:
        super().__init__(parent)
        self.figure: Figure | None = None
        self.sentence = ""
        self._theme: Theme = LIGHT
        self._hint = QSize(240, height)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setFont(small_font(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return self._hint

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 60)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_figure(self, figure: Figure, description: str) -> None:
        """Show a figure; `description` is for who cannot see it."""
        self.figure, self.sentence = figure, ""
        self.setAccessibleDescription(description)
        self.update()

    def show_sentence(self, sentence: str) -> None:
        """Say why there is no figure."""
        self.figure, self.sentence = None, sentence
        self.setAccessibleDescription(sentence)
        self.update()

    @property
    def inside(self) -> QRectF:
        """Where the figure is painted."""
        return QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        if self.figure is not None:
            self.figure.paint(painter, self.inside)
        elif self.sentence:
            painter.setPen(self._theme.colour("muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.inside.adjusted(24, 8, -24, -8), int(flags), self.sentence)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.colour("accent"), 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()
        if self.figure is not None:
            self.pictured.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.clicked.emit(event.position())
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.hovered.emit(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.stepped.emit(step)
