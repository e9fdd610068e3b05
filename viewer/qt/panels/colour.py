"""Colour: grey input, predicted and true colours, the baseline of copied grey, and where the chroma is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from viewer.figures import colours
from viewer.figures.comparison import Block, ComparisonFigure, notes_of
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Pointed, Scale
from viewer.qt.panels.compared import ComparedPanel
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.panel import Command, Numbers
from viewer.state import chroma, formatting, run_outputs, why
from viewer.state.chroma import ColourResult
from viewer.state.run_outputs import RunOutput
from viewer.state.selection import MOST_COMPARED, State

TASK = "colourise"
ERROR = "chroma error"
LARGEST_SCALE = 100.0  # of a chroma error: beyond it everything is wrong
WAITING = "Grey photographs, the colours that networks give them, and the true colours appear here."


class Colour(ComparedPanel):
    """For colourisers: grey, true, predicted, and a map of where the chroma is wrong, with one scale for all."""

    name = "colour"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        tip = "Select the runs that colour grey photographs"
        self.offer = controls.button("Show the colourisers", tip, self.show_colourisers)
        self.offer.hide()
        self.body.addWidget(self.offer, 0, Qt.AlignmentFlag.AlignHCenter)
        self.coloured: tuple[ColourResult, ...] = ()
        self._made_of: tuple[RunOutput, ...] = ()
        self.view.show_sentence(WAITING)

    def runs(self, state: State) -> tuple[Path, ...]:
        return tuple(path for path in state.compared if state.known_of(path).task == TASK)

    def commands(self) -> tuple[Command, ...]:
        return (Command("show the colourisers", self.show_colourisers),)

    def show_colourisers(self) -> None:
        """Select the colourisers that are open."""
        found = why.colourisers(self.store.state)[:MOST_COMPARED]
        if found:
            self.store.set_selected(found, found[0])

    def show_state(self, before: State, after: State) -> None:
        self.offer.setVisible(not self.runs(after) and bool(why.colourisers(after)))
        super().show_state(before, after)
        if not self.runs(after):
            self.redraw()  # runs turn out to be colourisers one after another

    def redraw(self) -> None:
        if self._made_of != self.outputs:
            self._made_of = self.outputs
            self.coloured = chroma.results_of(self.outputs)
        super().redraw()

    def picture_of(self, theme: Theme, state: State) -> ComparisonFigure | str:
        if not self.runs(state):
            self.subtitle.setText("")
            return why.no_colours(state)
        if all(output.coming for output in self.outputs):
            return self.view.sentence or WAITING
        if len(self.outputs) == 1 and not self.coloured:
            return self.outputs[0].sentence
        self.subtitle.setText(f"chroma error √(Δa*² + Δb*²), CIELAB · {run_outputs.page_title(state)}")
        return picture_of(theme, self.outputs, self.coloured, state)

    def pointed_lines(self, pointed: Pointed, state: State) -> list[str]:
        lines = []
        for one in self.coloured:
            if pointed.image < len(one.wrong):
                wrong, grey = one.wrong[pointed.image].mean(), one.grey[pointed.image].mean()
                lines.append(f"{one.name}: chroma error {wrong:.1f}; grey copied {grey:.1f}")
        return lines

    def numbers(self) -> Numbers:
        return chroma.table(self.coloured)


def picture_of(
    theme: Theme, runs: Sequence[RunOutput], results: Sequence[ColourResult], state: State
) -> ComparisonFigure:
    """Return the comparison: grey and true colours (once, if shared), copied grey, and a block for each run."""
    reach = min(LARGEST_SCALE, max((float(max(one.wrong.max(), one.grey.max())) for one in results), default=0.0))
    shared = bool(results) and run_outputs.same_images([one.output for one in results])
    table, blocks = colours.sequential(theme.colour_map), []
    colour_error = partial(colours.apply_table, low=0, high=reach, table=table)
    if shared:
        grey, row = chroma.errors(results[0].grey), ImageRow.of(ERROR, results[0].grey, colour_error)
        blocks = [
            Block("images", _given(results[0])),
            Block("grey copied", (row,), _captions(grey), f"mean {grey.mean():.1f}"),
        ]
    by_path = {one.output.path: one for one in results}
    names = formatting.without_common_folder([output.name for output in runs])
    for output, name in zip(runs, names, strict=True):
        one, colour = by_path.get(output.path), theme.colour_of_run(state.colours, output.path)
        if one is None or output.images is None:
            blocks.append(Block(name, sentence=output.sentence, colour=colour))
            continue
        errors, grey = chroma.errors(one.wrong), chroma.errors(one.grey)
        made = (ImageRow.of("predicted", output.images), ImageRow.of(ERROR, one.wrong, colour_error))
        beside = "" if shared else f", grey copied {grey.mean():.1f}"
        note = f"mean {errors.mean():.1f}{beside}" + (f", {output.note}" if output.note else "")
        bands = made if shared else (*_given(one), *made)
        blocks.append(Block(name, bands, _captions(errors), note, colour=colour))
    scale = Scale(theme, "0", f"{reach:.0f}", table, ERROR)
    return ComparisonFigure(theme, tuple(blocks), state.sample, scale, notes_of(blocks))


def _given(one: ColourResult) -> tuple[ImageRow, ImageRow]:
    assert one.output.samples is not None
    return ImageRow.of("grey", one.output.samples.inputs), ImageRow.of("true", one.output.samples.targets)


def _captions(errors: np.ndarray) -> tuple[str, ...]:
    return tuple(f"{error:.1f}" for error in errors)
