"""A quiet sign that something is on its way; it comes late enough not to flicker where nothing takes long."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, Qt, QTimer
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from viewer.figures.theme import Theme

WAIT_MILLISECONDS, TURN_MILLISECONDS = 300, 60
SIDE, DEGREES = 22, 30


class Spinner(QObject):
    """An arc that turns in the middle of a widget, which paints it."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget, self._angle = widget, 0
        self.is_shown = False
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MILLISECONDS)
        self._wait.timeout.connect(self._show)
        self._turn = QTimer(self, interval=TURN_MILLISECONDS)
        self._turn.timeout.connect(self._step)

    def show_soon(self) -> None:
        """Turn after a while, unless `stop` comes first."""
        if not self.is_shown and not self._wait.isActive():
            self._wait.start()

    def stop(self) -> None:
        """Show nothing."""
        self._wait.stop()
        self._turn.stop()
        self.is_shown = False

    def _show(self) -> None:
        self.is_shown = True
        self._turn.start()

    def _step(self) -> None:
        self._angle = (self._angle - DEGREES) % 360
        self._widget.update()

    def paint(self, painter: QPainter, theme: Theme) -> None:
        """Paint the arc while it is shown."""
        if not self.is_shown:
            return
        middle = QRectF(self._widget.rect()).center()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.colour("accent"), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawArc(QRectF(middle.x() - SIDE / 2, middle.y() - SIDE / 2, SIDE, SIDE), 16 * self._angle, 16 * 100)
        painter.restore()
