"""The base of every panel, which shows the state only while it is visible; the panels of a window, and of one tab."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from viewer.figures.paper import Figure
from viewer.figures.theme import LIGHT, Theme
from viewer.qt.catalogue import PANELS
from viewer.qt.requester import Requester
from viewer.qt.tools import Tools
from viewer.qt.widgets.controls import ElidedLabel, Segments
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


class Panels(dict[str, Panel]):
    """The panels by name; each is imported and made when it is first needed.

    A window shows one or two of them when it opens; the others are made once nothing else is to be done.
    """

    def __init__(self, tools: Tools) -> None:
        super().__init__()
        self._tools = tools
        self._theme: Theme = LIGHT
        self._callbacks: list[Callable[[Panel], None]] = []

    def __missing__(self, name: str) -> Panel:
        panel = self[name] = PANELS[name].load()(self._tools)
        panel.set_theme(self._theme)
        for callback in self._callbacks:
            callback(panel)
        return panel

    def __getattr__(self, name: str) -> Any:
        if name not in PANELS:
            raise AttributeError(name)
        return self[name]

    def make_next(self) -> bool:
        """Import or make one of the panels that are not needed yet; return whether there was one."""
        name = next((name for name in PANELS if name not in self), None)
        if name is None:
            return False
        return self.import_panel(name) or bool(self[name])

    def make_all(self) -> list[Panel]:
        """Make all that are still missing, and return all of them."""
        return [self[name] for name in PANELS]

    def import_panel(self, name: str) -> bool:
        """Import a panel's module, which takes as long as making the panel; return False if it was imported before."""
        if name in self or PANELS[name].module in sys.modules:
            return False
        PANELS[name].load()
        return True

    def when_made(self, callback: Callable[[Panel], None]) -> None:
        """Call back with every panel: at once with those already made, with the others when they are made."""
        self._callbacks.append(callback)
        for panel in list(self.values()):
            callback(panel)

    def set_theme(self, theme: Theme) -> None:
        """Paint all panels in this theme, including those still to be made."""
        self._theme = theme
        for panel in self.values():
            panel.set_theme(theme)


class PanelStack(QFrame):
    """Shows the first panel that applies to what is open, or the one that was chosen.

    `by_kind`: a choice holds only until another panel becomes the first that applies, for another kind of network.
    A panel is made when it is to be shown and the stack is open; until then its name is enough.
    """

    raised = Signal(object)  # Panel

    def __init__(self, names: Sequence[str], panels: Panels, title: str = "", *, by_kind: bool = False) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._panels, self.names = panels, tuple(names)
        self.there: tuple[str, ...] = self.names  # those that apply
        self._by_kind, self._chosen = by_kind, ""
        self.front = self.names[0]
        self._seated: dict[str, Panel] = {}
        self._is_open = False
        self.title = QLabel(title)
        self.title.setObjectName("title")
        self.title.setVisible(bool(title))
        self.lines, self.stack = QStackedWidget(), QStackedWidget()
        titles = {name: PANELS[name].title for name in self.names}
        self.segments = Segments({name: (text, PANELS[name].hint, text) for name, text in titles.items()})
        self.segments.chosen.connect(self.show_panel)
        header = QHBoxLayout()
        header.setSpacing(0)
        for widget, share in ((self.title, 0), (self.segments, 0), (self.lines, 1)):
            header.addWidget(widget, share)
        header.insertSpacing(2, 8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 10)
        layout.setSpacing(6)
        layout.addLayout(header)
        layout.addWidget(self.stack, 1)
        self._mark()
        panels.when_made(self._seat)

    @property
    def waits(self) -> bool:
        """Whether it can be seen and its panel has yet to be made."""
        return self.isVisible() and self.front not in self._seated

    def open(self) -> None:
        """Make the panel to be shown, and from now on every one that is to be shown."""
        self._is_open = True
        self._show_front()

    def show_state(self, state: State) -> bool:
        """Offer the panels that apply to a state; return whether there is any."""
        first, self.there = self.there[:1], tuple(name for name in self.names if PANELS[name].applies(state))
        if self._by_kind and first != self.there[:1]:
            self._chosen = ""
        front = self._chosen or next(iter(self.there), self.front)
        if front != self.front:
            self.front = front
            self._show_front()
        self._mark()
        return bool(self.there)

    def show_panel(self, name: str) -> None:
        """Show one of the panels, from now on."""
        self.front = self._chosen = name
        self._show_front()
        self._mark()

    def _seat(self, panel: Panel) -> None:
        """Add a panel that has been made, if it is one of these."""
        if panel.name not in self.names:
            return
        self._seated[panel.name] = panel
        self.lines.addWidget(panel.subtitle)
        self.stack.addWidget(panel)
        if panel.name == self.front:
            self._show_front()

    def _show_front(self) -> None:
        if not self._is_open and self.front not in self._seated:
            return
        panel = self._panels[self.front]  # made now, and seated, if need be
        self.lines.setCurrentWidget(panel.subtitle)
        self.stack.setCurrentWidget(panel)
        if self.isVisible():
            self.raised.emit(panel)

    def _mark(self) -> None:
        """Show a segment for each panel that applies, none where there is but one."""
        offered = [name for name in self.names if name in self.there or name == self.front]
        self.segments.offer(offered if len(offered) > 1 else [])
        self.segments.set_current(self.front)
