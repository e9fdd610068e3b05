"""The table of runs: its columns and pictures, sorting, filtering, choosing by mouse and keyboard, live growth."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QByteArray, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import CARD, TIMEOUT, Open, graph_bytes, history_of, settle_window, write_run
from viewer.figures.theme import DARK
from viewer.qt import run_menu
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.runs import RunTable
from viewer.qt.run_list import PICTURE
from viewer.qt.settings import Settings
from viewer.state import formatting, history, library, metrics, rows, selection
from viewer.state.graph import GraphInfo
from viewer.state.library import Entry
from viewer.state.rows import COLUMN_INDEX, NAMES, USUAL, Rows, RunRow
from viewer.state.selection import Known, State
from zoo import checkpoints
from zoo.card import Card
from zoo.gate import GraphFacts, Port
from zoo.runs import History, RunFolder, atomic_write, pack_history


def write_figures(root: Path, name: str, *, mse: float | None, pca: float = 0.01, **meta: object) -> Path:
    """A run with these figures; without a graph."""
    plain = history_of(name=name)
    arrays = {key: value for key, value in plain.arrays.items() if not key.startswith("metrics/")}
    if mse is not None:
        arrays |= {"metrics/mse": np.array([mse]), "metrics/psnr": np.array([-10 * np.log10(mse)])}
    arrays["baselines/pca/mse"] = np.array([pca])
    run = RunFolder.of(root, name)
    atomic_write(run.history, pack_history(History({**plain.meta, **meta}, arrays)))
    return run.path


def row_of(**cells: str | float | None) -> RunRow:
    texts = tuple(str(cells.get(name, "")) for name in NAMES)
    return RunRow(Path("/x"), texts, tuple(cells.get(name) for name in NAMES), "")


def names_of(table: RunTable) -> list[str]:
    return [path.name for path in table.runs.paths]


def table_of(window: MainWindow) -> RunTable:
    """The table, in front and as large as the workspace."""
    window.go_to(window.panels.runs)
    QApplication.processEvents()
    table: RunTable = window.panels.runs.table
    return table


def shown_columns(table: RunTable) -> list[str]:
    header = table.horizontalHeader()
    order = [header.logicalIndex(visual) for visual in range(len(NAMES))]
    return [NAMES[column] for column in order if not table.isColumnHidden(column)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", True),
        ("MNIST conv", True),
        ("mnist dense", False),
        ("state:training", True),
        ("state:finished", False),
        ("assignment:purdue recipe:conv", True),
        ("mse<0.01 psnr>=20", True),
        ("mse<0.001", False),
        ("parameters>1,000", True),
        ("against<1", False),
        ("colour:red", False),
        ("mse<soon", False),
    ],
)
def test_a_filter_understands_text_columns_and_comparisons(text: str, found: bool) -> None:
    row = row_of(
        run="purdue/conv", assignment="purdue", recipe="conv", data="mnist", state="training", mse=0.005, psnr=20.0,
        parameters=3217.0,
    )  # fmt: skip
    assert rows.matches(row, rows.terms_of(text)) is found


def only_row(path: Path) -> RunRow:
    done = RunFolder(path).read_history()
    known = Known(history=history.from_parts(done.meta, done.arrays))
    state = selection.with_known(selection.with_entries(State(), library.scan([path])), path, known)
    (row,) = rows.rows_of(state)
    return row


def test_a_ratio_to_the_baseline_is_never_below_1_and_says_less_or_more(tmp_path: Path) -> None:
    for mse, pca, text in (
        (0.0095, 0.01, "1.05× less"),
        (0.012, 0.01, "1.20× more"),
        (0.2, 0.01, "20× more"),
        (0.1, 1e-5, "over 1,000× more"),
        (None, 0.01, "–"),
    ):
        row = only_row(write_figures(tmp_path, "tests/a", mse=mse, pca=pca))
        assert (row.cell("against"), row.cell("baseline")) == (text, f"PCA {formatting.mse(pca)}")
        assert row.better is (None if text == "–" else "less" in text)
        assert bool(row.comparison) is (text != "–")
    assert "20× more error than PCA (0.0100)" in only_row(write_figures(tmp_path, "tests/a", mse=0.2)).comparison


def test_nothing_is_compared_with_pca_where_it_is_exact(tmp_path: Path) -> None:
    for pca in (0.0, 1e-15, 9e-7):
        row = only_row(write_figures(tmp_path, "tests/a", mse=0.1, pca=pca))
        assert (row.cell("against"), row.cell("baseline"), row.better) == ("–", "–", None)
    assert only_row(write_figures(tmp_path, "tests/a", mse=0.1, pca=2e-6)).cell("baseline").startswith("PCA")


def test_a_denoiser_is_compared_with_the_linear_map_or_the_noisy_input_and_never_with_pca() -> None:
    recorded = {"pca": {"mse": 0.02}, "noisy-input": {"mse": 0.04}, "mean-image": {"mse": 0.07}}
    assert list(metrics.comparable_baselines(recorded, "denoise")) == ["noisy-input", "mean-image"]
    assert next(iter(metrics.comparable_baselines({**recorded, "linear": {"mse": 0.01}}, "denoise"))) == "linear"
    assert next(iter(metrics.comparable_baselines(recorded, "reconstruct"))) == "pca"


def test_only_rows_of_which_more_is_known_are_made_anew(tmp_path: Path) -> None:
    paths = [write_figures(tmp_path, f"tests/{name}", mse=0.01) for name in "ab"]
    state, maker = selection.with_entries(State(), library.scan([tmp_path])), Rows()
    first = maker.of(state)
    second = maker.of(selection.with_known(state, paths[1], Known(card=CARD)))
    assert second[0] is first[0] and second[1] is not first[1]
    assert maker.of(state)[1].cell("mse") == "–"


def test_what_is_missing_is_last_in_both_directions_and_numbers_are_sorted_as_numbers(
    tmp_path: Path, open_window: Open
) -> None:
    for name, mse in (("a", 0.02), ("b", None), ("c", 0.1), ("d", 0.003)):
        write_figures(tmp_path, f"tests/{name}", mse=mse)
    table = table_of(open_window(tmp_path))
    table.sortByColumn(COLUMN_INDEX["mse"], Qt.SortOrder.AscendingOrder)
    assert names_of(table) == ["d", "a", "c", "b"]
    table.sortByColumn(COLUMN_INDEX["mse"], Qt.SortOrder.DescendingOrder)
    assert names_of(table) == ["c", "a", "d", "b"]


def test_a_run_has_a_picture_of_what_it_makes_of_its_first_image(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_run(tmp_path).path, beside=False)
    table = table_of(window)
    made = window.runs.picture_of(window.runs.rows[0])
    assert made is not None and (made.width(), made.height()) == (28, 28)
    samples = window.store.state.current_known.history.samples  # type: ignore[union-attr]
    assert samples is not None and samples.reconstructions is not None
    assert made.pixelColor(5, 10).red() == 127
    assert window.runs.picture_of(window.runs.rows[0]) is window.runs.picture_of(window.runs.rows[0]), "made once"
    picture = table.viewport().grab(table.visualRect(table.model().index(0, PICTURE))).toImage()
    shades = {picture.pixelColor(x, y).red() for x in range(picture.width()) for y in range(picture.height())}
    assert {0, 127} <= shades, "at its own size"


def test_every_column_is_as_wide_as_its_widest_cell(tmp_path: Path, open_window: Open, qapp: QApplication) -> None:
    window = open_window(write_run(tmp_path, "tests/a-recipe-with-quite-a-long-name").path, beside=False)
    table = table_of(window)
    assert shown_columns(table) == list(USUAL)
    for column in (COLUMN_INDEX[name] for name in USUAL if name != "picture"):
        text = window.runs.rows[0].cells[column]
        assert table.columnWidth(column) >= table.fontMetrics().horizontalAdvance(text)
    column = COLUMN_INDEX["state"]
    before = table.columnWidth(column)
    known = window.store.state.current_known
    assert known.history is not None
    window.store.update_known(
        window.store.state.entries[0].path, history=replace(known.history, state="a state that takes much room")
    )
    qapp.processEvents()
    QTest.qWait(50)
    assert table.columnWidth(column) > before


def test_columns_that_were_chosen_stay_and_are_remembered(tmp_path: Path, open_window: Open) -> None:
    run = write_run(tmp_path).path
    window = open_window(run, theme=None)
    table = table_of(window)
    menu = table.menu_of_columns()
    actions = {action.text(): action for action in menu.actions()}
    actions["recipe"].setChecked(True)
    actions["state"].setChecked(False)
    header = table.horizontalHeader()
    header.moveSection(header.visualIndex(COLUMN_INDEX["mse"]), 0)
    table.sortByColumn(COLUMN_INDEX["mse"], Qt.SortOrder.DescendingOrder)
    window.close()
    second = open_window(run, theme=None)
    again = table_of(second)
    columns = shown_columns(again)
    assert columns[0] == "mse" and "recipe" in columns and "state" not in columns
    assert again.horizontalHeader().sortIndicatorSection() == COLUMN_INDEX["mse"]
    assert second.runs.column == COLUMN_INDEX["mse"]
    assert "run" not in actions, "a name cannot be hidden"
    again.usual_columns()
    assert shown_columns(again) == list(USUAL)


def test_settings_of_another_make_up_are_passed_over(tmp_path: Path, open_window: Open) -> None:
    Settings().save_table(QByteArray(b"nonsense"))
    table = table_of(open_window(write_run(tmp_path).path, theme=None))
    assert shown_columns(table) == list(USUAL)


@pytest.mark.parametrize("where", ["rail", "table"])
def test_the_menu_of_a_run_is_requested_by_mouse_and_keyboard(tmp_path: Path, open_window: Open, where: str) -> None:
    paths = [write_run(tmp_path, f"tests/{name}").path for name in "ab"]
    window = open_window(tmp_path)
    view = table_of(window) if where == "table" else window.rail.list
    requested: list[Path] = []
    window.runs.menu_requested.disconnect()
    window.runs.menu_requested.connect(lambda path, _at: requested.append(path))
    second = view.visualRect(view.model().index(1, COLUMN_INDEX["run"])).center()
    for widget, reason, at in (
        (view.viewport(), QContextMenuEvent.Reason.Mouse, second),
        (view, QContextMenuEvent.Reason.Keyboard, view.visualRect(view.currentIndex()).center()),
    ):
        QApplication.sendEvent(widget, QContextMenuEvent(reason, at, widget.mapToGlobal(at)))
    assert requested == [paths[1], paths[0]], "by the keyboard of the current run"


@pytest.mark.parametrize("where", ["rail", "table"])
def test_the_keyboard_selects_without_a_mouse(tmp_path: Path, open_window: Open, qtbot: QtBot, where: str) -> None:
    paths = [write_run(tmp_path, f"tests/{name}").path for name in "abcd"]
    window = open_window(tmp_path)
    table, store = (table_of(window) if where == "table" else window.rail.list), window.store
    table.setFocus()
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(table, Qt.Key.Key_Down, control)
    qtbot.keyClick(table, Qt.Key.Key_Down, control)
    assert store.state.selected == (paths[0],), "the cursor went alone"
    qtbot.keyClick(table, Qt.Key.Key_Space)
    assert set(store.state.selected) == {paths[0], paths[2]} and store.state.current == paths[2]
    qtbot.keyClick(table, Qt.Key.Key_Space)
    assert store.state.selected == (paths[0],) and store.state.current == paths[0]
    qtbot.keyClick(table, Qt.Key.Key_Up, control)
    qtbot.keyClick(table, Qt.Key.Key_Up, control)
    qtbot.keyClick(table, Qt.Key.Key_Space)
    assert store.state.selected == (paths[0],), "something stays selected"
    qtbot.keyClick(table, Qt.Key.Key_A, control)
    assert set(store.state.selected) == set(paths)
    assert window.rail.line.text() == "4 runs"
    settle_window(qtbot, window)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    focused = window.focusWidget()
    assert focused is not None and window.panels.reconstructions.isAncestorOf(focused)


def test_a_cursor_on_a_row_that_is_not_selected_outlives_what_is_learned(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    paths = [write_run(tmp_path, f"tests/{name}").path for name in "abc"]
    window = open_window(tmp_path)
    rail, path_of = window.rail.list, window.runs.path_of
    qtbot.keyClick(rail, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert path_of(rail.currentIndex()) == paths[1]
    window.store.update_known(paths[2], card_error="x")
    assert path_of(rail.currentIndex()) == paths[1] and window.store.state.current == paths[0]


def test_what_can_be_done_with_a_run_is_in_its_menu(
    tmp_path: Path, open_window: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_run(tmp_path, "tests/a").path
    write_run(tmp_path, "other/b")
    window = open_window(tmp_path)
    menu_of, shown = partial(run_menu.menu_of, window), window.runs
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    actions = {action.text().split("\t")[0]: action for action in menu_of(path).actions()}
    actions["Copy the path"].trigger()
    assert QGuiApplication.clipboard().text() == str(path)
    actions["Open the folder"].trigger()
    assert opened == [str(path)] and "No program opened the folder" in window.notices.sentences[-1]
    actions["Show only tests"].trigger()
    assert window.rail.filter.text() == "assignment:tests" and shown.paths == [path]
    actions = {action.text(): action for action in menu_of(path).actions()}
    actions["Show all runs"].trigger()
    assert len(shown.paths) == 2
    actions = {action.text(): action for action in menu_of(path).actions()}
    actions["Close"].trigger()
    assert shown.paths == [tmp_path / "other/b"] and window.store.state.current == tmp_path / "other/b"
    window.run_loader.rescan()
    settle_window(qtbot, window)
    assert shown.paths == [tmp_path / "other/b"], "what was closed stays closed"
    window.open((tmp_path,), remember=False)
    settle_window(qtbot, window)
    assert set(shown.paths) == {path, tmp_path / "other/b"}, "until it is opened again"


def test_a_window_without_runs_has_buttons_that_open_something(
    tmp_path: Path, open_window: Open, qtbot: QtBot, pretrained_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path / "runs").path
    (tmp_path / "empty").mkdir()
    Settings().remember((run,))
    window = open_window(tmp_path / "empty")
    page = window.start_page
    assert page.isVisible() and not window.workspace.isVisible()
    choices = {button.text(): button for button in page.findChildren(QPushButton)}
    asked: list[str] = []

    def ask(_: object, title: str, *more: object) -> tuple[str, ...]:
        asked.append(title)
        return ("", "") if len(more) > 1 else ()

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", ask)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", ask)
    for text in ("Open a folder of runs…", "Open an ONNX model…"):
        qtbot.mouseClick(choices[text], Qt.MouseButton.LeftButton)
    assert asked == ["Open a folder of runs", "Open graphs"]
    (lately,) = page.recent
    qtbot.mouseClick(lately, Qt.MouseButton.LeftButton)
    settle_window(qtbot, window)
    assert window.runs.paths == [run] and window.workspace.isVisible()
    qtbot.mouseClick(choices["Open the pretrained models"], Qt.MouseButton.LeftButton)
    settle_window(qtbot, window)
    assert len(window.runs.paths) > 30, "opening adds"


def test_a_run_that_is_trained_counts_its_epochs(
    tmp_path: Path, open_window: Open, qtbot: QtBot, trainer: ExitStack
) -> None:
    run = RunFolder.of(tmp_path, "tests/a")
    trainer.enter_context(checkpoints.lock(run))
    atomic_write(run.history, pack_history(history_of(name="tests/a", epochs=1, planned=4, state="training")))
    window = open_window(tmp_path)
    table, shown = table_of(window), window.runs
    assert shown.rows[0].cell("epochs") == "1/4" and shown.rows[0].cell("state") == "training"
    before = table.grab().toImage()
    atomic_write(run.history, pack_history(history_of(name="tests/a", epochs=3, planned=4, state="training")))
    qtbot.waitUntil(lambda: shown.rows[0].cell("epochs") == "3/4", timeout=TIMEOUT)
    assert table.grab().toImage() != before
    atomic_write(run.history, pack_history(history_of(name="tests/a", epochs=4, planned=4)))
    qtbot.waitUntil(lambda: shown.rows[0].cell("state") == "finished", timeout=TIMEOUT)


def test_the_numbers_are_those_of_the_rows_that_are_shown(tmp_path: Path, open_window: Open) -> None:
    for name, mse in (("a", 0.02), ("b", None), ("c", 0.1)):
        write_figures(tmp_path, f"tests/{name}", mse=mse)
    window = open_window(tmp_path)
    panel = window.panels.runs
    panel.table.sortByColumn(COLUMN_INDEX["mse"], Qt.SortOrder.DescendingOrder)
    window.rail.filter.setText("mse<1")
    heading, *rows = panel.numbers()
    assert heading[0] == "run" and heading[-1] == "path" and "picture" not in heading
    assert [(row[0], row[heading.index("mse")]) for row in rows] == [("tests/c", 0.1), ("tests/a", 0.02)]


def test_lone_graphs_and_classifiers_have_rows_too(tmp_path: Path, open_window: Open) -> None:
    lone = tmp_path / "lone.onnx"
    lone.write_bytes(graph_bytes(replace(CARD, name="tests/conv", metrics={}, baselines={})))
    window = open_window(lone)
    (row,) = window.runs.rows
    assert (row.cell("run"), row.cell("assignment"), row.cell("mse"), row.better) == ("lone.onnx", "tests", "–", None)
    assert window.runs.picture_of(row) is not None, "the embedded images"
    window.panels.runs.set_theme(DARK)
    window.panels.runs.table.grab()


def test_a_double_click_goes_to_the_reconstructions(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(write_run(tmp_path).path)
    for view in (window.rail.list, table_of(window)):
        at: QPoint = view.visualRect(view.model().index(0, COLUMN_INDEX["run"])).center()
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
        qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
        focused = window.focusWidget()
        assert focused is not None and window.panels.reconstructions.isAncestorOf(focused)
        assert window.panels.reconstructions.isVisible()


# ---- rows, as values ----

RUN = Path("/x/runs/purdue/sub/Conv")


def read_history(**meta: object) -> history.RunHistory:
    done = history_of(planned=9)
    return history.from_parts({**done.meta, **meta}, done.arrays)


def info(*outputs: Port, card: Card | None = None) -> GraphInfo:
    facts = GraphFacts((Port("image", ("n", 1, 4, 4), "float32"),), outputs, 18, 8, 1, 1234, {})
    return GraphInfo(facts, card, "")


def row_with(known: Known, *, is_run: bool = True, locked: bool = False, stamp: bool = True) -> RunRow:
    graph = RUN / "model.onnx" if is_run else RUN
    entry = Entry(RUN, is_run, graph, history_stamp=(1, 1, 1) if stamp else None, is_locked=locked)
    (row,) = rows.rows_of(State(entries=(entry,), known={RUN: known}))
    return row


def test_a_row_is_of_the_history_before_the_card_and_of_the_card_before_the_graph() -> None:
    card = replace(CARD, name="tests/Other", parameters=3217, training={"epochs": 7}, metrics={"mse": 0.5})
    both = row_with(Known(history=read_history(recipe="purdue/sub/Conv"), card=card))
    cells = {name: both.cell(name) for name in ("run", "assignment", "recipe", "parameters", "epochs", "mse")}
    assert list(cells.values()) == ["purdue/sub/Conv", "purdue/sub", "Conv", "3,217", "3/9", "0.0123"]
    keys = {name: both.key(name) for name in ("run", "recipe", "parameters", "bottleneck", "epochs", "picture")}
    assert list(keys.values()) == ["purdue/sub/conv", "conv", 3217.0, 392.0, 3.0, None]
    alone = row_with(Known(card=card))
    cells = {name: alone.cell(name) for name in ("run", "recipe", "data", "epochs", "mse", "bottleneck")}
    assert list(cells.values()) == ["tests/Other", "Other", "mnist", "7", "0.5000", "8×7×7"]
    plain = Port("same", ("n", 1, 4, 4), "float32"), Port("values", ("n", 2, 3), "float32")
    graph = row_with(Known(graph=info(*plain)), is_run=False)
    cells = {name: graph.cell(name) for name in ("run", "recipe", "parameters", "bottleneck", "epochs", "state")}
    assert list(cells.values()) == ["Conv", "–", "1,234", "2×3", "–", "graph"] and graph.cell("picture") == ""
    nothing = row_with(Known())
    assert (nothing.cell("run"), nothing.cell("recipe")) == ("sub/Conv", "Conv")
    empty = [nothing.key(name) for name in ("parameters", "bottleneck", "epochs", "data", "mse", "psnr")]
    assert empty == [None] * 6, "what is missing is sorted last"
    seen = read_history()
    assert row_with(Known(history=seen)).samples is seen.samples
    assert row_with(Known(samples=seen.samples)).samples is seen.samples


def test_the_state_of_a_row_is_its_gravest() -> None:
    listed, seen = {"model.onnx": "a"}, read_history()
    changed = Known(history=seen, listed=listed, graph_sha256="b")
    assert row_with(replace(changed, card_error="x")).cell("state") == "broken"
    assert row_with(replace(changed, card_error="x")).error == "x"
    assert row_with(changed).cell("state") == "changed"
    assert row_with(Known(history=seen)).cell("state") == "finished"
    quick = replace(CARD, training={"state": "quick"})
    lone = [row_with(known, is_run=False).cell("state") for known in (Known(graph=info(card=quick)), Known())]
    assert lone == ["graph, quick", "opening"]
    assert [row_with(Known(), stamp=stamp).cell("state") for stamp in (True, False)] == ["opening", "no history"]


def test_a_row_is_made_anew_where_its_entry_or_its_name_changed() -> None:
    maker, known = Rows(), Known(history=read_history(state="training"))
    entry = Entry(RUN, True, RUN / "model.onnx")
    (first,) = maker.of(State(entries=(entry,), known={RUN: known}))
    assert maker.of(State(entries=(entry,), known={RUN: known}))[0] is first
    (second,) = maker.of(State(entries=(replace(entry, is_locked=True),), known={RUN: known}))
    assert (first.cell("state"), second.cell("state")) == ("stopped at epoch 3 of 9", "training")
    assert maker.of(State(entries=(entry,), known={RUN: known}))[0] == first
    (broken,) = maker.of(State(entries=(entry,), known={RUN: replace(known, card_error="x")}))
    assert broken.cell("state") == "broken"
    assert maker.of(State(entries=(entry,), known={RUN: known}))[0].cell("state") == first.cell("state")
    twin = Entry(Path("/y/runs/purdue/sub/Conv"), True, Path("/y"))
    third, _ = maker.of(State(entries=(entry, twin), known={RUN: known, twin.path: known}))
    assert third.cell("run") == "tests/conv (x)"


def test_the_baseline_that_says_most_is_the_first_that_has_the_figure() -> None:
    card = replace(CARD, task="denoise", metrics={"mse": 0.02})
    known = Known(card=replace(card, baselines={"linear": {"psnr": 3.0}, "noisy-input": {"mse": 0.02}}))
    row = row_with(known)
    assert row.cell("baseline") == "noisy input 0.0200" and row.key("baseline") == 0.02
    assert row.better is False, "as much error is not less"
    assert row.key("against") == 1.0
    done = history_of()
    for psnr, cell, key in ((np.inf, "∞", np.inf), (np.nan, "–", None)):
        seen = history.from_parts(done.meta, {**done.arrays, "metrics/psnr": np.array([psnr])})
        row = row_with(Known(history=seen))
        assert (row.cell("psnr"), row.key("psnr")) == (cell, key)


def test_bottlenecks_without_end_are_shown_in_part_and_not_counted() -> None:
    vast = Known(card=replace(CARD, bottleneck={"shape": [1 << 30] * 9}))
    row = row_with(vast)
    assert row.cell("bottleneck").count("×") == 7 and row.key("bottleneck") is None
    assert rows.values_of(Known(card=replace(CARD, bottleneck={"shape": ["k", 2]}))) == 0 == rows.values_of(Known())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CONV", True),
        ("recipe:CONV", True),
        ("data:Mnist", True),
        ("conv absent", False),
        ("absent conv", False),
        *(("mse<0.005", False), ("mse<=0.005", True), ("mse>0.005", False), ("mse>=0.005", True), ("mse>0.004", True)),
        *(("mse<x", False), ("x", False), ("parameters<=3,217", True), ("psnr<100", False), ("recipe<1", False)),
    ],
)
def test_a_filter_takes_no_notice_of_case_and_equals_only_where_it_says_so(text: str, found: bool) -> None:
    row = row_of(run="Purdue/Conv", recipe="Conv", data="mnist", mse=0.005, parameters=3217.0)
    assert rows.matches(row, rows.terms_of(text)) is found
