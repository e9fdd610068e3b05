"""A widget that shows a figure, or a sentence instead; it zooms, and emits what pointer and keys do."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QProgressBar, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import LIGHT, Theme
from viewer.qt.application import make_small
from viewer.state.formatting import tool_tip

STALE = 0.35  # opacity
WAIT_MILLISECONDS = 300  # until a sign that something is on its way, so that it flickers nowhere
ZOOMS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)


class FigureView(QWidget):
    """Shows one figure; emits where it was clicked, dragged or hovered, and which key was pressed.

    Ctrl with the wheel, + and − zoom around the pointer; the middle button drags a zoomed figure. It is
    painted anew at every size, so that pixels stay square and text stays readable.
    """

    clicked = Signal(QPointF)
    dragged = Signal(QPointF)  # with the left button held
    released = Signal(QPointF)
    doubled = Signal(QPointF)
    hovered = Signal(object)  # QPointF, or None when the pointer has left
    column_step = Signal(int)  # Left −1, Right 1
    row_step = Signal(int)  # Up −1, Down 1
    page_step = Signal(int)  # Page Up −1, Page Down 1
    first = Signal()  # Home
    last = Signal()  # End
    pictured = Signal()  # after a figure, not a sentence, was painted

    margin = 2.0  # pixels around the figure

    def __init__(self, name: str, parent: QWidget | None = None, *, height: int = 120) -> None:
        super().__init__(parent)
        self.figure: Figure | None = None
        self.sentence = ""
        self.is_stale = False  # belongs to runs that are not shown any more
        self.coming = _busy_bar(self)
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MILLISECONDS)
        self._wait.timeout.connect(self.coming.show)
        self.zoom = 1.0
        self._origin = QPointF(0, 0)  # of the figure in the view, when it is zoomed
        self._held: QPointF | None = None  # where the middle button was pressed
        self._theme: Theme = LIGHT
        self._hint = QSize(240, height)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        make_small(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return self._hint

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 60)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_coming(self) -> None:
        """Grey what belongs to the runs shown before, and after a while show that something is on its way."""
        self.is_stale = True
        if self.coming.isHidden() and not self._wait.isActive():
            self._wait.start()
        self.update()

    def _arrived(self) -> None:
        self.is_stale = False
        self._wait.stop()
        self.coming.hide()

    def show_figure(self, figure: Figure, description: str) -> None:
        """Show a figure; `description` is for screen readers."""
        self._arrived()
        self.figure, self.sentence = figure, ""
        self.setAccessibleDescription(description)
        self.update()

    def show_sentence(self, sentence: str) -> None:
        """Show a sentence on why there is no figure."""
        self._arrived()
        self.figure, self.sentence = None, sentence
        self.setAccessibleDescription(sentence)
        self.update()

    def show_hint(self, text: str, point: QPointF) -> None:
        """Show a text beside the pointer, '' to hide it. Tool tips read markup, so it is escaped."""
        if text:
            QToolTip.showText(self.mapToGlobal(point.toPoint()), tool_tip(text), self)
        else:
            QToolTip.hideText()

    @property
    def inside(self) -> QRectF:
        """Where the figure is painted; larger than the view if it is zoomed."""
        fitting = QRectF(self.rect()).adjusted(self.margin, self.margin, -self.margin, -self.margin)
        if self.zoom == 1:
            return fitting
        return QRectF(self._origin, fitting.size() * self.zoom)

    @property
    def paper(self) -> Paper:
        """What the figure is painted on."""
        return Paper(self.inside, QFontMetricsF(self.font()), self.devicePixelRatioF())

    # ---- zoom ----

    def zoom_by(self, steps: int, around: QPointF | None = None) -> None:
        """Zoom in by this many steps, or out; the point `around` stays where it is."""
        index = min(range(len(ZOOMS)), key=lambda step: abs(ZOOMS[step] - self.zoom))
        self._zoom_to(ZOOMS[max(0, min(len(ZOOMS) - 1, index + steps))], around or QRectF(self.rect()).center())

    def _zoom_to(self, zoom: float, around: QPointF) -> None:
        before = self.inside
        if self.figure is None or zoom == self.zoom:
            return
        across = (around.x() - before.left()) / max(1.0, before.width())
        down = (around.y() - before.top()) / max(1.0, before.height())
        self.zoom = zoom
        size = self.inside.size()
        self._move_to(QPointF(around.x() - across * size.width(), around.y() - down * size.height()))

    def _move_to(self, origin: QPointF) -> None:
        size = self.inside.size()
        x = max(self.width() - self.margin - size.width(), min(self.margin, origin.x()))
        y = max(self.height() - self.margin - size.height(), min(self.margin, origin.y()))
        self._origin = QPointF(x, y)
        self.update()

    # ---- events ----

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setOpacity(STALE if self.is_stale else 1.0)
        if self.figure is not None:
            self.figure.paint(painter, Paper.of(painter, self.inside))
        elif self.sentence and self.coming.isHidden():  # which stands in its place
            painter.setPen(self._theme.colour("muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            room = QRectF(self.rect()).adjusted(24, 8, -24, -8)
            painter.drawText(room, int(flags), self.sentence)
        painter.setOpacity(1.0)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.colour("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()
        if self.figure is not None:
            self.pictured.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton:
            self._held = event.position() - self._origin
        elif event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(event.position())
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is not None and self.zoom > 1:
            self._move_to(event.position() - self._held)
        elif event.buttons() & Qt.MouseButton.LeftButton:
            self.dragged.emit(event.position())
        self.hovered.emit(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton:
            self._held = None
        elif event.button() == Qt.MouseButton.LeftButton:
            self.released.emit(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.doubled.emit(event.position())

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.angleDelta().y():
            self.zoom_by(1 if event.angleDelta().y() > 0 else -1, event.position())
            event.accept()
        else:
            event.ignore()

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.column_step.emit(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.row_step.emit(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.page_step.emit(1 if key == Qt.Key.Key_PageDown else -1)
        elif key == Qt.Key.Key_Home:
            self.first.emit()
        elif key == Qt.Key.Key_End:
            self.last.emit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom_by(-1 if key == Qt.Key.Key_Minus else 1)
        else:
            super().keyPressEvent(event)


class PlotView(FigureView):
    """A FigureView that emits `zoomed` instead of enlarging its figure, so that lines keep their width."""

    picked = Signal(bool)  # by Space or Enter; with Ctrl held
    zoomed = Signal(int, object)  # steps nearer, and QPointF or None for where the crosshair is

    margin = 8.0  # a legend begins at the figure's edge

    def zoom_by(self, steps: int, around: QPointF | None = None) -> None:
        self.zoomed.emit(steps, around)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.picked.emit(bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
        else:
            super().keyPressEvent(event)


class SizedView(FigureView):
    """A FigureView that emits `resized` instead of enlarging its figure, so that heads and captions keep their size."""

    resized = Signal(int)  # steps

    def zoom_by(self, steps: int, around: QPointF | None = None) -> None:
        self.resized.emit(steps)


def _busy_bar(view: QWidget) -> QProgressBar:
    """Return a quiet sign in the middle of a view, hidden yet, that something is on its way."""
    bar = QProgressBar()
    bar.setRange(0, 0)
    bar.setTextVisible(False)
    bar.setFixedSize(80, 6)
    QVBoxLayout(view).addWidget(bar, 0, Qt.AlignmentFlag.AlignCenter)
    bar.hide()
    return bar
