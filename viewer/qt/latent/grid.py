"""The sheet's grids of generated pictures, with how the classifier classifies each; a click decodes that point."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF

from viewer.figures import colours
from viewer.figures.arrange import Parts
from viewer.figures.image_grid import PlaneFigure, side_by_side
from viewer.qt.latent.mode import Mode, Shared
from viewer.qt.panels.request_panel import hit_in
from viewer.qt.widgets import controls
from viewer.qt.widgets.panel import Numbers
from viewer.state.encoder_decoders import label_of
from viewer.state.grids import PictureGrid
from viewer.state.latent import label_by_share
from viewer.state.selection import State

GRIDS = {"the middle of the plane": "plane", "out to ±4": "extreme"}
EMPTY = np.zeros((0, 1, 1, 3), dtype=np.uint8)


class GridMode(Mode):
    """The grids of all compared runs that have them; misclassified images are marked green."""

    name = "grid"
    title = "Grid"
    hint = "The generated images of the assignment; misclassified ones are marked green."

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._tile: int | None = None
        tip = "The 15 quantiles of the standard normal distribution, or even steps from −4 to 4."
        self.grid_box = controls.combo("Which grid of the latent plane", tip, GRIDS)
        self.grid_box.currentIndexChanged.connect(self._other_grid)
        self.point_label = controls.label("")
        self.add_to_row(self.grid_box, self.point_label)
        self.view.clicked.connect(self._press)
        self.view.column_step.connect(self._step)
        self.view.row_step.connect(lambda step: self._step(step * self._side))
        self.view.first.connect(lambda: self._go_to_tile(0))
        self.view.last.connect(lambda: self._go_to_tile(self._side**2 - 1))

    @property
    def chosen_grid(self) -> str:
        return str(self.grid_box.currentData())

    def applies(self, state: State) -> str | None:
        histories = {path: state.known_of(path).history for path in self.shared.networks}
        if any(history is not None and history.grids.keys() & {*GRIDS.values()} for history in histories.values()):
            return ""
        for path, history in histories.items():
            entry = state.entry_of(path)
            if history is None and entry and entry.history_stamp and not state.known_of(path).error:
                return None  # it is being read
        return "Only finished runs with two latent values have grids of generated images."

    def inputs(self, state: State) -> tuple[object, ...]:
        histories = ((path, state.known_of(path).history) for path in self.shared.networks)
        return (*histories, *state.splits.items())

    def begin(self, state: State) -> None:
        super().begin(state)
        self.tools.images.want_split()  # the test images say which class a run was trained on

    def _other_grid(self) -> None:
        self._tile = None
        self.redraw()

    # ---- showing ----

    def redraw(self) -> None:
        grids = {path: self._grid(path) for path in self.networks}
        if not any(grids.values()):
            return
        planes = tuple(self._plane(path, grid) for path, grid in grids.items())
        titles = ". ".join(plane.title for plane in planes)
        self._say_point()
        self.say(planes[0].title if len(planes) == 1 else f"{self.grid_box.currentText()}, {len(planes)} runs")
        shown = tuple(replace(plane, title="") for plane in planes) if len(planes) == 1 else planes
        parts = {str(number): plane for number, plane in enumerate(shown)}
        self.view.show_figure(Parts(parts, side_by_side, titles), titles)

    def _grid(self, path: Path | None) -> PictureGrid | None:
        history = self.store.state.known_of(path).history
        found = history.grids.get(self.chosen_grid) if history is not None else None
        return found if found is not None and found.side**2 == len(found.images) else None

    def _plane(self, path: Path, grid: PictureGrid | None) -> PlaneFigure:
        name = self.store.state.shown_names[path] if len(self.networks) > 1 else ""
        if grid is None:
            return PlaneFigure(self.theme, name, EMPTY, sentence="This run has no grid of generated images.")
        predictions, label = grid.predictions, self.label(path)
        marks: tuple[str, ...] = ()
        text = "no classifier was applied" if predictions is None else "their true class is not known"
        if predictions is not None and label is not None:
            marks = tuple("" if given == label else self._class(path, given) for given in predictions.tolist())
            text = f"{sum(map(bool, marks))} of {len(marks)} misclassified"
        title = f"{name}: {text}" if name else text
        return PlaneFigure(self.theme, title, colours.from_images(grid.images), marks, chosen=self._tile)

    def label(self, path: Path) -> int | None:
        """The class that a run generates: by its test images, or by the share of wrong ones in its history."""
        state = self.store.state
        known, history = label_of(state, path), state.known_of(path).history
        if known is not None or history is None:
            return known
        for name in GRIDS.values():
            grid = history.grids.get(name)
            if grid is not None and grid.predictions is not None:
                found = label_by_share(grid.predictions, history.metrics.get(f"wrong-{name}"))
                if found is not None:
                    return found
        return None

    def _class(self, path: Path, prediction: int) -> str:
        known = self.store.state.known_of(path)
        split = self.store.state.splits.get(known.split) if known.split else None
        classes = split.classes if split is not None else ()
        return classes[prediction] if 0 <= prediction < len(classes) else str(prediction)

    # ---- pointing ----

    @property
    def _side(self) -> int:
        return max((grid.side for grid in map(self._grid, self.networks) if grid is not None), default=1)

    def _press(self, point: QPointF) -> None:
        hit = hit_in(self.view, point)
        if hit is not None:
            self._choose(int(hit[0]), hit[2])

    def _step(self, step: int) -> None:
        self._go_to_tile(self._side**2 // 2 if self._tile is None else self._tile + step)

    def _go_to_tile(self, tile: int) -> None:
        if self.view.figure is not None:
            self._choose(0, max(0, min(self._side**2 - 1, tile)))

    def _choose(self, plane: int, tile: int) -> None:
        self._tile = tile
        point = self._point(list(self.networks)[plane], tile)
        if point is not None:
            self.shared.cross = point
        self.redraw()

    def _point(self, path: Path, tile: int) -> tuple[float, float] | None:
        grid = self._grid(path)
        if grid is None or grid.points is None or tile >= len(grid.points):
            return None
        x, y = grid.points[tile].tolist()
        return x, y

    def hint_at(self, point: QPointF) -> str:
        hit = hit_in(self.view, point)
        return self._hint_text(list(self.networks)[int(hit[0])], hit[2]) if hit else ""

    def _hint_text(self, path: Path, tile: int) -> str:
        point, grid = self._point(path, tile), self._grid(path)
        where = "({:.2f}, {:.2f})".format(*point).replace("-", "−") if point else f"picture {tile + 1}"
        if grid is None or grid.predictions is None or tile >= len(grid.predictions):
            return where
        prediction, label = int(grid.predictions[tile]), self.label(path)
        wrong = f", not {self._class(path, label)}" if label is not None and prediction != label else ""
        return f"{where}: classified as {self._class(path, prediction)}{wrong}"

    def _say_point(self) -> None:
        path = next((path for path in self.networks if self._grid(path) is not None), None)
        self.point_label.setText(self._hint_text(path, self._tile) if self._tile is not None and path else "")

    def numbers(self) -> Numbers:
        rows: Numbers = [("run", "z1", "z2", "predicted", "class")]
        for path in self.networks:
            grid, label = self._grid(path), self.label(path)
            for tile in range(len(grid.images) if grid else 0):
                assert grid is not None
                x, y = self._point(path, tile) or ("", "")
                prediction = int(grid.predictions[tile]) if grid.predictions is not None else ""
                rows.append((self.name_of(path), x, y, prediction, "" if label is None else label))
        return rows if len(rows) > 1 else []
