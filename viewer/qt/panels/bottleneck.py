"""Bottleneck: the encoder's values as pictures; a unit can be changed to see what the decoder makes of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QBoxLayout, QComboBox, QHBoxLayout, QLabel, QWidget

from viewer.figures import bottleneck as figures
from viewer.figures.arrange import Paragraph, Parts, TextLine
from viewer.figures.bottleneck import Chosen, Tilings
from viewer.figures.image_grid import GridPixel
from viewer.figures.paper import Figure
from viewer.figures.scale import ScaleLine
from viewer.qt.disk import JobResult
from viewer.qt.panels.images import ImagePanel, panel_inputs
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.tools import Tools
from viewer.qt.widgets.panel import Command, Numbers
from viewer.qt.widgets.unit_row import UnitRow
from viewer.state import formatting, run_outputs, tiles, units
from viewer.state.run_outputs import not_finite
from viewer.state.selection import State
from viewer.state.units import Edits

VIEWS = ("tiling", "maps", "bars")
_OF_DECODER = ("decoded", "sweep")
MOST_VALUES = 1 << 18  # of one image; more cannot be drawn usefully
AT_ONCE = 400_000  # values that are coloured in a few milliseconds; more go to a thread


@dataclass(frozen=True, eq=False)
class Decoding:
    """A request to the decoder: a sample's values and the changes made to them."""

    of: Tilings
    sample: int
    edits: Edits
    unit: int | None = None
    steps: np.ndarray | None = None  # of a sweep


