"""Exported graphs: as asked, as torch computes, the same bytes again; and none where something disagrees."""

from __future__ import annotations

import copy
import getpass
import json
import logging
import shutil
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from export import npm, torchlib
from export import publish as publishing
from export.bundle import write_bundle
from export.fp16 import with_fp16_weights
from export.graph import Graph
from export.publish import publish
from export.published import Published
from export.report import aligned, check_as_json, check_as_text
from export.runtimes.conformance import conformance_of
from export.targets import verify
from export.to_onnx import _check_ports_and_versions, _silence, convert
from export.trained import Trained, load_trained, one_thread, ports_of
from export.verify import (
    BATCHES,
    TOLERANCE,
    Check,
    against_torch,
    allowing,
    compare,
    composition,
    inputs,
    keep_worst,
    real_images,
    repetition,
    tolerance_of,
)
from tests.conftest import TrainedRuns
from tests.representatives import each_task
from tests.zoo.test_cli import aezoo
from zoo import __version__, card, checkpoints, gate, registry, sessions, tasks
from zoo.blocks import Autoencoder
from zoo.errors import CheckFailed, RunError
from zoo.graphs import canonical, part, with_card
from zoo.runs import GRAPHS, SAMPLE_INPUTS, RunFolder
from zoo.tasks import CLASSIFY

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def run(conv_run: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy that a test may change, in a runs folder of its own."""
    copy = RunFolder.of(tmp_path, "purdue/conv")
    shutil.copytree(conv_run.path, copy.path)
    return copy


@each_task
def test_every_recipe_exports_graphs_that_compute_what_torch_computes(name: str, trained_runs: TrainedRuns) -> None:
    recipe, run = registry.load(name), RunFolder.of(trained_runs(name), name)
    published = publish(recipe, run)
    ports = ports_of(recipe.network())
    assert published.sizes.keys() == {*(f"{graph}.onnx" for graph in ports), "card.json"}
    compared = {(check.graph, check.output) for check in published.checks if check.against == "torch"}
    assert compared == {(graph, output) for graph, (_, outputs) in ports.items() for output in outputs}
    assert all(check.passed for check in published.checks)
    exact = [check for check in published.checks if check.graph == "decoder(encoder)"]
    assert len(exact) == ("decoder" in ports)
    assert all(check.difference <= TOLERANCE for check in exact)
    own_card = card.from_json(run.card.read_text())
    assert (own_card.name, own_card.task, own_card.bottleneck == {}) == (
        name,
        recipe.task.name,
        recipe.task is CLASSIFY,
    )
    assert own_card.metrics.keys() >= {recipe.metric}
    assert tasks.ranked(own_card.task, own_card.baselines)[0] in recipe.task.baselines[:2]
    assert "sample" in own_card.data["provenance"]


def test_a_classifiers_card_names_its_classes(trained_runs: TrainedRuns) -> None:
    run = RunFolder.of(trained_runs("letters/classifier-noise"), "letters/classifier-noise")
    publish(registry.load("letters/classifier-noise"), run)
    own_card = card.from_json(run.card.read_text())
    logits = next(port for port in own_card.outputs if port["name"] == "logits")
    assert logits["classes"] == [*"BDGFIJLNPSRUVZ", "noise"]


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_has_the_opset_the_names_the_symbol_and_no_trace_of_this_machine(
    conv_run: RunFolder, name: str
) -> None:
    data = conv_run.graph(name).read_bytes()
    model = onnx.load_from_string(data)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    assert model.ir_version == 8
    assert (tuple(p.name for p in model.graph.input), tuple(p.name for p in model.graph.output)) == ports_of(
        registry.load("purdue/conv").network()
    )[name]
    for port in (*model.graph.input, *model.graph.output):
        assert port.type.tensor_type.shape.dim[0].dim_param == "batch"
        assert port.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert {entry.key for entry in model.metadata_props} <= {
        "aezoo.card",
        "model_author",
        "model_license",
        "Image.NominalPixelRange",
        "Image.BitmapPixelFormat",
    }
    for trace in (str(Path.cwd()), str(Path.home()), "site-packages", ".py", getpass.getuser() + "@"):
        assert trace.encode() not in data


def test_exporting_again_gives_the_same_bytes(run: RunFolder) -> None:
    before = {path.name: path.read_bytes() for path in run.path.iterdir() if path.suffix in (".onnx", ".json")}
    assert len(before) == 4
    publish(registry.load("purdue/conv"), run)
    assert {name: (run.path / name).read_bytes() for name in before} == before


@pytest.mark.parametrize(
    "name", ["purdue/dense", "purdue/conv", "hesso/vae-2-all", "hesso/classifier", "letters/random"]
)
@pytest.mark.slow
def test_the_shared_table_of_translations_changes_no_byte(
    name: str, trained_runs: TrainedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load_trained(registry.load(name), RunFolder.of(trained_runs(name), name), epochs=1)
    quick = {graph: model.SerializeToString() for graph, model in convert(run).items()}
    table: Any = torchlib._patches()[0]
    tables = table.new.__func__.cache_info().currsize
    assert tables == 1, "the table was not held on to: this torch or onnxscript is another one"
    monkeypatch.setattr(torchlib, "_patches", list)
    assert {graph: model.SerializeToString() for graph, model in convert(run).items()} == quick


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a graph went through the gate, and how often a session was made in this process."""
    counts: Counter[str] = Counter()

    def counting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            counts[name] += 1
            return call(*arguments, **named)

        return counted

    monkeypatch.setattr(gate, "open_onnx", counting("gate", gate.open_onnx))
    monkeypatch.setattr(sessions, "make", counting("session", sessions.make))
    return counts


def test_an_export_and_a_verification_open_each_graph_once(
    run: RunFolder, tmp_path: Path, opened: Counter[str]
) -> None:
    write_bundle(publish(registry.load("purdue/conv"), run), tmp_path / "models")
    assert opened == {"gate": 3, "session": 3}
    opened.clear()
    assert verify(run).passed and verify(RunFolder.of(tmp_path / "models", "purdue/conv")).passed
    assert opened == {"gate": 6}, "a graph from a file is run in a process with limits"
    opened.clear()
    assert [test.reference for test in conformance_of(run)] == ["torch"] * 3
    assert opened == {"gate": 3}


def test_verification_sees_noise_and_real_images_at_every_batch_size() -> None:
    real = np.linspace(2, 3, 10, dtype=np.float32).reshape(10, 1, 1, 1) * np.ones((1, 28, 28), np.float32)
    seen = list(inputs((1, 28, 28), real))
    assert {len(batch) for batch in seen} == set(BATCHES) == {1, 2, 5, 7, 64}
    fitting = [batch for batch in seen if batch.min() >= 2]
    assert [len(batch) for batch in fitting] == list(BATCHES)
    assert all(np.array_equal(batch, np.resize(real, batch.shape)) for batch in fitting)
    flat = [batch for batch in seen if np.ptp(batch) == 0 and batch.max() < 2]
    assert [(batch.shape, batch.max()) for batch in flat] == [((2, 1, 28, 28), 0), ((2, 1, 28, 28), 1)]
    noise = [batch for batch in seen if np.ptp(batch) > 0 and batch.max() < 2]
    assert len({batch[0].tobytes() for batch in noise}) == len(noise) == 2 * len(BATCHES), "each time another"
    history: Any = SimpleNamespace(arrays={SAMPLE_INPUTS: np.array([[[[0, 51, 255]]]], np.uint8)})
    assert real_images(history).tolist() == np.array([[[[0, 0.2, 1]]]], np.float32).tolist()


def test_a_mismatch_fails_with_exit_1_and_leaves_no_file_that_looks_good(
    run: RunFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_weights(recipe: object, folder: RunFolder, *, epochs: int) -> Trained:
        trained = load_trained(registry.load("purdue/conv"), folder, epochs=epochs)
        assert isinstance(trained.network, Autoencoder)
        original = trained.network.to_pixels

        class Slightly(nn.Module):
            def forward(self, raw: Tensor) -> Tensor:
                value: Tensor = original(raw)
                return value if torch.compiler.is_exporting() else value + 2e-5

        trained.network.to_pixels = Slightly()
        return trained

    monkeypatch.setattr(publishing, "load_trained", other_weights)
    code, _, err = aezoo(capsys, "export", "purdue/conv", "--runs", run.path.parents[1])
    assert code == 1
    assert "does not compute what torch computes; no graph was written" in err
    assert "FAILED  model.reconstruction against torch" in err
    assert not list(run.path.glob("*.onnx"))
    assert not run.card.exists()
    assert run.history.is_file()


def test_a_network_that_fixes_its_batch_is_refused(conv_run: RunFolder) -> None:
    class Fixed(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image.reshape(2, -1)

    trained = load_trained(registry.load("purdue/conv"), conv_run, epochs=2)
    decoder = nn.Sequential(nn.Linear(784, 784), nn.Unflatten(1, (1, 28, 28)))
    fixed = replace(trained, network=Autoencoder(encoder=Fixed(), decoder=decoder, to_pixels=nn.Sigmoid()).eval())
    with pytest.raises(CheckFailed, match=r"the network fixes its batch|has the ports"):
        convert(fixed)


def test_a_wrong_graph_is_noticed_by_its_numbers(conv_run: RunFolder) -> None:
    trained = load_trained(registry.load("purdue/conv"), conv_run, epochs=2)
    assert isinstance(trained.network, Autoencoder)
    with torch.no_grad():
        next(trained.network.decoder.parameters()).mul_(1.001)
    real = np.zeros((1, 1, 28, 28), np.float32)
    checks = against_torch(Graph.read(conv_run.graph("model")), trained, real)
    assert {check.output: check.passed for check in checks} == {"reconstruction": False, "bottleneck": True}


def test_a_number_that_is_none_is_not_forgotten_over_later_ones() -> None:
    worst: dict[str, Check] = {}
    for difference in (1e-7, float("nan"), 1e-8, 1e-2):
        keep_worst(worst, Check("model", "reconstruction", "torch", difference, 1e-5, 1))
    (kept,) = worst.values()
    assert np.isnan(kept.difference) and kept.images == 4


def test_what_is_not_a_number_does_not_pass() -> None:
    assert not Check("model", "reconstruction", "torch", float("nan"), 1e-5, 1).passed


def test_an_embedder_needs_no_more_than_onnxruntime_and_division_by_255(conv_run: RunFolder) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28)).astype(np.float32) / 255
    encoder = sessions.make(conv_run.graph("encoder").read_bytes())
    decoder = sessions.make(conv_run.graph("decoder").read_bytes())
    (bottleneck,) = encoder.run(["bottleneck"], {"image": pixels})
    (reconstruction,) = decoder.run(["reconstruction"], {"bottleneck": bottleneck})
    assert np.asarray(bottleneck).shape == (3, 8, 7, 7)
    assert np.asarray(reconstruction).shape == (3, 1, 28, 28)


# ---- the verb ------------------------------------------------------------------------------------------------


def test_verify_passes_a_run_a_folder_and_a_lone_file(run: RunFolder, capsys: Capture, tmp_path: Path) -> None:
    lone = tmp_path / "lone.onnx"
    shutil.copy(run.graph("encoder"), lone)
    code, out, _ = aezoo(capsys, "verify", "purdue/conv", run.path, lone, "--runs", run.path.parents[1])
    assert code == 0, out
    assert out.count(": passed") == 3
    assert "decoder(encoder).reconstruction against model.onnx" in out
    assert "lone.onnx: purdue/conv, encoder" in out


@pytest.mark.parametrize("verb", ["verify", "card"])
@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("purdue/cnov", "no file or folder 'purdue/cnov', and no recipe 'purdue/cnov'; did you mean 'purdue/conv'?"),
        ("no/such/folder", "no file or folder 'no/such/folder', and no recipe"),
        ("absent.onnx", "no file absent.onnx; name an .onnx file, a run folder or a recipe"),
    ],
)
def test_a_name_that_is_nowhere_is_one_sentence(verb: str, target: str, sentence: str, capsys: Capture) -> None:
    code, out, err = aezoo(capsys, verb, target)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"aezoo: {sentence}")


