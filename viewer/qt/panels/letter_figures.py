"""The figures of the Letters panel: one letter of each class from the histories, or the test images, live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from viewer.figures.theme import Theme
from viewer.qt.panels.blocks import Blocks
from viewer.qt.panels.compared import BandValues, ComparisonPicture, mean_text
from viewer.state import letters as names_of
from viewer.state import run_outputs
from viewer.state.formatting import without_common_folder
from viewer.state.letters import RECALL, TRANSLATE, RunLetters
from viewer.state.run_outputs import RunOutput
from viewer.state.selection import State


def picture_of_sheets(
    theme: Theme, sheets: Sequence[RunLetters], chosen: int, colours: Mapping[Path, int], *, letters: bool
) -> ComparisonPicture:
    """Return the Cyrillic letters, each strategy's letters with predictions, and the mean of each class."""
    collected = Blocks()
    translated = [sheet for sheet in sheets if sheet.task == TRANSLATE]
    first = translated[0] if translated else None
    if first is not None and first.inputs is not None:
        names = [names_of.cyrillic(int(label), letters=letters) for label in first.labels]
        collected.add("Cyrillic", BandValues("input", first.inputs), captions=names)
    for sheet in sheets:
        captions = [] if sheet.predictions is None else _predictions(sheet.predictions, sheet.labels, letters=letters)
        collected.add(
            sheet.name,
            BandValues("output", sheet.images),
            captions=captions,
            note=sheet.right_text,
            marked=sheet.wrong,
            colour=theme.colour_of_run(colours, sheet.path),
        )
    if first is not None and first.targets is not None:
        names = [names_of.latin(int(label), letters=letters) for label in first.labels]
        collected.add("class mean", BandValues("wanted", first.targets), captions=names)
    return collected.picture(theme, chosen)


def _predictions(given: np.ndarray, labels: np.ndarray | None, *, letters: bool) -> list[str]:
    true = [None] * len(given) if labels is None else [int(label) for label in labels]
    return [names_of.prediction_text(int(one), label, letters=letters) for one, label in zip(given, true, strict=False)]


def picture_of_tests(
    theme: Theme,
    runs: Sequence[RunOutput],
    state: State,
    labels: np.ndarray | None,
    predictions: Mapping[Path, np.ndarray],
    *,
    letters: bool,
) -> ComparisonPicture:
    """Return the images of the page, what each run makes of them, live, and the targets."""
    collected = Blocks()
    drawing = [output for output in runs if output.images is not None]
    shared = run_outputs.same_images(drawing)
    translated = bool(drawing) and drawing[0].task == TRANSLATE
    if shared and drawing[0].samples is not None:
        named = [] if labels is None else [names_of.cyrillic(int(label), letters=letters) for label in labels]
        title, named = ("Cyrillic", named) if translated else ("class", [])
        collected.add(title, BandValues("input", drawing[0].samples.inputs), captions=named)
    called = without_common_folder([output.name for output in runs])
    for output, name in zip(runs, called, strict=True):
        colour = theme.colour_of_run(state.colours, output.path)
        if output.images is None or output.samples is None:
            collected.add(name, sentence=output.sentence, colour=colour)
            continue
        given = predictions.get(output.path)
        known = labels if output.shows_page_images and labels is not None and len(labels) == output.count else None
        captions = [] if given is None else _predictions(given, known, letters=letters)
        wrong = frozenset() if given is None or known is None else frozenset(np.flatnonzero(given != known).tolist())
        before = () if shared else (BandValues("input", output.samples.inputs),)
        after = () if shared else (BandValues("wanted", output.samples.targets),)
        layers = (*before, BandValues("output", output.images), *after)
        notes = (mean_text(output.mse), "from its class alone" if output.task == RECALL else "", output.note)
        note = ", ".join(note for note in notes if note)
        collected.add(name, *layers, captions=captions, note=note, marked=wrong, colour=colour)
    if shared and drawing[0].samples is not None:
        collected.add("class mean" if translated else "wanted", BandValues("wanted", drawing[0].samples.targets))
    return collected.picture(theme, state.sample)
