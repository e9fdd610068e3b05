"""Bottleneck: the encoder's values of every image as a picture, and one sample or one feature map large."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from viewer.figures import colours
from viewer.figures.mosaic import Large, MosaicFigure, Row, Scale
from viewer.figures.theme import Theme
from viewer.qt.asker import Ask, Round
from viewer.qt.panels.images import ImagePanel, not_finite, subject_of
from viewer.qt.tools import Tools
from viewer.state import tiles, words
from viewer.state.selection import State

MAX_MAPS = 1024


class Bottleneck(ImagePanel):
    """The tiling of every sample in a row; below it the chosen sample's, and the chosen feature map."""

    title = "Bottleneck"
    hint = "The values that the encoder squeezes each image into, as a picture."

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.asker = self.new_asker()
        self.asker.answered.connect(self._take)
        self._values: np.ndarray | None = None
        self._shown: tuple[object, ...] = ()
        self.sample_box, self.map_box = QComboBox(), QComboBox()
        self.view.show_sentence("Here come the values that the encoder squeezes each image into.")
        self._build()
        self._set_choices(0, 0)

    def _build(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(6)
        self.map_label = QLabel("map")
        for label, box, name in (
            (QLabel("sample"), self.sample_box, "Sample shown large"),
            (self.map_label, self.map_box, "Feature map shown large"),
        ):
            label.setFont(self.view.font())
            label.setBuddy(box)
            box.setAccessibleName(name)
            box.setFont(self.view.font())
            box.setFixedWidth(box.fontMetrics().horizontalAdvance("0000") + 30)
            row.addWidget(label)
            row.addWidget(box)
            row.addSpacing(10)
        row.addStretch(1)
        self.body.insertLayout(0, row)
        self.sample_box.activated.connect(self.store.set_sample)
        self.map_box.activated.connect(self.redraw)

    def follow(self, before: State, after: State) -> None:
        subject = subject_of(after)
        if subject != self._shown:
            self._shown = subject
            self._values = None
            self._ask(after)
        elif before.sample != after.sample:
            self.redraw()

    def _ask(self, state: State) -> None:
        file, samples, graph = state.graph_file, state.samples, state.now.graph
        if file and samples and graph and graph.image_shape == samples.inputs.shape[1:] and graph.bottleneck:
            self.asker.ask({state.current: Ask(file, samples.inputs, (graph.bottleneck,))})
            return
        self.asker.forget()
        if not self.is_coming(state):
            self._set_choices(0, 0)
            self.view.show_sentence(self.why_nothing(state, needs="bottleneck"))

    def _take(self, done: Round) -> None:
        (answer,) = done.answers.values()
        values = next(iter(answer.arrays.values()), None)
        if answer.trouble or values is None or values.ndim < 2 or not values.size:
            self.view.show_sentence(words.sentence(answer.trouble) or "The graph's bottleneck holds no values.")
            return
        if not np.isfinite(values).any():  # some are shown, with gaps
            self.view.show_sentence(not_finite(values))
            return
        self._values = values
        self._set_choices(len(values), values.shape[1] if values.ndim == 4 else 0)
        self.redraw()

    def _set_choices(self, samples: int, maps: int) -> None:
        for box, count in ((self.sample_box, samples), (self.map_box, min(maps, MAX_MAPS))):
            if box.count() != count:
                box.clear()
                box.addItems([str(index + 1) for index in range(count)])
            box.setEnabled(count > 1)
        for widget in (self.map_box, self.map_label):
            widget.setVisible(maps > 0)

    def redraw(self) -> None:
        state, values = self.store.state, self._values
        if values is None:
            return
        chosen = min(state.sample, len(values) - 1)
        self.sample_box.setCurrentIndex(chosen)
        figure = figure_of(
            self.theme,
            values,
            tiles.grid_of(values.shape[1:], state.now.graph.view if state.now.graph else None),
            chosen=chosen,
            index=max(0, self.map_box.currentIndex()) if values.ndim == 4 else None,
        )
        name = state.now.graph.bottleneck if state.now.graph else "bottleneck"
        size = int(np.prod(values.shape[1:]))
        told = f"{words.shape(values.shape[1:])}, {size} values" if values.ndim > 2 else f"{size} values"
        self.subtitle.setText(told if name == "bottleneck" else f"output {words.clean(name, limit=40)}: {told}")
        self.view.show_figure(figure, figure.description)


def figure_of(theme: Theme, values: np.ndarray, grid: tiles.Grid, *, chosen: int, index: int | None) -> MosaicFigure:
    """Return the figure: every sample's tiling, the chosen one's large, and one feature map if there are maps."""
    low, high = tiles.value_range(values)
    table = colours.sequential()
    pictures = colours.apply(tiles.tile(values, grid), low, high, table)
    rows, columns = grid.shape
    large = [Large(f"sample {chosen + 1}, {rows}×{columns}", pictures[chosen])]
    if index is not None:
        single = tiles.single_map(values, chosen, min(index, values.shape[1] - 1))
        note = "values {} … {}".format(*(words.number(value, 3) for value in tiles.value_range(single)))
        title = f"map {index + 1} of {values.shape[1]}, {words.shape(single.shape)}"
        large.append(Large(title, colours.apply(single, low, high, table), note))
    scale = Scale(words.number(low, 3), words.number(high, 3), table, "value")
    text = f"Bottlenecks of {len(values)} samples as {rows}×{columns}; values from {scale.low} to {scale.high}"
    return MosaicFigure(
        theme=theme, rows=(Row("", pictures),), chosen=chosen, large=tuple(large), scale=scale, description=text
    )
