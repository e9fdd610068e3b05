"""Sliders along the principal directions of a run's bottlenecks, with the decoder's output, live."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QTimer
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider

from viewer.figures import colours
from viewer.figures.arrange import Flow, Parts
from viewer.figures.comparison import of_one
from viewer.figures.image_grid import ImageGrid
from viewer.figures.paper import Figure, Paper
from viewer.figures.tiles import ImageRow, Pointed
from viewer.qt.chunks import ChunkedRun, ChunkRunner
from viewer.qt.disk import JobResult
from viewer.qt.latent.mode import Encoded, Mode, Shared, encoding_of
from viewer.qt.panels.request_panel import hit_in
from viewer.qt.widgets import controls
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Numbers
from viewer.state import formatting
from viewer.state.encoder_decoders import EncodedSet, test_set
from viewer.state.latent import DIRECTIONS, REACH, Directions, directions_of
from viewer.state.selection import State

MOST_IMAGES = 500
MOST_VALUES = 1 << 22  # of all bottlenecks together, 16 MiB
TENTHS = 10  # steps of a slider for one standard deviation
SWEEP = (-3.0, -1.5, 0.0, 1.5, 3.0)
REST_MILLISECONDS = 120  # of a slider before the rows beside it are decoded


class DirectionsMode(Mode):
    """Acts on the current run; the mean and the sliders' coefficients make the bottleneck that is decoded."""

    name = "directions"
    title = "Directions"
    hint = "Move along the directions in which the bottlenecks differ most; the decoder's picture follows live."
    of_current = True

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._source: tuple[object, ...] = ()  # what the directions were computed from
        self._source_text = ""
        self.directions: Directions | None = None
        self._sweep: np.ndarray | None = None  # uint8 (K, 5, H, W, 3)
        self._encoded = Encoded(shared.panel.new_requester("bottlenecks"), self)
        self._encoded.came.connect(self._compute)
        self._used: Encoded = self._encoded  # or the images shown
        self._sweeper = ChunkRunner(shared.panel.new_requester("sweep"), self)
        self._sweeper.grown.connect(self._take_sweep)
        self._rest = QTimer(self, singleShot=True, interval=REST_MILLISECONDS)
        self._rest.timeout.connect(self._request_sweep)
        shared.page.came.connect(self._compute)
        self.view.clicked.connect(self._press)
        self.view.column_step.connect(self._choose_sample)
        connect_page_keys(self.view, self.tools.images)
        self._build()

    def _build(self) -> None:
        tip = "Set every slider back to the mean of all bottlenecks."
        self.mean_button = controls.button("to the mean", tip, self.go_to_mean, name="Sliders to the mean")
        tip = "Set the sliders to the bottleneck of the image chosen in the other panels."
        name = "Sliders to the chosen image"
        self.image_button = controls.button("to the chosen image", tip, self.go_to_image, name=name)
        self.add_to_row(self.mean_button, self.image_button)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        self.sliders: list[QSlider] = []
        self._labels: list[tuple[QLabel, QLabel]] = []
        for index in range(DIRECTIONS):
            self._add_slider(grid, index)
        self.body.insertLayout(1, grid)

    def _add_slider(self, grid: QGridLayout, index: int) -> None:
        name, most = f"Direction {index + 1}, in tenths of its standard deviation", round(REACH * TENTHS)
        slider = controls.slider(name, "", -most, most, self._moved, page=TENTHS // 2)
        share, value = controls.label("", slider), controls.label("", longest="−0.0 σ  ")
        self.sliders.append(slider)
        self._labels.append((share, value))
        for column, widget in enumerate((share, slider, value)):
            grid.addWidget(widget, index, column)

    # ---- the run ----

    def inputs(self, state: State) -> tuple[object, ...]:
        network = self.shared.networks.get(state.current) if state.current else None
        return state.current, network, state.current_known.split, *state.splits.items()

    def begin(self, state: State) -> None:
        """Encode test images, or use the images shown where there is no test split; further pages change nothing."""
        self.tools.images.want_split()
        super().begin(state)
        split = state.current_known.split
        source = (self.network, state.splits.get(split) if split else None)
        if source == self._source:
            return
        self._source, self.directions, self._sweep = source, None, None
        self._sweeper.begin([])
        self.go_to_mean()
        self._show_sliders()
        self.show_sentence("The directions in which the bottlenecks differ most appear here.")
        self._used, self._source_text = self._encoded, ""
        self._encoded.encode(())
        if self.network is None:
            return
        found = test_set(state, self.path, most=min(MOST_IMAGES, MOST_VALUES // self.network.size))
        if isinstance(found, EncodedSet):
            self._source_text = f"of {len(found):,} test images"
            self._encoded.encode([encoding_of(self.path, self.network, found)])
        elif found:
            self._used, self._source_text = self.shared.page, f"of the images shown only: {found[0].lower()}{found[1:]}"
            self._compute()

    def _compute(self) -> None:
        if self.path is None or self.directions is not None:
            return
        if self.path in self._used.errors:
            self.show_sentence(self._used.errors[self.path])
        elif self.path in self._used.bottlenecks:
            job = partial(directions_of, [self._used.bottlenecks[self.path]])
            self.tools.disk.do("directions", job, partial(self._take_directions, self._source))

    def _take_directions(self, source: object, done: JobResult) -> None:
        if source != self._source:
            return
        if done.error or done.result is None:
            few = "Too few bottlenecks differ for principal directions."
            self.show_sentence(formatting.sentence(done.error) or few)
            return
        self.directions = done.result
        self._show_sliders()
        self.say(f"{self.name_of(self.path)}: principal directions {self._source_text}")
        self.request()
        self._request_sweep()

    # ---- sliders ----

    @property
    def coefficients(self) -> np.ndarray:
        """The sliders' values in standard deviations, one for each direction."""
        count = len(self.directions) if self.directions is not None else 0
        return np.array([slider.value() / TENTHS for slider in self.sliders[:count]])

    def set_coefficients(self, coefficients: np.ndarray) -> None:
        """Set the sliders, limited to their range."""
        for slider, value in zip(self.sliders, coefficients.tolist(), strict=False):
            controls.set_quietly(slider, round(value * TENTHS))
        self._moved()

    def go_to_mean(self) -> None:
        """Set the sliders to the mean."""
        self.set_coefficients(np.zeros(DIRECTIONS))

    def go_to_image(self) -> None:
        """Set the sliders to the chosen image."""
        bottlenecks = self.shared.page.bottlenecks.get(self.path) if self.path else None
        if self.directions is not None and bottlenecks is not None:
            chosen = min(self.store.state.sample, len(bottlenecks) - 1)
            self.set_coefficients(self.directions.coefficients_of(bottlenecks[chosen].reshape(1, -1))[0])

    def _show_sliders(self) -> None:
        directions = self.directions
        shares = [100 * float(share) for share in directions.shares] if directions is not None else []
        for index, (slider, (share, value)) in enumerate(zip(self.sliders, self._labels, strict=True)):
            there = index < len(shares)
            for widget in (slider, share, value):
                widget.setVisible(there or directions is None)
            slider.setEnabled(there)
            percent = shares[index] if there else 0.0
            share.setText(f"{index + 1}: {percent:.1f} %" if there else f"{index + 1}")
            slider.setToolTip(f"Direction {index + 1} holds {percent:.1f} % of the bottlenecks' variance.")
        self.mean_button.setEnabled(directions is not None)
        self.image_button.setEnabled(directions is not None)

    def _moved(self) -> None:
        for slider, (_, value) in zip(self.sliders, self._labels, strict=True):
            value.setText(f"{slider.value() / TENTHS:.1f} σ".replace("-", "−"))
        self.request()
        if self.directions is not None:
            self._rest.start()

    def _choose_sample(self, step: int) -> None:
        self.store.set_sample(max(0, self.store.state.sample + step))

    # ---- decoding ----

    def points(self) -> dict[Path, np.ndarray]:
        """Return the bottleneck at the sliders, and the mean."""
        if self.directions is None or self.network is None or self.path is None:
            return {}
        coefficients = np.stack([self.coefficients, np.zeros(len(self.directions))])
        return {self.path: self.directions.at(coefficients).reshape(2, *self.network.shape)}

    def show_nothing(self, state: State) -> None:
        """Leave what is there: the directions are being computed."""

    def _request_sweep(self) -> None:
        """Decode the row of each direction, one request per row."""
        if self.directions is None or self.network is None:
            return
        count, size = len(self.directions), len(SWEEP)
        wanted = np.repeat(self.coefficients[None], count * size, axis=0)
        for row in range(count):
            wanted[row * size : (row + 1) * size, row] = SWEEP
        directions, network = self.directions, self.network

        def inputs(start: int, stop: int) -> np.ndarray:
            return directions.at(wanted[start:stop]).reshape(-1, *network.shape)

        args = (self.path, network.decoder, network.picture, network.picture_shape, count * size, size, inputs)
        self._sweeper.begin([ChunkedRun(*args)])

    def _take_sweep(self, job: ChunkedRun) -> None:
        if not job.done or self.directions is None:
            return
        values = np.concatenate(job.chunks) if not job.errors else np.full((1, 1, 1, 1), np.nan)
        self._sweep = None  # the large picture shows the error
        if np.isfinite(values).all() and len(values) == len(self.directions) * len(SWEEP):
            pictures = colours.from_images(values)
            self._sweep = pictures.reshape(len(self.directions), len(SWEEP), *pictures.shape[1:])
        self.redraw()

    @property
    def waiting(self) -> bool:
        return self._rest.isActive()

    # ---- showing ----

    def redraw(self) -> None:
        decoded = self.decoded.get(self.path) if self.path is not None else None
        if decoded is None or self.directions is None:
            return
        if isinstance(decoded, str):
            self.show_sentence(decoded)
            return
        coefficients = ", ".join(f"{value:.1f}" for value in self.coefficients)
        text = f"Decoded at {coefficients} standard deviations along the principal directions"
        parts: dict[str, Figure] = {"now": ImageGrid(self.theme, decoded, ("decoded now", "the mean"))}
        if self._sweep is not None:
            rows = tuple(ImageRow(str(number), row) for number, row in enumerate(self._sweep, start=1))
            columns = tuple(f"{value:+g} σ".replace("-", "−") if value else "0" for value in SWEEP)
            parts["rows"] = of_one(self.theme, rows, columns)
        self.view.show_figure(Parts(parts, arrange, text), text)

    def _press(self, point: QPointF) -> None:
        """Set a row's slider to the picture that was clicked."""
        found = hit_in(self.view, point)
        if found is not None and isinstance(found[2], Pointed):
            self.sliders[found[2].band].setValue(round(SWEEP[found[2].image] * TENTHS))

    def numbers(self) -> Numbers:
        if self.directions is None:
            return []
        rows = zip(self.coefficients, self.directions.deviations, self.directions.shares, strict=True)
        heading = ("direction", "coefficient in standard deviations", "standard deviation", "share of the variance")
        return [heading, *((index + 1, float(c), float(d), float(s)) for index, (c, d, s) in enumerate(rows))]


def arrange(parts: Mapping[str, Figure], paper: Paper) -> dict[str, QRectF]:
    """Place the rows right of the large pictures, or below them."""
    rect = paper.rect
    return Flow(rect.height() > rect.width(), (("now", 0.42), ("rows", 0))).place(parts, paper)
