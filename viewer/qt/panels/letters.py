"""Letters: Cyrillic in, Latin out, one block for each strategy, with a classifier's prediction for each letter."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from viewer.figures.comparison import Block, ComparisonFigure, large_of, notes_of
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Pointed
from viewer.qt.panels.compared import ComparedPanel, mean_text
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.controls import Segments
from viewer.qt.widgets.panel import Command, Numbers
from viewer.state import letters, run_outputs, why
from viewer.state.formatting import without_common_folder
from viewer.state.letters import RECALL, TRANSLATE, RunLetters
from viewer.state.run_outputs import RunOutput
from viewer.state.selection import MOST_COMPARED, State

_SHEET_TIP = "The assignment's figure: the first test letter of each class"
_TESTS_TIP = "The images of this page, run live through the selected networks"
CHOICES = {
    "sheet": ("one of each class", _SHEET_TIP, "Show one of each class"),
    "tests": ("the test images", _TESTS_TIP, "Show the test images"),
}
WAITING = "Cyrillic letters and the Latin letters that the networks make of them appear here."

NO_CLASSIFIER = "select a classifier of letters as well to see predictions"
_SHEET = "one test letter of each class, and how many of them a classifier of Latin letters recognises"


class Letters(ComparedPanel):
    """One letter of each class, as the histories keep them with their predictions; or the test images, live.

    Predictions for test images come from a classifier of Latin letters, where one is among the selected runs.
    """

    name = "letters"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.classifier = self.new_requester("classifier")
        self.classifier.answered.connect(self._take_predictions)
        tip = "Select the runs that translate letters, and their classifier"
        self.offer = controls.button("Show the letters", tip, self.show_letters)
        self.offer.hide()
        self.sheets: tuple[RunLetters, ...] = ()
        self.predictions: dict[Path, np.ndarray] = {}  # int64 (N,), of live outputs
        self._classified: tuple[RunOutput, ...] = ()
        self._letter = 0  # the chosen class of the sheet
        self._build()
        self.body.addWidget(self.offer, 0, Qt.AlignmentFlag.AlignHCenter)
        self.view.show_sentence(WAITING)

    def _build(self) -> None:
        self.choice = Segments(CHOICES)
        self.one_of_each, self.tests = self.choice.buttons.values()
        self.one_of_each.setChecked(True)
        self.choice.chosen.connect(self._switch)
        self.body.insertLayout(0, controls.row(self.choice, None))
        self.bar.setVisible(False)

    # ---- what is shown ----

    @property
    def live(self) -> bool:
        return self.tests.isChecked()

    @property
    def paged(self) -> bool:
        """One of each class are few enough to be shown together, until they are enlarged."""
        return self.live or self.size_bar.zoom is not None

    def _switch(self) -> None:
        self.bar.setVisible(self.live)
        self.show_state(self.store.state, self.store.state)

    def runs(self, state: State) -> tuple[Path, ...]:
        wanted = (letters.TRANSLATE, letters.RECALL)
        return tuple(path for path in state.compared if self.live and state.known_of(path).task in wanted)

    def commands(self) -> tuple[Command, ...]:
        return (Command("show the letters", self.show_letters),)

    def show_letters(self) -> None:
        """Select the open runs that translate letters, and a classifier of them."""
        state = self.store.state
        every = letters.open_runs(state)
        translating = [path for path in every if state.known_of(path).task == letters.TRANSLATE] or list(every)
        classifiers = [entry.path for entry in state.entries if letters.is_classifier(state, entry.path)]
        found = [*translating[: MOST_COMPARED - 1], *classifiers[:1]]
        if translating:
            self.store.set_selected(found, translating[0])

    def show_state(self, before: State, after: State) -> None:
        nothing = not any(after.known_of(path).task in (letters.TRANSLATE, letters.RECALL) for path in after.compared)
        self.offer.setVisible(nothing and bool(letters.open_runs(after)))
        super().show_state(before, after)

    def inputs(self, state: State) -> tuple[object, ...]:
        if self.live:
            return (*super().inputs(state), letters.classifier_of(state))
        paths = letters.chosen_runs(state)
        return "sheet", paths, tuple(state.known_of(path).history for path in paths)

    def redraw(self) -> None:
        state = self.store.state
        if self.live:
            self._request_predictions(state)
        else:
            self.sheets = letters.sheets_of(state, letters.chosen_runs(state))
        super().redraw()

    def picture_of(self, theme: Theme, state: State) -> ComparisonFigure | str:
        if not self.live:
            self.subtitle.setText(_SHEET if self.sheets else "")
            if not self.sheets:
                return why.no_letters(state)
            named = self._of_letters(state)
            return picture_of_sheets(theme, self.sheets, self._letter, state.colours, named=named)
        if not self.runs(state):
            self.subtitle.setText("")
            return "Select runs that translate letters to see what they make of the test images."
        if all(output.coming for output in self.outputs):
            return self.view.sentence or WAITING
        if len(self.outputs) == 1 and self.outputs[0].images is None:
            return self.outputs[0].sentence
        classifier = letters.classifier_of(state)
        source = f"classified by {state.names()[classifier]}" if classifier else NO_CLASSIFIER
        self.subtitle.setText(f"{run_outputs.page_title(state)} · {source}")
        labels = self._labels(state)
        return picture_of_tests(theme, self.outputs, state, labels, self.predictions, named=self._of_letters(state))

    def _labels(self, state: State) -> np.ndarray | None:
        """Return the labels of the page if its images belong to a run that is shown."""
        return run_outputs.labels_of(state) if any(output.shows_page_images for output in self.outputs) else None

    def _of_letters(self, state: State) -> bool:
        paths = self.runs(state) if self.live else tuple(sheet.path for sheet in self.sheets)
        return all(letters.has_letter_classes(state.known_of(path)) for path in paths)

    # ---- predictions for live outputs ----

    def _request_predictions(self, state: State) -> None:
        """Request the classifier's predictions, once for the outputs shown."""
        if self._classified is self.outputs:
            return
        self._classified, self.predictions = self.outputs, {}
        classifier = letters.classifier_of(state)
        file, graph = (state.file_of(classifier), state.known_of(classifier).graph) if classifier else (None, None)
        queries: dict[Hashable, Query] = {}
        if file is not None and graph is not None and graph.logits_output:
            for output in self.outputs:
                if output.images is not None and output.images.shape[1:] == graph.image_shape:
                    queries[output.path] = Query(file, output.images.astype(np.float32), (graph.logits_output,))
        self.classifier.forget()
        if queries:
            self.classifier.send(queries, self.outputs, low_priority=self.low_priority)

    def _take_predictions(self, done: QueryBatch) -> None:
        if done.context is not self.outputs:
            return
        for output in self.outputs:
            reply = done.replies.get(output.path)
            logits = next(iter(reply.arrays.values()), None) if reply and not reply.error else None
            if logits is not None and logits.ndim == 2 and len(logits) == output.count and np.isfinite(logits).all():
                self.predictions[output.path] = logits.argmax(axis=1).astype(np.int64)
        self.redraw()

    # ---- pointing, choosing, exporting ----

    def pointed_lines(self, pointed: Pointed, state: State) -> list[str]:
        if self.live:
            return super().pointed_lines(pointed, state)
        named = self._of_letters(state)
        lines = []
        for sheet in self.sheets:
            if pointed.image < len(sheet.labels) and sheet.predictions is not None:
                given, true = int(sheet.predictions[pointed.image]), int(sheet.labels[pointed.image])
                lines.append(f"{sheet.name}: classified as {letters.prediction_text(given, true, letters=named)}")
        return lines

    def image_name(self, image: int, state: State) -> str:
        if self.live or not self.sheets or image >= len(self.sheets[0].labels):
            return super().image_name(image, state)
        label, named = int(self.sheets[0].labels[image]), self._of_letters(state)
        return f"{letters.cyrillic(label, letters=named)} → {letters.latin(label, letters=named)}"

    def choose(self, image: int) -> None:
        if self.live:
            super().choose(image)
        elif image != self._letter:
            self._letter = image
            self._choose_in_picture(image)

    def _choose_in_picture(self, chosen: int) -> None:
        super()._choose_in_picture(chosen if self.live else self._letter)

    def _step(self, step: int) -> None:
        if self.live:
            super()._step(step)
        elif self.sheets:
            self.choose(max(0, min(len(self.sheets[0].labels) - 1, self._letter + step)))

    def numbers(self) -> Numbers:
        state, named = self.store.state, self._of_letters(self.store.state)
        if self.live:
            return self._live_numbers(state, named)
        return letters.table_of_sheets(self.sheets, state.names(), named=named)

    def _live_numbers(self, state: State, named: bool) -> Numbers:
        rows: Numbers = [("run", "image", "label", "predicted", "mse", "psnr_db")]
        labels = self._labels(state)
        for output in self.outputs:
            given = self.predictions.get(output.path)
            for image in range(len(output.mse)):
                known = labels is not None and image < len(labels)
                label = letters.latin(int(labels[image]), letters=named) if labels is not None and known else ""
                called = letters.latin(int(given[image]), letters=named) if given is not None else ""
                mse, psnr = float(output.mse[image]), float(output.psnr[image])
                rows.append((output.name, image + 1, label, called, mse, psnr))
        return rows if len(rows) > 1 else []


