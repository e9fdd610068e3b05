"""What is found on disk, what it is called, and how the selection follows it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.viewer.conftest import CARD, history_of, write_run
from viewer.state import about, history, library, rows, selection
from viewer.state.selection import Known, State
from zoo.errors import UsageError
from zoo.runs import RunFolder


def test_a_folder_of_runs_a_run_and_a_lone_graph_are_found_each_once(run: RunFolder, tmp_path: Path) -> None:
    lone = tmp_path / "lone.onnx"
    lone.write_bytes(run.graph("model").read_bytes())
    entries = library.scan([tmp_path / "runs", run.path, lone])
    assert [(entry.path, entry.is_run) for entry in entries] == [(run.path, True), (lone, False)]


def test_the_graph_of_a_run_opens_the_run(run: RunFolder) -> None:
    assert [entry.path for entry in library.scan([run.graph("model")])] == [run.path]


def test_a_model_that_has_no_history_beside_it_is_a_lone_graph(run: RunFolder) -> None:
    run.history.unlink()
    model = run.graph("model")
    assert [(entry.path, entry.is_run, entry.name) for entry in library.scan([model])] == [(model, False, "model.onnx")]


def test_a_replaced_file_bears_another_stamp(run: RunFolder) -> None:
    before = library.run_entry(run)
    data = run.history.read_bytes()
    other = run.path / "new"
    other.write_bytes(data)
    os.replace(other, run.history)
    after = library.run_entry(run)
    assert before.history_stamp != after.history_stamp and before.graph_stamp == after.graph_stamp


@pytest.mark.parametrize(("name", "words"), [("nowhere", "no file or folder"), ("text.txt", "neither a folder nor")])
def test_what_cannot_be_opened_is_said_in_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "text.txt").touch()
    with pytest.raises(UsageError, match=words):
        library.absolute_paths([tmp_path / name])


def test_runs_of_one_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    for root in ("first", "second"):
        write_run(tmp_path / root)
    state = selection.with_entries(State(), library.scan([tmp_path / "first", tmp_path / "second"]))
    assert list(state.names().values()) == ["tests/conv (first)", "tests/conv (second)"]


def test_the_folder_behind_a_name_grows_until_all_names_differ() -> None:
    paths = [Path("/data") / path for path in ("a/r/t/c", "b/r/t/c", "a/s/t/c")]
    assert library.distinct_names(["t/c"] * 3, paths) == ["t/c (a/r)", "t/c (b/r)", "t/c (a/s)"]
    assert library.distinct_names(["m.onnx"] * 2, [Path("/x/a/m.onnx"), Path("/x/b/m.onnx")]) == [
        "m.onnx (a)",
        "m.onnx (b)",
    ]
    names = library.distinct_names(["c", "c", "c (a)"], [Path("/x/a/c"), Path("/x/b/c"), Path("/y")])
    assert names == ["c (x/a)", "c (x/b)", "c (a)"]


def test_the_folders_of_runs_and_those_in_which_more_runs_may_appear_are_watched(
    run: RunFolder, tmp_path: Path
) -> None:
    lone = tmp_path / "graphs" / "lone.onnx"
    lone.parent.mkdir()
    lone.write_bytes(run.graph("model").read_bytes())
    roots = [tmp_path / "runs", lone]
    watched = library.folders_to_watch(roots, library.scan(roots))
    assert sorted(watched) == sorted([tmp_path / "runs", run.path.parent, run.path, lone.parent])


def test_numbers_no_machine_counts_with_are_left_out(run: RunFolder) -> None:
    done = history_of()
    meta = {**done.meta, "noise": 10**400, "parameters": 10**400, "epochs": 10**400}
    vast = {"history/epoch/val_loss": np.array([1e300, np.inf, 0.5]), "history/epoch/seconds": np.full(3, np.inf)}
    sentence = history.from_parts(meta, {**done.arrays, **vast})
    assert (sentence.noise, sentence.parameters, sentence.epochs_planned) == (0.0, 0, 0)
    assert np.isnan(sentence.val_loss[:2]).all() and np.isfinite(sentence.seconds)
    hostile = replace(
        CARD,
        parameters=10**400,
        training={"epochs": 10**400},
        metrics={"mse": 10**400, "psnr": float("inf")},
        baselines={"pca": {"mse": 10**400}},
        bottleneck={"shape": [8], "compression": 10**400},
        data={"name": "x", "train": 10**400, "test": float("inf")},
    )
    for known in (Known(card=hostile), Known(card=hostile, history=sentence)):
        state = selection.with_known(selection.with_entries(State(), library.scan([run.path])), run.path, known)
        (row,) = rows.rows_of(state)
        assert len(row.cells) == len(rows.COLUMNS)
        assert about.about(state.entries[0], known, "name").to_text()
    state = selection.with_known(state, run.path, Known(card=hostile))
    assert [rows.rows_of(state)[0].cell(name) for name in ("mse", "baseline", "psnr", "against", "epochs")] == ["–"] * 5


def test_something_is_selected_as_long_as_there_is_anything(tmp_path: Path) -> None:
    first, second = write_run(tmp_path, "tests/a").path, write_run(tmp_path, "tests/b").path
    entries = library.scan([tmp_path])
    state = selection.with_entries(State(), entries)
    assert state.current == first
    state = selection.with_selected(state, [second], second)
    state = selection.with_known(state, second, Known(graph_error="broken"))
    state = selection.with_entries(state, entries[:1])
    assert (state.current, state.selected) == (first, (first,)) and second not in state.known
    assert selection.with_entries(state, ()).current is None


def test_a_row_tells_the_metrics_and_that_of_the_principal_components(run: RunFolder) -> None:
    done = history_of()
    known = Known(history=history.from_parts(done.meta, done.arrays))
    state = selection.with_known(selection.with_entries(State(), library.scan([run.path])), run.path, known)
    (row,) = rows.rows_of(state)
    assert row.cells == (
        *("", "tests/conv", "tests", "conv", "mnist", "89", "8×7×7"),
        *("0.0123", "PCA 0.0045", "19.2", "2.7× more", "3", "finished"),
    )


def test_a_history_with_other_types_than_agreed_is_read_without_them() -> None:
    done = history_of()
    meta = {**done.meta, "epochs": "many", "noise": None, "bottleneck": [8, "x"], "recipe": ["a"], "provenance": "a\nb"}
    sentence = history.from_parts(meta, {**done.arrays, "samples/inputs": done.arrays["history/epoch/seconds"]})
    assert (sentence.epochs_planned, sentence.noise, sentence.bottleneck, sentence.recipe) == (0, 0.0, (), "")
    assert sentence.provenance == "a b" and sentence.samples is None and sentence.epochs_done == 3


def test_a_file_rewritten_within_the_second_has_another_stamp(tmp_path: Path) -> None:
    stamps = []
    for milliseconds in (1, 2):
        (tmp_path / "file").write_bytes(b"same size")
        os.utime(tmp_path / "file", ns=(0, 10**18 + milliseconds * 10**6))
        stamps.append(library.stamp_of(tmp_path / "file"))
    assert stamps[0] != stamps[1]
