"""Controls that are made in one call: named for screen readers, explained, and drawn without the help of a font."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from viewer.qt.widgets import controls
from viewer.qt.widgets.controls import IconButton, Segments, Shape
from viewer.qt.widgets.unit_row import UnitRow


def nothing() -> None:
    """For controls that nobody uses."""


def test_every_control_has_a_name_and_a_tool_tip_and_reports_changes(qtbot: QtBot) -> None:
    changes: list[str] = []
    check = controls.check("loop", "Start again", lambda: changes.append("check"), name="Play again", on=True)
    combo = controls.combo("Kind", "Kind of noise", {"a": 1, "b": 2}, lambda: changes.append("combo"))
    slider = controls.slider("Epoch", "The epoch shown", 1, 9, lambda: changes.append("slider"), value=3)
    spin = controls.spin("Map", "Which map", 1, 4, lambda: changes.append("spin"))
    number = controls.decimal("Noise", "How much", 0, 1, 0.1, lambda: changes.append("decimal"))
    button = controls.button("reset", "Undo all", lambda: changes.append("button"), name="Undo")
    tool = controls.tool("eraser", "Paint black", lambda: changes.append("tool"), checkable=True)
    made: tuple[QWidget, ...] = (check, combo, slider, spin, number, button, tool)
    for widget in made:
        qtbot.addWidget(widget)
        assert widget.accessibleName() and widget.toolTip()
        assert all(line.accessibleName() == widget.accessibleName() for line in widget.findChildren(QLineEdit))
    assert check.isChecked() and slider.value() == 3 and tool.accessibleName() == "Paint black"
    assert changes == [], "to be made is no change"
    check.click()
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    slider.setValue(4)
    spin.setValue(2)
    number.setValue(0.5)
    button.click()
    tool.click()
    assert changes == ["check", "combo", "slider", "spin", "decimal", "button", "tool"]
    assert combo.currentData() == 2
    controls.set_quietly(slider, 9)
    assert slider.value() == 9 and len(changes) == 7


def test_numbers_are_offered_from_one_on_and_a_single_one_is_no_choice(qtbot: QtBot) -> None:
    combo = controls.combo("Sample", "")
    qtbot.addWidget(combo)
    for count, enabled in ((3, True), (1, False), (0, False)):
        controls.set_numbers(combo, count)
        assert [combo.itemText(index) for index in range(combo.count())] == [str(n + 1) for n in range(count)]
        assert combo.isEnabled() == enabled


def test_one_segment_is_pressed_and_a_click_on_another_says_which(qtbot: QtBot) -> None:
    segments = Segments({"worst": ("worst", "largest error", "Worst"), "best": ("best", "least error", "Best")})
    qtbot.addWidget(segments)
    chosen: list[str] = []
    segments.chosen.connect(chosen.append)
    assert segments.current == ""
    segments.set_current("worst")
    assert segments.current == "worst" and chosen == []
    qtbot.mouseClick(segments.buttons["best"], Qt.MouseButton.LeftButton)
    assert segments.current == "best" and chosen == ["best"] and not segments.buttons["worst"].isChecked()
    segments.set_current("")
    assert segments.current == "", "neither, as of pasted pictures"
    assert segments.buttons["best"].accessibleName() == "Best"


@pytest.mark.parametrize("shape", ["play", "pause", "back", "on"])
def test_icons_are_drawn_and_no_two_alike(shape: Shape, qtbot: QtBot, qapp: QApplication) -> None:
    button = IconButton(shape, "tip", nothing, name="Name")
    qtbot.addWidget(button)
    button.resize(button.sizeHint())
    assert button.text() == "" and button.accessibleName() == "Name"
    image = button.grab().toImage()
    other: Shape = "pause" if shape == "play" else "play"
    button.set_shape(other, "Other")
    assert button.accessibleName() == "Other" and button.grab().toImage() != image


def test_every_control_of_a_unit_is_explained(qtbot: QtBot) -> None:
    row = UnitRow()
    qtbot.addWidget(row)
    buttons = (row.zero_button, row.sweep_button, row.map_button, row.reset_button)
    for widget in (row.unit_box, row.value_box, row.slider, *buttons):
        assert widget.accessibleName() and len(widget.toolTip()) > 20
