"""Every panel of the window, by its name; a new panel is a line here, and its usual place one in `layout.py`."""

from __future__ import annotations

from typing import TypeVar

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
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Panel

P = TypeVar("P", bound=Panel)


class Panels(dict[str, Panel]):
    """The panels by name, in the order of menus; those that the window or a test handles have their type."""

    def __init__(self, tools: Tools) -> None:
        super().__init__()
        self.reconstructions = self._add("reconstructions", Reconstructions(tools))
        self.colour = self._add("colour", Colour(tools))
        self.letters = self._add("letters", Letters(tools))
        self.noise = self._add("noise", Noise(tools))
        self.draw = self._add("draw", Draw(tools))
        self.bottleneck = self._add("bottleneck", Bottleneck(tools))
        self.latent = self._add("latent", Latent(tools))
        self.layers = self._add("layers", Layers(tools))
        self.time = self._add("time", TimeMachine(tools))
        self.losses = self._add("losses", Losses(tools))
        self.trade_off = self._add("trade_off", TradeOff(tools))
        self.card = self._add("card", CardPanel(tools))
        self.runs = self._add("runs", Runs(tools))

    def _add(self, name: str, panel: P) -> P:
        self[name] = panel
        return panel
