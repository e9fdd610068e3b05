"""The panel of letters: one of each class out of the histories, or test images, live and classified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import Open, settle_window, write_run
from tests.viewer.odd_runs import write_classifier, write_translator
from viewer.figures.comparison import ComparisonFigure
from viewer.figures.tiles import Pointed
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.letters import Letters


def front(window: MainWindow, qtbot: QtBot) -> Letters:
    window.go_to(window.panels.letters)
    settle_window(qtbot, window)
    panel: Letters = window.panels.letters
    return panel


def figure_of(panel: Letters) -> ComparisonFigure:
    assert isinstance(panel.view.figure, ComparisonFigure), panel.view.sentence
    return panel.view.figure


def write_letters(root: Path) -> tuple[Path, ...]:
    mean = write_translator(root, "letters/mean", wrong=(2, 7))
    return mean, write_translator(root, "letters/random"), write_classifier(root, "letters/classifier", data="latin")


def test_the_sheets_figure_has_a_block_for_each_strategy_and_marks_wrong_predictions(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    mean, random, _ = write_letters(tmp_path)
    window = open_window(tmp_path, beside=False)
    window.store.set_selected((mean, random), mean)
    panel = front(window, qtbot)
    figure = figure_of(panel)
    assert figure.layout(panel.view.paper).shown == figure.count, "all letters, however small"
    blocks = {block.title: block for block in figure.blocks}
    assert list(blocks) == ["Cyrillic", "mean", "random", "class mean"]
    assert blocks["Cyrillic"].captions[:3] == ("Б", "Д", "Г") and blocks["class mean"].captions[:3] == ("B", "D", "G")
    assert blocks["mean"].marked == {2, 7} and blocks["mean"].captions[1:3] == ("D", "F≠G")
    assert blocks["mean"].note == "8 of 10" and not blocks["random"].marked
    panel.choose(2)
    figure = figure_of(panel)
    large = figure.large_in(panel.view.paper)
    assert figure.large is not None and large is not None, "the chosen letter stands large below"
    assert figure.large.titles == tuple(blocks) and figure.large.captions == ("Г", "F≠G", "G", "G")
    pointed = figure.hit(figure.large.tiles(large).cell(1).center(), panel.view.paper)
    assert pointed is not None and (pointed.block, pointed.band, pointed.image) == (1, 0, 2)


def test_without_a_selected_one_all_letters_of_the_folder_are_shown_and_can_be_selected(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    mean, random, classifier = write_letters(tmp_path)
    usual = write_run(tmp_path, "tests/usual").path
    window = open_window(tmp_path)
    window.store.set_selected((usual,), usual)
    panel = front(window, qtbot)
    assert [block.title for block in figure_of(panel).blocks] == ["Cyrillic", "mean", "random", "class mean"]
    qtbot.mouseClick(panel.offer, Qt.MouseButton.LeftButton)
    settle_window(qtbot, window)
    assert set(window.store.state.selected) == {mean, random, classifier} and not panel.offer.isVisible()


def test_the_test_images_go_live_through_the_runs_and_a_selected_classifier_names_them(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    mean, random, classifier = write_letters(tmp_path)
    window = open_window(tmp_path)
    window.store.set_selected((mean, random, classifier), mean)
    panel = front(window, qtbot)
    assert not panel.bar.isVisible()
    panel.tests.click()
    settle_window(qtbot, window)
    assert panel.bar.isVisible() and "classified by letters/classifier" in panel.subtitle.text()
    blocks = {block.title: block for block in figure_of(panel).blocks}
    assert list(blocks) == ["Cyrillic", "mean", "random", "class mean"]
    np.testing.assert_array_equal(panel.predictions[mean], np.arange(10))
    assert blocks["random"].captions[:3] == ("B", "D", "G")
    head, *rows = panel.numbers()
    assert head[3] == "predicted" and len(rows) == 20 and rows[0][3] == "B"
    window.store.set_selected((mean, random), mean)
    settle_window(qtbot, window)
    assert panel.predictions == {} and "select a classifier" in panel.subtitle.text()


def test_a_letter_of_the_sheet_is_chosen_by_click_and_key_and_shows_all_predictions(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    mean, random, _ = write_letters(tmp_path)
    window = open_window(tmp_path)
    window.store.set_selected((mean, random), mean)
    panel = front(window, qtbot)
    panel.choose(6)
    layout = figure_of(panel).layout(panel.view.paper)
    point = layout.cells[1][0][6 - layout.first].center().toPoint()
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=point)
    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=point)
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    assert figure_of(panel).chosen == 7 and window.store.state.sample == 0
    hint = panel.hint_of(Pointed(block=1, band=0, image=7, y=10, x=18)).splitlines()
    assert hint == [
        "Н → N",
        "mean: classified as P≠N",
        "random: classified as N",
        "value of mean at x 18, y 10: 0.498",
    ]
    assert panel.numbers()[1:9][7] == ("letters/mean", "Н", "N", "P", 0)


def test_without_letters_it_says_how_to_get_some(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(write_run(tmp_path).path)
    panel = front(window, qtbot)
    assert "`aezoo train letters/mean`" in panel.view.sentence
    panel.tests.click()
    settle_window(qtbot, window)
    assert panel.view.sentence.startswith("Select runs that translate letters") and panel.numbers() == []
