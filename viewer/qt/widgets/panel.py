"""What every panel is: a title, a line beside it, its content; it follows the state only while somebody can see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.figures.paintable import Paintable
from viewer.figures.theme import LIGHT, Theme
from viewer.qt.catalogue import PANELS
from viewer.qt.requester import Requester
from viewer.qt.tools import Tools
from viewer.qt.widgets.elided_label import ElidedLabel
from viewer.state.selection import State

Cell = str | float | int
Numbers = list[tuple[Cell, ...]]  # the first row is the heading


@dataclass(frozen=True)
class Command:
    """Something a panel can do, for menus, the palette of commands and the sheet of keys."""

    text: str
    do: Callable[[], object]
    keys: str = ""


class Panel(QWidget):
    """A panel: `subtitle` stands beside its title, `body` holds the rest.

    A subclass shows the state in `show_state`; it is called when the state has changed while the panel can be seen, and
    once with what was seen last when it comes into sight again. A hidden panel asks nothing.
    """

    name = ""  # in the catalogue, where its title and its hint are

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
        """Paint what is known again, in another theme."""

    @property
    def waiting(self) -> bool:
        """Whether an answer is still to come."""
        return any(requester.waiting for requester in self.requesters)

    @property
    def figure(self) -> Paintable | None:
        """What is exported as a picture; None exports the panel as it stands."""
        return None

    def numbers(self) -> Numbers:
        """What is exported as CSV: a heading and rows; empty where there is nothing."""
        return []

    def commands(self) -> tuple[Command, ...]:
        """What the panel can do besides its controls."""
        return ()

    def new_requester(self, name: str = "") -> Requester:
        """Return a mailbox of this panel's; a panel that asks two things at a time has two, by name."""
        requester = Requester(f"{type(self).__name__} {name}".strip(), self.tools.workers, self)
        self.requesters.append(requester)
        return requester

    # ---- for the window ----

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.redraw()

    def catch_up(self) -> None:
        """Follow what has changed while nobody saw it."""
        before, self._seen = self._seen, self.store.state
        if before is not self._seen:
            self.show_state(before, self._seen)

    def focus_panel(self) -> None:
        """Give the keyboard to the panel's main control."""
        for child in self.findChildren(QWidget):
            if child.focusPolicy() & Qt.FocusPolicy.TabFocus and child.isVisibleTo(self) and child.isEnabled():
                child.setFocus(Qt.FocusReason.ShortcutFocusReason)
                return

    def _changed(self, _before: State, _after: State) -> None:
        if self.isVisible():
            self.catch_up()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.catch_up()
