"""The window: makes the parts, lays them out and connects them; it computes nothing and opens no files."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QMargins, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from viewer.figures.theme import Theme
from viewer.qt import menus, run_menu
from viewer.qt import rail as rails
from viewer.qt.application import apply_text_size, apply_theme, icon, make_application, theme_of
from viewer.qt.catalogue import DRAWER, PANELS, TABS
from viewer.qt.child_process import ImageProcesses
from viewer.qt.disk import Disk
from viewer.qt.image_browser import ImageBrowser, pixels_of
from viewer.qt.presenter import Presenter
from viewer.qt.rail import Rail
from viewer.qt.run_list import RunList
from viewer.qt.run_loader import RunLoader
from viewer.qt.settings import Settings
from viewer.qt.start_page import StartPage
from viewer.qt.steps import Elsewhere
from viewer.qt.store import AppState
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Panel, Panels, PanelStack
from viewer.qt.widgets.status import Notices, Status
from viewer.qt.worker import Workers
from viewer.qt.workspace import DRAWER_WIDTH, Drawer, Workspace
from viewer.state import library
from viewer.state.selection import State
from zoo import pretrained
from zoo.errors import UsageError

SIZE = QSize(1600, 1000)
SMALLEST = QSize(1000, 640)
TITLE_BAR = 40  # pixels that a window manager takes of the screen's height, at most
FRAME_WIDTH = 28  # pixels, around and between the rail, the workspace and the drawer
NARROW_SCREEN = 1500  # pixels: on a narrower one the window opens maximised and without its drawer
TURN_MILLISECONDS = 1  # between two steps of making visible panels: with none, no other timer would get its turn
REST_MILLISECONDS = 100  # between two panels that are made behind their tabs once everything visible is shown


class MainWindow(QMainWindow):
    """The rail of runs at the left, the workspace with its tabs, and the drawer at the right.

    With a theme it neither reads nor remembers its layout.
    """

    shown_first = Signal()  # the window was painted
    pictured_first = Signal()  # the first picture was painted in it
    settling = Signal()  # something that was under way may have ended

    def __init__(self, workers: Workers, disk: Disk, *, theme: str | None = None) -> None:
        super().__init__()
        self.setWindowTitle("aezoo")
        self.setWindowIcon(icon())
        self.setAcceptDrops(True)
        self.store = AppState(self)
        self.settings = Settings()
        self.workers, self.disk = workers, disk
        self.processes = ImageProcesses(self)
        self.elsewhere = Elsewhere(disk, workers, self.processes)
        self.run_loader = RunLoader(self.store, self.elsewhere, self)
        self.images = ImageBrowser(self.store, self.elsewhere, self)
        self.runs = RunList(self.store, self)
        self._making = QTimer(self, interval=TURN_MILLISECONDS)
        self._making.timeout.connect(self._make_next)
        self.window_at: float | None = None  # seconds on the monotonic clock
        self.picture_at: float | None = None
        self._rail_gave_way = False  # to the drawer, for want of room
        self._remembers = theme is None
        self.panels = Panels(Tools(self.store, workers, self.images, disk, self.elsewhere, self.runs, self.settings))
        apply_text_size(self.settings.text_size)
        chosen = theme_of(theme or self.settings.theme)
        apply_theme(make_application(), chosen)  # before there are widgets to style again
        self._build()
        self._apply(chosen)
        self._connect()
        self._place()
        menus.build(self)

    def _build(self) -> None:
        self.status = Status(self)
        self.rail, self.drawer = Rail(self.runs), Drawer(self.panels)
        self.workspace, self.start_page = Workspace(self.panels), StartPage(self)
        self.centre = QStackedWidget()
        self.centre.addWidget(self.workspace)
        self.centre.addWidget(self.start_page)
        self.across = QSplitter(Qt.Orientation.Horizontal)
        self.across.setChildrenCollapsible(False)
        self.across.setHandleWidth(6)
        for widget in (self.rail, self.centre, self.drawer):
            self.across.addWidget(widget)
        self.across.setStretchFactor(1, 1)
        everything = QWidget()
        layout = QVBoxLayout(everything)
        layout.setContentsMargins(8, 8, 8, 2)
        layout.addWidget(self.across, 1)
        self.setCentralWidget(everything)
        self.notices = Notices(everything)
        self.setStatusBar(self.status)
        self.presenter = Presenter(self)

    def _place(self) -> None:
        """Size the window for its screen, or as it was left; it never opens larger than the screen."""
        room = self.screen().availableSize()
        below_title = room.shrunkBy(QMargins(0, TITLE_BAR, 0, 0))
        self.setMinimumSize(SMALLEST.boundedTo(below_title))
        self.resize(SIZE.boundedTo(below_title))
        self.drawer.setVisible(room.width() >= NARROW_SCREEN)
        self.across.setSizes([rails.USUAL, self.width() - rails.USUAL - DRAWER_WIDTH, DRAWER_WIDTH])
        if self._remembers and self.settings.knows_window:
            self.rail.setVisible(self.settings.shows("rail", default=True))
            self.drawer.setVisible(self.settings.shows("drawer", default=not self.drawer.isHidden()))
            self.settings.restore_window(self, self.across)
            self.workspace.restore(*self.settings.workspace())
        elif room.width() < NARROW_SCREEN:
            self.setWindowState(Qt.WindowState.WindowMaximized)

    def _connect(self) -> None:
        for part in (self.workers, self.run_loader, self.images):
            part.notice.connect(self.notices.add)
        self.runs.menu_requested.connect(lambda path, point: run_menu.menu_of(self, path).popup(point))
        self.runs.entered.connect(self.go_to_compare)
        self.rail.columns_button.clicked.connect(lambda: self.go_to(self.panels["runs"]))
        self.images.progressed.connect(self.status.show_progress)
        self.workers.worker_ready.connect(self.status.show_worker)
        self.workers.answered.connect(self.status.show_speed)
        self.store.changed.connect(self._state_changed)
        self.panels.when_made(self._connect_panel)
        workers = (self.workers.answered, self.workers.idle, self.workers.notice)
        for signal in (self.store.changed, *workers, self.disk.idle, self.processes.idle):
            signal.connect(self.settling)
        QApplication.styleHints().colorSchemeChanged.connect(self._system_changed)
        if self.workers.ready is not None:
            self.status.show_worker(self.workers.ready)

    def _connect_panel(self, panel: Panel) -> None:
        """Connect the signals of a panel that has just been made."""
        panel.settled.connect(self.settling)
        panel.pictured.connect(self._pictured)

    # ---- what the user does ----

    def open(self, paths: tuple[Path, ...], *, remember: bool = True) -> None:
        """Show these folders and files besides what is open; pictures are run through the networks shown."""
        pictures = [path for path in paths if library.is_picture(path) and path.is_file()]
        if pictures:
            self.images.open_pictures(pictures)
        rest = tuple(path for path in paths if path not in pictures)
        if not rest:
            return
        try:
            chosen = library.absolute_paths(rest)
        except UsageError as error:
            self.notices.add(f"{error}.")
            return
        self.notices.clear()
        if remember:
            self.settings.remember(chosen)
        self.run_loader.open(chosen)

    def open_pretrained(self) -> None:
        """Show the models that come with the package."""
        self.open((pretrained.FOLDER,), remember=False)

    def step_run(self, step: int) -> None:
        """Go to the next run in the rail's order, or the one before."""
        paths, current = self.runs.paths, self.store.state.current
        if paths:
            row = paths.index(current) + step if current in paths else 0
            path = paths[max(0, min(len(paths) - 1, row))]
            self.store.set_selected((path,), path)

    def find_runs(self) -> None:
        """Move the keyboard focus to the filter of the runs."""
        self.rail.show()
        self.rail.focus_filter()

    def go_to_rail(self) -> None:
        """Move the keyboard focus to the runs."""
        self.rail.show()
        self.rail.list.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def go_to_compare(self) -> None:
        """Go to what the shown networks make of images."""
        self.go_to(self.panels[self.workspace.tabs[TABS[0]].stack.front])

    def go_to(self, panel: Panel) -> None:
        """Bring a panel to the front and move the keyboard focus to it."""
        if PANELS[panel.name].tab == DRAWER:
            self._show_drawer(True)
        else:
            self.workspace.bring(panel.name)
        panel.focus_panel()

    def toggle_rail(self) -> None:
        self._rail_gave_way = False
        self.rail.setVisible(self.rail.isHidden())
        self._make_room(self.drawer)

    def toggle_drawer(self) -> None:
        self._show_drawer(self.drawer.isHidden())

    def _show_drawer(self, shown: bool) -> None:
        self.drawer.setVisible(shown)
        if shown:
            self.drawer.show_state(self.store.state)
            self._make_room(self.rail)
        elif self._rail_gave_way:
            self.rail.show()

    def _make_room(self, side: QWidget) -> None:
        """Hide the rail or the drawer where the window is too narrow for both."""
        parts = (self.rail, self.centre, self.drawer)
        least = sum(max(part.minimumWidth(), part.minimumSizeHint().width()) for part in parts) + FRAME_WIDTH
        if self.width() < least and not self.rail.isHidden() and not self.drawer.isHidden():
            side.hide()
            self._rail_gave_way = side is self.rail

    def reset_layout(self) -> None:
        """Put rail, drawer and tabs where they are in a new window."""
        self.rail.show()
        self._show_drawer(self.width() >= NARROW_SCREEN)
        self.across.setSizes([rails.USUAL, self.width() - rails.USUAL - DRAWER_WIDTH, DRAWER_WIDTH])
        self.workspace.reset()
        self.workspace.show_state(self.store.state)

    def present(self) -> None:
        """Begin or end the presenter's mode, with the tab used last."""
        tab = PANELS[self.panel_in_use().name].tab
        self.presenter.show(not self.presenter.is_on, tab if tab in self.workspace.tabs else TABS[0])

    def escape(self) -> None:
        """Leave what is in the way: the presenter's mode, notices, an enlarged image, or pictures of the user's own."""
        if self.presenter.is_on:
            self.presenter.show(False)
        elif self.rail.filter.hasFocus():
            self.rail.filter.clear()
        elif self.notices.isVisible():
            self.notices.clear()
        elif not self.panel_in_use().leave():
            self.images.forget_pictures()

    def choose_theme(self, name: str) -> None:
        self.settings.theme = name
        self._apply(theme_of(name))

    def choose_colour_map(self, name: str) -> None:
        """Show feature maps in other colours."""
        self.settings.colour_map = name
        self._apply(self.theme)

    def choose_text_size(self, factor: float) -> None:
        """Make all text larger or smaller than the system's, by a factor."""
        self.settings.text_size = factor
        apply_text_size(self.settings.text_size)
        self.panels.set_theme(self.theme)  # what they lay out by the size of text

    # ---- what happens ----

    def panel_in_use(self) -> Panel:
        """The panel that has the keyboard focus, or else the one used last."""
        widget: QWidget | None = self.focusWidget()
        while widget is not None and not isinstance(widget, Panel):
            widget = widget.parentWidget()
        return widget or self.workspace.front or self.panels["reconstructions"]

    def _apply(self, theme: Theme) -> None:
        self.theme = replace(theme, colour_map=self.settings.colour_map)
        apply_theme(make_application(), self.theme)
        self.rail.set_theme(self.theme)
        self.panels.set_theme(self.theme)

    def _system_changed(self) -> None:
        if self.settings.theme == "system":
            self._apply(theme_of("system"))

    def _state_changed(self, before: State, after: State) -> None:
        self.status.show_provenance(after.page.provenance if after.page else "")
        self.setWindowTitle(f"{after.current_name} – aezoo" if after.current_name else "aezoo")
        if self.presenter.is_on:
            self.title_tabs()
        empty = after.scanned and not after.entries
        if empty:
            self.start_page.show_roots(after.roots, after.gone)
        self.centre.setCurrentWidget(self.start_page if empty else self.workspace)
        self.workspace.show_state(after)
        if not self.drawer.isHidden():
            self.drawer.show_state(after)
        if after.entries and not before.entries:
            self.rail.list.setFocus()

    def title_tabs(self) -> None:
        """Name the run where no rail and no window's title does, and no figure, as of several runs."""
        state = self.store.state
        alone = self.presenter.is_on and len(state.compared) == 1
        self.workspace.show_title(state.current_name if alone else "")

    def _pictured(self) -> None:
        if self.picture_at is None:
            self.picture_at = time.monotonic()
            self.pictured_first.emit()

    def _make_next(self) -> None:
        """Make the visible panels, one step per turn of the event loop; then, while nothing else is under way,
        those behind tabs: their commands have shortcuts, and a tab whose panel is made opens at once.
        """
        stack = self._unmade()
        if stack is not None:
            if not self.panels.import_panel(stack.front):
                stack.open()
            self.settling.emit()
            return
        self._making.setInterval(REST_MILLISECONDS)
        if self.settled and not self.panels.make_next():
            self._making.stop()

    def _unmade(self) -> PanelStack | None:
        """A visible stack whose panel has yet to be made."""
        return next((stack for stack in self.findChildren(PanelStack) if stack.waits), None)

    @property
    def settled(self) -> bool:
        """Whether everything that was opened is shown and nothing is under way."""
        if not self.workers.started or self._unmade() is not None:
            return False
        return not self.run_loader.busy and not any(panel.waiting for panel in self.panels.values())

    # ---- events ----

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.window_at is None:
            self.window_at = time.monotonic()
            self._making.start()
            self.shown_first.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.notices.place()
        self._make_room(self.drawer)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped_paths(event) or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = _dropped_paths(event)
        picture = pixels_of(event.mimeData().imageData()) if not paths and event.mimeData().hasImage() else None
        if paths:
            event.acceptProposedAction()
            self.open(paths)
        elif picture is not None:
            event.acceptProposedAction()
            self.images.add_picture(picture, "dropped")

    def closeEvent(self, event: QCloseEvent) -> None:
        self.presenter.show(False)
        if self._remembers:
            shown = {"rail": not self.rail.isHidden(), "drawer": not self.drawer.isHidden()}
            self.settings.save_window(self, self.across, shown, *self.workspace.saved())
            if "runs" in self.panels:
                self.settings.save_table(self.panels.runs.table.horizontalHeader().saveState())
        self._making.stop()
        self.run_loader.close()
        self.processes.close()
        self.workers.close()
        self.disk.close()
        super().closeEvent(event)


def _dropped_paths(event: QDropEvent) -> tuple[Path, ...]:
    """The folders, .onnx files and pictures that are being dropped."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return tuple(path for path in paths if path.is_dir() or path.suffix.lower() == ".onnx" or library.is_picture(path))
