"""How large digits are, in the whole window on the screens that people have: sides in pixels, of 28 of an image."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import Open, settle_window, write_run
from viewer.qt.main_window import NARROW_SCREEN, SMALLEST
from viewer.qt.panels.reconstructions import Reconstructions

TITLE_BAR = 26  # pixels that a window manager takes of the screen's height


def opened(
    open_window: Open, qtbot: QtBot, folder: Path, *, runs: int, width: int, height: int, size: int = 0
) -> Reconstructions:
    """Compare so many runs in a window that fills such a screen, with its drawer where the screen is wide enough."""
    paths = [write_run(folder, f"tests/run-{index}").path for index in range(runs)]
    window = open_window(folder, beside=False)
    window.resize(width, height - TITLE_BAR)
    window.reset_layout()
    assert window.drawer.isVisible() is (width >= NARROW_SCREEN)
    window.store.set_selected(paths, paths[0])
    settle_window(qtbot, window)
    panel: Reconstructions = window.panels.reconstructions
    panel.size_bar.slider.setValue(size)
    QApplication.processEvents()
    assert window.width() == width, "nothing makes the window wider than the screen"
    assert window.height() == height - TITLE_BAR
    return panel


def side(panel: Reconstructions) -> float:
    """The side of the smallest picture, all of which are inside the view."""
    assert panel.picture is not None
    layout = panel.picture.figure.layout(panel.view.paper)
    flat = [cell for part in layout.cells for row in part for cell in (row if isinstance(row, tuple) else (row,))]
    assert flat and all(panel.view.paper.rect.adjusted(-1, -1, 1, 1).contains(cell) for cell in flat)
    return min(cell.width() for cell in flat)


@pytest.mark.parametrize(
    ("width", "height", "runs", "least"),
    [
        (1366, 768, 1, 84),
        (1366, 768, 3, 56),
        (1366, 768, 6, 48),
        (1600, 1000, 1, 84),
        (1600, 1000, 3, 56),
        (1600, 1000, 6, 48),
    ],
)
def test_digits_are_large_enough_to_be_read(
    tmp_path: Path, open_window: Open, qtbot: QtBot, width: int, height: int, runs: int, least: int
) -> None:
    panel = opened(open_window, qtbot, tmp_path, runs=runs, width=width, height=height)
    assert side(panel) >= least
    assert panel._images_shown() >= 3


def test_in_the_smallest_window_images_are_still_twice_their_pixels(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    panel = opened(open_window, qtbot, tmp_path, runs=3, width=SMALLEST.width(), height=SMALLEST.height() + TITLE_BAR)
    assert side(panel) >= 56


@pytest.mark.parametrize(("size", "pixels"), [(1, 28), (2, 56), (5, 140)])
def test_the_slider_decides_how_large_images_are(
    tmp_path: Path, open_window: Open, qtbot: QtBot, size: int, pixels: int
) -> None:
    panel = opened(open_window, qtbot, tmp_path, runs=2, width=1366, height=768, size=size)
    assert side(panel) == pixels
    qtbot.wait(0)
    panel.view.zoom_by(1)
    assert side(panel) == pixels + 28 and panel.size_bar.zoom == size + 1
