"""A bundle proves itself, says what it is, comes out alike again, and costs nobody a file."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from export import bundle as bundling
from export import fp16, vectors
from export.bundle import write_bundle, write_kit
from export.describe import as_markdown, as_text, figures, sections
from export.publish import publish
from export.published import Published
from export.targets import card_of, verify
from export.vectors import Vectors
from tests.conftest import Exported, TrainedRuns
from tests.zoo.test_cli import aezoo
from tests.zoo.test_gate import model_of
from zoo import card, registry, runs, sessions, tasks
from zoo.errors import FileRefused, RunError, WriteError
from zoo.runs import RunFolder
from zoo.targets import expand

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(conv_export: Published, tmp_path: Path) -> Path:
    """A folder with the bundle of purdue/conv, which a test may change."""
    write_bundle(conv_export, tmp_path)
    return tmp_path


def files_of(bundle: Path) -> dict[str, bytes]:
    found = (path for path in bundle.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(bundle).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize(
    "name",
    ["purdue/conv", "hesso/vae-2-all", "hesso/classifier", pytest.param("maastricht/colour-1", marks=pytest.mark.slow)],
)
def test_a_stranger_with_numpy_and_onnxruntime_reproduces_the_vectors(
    name: str, exported: Exported, tmp_path: Path
) -> None:
    bundle = write_bundle(exported(name), tmp_path).path
    vectors = json.loads((bundle / "test" / "vectors.json").read_text())
    assert vectors["images"] == 2

    def tensor(port: str) -> np.ndarray:
        entry = vectors["tensors"][port]
        return np.fromfile(bundle / "test" / entry["file"], "<f4").reshape(entry["shape"])

    assert {*vectors["graphs"]} == {path.name for path in bundle.glob("*.onnx")}
    for graph, entry in vectors["graphs"].items():
        session = sessions.make((bundle / graph).read_bytes())
        answers = session.run(list(entry["outputs"]), {entry["input"]: tensor(entry["input"])})
        for (output, near), answer in zip(entry["outputs"].items(), answers, strict=True):
            assert np.abs(answer - tensor(output)).max() <= near["tolerance"] <= 1e-2, (graph, output)


def test_card_json_lists_every_other_file_with_its_sum_and_size(folder: Path) -> None:
    files = files_of(folder / "purdue/conv")
    content = json.loads(files.pop("card.json"))
    assert content["files"] == {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()
    }
    assert files.keys() >= {"model.onnx", "encoder.onnx", "decoder.onnx", "README.md", "test/vectors.json"}


def test_the_same_run_gives_the_same_bundle_and_no_trace_of_machine_or_day(
    conv_export: Published, folder: Path
) -> None:
    before = files_of(folder)
    write_bundle(conv_export, folder)
    assert files_of(folder) == before
    whole = b"".join(before.values())
    assert str(folder).encode() not in whole
    assert not any(word in whole for word in (b"/home/", b"/tmp/", b"2026-", b"Date"))


def test_the_index_lists_several_bundles_and_forgets_one_that_was_removed(
    conv_export: Published, exported: Exported, folder: Path
) -> None:
    write_bundle(exported("hesso/classifier"), folder)

    def index() -> dict[str, Any]:
        content = json.loads((folder / "index.json").read_text())
        return {entry["name"]: entry for entry in content["bundles"]}

    found = index()
    assert list(found) == ["hesso/classifier", "purdue/conv"]
    for name, entry in found.items():
        data = (folder / entry["path"] / "card.json").read_bytes()
        assert entry["card"] == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        assert entry["bytes"] == sum(map(len, files_of(folder / name).values()))
    shutil.rmtree(folder / "hesso")
    write_bundle(conv_export, folder)
    assert list(index()) == ["purdue/conv"]


def test_the_readme_says_what_the_card_says_and_its_lines_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = folder / "purdue/conv"
    text = (bundle / "README.md").read_text()
    own = card.from_json((bundle / "card.json").read_text())
    assert text.split("---\n", 2)[2].startswith("\n# purdue/conv\n")
    for part in (
        own.summary,
        "8×7×7 = 392 values",
        "3,217",
        own.data["licence"],
        own.data["provenance"],
        "nearest-example",
    ):
        assert part in text
    code = text.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(bundle)
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # the README's own lines
    assert namespace["reconstruction"].shape == (2, 1, 28, 28)
    assert namespace["bottleneck"].shape == (2, 8, 7, 7)


# ---- half the size -------------------------------------------------------------------------------------------


def test_fp16_halves_a_file_over_a_mebibyte_and_is_verified(
    trained_runs: TrainedRuns, tmp_path: Path, capsys: Capture
) -> None:
    runs_folder = trained_runs("purdue/dense", "purdue/conv")
    code, out, _ = aezoo(
        capsys, "export", "purdue/dense", "purdue/conv", "--runs", runs_folder, "--bundle", tmp_path, "--fp16", "--json"
    )
    assert code == 0
    dense, conv = json.loads(out)
    assert "model_fp16.onnx" not in conv["files"], "it is small already"
    assert 0.49 < dense["files"]["model_fp16.onnx"]["bytes"] / dense["files"]["model.onnx"]["bytes"] < 0.52
    checks = {check["output"]: check for check in dense["checks"] if check["graph"] == "model_fp16"}
    assert checks.keys() == {"reconstruction", "bottleneck"}
    bundle = tmp_path / "purdue/dense"
    model = onnx.load(bundle / "model_fp16.onnx")
    assert {tensor.data_type for tensor in model.graph.initializer} >= {onnx.TensorProto.FLOAT16}
    assert {port.type.tensor_type.elem_type for port in model.graph.output} == {onnx.TensorProto.FLOAT}
    assert "model_fp16.onnx" in json.loads((bundle / "card.json").read_text())["files"]
    assert aezoo(capsys, "verify", bundle)[0] == 0
    aezoo(capsys, "export", "purdue/dense", "--runs", runs_folder)
    assert not (runs_folder / "purdue/dense/model_fp16.onnx").exists(), "an older one would stay beside newer weights"


@pytest.mark.slow
def test_fp16_that_needs_more_digits_is_not_written_and_the_rest_is(
    trained_runs: TrainedRuns, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.verify.FP16_TOLERANCE", 1e-9)
    arguments = ("export", "purdue/dense", "--runs", trained_runs("purdue/dense"), "--bundle", tmp_path, "--fp16")
    code, out, err = aezoo(capsys, *arguments)
    assert code == 1
    assert "FAILED  model_fp16.reconstruction against torch" in out
    assert "model_fp16.onnx was not written for purdue/dense: the weights need more digits than float16" in err
    assert not (tmp_path / "purdue/dense/model_fp16.onnx").exists()
    assert aezoo(capsys, "verify", tmp_path / "purdue/dense")[0] == 0
    (document,) = json.loads(aezoo(capsys, *arguments, "--json")[1])
    refused = {(check["graph"], check["output"]): check["passed"] for check in document["refused"]}
    assert refused[("model_fp16", "reconstruction")] is False
    assert all(check["graph"] != "model_fp16" for check in document["checks"])


def test_a_weight_beyond_float16_is_noticed(conv_run: RunFolder) -> None:
    model = onnx.load(conv_run.graph("model"))
    weight = model.graph.initializer[0]
    weight.CopyFrom(onnx.numpy_helper.from_array(np.full(tuple(weight.dims), 1e6, np.float32), weight.name))
    answer = sessions.make(fp16.with_fp16_weights(model.SerializeToString())).run(
        None, {"image": np.ones((1, 1, 28, 28), "f4")}
    )
    assert not all(np.isfinite(value).all() for value in answer)


def test_a_weight_of_fewer_than_16_values_keeps_all_its_digits(conv_run: RunFolder) -> None:
    before = onnx.load(conv_run.graph("model")).graph.initializer
    sizes = {each.name: math.prod(each.dims) for each in before if each.data_type == onnx.TensorProto.FLOAT}
    half = onnx.load_from_string(fp16.with_fp16_weights(conv_run.graph("model").read_bytes()))
    kept = {each.name for each in half.graph.initializer if each.data_type == onnx.TensorProto.FLOAT}
    assert kept == {name for name, size in sizes.items() if size < 16}
    assert kept and kept != sizes.keys()


# ---- nothing is lost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["model.onnx", "card.json", "README.md", "test/image.f32", "test/vectors.json", "../../index.json"]
)
def test_a_file_that_is_not_ours_is_never_written_over(name: str, conv_export: Published, tmp_path: Path) -> None:
    path = (tmp_path / "purdue/conv" / name).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'{"mine": true}')
    with pytest.raises(FileRefused, match=f"{path.name} (was not written by aezoo|is not an index)"):
        write_bundle(conv_export, tmp_path)
    assert path.read_bytes() == b'{"mine": true}'
    assert not (tmp_path / "purdue/conv/encoder.onnx").exists(), "nothing was begun"


def test_a_readme_that_was_changed_stays_and_an_unchanged_one_is_renewed(conv_export: Published, folder: Path) -> None:
    readme = folder / "purdue/conv/README.md"
    readme.write_text(readme.read_text() + "\nMy own remark.\n")
    with pytest.raises(FileRefused, match=r"README.md was not written by aezoo, or was changed since"):
        write_bundle(conv_export, folder)
    assert "My own remark" in readme.read_text()


def test_export_and_training_keep_a_foreign_model_without_overwrite(
    conv_run: RunFolder, tmp_path: Path, capsys: Capture
) -> None:
    run = RunFolder.of(tmp_path, "purdue/conv")
    shutil.copytree(conv_run.path, run.path)
    run.graph("model").write_bytes(b"somebody else's")
    training = ("train", "purdue/conv", "--data", "sample", "--runs", tmp_path, "--epochs", "9", "--quiet")
    for arguments in (("export", "purdue/conv", "--runs", tmp_path), (*training, "--resume")):
        code, _, err = aezoo(capsys, *arguments)
        assert code == 2
        assert err == (
            f"aezoo: {run.graph('model')} was not written by aezoo, or was changed since; it would be lost: "
            "move it away, or add --overwrite\n"
        )
        assert run.graph("model").read_bytes() == b"somebody else's"
    assert aezoo(capsys, "export", "purdue/conv", "--runs", tmp_path, "--overwrite")[0] == 0
    assert run.graph("model").read_bytes() == conv_run.graph("model").read_bytes()
    run.graph("model").write_bytes(b"somebody else's")
    code, _, err = aezoo(capsys, *training, "--epochs", "1", "--quick", "--overwrite")
    assert code == 0, err
    assert aezoo(capsys, "verify", run.path)[0] == 0


def test_a_bundle_a_kit_and_an_index_of_somebody_else_are_written_over_where_that_was_said(
    conv_export: Published, tmp_path: Path
) -> None:
    for name in ("purdue/conv/README.md", "index.json", "kit/README.md", "kit/sums.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    with pytest.raises(FileRefused, match=r"index.json is not an index of bundles; move it away, or add --overwrite"):
        write_bundle(conv_export, tmp_path)
    with pytest.raises(FileRefused, match=r"would be lost: move it away, or add --overwrite"):
        write_kit(tmp_path)
    write_bundle(conv_export, tmp_path, overwrite=True)
    write_kit(tmp_path, overwrite=True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"mine"]


def test_a_graph_of_ours_is_replaced_where_no_card_lists_it_and_asked_about_where_it_was_cut_short(
    conv_run: RunFolder, tmp_path: Path, capsys: Capture
) -> None:
    run = RunFolder.of(tmp_path, "purdue/conv")
    shutil.copytree(conv_run.path, run.path)
    whole = run.graph("model").read_bytes()
    run.graph("model").write_bytes(whole[: len(whole) // 2])
    run.graph("encoder").write_bytes(b"")
    code, _, err = aezoo(capsys, "export", "purdue/conv", "--runs", tmp_path)
    assert code == 2 and "model.onnx was not written by aezoo, or was changed since" in err
    run.card.unlink()
    assert aezoo(capsys, "export", "purdue/conv", "--runs", tmp_path)[0] == 0
    assert run.graph("model").read_bytes() == whole


# ---- verify and card -----------------------------------------------------------------------------------------


def test_verify_proves_a_bundle_without_torch_s_weights(folder: Path, capsys: Capture) -> None:
    code, out, _ = aezoo(capsys, "verify", folder)
    assert code == 0
    assert out.count("against test vectors") == 4


def damage_vector(bundle: Path) -> str:
    """Change a vector and its sum, so that only the numbers tell."""
    path, content = bundle / "test/reconstruction.f32", json.loads((bundle / "card.json").read_text())
    values = np.fromfile(path, "<f4")
    values[7] += 0.01
    path.write_bytes(values.tobytes())
    content["files"]["test/reconstruction.f32"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (bundle / "card.json").write_text(json.dumps(content, sort_keys=True, separators=(",", ":")))
    return "FAILED  model.reconstruction against test vectors: 1.0e-02 of 1.0e-05"


def damage_sum(bundle: Path) -> str:
    (bundle / "README.md").write_text("changed")
    return "README.md is not the file that card.json lists (another sha256 or size)"


def lose_a_file(bundle: Path) -> str:
    (bundle / "decoder.onnx").unlink()
    return "card.json lists decoder.onnx, which is not in"


def list_another_s_file(bundle: Path) -> str:
    content = json.loads((bundle / "card.json").read_text())
    content["files"]["../../index.json"] = {"sha256": "0" * 64, "bytes": 1}
    (bundle / "card.json").write_text(json.dumps(content, sort_keys=True, separators=(",", ":")))
    return "lists '../../index.json', which is not a file of its folder"


def shorten_a_vector(bundle: Path) -> str:
    (bundle / "test/image.f32").write_bytes(b"\0" * 12)
    return "image.f32 has 12 bytes, expected float32 values of the shape (2, 1, 28, 28)"


def rename_a_port(bundle: Path) -> str:
    text = (bundle / "test/vectors.json").read_text()
    (bundle / "test/vectors.json").write_text(text.replace('"reconstruction"', '"picture"'))
    return "has no output 'picture'|has no test vector of its output 'reconstruction'"


def change_vectors(change: Callable[[dict[str, Any]], None], sentence: str) -> Callable[[Path], str]:
    """Change what vectors.json says."""

    def damage(bundle: Path) -> str:
        path = bundle / "test/vectors.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))
        return sentence

    return damage


def widen(tolerance: float) -> Callable[[Path], str]:
    """Ask for less than we do, of a vector that is wrong."""

    def damage(bundle: Path) -> str:
        damage_vector(bundle)
        text = (bundle / "test/vectors.json").read_text().replace("1e-05", str(tolerance))
        (bundle / "test/vectors.json").write_text(text)
        return "1.0e-02 of 1.0e-05|is not a list of test vectors"

    return damage


def add_an_unlisted_graph(bundle: Path) -> str:
    shutil.copy(bundle / "model.onnx", bundle / "model_fp16.onnx")
    return "card.json does not list model_fp16.onnx"


def lie_about_a_size(bundle: Path) -> str:
    text = (bundle / "card.json").read_text()
    size = (bundle / "model.onnx").stat().st_size
    (bundle / "card.json").write_text(text.replace(f'"bytes":{size},', '"bytes":5,'))
    return "model.onnx is not the file that card.json lists (another sha256 or size)"


def lose_the_card(bundle: Path) -> str:
    (bundle / "card.json").unlink()
    return "FAILED  no card.json beside it"


def make_a_pipe(bundle: Path) -> str:
    (bundle / "README.md").unlink()
    os.mkfifo(bundle / "README.md")
    return "README.md is not a regular file"


def name_a_tensor_twice(bundle: Path) -> str:
    path = bundle / "test/vectors.json"
    path.write_text(path.read_text().replace('"tensors": {', '"tensors": {"image": {"file": "a.f32", "shape": [1]}, '))
    return NO_LIST


NO_LIST = "is not a list of test vectors of aezoo"
DAMAGES = {
    "a tensor twice": name_a_tensor_twice,
    "a file outside": change_vectors(lambda content: content["tensors"]["image"].update(file="../image.f32"), NO_LIST),
    "a file of another kind": change_vectors(lambda content: content["tensors"]["image"].update(file="i.bin"), NO_LIST),
    "no shape": change_vectors(lambda content: content["tensors"]["image"].update(shape=[]), NO_LIST),
    "an empty shape": change_vectors(lambda content: content["tensors"]["image"].update(shape=[2, 0, 28, 28]), NO_LIST),
    "a shape of truths": change_vectors(
        lambda content: content["tensors"]["image"].update(shape=[True, 1, 28, 28]), NO_LIST
    ),
    "another format": change_vectors(lambda content: content.update(format="aezoo/2"), NO_LIST),
    "another type": change_vectors(lambda content: content.update(dtype="float64"), NO_LIST),
    "another byte order": change_vectors(lambda content: content.update(byte_order="big"), NO_LIST),
    "a port that is no tensor": change_vectors(
        lambda content: content["graphs"]["model.onnx"].update(input="nothing"), NO_LIST
    ),
    "a wrong vector": damage_vector,
    "a changed file": damage_sum,
    "a lost file": lose_a_file,
    "a file elsewhere": list_another_s_file,
    "a short vector": shorten_a_vector,
    "another port": rename_a_port,
    "a wide tolerance": widen(1e9),
    "an endless tolerance": widen(float("inf")),
    "no tolerance": widen(float("nan")),
    "a negative tolerance": widen(-1.0),
    "no graphs": change_vectors(lambda content: content["graphs"].clear(), "has no test vectors"),
    "no outputs": change_vectors(
        lambda content: content["graphs"]["model.onnx"]["outputs"].clear(), "no test vector of its"
    ),
    "an endless shape": change_vectors(
        lambda content: content["tensors"]["image"].update(shape=[float("inf")]), NO_LIST
    ),
    "many images": change_vectors(lambda content: content["tensors"]["image"].update(shape=[9999, 1, 28, 28]), NO_LIST),
    "many tensors": change_vectors(
        lambda content: content["tensors"].update({f"t{i}": content["tensors"]["image"] for i in range(99)}),
        "are not read",
    ),
    "too many bytes": change_vectors(
        lambda content: content["tensors"]["image"].update(shape=[2, 1, 3000, 3000]), "more than 64 MiB of vectors"
    ),
    "a graph that nobody lists": add_an_unlisted_graph,
    "a wrong size": lie_about_a_size,
    "no card": lose_the_card,
    "a pipe": make_a_pipe,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_verify_says_what_is_wrong_with_a_bundle(damage: Any, folder: Path, capsys: Capture) -> None:
    sentence = damage(folder / "purdue/conv")
    code, out, err = aezoo(capsys, "verify", folder / "purdue/conv")
    assert code == 1
    assert any(each in out for each in sentence.split("|")), out
    assert err == ""


def test_the_card_of_a_lone_file_is_printed(folder: Path, capsys: Capture) -> None:
    code, out, _ = aezoo(capsys, "card", folder / "purdue/conv/encoder.onnx")
    assert code == 0
    for part in (
        "purdue/conv, encoder.onnx",
        "8×7×7 = 392",
        "float32 batch×1×28×28",
        "divided by 255",
        "nearest-example",
        "CC BY-SA 3.0",
    ):
        assert part in out, part
    own = card.from_json((folder / "purdue/conv/card.json").read_text())
    for metric, value in own.metrics.items():
        assert f"{value:.4g}" in out, metric
    train, validation, test = (own.data[split] for split in ("train", "validation", "test"))
    assert train > validation != test
    assert f"{train:,} to learn from, {validation:,} to watch, {test:,} to test" in out
    code, out, _ = aezoo(capsys, "card", folder, folder / "purdue/conv/card.json", "--json")
    assert code == 0
    assert [part["name"] for part in json.loads(out)] == ["purdue/conv"] * 2


def test_card_of_a_graph_without_one_says_so_and_what_the_graph_says(tmp_path: Path, capsys: Capture) -> None:
    from tests.zoo.test_gate import relu

    (tmp_path / "plain.onnx").write_bytes(relu().SerializeToString())
    code, out, _ = aezoo(capsys, "card", tmp_path / "plain.onnx")
    assert code == 0 and f"{tmp_path / 'plain.onnx'} (no card of aezoo inside)" in out
    for part in ("image float32 batch×1×8×8", "out float32", "opset       18, IR 8", "operators   1: Relu"):
        assert part in out, part
    code, out, _ = aezoo(capsys, "card", tmp_path / "plain.onnx", "--json")
    (said,) = json.loads(out)
    assert (said["operators"], said["opset"], said["inputs"][0]["name"]) == ({"Relu": 1}, 18, "image")


def made_up(**more: Any) -> card.Card:
    """A card with a value of every kind."""
    image = {"name": "image", "kind": "image", "dtype": "float32", "shape": ["batch", 1, 2, 2], "layout": "NCHW"}
    latent = {"name": "bottleneck", "kind": "bottleneck", "dtype": "float32", "shape": ["batch", 2]}
    values: dict[str, Any] = {
        "name": "a/b",
        "assignment": "a",
        "graph": "model",
        "task": "denoise",
        "summary": "4-2-4",
        "inputs": [{**image, "range": [0, 1]}],
        "outputs": [
            latent,
            {"name": "logits", "dtype": "float32", "shape": ["batch", 3], "classes": ["x", "y", "noise"]},
        ],
        "bottleneck": {"shape": [2], "size": 2, "view": None, "compression": 2.0},
        "objective": {"name": "bce", "noise": 0.25},
        "data": {
            "name": "mnist",
            "train": 60_000,
            "test": 10_000,
            "split": "published",
            "provenance": "p",
            "licence": "l",
        },
        "training": {
            "epochs": 3,
            "batch_size": 64,
            "learning_rate": 0.01,
            "seed": 7,
            "precision": "fp32",
            "state": "s",
        },
        "metrics": {"mse": 0.001234567, "psnr": 29.0855},
        "baselines": {"zebra": {"mse": 1.0}, "noisy-input": {"mse": 0.115}, "linear": {"psnr": 21.5, "mse": math.inf}},
        "parameters": 12_345,
        "tools": {"torch": "2"},
        "choices": ["this | that"],
        "published": {"accuracy": 0.97},
    }
    return card.Card(**{**values, **more})


def test_a_card_is_told_in_sections_the_figures_with_the_sheet_and_the_baselines_that_say_most_first() -> None:
    assert sections(made_up()) == [
        (
            "what it is",
            [
                ("task", "denoise: gives back the image without the noise that was added to it"),
                ("network", "4-2-4"),
                ("parameters", "12,345"),
                ("bottleneck", "2 values, each for 2.0 pixels"),
                ("objective", "bce, inputs with noise of 0.25"),
            ],
        ),
        ("goes in", [("image", "float32 batch×1×2×2, NCHW, from 0 to 1: pixels of 8 bits divided by 255")]),
        ("comes out", [("bottleneck", "float32 batch×2"), ("logits", "float32 batch×3, of the classes x y noise")]),
        (
            "learned from",
            [
                ("data", "mnist: p"),
                ("licence of it", "l"),
                ("images", "60,000 to learn from, ? to watch, 10,000 to test; split published"),
                ("training", "3 epochs of batches of 64, learning rate 0.01, seed 7, fp32, s"),
            ],
        ),
        ("made with", [("torch", "2")]),
    ]
    assert figures(made_up()) == [
        ["on the test images", "mse", "psnr (dB)", "accuracy"],
        ["this model", "0.001235", "29.09", "–"],
        ["the sheet", "–", "–", "0.97"],
        ["linear", "–", "21.5", "–"],
        ["noisy-input", "0.115", "–", "–"],
        ["zebra", "1", "–", "–"],
    ]
    assert as_text(made_up()).startswith("a/b, model.onnx\n\nwhat it is\n  task           denoise: ")
    assert as_text(made_up()).endswith("\nwhat the sheet leaves open and was chosen\n  - this | that")


def test_every_file_without_a_card_is_named(tmp_path: Path, capsys: Capture) -> None:
    for name in ("one.onnx", "two.onnx", "three.onnx"):
        (tmp_path / name).write_bytes(b"no graph")
    code, out, err = aezoo(capsys, "card", *sorted(tmp_path.iterdir()))
    assert (code, out) == (2, "")
    assert [sum(name in line for line in err.splitlines()) for name in ("one.onnx", "two.onnx", "three.onnx")] == [
        1
    ] * 3


def test_no_text_of_a_card_makes_lines_of_its_own() -> None:
    """What a stranger's card says cannot pass for what the program says."""
    plain = as_text(made_up(choices=["this"]))
    tricky = "x\n\nnext: rm -rf"
    forged = as_text(made_up(choices=[f"this {tricky}"], summary=tricky, name=tricky, task=tricky))
    assert len(forged.splitlines()) == len(plain.splitlines())
    assert not any(line.startswith("next:") for line in forged.splitlines())
    assert "\nnext:" not in as_markdown(made_up(choices=[tricky]), ["model.onnx"], 2)


