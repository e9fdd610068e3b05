"""The plane of two latent values: training points, the images shown as rings, and what lies under the pointer, live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from PySide6.QtCore import QObject, QPointF
from PySide6.QtGui import QWheelEvent

from viewer.figures.latent_plane import Cloud, Ground, LatentPlaneFigure, Plane
from viewer.qt.chunks import ChunkedRun
from viewer.qt.latent.mode import Encoded, Mode, Shared, encoding_of, pictures_of
from viewer.qt.panels.request_panel import Queries
from viewer.qt.requester import Query, QueryBatch, Requester
from viewer.qt.widgets import controls
from viewer.qt.widgets.figure_view import PlotView
from viewer.qt.widgets.panel import Numbers
from viewer.state.encoder_decoders import EncodedSet, EncoderDecoder, training_set
from viewer.state.formatting import counted, shape
from viewer.state.latent import Range, range_around
from viewer.state.selection import State

BACKGROUND_SIDE = 15
MOST_POINTS = 3000  # of all planes together: more take longer than a frame to repaint
ARROW = 1 / 30  # of the range's width, for each key press


class TrainingPoints(Encoded):
    """The training images of several runs as points of their planes, at most so many together.

    `clouds` holds the points by run, `sets` what they are encoded from, or why there are none.
    """

    def __init__(self, requester: Requester, parent: QObject) -> None:
        super().__init__(requester, parent)
        self.clouds: dict[Path, Cloud] = {}
        self.sets: dict[Path, EncodedSet | str] = {}
        self._sets_of: tuple[object, ...] = ()

    def want(self, state: State, planes: Mapping[Path, EncoderDecoder]) -> None:
        """Encode training images, as many as all planes together can show."""
        sets_of = (*planes.items(), *state.splits.items())
        if sets_of != self._sets_of:
            self._sets_of, self.clouds = sets_of, {}
            most = MOST_POINTS // max(1, len(planes))
            self.sets = {path: _thin(training_set(state, path), most) for path in planes}
            sets = [(path, images) for path, images in self.sets.items() if isinstance(images, EncodedSet)]
            self.encode(encoding_of(path, planes[path], images) for path, images in sets)

    def finish(self, run: ChunkedRun) -> None:
        super().finish(run)
        for path in self.bottlenecks.keys() - self.clouds.keys():
            points, images = self.bottlenecks[path].astype(np.float32), self.sets[path]
            assert isinstance(images, EncodedSet), images
            finite = np.isfinite(points).all(axis=1)
            self.clouds[path] = Cloud(points[finite], images.labels[: len(points)][finite])

    def name_of(self, label: int) -> str:
        """What a class is called."""
        found = (images for images in self.sets.values() if isinstance(images, EncodedSet))
        return next((images.name_of(label) for images in found), str(label))

    def note(self, path: Path, state: State) -> str:
        """Say what the points of a run are, or why there are none."""
        images, cloud = self.sets.get(path, ""), self.clouds.get(path)
        why = self.errors.get(path, "") or (images if isinstance(images, str) else "")
        if why or isinstance(images, str):
            return why and f"No points: {why[0].lower()}{why[1:]}"
        if cloud is None:
            return f"encoding {len(images):,} training images …"
        history = state.known_of(path).history
        count = history.facts.get("train_images", "") if history else ""
        seen = f"; trained on {int(count):,}" if count.isdecimal() else ""
        labels = np.unique(cloud.classes)
        single = len(labels) == 1 and len(images.classes) > 1
        what = f" of the class {images.name_of(int(labels[0]))}" if single else ""
        return f"{len(cloud.points):,} training images{what}{seen}"


def _thin(images: EncodedSet | str, most: int) -> EncodedSet | str:
    """Return at most `most` images of a set, evenly spread."""
    if isinstance(images, str) or len(images) <= most:
        return images
    rows = np.linspace(0, len(images) - 1, most).astype(int)
    return replace(images, pixels=images.pixels[rows], labels=images.labels[rows])


class MovingView(PlotView):
    """A view of a plot whose range changes with the wheel alone, without Ctrl."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.angleDelta().y():
            self.zoom_by(1 if event.angleDelta().y() > 0 else -1, event.position())
            event.accept()


