"""The workspace: a tab for each kind of work; tabs can be put beside one another, float in windows, and be closed."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QByteArray, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QContextMenuEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QTabBar, QTabWidget, QVBoxLayout, QWidget

from viewer.qt.catalogue import PANELS, TABS, panels_of
from viewer.qt.panels.all import Panels
from viewer.qt.widgets.panel import Panel
from viewer.qt.widgets.panel_stack import PanelStack
from viewer.qt.widgets.tab_drag import TabDrag
from viewer.state.selection import State

VERSION = 1  # of the arrangement that is remembered
FLOATING = 0.7  # of the workspace's size, of a tab in a window of its own
BY_KIND = "Compare"  # the tab that follows the kind of network
AREA = Qt.DockWidgetArea.LeftDockWidgetArea  # there is no central widget, so that this area is all of the workspace


class Tab(QDockWidget):
    """One tab. Its panels are hidden while another tab covers it: Qt itself calls covered docks visible."""

    closing = Signal()

    def __init__(self, name: str, panels: Panels) -> None:
        super().__init__(name)
        self.setObjectName(name)
        self.stack = PanelStack(panels_of(name), panels, by_kind=name == BY_KIND)
        self.applies = True
        self.closed = False  # by the user
        self._no_bar = QWidget()
        holder = QWidget()
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)
        self.setWidget(holder)
        self.setTitleBarWidget(self._no_bar)
        self.visibilityChanged.connect(self.stack.setVisible)

    def show_bar(self, shown: bool) -> None:
        """Show Qt's title bar with its buttons, or none: a tab among others has its name in the row of tabs."""
        bar = None if shown else self._no_bar
        if self.titleBarWidget() is not bar:
            self.setTitleBarWidget(bar)  # type: ignore[arg-type]  # None restores Qt's own

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.closed = True
        self.closing.emit()


