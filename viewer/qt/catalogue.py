"""The panels of the window, one entry each: tabs, menus, shortcuts, layout and the sheet of keys follow from it.

A new panel is one file in `panels/` and one entry here. Nothing is imported until the panel is first shown.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from viewer.qt.widgets.panel import Panel

Position = Literal["left top", "left bottom", "middle top", "middle bottom", "right top", "right bottom"]
POSITIONS: tuple[str, ...] = get_args(Position)


@dataclass(frozen=True)
class PanelEntry:
    """A panel's title, its position in a new window, its shortcut, its class, and a sentence for newcomers."""

    title: str
    position: Position
    shortcut: str
    module: str  # holds the class
    class_name: str
    hint: str

    def load(self) -> type[Panel]:
        """Import the panel's class."""
        found: type[Panel] = getattr(importlib.import_module(self.module), self.class_name)
        return found


PANELS: dict[str, PanelEntry] = {  # by `Panel.name`, in the order of menus and tabs
    "reconstructions": PanelEntry(
        "Reconstructions",
        "middle top",
        "Ctrl+1",
        "viewer.qt.panels.reconstructions",
        "Reconstructions",
        "What goes into each network, what comes out, and how the output differs from the target.",
    ),
    "colour": PanelEntry(
        "Colour",
        "middle top",
        "Alt+1",
        "viewer.qt.panels.colour",
        "Colour",
        "The colours that networks give to grey photographs, how wrong they are, and whether grey would be closer.",
    ),
    "letters": PanelEntry(
        "Letters",
        "middle top",
        "Alt+2",
        "viewer.qt.panels.letters",
        "Letters",
        "Cyrillic letters in, Latin letters out: the strategies side by side, and how a classifier reads each letter.",
    ),
    "noise": PanelEntry(
        "Noise",
        "middle bottom",
        "Ctrl+2",
        "viewer.qt.panels.noise",
        "Noise",
        "Add noise to the images and see at once what each network makes of them, compared with a median filter.",
    ),
    "draw": PanelEntry(
        "Draw",
        "middle bottom",
        "Ctrl+8",
        "viewer.qt.panels.draw",
        "Draw",
        "Draw or paste a picture and see at once what every selected network makes of it.",
    ),
    "bottleneck": PanelEntry(
        "Bottleneck",
        "right top",
        "Ctrl+3",
        "viewer.qt.panels.bottleneck",
        "Bottleneck",
        "The values into which the encoder squeezes each image; change one and see what the decoder makes of it.",
    ),
    "latent": PanelEntry(
        "Latent plane",
        "right top",
        "Ctrl+6",
        "viewer.qt.panels.latent",
        "Latent",
        "Move through the bottleneck: drag in a VAE's plane, follow principal directions, blend and add images.",
    ),
    "layers": PanelEntry(
        "Layers",
        "right top",
        "Alt+3",
        "viewer.qt.panels.layers",
        "LayersPanel",
        "The feature maps of the chosen image at any node inside the network.",
    ),
    "time": PanelEntry(
        "Time machine",
        "middle top",
        "Ctrl+7",
        "viewer.qt.panels.time_machine",
        "TimeMachine",
        "Move through the epochs of a training and see what the network made of its images in each of them.",
    ),
    "losses": PanelEntry(
        "Losses",
        "right bottom",
        "Ctrl+4",
        "viewer.qt.panels.losses",
        "Losses",
        "Losses, their terms, the learning rate and the time of each epoch, for every selected run.",
    ),
    "trade_off": PanelEntry(
        "Trade-off",
        "right bottom",
        "Ctrl+9",
        "viewer.qt.panels.trade_off",
        "TradeOff",
        "The error of every run, and of PCA, against the number of values in the bottleneck.",
    ),
    "card": PanelEntry(
        "Card",
        "left bottom",
        "Ctrl+5",
        "viewer.qt.panels.card",
        "CardPanel",
        "Everything known about the current run or graph, or about several side by side; the text can be copied.",
    ),
    "runs": PanelEntry(
        "Runs",
        "left top",
        "Ctrl+0",
        "viewer.qt.panels.runs",
        "RunsPanel",
        "All runs and graphs that are open; the other panels show what is selected here.",
    ),
}


def panels_at(position: str) -> tuple[str, ...]:
    """Return the names of the panels at a position of a new window, the first of them in front."""
    return tuple(name for name, entry in PANELS.items() if entry.position == position)
