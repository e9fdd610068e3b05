"""Why no window can be shown is said in a clause, before Qt would abort."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zoo import display

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X and Wayland are Linux's")


@pytest.fixture(autouse=True)
def _no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_display_there_is_a_sentence() -> None:
    assert not display.has_display()
    assert "neither DISPLAY nor WAYLAND_DISPLAY is set" in display.why_no_window()


def test_an_x_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":977")
    assert display.has_display()
    assert "DISPLAY=':977'" in display.why_no_window() or display.INSTALL_LINE in display.why_no_window()


def test_a_wayland_display_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "nobody")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert "nothing answers at the Wayland display 'nobody'" in display.why_no_window()


def test_an_unknown_platform_is_named_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "bogus")
    assert "QT_QPA_PLATFORM names 'bogus', and Qt has" in display.why_no_window()
    assert "offscreen" in display.why_no_window()


def test_off_screen_nothing_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert display.why_no_window() == ""


def test_a_plugin_that_cannot_be_loaded_comes_with_the_line_that_mends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISPLAY", ":977")
    monkeypatch.setattr(display, "_plugins", lambda: tmp_path)
    assert "Qt's window plugin cannot be loaded" in display.why_no_window()
    assert display.INSTALL_LINE in display.why_no_window()
