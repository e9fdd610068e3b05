"""The panels of a window by name, made from the catalogue when they are first needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from viewer.figures.theme import LIGHT, Theme
from viewer.qt.catalogue import PANELS
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Panel


class Panels(Mapping[str, Panel]):
    """The panels by name, in the order of menus; each is imported and made when it is first needed.

    A window shows one or two of them when it opens; the others are made once nothing else is to be done.
    """

    def __init__(self, tools: Tools) -> None:
        self.made: dict[str, Panel] = {}
        self._tools = tools
        self._theme: Theme = LIGHT
        self._callbacks: list[Callable[[Panel], None]] = []

    def __iter__(self) -> Iterator[str]:
        return iter(PANELS)

    def __len__(self) -> int:
        return len(PANELS)

    def __contains__(self, name: object) -> bool:
        return name in PANELS

    def __getitem__(self, name: str) -> Panel:
        return self.made[name] if name in self.made else self._make(name)

    def __getattr__(self, name: str) -> Any:
        if name not in PANELS:
            raise AttributeError(name)
        return self[name]

    def make_next(self) -> bool:
        """Import or make one of the panels that are not needed yet; return whether there was one."""
        name = next((name for name in PANELS if name not in self.made), None)
        if name is None:
            return False
        return self.import_panel(name) or bool(self._make(name))

    def make_all(self) -> None:
        """Make all that are still missing, because their commands are listed."""
        while self.make_next():
            pass

    def import_panel(self, name: str) -> bool:
        """Import a panel's module, which takes as long as making the panel; return False if it was imported before."""
        if name in self.made or PANELS[name].module in sys.modules:
            return False
        PANELS[name].load()
        return True

    def when_made(self, callback: Callable[[Panel], None]) -> None:
        """Call back with every panel: at once with those already made, with the others when they are made."""
        self._callbacks.append(callback)
        for panel in list(self.made.values()):
            callback(panel)

    def set_theme(self, theme: Theme) -> None:
        """Paint all panels in this theme, including those still to be made."""
        self._theme = theme
        for panel in self.made.values():
            panel.set_theme(theme)

    def _make(self, name: str) -> Panel:
        panel = PANELS[name].load()(self._tools)
        self.made[name] = panel
        panel.set_theme(self._theme)
        for callback in self._callbacks:
            callback(panel)
        return panel
