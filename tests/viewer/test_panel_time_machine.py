"""The time machine on trainings that have ended, that go on, that kept no pictures, and that are broken."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import (
    TIMEOUT,
    Open,
    bars,
    graph_bytes,
    history_of,
    settle_window,
    write_run,
)
from viewer.figures.comparison import ComparisonFigure
from viewer.figures.curves import CurvesFigure
from viewer.qt import exports
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.time_machine import TimeMachine
from viewer.state.epochs import EpochFrames, Epochs, epoch_frames_of
from zoo import runs
from zoo.runs import History, RunFolder, atomic_write, pack_history

SLOWEST_SCRUB = 0.030  # seconds of this process, of the slider's move and the painting of both views


def dimmed(epochs: int, *, name: str = "tests/conv", state: str = "finished", planned: int | None = None) -> History:
    """A history in which every epoch's pictures are a shade brighter than those before: n of 250 in epoch n."""
    plain = history_of(name=name, epochs=epochs, planned=planned or epochs, state=state)
    made = np.stack([np.where(bars() > 0, 250 - epochs + epoch, 0) for epoch in range(1, epochs + 1)]).astype(np.uint8)
    return History(meta=plain.meta, arrays={**plain.arrays, runs.EPOCH_RECONSTRUCTIONS: made})


def write_training(root: Path, name: str, epochs: int) -> RunFolder:
    run = write_run(root, name)
    atomic_write(run.history, pack_history(dimmed(epochs, name=name)))
    return run


def open_time(window: MainWindow, qtbot: QtBot, *paths: Path) -> TimeMachine:
    window.store.set_selected(paths, paths[0])
    window.go_to(window.panels.time)
    settle_window(qtbot, window)
    panel: TimeMachine = window.panels.time
    return panel


def brightest(panel: TimeMachine) -> int:
    """Of the pictures that are shown."""
    figure = panel.view.figure
    assert isinstance(figure, ComparisonFigure), panel.view.sentence
    assert [row.label for row in figure.blocks[0].bands[:2]] == ["target", "output"]
    return int(figure.blocks[0].bands[1].pixels.max())


