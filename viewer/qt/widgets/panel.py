"""The base of every panel: a title, a subtitle and the content; it shows the state only while it is visible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.figures.paper import Figure
from viewer.figures.theme import LIGHT, Theme
from viewer.qt.catalogue import PANELS
from viewer.qt.requester import Requester
from viewer.qt.tools import Tools
from viewer.qt.widgets.controls import ElidedLabel
from viewer.qt.widgets.figure_view import FigureView
from viewer.state.numbers import Cell as Cell
from viewer.state.numbers import Numbers as Numbers
from viewer.state.selection import State


@dataclass(frozen=True)
class Command:
    """Something a panel can do, for menus, the command palette and the dialog of keys."""

    text: str
    do: Callable[[], object]
    keys: str = ""


class Panel(QWidget):
    """A panel: `subtitle` stands beside its title, `body` holds the rest.

    A subclass shows the state in `show_state`, which is called when the state changes while the panel is visible, and
    once when the panel becomes visible again. A hidden panel sends no requests.
    """

    name = ""  # in the catalogue, where its title and its hint are
    view: FigureView  # of a panel that has one picture

    settled = Signal()  # work of its own that the workers do not know of has ended
    pictured = Signal()  # a figure was painted
    menu_wanted = Signal(QPoint)  # at a point of the screen, of what can be done with the figure

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tools, self.store = tools, tools.store
        self.requesters: list[Requester] = []
        self.theme: Theme = LIGHT
        self._seen = State()
        self.subtitle = ElidedLabel()
        self.subtitle.setObjectName("subtitle")
        self.subtitle.setTextFormat(Qt.TextFormat.PlainText)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(6)
        self.store.changed.connect(self._changed)

    @property
    def title(self) -> str:
        return PANELS[self.name].title

    # ---- for subclasses ----

    def show_state(self, before: State, after: State) -> None:
        """Show the new state; `before` is the one shown last."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Paint the same content again, in another theme."""

    @property
    def waiting(self) -> bool:
        """Whether a reply is still to come."""
        return any(requester.waiting for requester in self.requesters)

    @property
    def figure(self) -> Figure | None:
        """What is exported as a picture; None exports the panel as it is."""
        return self.view.figure if hasattr(self, "view") else None

    def numbers(self) -> Numbers:
        """What is exported as CSV: a header and rows; empty if there is nothing."""
        return []

    def commands(self) -> tuple[Command, ...]:
        """The commands of the panel, besides its controls."""
        return ()

    def new_requester(self, name: str = "") -> Requester:
        """Return a requester of this panel; one that needs two requests at a time has two, by name."""
        requester = Requester(f"{type(self).__name__} {name}".strip(), self.tools.workers, self)
        self.requesters.append(requester)
        return requester

    def leave(self) -> bool:
        """Close what is open inside the panel; return whether there was anything."""
        return False

    # ---- for the window ----

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        for view in self.findChildren(FigureView):
            view.set_theme(theme)
        self.redraw()

    def catch_up(self) -> None:
        """Show what has changed while the panel was hidden."""
        before, self._seen = self._seen, self.store.state
        if before is not self._seen:
            self.show_state(before, self._seen)
            if before.compared != self._seen.compared and self.waiting:
                for view in self.findChildren(FigureView):
                    view.show_coming()

    def focus_panel(self) -> None:
        """Move the keyboard focus to the panel's main control."""
        for child in self.findChildren(QWidget):
            if child.focusPolicy() & Qt.FocusPolicy.TabFocus and child.isVisibleTo(self) and child.isEnabled():
                child.setFocus(Qt.FocusReason.ShortcutFocusReason)
                return

    def _changed(self, _before: State, _after: State) -> None:
        if self.isVisible():
            self.catch_up()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(event.globalPos())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.catch_up()