def test_verify_notices_a_graph_that_is_not_the_one_on_the_card(run: RunFolder, capsys: Capture) -> None:
    model = onnx.load(run.graph("model"))
    weight = model.graph.initializer[0]
    weight.raw_data = (np.frombuffer(weight.raw_data, np.float32) * 1.01).tobytes()
    run.graph("model").write_bytes(model.SerializeToString())
    code, out, _ = aezoo(capsys, "verify", run.path)
    assert code == 1
    assert "model.onnx is not the file that card.json lists" in out
    assert "FAILED  model.reconstruction against torch" in out


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x08" + b"\xff" * 50])
def test_verify_refuses_a_broken_file_with_a_sentence(content: bytes, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "broken.onnx").write_bytes(content)
    code, out, err = aezoo(capsys, "verify", tmp_path / "broken.onnx")
    assert code == 1
    assert "FAILED" in out
    assert "broken.onnx is not an ONNX file" in out
    assert "Traceback" not in out + err


def test_one_bad_file_among_good_ones_fails_the_verification(
    conv_run: RunFolder, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    code, out, _ = aezoo(capsys, "verify", conv_run.graph("decoder"), tmp_path / "broken.onnx")
    assert code == 1
    assert (out.count(": passed"), out.count(": FAILED")) == (1, 1)


def test_exporting_what_was_not_trained_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="train it with `aezoo train`"):
        publish(registry.load("purdue/conv"), RunFolder.of(tmp_path, "purdue/conv"))


