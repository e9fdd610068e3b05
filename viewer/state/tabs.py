"""Which panels have something to say for what is open: a panel that has nothing has no tab."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from viewer.state.letters import RECALL, TRANSLATE
from viewer.state.selection import Known, State

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
    return any(known.graph is None or known.graph.image_shape is not None for known in _compared(state))


def has_bottleneck(state: State) -> bool:
    """The current graph has a bottleneck, or has not been read yet."""
    graph = state.current_known.graph
    return graph is None or bool(graph.bottleneck)


def has_history(state: State) -> bool:
    """A shown run was trained here: its history lies beside it."""
    return any(entry.history_stamp is not None for entry in state.entries if entry.path in state.compared)


def has_several_runs(state: State) -> bool:
    """There are runs to compare."""
    return sum(entry.is_run for entry in state.entries) > 1
