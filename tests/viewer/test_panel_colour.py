"""The panel of colour: colourisers beside grey copied, and what it says of a selection without any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import Open, settle_window, write_run
from tests.viewer.odd_runs import photographs, write_colouriser
from viewer.figures.comparison import ComparisonFigure
from viewer.figures.tiles import Pointed
from viewer.qt import menus
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.colour import Colour
from viewer.state import chroma
from viewer.state.samples import to_unit


def front(window: MainWindow, qtbot: QtBot) -> Colour:
    window.go_to(window.panels.colour)
    settle_window(qtbot, window)
    panel: Colour = window.panels.colour
    return panel


def figure_of(panel: Colour) -> ComparisonFigure:
    assert isinstance(panel.view.figure, ComparisonFigure), panel.view.sentence
    return panel.view.figure


def test_a_colouriser_stands_beside_grey_copied_with_one_scale(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(write_colouriser(tmp_path))
    panel = front(window, qtbot)
    figure = figure_of(panel)
    bands = [(block.title, [band.label for band in block.bands]) for block in figure.blocks]
    assert bands == [
        ("images", ["grey", "true"]),
        ("grey copied", ["chroma error"]),
        ("tests/colour", ["predicted", "chroma error"]),
    ]
    reach = max(float(panel.coloured[0].wrong.max()), float(panel.coloured[0].grey.max()))
    assert figure.scale is not None and figure.scale.high == f"{min(100, reach):.0f}"
    assert "CIELAB" in panel.subtitle.text() and not panel.offer.isVisible()


def test_its_errors_are_those_of_the_pictures(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(write_colouriser(tmp_path))
    panel = front(window, qtbot)
    truth = to_unit(photographs())
    head, *rows = panel.numbers()
    assert head[2:4] == ("chroma_error", "chroma_error_grey_copied") and len(rows) == 10
    outputs = panel.outputs[0].images
    assert outputs is not None
    wrong = chroma.errors(chroma.error_map(truth, outputs))
    grey = chroma.errors(chroma.error_map(truth, np.repeat(truth.mean(axis=1, keepdims=True), 3, axis=1)))
    np.testing.assert_allclose([float(row[2]) for row in rows], wrong, atol=1e-3)
    np.testing.assert_allclose([float(row[3]) for row in rows], grey, atol=1e-2)
    assert figure_of(panel).blocks[2].captions[4] == f"{wrong[4]:.1f}"
    hint = panel.hint_of(Pointed(block=2, band=1, image=4, y=3, x=2)).splitlines()
    assert hint[1] == f"tests/colour: chroma error {wrong[4]:.1f}; grey copied {grey[4]:.1f}"
    assert hint[2] == f"chroma error of tests/colour at x 2, y 3: {panel.coloured[0].wrong[4, 3, 2]:.3f}"


def test_without_a_colouriser_it_names_those_that_are_open_and_selects_them(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    usual = write_run(tmp_path, "tests/usual").path
    found = [write_colouriser(tmp_path, name) for name in ("tests/one", "tests/two")]
    window = open_window(tmp_path)
    window.store.set_selected((usual,), usual)
    panel = front(window, qtbot)
    assert panel.view.sentence.endswith("These do: tests/one, tests/two.")
    assert panel.offer.isVisible() and panel.numbers() == []
    qtbot.mouseClick(panel.offer, Qt.MouseButton.LeftButton)
    settle_window(qtbot, window)
    assert list(window.store.state.selected) == found and not panel.offer.isVisible()
    titles = [block.title for block in figure_of(panel).blocks]
    assert titles == ["images", "grey copied", "one", "two"]


def test_without_any_colouriser_it_says_how_to_make_one(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(write_run(tmp_path).path)
    panel = front(window, qtbot)
    assert "`aezoo train maastricht/colour-1`" in panel.view.sentence and not panel.offer.isVisible()


def test_its_command_is_in_the_menus(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_run(tmp_path).path)
    view = next(action.menu() for action in window.menuBar().actions() if action.text() == "&View")
    assert isinstance(view, QMenu)
    view.aboutToShow.emit()  # a menu that opens has the panels made that nobody has seen yet
    texts = [menus.full_text(action) for _, action in menus._actions(window)]
    assert "Colour: Show the colourisers" in texts and "Letters: Show the letters" in texts