def test_weights_of_another_epoch_are_never_published_under_the_newer_figures(run: RunFolder, capsys: Capture) -> None:
    (run.checkpoint / "000002" / "state.pt").write_bytes(b"damaged")
    for verb in ("export", "verify"):
        code, out, err = aezoo(capsys, verb, "purdue/conv", "--runs", run.path.parents[1])
        assert code != 0
        assert "is of epoch 1, the history ends with epoch 2" in out + err
        assert "state.pt is not what was written" in out + err


def test_verify_says_of_another_graph_in_a_runs_place_that_it_is_one(run: RunFolder, capsys: Capture) -> None:
    shutil.copy(run.graph("decoder"), run.graph("encoder"))
    code, out, _ = aezoo(capsys, "verify", run.path)
    assert code == 1
    assert "encoder.onnx has the ports" in out


def test_verify_refuses_a_card_that_is_none(run: RunFolder, capsys: Capture) -> None:
    run.card.write_bytes(b"{}")
    code, out, _ = aezoo(capsys, "verify", run.path)
    assert code == 1
    assert "its card is not a card of aezoo" in out


def crafted(
    nodes: list[onnx.NodeProto], shape: list[str | int | None], kind: int = onnx.TensorProto.FLOAT
) -> onnx.ModelProto:
    graph = onnx.helper.make_graph(
        nodes,
        "crafted",
        [onnx.helper.make_tensor_value_info("image", kind, shape)],
        [onnx.helper.make_tensor_value_info("out", kind, [f"o{axis}" for axis in range(len(shape))])],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)


