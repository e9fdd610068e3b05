"""Draw: a canvas whose drawing goes live through every compared graph."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QMimeData, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QSplitter,
    QToolButton,
    QWidget,
)

from viewer.figures import colours
from viewer.figures.drawn import DrawnCell, DrawnFigure
from viewer.figures.theme import Theme
from viewer.figures.tiles import Large
from viewer.infer.requests import Reply
from viewer.qt.disk import JobResult
from viewer.qt.image_browser import encoded_picture, picture_files, pixels_of
from viewer.qt.panels.images import ImagePanel
from viewer.qt.requester import Query, QueryBatch
from viewer.qt.tools import Tools
from viewer.qt.widgets.canvas import Canvas
from viewer.qt.widgets.elided_label import ElidedLabel
from viewer.qt.widgets.panel import Command, Numbers
from viewer.state import drawing, formatting, numbers, run_outputs
from viewer.state.drawing import MOST_LIKELY, SIDE, Given
from viewer.state.graph import GraphInfo
from viewer.state.run_outputs import not_finite
from viewer.state.selection import State
from zoo.data import fit

THINNEST, WIDEST = 4, 80  # of the brush, in pixels of the canvas
COLOURS = {
    "white": "#ffffff",
    "red": "#e03030",
    "orange": "#f09020",
    "yellow": "#f0e040",
    "green": "#30a040",
    "blue": "#3060e0",
    "violet": "#9040c0",
    "brown": "#805030",
    "grey": "#808080",
}
BESIDE = 1.2  # times the height: from this width on the outputs stand beside the canvas, otherwise below it
NOTHING_DRAWN = (
    "Draw on the black square with the mouse, a tablet, or the arrow keys and Space. You can also paste a picture "
    "with Ctrl+V, or drop one. What the networks make of it appears here."
)


@dataclass(frozen=True, eq=False)
class DrawingInput:
    """A graph, and the drawing as it is given to it."""

    graph: GraphInfo
    task: str
    given: Given


@dataclass(frozen=True, eq=False)
class DrawResult:
    """A graph's output for the drawing: an image (C, H, W) or class probabilities, and a point in the latent plane."""

    drawing_input: DrawingInput
    picture: np.ndarray | None = None
    likely: tuple[tuple[str, float], ...] = ()
    point: tuple[float, float] | None = None
    sentence: str = ""

    @property
    def error(self) -> float | None:
        """The mean squared error between output and input, where the two should be equal."""
        given = self.drawing_input.given.image
        if self.picture is None or self.picture.shape != given.shape or self.drawing_input.task == "translate":
            return None
        return float(numbers.mse(given[None], self.picture[None])[0])


