"""The card panel: files with their hashes and checks, copying, and several runs side by side."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import CARD, Open, graph_bytes, history_of, settle_window, write_run
from viewer.figures.theme import DARK
from viewer.qt.main_window import MainWindow
from viewer.qt.panels.card import CardPanel
from viewer.state import about, history, library
from viewer.state.about import EntryDescription, side_by_side
from viewer.state.graph import GraphInfo
from viewer.state.history import RunHistory
from viewer.state.library import Entry
from viewer.state.selection import Known
from zoo import gate
from zoo.card import Card
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
    panel: CardPanel = window.panels.card
    return panel


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
    assert "safety" in text and "its operators are standard ones" in text
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
    actions = {action.text(): action for action in panel.text.menu_of_copies().actions()}
    actions["Copy the sha256"].trigger()
    assert copied() == sha256
    actions["Copy all as JSON"].trigger()
    copied_card = json.loads(copied())
    assert copied_card["card"]["name"] == "tests/conv" and copied_card["figures"]["PCA"]["mse"] == "0.0045"
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
    assert actions["&Copy"].isEnabled() and actions["Select All"].isEnabled()
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
    assert "≠ objective" in text and "binary cross-entropy, nats a pixel, on inputs with noise of σ = 0.3" in text
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
    assert ("this model mse", "0.0123") in rows and ("PCA psnr, dB", "23.5") in rows and ("task", "reconstruct") in rows


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


# ---- what is said, as values ----


def read_history(**more: Any) -> RunHistory:
    done = history_of(**more)
    return history.from_parts(done.meta, done.arrays)


def info(card: Card | None) -> GraphInfo:
    return GraphInfo(gate.check_onnx(graph_bytes(card), source="it"), card, "")


def described(known: Known, *, is_run: bool = True, provider: str = "") -> EntryDescription:
    path = Path("/runs/tests/conv")
    entry = Entry(path, is_run, path / "model.onnx" if is_run else path, (1, 1, 1000))
    return about.about(entry, known, "it", provider)


def facts_of(known: Known, *, provider: str = "") -> dict[str, str]:
    facts = described(known, provider=provider).facts
    assert len(dict(facts)) == len(facts), "nothing is said twice"
    return dict(facts)


def test_a_description_as_text_writes_a_name_once_and_indents_what_follows_it() -> None:
    table = (("test split", "mse"), ("this model", "0.1"), ("pca", "0.2"))
    files = (("model.onnx", "5 bytes"), ("", "abc"), ("history", "7 bytes"))
    plain = EntryDescription(
        "ä", "s", (("task", "x"), ("", "y")), table, ("one", "two"), files, (("gate", "passed"),), "abc", None
    )
    assert plain.to_text().splitlines() == [
        *("ä", "s", "test split\tmse", "this model\t0.1", "pca\t0.2", "task: x", "    y"),
        *("choices: one", "    two", "gate: passed", "model.onnx: 5 bytes", "    abc", "history: 7 bytes"),
    ]
    assert plain.compared == {"mse": "0.1", "task": "x", "model.onnx": "5 bytes"}
    assert plain.as_object()["figures"] == {"this model": {"mse": "0.1"}, "pca": {"mse": "0.2"}}
    assert plain.as_object()["name"] == "ä"


def test_facts_are_of_the_history_before_the_card_and_of_the_card_before_the_graph() -> None:
    card = replace(CARD, objective={"name": "mse", "noise": 0.5}, parameters=7)
    both = facts_of(Known(card=card, graph=info(card), history=read_history()), provider="CPU")
    assert (both["objective"], both["parameters"], both["epochs"]) == (
        "binary cross-entropy, nats a pixel",
        "7",
        "3 in 6 s on cpu",
    )
    assert both["data"] == "mnist, 1,500 train, 297 test" and both["licence"] == "CC0"
    assert both["bottleneck"] == "8×7×7 values (2 : 1)" and both["computed on"] == "CPU"
    alone = facts_of(Known(graph=info(card)))
    assert (
        alone["objective"] == "mean squared error of [0, 1] pixels, on inputs with noise of σ = 0.5"
        and alone["epochs"] == "3"
    )
    assert alone["batch size"] == "64" and "computed on" not in alone
    old = facts_of(Known(history=read_history(planned=9, noise=0.25)), provider="CPU")
    assert (
        old["objective"] == "binary cross-entropy, nats a pixel, on inputs with noise of σ = 0.25"
        and old["epochs"] == "3 of 9 in 6 s on cpu"
    )
    assert (old["data"], old["parameters"], old["seed"]) == ("mnist", "89", "0") and "computed on" not in old
    timeless = replace(read_history(), seconds=0.0, device="")
    assert facts_of(Known(history=timeless))["epochs"] == "3"
    assert facts_of(Known(graph=info(None)))["parameters"] == str(info(None).facts.parameters)


def test_where_data_come_from_what_the_sheet_says_and_what_a_graph_is_made_of_are_facts() -> None:
    card = replace(CARD, published={"mse": 0.5, "psnr": 20.0}, training={}, bottleneck={"shape": [8], "compression": 0})
    said = facts_of(Known(card=card, graph=info(card)))
    assert (said["provenance"], said["licence"], said["epochs"]) == (CARD.data["provenance"], "CC0", "–")
    assert (said["published"], said["graph"]) == ("mse 0.5000, psnr 20.00", "opset 18, IR 8, 2 nodes")
    assert said["bottleneck"] == "8 values (0 : 1)"
    assert said["inputs"] == "image batch×1×28×28 float32" and said["outputs"].startswith(
        "bottleneck batch×8×7×7 float32, "
    )
    bare = facts_of(Known(card=replace(CARD, data={"name": "x"})))
    assert (bare["data"], bare["provenance"], bare["licence"]) == ("x", "–", "–")
    old = facts_of(Known(history=replace(read_history(), provenance="")))
    assert old["provenance"] == "–"
    assert described(Known(card=CARD)).summary == CARD.summary


def test_what_a_card_lists_without_end_is_cut_short() -> None:
    many = {f"tool{index:02}": "1" for index in range(30)}
    rows = {f"row{index:02}": {"mse": 0.1} for index in range(30)}
    choices = [f"{index} " + "x" * 600 for index in range(60)]
    made = described(Known(card=replace(CARD, tools=many, baselines=rows, choices=choices)))
    assert dict(made.facts)["tools"].count(",") == 19 and len(made.table) == 2 + 20
    assert len(made.choices) == 50 and {len(choice) for choice in made.choices} == {500}


def test_five_metrics_have_columns_and_the_others_stand_beside_those_of_real_images() -> None:
    metrics = {"fid": 3.0, "mse": 0.00012, "psnr": 19.24, "ssim": 0.81234, "bce": 0.1, "accuracy": 0.5, "is": 2.0}
    card = replace(CARD, metrics=metrics, baselines={"real": {"accuracy": 0.75}, "linear": {"mse": 0.5}})
    made = described(Known(card=card))
    heading, own, *_ = made.table
    assert heading == ("test split", "mse", "psnr, dB", "ssim", "bce", "fid")
    assert own == ("this model", "0.00012", "19.2", "0.812", "0.100", "3.00")
    assert ("linear map", "0.5000", *["–"] * 4) in made.table
    assert [fact for fact in made.facts if fact[0] in metrics] == [
        ("accuracy", "0.500 (real images 0.750)"),
        ("is", "2.00"),
    ]


def test_warnings_come_before_what_was_verified_which_names_recipe_or_file() -> None:
    other = replace(CARD, name="tests/other")
    checks = described(Known(card=other, graph=info(None), history=read_history())).checks
    assert [name for name, _ in checks] == ["warning", "safety", "verified"]
    assert checks[0][1].startswith("history.h5 is of tests/conv, card.json of tests/other;")
    assert "`aezoo verify tests/conv` measures" in checks[-1][1]
    lone = described(Known(graph=info(CARD)), is_run=False).checks
    assert "`aezoo verify /runs/tests/conv` measures" in lone[-1][1]


def test_an_error_and_another_graph_than_listed_are_warnings_and_figures_are_those_of_the_history() -> None:
    listed = {"model.onnx": "a"}
    known = Known(card=replace(CARD, summary="s", metrics={"mse": 9.0}), history=read_history(), card_error="it is bad")
    made = described(replace(known, listed=listed, graph_sha256="b"))
    assert [text for name, text in made.checks if name == "warning"] == [
        "It is bad.",
        "card.json lists another sha256: this is not the file that was exported",
    ]
    assert made.summary == "s" and made.table[1][:2] == ("this model", "0.0123")


def test_files_are_those_that_are_there_or_listed_with_the_hash_that_was_read(tmp_path: Path) -> None:
    run = write_exported(tmp_path)
    (run.path / "encoder.onnx").unlink()
    entry = library.run_entry(run)
    known = Known(
        listed={"model.onnx": "a" * 64, "encoder.onnx": "b" * 64, "test/input.npy": "0"},
        sizes={"model.onnx": entry.graph.stat().st_size},
        graph_sha256="c" * 64,
        decoder_sha256="d" * 64,
    )
    decoder, model = run.graph("decoder").stat().st_size, run.graph("model").stat().st_size
    assert about.about(entry, known, "it").files == (
        ("model.onnx", f"{model:,} bytes, another than card.json lists"),
        ("", "c" * 64),
        ("encoder.onnx", "missing; card.json lists it: export the run again"),
        ("", "b" * 64),
        ("decoder.onnx", f"{decoder:,} bytes, not listed in a card.json"),
        ("", "d" * 64),
        ("more files", "1 that card.json lists"),
        ("file", str(run.graph("model"))),
        ("history", f"{run.history}, {about._bytes(run.history.stat().st_size)}"),
    )
    nothing = replace(entry, graph_stamp=None, history_stamp=None)
    assert about.about(nothing, Known(), "it").files[-1] == ("file", str(run.path))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((100, "", "a", 100), "100 bytes, of the size that card.json lists; not opened here"),
        ((101, "", "a", 100), "101 bytes, another size than card.json lists"),
        ((9_999, "a", "a", None), "9,999 bytes, as card.json lists it"),
        ((10_000, "a", "b", None), "10 kB, another than card.json lists"),
        ((10_000_000, "", "", None), "10.0 MB, not listed in a card.json"),
    ],
)
def test_a_file_is_checked_by_its_hash_or_else_by_its_size(arguments: tuple[Any, ...], text: str) -> None:
    assert about._file_check(*arguments) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(45.4, "45 s"), (59.6, "1 min 0 s"), (119, "1 min 59 s"), (3_700, "1 h 1 min")]
)
def test_a_duration_is_rounded_to_seconds_and_from_an_hour_on_to_minutes(seconds: float, text: str) -> None:
    assert about._duration(seconds) == text
