"""The card panel: files with their hashes and checks, copying, and several runs side by side."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import CARD, Open, graph_bytes, history_of, settle_window, write_run
from viewer.figures.theme import DARK
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.card import CardPanel
from viewer.state.about import EntryDescription, side_by_side
from zoo.runs import RunFolder, atomic_write, pack_history


def write_exported(root: Path, name: str = "tests/conv") -> RunFolder:
    """A run whose card.json lists a whole graph, an encoder, a decoder and test vectors."""
    run = write_run(root, name)
    files = {"model.onnx": run.graph("model").read_bytes(), "encoder.onnx": b"e" * 100, "decoder.onnx": graph_bytes()}
    sums = {file: (hashlib.sha256(data).hexdigest(), len(data)) for file, data in files.items()}
    for file, data in files.items():
        atomic_write(run.path / file, data)
    listed = {**sums, "test/input.npy": ("0" * 64, 5)}
    atomic_write(run.card, replace(CARD, name=name).to_file(listed))
    return run


def text_of(panel: CardPanel) -> str:
    return panel.text.toPlainText()


def copied() -> str:
    return QGuiApplication.clipboard().text()


def select(window: MainWindow, qtbot: QtBot, *paths: Path) -> CardPanel:
    window.store.set_selected(paths, paths[0])
    settle_window(qtbot, window)
    return window.panels.card


def files_of(panel: CardPanel) -> dict[str, str]:
    assert panel._about is not None
    return dict(panel._about.files)


def test_every_exported_file_has_its_size_and_its_hash(tmp_path: Path, open_window: Open) -> None:
    run = write_exported(tmp_path)
    panel = open_window(run.path).panels.card
    files = files_of(panel)
    assert files["model.onnx"].endswith("bytes, as card.json lists it")
    assert files["decoder.onnx"].endswith("bytes, as card.json lists it")
    assert files["encoder.onnx"] == "100 bytes, of the size that card.json lists; not opened here"
    assert files["more files"] == "1 that card.json lists"
    for name in ("model.onnx", "encoder.onnx", "decoder.onnx"):
        assert hashlib.sha256((run.path / name).read_bytes()).hexdigest() in text_of(panel)


def test_files_that_are_missing_or_others_are_reported(tmp_path: Path, open_window: Open) -> None:
    run = write_exported(tmp_path)
    (run.path / "encoder.onnx").write_bytes(b"another")
    (run.path / "decoder.onnx").unlink()
    (run.path / "model_fp16.onnx").write_bytes(b"half")
    files = files_of(open_window(run.path).panels.card)
    assert files["encoder.onnx"] == "7 bytes, another size than card.json lists"
    assert files["decoder.onnx"] == "missing; card.json lists it: export the run again"
    assert files["model_fp16.onnx"] == "4 bytes, not listed in a card.json"


def test_the_provider_really_used_and_what_was_checked_are_shown(tmp_path: Path, open_window: Open) -> None:
    window = open_window(write_exported(tmp_path).path)
    ready = window.workers.ready
    assert ready is not None and ready.provider
    text = text_of(window.panels.card)
    assert ready.provider in text and "computed on" in text
    assert "gate" in text and "passed" in text
    assert "not recorded" in text and "`aezoo verify tests/conv`" in text


def test_a_graph_that_was_changed_is_a_warning(tmp_path: Path, open_window: Open) -> None:
    run = write_exported(tmp_path)
    atomic_write(run.graph("model"), graph_bytes(replace(CARD, summary="another")))
    panel = open_window(run.path).panels.card
    assert "another than card.json lists" in files_of(panel)["model.onnx"]
    assert "this is not the file that was exported" in text_of(panel)


def test_all_of_it_can_be_copied_as_text_as_json_and_by_its_hash(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    run = write_exported(tmp_path)
    panel = open_window(run.path).panels.card
    sha256 = hashlib.sha256(run.graph("model").read_bytes()).hexdigest()
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton, pos=panel.copy_button.rect().center())
    assert copied().startswith("tests/conv\na blur by hand\ntest split\tmse") and f"    {sha256}" in copied()
    actions = {action.text(): action for action in panel.menu_of_copies().actions()}
    actions["Copy the sha256"].trigger()
    assert copied() == sha256
    actions["Copy all as JSON"].trigger()
    copied_card = json.loads(copied())
    assert copied_card["card"]["name"] == "tests/conv" and copied_card["figures"]["pca"]["mse"] == "0.0045"
    assert ["task", "reconstruct"] in copied_card["facts"] and copied_card["sha256"] == sha256


def test_ctrl_c_copies_what_is_marked_or_else_all(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    panel = open_window(write_exported(tmp_path).path).panels.card
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(panel.text, Qt.Key.Key_C, control)
    assert copied().startswith("tests/conv\na blur by hand")
    cursor = panel.text.textCursor()
    cursor.setPosition(0)
    cursor.setPosition(5, cursor.MoveMode.KeepAnchor)
    panel.text.setTextCursor(cursor)
    qtbot.keyClick(panel.text, Qt.Key.Key_C, control)
    assert copied() == "tests"
    actions = {action.text().split("\t")[0]: action for action in panel.text.menu().actions() if action.text()}
    assert actions["Copy the selection"].isEnabled()
    actions["Copy all as JSON"].trigger()
    assert json.loads(copied())["name"] == "tests/conv"


def test_several_runs_stand_side_by_side_and_what_differs_is_marked(
    tmp_path: Path, open_window: Open, qtbot: QtBot
) -> None:
    first, second = write_run(tmp_path, "tests/a").path, write_run(tmp_path, "tests/b", noise=0.3).path
    window = open_window(tmp_path)
    panel = select(window, qtbot, first, second)
    assert panel.compares and panel.subtitle.text() == "2 runs"
    text = text_of(panel)
    assert "≠ objective" in text and "bce, on inputs with noise of σ = 0.3" in text
    assert "≠ licence" not in text and "licence" in text
    panel.differences_box.setChecked(True)
    assert "licence" not in text_of(panel) and "≠ objective" in text_of(panel)
    heading, *rows = panel.numbers()
    assert heading == ("fact", "tests/a", "tests/b") and all(row[1] != row[2] for row in rows)
    panel.copy()
    assert copied().splitlines()[0] == "fact\ttests/a\ttests/b"
    panel.copy("json")
    assert [one["name"] for one in json.loads(copied())] == ["tests/a", "tests/b"]
    panel.beside_box.setChecked(False)
    assert text_of(panel).startswith("tests/a\n") and "tests/b" not in text_of(panel)
    select(window, qtbot, second)
    assert not panel.beside_box.isVisible() and text_of(panel).startswith("tests/b\n")


def test_what_one_run_does_not_have_is_a_difference() -> None:
    plain = EntryDescription("a", "", (("task", "x"),), (), (), (), (), "", None)
    other = replace(plain, title="b", facts=(("task", "x"), ("seed", "0")))
    same, differs = side_by_side([plain, other])
    assert (same.name, same.differs) == ("task", False)
    assert (differs.name, differs.values, differs.differs) == ("seed", ("", "0"), True)


def test_the_card_of_a_run_that_is_trained_follows_it(tmp_path: Path, open_window: Open, qtbot: QtBot) -> None:
    run = RunFolder.of(tmp_path, "tests/a")
    atomic_write(run.history, pack_history(history_of(name="tests/a", epochs=1, planned=4, state="training")))
    panel = open_window(tmp_path).panels.card
    assert "1 of 4" in text_of(panel) and "verified" not in text_of(panel)
    atomic_write(run.history, pack_history(history_of(name="tests/a", epochs=2, planned=4, state="training")))
    qtbot.waitUntil(lambda: "2 of 4" in text_of(panel), timeout=60_000)


def test_the_numbers_are_figures_and_facts(tmp_path: Path, open_window: Open) -> None:
    panel = open_window(write_exported(tmp_path).path).panels.card
    heading, *rows = panel.numbers()
    assert heading == ("fact", "value")
    assert ("this model mse", "0.0123") in rows and ("pca psnr, dB", "23.5") in rows and ("task", "reconstruct") in rows


@pytest.mark.parametrize("inner_card", [CARD, None], ids=["own", "foreign"])
def test_a_lone_graph_has_a_card_too(tmp_path: Path, open_window: Open, inner_card: object) -> None:
    lone = tmp_path / "lone.onnx"
    lone.write_bytes(graph_bytes(CARD if inner_card else None))
    panel = open_window(lone).panels.card
    assert files_of(panel)["lone.onnx"].endswith("not listed in a card.json")
    assert hashlib.sha256(lone.read_bytes()).hexdigest() in text_of(panel)
    assert f"`aezoo verify {lone}`" in text_of(panel)
    panel.set_theme(DARK)
    assert hashlib.sha256(lone.read_bytes()).hexdigest() in text_of(panel)
    panel.copy("json")
    assert json.loads(copied())["name"] == "lone.onnx"


def test_nothing_is_copied_where_there_is_nothing(tmp_path: Path, open_window: Open) -> None:
    panel = open_window(tmp_path).panels.card
    QGuiApplication.clipboard().setText("before")
    panel.copy()
    assert (
        copied() == "before"
        and panel.numbers() == []
        and not panel.copy_button.isEnabled()
        and not panel.more_button.isEnabled()
    )
