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
from viewer.figures.mosaic import MosaicFigure
from viewer.infer.messages import Reply
from viewer.qt.disk import JobResult
from viewer.qt.panels.images import ImagePanel
from viewer.qt.requester import Query, QueryBatch, Requester
from viewer.qt.tools import Tools
from viewer.qt.widgets.figure_view import FigureView
from viewer.state.selection import State
from viewer.state.why import Needed

Queries = dict[Hashable, Query]
Replies = Mapping[Path, Reply]


def hit_in(view: FigureView, point: QPointF | None) -> Any:
    """Return what the view's figure has under a point, as the figure says it; None for nothing."""
    return view.figure.hit(point, view.paper) if point is not None and view.figure is not None else None


def image_in(view: FigureView, point: QPointF | None) -> tuple[int, int] | None:
    """Return the block (0 of a mosaic) and the image under a point of a mosaic or a comparison."""
    found = hit_in(view, point)
    if found is None or not isinstance(view.figure, MosaicFigure | ComparisonFigure):
        return None
    return (0, found) if isinstance(view.figure, MosaicFigure) else (found.block, found.image)


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


class RequestPanel(Requests, ImagePanel):
    """A panel of one picture that graphs compute; `needed` says what a graph must have for it."""

    needed: Needed = "output"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        self.connect_view(self.new_requester())

    def show_state(self, before: State, after: State) -> None:
        self.follow(before, after, low_priority=self.low_priority)

    def show_nothing(self, state: State) -> None:
        self.show_why_no_output(state, self.needed)

    def _choose(self, point: QPointF) -> None:
        found = image_in(self.view, point)
        if found is not None:
            self.store.set_sample(found[1])
