"""The menus and their keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu

from viewer.qt.settings import THEMES
from viewer.state.words import clean

if TYPE_CHECKING:
    from viewer.qt.main_window import MainWindow


def build(window: MainWindow) -> None:
    """Give the window its menus."""
    files = window.menuBar().addMenu("&File")
    _action(files, "Open &folder…", "Ctrl+Shift+O", lambda: _open_folder(window))
    _action(files, "&Open file…", "Ctrl+O", lambda: _open_file(window))
    recent = files.addMenu("Open &recent")
    recent.aboutToShow.connect(lambda: _fill_recent(recent, window))
    files.addSeparator()
    _action(files, "&Rescan", "F5", window.librarian.try_again)
    files.addSeparator()
    _action(files, "&Quit", "Ctrl+Q", window.close)
    view = window.menuBar().addMenu("&View")
    for number, (name, panel) in enumerate(window.panels.items(), start=1):
        key = f"Ctrl+{number}" if number <= 5 else "Ctrl+0"
        _action(view, f"Go to {name}", key, panel.focus_panel)
    view.addSeparator()
    _action(view, "&Find runs", "Ctrl+F", window.runs.focus_filter)
    _action(view, "&Next run", "Ctrl+Down", lambda: window.step_run(1))
    _action(view, "&Previous run", "Ctrl+Up", lambda: window.step_run(-1))
    view.addSeparator()
    group = QActionGroup(window)
    for name in THEMES:
        action = _action(view, f"{name.capitalize()} colours", "", partial(window.choose_theme, name))
        action.setCheckable(True)
        action.setChecked(name == window.settings.theme)
        group.addAction(action)


def _action(menu: QMenu, text: str, keys: str, slot: Callable[[], object]) -> QAction:
    action = menu.addAction(text)
    if keys:
        action.setShortcut(QKeySequence(keys))
    action.triggered.connect(lambda _=False: slot())
    return action


def _open_folder(window: MainWindow) -> None:
    chosen = QFileDialog.getExistingDirectory(window, "Open a folder of runs", _start(window))
    if chosen:
        window.open((Path(chosen),))


def _open_file(window: MainWindow) -> None:
    chosen, _ = QFileDialog.getOpenFileNames(window, "Open graphs", _start(window), "ONNX graphs (*.onnx)")
    if chosen:
        window.open(tuple(map(Path, chosen)))


def _start(window: MainWindow) -> str:
    roots = window.store.state.roots
    return str(roots[0] if roots else Path.cwd())


def _fill_recent(menu: QMenu, window: MainWindow) -> None:
    menu.clear()
    for path in window.settings.recent:
        name = clean(path, limit=100).replace("&", "&&")
        _action(menu, name, "", partial(window.open, (path,)))
    if not window.settings.recent:
        menu.addAction("Nothing yet").setEnabled(False)
        return
    menu.addSeparator()
    _action(menu, "Forget these", "", window.settings.forget_recent)
