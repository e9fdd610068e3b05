"""The base of the panels that compare what several runs make of the same images."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QHBoxLayout, QWidget

from viewer.figures import colours
from viewer.figures.comparison import ComparisonFigure
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Pointed, Scale
from viewer.qt.panels.request_panel import Queries, Replies, RequestPanel, hit_in
from viewer.qt.requester import Query
from viewer.qt.tools import Tools
from viewer.qt.widgets.figure_view import SizedView
from viewer.qt.widgets.page_bar import PageBar, SizeBar, connect_page_keys
from viewer.state import formatting, run_outputs
from viewer.state.run_outputs import RunOutput
from viewer.state.selection import State

HOW_TO_LEAVE = "one image, large · ← → other images · click or Esc: all images again"
LARGE = 250  # pixels of the side of an image that need not be opened
MOST_LARGE = 6  # pictures of an image shown large, so that each has 250 pixels on a laptop


class ComparedPanel(RequestPanel):
    """Runs the graphs of several runs on the images shown and shows their outputs in one figure.

    A page has as many images as fit at their size. A click opens one of them large, in every run; another closes it.
    A subclass chooses the runs (`runs`) and makes the picture (`picture_of`).
    """

    view_class = SizedView

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.bar, self.size_bar = PageBar(tools, turn=self.turn), SizeBar()
        self.size_bar.changed.connect(self.redraw)
        self.row = QHBoxLayout()
        self.row.addWidget(self.size_bar)
        self.row.addWidget(self.bar, 1)
        self.row.addStretch()  # where the bar is hidden
        self.body.insertLayout(0, self.row)
        assert isinstance(self.view, SizedView)
        self.view.resized.connect(lambda steps: self.size_bar.step(steps, self._zoom_shown()))
        self.is_open = False  # one image is shown large
        self.outputs: tuple[RunOutput, ...] = ()
        self.picture: ComparisonFigure | None = None
        self._shown: object = None  # the inputs of the outputs shown
        self._splits: object = None  # that the picture was made with

    # ---- for subclasses ----

    @property
    def paged(self) -> bool:
        """Whether a page has fewer images rather than smaller ones."""
        return True

    def runs(self, state: State) -> tuple[Path, ...]:
        """Return the runs to show, in order."""
        raise NotImplementedError

    def picture_of(self, theme: Theme, state: State) -> ComparisonFigure | str:
        """Return the picture of `self.outputs`, or a sentence instead."""
        raise NotImplementedError

    def pointed_lines(self, pointed: Pointed, state: State) -> list[str]:
        """Return the lines about the image under the pointer, between its name and the pixel's value."""
        return [line for output in self.outputs for line in _figures_of(output, pointed.image)]

    def image_name(self, image: int, state: State) -> str:
        """Return which image it is."""
        return run_outputs.image_title(state, image)

    def choose(self, image: int) -> None:
        """Choose an image of those shown."""
        self.store.set_sample(image)

    # ---- requests ----

    def show_state(self, before: State, after: State) -> None:
        self.bar.show_state(after)
        super().show_state(before, after)

    def inputs(self, state: State) -> tuple[object, ...]:
        parts: list[object] = [state.page]
        for path in self.runs(state):
            known, entry = state.known_of(path), state.entry_of(path)
            parts += [path, entry, state.file_of(path), state.samples_of(path), known.history, known.error]
        return tuple(parts)

    def details(self, state: State) -> tuple[object, ...]:
        return state.sample, state.splits

    def details_changed(self) -> None:
        state = self.store.state
        if state.splits is self._splits:
            self._choose_in_picture(state.sample)
        else:
            self.redraw()

    def request_of(self, state: State) -> tuple[Queries, object]:
        queries: Queries = {}
        for path in self.runs(state):
            file, samples = state.file_of(path), state.samples_of(path)
            name = run_outputs.output_to_request(state, path)
            if name and file is not None and samples is not None:
                queries[path] = Query(file, samples.inputs, (name,))
        return queries, None

    def show_nothing(self, state: State) -> None:
        self.take({}, None)

    def take(self, replies: Replies, context: object) -> None:
        state = self.store.state
        names, shown = state.names(), []
        for path in self.runs(state):
            reply = replies.get(path)
            values = next(iter(reply.arrays.values()), None) if reply else None
            error = "" if reply is None else reply.error or ("" if values is not None else "no answer came")
            shown.append(run_outputs.run_output(state, names.get(path, ""), path, values, error))
        if shown and all(output.coming for output in shown) and self.outputs:
            return  # keep what is shown until there is something new
        self.outputs, self._shown = tuple(shown), self._inputs
        self.redraw()

    # ---- showing ----

    def redraw(self) -> None:
        state = self.store.state
        self._splits = state.splits
        self.subtitle.setText(run_outputs.page_title(state))
        shown = self.picture_of(self.theme, state)
        if isinstance(shown, str):
            self.picture = None
            self.view.show_sentence(shown)
            if self.outputs and all(output.coming for output in self.outputs):
                self.view.show_coming()
            return
        self.picture = replace(shown, paged=self.paged, zoom=self.size_bar.zoom)
        self._show_picture()

    def _show_picture(self) -> None:
        """Show the images of the page, or the chosen one large, and say how one leaves that."""
        assert self.picture is not None
        if self.is_open:
            self.subtitle.setText(HOW_TO_LEAVE)
        figure = opened(self.picture) if self.is_open else self.picture
        self.view.show_figure(figure, figure.description)

    def _choose_in_picture(self, chosen: int) -> None:
        """Mark another image; the pictures of a comparison stay the same."""
        if self.picture is None or self.picture.large is not None:
            self.redraw()
            return
        self.picture = replace(self.picture, chosen=chosen)
        self._show_picture()

    # ---- pages ----

    def connect_pages(self) -> None:
        connect_page_keys(self.view, self.tools.images, self.turn)

    def _zoom_shown(self) -> float:
        return self.picture.layout(self.view.paper).zoom if self.picture else 1.0

    def hint_at(self, point: QPointF) -> str:
        pointed = hit_in(self.view, point) if self._shown is self._inputs else None
        return self.hint_of(pointed) if pointed else ""

    def hint_of(self, pointed: Pointed) -> str:
        """Return the tool tip: which image, every run's figures for it, and the pixel's value."""
        assert self.picture is not None
        state = self.store.state
        lines = [self.image_name(pointed.image, state), *self.pointed_lines(pointed, state)]
        block = self.picture.blocks[pointed.block]
        lines.append(block.bands[pointed.band].text_at(pointed, block.title if block.colour else ""))
        return "\n".join(line for line in lines if line)

    def _choose(self, point: QPointF) -> None:
        """Choose the image under the pointer and open it large in every run; close it where it is open."""
        pointed = hit_in(self.view, point)
        if self.is_open or pointed is None:
            self.leave()
            return
        self.choose(pointed.image)
        if self.picture is not None:
            self.is_open = self.picture.large_side(self.view.paper) < LARGE
            self._show_picture()

    def leave(self) -> bool:
        was_open, self.is_open = self.is_open, False
        if was_open and self.picture is not None:
            self.redraw()
        return was_open


