"""What is found on disk, what it is called, and how the selection follows it."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.viewer.conftest import CARD, history_of, write_run
from viewer.state import about, grids, history, library, pages, rows, selection, why
from viewer.state import graph as graphs
from viewer.state.files import FileBytes
from viewer.state.graph import GraphInfo
from viewer.state.library import Entry
from viewer.state.pages import Order, Pasted, Split, SplitName
from viewer.state.samples import Samples
from viewer.state.selection import Known, State
from zoo import checkpoints, runs
from zoo.card import Card
from zoo.errors import UsageError
from zoo.gate import GraphFacts, Port
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
        *("0.0123", "PCA 0.0045", "19.2", "2.7× more", "–", "3", "finished"),
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


# ---- files ----


def test_every_file_of_a_run_has_a_stamp_of_its_own(run: RunFolder, trainer: ExitStack) -> None:
    files = (run.graph("model"), run.history, run.card, run.graph("decoder"), run.graph("encoder"), run.fp16_model)
    for size, path in enumerate(files, start=1):
        path.write_bytes(b"x" * size)
    entry = library.run_entry(run)
    stamps = [entry.graph_stamp, entry.history_stamp, entry.card_stamp]
    stamps += [entry.decoder_stamp, entry.encoder_stamp, entry.fp16_stamp]
    for size, (path, stamp) in enumerate(zip(files, stamps, strict=True), start=1):
        status = path.stat()
        assert stamp == (status.st_ino, status.st_mtime_ns, size)
    assert {name: stamp[2] if stamp else None for name, stamp in entry.stamps.items()} == {
        "model.onnx": 1, "encoder.onnx": 5, "decoder.onnx": 4, run.fp16_model.name: 6,
    }  # fmt: skip
    assert (entry.decoder, entry.name) == (run.graph("decoder"), "tests/conv")
    lone = Entry(run.graph("model"), False, run.graph("model"), (1, 2, 3))
    assert (lone.stamps, lone.name) == ({"model.onnx": (1, 2, 3)}, "model.onnx")
    assert not entry.is_locked
    trainer.enter_context(checkpoints.lock(run))
    assert library.run_entry(run).is_locked


def test_what_is_not_there_is_no_entry_but_gone(run: RunFolder, tmp_path: Path) -> None:
    roots = [tmp_path / "runs", tmp_path / "gone.onnx", tmp_path / "nowhere" / "lone.onnx"]
    entries, gone = library.scan_and_list_gone(roots)
    assert [entry.path for entry in entries] == [run.path] and gone == tuple(roots[1:])


def test_paths_are_made_absolute_each_once_and_a_folder_may_be_called_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs.v2").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "runs.v2")
    monkeypatch.chdir(tmp_path)
    paths = [Path("runs.v2"), tmp_path / "runs.v2", Path("link")]
    assert library.absolute_paths(paths) == (tmp_path / "runs.v2", tmp_path / "link"), "a link keeps its name"


def test_names_that_no_folder_tells_apart_are_numbered_and_none_is_given_twice() -> None:
    assert library.distinct_names(["a"] * 2, [Path("/x"), Path("/x")]) == ["a (1)", "a (2)"]
    names = ["c", "c", "c (a)", "c (a)"]
    paths = [Path("/x/a/c"), Path("/x/b/c"), Path("/a"), Path("/b")]
    found = library.distinct_names(names, paths)
    assert len(set(found)) == 4 and found[:2] == ["c (x/a)", "c (x/b)"]
    assert library.distinct_names(["c"] * 2, [Path("/c"), Path("/a/c")]) == ["c (/)", "c (a)"]


# ---- graphs ----


def port(name: str, *shape: int | str, dtype: str = "float32") -> Port:
    return Port(name, ("n", *shape), dtype)


def info(*outputs: Port, card: Card | None = CARD, shape: tuple[int | str, ...] = (1, 4, 4)) -> GraphInfo:
    return GraphInfo(GraphFacts((port("image", *shape),), outputs, 18, 8, 1, 0, {}), card, "")


def test_a_bottleneck_is_called_so_or_stands_beside_a_picture() -> None:
    picture, values = port("reconstruction", 1, 4, 4), port("values", 3)
    odd = (Port("line", ("n",), "float32"), port("whole", 3, dtype="int64"))
    assert info(picture, *odd, values).bottleneck == "values"
    assert info(picture, values, port("bottleneck", 2)).bottleneck == "bottleneck"
    assert info(port("same", 1, 4, 4), values, card=None).bottleneck == "values"
    assert info(values).bottleneck == "" and info(values, card=None).bottleneck == ""
    assert info(port("bottleneck", 2), card=None).bottleneck == "", "a graph of others' may call anything so"


def test_a_picture_has_the_images_shape_or_is_called_so_by_aezoo() -> None:
    assert info(port("a", 1, 4, 4), port("reconstruction", 3, 9, 9)).reconstruction == "reconstruction"
    assert info(port("reconstruction", 3, 9, 9), port("b", 1, 4, 4), card=None).reconstruction == "b"
    for odd in (port("reconstruction", 2, 4, 4), port("reconstruction", 1, "h", 4)):
        assert info(odd).reconstruction == ""
    assert info(port("a", 1, 4, 4, dtype="float64"), port("b", 1, 4, 4), card=None).reconstruction == "b"


def test_logits_are_believed_of_a_card_and_classes_are_short_and_bounded() -> None:
    logits = port("logits", 10)
    assert info(logits).logits_output == "logits" and info(logits, card=None).logits_output == ""
    assert info(port("logits", 1, 2)).logits_output == "" == info(port("logits", 3, dtype="int64")).logits_output
    for names, classes in ((["x" * 30, 7], ("x" * 19 + "…", "7")), ("abc", ()), (["a"] * 1001, ("a",) * 1000)):
        ports: list[dict[str, Any]] = [{"name": "y"}, {"name": "logits", "classes": names}]
        assert info(logits, card=replace(CARD, outputs=ports)).classes == classes
    assert info(logits).classes == () == info(logits, card=None).classes


@pytest.mark.parametrize(
    ("view", "noise", "expected"),
    [
        ([28, 14], 1.0, ((28, 14), 1.0)),
        ([4096, 1], 0, ((4096, 1), 0.0)),
        ([4097, 1], 1.5, (None, 0.0)),
        ([0, 1], -0.5, (None, 0.0)),
        ([1, 2, 3], "0.5", (None, 0.0)),
        ("ab", None, (None, 0.0)),
    ],
)
def test_view_and_noise_of_a_card_are_taken_where_they_make_sense(
    view: object, noise: object, expected: object
) -> None:
    found = info(card=replace(CARD, bottleneck={"view": view}, objective={"noise": noise}))
    assert (found.view, found.noise) == expected


FACTS = GraphFacts(
    (Port("image", ("n", 1, 4, 4), "float32"),), (), 18, 8, 5, 0, {},
    producer="pytorch", operators={"Relu": 5}, notes=("as it is",),
)  # fmt: skip
SAID: dict[str, Any] = json.loads(json.dumps(asdict(FACTS)))
HEADER: dict[str, Any] = {"facts": SAID, "card": None}


def test_a_graph_is_read_from_what_a_worker_says_of_it() -> None:
    read = graphs.from_header({**HEADER, "card": CARD.to_json()})
    assert read.facts == FACTS
    assert read.card == CARD and read.error == "" and graphs.from_header(HEADER).card is None
    for text in ("", "{"):
        broken = graphs.from_header({**HEADER, "card": text})
        assert broken.card is None and broken.error


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": None},
        {"inputs": SAID["inputs"] * 513},
        {"inputs": [7]},
        {"inputs": [{**SAID["inputs"][0], "name": 7}]},
        {"inputs": [{**SAID["inputs"][0], "dtype": None}]},
        {"inputs": [{**SAID["inputs"][0], "shape": "n"}]},
        {"inputs": [{**SAID["inputs"][0], "shape": [1.5]}]},
        {"nodes": 1 << 62},
        {"nodes": "5"},
        {"nodes": True},
        {"operators": [7]},
        {"operators": {"Relu": "5"}},
        {"notes": None},
        {"own_outputs": [7]},
        {"producer": "p" * 4097},
    ],
)
def test_what_a_worker_may_not_say_of_a_graph_is_an_error(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no proper"):
        graphs.from_header({**HEADER, "facts": {**SAID, **change}})
    with pytest.raises(ValueError, match="no proper"):
        graphs.from_header({})


# ---- histories ----


def test_grids_are_read_by_name_and_what_does_not_fit_their_pictures_is_left_out() -> None:
    pictures = np.full((9, 3, 1, 1), 51, np.uint8)
    found = grids.from_arrays(
        {
            "grids/a/images": np.zeros((9, 2, 1, 1), np.uint8),  # no pictures, and others follow
            "grids/b/images": pictures,
            "grids/b/inputs": pictures[:8],
            "grids/b/targets": pictures,
            "grids/b/labels": np.full(9, 1e7),
            "grids/b/verdicts": np.arange(9.0),
            "grids/b/points": np.full((9, 2), np.nan),
            "grids/c/images": pictures,
            "grids/c/labels": np.array([np.nan] * 9),
            "grids/c/points": np.zeros((8, 2)),
            "grids/d/images": pictures.astype(np.float32),
            "grids/e/images": pictures[:0],
            "grids/f/images": np.zeros((4097, 1, 1, 1), np.uint8),
            "grids/g/images": np.zeros((4096, 1, 1, 1), np.uint8),
            "grids/g/points": np.full((4096, 2), 1e7),
            "grids/h/images/more": pictures,
        }
    )
    assert list(found) == ["b", "c", "g"] and [found[name].side for name in "bcg"] == [3, 3, 64]
    b, c = found["b"], found["c"]
    assert b.targets is not None and b.targets.max() == pytest.approx(0.2) and b.predictions is not None
    assert b.predictions.tolist() == list(range(9)) and b.predictions.dtype == np.int64
    assert (b.inputs, b.labels, b.points, c.labels, c.points, found["g"].points) == (None,) * 6
    many = {f"grids/{index:02}/images": pictures for index in range(40)}
    assert list(grids.from_arrays({**many, "grids/00": pictures})) == [f"{index:02}" for index in range(32)]


def read(meta: dict[str, Any] | None = None, /, **arrays: np.ndarray) -> history.RunHistory:
    """A history with this much added, by the names of its arrays without a slash."""
    done = history_of()
    return history.from_parts({**done.meta, **(meta or {})}, {**done.arrays, **arrays})


def test_what_a_history_holds_without_end_is_cut_short() -> None:
    meta = {**{f"key{index:03}": index for index in range(100)}, "bottleneck": [1] * 12}
    terms = {f"terms/{index:02}": np.ones(3) for index in range(20)}
    seen = read(meta, **terms, **{"baselines/" + "b" * 50 + "/mse": np.ones(1)})
    assert len(seen.facts) == 64 and seen.bottleneck == (1,) * 8 and len(seen.terms) == 16
    assert seen.baselines["b" * 50] == {"mse": 1.0}
    assert read({"bottleneck": [1 << 30]}).bottleneck == () == read({"bottleneck": [0]}).bottleneck


def test_curves_of_a_history_are_drawn_within_bounds() -> None:
    seen = read(
        {"published": {"mse": 0.5, "psnr": float("nan"), "ssim": "x"}},
        **{
            runs.TRAIN_LOSS: np.array([1e30, 1e31, -1e31, 1e-31]),
            runs.VAL_LOSS: np.array([1.0]),
            runs.SECONDS: np.array([2.0, np.nan, 1e9]),
            "metrics/odd": np.ones(2),
            "metrics/deep": np.ones((1, 1)),
        },
    )
    np.testing.assert_array_equal(seen.train_loss, [1e30, np.nan, np.nan, 0.0])
    assert (seen.epochs_done, seen.seconds, seen.published) == (4, 1e8 + 2, {"mse": 0.5})
    assert "odd" not in seen.metrics and "deep" not in seen.metrics and seen.metrics["mse"] == 0.0123


def test_samples_are_ten_with_what_was_made_of_them_in_the_end_or_in_the_newest_epoch() -> None:
    images = np.zeros((12, 1, 4, 4), np.uint8)
    made = np.stack([images + 51, images + 102])
    fields = {runs.SAMPLE_INPUTS: images, runs.SAMPLE_TARGETS: images, runs.EPOCH_RECONSTRUCTIONS: made}
    final = read({}, **fields, **{runs.SAMPLE_RECONSTRUCTIONS: images + 255}).samples
    assert final is not None and len(final.inputs) == 10 and final.reconstructions is not None
    assert final.reconstructions.min() == 1
    meta = history_of().meta
    newest = history.from_parts(meta, fields).samples
    assert newest is not None and newest.reconstructions is not None
    assert newest.reconstructions.max() == pytest.approx(0.4) and newest.provenance == meta["provenance"]
    odd = history.from_parts(meta, {**fields, runs.EPOCH_RECONSTRUCTIONS: made[..., :3]}).samples
    assert odd is not None and odd.reconstructions is None
    for inputs, targets in ((images[:5], images), (images[:0], images[:0])):
        assert history.from_parts(meta, {runs.SAMPLE_INPUTS: inputs, runs.SAMPLE_TARGETS: targets}).samples is None


def test_a_run_that_is_trained_has_stopped_once_no_trainer_holds_it() -> None:
    path = Path("/runs/a")
    free, held = (Entry(path, True, path / "model.onnx", is_locked=locked) for locked in (False, True))
    going = read({"state": "training", "epochs": 9, "recipe": "tests/a"})
    done = read({"state": "", "recipe": ""})
    assert history.is_running(held, going) and not history.is_running(free, going)
    assert history.has_stopped(free, going) and not history.has_stopped(held, going)
    assert not history.is_running(held, done) and not history.has_stopped(free, done)
    assert not history.is_running(held, None) and not history.has_stopped(free, None)
    states = [history.training_state(entry, seen) for entry, seen in ((free, going), (held, going), (free, done))]
    assert states == ["stopped at epoch 3 of 9", "training", "unknown"]
    yet = "There is no model.onnx yet: the graphs are exported when the training has ended."
    assert why.no_graph(held, going) == yet == why.no_graph(free, None)
    stopped = "There is no model.onnx: the training stopped at epoch 3 of 9. `aezoo train {} --resume` resumes it."
    assert why.no_graph(free, going) == stopped.format("tests/a")
    assert why.no_graph(free, replace(going, recipe="")) == stopped.format("NAME")
    missing = "model.onnx is missing; export it with `aezoo export {}`."
    assert why.no_graph(free, replace(done, recipe="tests/a")) == missing.format("tests/a")
    assert why.no_graph(held, done) == missing.format("all")


# ---- what is known ----


def test_the_card_inside_the_graph_counts_before_the_one_beside_it_and_noise_makes_a_denoiser() -> None:
    inner = replace(CARD, name="inner", objective={"noise": 0.5})
    noisy, plain = read({"noise": 0.25, "task": "colourise"}), read({"task": "reconstruct"})
    assert Known(card=CARD, graph=info(card=inner)).any_card is inner
    assert Known(card=CARD, graph=info(card=None)).any_card is CARD
    assert Known(graph=info(card=inner), history=plain).noise == 0.5, "of the card inside the graph"
    assert Known(graph=info(card=None), history=noisy).noise == 0.25 and Known().noise == 0.0
    assert Known(graph=info(card=inner)).task == "denoise" and Known(graph=info()).task == "reconstruct"
    assert Known(history=noisy).task == "colourise" and Known(history=plain).task == "reconstruct"
    assert Known(card=CARD, history=noisy).task == "denoise" and Known().task == ""
    images = np.zeros((1, 1, 4, 4), np.float32)
    embedded = Samples(images, images)
    assert Known(history=plain, samples=embedded).own_samples is plain.samples
    assert Known(history=replace(plain, samples=None), samples=embedded).own_samples is embedded
    assert plain.dataset and Known(history=plain).split == SplitName("mnist", "published")
    assert Known(history=read({"split": "own"})).split == SplitName("mnist", "own")
    assert Known(history=read({"data": ""})).split is None


def test_of_several_errors_the_gravest_is_shown() -> None:
    errors = {name: name for name in ("graph_error", "history_error", "card_error", "graph_card_error")}
    while errors:
        known = Known(**errors, samples_error="x", decoder_error="y")  # type: ignore[arg-type]
        assert known.error == next(iter(errors))
        errors.pop(known.error)
    assert Known(samples_error="x").error == ""


def test_files_of_several_recipes_and_another_graph_than_listed_are_noticed() -> None:
    other, seen = replace(CARD, name="tests/other"), read({"recipe": "tests/conv"})
    assert Known(history=seen, card=CARD, graph=info()).mismatch == "" == Known(card=other, graph=info()).mismatch
    inner = Known(history=seen, card=CARD, graph=info(card=other)).mismatch
    assert inner == "history.h5 is of tests/conv, the graph's card of tests/other; train or export the run again"
    assert "card.json of tests/other" in Known(history=seen, card=other).mismatch
    listed = {"model.onnx": "a"}
    found = [Known(listed=listed, graph_sha256=sha256).changed("model.onnx") for sha256 in ("a", "b", "")]
    assert found == [False, True, False] and not Known(graph_sha256="b").changed("model.onnx")


# ---- the selection ----


def entries_of(*names: str) -> tuple[Entry, ...]:
    return tuple(Entry(Path(name), True, Path(name) / "model.onnx") for name in names)


def test_six_runs_are_compared_in_the_tables_order_and_the_current_one_is_among_them() -> None:
    paths = [Path(name) for name in "abcdefgh"]
    state = State(entries=entries_of(*"abcdefgh"), selected=tuple(reversed(paths)), current=paths[7])
    assert state.compared == (*paths[:5], paths[7])
    assert replace(state, current=paths[5]).compared == tuple(paths[:6])
    assert replace(state, selected=(paths[2], paths[1])).compared == (paths[1], paths[2])


def test_what_is_selected_is_selected_once_and_the_current_one_is_one_of_it() -> None:
    a, b, c = (Path(name) for name in "abc")
    state = State(entries=entries_of("a", "b"), selected=(a,), current=a)
    chosen = selection.with_selected(state, [b, a, b], a)
    assert (chosen.selected, chosen.current) == ((b, a), a)
    assert selection.with_selected(state, [b], c).current == b and selection.with_selected(state, [], c).current == a
    assert selection.with_known(state, c, Known()) is state
    known = selection.with_known(selection.with_known(state, a, Known(card_error="x")), b, Known())
    assert known.known_of(a).card_error == "x" and set(known.known) == {a, b}
    left = selection.with_entries(replace(known, selected=(b,), current=b), entries_of("a"))
    assert (left.selected, left.current, set(left.known)) == ((a,), a, {a}) and left.scanned


def test_a_graphs_bytes_are_those_that_the_worker_let_through() -> None:
    path = Path("a")
    model, decoder = (FileBytes(path, name, name, b"") for name in ("model", "decoder"))
    state = State(files={(path, "model"): model, (path, "decoder"): decoder}, current=path)
    known = Known(graph=info(), graph_sha256="model", decoder=info(), decoder_sha256="decoder")
    right = replace(state, known={path: known})
    assert right.graph_file is model and right.file_of(path, "decoder") is decoder and right.file_of(None) is None
    for change in ({"graph": None}, {"graph_sha256": "other"}):
        assert replace(state, known={path: replace(known, **change)}).file_of(path) is None


def test_runs_are_called_by_their_history_or_card_lone_graphs_by_their_file_and_gone_ones_by_their_folders() -> None:
    run, lone = entries_of("/x/runs/c")[0], Entry(Path("/x/lone.onnx"), False, Path("/x/lone.onnx"))
    both = Known(history=read({"recipe": "tests/own"}), card=CARD)
    names = [selection.name_of(entry, known) for entry, known in ((run, both), (run, Known(card=CARD)), (run, Known()))]
    assert names == ["tests/own", "tests/conv", "runs/c"] and selection.name_of(lone, both) == "lone.onnx"
    state = State(entries=(run, lone))
    assert state.names()[Path("/x/y/z")] == "y/z" and len(state.names()) == 2


# ---- the page of images ----

SPLIT = SplitName("mnist", "published")


def pictures(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (25, 1, 4, 4), dtype=np.uint8)


def run_on(pixels: np.ndarray, *, count: int = 25, **meta: str) -> Known:
    """What is known of a run whose first test images are these."""
    fields = {runs.SAMPLE_INPUTS: pixels[:10], runs.SAMPLE_TARGETS: pixels[:10]}
    recorded = {"data": "mnist", "task": "reconstruct", "test_images": str(count), **meta}
    return Known(history=history.from_parts(recorded, fields), graph=info(port("reconstruction", 1, 4, 4)))


def split_of(pixels: np.ndarray, **more: Any) -> Split:
    labels = np.arange(25, dtype=np.uint8) % 5
    return Split(SPLIT, pixels, labels, pixels, labels, tuple("abcde"), "drawn", **more)


def derived(state: State, before: State | None = None) -> State:
    return selection.with_derived_fields(before or state, state)


def test_the_page_follows_start_order_pasted_pictures_and_what_becomes_known() -> None:
    a = Path("a")
    shades = pictures(0)
    first = derived(State(entries=entries_of("a"), current=a, known={a: run_on(shades)}))
    assert first.page is not None and first.page.title == "the first 10 of the test split" and first.page.of == 0
    second = derived(replace(first, splits={SPLIT: split_of(shades)}), first)
    assert second.page is not None and second.page.title == "the first 10 of the test split, 25 images"
    assert derived(second, second) is second, "nothing is made anew where nothing changed"
    third = derived(replace(second, start=20), second)
    assert third.page is not None and third.page.title == "test images 21 to 25 of 25"
    assert third.page.indices == (20, 21, 22, 23, 24) and third.page.provenance == "drawn"
    order = Order(np.arange(25)[::-1], "worst first")
    fourth = derived(replace(third, order=order, start=0), third)
    assert fourth.page is not None and fourth.page.title == "worst first: 1 to 10 of 25"
    assert fourth.page.indices == tuple(range(24, 14, -1))
    np.testing.assert_allclose(255 * fourth.page.clean, shades[24:14:-1], atol=1e-4)
    pasted = Pasted((np.zeros((8, 8, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)), ("one", "two"))
    fifth = derived(replace(fourth, pasted=pasted), fourth)
    assert fifth.page is not None and (fifth.page.title, fifth.page.of) == ("your own: one, two", 2)
    assert fifth.page.fitting == "8×8, scaled to 4×4" and fifth.page.indices is None
    more = derived(replace(fifth, pasted=Pasted(pasted.pictures * 2, ("1", "2", "3", "4"))), fifth)
    assert more.page is not None and more.page.title == "your own: 4 pictures"
    ordered = derived(replace(third, order=order), third)
    assert ordered.page is not None and ordered.page.title == "worst first: 21 to 25 of 25"
    others = derived(replace(second, known={a: run_on(pictures(1))}), second)
    np.testing.assert_allclose(255 * others.page.clean, pictures(1)[:10], atol=1e-4)  # type: ignore[union-attr]
    noisy = second.known_of(a).own_samples
    assert noisy is not None
    noisy = replace(noisy, inputs=1 - noisy.inputs)
    plain = derived(replace(first, known={a: Known(samples=noisy)}), first)
    assert plain.page is not None and plain.page.clean is noisy.inputs
    denoiser = Known(samples=noisy, graph=info(card=replace(CARD, objective={"noise": 0.5})))
    cleaned = derived(replace(plain, known={a: denoiser}), plain)
    assert cleaned.page is not None and cleaned.page.clean is noisy.targets, "the task became known"
    broken = derived(replace(first, splits={SPLIT: split_of(shades, error="not there")}), first)
    assert broken.page is not None and broken.page.of == 0 and selection.rows_of(broken) is None
    fewer = derived(replace(second, known={a: run_on(shades, count=24)}), second)
    assert selection.rows_of(fewer) is None and fewer.page is not None and fewer.page.of == 0
    lone = derived(State(entries=entries_of("a"), current=a, known={a: Known(samples=run_on(shades).own_samples)}))
    assert lone.page is not None and lone.page.title == "the first 10 of the embedded sample"


def test_photographs_in_place_of_the_test_split_say_so_and_give_way_to_it() -> None:
    a, shades, others = Path("a"), pictures(0), pictures(1)
    known = {a: run_on(others, samples_provenance="photographs")}
    alone = derived(State(entries=entries_of("a"), current=a, known=known))
    assert alone.page is not None and alone.page.title == "10 photographs in place of the test split"
    real = derived(replace(alone, splits={SPLIT: split_of(shades)}), alone)
    assert real.page is not None and real.page.title == "test images 1 to 10 of 25"
    np.testing.assert_allclose(255 * real.page.clean, shades[:10], atol=1e-4)
    fewer = derived(replace(alone, splits={SPLIT: split_of(shades[:24])}), alone)
    assert fewer.page is not None and fewer.page.title == alone.page.title, "another split than it was tested on"


def test_a_page_stays_where_the_next_run_is_tested_on_the_same_images_and_else_begins_anew() -> None:
    a, b = Path("a"), Path("b")
    shades = pictures(0)
    known = {a: run_on(shades), b: run_on(shades)}
    state = derived(State(entries=entries_of("a", "b"), current=a, known=known, splits={SPLIT: split_of(shades)}))
    turned = derived(replace(state, start=10, order=Order(np.arange(25), "as they are")), state)
    same = derived(replace(turned, current=b), turned)
    assert same.start == 10 and same.order is turned.order
    for other in (run_on(shades, count=24), run_on(shades, data="kmnist"), Known()):
        changed = replace(turned, current=b, known={**known, b: other})
        gone = derived(changed, replace(turned, known=changed.known))
        assert (gone.start, gone.order) == (0, None)


def test_later_images_of_a_run_are_noisy_for_a_denoiser_and_translated_by_the_letters_of_its_history() -> None:
    a, shades = Path("a"), pictures(0)
    split = split_of(shades)
    for task, noise in (("reconstruct", 0.5), ("translate", 0.0)):
        card = replace(CARD, task=task, objective={"noise": noise})
        known = replace(run_on(shades), graph=info(port("reconstruction", 1, 4, 4), card=card))
        assert known.history is not None
        white = np.ones((5, 1, 4, 4), np.float32)
        grid = grids.PictureGrid(white, targets=white, labels=np.arange(5))
        known = replace(known, history=replace(known.history, grids={"letters": grid}))
        state = State(entries=entries_of("a"), current=a, known={a: known}, splits={split.name: split}, start=10)
        state = derived(state)
        assert state.samples is not None and state.page is not None
        assert np.array_equal(state.samples.inputs, state.page.clean) is (task == "translate")
        assert (state.samples.targets == 1).all() == (task == "translate")


def test_files_of_runs_that_are_not_compared_any_more_are_let_go() -> None:
    a, b = Path("a"), Path("b")
    files = {(path, "model"): FileBytes(path, "", "", b"") for path in (a, b)}
    state = State(entries=entries_of("a", "b"), selected=(a, b), current=a, files=files)
    assert derived(state).files is state.files
    assert set(derived(replace(state, selected=(b,), current=b), state).files) == {(b, "model")}


def test_pasted_pictures_are_in_colour_for_a_colouriser_and_nothing_recalls_them() -> None:
    a, grey = Path("a"), Pasted((np.full((4, 4, 3), (255, 0, 0), np.uint8),), ("red",))
    for task, shape in (("colourise", (3, 4, 4)), ("reconstruct", (1, 4, 4)), ("recall", None)):
        graph = info(port("reconstruction", 1, 4, 4), card=replace(CARD, task=task))
        known = replace(run_on(pictures(0)), graph=graph)
        page = derived(State(entries=entries_of("a"), current=a, known={a: known}, pasted=grey)).page
        assert (page.clean.shape[1:] if page else None) == shape


def test_a_run_of_other_images_keeps_its_own_beside_the_current_one_but_takes_what_is_pasted() -> None:
    a, b = Path("a"), Path("b")
    shades, others = pictures(0), pictures(1)
    known = {a: run_on(shades), b: run_on(others, data="kmnist")}
    state = State(entries=entries_of("a", "b"), selected=(a, b), current=a, known=known)
    state = derived(replace(state, splits={SPLIT: split_of(shades)}, start=10))
    np.testing.assert_allclose(255 * state.samples_of(a).inputs, shades[10:20], atol=1e-4)  # type: ignore[union-attr]
    assert state.samples_of(b) is known[b].own_samples
    cut = replace(state, known={**known, b: run_on(others, split="own")})
    np.testing.assert_allclose(255 * cut.samples_of(b).inputs, shades[10:20], atol=1e-4)  # type: ignore[union-attr]
    pasted = derived(replace(state, pasted=Pasted((np.full((4, 4, 3), 255, np.uint8),), ("white",))), state)
    white = pasted.samples_of(b)
    assert white is not None and white.inputs.shape == (1, 1, 4, 4) and white.inputs.min() > 0.99
    large = replace(known[b], graph=info(shape=(1, 8, 8)))
    assert replace(pasted, known={**known, b: large}).samples_of(b) is known[b].own_samples
    assert replace(pasted, known={**known, a: replace(known[a], graph=large.graph)}).samples_of(a) is None
    assert pages.clean_of(known[a].own_samples, "") is known[a].own_samples.inputs  # type: ignore[arg-type,union-attr]
