"""Layers: the feature maps of the chosen image at any node of the current graph."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QWidget

from viewer.figures import feature_maps as figures
from viewer.figures.arrange import Parts
from viewer.figures.feature_maps import ColouredMaps
from viewer.figures.image_grid import GridPixel
from viewer.figures.theme import Theme
from viewer.qt.application import make_small
from viewer.qt.disk import JobResult
from viewer.qt.panels.request_panel import Queries, Replies, RequestPanel, hit_in
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.controls import ElidedLabel
from viewer.qt.widgets.node_chain import ChainItem, NodeChain
from viewer.qt.widgets.panel import Command, Numbers
from viewer.state import formatting, layers, numbers, summary, why
from viewer.state.files import FileBytes
from viewer.state.layers import GraphLayer
from viewer.state.samples import Samples
from viewer.state.selection import State
from viewer.state.summary import GraphNode

AT_ONCE = 300_000  # values that are measured and coloured in a few milliseconds; more go to a thread


class LayerInput(NamedTuple):
    """A graph, and the image that goes in."""

    file: FileBytes
    samples: Samples
    sample: int

    @property
    def image(self) -> np.ndarray:
        """What goes in, float32 (C, H, W)."""
        image: np.ndarray = self.samples.inputs[self.sample]
        return image


@dataclass(frozen=True, eq=False)
class MapRequest:
    """The input, and the layer whose maps are requested."""

    given: LayerInput
    layer: GraphLayer


class LayersPanel(RequestPanel):
    """A list of the graph's nodes in its order, all maps of the chosen one, one map large beside the image.

    Up and down go through the nodes, left and right through the maps.
    """

    name = "layers"
    needed = "layers"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.lister = self.new_requester("list")
        self.lister.answered.connect(self._take_list)
        self._listed: FileBytes | None = None  # whose layers are listed
        self._layers: tuple[GraphLayer, ...] = ()
        self._nodes: dict[str, GraphNode] = {}  # by the tensor that they make
        self._index = 0  # of the layer chosen
        self._left_out = 0  # nodes that are not listed
        self._wanted = ""  # the tensor chosen last: the next graph may have it too
        self._shown: tuple[MapRequest, ColouredMaps] | None = None
        self.view.show_sentence("The feature maps inside the network appear here.")
        self.view.row_step.connect(self._step_layer)
        self._build()
        self._enable()

    def _build(self) -> None:
        self.chain = NodeChain()
        self.chain.chosen.connect(self._choose_node)
        self.properties = ElidedLabel()  # of the node chosen
        make_small(self.properties)
        self.map_box = controls.spin(
            "Feature map shown large",
            "The map that is enlarged; ← → in the picture go through the maps",
            1,
            1,
            self.redraw,
        )
        self.sample_box = controls.combo("Input sample", "The image that is given to the network", widest="00")
        self.sample_box.activated.connect(self.store.set_sample)
        self.own_box = controls.check(
            "own contrast",
            "Colour each map from its own smallest to its own largest value",
            self._recolour,
            name="Separate contrast for each map",
        )
        number, sample = controls.label("map", self.map_box), controls.label("sample", self.sample_box)
        self.body.insertWidget(0, self.chain)
        self.body.insertWidget(1, self.properties)
        self.body.insertLayout(2, controls.row(number, self.map_box, sample, self.sample_box, self.own_box, None))

    # ---- what is shown ----

    @property
    def _given(self) -> LayerInput | None:
        return self._inputs if isinstance(self._inputs, LayerInput) else None

    def inputs(self, state: State) -> LayerInput | FileBytes | str:
        """Return what goes into the current graph; a graph that is read but not run; or why there is neither."""
        file, samples, known = state.graph_file, state.samples, state.current_known
        if file and samples and known.graph and known.graph.image_shape == samples.inputs.shape[1:]:
            return LayerInput(file, samples, min(state.sample, len(samples.inputs) - 1))
        unrun = known.refused or (known.graph if known.graph and known.graph.image_shape is None else None)
        held = state.files.get((state.current, "model")) if state.current and unrun else None
        if held is not None:
            return held
        return self._why_nothing()

    def begin(self, state: State) -> None:
        given = self._given
        if given is None:
            self._shown = None
            self._enable()
            if isinstance(self._inputs, FileBytes) and self._listed is not self._inputs:
                self._list(self._inputs, runs=False)
            return
        controls.set_numbers(self.sample_box, len(given.samples.inputs))
        self.sample_box.setCurrentIndex(given.sample)
        if self._listed is not given.file:
            self._list(given.file)

    def show_nothing(self, state: State) -> None:
        if self._given is None:
            super().show_nothing(state)

    # ---- the list ----

    def _list(self, file: FileBytes, *, runs: bool = True) -> None:
        """Request the nodes of a graph and, of one that runs, the layers with feature maps among them."""
        self._layers, self._shown, self._listed = (), None, file
        self._enable()
        queries: dict[Hashable, Query] = {"nodes": Query(file, kind="summary")}
        self.lister.send(queries | ({"list": Query(file, kind="layers")} if runs else {}), file)

    def _take_list(self, done: QueryBatch) -> None:
        if done.context is not self._listed:
            return
        reply, nodes = done.replies.get("list"), done.replies["nodes"]
        known = summary.nodes_of(nodes.facts) if not nodes.error else ()
        if reply is None or reply.error:
            self.chain.show_items(chain_items((), known))
            self.chain.setCurrentRow(0)
            self._say(formatting.sentence(reply.error) if reply else self._why_nothing())
            return
        self._layers = layers.from_header(reply.facts)  # checked when the answer came
        self._left_out = numbers.count_or_zero(reply.facts.get("left_out"))
        self._nodes = {node.tensor: node for node in known}
        self.chain.show_items(chain_items(self._layers, known))
        if not self._layers:
            label = reply.request.file.label
            self._say(f"{label} has no feature maps: none of its nodes outputs channels with rows and columns.")
            return
        self._mark(self._first())
        self._enable()
        self.request(low_priority=self.low_priority)

    def _why_nothing(self) -> str:
        state = self.store.state
        return why.no_output(state, state.current, "layers") if state.current else ""

    def _first(self) -> int:
        """The layer to begin with: the one chosen last, or else the first convolution."""
        names = [layer.tensor for layer in self._layers]
        if self._wanted in names:
            return names.index(self._wanted)
        return next((index for index, layer in enumerate(self._layers) if layer.is_convolution), 0)

    def _choose_node(self, item: ChainItem) -> None:
        """Say what a node is, and show its feature maps where it makes any."""
        self.properties.setText(item.tip.replace("\n", " · "))
        if item.layer is not None:
            self._choose_layer(item.layer)
        elif self._given is not None:
            self._shown = None
            self._say(f"{item.title} makes no feature maps: no channels with rows and columns.")

    def _choose_layer(self, index: int) -> None:
        if 0 <= index < len(self._layers):
            self._mark(index)
            self._wanted = self._layers[index].tensor
            self.request(low_priority=self.low_priority)

    def _step_layer(self, step: int) -> None:
        if self._layers:
            self._choose_layer(max(0, min(len(self._layers) - 1, self._index + step)))

    def _mark(self, index: int) -> None:
        """Mark a layer in the chain, and say what its node is."""
        self._index = index
        self.chain.mark(index)
        layer = self._layers[index]
        node = self._nodes.get(layer.tensor)
        self.properties.setText(node.tip.replace("\n", " · ") if node else layer.title)

    # ---- the maps ----

    def request_of(self, state: State) -> tuple[Queries, object]:
        given, index = self._given, self._index
        if given is None or not 0 <= index < len(self._layers):
            return {}, None
        layer = self._layers[index]
        query = Query(given.file, given.image[None], (layer.tensor,), inner=True)
        return {given.file.path: query}, MapRequest(given, layer)

    def take(self, replies: Replies, context: MapRequest) -> None:
        (reply,) = replies.values()
        values = next(iter(reply.arrays.values()), None)
        error = formatting.sentence(reply.error) or why.no_maps(values)
        if error or values is None:
            self._shown = None
            self._say(error)
            return
        job = partial(figures.prepare, values[0], self.theme.colour_map, own=self.own_box.isChecked())
        self._colour(context, job, values.size)

    def _colour(self, wanted: MapRequest, job: partial[ColouredMaps], size: int) -> None:
        self.compute("feature maps", job, partial(self._take_coloured, wanted), now=size <= AT_ONCE)

    def _take_coloured(self, wanted: MapRequest, done: JobResult) -> None:
        if wanted.given is not self._inputs:
            return
        if not isinstance(done.result, ColouredMaps):
            self._shown = None
            self._say(formatting.sentence(done.error))
            return
        self._shown = (wanted, done.result)
        self._enable()
        self.redraw()

    def _recolour(self) -> None:
        if self._shown is not None:
            wanted, shown = self._shown
            job = partial(figures.recolour, shown.maps, self.theme.colour_map, own=self.own_box.isChecked())
            self._colour(wanted, job, shown.maps.values.size)

    # ---- painting ----

    def set_theme(self, theme: Theme) -> None:
        other = theme.colour_map != self.theme.colour_map
        super().set_theme(theme)
        if other:
            self._recolour()

    def _say(self, sentence: str) -> None:
        self.subtitle.setText("")
        self._enable()
        self.view.show_sentence(sentence)

    def _enable(self) -> None:
        self.chain.setEnabled(self.chain.count() > 0 and not isinstance(self._inputs, str))
        if self._shown is not None:
            self.map_box.blockSignals(True)
            self.map_box.setRange(1, self._shown[1].maps.count)
            self.map_box.blockSignals(False)
        for widget in (self.map_box, self.own_box):
            widget.setEnabled(self._shown is not None)
        self.sample_box.setEnabled(self._given is not None and self.sample_box.count() > 1)

    def redraw(self) -> None:
        if self._shown is None:
            return
        wanted, shown = self._shown
        summary, name = figures.summary(shown.maps), f"sample {wanted.given.sample + 1}"
        parts = figures.parts_of(self.theme, shown, wanted.given.image, self._map, name=name)
        self.subtitle.setText(f"{summary} · {self._left_out:,} more nodes" if self._left_out else summary)
        figure = Parts(parts, figures.arrange, f"{wanted.layer.title}: {summary}")
        self.view.show_figure(figure, figure.description)

    @property
    def _map(self) -> int:
        """The map shown large."""
        return self.map_box.value() - 1

    # ---- pointing ----

    def _at(self, point: QPointF) -> tuple[str, GridPixel] | None:
        found = hit_in(self.view, point)
        return (found[0], found[2]) if found and isinstance(found[2], GridPixel) and found[2].row >= 0 else None

    def _choose(self, point: QPointF) -> None:
        found = self._at(point)
        if found and found[0] == "maps":
            self.map_box.setValue(found[1].picture + 1)

    def _step(self, step: int) -> None:
        if self._shown is not None:
            self.map_box.setValue(self.map_box.value() + step)

    def hint_at(self, point: QPointF) -> str:
        found = self._at(point)
        if found is None or self._shown is None:
            return ""
        (part, spot), (wanted, shown) = found, self._shown
        index = spot.picture if part == "maps" else self._map
        row, column = (index * (shown.stride if part == "maps" else 1) for index in (spot.row, spot.column))
        where = f"row {row + 1}, column {column + 1}"
        if part == "input":
            return f"{where}: {formatting.pixel(wanted.given.image[:, row, column])}"
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


def chain_items(listed: Sequence[GraphLayer], nodes: Sequence[GraphNode]) -> list[ChainItem]:
    """Return the nodes of the chain: all of the graph, or where they are not known those with feature maps."""
    shape, index_of = formatting.shape, {layer.tensor: index for index, layer in enumerate(listed)}
    if nodes:
        return [ChainItem(node.operator, shape(node.shape), node.tip, index_of.get(node.tensor)) for node in nodes]
    operators = [formatting.clean(layer.operator, limit=40) for layer in listed]
    alone = enumerate(zip(operators, listed, strict=True))
    return [ChainItem(name, shape(layer.shape or ()), layer.title, at) for at, (name, layer) in alone]
