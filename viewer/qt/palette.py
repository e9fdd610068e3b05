"""The command palette (Ctrl+K): type a few letters of a command, Enter runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QListWidget, QVBoxLayout, QWidget

MOST_SHOWN = 200
MOVING = (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp)


@dataclass(frozen=True)
class PaletteEntry:
    """A line of the palette: its text, its keys, and what it does."""

    text: str
    keys: str
    do: Callable[[], object]


def matching(entries: Sequence[PaletteEntry], text: str) -> list[PaletteEntry]:
    """Return the entries in which every word of `text` occurs, first those in which they begin words."""
    words = text.casefold().split()
    found = [entry for entry in entries if all(word in entry.text.casefold() for word in words)]
    return sorted(found, key=lambda entry: -sum(_begins(word, entry.text.casefold()) for word in words))


def _begins(word: str, text: str) -> bool:
    return any(part.startswith(word) for part in text.replace("/", " ").split())


class Palette(QDialog):
    """A line to type in and the matching entries, the first of them chosen."""

    def __init__(self, entries: Sequence[PaletteEntry], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Commands")
        self.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._entries = entries
        self.line = QLineEdit()
        self.line.setPlaceholderText("a command, a panel or a run")
        self.line.setAccessibleName("Find a command")
        self.line.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName("Matching commands")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(lambda _: self.accept_current())
        self.line.textChanged.connect(self._fill)
        self.line.returnPressed.connect(self.accept_current)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(self.line)
        layout.addWidget(self.list)
        self._shown: list[PaletteEntry] = []
        self._fill("")
        self.resize(560, 420)
        middle = parent.frameGeometry().center()
        self.move(middle.x() - self.width() // 2, parent.frameGeometry().top() + 80)

    def _fill(self, text: str) -> None:
        self._shown = matching(self._entries, text)[:MOST_SHOWN]
        self.list.clear()
        self.list.addItems([f"{entry.text}    {entry.keys}" if entry.keys else entry.text for entry in self._shown])
        self.list.setCurrentRow(0)

    def accept_current(self) -> None:
        """Close first, then run the chosen command: it may open a dialog of its own."""
        row = self.list.currentRow()
        chosen = self._shown[row] if 0 <= row < len(self._shown) else None
        self.close()
        if chosen is not None:
            QTimer.singleShot(0, chosen.do)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the list have the keys that move its selection."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in MOVING:
            return QApplication.sendEvent(self.list, event)
        return super().eventFilter(watched, event)