class Draw(ImagePanel):
    """A canvas, and beside it what every compared network makes of the drawing, updated while one draws."""

    name = "draw"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.requester = self.new_requester()
        self.requester.answered.connect(self._take)
        self.made: dict[Path, DrawResult] = {}
        self._shown: tuple[object, ...] = ()
        self._changed_since = False  # the canvas was changed while a round was under way
        self._origin = ""  # of the picture that is drawn on
        self.canvas = Canvas(_may_be_picture, self)
        self.canvas.changed.connect(self._want)
        self.canvas.offered.connect(self._take_offer)
        self.view.setAccessibleName("What the networks make of the drawing")
        self.view.show_sentence(NOTHING_DRAWN)
        self._make_controls()
        self._build()

    # ---- controls ----

    def _make_controls(self) -> None:
        self.brush_slider = QSlider(Qt.Orientation.Horizontal)
        self.brush_slider.setRange(THINNEST, WIDEST)
        self.brush_slider.setValue(round(self.canvas.brush))
        self.brush_slider.setMinimumWidth(50)
        self.brush_slider.setAccessibleName("Width of the brush")
        self.brush_slider.setToolTip(
            f"Width of the brush in pixels of the {SIDE}×{SIDE} canvas; a tablet's pressure makes it wider"
        )
        self.brush_slider.valueChanged.connect(self._set_brush)
        self.colour_box = QComboBox()
        for name, colour in COLOURS.items():
            self.colour_box.addItem(_swatch(colour), name, colour)
        self.colour_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.colour_box.setMinimumContentsLength(4)
        self.colour_box.setAccessibleName("Colour of the brush")
        self.colour_box.setToolTip("Colour of the brush; networks for grey images only see its brightness")
        self.colour_box.currentIndexChanged.connect(self._set_colour)
        self.eraser_button = _button(
            "eraser", "Paint black; the right mouse button and the other end of a pen do the same"
        )
        self.eraser_button.setCheckable(True)
        self.eraser_button.toggled.connect(self._set_erasing)
        self.undo_button = _button("undo", "Undo the last stroke (Backspace on the canvas)")
        self.undo_button.clicked.connect(self.canvas.undo)
        self.clear_button = _button("clear", "Clear the canvas (Delete on the canvas)")
        self.clear_button.clicked.connect(self.canvas.clear)
        self.paste_button = _button("paste", "Paste the picture from the clipboard (Ctrl+V on the canvas)")
        self.paste_button.clicked.connect(self.canvas.paste)
        self.centre_box = QCheckBox("centre as MNIST")
        self.centre_box.setAccessibleName("Centre the drawing as MNIST's digits are")
        self.centre_box.setToolTip(
            "For grey images: scale the drawing to 20 of 28 pixels and move its centre of mass to the middle,\n"
            "as MNIST's digits were prepared (LeCun, Cortes, Burges 1998). Networks trained on MNIST have\n"
            "only seen digits of this size and position."
        )
        self.centre_box.toggled.connect(self._want)
        self.noise_box = QDoubleSpinBox()
        self.noise_box.lineEdit().setAccessibleName("Standard deviation of noise on the drawing")
        self.noise_box.setRange(0, 1)
        self.noise_box.setSingleStep(0.05)
        self.noise_box.setAccessibleName("Standard deviation of noise on the drawing")
        self.noise_box.setToolTip("Gaussian noise that is added to the drawing before the networks see it; 0 adds none")
        self.noise_box.valueChanged.connect(self._want)

    def _build(self) -> None:
        self.note_label = ElidedLabel()
        self.note_label.setTextFormat(Qt.TextFormat.PlainText)
        brush_label, noise_label = QLabel("brush"), QLabel("noise σ")
        brush_label.setBuddy(self.brush_slider)
        noise_label.setBuddy(self.noise_box)
        buttons = (self.eraser_button, self.undo_button, self.clear_button)
        first, second = QHBoxLayout(), QHBoxLayout()
        for row, controls in (
            (first, (brush_label, self.brush_slider, self.colour_box, *buttons)),
            (second, (self.paste_button, self.centre_box, noise_label, self.noise_box, self.note_label)),
        ):
            row.setSpacing(5)
            for control in controls:
                control.setFont(self.view.font())
                row.addWidget(control, 1 if control in (self.brush_slider, self.note_label) else 0)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.body.insertLayout(0, first)
        self.body.insertLayout(1, second)
        self.body.addWidget(self.splitter, 1)
        for widget, share in ((self.canvas, 2), (self.view, 3)):
            self.splitter.addWidget(widget)
            self.splitter.setStretchFactor(self.splitter.indexOf(widget), share)
        self._enable()

    def _enable(self) -> None:
        self.undo_button.setEnabled(self.canvas.can_undo)
        self.clear_button.setEnabled(not self.canvas.is_empty)

    def _set_brush(self, width: int) -> None:
        self.canvas.brush = float(width)
        self.canvas.update()

    def _set_colour(self, index: int) -> None:
        self.canvas.colour = str(self.colour_box.itemData(index))
        self.eraser_button.setChecked(False)

    def _set_erasing(self, on: bool) -> None:
        self.canvas.erasing = on

    def focus_panel(self) -> None:
        self.canvas.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def commands(self) -> tuple[Command, ...]:
        return (
            Command("put the chosen image on the canvas", self.take_sample, "Alt+D"),
            Command("show the drawing in every panel", self.show_everywhere),
            Command("clear the canvas", self.canvas.clear),
        )

    def take_sample(self) -> None:
        """Put the chosen sample on the canvas, to be changed there."""
        page, chosen = self.store.state.page, self.store.state.sample
        if page is not None:
            pixels = colours.from_images(page.clean[min(chosen, len(page.clean) - 1)][None])[0]
            self._take_picture(pixels, f"image {min(chosen, len(page.clean) - 1) + 1} of {page.title}")

    def show_everywhere(self) -> None:
        """Show the drawing in all panels, like a pasted picture."""
        if not self.canvas.is_empty:
            self.tools.images.add_picture(self.canvas.pixels(), "the drawing")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        room = self.splitter.size()
        beside = room.width() > BESIDE * room.height()
        self.splitter.setOrientation(Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical)

    # ---- pictures from outside ----

    def _take_offer(self, mime: QMimeData) -> None:
        """Take a picture that was pasted or dropped; files and encoded bytes are decoded by a process of their own."""
        images = self.tools.images
        files, encoded = picture_files(mime), encoded_picture(mime)
        if files:
            images.read_picture(files[0], self._take_picture, key="picture to draw on")
        elif encoded:
            images.decode_picture(encoded, "the picture", self._take_picture)
        elif (pixels := pixels_of(mime.imageData()) if mime.hasImage() else None) is not None:
            self._take_picture(pixels, "the picture")
        else:
            images.notice.emit("There is no picture in the clipboard; copy one first, or drop a picture's file here.")

    def _take_picture(self, picture: np.ndarray, name: str) -> None:
        job = partial(fit.fit_to_shape, picture, (3, SIDE, SIDE))
        self.tools.disk.do("fit a picture to the canvas", job, partial(self._take_fitted, name))

    def _take_fitted(self, name: str, done: JobResult) -> None:
        if done.error:
            self.tools.images.notice.emit(formatting.sentence(f"{name}: {done.error}"))
            return
        image, how = done.result
        self._origin = f"{name}: {how}"
        self.canvas.set_ground(colours.from_images(image[None])[0])

    # ---- requests ----

    def show_state(self, before: State, after: State) -> None:
        inputs = tuple(
            (path, after.file_of(path), after.known_of(path).graph_error, self._why_no_figure(after, path))
            for path in after.compared
        )
        if inputs != self._shown:
            self._shown = inputs
            self.made = {}
            self.requester.forget()
            self._request()

    def _want(self, *_: object) -> None:
        """Run the networks on the drawing: now or, while a round is under way, when that has ended."""
        self._enable()
        self.note_label.setText(self._origin if self.canvas.drawing.ground is not None else "")
        if self.requester.waiting and not self.canvas.is_empty:
            self._changed_since = True
        else:
            self._request()

    def _request(self) -> None:
        self._changed_since = False
        state = self.store.state
        if self.canvas.is_empty:
            self.requester.forget()
            self.made = {}
            self.subtitle.setText("")
            self.view.show_sentence(NOTHING_DRAWN)
            return
        inputs = self._inputs(state)
        if not inputs:
            self.requester.forget()
            self.made = {}
            self.redraw()
            return
        queries: dict[Hashable, Query] = {}
        for path, drawing_input in inputs.items():
            file = state.file_of(path)
            assert file is not None, path
            queries[path] = Query(file, drawing_input.given.image[None], drawing.outputs_for(drawing_input.graph))
        self.requester.send(queries, inputs)

    def _inputs(self, state: State) -> dict[Path, DrawingInput]:
        """Return the graphs that take the drawing, with the drawing fitted once to each image shape."""
        picture, sigma = self.canvas.pixels(), self.noise_box.value()
        fitted: dict[tuple[object, ...], Given] = {}
        inputs = {}
        for path in state.compared:
            known, graph = state.known_of(path), state.known_of(path).graph
            if state.file_of(path) is None or graph is None or drawing.why_no_drawing(graph, known.task):
                continue
            shape = graph.image_shape
            assert shape is not None, path
            centre = self.centre_box.isChecked() and known.task != "colourise"  # colourisers take photographs
            if (shape, centre) not in fitted:
                fitted[shape, centre] = drawing.prepare_drawing(picture, shape, centre=centre, sigma=sigma)
            inputs[path] = DrawingInput(graph, known.task, fitted[shape, centre])
        return inputs

    def _why_no_figure(self, state: State, path: Path) -> str:
        """Return the sentence for a run that takes no drawing; '' for one that does, or whose graph may still come."""
        known = state.known_of(path)
        if known.graph is not None and state.file_of(path) is not None:
            return drawing.why_no_drawing(known.graph, known.task)
        return run_outputs.why_no_output(state, path)

    def _take(self, done: QueryBatch) -> None:
        inputs = done.context
        assert isinstance(inputs, Mapping), inputs
        self.made = {
            path: made_of(inputs[path], reply) for path, reply in done.replies.items() if isinstance(path, Path)
        }
        self.redraw()
        if self._changed_since:
            self._request()

    # ---- painting ----

    def set_theme(self, theme: Theme) -> None:
        self.canvas.set_theme(theme)
        super().set_theme(theme)

    def redraw(self) -> None:
        state = self.store.state
        if self.canvas.is_empty or not state.compared:
            return
        names = state.names()
        cells = []
        for path in state.compared:
            made = self.made.get(path)
            sentence = self._why_no_figure(state, path)
            if made is not None:
                cells.append(cell_of(names[path], made))
            elif sentence:
                cells.append(DrawnCell(names[path], sentence=sentence))
        if cells:
            self.subtitle.setText("" if len(cells) == 1 else f"{len(cells)} runs on the same drawing")
            self.view.show_figure(DrawnFigure(self.theme, tuple(cells)), _description(cells))

    def numbers(self) -> Numbers:
        names = self.store.state.names()
        rows: Numbers = [("run", "measured", "value")]
        for path, made in self.made.items():
            name = names.get(path, "")
            rows += [(name, f"likely {label}", share) for label, share in made.likely]
            if made.error is not None:
                rows.append((name, "mse", made.error))
            if made.point is not None:
                rows += [(name, f"bottleneck {index}", value) for index, value in enumerate(made.point, start=1)]
        return rows if len(rows) > 1 else []