@pytest.mark.parametrize(
    ("shape", "kind", "sentence"),
    [
        ([], onnx.TensorProto.FLOAT, r"takes float32 (); only a graph that takes one batch"),
        (["batch", 4], onnx.TensorProto.INT32, "takes int32 ('batch', 4); only a graph that takes one batch"),
        ([0, 4], onnx.TensorProto.FLOAT, ": passed"),  # 0 stands for any size, as onnxruntime reads it
        (["batch", 0], onnx.TensorProto.FLOAT, ": passed"),
        (["batch", 4], onnx.TensorProto.FLOAT, ": passed"),
    ],
)
def test_verify_has_a_sentence_for_inputs_that_are_no_batch(
    shape: list[str | int | None], kind: int, sentence: str, tmp_path: Path, capsys: Capture
) -> None:
    model = crafted([onnx.helper.make_node("Identity", ["image"], ["out"])], shape, kind)
    (tmp_path / "odd.onnx").write_bytes(model.SerializeToString())
    _, out, err = aezoo(capsys, "verify", tmp_path / "odd.onnx")
    assert sentence in out or "is refused" in out
    assert err == ""


def test_verify_has_a_sentence_for_what_onnxruntime_cannot_run(tmp_path: Path, capsys: Capture) -> None:
    pads = onnx.numpy_helper.from_array(np.array([0, 0, 0, 9, 0, 0, 0, 9], np.int64), "pads")
    model = crafted([onnx.helper.make_node("Pad", ["image", "pads"], ["out"], mode="reflect")], ["batch", 1, 4, 4])
    model.graph.initializer.append(pads)
    (tmp_path / "odd.onnx").write_bytes(model.SerializeToString())
    code, out, err = aezoo(capsys, "verify", tmp_path / "odd.onnx")
    assert code == 1
    assert "cannot be run by onnxruntime" in out or "is refused" in out
    assert "Traceback" not in out + err


