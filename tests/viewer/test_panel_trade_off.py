"""The trade-off panel: every open run by size and error, what is concluded, and choosing by mouse and keyboard."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication, QTabBar
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import CARD, TIMEOUT, Open, graph_bytes, history_of, settle_window
from viewer.figures.paper import Paper
from viewer.figures.theme import DARK, LIGHT
from viewer.figures.trade_off import Point, TradeOffFigure, _beside, _near
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.trade_off import ALL_DATA, TradeOff
from viewer.state import trade_off
from viewer.state.graph import GraphInfo
from viewer.state.history import from_parts
from viewer.state.library import Entry
from viewer.state.selection import Known, State
from viewer.state.trade_off import PARAMETERS, VALUES, TradeOffModel
from zoo.gate import GraphFacts
from zoo.runs import History, RunFolder, atomic_write, pack_history


def write_model(
    root: Path, name: str, shape: tuple[int, ...], mse: float | None, *, pca: float = 0.01, **meta: object
) -> Path:
    """A run without a graph, of which the panel needs no more."""
    plain = history_of(name=name)
    arrays = {key: value for key, value in plain.arrays.items() if not key.startswith(("metrics/", "baselines/"))}
    if mse is not None:
        figures = {"mse": mse, "psnr": -10 * math.log10(mse), "ssim": 1 - mse, "bce": 3 * mse}
        arrays |= {f"metrics/{metric}": np.array([value]) for metric, value in figures.items()}
    arrays["baselines/pca/mse"] = np.array([pca])
    run = RunFolder.of(root, name)
    atomic_write(run.history, pack_history(History({**plain.meta, "bottleneck": list(shape), **meta}, arrays)))
    return run.path


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Five networks on mnist, larger ones better; one of cifar10, a quick one, and one without figures."""
    for name, size, mse, pca in (
        ("a", 2, 0.05, 0.04),
        ("b", 8, 0.02, 0.03),
        ("c", 32, 0.01, 0.009),
        ("d", 98, 0.004, 0.002),
    ):
        write_model(tmp_path, f"tests/{name}", (size,), mse, pca=pca, published={"mse": 0.03} if name == "b" else {})
    write_model(tmp_path, "tests/quick", (16,), 0.2, state="quick")
    write_model(tmp_path, "tests/new", (16,), None, state="training")
    write_model(tmp_path, "tests/photos", (4, 8, 8), 0.01, data="cifar10")
    return tmp_path


def shown(window: MainWindow) -> TradeOff:
    panel: TradeOff = window.panels.trade_off
    window.go_to(panel)
    QApplication.processEvents()  # the sentence below takes its room
    return panel


def plot_of(panel: TradeOff) -> TradeOffFigure:
    assert panel.plot is not None, panel.view.sentence
    return panel.plot


def choose(panel: TradeOff, box: str, text: str) -> None:
    chosen = getattr(panel, f"{box}_box")
    chosen.setCurrentText(text)
    assert chosen.currentText() == text
    chosen.activated.emit(chosen.currentIndex())


def spot(panel: TradeOff, name: str) -> QPoint:
    figure = plot_of(panel)
    index = next(at for at, model in enumerate(panel.models) if model.name == name)
    return figure.spot_of(index, panel.view.paper).toPoint()


def model(name: str, size: float, value: float, pca: float | None = None, **more: object) -> TradeOffModel:
    plain = TradeOffModel(Path(name), name, "mnist", "mnist", size, value, None, pca, size, "finished", True)
    return replace(plain, **more)  # type: ignore[arg-type]


def test_every_open_run_on_the_current_runs_data_is_a_point(zoo: Path, open_window: Open) -> None:
    window = open_window(zoo)
    panel = shown(window)
    assert [m.name for m in panel.models] == [f"tests/{name}" for name in ("a", "b", "c", "d", "quick")]
    points = {point.name: point for point in plot_of(panel).points}
    assert points["a"].chosen and not points["b"].chosen
    assert points["quick"].hollow and not points["a"].hollow
    assert points["b"].published == 0.03 and points["a"].published is None
    assert points["c"].pca == 0.009 and points["c"].size == 32
    assert panel.subtitle.text() == "1 shown run, 4 other open, 1 without figures"
    assert "tests/new" in panel.subtitle.toolTip()


