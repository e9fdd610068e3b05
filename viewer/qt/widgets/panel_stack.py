"""The panels of one tab, one of them shown: above it a segment for each that applies, and its subtitle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
)

from viewer.qt.catalogue import PANELS
from viewer.qt.widgets.panel import Panel
from viewer.state.selection import State


class PanelStack(QFrame):
    """Shows the first panel that applies to what is open, or the one that was chosen.

    `by_kind`: a choice holds only until another panel becomes the first that applies, for another kind of network.
    A panel is made when it is to be shown and the stack is open; until then its name is enough.
    """

    raised = Signal(object)  # Panel

    def __init__(
        self, names: Sequence[str], panels: Mapping[str, Panel], title: str = "", *, by_kind: bool = False
    ) -> None:
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
        self.segments = {name: _segment(PANELS[name].title, PANELS[name].hint) for name in self.names}
        group = QButtonGroup(self)
        self.header = QHBoxLayout()
        self.header.setSpacing(0)
        self.header.addWidget(self.title)
        for name, button in self.segments.items():
            group.addButton(button)
            button.clicked.connect(lambda _=False, name=name: self.show_panel(name))
            self.header.addWidget(button)
        self.header.addSpacing(8)
        self.header.addWidget(self.lines, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 10)
        layout.setSpacing(6)
        layout.addLayout(self.header)
        layout.addWidget(self.stack, 1)
        self._mark()

    @property
    def panel(self) -> Panel | None:
        """The panel shown, None before it is made."""
        return self._seated.get(self.front)

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

    def seat(self, panel: Panel) -> None:
        """Add a panel that has been made."""
        if panel.name not in self._seated:
            self._seated[panel.name] = panel
            self.lines.addWidget(panel.subtitle)
            self.stack.addWidget(panel)
        if panel.name == self.front:
            self._show_front()

    def _show_front(self) -> None:
        if not self._is_open and self.front not in self._seated:
            return
        panel = self._panels[self.front]
        if self.front not in self._seated:
            self.seat(panel)
        if self.stack.currentWidget() is not panel:
            self.lines.setCurrentWidget(panel.subtitle)
            self.stack.setCurrentWidget(panel)
        if self.isVisible():
            self.raised.emit(panel)

    def _mark(self) -> None:
        """Show a segment for each panel that applies, none where there is but one."""
        offered = [name for name in self.names if name in self.there or name == self.front]
        for name, button in self.segments.items():
            button.setVisible(len(offered) > 1 and name in offered)
            button.setProperty("position", "last" if name == offered[-1] else "")
            button.setChecked(name == self.front)


def _segment(title: str, hint: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName("segment")
    button.setText(title)
    button.setCheckable(True)
    button.setAccessibleName(title)
    button.setToolTip(hint)
    return button
