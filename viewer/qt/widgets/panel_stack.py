"""The panels of one tab, one of them shown: above it a segment for each that applies, and its subtitle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout

from viewer.qt.catalogue import PANELS
from viewer.qt.widgets.controls import Segments
from viewer.qt.widgets.panel import Panel
from viewer.state.selection import State

if TYPE_CHECKING:
    from viewer.qt.panels.all import Panels


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
