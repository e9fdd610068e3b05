"""What a window makes and when: tabs at once, then the panels that can be seen, and those behind tabs at leisure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import TIMEOUT, Open, settle_window
from viewer.figures.theme import DARK
from viewer.qt import menus
from viewer.qt.catalogue import PANELS, POSITIONS, panels_at
from viewer.qt.disk import Disk
from viewer.qt.main_window import MainWindow
from viewer.qt.worker import Workers
from zoo.runs import RunFolder

SEEN = {panels_at(position)[0] for position in POSITIONS}


@pytest.fixture
def unshown(qapp: QApplication) -> Iterator[MainWindow]:
    """A window that nobody has seen yet."""
    window = MainWindow(Workers(keep_spare=False), Disk(), theme="light")
    yield window
    window.close()
    window.deleteLater()


def test_every_panel_of_the_catalogue_has_a_usual_position_and_its_name(unshown: MainWindow) -> None:
    assert sorted(name for position in POSITIONS for name in panels_at(position)) == sorted(PANELS)
    for name, panel in unshown.panels.items():
        assert panel.name == name and panel.title == PANELS[name].title and PANELS[name].hint


def test_a_window_has_its_tabs_and_menus_before_any_panel_is_made(unshown: MainWindow) -> None:
    assert not unshown.panels.made
    for area in unshown.layout_of_panels.areas.values():
        titles = [area.tabs.tabText(index) for index in range(area.tabs.count())]
        assert titles == [PANELS[name].title for name in panels_at(area.name)]
    texts = [action.text() for _, action in menus._actions(unshown)]
    assert {f"Go to {about.title.lower()}" for about in PANELS.values()} <= set(texts)


def test_the_panels_that_can_be_seen_come_after_the_window_and_the_others_when_all_is_shown(
    run: RunFolder, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(run.path, settle=False)
    settle_window(qtbot, window)
    assert set(window.panels.made) >= SEEN and all(window.panels[name].isVisible() for name in SEEN)
    qtbot.waitUntil(lambda: len(window.panels.made) == len(PANELS), timeout=TIMEOUT)
    texts = [action.text() for _, action in menus._actions(window)]
    assert "Draw: put the chosen image on the canvas" in texts
    assert texts.index("Draw: clear the canvas") < texts.index("Latent plane: grid")


def test_a_new_window_has_the_keyboard_in_the_table_of_runs(run: RunFolder, open_window: Open) -> None:
    window = open_window(run.path)
    focused = window.focusWidget()
    assert focused is not None and window.panels.runs.isAncestorOf(focused)


def test_a_tab_makes_its_panel_when_it_is_chosen_early(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    area = window.layout_of_panels.area_of(window.panels.bottleneck)
    area.tabs.setCurrentIndex(area.names.index("layers"))
    assert window.panels.made["layers"].isVisible() and window.panels.layers.theme is window.panels.bottleneck.theme


def test_a_panel_that_is_made_later_has_the_theme_that_was_chosen_before(unshown: MainWindow) -> None:
    unshown.panels.set_theme(DARK)
    assert unshown.panels.layers.theme is DARK


def test_the_palette_has_the_commands_of_panels_that_nobody_has_seen(unshown: MainWindow) -> None:
    shown = menus.open_palette(unshown)
    texts = [shown.list.item(row).text() for row in range(shown.list.count())]
    assert any(text.startswith("Time machine: play or pause") for text in texts)
    shown.close()
