"""Sliders along the principal directions of a run's bottlenecks, with the decoder's output, live."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QSlider

from viewer.figures import colours
from viewer.figures.sweep import SweepFigure
from viewer.figures.tiles import ImageRow, Large
from viewer.qt.chunks import ChunkedRun, ChunkRunner
from viewer.qt.disk import JobResult
from viewer.qt.latent.mode import Mode, Shared, pictures_of, reason
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Numbers
from viewer.state import formatting
from viewer.state.encoder_decoders import EncoderDecoder, test_set
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

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._path: Path | None = None
        self._network: EncoderDecoder | None = None
        self._source: tuple[object, ...] = ()
        self._job: ChunkedRun | None = None
        self._uses_page = False  # there is no test split: use the images shown
        self._source_text = ""  # says which bottlenecks the directions were computed from
        self.directions: Directions | None = None
        self._now: np.ndarray | None = None  # decoded at the sliders, and at the mean: uint8 (2, H, W, 3)
        self._sweep: np.ndarray | None = None  # uint8 (K, 5, H, W, 3)
        self._decoder = shared.panel.new_requester("directions")
        self._decoder.answered.connect(self._take_now)
        self._encoder = ChunkRunner(shared.panel.new_requester("bottlenecks"), self)
        self._encoder.grown.connect(self._take_bottlenecks)
        self._sweeper = ChunkRunner(shared.panel.new_requester("sweep"), self)
        self._sweeper.grown.connect(self._take_sweep)
        self._rest = QTimer(self, singleShot=True, interval=REST_MILLISECONDS)
        self._rest.timeout.connect(self._request_sweep)
        shared.page.came.connect(self._page_came)
        self.view.clicked.connect(self._press)
        self.view.column_step.connect(self._choose_sample)
        connect_page_keys(self.view, self.tools.images)
        self._build()

    def _build(self) -> None:
        self.mean_button, self.image_button = QPushButton("to the mean"), QPushButton("to the chosen image")
        self.mean_button.setToolTip("Set every slider back to the mean of all bottlenecks.")
        self.image_button.setToolTip("Set the sliders to the bottleneck of the image chosen in the other panels.")
        for button in (self.mean_button, self.image_button):
            button.setAccessibleName(f"Sliders {button.text()}")
        self.mean_button.clicked.connect(lambda: self.set_coefficients(np.zeros(DIRECTIONS)))
        self.image_button.clicked.connect(self.go_to_image)
        self.add_to_row(self.mean_button, self.image_button)
        self.controls.addStretch(1)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        self.sliders: list[QSlider] = []
        self._labels: list[tuple[QLabel, QLabel]] = []
        for index in range(DIRECTIONS):
            self._add_slider(grid, index)
        self.body.insertLayout(1, grid)

    def _add_slider(self, grid: QGridLayout, index: int) -> None:
        slider, share, value = QSlider(Qt.Orientation.Horizontal), QLabel(), QLabel()
        slider.setRange(-round(REACH * TENTHS), round(REACH * TENTHS))
        slider.setPageStep(TENTHS // 2)
        slider.setAccessibleName(f"Direction {index + 1}, in tenths of its standard deviation")
        slider.valueChanged.connect(self._moved)
        for label in (share, value):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setFont(self.view.font())
        value.setFixedWidth(value.fontMetrics().horizontalAdvance("−0.0 σ") + 14)
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        share.setBuddy(slider)
        self.sliders.append(slider)
        self._labels.append((share, value))
        for column, widget in enumerate((share, slider, value)):
            grid.addWidget(widget, index, column)
        grid.setColumnStretch(1, 1)

    # ---- the run ----

    def applies(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> str | None:
        network = networks.get(state.current) if state.current else None
        return reason({state.current: network}) if state.current and network is not None else None

    def inputs(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> tuple[object, ...]:
        network = networks.get(state.current) if state.current else None
        return state.current, network, state.current_known.split, *state.splits.items()

    def show_state(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> None:
        self.tools.images.want_split()
        network = networks.get(state.current) if state.current else None
        if not isinstance(network, EncoderDecoder):
            self._decoder.forget()
            self._encoder.begin([])
            self._network, self._source = None, ()
            return
        if network != self._network:
            self._forget()
        self._path, self._network = state.current, network
        self._encode(state, network)

    def _forget(self) -> None:
        self.directions, self._now, self._sweep, self._source = None, None, None, ()
        self._job, self._uses_page = None, False
        self._decoder.forget()
        self._sweeper.begin([])
        self.set_coefficients(np.zeros(DIRECTIONS))
        self._show_sliders()
        self.show_sentence("The directions in which the bottlenecks differ most appear here.")

    def _encode(self, state: State, network: EncoderDecoder) -> None:
        """Encode test images, or only the images shown where there is no test split."""
        most = min(MOST_IMAGES, MOST_VALUES // network.size)
        encoded_set = test_set(state, state.current, most=most)
        if encoded_set == "":
            return  # it is being read
        if isinstance(encoded_set, str):
            self._source_text = f"of the images shown only: {encoded_set[0].lower()}{encoded_set[1:]}"
            self._job, self._uses_page = None, True
            self._page_came()
            return
        self._uses_page = False
        source = (network, *state.splits.items())
        if source == self._source:
            return
        self._source = source
        self._source_text = f"of {len(encoded_set):,} test images"
        args = (
            state.current,
            network.model,
            network.bottleneck,
            network.shape,
            len(encoded_set),
            network.chunk_size,
            encoded_set.inputs,
        )
        self._job = ChunkedRun(*args)
        self._encoder.begin([self._job])

    def _take_bottlenecks(self, job: ChunkedRun) -> None:
        if job is not self._job or not job.done:
            return
        if job.errors:
            self.show_sentence(formatting.sentence(", ".join(job.errors)))
            return
        self._compute(list(job.chunks))

    def _page_came(self) -> None:
        """Use the images shown where there are no others; further pages change nothing."""
        bottlenecks = self.shared.page.bottlenecks.get(self._path) if self._path else None
        if self._uses_page and self._network is not None and bottlenecks is not None and self.directions is None:
            self._compute([bottlenecks])

    def _compute(self, parts: list[np.ndarray]) -> None:
        self.tools.disk.do("directions", partial(directions_of, parts), partial(self._take_directions, self._network))

    def _take_directions(self, network: EncoderDecoder | None, done: JobResult) -> None:
        if network != self._network:
            return
        if done.error or done.result is None:
            why = formatting.sentence(done.error) or "Too few bottlenecks differ for principal directions."
            self.show_sentence(why)
            return
        self.directions = done.result
        self._show_sliders()
        self.say(f"{self.name_of(self._path)}: principal directions {self._source_text}")
        self._request()
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
            slider.blockSignals(True)
            slider.setValue(round(value * TENTHS))
            slider.blockSignals(False)
        self._moved()

    def go_to_image(self) -> None:
        """Set the sliders to the chosen image."""
        bottlenecks = self.shared.page.bottlenecks.get(self._path) if self._path else None
        if self.directions is not None and bottlenecks is not None:
            chosen = min(self.store.state.sample, len(bottlenecks) - 1)
            self.set_coefficients(self.directions.coefficients_of(bottlenecks[chosen].reshape(1, -1))[0])

    def _show_sliders(self) -> None:
        directions = self.directions
        for index, (slider, (share, value)) in enumerate(zip(self.sliders, self._labels, strict=True)):
            there = directions is not None and index < len(directions)
            for widget in (slider, share, value):
                widget.setVisible(there or directions is None)
            slider.setEnabled(there)
            percent = 100 * float(directions.shares[index]) if directions is not None and there else 0.0
            share.setText(f"{index + 1}: {percent:.1f} %" if there else f"{index + 1}")
            slider.setToolTip(f"Direction {index + 1} holds {percent:.1f} % of the bottlenecks' variance.")
        self.mean_button.setEnabled(directions is not None)
        self.image_button.setEnabled(directions is not None)

    def _moved(self) -> None:
        for slider, (_, value) in zip(self.sliders, self._labels, strict=True):
            value.setText(f"{slider.value() / TENTHS:.1f} σ".replace("-", "−"))
        self._request()
        if self.directions is not None:
            self._rest.start()

    def _choose_sample(self, step: int) -> None:
        self.store.set_sample(max(0, self.store.state.sample + step))

    # ---- decoding ----

    def _request(self) -> None:
        if self.directions is None or self._network is None:
            return
        coefficients = np.stack([self.coefficients, np.zeros(len(self.directions))])
        points = self.directions.at(coefficients).reshape(2, *self._network.shape)
        self._decoder.send({self._path: Query(self._network.decoder, points, (self._network.picture,))}, self._network)

    def _take_now(self, done: QueryBatch) -> None:
        if done.context != self._network or self._network is None:
            return
        made = pictures_of(next(iter(done.replies.values())), self._network)
        if isinstance(made, str):
            self._now = None
            self.show_sentence(made)
            return
        self._now = made
        self.redraw()

    def _request_sweep(self) -> None:
        """Decode the row of each direction, one request per row."""
        if self.directions is None or self._network is None:
            return
        count, size = len(self.directions), len(SWEEP)
        wanted = np.repeat(self.coefficients[None], count * size, axis=0)
        for row in range(count):
            wanted[row * size : (row + 1) * size, row] = SWEEP
        directions, network = self.directions, self._network

        def inputs(start: int, stop: int) -> np.ndarray:
            return directions.at(wanted[start:stop]).reshape(-1, *network.shape)

        args = (self._path, network.decoder, network.picture, network.picture_shape, count * size, size, inputs)
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
        if self._now is None or self.directions is None:
            return
        labels = [f"{index + 1}" for index in range(len(self.directions))]
        rows = (
            ()
            if self._sweep is None
            else tuple(ImageRow(label, row) for label, row in zip(labels, self._sweep, strict=True))
        )
        columns = tuple(f"{value:+g} σ".replace("-", "−") if value else "0" for value in SWEEP)
        large = (Large("decoded now", self._now[0]), Large("the mean", self._now[1]))
        coefficients = ", ".join(f"{value:.1f}" for value in self.coefficients)
        text = f"Decoded at {coefficients} standard deviations along the principal directions"
        self.view.show_figure(SweepFigure(self.theme, large, rows, columns, text), text)

    def _press(self, point: QPointF) -> None:
        """Set a row's slider to the picture that was clicked."""
        figure = self.view.figure
        if not isinstance(figure, SweepFigure):
            return
        hit = figure.hit(point, self.view.paper)
        if hit is not None and hit.row < len(self.sliders):
            self.sliders[hit.row].setValue(round(SWEEP[hit.column] * TENTHS))

    def numbers(self) -> Numbers:
        if self.directions is None:
            return []
        rows = zip(self.coefficients, self.directions.deviations, self.directions.shares, strict=True)
        heading = ("direction", "coefficient in standard deviations", "standard deviation", "share of the variance")
        return [heading, *((index + 1, float(c), float(d), float(s)) for index, (c, d, s) in enumerate(rows))]
