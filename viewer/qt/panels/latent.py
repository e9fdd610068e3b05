"""Latent plane: five modes of moving through the bottlenecks of the selected runs."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QStackedWidget, QWidget

from viewer.figures.paper import Figure
from viewer.qt.latent.directions import DirectionsMode
from viewer.qt.latent.grid import GridMode
from viewer.qt.latent.mode import EncodedPage, Mode, Shared
from viewer.qt.latent.picked import ArithmeticMode, InterpolateMode
from viewer.qt.latent.plane import PlaneMode
from viewer.qt.tools import Tools
from viewer.qt.widgets import controls
from viewer.qt.widgets.controls import Segments
from viewer.qt.widgets.figure_view import FigureView
from viewer.qt.widgets.panel import Command, Numbers, Panel
from viewer.state.encoder_decoders import EncoderDecoder, encoder_decoder_of
from viewer.state.selection import State


class Latent(Panel):
    """A row of mode buttons; a mode that does not apply is disabled and its tool tip says why."""

    name = "latent"

    def __init__(self, tools: Tools, parent: QWidget | None = None) -> None:
        super().__init__(tools, parent)
        page = EncodedPage(self.new_requester("page"), self)
        self.shared = Shared(self, page)
        self.plane, self.grid = PlaneMode(self.shared), GridMode(self.shared)
        self.directions = DirectionsMode(self.shared)
        self.interpolate, self.arithmetic = InterpolateMode(self.shared), ArithmeticMode(self.shared)
        self.modes: dict[str, Mode] = {
            mode.name: mode for mode in (self.plane, self.grid, self.directions, self.interpolate, self.arithmetic)
        }
        self._wanted = ""  # the mode chosen last; '' for the first that applies
        self._build()

    def _build(self) -> None:
        named = {name: (m.title, m.hint, f"Latent plane: {m.title.lower()}") for name, m in self.modes.items()}
        self.choices = Segments(named)
        self.choices.chosen.connect(self.choose)
        self.stack = QStackedWidget()
        self.why = FigureView("Latent plane", self)
        self.why.show_sentence("Move through the bottlenecks of the selected runs here.")
        for mode in self.modes.values():
            self.stack.addWidget(mode)
        self.stack.addWidget(self.why)
        self.stack.setCurrentWidget(self.why)
        self.body.addLayout(controls.row(self.choices, None))
        self.body.addWidget(self.stack, 1)

    # ---- modes ----

    @property
    def mode(self) -> Mode | None:
        """The mode shown; None before the first."""
        widget = self.stack.currentWidget()
        return widget if isinstance(widget, Mode) else None

    def choose(self, name: str) -> None:
        """Show a mode."""
        self._wanted = name
        self._show(self.store.state, self.store.state)

    def commands(self) -> tuple[Command, ...]:
        return tuple(Command(mode.title.lower(), partial(self.choose, name)) for name, mode in self.modes.items())

    def show_state(self, before: State, after: State) -> None:
        self._show(before, after)

    def _show(self, before: State, state: State) -> None:
        self.shared.networks = {path: encoder_decoder_of(state, path) for path in state.compared}
        reasons = {name: mode.applies(state) for name, mode in self.modes.items()}
        for name, why in reasons.items():
            self.choices.buttons[name].setEnabled(not why)
            self.choices.buttons[name].setToolTip(why or self.modes[name].hint)
        usable = [name for name, why in reasons.items() if why == ""]
        if None in reasons.values() and self._wanted not in usable and self.mode is None:
            return  # keep what is shown until the files have arrived
        chosen = self._pick(reasons)
        if chosen is not None:
            self._bring(self.modes[chosen], before, state)
        elif all(reasons.values()):
            self._show_why(str(reasons["interpolate"]))

    def _bring(self, mode: Mode, before: State, state: State) -> None:
        """Show a mode, and update it if its inputs have changed."""
        new = mode is not self.mode
        self.choices.set_current(mode.name)
        self.stack.setCurrentWidget(mode)
        usable = {path: one for path, one in self.shared.networks.items() if isinstance(one, EncoderDecoder)}
        self.shared.page.want(state, usable)
        mode.follow(before, state, anew=new)
        self.subtitle.setText(mode.subtitle_text)

    def _pick(self, reasons: dict[str, str | None]) -> str | None:
        """Return the mode that was chosen if it applies or may yet apply, otherwise the first that applies."""
        shown = self.mode.name if self.mode is not None else ""
        for name in (self._wanted, shown if reasons.get(shown) is None else ""):
            if name and not reasons[name]:
                return name
        return next((name for name, why in reasons.items() if why == ""), None)

    def _show_why(self, sentence: str) -> None:
        self.subtitle.setText("")
        self.why.show_sentence(sentence)
        self.stack.setCurrentWidget(self.why)

    # ---- as every panel ----

    @property
    def waiting(self) -> bool:
        return super().waiting or any(mode.waiting for mode in self.modes.values())

    def redraw(self) -> None:
        for mode in self.modes.values():
            mode.redraw()

    @property
    def figure(self) -> Figure | None:
        return self.mode.view.figure if self.mode is not None else None

    def numbers(self) -> Numbers:
        return self.mode.numbers() if self.mode is not None else []
