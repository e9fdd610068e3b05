"""Drawing by mouse, tablet and keys; pictures that are pasted and dropped; and what networks make of it, live."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QInputDevice,
    QPointingDevice,
    QTabletEvent,
)
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import CARD, TIMEOUT, Open, graph_bytes, settle_window, write_run
from tests.viewer.odd_runs import write_classifier, write_colouriser
from viewer.figures.drawn import DrawnFigure
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.draw import Draw
from viewer.qt.widgets.canvas import Canvas
from viewer.state.drawing import SIDE
from zoo.runs import RunFolder, atomic_write


def opened(window: MainWindow, qtbot: QtBot, *paths: Path) -> Draw:
    if paths:
        window.store.set_selected(paths, paths[0])
    window.go_to(window.panels.draw)
    settle_window(qtbot, window)
    panel: Draw = window.panels.draw
    return panel


def point_at(canvas: Canvas, x: float, y: float) -> QPoint:
    """The point in the widget of a point on the canvas."""
    square = canvas.square
    return (square.topLeft() + QPointF(x, y) * (square.width() / SIDE)).toPoint()


def draw(
    qtbot: QtBot,
    canvas: Canvas,
    points: Sequence[tuple[float, float]] = ((60, 60), (140, 140), (220, 220)),
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
) -> None:
    first, *rest = (point_at(canvas, *point) for point in points)
    qtbot.mousePress(canvas, button, pos=first)
    for point in rest:
        qtbot.mouseMove(canvas, point)
        _move(canvas, point, button)
    qtbot.mouseRelease(canvas, button, pos=rest[-1] if rest else first)


def _move(canvas: Canvas, point: QPoint, button: Qt.MouseButton) -> None:
    from PySide6.QtGui import QMouseEvent

    position = QPointF(point)
    event = QMouseEvent(
        QEvent.Type.MouseMove, position, position, Qt.MouseButton.NoButton, button, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(canvas, event)


def figure_of(panel: Draw) -> DrawnFigure:
    assert isinstance(panel.view.figure, DrawnFigure), panel.view.sentence
    return panel.view.figure


def test_what_is_drawn_goes_through_every_compared_run(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    one, two = write_run(tmp_path, "tests/a").path, write_classifier(tmp_path)
    three = write_colouriser(tmp_path)
    window = open_window(tmp_path)
    panel = opened(window, qtbot, one, two, three)
    assert panel.view.sentence.startswith("Draw on the black square") and not panel.undo_button.isEnabled()
    draw(qtbot, panel.canvas, [(55, 60), (55, 220)])
    settle_window(qtbot, window)
    first, second, third = figure_of(panel).cells
    assert [picture.label for picture in first.pictures] == ["given", "output"] and first.measured.startswith("mse 0.")
    assert first.note == "280×280, scaled to 28×28" and first.pictures[0].pixels.shape == (28, 28, 3)
    assert second.bars[0].name == "a" and len(second.bars) == 3  # a bar at the left, where it has its "a"
    assert third.note == "280×280, scaled to 32×32" and not third.measured
    given, output = (picture.pixels for picture in third.pictures)
    assert (given[..., 0] == given[..., 2]).all() and (output[..., 0] > output[..., 2]).any()
    rows = panel.numbers()
    assert rows[0] == ("run", "measured", "value")
    assert len([row for row in rows if row[0] == "tests/classifier" and str(row[1]).startswith("likely")]) == 10


def test_every_move_of_the_mouse_is_shown_at_last_and_the_newest_wins(
    run: RunFolder, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(run.path)
    panel = opened(window, qtbot)
    before = panel.requester.sent
    draw(qtbot, panel.canvas, [(40 + index, 100) for index in range(200)])
    settle_window(qtbot, window)
    assert panel.requester.sent - before < 200
    expected = panel.canvas.pixels()[::10, ::10]
    given = panel.made[run.path].drawing_input.given.image
    assert given.shape == (1, 28, 28) and not panel._changed_since
    assert (given[0, 10, 5:23] > 0.9).all() and expected.any()


def test_strokes_are_taken_back_one_by_one_and_clearing_too(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    panel = opened(open_window(run.path), qtbot)
    canvas = panel.canvas
    draw(qtbot, canvas, [(50, 50), (100, 50)])
    one = canvas.pixels()
    draw(qtbot, canvas, [(50, 200), (100, 200)])
    two = canvas.pixels()
    qtbot.keyClick(canvas, Qt.Key.Key_Delete)
    assert canvas.is_empty and not canvas.pixels().any()
    for expected in (two, one):
        qtbot.keyClick(canvas, Qt.Key.Key_Backspace)
        np.testing.assert_array_equal(canvas.pixels(), expected)
    qtbot.mouseClick(panel.undo_button, Qt.MouseButton.LeftButton)
    assert canvas.is_empty and not panel.undo_button.isEnabled() and not panel.clear_button.isEnabled()
    assert panel.view.figure is None


def test_the_right_button_erases_and_so_does_the_eraser(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    panel = opened(open_window(run.path), qtbot)
    canvas = panel.canvas
    for erase in (Qt.MouseButton.RightButton, Qt.MouseButton.LeftButton):
        draw(qtbot, canvas, [(50, 140), (230, 140)])
        assert canvas.pixels()[140, 140].min() == 255
        panel.eraser_button.setChecked(erase == Qt.MouseButton.LeftButton)
        draw(qtbot, canvas, [(140, 50), (140, 230)], erase)
        assert canvas.pixels()[140, 140].max() == 0 and canvas.pixels()[140, 80].min() == 255
        panel.eraser_button.setChecked(False)


def test_the_brush_has_a_width_and_a_colour(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    panel = opened(open_window(run.path), qtbot)
    widths = []
    for width in (10, 60):
        panel.canvas.clear()
        panel.brush_slider.setValue(width)
        draw(qtbot, panel.canvas, [(50, 140), (230, 140)])
        widths.append(np.count_nonzero(panel.canvas.pixels()[:, 140, 0] > 127))
    assert widths == pytest.approx([10, 60], abs=1)
    panel.canvas.clear()
    panel.colour_box.setCurrentText("red")
    draw(qtbot, panel.canvas, [(140, 140)])
    assert panel.canvas.pixels()[140, 140].tolist() == [0xE0, 0x30, 0x30]


def test_the_keyboard_draws_too(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    panel = opened(window, qtbot)
    canvas = panel.canvas
    assert canvas.hasFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Left)
    assert canvas.is_empty and "pen up at 130, 140" in canvas.accessibleDescription()
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    assert "pen down" in canvas.accessibleDescription()
    for _ in range(5):
        qtbot.keyClick(canvas, Qt.Key.Key_Down)
    qtbot.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    (stroke,) = canvas.drawing.strokes
    assert stroke.points[0][:2] == (130, 140) and stroke.points[-1][:2] == (132, 190)
    settle_window(qtbot, window)
    assert figure_of(panel).cells[0].pictures
    qtbot.keyClick(canvas, Qt.Key.Key_Up)
    assert len(canvas.drawing.strokes) == 1 and canvas.pen.y() == 180


def test_a_tablets_pressure_widens_the_brush_and_its_other_end_erases(
    run: RunFolder, open_window: Open, qtbot: QtBot
) -> None:
    canvas = opened(open_window(run.path), qtbot).canvas
    for pressure, x in ((0.1, 80), (1.0, 200)):
        _tablet(canvas, [(x, 50), (x, 230)], pressure)
    row = canvas.pixels()[140, :, 0] > 127
    assert np.count_nonzero(row[:140]) == pytest.approx(24 * 0.52, abs=1.5)
    assert np.count_nonzero(row[140:]) == pytest.approx(24 * 1.6, abs=1.5)
    _tablet(canvas, [(50, 140), (230, 140)], 0.5, QPointingDevice.PointerType.Eraser)
    assert not canvas.pixels()[140, 60:220].any() and len(canvas.drawing.strokes) == 3


def _tablet(
    canvas: Canvas,
    points: Sequence[tuple[float, float]],
    pressure: float,
    pointer: QPointingDevice.PointerType = QPointingDevice.PointerType.Pen,
) -> None:
    device = QPointingDevice(
        "tablet",
        1,
        QInputDevice.DeviceType.Stylus,
        pointer,
        QInputDevice.Capability.Position | QInputDevice.Capability.Pressure,
        1,
        2,
    )
    kinds = [QEvent.Type.TabletPress, *[QEvent.Type.TabletMove] * (len(points) - 1), QEvent.Type.TabletRelease]
    for kind, point in zip(kinds, [*points, points[-1]], strict=True):
        at = QPointF(point_at(canvas, *point))
        left = Qt.MouseButton.LeftButton
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.TabletMove else left
        event = QTabletEvent(
            kind, device, at, at, pressure, 0, 0, 0, 0, 0, Qt.KeyboardModifier.NoModifier, button, left
        )
        QApplication.sendEvent(canvas, event)
        assert event.isAccepted()


def test_centring_and_noise_are_chosen_and_shown(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    panel = opened(window, qtbot)
    draw(qtbot, panel.canvas, [(30, 30), (60, 60)])
    panel.centre_box.setChecked(True)
    settle_window(qtbot, window)
    given = panel.made[run.path].drawing_input.given
    assert given.how == "centred as MNIST, 28×28" and np.ptp(np.argwhere(given.image[0] > 0.1), axis=0).max() == 19
    panel.noise_box.setValue(0.3)
    settle_window(qtbot, window)
    assert figure_of(panel).cells[0].note.endswith("noise σ = 0.30")


def test_a_picture_that_is_pasted_can_be_drawn_on(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    panel = opened(window, qtbot)
    picture = QImage(40, 20, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.green)
    QGuiApplication.clipboard().setImage(picture)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    settle_window(qtbot, window)
    assert panel.canvas.pixels()[10, 10].tolist() == [0, 255, 0]
    assert panel.note_label.text() == "the picture: 40×20, its middle 20×20, scaled to 280×280"
    assert figure_of(panel).cells[0].note.endswith("grey by its luma")
    draw(qtbot, panel.canvas)
    assert panel.canvas.pixels()[140, 140].tolist() == [255, 255, 255]
    panel.canvas.undo()
    panel.canvas.undo()
    assert panel.canvas.is_empty and panel.note_label.text() == ""


def test_a_picture_file_that_is_dropped_on_the_canvas_is_decoded_elsewhere(
    run: RunFolder, tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    file = tmp_path / "blue.png"
    Image.new("RGB", (30, 30), (0, 0, 255)).save(file)
    window = open_window(run.path)
    panel = opened(window, qtbot)
    _drop(panel.canvas, file)
    settle_window(qtbot, window)
    assert panel.canvas.pixels()[200, 200].tolist() == [0, 0, 255]
    assert panel.note_label.text().startswith("blue.png: 30×30")
    assert window.store.state.pasted is None  # it is the canvas's, not the other panels'


def test_bytes_of_another_program_are_decoded_elsewhere(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    panel = opened(window, qtbot)
    buffer, mime = io.BytesIO(), QMimeData()
    Image.new("RGB", (8, 8), (255, 255, 0)).save(buffer, "PNG")
    mime.setData("image/png", buffer.getvalue())
    panel.canvas.offered.emit(mime)
    settle_window(qtbot, window)
    assert panel.canvas.pixels()[200, 200].tolist() == [255, 255, 0]


def test_what_is_no_picture_is_reported_and_leaves_the_canvas_alone(
    run: RunFolder, tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    file = tmp_path / "broken.png"
    file.write_bytes(b"no picture at all")
    window = open_window(run.path)
    panel = opened(window, qtbot)
    draw(qtbot, panel.canvas)
    before = panel.canvas.pixels()
    _drop(panel.canvas, file)
    settle_window(qtbot, window)
    assert any("broken.png: it cannot be read as a picture" in sentence for sentence in window.notices.sentences)
    np.testing.assert_array_equal(panel.canvas.pixels(), before)
    QGuiApplication.clipboard().setText("text")
    qtbot.mouseClick(panel.paste_button, Qt.MouseButton.LeftButton)
    assert any("no picture in the clipboard" in sentence for sentence in window.notices.sentences)


def _drop(canvas: Canvas, file: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    actions, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPoint(20, 20), actions, mime, left, none)
    QApplication.sendEvent(canvas, entering)
    assert entering.isAccepted()
    QApplication.sendEvent(canvas, QDropEvent(QPointF(20, 20), actions, mime, left, none))


def test_the_chosen_image_can_be_put_on_the_canvas_and_the_drawing_into_every_panel(
    run: RunFolder, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(run.path)
    panel = opened(window, qtbot)
    window.store.set_sample(3)
    panel.take_sample()
    settle_window(qtbot, window)
    page = window.store.state.page
    assert page is not None
    np.testing.assert_allclose(panel.made[run.path].drawing_input.given.image, page.clean[3], atol=1 / 255)
    panel.show_everywhere()
    settle_window(qtbot, window)
    pasted = window.store.state.pasted
    assert pasted is not None and pasted.names == ("the drawing",)


def test_runs_that_take_no_drawing_say_so_and_the_others_go_on(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    one, two, three = (write_run(tmp_path, f"tests/{name}") for name in "abc")
    two.graph("model").unlink()
    atomic_write(three.graph("model"), graph_bytes(replace(CARD, name="tests/c", task="recall")))
    window = open_window(tmp_path)
    panel = opened(window, qtbot, one.path, two.path, three.path)
    draw(qtbot, panel.canvas)
    settle_window(qtbot, window)
    cells = figure_of(panel).cells
    assert cells[0].pictures and cells[1].sentence.startswith("model.onnx is missing")
    assert cells[2].sentence == "It takes a class label, not an image."


def test_going_to_another_run_shows_the_same_drawing_there(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    one, two = write_run(tmp_path, "tests/a"), write_run(tmp_path, "tests/b")
    window = open_window(tmp_path)
    panel = opened(window, qtbot, one.path)
    draw(qtbot, panel.canvas)
    settle_window(qtbot, window)
    window.store.set_selected((two.path,), two.path)
    settle_window(qtbot, window)
    assert [cell.title for cell in figure_of(panel).cells] == ["tests/b"] and set(panel.made) == {two.path}


def test_a_hidden_canvas_sends_nothing(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    qtbot.waitUntil(lambda: window.settled, timeout=TIMEOUT)
    assert window.panels.draw.requester.sent == 0
