"""What the panels share that show what several runs make of the same images: asking, choosing, hovering, paging."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QWidget

from viewer.figures.comparison import ComparisonFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.figures.theme import Theme
from viewer.qt.panels.images import ImagePanel
from viewer.qt.requester import Query, Round
from viewer.qt.tools import Tools
from viewer.qt.widgets.page_bar import PageBar
from viewer.state import formatting, outcomes
from viewer.state.outcomes import Outcome
from viewer.state.selection import State


class Layer(NamedTuple):
    """The values behind the images of a band, (N, C, H, W) or (N, H, W): what the pointer reads."""

    label: str
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure, and what is behind its images: `layers[block][band]`, of a mosaic `layers[0][row]`."""

    figure: ComparisonFigure | MosaicFigure
    layers: tuple[tuple[Layer, ...], ...]
    titles: tuple[str, ...] = ()  # of the blocks


class Pointed(NamedTuple):
    """The image and the pixel under the pointer."""

    block: int
    band: int
    image: int
    y: int
    x: int


class ComparedPanel(ImagePanel):
    """Asks the graphs of its runs for what they make of the images shown, and shows all of it in one figure.

    A subclass says which runs (`runs`) and makes the picture (`picture_of`).
    """

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.requester = self.new_requester()
        self.requester.answered.connect(self._take)
        self.bar = PageBar(tools)
        self.body.insertWidget(0, self.bar)
        self.view.hovered.connect(self._hover)
        self.outcomes: tuple[Outcome, ...] = ()
        self.picture: Picture | None = None
        self._subject: tuple[object, ...] = ()
        self._shown: tuple[object, ...] = ()  # the subject of the outcomes

    # ---- for subclasses ----

    def runs(self, state: State) -> tuple[Path, ...]:
        """The runs whose outcomes are shown, in order."""
        raise NotImplementedError

    def picture_of(self, theme: Theme, state: State) -> Picture | str:
        """The picture of `self.outcomes`, or the sentence that stands in its place."""
        raise NotImplementedError

    def pointed_words(self, pointed: Pointed, state: State) -> list[str]:
        """What is told of the image under the pointer, besides which image it is and the value there."""
        return [line for outcome in self.outcomes for line in _figures_of(outcome, pointed.image)]

    def place_words(self, image: int, state: State) -> str:
        """Which image it is."""
        return outcomes.image_title(state, image)

    def choose(self, image: int) -> None:
        """Choose an image of those shown."""
        self.store.set_sample(image)

    # ---- asking ----

    def show_state(self, before: State, after: State) -> None:
        self.bar.show_state(after)
        subject = self._subject_of(after)
        if subject != self._subject:
            self._subject = subject
            self._ask(after)
        elif before.splits is not after.splits:
            self.redraw()
        elif before.sample != after.sample:
            self._choose_in_picture(after.sample)

    def _subject_of(self, state: State) -> tuple[object, ...]:
        parts: list[object] = [state.page]
        for path in self.runs(state):
            known, entry = state.of(path), state.entry_of(path)
            parts += [path, entry, state.file_of(path), state.samples_of(path), known.history, known.error]
        return tuple(parts)

    def _ask(self, state: State) -> None:
        queries: dict[Hashable, Query] = {}
        for path in self.runs(state):
            output, file, samples = outcomes.wanted(state, path), state.file_of(path), state.samples_of(path)
            if output and file is not None and samples is not None:
                queries[path] = Query(file, samples.inputs, (output,))
        if queries:
            self.requester.send(queries, self._subject, low_priority=self.low_priority)
        else:
            self.requester.forget()
            self._show(state, None)

    def _take(self, done: Round) -> None:
        if done.context == self._subject:
            self._show(self.store.state, done)

    def _show(self, state: State, done: Round | None) -> None:
        names, told = state.names(), []
        for path in self.runs(state):
            reply = done.replies.get(path) if done else None
            values = next(iter(reply.arrays.values()), None) if reply else None
            error = "" if reply is None else reply.error or ("" if values is not None else "no answer came")
            told.append(outcomes.outcome_of(state, names.get(path, ""), path, values, error))
        if told and all(outcome.coming for outcome in told) and self.outcomes:
            return  # what is shown stays until there is something else
        self.outcomes, self._shown = tuple(told), self._subject
        self.redraw()

    # ---- showing ----

    def redraw(self) -> None:
        state = self.store.state
        self.subtitle.setText(outcomes.page_title(state))
        shown = self.picture_of(self.theme, state)
        if isinstance(shown, str):
            self.picture = None
            self.view.show_sentence(shown)
            return
        self.picture = shown
        self.view.show_figure(shown.figure, shown.figure.description)

    def _choose_in_picture(self, chosen: int) -> None:
        """Mark another image: of a comparison all the pictures stay what they are."""
        if self.picture is None or not isinstance(self.picture.figure, ComparisonFigure):
            self.redraw()
            return
        figure = replace(self.picture.figure, chosen=chosen)
        self.picture = replace(self.picture, figure=figure)
        self.view.show_figure(figure, figure.description)

    def _pointed(self, point: QPointF) -> Pointed | None:
        if self.picture is None:
            return None
        figure, metrics = self.picture.figure, QFontMetricsF(self.view.font())
        inside, ratio = self.view.inside, self.view.devicePixelRatioF()
        if isinstance(figure, MosaicFigure):
            seen = figure.spot(point, inside, ratio, metrics)
            return Pointed(0, seen.row, seen.image, seen.y, seen.x) if seen else None
        spot = figure.spot(point, inside, ratio, metrics)
        return Pointed(*spot.hit, spot.row, spot.column) if spot else None

    def _hover(self, point: QPointF | None) -> None:
        pointed = self._pointed(point) if point is not None and self._shown == self._subject else None
        self.view.show_hint(self.hint_at(pointed) if pointed else "", point or QPointF())

    def hint_at(self, pointed: Pointed) -> str:
        """What the pointer tells: which image, the figures of all runs on it, and the value of the pixel."""
        assert self.picture is not None
        state = self.store.state
        lines = [self.place_words(pointed.image, state), *self.pointed_words(pointed, state)]
        layers = self.picture.layers
        if pointed.block < len(layers) and pointed.band < len(layers[pointed.block]):
            title = self.picture.titles[pointed.block] if pointed.block < len(self.picture.titles) else ""
            lines.append(value_words(layers[pointed.block][pointed.band], pointed, title))
        return "\n".join(line for line in lines if line)

    def _choose(self, point: QPointF) -> None:
        pointed = self._pointed(point)
        if pointed is not None:
            self.choose(pointed.image)