def test_text_from_a_file_cannot_command_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    model = crafted([onnx.helper.make_node("Relu", ["image"], ["\x1b[31mout"])], ["batch", 4])
    model.graph.output[0].name = "\x1b[31mout"
    (tmp_path / "odd.onnx").write_bytes(model.SerializeToString())
    _, out, err = aezoo(capsys, "verify", tmp_path / "odd.onnx")
    assert "[31mout" in out
    assert "\x1b" not in out + err


def test_a_check_without_a_number_is_still_json(tmp_path: Path, capsys: Capture) -> None:
    nodes = [
        onnx.helper.make_node("Exp", ["image"], ["a"]),
        onnx.helper.make_node("Exp", ["a"], ["b"]),
        onnx.helper.make_node("Pow", ["b", "b"], ["c"]),
        onnx.helper.make_node("Pow", ["c", "c"], ["out"]),
    ]
    (tmp_path / "infinite.onnx").write_bytes(crafted(nodes, ["batch", 4]).SerializeToString())
    code, out, _ = aezoo(capsys, "verify", tmp_path / "infinite.onnx", "--json")
    assert code == 1
    assert json.loads(out, parse_constant=lambda word: pytest.fail(word))[0]["passed"] is False


class Rounding(nn.Module):
    """A sigmoid that loses all but eleven bits in float32 on every processor, and none in float64 and in the graph."""

    def forward(self, raw: Tensor) -> Tensor:
        value = torch.sigmoid(raw)
        return value if torch.compiler.is_exporting() else (value + 4096) - 4096


def test_where_float32_itself_has_fewer_digits_the_gate_knows_and_a_wrong_graph_fails_still(
    conv_run: RunFolder,
) -> None:
    trained = load_trained(registry.load("purdue/conv"), conv_run, epochs=2)
    assert isinstance(trained.network, Autoencoder)
    trained.network.to_pixels = Rounding()
    real = np.zeros((1, 1, 28, 28), np.float32)
    graph = Graph(convert(trained)["model"].SerializeToString(), "model.onnx")
    checks = {check.output: check for check in against_torch(graph, trained, real)}
    assert checks.keys() == {"reconstruction", "bottleneck"} and all(check.passed for check in checks.values())
    assert 1e-4 < checks["reconstruction"].difference < checks["reconstruction"].allowed < 1e-2
    with torch.no_grad():
        next(trained.network.decoder.parameters()).mul_(1.5)
    wrong = {check.output: check for check in against_torch(graph, trained, real)}
    assert not wrong["reconstruction"].passed


def test_a_check_is_text_and_json_and_a_table_is_aligned() -> None:
    passed = Check("model", "reconstruction", "torch", 1e-7, 1e-5, 79)
    failed = replace(passed, difference=float("nan"), allowed=float("inf"))
    assert check_as_text(passed) == "  ok      model.reconstruction against torch: 1.0e-07 of 1.0e-05 over 79 images"
    assert check_as_text(failed).startswith("  FAILED  model.reconstruction against torch: nan of inf")
    assert check_as_json(passed) == {
        "graph": "model",
        "output": "reconstruction",
        "against": "torch",
        "max_difference": 1e-7,
        "allowed": 1e-5,
        "images": 79,
        "passed": True,
    }
    assert (check_as_json(failed)["max_difference"], check_as_json(failed)["allowed"]) == (None, None)
    assert aligned([["a", "bbb", "c"], ["dd", "e", "ffff"]]) == ["a   bbb     c", "dd    e  ffff"]


