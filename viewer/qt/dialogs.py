"""The window's dialogs: the command palette, the keys, preferences, and what this program is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QListWidget,
    QMessageBox,
    QSpinBox,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from viewer.qt.application import icon
from viewer.qt.settings import COLOUR_MAPS, LARGEST_TEXT, SMALLEST_TEXT, THEMES
from viewer.qt.widgets import controls
from viewer.qt.widgets.status import details

if TYPE_CHECKING:
    from viewer.qt.main_window import MainWindow

MOST_SHOWN = 200
MOVING = (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp)
Rows = Sequence[tuple[str, str]]

IN_PICTURES: Rows = (
    ("← →", "choose an image, or a feature map among the layers"),
    ("↑ ↓", "choose the next or the previous unit of a bottleneck, or node among the layers"),
    ("Page Down, Page Up", "the next or the previous ten images of the test split"),
    ("Home, End", "the first ten, the last ten; in a grid the first picture, the last; in the time machine the epochs"),
    ("+ −, Ctrl+wheel", "zoom; drag with the middle mouse button"),
    ("arrows, wheel, Home", "in the latent plane: move the crosshair, zoom, show the whole plane"),
    ("Space , .", "in the time machine: play or pause, one epoch back, one epoch forward"),
    ("Tab, Shift+Tab", "go to the next or the previous control"),
)
ON_THE_CANVAS: Rows = (
    ("← → ↑ ↓", "move the pen, with Shift in smaller steps"),
    ("Space", "put the pen down, or lift it"),
    ("Backspace", "undo the last stroke, clearing or picture"),
    ("Delete", "clear"),
    ("Ctrl+V", "draw on the picture in the clipboard"),
    ("right button", "erase"),
)
IN_PLOTS: Rows = (
    ("← →", "move the crosshair by an epoch, or to the next run of the trade-off"),
    ("Page Down, Page Up, Home, End", "ten epochs forward, ten back, the first, the last"),
    ("↑ ↓ and Space", "choose an entry of the legend, and toggle it; a double click shows it alone"),
    ("Enter, Ctrl+Enter", "select the run of the trade-off, or add it to the selection"),
    ("+ −, dragging", "zoom into a range; a double click shows everything"),
)
IN_THE_LIST: Rows = (
    ("Ctrl+↑ ↓ and Space", "move without selecting, and toggle the selection"),
    ("Shift+↑ ↓, Ctrl+A", "select several, or all"),
    ("Enter, double click", "go to what the shown networks make of images"),
    ("right click, Menu", "the menu of a run; on the header, the menu of columns"),
)


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


class KeySheet(QDialog):
    """Sections, each a table of keys and what they do."""

    def __init__(self, sections: Sequence[tuple[str, Rows]], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and panels")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.text = QTextBrowser()
        self.text.setOpenLinks(False)
        self.text.setAccessibleName("Keys and panels")
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setHtml(_in_columns(sections))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(buttons)
        self.resize(min(1180, parent.width() - 40), min(720, parent.height() - 60))


def _in_columns(sections: Sequence[tuple[str, Rows]]) -> str:
    """Lay the sections out in two columns of about the same length."""
    half, above, columns = sum(len(rows) + 2 for _, rows in sections) / 2, 0, ["", ""]
    for title, rows in sections:
        columns[above >= half] += _section(title, rows)
        above += len(rows) + 2
    return f"<table><tr><td width='50%'>{columns[0]}</td><td width='50%'>{columns[1]}</td></tr></table>"


def _section(title: str, rows: Rows) -> str:
    cells = "".join(
        f"<tr><td style='padding:2px 18px 2px 0; white-space:nowrap'><b>{escape(key)}</b></td>"
        f"<td style='padding:2px 0'>{escape(text)}</td></tr>"
        for key, text in rows
    )
    return f"<h3>{escape(title)}</h3><table>{cells}</table>"


class Preferences(QDialog):
    """Theme, size of text and colour map; every change is seen at once."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setWindowTitle("Preferences")
        self.setMinimumWidth(340)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        settings = window.settings
        self.theme = controls.combo("Theme", "Colours of the window", THEMES)
        self.theme.setCurrentText(settings.theme)
        self.theme.currentTextChanged.connect(window.choose_theme)
        self.colour_map = controls.combo("Colour map", "Colours of feature maps", COLOUR_MAPS)
        self.colour_map.setCurrentText(settings.colour_map)
        self.colour_map.currentTextChanged.connect(window.choose_colour_map)
        self.text_size = QSpinBox()
        self.text_size.setRange(round(100 * SMALLEST_TEXT), round(100 * LARGEST_TEXT))
        self.text_size.setSingleStep(10)
        self.text_size.setSuffix(" %")
        self.text_size.setValue(round(100 * settings.text_size))
        self.text_size.setAccessibleName("Size of text")
        self.text_size.setToolTip("Of the system's size (Ctrl++ and Ctrl+−)")
        self.text_size.valueChanged.connect(lambda percent: window.choose_text_size(percent / 100))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        form = QFormLayout(self)
        form.addRow("Theme", self.theme)
        form.addRow("Size of text", self.text_size)
        form.addRow("Colour map", self.colour_map)
        form.addRow(buttons)


def about(window: MainWindow) -> QMessageBox:
    """Return the dialog that says what this program is and what it runs on."""
    box = QMessageBox(window)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("About aezoo")
    box.setIconPixmap(icon().pixmap(64, 64))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText("aezoo: an autoencoder model zoo that exports ONNX, and its viewer.")
    box.setInformativeText("\n".join([*details(), f"Graphs run on: {window.status.provider.text()}"]))
    return box
