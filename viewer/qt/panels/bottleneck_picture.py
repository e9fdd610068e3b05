"""What the Bottleneck panel shows at one moment, as a value: the figure's parts, and what lies under the pointer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from viewer.figures import bottleneck as figures
from viewer.figures.arrange import Paragraph, TextLine
from viewer.figures.bottleneck import Chosen, Tilings
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.figures.tiles import Pointed
from viewer.qt.panels.unit_decoding import UnitDecoding
from viewer.state import formatting, tiles
from viewer.state.selection import State
from viewer.state.units import UnitEdits

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
                runs[key] = figures.Run(names[path], colour, self.runs.get(path), sentence)
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