class Bottleneck(ImagePanel):
    """Every sample's values as a tiling, the chosen sample's enlarged, and the decoder's images.

    Several runs are shown side by side on one scale; units are changed in the current run.
    """

    name = "bottleneck"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.requester, self.decoder = self.new_requester(), self.new_requester("decoder")
        self.sweeper = self.new_requester("sweep")
        self.requester.answered.connect(self._take)
        self.decoder.answered.connect(self._take_decoded)
        self.sweeper.answered.connect(self._take_swept)
        self._shown: tuple[object, ...] = ()
        self._owner: tuple[object, ...] = ()  # the run and the graph that the edits belong to
        self._runs: dict[Path, Tilings] = {}
        self._sentences: dict[Path, str] = {}
        self._unit: int | None = None
        self._edits = Edits()
        self._decoded: tuple[np.ndarray, np.ndarray | None] | None = None
        self._swept: tuple[np.ndarray, np.ndarray] | None = None  # steps and pictures
        self._sweeping: tuple[object, ...] = ()  # the inputs of the last sweep
        self._decoder_sentence = ""
        self._wanted_view = VIEWS[0]
        self.view_box, self.sample_box, self.map_box = QComboBox(), QComboBox(), QComboBox()
        self.row = UnitRow(self.view.font())
        self.view.show_sentence("The bottleneck of each image appears here.")
        self._build()
        self._connect()
        self._set_choices(0, 0)
        self._show_unit()

    def _build(self) -> None:
        self.view_box.addItems(VIEWS)
        row, self.map_label = QHBoxLayout(), QLabel("map")
        row.setSpacing(6)
        for label, box, widest, name in (
            (QLabel("as"), self.view_box, "tiling", "How the chosen sample's values are shown"),
            (QLabel("sample"), self.sample_box, "00", "Sample shown large"),
            (self.map_label, self.map_box, "000", "Feature map shown large"),
        ):
            label.setFont(self.view.font())
            label.setBuddy(box)
            box.setAccessibleName(name)
            box.setToolTip(name)
            box.setFont(self.view.font())
            box.setFixedWidth(box.fontMetrics().horizontalAdvance(widest) + 34)
            row.addWidget(label)
            row.addWidget(box)
            row.addSpacing(4)
        row.addStretch(1)
        self.head = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self.head.addLayout(row)
        self.head.addWidget(self.row)
        self.body.insertLayout(0, self.head)

    def _connect(self) -> None:
        self.view_box.textActivated.connect(self._show_as)
        self.sample_box.activated.connect(self.store.set_sample)
        self.map_box.activated.connect(self.redraw)
        self.view.hovered.connect(self._hover)
        self.view.doubled.connect(self._double)
        self.view.row_step.connect(lambda step: self._choose_unit((-1 if self._unit is None else self._unit) + step))
        self.row.chosen.connect(self._choose_unit)
        self.row.set_to.connect(self._set_unit)
        self.row.zeroed.connect(lambda: self._set_unit(0.0))
        self.row.map_zeroed.connect(lambda: self._zero_map(self._map))
        self.row.swept.connect(self._sweep)
        self.row.reset.connect(self._reset)

    # ---- what is shown ----

    @property
    def _mine(self) -> Tilings | None:
        """The current run's bottlenecks."""
        path = self.store.state.current
        return self._runs.get(path) if path is not None else None

    @property
    def _map(self) -> int:
        return max(0, self.map_box.currentIndex())

    @property
    def _view_name(self) -> str:
        """How the values are shown; a dense bottleneck has no maps."""
        mapless = self._mine is None or not self._mine.maps
        return "tiling" if self._wanted_view == "maps" and mapless else self._wanted_view

    @property
    def _comparing(self) -> bool:
        return len(self.store.state.compared) > 1 and self._view_name == "tiling"

    def _sample(self, mine: Tilings) -> int:
        return min(self.store.state.sample, len(mine.values) - 1)

    def show_state(self, before: State, after: State) -> None:
        inputs = panel_inputs(after)
        if inputs != self._shown:
            self._shown = inputs
            self._begin(after)
        elif before.sample != after.sample or self._decoder_of(before) != self._decoder_of(after):
            self._decode()
            self.redraw()

    @staticmethod
    def _decoder_of(state: State) -> tuple[object, ...]:
        return state.file_of(state.current, "decoder"), state.current_known.decoder, state.current_known.decoder_error

    def _begin(self, state: State) -> None:
        owner = (state.current, state.current_known.graph_sha256)
        if owner != self._owner:
            self._owner, self._edits, self._unit = owner, Edits(), None
            self.row.set_sweeping(False)
        self._runs, self._decoded = {}, None
        self._forget_sweep()
        self.decoder.forget()
        self._request(state)

    def _request(self, state: State) -> None:
        queries: dict[Hashable, Query] = {}
        self._sentences = {}
        for path in state.compared:
            file, samples, graph = state.file_of(path), state.samples_of(path), state.known_of(path).graph
            if file and samples and graph and graph.image_shape == samples.inputs.shape[1:] and graph.bottleneck:
                queries[path] = Query(file, samples.inputs, (graph.bottleneck,))
            elif why := run_outputs.why_no_output(state, path, "bottleneck"):
                self._sentences[path] = why
        if queries:
            self.requester.send(queries, self._shown, low_priority=self.low_priority)
            return
        self.requester.forget()
        if self._sentences:
            self._set_choices(0, 0)
            self.redraw()

    def _take(self, done: QueryBatch) -> None:
        if done.context is not self._shown:
            return
        found: dict[Path, tuple[np.ndarray, tuple[int, int] | None]] = {}
        for path, reply in done.replies.items():
            assert isinstance(path, Path)
            values = next(iter(reply.arrays.values()), None)
            error = formatting.sentence(reply.error) or _unusable(values)
            if error or values is None:
                self._sentences[path] = error
                continue
            graph = self.store.state.known_of(path).graph
            found[path] = (values, graph.view if graph else None)
        if sum(values.size for values, _ in found.values()) > AT_ONCE:
            job = partial(figures.tilings_of, list(found.values()))
            self.tools.disk.do("bottleneck pictures", job, partial(self._take_tilings, self._shown, tuple(found)))
        else:
            made = figures.tilings_of(list(found.values())) if found else ()
            self._take_tilings(self._shown, tuple(found), JobResult(made))

    def _take_tilings(self, inputs: tuple[object, ...], paths: tuple[Path, ...], done: JobResult) -> None:
        if inputs is not self._shown:
            return
        if done.error:
            self._sentences |= dict.fromkeys(paths, formatting.sentence(done.error))
        self._runs = dict(zip(paths, done.result or (), strict=False))
        mine = self._mine
        self._set_choices(len(mine.values) if mine else 0, mine.maps if mine else 0)
        if mine is None or (self._unit is not None and self._unit >= mine.count):
            self._unit, self._edits = None, Edits()
        self._decode()
        self.redraw()

    def _set_choices(self, samples: int, maps: int) -> None:
        for box, count in ((self.sample_box, samples), (self.map_box, min(maps, figures.MOST_MAPS))):
            if box.count() != count:
                box.clear()
                box.addItems([str(index + 1) for index in range(count)])
            box.setEnabled(count > 1)
        for widget in (self.map_box, self.map_label):
            widget.setVisible(maps > 0)
        model = self.view_box.model()
        if isinstance(model, QStandardItemModel):
            model.item(VIEWS.index("maps")).setEnabled(maps > 0)

    # ---- units ----

    def _choose_unit(self, unit: int) -> None:
        """Choose a unit to be changed; −1 for none."""
        mine = self._mine
        if mine is None:
            return
        self._unit = min(unit, mine.count - 1) if unit >= 0 else None
        if self._unit is not None and mine.maps:
            self.map_box.setCurrentIndex(tiles.position_in_map(mine.shape, self._unit)[0])
        self._forget_sweep()
        if self._unit is None:
            self.row.set_sweeping(False)
        self._decode()
        self.redraw()

    def _set_unit(self, value: float) -> None:
        if self._unit is not None:
            self._change(self._edits.with_unit(self._unit, value))

    def _zero_map(self, index: int) -> None:
        mine = self._mine
        if mine is not None and index < mine.maps:
            self._change(self._edits.with_zeros(units.units_of_map(mine.shape, index)))

    def _reset(self) -> None:
        self._change(Edits())

    def _change(self, edits: Edits) -> None:
        if self._mine is None or self._why_no_decoder(self.store.state, self._mine) is not None:
            return
        self._edits = edits
        self._decode()
        self.redraw()

    def _sweep(self, on: bool) -> None:
        self.row.set_sweeping(on)
        self._forget_sweep()
        self._decode()
        self.redraw()

    def _forget_sweep(self) -> None:
        self.sweeper.forget()
        self._swept, self._sweeping = None, ()

    # ---- the decoder ----

    def _why_no_decoder(self, state: State, mine: Tilings) -> str | None:
        """Return why nothing can be decoded, '' while the decoder is being read, None if it can be decoded."""
        known, entry = state.current_known, state.entry
        if entry is None or not entry.is_run:
            return "A single graph has no decoder.onnx beside it, so its values can be viewed but not changed."
        if entry.decoder_stamp is None and known.graph is not None and not known.graph.has_decoder:
            return "This run has no decoder.onnx, so its values can be viewed but not changed."
        if known.decoder_error:
            return formatting.sentence(known.decoder_error)
        if known.decoder is None or state.file_of(state.current, "decoder") is None:
            return ""
        misfit = units.misfit(known.decoder, mine.shape)
        return f"Nothing can be decoded: {misfit}." if misfit else None

    def _decode(self) -> None:
        """Decode the chosen sample with the present changes."""
        state, mine = self.store.state, self._mine
        if mine is None:
            return
        why = self._why_no_decoder(state, mine)
        if why is not None:
            self._decoder_sentence, self._decoded = why, None
            self.decoder.forget()
            self._forget_sweep()
            return
        file, decoder = state.file_of(state.current, "decoder"), state.current_known.decoder
        assert file is not None and decoder is not None
        output, sample = units.picture_output(decoder), self._sample(mine)
        before = mine.values[sample]
        after = self._edits.apply(before)
        batch = np.stack([before, after]) if self._edits.values else before[None]
        decoding = Decoding(mine, sample, self._edits)
        self.decoder.send({"decoder": Query(file, batch, (output,))}, decoding, low_priority=self.low_priority)
        if not self.row.sweep_button.isChecked() or self._unit is None:
            return
        sweeping = (mine, sample, self._unit, self._edits.without(self._unit))
        if sweeping != self._sweeping:  # the sweep replaces the unit's own value
            self._sweeping = sweeping
            steps = units.sweep_values(*units.range_of(mine.values, self._unit))
            decoding = Decoding(mine, sample, self._edits, self._unit, steps)
            query = Query(file, units.sweep(after, self._unit, steps), (output,))
            self.sweeper.send({"sweep": query}, decoding, low_priority=self.low_priority)

    def _take_decoded(self, done: QueryBatch) -> None:
        decoding, images = done.context, self._images_of(done)
        if images is not None and isinstance(decoding, Decoding):
            self._decoded = (images[0], images[1] if len(images) > 1 else None)
            self.redraw()

    def _take_swept(self, done: QueryBatch) -> None:
        decoding, images = done.context, self._images_of(done)
        if images is None or not isinstance(decoding, Decoding) or decoding.steps is None:
            return
        if self.row.sweep_button.isChecked() and decoding.unit == self._unit:
            self._swept = (decoding.steps, images)
            self.redraw()

    def _images_of(self, done: QueryBatch) -> np.ndarray | None:
        """Return the decoder's images (N, C, H, W) of the sample shown; None, and a sentence, if there are none."""
        decoding, mine = done.context, self._mine
        if (
            not isinstance(decoding, Decoding)
            or decoding.of is not mine
            or mine is None
            or decoding.sample != self._sample(mine)
        ):
            return None
        (reply,) = done.replies.values()
        images = next(iter(reply.arrays.values()), None)
        self._decoder_sentence = formatting.sentence(reply.error) or _no_pictures(images)
        if self._decoder_sentence:
            self._decoded = None
            self._forget_sweep()
            self.redraw()
            return None
        return images

    # ---- painting ----

    def redraw(self) -> None:
        state, mine = self.store.state, self._mine
        self._show_unit()
        if not self._runs and not self._sentences:
            return  # nothing has arrived yet
        if not self._comparing and mine is None:
            self.view.show_sentence(self._sentences.get(state.current, "") if state.current else "")
            return
        self.view_box.setCurrentText(self._view_name)
        if mine is not None:
            self.sample_box.setCurrentIndex(self._sample(mine))
        parts = self._compared(state, mine) if self._comparing else self._single(mine)
        parts |= self._of_decoder(mine)
        self.subtitle.setText(self._summary(state, mine))
        figure = Parts(parts, figures.arrange, self._description(mine))
        self.view.show_figure(figure, figure.description)

    def _chosen(self, mine: Tilings) -> Chosen:
        sample = self._sample(mine)
        values = self._edits.apply(mine.values[sample])
        return Chosen(sample, values, self._unit, self._map, tuple(self._edits.values))

    def _single(self, mine: Tilings | None) -> dict[str, Figure]:
        assert mine is not None
        make = {"tiling": figures.as_tiling, "maps": figures.as_maps, "bars": figures.as_bars}[self._view_name]
        parts: dict[str, Figure] = {"strip": figures.strip(self.theme, mine, self._sample(mine))}
        parts |= make(self.theme, mine, self._chosen(mine))
        if self._view_name != "bars":
            parts["scale"] = ScaleLine(self.theme, mine.scale())
        return parts

    def _compared(self, state: State, mine: Tilings | None) -> dict[str, Figure]:
        names = state.names()
        runs = [(names[path], self._runs.get(path), self._sentences.get(path, "")) for path in state.compared]
        current = state.compared.index(state.current) if state.current in state.compared else -1
        chosen = self._chosen(mine) if mine is not None else None
        parts = figures.compared_parts(self.theme, runs, state.sample, current, chosen)
        if mine is not None and chosen is not None:
            parts |= figures.line(self.theme, mine, chosen)
        scale = next((run.scale() for run in self._runs.values()), None)  # one for all
        return parts | ({"scale": ScaleLine(self.theme, scale)} if scale else {})

    def _of_decoder(self, mine: Tilings | None) -> dict[str, Figure]:
        """Return the decoder's pictures or the sentence for why there are none."""
        if mine is None or (self._comparing and self._unit is None and not self._edits.values):
            return {}
        if self._decoder_sentence:
            return {"decoded": Paragraph(self.theme, self._decoder_sentence)}
        parts: dict[str, Figure] = {}
        if self._decoded is not None:
            parts["decoded"] = figures.decoded_grid(self.theme, *self._decoded)
            if self._unit is None:
                parts["line"] = TextLine(self.theme, "Click a value to change it and see what that does.")
        if self._swept is not None and self._unit is not None:
            steps, images = self._swept
            value = float(self._edits.apply(mine.values[self._sample(mine)]).reshape(-1)[self._unit])
            parts["sweep"] = figures.swept_grid(self.theme, images, steps, figures.nearest_step(steps, value))
        return parts

    def _show_unit(self) -> None:
        mine, unit = self._mine, self._unit
        if mine is None:
            self.row.show_unit(0, None, 0.0, (0.0, 1.0))
            self.row.allow(choosing=False, changing=False, maps=False, back=False)
            return
        value = float(self._edits.apply(mine.values[self._sample(mine)]).reshape(-1)[unit]) if unit is not None else 0.0
        seen = units.range_of(mine.values, unit) if unit is not None else (0.0, 1.0)
        self.row.show_unit(mine.count, unit, value, seen)
        can = self._why_no_decoder(self.store.state, mine) is None
        self.row.allow(choosing=True, changing=can, maps=mine.maps > 0, back=bool(self._edits.values))

    def _summary(self, state: State, mine: Tilings | None) -> str:
        parts = [f"{len(state.compared)} runs"] if self._comparing else []
        if mine is not None and not self._comparing:
            name = state.current_known.graph.bottleneck if state.current_known.graph else "bottleneck"
            shape_text = (
                f"{formatting.shape(mine.shape)}, {mine.count:,} values" if mine.maps else f"{mine.count:,} values"
            )
            parts.append(
                shape_text if name == "bottleneck" else f"output {formatting.clean(name, limit=40)}: {shape_text}"
            )
        return " · ".join([self._edits.summary, *parts] if self._edits.values else parts)

    def _description(self, mine: Tilings | None) -> str:
        if mine is None:
            return f"Bottlenecks of {len(self._runs)} runs"
        rows, columns = mine.grid.shape
        text = f"Bottlenecks of {len(mine.values)} samples as {rows}×{columns}"
        unit = figures.unit_line(mine, self._chosen(mine))
        return "; ".join(filter(None, (text, unit, self._edits.summary)))

    # ---- pointing ----

    def _at(self, point: QPointF) -> tuple[str, object] | None:
        figure = self.view.figure
        if not isinstance(figure, Parts) or not self._runs:
            return None
        found = figure.hit(point, self.view.paper)
        return (found[0], found[2]) if found else None

    def _run_of(self, part: str) -> tuple[Path | None, Tilings | None]:
        """Return the run that a part belongs to: by the part's number, or else the current run."""
        number = part.partition(" ")[2]
        compared = self.store.state.compared
        path = compared[int(number)] if number and int(number) < len(compared) else self.store.state.current
        return path, self._runs.get(path) if path is not None else None

    def _unit_at(self, part: str, spot: object, run: Tilings) -> int | None:
        """Return the unit under the pointer."""
        if isinstance(spot, int):
            return spot
        if not isinstance(spot, GridPixel) or spot.row < 0:
            return None
        if part == "map" or (part == "stage" and self._view_name == "maps"):
            index = self._map if part == "map" else spot.picture
            unit = (index * run.shape[1] + spot.row) * run.shape[2] + spot.column
            return unit if unit < run.count else None
        if part in _OF_DECODER or not (spot.row < run.units.shape[0] and spot.column < run.units.shape[1]):
            return None
        unit = int(run.units[spot.row, spot.column])
        return unit if unit >= 0 else None

    def _choose(self, point: QPointF) -> None:
        found = self._at(point)
        if found is None or found[0] in _OF_DECODER:
            return
        part, spot = found
        path, run = self._run_of(part)
        if part.startswith(("strip", "row")) and isinstance(spot, GridPixel):
            self.store.set_sample(spot.picture)
        elif run is not None and path == self.store.state.current:
            unit = self._unit_at(part, spot, run)
            if unit is not None:
                self._choose_unit(unit)
            elif isinstance(spot, GridPixel) and self._view_name == "maps":
                self.map_box.setCurrentIndex(spot.picture)
                self.redraw()

    def _double(self, point: QPointF) -> None:
        """Set the map to zero whose heading was double-clicked."""
        found = self._at(point)
        if found is None or not isinstance(found[1], GridPixel) or found[1].row >= 0:
            return
        if found[0] == "map":
            self._zero_map(self._map)
        elif found[0] == "stage" and self._view_name == "maps":
            self._zero_map(found[1].picture)

    def _hover(self, point: QPointF | None) -> None:
        found = self._at(point) if point is not None else None
        text = self._hint_text(*found) if found else ""
        self.view.show_hint(text, point if point is not None else QPointF())

    def _hint_text(self, part: str, spot: object) -> str:
        """Describe what lies under the pointer."""
        path, run = self._run_of(part)
        if isinstance(spot, str):
            return spot
        if part in _OF_DECODER and isinstance(spot, GridPixel):
            return self._hint_of_picture(part, spot)
        if run is None or path is None:
            return ""
        unit = self._unit_at(part, spot, run)
        if isinstance(spot, GridPixel) and (part.startswith(("strip", "row")) or path != self.store.state.current):
            sample = self.store.state.sample if part.startswith("large") else spot.picture
            name = f"{self.store.state.names()[path]}\n" if self._comparing else ""
            return name + _of_sample(run, sample, unit)
        if unit is None:
            heading = isinstance(spot, GridPixel) and spot.row < 0 and run.maps > 0 and not self._comparing
            return (
                "Double-click to set the map to zero"
                if heading and (part == "map" or self._view_name == "maps")
                else ""
            )
        return figures.unit_line(run, replace(self._chosen(run), unit=unit))

    def _hint_of_picture(self, part: str, spot: GridPixel) -> str:
        pixel = f"row {spot.row + 1}, column {spot.column + 1}"
        if spot.row < 0:
            return ""
        if part == "sweep" and self._swept is not None:
            steps, images = self._swept
            value = formatting.number(float(steps[spot.picture]), 3)
            return f"unit at {value}\n{pixel}: {_pixel(images[spot.picture], spot)}"
        if self._decoded is None:
            return ""
        before, after = self._decoded
        pictures = [before] if after is None else [before, after, after - before]
        return f"{pixel}: {_pixel(pictures[spot.picture], spot)}" if spot.picture < len(pictures) else ""

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
        names, most = self.store.state.names(), max((len(run.values) for run in self._runs.values()), default=0)
        if not most:
            return []
        images = tuple(f"sample {index + 1}" for index in range(most))
        rows: Numbers = [("run", "unit", "map", "row", "column", *images, "set to")]
        for path, run in self._runs.items():
            edits = self._edits.values if path == self.store.state.current else {}
            flat = run.values.reshape(len(run.values), -1).T.tolist()
            for unit, values in enumerate(flat):
                position = (
                    [number + 1 for number in tiles.position_in_map(run.shape, unit)] if run.maps else ["", "", ""]
                )
                rows.append((names[path], unit + 1, *position, *values, edits.get(unit, "")))
        return rows


