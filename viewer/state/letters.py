"""Letters that were translated: one of each class out of the histories, and what letters and predictions are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from viewer.state.formatting import without_common_folder
from viewer.state.numbers import Numbers
from viewer.state.selection import Known, State
from zoo.data.comnist import PAIRS

TRANSLATE, RECALL = "translate", "recall"
GRID = "letters"
_CYRILLIC, _LATIN = tuple(PAIRS), tuple(PAIRS.values())


@dataclass(frozen=True, eq=False)
class RunLetters:
    """One letter of each class of a run, in the order of the classes: (N, C, H, W) float32, labels int64 (N,)."""

    path: Path
    name: str
    task: str
    images: np.ndarray
    labels: np.ndarray
    inputs: np.ndarray | None
    targets: np.ndarray | None
    predictions: np.ndarray | None

    @property
    def wrong(self) -> frozenset[int]:
        """The indices of the letters that the classifier takes for another."""
        if self.predictions is None:
            return frozenset()
        return frozenset(int(index) for index in np.flatnonzero(self.predictions != self.labels))

    @property
    def right_text(self) -> str:
        if self.predictions is None:
            return "not classified"
        return f"{len(self.labels) - len(self.wrong)} of {len(self.labels)}"


def has_letter_classes(known: Known) -> bool:
    """Whether a run's classes are the 14 pairs of letters."""
    return bool(known.history and known.history.dataset.startswith(("cyrillic", "latin")))


def latin(label: int, *, letters: bool = True) -> str:
    """Return the Latin letter of a class; of other data its number."""
    return _LATIN[label] if letters and 0 <= label < len(_LATIN) else str(label)


def cyrillic(label: int, *, letters: bool = True) -> str:
    """Return the Cyrillic letter of a class; of other data its number."""
    return _CYRILLIC[label] if letters and 0 <= label < len(_CYRILLIC) else str(label)


def prediction_text(given: int, true: int | None, *, letters: bool = True) -> str:
    """Format a prediction; a wrong one is followed by the true letter."""
    called = latin(given, letters=letters)
    return called if true is None or given == true else f"{called}≠{latin(true, letters=letters)}"


def open_runs(state: State) -> tuple[Path, ...]:
    """The open runs that translate letters, or recall them."""
    return tuple(entry.path for entry in state.entries if state.known_of(entry.path).task in (TRANSLATE, RECALL))


def chosen_runs(state: State) -> tuple[Path, ...]:
    """The selected runs of letters; all that are open and of one folder, where none is selected.

    What was recalled without any image stands beside what was translated, in the same folder.
    """
    every = open_runs(state)
    chosen = [path for path in every if path in state.selected]
    if not chosen:
        return tuple(path for path in every if path.parent == every[0].parent)
    folders = {path.parent for path in chosen}
    return tuple(
        path
        for path in every
        if path in chosen or (state.known_of(path).task == RECALL and path.parent in folders and len(chosen) > 1)
    )


def sheets_of(state: State, paths: Sequence[Path]) -> tuple[RunLetters, ...]:
    """Return the letters that the histories of these runs keep, of those that keep any."""
    names = state.names()
    called = without_common_folder([names.get(path, "") for path in paths])
    found = [_sheet(path, name, state.known_of(path)) for path, name in zip(paths, called, strict=True)]
    return tuple(sheet for sheet in found if sheet is not None)


def _sheet(path: Path, name: str, known: Known) -> RunLetters | None:
    grid = known.history.grids.get(GRID) if known.history else None
    if grid is None or grid.labels is None:
        return None
    order = np.argsort(grid.labels, kind="stable")
    inputs, targets, predictions = (
        None if part is None else part[order] for part in (grid.inputs, grid.targets, grid.predictions)
    )
    return RunLetters(path, name, known.task, grid.images[order], grid.labels[order], inputs, targets, predictions)


def table_of_sheets(sheets: Sequence[RunLetters], names: Mapping[Path, str], *, named: bool) -> Numbers:
    """Return a row for each letter of each run."""
    rows: Numbers = [("run", "in", "wanted", "predicted", "correct")]
    for sheet in sheets:
        for index, label in enumerate(sheet.labels):
            called = latin(int(sheet.predictions[index]), letters=named) if sheet.predictions is not None else ""
            right = int(index not in sheet.wrong) if sheet.predictions is not None else ""
            wanted = latin(int(label), letters=named)
            rows.append((names.get(sheet.path, sheet.name), cyrillic(int(label), letters=named), wanted, called, right))
    return rows if len(rows) > 1 else []


def is_classifier(state: State, path: Path) -> bool:
    """Whether a run is a classifier of Latin letters without a noise class."""
    known = state.known_of(path)
    latin = bool(known.history and known.history.dataset.startswith("latin"))
    return known.task == "classify" and latin and known.noise == 0 and not path.name.endswith("noise")


def classifier_of(state: State) -> Path | None:
    """The classifier of Latin letters among the compared runs; None where there is none."""
    return next((path for path in state.compared if is_classifier(state, path)), None)
