"""The window on runs that are whole, broken, growing, foreign."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QSlider,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import CARD, PROVENANCE, TIMEOUT, Open, graph_bytes, history_of, settle_window, write_run
from viewer.figures.arrange import Parts
from viewer.figures.comparison import ComparisonFigure
from viewer.figures.curves import CurvesFigure
from viewer.figures.image_grid import ImageGrid
from viewer.qt.main_window import MainWindow
from viewer.qt.settings import Settings
from viewer.state import noise
from viewer.state.rows import rows_of
from zoo import checkpoints
from zoo.runs import RunFolder, atomic_write, pack_history

CONTROLS = (QAbstractButton, QComboBox, QLineEdit, QSlider, QAbstractSpinBox)


def mosaic_of(panel: object) -> ComparisonFigure:
    figure = panel.view.figure  # type: ignore[attr-defined]
    assert isinstance(figure, ComparisonFigure), panel.view.sentence  # type: ignore[attr-defined]
    return figure


def sheet_of(panel: object, name: str) -> ImageGrid:
    """One of the sheets that a figure of several is made of."""
    figure = panel.view.figure  # type: ignore[attr-defined]
    assert isinstance(figure, Parts), panel.view.sentence  # type: ignore[attr-defined]
    sheet = figure.parts[name]
    assert isinstance(sheet, ImageGrid)
    return sheet


def foreign_bytes(operator: str, shape: list[int]) -> bytes:
    """A graph of one node and without a card."""
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"])],
        "foreign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", *shape])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())


def select(window: MainWindow, qtbot: QtBot, *paths: Path) -> None:
    window.store.set_selected(paths, paths[0])
    settle_window(qtbot, window)


def test_a_window_shows_a_run_in_every_panel(run: RunFolder, open_window: Open) -> None:
    window = open_window(run.path.parent.parent)
    assert window.runs.paths == [run.path]
    (block,) = mosaic_of(window.panels.reconstructions).blocks
    assert [row.label for row in block.bands] == ["input", "output", "difference"]
    assert len(block.captions) == 10 and all(float(text) > 0 for text in block.captions)
    (block,) = mosaic_of(window.panels.noise).blocks
    assert [row.label for row in block.bands] == ["clean", "noisy", "median", "output"]
    assert sheet_of(window.panels.bottleneck, "row").pixels.shape == (10, 28, 14, 3)
    assert sheet_of(window.panels.bottleneck, "map").pixels.shape == (1, 7, 7, 3)
    assert isinstance(window.panels.losses.view.figure, CurvesFigure)
    assert "tests/conv" in window.panels.card.text.toPlainText()
    assert window.notices.sentences == ()


def test_the_status_bar_shows_provider_time_data_and_sandbox(run: RunFolder, open_window: Open) -> None:
    window = open_window(run.path)
    assert window.status.provider.text().startswith(("CPU (", "CUDA"))
    assert window.status.speed.text().endswith(" ms")
    assert window.status.provenance.text() == f"data: {PROVENANCE}"
    assert window.status.sandbox.text().startswith("sandbox: ") and window.status.sandbox.toolTip()


def test_the_card_has_every_metric_beside_every_baseline_and_the_hash(run: RunFolder, open_window: Open) -> None:
    text = open_window(run.path).panels.card.text.toPlainText()
    sha256 = hashlib.sha256(run.graph("model").read_bytes()).hexdigest()
    for part in ("0.0123", "19.2", "0.0045", "PCA", "a blur by hand", "1,500 train", PROVENANCE, "all of it", sha256):
        assert part in text
    assert "as card.json lists it" in text


def test_a_graph_that_is_not_the_exported_one_is_marked_as_changed(run: RunFolder, open_window: Open) -> None:
    atomic_write(run.graph("model"), graph_bytes(replace(CARD, summary="another")))
    window = open_window(run.path)
    assert "this is not the file that was exported" in window.panels.card.text.toPlainText()
    assert rows_of(window.store.state)[0].cells[-1] == "changed"


def test_files_of_different_recipes_in_one_folder_are_reported_once(run: RunFolder, open_window: Open) -> None:
    atomic_write(run.history, pack_history(history_of(name="tests/other")))
    window = open_window(run.path)
    (sentence,) = window.notices.sentences
    assert "history.h5 is of tests/other, card.json of tests/conv" in sentence
    assert "history.h5 is of tests/other" in window.panels.card.text.toPlainText()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff" * 40, "card.json is not UTF-8 text; export the run again"),
        (b"x" * (1 << 19), "card.json has 524,288 bytes"),
        (b'{"format":"aezoo/1","files":{"model.onnx":{"sha256":"","bytes":Infinity}}}', "card.json"),
    ],
    ids=["not text", "too much", "infinite"],
)
def test_an_error_of_the_card_outlives_the_reading_of_the_graph(
    run: RunFolder, open_window: Open, data: bytes, expected: str
) -> None:
    run.card.write_bytes(data)
    window = open_window(run.path)
    assert window.store.state.current_known.graph is not None
    (sentence,) = window.notices.sentences
    assert expected in sentence and expected in window.store.state.current_known.error
    assert str(run.path.parent) not in sentence
    assert mosaic_of(window.panels.reconstructions)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_card_that_is_a_pipe_is_reported_and_waits_for_nobody(run: RunFolder, open_window: Open) -> None:
    run.card.unlink()
    os.mkfifo(run.card)
    (sentence,) = open_window(run.path).notices.sentences
    assert sentence.startswith(("runs/", "tests/")) and "card.json is not a regular file" in sentence


def test_a_finished_run_without_its_graph_says_how_to_export_it(run: RunFolder, open_window: Open) -> None:
    run.graph("model").unlink()
    window = open_window(run.path)
    assert window.panels.noise.view.sentence == "model.onnx is missing; export it with `aezoo export tests/conv`."
    assert window.panels.reconstructions.subtitle.text() == "model.onnx is missing, as of epoch 3"


def test_output_that_is_not_finite_is_reported_in_a_sentence(tmp_path: Path, open_window: Open) -> None:
    lone = tmp_path / "lone.onnx"
    lone.write_bytes(foreign_bytes("Log", [1, 28, 28]))
    window = open_window(lone)
    for panel in (window.panels.reconstructions, window.panels.noise):
        assert panel.view.figure is None and "The output is not finite" in panel.view.sentence
    assert window.panels.noise.psnr_label.text() == ""


@pytest.mark.parametrize(("operator", "shape"), [("Relu", [1, 28, 28]), ("Flatten", [784])])
def test_the_one_output_of_a_foreign_graph_is_called_no_bottleneck(
    tmp_path: Path, open_window: Open, operator: str, shape: list[int]
) -> None:
    lone = tmp_path / "lone.onnx"
    lone.write_bytes(foreign_bytes(operator, shape))
    window = open_window(lone)
    assert window.workspace.tabs["Inside"].stack.there == ("layers",) and window.workspace.tabs["Latent"].isHidden()
    window.go_to(window.panels.bottleneck)
    assert "has no bottleneck among its outputs" in window.panels.bottleneck.view.sentence
    assert rows_of(window.store.state)[0].cell("bottleneck") == "–"


def test_a_folder_that_vanishes_is_said_to_be_gone(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    root = tmp_path / "runs"
    write_run(root)
    window = open_window(root)
    shutil.rmtree(root)
    window.run_loader.rescan()
    qtbot.waitUntil(lambda: not window.runs.paths, timeout=TIMEOUT)
    text = window.start_page.sentence.text()
    assert text.startswith(f"{root} is gone.") and "No runs in" not in text


def test_the_slider_keeps_its_width_and_names_are_whole_however_narrow_the_table_is(
    tmp_path: Path, open_window: Open, qapp: QApplication
) -> None:
    for index in range(40):
        write_run(tmp_path, f"tests/a-recipe-with-a-long-name-{index:02}")
    window = open_window(tmp_path)
    assert window.minimumWidth() == min(1000, window.screen().availableSize().width())
    window.go_to(window.panels.runs)
    window.workspace.split("All columns", Qt.Orientation.Vertical)
    table, widths = window.panels.runs.table, []
    for width in (1400, 300, 1000):
        window.across.setSizes([200, width, 1600 - width])
        qapp.processEvents()
        widths.append(table.columnWidth(1))
        assert window.panels.noise.slider.width() >= 160
    assert len(set(widths)) == 1 and widths[0] >= table.fontMetrics().horizontalAdvance(window.runs.rows[0].cells[1])
    assert table.verticalScrollBar().maximum() > 0 and window.rail.list.verticalScrollBar().maximum() > 0


def test_the_difference_of_a_denoiser_is_from_the_clean_target(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_run(tmp_path, noise=0.3).path)
    assert [row.label for row in mosaic_of(window.panels.reconstructions).blocks[0].bands] == [
        "noisy",
        "output",
        "target",
        "difference",
    ]
    assert window.panels.noise.sigma == 0.3
    assert "trained with σ = 0.3" in window.panels.noise.subtitle.text()


def test_the_slider_ends_at_its_last_value_with_fewer_requests_answered_than_sent(
    run: RunFolder, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(run.path)
    requester, received = window.panels.noise.requester, window.panels.noise.requester.received
    before = window.panels.noise.requester.sent
    for value in range(30, 91):
        window.panels.noise.slider.setValue(value)
    settle_window(qtbot, window)
    assert requester.sent - before == 61
    assert 1 <= requester.received - received < 61
    clean, frame = window.store.state.samples, window.panels.noise.frame
    assert clean is not None and frame is not None
    np.testing.assert_array_equal(frame.reference.noisy, noise.add(clean.targets, 0.9))
    assert window.panels.noise.sigma_label.text() == "0.90"


def test_stronger_noise_has_a_lower_psnr(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    texts = []
    for value in (0, 10, 80):
        window.panels.noise.slider.setValue(value)
        settle_window(qtbot, window)
        texts.append(window.panels.noise.psnr_label.text())
    assert texts[0].startswith("PSNR ∞ dB noisy")
    weak, strong = (float(text.split()[1]) for text in texts[1:])
    assert weak > strong


def test_a_sample_chosen_in_one_panel_is_shown_large_in_all(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    qtbot.keyClick(window.panels.reconstructions.view, Qt.Key.Key_Right)
    qtbot.keyClick(window.panels.noise.view, Qt.Key.Key_Right)
    assert window.panels.bottleneck.sample_box.currentText() == "3"
    for panel in (window.panels.reconstructions, window.panels.noise):
        assert mosaic_of(panel).chosen == 2
    assert sheet_of(window.panels.bottleneck, "row").chosen == 2


def test_a_feature_map_can_be_chosen(run: RunFolder, open_window: Open) -> None:
    window = open_window(run.path)
    window.panels.bottleneck.map_box.setCurrentIndex(5)
    window.panels.bottleneck.map_box.activated.emit(5)
    assert sheet_of(window.panels.bottleneck, "map").titles == ("map 6 of 8, 7×7",)


def test_the_losses_of_several_selected_runs_are_overlaid(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    first, second = write_run(tmp_path, "tests/a").path, write_run(tmp_path, "tests/b", epochs=5, planned=5).path
    window = open_window(tmp_path)
    select(window, qtbot, second, first)
    figure = window.panels.losses.view.figure
    assert isinstance(figure, CurvesFigure)
    assert [curve.run for curve in figure.series] == ["a", "a", "b", "b"]
    window.panels.losses.log_box.setChecked(True)
    assert isinstance(window.panels.losses.view.figure, CurvesFigure) and window.panels.losses.view.figure.log


def test_the_pointer_reads_an_epochs_values(run: RunFolder, open_window: Open) -> None:
    window = open_window(run.path)
    window.panels.losses.view.column_step.emit(1)
    figure = window.panels.losses.view.figure
    assert isinstance(figure, CurvesFigure) and figure.hover == 1
    (reading,) = figure.readings()
    assert figure.parts == ["train", "validation"]
    np.testing.assert_allclose(np.array(reading.values, dtype=float), [0.5, 0.55])


@pytest.mark.parametrize("file", ["model.onnx", "history.h5", "card.json"])
def test_a_broken_file_is_reported_in_one_sentence_and_the_rest_goes_on(
    tmp_path: Path, open_window: Open, qtbot: QtBot, file: str
) -> None:
    broken, whole = write_run(tmp_path, "tests/broken"), write_run(tmp_path, "tests/whole")
    data = bytearray((broken.path / file).read_bytes())
    data[len(data) // 4 : len(data) // 4 + 400] = b"\xff" * 400
    (broken.path / file).write_bytes(data[: len(data) - 50])
    window = open_window(tmp_path)
    assert len(window.notices.sentences) == 1
    sentence = window.notices.sentences[0]
    assert f"tests/broken/{file}" in sentence and sentence.endswith(".") and "Traceback" not in sentence
    select(window, qtbot, whole.path)
    assert mosaic_of(window.panels.reconstructions).blocks[0].captions and window.notices.isVisible()


def test_a_lone_graph_works_on_embedded_images(tmp_path: Path, open_window: Open) -> None:
    lone = tmp_path / "lone.onnx"
    lone.write_bytes(graph_bytes())
    window = open_window(lone)
    assert len(mosaic_of(window.panels.reconstructions).blocks[0].bands[0].pixels) == 10
    assert mosaic_of(window.panels.noise) and sheet_of(window.panels.bottleneck, "row")
    assert "sample" in window.status.provenance.text()
    assert "no history.h5" in window.panels.losses.view.sentence


@pytest.mark.parametrize(
    ("whole", "broken", "expected"),
    [(b"a blur by hand", b"a blur \xff\xfe hand", ""), (b'"format":"aezoo/1"', b'"format":"aezoo/9"', "update aezoo")],
    ids=["not text", "a newer format"],
)
def test_a_graph_whose_card_cannot_be_read_is_shown_all_the_same(
    tmp_path: Path, open_window: Open, whole: bytes, broken: bytes, expected: str
) -> None:
    lone = tmp_path / "lone.onnx"
    lone.write_bytes(graph_bytes().replace(whole, broken))
    window = open_window(lone)
    assert len(mosaic_of(window.panels.reconstructions).blocks[0].captions) == 10
    assert expected in "".join(window.notices.sentences)


@pytest.mark.parametrize("batch", ["n", 4])
def test_a_foreign_graph_is_shown_whatever_its_output_is_called(
    tmp_path: Path, open_window: Open, batch: int | str
) -> None:
    foreign = tmp_path / "foreign.onnx"
    foreign.write_bytes(graph_bytes(None, picture="y_hat", batch=batch))
    window = open_window(foreign)
    assert window.store.state.current_known.graph is not None
    assert window.store.state.current_known.graph.reconstruction == "y_hat"
    assert len(mosaic_of(window.panels.reconstructions).blocks[0].captions) == 10
    assert sheet_of(window.panels.bottleneck, "row").pixels.shape == (10, 28, 14, 3)


def test_a_run_being_trained_is_followed(tmp_path: Path, open_window: Open, qtbot: QtBot, trainer: ExitStack) -> None:
    run = RunFolder.of(tmp_path, "tests/conv")
    trainer.enter_context(checkpoints.lock(run))
    atomic_write(run.history, pack_history(history_of(epochs=1, planned=3, state="training")))
    window = open_window(tmp_path)
    assert "epoch 1" in window.panels.reconstructions.subtitle.text()
    assert "when the training has ended" in window.panels.noise.view.sentence
    atomic_write(run.history, pack_history(history_of(epochs=2, planned=3, state="training")))
    atomic_write(RunFolder.of(tmp_path, "tests/new").history, pack_history(history_of(name="tests/new")))

    def has_grown() -> None:
        figure = window.panels.losses.view.figure
        assert isinstance(figure, CurvesFigure) and len(figure.series[0].values) == 2
        assert len(window.runs.paths) == 2

    qtbot.waitUntil(has_grown, timeout=TIMEOUT)
    write_run(tmp_path)
    qtbot.waitUntil(lambda: isinstance(window.panels.noise.view.figure, ComparisonFigure), timeout=TIMEOUT)


def test_a_run_whose_trainer_is_gone_has_stopped(
    tmp_path: Path, open_window: Open, qtbot: QtBot, trainer: ExitStack
) -> None:
    run = RunFolder.of(tmp_path, "tests/conv")
    trainer.enter_context(checkpoints.lock(run))
    atomic_write(run.history, pack_history(history_of(epochs=1, planned=12, state="training")))
    window = open_window(tmp_path)
    (row,) = window.runs.rows
    assert row.cell("state") == "training" and row.cell("epochs") == "1/12"
    trainer.close()
    qtbot.waitUntil(lambda: window.runs.rows[0].cell("state") != "training", timeout=TIMEOUT)
    settle_window(qtbot, window)
    (row,) = window.runs.rows
    assert row.cell("state") == "stopped at epoch 1 of 12"
    assert window.panels.reconstructions.subtitle.text() == "stopped at epoch 1 of 12"
    assert window.panels.noise.view.sentence == (
        "There is no model.onnx: the training stopped at epoch 1 of 12. `aezoo train tests/conv --resume` resumes it."
    )
    with checkpoints.lock(run):
        qtbot.waitUntil(lambda: window.runs.rows[0].cell("state") == "training", timeout=TIMEOUT)


def test_a_run_that_disappears_leaves_the_table(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_run(tmp_path)
    window = open_window(tmp_path)
    for file in run.path.iterdir():
        file.unlink()
    window.run_loader.rescan()
    qtbot.waitUntil(lambda: not window.runs.paths, timeout=TIMEOUT)
    assert "aezoo demo" in window.start_page.sentence.text()


def test_an_empty_folder_says_what_to_do(tmp_path: Path, open_window: Open) -> None:
    window = open_window(tmp_path)
    assert "No runs in" in window.start_page.sentence.text() and "`aezoo demo`" in window.start_page.sentence.text()


def test_what_is_dropped_is_opened(run: RunFolder, tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    window = open_window(empty)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(run.path)), QUrl.fromLocalFile(str(tmp_path / "x.txt"))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys, QEvent.Type.Drop)
    QApplication.sendEvent(window, drop)
    settle_window(qtbot, window)
    assert window.store.state.roots == (empty, run.path) and window.store.state.current == run.path
    assert Settings().recent == [run.path]


def test_a_path_that_has_gone_is_reported_in_the_window(tmp_path: Path, open_window: Open) -> None:
    window = open_window(tmp_path)
    window.open((tmp_path / "gone",))
    assert "no file or folder" in window.notices.sentences[-1]


def test_every_control_of_every_panel_has_a_name_and_explains_itself(run: RunFolder, open_window: Open) -> None:
    window, found = open_window(run.path), 0
    for panel in window.panels.make_all():
        window.go_to(panel)
        for control in panel.findChildren(QWidget):
            if control.focusPolicy() == Qt.FocusPolicy.NoFocus or not control.isVisibleTo(window):
                continue
            found += 1
            interface = QAccessible.queryAccessibleInterface(control)
            assert interface is not None and interface.text(QAccessible.Text.Name), (panel.title, control)
            parent = control.parentWidget()
            explanation = control.toolTip() or (parent.toolTip() if isinstance(parent, QAbstractSpinBox) else "")
            assert explanation or not isinstance(control, CONTROLS), (
                panel.title,
                interface.text(QAccessible.Text.Name),
            )
    assert found > 60


def test_the_keyboard_goes_to_every_panel_and_run(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    first, second = write_run(tmp_path, "tests/a").path, write_run(tmp_path, "tests/b").path
    window = open_window(tmp_path)
    window.step_run(1)
    assert window.store.state.current == second
    window.step_run(-1)
    assert window.store.state.current == first
    shortcuts = {action.shortcut().toString() for action in window.findChildren(type(window.menuBar().actions()[0]))}
    assert {"Ctrl+O", "Ctrl+Shift+O", "F5", "Ctrl+Q", *(f"Ctrl+{n}" for n in range(1, 6))} <= shortcuts
    for panel in window.panels.make_all():
        panel.focus_panel()
        focused = window.focusWidget()
        assert focused is not None and panel.isAncestorOf(focused)


def test_size_and_splitters_are_remembered(run: RunFolder, open_window: Open, qapp: QApplication) -> None:
    window = open_window(run.path, theme=None, beside=False)
    window.setWindowState(Qt.WindowState.WindowNoState)
    window.resize(800, 700)  # the off-screen display has 800×800
    window.drawer.hide()
    window.across.setSizes([203, 575, 0])
    qapp.processEvents()
    size, sizes = window.size(), window.across.sizes()
    window.choose_theme("dark")
    window.close()
    again = open_window(run.path, theme=None, settle=False, beside=False)
    assert again.height() == size.height() and again.drawer.isHidden()
    qapp.processEvents()
    assert again.across.sizes()[0] == pytest.approx(sizes[0], abs=8) and again.across.sizes()[2] == 0
    assert again.panels.reconstructions.theme.name == "dark"


def test_text_from_a_file_is_never_read_as_markup(tmp_path: Path, open_window: Open) -> None:
    run = write_run(tmp_path)
    evil = replace(CARD, summary="<b>bold</b><img src='file:///etc/passwd'>", choices=["<a href='x'>x</a>\u202e"])
    atomic_write(run.graph("model"), graph_bytes(evil))
    text = open_window(run.path).panels.card.text.toPlainText()
    assert "<b>bold</b><img src='file:///etc/passwd'>" in text and "\u202e" not in text


def test_the_filter_shows_the_runs_in_which_every_word_occurs(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    for name in ("tests/conv", "tests/dense", "other/conv"):
        write_run(tmp_path, name)
    window = open_window(tmp_path)
    everything = set(window.runs.paths)
    assert len(everything) == 3
    window.store.set_selected((tmp_path / "tests/dense",), tmp_path / "tests/dense")
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    window.rail.focus_filter()  # off-screen no window is active, so that the key may not arrive
    qtbot.keyClicks(window.rail.filter, "TESTS conv")
    assert window.runs.paths == [tmp_path / "tests/conv"]
    assert window.rail.line.text() == "1 of 3 runs, 1 hidden by the filter"
    assert window.store.state.selected == (tmp_path / "tests/dense",), "what is hidden stays selected"
    qtbot.keyClick(window.rail.filter, Qt.Key.Key_Escape)
    assert set(window.runs.paths) == everything
    for view in (window.rail.list, window.panels.runs.table):
        (index,) = view.selectionModel().selectedRows(1)
        assert index.data() == window.store.state.names()[tmp_path / "tests/dense"]
    qtbot.keyClicks(window.rail.filter, "nothing like it")
    assert window.runs.paths == [] and window.rail.line.text() == "0 of 3 runs"
    assert window.rail.nothing.text() == "No run matches “nothing like it”." and window.rail.nothing.isVisible()
    qtbot.mouseClick(window.rail.everything, Qt.MouseButton.LeftButton)
    assert len(window.runs.paths) == 3 and not window.rail.nothing.isVisible()


def test_the_keyboard_begins_in_the_rail(run: RunFolder, open_window: Open) -> None:
    window = open_window(run.path)
    assert window.focusWidget() is window.rail.list


def test_two_panels_find_room_beside_one_another_on_a_laptop(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(write_run(tmp_path).path, beside=False)
    window.panels.make_all()
    window.go_to(window.panels["reconstructions"])
    window.resize(1366, 740)
    window.workspace.split("Compare", Qt.Orientation.Horizontal)
    settle_window(qtbot, window)
    assert window.minimumSizeHint().width() <= 1366 and window.width() == 1366
