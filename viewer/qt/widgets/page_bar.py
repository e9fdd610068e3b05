"""A row of controls that pages through the images: back, forward, image N, the worst, the best, in order."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.qt.application import make_small
from viewer.qt.image_browser import ImageBrowser
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.controls import ElidedLabel, IconButton, Segments
from viewer.qt.widgets.figure_view import FigureView
from viewer.state.samples import COUNT
from viewer.state.selection import State

LARGEST = 12  # times the size of an image
MOST_IMAGES = 10_000_000  # while it is not known how many there are
INVERT = "Take dark for light: networks of digits and letters learned from white on black, ink on paper is the reverse"
ORDERS = {
    "worst": "The test images on which the current run has the largest error (Alt+W)",
    "best": "The test images on which the current run has the smallest error (Alt+B)",
    "in order": "The test split from its beginning, in its own order (Alt+Home)",
}


def connect_page_keys(view: FigureView, images: ImageBrowser, turn: Callable[[int], None] | None = None) -> None:
    """Turn the pages of images with a view's Page Up, Page Down, Home and End."""
    view.page_step.connect(turn or images.turn)
    view.first.connect(lambda: images.go_to(0))
    view.last.connect(images.go_to_last)


class PageBar(QWidget):
    """Shows which image is chosen and in which order they are, and goes to others by way of `tools.images`."""

    def __init__(self, tools: Tools, *, turn: Callable[[int], None] | None = None) -> None:
        super().__init__()
        make_small(self)
        self._store, self._images = tools.store, tools.images
        self._turn = turn or tools.images.turn
        self.back = self._arrow("back", "A page of images back", -1, "Page Up")
        self.on = self._arrow("on", "A page of images forward", 1, "Page Down")
        tip = "Number of the chosen image in the order shown; type another to go there"
        self.box = controls.spin("Go to image number", tip, 1, MOST_IMAGES, self._go_to)
        self.of = ElidedLabel()
        make_small(self.of)
        self.of.setTextFormat(Qt.TextFormat.PlainText)
        self.of.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.orders = Segments({name: (name, tip, tip.split(" (")[0]) for name, tip in ORDERS.items()})
        self.orders.chosen.connect(self._show_order)
        self.worst, self.best, self.in_order = self.orders.buttons.values()
        self.invert = controls.tool("Invert", INVERT, self._images.invert_pictures)
        tip = "Show what the networks make of pictures of your own (Ctrl+P)"
        self.open = controls.tool("Open picture…", tip, self._images.picture_wanted.emit)
        for button in (self.invert, self.open):  # most images need neither, and a bar behind others takes room too
            button.hide()
        label = controls.label("image", self.box)
        parts = (self.back, self.on, label, self.box, self.of, self.invert, self.orders, self.open)
        line = controls.row(*parts, stretched=self.of, spacing=5)
        line.setContentsMargins(0, 0, 0, 0)
        self.setLayout(line)

    def _arrow(self, shape: controls.Shape, name: str, pages: int, key: str) -> IconButton:
        button = IconButton(shape, f"{name} ({key})", lambda: self._turn(pages), name=name)
        button.setAutoRaise(True)
        return button

    def show_state(self, state: State) -> None:
        """Show which image is chosen, of how many, and in which order."""
        page, pasted = state.page, state.pasted is not None
        alone = state.entry is not None and state.entry.history_stamp is None
        count = len(page.clean) if page else 0
        known = page.of if page and not pasted and not alone else count
        self.box.blockSignals(True)
        self.box.setRange(1, max(1, known) if page and (known or pasted) else MOST_IMAGES)
        self.box.setValue((0 if pasted else state.start) + min(state.sample, max(0, count - 1)) + 1)
        self.box.blockSignals(False)
        count_text = f"of {known:,}" if page and known else ""
        order = state.order.description if state.order and not pasted else ""
        self.invert.setVisible(pasted)
        self.orders.setVisible(not alone)  # a graph that comes alone has no test split to be ordered
        self.open.setVisible(alone)
        self.of.setText(f"{count_text}, {order}" if order else count_text)
        self.orders.set_current("" if pasted else order.partition(" ")[0] or "in order")
        for widget in (self.back, self.on, self.box, self.worst, self.best, self.in_order):
            widget.setEnabled(page is not None)

    def _show_order(self, name: str) -> None:
        show = {"worst": self._images.show_worst, "best": self._images.show_best}
        show.get(name, self._images.show_in_order)()
        self.show_state(self._store.state)  # the order is the one shown until the other is there

    def _go_to(self) -> None:
        """Go to the page that has this image, and choose it there."""
        page, index = divmod(self.box.value() - 1, COUNT)
        if self._store.state.pasted is None and page * COUNT != self._store.state.start:
            self._images.go_to(page * COUNT)
        self._store.set_sample(index)


class SizeBar(QWidget):
    """A slider for the size of images: automatic at its left end, then once, twice, … their pixels."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        tip = "Size of the images, from automatic to 12 times their pixels (Ctrl+wheel, + −)"
        self.slider = controls.slider("Size of the images", tip, 0, LARGEST, self._show, page=1)
        self.slider.setFixedWidth(62)
        self.label = controls.label("", longest="auto")
        line = controls.row(controls.label("size"), self.slider, self.label, spacing=5)
        line.setContentsMargins(0, 0, 0, 0)
        self.setLayout(line)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._show()

    @property
    def zoom(self) -> float | None:
        """How many pixels of the screen a pixel takes; None for as many as leave enough images."""
        return float(self.slider.value()) or None

    def step(self, steps: int, shown: float) -> None:
        """Enlarge by some steps, from the zoom that is shown now where it is automatic."""
        now = self.slider.value() or round(shown)
        self.slider.setValue(max(1, min(LARGEST, now + steps)))

    def _show(self) -> None:
        self.label.setText(f"{self.slider.value()}×" if self.slider.value() else "auto")
        self.changed.emit()
