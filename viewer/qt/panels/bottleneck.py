"""Bottleneck: the encoder's values as pictures; a unit can be changed to see what the decoder makes of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QBoxLayout, QWidget

from viewer.figures import bottleneck as figures
from viewer.figures.arrange import Parts
from viewer.figures.bottleneck import Tilings
from viewer.figures.theme import Theme
from viewer.figures.tiles import Pointed
from viewer.qt.disk import JobResult
from viewer.qt.panels.bottleneck_picture import OF_DECODER, BottleneckPicture, Decoding, UnitDecoding
from viewer.qt.panels.request_panel import Queries, Replies, RequestPanel, hit_in, panel_inputs
from viewer.qt.requester import Query
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.panel import Command, Numbers
from viewer.qt.widgets.unit_row import UnitRow
from viewer.state import formatting, tiles, why
from viewer.state.encoder_decoders import EncoderDecoder, unit_decoder
from viewer.state.selection import State
from viewer.state.units import UnitEdits

VIEWS = ("grid", "maps", "bars")
AT_ONCE = 400_000  # values that are coloured in a few milliseconds; more go to a thread

Found = dict[Path, tuple[np.ndarray, tuple[int, int] | None]]  # bottlenecks (N, …), and the card's view of them


class Bottleneck(RequestPanel):
    """Every sample's values as a grid, the chosen sample's enlarged, and the decoder's images.

    Several runs are shown side by side on one scale; units are changed in the current run.
    """

    name = "bottleneck"
    needed = "bottleneck"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.runs: dict[Path, Tilings] = {}
        self._found: Found = {}
        self._sentences: dict[Path, str] = {}
        self.session = UnitEdits()
        self.decoding = UnitDecoding(self.new_requester("decoder"), self.new_requester("sweep"), self)
        self.decoding.changed.connect(self.redraw)
        self._wanted_view = VIEWS[0]
        self.row = UnitRow()
        self.view.show_sentence("The bottleneck of each image appears here.")
        self._build()
        self._connect()
        self._set_choices(0, 0)
        self._show_unit()

    def _build(self) -> None:
        name = "How the chosen sample's values are shown"
        self.view_box = controls.combo(name, name, VIEWS, widest="maps")
        self.sample_box = controls.combo("Sample shown large", "", widest="00")
        self.map_box = controls.combo("Feature map shown large", "", chosen=self.redraw, widest="000")
        self.map_label = controls.label("map", self.map_box)
        view, sample = controls.label("as", self.view_box), controls.label("sample", self.sample_box)
        boxes = (view, self.view_box, sample, self.sample_box, self.map_label, self.map_box)
        self.head = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self.head.addLayout(controls.row(*boxes, None, spacing=6))
        self.head.addWidget(self.row)
        self.body.insertLayout(0, self.head)

    def _connect(self) -> None:
        self.view_box.textActivated.connect(self._show_as)
        self.sample_box.activated.connect(self.store.set_sample)
        self.view.row_step.connect(self._step_unit)
        self.row.chosen.connect(self._choose_unit)
        self.row.set_to.connect(self._set_unit)
        self.row.zeroed.connect(lambda: self._set_unit(0.0))
        self.row.map_zeroed.connect(lambda: self._zero_map(self._map))
        self.row.swept.connect(self._sweep)
        self.row.reset.connect(self._reset)

    # ---- what is shown ----

    @property
    def mine(self) -> Tilings | None:
        """The current run's bottlenecks."""
        path = self.store.state.current
        return self.runs.get(path) if path is not None else None

    @property
    def _map(self) -> int:
        return max(0, self.map_box.currentIndex())

    @property
    def _view_name(self) -> str:
        """How the values are shown; a dense bottleneck has no maps."""
        mapless = self.mine is None or not self.mine.maps
        return "grid" if self._wanted_view == "maps" and mapless else self._wanted_view

    def inputs(self, state: State) -> tuple[object, ...]:
        return panel_inputs(state)

    def details(self, state: State) -> tuple[object, ...]:
        known = state.current_known
        return state.sample, state.file_of(state.current, "decoder"), known.decoder, known.decoder_error

    def details_changed(self) -> None:
        self._decode()

    def begin(self, state: State) -> None:
        self.session = self.session.of((state.current, state.current_known.graph_sha256))
        self.row.set_sweeping(self.session.sweeping)
        self.runs, self._found = {}, {}
        self.decoding.forget()

    # ---- the bottlenecks ----

    def request_of(self, state: State) -> tuple[Queries, object]:
        queries: Queries = {}
        self._sentences = {}
        for path in state.compared:
            file, samples, graph = state.file_of(path), state.samples_of(path), state.known_of(path).graph
            if file and samples and graph and graph.image_shape == samples.inputs.shape[1:] and graph.bottleneck:
                queries[path] = Query(file, samples.inputs, (graph.bottleneck,))
            elif reason := why.no_output(state, path, "bottleneck"):
                self._sentences[path] = reason
        return queries, None

    def show_nothing(self, state: State) -> None:
        if self._sentences:
            self._set_choices(0, 0)
            self.redraw()

    def take(self, replies: Replies, context: object) -> None:
        found: Found = {}
        for path, reply in replies.items():
            values = next(iter(reply.arrays.values()), None)
            error = formatting.sentence(reply.error) or why.no_bottleneck(values)
            if error or values is None:
                self._sentences[path] = error
                continue
            graph = self.store.state.known_of(path).graph
            found[path] = (values, graph.view if graph else None)
        self._tile(found)

    def _tile(self, found: Found) -> None:
        self._found = found
        job = partial(figures.tilings_of, list(found.values()), self.theme.colour_map)
        few = sum(values.size for values, _ in found.values()) <= AT_ONCE
        self.compute("bottleneck pictures", job, partial(self._take_tilings, self._inputs, tuple(found)), now=few)

    def _take_tilings(self, inputs: object, paths: tuple[Path, ...], done: JobResult) -> None:
        if inputs is not self._inputs:
            return
        if done.error:
            self._sentences |= dict.fromkeys(paths, formatting.sentence(done.error))
        self.runs = dict(zip(paths, done.result or (), strict=False))
        mine = self.mine
        self._set_choices(len(mine.values) if mine else 0, mine.maps if mine else 0)
        self.session = self.session.fitting(mine.count) if mine else UnitEdits(self.session.owner)
        self._decode()

    def _set_choices(self, samples: int, maps: int) -> None:
        controls.set_numbers(self.sample_box, samples)
        controls.set_numbers(self.map_box, min(maps, figures.MOST_MAPS))
        for widget in (self.map_box, self.map_label):
            widget.setVisible(maps > 0)
        model = self.view_box.model()
        if isinstance(model, QStandardItemModel):
            model.item(VIEWS.index("maps")).setEnabled(maps > 0)

    # ---- units ----

    def _choose_unit(self, unit: int) -> None:
        """Choose a unit to be changed; −1 for none."""
        mine = self.mine
        if mine is None:
            return
        self.session = self.session.choosing(unit, mine.count)
        if self.session.unit is not None and mine.maps:
            self.map_box.setCurrentIndex(tiles.position_in_map(mine.shape, self.session.unit)[0])
        self.decoding.forget_sweep()
        self.row.set_sweeping(self.session.sweeping)
        self._decode()

    def _step_unit(self, step: int) -> None:
        self._choose_unit((-1 if self.session.unit is None else self.session.unit) + step)

    def _set_unit(self, value: float) -> None:
        self._change(self.session.setting(value))

    def _zero_map(self, index: int) -> None:
        mine = self.mine
        if mine is not None and index < mine.maps:
            self._change(self.session.zeroing_map(mine.shape, index))

    def _reset(self) -> None:
        self._change(self.session.without_edits())

    def _change(self, session: UnitEdits) -> None:
        if self.mine is not None and isinstance(unit_decoder(self.store.state, self.mine.shape), EncoderDecoder):
            self.session = session
            self._decode()

    def _sweep(self, on: bool) -> None:
        self.row.set_sweeping(on)
        self.session = UnitEdits(self.session.owner, self.session.unit, self.session.edits, on)
        self.decoding.forget_sweep()
        self._decode()

    def _decode(self) -> None:
        """Decode the chosen sample with the present changes, and show what is known until then."""
        mine, state = self.mine, self.store.state
        if mine is not None:
            decoding = Decoding(mine, min(state.sample, len(mine.values) - 1), self.session)
            self.decoding.want(state, decoding, low_priority=self.low_priority)
        self.redraw()

    # ---- painting ----

    def set_theme(self, theme: Theme) -> None:
        other = theme.colour_map != self.theme.colour_map
        super().set_theme(theme)
        if other and self._found:
            self._tile(self._found)

    @property
    def _picture(self) -> BottleneckPicture:
        args = (self.theme, self.store.state, self.runs, self._sentences, self.session, self.decoding)
        return BottleneckPicture(*args, self._view_name, self._map)

    def redraw(self) -> None:
        state, mine, picture = self.store.state, self.mine, self._picture
        self._show_unit()
        if not self.runs and not self._sentences:
            return  # nothing has arrived yet
        if not picture.comparing and mine is None:
            self.view.show_sentence(self._sentences.get(state.current, "") if state.current else "")
            return
        self.view_box.setCurrentText(self._view_name)
        if picture.chosen is not None:
            self.sample_box.setCurrentIndex(picture.chosen.sample)
        self.subtitle.setText(picture.summary)
        figure = Parts(picture.parts(), figures.arrange, picture.description)
        self.view.show_figure(figure, figure.description)

    def _show_unit(self) -> None:
        mine, state = self.mine, self.store.state
        if mine is None:
            self.row.show_unit(0, None, 0.0, (0.0, 1.0))
            self.row.allow(choosing=False, changing=False, maps=False, back=False)
            return
        sample = mine.values[min(state.sample, len(mine.values) - 1)]
        self.row.show_unit(mine.count, self.session.unit, self.session.value(sample), self.session.range(mine.values))
        can = isinstance(unit_decoder(state, mine.shape), EncoderDecoder)
        self.row.allow(choosing=True, changing=can, maps=mine.maps > 0, back=bool(self.session.edits.values))

    # ---- pointing ----

    def _at(self, point: QPointF) -> tuple[str, object] | None:
        found = hit_in(self.view, point) if self.runs else None
        return (found[0], found[2]) if found else None

    def _choose(self, point: QPointF) -> None:
        found, picture = self._at(point), self._picture
        if found is None or found[0] in OF_DECODER:
            return
        part, spot = found
        if part.startswith("row") and isinstance(spot, Pointed):
            self.store.set_sample(spot.image)
        elif picture.run_of(part)[0] == self.store.state.current:
            unit = picture.unit_at(part, spot)
            if unit is not None:
                self._choose_unit(unit)

    def hint_at(self, point: QPointF) -> str:
        found = self._at(point)
        return self._picture.hint(*found) if found else ""

    # ---- for the window ----

    def commands(self) -> tuple[Command, ...]:
        shown = tuple(Command(f"Show values as {name}", partial(self._show_as, name)) for name in VIEWS)
        return (
            *shown,
            Command("Set the chosen unit to zero", lambda: self._set_unit(0.0)),
            Command("Sweep the chosen unit", self.row.sweep_button.toggle),
            Command("Set the chosen map to zero", lambda: self._zero_map(self._map)),
            Command("Undo all changes", self._reset),
        )

    def _show_as(self, name: str) -> None:
        self._wanted_view = name
        self.redraw()

    def numbers(self) -> Numbers:
        """Every unit of every run with its value for each image, and the value it was set to in the current run."""
        names, most = self.store.state.names(), max((len(run.values) for run in self.runs.values()), default=0)
        if not most:
            return []
        images = tuple(f"sample {index + 1}" for index in range(most))
        rows: Numbers = [("run", "unit", "map", "row", "column", *images, "set to")]
        for path, run in self.runs.items():
            edits = self.session.edits.values if path == self.store.state.current else {}
            for unit, values in enumerate(run.values.reshape(len(run.values), -1).T.tolist()):
                position = [n + 1 for n in tiles.position_in_map(run.shape, unit)] if run.maps else ["", "", ""]
                rows.append((names[path], unit + 1, *position, *values, edits.get(unit, "")))
        return rows
