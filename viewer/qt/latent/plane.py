"""The plane of two latent values: training points, the images shown as rings, and what lies under the pointer, live."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QCheckBox, QPushButton

from viewer.figures.latent_plane import Cloud, Ground, LatentPlaneFigure, Plane
from viewer.qt.chunks import ChunkedRun, ChunkRunner
from viewer.qt.latent.mode import Mode, MovingView, Shared, pictures_of, reason
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.widgets.panel import Numbers
from viewer.state.encoder_decoders import EncodedSet, EncoderDecoder, training_set
from viewer.state.formatting import shape
from viewer.state.latent import Range, range_around
from viewer.state.selection import State

MOST_POINTS = 3000  # of all planes together: more take longer than a frame to repaint
BACKGROUND_SIDE = 15
ARROW = 1 / 30  # of the range's width, for each key press


class PlaneMode(Mode):
    """Planes of all compared runs with two latent values; they share range and cross hair."""

    name = "plane"
    title = "Plane"
    hint = "Drag over the plane or use the arrow keys; the decoder's image of that point is shown live."

    def __init__(self, shared: Shared) -> None:
        self.moving = MovingView("Plane of the two latent values")
        super().__init__(shared, self.moving)
        self._networks: dict[Path, EncoderDecoder | str] = {}
        self._encoded_sets: dict[Path, EncodedSet | str] = {}
        self._jobs: dict[Path, ChunkedRun] = {}
        self._cloud_of: tuple[object, ...] = ()
        self._clouds: dict[Path, Cloud] = {}
        self._decoded: dict[Path, np.ndarray | str] = {}
        self._backgrounds: dict[Path, Ground] = {}
        self._range, self._range_is_free = Range(), True  # until the user zooms, it follows the points
        self._held: int | None = None
        self._decoder, self._painter = shared.panel.new_requester("point"), shared.panel.new_requester("ground")
        self._decoder.answered.connect(self._take_decoded)
        self._painter.answered.connect(self._take_background)
        self._encoder = ChunkRunner(shared.panel.new_requester("training"), self)
        self._encoder.grown.connect(self._take_points)
        shared.page.came.connect(self.redraw)
        shared.cross.moved.connect(self._cross_moved)
        self._build()

    def _build(self) -> None:
        self.background_box = QCheckBox("decoded background")
        self.background_box.setToolTip("Show the decoder's image of every part of the plane behind the points.")
        self.background_box.setAccessibleName("Decoded images as the background of the plane")
        self.background_box.toggled.connect(self._background_toggled)
        self.whole_button = QPushButton("whole plane")
        self.whole_button.setToolTip("Show the range that contains all points (Home).")
        self.whole_button.setAccessibleName("Show the whole plane")
        self.whole_button.clicked.connect(self.show_whole)
        self.add_to_row(self.background_box, self.whole_button)
        self.controls.addStretch(1)
        self.view.setToolTip("")
        self.view.clicked.connect(self._press)
        self.view.dragged.connect(self._drag)
        self.view.released.connect(lambda _: self._let_go())
        self.view.column_step.connect(lambda step: self._nudge(step, 0))
        self.view.row_step.connect(lambda step: self._nudge(0, -step))
        self.view.page_step.connect(self.tools.images.turn)
        self.view.first.connect(self.show_whole)
        self.view.last.connect(self.tools.images.go_to_last)
        self.moving.zoomed.connect(self._zoom)

    # ---- the runs ----

    def applies(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> str | None:
        why = reason(networks)
        if why != "":
            return why
        found = [network for network in networks.values() if isinstance(network, EncoderDecoder)]
        if any(network.is_plane for network in found):
            return ""
        return (
            f"The bottleneck has the shape {shape(found[0].shape)}; a plane needs two values, as in the VAEs of hesso."
        )

    def inputs(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> tuple[object, ...]:
        samples = tuple(state.samples_of(path) for path in networks)
        return (*networks.items(), *samples, *(state.splits.items()))

    def show_state(self, state: State, networks: dict[Path, EncoderDecoder | str]) -> None:
        self.tools.images.want_split()
        others = set(self._networks) != set(networks)
        self._networks = networks
        if others:
            self._range_is_free = True
        self._encode(state)
        self._decode()
        self._request_background()
        self.redraw()

    @property
    def _planes(self) -> dict[Path, EncoderDecoder]:
        return {
            path: network
            for path, network in self._networks.items()
            if isinstance(network, EncoderDecoder) and network.is_plane
        }

    # ---- points ----

    def _encode(self, state: State) -> None:
        """Encode training images, as many as all planes together can show."""
        cloud_of = (*self._planes.items(), *state.splits.items())
        if cloud_of == self._cloud_of:
            return
        self._cloud_of = cloud_of
        self._encoded_sets = {path: training_set(state, path) for path in self._planes}
        self._clouds, self._jobs = {}, {}
        most = MOST_POINTS // max(1, len(self._planes))
        for path, network in self._planes.items():
            encoded_set = self._encoded_sets[path]
            if isinstance(encoded_set, EncodedSet):
                few = _thin(encoded_set, most)
                self._encoded_sets[path] = few
                args = (
                    path,
                    network.model,
                    network.bottleneck,
                    network.shape,
                    len(few),
                    network.chunk_size,
                    few.inputs,
                )
                self._jobs[path] = ChunkedRun(*args)
        self._encoder.begin(list(self._jobs.values()))

    def _take_points(self, job: ChunkedRun) -> None:
        path = job.key
        assert isinstance(path, Path)
        if self._jobs.get(path) is not job:
            return
        encoded_set = self._encoded_sets[path]
        if job.errors or not isinstance(encoded_set, EncodedSet):
            self._encoded_sets[path] = f"The training images could not be encoded: {', '.join(job.errors)}."
        elif job.done:
            points = np.concatenate(job.chunks).astype(np.float32)
            finite = np.isfinite(points).all(axis=1)
            self._clouds[path] = Cloud(points[finite], encoded_set.labels[: len(points)][finite])
        if job.done:
            self._fit_range()
            self.redraw()

    def _fit_range(self) -> None:
        if self._range_is_free and self._clouds:
            everything = np.concatenate([cloud.points for cloud in self._clouds.values()])
            self._set_range(range_around(everything))
            x, y = self.shared.cross.point
            if max(abs(x - self._range.x), abs(y - self._range.y)) > self._range.reach:
                self.shared.cross.move(self._range.x, self._range.y)  # to where the points are

    # ---- range and cross hair ----

    def show_whole(self) -> None:
        """Show the range that contains all points."""
        self._range_is_free = True
        self._set_range(Range())
        self._fit_range()

    def _set_range(self, wanted: Range) -> None:
        if wanted != self._range:
            self._range = wanted
            self._request_background()
            self.redraw()

    def _zoom(self, steps: int, around: QPointF | None) -> None:
        figure = self.view.figure
        if not isinstance(figure, LatentPlaneFigure):
            return
        hit = figure.hit(around, self.view.paper) if around is not None else None
        x, y = (hit.x, hit.y) if hit is not None else self.shared.cross.point
        self._range_is_free = False
        self._set_range(self._range.zoomed(steps, x, y))

    def _press(self, point: QPointF) -> None:
        figure = self.view.figure
        if not isinstance(figure, LatentPlaneFigure):
            return
        ring = figure.ring_at(point, self.view.paper)
        if ring is not None:
            self.shared.cross.move(ring.x, ring.y)
            self.store.set_sample(ring.image)
            return
        hit = figure.hit(point, self.view.paper)
        self._held = hit.plane if hit is not None else None
        self._drag(point)

    def _drag(self, point: QPointF) -> None:
        figure = self.view.figure
        if self._held is None or not isinstance(figure, LatentPlaneFigure):
            return
        hit = figure.hit(point, self.view.paper, held=self._held)
        if hit is not None:
            self.shared.cross.move(hit.x, hit.y)

    def _let_go(self) -> None:
        self._held = None

    def _nudge(self, across: int, up: int) -> None:
        x, y = self.shared.cross.point
        step = 2 * self._range.reach * ARROW
        self.shared.cross.move(x + across * step, y + up * step)

    def _cross_moved(self) -> None:
        if not self.in_front:
            return
        self._set_range(self._range.moved_to_show(*self.shared.cross.point))
        self._decode()
        self._show_decoded()

    # ---- decoding ----

    def _decode(self) -> None:
        point = np.array([self.shared.cross.point], dtype=np.float32)
        queries: dict[Hashable, Query] = {
            path: Query(network.decoder, point, (network.picture,)) for path, network in self._planes.items()
        }
        if queries:
            self._decoder.send(queries, dict(self._planes))
        else:
            self._decoder.forget()

    def _take_decoded(self, done: QueryBatch) -> None:
        assert isinstance(done.context, dict)
        for path, reply in done.replies.items():
            assert isinstance(path, Path)
            made = pictures_of(reply, done.context[path])
            self._decoded[path] = made if isinstance(made, str) else made[0]
        self._show_decoded()

    def _show_decoded(self) -> None:
        """Update only the cross hair and the image decoded there."""
        figure = self.view.figure
        if not isinstance(figure, LatentPlaneFigure) or len(figure.planes) != len(self._networks):
            self.redraw()
            return
        made = [self._decoded.get(path) for path in self._networks]
        if any(isinstance(one, str) for one in made):
            self.redraw()
            return
        pictures = [one if isinstance(one, np.ndarray) else None for one in made]
        self.view.show_figure(figure.at(self.shared.cross.point, pictures), figure.description)

    def _background_toggled(self) -> None:
        self._backgrounds = {}
        self._request_background()
        self.redraw()

    def _request_background(self) -> None:
        if not self.background_box.isChecked() or not self._planes:
            self._painter.forget()
            return
        points = self._range.centres(BACKGROUND_SIDE)
        queries: dict[Hashable, Query] = {
            path: Query(network.decoder, points, (network.picture,)) for path, network in self._planes.items()
        }
        self._painter.send(queries, (self._range, dict(self._planes)))

    def _take_background(self, done: QueryBatch) -> None:
        assert isinstance(done.context, tuple)
        seen, networks = done.context
        for path, reply in done.replies.items():
            assert isinstance(path, Path)
            made = pictures_of(reply, networks[path])
            if not isinstance(made, str):
                self._backgrounds[path] = Ground(seen, made)
        self.redraw()

    # ---- showing ----

    def redraw(self) -> None:
        if not self._planes or not self.in_front:
            return
        planes = tuple(self._plane(path) for path in self._networks)
        labels = {int(label) for cloud in self._clouds.values() for label in np.unique(cloud.classes)}
        encoded_set = next(
            (encoded_set for encoded_set in self._encoded_sets.values() if isinstance(encoded_set, EncodedSet)), None
        )
        figure = LatentPlaneFigure(
            theme=self.theme,
            range=self._range,
            cross=self.shared.cross.point,
            planes=planes,
            names={label: encoded_set.name_of(label) for label in sorted(labels)} if encoded_set else {},
            chosen=self.store.state.sample,
        )
        x, y = self.shared.cross.point
        text = f"{len(planes)} planes of latent values; decoded at {x:.2f}, {y:.2f}"
        self.say(self._summary())
        self.view.show_figure(replace(figure, description=text), text)

    def _plane(self, path: Path) -> Plane:
        several = len(self._networks) > 1
        title, network = self.name_of(path) if several else "", self._networks[path]
        if not isinstance(network, EncoderDecoder) or not network.is_plane:
            why = (
                network
                if isinstance(network, str)
                else f"Its bottleneck has the shape {shape(network.shape)}, not two values."
            )
            return Plane(title, sentence=why)
        made = self._decoded.get(path)
        return Plane(
            title=title,
            note=self._note(path) if several else "",
            cloud=self._clouds.get(path),
            rings=self.shared.page.bottlenecks.get(path),
            decoded=made if isinstance(made, np.ndarray) else None,
            ground=self._backgrounds.get(path) if self.background_box.isChecked() else None,
            sentence=made if isinstance(made, str) else "",
        )

    def _note(self, path: Path) -> str:
        """Say what the points of a run are, or why there are none."""
        encoded_set, cloud = self._encoded_sets.get(path, ""), self._clouds.get(path)
        if isinstance(encoded_set, str):
            return encoded_set and f"No points: {encoded_set[0].lower()}{encoded_set[1:]}"
        if cloud is None:
            return f"encoding {len(encoded_set):,} training images …"
        history = self.store.state.known_of(path).history
        count = history.facts.get("train_images", "") if history else ""
        seen = f"; trained on {int(count):,}" if count.isdecimal() else ""
        labels = np.unique(cloud.classes)
        what = (
            f" of the class {encoded_set.name_of(int(labels[0]))}"
            if len(labels) == 1 and len(encoded_set.classes) > 1
            else ""
        )
        return f"{len(cloud.points):,} training images{what}{seen}"

    def _summary(self) -> str:
        if len(self._networks) > 1:
            return (
                "the planes share range and cross hair"
                if len(self._planes) > 1
                else self._note(next(iter(self._planes)))
            )
        return self._note(next(iter(self._planes)))

    def numbers(self) -> Numbers:
        return [("run", "what", "image", "class", "z1", "z2"), *self._rows()] if self._planes else []

    def _rows(self) -> Iterator[tuple[str | float | int, ...]]:
        for path in self._planes:
            name, encoded_set = self.name_of(path), self._encoded_sets.get(path)
            yield name, "cross hair", "", "", *self.shared.cross.point
            for index, (x, y) in enumerate(self.shared.page.bottlenecks.get(path, np.zeros((0, 2))).tolist()):
                yield name, "image shown", index + 1, "", x, y
            cloud = self._clouds.get(path)
            if cloud is not None and isinstance(encoded_set, EncodedSet):
                pairs = zip(cloud.points.tolist(), cloud.classes.tolist(), strict=True)
                for index, ((x, y), label) in enumerate(pairs):
                    yield name, "training image", index + 1, encoded_set.name_of(label), x, y


def _thin(encoded_set: EncodedSet, most: int) -> EncodedSet:
    """Return at most `most` images of a set, evenly spread."""
    if len(encoded_set) <= most:
        return encoded_set
    rows = np.linspace(0, len(encoded_set) - 1, most).astype(int)
    return replace(encoded_set, pixels=encoded_set.pixels[rows], labels=encoded_set.labels[rows])
