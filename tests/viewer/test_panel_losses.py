"""The losses panel: what is plotted, smoothed, toggled, zoomed into, read and exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import TIMEOUT, Open, history_of, settle_window, write_run
from viewer.figures.curves import CurvesFigure
from viewer.figures.theme import DARK
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.losses import Losses
from viewer.state import history, losses
from zoo import runs
from zoo.runs import History, RunFolder, atomic_write, pack_history


def write_history(root: Path, name: str, *, epochs: int = 12, broken_from: int = 0, **meta: object) -> Path:
    """A run with terms, learning rates and times; from an epoch on without numbers, where that is asked for."""
    plain = history_of(name=name, epochs=epochs, planned=epochs)
    loss = 0.5 / np.arange(1, epochs + 1)
    validation = loss + 0.01 * (np.arange(1, epochs + 1) - 5) ** 2  # its least is not its last
    if broken_from:
        loss[broken_from - 1 :] = validation[broken_from - 1 :] = np.nan
    more = {
        runs.TRAIN_LOSS: loss,
        runs.VAL_LOSS: validation,
        runs.LEARNING_RATE: np.full(epochs, 0.01),
        runs.SECONDS: np.full(epochs, 2.0),
        "terms/bce": loss * 0.75,
        "terms/kl": loss * 0.25,
    }
    run = RunFolder.of(root, name)
    atomic_write(run.history, pack_history(History({**plain.meta, **meta}, {**plain.arrays, **more})))
    return run.path


def figure_of(window: MainWindow) -> CurvesFigure:
    figure: CurvesFigure | None = window.panels.losses.curves
    assert figure is not None, window.panels.losses.view.sentence
    return figure


def select(window: MainWindow, qtbot: QtBot, *paths: Path) -> CurvesFigure:
    window.store.set_selected(paths, paths[0])
    settle_window(qtbot, window)
    return figure_of(window)


def choose(panel: Losses, what: str) -> None:
    panel.what_box.setCurrentText(what)
    panel.what_box.activated.emit(panel.what_box.currentIndex())


def metrics_of(panel: Losses) -> QFontMetricsF:
    return QFontMetricsF(panel.view.font())


def place_of(panel: Losses, text: str) -> QPoint:
    """Where a name stands in the legend."""
    figure = panel.curves
    assert figure is not None
    entries = figure.legend(panel.view.paper)
    return next(rect.center().toPoint() for entry, rect in entries if entry.text.startswith(text))


def epoch_point(panel: Losses, epoch: float) -> QPoint:
    """Where an epoch stands in the plot."""
    figure = panel.curves
    assert figure is not None
    plot = figure.axes(panel.view.paper).plot
    return QPointF(plot.left() + figure.x_axis.position(epoch) * plot.width(), plot.center().y()).toPoint()


def test_a_history_carries_terms_learning_rates_and_times(tmp_path: Path) -> None:
    plain = history_of()
    arrays = {
        **plain.arrays,
        runs.LEARNING_RATE: np.full(3, 0.1),
        "terms/kl": np.full(3, 2.0),
        "terms/bad": np.ones((3, 2)),
    }
    read = history.from_parts(plain.meta, arrays)
    assert read.learning_rate.tolist() == [0.1] * 3 and read.epoch_seconds.tolist() == [2.0] * 3
    assert read.terms["kl"].tolist() == [2.0] * 3 and len(read.terms["bad"]) == 0
    assert losses.clock(read).tolist() == [2.0, 4.0, 6.0]


def test_an_epoch_without_a_time_takes_none_and_the_clock_goes_on() -> None:
    plain = history_of()
    read = history.from_parts(plain.meta, {**plain.arrays, runs.SECONDS: np.array([2.0, np.nan, 3.0])})
    assert losses.clock(read).tolist() == [2.0, 2.0, 5.0]


def test_smoothing_is_the_unbiased_moving_average_of_tensorboard() -> None:
    values = np.array([4.0, 2.0, np.nan, 1.0])
    w = 0.5
    first = 4.0  # without its bias, the first is itself
    second = (w * (1 - w) * 4 + (1 - w) * 2) / (1 - w**2)
    third = (w * (w * (1 - w) * 4 + (1 - w) * 2) + (1 - w) * 1) / (1 - w**3)
    np.testing.assert_allclose(losses.smooth(values, w), [first, second, np.nan, third])
    assert losses.smooth(values, 0.0) is values
    np.testing.assert_allclose(losses.smooth(np.full(50, 7.0), 0.99), 7.0)


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([1.0, 2.0], ""),
        ([np.nan, np.nan], "not a number from epoch 1"),
        ([1.0, np.nan, np.nan], "not a number from epoch 2"),
        ([1.0, np.nan, 2.0], "not a number in epoch 2"),
        ([1.0, np.nan, 2.0, np.nan, 3.0], "not a number in 2 epochs"),
    ],
)
def test_where_a_run_has_no_numbers_is_noted(values: list[float], note: str) -> None:
    assert losses.gaps_of([losses.LossCurve("train", np.array(values))]) == note


def test_the_learning_rates_of_freiburg_are_in_one_plot_and_the_diverged_one_is_named(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = [write_history(tmp_path, f"freiburg/lr-{rate}") for rate in ("0.001", "0.01")]
    paths.append(write_history(tmp_path, "freiburg/lr-0.1", broken_from=1))
    window = open_window(tmp_path)
    figure = select(window, qtbot, *paths)
    assert {curve.run for curve in figure.series} == {"lr-0.001", "lr-0.01", "lr-0.1"}
    assert "lr-0.1: not a number from epoch 1" in [entry.text for entry in figure.entries()]
    assert np.isfinite([figure.y_axis.low, figure.y_axis.high]).all()
    choose(window.panels.losses, losses.RATE)
    figure = figure_of(window)
    assert figure.y_label.startswith("learning rate") and len(figure.series) == 3


def test_every_term_can_be_plotted_and_what_was_not_recorded_is_said(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    first, second = write_history(tmp_path, "tests/a"), write_run(tmp_path, "tests/b").path
    window = open_window(tmp_path)
    select(window, qtbot, first)
    panel = window.panels.losses
    offered = [panel.what_box.itemText(index) for index in range(panel.what_box.count())]
    assert offered == ["loss", "term bce", "term kl", "learning rate", "seconds an epoch"]
    choose(panel, "term kl")
    (curve,) = figure_of(window).series
    assert curve.values[0] == pytest.approx(0.125) and "divergence" in figure_of(window).y_label
    choose(panel, losses.RATE)
    window.store.set_selected((second,), second)
    settle_window(qtbot, window)
    assert panel.view.sentence == "No learning rate was recorded for this run."


def test_losses_of_other_objectives_than_the_current_runs_are_left_out(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    first, second = write_history(tmp_path, "tests/a"), write_history(tmp_path, "tests/b", objective="elbo")
    window = open_window(tmp_path)
    assert "binary cross-entropy" in select(window, qtbot, first).y_label
    shown = select(window, qtbot, first, second)
    assert "binary cross-entropy" in shown.y_label and {curve.run for curve in shown.series} == {"a"}
    assert window.panels.losses.subtitle.text() == "1 of 2 runs, losses of other objectives have other units"
    window.store.set_selected((first, second), second)
    shown = figure_of(window)
    assert "divergence" in shown.y_label and {curve.run for curve in shown.series} == {"b"}


def test_of_many_selected_runs_the_losses_are_of_those_that_every_panel_shows(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = [write_history(tmp_path, f"tests/{name}") for name in "abcdefgh"]
    window = open_window(tmp_path)
    shown = select(window, qtbot, *paths)
    assert {curve.run for curve in shown.series} == set("abcdef") and len(window.store.state.compared) == 6
    assert window.panels.losses.subtitle.text() == "6 of 8 runs"


def test_smoothing_leaves_the_values_faint_behind(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_history(tmp_path, "tests/a"))
    panel = window.panels.losses
    panel.smoothing.setValue(60)
    curve = figure_of(window).series[0]
    assert curve.raw is not None and curve.raw[5] == pytest.approx(0.5 / 6)
    assert curve.values[5] > curve.raw[5], "of falling values the average lags behind"
    assert panel.smoothing_label.text() == "smoothing 0.60"
    panel.smoothing.setValue(0)
    assert figure_of(window).series[0].raw is None


def test_the_vertical_axis_ends_at_the_values_not_at_zero(tmp_path: Path, open_window: Open) -> None:
    figure = figure_of(open_window(write_history(tmp_path, "tests/a")))
    values = np.concatenate([curve.values for curve in figure.series])
    margin = 0.05 * np.ptp(values)
    assert values.min() - margin < figure.y_axis.low < values.min()
    assert values.max() < figure.y_axis.high < values.max() + margin


def test_the_first_epochs_can_be_ignored_so_that_the_rest_is_seen(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_history(tmp_path, "tests/a"))
    panel, high = window.panels.losses, figure_of(window).y_axis.high
    panel.smoothing.setValue(50)
    smoothed = figure_of(window).series[0].values
    panel.ignored_box.setValue(2)
    figure = figure_of(window)
    train = figure.series[0]
    assert train.raw is not None and figure.y_axis.high < high
    for values in (train.values, train.raw):
        assert np.isnan(values[:2]).all() and np.isfinite(values[2:]).all()
    np.testing.assert_allclose(train.values[2:], smoothed[2:])
    assert (figure.x_axis.low, figure.x_axis.high) == (1, 12) and not train.note
    assert "without the first 2 epochs" in panel.subtitle.text() and len(panel.numbers()) == 13
    panel.ignored_box.setValue(6)
    validation = next(curve for curve in figure_of(window).series if curve.part == "validation")
    assert validation.best is None, "the best epoch is not shown"


def test_the_axes_can_be_logarithmic_and_of_time(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_history(tmp_path, "tests/a"))
    panel = window.panels.losses
    panel.log_box.setChecked(True)
    panel.log_x_box.setChecked(True)
    figure = figure_of(window)
    assert figure.y_axis.log and figure.x_axis.log and (figure.x_axis.low, figure.x_axis.high) == (1, 12)
    panel.x_box.setCurrentIndex(1)
    panel.x_box.activated.emit(1)
    figure = figure_of(window)
    assert figure.x_label == "seconds of training"
    assert figure.series[0].positions.tolist() == [2.0 * epoch for epoch in range(1, 13)]
    panel.view.column_step.emit(-1)
    (reading,) = figure_of(window).readings()
    assert reading.epoch == 12 and figure_of(window).heading() == "24 seconds"


def test_a_click_on_a_name_toggles_it_and_the_keyboard_does_too(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = [write_history(tmp_path, f"tests/{name}") for name in "abc"]
    window = open_window(tmp_path)
    select(window, qtbot, *paths)
    panel = window.panels.losses
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=place_of(panel, "b"))
    assert {curve.run for curve in figure_of(window).shown} == {"a", "c"}
    assert not next(entry for entry in figure_of(window).entries() if entry.name == "b").shown
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=place_of(panel, "train"))
    assert {curve.part for curve in figure_of(window).shown} == {"validation"}
    panel.view.setFocus()
    for _ in range(2):
        qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert "b, hidden" in panel.view.accessibleDescription()
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    assert "b" in {curve.run for curve in figure_of(window).shown}
    panel.show_every_curve()
    assert len(figure_of(window).shown) == 6


def test_a_double_click_on_a_name_shows_it_alone_and_again_all(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    paths = [write_history(tmp_path, f"tests/{name}") for name in "abc"]
    window = open_window(tmp_path)
    select(window, qtbot, *paths)
    panel = window.panels.losses
    for alone in ({"b"}, {"a", "b", "c"}):
        QTest.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=place_of(panel, "b"))
        QTest.mouseDClick(panel.view, Qt.MouseButton.LeftButton, pos=place_of(panel, "b"))
        assert {curve.run for curve in figure_of(window).shown} == alone


def test_the_crosshair_reads_every_run_the_least_first(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    long, short = write_history(tmp_path, "tests/long"), write_history(tmp_path, "tests/short", epochs=4)
    window = open_window(tmp_path)
    select(window, qtbot, long, short)
    panel = window.panels.losses
    qtbot.mouseMove(panel.view, epoch_point(panel, 3))
    qtbot.waitUntil(lambda: figure_of(window).hover == 3, timeout=TIMEOUT)
    readings = figure_of(window).readings()
    assert [reading.epoch for reading in readings] == [3, 3]
    assert [reading.key for reading in readings] == sorted(reading.key for reading in readings)
    panel.view.setFocus()
    for _ in range(3):
        qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    assert [reading.run for reading in figure_of(window).readings()] == ["long"], "the other has ended"
    assert panel.view.accessibleDescription().startswith("epoch 6. long: ")
    qtbot.keyClick(panel.view, Qt.Key.Key_End)
    assert figure_of(window).hover == 12
    qtbot.keyClick(panel.view, Qt.Key.Key_Home)
    assert figure_of(window).hover == 1


def test_dragging_zooms_into_a_range_and_a_double_click_shows_all_of_it(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(write_history(tmp_path, "tests/a"))
    panel = window.panels.losses
    start, end = epoch_point(panel, 5), epoch_point(panel, 9)
    high = figure_of(window).y_axis.high
    qtbot.mousePress(panel.view, Qt.MouseButton.LeftButton, pos=start)
    panel.view.dragged.emit(QPointF(end))
    assert figure_of(window).band is not None
    qtbot.mouseRelease(panel.view, Qt.MouseButton.LeftButton, pos=end)
    figure = figure_of(window)
    assert (figure.x_axis.low, figure.x_axis.high) == (5, 9) and figure.band is None
    assert figure.y_axis.high < high, "the other axis follows"
    assert figure.stops.tolist() == [5, 6, 7, 8, 9]
    qtbot.keyClick(panel.view, Qt.Key.Key_Plus)
    assert figure_of(window).x_axis.high - figure_of(window).x_axis.low == 2
    qtbot.mouseDClick(panel.view, Qt.MouseButton.LeftButton, pos=epoch_point(panel, 7))
    assert figure_of(window).span is None and figure_of(window).x_axis.high == 12


def test_the_epoch_of_the_least_validation_loss_is_marked(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_history(tmp_path, "tests/a"))
    figure = figure_of(window)
    (validation,) = [curve for curve in figure.series if curve.part == "validation"]
    assert validation.best == 1 + int(np.argmin(validation.values)) != len(validation.values)
    assert "least validation loss" in [entry.text for entry in figure.entries()]


def test_a_run_that_is_trained_grows_and_a_range_that_was_chosen_stays(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    write_history(tmp_path, "tests/a", epochs=6, state="training")
    window = open_window(tmp_path)
    panel = window.panels.losses
    panel.view.zoom_to(2, 4)
    write_history(tmp_path, "tests/a", epochs=9, state="training")
    qtbot.waitUntil(lambda: len(figure_of(window).series[0].values) == 9, timeout=TIMEOUT)
    assert figure_of(window).span == (2, 4)


def test_the_numbers_are_a_row_an_epoch(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    first, second = write_history(tmp_path, "tests/a"), write_run(tmp_path, "tests/b").path
    window = open_window(tmp_path)
    select(window, qtbot, first, second)
    heading, *rows = window.panels.losses.numbers()
    assert heading == (
        *("run", "epoch", "train_loss", "val_loss", "bce", "kl", "learning_rate", "seconds", "seconds_so_far"),
    )
    assert len(rows) == 12 + 3 and all(len(row) == len(heading) for row in rows)
    assert rows[1][:2] == ("tests/a", 2) and rows[1][4:] == (0.1875, 0.0625, 0.01, 2.0, 4.0)
    np.testing.assert_allclose(np.array(rows[1][2:4], dtype=float), [0.25, 0.34])
    assert rows[12][:3] == ("tests/b", 1, 0.5) and rows[12][4:] == ("", "", "", 2.0, 2.0)


def test_the_controls_have_room_in_a_narrow_column(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_history(tmp_path, "tests/a"))
    panel = window.panels.losses
    assert panel.minimumSizeHint().width() <= 300


def test_curves_can_be_painted_in_both_themes_whatever_is_toggled(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_history(tmp_path, "tests/a", broken_from=12))
    panel = window.panels.losses
    bare = panel.view.grab().toImage()
    panel.view.column_step.emit(1)
    assert panel.view.grab().toImage() != bare
    for name in ("train", "validation"):
        panel.toggle(name)
    panel.set_theme(DARK)
    assert figure_of(window).shown == () and figure_of(window).readings() == []
    panel.view.column_step.emit(1)
    panel.view.grab()
    assert replace(figure_of(window), hidden=frozenset()).shown


# ---- values ----


def test_smoothing_without_a_weight_or_with_all_of_it_changes_nothing() -> None:
    values = np.array([4.0, 2.0])
    assert losses.smooth(values, 1.0) is values and losses.smooth(values, -0.5) is values


def test_gaps_are_those_of_any_line_and_a_clock_needs_some_time() -> None:
    def gaps(*lines: list[float]) -> str:
        return losses.gaps_of([losses.LossCurve("", np.array(line)) for line in lines])

    nan = float("nan")
    assert gaps() == "" == gaps([1, 2])
    assert gaps([nan, 1, 2], [1, 2, 3]) == "not a number in epoch 1" == gaps([1, 2, 3], [nan, 1])
    assert gaps([nan, 1, 2], [1, nan, 3]) == "not a number in 2 epochs"
    assert gaps([1, 2, nan], [1, nan]) == "not a number from epoch 2"
    assert gaps([1, nan, 2, nan]) == "not a number in 2 epochs"
    done = history_of()
    timeless = history.from_parts(done.meta, {**done.arrays, runs.SECONDS: np.zeros(3)})
    assert len(losses.clock(timeless)) == 0 and losses.clock(replace(timeless, epoch_seconds=np.zeros(0))).size == 0


def test_the_best_epoch_is_that_of_the_least_validation_loss_that_is_a_number() -> None:
    done = history_of()
    curves = {runs.TRAIN_LOSS: np.array([3.0, 2.0, 1.0]), runs.VAL_LOSS: np.array([np.nan, 1.0, 2.0])}
    seen = history.from_parts(done.meta, {**done.arrays, **curves})
    assert losses.best_epoch(seen) == 2
    assert losses.best_epoch(replace(seen, val_loss=np.full(3, np.nan))) is None
    assert losses.best_epoch(replace(seen, val_loss=np.zeros(0))) is None


def test_the_axis_names_the_objective_and_every_quantity() -> None:
    done = history_of()
    bce, linear, odd = (
        history.from_parts({**done.meta, "objective": name}, done.arrays) for name in ("bce", "mse-linear", "x")
    )
    label = losses.label_of
    assert label(losses.LOSS, [bce, bce]) == "loss: binary cross-entropy, nats a pixel"
    assert label(losses.LOSS, [linear]) == "loss: squared error a pixel, before clamping"
    assert label(losses.LOSS, [odd]) == "loss" == label(losses.LOSS, [])
    assert label(losses.TERM + "kl", [bce]) == "kl: divergence from N(0, 1), nats an image"
    assert label(losses.TERM + "x", [bce]) == "x, a term of the objective"
    assert (label(losses.RATE, []), label(losses.TIME, [])) == (
        "learning rate at the epoch's end",
        "seconds an epoch took",
    )
    one, two = replace(bce, terms={"kl": np.ones(3)}), replace(bce, terms={"bce": np.ones(2), "kl": np.ones(1)})
    assert losses.quantities([one, two]) == ["loss", "term kl", "term bce", "learning rate", "seconds an epoch"]
    parts = {name: [line.part for line in losses.lines_of(two, name)] for name in losses.quantities([two])}
    assert parts == {
        "loss": ["train", "validation"], "term bce": ["train"], "term kl": ["train"], "learning rate": [],
        "seconds an epoch": ["seconds an epoch"],
    }  # fmt: skip
    both = replace(bce, train_loss=np.zeros(3), val_loss=np.ones(3))
    assert [line.values.tolist() for line in losses.lines_of(both, "loss")] == [[0.0] * 3, [1.0] * 3]
    assert losses.lines_of(one, "term bce") == [] and losses.HEAVIEST == 0.99


def test_a_run_keeps_its_colour_whatever_else_is_selected(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    paths = {name: write_history(tmp_path, f"tests/{name}") for name in "abc"}
    window = open_window(tmp_path)

    def colours(*names: str) -> dict[str, str]:
        return {curve.run: curve.colour for curve in select(window, qtbot, *(paths[name] for name in names)).series}

    every = colours("a", "b", "c")
    assert len(set(every.values())) == 3
    for names in (("c",), ("b", "c"), ("b",)):
        assert set(colours(*names).values()) == {every[name] for name in names}
