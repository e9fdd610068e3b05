"""Where the panels are: three columns of two dock areas, each with a tab per panel; and how that is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QSplitter, QWidget

from viewer.qt.catalogue import POSITIONS, panels_at
from viewer.qt.panels.all import Panels
from viewer.qt.settings import Settings
from viewer.qt.widgets.dock_area import DockArea, menu_of_areas
from viewer.qt.widgets.panel import Panel

STRETCH = (2, 3, 1)  # how much of a change in the window's width each column takes
RUNS_WHEN_FILLED = 420  # width that the runs keep beside a panel that fills the window
COLUMNS = (538, 684, 350)  # the middle shows ten 28×28 images at twice their size
NARROWEST = {"left": 0, "middle": 437, "right": 381}  # no column moves when its widest panel is made

SIZES = {"left": (300, 640), "middle": (470, 470), "right": (490, 450)}


class Layout(QObject):
    """Puts panels into dock areas, and the dock areas into splitters."""

    def __init__(self, panels: Panels, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._panels, self._settings = panels, settings
        self.areas = {name: DockArea(name, panels) for name in POSITIONS}
        self.splitters = {column: _column(self.areas, column) for column in SIZES}
        self.across = QSplitter(Qt.Orientation.Horizontal)
        for splitter in self.splitters.values():
            self.across.addWidget(splitter)
        self.splitters["across"] = self.across
        for splitter in self.splitters.values():
            splitter.setHandleWidth(6)
            splitter.setChildrenCollapsible(False)
        for column, share in enumerate(STRETCH):
            self.across.setStretchFactor(column, share)
        self._sizes_before: list[int] = list(COLUMNS)
        self.filled: DockArea | None = None  # the one that has all the room
        self.front: Panel | None = None  # the panel used last
        for area in self.areas.values():
            area.raised.connect(self._raised)
            area.filled.connect(self.fill)
            area.moving.connect(self._show_menu)
            area.setMinimumWidth(NARROWEST[area.name.split()[0]])
        panels.when_made(lambda panel: self.area_of(panel).seat(panel))

    def usual(self) -> None:
        """Put every panel where it is in a new window."""
        self.give_back()
        self._put({position: panels_at(position) for position in POSITIONS})
        self._share_out()

    def area_of(self, panel: Panel) -> DockArea:
        return self._holder(panel.name)

    def open_next(self) -> bool:
        """Take the next step towards the front panel of one dock area: import its module, or make it.

        Return whether any dock area was still waiting for its front panel.
        """
        waiting = next((area for area in self.areas.values() if area.waits), None)
        if waiting is None or waiting.front is None:
            return False
        if not self._panels.import_panel(waiting.front):
            waiting.open()
        return True

    def bring_tab(self, name: str) -> None:
        """Bring a tab to the front, whether or not its panel has been made."""
        self._holder(name).bring(name)

    def bring(self, panel: Panel) -> None:
        """Bring a panel to the front; a panel that fills the window gives its room back."""
        area = self.area_of(panel)
        if self.filled is not None and self.filled is not area:
            self.give_back()
        area.bring(panel.name)
        self._raised(panel)

    def move(self, panel: Panel, name: str) -> None:
        """Move a panel into another dock area."""
        before, after = self.area_of(panel), self.areas[name]
        if before is not after:
            self.give_back()
            before.take(panel.name)
            after.add(panel.name)
            after.seat(panel)
            self._hide_empty()
        after.bring(panel.name)

    def fill(self, area: DockArea) -> None:
        """Give a dock area all the room except that of the runs; give the room back if it already has it."""
        if self.filled is area:
            self.give_back()
            return
        self.give_back()
        self._sizes_before = self.across.sizes()
        self.filled = area
        kept = (area, self.areas["left top"])
        for other in self.areas.values():
            other.setVisible(other in kept)
        self._hide_empty()
        if not area.name.startswith("left"):
            runs = min(RUNS_WHEN_FILLED, self.across.width() // 3)
            rest = self.across.width() - runs
            others = [rest if area.name.startswith(column) else 0 for column in list(SIZES)[1:]]
            self.across.setSizes([runs, *others])

    def give_back(self) -> None:
        """Show every dock area again, as wide as it was."""
        before, self.filled = self.filled, None
        for area in self.areas.values():
            area.setVisible(bool(area.names))
        self._hide_empty()
        if before is not None:
            self.across.setSizes(self._sizes_before)

    # ---- remembering ----

    def save(self) -> None:
        filled, self.filled = self.filled, None
        if filled is not None:
            self.give_back()
        self._settings.save_areas(
            {
                area.name: [*area.names, *([f"*{area.front}"] if area.front is not None else [])]
                for area in self.areas.values()
            }
        )

    def restore(self) -> None:
        """Put the panels where they were left, or where they usually are if the settings do not know them all."""
        saved = self._settings.areas()
        known = [name for names in saved.values() for name in names if not name.startswith("*")]
        if sorted(known) == sorted(self._panels) and set(saved) == set(self.areas):
            self._put(saved)
            self._share_out()
        else:
            self.usual()

    # ---- inside ----

    def _put(self, wanted: Mapping[str, Sequence[str]]) -> None:
        """Put the panels into dock areas, by name; the one marked `*` is in front, or else the first of its area."""
        for name, names in wanted.items():
            front = next((panel[1:] for panel in names if panel.startswith("*")), None)
            self.areas[name].put([panel for panel in names if not panel.startswith("*")], front)
        self._hide_empty()

    def _share_out(self) -> None:
        self.across.setSizes(COLUMNS)
        for column, sizes in SIZES.items():
            self.splitters[column].setSizes(sizes)

    def _holder(self, name: str) -> DockArea:
        return next(area for area in self.areas.values() if name in area.names)

    def _hide_empty(self) -> None:
        for column in SIZES:
            areas = [area for name, area in self.areas.items() if name.startswith(column)]
            self.splitters[column].setVisible(any(not area.isHidden() for area in areas))

    def _raised(self, panel: Panel) -> None:
        self.front = panel

    def _show_menu(self, panel: str, point: QPoint) -> None:
        area = self._holder(panel)
        menu = menu_of_areas([name for name in self.areas if name != area.name], area)
        menu.triggered.connect(lambda action: self.move(self._panels[panel], str(action.data())))
        menu.popup(area.tabs.mapToGlobal(point))


def _column(areas: Mapping[str, DockArea], column: str) -> QSplitter:
    splitter = QSplitter(Qt.Orientation.Vertical)
    widgets: list[QWidget] = [area for name, area in areas.items() if name.startswith(column)]
    for widget in widgets:
        splitter.addWidget(widget)
    return splitter
