"""What every picture that graphs compute goes through: inputs, request, replies, picture, pointer.

`Requests` holds those steps for the panels (as `RequestPanel`) and for the modes of the latent panel.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QWidget

from viewer.figures.comparison import ComparisonFigure
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.figures.tiles import Pointed
from viewer.infer.messages import Reply
from viewer.qt.disk import JobResult
from viewer.qt.requester import Query, QueryBatch, Requester
from viewer.qt.tools import Tools
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.page_bar import connect_page_keys
from viewer.qt.widgets.panel import Panel
from viewer.state import why
from viewer.state.selection import State
from viewer.state.why import Needed

Queries = dict[Hashable, Query]
Replies = Mapping[Path, Reply]


def hit_in(view: FigureView, point: QPointF | None) -> Any:
    """Return what the view's figure has under a point, as the figure says it; None for nothing."""
    return view.figure.hit(point, view.paper) if point is not None and view.figure is not None else None


class Requests:
    """The steps of a picture. A subclass has a view, a requester and the store, and says what is its own in each step.

    A new request is sent when `inputs` differ from those of the last; replies to earlier inputs are not taken.
    """

    view: FigureView
    requester: Requester
    tools: Tools
    _inputs: object = None

    # ---- for subclasses ----

    def inputs(self, state: State) -> object:
        """Return what the picture depends on."""
        raise NotImplementedError

    def details(self, state: State) -> object:
        """Return what else changes the picture, without another request."""
        return state.sample

    def details_changed(self) -> None:
        self.redraw()

    def begin(self, state: State) -> None:
        """Forget what belongs to earlier inputs."""

    def request_of(self, state: State) -> tuple[Queries, object]:
        """Return the queries (none: there is nothing to ask), and what `take` needs to know with the replies."""
        raise NotImplementedError

    def show_nothing(self, state: State) -> None:
        """Show that there is nothing to ask."""

    def take(self, replies: Replies, context: Any) -> None:
        """Read the replies to a request."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Paint what is known."""

    def hint_at(self, point: QPointF) -> str:
        """Return the tool tip for a point of the picture."""
        return ""

    # ---- the steps ----

    def connect_view(self, requester: Requester) -> None:
        self.requester = requester
        requester.answered.connect(self._answered)
        self.view.hovered.connect(self._hover)

    def follow(self, before: State, after: State, *, anew: bool = False, low_priority: bool = False) -> None:
        """Request what is new; paint again where only details have changed."""
        inputs = self.inputs(after)
        if anew or inputs != self._inputs:
            self._inputs = inputs
            self.begin(after)
            self.request(low_priority=low_priority)
        elif self.details(before) != self.details(after):
            self.details_changed()

    def request(self, *, low_priority: bool = False) -> None:
        """Send the request for what is shown now."""
        state = self.tools.store.state
        queries, context = self.request_of(state)
        if queries:
            self.requester.send(queries, (self._inputs, context), low_priority=low_priority)
        else:
            self.requester.forget()
            self.show_nothing(state)

    def _answered(self, done: QueryBatch) -> None:
        inputs, context = cast("tuple[object, Any]", done.context)
        if inputs is self._inputs:
            self.take(cast("Replies", done.replies), context)

    def compute(self, what: str, job: Callable[[], object], take: Callable[[JobResult], None], *, now: bool) -> None:
        """Do a job at once, or in the disk's thread where it would take longer than a frame."""
        if now:
            take(JobResult(job()))
        else:
            self.tools.disk.do(what, job, take)

    def _hover(self, point: QPointF | None) -> None:
        self.view.show_hint(self.hint_at(point) if point is not None else "", point or QPointF())


class RequestPanel(Requests, Panel):
    """A panel of one picture that graphs compute; `needed` says what a graph must have for it.

    A click or an arrow key chooses the sample that every such panel shows large; other keys turn pages.
    """

    needed: Needed = "output"
    view_class: type[FigureView] = FigureView

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.view = self.view_class(self.title, self)
        self.view.pictured.connect(self.pictured)
        self.view.clicked.connect(self._choose)
        self.view.column_step.connect(self._step)
        self.connect_pages()
        self.body.addWidget(self.view, 1)
        self.connect_view(self.new_requester())

    def connect_pages(self) -> None:
        """Let keys turn the pages of images."""
        connect_page_keys(self.view, self.tools.images)

    def turn(self, pages: int) -> None:
        """Go to the images after those that are shown, or before them."""
        shown = self._images_shown()
        self._go(self._position // shown * shown + pages * shown, pages, shown)

    def _step(self, step: int) -> None:
        """Choose the next image; beyond the last one of the page comes the next page."""
        self._go(self._position + step, step, 1)

    def _go(self, position: int, towards: int, shown: int) -> None:
        """Choose an image, or where there are no more the first of the next page, or the last of the one before."""
        state, count = self.store.state, self._count
        if 0 <= position < count:
            self.store.set_sample(position)
        elif count and state.pasted is None and (towards > 0 or state.start > 0):
            self.tools.images.turn(1 if towards > 0 else -1)
            self.store.set_sample(0 if towards > 0 else (count - 1) // shown * shown)

    @property
    def _count(self) -> int:
        return len(self.store.state.page.clean) if self.store.state.page else 0

    @property
    def _position(self) -> int:
        return min(self.store.state.sample, max(0, self._count - 1))

    def _images_shown(self) -> int:
        """Return how many of the images the picture shows at a time."""
        figure = self.view.figure
        return max(1, figure.layout(self.view.paper).shown) if isinstance(figure, ComparisonFigure) else 1

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

    def show_state(self, before: State, after: State) -> None:
        self.follow(before, after, low_priority=self.low_priority)

    def show_nothing(self, state: State) -> None:
        self.show_why_no_output(state, self.needed)

    def _choose(self, point: QPointF) -> None:
        found = hit_in(self.view, point)
        if isinstance(found, Pointed):
            self.store.set_sample(found.image)


def panel_inputs(state: State) -> tuple[object, ...]:
    """Return what the pictures of all compared runs depend on; panels request them again when it changes."""
    parts: list[object] = [state.entry]
    for path in state.compared:
        known = state.known_of(path)
        parts += [path, state.file_of(path), state.samples_of(path), known.graph_error, known.samples_error]
    return tuple(parts)