def test_what_is_allowed_is_met_grows_with_values_that_are_no_pixels_and_with_float32s_own_rounding() -> None:
    assert replace(Check("", "", "", 1e-5, 1e-5, 1)).passed, "as much as is allowed is allowed"
    expected = np.array([[0.5, -200.0]], np.float32)
    latent = compare("encoder", "bottleneck", "torch", expected + np.float32(1e-3), expected)
    assert latent.allowed == pytest.approx(200 * TOLERANCE) and latent.difference == pytest.approx(1e-3, rel=0.05)
    pixels = compare("model", "reconstruction", "torch", expected, expected)
    assert (pixels.allowed, pixels.difference, pixels.images) == (TOLERANCE, 0.0, 1)
    assert compare("model", "logits", "torch", expected / 1000, expected / 1000).allowed == TOLERANCE, "never less"
    assert compare("model", "logits", "torch", expected[0], expected).difference == np.inf, "of another shape"
    assert compare("model", "sum", "torch", np.array(1, np.float32), np.array(0.5, np.float32)).images == 1, (
        "without a batch"
    )
    for kind in (np.uint8, np.bool_):
        high, low = np.array([1], kind), np.array([0], kind)
        assert compare("model", "classes", "torch", low, high).difference == 1.0, "unsigned numbers do not wrap"
    assert allowing(latent, 1e-9).allowed == latent.allowed
    assert allowing(latent, 1.0).allowed == 4.0


def test_a_graph_of_float16_weights_may_differ_more(conv_export: Published) -> None:
    data = conv_export.files["model.onnx"]
    graphs = Graph(data, "model.onnx"), Graph(with_fp16_weights(data), "model.onnx")
    assert [graph.is_fp16 for graph in graphs] == [False, True]
    assert [tolerance_of(graph) for graph in graphs] == [1e-5, 2e-3]


def test_the_comparison_nearest_to_what_is_allowed_is_kept_with_the_images_of_all() -> None:
    worst: dict[str, Check] = {}
    for difference, allowed in ((1e-3, 1e-1), (1e-6, 1e-5), (1e-7, 1e-5)):
        keep_worst(worst, Check("model", "logits", "torch", difference, allowed, 2))
    assert worst == {"logits torch": Check("model", "logits", "torch", 1e-6, 1e-5, 6)}


def test_a_graph_that_mixes_the_images_of_a_batch_is_noticed(tmp_path: Path, capsys: Capture) -> None:
    mean = onnx.helper.make_node("ReduceMean", ["image", "axes"], ["mean"])
    model = crafted([mean, onnx.helper.make_node("Sub", ["image", "mean"], ["out"])], ["batch", 4])
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0], np.int64), "axes"))
    (tmp_path / "mixing.onnx").write_bytes(model.SerializeToString())
    code, out, _ = aezoo(capsys, "verify", tmp_path / "mixing.onnx")
    assert code == 1
    assert "  ok      graph.out against itself, run again: 0.0e+00" in out
    assert "  FAILED  graph.out against itself, one image at a time: " in out and "over 5 images" in out
    assert f"failed: {tmp_path / 'mixing.onnx'}" in out.splitlines()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 3
    (tmp_path / "fixed.onnx").write_bytes(model.SerializeToString())
    code, out, _ = aezoo(capsys, "verify", tmp_path / "fixed.onnx")
    assert code == 0 and "one image at a time" not in out and "over 3 images" in out
    assert out.splitlines()[-1] == f"next: aezoo view {tmp_path / 'fixed.onnx'}"


def test_figures_on_a_card_have_six_digits_and_only_numbers_are_there() -> None:
    values = {"mse": 0.00123456789, "psnr": 23.456789, "bce": float("nan"), "ssim": float("inf")}
    assert publishing._rounded_finite(values) == {"mse": 0.00123457, "psnr": 23.4568}


def test_what_npm_has_installed_is_known_by_its_own_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path))
    folder = tmp_path / "npm" / "node_modules" / "some"
    folder.mkdir(parents=True)
    for text, version in (('{"version": "1.2.3"}', "1.2.3"), ("{", None), ("[]", None), ("{}", None)):
        (folder / "package.json").write_text(text)
        assert npm.version_of("some") == version
    assert npm.version_of("absent") is None
    assert npm.npm_command() == (
        f"npm install --ignore-scripts --no-audit --no-fund --prefix {tmp_path}/npm "
        f"onnxruntime-node@{npm.VERSION} onnxruntime-web@{npm.VERSION}"
    )