def test_shown_runs_have_their_colours_and_the_others_are_grey_or_left_out(zoo: Path, open_window: Open) -> None:
    window = open_window(zoo)
    window.store.set_selected((zoo / "tests/a", zoo / "tests/c"), zoo / "tests/a")
    panel = shown(window)
    colours = {point.name: plot_of(panel).colour_of(point) for point in plot_of(panel).points}
    own = [panel.theme.run_colour(window.store.state.colours[zoo / f"tests/{name}"]).name() for name in "ac"]
    assert [colours["a"], colours["c"]] == own and colours["b"] == colours["d"] == panel.theme.muted
    panel.others_box.setChecked(False)
    assert [model.name for model in panel.models] == ["tests/a", "tests/c"]
    assert panel.subtitle.text() == "2 shown runs, 1 without figures"


def test_the_sentence_has_spearmans_correlation_and_who_beats_pca(zoo: Path, open_window: Open) -> None:
    text = shown(open_window(zoo)).sentence.text()
    assert "rank correlation of size and mse is -1.00 over 4 runs: larger is better." in text
    assert "1 of 4 beat PCA with as many components: tests/b." in text
    assert "1 hollow" in text


@pytest.mark.parametrize(
    ("models", "metric", "text"),
    [
        ([model("a", 1, 0.1)], "mse", "1 finished run: too few alike for a trend."),
        ([model(n, s, 0.1 * s) for n, s in (("a", 1), ("b", 2), ("c", 3))], "mse", "larger is worse"),
        ([model(n, s, 0.1 * s) for n, s in (("a", 1), ("b", 2), ("c", 3))], "psnr", "larger is better"),
        ([model(n, 4, v) for n, v in (("a", 1.0), ("b", 2.0), ("c", 3.0))], "mse", "3 runs of the same size or mse"),
        ([model("a", 1, 0.1, state="quick", counts=False)] * 2, "mse", "All 2 runs are quick"),
        ([model("a", 1, 20.0, 21.0), model("b", 2, 23.0, 22.0)], "psnr", "1 of 2 beat PCA with as many components: b."),
        ([model(str(n), n, 0.1, 0.2) for n in range(1, 8)], "mse", "7 of 7 beat PCA with as many components: 1, 2,"),
    ],
)  # fmt: skip
def test_what_is_concluded_follows_from_the_figures(models: list[TradeOffModel], metric: str, text: str) -> None:
    assert text in trade_off.conclusion(models, metric, VALUES)


def line(group: str, values: list[float]) -> list[TradeOffModel]:
    return [model(f"{group}{size}", size, value, group=group) for size, value in enumerate(values, start=1)]


def test_orders_are_of_the_two_largest_groups_and_a_group_of_two_has_none() -> None:
    a, b, c, d = line("a", [3, 2, 1]), line("b", [1, 2, 3, 4]), line("c", [3, 1, 2, 4, 5]), line("d", [1, 2])
    text = trade_off.conclusion([*a, *b, *c, *d], "mse", VALUES)
    assert text.startswith("c: Spearman's") and " b: Spearman's" in text and "a: " not in text and "d: " not in text
    assert trade_off.conclusion(a, "mse", VALUES).startswith("Spearman's rank correlation of size and mse is -1.00")
    assert trade_off.conclusion([*a, *d], "mse", VALUES).startswith("a: Spearman's")
    assert trade_off.conclusion(d, "mse", VALUES).startswith("2 finished runs: too few alike for a trend.")
    assert "correlation of parameters and mse" in trade_off.conclusion(a, "mse", trade_off.PARAMETERS)
    assert trade_off.conclusion([], "mse", VALUES) == ""


@pytest.mark.parametrize(
    ("values", "metric", "meaning"),
    [
        ([2, 3, 1, 4], "mse", "size does not predict the error"),
        ([1, 3, 2, 4], "mse", "larger is worse"),
        ([4, 2, 3, 1], "mse", "larger is better"),
        ([1, 3, 2, 4], "psnr", "larger is better"),
        ([2, 1, 4, 3], "psnr", "larger is better"),
    ],
)
def test_an_order_means_something_from_a_correlation_of_a_half_on(
    values: list[float], metric: str, meaning: str
) -> None:
    assert f"over 4 runs: {meaning}." in trade_off.conclusion(line("a", values), metric, VALUES)


