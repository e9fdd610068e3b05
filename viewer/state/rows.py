"""The table of runs: one row of cells for each entry, as text and as what it sorts by; and what a filter finds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from viewer.state import formatting, metrics, numbers
from viewer.state.history import training_state
from viewer.state.library import Entry
from viewer.state.samples import Samples
from viewer.state.selection import Known, State
from zoo import comparison
from zoo.runs import QUICK


@dataclass(frozen=True)
class Column:
    """A column: what filters and settings call it, what stands above it, and what that means."""

    name: str
    heading: str
    hint: str
    numeric: bool = False


COLUMNS = (
    Column("picture", "", "What the run makes of the first test image"),
    Column("run", "run", "The recipe, or the file of a lone graph"),
    Column("assignment", "assignment", "The sheet that the recipe is from"),
    Column("recipe", "recipe", "The recipe's name within its assignment"),
    Column("data", "data", "The data set it was trained on"),
    Column("parameters", "parameters", "How many numbers were learned", numeric=True),
    Column("bottleneck", "bottleneck", "The shape of the encoder's output; sorted by how many values it has"),
    Column("mse", "mse", "Mean squared error on the test split, of pixels in [0, 1]", numeric=True),
    Column("baseline", "baseline mse", "The same of what says most beside it: PCA, the linear map, the noisy input …"),
    Column("psnr", metrics.heading("psnr"), "Mean peak signal-to-noise ratio on the test split", numeric=True),
    Column(
        "against",
        "vs baseline",
        "How the run's mean squared error compares with the baseline's: 4.2× less is better, 3.1× more is worse",
    ),
    Column("accuracy", "accuracy", "A classifier's share of correct predictions on the test split", numeric=True),
    Column("epochs", "epochs", "Epochs trained, of those planned", numeric=True),
    Column(
        "state",
        "state",
        "finished, training, or stopped at an epoch; changed: not the graph that card.json lists; a lone graph; "
        "or broken",
    ),
)
NAMES = tuple(column.name for column in COLUMNS)
COLUMN_INDEX = {name: index for index, name in enumerate(NAMES)}
USUAL = tuple("run picture mse state epochs against bottleneck psnr accuracy data parameters baseline".split())
HIDDEN = ("assignment", "recipe")  # until they are chosen: they stand in the name already

Key = str | float | None  # None: not there, and last however it is sorted


@dataclass(frozen=True)
class RunRow:
    """One entry's cells; `keys` are what the columns sort by.

    better      whether it has less error than its baseline, None where that is not known
    comparison  the same as text, with the baseline's figure
    """

    path: Path
    cells: tuple[str, ...]
    keys: tuple[Key, ...]
    error: str
    better: bool | None = None
    comparison: str = ""
    samples: Samples | None = None  # whose first is its picture

    def cell(self, name: str) -> str:
        return self.cells[COLUMN_INDEX[name]]

    def key(self, name: str) -> Key:
        return self.keys[COLUMN_INDEX[name]]


class Rows:
    """Makes rows, and remakes only those of entries about which more is known than before."""

    def __init__(self) -> None:
        self._made: dict[Path, tuple[Entry, Known, str, RunRow]] = {}

    def of(self, state: State) -> tuple[RunRow, ...]:
        """Return a row for every entry, in the order of the entries."""
        names, made = state.names(), {}
        for entry in state.entries:
            known, name = state.known_of(entry.path), names[entry.path]
            before = self._made.get(entry.path)
            same = before is not None and before[0] == entry and before[1] is known and before[2] == name
            made[entry.path] = before if same and before else (entry, known, name, _row(entry, known, name))
        self._made = made
        return tuple(row for _, _, _, row in made.values())


def rows_of(state: State) -> tuple[RunRow, ...]:
    return Rows().of(state)


def sorted_by(rows: Sequence[RunRow], column: int, *, descending: bool) -> list[RunRow]:
    """Return rows in the order of a column's keys; those without one are last in either direction."""
    known = [(row.keys[column], row) for row in rows if row.keys[column] is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)  # type: ignore[arg-type,return-value]  # all of one type
    return [row for _, row in known] + [row for row in rows if row.keys[column] is None]


