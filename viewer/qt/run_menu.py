"""What can be done with one run: the menu of its row."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from viewer.qt.run_list import RunList
from viewer.state import training
from viewer.state.formatting import clean


class RunMenu(QObject):
    """Makes menus of runs."""

    notice = Signal(str)  # an error
    done = Signal(str)  # what was done
    narrowed = Signal(str)  # a text for the filter
    entered = Signal()

    def __init__(self, runs: RunList, window: QWidget) -> None:
        super().__init__(window)
        self._runs, self._store, self._window = runs, runs.store, window

    def menu_of(self, path: Path) -> QMenu:
        """Return a menu of what can be done with a run."""
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Show alone\tEnter").triggered.connect(lambda _: self.show_alone(path))
        menu.addAction("Copy the path").triggered.connect(lambda _: self.copy(path))
        menu.addAction("Open the folder").triggered.connect(lambda _: self.open_folder(path))
        resume = self.resuming(path)
        if resume:
            menu.addAction("Copy the command that resumes the training").triggered.connect(lambda _: self._copy(resume))
        assignment = self._assignment(path)
        if assignment:
            text = f"Show only {assignment.replace('&', '&&')}"
            menu.addAction(text).triggered.connect(lambda _: self.narrow(path))
        if self._runs.filter:
            menu.addAction("Show all runs").triggered.connect(lambda _: self.narrowed.emit(""))
        menu.addSeparator()
        menu.addAction("Close").triggered.connect(lambda _: self._store.close(path))
        return menu

    def show_at(self, path: Path, point: QPoint) -> None:
        """Open a run's menu at a point of the screen."""
        self.menu_of(path).popup(point)

    def show_alone(self, path: Path) -> None:
        """Select this run only, and go to what it makes of images."""
        self._store.set_selected((path,), path)
        self.entered.emit()

    def copy(self, path: Path | None) -> None:
        """Copy a run's path to the clipboard."""
        if path is not None:
            self._copy(str(path))

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.done.emit(f"Copied: {text}")

    def open_folder(self, path: Path | None) -> None:
        """Show a run in the file manager."""
        folder = path if path is None or path.is_dir() else path.parent
        if folder is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.notice.emit(f"No program opened the folder {clean(folder, limit=200)}; open it in your file manager.")

    def narrow(self, path: Path | None) -> None:
        """Show only the runs of a run's assignment."""
        assignment = self._assignment(path)
        if assignment:
            self.narrowed.emit(f"assignment:{assignment}")

    def resuming(self, path: Path) -> str:
        """Return the command that resumes a training that has stopped; '' for any other run."""
        entry, history = self._store.state.entry_of(path), self._store.state.known_of(path).history
        stopped = entry is not None and training.has_stopped(entry, history)
        return f"aezoo train {history.recipe or 'NAME'} --resume" if stopped and history else ""

    def _assignment(self, path: Path | None) -> str:
        row = self._runs.row_of(path)
        return row.cell("assignment") if row is not None and row.key("assignment") is not None else ""
