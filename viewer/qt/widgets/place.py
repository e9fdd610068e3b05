"""A place in the window: panels behind one another, a tab each, and beside the tabs what the one in front says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from viewer.qt.catalogue import PANELS
from viewer.qt.widgets.panel import Panel


class Place(QFrame):
    """Holds panels; a tab brings one to the front, a double click on it asks for all the room there is.

    A tab needs no more than a panel's name: once the place is open, `panels` makes a panel when it first comes to the
    front. Until then only those stand here that somebody else has asked for.
    """

    fronted = Signal(object)  # Panel
    filled = Signal(object)  # Place, when it wants all the room
    moving = Signal(str, QPoint)  # a panel's name, and where to ask for its new place

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
        self.tabs.currentChanged.connect(self._turn)
        self.tabs.tabMoved.connect(self._reorder)
        self.tabs.doubled.connect(lambda: self.filled.emit(self))
        self.tabs.asked.connect(self._ask_to_move)

    @property
    def front(self) -> str | None:
        """The name of the panel that can be seen."""
        index = self.tabs.currentIndex()
        return self.names[index] if 0 <= index < len(self.names) else None

    @property
    def waits(self) -> bool:
        """Whether the panel in front is still to be made."""
        return bool(self.names) and self.front not in self._seated

    def open(self) -> None:
        """Have the panel in front made, and from now on each that comes to the front."""
        self._is_open = True
        self._show_front()

    def put(self, names: Sequence[str], front: str | None) -> None:
        """Hold these panels and no others, one of them in front; those behind it need not be made for that."""
        self.tabs.blockSignals(True)
        for name in list(self.names):
            self._remove(name)
        for name in names:
            self.add(name)
        if front in self.names:
            self.bring(front)
        self.tabs.blockSignals(False)
        self._turn(self.tabs.currentIndex())

    def add(self, name: str) -> None:
        """Put a panel behind the others."""
        self.names.append(name)
        index = self.tabs.addTab(PANELS[name].title)
        self.tabs.setTabToolTip(index, PANELS[name].hint)
        self.setVisible(True)

    def seat(self, panel: Panel) -> None:
        """Give a panel that is made its room."""
        if panel.name not in self._seated:
            self._seated[panel.name] = panel
            self.lines.addWidget(panel.subtitle)
            self.stack.addWidget(panel)
            self._show_front()

    def take(self, name: str) -> None:
        """Let a panel go; an empty place takes no room."""
        self._remove(name)
        self._turn(self.tabs.currentIndex())

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

    def _turn(self, index: int) -> None:
        self._show_front()
        if 0 <= index < len(self.names) and self.names[index] in self._seated:
            self.fronted.emit(self._seated[self.names[index]])

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

    def _ask_to_move(self, index: int, point: QPoint) -> None:
        if 0 <= index < len(self.names):
            self.moving.emit(self.names[index], point)


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
