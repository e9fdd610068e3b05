"""The dialog of keys (F1 or ?): every command with its keys, and what each panel is for, made from the menus."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

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
