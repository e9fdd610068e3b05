"""What the window says at its foot: the status bar, and over it the banner that shows errors until it is closed."""

from __future__ import annotations

import platform
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, QUrl, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QStatusBar, QStyle, QVBoxLayout, QWidget

import zoo
from viewer.infer.messages import Ready, Reply
from viewer.qt.application import hold_width
from viewer.qt.widgets import controls
from viewer.state.formatting import clean

DONE_MILLISECONDS = 5_000
SHOWN = 3  # notices
WIDEST = 820  # pixels


class Status(QStatusBar):
    """Labels, each with a tool tip; none of them takes the focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.provider = self._label("Where graphs run")
        self.speed = self._label("Time from the last request to its reply")
        self.provenance = self._label("Where the images come from")
        self.sandbox = self._label("What the process that opens files can still access")
        self.progress = self._label("What is being done")
        self.done = self._label("What was done")
        self.done.setTextFormat(Qt.TextFormat.RichText)
        self.done.setOpenExternalLinks(True)
        self.done.hide()
        self._done_over = QTimer(self, singleShot=True, interval=DONE_MILLISECONDS)
        self._done_over.timeout.connect(self.done.hide)
        hold_width(self.speed, "0000 ms", 20)
        self.addWidget(self.done)
        self.addWidget(self.provenance, 1)
        self.addPermanentWidget(self.progress)
        for label in (self.speed, self.provider, self.sandbox):
            self.addPermanentWidget(label)
        self.provider.setText("starting…")

    def _label(self, name: str) -> QLabel:
        label = QLabel()
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setAccessibleName(name)
        label.setToolTip(name)
        return label

    def show_worker(self, ready: Ready) -> None:
        self.provider.setText(clean(ready.provider, limit=90))
        self.sandbox.setText(f"sandbox: {clean(ready.sandbox, limit=60)}")
        self.sandbox.setToolTip(clean(ready.details, limit=800).replace("<", "‹"))

    def show_done(self, text: str, folder: Path | None = None) -> None:
        """Say what was done, for five seconds, with a link to the folder that it went to."""
        plain = clean(text, limit=160).replace("&", "&amp;").replace("<", "&lt;")
        link = f"  <a href='{QUrl.fromLocalFile(str(folder)).toString()}'>Show in folder</a>" if folder else ""
        self.done.setText(plain + link)
        self.done.show()
        self._done_over.start()

    def show_progress(self, text: str) -> None:
        self.progress.setText(clean(text, limit=100))

    def show_speed(self, reply: Reply) -> None:
        """Say how long a graph took."""
        if reply.request.kind == "run" and not reply.error:
            digits = 1 if reply.milliseconds < 100 else 0
            self.speed.setText(f"{reply.milliseconds:.{digits}f} ms")

    def show_provenance(self, provenance: str) -> None:
        self.provenance.setText(f"data: {clean(provenance, limit=120)}" if provenance else "")


class Notices(QFrame):
    """Errors, one sentence each, the newest last and each once; it covers what is below it and moves nothing."""

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
