"""What is remembered between two starts: the window's place, the splitters, the theme, what was opened lately."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QMainWindow, QSplitter

VERSION = 2  # of the window's make-up; another one starts from the defaults
RECENT = 8
THEMES = ("system", "light", "dark")


class Settings:
    """Reads and writes QSettings; whatever is not of the type it should be counts as absent."""

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

    def save_places(self, places: Mapping[str, list[str]]) -> None:
        """Remember which panels stand in which place; `*` leads the one in front."""
        for place, panels in places.items():
            self._settings.setValue(f"places/{place}", panels)

    def places(self) -> dict[str, list[str]]:
        """Return what was remembered of the places, {} for another make-up of the window."""
        if str(self._settings.value("version")) != str(VERSION):
            return {}
        return self._lists("places")

    def _lists(self, group: str) -> dict[str, list[str]]:
        self._settings.beginGroup(group)
        names = self._settings.childKeys()
        self._settings.endGroup()
        told = {}
        for name in names:
            value = self._settings.value(f"{group}/{name}")
            texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
            told[name] = [text for text in texts if isinstance(text, str)]
        return told

    def save_table(self, table: Mapping[str, list[str]]) -> None:
        """Remember how the table of runs was set up: lists of words by what they are of."""
        self._settings.remove("runs")
        for name, told in table.items():
            self._settings.setValue(f"runs/{name}", told)

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
