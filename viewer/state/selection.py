"""The state of the window as one frozen value, and the pure steps from one state to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from viewer.state import pages
from viewer.state.files import FileBytes
from viewer.state.formatting import clean, without_common_folder
from viewer.state.graph import GraphInfo
from viewer.state.history import RunHistory
from viewer.state.library import Entry, distinct_names
from viewer.state.pages import Order, Page, Pasted, Split, SplitName
from viewer.state.samples import Samples
from zoo.card import Card
from zoo.gate import GraphFacts
from zoo.image_ports import UNCHOSEN, InputChoice

MOST_COMPARED = 6  # runs beside one another: more would leave no room for their pictures
RUN_COLOURS = 7  # in a theme's series
GraphName = Literal["model", "decoder"]


@dataclass(frozen=True, eq=False)
class Known:
    """What was read of one entry so far; each error is a sentence, '' while there is none."""

    card: Card | None = None
    listed: Mapping[str, str] = field(default_factory=dict)  # file name → sha256, by card.json
    sizes: Mapping[str, int] = field(default_factory=dict)  # file name → bytes, by card.json
    history: RunHistory | None = None
    graph: GraphInfo | None = None
    graph_sha256: str = ""
    refused: GraphFacts | None = None  # what a graph that is not run says of itself
    decoder: GraphInfo | None = None  # of a run that has one
    decoder_sha256: str = ""
    decoder_error: str = ""
    samples: Samples | None = None  # for a graph without a history
    card_error: str = ""  # of card.json
    graph_card_error: str = ""  # of the card inside the graph
    history_error: str = ""
    graph_error: str = ""
    samples_error: str = ""

    @property
    def any_card(self) -> Card | None:
        """The card inside the graph, or else the one beside it."""
        return self.graph.card if self.graph and self.graph.card else self.card

    @property
    def own_samples(self) -> Samples | None:
        """The run's own first images, or the embedded ones of a graph that comes alone."""
        return self.history.samples if self.history and self.history.samples else self.samples

    @property
    def task(self) -> str:
        """What goes in and what should come out, as the recipe names it; '' where it is not recorded."""
        task = self.any_card.task if self.any_card else self.history.facts.get("task", "") if self.history else ""
        return "denoise" if task == "reconstruct" and self.noise > 0 else task

    @property
    def noise(self) -> float:
        """The standard deviation of the noise that it was trained with, 0 for none."""
        return self.graph.noise if self.graph and self.graph.card else self.history.noise if self.history else 0.0

    @property
    def split(self) -> SplitName | None:
        """The split that its test images come from."""
        if self.history is None or not self.history.dataset:
            return None
        images, own = self.history.images, self.own_samples
        shape = own.targets.shape[1:] if images and own is not None else ()
        return SplitName(self.history.dataset, self.history.facts.get("split", "published"), images, shape)

    @property
    def error(self) -> str:
        return self.graph_error or self.history_error or self.card_error or self.graph_card_error

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
    closed: frozenset[Path] = frozenset()  # entries under the roots that were closed
    entries: tuple[Entry, ...] = ()
    known: Mapping[Path, Known] = field(default_factory=dict)
    selected: tuple[Path, ...] = ()
    current: Path | None = None
    files: Mapping[tuple[Path, str], FileBytes] = field(default_factory=dict)  # graphs of the compared entries
    sample: int = 0
    start: int = 0  # the first of the images shown, in the order shown
    order: Order | None = None  # None: the test split's own
    splits: Mapping[SplitName, Split] = field(default_factory=dict)
    pasted: Pasted | None = None
    page: Page | None = None  # follows from the rest
    colours: Mapping[Path, int] = field(default_factory=dict)  # of runs once shown, kept as long as they are open
    choices: Mapping[Path, InputChoice] = field(default_factory=dict)  # how graphs are given images

    @property
    def entry(self) -> Entry | None:
        return self.entry_of(self.current)

    def entry_of(self, path: Path | None) -> Entry | None:
        """The entry at a path, None where there is none any more."""
        return next((entry for entry in self.entries if entry.path == path), None)

    def known_of(self, path: Path | None) -> Known:
        return self.known.get(path, NOTHING_KNOWN) if path is not None else NOTHING_KNOWN

    def choice_of(self, path: Path | None) -> InputChoice:
        return self.choices.get(path, UNCHOSEN) if path is not None else UNCHOSEN

    @property
    def current_name(self) -> str:
        """What the current entry is called; '' where there is none."""
        return self.names().get(self.current, "") if self.current else ""

    @property
    def current_known(self) -> Known:
        """What is known of the current entry."""
        return self.known_of(self.current)

    @cached_property
    def compared(self) -> tuple[Path, ...]:
        """The selected entries that are shown beside one another, in the table's order; the current one is among them.

        More than fit are left out from the end. Used by every panel at every change.
        """
        selected = set(self.selected)
        chosen = [entry.path for entry in self.entries if entry.path in selected]
        if len(chosen) > MOST_COMPARED and self.current in chosen[MOST_COMPARED:]:
            chosen = [*chosen[: MOST_COMPARED - 1], self.current]
        return tuple(chosen[:MOST_COMPARED])

    def colour_of(self, path: Path) -> int | None:
        """The index of a run's colour in the theme's series; None for a run that was never shown."""
        return self.colours.get(path)

    @property
    def samples(self) -> Samples | None:
        """What goes into the current entry's graph now, and what should come out."""
        return self.samples_of(self.current)

    def samples_of(self, path: Path | None) -> Samples | None:
        """What goes into an entry's graph for the images shown, and what should come out.

        An entry that takes other images than the current one has its own; one without a graph yet has those that it
        was trained on.
        """
        known = self.known_of(path)
        own, page = known.own_samples, self.page
        shape = known.graph.image_shape if known.graph else own.inputs.shape[1:] if own else None
        if page is None or shape is None or (path != self.current and self._other_images(known)):
            return own
        letters = known.history.grids.get("letters") if known.history else None
        made = pages.samples_for(page, own, known.task, known.noise, (shape[0], shape[1], shape[2]), letters)
        return own if made is None and path != self.current else made

    def _other_images(self, known: Known) -> bool:
        """Whether a run was trained on other images than those shown: letters mean nothing to a network of digits."""
        one, two = known.split, self.current_known.split
        return self.pasted is None and one is not None and two is not None and one.dataset != two.dataset

    @property
    def graph_file(self) -> FileBytes | None:
        """The current graph's bytes, once the worker has let them through."""
        return self.file_of(self.current)

    def file_of(self, path: Path | None, graph: GraphName = "model") -> FileBytes | None:
        """The bytes of a compared entry's graph, once the worker has let them through."""
        file = self.files.get((path, graph)) if path is not None else None
        known = self.known_of(path)
        info, sha256 = (known.graph, known.graph_sha256) if graph == "model" else (known.decoder, known.decoder_sha256)
        return file if file is not None and info is not None and file.sha256 == sha256 else None

    def names(self) -> dict[Path, str]:
        """What every entry is called in table, legend and titles; no two alike."""
        return self._names  # used by several panels at every change

    @cached_property
    def shown_names(self) -> dict[Path, str]:
        """What the compared entries are called beside one another: without the folders that all have in common."""
        short = without_common_folder([self._names[path] for path in self.compared])
        return Names({**self._names, **dict(zip(self.compared, short, strict=True))})

    @cached_property
    def _names(self) -> Names:
        plain = [name_of(entry, self.known_of(entry.path)) for entry in self.entries]
        paths = [entry.path for entry in self.entries]
        return Names(zip(paths, distinct_names(plain, paths), strict=True))


