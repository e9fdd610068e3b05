"""The noise lab: one run and several, two kinds of noise, the curve, and runs that have nothing to show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import Open, graph_bytes, settle_window, write_run
from tests.viewer.odd_runs import write_classifier, write_colouriser
from viewer.figures.arrange import StackedFigure
from viewer.figures.comparison import ComparisonFigure
from viewer.figures.curves import CurvesFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.noise import Noise
from viewer.state import noise, noise_lab, numbers
from viewer.state.numbers import ssim
from zoo.runs import RunFolder, atomic_write


def select(window: MainWindow, qtbot: QtBot, *paths: Path) -> Noise:
    window.store.set_selected(paths, paths[0])
    settle_window(qtbot, window)
    panel: Noise = window.panels.noise
    return panel


def comparison_of(panel: Noise) -> ComparisonFigure:
    assert isinstance(panel.view.figure, ComparisonFigure), panel.view.sentence
    return panel.view.figure


def curves_in(panel: Noise) -> CurvesFigure:
    assert isinstance(panel.curve_view.figure, CurvesFigure), panel.curve_view.sentence
    return panel.curve_view.figure


def test_several_runs_share_the_noisy_images_and_have_an_output_each(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    one, two = write_run(tmp_path, "tests/a", noise=0.4).path, write_run(tmp_path, "tests/b").path
    window = open_window(tmp_path)
    panel = select(window, qtbot, one, two)
    figure = comparison_of(panel)
    assert [[band.label for band in block.bands] for block in figure.blocks] == [
        ["clean", "noisy", "median"],
        ["output"],
        ["output"],
    ]
    assert [block.title for block in figure.blocks[1:]] == ["a", "b"]
    assert panel.sigma == 0.4  # as the current one was trained
    frame = panel.frame
    assert frame is not None
    np.testing.assert_array_equal(frame.reference.noisy, noise.add(frame.reference.clean, 0.4))
    np.testing.assert_array_equal(frame.reference.median, noise.median(frame.reference.noisy))
    scores = frame.results[two].scores
    assert scores is not None and figure.blocks[2].note.startswith(f"{scores.psnr.mean():.1f} dB, SSIM ")


def test_going_on_among_the_compared_runs_leaves_the_slider_where_it_is(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    one, two = write_run(tmp_path, "tests/a", noise=0.4).path, write_run(tmp_path, "tests/b", noise=0.1).path
    window = open_window(tmp_path)
    panel = select(window, qtbot, one, two)
    panel.slider.setValue(66)
    window.store.set_selected((one, two), two)
    settle_window(qtbot, window)
    assert panel.sigma == 0.66
    assert panel.frame is not None and panel.frame.strength == 0.66


def test_the_kind_of_noise_has_a_strength_of_its_own(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    panel = window.panels.noise
    panel.kind_box.setFocus()
    qtbot.keyClick(panel.kind_box, Qt.Key.Key_Down)
    settle_window(qtbot, window)
    assert panel.kind == "salt and pepper" and panel.sigma_label.text() == "10 %"
    assert "Share of pixels" in panel.slider.accessibleName()
    frame = panel.frame
    assert frame is not None
    np.testing.assert_array_equal(frame.reference.noisy, noise.sprinkle(frame.reference.clean, 0.1))
    qtbot.keyClick(panel.kind_box, Qt.Key.Key_Up)
    settle_window(qtbot, window)
    assert panel.sigma_label.text() == "0.25" and panel.frame is not None and panel.frame.kind == "gaussian"


def test_a_curve_has_the_colour_that_its_run_has_everywhere(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    one, two = write_run(tmp_path, "tests/a").path, write_run(tmp_path, "tests/b").path
    window = open_window(tmp_path)
    panel = select(window, qtbot, one, two)
    panel.curve_box.setChecked(True)
    settle_window(qtbot, window)
    both = {curve.run: curve.colour for curve in curves_in(panel).series}
    assert both["b"] == window.theme.run_colour(window.store.state.colours[two]).name() != both["a"]
    select(window, qtbot, two)
    assert {curve.run: curve.colour for curve in curves_in(panel).series}["tests/b"] == both["b"]


def test_the_curve_has_a_line_a_run_and_dashed_ones_for_their_baselines(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    one, two = write_run(tmp_path, "tests/a").path, write_run(tmp_path, "tests/b", noise=0.2).path
    window = open_window(tmp_path)
    panel = select(window, qtbot, one, two)
    assert panel.curve_view.isHidden() and panel.curve_view.requester.sent == 0
    panel.curve_box.setChecked(True)
    settle_window(qtbot, window)
    figure = curves_in(panel)
    assert [(curve.run, curve.dashed) for curve in figure.series] == [
        ("a", False),
        ("b", False),
        ("noisy input", True),
        ("median filter", True),
    ]
    assert [entry.name for entry in figure.entries()] == [curve.run for curve in figure.series]
    assert [entry.dashed for entry in figure.entries()] == [False, False, True, True]
    frame = panel.frame
    assert frame is not None
    clean = frame.reference.clean
    noisy, median = figure.series[2].values, figure.series[3]
    assert {*noise_lab.STRENGTHS.tolist(), frame.strength} == {*median.positions.tolist()}
    expected = [numbers.mean_psnr(clean, noise.median(noise.add(clean, float(s)))) for s in median.positions]
    np.testing.assert_allclose(median.values, np.array(expected))
    assert all(np.isfinite(curve.values[1:]).all() for curve in figure.series)
    assert np.isinf(noisy[0]) and (np.diff(noisy[1:]) < 0).all()


def test_a_point_of_a_curve_is_not_computed_again(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    one, two = write_run(tmp_path, "tests/a").path, write_run(tmp_path, "tests/b", noise=0.2).path
    window = open_window(tmp_path)
    panel = select(window, qtbot, one)
    panel.curve_box.setChecked(True)
    settle_window(qtbot, window)
    sent = panel.curve_view.requester.sent
    assert sent == len(noise_lab.STRENGTHS)
    select(window, qtbot, two)
    select(window, qtbot, one, two)
    assert panel.curve_view.requester.sent == 2 * sent


def test_a_click_on_the_curve_sets_the_slider_and_arrows_move_it(
    run: RunFolder, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(run.path)
    panel = window.panels.noise
    panel.curve_box.setChecked(True)
    settle_window(qtbot, window)
    plot = curves_in(panel).axes(panel.curve_view.paper).plot
    point = QPointF(plot.left() + 0.8 * plot.width(), plot.center().y()).toPoint()
    qtbot.mouseClick(panel.curve_view, Qt.MouseButton.LeftButton, pos=point)
    settle_window(qtbot, window)
    assert panel.slider.value() == pytest.approx(80, abs=1)
    assert curves_in(panel).mark == panel.sigma
    qtbot.keyClick(panel.curve_view, Qt.Key.Key_Left)
    settle_window(qtbot, window)
    assert panel.slider.value() == pytest.approx(79, abs=1)
    frame = panel.frame
    scores, curve = frame.results[run.path].scores if frame else None, curves_in(panel).series[0]
    assert scores is not None and curve.values[curve.positions == panel.sigma] == scores.psnr.mean()
    assert curve.note == f"{scores.psnr.mean():.1f} dB"


def test_a_classifier_says_what_it_calls_the_noisy_images(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    path, other = write_run(tmp_path, "tests/a").path, write_classifier(tmp_path)
    window = open_window(tmp_path)
    panel = select(window, qtbot, other)
    panel.slider.setValue(0)
    settle_window(qtbot, window)
    assert isinstance(panel.view.figure, MosaicFigure)
    assert [row.label for row in panel.view.figure.rows] == ["clean", "noisy"]
    assert panel.view.figure.captions == tuple("abcdefghij")
    panel = select(window, qtbot, path, other)
    assert comparison_of(panel).blocks[2].note == "predictions"
    assert comparison_of(panel).blocks[2].captions == tuple("abcdefghij")
    panel.curve_box.setChecked(True)
    settle_window(qtbot, window)
    assert [curve.run for curve in curves_in(panel).series if not curve.dashed] == ["a"]


def test_a_colouriser_has_noisy_images_of_its_own_and_is_measured_on_colours(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    path, other = write_run(tmp_path, "tests/a").path, write_colouriser(tmp_path)
    window = open_window(tmp_path)
    panel = select(window, qtbot, other)
    assert isinstance(panel.view.figure, MosaicFigure)
    assert panel.view.figure.rows[0].pixels.shape == (10, 32, 32, 3)
    assert panel.frame is not None and panel.frame.reference.noisy_scores is None
    assert " dB output; SSIM " in panel.psnr_label.text()
    panel = select(window, qtbot, path, other)
    assert [band.label for band in comparison_of(panel).blocks[2].bands] == ["noisy", "output"]


def test_an_image_of_a_comparison_is_chosen_by_a_click_and_by_keys(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    one, two = write_run(tmp_path, "tests/a").path, write_run(tmp_path, "tests/b").path
    window = open_window(tmp_path)
    panel = select(window, qtbot, one, two)
    QFontMetricsF(panel.view.font())
    layout = comparison_of(panel).layout(panel.view.paper)
    cell = layout.cells[2][0][-1]
    last = layout.shown - 1
    assert 1 <= last < 9, "some of the images, and larger for it"
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=cell.center().toPoint())
    assert window.store.state.sample == last and comparison_of(panel).chosen == last
    qtbot.keyClick(panel.view, Qt.Key.Key_Left)
    assert window.store.state.sample == last - 1
    assert panel.hint_at(cell.center()).startswith("tests/b: ")
    qtbot.keyClick(panel.view, Qt.Key.Key_PageDown)
    assert window.store.state.sample == comparison_of(panel).layout(panel.view.paper).first == last + 1
    assert window.store.state.start == 0, "the next of the images that have been read"


def test_a_run_without_a_graph_says_so_in_its_block_and_the_others_go_on(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    one, two = write_run(tmp_path, "tests/a"), write_run(tmp_path, "tests/b")
    two.graph("model").unlink()
    window = open_window(tmp_path)
    panel = select(window, qtbot, one.path, two.path)
    blocks = comparison_of(panel).blocks
    assert blocks[1].bands and not blocks[1].sentence
    assert blocks[2].sentence.startswith("model.onnx is missing")


def test_the_numbers_are_those_of_every_image_and_of_the_curve(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    panel = window.panels.noise
    panel.curve_box.setChecked(True)
    settle_window(qtbot, window)
    heading, *rows = panel.numbers()
    assert heading[:6] == ("run", "image", "noise", "strength", "measured", "PSNR dB")
    frame = panel.frame
    assert frame is not None
    outputs = frame.results[run.path].outputs
    assert outputs is not None
    own = [row for row in rows if row[0] == "tests/conv" and row[1] != "mean"]
    assert [row[6] for row in own] == pytest.approx(ssim(frame.reference.clean, outputs))
    assert len([row for row in rows if row[1] == "mean" and row[4] == "output"]) == len(noise_lab.STRENGTHS)
    assert len([row for row in rows if row[4] == "median filter" and row[1] != "mean"]) == 10


def test_what_is_exported_has_pictures_and_curve(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    window.reset_layout()
    panel = window.panels.noise
    window.go_to(panel)
    settle_window(qtbot, window)
    assert isinstance(panel.figure, MosaicFigure)
    panel.curve_box.setChecked(True)
    settle_window(qtbot, window)
    assert isinstance(panel.figure, StackedFigure)


def test_in_a_low_panel_the_curve_replaces_the_pictures(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    window.resize(1100, 640)
    QApplication.processEvents()
    panel = window.panels.noise
    panel.curve_box.setChecked(True)
    settle_window(qtbot, window)
    assert panel.view.isHidden() and isinstance(panel.figure, CurvesFigure)
    panel.curve_box.setChecked(False)
    assert not panel.view.isHidden()


def test_the_pointer_reads_what_an_image_scores(run: RunFolder, open_window: Open) -> None:
    panel = open_window(run.path).panels.noise
    figure = panel.view.figure
    assert isinstance(figure, MosaicFigure)
    cell = figure.layout(panel.view.paper).cells[0][3]
    lines = panel.hint_at(cell.center()).split("\n")
    assert [line.partition(":")[0] for line in lines] == ["noisy", "median filter", "tests/conv"]
    assert all("dB, SSIM" in line for line in lines)


def test_a_graph_that_answers_nonsense_is_reported_and_ends_no_curve(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    one, two = write_run(tmp_path, "tests/a"), write_run(tmp_path, "tests/b")
    atomic_write(two.graph("model"), _nan_bytes())
    window = open_window(tmp_path)
    panel = select(window, qtbot, one.path, two.path)
    panel.curve_box.setChecked(True)
    settle_window(qtbot, window)
    assert "not finite" in comparison_of(panel).blocks[2].sentence
    assert np.isfinite(curves_in(panel).series[0].values).all()
    assert not panel.waiting


def _nan_bytes() -> bytes:
    import onnx

    model = onnx.load_from_string(graph_bytes())
    nodes = model.graph.node
    blur = next(node for node in nodes if "reconstruction" in node.output)
    blur.output[0] = "blurred"
    nodes.append(helper.make_node("Log", ["blurred"], ["logged"]))
    nodes.append(helper.make_node("Mul", ["logged", "blurred"], ["reconstruction"]))
    return bytes(model.SerializeToString())