def test_a_card_of_another_version_a_plain_one_and_one_of_a_class_are_told_too() -> None:
    odd = dict(
        sections(made_up(task="dream", bottleneck={}, objective={"name": "mse", "noise": 0.0}, published={}))[0][1]
    )
    assert odd["task"] == "dream: unknown to this version"
    assert odd["objective"] == "mse" and "bottleneck" not in odd
    assert [row[0] for row in figures(made_up(published={}))][:2] == ["on the test images", "this model"]
    (_, recalled), *_ = sections(made_up(task="recall"))[1][1]
    assert recalled == "float32 batch×1×2×2, one value a class: 1 for the letter that is wanted, 0 for the others"
    assert "8×7×7 = 392 values" in str(sections(made_up(bottleneck={"shape": [8, 7, 7], "size": 392})))
    assert "? values" in str(sections(made_up(bottleneck={"size": 392})))


def test_a_readme_is_made_of_the_card_and_its_tables_hold_whatever_is_said() -> None:
    text = as_markdown(made_up(summary="a | b"), ["model.onnx", "encoder.onnx"], 2)
    assert "| network | a \\| b |" in text and "- this | that" in text
    assert "Files: `model.onnx`, `encoder.onnx`; `card.json` says" in text
    assert 'images = np.fromfile("test/image.f32", "<f4").reshape(-1, 1, 2, 2)' in text
    assert 'bottleneck, logits = session.run(None, {"image": images})' in text
    assert "| on the test images | mse | psnr (dB) | accuracy |\n| --- | ---: | ---: | ---: |\n" in text
    assert "It gives back the image without the noise that was added to it. a | b." in text
    assert "`test/` holds 2 images" in text


