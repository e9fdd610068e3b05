"""The latent plane on runs with two latent values, with others, without a decoder, and with broken ones."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import (
    TIMEOUT,
    Open,
    bars,
    bars_split,
    history_of,
    plane_pictures,
    settle_window,
    write_pooled,
    write_run,
    write_vae,
)
from viewer.figures.comparison import ComparisonFigure
from viewer.figures.latent import EquationFigure, PickerFigure, SweepFigure
from viewer.figures.latent_plane import LatentPlaneFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.figures.plane import PlanesFigure
from viewer.qt import exports
from viewer.qt.latent.mode import Mode
from viewer.qt.latent.picker import Picker
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.latent import Latent
from viewer.state import encoder_decoders, latent
from viewer.state.encoder_decoders import MOST_VALUES, EncodedSet, EncoderDecoder
from viewer.state.files import FileBytes
from viewer.state.graph import GraphInfo
from viewer.state.history import from_parts
from viewer.state.latent import Range
from viewer.state.library import Entry
from viewer.state.pages import Split, SplitName
from viewer.state.selection import Known, State
from zoo import checkpoints, runs
from zoo.gate import GraphFacts, Port
from zoo.runs import RunFolder, atomic_write, pack_history


def open_latent(
    window: MainWindow, qtbot: QtBot, *paths: Path, mode: str = "", split: bool = True, classes: int = 1
) -> Latent:
    """Bring the panel to the front on these runs, with a split whose images they are tested on."""
    if split:
        window.store.set_split(bars_split(classes=classes))
    window.store.set_selected(paths, paths[0])
    window.go_to(window.panels.latent)
    settle_window(qtbot, window)
    if mode:
        qtbot.mouseClick(window.panels.latent.choices.buttons[mode], Qt.MouseButton.LeftButton)
        settle_window(qtbot, window)
    panel: Latent = window.panels.latent
    return panel


def plane_of(panel: Latent) -> LatentPlaneFigure:
    figure = panel.plane.view.figure
    assert isinstance(figure, LatentPlaneFigure), panel.plane.view.sentence
    return figure


def spot_of(panel: Latent, x: float, y: float, plane: int = 0) -> QPoint:
    """Where a point of the plane is in the view."""
    figure, view = plane_of(panel), panel.plane.view
    layout = figure.layout(view.paper)[plane]
    return figure.spot(layout.plot, x, y).toPoint()


def as_pixels(images: np.ndarray) -> np.ndarray:
    """Float images (N, 1, H, W) as figures have them."""
    return np.repeat(np.round(255 * np.clip(images, 0, 1)).transpose(0, 2, 3, 1), 3, axis=3).astype(np.uint8)


def assert_alike(one: np.ndarray | None, other: np.ndarray) -> None:
    """Equal but for rounding of the last bit."""
    assert one is not None and one.shape == other.shape
    assert np.abs(one.astype(int) - other.astype(int)).max() <= 1


# ---- the plane ----


def test_a_run_with_two_latent_values_shows_its_training_images_as_points(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_vae(tmp_path)
    panel = open_latent(open_window(tmp_path), qtbot, run.path)
    assert panel.mode is panel.plane
    (plane,) = plane_of(panel).planes
    assert plane.cloud is not None and plane.cloud.points.shape == (60, 2)
    assert plane.rings is not None and plane.rings.shape == (10, 2)
    assert np.diff(plane.rings[:, 0]).min() > 0, "each bar is further to the right"
    assert panel.subtitle.text() == "60 training images of the class 0; trained on 100"


def test_dragging_over_the_plane_decodes_what_lies_under_the_pointer(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_vae(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path)
    view = panel.plane.view
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=spot_of(panel, -2.0, -2.5))
    qtbot.mouseMove(view, spot_of(panel, 2.0, -2.5))
    view.dragged.emit(QPointF(spot_of(panel, 2.0, -2.5)))  # off-screen a move does not carry the buttons
    settle_window(qtbot, window)
    x, y = panel.shared.cross.point
    assert x == pytest.approx(2.0, abs=0.05) and y == pytest.approx(-2.5, abs=0.05)
    expected = as_pixels(plane_pictures(np.array([[x, y]], dtype=np.float32)))[0]
    assert_alike(plane_of(panel).planes[0].decoded, expected)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton)
    view.dragged.emit(QPointF(spot_of(panel, 0.0, 0.0)))
    assert panel.shared.cross.point == (x, y), "what was let go is not dragged"


def test_a_drag_beyond_the_plane_stays_at_its_edge(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_vae(tmp_path)
    panel = open_latent(open_window(tmp_path), qtbot, run.path)
    view = panel.plane.view
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=spot_of(panel, 2.5, 2.5))
    view.dragged.emit(QPointF(5000, -5000))
    seen = plane_of(panel).range
    assert panel.shared.cross.point == pytest.approx((seen.x + seen.reach, seen.y + seen.reach))


def test_arrow_keys_move_the_cross_hair_and_the_wheel_the_range(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_vae(tmp_path)
    panel = open_latent(open_window(tmp_path), qtbot, run.path)
    view = panel.plane.view
    before = panel.shared.cross.point
    qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyClick(view, Qt.Key.Key_Up)
    after = panel.shared.cross.point
    assert after[0] > before[0] and after[1] > before[1]
    whole = plane_of(panel).range
    turn_wheel(view, spot_of(panel, 1.0, 1.0), up=True)
    near = plane_of(panel).range
    assert near.reach == pytest.approx(whole.reach / 1.25)
    qtbot.keyClick(view, Qt.Key.Key_Minus)
    assert plane_of(panel).range.reach == pytest.approx(whole.reach)
    turn_wheel(view, spot_of(panel, 1.0, 1.0), up=True)
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert plane_of(panel).range == whole


def turn_wheel(view: object, point: QPoint, *, up: bool) -> None:
    turn = QPoint(0, 120 if up else -120)
    keys, phase = Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    position = QPointF(point)
    event = QWheelEvent(position, position, QPoint(), turn, Qt.MouseButton.NoButton, keys, phase, False)
    QApplication.sendEvent(view, event)  # type: ignore[arg-type]


def test_a_ring_chooses_its_image_and_decodes_it(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_vae(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path)
    rings = plane_of(panel).planes[0].rings
    assert rings is not None
    x, y = rings[7].tolist()
    qtbot.mouseClick(panel.plane.view, Qt.MouseButton.LeftButton, pos=spot_of(panel, x, y))
    settle_window(qtbot, window)
    assert window.store.state.sample == 7 and panel.shared.cross.point == (x, y)


def test_without_the_data_the_plane_works_and_says_why_there_are_no_points(
    tmp_path: Path, open_window: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEZOO_DATA", str(tmp_path / "nowhere"))
    run = write_vae(tmp_path)
    panel = open_latent(open_window(tmp_path), qtbot, run.path, split=False)
    (plane,) = plane_of(panel).planes
    assert plane.cloud is None and plane.decoded is not None
    assert panel.subtitle.text().startswith("No points: mnist is missing: fetch it with `aezoo data fetch"), "way out"


def test_classes_have_colours_and_a_legend(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_vae(tmp_path)
    panel = open_latent(open_window(tmp_path), qtbot, run.path, classes=10)
    figure = plane_of(panel)
    assert list(figure.names.values()) == list("0123456789")
    assert len({figure._colour(label).name() for label in figure.names}) == 10


def test_decoded_images_can_be_the_planes_background(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_vae(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path)
    panel.plane.background_box.click()
    settle_window(qtbot, window)
    ground = plane_of(panel).planes[0].ground
    assert ground is not None and ground.range == plane_of(panel).range
    assert_alike(ground.pixels, as_pixels(plane_pictures(ground.range.centres(15))))


def test_planes_of_several_runs_share_range_and_cross_hair_and_others_say_why_they_have_none(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = [write_vae(tmp_path, f"tests/vae-{n}").path for n in (1, 2)]
    paths += [write_pooled(tmp_path).path, write_run(tmp_path, "tests/lone").path]
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, *paths)
    planes = {plane.title: plane for plane in plane_of(panel).planes}
    assert len(planes) == 4
    assert planes["vae-1"].cloud is not None and planes["vae-2"].cloud is not None
    assert "1×7×7" in planes["pooled"].sentence and "No decoder can be cut out" in planes["lone"].sentence
    order = [plane.title for plane in plane_of(panel).planes]
    second = order.index("vae-2")
    qtbot.mousePress(panel.plane.view, Qt.MouseButton.LeftButton, pos=spot_of(panel, 2.5, -2.5, second))
    settle_window(qtbot, window)
    made = [plane.decoded for plane in plane_of(panel).planes if not plane.sentence]
    assert_alike(made[0], made[1] if made[1] is not None else np.zeros(0))


# ---- the grid ----


def test_the_grid_counts_and_marks_what_is_misclassified(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_vae(tmp_path, wrong=5)
    panel = open_latent(open_window(tmp_path), qtbot, run.path, mode="grid", split=False)
    figure = panel.grid.view.figure
    assert isinstance(figure, PlanesFigure)
    assert figure.planes[0].marks[:6] == ("7",) * 5 + ("",)
    assert panel.subtitle.text() == "5 of 225 misclassified"
    panel.grid.grid_box.setCurrentIndex(1)
    assert panel.grid.chosen_grid == "extreme"
    assert panel.grid._hint_text(run.path, 0) == "(−4.00, 4.00): classified as 7, not 2"


def test_a_tile_moves_the_cross_hair_to_its_point(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_vae(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path, mode="grid", split=False)
    view, figure = panel.grid.view, panel.grid.view.figure
    assert isinstance(figure, PlanesFigure)
    position = figure.planes[0].tiles(view.paper).used
    point = QPointF(position.left() + position.width() * 14.5 / 15, position.top() + position.height() * 0.5 / 15)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=point.toPoint())
    assert panel.shared.cross.point == (2.0, 2.0)
    assert panel.grid.point_label.text() == "(2.00, 2.00): classified as 2"
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert panel.shared.cross.point == pytest.approx((2.0 - 4 / 14, 2.0))
    panel.choose("plane")
    settle_window(qtbot, window)
    assert plane_of(panel).cross == panel.shared.cross.point


def test_the_grids_of_several_runs_stand_side_by_side(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    paths = [write_vae(tmp_path, f"tests/vae-{n}", wrong=n).path for n in (1, 2, 3)]
    panel = open_latent(open_window(tmp_path), qtbot, *paths, mode="grid", split=False)
    figure = panel.grid.view.figure
    assert isinstance(figure, PlanesFigure)
    assert [plane.title for plane in figure.planes] == [f"vae-{n}: {n} of 225 misclassified" for n in (1, 2, 3)]


# ---- the other modes ----


def test_modes_that_do_not_apply_are_disabled_and_say_why(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_pooled(tmp_path)
    panel = open_latent(open_window(tmp_path), qtbot, run.path)
    assert panel.mode is panel.directions
    enabled = {name: button.isEnabled() for name, button in panel.choices.buttons.items()}
    assert enabled == {"plane": False, "grid": False, "directions": True, "interpolate": True, "arithmetic": True}
    assert (
        "1×7×7" in panel.choices.buttons["plane"].toolTip()
        and "two latent values" in panel.choices.buttons["grid"].toolTip()
    )


def test_sliders_move_along_the_principal_directions(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_pooled(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path)
    mode, directions = panel.directions, panel.directions.directions
    assert directions is not None and directions.count == 70 and len(directions) == 6
    assert panel.subtitle.text() == "tests/pooled: principal directions of 70 test images"
    figure = mode.view.figure
    assert isinstance(figure, SweepFigure) and len(figure.rows) == 6
    assert_alike(figure.large[0].pixels, figure.large[1].pixels)
    mode.sliders[0].setFocus()
    for _ in range(4):
        qtbot.keyClick(mode.sliders[0], Qt.Key.Key_PageUp)
    settle_window(qtbot, window)
    figure = mode.view.figure
    assert isinstance(figure, SweepFigure) and mode.sliders[0].value() == 20
    wanted = directions.at(np.array([[2.0, 0, 0, 0, 0, 0]])).reshape(1, 1, 7, 7).repeat(4, axis=2).repeat(4, axis=3)
    assert_alike(figure.large[0].pixels, as_pixels(wanted)[0])
    qtbot.mouseClick(mode.mean_button, Qt.MouseButton.LeftButton)
    settle_window(qtbot, window)
    assert not mode.coefficients.any()


def test_a_picture_of_a_direction_sets_its_slider_and_an_image_all_of_them(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_pooled(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path)
    mode, view = panel.directions, panel.directions.view
    window.resize(1600, 1000)
    settle_window(qtbot, window)
    figure = view.figure
    assert isinstance(figure, SweepFigure)
    cells = figure.layout(view.paper).cells
    if cells:  # a small display has no room for them
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=cells[1][4].center().toPoint())
        assert mode.sliders[1].value() == 30
    window.store.set_sample(3)
    qtbot.mouseClick(mode.image_button, Qt.MouseButton.LeftButton)
    assert mode.directions is not None
    own = mode.directions.coefficients_of(panel.shared.page.bottlenecks[run.path][3].reshape(1, -1))[0]
    assert mode.coefficients == pytest.approx(np.clip(own, -3, 3), abs=0.051)


def test_without_a_split_the_directions_are_those_of_the_images_shown(
    tmp_path: Path, open_window: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEZOO_DATA", str(tmp_path / "nowhere"))
    run = write_pooled(tmp_path)
    panel = open_latent(open_window(tmp_path), qtbot, run.path, split=False)
    assert panel.directions.directions is not None and panel.directions.directions.count == 10
    assert "of the images shown only" in panel.subtitle.text()


def test_between_two_images_the_decoder_shows_the_steps(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_pooled(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path, mode="interpolate")
    picker = panel.interpolate.picker
    assert isinstance(picker.figure, PickerFigure)
    rects = picker.figure.layout(picker.paper)
    for position in (rects[2], rects[8]):
        qtbot.mouseClick(picker, Qt.MouseButton.LeftButton, pos=position.center().toPoint())
    settle_window(qtbot, window)
    assert picker.parts == {"A": 2, "B": 8}
    figure = panel.interpolate.view.figure
    assert isinstance(figure, MosaicFigure)
    decoded, blend = figure.rows[0].pixels, figure.rows[1].pixels
    assert len(decoded) == 11 and figure.captions[0] == "A" and figure.captions[5] == "4/8"
    assert_alike(decoded[[0, 10]], as_pixels(bars()[[2, 8]] / 255))
    pooled = (bars()[[2, 8]] / 255).reshape(2, 1, 7, 4, 7, 4).mean(axis=(3, 5)).repeat(4, axis=2).repeat(4, axis=3)
    assert_alike(decoded[[1, 9]], as_pixels(pooled))
    assert_alike(blend[5], as_pixels(bars()[[2]] / 510 + bars()[[8]] / 510)[0])
    qtbot.keyClick(picker, Qt.Key.Key_Right)
    settle_window(qtbot, window)
    assert picker.parts["A"] == 3 and panel.subtitle.text() == "from image 4 to image 9, in 9 steps"


def test_interpolation_of_several_runs_has_a_strip_for_each_and_one_of_the_pixels(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = [write_pooled(tmp_path).path, write_vae(tmp_path).path, write_run(tmp_path, "tests/lone").path]
    panel = open_latent(open_window(tmp_path), qtbot, *paths, mode="interpolate")
    figure = panel.interpolate.view.figure
    assert isinstance(figure, ComparisonFigure)
    blocks = {block.title: block for block in figure.blocks}
    assert len(blocks["pooled"].bands[0].pixels) == len(blocks["vae"].bands[0].pixels) == 11
    assert "No decoder can be cut out" in blocks["lone"].sentence
    assert len(blocks["blend of the pixels"].bands[0].pixels) == 11


def test_a_sum_of_three_images_is_decoded_beside_that_of_their_pixels(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_pooled(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path, mode="arithmetic")
    picker = panel.arithmetic.picker
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right):  # to b, and on from image 2 to image 4
        qtbot.keyClick(picker, key)
    settle_window(qtbot, window)
    assert panel.subtitle.text() == "image 1 − image 4 + image 3"
    figure = panel.arithmetic.view.figure
    assert isinstance(figure, EquationFigure)
    a, b, c = (bars()[index] / 255 for index in (0, 3, 2))
    pooled = (a - b + c).reshape(1, 1, 7, 4, 7, 4).mean(axis=(3, 5)).repeat(4, axis=2).repeat(4, axis=3)
    decoded, pixels = figure.lines[1]
    assert_alike(decoded.pixels, as_pixels(pooled)[0])
    assert_alike(pixels.pixels, as_pixels((a - b + c)[None])[0])


# ---- Home and End ----


@pytest.mark.parametrize("mode", ["directions", "interpolate", "arithmetic"])
def test_home_and_end_go_to_the_first_and_the_last_images(
    tmp_path: Path, open_window: Open, qtbot: QtBot, mode: str
) -> None:
    run = write_pooled(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path, mode=mode)
    shown = panel.modes[mode]
    for view in (shown.view, *shown.findChildren(Picker)):
        qtbot.keyClick(view, Qt.Key.Key_End)
        assert window.store.state.start == 60, "the last page of 70 images"
        qtbot.keyClick(view, Qt.Key.Key_PageUp)
        assert window.store.state.start == 50
        qtbot.keyClick(view, Qt.Key.Key_Home)
        assert window.store.state.start == 0


def test_in_the_plane_end_goes_to_the_last_images_and_home_shows_the_whole_plane(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_vae(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path)
    whole = plane_of(panel).range
    qtbot.keyClick(panel.plane.view, Qt.Key.Key_Plus)
    qtbot.keyClick(panel.plane.view, Qt.Key.Key_End)
    assert window.store.state.start == 60 and plane_of(panel).range != whole
    qtbot.keyClick(panel.plane.view, Qt.Key.Key_Home)
    assert window.store.state.start == 60 and plane_of(panel).range == whole


def test_in_a_grid_home_and_end_go_to_the_first_and_the_last_picture(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_vae(tmp_path)
    panel = open_latent(open_window(tmp_path), qtbot, run.path, mode="grid")
    for key, point in ((Qt.Key.Key_End, (2, -2)), (Qt.Key.Key_Home, (-2, 2))):
        qtbot.keyClick(panel.grid.view, key)
        assert panel.shared.cross.point == point


# ---- what cannot be shown ----


def test_a_run_without_a_decoder_says_so(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_run(tmp_path)
    panel = open_latent(open_window(tmp_path), qtbot, run.path)
    assert panel.mode is None and "No decoder can be cut out of tests/conv" in panel.why.sentence
    assert not any(button.isEnabled() for button in panel.choices.buttons.values())
    assert panel.figure is None and panel.numbers() == []


def test_a_run_in_training_says_when_there_will_be_something(
    tmp_path: Path, open_window: Open, qtbot: QtBot, trainer: ExitStack
) -> None:
    run = RunFolder.of(tmp_path, "tests/new")
    trainer.enter_context(checkpoints.lock(run))
    atomic_write(run.history, pack_history(history_of(name="tests/new", state="training", planned=9)))
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path)
    assert "when the training has ended" in panel.why.sentence
    write_vae(tmp_path, "tests/new")
    window.run_loader.rescan()
    qtbot.waitUntil(lambda: panel.mode is panel.plane, timeout=TIMEOUT)


def test_a_broken_decoder_is_reported_in_a_sentence(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_vae(tmp_path)
    run.graph("decoder").write_bytes(b"\xff" * 400)
    panel = open_latent(open_window(tmp_path), qtbot, run.path)
    assert panel.choices.buttons["grid"].isEnabled(), "the grids lie in the history"
    assert "decoder.onnx" in panel.choices.buttons["plane"].toolTip()


def test_pictures_that_are_not_finite_are_reported(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_pooled(tmp_path, light=float("nan"))
    panel = open_latent(open_window(tmp_path), qtbot, run.path)
    assert "not finite" in panel.directions.view.sentence
    panel.choose("interpolate")
    window = panel.window()
    assert isinstance(window, MainWindow)
    settle_window(qtbot, window)
    assert "not finite" in panel.interpolate.view.sentence


def test_a_decoder_that_takes_other_values_than_the_model_makes_is_not_run(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    vae, pooled = write_vae(tmp_path), write_pooled(tmp_path)
    atomic_write(vae.graph("decoder"), pooled.graph("decoder").read_bytes())
    panel = open_latent(open_window(tmp_path), qtbot, vae.path)
    assert "takes 1×7×7 values, which model.onnx does not output" in panel.choices.buttons["interpolate"].toolTip()


# ---- export ----


@pytest.mark.parametrize("mode", ["plane", "grid", "directions", "interpolate", "arithmetic"])
def test_every_mode_has_a_figure_and_numbers_to_export(
    tmp_path: Path, open_window: Open, qtbot: QtBot, mode: str
) -> None:
    run = write_vae(tmp_path)
    panel = open_latent(open_window(tmp_path), qtbot, run.path, mode=mode)
    shown = panel.mode
    assert isinstance(shown, Mode) and shown.name == mode
    rows = panel.numbers()
    assert len(rows) > 1 and all(len(row) == len(rows[0]) for row in rows)
    assert panel.figure is not None
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        assert exports.picture(panel, kind).startswith(start)
    assert all(control.accessibleName() for control in panel.choices.buttons.values())


def test_both_themes_paint_every_mode(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_vae(tmp_path)
    window = open_window(tmp_path)
    panel = open_latent(window, qtbot, run.path)
    window.choose_theme("dark")
    assert plane_of(panel).theme.name == "dark"
    panel.choose("interpolate")
    settle_window(qtbot, window)
    figure = panel.interpolate.view.figure
    assert isinstance(figure, MosaicFigure) and figure.theme.name == "dark"


# ---- values ----


@pytest.mark.parametrize("shape", [(40, 5), (12, 300)], ids=["more than values", "fewer than values"])
def test_principal_directions_are_those_of_the_covariance(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    values = (rng.standard_normal(shape) * np.linspace(3, 0.1, shape[1])).astype(np.float32)
    found = latent.directions_of([values[:7], values[7:]], most=4)
    assert found is not None
    centred = values - values.mean(axis=0)
    _, singular, vectors = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(found.deviations, singular[:4] / np.sqrt(len(values) - 1), rtol=1e-3)
    np.testing.assert_allclose(np.abs(np.sum(found.vectors * vectors[:4], axis=1)), 1, atol=1e-3)
    np.testing.assert_allclose(found.shares, singular[:4] ** 2 / (singular**2).sum(), rtol=1e-3)
    there = found.coefficients_of(found.at(np.array([[1.0, -2.0, 0.5, 0.0]])))
    np.testing.assert_allclose(there, [[1.0, -2.0, 0.5, 0.0]], atol=1e-3)


def test_bottlenecks_that_are_all_alike_or_not_finite_have_no_directions() -> None:
    assert latent.directions_of([np.ones((9, 4), np.float32)]) is None
    assert latent.directions_of([np.full((9, 4), np.nan, np.float32)]) is None


def test_a_range_zooms_about_a_point_and_follows_points() -> None:
    near = Range().zoomed(2, 1.0, -1.0)
    assert near.reach == pytest.approx(3 / 1.25**2)
    assert (1.0 - near.x) / near.reach == pytest.approx(1 / 3), "the point stays where it is"
    assert Range().moved_to_show(4.0, 0.0) == Range(1.0, 0.0, 3.0)
    assert latent.range_around(np.zeros((0, 2))) == Range()
    far = latent.range_around(np.array([[4.0, 6.0], [8.0, 7.0], [5.0, 6.5]]))
    assert far.x == pytest.approx(6.0, abs=0.1) and far.reach > 2


def test_the_tiles_of_a_range_go_row_by_row_from_the_top_left() -> None:
    assert latent.Range(1, 2, 3).centres(3).tolist() == [[x, y] for y in (4, 2, 0) for x in (-1, 1, 3)]


def test_the_label_is_the_one_whose_recorded_share_of_predictions_is_wrong() -> None:
    predictions = np.array([2] * 8 + [7] * 2)
    assert latent.label_by_share(predictions, 0.2) == 2 and latent.label_by_share(predictions, 0.8) == 7
    assert latent.label_by_share(predictions, 0.5) is None
    assert latent.label_by_share(np.array([2, 7]), 0.5) is None, "both would do"


def test_encoded_images_are_of_the_runs_own_label(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_vae(tmp_path)
    window = open_window(tmp_path)
    split = bars_split(classes=1)
    labels = np.resize(np.array([0, 3], np.uint8), len(split.training))
    window.store.set_split(
        type(split)(split.name, split.pixels, split.labels, split.training, labels, split.classes, split.provenance)
    )
    encoded_set = encoder_decoders.training_set(window.store.state, run.path)
    assert isinstance(encoded_set, EncodedSet) and set(encoded_set.labels.tolist()) == {0} and len(encoded_set) == 30
    assert encoder_decoders.label_of(window.store.state, run.path) == 0
    assert encoded_set.inputs(0, 3).shape == (3, 1, 28, 28)


def test_a_range_is_never_nearer_or_farther_than_can_be_shown_and_moves_both_ways() -> None:
    assert Range().zoomed(-99, 0, 0).reach == latent.FARTHEST and Range().zoomed(99, 0, 0).reach == latent.NEAREST
    assert Range().zoomed(-1, 0, 0).reach == 3.75
    nearest = Range().zoomed(99, 0.0, 0.0)
    assert nearest.zoomed(1, 0.04, -0.04) == nearest, "where it cannot go nearer it does not move either"
    assert Range().moved_to_show(-5.0, 4.5) == Range(-2.0, 1.5, 3.0) and Range().moved_to_show(1, -2) == Range()
    points = np.concatenate([np.linspace([10, 2], [20, 3], 1000), [[1000, -1000], [np.nan, 5], [np.inf, 5]]])
    found = latent.range_around(points)
    assert (found.x, found.y) == pytest.approx((15, 2.5), abs=0.1), "one point in a hundred may lie outside"
    assert found.reach == pytest.approx(5.5, abs=0.1), "a tenth more than the longer side"
    middles = ([0.0, 0.0], [0.9, -0.9], [1.1, 0.0], [0.0, -1.1])
    small = [latent.range_around(np.array([middle] * 3)) == Range() for middle in middles]
    assert small == [True, True, False, False]
    assert latent.range_around(np.array([[5.0, 5.0]])).reach == latent.NEAREST
    assert latent.range_around(np.array([[-1e3, 0], [1e3, 0.0]])).reach == latent.FARTHEST


def test_directions_are_six_at_most_point_to_their_largest_value_and_leave_out_what_is_rounding() -> None:
    rng = np.random.default_rng(5)
    values = rng.standard_normal((40, 8)).astype(np.float32)
    values[3, 2] = np.inf
    found = latent.directions_of([values])
    assert found is not None and len(found) == 6 and found.count == 39
    assert (found.vectors[np.arange(6), np.abs(found.vectors).argmax(axis=1)] > 0).all()
    assert found.shares.sum() < 1 and (np.diff(found.shares) < 0).all()
    flat = np.outer(np.arange(10), np.ones(4)).astype(np.float32)
    flat += rng.standard_normal(flat.shape).astype(np.float32) * 1e-4
    line = latent.directions_of([flat])
    assert line is not None and len(line) == 1
    assert latent.directions_of([values[:2]]) is None and latent.directions_of([values[:3]]) is not None


def test_between_two_bottlenecks_there_are_nine_with_both_ends_and_a_share_may_be_nothing() -> None:
    steps = latent.interpolate(np.zeros((2, 1)), np.full((2, 1), 8.0))
    assert steps.shape == (9, 2, 1) and steps[:, 0, 0].tolist() == list(range(9)) and steps.dtype == np.float32
    assert latent.label_by_share(np.array([4, 4]), 0.0) == 4
    assert latent.label_by_share(np.array([4, 4]), 1.0) is None is latent.label_by_share(np.array([4]), None)


RUN = Path("/runs/a")


def port(name: str, *shape: int | str, dtype: str = "float32") -> Port:
    return Port(name, ("n", *shape), dtype)


def facts(inputs: tuple[Port, ...], *outputs: Port) -> GraphInfo:
    return GraphInfo(GraphFacts(inputs, outputs, 18, 8, 1, 0, {}), None, "")


PICTURE = port("reconstruction", 1, 4, 4)


def state_with(values: tuple[int | str, ...], inputs: tuple[Port, ...], *outputs: Port, **known: str) -> State:
    """A run of a graph with these values in its bottleneck, and of a decoder with these ports."""
    model = facts((port("image", 1, 4, 4),), PICTURE, port("bottleneck", *values))
    files = {(RUN, name): FileBytes(RUN, name, "", b"") for name in ("model", "decoder")}
    stamp = (1, 1, 1)
    entry = Entry(RUN, True, RUN / "model.onnx", graph_stamp=stamp, decoder_stamp=stamp)
    read = Known(graph=model, decoder=facts(inputs, *outputs), **known)  # type: ignore[arg-type]
    return State(entries=(entry,), known={RUN: read}, files=files, current=RUN)


def both_ways(
    values: tuple[int | str, ...], inputs: tuple[Port, ...], *outputs: Port, **known: str
) -> EncoderDecoder | str:
    return encoder_decoders.encoder_decoder_of(state_with(values, inputs, *outputs, **known), RUN)


def test_units_are_decoded_where_the_decoder_takes_what_the_graph_made() -> None:
    state = state_with(("k",), (port("z", 2),), PICTURE)
    assert isinstance(encoder_decoders.unit_decoder(state, (2,)), EncoderDecoder)
    unfit = encoder_decoders.unit_decoder(state, (3,))
    assert unfit == "Nothing can be decoded: decoder.onnx takes 2 values, the bottleneck has 3."


@pytest.mark.parametrize(
    ("values", "outputs", "picture", "chunk"),
    [
        ((2, 3), (port("first", 1, 8, 8), PICTURE), ("reconstruction", (1, 4, 4)), 128),
        (("k", 3), (port("first", 3, 4096, 8), port("more", 1, 4, 4)), ("first", (3, 4096, 8)), 128),
        ((MOST_VALUES,), (PICTURE,), ("reconstruction", (1, 4, 4)), 2),
    ],
)
def test_a_graph_and_its_decoder_fit_where_one_takes_what_the_other_makes(
    values: tuple[int | str, ...], outputs: tuple[Port, ...], picture: tuple[str, object], chunk: int
) -> None:
    shape = tuple(2 if isinstance(size, str) else size for size in values)
    made = both_ways(values, (port("z", *shape),), *outputs)
    assert isinstance(made, EncoderDecoder), made
    assert (made.shape, made.size, made.bottleneck) == (shape, math.prod(shape), "bottleneck") and not made.is_plane
    assert (made.picture, made.picture_shape) == picture
    assert (made.model.label, made.decoder.label, made.chunk_size) == ("model", "decoder", chunk)


@pytest.mark.parametrize(
    ("values", "inputs", "outputs", "sentence"),
    [
        ((2,), (port("z", 2, dtype="int64"),), (PICTURE,), "does not decode one bottleneck"),
        ((2,), (port("z", 2), port("y", 2)), (PICTURE,), "does not decode one bottleneck"),
        ((2,), (), (PICTURE,), "does not decode one bottleneck"),
        ((2,), (port("z", 0),), (PICTURE,), "does not decode one bottleneck"),
        ((2,), (port("z", "k"),), (PICTURE,), "does not decode one bottleneck"),
        ((2,), (port("z", 2),), (port("y", 2, 4, 4),), "does not decode one bottleneck"),
        ((2,), (port("z", 2),), (port("y", 1, 4, 4097),), "does not decode one bottleneck"),
        ((2,), (port("z", 2),), (port("y", 1, 4, 4, dtype="float64"),), "does not decode one bottleneck"),
        ((2, 3), (port("z", 3, 2),), (PICTURE,), "decoder.onnx takes 3×2 values, which model.onnx does not output."),
        ((6, 1), (port("z", 6),), (PICTURE,), "decoder.onnx takes 6 values, which model.onnx does not output."),
        ((2, 3), (port("z", 6),), (PICTURE,), "decoder.onnx takes 6 values, which model.onnx does not output."),
        ((MOST_VALUES + 1,), (port("z", MOST_VALUES + 1),), (PICTURE,), "has 262,145 values; at most 262,144 can"),
    ],
)
def test_a_graph_and_a_decoder_that_do_not_fit_are_a_sentence(
    values: tuple[int, ...], inputs: tuple[Port, ...], outputs: tuple[Port, ...], sentence: str
) -> None:
    made = both_ways(values, inputs, *outputs)
    assert isinstance(made, str) and sentence in made


def test_what_is_missing_for_a_decoder_is_said_and_nothing_while_it_may_still_come() -> None:
    stamp, model = (1, 1, 1), facts((port("image", 1, 4, 4),), PICTURE)
    entry = Entry(RUN, True, RUN / "model.onnx", graph_stamp=stamp, decoder_stamp=stamp)
    files = {(RUN, name): FileBytes(RUN, name, "", b"") for name in ("model", "decoder")}
    known = {RUN: Known(graph=model, decoder=facts((port("z", 2),), PICTURE))}
    state = State(entries=(entry,), known=known, files=files)
    made = encoder_decoders.encoder_decoder_of
    assert made(state, RUN) == "model.onnx has no bottleneck among its outputs."
    assert made(State(), RUN) == "" == made(replace(state, known={}), RUN) == made(replace(state, files={}), RUN)
    bare = replace(state, entries=(replace(entry, decoder_stamp=None),))
    assert str(made(bare, RUN)).startswith("There is no decoder.onnx beside model.onnx")
    none = replace(state, entries=(replace(entry, graph_stamp=None),))
    assert str(made(none, RUN)).startswith("There is no model.onnx yet")
    waiting = replace(images_of(3)[0], splits={})
    assert encoder_decoders.training_set(waiting, RUN) == "", "the split may still come"


def test_a_request_encodes_at_least_one_image_however_many_values_it_has() -> None:
    file = FileBytes(RUN, "", "", b"")
    sizes = {(1 << 12,): 128, (1 << 13,): 64, (1 << 20,): 1, (2,): 128}
    made = {shape: EncoderDecoder(file, "", file, "", shape, (1, 4, 4)) for shape in sizes}
    assert {shape: each.chunk_size for shape, each in made.items()} == sizes
    assert [each.is_plane for each in made.values()] == [False, False, False, True]


def test_of_two_broken_graphs_the_first_is_reported() -> None:
    plain = ((2,), (port("z", 2),), PICTURE)
    assert both_ways(*plain, graph_error="model.onnx is bad", decoder_error="x") == "model.onnx is bad."
    assert both_ways(*plain, graph_error="model.onnx is bad") == "model.onnx is bad."
    assert both_ways(*plain, decoder_error="decoder.onnx is bad") == "decoder.onnx is bad."


def images_of(label: int | None, *, tested: int | None = None, error: str = "") -> tuple[State, Split]:
    """A run that was tested on the images of a label, or of all, out of a split of two labels."""
    pixels = np.random.default_rng(6).integers(0, 256, (40, 1, 4, 4), dtype=np.uint8)
    labels = np.resize(np.array([0, 3], np.uint8), 40)
    training_labels = np.resize(np.array([5, 3, 0], np.uint8), 40)
    name = SplitName("mnist", "published")
    split = Split(name, pixels, labels, pixels[::-1], training_labels, ("a", "b"), "", error)
    own = pixels[labels == label] if label is not None else pixels
    meta = {"data": "mnist", "task": "reconstruct", "test_images": str(tested or len(own))}
    history = from_parts(meta, {runs.SAMPLE_INPUTS: own[:10], runs.SAMPLE_TARGETS: own[:10]})
    known = Known(history=history, graph=facts((port("image", 1, 4, 4),), PICTURE))
    return State(known={RUN: known}, splits={name: split}), split


def test_images_to_encode_are_of_the_label_that_the_run_was_trained_on_and_evenly_spread() -> None:
    state, split = images_of(3)
    trained = encoder_decoders.training_set(state, RUN)
    assert isinstance(trained, EncodedSet) and set(trained.labels.tolist()) == {3} and len(trained) == 13
    np.testing.assert_array_equal(trained.pixels, split.training[1::3])
    tested = encoder_decoders.test_set(state, RUN, most=4)
    assert isinstance(tested, EncodedSet)
    np.testing.assert_array_equal(tested.pixels, split.pixels[[1, 13, 25, 39]])
    np.testing.assert_allclose(255 * tested.inputs(1, 3), split.pixels[[13, 25]], atol=1e-4)
    assert [tested.name_of(label) for label in (0, 1, 2)] == ["a", "b", "2"]
    assert encoder_decoders.label_of(state, RUN) == 3
    state, split = images_of(None)
    assert encoder_decoders.label_of(state, RUN) is None
    every = encoder_decoders.test_set(state, RUN, most=99)
    assert isinstance(every, EncodedSet) and every.labels.tolist() == split.labels.tolist()


def test_without_images_to_encode_a_sentence_says_why() -> None:
    for state, sentence in (
        (images_of(3, error="the data is not there")[0], "The data is not there."),
        (images_of(3, tested=19)[0], "The images in mnist are not those that the run was tested on."),
        (State(), "It is not recorded which images the run was trained on."),
    ):
        assert encoder_decoders.training_set(state, RUN) == sentence == encoder_decoders.test_set(state, RUN, most=1)
        assert encoder_decoders.label_of(state, RUN) is None
    state, split = images_of(3)
    other = Split(split.name, split.pixels, split.labels, split.training[:1], split.training_labels[:1])
    state = State(known=state.known, splits={split.name: other})
    assert encoder_decoders.training_set(state, RUN) == "There are no images that the graph takes."