def made_of(drawing_input: DrawingInput, reply: Reply) -> DrawResult:
    """Check and read a graph's output, which may have any shape and any values."""
    if reply.error:
        return DrawResult(drawing_input, sentence=formatting.sentence(reply.error))
    graph = drawing_input.graph
    name = graph.reconstruction or graph.logits_output
    output = reply.arrays[name][0]
    if broken := not_finite(output):
        return DrawResult(drawing_input, sentence=broken)
    if not graph.reconstruction:
        if output.ndim != 1 or not output.size:
            return DrawResult(drawing_input, sentence="The graph's output is not a row of logits.")
        return DrawResult(drawing_input, likely=tuple(drawing.class_probabilities(output, graph.classes)))
    if output.ndim != 3 or output.shape[0] not in (1, 3):
        return DrawResult(drawing_input, sentence="The graph's output is not an image.")
    plane = next((array[0] for label, array in reply.arrays.items() if label != name), None)
    usable = plane is not None and plane.shape == (2,) and bool(np.isfinite(plane).all())
    point = (float(plane[0]), float(plane[1])) if plane is not None and usable else None
    return DrawResult(drawing_input, picture=output, point=point)


def cell_of(name: str, made: DrawResult) -> DrawnCell:
    """Return a run's cell: its input and its output."""
    given = made.drawing_input.given
    if made.sentence:
        return DrawnCell(name, given.how, sentence=made.sentence)
    pictures = [Large("given", colours.from_images(given.image[None])[0])]
    if made.picture is not None:
        pictures.append(Large("output", colours.from_images(made.picture[None])[0]))
    figures = []
    if made.error is not None:
        figures.append(f"mse {formatting.mse(made.error)}")
    if made.point is not None:
        figures.append(f"at ({made.point[0]:.2f}, {made.point[1]:.2f})".replace("-", "−"))
    return DrawnCell(name, given.how, tuple(pictures), made.likely[:MOST_LIKELY], ", ".join(figures))


def _description(cells: list[DrawnCell]) -> str:
    texts = []
    for cell in cells:
        likely = ", ".join(f"{label} {100 * share:.1f} %" for label, share in cell.classes)
        texts.append(f"{cell.title}: {cell.sentence or likely or cell.measured or 'a picture'}")
    return "; ".join(texts)


def _may_be_picture(mime: QMimeData) -> bool:
    return bool(mime.hasImage() or picture_files(mime) or encoded_picture(mime))


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(QSize(12, 12))
    pixmap.fill(QColor("#808080"))  # an edge, for white on white
    painter = QPainter(pixmap)
    painter.fillRect(1, 1, 10, 10, QColor(colour))
    painter.end()
    return QIcon(pixmap)


def _button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(f"{text.capitalize()}: {tip}")
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button
