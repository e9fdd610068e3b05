"""The losses once more, small and without controls, for the drawer."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from viewer.qt.panels.losses import Losses
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Command


class SmallLosses(Losses):
    """The same curves: they are read, toggled and zoomed in the same way."""

    name = "recent"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        for widget in self.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            widget.setVisible(widget is self.view)

    def commands(self) -> tuple[Command, ...]:
        return ()