# ---- the kit -------------------------------------------------------------------------------------------------


def test_the_kit_lies_beside_the_bundles_and_is_renewed_but_never_over_one_s_own_changes(
    conv_export: Published, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "cache"))
    assert not write_kit(folder), "onnxruntime-web is not there"
    ort = tmp_path / "cache/npm/node_modules/onnxruntime-web/dist"
    ort.mkdir(parents=True)
    for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"):
        (ort / name).write_bytes(b"stands in for it")
    assert write_kit(folder)
    kit = files_of(folder / "kit")
    assert kit.keys() >= {"web/index.html", "web/ort/ort.wasm.min.mjs", "python/reconstruct.py", "cpp/reconstruct.cpp"}
    (ort / "ort.wasm.min.mjs").write_bytes(b"a newer one")
    assert write_kit(folder)
    assert (folder / "kit/web/ort/ort.wasm.min.mjs").read_bytes() == b"a newer one"
    (folder / "kit/python/reconstruct.py").write_text("# mine")
    with pytest.raises(FileRefused, match=r"reconstruct\.py was not written by aezoo, or was changed since"):
        write_kit(folder)


def test_export_says_how_the_page_is_opened_and_what_it_lacks(
    conv_run: RunFolder, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "cache"))
    arguments = ("export", "purdue/conv", "--runs", conv_run.path.parents[1], "--bundle", tmp_path / "models", "--kit")
    code, out, err = aezoo(capsys, *arguments)
    assert code == 0
    assert out.splitlines()[-1] == f"next: aezoo verify {tmp_path / 'models'} --matrix"
    assert "the kit's web page needs onnxruntime-web beside it; run this line, then export again: npm install" in err
    ort = tmp_path / "cache/npm/node_modules/onnxruntime-web/dist"
    ort.mkdir(parents=True)
    for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"):
        (ort / name).write_bytes(b"stands in for it")
    code, out, err = aezoo(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "then http://localhost:8000/kit/web/" in out.splitlines()[-1]
    code, _, err = aezoo(capsys, "export", "purdue/conv", "--runs", conv_run.path.parents[1], "--kit")
    assert (code, err) == (2, "aezoo: --kit puts programs beside bundles; name their folder with --bundle DIR\n")


@pytest.mark.slow
def test_exports_at_the_same_time_lose_no_entry_of_the_index(
    conv_export: Published, exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "cache"))
    names = ["hesso/classifier", "hesso/vae-2-all", "maastricht/base"]
    several = [conv_export, *map(exported, names)]
    with ThreadPoolExecutor(len(several)) as threads:
        list(threads.map(lambda each: write_bundle(each, tmp_path / "models"), several))
    content = json.loads((tmp_path / "models/index.json").read_text())
    assert [entry["name"] for entry in content["bundles"]] == sorted(["purdue/conv", *names])


