"""One entry in the catalogue is all that a new panel needs beside its own file."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QTextBrowser
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import Open, settle_window, write_run
from viewer.qt import menus
from viewer.qt.catalogue import PANELS, PanelEntry
from viewer.qt.widgets.panel import Command, Panel
from viewer.state.selection import State


class FakePanel(Panel):
    """A panel that says how many runs are selected."""

    name = "fake"

    def show_state(self, before: State, after: State) -> None:
        self.subtitle.setText(f"{len(after.selected)} selected")

    def commands(self) -> tuple[Command, ...]:
        return (Command("do nothing", lambda: None),)


def test_an_entry_makes_a_panel_of_menu_window_and_layout(
    tmp_path: Path, open_window: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = PanelEntry("Trade-off: Fake panel", "Ctrl+Alt+9", f"{__name__}:FakePanel", "Shows nothing.")
    monkeypatch.setitem(PANELS, "fake", entry)
    write_run(tmp_path)
    window = open_window(tmp_path)
    stack = window.workspace.tabs["Trade-off"].stack
    assert stack.names == ("trade_off", "fake") and stack.segments.buttons["fake"].text() == "Fake panel"
    assert stack.segments.buttons["fake"].toolTip() == "Shows nothing."
    actions = {menus.full_text(action): action for _, action in menus._actions(window)}
    assert actions["Go to Trade-off: Fake panel"].shortcut() == QKeySequence("Ctrl+Alt+9")
    actions["Go to Trade-off: Fake panel"].trigger()
    settle_window(qtbot, window)
    panel = window.panels["fake"]
    assert isinstance(panel, FakePanel) and panel.isVisible() and panel.subtitle.text() == "1 selected"
    sheet = menus.open_key_sheet(window)
    browser = sheet.findChild(QTextBrowser)
    assert browser is not None
    text = browser.toPlainText()
    assert "Shows nothing." in text and "Ctrl+Alt+9" in text
    assert "Fake panel: Do nothing" in [menus.full_text(action) for _, action in menus._actions(window)]


def test_no_two_panels_have_one_shortcut() -> None:
    shortcuts = [entry.shortcut for entry in PANELS.values()]
    assert all(shortcuts) and len(set(shortcuts)) == len(shortcuts)
