"""The models that come with the package: each is whole, computes what torch computed, and scores what its card says."""

from __future__ import annotations

import json
import math
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from export import vectors
from export.graph import BOTTLENECK, LOGITS, RECONSTRUCTION, Graph
from export.pretrained import PICTURED_EPOCHS, STEP_POINTS, described, files_of, thinned
from export.pretrained import main as build
from export.targets import verify
from export.verify import composition
from tests.conftest import TrainedRuns
from tests.zoo.test_cli import Capture, aezoo
from zoo import card, pretrained, registry, runs
from zoo.data import sets, splits
from zoo.data.images import LUMA
from zoo.errors import CheckFailed, FileRefused
from zoo.graphs import halves
from zoo.ownership import sha256_of
from zoo.runs import History, RunFolder, find_runs

SHIPPED = [run.path.relative_to(pretrained.FOLDER).as_posix() for run in find_runs(pretrained.FOLDER)]
MOST_BYTES = 40_000_000
IMAGES = 200  # of the embedded test split
each_shipped = pytest.mark.parametrize("name", SHIPPED)


@cache
def graphs_of(name: str, folder: Path) -> dict[str, Graph]:
    data = pretrained.read_model(RunFolder.of(folder, name))
    model = Graph(data, "model.onnx")
    cut = halves(data, source=name) if BOTTLENECK in model.outputs else {}
    return {"model.onnx": model, **{file: Graph(half, file) for file, half in cut.items()}}


