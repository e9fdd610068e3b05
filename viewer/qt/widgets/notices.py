"""The banner over the window's foot that shows errors, one sentence each, until it is closed; it moves nothing."""

from __future__ import annotations

import platform

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QStyle, QVBoxLayout, QWidget

import zoo
from viewer.qt.widgets import controls
from viewer.state.formatting import clean

SHOWN = 3
WIDEST = 820  # pixels


class Notices(QFrame):
    """Shows the newest sentences; the same sentence is shown once."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notices")
        self._sentences: list[str] = []
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setWordWrap(True)
        self._label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        copy = controls.tool("Copy", "Copy these notices and all versions, for a bug report", self.copy)
        away = controls.tool("", "Close these notices (Esc)", self.clear)
        away.setIcon(self.style().standardIcon(QStyle.StandardPixmap.SP_TitleBarCloseButton))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 8, 6)
        column = QVBoxLayout()
        column.addWidget(self._label)
        row.addLayout(column, 1)
        for button in (copy, away):
            button.setAutoRaise(True)
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(self._sentences)

    def add(self, sentence: str) -> None:
        """Add a sentence; the oldest are dropped."""
        sentence = clean(sentence, limit=500)
        self._sentences = [*(entry for entry in self._sentences if entry != sentence), sentence][-20:]
        shown = self._sentences[-SHOWN:]
        more = len(self._sentences) - len(shown)
        self._label.setText("\n".join([*([f"({more} earlier)"] if more else []), *shown]))
        self.setAccessibleDescription(sentence)
        self.show()
        self.place()
        self.raise_()

    def place(self) -> None:
        """Stand at the foot of the window, at its right: elsewhere it would cover tabs, controls or the runs."""
        parent = self.parentWidget()
        if parent is not None and self.isVisible():
            width = min(WIDEST, parent.width() - 40)
            self.resize(width, self.heightForWidth(width))
            self.move(parent.width() - width - 10, parent.height() - self.height() - 10)

    def clear(self) -> None:
        self._sentences = []
        self.hide()

    def copy(self) -> None:
        """Copy all sentences, and the versions that a maintainer would ask for, to the clipboard."""
        QGuiApplication.clipboard().setText("\n".join((*self._sentences, "", *details())))


def details() -> list[str]:
    """Return the versions of what this program runs on, a line each."""
    return [
        f"aezoo {zoo.__version__}, Python {platform.python_version()}, Qt {qVersion()}",
        f"{platform.platform()}, {QGuiApplication.platformName()}",
    ]