def _row(entry: Entry, known: Known, name: str) -> RunRow:
    card, history = known.any_card, known.history
    figures, (baseline_name, baseline) = metrics_of(known), main_baseline_of(known)
    mse, psnr, accuracy = figures.get("mse"), figures.get("psnr"), _finite(figures.get("accuracy"))
    compared = comparison.in_short(mse, baseline, "mse")
    ratio = mse / baseline if compared and mse is not None and baseline else None
    noun = comparison.noun(baseline_name).removeprefix("the ")
    done = history.epochs_done if history else numbers.count_or_zero(card.training.get("epochs")) if card else 0
    planned = history.epochs_planned if history else done
    dataset = formatting.clean(history.dataset if history else str(card.data.get("name", "")) if card else "", limit=20)
    assignment, recipe = _origin(entry, known)
    shape, values, parameters = bottleneck_of(known), values_of(known), parameters_of(known)
    state = state_of(entry, known)
    cells: dict[str, tuple[str, Key]] = {
        "picture": ("", None),
        "run": (name, name.casefold()),
        "assignment": (assignment, assignment.casefold()),
        "recipe": (recipe, recipe.casefold()),
        "data": (dataset, dataset),
        "parameters": (f"{parameters:,}" if parameters else "", float(parameters) if parameters else None),
        "bottleneck": (shape, float(values) if values else None),
        "mse": (formatting.mse(mse), _finite(mse)),
        "baseline": (f"{noun} {formatting.mse(baseline)}" if baseline is not None else "", _finite(baseline)),
        "psnr": (formatting.decibels(psnr), psnr if psnr is None or not math.isnan(psnr) else None),
        "against": (compared, _finite(ratio)),
        "accuracy": ("" if accuracy is None else metrics.percent(accuracy), accuracy),
        "epochs": ("" if not done else f"{done}/{planned}" if planned > done else str(done), float(done) or None),
        "state": (state, state),
    }
    return RunRow(
        path=entry.path,
        cells=tuple(cells[name][0] or ("" if name == "picture" else formatting.MISSING) for name in NAMES),
        keys=tuple(None if cells[name][1] == "" else cells[name][1] for name in NAMES),
        error=known.error,
        better=ratio < 1 if ratio is not None else None,
        comparison=compared
        and f"{comparison.in_words(mse, baseline, 'mse', baseline_name)} ({formatting.mse(baseline)})",
        samples=history.samples if history else known.samples,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _origin(entry: Entry, known: Known) -> tuple[str, str]:
    """The assignment and the recipe, '' where they are not recorded."""
    name = (known.history.recipe if known.history else "") or (known.any_card.name if known.any_card else "")
    name = name or (entry.name if entry.is_run else "")
    assignment, _, recipe = formatting.clean(name, limit=60).rpartition("/")
    return assignment, recipe


def metrics_of(known: Known) -> Mapping[str, float]:
    """The metrics on the test split, from the history or else the card."""
    card = known.any_card
    return (known.history.metrics if known.history else {}) or numbers.finite_values(card.metrics if card else {})


def all_baselines_of(known: Known) -> dict[str, dict[str, float]]:
    """Every baseline that was measured, from the history or else the card."""
    card = known.any_card
    found = (known.history.baselines if known.history else {}) or (card.baselines if card else {})
    return {name: numbers.finite_values(row) for name, row in found.items()}


def baselines_of(known: Known) -> dict[str, Mapping[str, float]]:
    """The baselines that a run is compared with, the one that says most first."""
    return metrics.comparable_baselines(all_baselines_of(known), known.task)


def main_baseline_of(known: Known) -> tuple[str, float | None]:
    """The name and the mean squared error of the baseline that says most; None without one."""
    found = ((name, row["mse"]) for name, row in baselines_of(known).items() if "mse" in row)
    return next(found, ("", None))


def parameters_of(known: Known) -> int:
    """How many numbers were learned, 0 where it is not known."""
    card, history, graph = known.any_card, known.history, known.graph
    found = history.parameters if history else graph.facts.parameters if graph else 0
    return (numbers.count_or_zero(card.parameters) if card else 0) or found


def state_of(entry: Entry, known: Known) -> str:
    """Return the run's state in a word or two."""
    if known.error:
        return "not supported" if known.refused else "broken"
    if known.changed(entry.graph.name):
        return "changed"
    if known.history:
        return training_state(entry, known.history)
    if not entry.is_run:
        quick = bool(known.any_card and known.any_card.training.get("state") == QUICK)
        return ("graph, quick" if quick else "graph") if known.graph else "opening"
    return "opening" if entry.history_stamp else "no history"


def _bottleneck(known: Known) -> tuple[object, ...]:
    if known.history and known.history.bottleneck:
        return known.history.bottleneck
    card = known.any_card
    shape = card.bottleneck.get("shape") if card else None
    if isinstance(shape, list) and shape:
        return tuple(shape[:8])
    graph = known.graph
    ports = [port for port in graph.facts.outputs if port.name == graph.bottleneck] if graph else []
    return tuple(ports[0].shape[1:]) if ports else ()


def bottleneck_of(known: Known) -> str:
    """The bottleneck's shape, from the history, the card or the graph's own ports."""
    return formatting.shape(_bottleneck(known))


def values_of(known: Known) -> int:
    """How many values the bottleneck has, 0 where it is not known."""
    sizes = [numbers.count_or_zero(size) for size in _bottleneck(known)]
    product = math.prod(sizes) if sizes else 0
    return product if product < numbers.LARGEST_WHOLE else 0


# ---- the filter ----

HOW_TO_FILTER = (
    "Shows the runs in which every word occurs: mnist conv, 2×7×7.\n"
    "A column before a colon narrows it: state:training, assignment:hesso, data:cifar10.\n"
    "Numbers can be compared: mse<0.01, psnr>20, parameters<10000; against:less.\n"
    f"Columns: {', '.join(NAMES[1:])}."
)
_PREFIXED = re.compile(r"([a-z]+)(:|<=|>=|<|>)(.+)")


@dataclass(frozen=True)
class FilterTerm:
    """One condition of a filter: `text` occurs in a column, or in any where it is None; or a number compares so."""

    text: str
    column: int | None = None
    compare: str = ""
    number: float = 0.0

    def holds(self, row: RunRow) -> bool:
        if self.column is None:
            return any(self.text in cell.casefold() for cell in row.cells)
        if not self.compare:
            return self.text in row.cells[self.column].casefold()
        value = row.keys[self.column]
        if not isinstance(value, float):
            return False
        less = value < self.number if self.compare[0] == "<" else value > self.number
        return less or (self.compare.endswith("=") and value == self.number)


def terms_of(text: str) -> tuple[FilterTerm, ...]:
    """Return the conditions that a filter's text means; a column that does not exist makes it a plain word."""
    return tuple(map(_term, text.casefold().split()))


def _term(word: str) -> FilterTerm:
    found = _PREFIXED.fullmatch(word)
    if found is None or found[1] not in NAMES:
        return FilterTerm(word)
    column, sign, rest = COLUMN_INDEX[found[1]], found[2], found[3]
    if sign == ":":
        return FilterTerm(rest, column)
    try:
        return FilterTerm(rest, column, sign, float(rest.replace(",", "")))
    except ValueError:
        return FilterTerm(word)


def matches(row: RunRow, terms: tuple[FilterTerm, ...]) -> bool:
    """Tell whether every condition holds for a row."""
    return all(term.holds(row) for term in terms)