def _unusable(values: np.ndarray | None) -> str:
    """Return the sentence for a bottleneck that cannot be shown, '' for one that can."""
    if values is None or values.ndim < 2 or not values.size:
        return "The graph's bottleneck holds no values."
    if values[0].size > MOST_VALUES:
        return (
            f"The graph's bottleneck holds {values[0].size:,} values per image; at most {MOST_VALUES:,} can be shown."
        )
    return "" if np.isfinite(values).any() else not_finite(values)  # some are shown, with gaps


def _no_pictures(images: np.ndarray | None) -> str:
    """Return the sentence for a decoder's output that cannot be shown, '' for one that can."""
    if images is None or images.ndim != 4 or images.shape[1] not in (1, 3) or not images.size:
        return "The decoder's output is not an image."
    return not_finite(images)


def _of_sample(shown: Tilings, sample: int, unit: int | None) -> str:
    text = f"sample {sample + 1}"
    if unit is None or sample >= len(shown.values):
        return text
    value = float(shown.values[sample].reshape(-1)[unit])
    return f"{text}, {tiles.unit_name(shown.shape, unit)}: {formatting.number(value, 3)}"


def _pixel(picture: np.ndarray, spot: GridPixel) -> str:
    """Return a pixel's value, or its three colour values."""
    return ", ".join(formatting.number(float(value), 3) for value in picture[:, spot.row, spot.column])
