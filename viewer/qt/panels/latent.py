"""Latent plane: five modes of moving through the bottlenecks of the selected runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QStackedWidget, QToolButton, QWidget

from viewer.figures.mosaic import small_font
from viewer.figures.paper import Figure
from viewer.figures.theme import Theme
from viewer.qt.latent.arithmetic import ArithmeticMode
from viewer.qt.latent.directions import DirectionsMode
from viewer.qt.latent.encoded_page import EncodedPage
from viewer.qt.latent.grid import GridMode
from viewer.qt.latent.interpolate import InterpolateMode
from viewer.qt.latent.mode import Cross, Mode, Shared
from viewer.qt.latent.plane import PlaneMode
from viewer.qt.tools import Tools
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
        self.shared = Shared(self, Cross(self), page)
        self.plane, self.grid = PlaneMode(self.shared), GridMode(self.shared)
        self.directions = DirectionsMode(self.shared)
        self.interpolate, self.arithmetic = InterpolateMode(self.shared), ArithmeticMode(self.shared)
        self.modes: dict[str, Mode] = {
            mode.name: mode for mode in (self.plane, self.grid, self.directions, self.interpolate, self.arithmetic)
        }
        self._wanted = ""  # the mode chosen last; '' for the first that applies
        self._networks: dict[Path, EncoderDecoder | str] = {}
        self._build()

    def _build(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(0)
        self.choices = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        for name, mode in self.modes.items():
            button = QToolButton()
            button.setText(mode.title)
            button.setCheckable(True)
            button.setObjectName("segment")
            button.setProperty("position", "last" if name == list(self.modes)[-1] else "")
            button.setAccessibleName(f"Latent plane: {mode.title.lower()}")
            button.setToolTip(mode.hint)
            button.setFont(small_font(self.font()))
            button.clicked.connect(partial(self.choose, name))
            self.choices.addButton(button)
            self.buttons[name] = button
            row.addWidget(button)
        row.addStretch(1)
        self.stack = QStackedWidget()
        self.why = FigureView("Latent plane", self)
        self.why.show_sentence("Move through the bottlenecks of the selected runs here.")
        for mode in self.modes.values():
            self.stack.addWidget(mode)
            mode.says.connect(partial(self._say, mode))
        self.stack.addWidget(self.why)
        self.stack.setCurrentWidget(self.why)
        self.body.addLayout(row)
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
        self._show(self.store.state)

    def commands(self) -> tuple[Command, ...]:
        return tuple(Command(mode.title.lower(), partial(self.choose, name)) for name, mode in self.modes.items())

    def show_state(self, before: State, after: State) -> None:
        self._show(after)
        if before.sample != after.sample and self.mode is not None:
            self.mode.redraw()

    def _show(self, state: State) -> None:
        self._networks = {path: encoder_decoder_of(state, path) for path in state.compared}
        reasons = {name: mode.applies(state, self._networks) for name, mode in self.modes.items()}
        for name, why in reasons.items():
            self.buttons[name].setEnabled(not why)
            self.buttons[name].setToolTip(why or self.modes[name].hint)
        if any(why is None for why in reasons.values()):
            usable = [name for name, why in reasons.items() if why == ""]
            if self._wanted not in usable and self.mode is None:
                return  # keep what is shown until the files have arrived
        chosen = self._pick(reasons)
        if chosen is not None:
            self._bring(self.modes[chosen], state)
        elif all(reasons.values()):
            self._show_why(str(reasons["interpolate"]))

    def _bring(self, mode: Mode, state: State) -> None:
        """Show a mode, and update it if its inputs have changed."""
        new = mode is not self.mode
        self.buttons[mode.name].setChecked(True)
        self.stack.setCurrentWidget(mode)
        self.shared.page.want(
            state, {p: network for p, network in self._networks.items() if isinstance(network, EncoderDecoder)}
        )
        inputs = mode.inputs(state, self._networks)
        if new or inputs != mode.shown:
            mode.shown = inputs
            mode.show_state(state, self._networks)
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

    def _say(self, mode: Mode, text: str) -> None:
        if mode is self.mode:
            self.subtitle.setText(text)

    # ---- as every panel ----

    @property
    def waiting(self) -> bool:
        return super().waiting or any(mode.waiting for mode in self.modes.values())

    def redraw(self) -> None:
        """Paint what is known again, in another theme."""

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.why.set_theme(theme)
        for mode in self.modes.values():
            mode.set_theme(theme)

    @property
    def figure(self) -> Figure | None:
        return self.mode.view.figure if self.mode is not None else None

    def numbers(self) -> Numbers:
        return self.mode.numbers() if self.mode is not None else []