def test_the_newest_epoch_is_shown_first_and_the_slider_goes_back(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_training(tmp_path, "tests/a", 20)
    panel = open_time(open_window(tmp_path), qtbot, run.path)
    assert (panel.slider.minimum(), panel.slider.maximum(), panel.slider.value()) == (1, 20, 20)
    assert brightest(panel) == 250 and panel.subtitle.text().startswith("epoch 20, mse ")
    panel.slider.setValue(7)
    assert brightest(panel) == 237 and panel.epoch_label.text() == "7 of 20"
    line = panel.time_line.figure
    assert isinstance(line, CurvesFigure) and line.hover == 7
    figure = panel.view.figure
    assert isinstance(figure, ComparisonFigure)
    error = ((bars()[0] / 255 - np.where(bars()[0] > 0, 237, 0) / 255) ** 2).mean()
    assert float(figure.blocks[0].captions[0]) == pytest.approx(error, abs=5e-5)


def test_the_difference_can_be_left_out_and_keeps_its_scale(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_training(tmp_path, "tests/a", 20)
    panel = open_time(open_window(tmp_path), qtbot, run.path)
    scales = set()
    for epoch in (1, 20):
        panel.slider.setValue(epoch)
        figure = panel.view.figure
        assert isinstance(figure, ComparisonFigure) and figure.scale is not None and len(figure.blocks[0].bands) == 3
        scales.add(figure.scale.high)
    assert len(scales) == 1, "a colour means the same in every epoch"
    panel.difference_box.click()
    figure = panel.view.figure
    assert isinstance(figure, ComparisonFigure) and len(figure.blocks[0].bands) == 2 and figure.scale is None


def test_keys_step_and_play(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_training(tmp_path, "tests/a", 6)
    panel = open_time(open_window(tmp_path), qtbot, run.path)
    qtbot.keyClick(panel.view, Qt.Key.Key_Left)
    qtbot.keyClick(panel.slider, Qt.Key.Key_Comma)
    assert panel.slider.value() == 4
    qtbot.keyClick(panel.view, Qt.Key.Key_Period)
    assert panel.slider.value() == 5
    for view in (panel.view, panel.time_line):
        qtbot.keyClick(view, Qt.Key.Key_Home)
        assert panel.slider.value() == 1
        qtbot.keyClick(view, Qt.Key.Key_End)
        assert panel.slider.value() == 6
    qtbot.keyClick(panel.view, Qt.Key.Key_Left)
    panel.speed_box.setCurrentIndex(3)
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    assert panel.playing
    qtbot.waitUntil(lambda: not panel.playing, timeout=TIMEOUT)
    assert panel.slider.value() == 6 and panel.play_button.shape == "play"
    panel.loop_box.click()
    qtbot.keyClick(panel.slider, Qt.Key.Key_Space)
    assert panel.playing and panel.slider.value() == 1, "at the end it begins again"
    qtbot.waitUntil(lambda: panel.slider.value() == 6, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: panel.slider.value() < 6, timeout=TIMEOUT)
    assert panel.playing
    qtbot.mouseClick(panel.play_button, Qt.MouseButton.LeftButton)
    assert not panel.playing


def test_a_hidden_panel_stops_playing_and_reads_nothing(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_training(tmp_path, "tests/a", 6)
    window = open_window(tmp_path)
    assert window.panels.time.reader.stamps == {}
    window.reset_layout()
    panel = open_time(window, qtbot, run.path)
    panel.play_or_pause()
    window.go_to(window.panels.reconstructions)
    assert not panel.playing


def test_the_time_line_is_taken_hold_of(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_training(tmp_path, "tests/a", 11)
    panel = open_time(open_window(tmp_path), qtbot, run.path)
    view, figure = panel.time_line, panel.time_line.figure
    assert isinstance(figure, CurvesFigure)
    plot = figure.axes(view.paper).plot
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(round(plot.left() + plot.width() * 0.3), 5))
    assert panel.slider.value() == 4
    view.dragged.emit(plot.topRight())
    assert panel.slider.value() == 11 and brightest(panel) == 250


def test_a_run_in_training_grows_and_a_slider_at_the_end_stays_there(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = RunFolder.of(tmp_path, "tests/new")
    atomic_write(run.history, pack_history(dimmed(3, name="tests/new", state="training", planned=9)))
    window = open_window(tmp_path)
    panel = open_time(window, qtbot, run.path)
    assert panel.slider.value() == 3
    atomic_write(run.history, pack_history(dimmed(4, name="tests/new", state="training", planned=9)))
    window.run_loader.rescan()
    qtbot.waitUntil(lambda: panel.slider.maximum() == 4, timeout=TIMEOUT)
    assert panel.slider.value() == 4
    panel.slider.setValue(2)
    atomic_write(run.history, pack_history(dimmed(5, name="tests/new", state="training", planned=9)))
    window.run_loader.rescan()
    qtbot.waitUntil(lambda: panel.slider.maximum() == 5, timeout=TIMEOUT)
    assert panel.slider.value() == 2, "who looks back is left there"


def test_a_line_has_the_colour_that_its_run_has_everywhere(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    paths = [write_training(tmp_path, f"tests/{name}", 3).path for name in "ab"]
    window = open_window(tmp_path)
    panel = open_time(window, qtbot, *paths)
    figure = panel.time_line.figure
    assert isinstance(figure, CurvesFigure)
    colours = [window.theme.run_colour(window.store.state.colours[path]).name() for path in paths]
    assert [line.colour for line in figure.series] == colours and colours[0] != colours[1]
    open_time(window, qtbot, paths[1])
    figure = panel.time_line.figure
    assert isinstance(figure, CurvesFigure) and {line.colour for line in figure.series} == {colours[1]}


def test_several_runs_share_the_slider_and_each_says_which_epoch_it_shows(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = [write_training(tmp_path, "tests/a", 20).path, write_training(tmp_path, "tests/b", 5).path]
    lone = tmp_path / "lone.onnx"
    lone.write_bytes(graph_bytes())
    panel = open_time(open_window(tmp_path / "tests", lone), qtbot, *paths, lone)
    panel.slider.setValue(12)
    figure = panel.view.figure
    assert isinstance(figure, ComparisonFigure)
    blocks = {block.title: block for block in figure.blocks}
    assert blocks["tests/a"].note.startswith("epoch 12, mse ")
    assert blocks["tests/b"].note.startswith("epoch 5, the newest, mse ")
    assert "There is no history.h5 beside lone.onnx" in blocks["lone.onnx"].sentence
    assert int(blocks["tests/b"].bands[0].pixels.max()) == 250
    assert len(blocks["target"].bands[0].pixels) == 10, "what all of them should make stands once"
    assert figure.scale is not None


def test_losses_of_different_objectives_are_drawn_alike_and_read_as_they_are(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = []
    for name, factor in (("bce", 1.0), ("vae", 1000.0)):
        run = write_training(tmp_path, f"tests/{name}", 3)
        history = dimmed(3, name=f"tests/{name}")
        arrays = {**history.arrays, runs.VAL_LOSS: factor * history.arrays[runs.VAL_LOSS]}
        atomic_write(run.history, pack_history(History({**history.meta, "objective": name}, arrays)))
        paths.append(run.path)
    figure = open_time(open_window(tmp_path), qtbot, *paths).time_line.figure
    assert isinstance(figure, CurvesFigure) and all(float(curve.values.max()) == 1 for curve in figure.series)
    last = 1.1 * 0.5 / 3
    assert [reading.values[0] for reading in figure.readings()] == pytest.approx([last, 1000 * last])
    assert [reading.drawn for reading in figure.readings()] == [(0.0,), (0.0,)], "the dots stand on the curves"


def test_an_epoch_that_was_thinned_out_says_which_is_shown(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_training(tmp_path, "tests/a", 20)
    panel = open_time(open_window(tmp_path), qtbot, run.path)
    epoch_frames = panel.reader.frames[run.path]
    assert isinstance(epoch_frames, EpochFrames)
    rows = np.array([0, 9, 19])
    few = Epochs((1, 10, 20), epoch_frames.epochs.pictures[rows])
    panel.reader.frames[run.path] = EpochFrames(
        few, epoch_frames.targets, epoch_frames.errors[rows], epoch_frames.reach
    )
    panel.slider.setValue(15)
    assert panel.subtitle.text().startswith("epoch 10, the nearest kept, mse ")
    assert brightest(panel) == 240


def test_a_run_without_pictures_of_its_epochs_says_so(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_run(tmp_path)
    plain = history_of()
    arrays = {key: array for key, array in plain.arrays.items() if key != runs.EPOCH_RECONSTRUCTIONS}
    atomic_write(run.history, pack_history(History(meta=plain.meta, arrays=arrays)))
    panel = open_time(open_window(tmp_path), qtbot, run.path)
    assert "keeps no pictures of earlier epochs" in panel.view.sentence
    assert not panel.slider.isEnabled() and not panel.play_button.isEnabled()
    panel.play_or_pause()
    assert not panel.playing and panel.numbers() == []


def test_a_broken_history_is_reported_and_a_mended_one_shown(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_run(tmp_path)
    run.history.write_bytes(b"\xff" * 4000)
    window = open_window(tmp_path)
    panel = open_time(window, qtbot, run.path)
    assert "tests/conv/history.h5" in panel.view.sentence and panel.view.sentence.endswith(".")
    atomic_write(run.history, pack_history(dimmed(4)))
    window.run_loader.rescan()
    qtbot.waitUntil(lambda: isinstance(panel.view.figure, ComparisonFigure), timeout=TIMEOUT)
    assert brightest(panel) == 250


def test_a_history_that_vanishes_is_reported(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_run(tmp_path)
    window = open_window(tmp_path)
    panel = open_time(window, qtbot, run.path)
    assert isinstance(panel.view.figure, ComparisonFigure)
    run.history.unlink()
    window.run_loader.rescan()
    qtbot.waitUntil(lambda: "There is no history.h5" in panel.view.sentence, timeout=TIMEOUT)


def test_scrubbing_through_a_hundred_epochs_takes_less_than_a_frame_a_step(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_training(tmp_path, "tests/a", 100)
    panel = open_time(open_window(tmp_path), qtbot, run.path)
    took = []
    for epoch in range(1, 101):
        began = time.process_time()
        panel.slider.setValue(epoch)
        panel.view.repaint()
        panel.time_line.repaint()
        took.append(time.process_time() - began)
    assert float(np.median(took)) < SLOWEST_SCRUB, f"{1000 * float(np.median(took)):.1f} ms"


def test_the_numbers_are_those_of_every_epoch_and_the_picture_goes_on_paper(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_training(tmp_path, "tests/a", 5)
    panel = open_time(open_window(tmp_path), qtbot, run.path)
    heading, *rows = panel.numbers()
    assert heading[1] == "epoch" and [row[1] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0][3] == pytest.approx(0.5) and rows[0][4] == pytest.approx(0.55)
    assert isinstance(rows[0][2], float) and rows[0][2] > float(rows[-1][2])
    assert panel.figure is not None
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        assert exports.picture(panel, kind).startswith(start)


# ---- values ----


def test_epoch_frames_have_the_errors_of_every_epoch() -> None:
    pictures = np.stack([np.full((2, 1, 4, 4), value, np.uint8) for value in (0, 51, 255)])
    epoch_frames = epoch_frames_of(Epochs((1, 2, 3), pictures), np.full((2, 1, 4, 4), 51, np.uint8))
    assert isinstance(epoch_frames, EpochFrames)
    np.testing.assert_allclose(epoch_frames.errors[:, 0], [0.04, 0.0, 0.64], atol=1e-9)
    assert epoch_frames.reach == pytest.approx(0.8) and epoch_frames.difference(0).shape == (2, 4, 4)


@pytest.mark.parametrize("targets", [None, np.zeros((2, 1, 5, 5), np.uint8)], ids=["none", "of another shape"])
def test_pictures_without_targets_of_their_shape_make_no_frames(targets: np.ndarray | None) -> None:
    assert isinstance(epoch_frames_of(Epochs((1,), np.zeros((1, 2, 1, 4, 4), np.uint8)), targets), str)


def test_frames_begin_and_end_with_the_epochs_kept_and_differences_are_output_minus_target() -> None:
    pictures = np.stack([np.full((3, 3, 2, 2), value, np.uint8) for value in (0, 255, 102)])
    pictures[1, :, 0] = 0  # one colour of three is black: the mean over colours counts
    targets = np.full((2, 3, 2, 2), 102, np.uint8)
    frames = epoch_frames_of(Epochs((4, 7, 9), pictures), targets)
    assert isinstance(frames, EpochFrames)
    assert (frames.first, frames.last, frames.epochs.pictures.shape[1]) == (4, 9, 2)
    assert (frames.targets == 102).all()
    np.testing.assert_allclose(frames.difference(0), -0.4, atol=1e-6)
    np.testing.assert_allclose(frames.difference(1), (0.6 + 0.6 - 0.4) / 3, atol=1e-6)
    assert frames.reach == pytest.approx(0.4), "the largest is that of the first epoch, and negative"
    assert isinstance(epoch_frames_of(Epochs((1,), pictures[:1]), targets[:0]), str)