class Computing:
    """Stands for a graph: computes a function."""

    source, is_fp16, value_shape, input = "here/graph.onnx", False, (2,), SimpleNamespace(shape=("batch", 2))
    facts = SimpleNamespace(is_random=False)

    def __init__(self, function: Callable[[Any], dict[str, Any]], part: str = "model") -> None:
        self.function, self.part, self.file = function, part, f"{part}.onnx"

    def __call__(self, value: Any) -> dict[str, Any]:
        return self.function(value)


def test_a_graph_that_answers_otherwise_again_or_for_the_last_image_of_a_batch_is_noticed() -> None:
    calls: list[Any] = []

    def drifting(value: np.ndarray) -> dict[str, Any]:
        calls.append(value)
        return {"out": value + np.float32(len(calls) * 1e-3)}

    def spoiling_the_last(value: np.ndarray) -> dict[str, Any]:
        last = (np.arange(len(value)) == 4).astype(np.float32)
        return {"out": value + last[:, None], "sizes": np.ones(3, np.float32)}

    graph: Any = Computing(drifting)
    assert [check.passed for check in repetition(graph) if check.against == "itself, run again"] == [False]
    graph = Computing(spoiling_the_last)
    assert [(check.output, check.against, check.passed, check.images) for check in repetition(graph)] == [
        ("out", "itself, run again", True, 5),
        ("sizes", "itself, run again", True, 3),
        ("out", "itself, one image at a time", False, 5),
    ]


def test_a_decoder_gets_what_torchs_encoder_gives_and_each_output_is_allowed_its_own_rounding() -> None:
    seen: list[np.ndarray] = []

    def slightly_off(value: np.ndarray) -> dict[str, Any]:
        seen.append(value)
        return {name: value + np.float32(5e-4) for name in ("reconstruction", "other")}

    def torchs(graph: str, value: np.ndarray) -> dict[str, Any]:
        return {"bottleneck": value + 2} if graph == "encoder" else {"reconstruction": value, "other": value}

    trained: Any = SimpleNamespace(
        image_shape=(1, 2, 2), compute=torchs, rounding=lambda graph, value: {"reconstruction": 1e-3, "other": 1e-7}
    )
    graph: Any = Computing(slightly_off, "decoder")
    real = np.zeros((1, 1, 2, 2), np.float32)
    checks = {check.output: (check.graph, check.passed) for check in against_torch(graph, trained, real)}
    assert checks == {"reconstruction": ("decoder", True), "other": ("decoder", False)}
    assert all(value.min() >= 2 for value in seen)
    for names in (("encoder.onnx",), ("encoder.onnx", "model.onnx"), ("encoder.onnx", "decoder.onnx")):
        assert composition(dict.fromkeys(names, graph), (1, 2, 2), real) == []


def test_a_checkpoint_of_a_later_epoch_or_of_another_recipe_is_refused(conv_run: RunFolder) -> None:
    recipe = registry.load("purdue/conv")
    with pytest.raises(RunError, match="is of epoch 2, the history ends with epoch 1"):
        load_trained(recipe, conv_run, epochs=1)
    with pytest.raises(RunError, match=r"is not of this recipe .*; train it anew with `aezoo train … --overwrite`"):
        load_trained(registry.load("purdue/dense"), conv_run, epochs=2)
    trained = load_trained(recipe, conv_run, epochs=2)
    assert not trained.network.training
    image = np.random.default_rng(0).random((3, 1, 28, 28), dtype=np.float32)
    exact = replace(trained, network=copy.deepcopy(trained.network).double()).compute("model", image.astype(np.float64))
    off = {name: np.abs(value - exact[name]).max() for name, value in trained.compute("model", image).items()}
    assert trained.rounding("model", image) == off and min(off.values()) > 0


def test_torch_has_one_thread_inside_and_as_many_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = [7]
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    with one_thread():
        assert threads == [7, 1]
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert threads == [7, 1, 7, 1, 7]


def test_the_exporters_warnings_are_silent_and_its_logger_speaks_again_afterwards(
    recwarn: pytest.WarningsRecorder,
) -> None:
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        with _silence():
            assert logger.level == logging.ERROR
            warnings.warn("of its own future", FutureWarning, stacklevel=1)
        with pytest.raises(KeyError), _silence():
            raise KeyError
        assert logger.level == logging.DEBUG
    finally:
        logger.setLevel(before)
    assert not recwarn.list