class Workspace(QMainWindow):
    """Tabs of panels; those that have nothing to say for what is open are not there."""

    def __init__(self, panels: Panels) -> None:
        super().__init__()
        self.setObjectName("workspace")
        self.setWindowFlags(Qt.WindowType.Widget)
        options = QMainWindow.DockOption
        self.setDockOptions(options.AllowTabbedDocks | options.AllowNestedDocks)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.setDocumentMode(True)
        self._panels = panels
        self.tabs = {name: Tab(name, panels) for name in TABS}
        self.front: Panel | None = None  # the panel used last
        self._chosen = ""  # the tab that was chosen last
        self._presents = False  # one tab alone
        self._drag = TabDrag(self)
        self._drag.pressed.connect(self._choose)
        self._drag.dropped.connect(self._dropped)
        self._tidy_soon = QTimer(self, singleShot=True, interval=0)
        self._tidy_soon.timeout.connect(self._tidy)
        for tab in self.tabs.values():
            self.addDockWidget(AREA, tab)
            tab.stack.raised.connect(self._raised)
            for signal in (tab.visibilityChanged, tab.topLevelChanged, tab.dockLocationChanged, tab.closing):
                signal.connect(lambda *_: self._tidy_soon.start())
        panels.when_made(self._seat)
        self.reset()

    # ---- arrangement ----

    def reset(self) -> None:
        """Put every tab where it is in a new window."""
        first, *others = self.tabs.values()
        for tab in self.tabs.values():
            tab.setFloating(False)
            tab.closed = not PANELS[tab.stack.names[0]].opened
            self.addDockWidget(AREA, tab)
        for tab in others:
            self.tabifyDockWidget(first, tab)
        self._show_tabs()
        first.raise_()

    def show_state(self, state: State) -> None:
        """Show a tab for what applies to a state; the one that was chosen stays, and says why it shows nothing."""
        for name, tab in self.tabs.items():
            tab.applies = tab.stack.show_state(state) or (name == self._chosen and tab.stack.isVisible())
        self._show_tabs()

    def bring(self, name: str) -> None:
        """Bring a panel's tab to the front, with this panel in it; a closed tab opens."""
        tab = self.tab_of(name)
        self._chosen = PANELS[name].tab
        tab.closed = False
        tab.applies = True
        tab.show()
        tab.raise_()
        tab.stack.setVisible(True)
        tab.stack.show_panel(name)

    def split(self, name: str, orientation: Qt.Orientation) -> None:
        """Put a tab beside all others: to the right, or below."""
        tab = self.tabs[name]
        seen = [other for other in self._shown() if other is not tab and other.stack.isVisible()]
        self.removeDockWidget(tab)
        tab.setFloating(False)
        self.addDockWidget(AREA, tab, orientation)
        tab.show()
        beside = next((other for other in self._shown() if other is not tab and not other.isFloating()), tab)
        half = (self.width() if orientation == Qt.Orientation.Horizontal else self.height()) // 2
        self.resizeDocks([beside, tab], [half, half], orientation)
        for other in seen:
            other.raise_()  # Qt would show another where this tab was

    def _dropped(self, name: str, goal: Qt.Orientation | None, point: QPoint) -> None:
        if goal is not None:
            self.split(name, goal)
        else:
            self.float(name)
            self.tabs[name].move(point)

    def float(self, name: str) -> None:
        """Show a tab in a window of its own, in the middle of the workspace."""
        tab = self.tabs[name]
        tab.setFloating(True)
        tab.resize(self.size() * FLOATING)
        tab.move(self.mapToGlobal(self.rect().center()) - tab.rect().center())

    def join(self, name: str) -> None:
        """Put a tab back among the others."""
        tab = self.tabs[name]
        others = [other for other in self._shown() if other is not tab and not other.isFloating()]
        tab.setFloating(False)
        if others:
            self.tabifyDockWidget(others[0], tab)
            tab.raise_()

    def tab_of(self, name: str) -> Tab:
        """Return the tab of a panel."""
        return self.tabs[PANELS[name].tab]

    def saved(self) -> tuple[QByteArray, list[str]]:
        """Return what is remembered: the arrangement and the closed tabs."""
        return self.saveState(VERSION), [name for name, tab in self.tabs.items() if tab.closed]

    def restore(self, arrangement: QByteArray, closed: list[str]) -> None:
        """Arrange the tabs as they were, if these are the tabs of this version."""
        if self.restoreState(arrangement, VERSION):
            for name, tab in self.tabs.items():
                tab.closed = name in closed
            self._show_tabs()

    def present(self, name: str | None) -> None:
        """Show one tab alone, or with None all of them again."""
        self._presents = name is not None
        if name is not None:
            self._before = self.saveState(VERSION)
            for each, tab in self.tabs.items():
                tab.setVisible(each == name)
        else:
            self.restoreState(self._before, VERSION)
            self._show_tabs()

    def show_title(self, text: str) -> None:
        """Show a title before the panels' own texts; '' for none."""
        for tab in self.tabs.values():
            tab.stack.title.setText(text)
            tab.stack.title.setVisible(bool(text))

    # ---- panels ----

    @property
    def waiting(self) -> PanelStack | None:
        """A visible stack whose panel has yet to be made."""
        return next((tab.stack for tab in self.tabs.values() if tab.stack.waits), None)

    def _seat(self, panel: Panel) -> None:
        if PANELS[panel.name].tab in self.tabs:
            self.tab_of(panel.name).stack.seat(panel)

    def _raised(self, panel: Panel) -> None:
        self.front = panel

    # ---- tabs ----

    def _shown(self) -> list[Tab]:
        return [tab for tab in self.tabs.values() if not tab.isHidden()]

    def _show_tabs(self) -> None:
        if self._presents:
            return
        for tab in self.tabs.values():
            wanted = tab.applies and not tab.closed
            if not wanted and tab.stack.isVisible():
                self.tabs[TABS[0]].raise_()  # or else Qt would show a neighbour
            if tab.isHidden() == wanted:
                tab.setVisible(wanted)
        self._tidy_soon.start()

    def _tidy(self) -> None:
        """Name a tab that stands alone by its title bar, and all tabs for screen readers."""
        for tab in self.tabs.values():
            tab.stack.setVisible(tab.isFloating() or not tab.visibleRegion().isEmpty())
            beside = [other for other in self.tabifiedDockWidgets(tab) if not other.isHidden()]
            tab.show_bar(tab.isFloating() or (not beside and len(self._shown()) > 1))
        for bar in self.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            self._drag.watch(bar)
            bar.setAccessibleName("Tabs of the workspace")
            for index in range(bar.count()):
                names = panels_of(bar.tabText(index))
                bar.setTabToolTip(index, PANELS[names[-1]].hint if names else "")

    def _choose(self, name: str) -> None:
        self._chosen = name

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Show what can be done with the tab under the pointer."""
        child = self.childAt(event.pos())
        if isinstance(child, QTabBar):
            name = child.tabText(child.tabAt(child.mapFrom(self, event.pos())))
        else:
            name = child.objectName() if isinstance(child, Tab) else ""
        if name in self.tabs:
            self.menu_of(name).popup(event.globalPos())

    def menu_of(self, name: str) -> QMenu:
        """Return a menu of what can be done with a tab."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        tab = self.tabs[name]
        right, below = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        menu.addAction("Put beside, to the right").triggered.connect(partial(self.split, name, right))
        menu.addAction("Put beside, below").triggered.connect(partial(self.split, name, below))
        menu.addAction("Float in a window").triggered.connect(partial(self.float, name))
        menu.addAction("Back among the tabs").triggered.connect(partial(self.join, name))
        menu.addAction("Close").triggered.connect(lambda _=False: tab.close())
        menu.addSeparator()
        menu.addAction("Reset the layout").triggered.connect(lambda _=False: self.reset())
        return menu
