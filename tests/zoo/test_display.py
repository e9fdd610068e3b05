"""Why no window can be shown is said in a clause, before Qt would abort."""

from __future__ import annotations

import socket
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


def test_where_qt_looks_follows_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(display, "_platforms", lambda: ["offscreen", "wayland", "wayland-egl", "xcb"])
    monkeypatch.setattr(display, "_why_no_x", lambda: "no X")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for platform, wayland, x, said in (
        ("", "", "", "neither DISPLAY nor WAYLAND_DISPLAY is set"),
        ("", "nobody", ":1", "no X"),
        ("xcb", "nobody", "", "no X"),
        ("xcb", "", "", "no X"),
        ("wayland", "", "", "at the Wayland display 'wayland-0'"),
        ("wayland-egl", "nobody", "", "at the Wayland display 'nobody'"),
    ):
        monkeypatch.setenv("QT_QPA_PLATFORM", platform)
        monkeypatch.setenv("WAYLAND_DISPLAY", wayland)
        monkeypatch.setenv("DISPLAY", x)
        assert said in display.why_no_window(), (platform, wayland, x)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "nobody"))
        server.listen()
        assert display.why_no_window() == ""
    for platform in ("offscreen:size=9x9", "offscreen;xcb"):
        monkeypatch.setenv("QT_QPA_PLATFORM", platform)
        assert display.why_no_window() == ""


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_elsewhere_than_on_linux_there_is_a_display(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert display.has_display() and display.why_no_window() == ""


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