# ---- kills, links and places ---------------------------------------------------------------------------------


@pytest.mark.parametrize("after", range(1, 10))
def test_an_export_that_was_killed_leaves_nothing_that_the_next_one_takes_for_a_strangers(
    after: int, conv_export: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First a kill in a first export, then one while another training replaces it, then an export that ends."""
    other = replace(conv_export, vectors=replace(conv_export.vectors, tensors=_moved(conv_export.vectors.tensors)))
    whole = runs.atomic_write
    for each in (conv_export, other):
        left = [after]

        def write(path: Path, data: bytes, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            whole(path, data)

        monkeypatch.setattr(runs, "atomic_write", write)
        with pytest.raises(KeyboardInterrupt):
            write_bundle(each, tmp_path)
    monkeypatch.setattr(runs, "atomic_write", whole)
    (tmp_path / "purdue/conv/.card.json.7.abc.tmp").write_bytes(b"half")
    bundle = write_bundle(conv_export, tmp_path).path
    assert not [name for name in files_of(bundle) if name.startswith(".") or ".tmp" in name]


def _moved(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value + np.float32(1e-7) for name, value in tensors.items()}


@pytest.mark.parametrize(
    "name", ["purdue", "purdue/conv", "purdue/conv/test", "purdue/conv/README.md", "index.json", ".lock"]
)
def test_a_link_leads_nothing_out_of_the_folder(name: str, conv_export: Published, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    if name.endswith((".md", ".json", ".lock")):
        elsewhere.write_bytes(b"")
    else:
        elsewhere.mkdir()
    link = tmp_path / "models" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(FileRefused, match="is a link, and what is written there would land elsewhere"):
        write_bundle(conv_export, tmp_path / "models")
    assert elsewhere.read_bytes() == b"" if elsewhere.is_file() else not list(elsewhere.iterdir())


def test_a_run_s_own_folder_takes_no_bundle(conv_run: RunFolder, capsys: Capture) -> None:
    runs_folder = conv_run.path.parents[1]
    arguments = ("export", "purdue/conv", "--runs", runs_folder, "--bundle", runs_folder)
    code, _, err = aezoo(capsys, *arguments)
    assert code == 2
    assert "is a run's own folder; name another one for the bundles with --bundle DIR" in err
    assert not (conv_run.path / "test").exists()


def test_a_card_and_a_graph_that_somebody_changed_stay(conv_run: RunFolder, tmp_path: Path, capsys: Capture) -> None:
    run = RunFolder.of(tmp_path, "purdue/conv")
    shutil.copytree(conv_run.path, run.path)
    model = onnx.load(run.graph("model"))
    model.doc_string = "mine"
    run.graph("model").write_bytes(model.SerializeToString(deterministic=True))
    code, _, err = aezoo(capsys, "export", "purdue/conv", "--runs", tmp_path)
    assert code == 2 and "model.onnx was not written by aezoo, or was changed since" in err
    shutil.copy(conv_run.graph("model"), run.graph("model"))
    content = json.loads(run.card.read_text())
    content["choices"].append("mine")
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"
    run.card.write_text(text)
    code, _, err = aezoo(capsys, "export", "purdue/conv", "--runs", tmp_path)
    assert code == 2 and "card.json was not written by aezoo, or was changed since" in err
    assert run.card.read_text() == text


@pytest.mark.slow
def test_a_half_size_graph_of_earlier_weights_leaves_the_bundle_unless_it_was_changed(
    trained_runs: TrainedRuns, tmp_path: Path
) -> None:
    recipe, run = registry.load("purdue/dense"), RunFolder.of(trained_runs("purdue/dense"), "purdue/dense")
    with_fp16, plain = publish(recipe, run, fp16=True), publish(recipe, run)
    half = write_bundle(with_fp16, tmp_path).path / "model_fp16.onnx"
    assert half.is_file()
    write_bundle(plain, tmp_path)
    assert not half.exists()
    write_bundle(with_fp16, tmp_path)
    half.write_bytes(b"changed by its owner")
    write_bundle(plain, tmp_path)
    assert half.read_bytes() == b"changed by its owner"


def test_a_strangers_index_brings_no_entry_of_its_own(conv_export: Published, folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    index["bundles"][0].update(path="//evil.example/x", metrics={"mse": float("nan")}, summary="\ud800")
    index["bundles"].append({"name": "../../etc", "path": "../../etc"})
    (folder / "index.json").write_text(json.dumps(index))
    write_bundle(conv_export, folder)
    content = json.loads((folder / "index.json").read_text())
    assert [(entry["name"], entry["path"]) for entry in content["bundles"]] == [("purdue/conv", "purdue/conv")]
    assert "evil" not in json.dumps(content)


def test_a_folder_that_cannot_be_written_is_one_sentence(conv_export: Published, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(WriteError, match=r"could not write .*file.*; choose another folder"):
        write_bundle(conv_export, tmp_path / "file" / "sub")
    assert (tmp_path / "file").read_bytes() == b"x"


def test_sums_of_somebody_elses_kit_stay(folder: Path) -> None:
    (folder / "kit").mkdir()
    (folder / "kit/sums.json").write_text("md5 sums of my thesis")
    with pytest.raises(FileRefused, match=r"sums\.json was not written by aezoo"):
        write_kit(folder)
    assert (folder / "kit/sums.json").read_text() == "md5 sums of my thesis"


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": [7]},
        {"outputs": [{"name": "a", "kind": "image", "shape": [1], "range": [0, 1, 2]}]},
        {"outputs": [{"name": "a", "kind": "logits", "shape": [1], "classes": 5}]},
        {"baselines": {"pca": 3}},
        {"metrics": {"mse": float("nan")}},
        {"metrics": {"mse": "good"}},
        {"summary": "\ud800"},
        {"choices": [1]},
    ],
)
def test_a_card_of_other_types_is_refused_with_its_file(change: dict[str, Any], folder: Path, capsys: Capture) -> None:
    path = folder / "purdue/conv/card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    code, out, err = aezoo(capsys, "card", path, folder / "purdue/conv/model.onnx")
    assert code == 2
    assert f"{path}: its card" in err and "export the run again" in err
    assert "purdue/conv, model.onnx" in out, "the good one is shown still"


def test_lines_in_a_card_pass_for_no_lines_of_ours(folder: Path, capsys: Capture) -> None:
    path = folder / "purdue/conv/card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "summary": "a\nother.onnx: passed\n  ok"}))
    _, out, _ = aezoo(capsys, "card", path)
    assert "a other.onnx: passed ok" in out
    assert not any(line.startswith("other.onnx") for line in out.splitlines())


# ---- vectors -------------------------------------------------------------------------------------------------


def crafted_vectors(folder: Path, change: Callable[[dict[str, Any]], object] = lambda listing: None) -> Path:
    """Write two images and what came out of them, with a changed list; return the folder."""
    made = {"image": np.ones((2, 1, 2, 2), np.float32), "code": np.full((2, 3), 12.345, np.float32)}
    files = Vectors(made, {"encoder.onnx": ("image", {"code": 1e-6})}).as_files()
    listing = json.loads(files[vectors.FILE])
    assert (listing["images"], list(listing)) == (2, sorted(listing))
    change(listing)
    for name, data in (*files.items(), (vectors.FILE, json.dumps(listing).encode())):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def tolerance_is(value: object) -> Callable[[dict[str, Any]], None]:
    return lambda listing: listing["graphs"]["encoder.onnx"]["outputs"]["code"].update(tolerance=value)


def more_tensors(count: int) -> Callable[[dict[str, Any]], None]:
    return lambda listing: listing["tensors"].update({str(n): listing["tensors"]["code"] for n in range(count - 2)})


@pytest.mark.parametrize(
    ("change", "tolerance"),
    [(tolerance_is(1e-6), 1e-6), (tolerance_is(1.0), 1.23e-4), (more_tensors(16), 1e-6)],
)
def test_vectors_keep_a_narrower_tolerance_than_ours_and_no_wider_one(
    change: Callable[[dict[str, Any]], object], tolerance: float, tmp_path: Path
) -> None:
    found = vectors.read(crafted_vectors(tmp_path, change))
    graphs: dict[str, Any] = {"encoder.onnx": Answering(code=found.tensors["code"])}
    (check,) = vectors.check(found, graphs)
    assert check.allowed == tolerance and check.passed
    assert found.tensors["code"].tolist() == np.full((2, 3), 12.345, np.float32).tolist()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (tolerance_is(0), "is not a list of test vectors"),
        (tolerance_is(-1), "is not a list of test vectors"),
        (tolerance_is("inf"), "is not a list of test vectors"),
        (tolerance_is([]), "is not a list of test vectors"),
        (more_tensors(17), "lists more than 64 MiB of vectors"),
        (lambda listing: listing["tensors"].pop("code"), "is not a list of test vectors"),
        (lambda listing: listing["tensors"].pop("image"), "is not a list of test vectors"),
        (lambda listing: listing["tensors"]["code"].update(shape=[65, 3]), "is not a list of test vectors"),
        (lambda listing: listing["tensors"]["code"].update(shape=[64, 3]), "expected float32 values of the shape"),
        (lambda listing: listing["tensors"]["code"].update(shape=[True, 6]), "is not a list of test vectors"),
        (lambda listing: listing["tensors"]["code"].update(shape=[]), "is not a list of test vectors"),
        (lambda listing: listing["tensors"]["code"].update(shape=[2, 2]), "expected float32 values of the shape"),
        (lambda listing: listing.update(tensors=[]), "is not a list of test vectors"),
        (lambda listing: listing.update(dtype="float64"), "is not a list of test vectors"),
        (lambda listing: listing.update(byte_order="big"), "is not a list of test vectors"),
    ],
)
def test_a_list_of_vectors_that_promises_too_much_or_too_little_is_refused(
    change: Callable[[dict[str, Any]], object], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(FileRefused, match=sentence):
        vectors.read(crafted_vectors(tmp_path, change))


class Answering:
    """Stands for a graph: gives these outputs, whatever goes in."""

    source, file, is_fp16 = "here/encoder.onnx", "encoder.onnx", False

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def __call__(self, value: Any) -> dict[str, Any]:
        return self.answers


def test_vectors_are_compared_within_their_own_tolerance_for_each_graph_that_is_there() -> None:
    code = np.ones((2, 3), np.float32)
    own = Vectors({"image": code, "code": code}, {name: ("image", {"code": 5e-6}) for name in ("a.onnx", "b.onnx")})
    graphs: dict[str, Any] = {"b.onnx": Answering(code=code + np.float32(2**-18))}
    (check,) = vectors.check(own, graphs)
    assert (check.graph, check.difference, check.allowed, check.passed) == ("b", 2**-18, 5e-6, True)
    for answers, sentence in (
        ({}, "has no output 'code'"),
        ({"code": code, "more": code}, "has no test vector of its output 'more'"),
    ):
        graphs["b.onnx"] = Answering(**answers)
        with pytest.raises(FileRefused, match=sentence):
            vectors.check(own, graphs)
    with pytest.raises(FileRefused, match="has no test vectors"):
        vectors.check(own, {**graphs, "c.onnx": graphs["b.onnx"]})


# ---- what a bundle, an index and a kit hold ------------------------------------------------------------------


def test_an_index_says_of_a_bundle_what_its_card_says(conv_export: Published, tmp_path: Path) -> None:
    bundle = write_bundle(conv_export, tmp_path)
    files, own = files_of(bundle.path), conv_export.card
    assert bundle.sizes == {name: len(data) for name, data in files.items()}
    assert "Files: `model.onnx`, `encoder.onnx`, `decoder.onnx`; " in files["README.md"].decode()
    (entry,) = json.loads((tmp_path / "index.json").read_text())["bundles"]
    assert entry == {
        "name": "purdue/conv",
        "path": "purdue/conv",
        "does": tasks.does("reconstruct"),
        "assignment": "purdue",
        "task": "reconstruct",
        "summary": own.summary,
        "inputs": own.inputs,
        "outputs": own.outputs,
        "bottleneck": own.bottleneck,
        "parameters": own.parameters,
        "metrics": own.metrics,
        "graphs": sorted(["model.onnx", "encoder.onnx", "decoder.onnx"]),
        "card": {"sha256": hashlib.sha256(files["card.json"]).hexdigest(), "bytes": len(files["card.json"])},
        "bytes": sum(map(len, files.values())),
    }


@pytest.mark.parametrize("name", ["history.h5", "checkpoint"])
def test_either_half_of_a_run_makes_a_folder_a_runs_own(name: str, conv_export: Published, tmp_path: Path) -> None:
    (tmp_path / "purdue/conv" / name).mkdir(parents=True)
    with pytest.raises(RunError, match="is a run's own folder; name another one"):
        write_bundle(conv_export, tmp_path)


def test_what_a_bundle_has_no_more_is_removed_where_it_is_an_unchanged_file_of_the_folder(
    conv_export: Published, tmp_path: Path
) -> None:
    old = replace(conv_export, files={**conv_export.files, **{f"{n}.onnx": b"old" for n in ("a", "b", "c", "d", "e")}})
    bundle = write_bundle(old, tmp_path).path
    for name in ("b", "c", "d"):
        (bundle / f"{name}.onnx").unlink()
    (bundle / "b.onnx").write_bytes(b"changed")
    (tmp_path / "elsewhere").write_bytes(b"old")
    (bundle / "c.onnx").symlink_to(tmp_path / "elsewhere")
    (bundle / "d.onnx").mkdir()
    content = json.loads((bundle / "card.json").read_text())
    content["files"]["../../elsewhere"] = content["files"]["a.onnx"]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"
    (bundle / "card.json").write_text(text)
    write_bundle(conv_export, tmp_path)
    assert {path.name for path in bundle.glob("?.onnx")} == {"b.onnx", "c.onnx", "d.onnx"}
    assert (tmp_path / "elsewhere").read_bytes() == b"old"


@pytest.mark.parametrize(
    "text", ['{"format": "another/1", "bundles": []}', "[" * 100_000, "[]", "{}", '{"format": "aezoo/1", "bundles": 1}']
)
def test_an_index_of_another_program_is_never_written_over(text: str, conv_export: Published, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(FileRefused, match=r"index\.json is not an index of bundles"):
        write_bundle(conv_export, tmp_path)
    assert (tmp_path / "index.json").read_text() == text


def test_only_bundles_in_the_folder_and_in_their_own_places_are_entered(conv_export: Published, folder: Path) -> None:
    models, outside = folder / "models", folder / "evil"
    bundle = write_bundle(conv_export, models).path
    text = (bundle / "card.json").read_text()
    for path, name in (
        (outside, "../evil"),
        (folder / "linked/it", "purdue/linked"),
        (models / "purdue/a", "purdue/b"),
    ):
        path.mkdir(parents=True)
        (path / "card.json").write_text(text.replace('"name":"purdue/conv"', f'"name":"{name}"'))
    (models / "purdue/linked").symlink_to(folder / "linked/it")
    index = json.loads((models / "index.json").read_text())
    names = ["../evil", "purdue/linked", "purdue/a", "purdue/gone"]
    index["bundles"] += [{"name": name} for name in names]
    (models / "index.json").write_text(json.dumps(index))
    write_bundle(conv_export, models)
    assert [entry["name"] for entry in json.loads((models / "index.json").read_text())["bundles"]] == ["purdue/conv"]


@pytest.fixture
def small_kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kit of one program, with what building it left beside it; return where onnxruntime-web would lie."""
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "cache"))
    for name in ("web/page.html", ".hidden", "a/.b/c", "__pycache__/c", "build/c", "cs/bin/c", "cs/obj/c", "web/ort/c"):
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_bytes(b"ours")
    monkeypatch.setattr(bundling, "KIT", tmp_path / "source")
    library = tmp_path / "cache/npm/node_modules/onnxruntime-web/dist"
    library.mkdir(parents=True)
    return library


