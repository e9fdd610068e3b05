"""The bar above the panels where troubles are told, one sentence each, until they are put away."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from viewer.state.words import clean

SHOWN = 3


class Notices(QFrame):
    """Shows the newest sentences; the same sentence twice is one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notices")
        self._sentences: list[str] = []
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setWordWrap(True)
        self._label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        button = QToolButton()
        button.setText("✕")
        button.setAutoRaise(True)
        button.setAccessibleName("Put the notices away")
        button.setToolTip("Put these notices away")
        button.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 8, 6)
        column = QVBoxLayout()
        column.addWidget(self._label)
        row.addLayout(column, 1)
        row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(self._sentences)

    def tell(self, sentence: str) -> None:
        """Add a sentence; the oldest make room."""
        sentence = clean(sentence, limit=500)
        self._sentences = [*(entry for entry in self._sentences if entry != sentence), sentence][-20:]
        shown = self._sentences[-SHOWN:]
        more = len(self._sentences) - len(shown)
        self._label.setText("\n".join([*([f"({more} earlier)"] if more else []), *shown]))
        self.setAccessibleDescription(sentence)
        self.show()

    def clear(self) -> None:
        self._sentences = []
        self.hide()
