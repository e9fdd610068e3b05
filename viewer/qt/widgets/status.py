"""The status bar: where graphs run, how fast, on which data, and what the worker process may access."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from viewer.infer.messages import Ready
from viewer.qt.application import hold_width
from viewer.state.formatting import clean

DONE_MILLISECONDS = 5_000


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

    def show_speed(self, milliseconds: float) -> None:
        self.speed.setText(f"{milliseconds:.1f} ms" if milliseconds < 100 else f"{milliseconds:.0f} ms")

    def show_provenance(self, provenance: str) -> None:
        self.provenance.setText(f"data: {clean(provenance, limit=120)}" if provenance else "")