HERE = "/home/me/file.py, line 7"


def marked() -> onnx.ModelProto:
    """A graph of two outputs that says everywhere on which machine it was made."""
    split = onnx.helper.make_node("Split", ["hidden"], ["out", "more"], "n1", num_outputs=2, axis=1, allowzero=1)
    attributes = [*split.attribute][::-1]
    del split.attribute[:]
    split.attribute.extend(attributes)
    model = crafted([onnx.helper.make_node("Mul", ["image", "weight"], ["hidden"], "n0"), split], ["batch", 4])
    graph = model.graph
    graph.output.append(onnx.helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, ["batch", 2]))
    for port in graph.output:
        port.type.tensor_type.shape.dim[0].dim_param = "batch"
    graph.initializer.append(onnx.numpy_helper.from_array(np.ones(4, np.float32), "weight"))
    for name in ("weight", "hidden"):
        graph.value_info.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]))
    for item in (graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output, model):
        item.doc_string = HERE
        item.metadata_props.add(key="where", value=HERE)
    model.domain, model.ir_version = HERE, 10
    return model


def test_a_canonical_graph_is_of_no_machine_in_one_order_and_its_nodes_are_named_after_the_outputs() -> None:
    model = marked()
    clean = canonical(model)
    assert HERE.encode() in model.SerializeToString() and HERE.encode() not in clean.SerializeToString()
    assert clean.ir_version == 8
    assert [value.name for value in clean.graph.value_info] == ["hidden"], "a weight has its own type"
    assert [node.name for node in clean.graph.node] == ["n0", "out"]
    assert [each.name for each in clean.graph.node[1].attribute] == ["axis", "num_outputs"]
    whole = part(clean, "maastricht/colour-1", "model", ["image"], ["out", "more"])
    assert whole.graph.name == "maastricht_colour_1_model"
    assert (whole.producer_name, whole.producer_version) == ("aezoo", __version__)


def test_an_opset_or_a_version_that_the_exporter_missed_is_noticed() -> None:
    model = canonical(marked())
    _check_ports_and_versions(model, "model", ("image", "out", "more"))
    model.ir_version = 9
    with pytest.raises(CheckFailed, match=r"the exported model has opset {'': 18} and IR 9, expected 18 and 8"):
        _check_ports_and_versions(model, "model", ("image", "out", "more"))
    model.ir_version, model.opset_import[0].version = 8, 17
    with pytest.raises(CheckFailed, match=r"has opset {'': 17} and IR 8"):
        _check_ports_and_versions(model, "model", ("image", "out", "more"))


@pytest.mark.parametrize(
    ("kind", "shape", "pixels"),
    [
        ("image", ["batch", 1, 28, 28], {"Normalized_0_1", "Gray8"}),
        ("image", ["batch", 3, 28, 28], {"Normalized_0_1", "Rgb8"}),
        ("bottleneck", ["batch", 3, 7, 7], set()),
    ],
)
def test_a_graph_says_to_other_tools_whose_it_is_and_what_its_pixels_are(
    kind: str, shape: list[Any], pixels: set[str], conv_export: Published
) -> None:
    own = replace(conv_export.card, graph="decoder", inputs=[{"name": "in", "kind": kind, "shape": shape}])
    model = onnx.load_from_string(with_card(marked(), own))
    found = [(entry.key, entry.value) for entry in model.metadata_props]
    assert found == sorted(found)
    said = dict(found)
    assert card.from_json(said.pop("aezoo.card")) == own
    assert (said.pop("model_author"), said.pop("model_license")) == ("aezoo", "MIT")
    assert {*said.values()} == pixels
    assert model.doc_string == (f"purdue/conv (decoder): {own.summary}. Float32 NCHW images in [0, 1]: divide by 255.")


def test_a_run_that_is_being_trained_is_not_exported(conv_run: RunFolder, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(conv_run.path, tmp_path / "purdue/conv")
    with checkpoints.lock(RunFolder.of(tmp_path, "purdue/conv")):
        code, _, err = aezoo(capsys, "export", "purdue/conv", "--runs", tmp_path)
    assert code == 2 and "is being trained by another process; wait for it" in err
    assert aezoo(capsys, "export", "purdue/conv", "--runs", tmp_path)[0] == 0, "the lock was given back"
