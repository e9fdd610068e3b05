"""Preferences, and what this program is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QMessageBox, QSpinBox

from viewer.qt.application import icon
from viewer.qt.main_window import MainWindow
from viewer.qt.settings import COLOUR_MAPS, LARGEST_TEXT, SMALLEST_TEXT, THEMES
from viewer.qt.widgets import controls
from viewer.qt.widgets.notices import details


class Preferences(QDialog):
    """Theme, size of text and colour map; every change is seen at once."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setWindowTitle("Preferences")
        self.setMinimumWidth(340)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        settings = window.settings
        self.theme = controls.combo("Theme", "Colours of the window", THEMES)
        self.theme.setCurrentText(settings.theme)
        self.theme.currentTextChanged.connect(window.choose_theme)
        self.colour_map = controls.combo("Colour map", "Colours of feature maps", COLOUR_MAPS)
        self.colour_map.setCurrentText(settings.colour_map)
        self.colour_map.currentTextChanged.connect(window.choose_colour_map)
        self.text_size = QSpinBox()
        self.text_size.setRange(round(100 * SMALLEST_TEXT), round(100 * LARGEST_TEXT))
        self.text_size.setSingleStep(10)
        self.text_size.setSuffix(" %")
        self.text_size.setValue(round(100 * settings.text_size))
        self.text_size.setAccessibleName("Size of text")
        self.text_size.setToolTip("Of the system's size (Ctrl++ and Ctrl+−)")
        self.text_size.valueChanged.connect(lambda percent: window.choose_text_size(percent / 100))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        form = QFormLayout(self)
        form.addRow("Theme", self.theme)
        form.addRow("Size of text", self.text_size)
        form.addRow("Colour map", self.colour_map)
        form.addRow(buttons)


def about(window: MainWindow) -> QMessageBox:
    """Return the dialog that says what this program is and what it runs on."""
    box = QMessageBox(window)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("About aezoo")
    box.setIconPixmap(icon().pixmap(64, 64))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText("aezoo: an autoencoder model zoo that exports ONNX, and its viewer.")
    box.setInformativeText("\n".join([*details(), f"Graphs run on: {window.status.provider.text()}"]))
    return box
