"""The state of the window as one frozen value, and the pure steps from one state to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from viewer.state.files import FileBytes
from viewer.state.graph import Graph
from viewer.state.history import RunHistory
from viewer.state.library import Entry, distinct_names
from viewer.state.samples import Samples
from viewer.state.words import clean
from zoo.card import Card


@dataclass(frozen=True, eq=False)
class Known:
    """What was read of one entry so far; each trouble is a sentence, '' while there is none."""

    card: Card | None = None
    listed: Mapping[str, str] = field(default_factory=dict)  # file name → sha256, by card.json
    history: RunHistory | None = None
    graph: Graph | None = None
    graph_sha256: str = ""
    samples: Samples | None = None  # for a graph without a history
    card_trouble: str = ""  # of card.json
    graph_card_trouble: str = ""  # of the card inside the graph
    history_trouble: str = ""
    graph_trouble: str = ""
    samples_trouble: str = ""

    @property
    def any_card(self) -> Card | None:
        """The card inside the graph, or else the one beside it."""
        return self.graph.card if self.graph and self.graph.card else self.card

    @property
    def trouble(self) -> str:
        return self.graph_trouble or self.history_trouble or self.card_trouble or self.graph_card_trouble

    @property
    def mismatch(self) -> str:
        """One clause where the files of one folder are of different recipes, '' otherwise."""
        recipe = self.history.recipe if self.history else ""
        for where, card in (("card.json", self.card), ("the graph's card", self.graph.card if self.graph else None)):
            if recipe and card and card.name != recipe:
                other = clean(card.name, limit=60)
                return f"history.h5 is of {clean(recipe, limit=60)}, {where} of {other}; train or export the run again"
        return ""

    def changed(self, graph: str) -> bool:
        """Whether the graph of this name, once it was read, is another file than card.json lists."""
        listed = self.listed.get(graph)
        return bool(listed and self.graph_sha256) and listed != self.graph_sha256


NOTHING_KNOWN = Known()


@dataclass(frozen=True, eq=False)
class State:
    """Everything that the panels show; replaced as a whole, never changed."""

    roots: tuple[Path, ...] = ()
    scanned: bool = False
    gone: tuple[Path, ...] = ()  # of the roots, those that are not there any more
    entries: tuple[Entry, ...] = ()
    known: Mapping[Path, Known] = field(default_factory=dict)
    selected: tuple[Path, ...] = ()
    current: Path | None = None
    file: FileBytes | None = None  # the current entry's graph
    sample: int = 0

    @property
    def entry(self) -> Entry | None:
        return next((entry for entry in self.entries if entry.path == self.current), None)

    def of(self, path: Path | None) -> Known:
        return self.known.get(path, NOTHING_KNOWN) if path is not None else NOTHING_KNOWN

    @property
    def now(self) -> Known:
        """What is known of the current entry."""
        return self.of(self.current)

    @property
    def samples(self) -> Samples | None:
        """The current entry's images."""
        history = self.now.history
        return history.samples if history and history.samples else self.now.samples

    @property
    def graph_file(self) -> FileBytes | None:
        """The current graph's bytes, once the worker has let them through."""
        if self.file is None or self.now.graph is None or self.file.sha256 != self.now.graph_sha256:
            return None
        return self.file

    def names(self) -> dict[Path, str]:
        """What every entry is called in table, legend and titles; no two alike."""
        return self._names  # asked for by several panels at every change

    @cached_property
    def _names(self) -> dict[Path, str]:
        plain = [name_of(entry, self.of(entry.path)) for entry in self.entries]
        paths = [entry.path for entry in self.entries]
        return dict(zip(paths, distinct_names(plain, paths), strict=True))


def name_of(entry: Entry, known: Known) -> str:
    """The recipe's name where a card or a history tells it; a lone graph is called by its file."""
    if not entry.is_run:
        return clean(entry.name, limit=60)
    told = (known.history.recipe if known.history else "") or (known.card.name if known.card else "")
    return clean(told or entry.name, limit=60)


def with_entries(state: State, entries: tuple[Entry, ...]) -> State:
    """Take a new scan: what is gone is forgotten, and something is selected as long as there is anything."""
    paths = {entry.path for entry in entries}
    selected = tuple(path for path in state.selected if path in paths)
    current = state.current if state.current in paths else next(iter(selected), None)
    if current is None and entries:
        current = entries[0].path
    if current is not None and current not in selected:
        selected = (current, *selected)
    return replace(
        state,
        scanned=True,
        entries=entries,
        known={path: known for path, known in state.known.items() if path in paths},
        selected=selected,
        current=current,
        file=state.file if current == state.current else None,
    )


def with_selected(state: State, selected: Iterable[Path], current: Path | None) -> State:
    """Select entries; `current` is the one that the panels of a single run follow."""
    chosen = tuple(dict.fromkeys(selected))
    current = current if current in chosen else next(iter(chosen), state.current)
    return replace(state, selected=chosen, current=current, file=state.file if current == state.current else None)


def with_known(state: State, path: Path, known: Known) -> State:
    """Put what was learned of one entry in its place; an entry that has gone stays gone."""
    if all(entry.path != path for entry in state.entries):
        return state
    return replace(state, known={**state.known, path: known})