def opened(figure: ComparisonFigure) -> ComparisonFigure:
    """Return the chosen image large: of few runs every band, of more only what goes in and what comes out."""
    chosen, scale, blocks = figure.chosen, figure.scale, []
    crowded = sum(len(block.bands) for block in figure.blocks) > MOST_LARGE
    for block in figure.blocks:
        note = block.captions[chosen] if chosen < len(block.captions) else ""
        bands = tuple(band for band in block.bands if not (crowded and band.label == "difference"))
        scale = scale if bands == block.bands else None
        blocks.append(replace(block, bands=bands, note=note, captions=()))
    description = f"image {chosen + 1}, large; {figure.description}"
    return replace(figure, blocks=tuple(blocks), scale=scale, open=True, large=None, description=description)


def _figures_of(output: RunOutput, image: int) -> list[str]:
    """Return a line with a run's figures for one image."""
    if image >= output.count:
        return []
    if output.is_comparable:
        psnr = formatting.decibels(float(output.psnr[image]))
        return [f"{output.name}: mse {formatting.mse(float(output.mse[image]))}, psnr {psnr} dB"]
    if output.logits is not None:
        return [f"{output.name}: {output.likeliest(image)}"]
    return []


def mean_text(errors: np.ndarray) -> str:
    """Format the mean error of the images shown; '' if there are none."""
    return f"mse {formatting.mse(float(np.mean(errors)))} of these {len(errors)}" if len(errors) else ""


def scale_of(theme: Theme, reach: float) -> Scale:
    far = f"{reach:.2f}" if reach < formatting.LARGE else formatting.large(reach)
    return Scale(theme, f"−{far}", f"+{far}", colours.diverging(theme.neutral), "output − target")


def signed_row(theme: Theme, values: np.ndarray, reach: float) -> ImageRow:
    """Return differences (N, H, W) on a scale of both signs."""
    colour = partial(colours.apply_table, low=-reach, high=reach, table=colours.diverging(theme.neutral))
    return ImageRow.of("difference", values, colour)
