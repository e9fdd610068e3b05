"""A row of controls that pages through the images: back, forward, image N, the worst, the best, in order."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSpinBox, QToolButton, QWidget

from viewer.figures.mosaic import small_font
from viewer.qt.image_browser import ImageBrowser
from viewer.qt.tools import Tools
from viewer.qt.widgets.elided_label import ElidedLabel
from viewer.qt.widgets.figure_view import FigureView
from viewer.state.samples import COUNT
from viewer.state.selection import State

MOST_IMAGES = 10_000_000  # while it is not known how many there are


def connect_page_keys(view: FigureView, images: ImageBrowser) -> None:
    """Turn the pages of images with a view's Page Up, Page Down, Home and End."""
    view.page_step.connect(images.turn)
    view.first.connect(lambda: images.go_to(0))
    view.last.connect(images.go_to_last)


class PageBar(QWidget):
    """Shows which image is chosen, and goes to others by way of `tools.images`."""

    def __init__(self, tools: Tools, *, turn: Callable[[int], None] | None = None) -> None:
        super().__init__()
        self.setFont(small_font(self.font()))
        self._store, self._images = tools.store, tools.images
        images = self._images
        self.back = self._button("◀", "Ten images back (Page Up)")
        self.on = self._button("▶", "Ten images forward (Page Down)")
        self.box = QSpinBox()
        self.box.setRange(1, MOST_IMAGES)
        self.box.setKeyboardTracking(False)
        self.box.setFont(self.font())
        self.box.setAccessibleName("Go to image number")
        self.box.lineEdit().setAccessibleName("Go to image number")
        self.box.setToolTip("Number of the chosen image in the order shown; type another to go there")
        self.of = ElidedLabel()
        self.of.setFont(self.font())
        self.of.setTextFormat(Qt.TextFormat.PlainText)
        self.of.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.worst = self._button("worst", "The test images on which the current run has the largest error (Alt+W)")
        self.best = self._button("best", "The test images on which the current run has the smallest error (Alt+B)")
        self.in_order = self._button("in order", "The test split from its beginning, in its own order (Alt+Home)")
        turn = turn or images.turn
        self.back.clicked.connect(lambda: turn(-1))
        self.on.clicked.connect(lambda: turn(1))
        self.worst.clicked.connect(images.show_worst)
        self.best.clicked.connect(images.show_best)
        self.in_order.clicked.connect(images.show_in_order)
        self.box.valueChanged.connect(self._go_to)
        self._lay_out()

    def _lay_out(self) -> None:
        label = QLabel("image")
        label.setBuddy(self.box)
        label.setFont(self.font())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        for widget in (self.back, self.on, label, self.box):
            row.addWidget(widget)
        row.addWidget(self.of, 1)
        for widget in (self.worst, self.best, self.in_order):
            row.addWidget(widget)

    def _button(self, text: str, hint: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(hint)
        button.setAccessibleName(hint.split(" (")[0])
        button.setAutoRaise(True)
        button.setFont(self.font())
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def show_state(self, state: State) -> None:
        """Show which image is chosen, of how many, and in which order."""
        page = state.page
        count = len(page.clean) if page else 0
        known = page.of if page and state.pasted is None else count
        self.box.blockSignals(True)
        self.box.setRange(1, max(1, known) if page and (known or state.pasted is not None) else MOST_IMAGES)
        self.box.setValue((0 if state.pasted is not None else state.start) + min(state.sample, max(0, count - 1)) + 1)
        self.box.blockSignals(False)
        count_text = "" if page is None else f"of {known:,}" if known else "of the test split"
        self.of.setText(
            f"{count_text}, {state.order.description}" if state.order and state.pasted is None else count_text
        )
        for widget in (self.back, self.on, self.box, self.worst, self.best, self.in_order):
            widget.setEnabled(page is not None)

    def _go_to(self, value: int) -> None:
        """Go to the page that has this image, and choose it there."""
        start = (value - 1) // COUNT * COUNT
        if self._store.state.pasted is None and start != self._store.state.start:
            self._images.go_to(start)
        self._store.set_sample((value - 1) % COUNT)
