"""What the Bottleneck panel shows at one moment, as a value, and what the decoder makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QObject, Signal

from viewer.figures import bottleneck as figures
from viewer.figures.arrange import Paragraph, TextLine
from viewer.figures.bottleneck import Chosen, Tilings
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.figures.tiles import Pointed
from viewer.qt.requester import Query, QueryBatch, Requester
from viewer.state import formatting, tiles, why
from viewer.state.encoder_decoders import unit_decoder
from viewer.state.selection import State
from viewer.state.units import Sweep, UnitEdits


class Decoding(NamedTuple):
    """What is shown decoded: a sample of a run's bottlenecks and the changes made to it."""

    of: Tilings
    sample: int
    session: UnitEdits


class UnitDecoding(QObject):
    """Decodes what `want` was told last; `changed` says that there are other pictures, or a sentence instead."""

    changed = Signal()

    def __init__(self, decoder: Requester, sweeper: Requester, parent: QObject) -> None:
        super().__init__(parent)
        self.decoder, self.sweeper = decoder, sweeper
        self.pictures: tuple[np.ndarray, np.ndarray | None] | None = None  # of the values, and of the changed ones
        self.swept: tuple[np.ndarray, np.ndarray] | None = None  # steps and pictures
        self.sentence = ""  # why there are none
        self._wanted: Decoding | None = None
        self._sweep_of: tuple[object, ...] = ()  # what the last sweep depends on
        decoder.answered.connect(self._take_pictures)
        sweeper.answered.connect(self._take_sweep)

    def forget(self) -> None:
        """Forget everything."""
        self._wanted, self.pictures = None, None
        self.decoder.forget()
        self.forget_sweep()

    def forget_sweep(self) -> None:
        self.sweeper.forget()
        self.swept, self._sweep_of = None, ()

    def want(self, state: State, wanted: Decoding, *, low_priority: bool) -> None:
        """Decode the current run's sample with its changes, and sweep a unit if that is wanted."""
        network = unit_decoder(state, wanted.of.shape)
        if isinstance(network, str):
            self.forget()
            self.sentence = network
            return
        self._wanted = wanted
        file, output = network.decoder, (network.picture,)
        query = Query(file, wanted.session.to_decode(wanted.of.values[wanted.sample]), output)
        self.decoder.send({"decoder": query}, wanted, low_priority=low_priority)
        if wanted.session.sweeping and wanted.session.unit is not None:
            sweep_of = (wanted.of, wanted.sample, *wanted.session.sweep_key)
            if sweep_of != self._sweep_of:
                self._sweep_of = sweep_of
                sweep = wanted.session.sweep(wanted.of.values, wanted.sample)
                query = Query(file, sweep.inputs, output)
                self.sweeper.send({"sweep": query}, (wanted, sweep), low_priority=low_priority)

    def _take_pictures(self, done: QueryBatch) -> None:
        assert isinstance(done.context, Decoding), done.context
        images = self._images_of(done, done.context)
        if images is not None:
            self.pictures = (images[0], images[1] if len(images) > 1 else None)
            self.changed.emit()

    def _take_sweep(self, done: QueryBatch) -> None:
        assert isinstance(done.context, tuple), done.context
        of, sweep = done.context
        assert isinstance(of, Decoding) and isinstance(sweep, Sweep)
        images, wanted = self._images_of(done, of), self._wanted
        if images is not None and wanted is not None and wanted.session.sweeping and wanted.session.unit == sweep.unit:
            self.swept = (sweep.steps, images)
            self.changed.emit()

    def _images_of(self, done: QueryBatch, of: Decoding) -> np.ndarray | None:
        """Return the decoder's images (N, C, H, W) of the sample shown; None, and a sentence, if there are none."""
        wanted = self._wanted
        if wanted is None or of.of is not wanted.of or of.sample != wanted.sample:
            return None
        (reply,) = done.replies.values()
        images = next(iter(reply.arrays.values()), None)
        self.sentence = formatting.sentence(reply.error) or why.no_pictures(images)
        if self.sentence:
            self.pictures = None
            self.forget_sweep()
            self.changed.emit()
            return None
        return images


OF_DECODER = ("decoded", "sweep")


