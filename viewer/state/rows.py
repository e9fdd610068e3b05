"""The table of runs: one row of cells for each entry, as text and as what it sorts by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from viewer.state import numbers, words
from viewer.state.library import Entry
from viewer.state.selection import Known, State
from zoo.runs import QUICK

HEADINGS = ("run", "data", "bottleneck", "mse", "PCA mse", "psnr, dB", "epochs", "state")
NUMERIC = frozenset({3, 4, 5, 6})
HINTS = (
    "The recipe, or the file of a lone graph",
    "The data set it was trained on",
    "The shape of the encoder's output",
    "Mean squared error on the test split, of pixels in [0, 1]",
    "The same of principal components, as many as the bottleneck has values",
    "Mean peak signal-to-noise ratio on the test split, in decibels",
    "Epochs trained, of those planned",
    "finished, training, stopped; changed: not the graph that card.json lists; a graph without a run; or broken",
)


@dataclass(frozen=True)
class Row:
    """One entry's cells; `keys` are what the columns sort by."""

    path: Path
    cells: tuple[str, ...]
    keys: tuple[str | float, ...]
    trouble: str


def rows_of(state: State) -> tuple[Row, ...]:
    names = state.names()
    return tuple(_row(entry, state.of(entry.path), names[entry.path]) for entry in state.entries)


def _row(entry: Entry, known: Known, name: str) -> Row:
    card, history = known.any_card, known.history
    metrics = (history.metrics if history else {}) or numbers.table(card.metrics if card else {})
    baselines = (history.baselines if history else {}) or (card.baselines if card else {})
    mse, psnr = metrics.get("mse"), metrics.get("psnr")
    pca = numbers.table(baselines.get("pca", {})).get("mse")
    done = history.epochs_done if history else numbers.count(card.training.get("epochs")) if card else 0
    planned = history.epochs_planned if history else done
    dataset = history.dataset if history else str(card.data.get("name", "")) if card else ""
    return Row(
        path=entry.path,
        cells=(
            name,
            words.clean(dataset, limit=20) or words.MISSING,
            bottleneck_of(known) or words.MISSING,
            words.error(mse),
            words.error(pca),
            words.decibels(psnr),
            words.MISSING if not done else f"{done}/{planned}" if planned > done else str(done),
            state_of(entry, known),
        ),
        keys=(
            name,
            dataset,
            bottleneck_of(known),
            _key(mse),
            _key(pca),
            _key(psnr),
            float(done),
            state_of(entry, known),
        ),
        trouble=known.trouble,
    )


def state_of(entry: Entry, known: Known) -> str:
    """Say in a word how far it is."""
    if known.trouble:
        return "broken"
    if known.changed(entry.graph.name):
        return "changed"
    if known.history:
        return known.history.state or "unknown"
    if not entry.is_run:
        quick = bool(known.any_card and known.any_card.training.get("state") == QUICK)
        return ("graph, quick" if quick else "graph") if known.graph else "opening"
    return "opening" if entry.history_stamp else "no history"


def bottleneck_of(known: Known) -> str:
    """The bottleneck's shape, from the history, the card or the graph's own ports."""
    if known.history and known.history.bottleneck:
        return words.shape(known.history.bottleneck)
    card = known.any_card
    told = card.bottleneck.get("shape") if card else None
    if isinstance(told, list) and told:
        return words.shape(told[:8])
    graph = known.graph
    ports = [port for port in graph.facts.outputs if port.name == graph.bottleneck] if graph else []
    return words.shape(ports[0].shape[1:]) if ports else ""


def _key(value: float | None) -> float:
    return value if value is not None and value == value else float("inf")
