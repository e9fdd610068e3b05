"""A square canvas to draw on with mouse, tablet or keys; it emits `changed` with every change while drawing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QMimeData, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPointingDevice,
    QTabletEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.figures import strokes
from viewer.figures.theme import LIGHT, Theme
from viewer.state.drawing import SIDE, Drawing, Stroke

BLACK = "#000000"
MOST_UNDONE = 200
PEN_STEP, SMALL_PEN_STEP = 10.0, 2.0  # of the keyboard's pen, in pixels of the canvas
LIGHTEST, HEAVIEST = 0.4, 1.6  # of the brush's width, from a tablet's lightest touch to its heaviest

_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class Canvas(QWidget):
    """White on black, or in colours; the right button erases.

    Arrow keys move a pen, Space puts it down and lifts it; Backspace takes the last stroke back, Delete clears.
    """

    changed = Signal()
    offered = Signal(object)  # QMimeData with a picture that was dropped or pasted; to be read before the slot ends

    def __init__(self, takes: Callable[[QMimeData], bool], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._takes = takes  # whether something dropped or pasted can be a picture
        self.drawing = Drawing()
        self.brush = 24.0
        self.colour = "#ffffff"
        self.erasing = False
        self.pen = QPointF(SIDE / 2, SIDE / 2)  # of the keyboard
        self.pen_down = False
        self._pen_seen = False
        self._past: list[Drawing] = []
        self._points: list[strokes.Point] = []  # of the stroke being drawn
        self._stroke_colour = self.colour
        self._image = strokes.blank_image(SIDE, None)
        self._theme: Theme = LIGHT
        self.setAccessibleName("Canvas")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._describe()

    def sizeHint(self) -> QSize:
        return QSize(SIDE, SIDE)

    def minimumSizeHint(self) -> QSize:
        return QSize(112, 112)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    # ---- what is on it ----

    @property
    def is_empty(self) -> bool:
        return self.drawing.is_empty and not self._points

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    def pixels(self) -> np.ndarray:
        """Return what is on the canvas, uint8 (SIDE, SIDE, 3), with the unfinished stroke."""
        return strokes.pixels(self._image)

    def set_ground(self, picture: np.ndarray) -> None:
        """Put a picture, uint8 (SIDE, SIDE, 3), instead of what is there; it can be drawn on."""
        self._end_stroke()
        self._go_to(Drawing(ground=picture))

    def clear(self) -> None:
        """Clear the canvas; that can be undone."""
        self._end_stroke()
        if not self.drawing.is_empty:
            self._go_to(Drawing())

    def undo(self) -> None:
        """Undo the last stroke, clearing or picture."""
        self._end_stroke()
        if self._past:
            self._show(self._past.pop())

    def _go_to(self, drawing: Drawing) -> None:
        self._past = [*self._past, self.drawing][-MOST_UNDONE:]
        self._show(drawing)

    def _show(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self._image = strokes.blank_image(SIDE, drawing.ground)
        for stroke in drawing.strokes:
            strokes.paint_whole(self._image, stroke.points, stroke.colour)
        self._say_changed()

    def _say_changed(self) -> None:
        self._describe()
        self.update()
        self.changed.emit()

    def _describe(self) -> None:
        count = len(self.drawing.strokes)
        ground = "a picture and " if self.drawing.ground is not None else ""
        pen = f"pen {'down' if self.pen_down else 'up'} at {self.pen.x():.0f}, {self.pen.y():.0f} of {SIDE}"
        self.setAccessibleDescription(
            f"{ground}{count} strokes; {pen}. Arrow keys move the pen, with Shift by less; Space puts it down or lifts "
            "it; Backspace undoes, Delete clears, Ctrl+V pastes a picture."
        )

    # ---- strokes ----

    def _begin_stroke(self, position: QPointF, width: float, *, erasing: bool) -> None:
        self._end_stroke()
        self._stroke_colour = BLACK if erasing or self.erasing else self.colour
        self._points = [(position.x(), position.y(), width)]
        strokes.paint(self._image, self._points, self._stroke_colour)
        self._say_changed()

    def _go_on(self, position: QPointF, width: float) -> None:
        if not self._points:
            return
        self._points.append((position.x(), position.y(), width))
        strokes.paint(self._image, self._points[-2:], self._stroke_colour)
        self.update()
        self.changed.emit()

    def _end_stroke(self) -> None:
        if self._points:
            stroke = Stroke(tuple(self._points), self._stroke_colour)
            self._points = []
            self._past = [*self._past, self.drawing][-MOST_UNDONE:]
            self.drawing = self.drawing.with_stroke(stroke)
            self._say_changed()
        self.pen_down = False

    # ---- coordinates ----

    @property
    def square(self) -> QRectF:
        """The canvas within the widget."""
        side = max(1.0, min(self.width(), self.height()) - 2.0)
        return QRectF((self.width() - side) / 2, 1.0, side, side)

    def _position(self, point: QPointF) -> QPointF:
        square = self.square
        return (point - square.topLeft()) * (SIDE / square.width())

    # ---- events ----

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        square = self.square
        painter.drawImage(square, self._image)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._theme.colour("accent" if self.hasFocus() else "border"), 1))
        painter.drawRect(square)
        if self._pen_seen and self.hasFocus():
            self._paint_pen(painter, square)
        painter.end()

    def _paint_pen(self, painter: QPainter, square: QRectF) -> None:
        scale = square.width() / SIDE
        centre = square.topLeft() + self.pen * scale
        radius = max(2.0, self.brush / 2 * scale)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for colour, width in (("window", 3.0), ("accent", 1.5)):  # seen on black and on white
            line = Qt.PenStyle.SolidLine if self.pen_down else Qt.PenStyle.DashLine
            painter.setPen(QPen(self._theme.colour(colour), width, line))
            painter.drawEllipse(centre, radius, radius)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pen_seen = False
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            erasing = event.button() == Qt.MouseButton.RightButton
            self._begin_stroke(self._position(event.position()), self.brush, erasing=erasing)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton):
            self._go_on(self._position(event.position()), self.brush)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton):
            self._end_stroke()

    def tabletEvent(self, event: QTabletEvent) -> None:
        """Draw with a tablet's pen: wider with more pressure; its other end erases."""
        width = self.brush * (LIGHTEST + (HEAVIEST - LIGHTEST) * event.pressure())
        if event.type() == QEvent.Type.TabletPress:
            turned = event.pointerType() == QPointingDevice.PointerType.Eraser
            erasing = turned or event.button() == Qt.MouseButton.RightButton
            self._begin_stroke(self._position(event.position()), width, erasing=erasing)
        elif event.type() == QEvent.Type.TabletMove and event.pressure() > 0:
            self._go_on(self._position(event.position()), width)
        elif event.type() == QEvent.Type.TabletRelease:
            self._end_stroke()
        event.accept()  # otherwise it would come again as a mouse event

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _ARROWS:
            small = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._move_pen(*_ARROWS[key], SMALL_PEN_STEP if small else PEN_STEP)
        elif key == Qt.Key.Key_Space:
            self._toggle_pen()
        elif key == Qt.Key.Key_Backspace:
            self.undo()
        elif key == Qt.Key.Key_Delete:
            self.clear()
        elif event.matches(QKeySequence.StandardKey.Paste):
            self.paste()
        else:
            super().keyPressEvent(event)

    def _move_pen(self, across: int, down: int, step: float) -> None:
        x, y = self.pen.x() + across * step, self.pen.y() + down * step
        self.pen = QPointF(max(0.0, min(SIDE, x)), max(0.0, min(SIDE, y)))
        self._pen_seen = True
        if self.pen_down:
            self._go_on(self.pen, self.brush)
        self._describe()
        self.update()

    def _toggle_pen(self) -> None:
        self._pen_seen = True
        if self.pen_down:
            self._end_stroke()
        else:
            self._begin_stroke(self.pen, self.brush, erasing=False)
            self.pen_down = True
        self._describe()
        self.update()

    def paste(self) -> None:
        """Offer what is in the clipboard."""
        mime = QGuiApplication.clipboard().mimeData()
        if mime is not None:
            self.offered.emit(mime)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._end_stroke()
        super().focusOutEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._takes(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.offered.emit(event.mimeData())
