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
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import PROVENANCE, TIMEOUT, Open, settle_window, write_run
from viewer.figures.paper import small_font
from viewer.infer.messages import ImageTask
from viewer.qt import exports, menus
from viewer.qt.application import SMALL
from viewer.qt.catalogue import PANELS
from viewer.qt.dialogs import PaletteEntry, matching
from viewer.qt.main_window import SMALLEST, MainWindow
from viewer.qt.widgets.status import details
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


def test_every_panel_is_in_a_tab_or_the_drawer_and_can_be_brought_to_the_front(two: MainWindow) -> None:
    assert len(two.panels.make_all()) >= 6
    for panel in two.panels.make_all():
        two.go_to(panel)
        assert panel.isVisible(), panel.name


def test_a_tab_put_beside_others_floated_or_closed_comes_back_when_the_layout_is_reset(
    two: MainWindow, qtbot: QtBot
) -> None:
    workspace = two.workspace
    two.reset_layout()
    shown = [name for name, tab in workspace.tabs.items() if not tab.isHidden()]
    assert shown == ["Compare", "Noise", "Draw", "Inside", "Latent", "Training", "Trade-off"]
    workspace.split("Noise", Qt.Orientation.Horizontal)
    QApplication.processEvents()
    assert two.panels.noise.isVisible() and two.panels.reconstructions.isVisible()
    assert not two.panels.bottleneck.isVisible(), "covered tabs show nothing"
    workspace.tabs["Draw"].setFloating(True)
    workspace.tabs["Latent"].close()
    qtbot.waitUntil(lambda: two.panels.draw.isVisible(), timeout=TIMEOUT)
    assert workspace.tabs["Latent"].isHidden()
    two.store.set_sample(3)
    assert workspace.tabs["Latent"].isHidden(), "what was closed stays closed"
    two.reset_layout()
    QApplication.processEvents()
    assert [name for name, tab in workspace.tabs.items() if not tab.isHidden()] == shown
    assert not workspace.tabs["Draw"].isFloating()
    assert two.panels.reconstructions.isVisible() and not two.panels.noise.isVisible()


def test_a_closed_tab_opens_when_its_panel_is_asked_for(two: MainWindow) -> None:
    two.workspace.tabs["Latent"].close()
    two.go_to(two.panels.latent)
    QApplication.processEvents()
    assert two.panels.latent.isVisible()


def test_an_arrangement_of_tabs_is_found_again(run: RunFolder, open_window: Open, qapp: QApplication) -> None:
    window = open_window(run.path, theme=None)
    window.workspace.tabs["Latent"].close()
    assert window.panels.bottleneck.isVisible() and window.panels.noise.isVisible()
    window.close()
    again = open_window(run.path, theme=None, beside=False)
    assert again.panels.bottleneck.isVisible() and again.panels.noise.isVisible()
    assert again.workspace.tabs["Latent"].isHidden() and again.workspace.tabs["Latent"].closed
    again.reset_layout()
    qapp.processEvents()
    assert not again.workspace.tabs["Latent"].isHidden() and not again.panels.noise.isVisible()


def test_settings_of_another_version_are_not_used(run: RunFolder, open_window: Open) -> None:
    window = open_window(run.path, theme=None)
    window.close()
    window.settings._settings.setValue("version", 2)
    again = open_window(run.path, theme=None, beside=False)
    assert again.panels.reconstructions.isVisible() and not again.panels.noise.isVisible()


