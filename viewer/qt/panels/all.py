"""Every panel of the window, by its name; a new one is an entry of the catalogue, a line here and in `layout.py`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from viewer.figures.theme import LIGHT, Theme
from viewer.qt.catalogue import PANELS
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Panel

if TYPE_CHECKING:
    from viewer.qt.panels.bottleneck import Bottleneck
    from viewer.qt.panels.card import CardPanel
    from viewer.qt.panels.colour import Colour
    from viewer.qt.panels.draw import Draw
    from viewer.qt.panels.latent import Latent
    from viewer.qt.panels.layers import Layers
    from viewer.qt.panels.letters import Letters
    from viewer.qt.panels.losses import Losses
    from viewer.qt.panels.noise import Noise
    from viewer.qt.panels.reconstructions import Reconstructions
    from viewer.qt.panels.runs import Runs
    from viewer.qt.panels.time_machine import TimeMachine
    from viewer.qt.panels.trade_off import TradeOff


class Panels(Mapping[str, Panel]):
    """The panels by name, in the order of menus; each is made, and its module read, when it is first asked for.

    A window shows six of them when it opens, and is there in two thirds of the time that all of them would take.
    """

    reconstructions: Reconstructions
    colour: Colour
    letters: Letters
    noise: Noise
    draw: Draw
    bottleneck: Bottleneck
    latent: Latent
    layers: Layers
    time: TimeMachine
    losses: Losses
    trade_off: TradeOff
    card: CardPanel
    runs: Runs

    def __init__(self, tools: Tools) -> None:
        self.made: dict[str, Panel] = {}
        self._tools = tools
        self._theme: Theme = LIGHT
        self._takers: list[Callable[[Panel], None]] = []

    def __iter__(self) -> Iterator[str]:
        return iter(PANELS)

    def __len__(self) -> int:
        return len(PANELS)

    def __contains__(self, name: object) -> bool:
        return name in PANELS

    def __getitem__(self, name: str) -> Panel:
        return self.made[name] if name in self.made else self._make(name)

    if not TYPE_CHECKING:  # the checker knows the attributes from the annotations above

        def __getattr__(self, name: str) -> Panel:
            if name not in PANELS:
                raise AttributeError(name)
            return self[name]

    def make_next(self) -> bool:
        """Go on with one of the panels that nobody has asked for yet: read its module, or make it.

        Returns whether there was one.
        """
        name = next((name for name in PANELS if name not in self.made), None)
        if name is None:
            return False
        return self.read(name) or bool(self._make(name))

    def make_all(self) -> None:
        """Make those that nobody has asked for yet: their commands are wanted."""
        while self.make_next():
            pass

    def read(self, name: str) -> bool:
        """Read a panel's module, which takes as long as making the panel; return whether that was still to be done."""
        module = _module(name)
        if module in sys.modules:
            return False
        importlib.import_module(module)
        return True

    def when_made(self, taker: Callable[[Panel], None]) -> None:
        """Call `taker` with every panel: now with those that are made, and with each of the others once it is."""
        self._takers.append(taker)
        for panel in list(self.made.values()):
            taker(panel)

    def set_theme(self, theme: Theme) -> None:
        """Paint the panels in a theme, those too that are still to be made."""
        self._theme = theme
        for panel in self.made.values():
            panel.set_theme(theme)

    def _make(self, name: str) -> Panel:
        kind = getattr(importlib.import_module(_module(name)), PANELS[name].kind)
        panel: Panel = kind(self._tools)
        self.made[name] = panel
        panel.set_theme(self._theme)
        for taker in self._takers:
            taker(panel)
        return panel


def _module(name: str) -> str:
    return f"viewer.qt.panels.{PANELS[name].module}"
