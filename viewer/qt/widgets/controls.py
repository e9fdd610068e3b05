"""Controls in one call each: small font, a name for screen readers, a tool tip, and what happens on a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeVar

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QSpinBox,
    QStyle,
    QStyleOptionToolButton,
    QStylePainter,
    QToolButton,
    QWidget,
)

from viewer.qt.application import hold_width, make_small

Changed = Callable[[], object]
Shape = Literal["play", "pause", "back", "on"]
Named = TypeVar("Named", bound=QWidget)

_POLYGONS: dict[Shape, tuple[tuple[tuple[float, float], ...], ...]] = {  # in a unit square
    "play": (((0.2, 0.1), (0.9, 0.5), (0.2, 0.9)),),
    "on": (((0.3, 0.1), (0.8, 0.5), (0.3, 0.9)),),
    "back": (((0.7, 0.1), (0.2, 0.5), (0.7, 0.9)),),
    "pause": (((0.2, 0.1), (0.42, 0.1), (0.42, 0.9), (0.2, 0.9)), ((0.58, 0.1), (0.8, 0.1), (0.8, 0.9), (0.58, 0.9))),
}


def explained(widget: Named, name: str, tip: str = "") -> Named:
    """Give a widget its font, its name for screen readers and its tool tip, and return it."""
    widget.setAccessibleName(name)
    for line in widget.findChildren(QLineEdit):  # a spin box's line takes the focus too
        line.setAccessibleName(name)
    widget.setToolTip(tip or name)
    make_small(widget)
    return widget


def check(text: str, tip: str, changed: Changed, *, name: str = "", on: bool = False) -> QCheckBox:
    """Return a check box; it is named by its tool tip where it has no other name."""
    box = explained(QCheckBox(text), name or tip, tip)
    box.setChecked(on)
    box.toggled.connect(lambda _: changed())
    return box


def combo(
    name: str,
    tip: str,
    items: Iterable[str] | Mapping[str, object] = (),
    chosen: Changed | None = None,
    *,
    shortest: int = 5,
    widest: str = "",
) -> QComboBox:
    """Return a combo box of texts, or of texts with their data.

    `shortest` is its least width in characters; with `widest` it is just as wide as this text needs.
    """
    box = explained(QComboBox(), name, tip)
    for text in items:
        box.addItem(text, items[text] if isinstance(items, Mapping) else None)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(shortest)
    if widest:
        hold_width(box, widest, 34)
    if chosen is not None:
        box.activated.connect(lambda _: chosen())
    return box


def slider(
    name: str, tip: str, low: int, high: int, changed: Changed, *, value: int = 0, page: int = 10, narrowest: int = 60
) -> QSlider:
    """Return a horizontal slider."""
    made = explained(QSlider(Qt.Orientation.Horizontal), name, tip)
    made.setRange(low, high)
    made.setValue(value)
    made.setPageStep(page)
    made.setMinimumWidth(narrowest)
    made.valueChanged.connect(lambda _: changed())
    return made


def spin(name: str, tip: str, low: int, high: int, changed: Changed) -> QSpinBox:
    """Return a box for a whole number; what is being typed counts when it is complete."""
    box = explained(QSpinBox(), name, tip)
    box.setRange(low, high)
    box.setKeyboardTracking(False)
    box.valueChanged.connect(lambda _: changed())
    return box


def decimal(name: str, tip: str, low: float, high: float, step: float, changed: Changed) -> QDoubleSpinBox:
    """Return a box for a number."""
    box = explained(QDoubleSpinBox(), name, tip)
    box.setRange(low, high)
    box.setSingleStep(step)
    box.valueChanged.connect(lambda _: changed())
    return box


def button(text: str, tip: str, clicked: Changed, *, name: str = "") -> QPushButton:
    """Return a push button."""
    made = explained(QPushButton(text), name or tip, tip)
    made.clicked.connect(lambda _=False: clicked())
    return made


def tool(
    text: str, tip: str, clicked: Changed | None = None, *, name: str = "", checkable: bool = False
) -> QToolButton:
    """Return a tool button, which Tab reaches too; `clicked` of a checkable one is called when it is toggled."""
    made = explained(QToolButton(), name or tip, tip)
    made.setText(text)
    made.setCheckable(checkable)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    if clicked is not None:
        (made.toggled if checkable else made.clicked).connect(lambda _=False: clicked())
    return made


def label(text: str, buddy: QWidget | None = None, *, longest: str = "") -> QLabel:
    """Return plain text, perhaps of a control; with room for `longest` it moves nothing when it changes."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    make_small(made)
    if buddy is not None:
        made.setBuddy(buddy)
    if longest:
        hold_width(made, longest)
    return made