class Names(dict[Path, str]):
    """What entries are called; one that has gone, while its pictures are still shown, is called by its folders."""

    def __missing__(self, path: Path) -> str:
        return clean("/".join(path.parts[-2:]), limit=60)


def name_of(entry: Entry, known: Known) -> str:
    """The recipe's name where a card or a history has it; a lone graph is called by its file."""
    if not entry.is_run:
        return clean(entry.name, limit=60)
    name = (known.history.recipe if known.history else "") or (known.card.name if known.card else "")
    return clean(name or entry.name, limit=60)


def with_entries(state: State, entries: tuple[Entry, ...]) -> State:
    """Replace the entries by those of a newer scan; one is selected as long as there is any."""
    paths = {entry.path for entry in entries}
    selected = tuple(path for path in state.selected if path in paths) or _first_below(state.selected, entries)
    stays = state.current in (paths if state.scanned else selected)
    current = state.current if stays else next(iter(selected), None)
    if current is None and entries:
        current = entries[0].path
    if current is not None and current not in selected:
        selected = (current, *selected)
    return replace(
        state,
        scanned=True,
        entries=entries,
        known={path: known for path, known in state.known.items() if path in paths},
        colours={path: colour for path, colour in state.colours.items() if path in paths},
        selected=selected,
        current=current,
    )


