"""The presenter's mode: one panel alone on the whole screen, with larger text; the arrows change the run."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QMainWindow, QWidget

from viewer.qt.application import apply_text_size, make_application
from viewer.qt.settings import Settings
from viewer.qt.workspace import Workspace

STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
LARGER = 1.6  # text
UNBOUNDED = (1 << 24) - 1  # QWIDGETSIZE_MAX


class Presenter(QObject):
    """Hides the frame of a window and all tabs but one, and shows them again; `step_run` goes on to another run."""

    changed = Signal()  # it began or ended

    def __init__(
        self,
        window: QMainWindow,
        workspace: Workspace,
        frame: tuple[QWidget, ...],
        settings: Settings,
        step_run: Callable[[int], None],
    ) -> None:
        super().__init__(window)
        self._window, self._workspace, self._frame = window, workspace, frame
        self._settings, self._step_run = settings, step_run
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
            self._hidden = [part for part in self._frame if not part.isHidden()]
            self._before = window.windowState()
            self._workspace.present(tab)
            window.showFullScreen()
            make_application().installEventFilter(self)
        else:
            make_application().removeEventFilter(self)
            self._workspace.present(None)
            window.setWindowState(self._before)
        for part in self._hidden:
            part.setVisible(not on)
        window.menuBar().setMaximumHeight(0 if on else UNBOUNDED)  # a hidden menu bar's shortcuts would be dead
        apply_text_size(self._settings.text_size * (LARGER if on else 1))
        self.changed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrows change the run."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in STEPS:
            self._step_run(STEPS[Qt.Key(event.key())])
            return True
        return super().eventFilter(watched, event)
