"""A view of a comparison whose images are enlarged as a whole, and the slider for their size."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSlider, QWidget

from viewer.qt.application import hold_width, make_small
from viewer.qt.widgets.figure_view import FigureView

LARGEST = 12  # times


class SizedView(FigureView):
    """A FigureView that emits `resized` instead of enlarging its figure, so that heads and captions keep their size."""

    resized = Signal(int)  # steps

    def zoom_by(self, steps: int, around: QPointF | None = None) -> None:
        self.resized.emit(steps)


class SizeBar(QWidget):
    """A slider for the size of images: automatic at its left end, then once, twice, … their pixels."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, LARGEST)
        self.slider.setPageStep(1)
        self.slider.setFixedWidth(62)
        self.slider.setAccessibleName("Size of the images")
        self.slider.setToolTip("Size of the images, from automatic to 12 times their pixels (Ctrl+wheel, + −)")
        self.slider.valueChanged.connect(lambda _: self._show())
        self.label = QLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        name = QLabel("size")
        for widget in (name, self.slider, self.label):
            make_small(widget)
            row.addWidget(widget)
        hold_width(self.label, "auto")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._show()

    @property
    def zoom(self) -> float | None:
        """How many pixels of the screen a pixel takes; None for as many as leave enough images."""
        return float(self.slider.value()) or None

    def step(self, steps: int, shown: float) -> None:
        """Enlarge by some steps, from the zoom that is shown now where it is automatic."""
        now = self.slider.value() or round(shown)
        self.slider.setValue(max(1, min(LARGEST, now + steps)))

    def _show(self) -> None:
        self.label.setText(f"{self.slider.value()}×" if self.slider.value() else "auto")
        self.changed.emit()
