"""The presenter's mode: one panel alone on the whole screen, with larger text; the arrows change the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from viewer.qt.application import apply_text_size, make_application

if TYPE_CHECKING:
    from viewer.qt.main_window import MainWindow

STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
LARGER = 1.6  # text
UNBOUNDED = (1 << 24) - 1  # QWIDGETSIZE_MAX


class Presenter(QObject):
    """Hides all of a window but one tab, and shows it again."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.is_on = False
        self._hidden: list[QWidget] = []
        self._before = window.windowState()

    def show(self, on: bool, tab: str = "") -> None:
        """Begin the mode with a tab, or end it."""
        window = self._window
        if on == self.is_on:
            return
        self.is_on = on
        if on:
            self._hidden = [part for part in (window.rail, window.drawer, window.status) if not part.isHidden()]
            self._before = window.windowState()
            window.workspace.present(tab)
            window.showFullScreen()
            make_application().installEventFilter(self)
        else:
            make_application().removeEventFilter(self)
            window.workspace.present(None)
            window.setWindowState(self._before)
        for part in self._hidden:
            part.setVisible(not on)
        window.menuBar().setMaximumHeight(0 if on else UNBOUNDED)  # a hidden menu bar's shortcuts would be dead
        apply_text_size(window.settings.text_size * (LARGER if on else 1))
        window.title_tabs()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrows change the run."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in STEPS:
            self._window.step_run(STEPS[Qt.Key(event.key())])
            return True
        return super().eventFilter(watched, event)