def test_who_beats_principal_components_is_counted_among_those_that_have_them() -> None:
    beating = [model(str(n), n, 0.1, 0.2) for n in range(1, 5)]
    even, alone = model("even", 5, 0.2, 0.2), model("alone", 6, 0.1)
    text = trade_off.conclusion([*beating, even, alone], "mse", VALUES)
    assert text.endswith("4 of 5 beat PCA with as many components: 1, 2, 3, 4.")
    assert "1, 2, 3, 4 and 1 more." in trade_off.conclusion([*beating, model("5", 5, 0.1, 0.2)], "mse", VALUES)
    assert "PCA with as many components beats it." in trade_off.conclusion([even, alone], "mse", VALUES)
    assert "beats all 2." in trade_off.conclusion([even, even], "psnr", VALUES)
    assert "None has principal components" in trade_off.conclusion([alone], "mse", VALUES)


def test_hollow_runs_are_counted_and_left_out() -> None:
    quick, going = (model(state, 9, 9.0, state=state, counts=False) for state in ("quick", "training"))
    text = trade_off.conclusion([*line("mnist", [3, 2, 1]), quick, going], "mse", VALUES)
    assert "is -1.00 over 3 runs" in text and text.endswith(
        " 2 hollow: not finished, or of a short trial, and left out here."
    )
    assert trade_off.conclusion([quick, going], "mse", VALUES).startswith("All 2 runs are unfinished")
    assert math.isnan(trade_off.rank_correlation(np.ones(3), np.arange(3)))


def test_spearmans_correlation_is_that_of_scipy() -> None:
    from scipy.stats import spearmanr

    one, two = np.array([1, 5, 5, 2, 9.0]), np.array([3, 2, 2, 8, 1.0])
    assert trade_off.rank_correlation(one, two) == pytest.approx(spearmanr(one, two).statistic)


def test_data_sets_have_curves_of_their_own_and_can_be_chosen(zoo: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(zoo)
    panel = shown(window)
    assert [panel.data_box.itemText(index) for index in range(panel.data_box.count())] == ["mnist", "cifar10", ALL_DATA]
    choose(panel, "data", ALL_DATA)
    figure = plot_of(panel)
    assert figure.groups == ["mnist", "cifar10"] and len(figure.points) == 6
    window.store.set_selected((zoo / "tests/photos",), zoo / "tests/photos")
    assert panel.data_box.currentText() == ALL_DATA, "what was chosen stays"
    panel._data = ""
    window.store.set_selected((zoo / "tests/a",), zoo / "tests/a")
    window.store.set_selected((zoo / "tests/photos",), zoo / "tests/photos")
    assert panel.data_box.currentText() == "cifar10" and [m.name for m in panel.models] == ["tests/photos"]


def test_principal_components_of_noisy_images_are_another_curve(tmp_path: Path, open_window: Open) -> None:
    write_model(tmp_path, "tests/a", (8,), 0.02, pca=0.01)
    write_model(tmp_path, "tests/b", (8,), 0.03, pca=0.04, noise=0.5)
    panel = shown(open_window(tmp_path))
    assert plot_of(panel).groups == ["mnist", "mnist, denoise σ 0.5"]


def test_metric_and_size_can_be_chosen(zoo: Path, open_window: Open) -> None:
    panel = shown(open_window(zoo))
    choose(panel, "metric", "psnr")
    figure = plot_of(panel)
    assert not figure.log and figure.y_label.startswith("psnr, dB")
    assert figure.points[0].error == pytest.approx(-10 * math.log10(0.05))
    assert "None has principal components to compare with." in panel.sentence.text()
    choose(panel, "metric", "bce")
    assert plot_of(panel).log
    choose(panel, "metric", "mse")
    choose(panel, "axis", PARAMETERS)
    figure = plot_of(panel)
    assert figure.points[0].size == 89 and figure.points[0].pca_at == (2 + 1) * 784, "components and the mean"


def test_a_click_selects_a_run_and_ctrl_adds_one(zoo: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(zoo)
    panel = shown(window)
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=spot(panel, "tests/c"))
    assert window.store.state.selected == (zoo / "tests/c",)
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, control, pos=spot(panel, "tests/d"))
    assert set(window.store.state.selected) == {zoo / "tests/c", zoo / "tests/d"}
    assert window.store.state.current == zoo / "tests/d"
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, control, pos=spot(panel, "tests/d"))
    assert window.store.state.selected == (zoo / "tests/c",)
    settle_window(qtbot, window)
    assert [point.name for point in plot_of(panel).points if point.chosen] == ["c"]


