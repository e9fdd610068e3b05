"""Dragging a tab off its row: to the workspace's right or lower part to stand beside, or out of it to float.

WORKAROUND: Qt's own dragging of dock tabs crashes where tabs are hidden or were put beside others (Qt 6.11), so the
rows are not movable, and this takes its place.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QRubberBand, QTabBar, QWidget

Orientation = Qt.Orientation | None  # None: to float


class TabDrag(QObject):
    """Watches rows of tabs; a band shows where the tab would go."""

    pressed = Signal(str)  # the tab's text
    dropped = Signal(str, object, QPoint)  # the tab's text, its Orientation, and where on the screen

    def __init__(self, workspace: QWidget) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._held: tuple[str, QPoint] | None = None
        self._band = QRubberBand(QRubberBand.Shape.Rectangle, workspace)

    def watch(self, bar: QTabBar) -> None:
        """Let the tabs of a row be dragged."""
        bar.setMovable(False)
        bar.removeEventFilter(self)
        bar.installEventFilter(self)

    def eventFilter(self, bar: QObject, event: QEvent) -> bool:
        if isinstance(bar, QTabBar) and isinstance(event, QMouseEvent):
            kind, point = event.type(), event.globalPosition().toPoint()
            if kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
                self._held = bar.tabText(bar.tabAt(event.position().toPoint())), point
                self.pressed.emit(self._held[0])
            elif kind == QEvent.Type.MouseMove and self._held is not None:
                self._show(bar, point)
            elif kind == QEvent.Type.MouseButtonRelease and self._held is not None:
                self._drop(bar, point)
        return super().eventFilter(bar, event)

    def _show(self, bar: QTabBar, point: QPoint) -> None:
        goal = self._goal(bar, point)
        rect = self._workspace.rect()
        if goal == Qt.Orientation.Horizontal:
            rect = QRect(rect.width() // 2, 0, rect.width() // 2, rect.height())
        elif goal == Qt.Orientation.Vertical:
            rect = QRect(0, rect.height() // 2, rect.width(), rect.height() // 2)
        self._band.setGeometry(rect)
        self._band.setVisible(isinstance(goal, Qt.Orientation))

    def _drop(self, bar: QTabBar, point: QPoint) -> None:
        goal, (name, _) = self._goal(bar, point), self._held or ("", point)
        self._held = None
        self._band.hide()
        if name and not isinstance(goal, str):
            self.dropped.emit(name, goal, point)

    def _goal(self, bar: QTabBar, point: QPoint) -> Orientation | str:
        """Where the tab would go: beside, below, floating (None), or 'stays'."""
        if self._held is None or (point - self._held[1]).manhattanLength() < QApplication.startDragDistance():
            return "stays"
        inside, rect = self._workspace.mapFromGlobal(point), self._workspace.rect()
        if not rect.contains(inside):
            return None
        if bar.rect().contains(bar.mapFromGlobal(point)):
            return "stays"
        if inside.x() > 2 * rect.width() / 3:
            return Qt.Orientation.Horizontal
        return Qt.Orientation.Vertical if inside.y() > 2 * rect.height() / 3 else "stays"
