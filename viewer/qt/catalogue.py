"""The panels of the window, one entry each: tabs, menus, shortcuts and the sheet of keys follow from it.

A new panel is one file in `panels/` and one entry here. Nothing is imported until the panel is first shown.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.state.letters import RECALL, TRANSLATE
from viewer.state.selection import Known, State

if TYPE_CHECKING:
    from viewer.qt.widgets.panel import Panel


Applies = Callable[[State], bool]


def is_open(state: State) -> bool:
    """Something is open."""
    return bool(state.entries)


def _compared(state: State) -> Iterator[Known]:
    return (state.known_of(path) for path in state.compared)


def always(state: State) -> bool:
    """Whatever is open."""
    return True


def colourises(state: State) -> bool:
    """A shown run colours grey images."""
    return any(known.task == "colourise" for known in _compared(state))


def draws_letters(state: State) -> bool:
    """A shown run draws letters: of other letters, or of their class alone."""
    return any(known.task in (TRANSLATE, RECALL) for known in _compared(state))


def takes_images(state: State) -> bool:
    """A shown graph takes images, or has not been read yet."""
    graphs = [known.graph for known in _compared(state) if known.refused is None]
    return any(graph is None or graph.image_shape is not None for graph in graphs)


def has_bottleneck(state: State) -> bool:
    """The current graph has a bottleneck, or has not been read yet."""
    known = state.current_known
    return bool(known.graph.bottleneck) if known.graph else known.refused is None


def has_history(state: State) -> bool:
    """A shown run was trained here: its history lies beside it."""
    return any(entry.history_stamp is not None for entry in state.entries if entry.path in state.compared)


def has_several_runs(state: State) -> bool:
    """There are runs to compare."""
    return sum(entry.is_run for entry in state.entries) > 1


DRAWER = "Details"  # the one tab that is not in the workspace


@dataclass(frozen=True)
class PanelEntry:
    """A panel: what menus call it, its shortcut, where its class is, a sentence for newcomers, when it is there.

    `label` is its tab, and behind a colon its own title where the tab has several panels: they share its place, one at
    a time, and of those that apply the first is shown until another is chosen. In the drawer they stand below one
    another. `opened` is False for a tab that is closed in a new window.
    """

    label: str
    shortcut: str
    path: str  # module:class
    hint: str
    applies: Applies = always
    opened: bool = True

    @property
    def tab(self) -> str:
        return self.label.partition(": ")[0]

    @property
    def title(self) -> str:
        return self.label.rpartition(": ")[2]

    @property
    def module(self) -> str:
        return self.path.partition(":")[0]

    def load(self) -> type[Panel]:
        """Import the panel's class."""
        module, _, name = self.path.partition(":")
        found: type[Panel] = getattr(importlib.import_module(module), name)
        return found


PANELS: dict[str, PanelEntry] = {  # by `Panel.name`, in the order of tabs and menus
    "colour": PanelEntry(
        "Compare: Colour",
        "Alt+1",
        "viewer.qt.panels.colour:Colour",
        "The colours that networks give to grey photographs, how wrong they are, and whether grey would be closer.",
        colourises,
    ),
    "letters": PanelEntry(
        "Compare: Letters",
        "Alt+2",
        "viewer.qt.panels.letters:Letters",
        "Cyrillic letters in, Latin letters out: the strategies side by side, and how a classifier reads each letter.",
        draws_letters,
    ),
    "reconstructions": PanelEntry(
        "Compare: Reconstructions",
        "Ctrl+1",
        "viewer.qt.panels.reconstructions:Reconstructions",
        "What goes into each network, what comes out, and how the output differs from the target.",
    ),
    "noise": PanelEntry(
        "Noise",
        "Ctrl+2",
        "viewer.qt.panels.noise:Noise",
        "Add noise to the images and see at once what each network makes of them, compared with a median filter.",
        takes_images,
    ),
    "draw": PanelEntry(
        "Draw",
        "Ctrl+3",
        "viewer.qt.panels.draw:Draw",
        "Draw or paste a picture and see at once what every selected network makes of it.",
        takes_images,
    ),
    "bottleneck": PanelEntry(
        "Inside: Bottleneck",
        "Ctrl+4",
        "viewer.qt.panels.bottleneck:Bottleneck",
        "The values into which the encoder squeezes each image; change one and see what the decoder makes of it.",
        has_bottleneck,
    ),
    "layers": PanelEntry(
        "Inside: Layers",
        "Alt+3",
        "viewer.qt.panels.layers:LayersPanel",
        "The network node by node, and the feature maps of the chosen image at any of them.",
    ),
    "latent": PanelEntry(
        "Latent",
        "Ctrl+5",
        "viewer.qt.panels.latent:Latent",
        "Move through the bottleneck: drag in a VAE's plane, follow principal directions, blend and add images.",
        has_bottleneck,
    ),
    "losses": PanelEntry(
        "Training: Losses",
        "Ctrl+6",
        "viewer.qt.panels.losses:Losses",
        "Losses, their terms, the learning rate and the time of each epoch, for every selected run.",
        has_history,
    ),
    "time": PanelEntry(
        "Training: Time machine",
        "Alt+4",
        "viewer.qt.panels.time_machine:TimeMachine",
        "Move through the epochs of a training and see what the network made of its images in each of them.",
        has_history,
    ),
    "trade_off": PanelEntry(
        "Trade-off",
        "Ctrl+7",
        "viewer.qt.panels.trade_off:TradeOff",
        "The error of every run, and of PCA, against the number of values in the bottleneck.",
        has_several_runs,
    ),
    "runs": PanelEntry(
        "All columns",
        "Ctrl+8",
        "viewer.qt.panels.runs:RunTablePanel",
        "Every run and graph that is open, with every figure; the other panels show what is selected here.",
        opened=False,
    ),
    "card": PanelEntry(
        "Details",
        "Ctrl+9",
        "viewer.qt.panels.card:CardPanel",
        "Everything known about the current run or graph, or about several side by side; the text can be copied.",
        is_open,
    ),
    "recent": PanelEntry(
        "Details: Losses, small",
        "Alt+5",
        "viewer.qt.panels.losses:SmallLosses",
        "The losses of the shown runs, small, beside whatever the workspace shows.",
        has_history,
    ),
}

TABS = tuple(dict.fromkeys(entry.tab for entry in PANELS.values() if entry.tab != DRAWER))


def panels_of(tab: str) -> tuple[str, ...]:
    """Return the names of a tab's panels."""
    return tuple(name for name, entry in PANELS.items() if entry.tab == tab)
