"""The bottleneck's panel: tilings, maps, bars, and what the decoder makes of values that are changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QToolTip
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import Open, settle_window, write_run
from tests.viewer.graphs import (
    MAP_WEIGHTS,
    add_decoder,
    decoder_bytes,
    flat_bytes,
    flat_decoder_bytes,
    graph,
    lone,
    node,
    port,
    write_classifier,
    write_decodable,
    write_flat,
    write_graph,
)
from viewer.figures.arrange import Paragraph, Parts, TextLine
from viewer.figures.bars import BarsFigure, HistogramFigure
from viewer.figures.image_grid import ImageGrid
from viewer.figures.paper import Figure
from viewer.qt import exports
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.bottleneck import Bottleneck
from viewer.state import units
from viewer.state.units import Edits


def parts_of(panel: Bottleneck) -> dict[str, Figure]:
    assert isinstance(panel.view.figure, Parts), panel.view.sentence
    return dict(panel.view.figure.parts)


def sheet_of(panel: Bottleneck, name: str) -> ImageGrid:
    sheet = parts_of(panel)[name]
    assert isinstance(sheet, ImageGrid)
    return sheet


def text_of(panel: Bottleneck, name: str) -> str:
    part = parts_of(panel)[name]
    assert isinstance(part, Paragraph | TextLine)
    return part.text


def unit_of(panel: Bottleneck) -> int | None:
    return panel.session.unit


def point_in(panel: Bottleneck, name: str, picture: int, row: float, column: float) -> QPointF:
    """The middle of a pixel of a sheet; row −1 is the title."""
    figure, _metrics = panel.view.figure, QFontMetricsF(panel.view.font())
    assert isinstance(figure, Parts)
    panel.view.devicePixelRatioF()
    rect = figure.arrange(figure.parts, panel.view.paper)[name]
    sheet = sheet_of(panel, name)
    tiles = sheet.tiles(panel.view.paper.at(rect))
    cell, zoom = tiles.cell(picture), tiles.zoom
    return QPointF(cell.left() + (column + 0.5) * zoom, cell.top() + (row + 0.5) * zoom if row >= 0 else cell.top() - 4)


def click(qtbot: QtBot, panel: Bottleneck, name: str, picture: int, row: int, column: int) -> None:
    point = point_in(panel, name, picture, row, column).toPoint()
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=point)


@pytest.fixture
def window(tmp_path: Path, open_window: Open) -> MainWindow:
    """A window on one run of eight 7×7 maps with a decoder, its bottleneck in front."""
    window = open_window(write_decodable(tmp_path).path)
    window.go_to(window.panels.bottleneck)
    return window


def test_the_decoder_shows_what_it_makes_of_the_values(window: MainWindow) -> None:
    panel = window.panels.bottleneck
    mine, decoded = panel.mine, panel.decoding.pictures
    assert mine is not None and decoded is not None and decoded[1] is None
    expected = np.tensordot(MAP_WEIGHTS, mine.values[0], axes=1).repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_allclose(decoded[0][0], expected, atol=1e-5)
    assert sheet_of(panel, "decoded").titles == ("decoded",)
    assert text_of(panel, "line").startswith("Click a value")


def test_a_click_in_every_view_chooses_the_unit_under_it(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.panels.bottleneck
    click(qtbot, panel, "stage", 0, 9, 10)  # map 4 of two columns: row 9 − 7, column 10 − 7
    assert panel.session.unit == 3 * 49 + 2 * 7 + 3 and panel.row.unit_box.value() == panel.session.unit + 1
    assert panel.map_box.currentText() == "4" and "map 4, row 3, column 4: " in text_of(panel, "line")
    click(qtbot, panel, "map", 0, 6, 0)
    assert panel.session.unit == 3 * 49 + 6 * 7
    panel._show_as("maps")
    click(qtbot, panel, "stage", 7, 1, 5)
    assert panel.session.unit == 7 * 49 + 7 + 5 and sheet_of(panel, "stage").chosen == 7
    panel._show_as("bars")
    bars = parts_of(panel)["stage"]
    assert isinstance(bars, BarsFigure) and bars.chosen == panel.session.unit
    figure = panel.view.figure
    assert isinstance(figure, Parts)
    plot = bars.axes(panel.view.paper.at(figure.arrange(figure.parts, panel.view.paper)["stage"])).plot
    point = QPointF(plot.left() + plot.width() * 100.5 / 392, plot.center().y())
    panel.view.clicked.emit(point)
    assert panel.session.unit == 100


def test_another_colour_map_colours_what_is_shown(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.panels.bottleneck
    window.choose_colour_map("grey")
    settle_window(qtbot, window)
    for name in ("strip", "stage", "map"):
        pixels = sheet_of(panel, name).pixels
        assert (pixels == pixels[..., :1]).all() and pixels.max() > pixels.min(), name


def test_a_unit_that_is_set_changes_its_own_part_of_the_picture(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.panels.bottleneck
    panel._choose_unit(2 * 49 + 7 * 3 + 4)
    panel.row.value_box.setValue(0.5)
    settle_window(qtbot, window)
    assert panel.decoding.pictures is not None and panel.decoding.pictures[1] is not None and panel.mine is not None
    before = float(panel.mine.values[0, 2, 3, 4])
    difference = (panel.decoding.pictures[1] - panel.decoding.pictures[0])[0]
    expected = np.zeros((28, 28))
    expected[12:16, 16:20] = (0.5 - before) * MAP_WEIGHTS[2]
    np.testing.assert_allclose(difference, expected, atol=1e-5)
    assert sheet_of(panel, "decoded").titles == ("decoded", "changed", "difference")
    assert panel.subtitle.text().startswith("1 unit changed") and "→ 0.500" in text_of(panel, "line")
    assert sheet_of(panel, "map").marks[-1].colour == "accent"


def test_the_slider_goes_from_the_smallest_to_the_largest_value_seen(window: MainWindow, qtbot: QtBot) -> None:
    panel, unit = window.panels.bottleneck, 49 + 7 + 3
    panel._choose_unit(unit)
    assert panel.mine is not None
    seen = panel.mine.values.reshape(10, -1)[:, unit]
    assert seen.max() > seen.min()
    panel.row.slider.setValue(panel.row.slider.maximum())
    assert panel.session.edits.values[unit] == pytest.approx(float(seen.max()))
    panel.row.slider.setValue(0)
    settle_window(qtbot, window)
    assert panel.session.edits.values[unit] == pytest.approx(float(seen.min()))
    assert panel.row.value_box.value() == pytest.approx(float(seen.min()), abs=1e-3)


def test_changes_add_up_outlive_the_sample_and_are_taken_back(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.panels.bottleneck
    panel._choose_unit(5)
    qtbot.mouseClick(panel.row.zero_button, Qt.MouseButton.LeftButton)
    panel.map_box.setCurrentIndex(6)
    qtbot.mouseClick(panel.row.map_button, Qt.MouseButton.LeftButton)
    settle_window(qtbot, window)
    assert panel.session.edits.values == dict.fromkeys([5, *range(6 * 49, 7 * 49)], 0.0)
    assert panel.subtitle.text().startswith("50 units changed")
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    settle_window(qtbot, window)
    assert window.store.state.sample == 1 and len(panel.session.edits.values) == 50
    mine, decoded = panel.mine, panel.decoding.pictures
    assert mine is not None and decoded is not None and decoded[1] is not None
    changed = mine.values[1].copy()
    changed[0, 0, 5], changed[6] = 0, 0
    expected = np.tensordot(MAP_WEIGHTS, changed, axes=1).repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_allclose(decoded[1][0], expected, atol=1e-5)
    qtbot.mouseClick(panel.row.reset_button, Qt.MouseButton.LeftButton)
    settle_window(qtbot, window)
    assert not panel.session.edits.values and not panel.row.reset_button.isEnabled()
    assert panel.decoding.pictures is not None and panel.decoding.pictures[1] is None


def test_a_double_click_on_a_heading_zeroes_the_map(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.panels.bottleneck
    panel._show_as("maps")
    qtbot.mouseDClick(panel.view, Qt.MouseButton.LeftButton, pos=point_in(panel, "stage", 2, -1, 1).toPoint())
    assert set(panel.session.edits.values) == set(range(98, 147))
    panel._reset()
    panel._show_as("grid")
    panel.map_box.setCurrentIndex(4)
    qtbot.mouseDClick(panel.view, Qt.MouseButton.LeftButton, pos=point_in(panel, "map", 0, -1, 1).toPoint())
    assert set(panel.session.edits.values) == set(range(4 * 49, 5 * 49))


def test_a_sweep_shows_nine_pictures_with_what_the_unit_is_set_to(window: MainWindow, qtbot: QtBot) -> None:
    panel, unit = window.panels.bottleneck, 5 * 49 + 7 * 2 + 3
    panel._choose_unit(unit)
    qtbot.mouseClick(panel.row.sweep_button, Qt.MouseButton.LeftButton)
    settle_window(qtbot, window)
    assert panel.decoding.swept is not None and panel.mine is not None
    steps, images = panel.decoding.swept
    seen = panel.mine.values.reshape(10, -1)[:, unit]
    assert (steps[0], steps[-1], len(steps)) == (seen.min(), seen.max(), 9)
    np.testing.assert_allclose(
        images[:, 0, 9, 13] - images[0, 0, 9, 13], (steps - steps[0]) * MAP_WEIGHTS[5], atol=1e-5
    )
    assert len(sheet_of(panel, "sweep").captions) == 9
    before = panel.decoding.sweeper.sent
    panel.row.slider.setValue(30)
    settle_window(qtbot, window)
    assert panel.decoding.sweeper.sent == before, "the unit's own value makes no difference to its sweep"
    assert "sweep" in parts_of(panel)
    panel._zero_map(0)
    settle_window(qtbot, window)
    assert panel.decoding.sweeper.sent == before + 1
    qtbot.mouseClick(panel.row.sweep_button, Qt.MouseButton.LeftButton)
    assert "sweep" not in parts_of(panel)


def test_the_keys_go_through_units_and_samples(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.panels.bottleneck
    for key, unit in ((Qt.Key.Key_Down, 0), (Qt.Key.Key_Down, 1), (Qt.Key.Key_Up, 0), (Qt.Key.Key_Up, None)):
        qtbot.keyClick(panel.view, key)
        assert panel.session.unit == unit
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    assert window.store.state.sample == 1 and sheet_of(panel, "strip").chosen == 1
    panel.row.unit_box.setValue(392)
    assert panel.session.unit == 391
    click(qtbot, panel, "strip", 4, 3, 3)
    assert window.store.state.sample == 4


def test_the_pointer_reads_unit_and_value_everywhere(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.panels.bottleneck
    panel._choose_unit(0)
    panel._set_unit(7.0)
    panel._sweep(True)
    settle_window(qtbot, window)
    hints = {}
    for name, picture in (("strip", 3), ("stage", 0), ("map", 0), ("decoded", 1), ("sweep", 8)):
        panel.view.hovered.emit(point_in(panel, name, picture, 0, 0))
        hints[name] = QToolTip.text()
    assert "sample 4, map 1, row 1, column 1: " in hints["strip"]
    assert "→ 7.00" in hints["stage"] and hints["map"] == hints["stage"]
    assert "row 1, column 1: " in hints["decoded"] and "unit at " in hints["sweep"]
    panel.view.hovered.emit(None)


def test_a_run_without_a_decoder_says_so_and_shows_the_rest(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_run(tmp_path).path)
    panel = window.panels.bottleneck
    panel._choose_unit(3)
    assert "No decoder can be cut out of tests/conv" in text_of(panel, "decoded")
    assert sheet_of(panel, "strip").pixels.shape == (10, 28, 14, 3)
    assert not panel.row.zero_button.isEnabled() and panel.row.unit_box.isEnabled()
    panel._set_unit(0.0)
    assert not panel.session.edits.values


def test_a_single_graph_says_that_it_has_no_decoder(tmp_path: Path, open_window: Open) -> None:
    panel = open_window(lone(tmp_path)).panels.bottleneck
    assert (
        "A single graph has no decoder.onnx" in text_of(panel, "decoded")
        and sheet_of(panel, "strip").pixels.shape[0] == 10
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (decoder_bytes(maps=4), "takes 4×7×7 values, which model.onnx does not output"),
        (flat_decoder_bytes(), "takes 2 values, which model.onnx does not output"),
        (b"no graph at all", "decoder.onnx"),
        (flat_bytes(None), "takes 1×28×28 values"),
    ],
    ids=["other maps", "flat", "broken", "a model"],
)
def test_a_decoder_that_does_not_fit_is_reported(tmp_path: Path, open_window: Open, data: bytes, sentence: str) -> None:
    panel = open_window(add_decoder(write_run(tmp_path), data).path).panels.bottleneck
    assert sentence in text_of(panel, "decoded")
    assert sheet_of(panel, "map").pixels.shape == (1, 7, 7, 3)


def test_pictures_that_are_not_finite_are_reported(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_graph(tmp_path, "tests/flat", flat_bytes(None))
    window = open_window(add_decoder(run, flat_decoder_bytes(operator="Log")).path)
    panel = window.panels.bottleneck
    settle_window(qtbot, window)
    panel._choose_unit(0)
    panel._set_unit(-1.0)
    settle_window(qtbot, window)
    assert "The output is not finite" in text_of(panel, "decoded")
    panel._set_unit(1.0)
    settle_window(qtbot, window)
    assert sheet_of(panel, "decoded").titles[0] == "decoded", "it comes back with the next value"


def test_two_values_of_a_vae_are_two_squares_and_two_bars(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(write_flat(tmp_path).path)
    panel = window.panels.bottleneck
    assert sheet_of(panel, "strip").pixels.shape == (10, 1, 2, 3) and "map" not in parts_of(panel)
    assert panel.map_box.isHidden() and panel.row.map_button.isHidden()
    panel._choose_unit(1)
    panel._set_unit(0.25)
    settle_window(qtbot, window)
    assert panel.decoding.pictures is not None and panel.decoding.pictures[1] is not None
    np.testing.assert_allclose(panel.decoding.pictures[1][0, 14:], 0.25)
    panel._show_as("maps")
    assert panel.view_box.currentText() == "grid", "it has no maps"
    panel._show_as("bars")
    bars = parts_of(panel)["stage"]
    assert isinstance(bars, BarsFigure) and bars.values.shape == (2,) and bars.before is not None
    assert bars.values[1] == 0.25 and bars.before[0] == bars.values[0]


def test_more_than_a_thousand_values_are_a_histogram(tmp_path: Path, open_window: Open) -> None:
    panel = open_window(write_flat(tmp_path, size=1568).path).panels.bottleneck
    panel._choose_unit(1200)
    panel._show_as("bars")
    assert isinstance(parts_of(panel)["stage"], HistogramFigure)


def test_several_runs_share_one_scale_and_the_current_ones_units_are_changed(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    runs = [
        write_classifier(tmp_path, "tests/a"),
        write_decodable(tmp_path, "tests/b"),
        write_flat(tmp_path, "tests/c"),
    ]
    window = open_window(tmp_path)
    window.store.set_selected([run.path for run in runs], runs[1].path)
    window.reset_layout()
    window.go_to(window.panels.bottleneck)
    settle_window(qtbot, window)
    panel = window.panels.bottleneck
    assert "a: model.onnx has no bottleneck among its outputs." in text_of(panel, "head 0")
    assert len({(run.low, run.high) for run in panel.runs.values()}) == 1 and len(panel.runs) == 2
    assert sheet_of(panel, "row 1").pixels.shape == (10, 28, 14, 3)
    assert sheet_of(panel, "row 2").pixels.shape == (10, 1, 2, 3)
    assert "decoded" not in parts_of(panel), "nothing is changed yet"
    click(qtbot, panel, "row 2", 6, 0, 1)
    assert window.store.state.sample == 6 and unit_of(panel) is None
    click(qtbot, panel, "large 2", 0, 0, 1)
    assert unit_of(panel) is None, "another run than the current one"
    click(qtbot, panel, "large 1", 0, 8, 2)
    panel._set_unit(0.0)
    settle_window(qtbot, window)
    assert unit_of(panel) == 2 * 49 + 7 + 2 and sheet_of(panel, "decoded").titles[1] == "changed"
    panel.view.hovered.emit(point_in(panel, "row 2", 3, 0, 1))
    assert "tests/c" in QToolTip.text() and "sample 4, unit 2" in QToolTip.text()
    window.store.set_selected([run.path for run in runs], runs[0].path)
    settle_window(qtbot, window)
    assert unit_of(panel) is None and not panel.session.edits.values, "another run's units are as they are"
    assert isinstance(parts_of(panel)["row 1"], ImageGrid)


def test_the_numbers_are_every_unit_of_every_image(window: MainWindow) -> None:
    panel = window.panels.bottleneck
    panel._choose_unit(50)
    panel._set_unit(3.0)
    heading, *rows = panel.numbers()
    assert heading == ("run", "unit", "map", "row", "column", *(f"sample {n}" for n in range(1, 11)), "set to")
    assert len(rows) == 392 and panel.mine is not None
    assert rows[50][:5] == ("tests/conv", 51, 2, 1, 2) and rows[50][-1] == 3.0 and rows[51][-1] == ""
    np.testing.assert_allclose(np.array(rows[50][5:15], float), panel.mine.values[:, 1, 0, 1])


def test_the_panel_is_exported_in_every_form_and_theme(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.panels.bottleneck
    panel._choose_unit(1)
    panel._sweep(True)
    settle_window(qtbot, window)
    for name in ("light", "dark"):
        window.choose_theme(name)
        for view in ("grid", "maps", "bars"):
            panel._show_as(view)
            for kind in ("png", "svg", "pdf"):
                assert len(exports.picture(panel, kind)) > 3000


def test_a_bottleneck_with_gaps_is_shown_with_them(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    data = graph(
        [port("image", "n", 1, 28, 28)],
        [port("reconstruction", "n", 1, 28, 28), port("bottleneck", "n", 784)],
        node("Relu", "image", "reconstruction"),
        node("Flatten", "image", "flat"),
        node("Log", "flat", "bottleneck"),
    )
    window = open_window(lone(tmp_path, data))
    panel = window.panels.bottleneck
    assert sheet_of(panel, "strip").pixels.shape == (10, 28, 28, 3)
    panel._choose_unit(0)
    assert text_of(panel, "line") == "unit 1: –"
    panel._show_as("bars")
    assert isinstance(parts_of(panel)["stage"], BarsFigure)


def test_the_panel_fits_the_narrowest_column(window: MainWindow) -> None:
    panel = window.panels.bottleneck
    assert panel.minimumSizeHint().width() <= 322, "of 350 pixels, less the margins of its rect"


# ---- values ----


def test_edits_add_up_the_newest_counts_and_what_is_edited_is_a_copy() -> None:
    edits = Edits().with_unit(4, 2.0).with_unit(1, 5.0)
    assert edits.values == {4: 2.0, 1: 5.0} and edits.summary == "2 units changed"
    zeroed = edits.with_zeros(units.units_of_map((2, 2, 3), 0))
    assert zeroed.values == {4: 0.0, 1: 0.0, 0: 0.0, 2: 0.0, 3: 0.0, 5: 0.0}
    assert edits.without(4).values == {1: 5.0} and edits.without(4).summary == "1 unit changed"
    assert Edits().summary == "" and Edits(dict.fromkeys(range(1200), 0.0)).summary == "1,200 units changed"
    values = np.zeros((2, 3), np.float32)
    assert edits.apply(values).tolist() == [[0, 5, 0], [0, 2, 0]] and not values.any()
    assert units.units_of_map((2, 3, 5), 1) == range(15, 30)


def test_a_unit_goes_from_its_smallest_to_its_largest_value_or_as_far_as_all_or_one_to_each_side() -> None:
    values = np.array([[1.0, 5.0, np.nan, 1000.0], [3.0, 5.0, np.inf, 1000.5]], np.float32)
    ranges = [units.range_of(values, unit) for unit in range(4)]
    assert ranges == [(1.0, 3.0), (1.0, 1000.5), (1.0, 1000.5), (1.0, 1000.5)], "half beside a thousand is a point"
    assert units.range_of(np.full((3, 2), 7.0), 0) == (6.0, 8.0)
    assert units.range_of(np.full((3, 2), np.nan), 0) == (-1.0, 1.0)
    swept = units.sweep(np.arange(4.0).reshape(2, 2), 2, units.sweep_values(-1, 7))
    assert swept.shape == (9, 2, 2) and swept[:, 1, 0].tolist() == list(range(-1, 8))
    assert (swept[:, 0] == [0, 1]).all() and (swept[:, 1, 1] == 3).all() and swept.dtype == np.float32
