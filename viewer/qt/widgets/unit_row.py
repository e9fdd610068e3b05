"""Controls for one unit of a bottleneck: choose it, set it, zero it, sweep it, zero its map, reset."""

from __future__ import annotations

import math

from PySide6.QtCore import QLocale, QSize, Qt, Signal
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QSpinBox,
    QWidget,
)

STEPS = 200  # of the slider, over the range that the unit has been seen to have
BESIDE = 620  # from this width in pixels on, both lines are side by side
BEYOND = 10.0  # a typed value may exceed the range this many times

_TOOL_TIPS = (
    ("Unit to change", "Which value of the bottleneck to change; clicking on it does the same"),
    ("Value of the unit", "The value that the unit is set to; the decoder shows the effect"),
    ("Value of the unit, over its range", "From the unit's smallest to its largest value over the images shown"),
    ("Set the unit to zero", "Set the unit to zero to see what the picture loses"),
    ("Sweep the unit", "Nine pictures with the unit going from its smallest to its largest value"),
    (
        "Set the feature map to zero",
        "Set all values of the chosen map to zero; double-clicking its heading does the same",
    ),
    ("Undo all changes", "Give every unit its own value again"),
)


class UnitRow(QWidget):
    """Emits what the user wants; the panel holds the values and shows them here with `show_unit`."""

    chosen = Signal(int)
    set_to = Signal(float)
    zeroed = Signal()
    map_zeroed = Signal()
    swept = Signal(bool)
    reset = Signal()

    def __init__(self, font: QFont, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high = 0.0, 1.0
        self.unit_box, self.value_box, self.slider = QSpinBox(), QDoubleSpinBox(), QSlider(Qt.Orientation.Horizontal)
        self.zero_button, self.sweep_button = QPushButton("zero"), QPushButton("sweep")
        self.map_button, self.reset_button = QPushButton("zero map"), QPushButton("reset")
        self._controls: tuple[QWidget, ...] = (
            self.unit_box,
            self.value_box,
            self.slider,
            self.zero_button,
            self.sweep_button,
            self.map_button,
            self.reset_button,
        )
        self._explain(font)
        self._build()
        self.unit_box.valueChanged.connect(self._choose)
        self.value_box.valueChanged.connect(self._type)
        self.slider.valueChanged.connect(self._slide)
        self.zero_button.clicked.connect(lambda _=False: self.zeroed.emit())
        self.map_button.clicked.connect(lambda _=False: self.map_zeroed.emit())
        self.reset_button.clicked.connect(lambda _=False: self.reset.emit())
        self.sweep_button.toggled.connect(self.swept)

    def _explain(self, font: QFont) -> None:
        for widget, (name, tip) in zip(self._controls, _TOOL_TIPS, strict=True):
            for named in (widget, *widget.findChildren(QLineEdit)):  # a spin box's line takes the focus too
                named.setAccessibleName(name)
            widget.setToolTip(tip)
            widget.setFont(font)
        for button in (self.zero_button, self.sweep_button, self.map_button, self.reset_button):
            text = button.fontMetrics().horizontalAdvance(button.text())
            button.setMinimumWidth(text + 16)
            button.setMaximumWidth(text + 40)
        self.sweep_button.setCheckable(True)

    def _build(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        label = QLabel("unit")
        label.setFont(self.unit_box.font())
        label.setBuddy(self.unit_box)
        self.unit_box.setSpecialValueText("–")
        self.unit_box.setKeyboardTracking(False)
        self.value_box.setKeyboardTracking(False)
        self.value_box.setLocale(QLocale.c())
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 10)
        digits = self.unit_box.fontMetrics().horizontalAdvance("0")
        self.unit_box.setFixedWidth(6 * digits + 26)
        self.value_box.setFixedWidth(8 * digits + 26)
        self.slider.setMinimumWidth(70)
        for widget, stretch in ((label, 0), (self.unit_box, 0), (self.value_box, 0), (self.slider, 1)):
            first.addWidget(widget, stretch)
        for button in (self.zero_button, self.sweep_button, self.map_button, self.reset_button):
            second.addWidget(button)
        second.addStretch(1)
        self.lines = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self.lines.setContentsMargins(0, 0, 0, 0)
        self.lines.setSpacing(6)
        self.lines.addLayout(first, 1)
        self.lines.addLayout(second)

    # ---- shown by the panel ----

    def show_unit(self, count: int, unit: int | None, value: float, seen: tuple[float, float]) -> None:
        """Show which of `count` units is chosen, what it is set to and the range it has been seen to have."""
        self._low, self._high = seen
        span = max(self._high - self._low, 1e-9)
        known = unit is not None and math.isfinite(value)
        value = value if known else 0.0
        for box in (self.unit_box, self.value_box, self.slider):
            box.blockSignals(True)
        self.unit_box.setRange(0, count)
        self.unit_box.setValue(0 if unit is None else unit + 1)
        self.value_box.setDecimals(max(0, min(6, 2 - math.floor(math.log10(span)))))
        self.value_box.setRange(min(self._low - BEYOND * span, value), max(self._high + BEYOND * span, value))
        self.value_box.setSingleStep(span / 20)
        self.value_box.setValue(value)
        self.slider.setValue(round(STEPS * (value - self._low) / span) if known else 0)
        for box in (self.unit_box, self.value_box, self.slider):
            box.blockSignals(False)

    def allow(self, *, choosing: bool, changing: bool, maps: bool, back: bool) -> None:
        """Enable what is possible: choose a unit, change it, zero a map, undo changes."""
        self.unit_box.setEnabled(choosing)
        for widget in (self.value_box, self.slider, self.zero_button, self.sweep_button):
            widget.setEnabled(changing and self.unit_box.value() > 0)
        self.map_button.setVisible(maps)
        self.map_button.setEnabled(changing)
        self.reset_button.setEnabled(back)

    def set_sweeping(self, on: bool) -> None:
        self.sweep_button.blockSignals(True)
        self.sweep_button.setChecked(on)
        self.sweep_button.blockSignals(False)

    # ---- from the user ----

    def _choose(self, number: int) -> None:
        self.chosen.emit(number - 1)

    def _type(self, value: float) -> None:
        self.set_to.emit(value)

    def _slide(self, step: int) -> None:
        self.set_to.emit(self._low + (self._high - self._low) * step / STEPS)

    def minimumSizeHint(self) -> QSize:
        """As narrow as with one line below the other, so that a column that was wide can shrink again."""
        lines = self.lines.findChildren(QHBoxLayout)
        return QSize(max(line.minimumSize().width() for line in lines), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = event.size().width() >= BESIDE
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if self.lines.direction() != direction:
            self.lines.setDirection(direction)
