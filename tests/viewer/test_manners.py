"""What the window does quietly: notices that move nothing, figures that go out, pictures that are on their way."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import TIMEOUT, Open, graph_bytes, settle_window, write_run
from viewer.__main__ import _check
from viewer.figures.mosaic import MosaicFigure
from viewer.qt import dialogs, exports, menus, run_menu
from viewer.qt.application import make_application
from viewer.qt.main_window import MainWindow
from viewer.qt.widgets import status
from viewer.state.library import scan
from zoo.errors import UsageError
from zoo.runs import RunFolder


@pytest.fixture
def window(run: RunFolder, open_window: Open) -> MainWindow:
    return open_window(run.path)


def test_a_notice_moves_nothing_and_escape_closes_it(window: MainWindow) -> None:
    before = window.panels.reconstructions.geometry(), window.across.sizes()
    window.notices.add("Something cannot be read. " * 8)
    QApplication.processEvents()
    assert window.notices.isVisible() and window.notices.width() <= window.width()
    assert (window.panels.reconstructions.geometry(), window.across.sizes()) == before
    label = window.notices._label
    assert label.height() >= label.heightForWidth(label.width()), "all of it can be read"
    window.escape()
    assert not window.notices.isVisible()


def test_what_was_done_is_said_for_a_while_and_is_no_notice(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status.DONE_MILLISECONDS == 5_000
    window.status._done_over.setInterval(20)
    window.status.show_done("Wrote <b>a</b>.png", Path("/somewhere"))
    assert window.status.done.isVisible() and not window.notices.isVisible()
    assert "&lt;b>a" in window.status.done.text() and "file:///somewhere" in window.status.done.text()
    qtbot.waitUntil(lambda: not window.status.done.isVisible(), timeout=TIMEOUT)


def test_a_right_click_on_a_figure_copies_saves_and_opens_it(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.panels.losses
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(5, 5), panel.view.mapToGlobal(QPoint(5, 5)))
    QApplication.sendEvent(panel.view, event)
    (menu,) = [menu for menu in window.findChildren(QMenu) if menu.isVisible()]
    actions = {action.text(): action for action in menu.actions()}
    assert list(actions) == ["Copy the picture", "Copy the numbers", "Save as…", "Open in full"]
    actions["Copy the picture"].trigger()
    assert QGuiApplication.clipboard().image().width() > 100
    actions["Copy the numbers"].trigger()
    heading, *rows = QGuiApplication.clipboard().text().split("\n")
    assert heading.split("\t") == list(map(str, panel.numbers()[0])) and len(rows) == len(panel.numbers()) - 1
    assert window.status.done.text().startswith("Copied")
    menu.close()
    view = exports.open_full(window, panel)
    assert view is not None and view.isVisible() and view.isWindow() and view.figure is panel.figure
    view.close()


def test_pictures_of_the_runs_before_are_greyed_at_once_and_a_spinner_comes_late(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    a, b = (write_run(tmp_path, f"tests/{name}").path for name in "ab")
    window = open_window(tmp_path)
    window.store.set_selected((a,), a)
    settle_window(qtbot, window)
    view = window.panels.reconstructions.view
    assert isinstance(view.figure, MosaicFigure)
    window.store.set_selected((b,), b)
    window.panels.reconstructions.view.show_coming()
    assert (view.is_stale, view.coming.isVisible()) == (True, False)
    settle_window(qtbot, window)
    assert (view.is_stale, view.coming.isVisible()) == (False, False), "the new picture is there"
    assert view._wait.interval() == 300
    view.show_coming()
    qtbot.waitUntil(lambda: view.coming.isVisible(), timeout=TIMEOUT)
    assert view.grab().toImage() is not None
    view.show_sentence("There is nothing.")
    assert (view.is_stale, view.coming.isVisible()) == (False, False)


def test_preferences_change_theme_text_and_colour_map_at_once(window: MainWindow) -> None:
    dialog = dialogs.Preferences(window)
    dialog.theme.setCurrentText("dark")
    assert window.theme.name == "dark" and window.panels.losses.theme.name == "dark"
    dialog.colour_map.setCurrentText("magma")
    assert window.theme.colour_map == "magma" == window.panels.bottleneck.theme.colour_map
    before = make_application().font().pointSizeF()
    dialog.text_size.setValue(120)
    assert make_application().font().pointSizeF() == pytest.approx(1.2 * before)
    dialog.text_size.setValue(100)
    dialog.close()
    about = dialogs.about(window)
    assert "aezoo" in about.text() and "Qt 6" in about.informativeText()
    about.close()


def test_a_folder_of_loose_graphs_opens_all_of_them(tmp_path: Path, open_window: Open) -> None:
    for name in ("b.onnx", "a.onnx"):
        (tmp_path / name).write_bytes(graph_bytes(None))
    write_run(tmp_path, "tests/conv")
    assert [entry.name for entry in scan([tmp_path])] == ["tests/conv", "a.onnx", "b.onnx"]
    window = open_window(tmp_path)
    assert len(window.runs.paths) == 3
    (run,) = scan([tmp_path / "tests" / "conv"])
    assert run.is_run, "a run's own graphs are no loose ones"


def test_pictures_can_be_named_beside_models_or_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, model = tmp_path / "photo.PNG", tmp_path / "model.onnx"
    Image.new("L", (30, 30)).save(picture)
    model.write_bytes(graph_bytes())
    shot = tmp_path / "shot.png"
    assert _check([model, picture], tmp_path, shot, None) == (model, picture)
    assert _check([picture], tmp_path, shot, None) == (picture, tmp_path), "through the runs folder's models"
    text = tmp_path / "x.txt"
    text.write_text("x")
    with pytest.raises(UsageError, match="neither a folder nor an"):
        _check([text], tmp_path, shot, None)


def test_every_text_of_the_window_follows_the_size_of_text(window: MainWindow) -> None:
    label, view = window.rail.line, window.panels.reconstructions.view
    sizes = [label.font().pointSizeF(), view.font().pointSizeF()]
    menus._resize_text(window, 0.5)
    try:
        assert [label.font().pointSizeF(), view.font().pointSizeF()] > sizes
        assert window.rail.list.sizeHintForRow(0) >= 48
    finally:
        window.choose_text_size(1.0)


def test_a_row_that_stopped_offers_the_command_that_resumes_it(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = write_run(tmp_path, "tests/conv", epochs=1, planned=12, state="training")
    window = open_window(tmp_path)
    actions = {action.text(): action for action in run_menu.menu_of(window, run.path).actions()}
    actions["Copy the command that resumes the training"].trigger()
    assert QGuiApplication.clipboard().text() == "aezoo train tests/conv --resume"
    assert window.status.done.text() == "Copied: aezoo train tests/conv --resume"
    at = window.rail.list.visualRect(window.rail.list.model().index(0, 1)).center()
    assert window.rail.list.indexAt(at).isValid()


def test_the_eye_of_a_row_shows_a_run_beside_the_others(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    a, b = (write_run(tmp_path, f"tests/{name}").path for name in "ab")
    window = open_window(tmp_path)
    view = window.rail.list
    eye = view.visualRect(view.model().index(1, 1)).topRight() + QPoint(-14, 24)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=eye)
    assert set(window.store.state.selected) == {a, b} and window.store.state.current == a
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=eye)
    assert window.store.state.selected == (a,)
