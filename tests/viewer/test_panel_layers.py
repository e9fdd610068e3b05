"""The panel of layers: every node's feature maps, stepped through by keys, of any graph whose input is an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QToolTip
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import Open, bars, settle_window, write_run
from tests.viewer.graphs import graph, lone, node, port, stack, write_classifier
from viewer.figures import feature_maps
from viewer.figures.arrange import Parts
from viewer.figures.image_grid import ImageGrid
from viewer.infer.messages import Reply, Request
from viewer.qt import exports
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.layers import LayersPanel
from viewer.qt.requester import Query, QueryBatch


def sheet_of(panel: LayersPanel, name: str) -> ImageGrid:
    assert isinstance(panel.view.figure, Parts), panel.view.sentence
    sheet = panel.view.figure.parts[name]
    assert isinstance(sheet, ImageGrid)
    return sheet


def values_of(panel: LayersPanel) -> np.ndarray:
    assert panel._shown is not None, panel.view.sentence
    return panel._shown[2].maps.values


def layer_of(panel: LayersPanel) -> str:
    assert panel._shown is not None, panel.view.sentence
    return panel._shown[1].tensor


def point_in(panel: LayersPanel, name: str, picture: int) -> QPointF:
    figure, _metrics = panel.view.figure, QFontMetricsF(panel.view.font())
    assert isinstance(figure, Parts)
    rect = figure.arrange(figure.parts, panel.view.paper)[name]
    return sheet_of(panel, name).tiles(panel.view.paper.at(rect)).cell(picture).topLeft() + QPointF(0.5, 0.5)


def shown(open_window: Open, qtbot: QtBot, path: Path) -> tuple[MainWindow, LayersPanel]:
    window = open_window(path)
    window.go_to(window.panels.layers)
    settle_window(qtbot, window)
    return window, window.panels.layers


def press(qtbot: QtBot, window: MainWindow, key: Qt.Key, times: int = 1) -> None:
    for _ in range(times):
        qtbot.keyClick(window.panels.layers.view, key)
    settle_window(qtbot, window)


def deep() -> bytes:
    """Softplus before the first convolution, four maps of which one is dead, then pooled, and put together again."""
    weights = np.zeros((4, 1, 3, 3), np.float32)
    weights[0, 0, 1, 1], weights[1, 0, 1, 1], weights[2, 0, 1, 1] = 1, -1, 2
    weights[3, 0, 1, :] = 1
    return stack(
        node("Identity", "image", "copied"),
        node("Conv", "copied w", "maps", pads=[1, 1, 1, 1]),
        node("Relu", "maps", "lit"),
        node("MaxPool", "lit", "pooled", kernel_shape=[2, 2], strides=[2, 2]),
        node("ConvTranspose", "pooled v", "y", strides=[2, 2]),
        w=weights,
        v=np.ones((4, 1, 2, 2), np.float32),
    )


@pytest.fixture
def foreign(tmp_path: Path, open_window: Open, qtbot: QtBot) -> tuple[MainWindow, LayersPanel]:
    """The panel in front, on a graph without a card."""
    return shown(open_window, qtbot, lone(tmp_path, deep()))


def test_it_begins_with_the_first_convolution_of_all_nodes(foreign: tuple[MainWindow, LayersPanel]) -> None:
    window, panel = foreign
    assert panel.chain.lines == [
        "Identity 1×28×28",
        "Conv 4×28×28",
        "Relu 4×28×28",
        "MaxPool 4×14×14",
        "ConvTranspose 1×28×28",
    ]
    assert layer_of(panel) == "maps" and panel.chain.currentRow() == 1
    assert panel.properties.text() == "Conv: maps 4×28×28 · pads 1 1 1 1, w 4×1×3×3 · 36 parameters"
    assert "kernel_shape 2 2, strides 2 2" in panel.chain.item(3).toolTip()
    samples = window.store.state.samples
    assert samples is not None
    np.testing.assert_allclose(values_of(panel)[0], samples.inputs[0, 0], atol=1e-6)
    np.testing.assert_allclose(values_of(panel)[2], 2 * samples.inputs[0, 0], atol=1e-6)
    assert sheet_of(panel, "maps").pixels.shape == (4, 28, 28, 3) and sheet_of(panel, "input").titles == ("sample 1",)


def test_another_colour_map_colours_the_maps(foreign: tuple[MainWindow, LayersPanel], qtbot: QtBot) -> None:
    window, panel = foreign
    window.choose_colour_map("grey")
    settle_window(qtbot, window)
    for name in ("large", "maps"):
        pixels = sheet_of(panel, name).pixels
        assert (pixels == pixels[..., :1]).all() and pixels.max() > pixels.min(), name


def test_up_and_down_go_through_the_nodes_left_and_right_through_the_maps(
    foreign: tuple[MainWindow, LayersPanel], qtbot: QtBot
) -> None:
    window, panel = foreign
    press(qtbot, window, Qt.Key.Key_Down)
    assert layer_of(panel) == "lit" and "1 of 4 maps dead" in panel.subtitle.text()
    press(qtbot, window, Qt.Key.Key_Right, 2)
    assert panel.map_box.value() == 3 and sheet_of(panel, "maps").chosen == 2
    assert sheet_of(panel, "large").titles == ("map 3 of 4, 28×28",)
    press(qtbot, window, Qt.Key.Key_Down, 9)
    assert layer_of(panel) == "y" and panel.map_box.value() == 1, "the last has one map"
    assert isinstance(panel.view.figure, Parts) and "maps" not in panel.view.figure.parts
    press(qtbot, window, Qt.Key.Key_Up, 9)
    assert layer_of(panel) == "copied"
    press(qtbot, window, Qt.Key.Key_Left)
    assert panel.map_box.value() == 1 and panel.requester.received <= panel.requester.sent


def test_a_click_on_a_node_shows_its_maps_and_one_without_maps_says_so(
    foreign: tuple[MainWindow, LayersPanel], qtbot: QtBot, tmp_path: Path, open_window: Open
) -> None:
    window, panel = foreign
    at = panel.chain.visualItemRect(panel.chain.item(3)).center()
    qtbot.mouseClick(panel.chain.viewport(), Qt.MouseButton.LeftButton, pos=at)
    settle_window(qtbot, window)
    assert layer_of(panel) == "pooled" and panel.chain.currentRow() == 3
    flat = graph(
        [port("image", "n", 1, 28, 28)],
        [port("y", "n", 784)],
        node("Relu", "image", "lit"),
        node("Flatten", "lit", "y"),
    )
    window, panel = shown(open_window, qtbot, lone(tmp_path, flat))
    assert panel.chain.lines == ["Relu 1×28×28", "Flatten 784"]
    panel.chain.setCurrentRow(1)
    assert panel.view.sentence.startswith("Flatten makes no feature maps") and "784" in panel.properties.text()
    panel.chain.setCurrentRow(0)
    settle_window(qtbot, window)
    assert layer_of(panel) == "lit" and panel.view.figure is not None


def test_only_the_chosen_image_is_requested(foreign: tuple[MainWindow, LayersPanel], qtbot: QtBot) -> None:
    window, panel = foreign
    requests = []
    window.workers.answered.connect(lambda reply: requests.append(reply.request))
    panel.sample_box.activated.emit(3)
    settle_window(qtbot, window)
    images = [request.images.shape for request in requests if request.inner]
    assert images == [(1, 1, 28, 28)] and window.store.state.sample == 3
    samples = window.store.state.samples
    assert samples is not None
    np.testing.assert_allclose(values_of(panel)[0], samples.inputs[3, 0], atol=1e-6)
    assert sheet_of(panel, "input").titles == ("sample 4",)


def test_the_node_is_kept_where_the_next_run_has_it_too(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    first, second = write_run(tmp_path, "tests/a"), write_run(tmp_path, "tests/b")
    third = write_classifier(tmp_path, "tests/c")
    window, panel = shown(open_window, qtbot, tmp_path)
    press(qtbot, window, Qt.Key.Key_Down)
    assert layer_of(panel) == "bottleneck"
    for run, tensor in ((second, "bottleneck"), (third, "maps"), (first, "bottleneck")):
        window.store.set_selected((run.path,), run.path)
        settle_window(qtbot, window)
        assert layer_of(panel) == tensor
    assert values_of(panel).shape == (8, 7, 7)


def test_a_classifiers_layers_are_shown(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    window, panel = shown(open_window, qtbot, write_classifier(tmp_path).path)
    press(qtbot, window, Qt.Key.Key_Down)
    assert layer_of(panel) == "lit" and "1 of 3 maps dead" in panel.subtitle.text()
    expected = np.maximum(0, bars()[0, 0, 0:3, 0:3].sum() / 255)
    assert values_of(panel)[0, 0, 0] == pytest.approx(expected)


def test_each_map_may_have_a_contrast_of_its_own(foreign: tuple[MainWindow, LayersPanel]) -> None:
    _, panel = foreign
    before = sheet_of(panel, "maps").pixels
    panel.own_box.setChecked(True)
    after = sheet_of(panel, "maps").pixels
    assert (before[0] != after[0]).any() and "scale" not in panel.view.figure.parts  # type: ignore[union-attr]
    np.testing.assert_array_equal(after[0], after[2])  # one is twice the other
    np.testing.assert_array_equal(sheet_of(panel, "large").pixels[0], after[0])
    panel.own_box.setChecked(False)
    np.testing.assert_array_equal(sheet_of(panel, "maps").pixels, before)


def test_a_click_chooses_a_map_and_the_pointer_reads_values(
    foreign: tuple[MainWindow, LayersPanel], qtbot: QtBot
) -> None:
    _, panel = foreign
    qtbot.mouseClick(
        panel.view, Qt.MouseButton.LeftButton, pos=point_in(panel, "maps", 3).toPoint() + QPointF(2, 2).toPoint()
    )
    assert panel.map_box.value() == 4
    for name, text in (
        ("maps", "map 2, row 1, column 1: "),
        ("large", "map 4, row 1, "),
        ("input", "row 1, column 1: 0"),
    ):
        panel.view.hovered.emit(point_in(panel, name, 1 if name == "maps" else 0))
        assert text in QToolTip.text()
    assert "mean" not in QToolTip.text()


def test_the_numbers_are_those_of_every_map(foreign: tuple[MainWindow, LayersPanel], qtbot: QtBot) -> None:
    window, panel = foreign
    press(qtbot, window, Qt.Key.Key_Down)
    heading, *rows = panel.numbers()
    assert heading == ("node", "map", "min", "max", "mean", "share of zeros") and len(rows) == 4
    values = values_of(panel)
    for index, row in enumerate(rows):
        assert row[0] == "Relu · lit, 4×28×28" and row[1] == index + 1
        np.testing.assert_allclose(
            np.array(row[2:], float),
            [values[index].min(), values[index].max(), values[index].mean(), (values[index] == 0).mean()],
            atol=1e-6,
        )
    assert rows[1][2:] == (0.0, 0.0, 0.0, 1.0)


def test_more_maps_than_are_shown_are_mentioned(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    data = stack(
        node("Conv", "image w", "many", strides=[4, 4]),
        node("Relu", "image", "y"),
        w=np.ones((2000, 1, 4, 4), np.float32),
    )
    _window, panel = shown(open_window, qtbot, lone(tmp_path, data))
    assert sheet_of(panel, "maps").pixels.shape == (1024, 7, 7, 3)
    assert "the first 1,024 of 2,000 maps" in panel.subtitle.text()
    panel.map_box.setValue(2000)
    assert sheet_of(panel, "large").titles == ("map 2000 of 2,000, 7×7",) and len(panel.numbers()) == 2001


def test_large_maps_are_made_in_a_thread_and_shown_thinned(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    data = stack(
        node("Conv", "image w", "wide", pads=[22, 22, 22, 22]),
        node("Relu", "image", "y"),
        w=np.ones((400, 1, 3, 3), np.float32),
    )
    window, panel = shown(open_window, qtbot, lone(tmp_path, data))
    assert values_of(panel).shape == (400, 70, 70) and panel._shown is not None and panel._shown[2].stride == 2
    assert sheet_of(panel, "maps").pixels.shape == (400, 35, 35, 3)
    assert sheet_of(panel, "large").pixels.shape == (1, 70, 70, 3)
    panel.own_box.setChecked(True)
    settle_window(qtbot, window)
    assert panel._shown[2].own


def test_a_layer_that_is_refused_is_a_sentence_and_the_keys_go_on(
    foreign: tuple[MainWindow, LayersPanel], qtbot: QtBot
) -> None:
    window, panel = foreign
    assert panel._shown is not None
    wish = panel._shown[:2]
    query = Query(wish[0].file, wish[0].image[None], ("maps",), inner=True)
    request = Request("LayersPanel", "run", query.file, query.images, query.outputs, inner=True)
    for reply, text in (
        (Reply(request, error="its layer 'maps' takes 99 MiB"), "Its layer 'maps' takes 99 MiB."),
        (Reply(request, arrays={"maps": np.zeros((1, 0, 3, 3), np.float32)}), "This node's maps are empty."),
        (Reply(request, arrays={"maps": np.zeros((1, 9), np.float32)}), "This node's maps are empty."),
    ):
        panel.take({query.file.path: reply}, wish)
        assert panel.view.sentence == text and not panel.map_box.isEnabled() and panel.numbers() == []
    press(qtbot, window, Qt.Key.Key_Down)
    assert layer_of(panel) == "lit" and panel.map_box.isEnabled()


def test_values_that_are_not_finite_are_reported_and_gaps_are_shown(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    data = stack(
        node("Conv", "image w", "maps"),
        node("Log", "image", "gaps"),
        node("Sub", "gaps gaps", "none"),
        node("Log", "minus", "constant"),
        node("Mul", "image constant", "nothing"),
        node("Relu", "image", "y"),
        w=np.ones((1, 1, 1, 1), np.float32),
        minus=np.full((1, 1, 1, 1), -1, np.float32),
    )
    window, panel = shown(open_window, qtbot, lone(tmp_path, data))
    press(qtbot, window, Qt.Key.Key_Down)
    assert layer_of(panel) == "gaps" and "values not finite" in panel.subtitle.text()
    names = [layer.tensor for layer in panel._layers]
    panel._choose_layer(names.index("nothing"))
    settle_window(qtbot, window)
    assert panel.view.sentence == "The output is not finite: 784 of its 784 values."
    press(qtbot, window, Qt.Key.Key_Down)
    assert layer_of(panel) == "y"


def test_a_graph_without_feature_maps_is_a_sentence(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    data = graph(
        [port("image", "n", 1, 28, 28)],
        [port("y", "n", 784)],
        node("Flatten", "image", "flat"),
        node("Relu", "flat", "y"),
    )
    window, panel = shown(open_window, qtbot, lone(tmp_path, data))
    assert "has no feature maps" in panel.view.sentence and panel.chain.lines == ["Flatten 784", "Relu 784"]
    assert not panel.map_box.isEnabled()
    press(qtbot, window, Qt.Key.Key_Down)
    assert "has no feature maps" in panel.view.sentence


def test_a_layer_of_unknown_shape_is_shown_as_it_turns_out(
    foreign: tuple[MainWindow, LayersPanel], qtbot: QtBot
) -> None:
    window, panel = foreign
    file = panel._listed
    assert file is not None
    query = Query(file, kind="layers")
    entry = {"tensor": "pooled", "node": "", "operator": "Conv", "shape": None}
    header = {"layers": [{**entry, "tensor": "lit", "operator": "\u202eRelu" + "x" * 90}, entry], "left_out": 1200}
    reply = Reply(Request("LayersPanel list", "layers", file), header)
    none = Reply(Request("LayersPanel list 1", "summary", file), error="not read")
    panel._take_list(QueryBatch({"list": query}, file, {"list": reply, "nodes": none}))
    settle_window(qtbot, window)
    assert panel.chain.lines[1].startswith("Conv") and layer_of(panel) == "pooled"
    assert values_of(panel).shape == (4, 14, 14) and "1,200 more nodes" in panel.subtitle.text()
    assert "\u202e" not in panel.chain.lines[0] and len(panel.chain.lines[0]) < 120


def test_a_graph_that_takes_no_images_says_so(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    data = graph([port("x", "n", 7)], [port("y", "n", 7)], node("Relu", "x", "y"))
    _window, panel = shown(open_window, qtbot, lone(tmp_path, data))
    assert "takes no images" in panel.view.sentence and panel.numbers() == []
    assert panel.chain.lines == ["Relu 7"]


def test_a_graph_that_is_not_run_shows_its_nodes_too(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    data = graph([port("x", "n", 1, 8, 8)], [port("y", "n", 1, 8, 8)], node("Relu", "x", "r"), node("Loop", "r", "y"))
    window, panel = shown(open_window, qtbot, lone(tmp_path, data))
    assert window.store.state.current_known.refused is not None
    assert panel.chain.lines == ["Relu", "Loop"] and "Loop" in panel.view.sentence
    panel.chain.setCurrentRow(0)
    assert panel.properties.text().startswith("Relu: r")


def test_the_panel_is_exported_in_both_themes(foreign: tuple[MainWindow, LayersPanel]) -> None:
    window, panel = foreign
    for name in ("light", "dark"):
        window.choose_theme(name)
        for kind in ("png", "svg", "pdf"):
            assert len(exports.picture(panel, kind)) > 3000
    assert panel.minimumSizeHint().width() <= 322, "the narrowest column, less the margins"


def test_the_figures_of_maps_leave_out_what_is_not_finite() -> None:
    values = np.array([[[1, np.nan], [3, 0]], [[np.inf] * 2] * 2, [[0, 0], [0, 0]]], np.float32)
    figures = feature_maps.measure(values)
    np.testing.assert_array_equal(figures.lows, [0, np.nan, 0])
    np.testing.assert_array_equal(figures.highs, [3, np.nan, 0])
    np.testing.assert_allclose(figures.means, [4 / 3, np.nan, 0])
    np.testing.assert_allclose(figures.zeros, [0.25, 0, 1])
    assert (figures.broken, figures.dead, figures.range) == (5, 1, (0.0, 3.0))
    assert feature_maps.measure(values[1:2]).range == (0.0, 0.0)
    above = feature_maps.measure(np.array([[[2, np.nan]], [[-3, np.inf]]], np.float32))
    assert above.lows.tolist() == [2, -3] == above.highs.tolist() and above.range == (-3.0, 2.0)
