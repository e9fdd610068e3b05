"""The sheet of keys (F1 or ?): every command with its keys, and what each panel is for, made from the menus."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

Rows = Sequence[tuple[str, str]]

IN_PICTURES: Rows = (
    ("← →", "choose one of the images; among layers, one of the maps"),
    ("↑ ↓", "in a bottleneck the next unit, the one before; among layers the next node, the one before"),
    ("Page Down, Page Up", "the next ten images of the test split, the ten before"),
    ("Home, End", "the first ten, the last ten; in a grid the first picture, the last; in the time machine the epochs"),
    ("+ −, Ctrl+wheel", "zoom; the middle button drags"),
    ("arrows, wheel, Home", "in the latent plane: move the cross hair, come nearer, show the whole plane"),
    ("Space , .", "in the time machine: play or pause, one epoch back, one on"),
    ("Tab, Shift+Tab", "go to the next control, the one before"),
)
ON_THE_CANVAS: Rows = (
    ("← → ↑ ↓", "move the pen; with Shift by less"),
    ("Space", "put the pen down, lift it"),
    ("Backspace", "take back the last stroke, or clearing, or picture"),
    ("Delete", "clear"),
    ("Ctrl+V", "draw on the clipboard's picture"),
    ("right button", "erase"),
)
IN_PLOTS: Rows = (
    ("← →", "the crosshair's next epoch, or the next run of the trade-off"),
    ("Page Down, Page Up, Home, End", "ten epochs on, ten back, the first, the last"),
    ("↑ ↓ and Space", "choose a name of the legend, and toggle it; a double click shows it alone"),
    ("Enter, Ctrl+Enter", "select the run of the trade-off, or add it"),
    ("+ −, dragging", "zoom into a range; a double click shows all of it"),
)
IN_THE_TABLE: Rows = (
    ("Ctrl+↑ ↓ and Space", "move without selecting, and toggle"),
    ("Shift+↑ ↓, Ctrl+A", "select several, or all"),
    ("Enter, double click", "look at the reconstructions"),
    ("right click, Menu", "what can be done with a run; on the head, which columns are shown"),
)


class KeySheet(QDialog):
    """Sections of keys and words."""

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
        self.text.setHtml("".join(_section(title, rows) for title, rows in sections))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(buttons)
        self.resize(620, min(760, parent.height()))


def _section(title: str, rows: Rows) -> str:
    cells = "".join(
        f"<tr><td style='padding:2px 18px 2px 0; white-space:nowrap'><b>{escape(key)}</b></td>"
        f"<td style='padding:2px 0'>{escape(text)}</td></tr>"
        for key, text in rows
    )
    return f"<h3>{escape(title)}</h3><table>{cells}</table>"