def _first_below(folders: Iterable[Path], entries: tuple[Entry, ...]) -> tuple[Path, ...]:
    """The first entry in folders that were opened just now."""
    opened = set(folders)
    return next(((entry.path,) for entry in entries if opened.intersection(entry.path.parents)), ())


def with_selected(state: State, selected: Iterable[Path], current: Path | None) -> State:
    """Select entries; `current` is the one that the panels of a single run follow."""
    chosen = tuple(dict.fromkeys(selected))
    current = current if current in chosen else next(iter(chosen), state.current)
    return replace(state, selected=chosen, current=current)


def without(state: State, path: Path) -> State:
    """Close an entry: a root goes, an entry under a root stays away until the root is opened again."""
    roots = tuple(root for root in state.roots if root != path)
    closed = state.closed if len(roots) < len(state.roots) else state.closed | {path}
    kept = tuple(entry for entry in state.entries if entry.path != path)
    return with_entries(replace(state, roots=roots, closed=closed), kept)


def with_known(state: State, path: Path, known: Known) -> State:
    """Replace what is known of one entry, unless the entry has gone."""
    if all(entry.path != path for entry in state.entries):
        return state
    return replace(state, known={**state.known, path: known})


def with_derived_fields(before: State, after: State) -> State:
    """Return the new state with the fields that follow from others: the page shown, and the graphs still held."""
    compared = set(after.compared)
    files = {key: file for key, file in after.files.items() if key[0] in compared}
    if len(files) < len(after.files):
        after = replace(after, files=files)
    after = _with_colours(after)
    if before.current != after.current and not _same_images(before, after):
        after = replace(after, start=0, order=None)
    made_of = _made_of(after)
    if after.page is None or after.page.made_of != made_of:
        page = _page(after)
        after = replace(after, page=replace(page, made_of=made_of) if page else None)
    return after


def _with_colours(state: State) -> State:
    """Give every run that is selected for the first time the colour that the fewest runs have, first of those shown."""
    new = [path for path in dict.fromkeys((*state.compared, *state.selected)) if path not in state.colours]
    if not new:
        return state
    colours = dict(state.colours)
    for path in new:
        shown, every = [colours[other] for other in state.compared if other in colours], list(colours.values())
        colours[path] = min(range(RUN_COLOURS), key=lambda index: (shown.count(index), every.count(index)))
    return replace(state, colours=colours)


def _made_of(state: State) -> tuple[object, ...]:
    known = state.current_known
    split = state.splits.get(known.split) if known.split else None
    return state.current, known.own_samples, known.task, split, state.start, state.order, state.pasted


def _same_images(before: State, after: State) -> bool:
    """Whether the current entries of two states are tested on the same images, so that the page can stay."""
    one, two = before.current_known, after.current_known
    if one.split is None or one.split != two.split or one.history is None or two.history is None:
        return False
    return one.history.facts.get("test_images") == two.history.facts.get("test_images")


def _page(state: State) -> Page | None:
    known = state.current_known
    own = known.own_samples
    if state.pasted is not None:
        shape = _clean_shape(known)
        return pages.pasted_page(state.pasted, shape) if shape else None
    if own is None:
        return None
    rows = rows_of(state)
    if rows is None or (state.start == 0 and state.order is None and not own.stand_in):
        embedded = known.history is None
        return pages.first_page(own, known.task, embedded=embedded, of=0 if rows is None else len(rows))
    split = state.splits[known.split] if known.split else None
    assert split is not None
    return pages.later_page(split, rows, state.start, state.order)


def rows_of(state: State, known: Known | None = None) -> np.ndarray | None:
    """The rows of its split that are an entry's test images, of the current one by default; None while not known."""
    known = known or state.current_known
    split = state.splits.get(known.split) if known.split else None
    if split is None or split.error or known.own_samples is None or known.history is None:
        return None
    recorded = known.history.facts.get("test_images", "")
    return pages.rows_in_split(split, known.own_samples, known.task, int(recorded) if recorded.isdecimal() else 0)


def _clean_shape(known: Known) -> tuple[int, int, int] | None:
    """The shape of the images of the current entry, in colour where its task is to colour them."""
    shape = known.graph.image_shape if known.graph else None
    if shape is None or known.task == "recall":
        return None
    return (3, *shape[1:]) if known.task == "colourise" else shape