@dataclass(frozen=True, eq=False)
class BottleneckPicture:
    """`runs` are the bottlenecks of the compared runs that have any, `sentences` say why others have none."""

    theme: Theme
    state: State
    runs: Mapping[Path, Tilings]
    sentences: Mapping[Path, str]
    session: UnitEdits
    decoding: UnitDecoding
    view: str  # 'grid', 'maps' or 'bars'
    map: int

    @cached_property
    def mine(self) -> Tilings | None:
        """The current run's bottlenecks."""
        return self.runs.get(self.state.current) if self.state.current is not None else None

    @property
    def comparing(self) -> bool:
        return len(self.state.compared) > 1 and self.view == "grid"

    @cached_property
    def chosen(self) -> Chosen | None:
        """What of the current run is shown large."""
        if self.mine is None:
            return None
        sample = min(self.state.sample, len(self.mine.values) - 1)
        values = self.session.edits.apply(self.mine.values[sample])
        return Chosen(sample, values, self.session.unit, self.map, tuple(self.session.edits.values))

    # ---- parts ----

    def parts(self) -> dict[str, Figure]:
        state, names = self.state, self.state.shown_names
        runs = {}
        for index, path in enumerate(state.compared):
            key = "" if path == state.current else f" {index}"
            colour, sentence = self.theme.colour_of_run(state.colours, path), self.sentences.get(path, "")
            if self.comparing or not key:
                runs[key] = figures.TiledRun(names[path], colour, self.runs.get(path), sentence)
        sample = self.state.sample if self.comparing or self.chosen is None else self.chosen.sample
        return {**figures.parts_of(self.theme, runs, sample, self.chosen, self.view), **self._decoded()}

    def _decoded(self) -> dict[str, Figure]:
        """Return the decoder's pictures or the sentence for why there are none."""
        session, decoding = self.session, self.decoding
        if self.chosen is None or (self.comparing and session.unit is None and not session.edits.values):
            return {}
        if decoding.sentence:
            return {"decoded": Paragraph(self.theme, decoding.sentence)}
        parts: dict[str, Figure] = {}
        if decoding.pictures is not None:
            parts["decoded"] = figures.decoded_grid(self.theme, *decoding.pictures)
            if session.unit is None:
                parts["line"] = TextLine(self.theme, "Click a value to change it and see what that does.")
        if decoding.swept is not None and session.unit is not None:
            steps, images = decoding.swept
            nearest = figures.nearest_step(steps, float(self.chosen.values.reshape(-1)[session.unit]))
            parts["sweep"] = figures.swept_grid(self.theme, images, steps, nearest)
        return parts

    # ---- texts ----

    @property
    def summary(self) -> str:
        """The panel's subtitle."""
        edited = [self.session.edits.summary] if self.session.edits.values else []
        if self.comparing:
            return " · ".join([*edited, f"{len(self.state.compared)} runs"])
        graph, mine = self.state.current_known.graph, self.mine
        if mine is None:
            return " · ".join(edited)
        size = f"{mine.count:,} values"
        size = f"{formatting.shape(mine.shape)}, {size}" if mine.maps else size
        name = graph.bottleneck if graph else "bottleneck"
        return " · ".join(
            [*edited, size if name == "bottleneck" else f"output {formatting.clean(name, limit=40)}: {size}"]
        )

    @property
    def description(self) -> str:
        """The figure as a text."""
        if self.mine is None or self.chosen is None:
            return f"Bottlenecks of {formatting.counted(len(self.runs), 'run')}"
        rows, columns = self.mine.grid.shape
        text = f"Bottlenecks of {len(self.mine.values)} samples as {rows}×{columns}"
        unit = figures.unit_line(self.mine, self.chosen)
        return "; ".join(filter(None, (text, unit, self.session.edits.summary)))

    # ---- pointing ----

    def run_of(self, part: str) -> tuple[Path | None, Tilings | None]:
        """Return the run that a part belongs to: by the part's number, or else the current run."""
        number = part.partition(" ")[2]
        compared = self.state.compared
        path = compared[int(number)] if number and int(number) < len(compared) else self.state.current
        return path, self.runs.get(path) if path is not None else None

    def unit_at(self, part: str, spot: object) -> int | None:
        """Return the unit under the pointer."""
        run = self.run_of(part)[1]
        if run is None or isinstance(spot, int):
            return spot if isinstance(spot, int) else None
        if not isinstance(spot, Pointed):
            return None
        if part == "map" or (part == "large" and self.view == "maps"):
            index = self.map if part == "map" else spot.image
            unit = (index * run.shape[1] + spot.y) * run.shape[2] + spot.x
            return unit if unit < run.count else None
        if part in OF_DECODER or not (spot.y < run.units.shape[0] and spot.x < run.units.shape[1]):
            return None
        unit = int(run.units[spot.y, spot.x])
        return unit if unit >= 0 else None

    def hint(self, part: str, spot: object) -> str:
        """Describe what lies under the pointer."""
        path, run = self.run_of(part)
        if isinstance(spot, str):
            return spot
        if part in OF_DECODER and isinstance(spot, Pointed):
            return self._hint_of_picture(part, spot)
        if run is None or path is None:
            return ""
        unit = self.unit_at(part, spot)
        if isinstance(spot, Pointed) and (part.startswith("row") or path != self.state.current):
            sample = self.state.sample if part.startswith("large") else spot.image
            name = f"{self.state.names()[path]}\n" if self.comparing else ""
            return name + _of_sample(run, sample, unit)
        return figures.unit_line(run, replace(self.chosen, unit=unit)) if self.chosen is not None else ""

    def _hint_of_picture(self, part: str, spot: Pointed) -> str:
        pixel, decoding = f"row {spot.y + 1}, column {spot.x + 1}", self.decoding
        if part == "sweep" and decoding.swept is not None:
            steps, images = decoding.swept
            value = formatting.number(float(steps[spot.image]), 3)
            return f"unit at {value}\n{pixel}: {_pixel(images[spot.image], spot)}"
        if decoding.pictures is None:
            return ""
        before, after = decoding.pictures
        pictures = [before] if after is None else [before, after, after - before]
        return f"{pixel}: {_pixel(pictures[spot.image], spot)}" if spot.image < len(pictures) else ""


def _pixel(picture: np.ndarray, spot: Pointed) -> str:
    return formatting.pixel(picture[:, spot.y, spot.x])


def _of_sample(shown: Tilings, sample: int, unit: int | None) -> str:
    text = f"sample {sample + 1}"
    if unit is None or sample >= len(shown.values):
        return text
    value = float(shown.values[sample].reshape(-1)[unit])
    return f"{text}, {tiles.unit_name(shown.shape, unit)}: {formatting.number(value, 3)}"
