"""The workspace: a tab for each kind of work; tabs can be put beside one another, float in windows, and be closed.

Beside it the drawer, with what is always of use.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QByteArray, QEvent, QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QContextMenuEvent, QMouseEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QRubberBand,
    QSplitter,
    QTabBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from viewer.qt.catalogue import DRAWER, PANELS, TABS, panels_of
from viewer.qt.widgets.panel import Panel, Panels, PanelStack
from viewer.state.selection import State

VERSION = 1  # of the arrangement that is remembered
FLOATING = 0.7  # of the workspace's size, of a tab in a window of its own
NARROWEST, DRAWER_WIDTH = 260, 330  # pixels, of the drawer
BY_KIND = "Compare"  # the tab that follows the kind of network
Orientation = Qt.Orientation | None  # None: to float
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
        holder = QWidget()  # which Qt shows and hides, while the stack is shown as the tab is seen
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


class TabDrag(QObject):
    """Drags a tab off its row: to the workspace's right or lower part to stand beside, or out of it to float.

    A band shows where the tab would go. WORKAROUND: Qt's own dragging of dock tabs crashes where tabs are hidden or
    were put beside others (Qt 6.11), so the rows are not movable, and this takes its place.
    """

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
        self._chosen = PANELS[name].tab
        tab = self.tabs[self._chosen]
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


class Drawer(QSplitter):
    """At the right, the details of the current run, and the losses, small; each where it has something to say."""

    def __init__(self, panels: Panels) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(6)
        self.setMinimumWidth(NARROWEST)
        self.stacks = [PanelStack((name,), panels, PANELS[name].title.partition(",")[0]) for name in panels_of(DRAWER)]
        for stack, share in zip(self.stacks, (3, 1), strict=True):
            self.addWidget(stack)
            self.setStretchFactor(self.indexOf(stack), share)
        self.setSizes([560, 240])

    def show_state(self, state: State) -> None:
        for stack in self.stacks:
            stack.setVisible(stack.show_state(state))
