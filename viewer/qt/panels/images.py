"""What the panels of images share: one figure view, the choice of a sample, paging, and why there may be no picture."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QWidget

from viewer.figures.mosaic import MosaicFigure
from viewer.figures.theme import Theme
from viewer.qt.tools import Tools
from viewer.qt.widgets.figure_view import Figure, FigureView
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Panel
from viewer.state import outcomes
from viewer.state.selection import State
from viewer.state.words import sentence


class ImagePanel(Panel):
    """A panel with a mosaic: a click or an arrow key chooses the sample that every image panel shows large."""

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.view = FigureView(self.title, self)
        self.view.clicked.connect(self._choose)
        self.view.column_step.connect(self._step)
        connect_page_keys(self.view, tools.images)
        self.body.addWidget(self.view, 1)

    @property
    def figure(self) -> Figure | None:
        return self.view.figure

    def set_theme(self, theme: Theme) -> None:
        self.view.set_theme(theme)
        super().set_theme(theme)

    @property
    def patient(self) -> bool:
        """Whether its pictures may come a little later than others': it is not the panel that has the keyboard."""
        focus = self.window().focusWidget()
        return focus is None or not self.isAncestorOf(focus)

    def is_coming(self, state: State) -> bool:
        """Whether file and images may still arrive, so that there is nothing to say yet."""
        known, entry = state.now, state.entry
        if entry is None or known.trouble or known.samples_trouble:
            return False
        if entry.graph_stamp is None:
            return known.history is None and entry.history_stamp is not None
        return state.graph_file is None or state.samples is None

    def why_nothing(self, state: State, *, needs: str) -> str:
        """Return the sentence for a panel without a picture."""
        self.subtitle.setText("")
        known, entry = state.now, state.entry
        if entry is None:
            return self.view.sentence
        trouble = known.graph_trouble or known.samples_trouble or known.history_trouble
        if trouble:
            return sentence(trouble)
        if entry.graph_stamp is None:
            return outcomes.why_no_graph(known, entry)
        graph = known.graph
        if graph and graph.image_shape is None:
            return f"{entry.graph.name} takes no images, so there is nothing to show here."
        if graph and not getattr(graph, needs):
            return f"{entry.graph.name} has no {needs} among its outputs."
        if graph and state.samples and graph.image_shape != state.samples.inputs.shape[1:]:
            return f"{entry.graph.name} takes images of another shape than the run's own samples."
        return "This run has no sample images."

    def _choose(self, point: QPointF) -> None:
        figure = self.view.figure
        if isinstance(figure, MosaicFigure):
            metrics = QFontMetricsF(self.view.font())
            column = figure.hit(point, self.view.inside, self.view.devicePixelRatioF(), metrics)
            if column is not None:
                self.store.set_sample(column)

    def _step(self, step: int) -> None:
        """Choose the next image; beyond the last one of the page comes the next page."""
        state = self.store.state
        count = len(state.page.clean) if state.page else 0
        if not count:
            return
        place = min(state.sample, count - 1) + step
        if 0 <= place < count:
            self.store.set_sample(place)
        elif state.pasted is None and (step > 0 or state.start > 0):
            self.tools.images.turn(step)
            self.store.set_sample(0 if step > 0 else count - 1)


def subject_of(state: State) -> tuple[object, ...]:
    """What the pictures of all compared runs depend on: panels ask again when one of it has changed."""
    parts: list[object] = [state.entry]
    for path in state.compared:
        known = state.of(path)
        parts += [path, state.file_of(path), state.samples_of(path), known.graph_trouble, known.samples_trouble]
    return tuple(parts)
