"""Keys, tabs, the palette, undo, pictures from outside, and panels on paper."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import TIMEOUT, Open, settle_window, write_run
from viewer.infer.messages import DecodedPictures, DecodePictures
from viewer.qt import exports, menus
from viewer.qt.catalogue import PANELS
from viewer.qt.main_window import MainWindow
from viewer.qt.palette import PaletteEntry, matching
from viewer.qt.widgets.notices import details
from zoo.runs import RunFolder


@pytest.fixture
def two(tmp_path: Path, open_window: Open) -> MainWindow:
    """A window on two runs, the first of them selected."""
    write_run(tmp_path, "tests/a")
    write_run(tmp_path, "tests/b")
    return open_window(tmp_path)


@pytest.fixture
def a_picture() -> np.ndarray:
    """A reddish picture of 60×40 with a bright square."""
    pixels = np.full((40, 60, 3), (120, 30, 30), dtype=np.uint8)
    pixels[10:30, 20:40] = 255
    return pixels


def as_image(pixels: np.ndarray) -> QImage:
    height, width, _ = pixels.shape
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def path_of(window: MainWindow, name: str) -> Path:
    return next(path for path, title in window.store.state.names().items() if title == name)


# ---- tabs ----------------------------------------------------------------------------------------------------


def test_every_panel_is_in_a_dock_area_and_can_be_brought_to_the_front(two: MainWindow) -> None:
    assert len(two.panels) >= 6
    for panel in two.panels.values():
        two.go_to(panel)
        assert panel.isVisibleTo(two) and two.layout_of_panels.area_of(panel).front == panel.name


def test_a_panel_that_fills_the_window_gives_the_room_back(two: MainWindow) -> None:
    layout = two.layout_of_panels
    two.go_to(two.panels.bottleneck)
    two.fill_or_give_back()
    assert two.panels.bottleneck.isVisible() and two.panels.runs.isVisible()
    assert not two.panels.noise.isVisible() and not two.panels.card.isVisible()
    two.fill_or_give_back()
    assert layout.filled is None
    assert all(area.isVisible() for area in layout.areas.values() if area.names)


def test_going_to_another_panel_ends_filling(two: MainWindow) -> None:
    two.layout_of_panels.fill(two.layout_of_panels.area_of(two.panels.bottleneck))
    two.go_to(two.panels.noise)
    assert two.panels.noise.isVisible()


def test_a_panel_can_be_moved_and_is_found_there_again(run: RunFolder, open_window: Open, qapp: QApplication) -> None:
    window = open_window(run.path, theme=None)
    window.layout_of_panels.move(window.panels.bottleneck, "middle top")
    assert window.layout_of_panels.area_of(window.panels.bottleneck).name == "middle top"
    window.close()
    again = open_window(run.path, theme=None)
    assert again.layout_of_panels.area_of(again.panels.bottleneck).name == "middle top"
    assert again.panels.bottleneck.isVisible(), "it was in front when the window was closed"
    again.usual_layout()
    assert again.layout_of_panels.area_of(again.panels.bottleneck).name == "right top"


def test_settings_that_name_unknown_panels_are_not_used(run: RunFolder, open_window: Open) -> None:
    window = open_window(run.path, theme=None)
    window.settings.save_areas({"left top": ["runs", "a-panel-of-another-version"]})
    window.settings.save_window(window, window.splitters)
    again = open_window(run.path, theme=None)
    assert again.layout_of_panels.area_of(again.panels.card).name == "left bottom"


def test_a_hidden_panel_sends_nothing_and_catches_up_when_it_is_shown(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    write_run(tmp_path, "tests/a")
    write_run(tmp_path, "tests/b")
    window = open_window(tmp_path)
    window.layout_of_panels.move(window.panels.noise, "middle top")
    window.go_to(window.panels.reconstructions)
    sent = window.panels.noise.requester.sent
    window.store.set_selected((path_of(window, "tests/b"),), path_of(window, "tests/b"))
    settle_window(qtbot, window)
    assert window.panels.noise.requester.sent == sent
    window.go_to(window.panels.noise)
    settle_window(qtbot, window)
    assert window.panels.noise.requester.sent == sent + 1 and window.panels.noise.view.figure is not None


# ---- undo, palette, sheet ------------------------------------------------------------------------------------


def test_selections_are_undone_and_done_again(two: MainWindow) -> None:
    a, b = path_of(two, "tests/a"), path_of(two, "tests/b")
    assert two.store.state.selected == (a,) and not two.store.can_undo
    two.store.set_selected((b,), b)
    two.store.set_selected((a, b), b)
    two.store.undo_selection()
    assert two.store.state.selected == (b,)
    two.store.undo_selection()
    assert two.store.state.selected == (a,) and not two.store.can_undo
    two.store.redo_selection()
    two.store.redo_selection()
    assert two.store.can_redo is False
    assert set(two.store.state.selected) == {a, b}


def test_undo_passes_over_runs_that_have_gone(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    gone = write_run(tmp_path, "tests/a")
    write_run(tmp_path, "tests/b")
    window = open_window(tmp_path)
    b = path_of(window, "tests/b")
    window.store.set_selected((b,), b)
    for file in gone.path.iterdir():
        file.unlink()
    window.run_loader.rescan()
    qtbot.waitUntil(lambda: len(window.store.state.entries) == 1, timeout=TIMEOUT)
    window.store.undo_selection()
    assert window.store.state.selected == (b,)


def test_the_palette_finds_by_words_and_does_what_is_chosen(two: MainWindow, qtbot: QtBot) -> None:
    shown = menus.open_palette(two)
    qtbot.keyClicks(shown.line, "run tests/b")
    assert shown.list.currentItem().text() == "Run tests/b"
    qtbot.keyClick(shown.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: two.store.state.current == path_of(two, "tests/b"), timeout=TIMEOUT)


def test_the_palette_knows_every_command_that_can_be_done(two: MainWindow) -> None:
    shown = menus.open_palette(two)
    texts = [shown.list.item(row).text() for row in range(shown.list.count())]
    for wanted in ("Go to noise", "Export the panel", "Worst images of the run", "Dark colours", "Run tests/a"):
        assert any(wanted in text for text in texts), wanted
    assert not any("Undo the selection" in text for text in texts), "there is nothing to undo"
    shown.close()


def test_entries_in_which_the_words_begin_come_first() -> None:
    entries = [
        PaletteEntry("Go to noise", "", print),
        PaletteEntry("Noise: median", "", print),
        PaletteEntry("Denoise", "", print),
    ]
    assert [entry.text for entry in matching(entries, "nois")] == ["Go to noise", "Noise: median", "Denoise"]
    assert matching(entries, "go noise") == entries[:1] and matching(entries, "absent") == []


def test_the_sheet_of_keys_has_every_key_and_every_panel(two: MainWindow) -> None:
    shown = menus.open_key_sheet(two)
    text = shown.text.toPlainText()
    for wanted in ("Ctrl+K", "Ctrl+Shift+E", "F11", "Alt+W", "Page Down", *(about.hint for about in PANELS.values())):
        assert wanted in text, wanted
    shown.close()


def test_notices_can_be_copied_with_what_a_maintainer_would_ask_for(two: MainWindow) -> None:
    two.notices.add("Something went wrong.")
    two.notices.copy()
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("Something went wrong.") and details()[0] in copied and "Qt 6" in copied


# ---- pages ---------------------------------------------------------------------------------------------------


def test_paging_says_why_there_is_only_the_first_page(two: MainWindow, qtbot: QtBot) -> None:
    """The runs of these tests were tested on images that no data set holds."""
    two.images.data = "/nowhere"
    qtbot.keyClick(two.panels.reconstructions.view, Qt.Key.Key_PageDown)
    settle_window(qtbot, two)
    (sentence,) = two.notices.sentences
    assert "Only the run's own images can be shown" in sentence and "/nowhere" in sentence
    assert two.store.state.start == 0


# ---- pictures from outside -----------------------------------------------------------------------------------


def test_a_dropped_picture_goes_through_the_networks(
    two: MainWindow, tmp_path: Path, qtbot: QtBot, a_picture: np.ndarray
) -> None:
    file = tmp_path / "square.png"
    assert as_image(a_picture).save(str(file))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys)
    QApplication.sendEvent(two, enter)
    assert enter.isAccepted()
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys, QEvent.Type.Drop)
    QApplication.sendEvent(two, drop)
    settle_window(qtbot, two)
    page = two.store.state.page
    assert page is not None and page.clean.shape == (1, 1, 28, 28)
    assert page.fitting == "60×40, its middle 40×40, scaled to 28×28, grey by its luma"
    assert page.clean[0, 0, 14, 14] == pytest.approx(1, abs=0.01) and page.clean[0, 0, 1, 1] < 0.4
    assert two.panels.reconstructions.view.figure is not None
    qtbot.keyClick(two, Qt.Key.Key_Escape)
    two.images.forget_pictures()
    assert two.store.state.page is not None and len(two.store.state.page.clean) == 10


def test_a_photograph_taken_sideways_is_turned_upright(
    two: MainWindow, tmp_path: Path, qtbot: QtBot, a_picture: np.ndarray
) -> None:
    sideways = Image.Exif()
    sideways[ExifTags.Base.Orientation] = 6  # its first row is the right side
    file = tmp_path / "photograph.png"
    Image.fromarray(a_picture).save(file, exif=sideways)
    two.open((file,))
    settle_window(qtbot, two)
    page = two.store.state.page
    assert page is not None and page.fitting.startswith("40×60, its middle 40×40")


def test_a_pasted_picture_is_added_to_those_before(two: MainWindow, qtbot: QtBot, a_picture: np.ndarray) -> None:
    QGuiApplication.clipboard().setImage(as_image(a_picture))
    two.paste()
    two.paste()
    settle_window(qtbot, two)
    assert two.store.state.page is not None and len(two.store.state.page.clean) == 2
    QGuiApplication.clipboard().setText("no picture")
    two.paste()
    assert two.notices.sentences[-1].startswith("There is no picture in the clipboard")


def test_what_is_no_picture_is_reported_and_changes_nothing(two: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    file = tmp_path / "broken.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 50)
    before = two.store.state.page
    two.open((file,))
    qtbot.waitUntil(lambda: bool(two.notices.sentences), timeout=TIMEOUT)
    assert "broken.png is not a picture that can be read" in two.notices.sentences[-1]
    assert two.store.state.page is before


# ---- paper ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_every_panel_is_exported_as_a_picture(two: MainWindow, kind: str, begins: bytes) -> None:
    for name, panel in two.panels.items():
        two.go_to(panel)
        data = exports.picture(panel, kind)
        assert data.startswith(begins) and len(data) > 1_000, name


def test_an_export_is_written_and_a_wrong_suffix_reported(two: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    file = tmp_path / "losses.svg"
    two.export_to(two.panels.losses, file)
    qtbot.waitUntil(file.exists, timeout=TIMEOUT)
    settle_window(qtbot, two)
    assert two.notices.sentences[-1] == f"Wrote {file}."
    two.export_to(two.panels.losses, tmp_path / "losses.jpg")
    assert "PNG, SVG, PDF or CSV" in two.notices.sentences[-1]


def test_a_folder_that_is_not_there_is_reported_when_exporting(two: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "file").write_text("in the way")
    two.export_to(two.panels.losses, tmp_path / "file" / "losses.png")
    qtbot.waitUntil(lambda: "could not write" in "".join(two.notices.sentences).lower(), timeout=TIMEOUT)


def test_numbers_as_csv_run_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(exports.table([("run", "mse"), ("=cmd()", 0.25), ("a,b", -1)]).decode())))
    assert rows == [["run", "mse"], ["'=cmd()", "0.25"], ["a,b", "-1"]]


# ---- zoom ----------------------------------------------------------------------------------------------------


def test_the_wheel_zooms_around_the_pointer_and_hits_stay_right(two: MainWindow, qtbot: QtBot) -> None:
    view = two.panels.reconstructions.view
    point = QPointF(view.width() / 2, 40)
    inside = view.inside
    share = (point.x() - inside.left()) / inside.width()
    wheel = QWheelEvent(
        point,
        view.mapToGlobal(point),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, wheel)
    assert view.zoom == 1.5 and view.inside.width() == pytest.approx(1.5 * inside.width())
    assert (point.x() - view.inside.left()) / view.inside.width() == pytest.approx(share)
    qtbot.keyClick(view, Qt.Key.Key_Minus)
    assert view.zoom == 1 and view.inside == inside


@pytest.mark.slow
def test_many_pictures_at_once_are_read_two_at_a_time(two: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    assert as_image(np.full((8, 8, 3), 8, dtype=np.uint8)).save(str(tmp_path / "0.png"))
    taken: list[object] = []
    data = np.fromfile(tmp_path / "0.png", dtype=np.uint8)
    for _ in range(30):
        two.processes.send(DecodePictures(arrays={"picture": data}), DecodedPictures, taken.append)
    assert len(two.processes._running) == 2, "each takes a core"
    qtbot.waitUntil(lambda: len(taken) == 30 and not two.processes.busy, timeout=8 * TIMEOUT)
