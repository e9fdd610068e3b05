"""Where the panels stand: three columns of two places, panels behind one another in each; and how it is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QSplitter, QWidget

from viewer.qt.catalogue import POSITIONS, panels_at
from viewer.qt.panels.all import Panels
from viewer.qt.settings import Settings
from viewer.qt.widgets.panel import Panel
from viewer.qt.widgets.place import Place, menu_of_places

STRETCH = (2, 3, 1)  # which column takes or gives how much when the window is resized
RUNS_WHEN_FILLED = 420  # what is left to the runs beside a panel that has all the room
COLUMNS = (538, 684, 350)  # the middle shows ten 28×28 images at twice their size
NARROWEST = {"left": 0, "middle": 437, "right": 381}  # for the widest panel: no column moves when that one is made

SIZES = {"left": (300, 640), "middle": (470, 470), "right": (490, 450)}


class Layout(QObject):
    """Puts panels into places, and the places into splitters."""

    def __init__(self, panels: Panels, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._panels, self._settings = panels, settings
        self.places = {name: Place(name, panels) for name in POSITIONS}
        self.splitters = {column: _column(self.places, column) for column in SIZES}
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
        self.filled: Place | None = None  # the one that has all the room
        self.front: Panel | None = None  # the panel used last
        for place in self.places.values():
            place.fronted.connect(self._fronted)
            place.filled.connect(self.fill)
            place.moving.connect(self._ask)
            place.setMinimumWidth(NARROWEST[place.name.split()[0]])
        panels.when_made(lambda panel: self.place_of(panel).seat(panel))

    def usual(self) -> None:
        """Put everything where it stands in a new window."""
        self.give_back()
        self._put({position: panels_at(position) for position in POSITIONS})
        self._share_out()

    def place_of(self, panel: Panel) -> Place:
        return self._holder(panel.name)

    def open_next(self) -> bool:
        """Go on with the panel in front of one place: read its module, or make it.

        Returns whether there was a place that waited for it.
        """
        waiting = next((place for place in self.places.values() if place.waits), None)
        if waiting is None or waiting.front is None:
            return False
        if not self._panels.read(waiting.front):
            waiting.open()
        return True

    def lead(self, name: str) -> None:
        """Bring a tab to the front, whether its panel is made or not."""
        self._holder(name).bring(name)

    def bring(self, panel: Panel) -> None:
        """Bring a panel to the front, and give back the room that another one fills."""
        place = self.place_of(panel)
        if self.filled is not None and self.filled is not place:
            self.give_back()
        place.bring(panel.name)
        self._fronted(panel)

    def move(self, panel: Panel, name: str) -> None:
        """Put a panel into another place."""
        before, after = self.place_of(panel), self.places[name]
        if before is not after:
            self.give_back()
            before.take(panel.name)
            after.add(panel.name)
            after.seat(panel)
            self._hide_empty()
        after.bring(panel.name)

    def fill(self, place: Place) -> None:
        """Give a place all the room save the runs'; or take it back where it has it."""
        if self.filled is place:
            self.give_back()
            return
        self.give_back()
        self._sizes_before = self.across.sizes()
        self.filled = place
        kept = (place, self.places["left top"])
        for other in self.places.values():
            other.setVisible(other in kept)
        self._hide_empty()
        if not place.name.startswith("left"):
            runs = min(RUNS_WHEN_FILLED, self.across.width() // 3)
            rest = self.across.width() - runs
            others = [rest if place.name.startswith(column) else 0 for column in list(SIZES)[1:]]
            self.across.setSizes([runs, *others])

    def give_back(self) -> None:
        """Show every place again, as wide as it was."""
        before, self.filled = self.filled, None
        for place in self.places.values():
            place.setVisible(bool(place.names))
        self._hide_empty()
        if before is not None:
            self.across.setSizes(self._sizes_before)

    # ---- remembering ----

    def save(self) -> None:
        filled, self.filled = self.filled, None
        if filled is not None:
            self.give_back()
        self._settings.save_places(
            {
                place.name: [*place.names, *([f"*{place.front}"] if place.front is not None else [])]
                for place in self.places.values()
            }
        )

    def restore(self) -> None:
        """Put the panels where they were left, or where they usually are if the settings do not know them all."""
        told = self._settings.places()
        known = [name for names in told.values() for name in names if not name.startswith("*")]
        if sorted(known) == sorted(self._panels) and set(told) == set(self.places):
            self._put(told)
            self._share_out()
        else:
            self.usual()

    # ---- inside ----

    def _put(self, wanted: Mapping[str, Sequence[str]]) -> None:
        """Put the panels into places, by name; one with `*` before it is in front, or else the first of its place."""
        for name, names in wanted.items():
            front = next((panel[1:] for panel in names if panel.startswith("*")), None)
            self.places[name].put([panel for panel in names if not panel.startswith("*")], front)
        self._hide_empty()

    def _share_out(self) -> None:
        self.across.setSizes(COLUMNS)
        for column, sizes in SIZES.items():
            self.splitters[column].setSizes(sizes)

    def _holder(self, name: str) -> Place:
        return next(place for place in self.places.values() if name in place.names)

    def _hide_empty(self) -> None:
        for column in SIZES:
            places = [place for name, place in self.places.items() if name.startswith(column)]
            self.splitters[column].setVisible(any(not place.isHidden() for place in places))

    def _fronted(self, panel: Panel) -> None:
        self.front = panel

    def _ask(self, panel: str, point: QPoint) -> None:
        place = self._holder(panel)
        menu = menu_of_places([name for name in self.places if name != place.name], place)
        menu.triggered.connect(lambda action: self.move(self._panels[panel], str(action.data())))
        menu.popup(place.tabs.mapToGlobal(point))


def _column(places: Mapping[str, Place], column: str) -> QSplitter:
    splitter = QSplitter(Qt.Orientation.Vertical)
    widgets: list[QWidget] = [place for name, place in places.items() if name.startswith(column)]
    for widget in widgets:
        splitter.addWidget(widget)
    return splitter