def _figures_of(outcome: Outcome, image: int) -> list[str]:
    """A run's figures on an image, in a line."""
    if image >= outcome.count:
        return []
    if outcome.outputs is not None:
        psnr = formatting.decibels(float(outcome.psnr[image]))
        return [f"{outcome.name}: mse {formatting.mse(float(outcome.mse[image]))}, psnr {psnr} dB"]
    if outcome.logits is not None:
        best = np.argsort(-outcome.likely[image])[:3]
        told = (f"{outcome.class_name(int(place))} {100 * outcome.likely[image, place]:.1f} %" for place in best)
        return [f"{outcome.name}: {', '.join(told)}"]
    return []


def value_words(layer: Layer, pointed: Pointed, title: str) -> str:
    """Write the value of a pixel: of a colour image its three."""
    values = layer.values
    if pointed.image >= len(values):
        return ""
    pixel = values[pointed.image][..., pointed.y, pointed.x] if _holds(values, pointed) else None
    if pixel is None:
        return ""
    numbers = " ".join(f"{float(value):.3f}" for value in np.atleast_1d(pixel))
    of = f" of {title}" if title else ""
    return f"{layer.label}{of} at x {pointed.x}, y {pointed.y}: {numbers}"


def _holds(values: np.ndarray, pointed: Pointed) -> bool:
    return values.ndim >= 3 and pointed.y < values.shape[-2] and pointed.x < values.shape[-1]


def mean_words(values: Sequence[float] | np.ndarray, label: str) -> str:
    """Write a mean over the images shown, '' of none."""
    return f"{label} {formatting.mse(float(np.mean(values)))}" if len(values) else ""