def picture_of_sheets(
    theme: Theme, sheets: Sequence[RunLetters], chosen: int, colours: Mapping[Path, int], *, named: bool
) -> ComparisonFigure:
    """Return the Cyrillic letters, each strategy's letters with predictions, and the mean of each class."""
    first = next((sheet for sheet in sheets if sheet.task == TRANSLATE), None)
    blocks = []
    for sheet in sheets:
        captions = () if sheet.predictions is None else _predictions(sheet.predictions, sheet.labels, named=named)
        colour = theme.colour_of_run(colours, sheet.path)
        row = ImageRow.of("", sheet.images)
        blocks.append(Block(sheet.name, (row,), captions, sheet.right_text, marked=sheet.wrong, colour=colour))
    if first is not None and first.inputs is not None:
        names = tuple(letters.cyrillic(int(label), letters=named) for label in first.labels)
        blocks.insert(0, Block("Cyrillic", (ImageRow.of("", first.inputs),), names))
    if first is not None and first.targets is not None:
        names = tuple(letters.latin(int(label), letters=named) for label in first.labels)
        blocks.append(Block("class mean", (ImageRow.of("", first.targets),), names))
    bands, titles = [block.bands[0] for block in blocks], tuple(block.title for block in blocks)
    alike = len({band.size for band in bands}) == 1 and chosen < min(len(band.pixels) for band in bands)
    notes = tuple(block.captions[chosen] if chosen < len(block.captions) else "" for block in blocks)
    large = large_of(theme, bands, chosen, titles, notes) if alike else None
    return ComparisonFigure(theme, tuple(blocks), chosen, description=notes_of(blocks), large=large)


