"""What the window shows while nothing is open: how to open something."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from viewer.qt import menus
from viewer.state.formatting import clean

if TYPE_CHECKING:
    from viewer.qt.main_window import MainWindow

WIDTH, SENTENCE_WIDTH = 340, 560  # pixels, of the buttons and of the sentence above them
RECENT = 5


class StartPage(QWidget):
    """A centred column of buttons: the pretrained models, a folder, a file, and what was opened lately."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self._window = window
        self.sentence = QLabel()
        self.sentence.setObjectName("empty")
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setWordWrap(True)
        self.sentence.setFixedWidth(SENTENCE_WIDTH)
        title = QLabel("aezoo")
        title.setObjectName("heading")
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._column = QVBoxLayout(self)
        self._column.setSpacing(8)
        self._column.addStretch(2)
        for widget in (title, self.sentence):
            self._column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        open_folder, open_file = partial(menus.open_folder, window), partial(menus.open_file, window)
        for text, hint, do in (
            ("Open the pretrained models", "Models that come with the package: no training", window.open_pretrained),
            ("Open a folder of runs…", "A folder that `aezoo train` has filled (Ctrl+Shift+O)", open_folder),
            ("Open an ONNX model…", "Any model of images, aezoo's or another's (Ctrl+O)", open_file),
        ):
            self._column.addWidget(self._button(text, hint, do), 0, Qt.AlignmentFlag.AlignHCenter)
        self.lately = QLabel("Recent")
        self.lately.setObjectName("subtitle")
        self._column.addWidget(self.lately, 0, Qt.AlignmentFlag.AlignHCenter)
        self.recent: list[QPushButton] = []
        self._column.addStretch(3)

    def _button(self, text: str, hint: str, do: Callable[[], object], name: str = "") -> QPushButton:
        button = QPushButton(text)
        button.setFixedWidth(WIDTH)
        button.setToolTip(hint)
        button.setAccessibleName(name or hint)
        button.clicked.connect(lambda _=False: do())
        return button

    def show_roots(self, roots: tuple[Path, ...], gone: tuple[Path, ...]) -> None:
        """Say why nothing is shown, and offer what was opened lately."""
        self.sentence.setText(empty_sentence(roots, gone))
        self.sentence.setFixedHeight(self.sentence.heightForWidth(SENTENCE_WIDTH))
        for button in self.recent:
            button.deleteLater()
        there = [path for path in self._window.settings.recent if path not in gone][:RECENT]
        self.recent = [self._recent(path) for path in there]
        self.lately.setVisible(bool(there))

    def _recent(self, path: Path) -> QPushButton:
        text, name = "/".join(path.parts[-2:]), f"Open {clean(path, limit=100)}"
        shown = clean(text, limit=44).replace("&", "&&")
        button = self._button(shown, clean(path, limit=400), partial(self._window.open, (path,)), name)
        button.setFlat(True)
        self._column.insertWidget(self._column.count() - 1, button, 0, Qt.AlignmentFlag.AlignHCenter)
        return button


def empty_sentence(roots: tuple[Path, ...], gone: tuple[Path, ...]) -> str:
    """Say that nothing is here, and what to do."""
    there = [root for root in roots if root not in gone]
    lines = [f"{clean(root, limit=120)} is gone." for root in gone]
    if there:
        lines.append(f"No runs in {', '.join(clean(root, limit=120) for root in there)}.")
    return "\n".join([*lines, "Open models, drop them here, or train one: `aezoo demo`"])
