"""Controls for one unit of a bottleneck: choose it, set it, zero it, sweep it, zero its map, reset."""

from __future__ import annotations

import math

from PySide6.QtCore import QLocale, QSignalBlocker, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from viewer.qt.application import hold_width
from viewer.qt.widgets import controls

STEPS = 200  # of the slider, over the range that the unit has been seen to have
BEYOND = 10.0  # a typed value may exceed the range this many times


class UnitRow(QWidget):
    """Emits what the user wants; the panel holds the values and shows them here with `show_unit`."""

    chosen = Signal(int)
    set_to = Signal(float)
    zeroed = Signal()
    map_zeroed = Signal()
    swept = Signal(bool)
    reset = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high = 0.0, 1.0
        self._build_boxes()
        self._build_buttons()
        label = controls.label("unit", self.unit_box)
        label.setToolTip(self.unit_box.toolTip())
        first = controls.row(label, self.unit_box, self.value_box, self.slider, stretched=self.slider, spacing=6)
        buttons = (self.zero_button, self.sweep_button, self.map_button, self.reset_button)
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(6)
        lines.addLayout(first)
        lines.addLayout(controls.row(*buttons, None, spacing=6))

    def _build_boxes(self) -> None:
        tip = "Which value of the bottleneck to change; clicking on it does the same"
        self.unit_box = controls.spin("Unit to change", tip, 0, 0, self._choose)
        self.unit_box.setSpecialValueText("–")
        tip = "The value that the unit is set to; the decoder shows the effect"
        self.value_box = controls.decimal("Value of the unit", tip, 0, 1, 0.05, self._type)
        self.value_box.setKeyboardTracking(False)
        self.value_box.setLocale(QLocale.c())
        tip = "From the unit's smallest to its largest value over the images shown"
        name = "Value of the unit, over its range"
        self.slider = controls.slider(name, tip, 0, STEPS, self._slide, page=STEPS // 10, narrowest=70)
        hold_width(self.unit_box, 6 * "0", 26)
        hold_width(self.value_box, 8 * "0", 26)

    def _build_buttons(self) -> None:
        tip = "Set the unit to zero to see what the picture loses"
        self.zero_button = _narrow(controls.button("zero", tip, self.zeroed.emit, name="Set the unit to zero"))
        tip = "Nine pictures with the unit going from its smallest to its largest value"
        self.sweep_button = _narrow(controls.button("sweep", tip, lambda: None, name="Sweep the unit"))
        self.sweep_button.setCheckable(True)
        self.sweep_button.toggled.connect(self.swept)
        tip = "Set all values of the chosen map to zero"
        name = "Set the feature map to zero"
        self.map_button = _narrow(controls.button("zero map", tip, self.map_zeroed.emit, name=name))
        tip = "Give every unit its own value again"
        self.reset_button = _narrow(controls.button("reset", tip, self.reset.emit, name="Undo all changes"))

    # ---- shown by the panel ----

    def show_unit(self, count: int, unit: int | None, value: float, seen: tuple[float, float]) -> None:
        """Show which of `count` units is chosen, what it is set to and the range it has been seen to have."""
        self._low, self._high = seen
        span = max(self._high - self._low, 1e-9)
        known = unit is not None and math.isfinite(value)
        value = value if known else 0.0
        with QSignalBlocker(self.unit_box), QSignalBlocker(self.value_box):
            self.unit_box.setRange(0, count)
            self.unit_box.setValue(0 if unit is None else unit + 1)
            self.value_box.setDecimals(max(0, min(6, 2 - math.floor(math.log10(span)))))
            self.value_box.setRange(min(self._low - BEYOND * span, value), max(self._high + BEYOND * span, value))
            self.value_box.setSingleStep(span / 20)
            self.value_box.setValue(value)
        controls.set_quietly(self.slider, round(STEPS * (value - self._low) / span) if known else 0)

    def allow(self, *, choosing: bool, changing: bool, maps: bool, back: bool) -> None:
        """Enable what is possible: choose a unit, change it, zero a map, undo changes."""
        self.unit_box.setEnabled(choosing)
        for widget in (self.value_box, self.slider, self.zero_button, self.sweep_button):
            widget.setEnabled(changing and self.unit_box.value() > 0)
        self.map_button.setVisible(maps)
        self.map_button.setEnabled(changing)
        self.reset_button.setEnabled(back)

    def set_sweeping(self, on: bool) -> None:
        with QSignalBlocker(self.sweep_button):
            self.sweep_button.setChecked(on)

    # ---- from the user ----

    def _choose(self) -> None:
        self.chosen.emit(self.unit_box.value() - 1)

    def _type(self) -> None:
        self.set_to.emit(self.value_box.value())

    def _slide(self) -> None:
        self.set_to.emit(self._low + (self._high - self._low) * self.slider.value() / STEPS)


def _narrow(button: QPushButton) -> QPushButton:
    """Keep a button as narrow as its text allows."""
    hold_width(button, button.text(), 20)
    return button
