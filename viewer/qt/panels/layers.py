"""Layers: the feature maps of the chosen image at any node of the current graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QSpinBox, QWidget

from viewer.figures import feature_maps as figures
from viewer.figures.arrange import Parts
from viewer.figures.feature_maps import ColouredMaps
from viewer.figures.image_grid import GridPixel
from viewer.qt.disk import JobResult
from viewer.qt.panels.images import ImagePanel
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Command, Numbers
from viewer.state import formatting, layers, numbers
from viewer.state.files import FileBytes
from viewer.state.layers import GraphLayer
from viewer.state.run_outputs import not_finite
from viewer.state.samples import Samples
from viewer.state.selection import State

HINTS = (
    ("Node of the graph", "The node whose feature maps are shown; ↑ ↓ in the picture go through the nodes"),
    ("Feature map shown large", "The map that is enlarged; ← → in the picture go through the maps"),
    ("Input sample", "The image that is given to the network"),
    ("Separate contrast for each map", "Colour each map from its own smallest to its own largest value"),
)
AT_ONCE = 300_000  # values that are measured and coloured in a few milliseconds; more go to a thread


@dataclass(frozen=True, eq=False)
class MapRequest:
    """The file, the image and the layer whose maps are requested."""

    file: FileBytes
    samples: Samples
    sample: int
    layer: GraphLayer

    @property
    def image(self) -> np.ndarray:
        """What goes in, float32 (C, H, W)."""
        image: np.ndarray = self.samples.inputs[self.sample]
        return image


class LayersPanel(ImagePanel):
    """A list of the graph's nodes in its order, all maps of the chosen one, one map large beside the image.

    Up and down go through the nodes, left and right through the maps.
    """

    name = "layers"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.lister, self.requester = self.new_requester("list"), self.new_requester()
        self.lister.answered.connect(self._take_list)
        self.requester.answered.connect(self._take)
        self._inputs: tuple[FileBytes, Samples, int] | None = None  # and which of the samples
        self._listed: FileBytes | None = None  # whose layers are listed
        self._layers: tuple[GraphLayer, ...] = ()
        self._left_out = 0  # nodes that are not listed
        self._wanted = ""  # the tensor chosen last: the next graph may have it too
        self._shown: tuple[MapRequest, ColouredMaps] | None = None
        self.layer_box, self.sample_box, self.map_box = QComboBox(), QComboBox(), QSpinBox()
        self.own_box = QCheckBox("own contrast")
        self.view.show_sentence("The feature maps inside the network appear here.")
        self._build()
        self._connect()
        self._enable()

    def _build(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        node, number, sample = QLabel("node"), QLabel("map"), QLabel("sample")
        controls: tuple[QWidget, ...] = (self.layer_box, self.map_box, self.sample_box, self.own_box)
        for control, (name, tip) in zip(controls, HINTS, strict=True):
            for named in (control, *control.findChildren(QLineEdit)):  # a spin box's line takes the focus too
                named.setAccessibleName(name)
            control.setToolTip(tip)
            control.setFont(self.view.font())
        self.layer_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.layer_box.setMinimumContentsLength(16)
        self.layer_box.setMaxVisibleItems(24)
        digit = self.map_box.fontMetrics().horizontalAdvance("0")
        self.map_box.setFixedWidth(4 * digit + 30)
        self.sample_box.setFixedWidth(2 * digit + 34)
        for label, buddy in ((node, self.layer_box), (number, self.map_box), (sample, self.sample_box)):
            label.setFont(self.view.font())
            label.setBuddy(buddy)
        first.addWidget(node)
        first.addWidget(self.layer_box, 1)
        for widget in (number, self.map_box, sample, self.sample_box, self.own_box):
            second.addWidget(widget)
        second.addStretch(1)
        self.body.insertLayout(0, first)
        self.body.insertLayout(1, second)

    def _connect(self) -> None:
        self.layer_box.activated.connect(self._choose_layer)
        self.map_box.valueChanged.connect(self.redraw)
        self.sample_box.activated.connect(self.store.set_sample)
        self.own_box.toggled.connect(self._recolour)
        self.view.row_step.connect(self._step_layer)
        self.view.hovered.connect(self._hover)

    # ---- what is shown ----

    def show_state(self, before: State, after: State) -> None:
        file, samples, graph = after.graph_file, after.samples, after.current_known.graph
        if not (file and samples and graph and graph.image_shape == samples.inputs.shape[1:]):
            self._inputs, self._shown = None, None
            self.requester.forget()
            self._enable()
            self.show_why_no_output(after, "layers")
            return
        sample = min(after.sample, len(samples.inputs) - 1)
        if self._inputs == (file, samples, sample):
            return
        self._inputs = (file, samples, sample)
        self._set_samples(len(samples.inputs), sample)
        if self._listed is not file:
            self._list(file)
        else:
            self._request()

    def _set_samples(self, count: int, sample: int) -> None:
        if self.sample_box.count() != count:
            self.sample_box.clear()
            self.sample_box.addItems([str(index + 1) for index in range(count)])
        self.sample_box.setCurrentIndex(sample)

    # ---- the list ----

    def _list(self, file: FileBytes) -> None:
        """Request the list of a graph's layers."""
        self._layers, self._shown, self._listed = (), None, file
        self.requester.forget()
        self._enable()
        self.lister.send({"list": Query(file, kind="layers")}, file)

    def _take_list(self, done: QueryBatch) -> None:
        if done.context is not self._listed:
            return
        (reply,) = done.replies.values()
        if reply.error:
            self._say(formatting.sentence(reply.error))
            return
        self._layers = layers.from_header(reply.facts)  # checked when the answer came
        self._left_out = numbers.count_or_zero(reply.facts.get("left_out"))
        self.layer_box.clear()
        self.layer_box.addItems([layer.line(index + 1) for index, layer in enumerate(self._layers)])
        if not self._layers:
            label = reply.request.file.label
            self._say(f"{label} has no feature maps: none of its nodes outputs channels with rows and columns.")
            return
        self.layer_box.setCurrentIndex(self._first())
        self._enable()
        self._request()

    def _first(self) -> int:
        """The layer to begin with: the one chosen last, or else the first convolution."""
        names = [layer.tensor for layer in self._layers]
        if self._wanted in names:
            return names.index(self._wanted)
        return next((index for index, layer in enumerate(self._layers) if layer.is_convolution), 0)

    def _choose_layer(self, index: int) -> None:
        if 0 <= index < len(self._layers):
            self.layer_box.setCurrentIndex(index)
            self._wanted = self._layers[index].tensor
            self._request()

    def _step_layer(self, step: int) -> None:
        if self._layers:
            self._choose_layer(max(0, min(len(self._layers) - 1, self.layer_box.currentIndex() + step)))

    # ---- the maps ----

    def _request(self) -> None:
        index = self.layer_box.currentIndex()
        if self._inputs is None or not 0 <= index < len(self._layers):
            return
        file, samples, sample = self._inputs
        layer = self._layers[index]
        query = Query(file, samples.inputs[sample, None], (layer.tensor,), inner=True)
        self.requester.send({"maps": query}, MapRequest(file, samples, sample, layer), low_priority=self.low_priority)

    def _take(self, done: QueryBatch) -> None:
        wanted = done.context
        if not isinstance(wanted, MapRequest) or not self._is_of_now(wanted):
            return
        (reply,) = done.replies.values()
        values = next(iter(reply.arrays.values()), None)
        error = formatting.sentence(reply.error) or _unusable(values)
        if error or values is None:
            self._shown = None
            self._say(error)
            return
        job = partial(figures.prepare, values[0], own=self.own_box.isChecked())
        if values.size > AT_ONCE:
            self.tools.disk.do("feature maps", job, partial(self._take_coloured, wanted))
        else:
            self._take_coloured(wanted, JobResult(job()))

    def _is_of_now(self, wanted: MapRequest) -> bool:
        return self._inputs == (wanted.file, wanted.samples, wanted.sample)

    def _take_coloured(self, wanted: MapRequest, done: JobResult) -> None:
        if not self._is_of_now(wanted):
            return
        if not isinstance(done.result, ColouredMaps):
            self._shown = None
            self._say(formatting.sentence(done.error))
            return
        self._shown = (wanted, done.result)
        self._enable()
        self.redraw()

    def _recolour(self) -> None:
        if self._shown is None:
            return
        wanted, shown = self._shown
        job = partial(figures.recolour, shown.maps, own=self.own_box.isChecked())
        if shown.maps.values.size > AT_ONCE:
            self.tools.disk.do("feature maps", job, partial(self._take_coloured, wanted))
        else:
            self._take_coloured(wanted, JobResult(job()))

    # ---- painting ----

    def _say(self, sentence: str) -> None:
        self.subtitle.setText("")
        self._enable()
        self.view.show_sentence(sentence)

    def _enable(self) -> None:
        self.layer_box.setEnabled(bool(self._layers) and self._inputs is not None)
        if self._shown is not None:
            self.map_box.blockSignals(True)
            self.map_box.setRange(1, self._shown[1].maps.count)
            self.map_box.blockSignals(False)
        for widget in (self.map_box, self.own_box):
            widget.setEnabled(self._shown is not None)
        self.sample_box.setEnabled(self._inputs is not None and self.sample_box.count() > 1)

    def redraw(self) -> None:
        if self._shown is None:
            return
        wanted, shown = self._shown
        summary = figures.summary(shown.maps)
        parts = figures.parts_of(self.theme, shown, wanted.image, self._map, name=f"sample {wanted.sample + 1}")
        self.subtitle.setText(f"{summary} · {self._left_out:,} more nodes" if self._left_out else summary)
        figure = Parts(parts, figures.arrange, f"{wanted.layer.title}: {summary}")
        self.view.show_figure(figure, figure.description)

    @property
    def _map(self) -> int:
        """The map shown large."""
        return self.map_box.value() - 1

    # ---- pointing ----

    def _at(self, point: QPointF) -> tuple[str, GridPixel] | None:
        figure = self.view.figure
        if not isinstance(figure, Parts) or self._shown is None:
            return None
        found = figure.hit(point, self.view.paper)
        return (found[0], found[2]) if found and isinstance(found[2], GridPixel) and found[2].row >= 0 else None

    def _choose(self, point: QPointF) -> None:
        found = self._at(point)
        if found and found[0] == "maps":
            self.map_box.setValue(found[1].picture + 1)

    def _step(self, step: int) -> None:
        if self._shown is not None:
            self.map_box.setValue(max(1, min(self._shown[1].maps.count, self.map_box.value() + step)))

    def _hover(self, point: QPointF | None) -> None:
        found = self._at(point) if point is not None else None
        self.view.show_hint(self._hint_text(*found) if found else "", point if point is not None else QPointF())

    def _hint_text(self, part: str, spot: GridPixel) -> str:
        """Describe what lies under the pointer."""
        assert self._shown is not None
        wanted, shown = self._shown
        index = spot.picture if part == "maps" else self._map
        row, column = (index * (shown.stride if part == "maps" else 1) for index in (spot.row, spot.column))
        where = f"row {row + 1}, column {column + 1}"
        if part == "input":
            return f"{where}: " + ", ".join(
                formatting.number(float(value), 3) for value in wanted.image[:, row, column]
            )
        value = formatting.number(float(shown.maps.values[index, row, column]), 3)
        return f"map {index + 1}, {where}: {value}\n{figures.figures_of(shown.maps, index)}"

    # ---- for the window ----

    def commands(self) -> tuple[Command, ...]:
        return (
            Command("Next node", lambda: self._step_layer(1)),
            Command("Previous node", lambda: self._step_layer(-1)),
            Command("Separate contrast for each map", self.own_box.toggle),
        )

    def numbers(self) -> Numbers:
        """Return the figures of every map of the node shown."""
        if self._shown is None:
            return []
        wanted, shown = self._shown
        maps, node = shown.maps, wanted.layer.title
        rows = zip(maps.lows, maps.highs, maps.means, maps.zeros, strict=True)
        table: Numbers = [("node", "map", "min", "max", "mean", "share of zeros")]
        return table + [(node, index + 1, *map(float, row)) for index, row in enumerate(rows)]


def _unusable(values: np.ndarray | None) -> str:
    """Return the sentence for maps that cannot be shown, '' for those that can."""
    if values is None or values.ndim != 4 or not values.size:
        return "This node's maps are empty."
    return "" if np.isfinite(values).any() else not_finite(values)  # some are shown, with gaps
