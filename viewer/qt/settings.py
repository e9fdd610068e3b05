"""What is remembered between two starts: the window's geometry, the splitters, the theme, what was opened lately."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QMainWindow, QSplitter

from viewer.state import rows

VERSION = 3  # of the window's layout; settings of another version are not used
RECENT = 8
THEMES = ("system", "light", "dark")
COLOUR_MAPS = ("viridis", "grey", "magma", "cividis")
SMALLEST_TEXT, LARGEST_TEXT = 0.7, 2.0
_TABLE = f"columns/{'-'.join(rows.NAMES)}"  # columns of another version have another key


class Settings:
    """Reads and writes QSettings; a value of the wrong type counts as absent."""

    def __init__(self) -> None:
        self._settings = QSettings("aezoo", "viewer")

    @property
    def recent(self) -> list[Path]:
        return [Path(text) for text in self._texts("recent")][:RECENT]

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

    @property
    def text_size(self) -> float:
        """How much larger than the system's text is."""
        try:
            return min(LARGEST_TEXT, max(SMALLEST_TEXT, float(str(self._settings.value("text size", 1.0)))))
        except ValueError:
            return 1.0

    @text_size.setter
    def text_size(self, factor: float) -> None:
        self._settings.setValue("text size", round(min(LARGEST_TEXT, max(SMALLEST_TEXT, factor)), 2))

    @property
    def colour_map(self) -> str:
        value = self._settings.value("colour map", COLOUR_MAPS[0])
        return value if value in COLOUR_MAPS else COLOUR_MAPS[0]

    @colour_map.setter
    def colour_map(self, name: str) -> None:
        self._settings.setValue("colour map", name)

    def save_table(self, columns: QByteArray) -> None:
        """Remember how the columns of the table of runs were set up."""
        self._settings.setValue(_TABLE, columns)

    def table(self) -> QByteArray:
        """Return what was remembered of the columns; nothing where there were other ones."""
        return self._bytes(_TABLE)

    def save_window(
        self, window: QMainWindow, across: QSplitter, shown: Mapping[str, bool], tabs: QByteArray, closed: list[str]
    ) -> None:
        """Remember the window's geometry, which of its parts are shown, how wide they are, and the workspace's tabs."""
        values = {"version": VERSION, "geometry": window.saveGeometry(), "splitter": across.saveState(), "tabs": tabs}
        for name, value in {**values, "closed": closed, **{f"shows/{part}": on for part, on in shown.items()}}.items():
            self._settings.setValue(name, value)

    @property
    def knows_window(self) -> bool:
        """Whether a window of this version was remembered."""
        return str(self._settings.value("version")) == str(VERSION)

    def restore_window(self, window: QMainWindow, across: QSplitter) -> None:
        """Restore the geometry, and the widths of what is shown."""
        window.restoreGeometry(self._bytes("geometry"))
        layout = window.layout()
        if layout is not None:
            layout.activate()  # or else the widths would be those of a window of another size
        across.restoreState(self._bytes("splitter"))

    def shows(self, part: str, *, default: bool) -> bool:
        """Whether a part of the window was shown."""
        return str(self._settings.value(f"shows/{part}", default)).lower() == "true"

    def workspace(self) -> tuple[QByteArray, list[str]]:
        """Return the arrangement of the tabs, and which are closed."""
        return self._bytes("tabs"), self._texts("closed")

    def _texts(self, key: str) -> list[str]:
        value = self._settings.value(key, [])
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return [text for text in texts if isinstance(text, str)]

    def _bytes(self, key: str) -> QByteArray:
        value = self._settings.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()
