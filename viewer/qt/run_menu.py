"""What can be done with one run: the menu of its row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMenu

from viewer.state.formatting import clean
from viewer.state.history import has_stopped

if TYPE_CHECKING:
    from viewer.qt.main_window import MainWindow


def menu_of(window: MainWindow, path: Path) -> QMenu:
    """Return a menu of what can be done with a run."""
    menu = QMenu(window)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    choices: dict[str, Callable[[], object]] = {
        "Show alone\tEnter": partial(_show_alone, window, path),
        "Copy the path": partial(_copy, window, str(path)),
        "Open the folder": partial(_open_folder, window, path),
    }
    if command := _resuming(window, path):
        choices["Copy the command that resumes the training"] = partial(_copy, window, command)
    if assignment := _assignment(window, path):
        choices[f"Show only {assignment.replace('&', '&&')}"] = partial(
            window.rail.filter.setText, f"assignment:{assignment}"
        )
    if window.runs.filter:
        choices["Show all runs"] = window.rail.filter.clear
    for text, do in choices.items():
        menu.addAction(text).triggered.connect(do)
    menu.addSeparator()
    menu.addAction("Close").triggered.connect(partial(window.store.close, path))
    return menu


def _show_alone(window: MainWindow, path: Path) -> None:
    """Select this run only, and go to what it makes of images."""
    window.store.set_selected((path,), path)
    window.go_to_compare()


def _copy(window: MainWindow, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    window.status.show_done(f"Copied: {text}")


def _open_folder(window: MainWindow, path: Path) -> None:
    """Show a run in the file manager."""
    folder = path if path.is_dir() else path.parent
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
        window.notices.add(f"No program opened the folder {clean(folder, limit=200)}; open it in your file manager.")


def _resuming(window: MainWindow, path: Path) -> str:
    """Return the command that resumes a training that has stopped; '' for any other run."""
    entry, history = window.store.state.entry_of(path), window.store.state.known_of(path).history
    stopped = entry is not None and has_stopped(entry, history)
    return f"aezoo train {history.recipe or 'NAME'} --resume" if stopped and history else ""


def _assignment(window: MainWindow, path: Path) -> str:
    row = window.runs.row_of(path)
    return row.cell("assignment") if row is not None and row.key("assignment") is not None else ""