def test_a_hidden_panel_sends_nothing_and_catches_up_when_it_is_shown(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    write_run(tmp_path, "tests/a")
    write_run(tmp_path, "tests/b")
    window = open_window(tmp_path, beside=False)
    window.go_to(window.panels.noise)
    settle_window(qtbot, window)
    window.go_to(window.panels.reconstructions)
    sent = window.panels.noise.requester.sent
    window.store.set_selected((path_of(window, "tests/b"),), path_of(window, "tests/b"))
    settle_window(qtbot, window)
    assert window.panels.noise.requester.sent == sent
    window.go_to(window.panels.noise)
    settle_window(qtbot, window)
    assert window.panels.noise.requester.sent == sent + 1 and window.panels.noise.view.figure is not None


def test_the_presenter_s_mode_shows_one_panel_with_larger_text(two: MainWindow, qtbot: QtBot) -> None:
    two.go_to(two.panels.reconstructions)
    before = QApplication.font().pointSizeF()
    two.present()
    QApplication.processEvents()
    assert two.isFullScreen() and QApplication.font().pointSizeF() == pytest.approx(1.6 * before)
    assert two.panels.reconstructions.isVisible()
    for part in (two.rail, two.drawer, two.status, two.panels.noise):
        assert not part.isVisible()
    assert two.menuBar().height() == 0 and two.menuBar().isVisible(), "its shortcuts live"
    a, b = path_of(two, "tests/a"), path_of(two, "tests/b")
    qtbot.keyClick(two.panels.reconstructions.view, Qt.Key.Key_Down)
    assert two.store.state.current == b
    qtbot.keyClick(two.panels.reconstructions.view, Qt.Key.Key_Left)
    assert two.store.state.current == a
    QApplication.processEvents()
    assert [name for name, tab in two.workspace.tabs.items() if not tab.isHidden()] == ["Compare"], "it stays alone"
    title = two.workspace.tabs["Compare"].stack.title
    assert title.isVisible() and title.text() == "tests/a", "nothing else names the run"
    two.store.set_selected((a, b), a)
    assert not title.isVisible(), "of several the figure names each"
    two.escape()
    QApplication.processEvents()
    assert not two.isFullScreen() and QApplication.font().pointSizeF() == pytest.approx(before)
    assert two.rail.isVisible() and two.panels.noise.isVisible()


def test_the_size_of_text_is_a_setting(two: MainWindow) -> None:
    view, before = two.panels.reconstructions.view, QApplication.font().pointSizeF()
    small = view.font().pointSizeF()
    two.choose_text_size(1.5)
    assert QApplication.font().pointSizeF() == pytest.approx(1.5 * before) and two.settings.text_size == 1.5
    assert view.font().pointSizeF() > small
    two.choose_text_size(1.0)
    assert view.font().pointSizeF() == small


def test_text_of_every_kind_of_control_follows_the_size_of_text(two: MainWindow) -> None:
    panels = two.panels
    texts = (panels.reconstructions.bar.box.lineEdit(), two.rail.filter, two.rail.sort_button, panels.losses.what_box)
    before = [widget.font().pointSizeF() for widget in texts]
    widths = two.status.speed.width(), panels.losses.smoothing_label.width()
    try:
        two.choose_text_size(1.5)
        assert all(widget.font().pointSizeF() > 1.4 * old for widget, old in zip(texts, before, strict=True))
        wider = two.status.speed.width(), panels.losses.smoothing_label.width()
        assert all(new > 1.3 * old for new, old in zip(wider, widths, strict=True)), "fixed widths follow too"
    finally:
        two.choose_text_size(1.0)
    assert [widget.font().pointSizeF() for widget in texts] == before


def test_in_a_narrow_window_the_rail_and_the_drawer_give_way_to_each_other(two: MainWindow) -> None:
    two.workspace.reset()
    two.setWindowState(Qt.WindowState.WindowNoState)
    two.rail.show()
    two.resize(SMALLEST)
    QApplication.processEvents()
    assert two.rail.isVisible() and two.drawer.isHidden()
    for _ in range(2):
        two.toggle_drawer()
        assert two.rail.isHidden() and two.drawer.isVisible()
        two.toggle_drawer()
        assert two.rail.isVisible() and two.drawer.isHidden()
    two.toggle_drawer()
    two.toggle_rail()
    assert two.rail.isVisible() and two.drawer.isHidden()
    two.resize(1600, 1000)
    two.toggle_drawer()
    assert two.rail.isVisible() and two.drawer.isVisible()


def test_every_small_text_follows_the_size_of_text(two: MainWindow) -> None:
    for panel in two.panels.make_all():
        two.go_to(panel)
    small = [widget for widget in two.findChildren(QWidget) if widget.property(SMALL)]
    assert len(small) > 20 and two.panels.runs.table in small
    try:
        for factor in (1.5, 1.0):
            two.choose_text_size(factor)
            QApplication.processEvents()
            least = small_font(QApplication.font())
            assert all(widget.font().pointSizeF() == least.pointSizeF() for widget in small)
    finally:
        two.choose_text_size(1.0)


def test_a_run_keeps_its_colour_whatever_is_selected_sorted_or_opened(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = [write_run(tmp_path / "runs", f"tests/{name}").path for name in "abc"]
    window = open_window(tmp_path / "runs")
    store = window.store
    store.set_selected(paths[1:], paths[1])
    colours = {path: store.state.colour_of(path) for path in paths}
    assert sorted(map(str, colours.values())) == ["0", "1", "2"]
    store.set_selected((paths[2],), paths[2])
    window.runs.sort_by("mse")
    window.open((write_run(tmp_path / "more", "tests/d").path,), remember=False)
    settle_window(qtbot, window)
    assert {path: store.state.colour_of(path) for path in paths} == colours


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
    for wanted in ("Go to Noise", "Export the panel", "Worst images of the run", "Run tests/a"):
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
    two.store.set_sample(9)
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
    two.images.paste()
    two.images.paste()
    settle_window(qtbot, two)
    assert two.store.state.page is not None and len(two.store.state.page.clean) == 2
    QGuiApplication.clipboard().setText("no picture")
    two.images.paste()
    assert two.notices.sentences[-1].startswith("There is no picture in the clipboard")


def test_what_is_no_picture_is_reported_and_changes_nothing(two: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    file = tmp_path / "broken.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 50)
    before = two.store.state.page
    two.open((file,))
    qtbot.waitUntil(lambda: bool(two.notices.sentences), timeout=TIMEOUT)
    assert "broken.png: it cannot be read as a picture" in two.notices.sentences[-1]
    assert two.store.state.page is before


# ---- paper ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_every_panel_is_exported_as_a_picture(two: MainWindow, kind: str, begins: bytes) -> None:
    for name, panel in zip(PANELS, two.panels.make_all(), strict=True):
        two.go_to(two.panels[name])
        data = exports.picture(panel, kind)
        assert data.startswith(begins) and len(data) > 1_000, name
        title, provenance = f"{panel.title}: tests/a", f"data: {PROVENANCE} · aezoo "
        if kind == "png":
            image = QImage.fromData(data)
            assert image.text("Title") == title and image.text("Description").startswith(provenance)
        elif kind == "svg":
            assert f"<title>{title}</title>" in data.decode() and f"<desc>{provenance}" in data.decode()
        else:
            assert f"{title} – {provenance}".encode("utf-16-be") in data


def test_an_export_is_written_and_a_wrong_suffix_reported(two: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    file = tmp_path / "losses.svg"
    exports.write(two, two.panels.losses, file)
    qtbot.waitUntil(file.exists, timeout=TIMEOUT)
    settle_window(qtbot, two)
    assert two.status.done.text().startswith(f"Wrote {file}") and "Show in folder" in two.status.done.text()
    assert two.status.done.isVisible() and not two.notices.isVisible()
    exports.write(two, two.panels.losses, tmp_path / "losses.jpg")
    assert "PNG, SVG, PDF or CSV" in two.notices.sentences[-1]


def test_a_folder_that_is_not_there_is_reported_when_exporting(two: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "file").write_text("in the way")
    exports.write(two, two.panels.losses, tmp_path / "file" / "losses.png")
    qtbot.waitUntil(lambda: "could not write" in "".join(two.notices.sentences).lower(), timeout=TIMEOUT)


def test_numbers_as_csv_run_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(exports.table([("run", "mse"), ("=cmd()", 0.25), ("a,b", -1)]).decode())))
    assert rows == [["run", "mse"], ["'=cmd()", "0.25"], ["a,b", "-1"]]


# ---- zoom ----------------------------------------------------------------------------------------------------


def test_the_wheel_zooms_around_the_pointer_and_hits_stay_right(two: MainWindow, qtbot: QtBot) -> None:
    view = two.panels.noise.view
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
        two.processes.send(ImageTask("picture", arrays={"file": data}), taken.append)
    assert len(two.processes._running) == 2, "each takes a core"
    qtbot.waitUntil(lambda: len(taken) == 30 and not two.processes.busy, timeout=8 * TIMEOUT)