def row(*widgets: QWidget | None, stretched: QWidget | None = None, spacing: int = 8) -> QHBoxLayout:
    """Put widgets beside one another; None is room that may grow, and `stretched` is the widget that grows."""
    made = QHBoxLayout()
    made.setSpacing(spacing)
    for widget in widgets:
        if widget is None:
            made.addStretch(1)
        else:
            made.addWidget(widget, 1 if widget is stretched else 0)
    return made


def set_quietly(control: QSlider | QSpinBox, value: int) -> None:
    """Set a control's value without a signal."""
    with QSignalBlocker(control):
        control.setValue(value)


def set_numbers(box: QComboBox, count: int) -> None:
    """Offer the numbers from 1 to `count`; a single one leaves no choice."""
    if box.count() != count:
        box.clear()
        box.addItems([str(index + 1) for index in range(count)])
    box.setEnabled(count > 1)


class IconButton(QToolButton):
    """A button with a drawn shape: fonts may lack the characters for it."""

    def __init__(self, shape: Shape, tip: str, clicked: Changed, *, name: str = "") -> None:
        super().__init__()
        self.shape: Shape = shape
        explained(self, name or tip, tip)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(lambda _=False: clicked())

    def set_shape(self, shape: Shape, name: str) -> None:
        """Draw another shape, which does what the name says."""
        self.shape = shape
        self.setAccessibleName(name)
        self.update()

    def sizeHint(self) -> QSize:
        side = self.fontMetrics().height() + 8
        return QSize(side + 2, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().buttonText())
        side = 0.45 * min(self.width(), self.height())
        box = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        for polygon in _POLYGONS[self.shape]:
            points = [box.topLeft() + QPointF(x, y) * side for x, y in polygon]
            painter.drawPolygon(QPolygonF(points))
        painter.end()


class Segments(QWidget):
    """Buttons side by side of which one is pressed; `chosen` carries its name when the user presses another."""

    chosen = Signal(str)

    def __init__(self, choices: Mapping[str, tuple[str, str, str]]) -> None:
        """`choices` are text, tool tip and name for screen readers, by the name that `chosen` carries."""
        super().__init__()
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        for name, (text, tip, spoken) in choices.items():
            made = tool(text, tip, name=spoken, checkable=True)
            made.setObjectName("segment")
            made.clicked.connect(lambda _=False, name=name: self.chosen.emit(name))
            self._group.addButton(made)
            self.buttons[name] = made
        side_by_side = row(*self.buttons.values(), spacing=0)
        side_by_side.setContentsMargins(0, 0, 0, 0)
        self.setLayout(side_by_side)
        self.offer(list(choices))

    def offer(self, names: Sequence[str]) -> None:
        """Show the buttons of these names alone."""
        for name, made in self.buttons.items():
            made.setVisible(name in names)
            made.setProperty("position", "last" if [name] == list(names[-1:]) else "")

    @property
    def current(self) -> str:
        """The name of the pressed button."""
        return next((name for name, made in self.buttons.items() if made.isChecked()), "")

    def set_current(self, name: str) -> None:
        """Press a button without a signal; '' presses none."""
        self._group.setExclusive(bool(name))  # an exclusive group keeps one pressed
        for key, made in self.buttons.items():
            made.setChecked(key == name)
        self._group.setExclusive(True)


class ElidedLabel(QLabel):
    """One line of plain text, elided where its neighbours need room; its tool tip has all of it."""

    def setText(self, text: str) -> None:  # noqa: N802 – a name of Qt
        super().setText(text)
        self.setToolTip(text)

    def minimumSizeHint(self) -> QSize:
        return QSize(10, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), int(self.alignment()), text)
