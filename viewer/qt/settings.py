"""What is remembered between two starts: the window's geometry, the splitters, the theme, what was opened lately."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QMainWindow, QSplitter

VERSION = 2  # of the window's layout; settings of another version are not used
RECENT = 8
THEMES = ("system", "light", "dark")


class Settings:
    """Reads and writes QSettings; a value of the wrong type counts as absent."""

    def __init__(self) -> None:
        self._settings = QSettings("aezoo", "viewer")

    @property
    def recent(self) -> list[Path]:
        value = self._settings.value("recent", [])
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return [Path(text) for text in texts if isinstance(text, str)][:RECENT]

    def remember(self, paths: tuple[Path, ...]) -> None:
        """Put paths at the head of the recent list."""
        merged = dict.fromkeys([*map(str, paths), *map(str, self.recent)])
        self._settings.setValue("recent", list(merged)[:RECENT])

    def forget_recent(self) -> None:
        self._settings.remove("recent")

    @property
    def theme(self) -> str:
        value = self._settings.value("theme", "system")
        return value if value in THEMES else "system"

    @theme.setter
    def theme(self, name: str) -> None:
        self._settings.setValue("theme", name)

    def save_areas(self, areas: Mapping[str, list[str]]) -> None:
        """Remember which panels are in which dock area; the one in front is marked `*`."""
        for area, panels in areas.items():
            self._settings.setValue(f"areas/{area}", panels)

    def areas(self) -> dict[str, list[str]]:
        """Return which panels were in which dock area; {} if the settings are of another version."""
        if str(self._settings.value("version")) != str(VERSION):
            return {}
        return self._lists("areas")

    def _lists(self, group: str) -> dict[str, list[str]]:
        self._settings.beginGroup(group)
        names = self._settings.childKeys()
        self._settings.endGroup()
        lists = {}
        for name in names:
            value = self._settings.value(f"{group}/{name}")
            texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
            lists[name] = [text for text in texts if isinstance(text, str)]
        return lists

    def save_table(self, table: Mapping[str, list[str]]) -> None:
        """Remember how the table of runs was set up."""
        self._settings.remove("runs")
        for name, values in table.items():
            self._settings.setValue(f"runs/{name}", values)

    def table(self) -> dict[str, list[str]]:
        """Return what was remembered of the table of runs."""
        return self._lists("runs")

    def save_window(self, window: QMainWindow, splitters: dict[str, QSplitter]) -> None:
        self._settings.setValue("version", VERSION)
        self._settings.setValue("geometry", window.saveGeometry())
        for name, splitter in splitters.items():
            self._settings.setValue(f"splitter/{name}", splitter.saveState())

    def restore_window(self, window: QMainWindow, splitters: dict[str, QSplitter]) -> None:
        if str(self._settings.value("version")) != str(VERSION):
            return
        geometry = self._settings.value("geometry")
        if isinstance(geometry, QByteArray):
            window.restoreGeometry(geometry)
        for name, splitter in splitters.items():
            state = self._settings.value(f"splitter/{name}")
            if isinstance(state, QByteArray):
                splitter.restoreState(state)
