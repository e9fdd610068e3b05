"""What image panels share: a figure view, choosing a sample, paging, and the sentence for a missing picture."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QWidget

from viewer.figures.comparison import ComparisonFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.qt.tools import Tools
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Panel
from viewer.state import why
from viewer.state.selection import State
from viewer.state.why import Needed


class ImagePanel(Panel):
    """A panel with a mosaic: a click or an arrow key chooses the sample that every image panel shows large."""

    view_class: type[FigureView] = FigureView

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.view = self.view_class(self.title, self)
        self.view.pictured.connect(self.pictured)
        self.view.clicked.connect(self._choose)
        self.view.column_step.connect(self._step)
        self.connect_pages()
        self.body.addWidget(self.view, 1)

    def connect_pages(self) -> None:
        """Let keys turn the pages of images."""
        connect_page_keys(self.view, self.tools.images)

    def turn(self, pages: int) -> None:
        """Go to the images after those that are shown, or before them."""
        state = self.store.state
        count, shown = len(state.page.clean) if state.page else 0, self._images_shown()
        first = min(state.sample, max(0, count - 1)) // shown * shown + pages * shown
        if 0 <= first < count:
            self.store.set_sample(first)
        elif state.pasted is None and (pages > 0 or state.start > 0):
            self.tools.images.turn(1 if pages > 0 else -1)
            self.store.set_sample(0 if pages > 0 else (count - 1) // shown * shown)

    def _images_shown(self) -> int:
        """Return how many of the images the picture shows at a time."""
        figure = self.view.figure
        if not isinstance(figure, MosaicFigure | ComparisonFigure):
            return 1
        return max(1, figure.layout(self.view.paper).shown)

    @property
    def figure(self) -> Figure | None:
        return self.view.figure

    def set_theme(self, theme: Theme) -> None:
        self.view.set_theme(theme)
        super().set_theme(theme)

    @property
    def low_priority(self) -> bool:
        """Whether its pictures may come a little later than others': another panel has the keyboard focus."""
        focus = self.window().focusWidget()
        return focus is None or not self.isAncestorOf(focus)

    def show_why_no_output(self, state: State, needed: Needed) -> bool:
        """Show why there is no picture of the current run; return False while there may still be one."""
        sentence = why.no_output(state, state.current, needed) if state.current else self.view.sentence
        if state.entry is not None and not sentence:
            return False
        self.subtitle.setText("")
        self.view.show_sentence(sentence)
        return True

    def _choose(self, point: QPointF) -> None:
        figure = self.view.figure
        if isinstance(figure, MosaicFigure):
            column = figure.hit(point, self.view.paper)
            if column is not None:
                self.store.set_sample(column)

    def _step(self, step: int) -> None:
        """Choose the next image; beyond the last one of the page comes the next page."""
        state = self.store.state
        count = len(state.page.clean) if state.page else 0
        if not count:
            return
        position = min(state.sample, count - 1) + step
        if 0 <= position < count:
            self.store.set_sample(position)
        elif state.pasted is None and (step > 0 or state.start > 0):
            self.tools.images.turn(step)
            self.store.set_sample(0 if step > 0 else count - 1)


def panel_inputs(state: State) -> tuple[object, ...]:
    """Return what the pictures of all compared runs depend on; panels request them again when it changes."""
    parts: list[object] = [state.entry]
    for path in state.compared:
        known = state.known_of(path)
        parts += [path, state.file_of(path), state.samples_of(path), known.graph_error, known.samples_error]
    return tuple(parts)
