"""Draw: a canvas whose drawing goes live through every compared graph."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QMimeData, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

from viewer.figures import colours
from viewer.figures.drawn import DrawnBar, DrawnCell, DrawnFigure
from viewer.figures.theme import Theme
from viewer.figures.tiles import Large
from viewer.qt.application import make_small
from viewer.qt.disk import JobResult
from viewer.qt.image_browser import encoded_picture, picture_files, pixels_of
from viewer.qt.panels.request_panel import Queries, Replies, RequestPanel
from viewer.qt.requester import Query
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.canvas import Canvas
from viewer.qt.widgets.controls import ElidedLabel
from viewer.qt.widgets.panel import Command, Numbers
from viewer.state import drawing, formatting, why
from viewer.state.drawing import SIDE, Given
from viewer.state.drawn import DrawingInput, DrawResult, result_of
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
BESIDE = 0.9  # times the height: from this width on the outputs stand beside the canvas, otherwise below it
NOTHING_DRAWN = (
    "Draw on the black square with the mouse, a tablet, or the arrow keys and Space. You can also paste a picture "
    "with Ctrl+V, or drop one. What the networks make of it appears here."
)
CENTRING = (
    "For grey images: scale the drawing to 20 of 28 pixels and move its centre of mass to the middle,\n"
    "as MNIST's digits were prepared (LeCun, Cortes, Burges 1998). Networks trained on MNIST have\n"
    "only seen digits of this size and position."
)


class Draw(RequestPanel):
    """A canvas, and beside it what every compared network makes of the drawing, updated while one draws."""

    name = "draw"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.made: dict[Path, DrawResult] = {}
        self._changed_since = False  # the canvas was changed while a round was under way
        self._origin = ""  # of the picture that is drawn on
        self.canvas = Canvas(_may_be_picture, self)
        self.canvas.changed.connect(self._want)
        self.canvas.offered.connect(self._take_offer)
        self.view.setAccessibleName("What the networks make of the drawing")
        self.view.show_sentence(NOTHING_DRAWN)
        self._build()

    # ---- controls ----

    def _build(self) -> None:
        self._build_pen()
        self._build_input()
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.body.addWidget(self.splitter, 1)
        for widget, share in ((self.canvas, 2), (self.view, 3)):
            self.splitter.addWidget(widget)
            self.splitter.setStretchFactor(self.splitter.indexOf(widget), share)
        self._enable()

    def _build_pen(self) -> None:
        self.brush_slider = controls.slider(
            "Width of the brush",
            f"Width of the brush in pixels of the {SIDE}×{SIDE} canvas; a tablet's pressure makes it wider",
            THINNEST,
            WIDEST,
            self._set_brush,
            value=round(self.canvas.brush),
            narrowest=50,
        )
        tip = "Colour of the brush; networks for grey images only see its brightness"
        self.colour_box = controls.combo("Colour of the brush", tip, COLOURS, shortest=4)
        for index, colour in enumerate(COLOURS.values()):
            self.colour_box.setItemIcon(index, _swatch(colour))
        self.colour_box.currentIndexChanged.connect(self._set_colour)
        self.eraser_button = controls.tool(
            "eraser",
            "Paint black; the right mouse button and the other end of a pen do the same",
            self._set_erasing,
            checkable=True,
        )
        self.undo_button = controls.tool("undo", "Undo the last stroke (Backspace on the canvas)", self.canvas.undo)
        self.clear_button = controls.tool("clear", "Clear the canvas (Delete on the canvas)", self.canvas.clear)
        brush = controls.label("brush", self.brush_slider)
        buttons = (self.eraser_button, self.undo_button, self.clear_button)
        pen = controls.row(brush, self.brush_slider, self.colour_box, *buttons, stretched=self.brush_slider, spacing=5)
        self.body.insertLayout(0, pen)

    def _build_input(self) -> None:
        tip = "Paste the picture from the clipboard (Ctrl+V on the canvas)"
        self.paste_button = controls.tool("paste", tip, self.canvas.paste)
        name = "Centre the drawing as MNIST's digits are"
        self.centre_box = controls.check("centre as MNIST", CENTRING, self._want, name=name)
        self.noise_box = controls.decimal(
            "Standard deviation of noise on the drawing",
            "Gaussian noise that is added to the drawing before the networks see it; 0 adds none",
            0,
            1,
            0.05,
            self._want,
        )
        self.note_label = ElidedLabel()
        self.note_label.setTextFormat(Qt.TextFormat.PlainText)
        make_small(self.note_label)
        noise = controls.label("noise σ", self.noise_box)
        given = (self.paste_button, self.centre_box, noise, self.noise_box, self.note_label)
        self.body.insertLayout(1, controls.row(*given, stretched=self.note_label, spacing=5))

    def _enable(self) -> None:
        self.undo_button.setEnabled(self.canvas.can_undo)
        self.clear_button.setEnabled(not self.canvas.is_empty)

    def _set_brush(self) -> None:
        self.canvas.brush = float(self.brush_slider.value())
        self.canvas.update()

    def _set_colour(self) -> None:
        self.canvas.colour = str(self.colour_box.currentData())
        self.eraser_button.setChecked(False)

    def _set_erasing(self) -> None:
        self.canvas.erasing = self.eraser_button.isChecked()

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
        page = self.store.state.page
        if page is not None:
            chosen = min(self.store.state.sample, len(page.clean) - 1)
            pixels = colours.from_images(page.clean[chosen][None])[0]
            self._take_picture(pixels, f"image {chosen + 1} of {page.title}")

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

    def inputs(self, state: State) -> tuple[object, ...]:
        return tuple(
            (path, state.file_of(path), state.known_of(path).graph_error, why.no_drawing(state, path))
            for path in state.compared
        )

    def begin(self, state: State) -> None:
        self.made = {}
        self.requester.forget()

    def _want(self) -> None:
        """Run the networks on the drawing: now or, while a round is under way, when that has ended."""
        self._enable()
        self.note_label.setText(self._origin if self.canvas.drawing.ground is not None else "")
        if self.requester.waiting and not self.canvas.is_empty:
            self._changed_since = True
        else:
            self.request()

    def request_of(self, state: State) -> tuple[Queries, object]:
        self._changed_since = False
        given = {} if self.canvas.is_empty else self._given(state)
        queries: Queries = {}
        for path, one in given.items():
            file = state.file_of(path)
            assert file is not None, path
            queries[path] = Query(file, one.given.image[None], drawing.outputs_for(one.graph))
        return queries, given

    def show_nothing(self, state: State) -> None:
        self.made = {}
        if self.canvas.is_empty:
            self.subtitle.setText("")
            self.view.show_sentence(NOTHING_DRAWN)
        else:
            self.redraw()

    def _given(self, state: State) -> dict[Path, DrawingInput]:
        """Return the graphs that take the drawing, with the drawing fitted once to each image shape."""
        picture, sigma = self.canvas.pixels(), self.noise_box.value()
        fitted: dict[tuple[object, ...], Given] = {}
        inputs = {}
        for path in state.compared:
            known, graph = state.known_of(path), state.known_of(path).graph
            if state.file_of(path) is None or graph is None or why.no_drawing_in(graph, known.task):
                continue
            shape = graph.image_shape
            assert shape is not None, path
            centre = self.centre_box.isChecked() and known.task != "colourise"  # colourisers take photographs
            if (shape, centre) not in fitted:
                fitted[shape, centre] = drawing.prepare_drawing(picture, shape, centre=centre, sigma=sigma)
            inputs[path] = DrawingInput(graph, known.task, fitted[shape, centre])
        return inputs

    def take(self, replies: Replies, context: dict[Path, DrawingInput]) -> None:
        self.made = {path: result_of(context[path], reply.error, reply.arrays) for path, reply in replies.items()}
        self.redraw()
        if self._changed_since:
            self.request()

    # ---- painting ----

    def set_theme(self, theme: Theme) -> None:
        self.canvas.set_theme(theme)
        super().set_theme(theme)

    def redraw(self) -> None:
        state = self.store.state
        if self.canvas.is_empty or not state.compared:
            return
        cells = [cell for path in state.compared if (cell := self._cell(state, path)) is not None]
        if cells:
            self.subtitle.setText("" if len(cells) == 1 else f"{len(cells)} runs on the same drawing")
            self.view.show_figure(DrawnFigure(self.theme, tuple(cells)), _description(cells))

    def _cell(self, state: State, path: Path) -> DrawnCell | None:
        name, made, sentence = state.shown_names[path], self.made.get(path), why.no_drawing(state, path)
        cell = cell_of(name, made) if made is not None else DrawnCell(name, sentence=sentence)
        there = made is not None or bool(sentence)
        return replace(cell, colour=self.theme.colour_of_run(state.colours, path)) if there else None

    def numbers(self) -> Numbers:
        names = self.store.state.names()
        rows: Numbers = [("run", "measured", "value")]
        for path, made in self.made.items():
            rows += [(names.get(path, ""), *row) for row in made.rows]
        return rows if len(rows) > 1 else []


def cell_of(name: str, made: DrawResult) -> DrawnCell:
    """Return a run's cell: its input and its output."""
    given = made.drawing_input.given
    if made.sentence:
        return DrawnCell(name, given.how, sentence=made.sentence)
    shown = [("given", given.image), ("output", made.picture)]
    pictures = [Large(label, colours.from_images(image[None])[0]) for label, image in shown if image is not None]
    return DrawnCell(name, given.how, tuple(pictures), _bars(made), made.figures)


def _bars(made: DrawResult) -> tuple[DrawnBar, ...]:
    """Return the likeliest classes, or the largest values of a graph of which nothing is known."""
    if made.largest:
        longest = max(abs(value) for _, value in made.largest) or 1.0
        values = [(place, value, formatting.number(value, 3)) for place, value in made.largest]
        return tuple(DrawnBar(f"value {place}", max(0.0, value) / longest, text) for place, value, text in values)
    return tuple(DrawnBar(name, share, f"{100 * share:.1f} %") for name, share in made.likely[: drawing.MOST_LIKELY])


def _description(cells: list[DrawnCell]) -> str:
    texts = []
    for cell in cells:
        bars = ", ".join(f"{bar.name} {bar.text}" for bar in cell.bars)
        texts.append(f"{cell.title}: {cell.sentence or bars or cell.measured or 'a picture'}")
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
