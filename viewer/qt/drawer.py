"""The drawer at the right: the details of the current run, and below them the losses, small."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter

from viewer.qt.catalogue import DRAWER, PANELS, panels_of
from viewer.qt.panels.all import Panels
from viewer.qt.widgets.panel import Panel
from viewer.qt.widgets.panel_stack import PanelStack
from viewer.state.selection import State

NARROWEST, USUAL = 260, 330  # pixels


class Drawer(QSplitter):
    """Its panels below one another; each is there only where it has something to say."""

    def __init__(self, panels: Panels) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(6)
        self.setMinimumWidth(NARROWEST)
        self.stacks = {
            name: PanelStack((name,), panels, PANELS[name].title.partition(",")[0]) for name in panels_of(DRAWER)
        }
        for stack in self.stacks.values():
            self.addWidget(stack)
        self.setStretchFactor(0, 3)
        self.setStretchFactor(1, 1)
        self.setSizes([560, 240])
        panels.when_made(self._seat)

    @property
    def waiting(self) -> PanelStack | None:
        """A visible stack whose panel has yet to be made."""
        return next((stack for stack in self.stacks.values() if stack.waits), None)

    def show_state(self, state: State) -> None:
        for stack in self.stacks.values():
            stack.setVisible(stack.show_state(state))

    def _seat(self, panel: Panel) -> None:
        if panel.name in self.stacks:
            self.stacks[panel.name].seat(panel)