class PlaneMode(Mode):
    """Planes of all compared runs with two latent values; they share range and cross hair."""

    name = "plane"
    title = "Plane"
    hint = "Drag over the plane or use the arrow keys; the decoder's image of that point is shown live."

    def __init__(self, shared: Shared) -> None:
        self.moving = MovingView("Plane of the two latent values")
        super().__init__(shared, self.moving)
        self._backgrounds: dict[Path, Ground] = {}
        self._range, self._range_is_free = Range(), True  # until the user zooms, it follows the points
        self._held: int | None = None
        self._painter = shared.panel.new_requester("ground")
        self._painter.answered.connect(self._take_background)
        self._training = TrainingPoints(shared.panel.new_requester("training"), self)
        self._training.came.connect(self._points_came)
        shared.page.came.connect(self.redraw)
        self._build()

    def _build(self) -> None:
        tip = "Show the decoder's image of every part of the plane behind the points."
        name = "Decoded images as the background of the plane"
        self.background_box = controls.check("decoded background", tip, self._background_toggled, name=name)
        tip = "Show the range that contains all points (Home)."
        self.whole_button = controls.button("whole plane", tip, self.show_whole, name="Show the whole plane")
        self.add_to_row(self.background_box, self.whole_button)
        self.view.clicked.connect(self._press)
        self.view.dragged.connect(self._drag)
        self.view.column_step.connect(lambda step: self._nudge(step, 0))
        self.view.row_step.connect(lambda step: self._nudge(0, -step))
        self.view.page_step.connect(self.tools.images.turn)
        self.view.first.connect(self.show_whole)
        self.view.last.connect(self.tools.images.go_to_last)
        self.moving.zoomed.connect(self._zoom)

    # ---- the runs ----

    def applies(self, state: State) -> str | None:
        why = super().applies(state)
        if why != "":
            return why
        found = [network for network in self.shared.networks.values() if isinstance(network, EncoderDecoder)]
        if any(network.is_plane for network in found):
            return ""
        return (
            f"The bottleneck has the shape {shape(found[0].shape)}; a plane needs two values, as in the VAEs of hesso."
        )

    def inputs(self, state: State) -> tuple[object, ...]:
        networks = self.shared.networks
        return (*networks.items(), *(state.samples_of(path) for path in networks), *state.splits.items())

    def begin(self, state: State) -> None:
        self.tools.images.want_split()
        if set(self.networks) != set(self.shared.networks):
            self._range_is_free = True
        decoded = self.decoded
        super().begin(state)
        self.decoded = decoded  # shown until the next is there
        self._training.want(state, self._planes)
        self._request_background()
        self.redraw()

    @property
    def _planes(self) -> dict[Path, EncoderDecoder]:
        return {path: network for path, network in self.usable.items() if network.is_plane}

    # ---- range and cross hair ----

    def _points_came(self) -> None:
        self._fit_range()
        self.redraw()

    def _fit_range(self) -> None:
        clouds = self._training.clouds
        if self._range_is_free and clouds:
            self._set_range(range_around(np.concatenate([cloud.points for cloud in clouds.values()])))
            x, y = self.shared.cross
            if max(abs(x - self._range.x), abs(y - self._range.y)) > self._range.reach:
                self._move(self._range.x, self._range.y)  # to where the points are

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

    @property
    def _figure(self) -> LatentPlaneFigure | None:
        return self.view.figure if isinstance(self.view.figure, LatentPlaneFigure) else None

    def _zoom(self, steps: int, around: QPointF | None) -> None:
        figure = self._figure
        if figure is None:
            return
        hit = figure.hit(around, self.view.paper) if around is not None else None
        x, y = (hit.x, hit.y) if hit is not None else self.shared.cross
        self._range_is_free = False
        self._set_range(self._range.zoomed(steps, x, y))

    def _press(self, point: QPointF) -> None:
        figure = self._figure
        if figure is None:
            return
        ring = figure.ring_at(point, self.view.paper)
        if ring is not None:
            self._move(ring.x, ring.y)
            self.store.set_sample(ring.image)
            return
        hit = figure.hit(point, self.view.paper)
        self._held = hit.plane if hit is not None else None
        self._drag(point)

    def _drag(self, point: QPointF) -> None:
        figure = self._figure
        if self._held is None or figure is None:
            return
        hit = figure.hit(point, self.view.paper, held=self._held)
        if hit is not None:
            self._move(hit.x, hit.y)

    def _nudge(self, across: int, up: int) -> None:
        x, y = self.shared.cross
        step = 2 * self._range.reach * ARROW
        self._move(x + across * step, y + up * step)

    def _move(self, x: float, y: float) -> None:
        """Move the cross hair, and the range where it would leave that."""
        if (x, y) != self.shared.cross:
            self.shared.cross = (x, y)
            self._set_range(self._range.moved_to_show(x, y))
            self.request()
            self.decoded_came()

    # ---- decoding ----

    def points(self) -> dict[Path, np.ndarray]:
        point = np.array([self.shared.cross], dtype=np.float32)
        return dict.fromkeys(self._planes, point)

    def decoded_came(self) -> None:
        """Update only the cross hair and the image decoded there."""
        figure, made = self._figure, [self.decoded.get(path) for path in self.networks]
        if figure is None or len(figure.planes) != len(self.networks) or any(isinstance(one, str) for one in made):
            self.redraw()
            return
        pictures = [one[0] if isinstance(one, np.ndarray) else None for one in made]
        self.view.show_figure(figure.at(self.shared.cross, pictures), figure.description)

    def _background_toggled(self) -> None:
        self._backgrounds = {}
        self._request_background()
        self.redraw()

    def _request_background(self) -> None:
        planes, points = self._planes, self._range.centres(BACKGROUND_SIDE)
        if not self.background_box.isChecked() or not planes:
            self._painter.forget()
            return
        queries: Queries = {
            path: Query(network.decoder, points, (network.picture,)) for path, network in planes.items()
        }
        self._painter.send(queries, (self._range, planes))

    def _take_background(self, done: QueryBatch) -> None:
        seen, networks = cast("tuple[Range, dict[Path, EncoderDecoder]]", done.context)
        for path, network in networks.items():
            made = pictures_of(done.replies[path], network)
            if not isinstance(made, str):
                self._backgrounds[path] = Ground(seen, made)
        self.redraw()

    # ---- showing ----

    def redraw(self) -> None:
        if not self._planes or not self.in_front:
            return
        labels = sorted({int(n) for cloud in self._training.clouds.values() for n in np.unique(cloud.classes)})
        x, y = self.shared.cross
        text = f"{counted(len(self.networks), 'plane')} of latent values; decoded at {x:.2f}, {y:.2f}"
        figure = LatentPlaneFigure(
            theme=self.theme,
            range=self._range,
            cross=(x, y),
            planes=tuple(self._plane(path) for path in self.networks),
            names={label: self._training.name_of(label) for label in labels},
            chosen=self.store.state.sample,
        )
        self.say(self._summary())
        self.view.show_figure(replace(figure, description=text), text)

    def _plane(self, path: Path) -> Plane:
        several, network = len(self.networks) > 1, self.networks[path]
        title = self.store.state.shown_names[path] if several else ""
        if isinstance(network, str):
            return Plane(title, sentence=network)
        if not network.is_plane:
            return Plane(title, sentence=f"Its bottleneck has the shape {shape(network.shape)}, not two values.")
        made = self.decoded.get(path)
        return Plane(
            title=title,
            colour=self.theme.colour_of_run(self.store.state.colours, path) if several else "",
            note=self._training.note(path, self.store.state) if len(self._planes) > 1 else "",
            cloud=self._training.clouds.get(path),
            rings=self.shared.page.bottlenecks.get(path),
            decoded=made[0] if isinstance(made, np.ndarray) else None,
            ground=self._backgrounds.get(path) if self.background_box.isChecked() else None,
            sentence=made if isinstance(made, str) else "",
        )

    def _summary(self) -> str:
        if len(self._planes) > 1:
            return "the planes share range and cross hair"
        return self._training.note(next(iter(self._planes)), self.store.state)

    def numbers(self) -> Numbers:
        return [("run", "what", "image", "class", "z1", "z2"), *self._rows()] if self._planes else []

    def _rows(self) -> Iterator[tuple[str | float | int, ...]]:
        for path in self._planes:
            name, images = self.name_of(path), self._training.sets.get(path)
            yield name, "cross hair", "", "", *self.shared.cross
            for index, (x, y) in enumerate(self.shared.page.bottlenecks.get(path, np.zeros((0, 2))).tolist()):
                yield name, "image shown", index + 1, "", x, y
            cloud = self._training.clouds.get(path)
            if cloud is not None and isinstance(images, EncodedSet):
                pairs = zip(cloud.points.tolist(), cloud.classes.tolist(), strict=True)
                for index, ((x, y), label) in enumerate(pairs):
                    yield name, "training image", index + 1, images.name_of(label), x, y
