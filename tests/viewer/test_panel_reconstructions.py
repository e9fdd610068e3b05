"""The panel of reconstructions: one run and several, of every kind; paging, hovering, its numbers."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from tests import strangers
from tests.viewer.conftest import Open, bars, graph_bytes, history_of, settle_window, write_run
from tests.viewer.odd_runs import split_of_bars, write_classifier, write_colouriser
from viewer.figures.comparison import ComparisonFigure
from viewer.figures.tiles import Pointed
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.reconstructions import Reconstructions
from viewer.state.pages import Pasted
from zoo import checkpoints, runs
from zoo.runs import History, RunFolder, atomic_write, pack_history


def select(window: MainWindow, qtbot: QtBot, *paths: Path) -> None:
    window.store.set_selected(paths, paths[0])
    settle_window(qtbot, window)


def comparison_of(window: MainWindow) -> ComparisonFigure:
    figure = window.panels.reconstructions.view.figure
    assert isinstance(figure, ComparisonFigure), window.panels.reconstructions.view.sentence
    return figure


def alone(window: MainWindow) -> Reconstructions:
    """The panel with the whole workspace to itself."""
    window.reset_layout()
    window.go_to(window.panels.reconstructions)
    QApplication.processEvents()
    panel: Reconstructions = window.panels.reconstructions
    return panel


def two_runs(tmp_path: Path) -> tuple[Path, Path]:
    return write_run(tmp_path, "tests/a").path, write_run(tmp_path, "tests/b").path


def test_several_runs_stand_beside_one_another_and_what_is_alike_is_shown_once(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = two_runs(tmp_path)
    window = open_window(tmp_path)
    select(window, qtbot, *paths)
    figure = comparison_of(window)
    assert [block.title for block in figure.blocks] == ["images", "a", "b"], "names without what they have in common"
    assert [[band.label for band in block.bands] for block in figure.blocks] == [
        ["input"],
        *[["output", "difference"]] * 2,
    ]
    assert all(len(block.captions) == 10 for block in figure.blocks[1:])
    assert window.panels.reconstructions.subtitle.text() == "the first 10 of the test split"


def test_runs_that_are_given_other_images_show_theirs_beside_the_common_ones(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    clean, noisy = write_run(tmp_path, "tests/clean").path, write_run(tmp_path, "tests/noisy", noise=0.3).path
    window = open_window(tmp_path)
    select(window, qtbot, clean, noisy)
    blocks = {block.title: [band.label for band in block.bands] for block in comparison_of(window).blocks}
    assert blocks == {
        "images": ["input"],
        "clean": ["output", "difference"],
        "noisy": ["noisy", "output", "difference"],
    }


def test_the_contrast_of_the_difference_is_one_for_all_runs(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    clean, noisy = write_run(tmp_path, "tests/clean").path, write_run(tmp_path, "tests/noisy", noise=0.5).path
    window = open_window(tmp_path)
    select(window, qtbot, clean, noisy)
    panel = window.panels.reconstructions
    reach = max(float(np.abs(output.difference).max()) for output in panel.outputs)
    scale = comparison_of(window).scale
    assert scale is not None and scale.high == f"+{reach:.2f}" and scale.low == f"−{reach:.2f}"


def test_every_kind_of_run_has_a_block_and_the_others_go_on(
    tmp_path: Path, open_window: Open, qtbot: QtBot, trainer: ExitStack
) -> None:
    usual = write_run(tmp_path, "tests/usual").path
    classifier, colour = write_classifier(tmp_path), write_colouriser(tmp_path)
    training = RunFolder.of(tmp_path, "tests/training")
    trainer.enter_context(checkpoints.lock(training))
    atomic_write(training.history, pack_history(history_of(name="tests/training", epochs=1, state="training")))
    flat, hostile = tmp_path / "flat.onnx", tmp_path / "hostile.onnx"
    flat.write_bytes(strangers.classifier().SerializeToString())
    hostile.write_bytes(b"\x08\x08" + b"\xff" * 400)
    window = open_window(tmp_path, flat, hostile)
    window.go_to(window.panels.reconstructions)
    select(window, qtbot, usual, classifier, colour, training.path, flat, hostile)
    window.go_to(window.panels.reconstructions)
    settle_window(qtbot, window)
    blocks = {block.title: block for block in comparison_of(window).blocks}
    assert [band.label for band in blocks["tests/usual"].bands] == ["input", "output", "difference"]
    assert blocks["tests/classifier"].captions[2].startswith("c ") and "%" in blocks["tests/classifier"].captions[2]
    assert "images of its own" in blocks["tests/colour"].note and len(blocks["tests/colour"].bands) == 4
    assert "in training, as of epoch 1" in blocks["tests/training"].note
    names = window.store.state.names()
    assert blocks[names[flat]].note == "largest values" and " at " in blocks[names[flat]].captions[0], (
        "values as they are"
    )
    largest = window.panels.reconstructions.outputs[4].likeliest(0)
    assert largest.startswith("largest: ") and largest.count(" at ") == 5
    assert blocks[names[hostile]].sentence.endswith(".") and not blocks[names[hostile]].bands
    runs = {row[0] for row in window.panels.reconstructions.numbers()[1:]}
    assert runs == {"tests/usual", "tests/classifier", "tests/colour", "tests/training", names[flat]}


def test_a_classifier_alone_shows_its_predictions_and_where_it_is_wrong(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(write_classifier(tmp_path))
    figure = window.panels.reconstructions.view.figure
    assert isinstance(figure, ComparisonFigure) and [text[0] for text in figure.blocks[0].captions] == list(
        "abcdefghij"
    )
    split = split_of_bars()
    split.labels[0] = 5
    window.store.set_split(split)
    settle_window(qtbot, window)
    figure = window.panels.reconstructions.view.figure
    assert isinstance(figure, ComparisonFigure) and figure.blocks[0].captions[0] == "a ≠ f"
    assert window.panels.reconstructions.subtitle.text().startswith("predictions for the first 10 of the test split")


def test_the_row_of_controls_pages_ranks_and_goes_to_an_image(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(write_run(tmp_path).path)
    window.store.set_split(split_of_bars())
    panel = alone(window)
    qtbot.mouseClick(panel.bar.on, Qt.MouseButton.LeftButton)
    settle_window(qtbot, window)
    assert window.store.state.start == 10
    assert panel.subtitle.text() == "test images 11 to 20 of 35 · page 2 of 4" and panel.bar.box.value() == 11
    qtbot.mouseClick(panel.bar.back, Qt.MouseButton.LeftButton)
    assert window.store.state.start == 0
    panel.bar.box.lineEdit().selectAll()
    qtbot.keyClicks(panel.bar.box.lineEdit(), "33")
    qtbot.keyClick(panel.bar.box.lineEdit(), Qt.Key.Key_Return)
    settle_window(qtbot, window)
    assert (window.store.state.start, window.store.state.sample) == (30, 2) and panel.bar.box.value() == 33
    for button, order in ((panel.bar.worst, "worst first"), (panel.bar.best, "best first")):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        settle_window(qtbot, window)
        assert panel.bar.of.text() == f"of 35, {order}" and panel.subtitle.text().startswith(order)
    qtbot.mouseClick(panel.bar.in_order, Qt.MouseButton.LeftButton)
    settle_window(qtbot, window)
    assert window.store.state.order is None and panel.bar.of.text() == "of 35"


def test_a_test_split_is_read_at_once_where_photographs_stand_in_for_it(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_run(tmp_path)
    history = run.read_history()
    for name, meta in (("plain", {}), ("replaced", {runs.SAMPLES_PROVENANCE: "photographs"})):
        own = write_run(tmp_path, f"tests/{name}")
        atomic_write(own.history, pack_history(History({**history.meta, **meta}, history.arrays)))
    window = open_window()
    window.images.data = "sample"
    for name, read in (("plain", 0), ("replaced", 1)):
        window.open((tmp_path / "tests" / name,), remember=False)
        settle_window(qtbot, window)
        assert len(window.store.state.splits) == read


def test_the_arrow_keys_go_on_to_the_next_page(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(write_run(tmp_path).path)
    window.store.set_split(split_of_bars())
    view = window.panels.reconstructions.view
    for _ in range(10):
        qtbot.keyClick(view, Qt.Key.Key_Right)
    settle_window(qtbot, window)
    assert (window.store.state.start, window.store.state.sample) == (10, 0)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    settle_window(qtbot, window)
    assert (window.store.state.start, window.store.state.sample) == (0, 9)
    for _ in range(12):
        qtbot.keyClick(view, Qt.Key.Key_Left)
    assert (window.store.state.start, window.store.state.sample) == (0, 0)


def test_the_pointer_shows_position_label_errors_of_every_run_and_the_pixel(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = two_runs(tmp_path)
    window = open_window(tmp_path)
    window.store.set_split(split_of_bars())
    select(window, qtbot, *paths)
    panel = window.panels.reconstructions
    lines = panel.hint_of(Pointed(block=0, band=0, image=3, y=10, x=11)).splitlines()
    mse = float(panel.outputs[0].mse[3])
    assert lines[0] == "test image 4 of 35, labelled class-3"
    assert lines[1].startswith(f"tests/a: mse {mse:.4f}, psnr ") and lines[2].startswith("tests/b: mse ")
    assert lines[3] == "input at x 11, y 10: 1.000" and bars()[3, 0, 10, 11] == 255
    value = float(panel.outputs[1].difference[3, 10, 11])
    assert panel.hint_of(Pointed(2, 1, 3, 10, 11)).splitlines()[3] == f"difference of b at x 11, y 10: {value:.3f}"


def test_the_pointer_finds_the_pixel_of_a_single_runs_pictures_large_ones_too(
    run: RunFolder, open_window: Open
) -> None:
    window = open_window(run.path)
    panel = alone(window)
    figure = panel.view.figure
    assert isinstance(figure, ComparisonFigure)
    layout = figure.layout(panel.view.paper)
    cell = layout.cells[0][1][4]
    assert figure.hit(cell.center(), panel.view.paper) == Pointed(0, 1, 4, 14, 14)
    room = figure.large_in(panel.view.paper)
    assert figure.large is not None and room is not None
    large = figure.large.tiles(room).cells
    assert len(large) == 3
    assert figure.hit(large[2].topLeft() + QPointF(0.5, 0.5), panel.view.paper) == Pointed(0, 2, 0, 0, 0)
    assert figure.hit(QPointF(-5, -5), panel.view.paper) is None


def test_a_click_chooses_an_image_in_every_panel(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    paths = two_runs(tmp_path)
    window = open_window(tmp_path)
    select(window, qtbot, *paths)
    panel, figure = alone(window), comparison_of(window)
    layout = figure.layout(panel.view.paper)
    assert layout.first == 0 and layout.shown >= 5
    point = layout.cells[2][1][4].center().toPoint()
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=point)
    assert window.store.state.sample == 4


def test_a_click_opens_an_image_large_in_every_run_and_another_closes_it(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = two_runs(tmp_path)
    window = open_window(tmp_path)
    select(window, qtbot, *paths)
    panel = alone(window)
    layout = comparison_of(window).layout(panel.view.paper)
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=layout.cells[0][0][2].center().toPoint())
    detail = comparison_of(window)
    assert detail.open and [len(block.bands) for block in detail.blocks] == [1, 2, 2]
    cells = [cell for block in detail.layout(panel.view.paper).cells for (cell,) in block]
    assert min(cell.width() for cell in cells) >= 250
    corner = cells[2].topLeft() + QPointF(1, 1)
    assert detail.hit(corner, panel.view.paper) == Pointed(block=1, band=1, image=2, y=0, x=0)
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    assert window.store.state.sample == 3 and comparison_of(window).open, "the arrows go on"
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=cells[0].center().toPoint())
    assert comparison_of(window).chosen == 3 and not comparison_of(window).open
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=layout.cells[0][0][2].center().toPoint())
    assert comparison_of(window).open
    window.escape()
    assert comparison_of(window).chosen == 2 and not comparison_of(window).open, "Esc leaves it too"


def test_a_graph_that_comes_alone_offers_own_pictures_instead_of_an_order(
    run: RunFolder, tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(run.path)
    bar = window.panels.reconstructions.bar
    assert bar.orders.isVisibleTo(bar) and not bar.open.isVisibleTo(bar)
    alone_graph = tmp_path / "alone.onnx"
    alone_graph.write_bytes(graph_bytes())
    window.open((alone_graph,))
    settle_window(qtbot, window)
    assert bar.open.isVisibleTo(bar) and not bar.orders.isVisibleTo(bar) and bar.of.text() == "of 10"
    window.images.picture_wanted.disconnect()  # from the dialog
    with qtbot.waitSignal(window.images.picture_wanted):
        bar.open.click()


def test_more_runs_show_fewer_images_and_the_arrows_and_pages_reach_all(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = [write_run(tmp_path, f"tests/{name}").path for name in "abcdef"]
    window = open_window(tmp_path)
    select(window, qtbot, *paths)
    panel = alone(window)
    panel.size_bar.slider.setValue(4)
    layout = comparison_of(window).layout(panel.view.paper)
    shown, seen = layout.shown, {layout.first}
    assert layout.zoom == 4 and 1 <= shown < 10
    for _ in range(9 // shown):
        qtbot.keyClick(panel.view, Qt.Key.Key_PageDown)
        seen.add(comparison_of(window).layout(panel.view.paper).first)
    assert seen == set(range(0, 10, shown)) and window.store.state.start == 0
    qtbot.keyClick(panel.view, Qt.Key.Key_PageUp)
    assert comparison_of(window).layout(panel.view.paper).first == (9 // shown - 1) * shown


def test_pasted_pictures_say_how_they_were_fitted(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    window.store.set_pasted(Pasted((np.full((40, 60, 3), (200, 100, 0), np.uint8),), ("cat.png",)))
    settle_window(qtbot, window)
    panel = window.panels.reconstructions
    fitting = "your own: cat.png · 60×40, its middle 40×40, scaled to 28×28, grey by its luma"
    assert panel.subtitle.text() == fitting
    assert panel.hint_of(Pointed(0, 0, 0, 5, 5)).startswith("cat.png\n")
    assert panel.bar.of.text() == "of 1" and panel.bar.box.maximum() == 1


def test_a_run_without_a_graph_says_that_only_its_own_images_have_outputs(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = RunFolder.of(tmp_path, "tests/training")
    atomic_write(run.history, pack_history(history_of(name="tests/training", epochs=1, state="training")))
    window = open_window(tmp_path)
    window.store.set_split(split_of_bars())
    window.images.turn(1)
    settle_window(qtbot, window)
    assert "only the first ten images have outputs" in window.panels.reconstructions.view.sentence


def test_numbers_have_a_row_for_each_image_and_run(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run, classifier = write_run(tmp_path, "tests/a").path, write_classifier(tmp_path)
    window = open_window(tmp_path)
    window.store.set_split(split_of_bars())
    select(window, qtbot, run, classifier)
    head, *rows = window.panels.reconstructions.numbers()
    assert head == ("run", "image", "position", "label", "mse", "psnr_db", "called", "sure") and len(rows) == 20
    first = next(row for row in rows if row[0] == "tests/a")
    assert first[1:4] == (1, 1, "class-0") and first[4] == pytest.approx(10 ** (-float(first[5]) / 10)) and not first[6]
    prediction = next(row for row in rows if row[0] == "tests/classifier" and row[1] == 3)
    assert prediction[6] == "c" and 0.5 < float(prediction[7]) <= 1 and prediction[4] == ""


def test_ink_on_paper_is_inverted_by_a_button_that_is_there_for_pictures(run: RunFolder, open_window: Open) -> None:
    window = open_window(run.path)
    store, bar = window.store, window.panels.reconstructions.bar
    assert bar.invert.isHidden(), "test images are as the network knows them"
    window.images.add_picture(np.full((40, 40, 3), 255, np.uint8), "paper.png")
    assert not bar.invert.isHidden() and store.state.page is not None and store.state.page.clean.min() > 0.99
    bar.invert.click()
    assert store.state.page.clean.max() < 0.01 and store.state.page.title == "your own: paper.png, inverted"
    window.images.add_picture(np.zeros((40, 40, 3), np.uint8), "ink.png")
    assert store.state.page.clean.max() > 0.99, "the next picture is inverted too"
    bar.invert.click()
    assert store.state.page.clean[0].min() > 0.99 and store.state.page.clean[1].max() < 0.01


def test_pixels_and_size_of_a_strangers_graph_are_chosen_beside_its_pictures(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    file = tmp_path / "any.onnx"
    file.write_bytes(strangers.convolution(("n", 1, "h", "w")).SerializeToString())
    window = open_window(file)
    panel = alone(window)
    settle_window(qtbot, window)
    assert panel.pixels_box.isVisible() and panel.side_box.currentText() == "auto"

    def choose(box: QComboBox, text: str) -> np.ndarray:
        box.setCurrentText(text)
        box.activated.emit(box.currentIndex())
        settle_window(qtbot, window)
        made = panel.outputs[0].images
        assert made is not None and box.currentText() == text
        return made

    usual = choose(panel.pixels_box, "0..1")
    other = choose(panel.pixels_box, "0..255")
    assert usual.shape[1:] == (1, 64, 64) and not np.allclose(usual, other)
    large = choose(panel.side_box, "128")
    assert large.shape[1:] == (1, 128, 128) and panel.pixels_box.currentText() == "0..255"
    assert "128×128 was chosen" in panel.subtitle.text()
    assert choose(panel.side_box, "auto").shape == usual.shape
    np.testing.assert_array_equal(choose(panel.pixels_box, "0..1"), usual)


def test_a_run_that_was_closed_while_another_panel_is_in_front_leaves_nothing_that_cannot_be_drawn(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = [write_run(tmp_path, f"tests/run-{index}").path for index in range(3)]
    window = open_window(tmp_path, beside=False)
    select(window, qtbot, *paths)
    assert len(window.panels.reconstructions.outputs) == 3
    window.go_to(window.panels.losses)
    settle_window(qtbot, window)
    for path in paths[:2]:
        window.store.close(path)
    window.choose_text_size(1.3)
    settle_window(qtbot, window)
    window.go_to(window.panels.reconstructions)
    settle_window(qtbot, window)
    assert [output.path for output in window.panels.reconstructions.outputs] == paths[2:]


def test_the_key_of_a_panel_with_nothing_to_say_goes_to_another_of_its_tab(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    file = tmp_path / "upscale.onnx"
    file.write_bytes(strangers.convolution(("n", 1, 28, 28)).SerializeToString())
    window = open_window(file, beside=False)
    next(action for action in window.findChildren(QAction) if action.shortcut().toString() == "Ctrl+4").trigger()
    settle_window(qtbot, window)
    assert window.panels["layers"].isVisible() and not window.panels["bottleneck"].isVisible()