def test_a_kit_has_no_leavings_and_its_library_whole_or_not_at_all(small_kit: Path, tmp_path: Path) -> None:
    names = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]
    for name in names[:2]:
        (small_kit / name).write_bytes(b"1")
    folder = tmp_path / "models"
    assert not write_kit(folder)
    assert files_of(folder / "kit").keys() == {"web/page.html", "sums.json"}
    (small_kit / names[2]).write_bytes(b"1")
    assert write_kit(folder)
    assert files_of(folder / "kit").keys() == {"web/page.html", "sums.json", *(f"web/ort/{name}" for name in names)}
    (small_kit / names[2]).unlink()
    assert not write_kit(folder), "the library was removed from the cache, and its copy stays known"
    (small_kit / names[2]).write_bytes(b"2")
    assert write_kit(folder) and (folder / "kit/web/ort" / names[2]).read_bytes() == b"2"


def test_a_kit_that_was_killed_in_its_writing_is_written_again(small_kit: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    write_kit(folder)
    (folder / "kit/web/page.html").write_bytes(b"of another version")
    with pytest.raises(FileRefused, match=r"page\.html was not written by aezoo"):
        write_kit(folder)
    sums = {"web/page.html": [hashlib.sha256(b"of another version").hexdigest()]}
    (folder / "kit/.writing.json").write_text(json.dumps({"format": card.FORMAT, "files": sums}))
    write_kit(folder)
    assert (folder / "kit/web/page.html").read_bytes() == b"ours"


@pytest.mark.parametrize("name", ["kit", "kit/web", "kit/web/page.html", "kit/sums.json", ".lock"])
def test_a_link_leads_no_kit_out_of_the_folder(name: str, small_kit: Path, tmp_path: Path) -> None:
    link = tmp_path / "models" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileRefused, match="is a link, and what is written there would land elsewhere"):
        write_kit(tmp_path / "models")