def test_the_keyboard_goes_from_size_to_size_and_describes_the_run(zoo: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(zoo)
    panel = shown(window)
    panel.view.setFocus()
    for _ in range(2):
        qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    text = panel.view.accessibleDescription()
    assert text.startswith("tests/b\n8 values in the bottleneck, mse 0.0200")
    assert "1.50× less error than PCA with as many values (0.0300)" in text and "on the assignment sheet 0.0300" in text
    qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    assert window.store.state.selected == (zoo / "tests/b",)
    qtbot.keyClick(panel.view, Qt.Key.Key_Left)
    qtbot.keyClick(panel.view, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert set(window.store.state.selected) == {zoo / "tests/a", zoo / "tests/b"}
    panel.select_those_that_beat_pca()
    assert window.store.state.selected == (zoo / "tests/b",)


def test_the_pointer_marks_what_it_is_over(zoo: Path, open_window: Open, qtbot: QtBot) -> None:
    panel = shown(open_window(zoo))
    qtbot.mouseMove(panel.view, spot(panel, "tests/c"))
    qtbot.waitUntil(lambda: plot_of(panel).hover == 2, timeout=TIMEOUT)
    panel.view.hovered.emit(None)
    assert plot_of(panel).hover is None


def test_what_has_no_bottleneck_or_no_figure_is_said(tmp_path: Path, open_window: Open) -> None:
    write_model(tmp_path, "tests/new", (16,), None, state="training")
    panel = shown(open_window(tmp_path))
    assert panel.view.sentence.startswith("This run has no mse yet")
    assert panel.numbers() == []


def test_a_run_that_gets_its_figures_gets_its_point(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    write_model(tmp_path, "tests/a", (2,), 0.05)
    write_model(tmp_path, "tests/new", (16,), None, state="training")
    panel = shown(open_window(tmp_path))
    assert len(panel.models) == 1
    write_model(tmp_path, "tests/new", (16,), 0.03)
    qtbot.waitUntil(lambda: len(panel.models) == 2, timeout=TIMEOUT)


def test_a_lone_graph_stands_there_by_its_card(tmp_path: Path, open_window: Open) -> None:
    lone = tmp_path / "lone.onnx"
    lone.write_bytes(graph_bytes(CARD))
    panel = shown(open_window(lone))
    (model,) = panel.models
    assert (model.size, model.value, model.pca) == (392, 0.0123, 0.0045)


def test_the_numbers_are_a_row_a_run(zoo: Path, open_window: Open) -> None:
    heading, *rows = shown(open_window(zoo)).numbers()
    assert heading == ("run", "data", "values", "mse", "pca_mse", "published", "state")
    assert rows[1] == ("tests/b", "mnist", 8.0, 0.02, 0.03, 0.03, "finished") and len(rows) == 5


def test_the_tab_in_front_has_room_for_its_bold_title(zoo: Path, open_window: Open) -> None:
    window = open_window(zoo)
    shown(window)
    QApplication.processEvents()
    (tabs,) = [bar for bar in window.workspace.findChildren(QTabBar) if bar.isVisible()]
    assert tabs.tabText(tabs.currentIndex()) == "Trade-off" and tabs.width() >= tabs.sizeHint().width()


@pytest.mark.parametrize("name_all", [True, False])
def test_a_full_figure_is_painted_and_its_points_are_found(qapp: QApplication, name_all: bool) -> None:
    points = tuple(Point(f"a-long-name-{index}", 16, 0.02 + index * 1e-4, 0.01, 0.005) for index in range(9))
    rect, metrics = QRectF(0, 0, 330, 300), QFontMetricsF(QFont())
    for theme in (LIGHT, DARK):
        figure = TradeOffFigure(theme, points, name_all=name_all, hover=3)
        image = QImage(330, 300, QImage.Format.Format_RGB32)
        image.fill(theme.colour("base"))
        painter = QPainter(image)
        figure.paint(painter, Paper.of(painter, rect))
        painter.end()
        found = [figure.hit(figure.spot_of(index, Paper(rect, metrics)), Paper(rect, metrics)) for index in range(9)]
        assert found == list(range(9)) and figure.hit(QPointF(1, 1), Paper(rect, metrics)) is None
        spot = figure.spot_of(3, Paper(rect, metrics)).toPoint()
        assert image.pixelColor(spot) == theme.colour("accent")


def test_no_name_lies_over_another() -> None:
    size, spot, taken = QRectF(0, 0, 60, 12), QPointF(100, 100), list[QRectF]()
    for _ in range(5):
        box = _near(size, spot, taken, QRectF(0, 0, 300, 300))
        assert not any(box.intersects(other) for other in taken)
        taken.append(box)
    taken = taken[:1]
    beside = [_beside(size, spot, taken, QRectF(0, 0, 300, 300)), _beside(size, spot, taken, QRectF(95, 95, 10, 10))]
    assert beside[0] is not None and not any(beside[0].intersects(other) for other in taken)
    assert beside[1] is None, "a name without room is left out"


# ---- which runs are compared ----


def known_with(**change: object) -> Known:
    plain = replace(CARD, published={"mse": 0.03}, **change)  # type: ignore[arg-type]
    return Known(card=plain)


def models_of(metric: str, axis: str, *read: Known) -> tuple[list[TradeOffModel], list[str]]:
    entries = tuple(Entry(Path(f"/{name}"), True, Path("/g")) for name, _ in zip("abcdefgh", read, strict=False))
    known = {entry.path: one for entry, one in zip(entries, read, strict=True)}
    return trade_off.models_of(State(entries=entries, known=known), metric, axis)


def test_a_run_is_compared_by_its_size_within_its_data_task_and_noise() -> None:
    done = history_of()
    history = from_parts({**done.meta, "data": "kmnist"}, done.arrays)
    colour = known_with(task="colourise", metrics={"mse": 0.5}, baselines={"pca": {"mse": 0.25}})
    noisy = Known(history=from_parts({**done.meta, "noise": 0.5, "task": "reconstruct"}, done.arrays))
    (one, two, three), without = models_of("mse", VALUES, Known(history=history, card=CARD), colour, noisy)
    assert [model.group for model in (one, two, three)] == ["kmnist", "mnist, colourise", "mnist, denoise σ 0.5"]
    assert [model.data for model in (one, two, three)] == ["kmnist", "mnist", "mnist"] and without == []
    assert (one.size, one.value, one.pca, one.pca_at, one.positions) == (392.0, 0.0123, 0.0045, 392.0, (392.0, 0.0123))
    assert (one.published, two.published, two.pca, three.pca) == (None, 0.03, 0.25, None)
    (one, two, _), _ = models_of("mse", PARAMETERS, Known(history=history), colour, noisy)
    assert (one.size, one.pca_at) == (89.0, 393.0 * 784), "as many components and a mean, each of an image's pixels"
    assert two.pca_at == 0, "how large its images are is not known"
    state = State(
        entries=tuple(Entry(Path(f"/{name}"), True, Path("/g")) for name in "abcd"),
        known={
            Path("/a"): noisy,
            Path("/b"): known_with(bottleneck={}, data={"name": "cifar10"}),
            Path("/c"): known_with(data={}),
            Path("/d"): Known(history=history),
        },
    )
    assert trade_off.data_sets(state) == ["mnist", "kmnist"]
    assert trade_off.data_of(Known(history=replace(history, dataset=""))) == "" == trade_off.data_of(Known())


def test_a_run_without_the_figure_or_a_size_is_named_and_one_without_a_bottleneck_is_not() -> None:
    endless = from_parts(history_of().meta, {**history_of().arrays, "metrics/psnr": np.array([np.inf])})
    read = (Known(history=endless), known_with(bottleneck={}), known_with(metrics={"mse": 1.0}))
    found, without = models_of("psnr", VALUES, *read)
    assert found == [] and len(without) == 2
    found, without = models_of("mse", PARAMETERS, known_with(parameters=0), known_with())
    assert len(found) == 1 == len(without)


def test_what_is_finished_exported_or_changed_counts_and_what_is_quick_or_going_on_does_not() -> None:
    done = history_of()
    states = [from_parts({**done.meta, "state": state}, done.arrays) for state in ("finished", "quick", "training")]
    changed = Known(history=states[1], listed={"g": "a"}, graph_sha256="b")
    found, _ = models_of("mse", VALUES, *(Known(history=history) for history in states), changed)
    assert [(model.state.partition(" ")[0], model.counts) for model in found] == [
        ("finished", True), ("quick", False), ("stopped", False), ("changed", True),
    ]  # fmt: skip
    lone = Entry(Path("/a"), False, Path("/a"))
    facts = GraphFacts((), (), 18, 8, 1, 1, {})
    read = Known(graph=GraphInfo(facts, replace(CARD, training={}), ""))
    (model,), _ = trade_off.models_of(State(entries=(lone,), known={lone.path: read}), "mse", VALUES)
    assert (model.state, model.counts) == ("graph", True)
