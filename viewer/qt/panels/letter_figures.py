"""The figures of the Letters panel: one letter of each class from the histories, or the test images, live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from viewer.figures.comparison import Block, ComparisonFigure, notes_of
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow
from viewer.qt.panels.compared import mean_text
from viewer.state import letters as names_of
from viewer.state import run_outputs
from viewer.state.formatting import without_common_folder
from viewer.state.letters import RECALL, TRANSLATE, RunLetters
from viewer.state.run_outputs import RunOutput
from viewer.state.selection import State


def picture_of_sheets(
    theme: Theme, sheets: Sequence[RunLetters], chosen: int, colours: Mapping[Path, int], *, letters: bool
) -> ComparisonFigure:
    """Return the Cyrillic letters, each strategy's letters with predictions, and the mean of each class."""
    first = next((sheet for sheet in sheets if sheet.task == TRANSLATE), None)
    blocks = []
    for sheet in sheets:
        captions = () if sheet.predictions is None else _predictions(sheet.predictions, sheet.labels, letters=letters)
        colour = theme.colour_of_run(colours, sheet.path)
        row = ImageRow.of("", sheet.images)
        blocks.append(Block(sheet.name, (row,), captions, sheet.right_text, marked=sheet.wrong, colour=colour))
    if first is not None and first.inputs is not None:
        names = tuple(names_of.cyrillic(int(label), letters=letters) for label in first.labels)
        blocks.insert(0, Block("Cyrillic", (ImageRow.of("", first.inputs),), names))
    if first is not None and first.targets is not None:
        names = tuple(names_of.latin(int(label), letters=letters) for label in first.labels)
        blocks.append(Block("class mean", (ImageRow.of("", first.targets),), names))
    return ComparisonFigure(theme, tuple(blocks), chosen, description=notes_of(blocks))


def _predictions(given: np.ndarray, labels: np.ndarray | None, *, letters: bool) -> tuple[str, ...]:
    true = [None] * len(given) if labels is None else [int(label) for label in labels]
    pairs = zip(given, true, strict=False)
    return tuple(names_of.prediction_text(int(one), label, letters=letters) for one, label in pairs)


def picture_of_tests(
    theme: Theme,
    runs: Sequence[RunOutput],
    state: State,
    labels: np.ndarray | None,
    predictions: Mapping[Path, np.ndarray],
    *,
    letters: bool,
) -> ComparisonFigure:
    """Return the images of the page, what each run makes of them, live, and the targets."""
    drawing = [output for output in runs if output.images is not None]
    given = drawing[0].samples if run_outputs.same_images(drawing) else None
    blocks = []
    called = without_common_folder([output.name for output in runs])
    for output, name in zip(runs, called, strict=True):
        colour = theme.colour_of_run(state.colours, output.path)
        if output.images is None or output.samples is None:
            blocks.append(Block(name, sentence=output.sentence, colour=colour))
            continue
        predicted, row = predictions.get(output.path), ImageRow.of("output" if given is None else "", output.images)
        known = labels if output.shows_page_images and labels is not None and len(labels) == output.count else None
        captions = () if predicted is None else _predictions(predicted, known, letters=letters)
        wrong = [] if predicted is None or known is None else np.flatnonzero(predicted != known).tolist()
        ends = [("input", output.samples.inputs), ("wanted", output.samples.targets)] if given is None else []
        before, after = ([ImageRow.of(*end)] for end in ends) if ends else ([], [])
        notes = (mean_text(output.mse), "from its class alone" if output.task == RECALL else "", output.note)
        note = ", ".join(note for note in notes if note)
        bands = (*before, row, *after)
        blocks.append(Block(name, bands, captions, note, marked=frozenset(wrong), colour=colour))
    if given is not None:
        translated = drawing[0].task == TRANSLATE
        named = labels if translated and labels is not None else ()
        captions = tuple(names_of.cyrillic(int(label), letters=letters) for label in named)
        blocks.insert(0, Block("Cyrillic" if translated else "class", (ImageRow.of("", given.inputs),), captions))
        blocks.append(Block("class mean" if translated else "wanted", (ImageRow.of("", given.targets),)))
    return ComparisonFigure(theme, tuple(blocks), state.sample, description=notes_of(blocks))