def test_pretrained_models_are_there_and_small(pretrained_folder: Path) -> None:
    assert SHIPPED
    files = [path for path in pretrained_folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    kinds = {path.name if path.parent.name != "test" else "test/*" for path in files} - {"__init__.py"}
    assert kinds == {"model.onnx", "card.json", "history.h5", "study.json", "test/*"}


@each_shipped
def test_every_graph_is_whole_and_computes_what_torch_computed(name: str, pretrained_folder: Path) -> None:
    run = RunFolder.of(pretrained_folder, name)
    found = verify(run)
    assert found.passed, (found.errors, found.checks)
    assert found.target == f"{name} (pretrained)" and found.checks and not found.notes
    graphs = graphs_of(name, pretrained_folder)
    assert {(graph.facts.opset, graph.facts.ir_version) for graph in graphs.values()} == {(18, 8)}
    assert all(check.passed for check in vectors.check(vectors.read(run.path), graphs))
    model = graphs["model.onnx"]
    assert model.facts.image_shape is not None and model.card is not None and model.card.name == name
    random = np.random.default_rng(0).random((3, *model.facts.image_shape), dtype=np.float32)
    checks = composition(graphs, model.facts.image_shape, random)
    assert all(check.passed for check in checks) and len(checks) == (BOTTLENECK in model.outputs)


@each_shipped
def test_a_history_is_thinned_and_shows_nobody_s_unlicensed_pixels(name: str, pretrained_folder: Path) -> None:
    run = RunFolder.of(pretrained_folder, name)
    history = run.read_history()
    has_grids = any(key.startswith("grids/") for key in history.arrays)
    assert run.history.stat().st_size < (300_000 if has_grids else 100_000)
    assert len(history.arrays[runs.STEP_LOSS]) <= STEP_POINTS
    pictures = history.arrays.get(runs.EPOCH_RECONSTRUCTIONS, np.zeros((0,)))
    assert len(pictures) <= PICTURED_EPOCHS and len(history.meta.get(runs.PICTURED_EPOCHS, [])) == len(pictures)
    dataset = registry.load(name).data.name
    assert history.meta["data"] == dataset, "trained on the real images"
    if dataset == "cifar10":
        photographs = sets.load(dataset, "test", sets.SAMPLE)
        assert np.array_equal(history.arrays[runs.SAMPLE_TARGETS], photographs.pixels[: runs.SAMPLES])
        assert "JPEG copy" in history.meta["provenance"] or "official" in history.meta["provenance"]
        assert history.meta[runs.SAMPLES_PROVENANCE] == photographs.provenance and not len(pictures)


@each_shipped
def test_a_model_is_as_good_on_the_embedded_images_as_its_card_says(name: str, pretrained_folder: Path) -> None:
    """Two hundred other images than the whole test split, of photographs even other photographs: hence the bands."""
    recipe, model = registry.load(name), graphs_of(name, pretrained_folder)["model.onnx"]
    assert model.card is not None
    measured = model.card.metrics
    test = splits.load(recipe.data.name, sets.SAMPLE, split=recipe.data.split, selection=recipe.data.selection).test
    images = test.take(slice(0, IMAGES))
    pixels = images.pixels.astype(np.float32) / 255
    if recipe.task.name == "classify":
        share = float((model(pixels)[LOGITS].argmax(1) == images.labels).mean())
        assert share > measured["accuracy"] - 0.05
        return
    if recipe.task.by_class:
        return  # its test is a classifier's, which the run of `verify` and the vectors stand for
    inputs = pixels
    if recipe.task.input == "grey":
        inputs = np.einsum("c,nchw->nhw", LUMA, pixels)[:, None].astype(np.float32)
    if recipe.data.noise:
        noise = np.random.default_rng(0).standard_normal(pixels.shape)
        inputs = (pixels + recipe.data.noise * noise).clip(0, 1).astype(np.float32)
    mse = float(np.mean((model(inputs)[RECONSTRUCTION].clip(0, 1) - pixels) ** 2, dtype=np.float64))
    band = 3.0 if recipe.data.name == "cifar10" else 1.25
    assert measured["mse"] / band < mse < measured["mse"] * band


def test_a_model_that_was_changed_by_one_byte_is_refused(
    pretrained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    name = SHIPPED[0]
    shutil.copytree(pretrained_folder / name, tmp_path / name)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    path = tmp_path / name / "model.onnx"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(FileRefused, match=r"not the file that came with the package .*install aezoo again"):
        pretrained.read_model(RunFolder.of(tmp_path, name))
    code, out, _ = aezoo(capsys, "verify", name, "--runs", tmp_path / "none")
    assert code == 1 and "another sha256" in out


def test_a_name_is_looked_up_in_the_runs_folder_and_then_among_the_pretrained(
    pretrained_folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    name = SHIPPED[0]
    code, out, _ = aezoo(capsys, "verify", name, "--runs", tmp_path)
    assert code == 0 and out.startswith(f"{name} (pretrained): passed")
    own = tmp_path / name
    shutil.copytree(pretrained_folder / name, own)
    code, out, _ = aezoo(capsys, "verify", name, "--runs", tmp_path)
    assert code == 0 and out.startswith(f"{own}: passed")
    assert [run.path for run in pretrained.named(name, tmp_path)] == [own]
    assert [run.path for run in pretrained.named(name.split("/")[0], tmp_path)] == [own]
    assert {pretrained.holds(run.path) for run in pretrained.named("all", tmp_path / "none")} == {True}
    assert pretrained.named("no/such", tmp_path) == []


def test_the_list_shows_what_is_pretrained(pretrained_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    code, out, _ = aezoo(capsys, "list", "--runs", "pretrained", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert all((rows[name]["measured"] is not None) == (name in SHIPPED) for name in rows)
    assert all("pretrained" in rows[name]["run"] for name in SHIPPED)
    _, out, _ = aezoo(capsys, "list", "freiburg", "--runs", "pretrained")
    states = {line.split()[0]: line.split("  ")[-1].strip() for line in out.splitlines() if line.startswith("  lr")}
    assert states == {"lr-0.1": "pretrained, failed", "lr-0.01": "pretrained", "lr-0.001": "pretrained"}


def test_the_readme_s_table_is_made_of_their_cards(pretrained_folder: Path, capsys: Capture) -> None:
    """After `make pretrained` the lines between the two markers are what `aezoo list` prints."""
    code, out, _ = aezoo(capsys, "list", "--runs", "pretrained", "--markdown")
    readme = (pretrained_folder.parents[1] / "README.md").read_text()
    begin, end = "<!-- aezoo list --runs pretrained --markdown -->\n", "<!-- end of the list -->"
    assert code == 0 and readme.split(begin)[1].split(end)[0] == out
    assert out.count("\n") == len(SHIPPED) + 2


@pytest.mark.parametrize("verb", [("train", "purdue/conv"), ("train", "purdue/conv", "--resume")])
def test_nothing_is_trained_among_the_pretrained(verb: tuple[str, ...], capsys: Capture) -> None:
    code, _, err = aezoo(capsys, *verb, "--runs", "pretrained", "--data", "sample")
    assert code == 2 and "are only read; name a folder" in err


def test_a_pretrained_model_is_bundled_without_a_checkpoint(
    pretrained_folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    name = "purdue/conv"
    code, out, _ = aezoo(capsys, "export", name, "--runs", "pretrained", "--bundle", tmp_path / "out")
    assert code == 0 and f"{name} (pretrained): model.onnx" in out
    assert aezoo(capsys, "verify", tmp_path / "out")[0] == 0
    files = card.files_of((tmp_path / "out" / name / "card.json").read_text())
    assert {"model.onnx", "encoder.onnx", "decoder.onnx", "README.md", "test/image.f32"} <= files.keys()
    code, _, err = aezoo(capsys, "export", name, "--runs", "pretrained")
    assert code == 2 and "is exported already; --bundle DIR" in err


def test_of_several_that_are_named_by_a_pattern_those_that_are_there_are_bundled(
    pretrained_folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    there = {run.path.name for run in find_runs(pretrained_folder / "letters")}
    code, _, err = aezoo(capsys, "export", "letters", "--runs", "pretrained", "--bundle", tmp_path / "out")
    assert code == 0 and "not trained, so left out: letters/" in err, err
    assert {run.path.name for run in find_runs(tmp_path / "out")} == there
    absent = next(name for name in registry.names() if name.startswith("letters/") and name[8:] not in there)
    code, _, err = aezoo(capsys, "export", absent, "--runs", "pretrained", "--bundle", tmp_path / "out")
    assert code == 2 and f"{absent} is not among the pretrained models; train it with `aezoo train {absent}`" in err


def test_a_model_that_computes_something_else_here_is_not_bundled(
    pretrained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    name = "purdue/conv"
    shutil.copytree(pretrained_folder / name, tmp_path / name)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    expected = tmp_path / name / "test/bottleneck.f32"
    expected.write_bytes((np.frombuffer(expected.read_bytes(), "<f4") + np.float32(0.01)).tobytes())
    code, _, err = aezoo(capsys, "export", name, "--runs", tmp_path, "--bundle", tmp_path / "out")
    assert code == 1 and f"{name} does not compute here what torch computed: see `aezoo verify {name}`" in err
    assert not (tmp_path / "out" / name).exists()


def test_halves_are_the_very_files_of_an_export(pretrained_folder: Path, conv_run: RunFolder) -> None:
    cut = halves(conv_run.graph("model").read_bytes(), source="model.onnx")
    assert cut == {f"{half}.onnx": conv_run.graph(half).read_bytes() for half in ("encoder", "decoder")}


# ---- how they are made ---------------------------------------------------------------------------------------


def made_of(name: str, runs_folder: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Graph]:
    """Make a pretrained model of a run into a folder; return its graphs after `verify` has passed it."""
    run = RunFolder.of(runs_folder, name)
    files = files_of(registry.load(name), run, run.read_history())
    assert files == files_of(registry.load(name), run, run.read_history()), "the same bytes again"
    for file, data in files.items():
        runs.atomic_write(folder / name / file, data)
    found = verify(RunFolder.of(folder, name))
    assert found.passed, (found.errors, found.checks)
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    return {graph.file: graph for graph in graphs_of.__wrapped__(name, folder).values()}


def test_a_large_model_has_float16_weights_and_so_has_what_is_cut_out_of_it(
    trained_runs: TrainedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs_folder = trained_runs("purdue/dense")
    graphs = made_of("purdue/dense", runs_folder, tmp_path, monkeypatch)
    assert graphs.keys() == {"model.onnx", "encoder.onnx", "decoder.onnx"}
    assert all(graph.is_fp16 for graph in graphs.values())
    assert len(graphs["model.onnx"].data) < 0.55 * 4 * 829_284
    assert all(check.passed for check in vectors.check(vectors.read(tmp_path / "purdue/dense"), graphs))


def test_a_model_that_float16_costs_digits_keeps_its_weights_unless_it_is_very_large(
    trained_runs: TrainedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.verify.FP16_TOLERANCE", 1e-9)
    runs_folder = trained_runs("purdue/dense")
    graphs = made_of("purdue/dense", runs_folder, tmp_path, monkeypatch)
    assert not any(graph.is_fp16 for graph in graphs.values())
    monkeypatch.setattr("export.pretrained.FP16_ALWAYS", 1 << 20)
    run = RunFolder.of(runs_folder, "purdue/dense")
    with pytest.raises(CheckFailed, match="purdue/dense loses too much with float16 weights"):
        files_of(registry.load("purdue/dense"), run, run.read_history())


def test_a_model_of_cifar10_shows_what_it_makes_of_photographs(
    trained_runs: TrainedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = made_of("maastricht/colour-1", trained_runs("maastricht/colour-1"), tmp_path, monkeypatch)["model.onnx"]
    arrays = RunFolder.of(tmp_path, "maastricht/colour-1").read_history().arrays
    inputs, targets = arrays[runs.SAMPLE_INPUTS] / np.float32(255), arrays[runs.SAMPLE_TARGETS] / 255
    assert np.array_equal(arrays[runs.SAMPLE_TARGETS], sets.load("cifar10", "test", sets.SAMPLE).pixels[:10])
    np.testing.assert_allclose(inputs[:, 0], np.einsum("c,nchw->nhw", LUMA, targets), atol=0.5 / 255 + 1e-6)
    made = model(inputs)[RECONSTRUCTION].clip(0, 1)
    np.testing.assert_allclose(arrays[runs.SAMPLE_RECONSTRUCTIONS] / 255, made, atol=0.5 / 255 + 1e-5)


def test_a_run_that_is_still_trained_is_left_out(
    trained_runs: TrainedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    source = RunFolder.of(trained_runs("purdue/conv"), "purdue/conv")
    shutil.copytree(source.path, tmp_path / "runs/purdue/conv")
    run = RunFolder.of(tmp_path / "runs", "purdue/conv")
    history = run.read_history()
    unfinished = History({**history.meta, "state": "training"}, history.arrays)
    runs.atomic_write(run.history, runs.pack_history(unfinished))
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "made")
    monkeypatch.setattr("sys.argv", ["pretrained", str(tmp_path / "runs")])
    build()
    assert "purdue/conv: still in training, left out" in capsys.readouterr().out
    assert not (tmp_path / "made").exists()
    runs.atomic_write(run.history, runs.pack_history(history))
    build()
    assert (tmp_path / "made/purdue/conv/card.json").is_file()


def test_of_a_long_history_few_pictures_and_means_of_losses_are_kept() -> None:
    pictures = np.arange(150, dtype=np.uint8)[:, None, None, None, None] * np.ones((1, 1, 1, 2, 2), np.uint8)
    losses = np.arange(2_000, dtype=np.float32)
    kept = thinned(History({}, {runs.EPOCH_RECONSTRUCTIONS: pictures, runs.STEP_LOSS: losses}))
    epochs = kept.meta[runs.PICTURED_EPOCHS]
    assert (epochs[0], epochs[-1]) == (1, 150) and len(epochs) <= PICTURED_EPOCHS and epochs == sorted(set(epochs))
    assert kept.arrays[runs.EPOCH_RECONSTRUCTIONS][:, 0, 0, 0, 0].tolist() == [epoch - 1 for epoch in epochs]
    assert kept.arrays[runs.STEP_LOSS][:2].tolist() == [3.5, 11.5] and len(kept.arrays[runs.STEP_LOSS]) == STEP_POINTS
    short = History({}, {runs.STEP_LOSS: losses[:3]})
    assert thinned(short).arrays[runs.STEP_LOSS].tolist() == [0, 1, 2]


def test_sums_on_a_card_are_those_of_its_files(pretrained_folder: Path) -> None:
    for name in SHIPPED:
        folder = pretrained_folder / name
        for file, (sha256, size) in card.files_of((folder / "card.json").read_text()).items():
            data = (folder / file).read_bytes()
            assert (sha256_of(data), len(data)) == (sha256, size), f"{name}/{file}"
        assert math.isfinite(RunFolder(folder).read_history().arrays[runs.TRAIN_LOSS][-1])


@pytest.mark.parametrize("name", SHIPPED[::9])
def test_what_a_recipe_says_of_its_network_stands_in_card_and_history(name: str, pretrained_folder: Path) -> None:
    run = RunFolder.of(pretrained_folder, name)
    for file, data in described(run).items():
        assert (run.path / file).read_bytes() == data, "run: python -m export.pretrained"
