"""The base of the latent panel's modes: controls, one view, and whether the mode applies to the selected runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from viewer.figures import colours
from viewer.figures.theme import Theme
from viewer.infer.messages import Reply
from viewer.qt.latent.encoded_page import EncodedPage
from viewer.qt.panels.request_panel import Queries, Replies, Requests
from viewer.qt.requester import Query
from viewer.qt.widgets.figure_view import FigureView, PlotView
from viewer.qt.widgets.panel import Numbers, Panel
from viewer.state.encoder_decoders import EncoderDecoder
from viewer.state.formatting import sentence
from viewer.state.selection import State

Networks = dict[Path, EncoderDecoder | str]


class Cross(QObject):
    """The point of the plane that is decoded; all modes share it."""

    moved = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.point = (0.0, 0.0)

    def move(self, x: float, y: float) -> None:
        """Go to another point."""
        if (x, y) != self.point:
            self.point = (x, y)
            self.moved.emit()


@dataclass(eq=False)
class Shared:
    """What the modes share: their panel, the cross hair, the bottlenecks of the page, and the networks.

    `networks` has every compared run: its encoder and decoder, the sentence for why it has none, or '' for now.
    """

    panel: Panel
    cross: Cross
    page: EncodedPage
    networks: Networks = field(default_factory=dict)


class MovingView(PlotView):
    """A view of a plot whose range changes with the wheel alone, without Ctrl."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.angleDelta().y():
            self.zoom_by(1 if event.angleDelta().y() > 0 else -1, event.position())
            event.accept()


class Mode(Requests, QWidget):
    """One mode. It decodes `points` of every run into `decoded`, and shows that.

    `says` carries the text beside the panel's title; only the visible mode is updated. `networks` and `path`, the
    current run, are those of the picture shown.
    """

    name = ""
    title = ""
    hint = ""
    of_current = False  # whether it shows the current run alone
    says = Signal(str)

    def __init__(self, shared: Shared, view: FigureView | None = None) -> None:
        super().__init__()
        assert self.name and self.title and self.hint, type(self)
        self.shared, self.panel = shared, shared.panel
        self.store, self.tools = self.panel.store, self.panel.tools
        self.subtitle_text = ""
        self.networks: Networks = {}
        self.path: Path | None = None
        self.decoded: dict[Path, np.ndarray | str] = {}  # uint8 (N, H, W, 3), or why there are none
        self.view = view or FigureView(self.title, self)
        self.connect_view(self.panel.new_requester(self.name))
        self.controls = QHBoxLayout()
        self.controls.setSpacing(8)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(6)
        self.body.addLayout(self.controls)
        self.body.addWidget(self.view, 1)

    # ---- for subclasses ----

    def applies(self, state: State) -> str | None:
        """Return '' if the mode applies, a sentence if it does not, None while that is not known yet."""
        networks = self.shared.networks
        return reason({p: n for p, n in networks.items() if p == state.current} if self.of_current else networks)

    def points(self) -> dict[Path, np.ndarray]:
        """Return what is to be decoded, float32 (N, …) by run."""
        return {}

    def decoded_came(self) -> None:
        self.redraw()

    def numbers(self) -> Numbers:
        """What is exported as CSV."""
        return []

    @property
    def waiting(self) -> bool:
        """Whether something besides its requests is still to come."""
        return False

    # ---- requests ----

    @property
    def network(self) -> EncoderDecoder | None:
        """The current run's."""
        found = self.networks.get(self.path) if self.path is not None else None
        return found if isinstance(found, EncoderDecoder) else None

    @property
    def usable(self) -> dict[Path, EncoderDecoder]:
        """The runs that have encoder and decoder."""
        return {path: network for path, network in self.networks.items() if isinstance(network, EncoderDecoder)}

    def begin(self, state: State) -> None:
        self.networks, self.path, self.decoded = self.shared.networks, state.current, {}

    def request_of(self, state: State) -> tuple[Queries, object]:
        networks, points = self.usable, self.points() if self.in_front else {}
        queries: Queries = {
            path: Query(networks[path].decoder, values, (networks[path].picture,)) for path, values in points.items()
        }
        return queries, networks

    def show_nothing(self, state: State) -> None:
        self.redraw()

    def take(self, replies: Replies, context: dict[Path, EncoderDecoder]) -> None:
        self.decoded |= {path: pictures_of(reply, context[path]) for path, reply in replies.items()}
        self.decoded_came()

    # ---- for all ----

    @property
    def in_front(self) -> bool:
        """Whether it is the one that the panel shows."""
        stack = self.parentWidget()
        return isinstance(stack, QStackedWidget) and stack.currentWidget() is self

    @property
    def theme(self) -> Theme:
        return self.panel.theme

    def say(self, text: str) -> None:
        self.subtitle_text = text
        self.says.emit(text)

    def show_sentence(self, text: str) -> None:
        """Say why there is no picture."""
        self.say("")
        self.view.show_sentence(text)

    def name_of(self, path: Path | None) -> str:
        return self.store.state.names().get(path, "") if path is not None else ""

    def add_to_row(self, *widgets: QWidget) -> None:
        """Put controls into the row above the view, at its left."""
        for widget in widgets:
            self.controls.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        self.controls.addStretch(1)


def reason(networks: Networks) -> str | None:
    """Return '' if a run has encoder and decoder, None while one may still have them, or the first run's sentence."""
    if any(isinstance(network, EncoderDecoder) for network in networks.values()):
        return ""
    reasons = [network for network in networks.values() if isinstance(network, str)]
    return next((text for text in reasons if text), None) if reasons and all(reasons) else None


def pictures_of(reply: Reply, network: EncoderDecoder) -> np.ndarray | str:
    """Return what a decoder made as uint8 (N, H, W, 3), or the sentence for what cannot be shown."""
    values = reply.arrays.get(network.picture)
    if reply.error or values is None:
        return sentence(reply.error or "the decoder gave no answer")
    if values.shape[1:] != network.picture_shape:
        return "The decoder's picture has another shape than it declares."
    if not np.isfinite(values).all():
        return "The decoder's picture is not finite."
    return colours.from_images(values)
