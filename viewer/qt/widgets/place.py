"""A place in the window: panels behind one another, a tab each, and beside the tabs what the one in front says."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from viewer.qt.widgets.panel import Panel


class Place(QFrame):
    """Holds panels; a tab brings one to the front, a double click on it asks for all the room there is."""

    fronted = Signal(object)  # Panel
    filled = Signal(object)  # Place, when it wants all the room
    moving = Signal(object, QPoint)  # Panel, and where to ask for its new place

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.setObjectName("panel")
        self.panels: list[Panel] = []
        self.tabs = _Tabs(self)
        self.lines = QStackedWidget()
        self.lines.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.stack = QStackedWidget()
        header = QHBoxLayout()
        header.setSpacing(10)
        header.addWidget(self.tabs)
        header.addWidget(self.lines, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 12)
        layout.setSpacing(6)
        layout.addLayout(header)
        layout.addWidget(self.stack, 1)
        self.tabs.currentChanged.connect(self._turn)
        self.tabs.tabMoved.connect(self._reorder)
        self.tabs.doubled.connect(lambda: self.filled.emit(self))
        self.tabs.asked.connect(self._ask_to_move)

    @property
    def front(self) -> Panel | None:
        """The panel that can be seen."""
        index = self.tabs.currentIndex()
        return self.panels[index] if 0 <= index < len(self.panels) else None

    def add(self, panel: Panel) -> None:
        """Put a panel behind the others."""
        self.panels.append(panel)
        self.lines.addWidget(panel.subtitle)
        self.stack.addWidget(panel)
        index = self.tabs.addTab(panel.title)
        self.tabs.setTabToolTip(index, panel.hint)
        self.setVisible(True)

    def take(self, panel: Panel) -> None:
        """Let a panel go; an empty place takes no room."""
        index = self.panels.index(panel)
        self.panels.remove(panel)
        self.lines.removeWidget(panel.subtitle)
        self.stack.removeWidget(panel)
        self.tabs.removeTab(index)
        self._turn(self.tabs.currentIndex())
        self.setVisible(bool(self.panels))

    def bring(self, panel: Panel) -> None:
        """Bring a panel to the front."""
        self.tabs.setCurrentIndex(self.panels.index(panel))

    def _turn(self, index: int) -> None:
        if 0 <= index < len(self.panels):
            panel = self.panels[index]
            self.lines.setCurrentWidget(panel.subtitle)
            self.stack.setCurrentWidget(panel)
            self.tabs.updateGeometry()  # the tab in front is bold, and so wider
            self.fronted.emit(panel)

    def _reorder(self, start: int, end: int) -> None:
        self.panels.insert(end, self.panels.pop(start))

    def _ask_to_move(self, index: int, point: QPoint) -> None:
        if 0 <= index < len(self.panels):
            self.moving.emit(self.panels[index], point)


class _Tabs(QTabBar):
    """Quiet tabs that can be dragged into another order."""

    doubled = Signal()
    asked = Signal(int, QPoint)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("tabs")
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setMovable(True)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setAccessibleName("Panels of this place")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(lambda point: self.asked.emit(self.tabAt(point), point))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        self.doubled.emit()


def menu_of_places(names: list[str], parent: QWidget) -> QMenu:
    """Return a menu that asks where a panel shall go."""
    menu = QMenu(parent)
    for name in names:
        menu.addAction(f"Move to the place {name}").setData(name)
    return menu
