"""A window with its menus."""

from __future__ import annotations

from viewer.qt import menus
from viewer.qt.disk import Disk
from viewer.qt.main_window import MainWindow
from viewer.qt.worker import Workers


def make_window(workers: Workers, disk: Disk, *, theme: str | None = None) -> MainWindow:
    """Return a window that is not shown yet; with a theme it neither reads nor remembers its layout."""
    window = MainWindow(workers, disk, theme=theme)
    menus.build(window)
    return window