@pytest.mark.parametrize("text", ["another", "[" * 100_000])
def test_a_list_of_another_form_makes_no_file_of_a_kit_our_own(text: str, small_kit: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    write_kit(folder)
    sums = (folder / "kit/sums.json").read_text()
    (folder / "kit/sums.json").write_text(sums.replace(card.FORMAT, text) if text == "another" else text)
    with pytest.raises(FileRefused, match=r"sums\.json was not written by aezoo"):
        write_kit(folder)


# ---- what verify is pointed at -------------------------------------------------------------------------------


def test_a_folder_means_all_runs_in_it_and_one_without_any_is_a_sentence(folder: Path) -> None:
    shutil.copytree(folder / "purdue/conv", folder / "purdue/other")
    assert [target.path for target in expand([str(folder)], folder) if isinstance(target, RunFolder)] == [
        folder / "purdue/conv",
        folder / "purdue/other",
    ]
    (folder / "empty").mkdir()
    with pytest.raises(RunError, match=r"no run in .*: no history\.h5 and no \.onnx file in it; train one with"):
        expand([str(folder / "empty")], folder)
    shutil.copy(folder / "purdue/conv/card.json", folder / "said.json")
    said = card_of(folder / "said.json")
    assert isinstance(said, card.Card) and said.name == "purdue/conv"


def test_a_bundle_is_proved_by_its_vectors_and_a_run_by_torch_and_by_vectors_where_it_has_them(
    conv_run: RunFolder, folder: Path
) -> None:
    bundle, run = RunFolder(folder / "purdue/conv"), RunFolder(folder / "run")
    shutil.copytree(conv_run.path, run.path)
    shutil.copy(run.history, bundle.history)
    found = verify(bundle)
    assert {check.against for check in found.checks} == {"test vectors"}
    assert (found.passed, found.errors, found.notes) == (True, [], []), "a history alone has no weights"
    shutil.copytree(bundle.path / "test", run.path / "test")
    found = verify(run)
    assert {check.against for check in found.checks} == {"torch", "model.onnx", "test vectors"}
    assert found.errors == [
        f"card.json does not list test/{path.name}; export again" for path in sorted((run.path / "test").glob("*"))
    ]
    shutil.rmtree(run.path / "test")
    run.card.unlink()
    found = verify(run)
    assert found.passed and found.notes == ["no card.json beside it, so its sha256 sums could not be compared"]


def test_verify_names_every_lost_file_and_what_else_is_wrong_with_a_run(conv_run: RunFolder, folder: Path) -> None:
    bundle, run = RunFolder(folder / "purdue/conv"), RunFolder(folder / "run")
    for name in ("README.md", "encoder.onnx"):
        (bundle.path / name).unlink()
    assert verify(bundle).errors == [
        f"card.json lists {name}, which is not in {bundle.path}; export the run again"
        for name in ("README.md", "encoder.onnx")
    ]
    shutil.copytree(conv_run.path, run.path)
    shutil.copy(run.graph("model"), run.graph("encoder"))
    assert any("encoder.onnx has the ports" in error for error in verify(run).errors), "outputs of another graph"
    run.graph("encoder").unlink()
    model = model_of([onnx.helper.make_node("Relu", ["image"], ["reconstruction"])])
    model.graph.node.append(onnx.helper.make_node("Neg", ["image"], ["bottleneck"]))
    model.graph.output[0].name = "reconstruction"
    model.graph.output.append(
        onnx.helper.make_tensor_value_info("bottleneck", onnx.TensorProto.FLOAT, ["batch", 1, 8, 8])
    )
    model.metadata_props.extend(onnx.load(conv_run.graph("model")).metadata_props)
    run.graph("model").write_bytes(model.SerializeToString())
    assert "takes images of (1, 8, 8), expected (1, 28, 28); export again" in " ".join(verify(run).errors)
    run.graph("model").unlink()
    (error,) = verify(run).errors
    assert error == f"no model.onnx in {run.path}; export it with `aezoo export`"
