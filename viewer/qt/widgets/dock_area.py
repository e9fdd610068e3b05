"""A dock area of the window: a tab for each panel, and beside the tabs the subtitle of the panel in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from viewer.qt.catalogue import PANELS
from viewer.qt.widgets.panel import Panel


class DockArea(QFrame):
    """Holds panels; a tab brings one to the front, a double click on it lets it fill the window.

    A tab needs only the panel's name: once the area is open, `panels` makes a panel when it first comes to the front.
    """

    raised = Signal(object)  # Panel
    filled = Signal(object)  # DockArea, when its panel is to fill the window
    moving = Signal(str, QPoint)  # a panel's name, and where to show the menu of its new dock areas

    def __init__(self, name: str, panels: Mapping[str, Panel], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self._panels = name, panels
        self.setObjectName("panel")
        self.names: list[str] = []  # of its panels, in the order of the tabs
        self._seated: dict[str, Panel] = {}  # those of them that are made
        self._is_open = False
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
        self.tabs.currentChanged.connect(self._tab_changed)
        self.tabs.tabMoved.connect(self._reorder)
        self.tabs.doubled.connect(lambda: self.filled.emit(self))
        self.tabs.menu_requested.connect(self._request_move)

    @property
    def front(self) -> str | None:
        """The name of the panel that can be seen."""
        index = self.tabs.currentIndex()
        return self.names[index] if 0 <= index < len(self.names) else None

    @property
    def waits(self) -> bool:
        """Whether the panel in front has yet to be made."""
        return bool(self.names) and self.front not in self._seated

    def open(self) -> None:
        """Make the panel in front, and from now on every panel that comes to the front."""
        self._is_open = True
        self._show_front()

    def put(self, names: Sequence[str], front: str | None) -> None:
        """Hold exactly these panels, one of them in front; the others need not be made yet."""
        self.tabs.blockSignals(True)
        for name in list(self.names):
            self._remove(name)
        for name in names:
            self.add(name)
        if front in self.names:
            self.bring(front)
        self.tabs.blockSignals(False)
        self._tab_changed(self.tabs.currentIndex())

    def add(self, name: str) -> None:
        """Add a panel behind the others."""
        self.names.append(name)
        index = self.tabs.addTab(PANELS[name].title)
        self.tabs.setTabToolTip(index, PANELS[name].hint)
        self.setVisible(True)

    def seat(self, panel: Panel) -> None:
        """Add a panel that has been made."""
        if panel.name not in self._seated:
            self._seated[panel.name] = panel
            self.lines.addWidget(panel.subtitle)
            self.stack.addWidget(panel)
            self._show_front()

    def take(self, name: str) -> None:
        """Remove a panel; an empty dock area takes no room."""
        self._remove(name)
        self._tab_changed(self.tabs.currentIndex())

    def _remove(self, name: str) -> None:
        index = self.names.index(name)
        del self.names[index]
        panel = self._seated.pop(name, None)
        if panel is not None:
            self.lines.removeWidget(panel.subtitle)
            self.stack.removeWidget(panel)
        self.tabs.removeTab(index)
        self.setVisible(bool(self.names))

    def bring(self, name: str) -> None:
        """Bring a panel to the front."""
        self.tabs.setCurrentIndex(self.names.index(name))

    def _tab_changed(self, index: int) -> None:
        self._show_front()
        if 0 <= index < len(self.names) and self.names[index] in self._seated:
            self.raised.emit(self._seated[self.names[index]])

    def _show_front(self) -> None:
        name = self.front
        if name is not None and (self._is_open or name in self._seated):
            panel = self._panels[name]
            self.seat(panel)
            self.lines.setCurrentWidget(panel.subtitle)
            self.stack.setCurrentWidget(panel)
        self.tabs.updateGeometry()  # the tab in front is bold, and so wider

    def _reorder(self, start: int, end: int) -> None:
        self.names.insert(end, self.names.pop(start))

    def _request_move(self, index: int, point: QPoint) -> None:
        if 0 <= index < len(self.names):
            self.moving.emit(self.names[index], point)


class _Tabs(QTabBar):
    """Quiet tabs that can be dragged into another order."""

    doubled = Signal()
    menu_requested = Signal(int, QPoint)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("tabs")
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setMovable(True)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setAccessibleName("Panels of this dock area")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(lambda point: self.menu_requested.emit(self.tabAt(point), point))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        self.doubled.emit()


def menu_of_areas(names: list[str], parent: QWidget) -> QMenu:
    """Return a menu of the dock areas that a panel can be moved to."""
    menu = QMenu(parent)
    for name in names:
        menu.addAction(f"Move to {name}").setData(name)
    return menu