def _predictions(given: np.ndarray, labels: np.ndarray | None, *, named: bool) -> tuple[str, ...]:
    true = [None] * len(given) if labels is None else [int(label) for label in labels]
    pairs = zip(given, true, strict=False)
    return tuple(letters.prediction_text(int(one), label, letters=named) for one, label in pairs)


def picture_of_tests(
    theme: Theme,
    runs: Sequence[RunOutput],
    state: State,
    labels: np.ndarray | None,
    predictions: Mapping[Path, np.ndarray],
    *,
    named: bool,
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
        captions = () if predicted is None else _predictions(predicted, known, named=named)
        wrong = [] if predicted is None or known is None else np.flatnonzero(predicted != known).tolist()
        ends = [("input", output.samples.inputs), ("wanted", output.samples.targets)] if given is None else []
        before, after = ([ImageRow.of(*end)] for end in ends) if ends else ([], [])
        notes = (mean_text(output.mse), "from its class alone" if output.task == RECALL else "", output.note)
        note = ", ".join(note for note in notes if note)
        bands = (*before, row, *after)
        blocks.append(Block(name, bands, captions, note, marked=frozenset(wrong), colour=colour))
    if given is not None:
        translated = drawing[0].task == TRANSLATE
        shown = labels if translated and labels is not None else ()
        captions = tuple(letters.cyrillic(int(label), letters=named) for label in shown)
        blocks.insert(0, Block("Cyrillic" if translated else "class", (ImageRow.of("", given.inputs),), captions))
        blocks.append(Block("class mean" if translated else "wanted", (ImageRow.of("", given.targets),)))
    return ComparisonFigure(theme, tuple(blocks), state.sample, description=notes_of(blocks))
