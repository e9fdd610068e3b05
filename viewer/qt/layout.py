"""Where the panels stand: three columns of two places, panels behind one another in each; and how it is remembered."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QSplitter, QWidget

from viewer.qt.settings import Settings
from viewer.qt.widgets.panel import Panel
from viewer.qt.widgets.place import Place, menu_of_places

STRETCH = (2, 3, 1)  # which column takes or gives how much when the window is resized
RUNS_WHEN_FILLED = 420  # what is left to the runs beside a panel that has all the room
COLUMNS = (538, 684, 350)  # the middle shows ten 28×28 images at twice their size

USUAL = {
    "left top": ("runs",),
    "left bottom": ("card",),
    "middle top": ("reconstructions", "colour", "letters", "time"),
    "middle bottom": ("noise", "draw"),
    "right top": ("bottleneck", "latent", "layers"),
    "right bottom": ("losses", "trade_off"),
}
SIZES = {"left": (300, 640), "middle": (470, 470), "right": (490, 450)}


class Layout(QObject):
    """Puts panels into places, and the places into splitters."""

    def __init__(self, panels: Mapping[str, Panel], settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._panels, self._settings = panels, settings
        self.places = {name: Place(name) for name in USUAL}
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
        self.usual()

    def usual(self) -> None:
        """Put everything where it stands in a new window."""
        self.give_back()
        self._put(USUAL)
        self.across.setSizes(COLUMNS)
        for column, sizes in SIZES.items():
            self.splitters[column].setSizes(sizes)

    def place_of(self, panel: Panel) -> Place:
        return next(place for place in self.places.values() if panel in place.panels)

    def bring(self, panel: Panel) -> None:
        """Bring a panel to the front, and give back the room that another one fills."""
        place = self.place_of(panel)
        if self.filled is not None and self.filled is not place:
            self.give_back()
        place.bring(panel)
        self._fronted(panel)

    def move(self, panel: Panel, name: str) -> None:
        """Put a panel into another place."""
        before, after = self.place_of(panel), self.places[name]
        if before is not after:
            self.give_back()
            before.take(panel)
            after.add(panel)
            self._hide_empty()
        after.bring(panel)

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
            place.setVisible(bool(place.panels))
        self._hide_empty()
        if before is not None:
            self.across.setSizes(self._sizes_before)

    # ---- remembering ----

    def save(self) -> None:
        filled, self.filled = self.filled, None
        if filled is not None:
            self.give_back()
        names = {id(panel): name for name, panel in self._panels.items()}
        self._settings.save_places(
            {
                place.name: [names[id(panel)] for panel in place.panels]
                + ([f"*{names[id(place.front)]}"] if place.front is not None else [])
                for place in self.places.values()
            }
        )

    def restore(self) -> None:
        """Put the panels where they were left; what the settings do not know stays where it usually is."""
        told = self._settings.places()
        known = [name.removeprefix("*") for names in told.values() for name in names if not name.startswith("*")]
        if sorted(known) == sorted(self._panels) and set(told) == set(self.places):
            self._put(
                {place: tuple(name for name in names if not name.startswith("*")) for place, names in told.items()}
            )
            for place, names in told.items():
                for name in names:
                    if name.startswith("*") and self._panels[name[1:]] in self.places[place].panels:
                        self.places[place].bring(self._panels[name[1:]])

    # ---- inside ----

    def _put(self, wanted: Mapping[str, tuple[str, ...]]) -> None:
        for place in self.places.values():
            for panel in list(place.panels):
                place.take(panel)
        for name, panels in wanted.items():
            for panel_name in panels:
                if panel_name in self._panels:
                    self.places[name].add(self._panels[panel_name])
            if self.places[name].panels:
                self.places[name].bring(self.places[name].panels[0])
        self._hide_empty()

    def _hide_empty(self) -> None:
        for column in SIZES:
            places = [place for name, place in self.places.items() if name.startswith(column)]
            self.splitters[column].setVisible(any(not place.isHidden() for place in places))

    def _fronted(self, panel: Panel) -> None:
        self.front = panel

    def _ask(self, panel: Panel, point: QPoint) -> None:
        place = self.place_of(panel)
        menu = menu_of_places([name for name in self.places if name != place.name], place)
        menu.triggered.connect(lambda action: self.move(panel, str(action.data())))
        menu.popup(place.tabs.mapToGlobal(point))


def _column(places: Mapping[str, Place], column: str) -> QSplitter:
    splitter = QSplitter(Qt.Orientation.Vertical)
    widgets: list[QWidget] = [place for name, place in places.items() if name.startswith(column)]
    for widget in widgets:
        splitter.addWidget(widget)
    return splitter
