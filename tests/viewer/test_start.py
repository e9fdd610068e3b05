"""What a window makes and when: tabs at once, then the panels that can be seen, and those behind tabs at leisure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import TIMEOUT, Open, settle_window
from viewer.figures.theme import DARK
from viewer.qt import menus
from viewer.qt.catalogue import DRAWER, PANELS, TABS, panels_of
from viewer.qt.disk import Disk
from viewer.qt.main_window import MainWindow
from viewer.qt.worker import Workers
from zoo.runs import RunFolder

SEEN = {"reconstructions", "noise", "bottleneck", "losses", "card", "recent"}


@pytest.fixture
def unshown(qapp: QApplication) -> Iterator[MainWindow]:
    """A window that nobody has seen yet."""
    window = MainWindow(Workers(keep_spare=False), Disk(), theme="light")
    yield window
    window.close()
    window.deleteLater()


def test_every_panel_of_the_catalogue_is_in_a_tab_or_the_drawer_and_has_its_name(unshown: MainWindow) -> None:
    assert sorted(name for tab in (*TABS, DRAWER) for name in panels_of(tab)) == sorted(PANELS)
    for name, panel in zip(PANELS, unshown.panels.make_all(), strict=True):
        assert panel.name == name and panel.title == PANELS[name].title and PANELS[name].hint


def test_a_window_has_its_tabs_and_menus_before_any_panel_is_made(unshown: MainWindow) -> None:
    assert not unshown.panels
    assert tuple(unshown.workspace.tabs) == TABS == tuple(tab.windowTitle() for tab in unshown.workspace.tabs.values())
    texts = [menus.full_text(action) for _, action in menus._actions(unshown)]
    assert {f"Go to {about.label}" for about in PANELS.values()} <= set(texts)
    assert {"Go to Compare: Reconstructions", "Go to Noise", "Go to Details"} <= set(texts), "as the tabs are called"


def test_no_menu_is_higher_than_a_small_screen(unshown: MainWindow) -> None:
    unshown.panels.make_all()
    heights = {menu.title(): menu.sizeHint().height() for menu in unshown.menuBar().findChildren(QMenu)}
    assert len(heights) > 10 and max(heights.values()) < 500, heights


def test_the_panels_that_can_be_seen_come_after_the_window_and_the_others_when_all_is_shown(
    run: RunFolder, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(run.path, settle=False)
    settle_window(qtbot, window)
    assert set(window.panels) >= SEEN and all(window.panels[name].isVisible() for name in SEEN)
    qtbot.waitUntil(lambda: len(window.panels) == len(PANELS), timeout=TIMEOUT)
    texts = [menus.full_text(action) for _, action in menus._actions(window)]
    assert "Draw: Put the chosen image on the canvas" in texts
    assert texts.index("Draw: Clear the canvas") < texts.index("Latent: Grid")


def test_a_new_window_shows_one_panel_and_makes_the_others_at_leisure(
    run: RunFolder, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(run.path, beside=False)
    assert [name for name, panel in window.panels.items() if panel.isVisible()] == ["reconstructions"]
    assert window.width() <= window.screen().availableSize().width() and window.drawer.isHidden(), "a small screen"
    qtbot.waitUntil(lambda: len(window.panels) == len(PANELS), timeout=TIMEOUT)


def test_a_tab_makes_its_panel_when_it_is_chosen_early(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    window.workspace.tabs["Inside"].stack.segments.buttons["layers"].click()
    assert window.panels["layers"].isVisible() and window.panels.layers.theme is window.panels.bottleneck.theme


def test_a_panel_that_is_made_later_has_the_theme_that_was_chosen_before(unshown: MainWindow) -> None:
    unshown.panels.set_theme(DARK)
    assert unshown.panels.layers.theme is DARK


def test_the_palette_has_the_commands_of_panels_that_nobody_has_seen(unshown: MainWindow) -> None:
    shown = menus.open_palette(unshown)
    texts = [shown.list.item(row).text() for row in range(shown.list.count())]
    assert any(text.startswith("Time machine: Play or pause") for text in texts)
    shown.close()
