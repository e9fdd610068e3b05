"""A quiet button in a panel that has nothing to show: it does what the sentence above it suggests."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget


class Offer(QWidget):
    """A button in the middle of its row; hidden until there is something to offer."""

    clicked = Signal()

    def __init__(self, text: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QPushButton(text)
        self.button.setAccessibleName(hint)
        self.button.setToolTip(hint)
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.button.clicked.connect(lambda _=False: self.clicked.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 8)
        row.addStretch(1)
        row.addWidget(self.button)
        row.addStretch(1)
        self.hide()
