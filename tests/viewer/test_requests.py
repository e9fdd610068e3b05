"""What the worker replies: epochs, layers, decoders, and sentences for what a graph cannot run."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import CARD, TIMEOUT, graph_bytes, history_of
from viewer.infer import layers as infer_layers
from viewer.infer import messages, running, worker
from viewer.infer.messages import Completed, NotOpen, OpenFile, Refused, Reply, Request, RunGraph, WorkerReply
from viewer.infer.running import MIN_COUNT, LoadedGraph, LruCache, run
from viewer.infer.worker import MULTITHREAD_MIN_MULTIPLY_ADDS, Worker
from viewer.qt.worker import Workers
from viewer.state import epochs, layers
from viewer.state import graph as graphs
from viewer.state.files import FileBytes
from viewer.state.history import from_parts
from zoo import card, gate, runs, sessions
from zoo.errors import FileRefused
from zoo.protocol import Decoder, ProtocolError
from zoo.runs import RunFolder, pack_history

PLAIN = np.zeros((2, 1, 28, 28), np.float32)
Ports = Sequence[ValueInfoProto]


def port(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def graph(inputs: Ports, outputs: Ports, *nodes: NodeProto, **weights: np.ndarray) -> bytes:
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    made = helper.make_graph(list(nodes), "tests", list(inputs), list(outputs), tensors)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())


def node(operator: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], name=f"node_{output}", **attributes)


def convolutions(batch: int | str = "n", size: int | str = 8) -> bytes:
    """Conv, Relu, MaxPool, ConvTranspose, and beside them values that are no feature maps."""
    return graph(
        [port("image", batch, 1, size, size)],
        [port("y", batch, 1, size, size), port("flat", batch, 4)],
        node("Conv", "image w", "maps", pads=[1, 1, 1, 1]),
        node("Relu", "maps", "lit"),
        node("MaxPool", "lit", "pooled", kernel_shape=[2, 2], strides=[2, 2]),
        node("ConvTranspose", "pooled v", "y", strides=[2, 2]),
        node("ReduceMean", "lit axes", "flat", keepdims=0),
        w=np.ones((4, 1, 3, 3), np.float32),
        v=np.ones((4, 1, 2, 2), np.float32),
        axes=np.array([2, 3]),
    )


def open_as(kind: str, data: bytes, held: Worker | None = None) -> tuple[Worker, WorkerReply]:
    held = held or Worker("cpu")
    return held, held.reply(OpenFile(1, "it", "0", kind, arrays={"file": np.frombuffer(data, np.uint8)}))


def opened(kind: str, data: bytes, held: Worker | None = None) -> tuple[Worker, Completed]:
    held, reply = open_as(kind, data, held)
    assert isinstance(reply, Completed), reply
    return held, reply


def run_graph(held: Worker, images: np.ndarray, *outputs: str, inner: bool = False) -> WorkerReply:
    return held.reply(RunGraph(2, "it", "0", outputs, inner, arrays={"images": images.astype(np.float32)}))


def computed(held: Worker, images: np.ndarray, *outputs: str, inner: bool = False) -> Any:
    """The arrays that a graph makes of images."""
    reply = run_graph(held, images, *outputs, inner=inner)
    assert isinstance(reply, Completed), reply
    return reply.arrays


def sentence_of(reply: WorkerReply) -> str:
    assert isinstance(reply, Refused) and not reply.arrays, reply
    return reply.sentence


def refusal(data: bytes, images: np.ndarray, *outputs: str, inner: bool = False) -> str:
    held, _ = opened("layers" if inner else "graph", data)
    return sentence_of(run_graph(held, images, *outputs, inner=inner))


# ---- epochs ----------------------------------------------------------------------------------------------------


def test_the_pictures_of_every_epoch_come_with_their_numbers() -> None:
    history = history_of(epochs=3)
    brighter = (
        history.arrays[runs.EPOCH_RECONSTRUCTIONS] // 4 * np.arange(1, 4, dtype=np.uint8)[:, None, None, None, None]
    )
    history = replace(history, arrays={**history.arrays, runs.EPOCH_RECONSTRUCTIONS: brighter})
    _, reply = opened("epochs", pack_history(history))
    found = epochs.from_parts(reply.facts, reply.arrays)
    assert found.numbers == (1, 2, 3)
    np.testing.assert_array_equal(found.pictures, history.arrays[runs.EPOCH_RECONSTRUCTIONS])
    assert [found.at(epoch) for epoch in (0, 1, 2, 3, 9)] == [0, 0, 1, 2, 2]
    _, newest = opened("history", pack_history(history))
    np.testing.assert_array_equal(newest.arrays[runs.EPOCH_RECONSTRUCTIONS], found.pictures[-1:])


@pytest.mark.parametrize("limits", [("EPOCHS_BYTES", 4 * 7840 + 1), ("MOST", 4)])
def test_too_many_epochs_are_thinned_evenly_with_first_and_last(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[str, int]
) -> None:
    name, limit = limits
    module = "viewer.infer.worker" if name == "EPOCHS_BYTES" else "viewer.state.epochs"
    monkeypatch.setattr(f"{module}.{name}", limit)
    _, reply = opened("epochs", pack_history(history_of(epochs=10)))
    assert reply.facts["epochs"] == [1, 4, 7, 10]
    assert len(epochs.from_parts(reply.facts, reply.arrays).pictures) == 4


@pytest.mark.parametrize(("limit", "kept"), [(7840, [3]), (100, None)])
def test_if_only_one_epoch_fits_it_is_the_newest_and_if_none_does_a_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, limit: int, kept: list[int] | None
) -> None:
    monkeypatch.setattr("viewer.infer.worker.EPOCHS_BYTES", limit)
    _, reply = open_as("epochs", pack_history(history_of(epochs=3)))
    if kept:
        assert isinstance(reply, Completed) and reply.facts["epochs"] == kept
    else:
        assert "MiB of pictures an epoch, too many to show" in sentence_of(reply)


def test_a_history_without_pictures_of_epochs_is_a_sentence() -> None:
    history = history_of()
    arrays = {key: array for key, array in history.arrays.items() if key != runs.EPOCH_RECONSTRUCTIONS}
    _, reply = open_as("epochs", pack_history(replace(history, arrays=arrays)))
    assert sentence_of(reply) == "it keeps no pictures of earlier epochs; train the run again to have them"
    arrays[runs.EPOCH_RECONSTRUCTIONS] = np.zeros((3, 10, 2, 28, 28), np.uint8)
    _, reply = open_as("epochs", pack_history(replace(history, arrays=arrays)))
    assert "as uint8 (3, 10, 2, 28, 28); expected uint8 (epochs, images, 1 or 3" in sentence_of(reply)


def test_a_thinned_history_says_of_which_epochs_its_pictures_are() -> None:
    history = history_of(epochs=3)
    numbered = replace(history, meta={**history.meta, runs.PICTURED_EPOCHS: [1, 12, 150]})
    _, reply = opened("epochs", pack_history(numbered))
    assert epochs.from_parts(reply.facts, reply.arrays).numbers == (1, 12, 150)
    wrong = replace(history, meta={**history.meta, runs.PICTURED_EPOCHS: [1, 12]})
    _, refused = open_as("epochs", pack_history(wrong))
    assert "does not say of which epochs its pictures are" in sentence_of(refused)


def test_sample_pictures_from_elsewhere_say_so() -> None:
    history = history_of()
    meta = {**history.meta, "provenance": "a data set", runs.SAMPLES_PROVENANCE: "photographs"}
    for own, said in ((meta, "photographs"), ({**meta, runs.SAMPLES_PROVENANCE: ""}, "a data set")):
        samples = from_parts(own, history.arrays).samples
        assert samples is not None and samples.provenance == said and samples.stand_in == (said == "photographs")


def test_the_decoder_is_cut_out_of_a_model_and_can_be_run(conv_run: RunFolder) -> None:
    held, reply = opened("decoder", conv_run.graph("model").read_bytes())
    data = reply.arrays["file"].tobytes()
    assert data == conv_run.graph("decoder").read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    values = np.ones((2, 8, 7, 7), np.float32)
    ran = held.reply(RunGraph(2, "it", sha256, ("reconstruction",), False, arrays={"images": values}))
    assert isinstance(ran, Completed) and ran.arrays["reconstruction"].shape == (2, 1, 28, 28)
    _, refused = open_as("decoder", convolutions())
    assert "has no card of aezoo that says where its encoder ends" in sentence_of(refused)


def test_the_epochs_that_are_sent_are_rounded_to_the_nearest_and_have_their_own_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("viewer.state.epochs.MOST", 4)
    history = history_of(epochs=9)
    shades = np.broadcast_to(np.arange(9, dtype=np.uint8).reshape(9, 1, 1, 1, 1), (9, 2, 1, 4, 4))
    packed = pack_history(replace(history, arrays={**history.arrays, runs.EPOCH_RECONSTRUCTIONS: shades}))
    _, reply = opened("epochs", packed)
    assert reply.facts["epochs"] == [1, 4, 6, 9]
    assert reply.arrays["reconstructions"][:, 0, 0, 0, 0].tolist() == [0, 3, 5, 8]
    _, newest = opened("history", packed)
    assert runs.STEP_LOSS in history.arrays and runs.STEP_LOSS not in newest.arrays, "no panel shows single steps"


def test_the_pictures_of_an_epoch_that_are_too_many_are_told_in_mebibytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.infer.worker.EPOCHS_BYTES", 1 << 19)
    pictures = np.zeros((3, 1, 1, 1024, 1024), np.uint8)
    history = history_of()
    _, reply = open_as(
        "epochs", pack_history(replace(history, arrays={**history.arrays, runs.EPOCH_RECONSTRUCTIONS: pictures}))
    )
    assert "keeps 1 MiB of pictures an epoch" in sentence_of(reply)


# ---- layers ----------------------------------------------------------------------------------------------------


def test_the_layers_of_a_graph_are_its_feature_maps_in_their_order() -> None:
    _, reply = opened("layers", convolutions())
    found = layers.from_header(reply.facts)
    assert [(each.tensor, each.operator, each.shape) for each in found] == [
        ("maps", "Conv", (4, 8, 8)),
        ("lit", "Relu", (4, 8, 8)),
        ("pooled", "MaxPool", (4, 4, 4)),
        ("y", "ConvTranspose", (1, 8, 8)),
    ]
    assert found[0].node == "node_maps" and found[0].title == "Conv · maps, 4×8×8"
    assert reply.facts["left_out"] == 0


def test_layers_of_a_fixed_batch_are_found_and_run_in_chunks() -> None:
    held, reply = opened("layers", convolutions(batch=2))
    assert [each.tensor for each in layers.from_header(reply.facts)] == ["maps", "lit", "pooled", "y"]
    images = np.random.default_rng(0).random((5, 1, 8, 8))
    arrays = computed(held, images, "lit", inner=True)
    assert arrays["lit"].shape == (5, 4, 8, 8)
    np.testing.assert_array_equal(arrays["lit"][4, 0], arrays["lit"][4, 3])
    assert arrays["lit"].max() <= 9 and np.ptp(arrays["lit"]) > 0


def test_layers_come_beside_outputs_and_are_what_the_graph_makes_of_them() -> None:
    held, _ = opened("layers", convolutions())
    opened("graph", convolutions(), held)
    images = np.random.default_rng(0).random((3, 1, 8, 8))
    inner = computed(held, images, "pooled", "flat", "y", inner=True)
    plain = computed(held, images, "y", "flat")
    np.testing.assert_allclose(inner["y"], plain["y"], rtol=1e-6)
    np.testing.assert_allclose(inner["flat"], plain["flat"], rtol=1e-6)
    np.testing.assert_allclose(np.kron(inner["pooled"].sum(1), np.ones((1, 2, 2))), plain["y"][:, 0], rtol=1e-5)


def test_a_layer_of_a_graph_opened_plainly_is_not_open_until_it_is_opened_for_layers() -> None:
    held, _ = opened("graph", convolutions())
    images = np.zeros((1, 1, 8, 8))
    assert isinstance(run_graph(held, images, "maps", inner=True), NotOpen)
    assert "has no output 'maps'" in sentence_of(run_graph(held, images, "maps"))


def test_a_layer_that_is_not_there_is_a_sentence() -> None:
    sentence = refusal(convolutions(), np.zeros((1, 1, 8, 8)), "nothing\x1b", inner=True)
    assert sentence == "it has no layer 'nothing\\x1b'; it may have been replaced, so open it again"


def test_a_layer_too_large_is_refused_before_it_is_computed() -> None:
    held, _ = opened("layers", convolutions(size=128))
    assert computed(held, np.zeros((64, 1, 128, 128)), "maps", inner=True)
    reply = run_graph(held, np.zeros((65, 1, 128, 128)), "maps", inner=True)
    assert "'maps' takes 16 MiB for 65 images, more than 16 MiB are not shown; send fewer images" in sentence_of(reply)
    assert computed(held, np.zeros((65, 1, 128, 128)), "pooled", inner=True)


def test_a_layer_whose_shape_is_not_declared_is_measured_once_it_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    held, _ = opened("layers", convolutions())
    loaded = held.graphs.get(("0", "cpu", True))
    assert loaded is not None and loaded.layers is not None
    unknown = replace(loaded, layers=dict.fromkeys([*loaded.layers, "flat"]))
    held.graphs.put(("0", "cpu", True), unknown, 1)
    monkeypatch.setattr("viewer.infer.running.INNER_BYTES", 4 * 4 * 64)
    images = np.zeros((1, 1, 8, 8))
    assert computed(held, images, "maps", inner=True)
    assert "send fewer images" in sentence_of(run_graph(held, np.zeros((2, 1, 8, 8)), "maps", inner=True))
    assert "'flat' is (1, 4), which is no feature map" in sentence_of(run_graph(held, images, "flat", inner=True))


def test_the_list_of_many_layers_is_cut_short_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.infer.layers.MOST", 2)
    _, reply = opened("layers", convolutions())
    assert [entry["tensor"] for entry in reply.facts["layers"]] == ["maps", "lit"] and reply.facts["left_out"] == 2


def test_a_name_that_cannot_be_printed_or_has_no_end_is_no_layer() -> None:
    names = ["a\x1b[2J", "b" * 301, "c"]
    inputs = ["image", *names]
    nodes = [helper.make_node("Relu", [before], [after]) for before, after in zip(inputs, names, strict=False)]
    data = graph([port("image", "n", 1, 8, 8)], [port("c", "n", 1, 8, 8)], *nodes)
    _, reply = opened("layers", data)
    assert [entry["tensor"] for entry in reply.facts["layers"]] == ["c"]


def test_layers_are_float32_maps_of_the_images_of_known_or_likely_shape() -> None:
    long = "b" * 300
    data = graph(
        [port("v", 5, 1, 2, 2), port("image", "n", 1, 128, 128)],
        [port("y", "n", 1, 128, 128)],
        node("Relu", "v", "constant"),
        node("Relu", "image", long),
        node("Cast", "image", "double", to=TensorProto.DOUBLE),
        node("ReduceMean", "image axes", "mean", keepdims=0),
        node("Cast", "mean", "sizes", to=TensorProto.INT64),
        node("Reshape", "image sizes", "odd"),  # nobody knows of what rank
        node("Conv", "odd v", "likely"),
        node("Relu", "odd", "unlikely"),
        node("Identity", "image", "y"),
        v=np.ones((5, 1, 2, 2), np.float32),
        axes=np.array([1, 2, 3]),
    )
    found = infer_layers.find(data)
    assert found.shapes == {long: [1, 128, 128], "likely": None, "y": [1, 128, 128]}
    assert [len(entry["node"]) for entry in found.listing] == [300, len("node_likely"), len("node_y")]
    declared = graph(
        [port("image", 2, 1, 8, 8)],
        [port("y", "m", 1, 8, 8)],
        node("ReduceMean", "image axes", "mean", keepdims=0),
        node("Cast", "mean", "sizes", to=TensorProto.INT64),
        node("Reshape", "image sizes", "y"),
        axes=np.array([1, 2, 3]),
    )
    assert infer_layers.find(declared).shapes == {"y": [1, 8, 8]}, "of how many images is not known, but may be of all"
    exposed = onnx.ModelProto.FromString(infer_layers.expose(data, found))
    assert [each.name for each in exposed.graph.output] == ["y", long, "likely"]


def test_a_layer_of_a_size_that_is_not_believed_has_no_shape_and_declared_ones_outlive_a_failed_inference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vast = graph([port("image", "n", 1, 1, 1 << 21)], [port("y", "n", 1, 1, 1 << 21)], node("Relu", "image", "y"))
    assert infer_layers.find(vast).shapes == {"y": None}

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("inference failed")

    monkeypatch.setattr("onnx.shape_inference.infer_shapes", fail)
    assert infer_layers.find(convolutions()).shapes == {"maps": None, "pooled": None, "y": [1, 8, 8]}


# ---- running graphs -------------------------------------------------------------------------------------------


def test_a_decoder_is_run_as_it_is_and_replies_with_all_that_it_makes() -> None:
    flat = graph(
        [port("bottleneck", "n", 2)],
        [port("reconstruction", "n", 1, 2, 2), port("doubled", "n", 4)],
        node("Gemm", "bottleneck w", "doubled"),
        node("Reshape", "doubled shape", "reconstruction"),
        w=np.eye(2, 4, dtype=np.float32) * 2,
        shape=np.array([-1, 1, 2, 2]),
    )
    held, _ = opened("graph", flat)
    arrays = computed(held, np.array([[1, 2], [3, 4], [5, 6]]), "reconstruction", "doubled")
    assert arrays["reconstruction"].shape == (3, 1, 2, 2) and arrays["doubled"].tolist()[2] == [10, 12, 0, 0]
    held, _ = opened("graph", convolutions())
    assert computed(held, np.zeros((2, 1, 8, 8)), "y", "flat")["flat"].shape == (2, 4)


TWO = graph([port("a", "n", 2), port("b", "n", 2)], [port("y", "n", 2)], node("Add", "a b", "y"))
WHOLE = graph([port("x", "n", 2, kind=TensorProto.INT64)], [port("y", "n", 2)], node("Cast", "x", "y", to=1))
SCALAR = graph([port("x", "n", 2)], [port("y")], node("ReduceMean", "x", "y", keepdims=0))
ROWLESS = graph([port("x", "n", 2)], [port("y", 1, 2)], node("ReduceMean", "x zero", "y"), zero=np.array([0]))
FLAT = graph([port("x", "n", 2)], [port("y", "n", 2)], node("Relu", "x", "y"))
LINE = graph([port("x", 7)], [port("y", 7)], node("Relu", "x", "y"))


@pytest.mark.parametrize(
    ("data", "shape", "sentence"),
    [
        (TWO, (3, 2), "it takes 2 inputs (a, b); only a graph with one can be run here"),
        (WHOLE, (3, 2), "it takes int64 at its input 'x'; only one that takes float32 can be run"),
        (SCALAR, (3, 2), "it: its output 'y' is float32 () for 3 images; expected a row each"),
        (ROWLESS, (3, 2), "it: its output 'y' is float32 (1, 2) for 3 images; expected a row each"),
        (FLAT, (3, 5), "it takes (n, 2) at its input 'x' and was sent (3, 5); send it what it takes"),
        (FLAT, (3, 2, 1), "it takes (n, 2) at its input 'x' and was sent (3, 2, 1); send it what it takes"),
        (FLAT, (0, 2), "it takes (n, 2) at its input 'x' and was sent (0, 2); send it what it takes"),
        (LINE, (7,), "it takes (7) at its input 'x', which is no batch"),
    ],
)
def test_what_a_graph_cannot_run_is_a_sentence(data: bytes, shape: tuple[int, ...], sentence: str) -> None:
    assert refusal(data, np.zeros(shape), "y") == sentence


def test_an_output_that_is_not_there_is_a_sentence() -> None:
    assert refusal(FLAT, np.zeros((1, 2)), "z").startswith("it has no output 'z'; it may have been replaced")


def test_whole_numbers_and_truths_are_sent_as_floating_point() -> None:
    data = graph(
        [port("x", "n", 2)],
        [port("whole", "n", 2, kind=TensorProto.INT64), port("truth", "n", 2, kind=TensorProto.BOOL)],
        node("Cast", "x", "whole", to=TensorProto.INT64),
        node("Cast", "x", "truth", to=TensorProto.BOOL),
    )
    held, _ = opened("graph", data)
    arrays = computed(held, np.array([[-2.5, 0]]), "whole", "truth")
    assert {name: (array.dtype, array.tolist()) for name, array in arrays.items()} == {
        "whole": (np.float32, [[-2, 0]]),
        "truth": (np.float32, [[1, 0]]),
    }


def loaded_with(*inputs: gate.Port, **layers_of: list[int]) -> LoadedGraph:
    """A graph that must not be run: it has these inputs and layers, and no session."""
    facts = replace(gate.check_onnx(FLAT, source="it"), inputs=inputs)
    return LoadedGraph(None, facts, layers_of)


def test_a_sentence_names_four_inputs_and_no_name_without_end() -> None:
    many = [gate.Port(name * 50, ("n", 2), "float32") for name in "abcdef"]
    for inputs, names in ((many, ", ".join(name * 40 for name in "abcd")), ([], "none")):
        with pytest.raises(FileRefused) as refused:
            run(loaded_with(*inputs), PLAIN, ["y"], label="it")
        assert f"it takes {len(inputs)} inputs ({names});" in str(refused.value)
    with pytest.raises(FileRefused, match=rf"it takes \({'n' * 20}, 2\) at its input '{'x' * 60}' and was sent"):
        run(loaded_with(gate.Port("x" * 70, ("n" * 50, 2), "float32")), PLAIN, ["y"], label="it")
    with pytest.raises(FileRefused, match=r"takes \(0, 2\) at its input 'x', which is no batch"):
        run(loaded_with(gate.Port("x", (0, 2), "float32")), np.zeros((1, 2), np.float32), ["y"], label="it")
    assert refusal(FLAT, np.zeros((1, 2)), "z", inner=True).startswith("it has no layer 'z'")


def test_a_layer_whose_size_exceeds_all_bounds_is_refused_before_the_graph_is_run() -> None:
    loaded = loaded_with(gate.Port("x", ("n", 2), "float32"), maps=[4, 1 << 20, 1 << 20])
    with pytest.raises(FileRefused, match="'maps' takes 33554432 MiB for 2 images"):
        run(loaded, np.zeros((2, 2), np.float32), ["maps"], label="it")


@pytest.mark.parametrize("spare", [0, -1])
def test_a_layer_may_be_exactly_as_large_as_agreed(monkeypatch: pytest.MonkeyPatch, spare: int) -> None:
    monkeypatch.setattr(running, "INNER_BYTES", 4 * 2 * 4 * 64 + spare)
    monkeypatch.setattr(messages, "INNER_BYTES", 4 * 2 * 4 * 64 + spare)
    images, maps = np.zeros((2, 1, 8, 8), np.float32), np.zeros((2, 4, 8, 8), np.float32)
    held, _ = opened("layers", convolutions())
    assert isinstance(run_graph(held, images, "maps", inner=True), Completed if not spare else Refused)
    request = Request("panel", "run", FILE, images, ("maps",), inner=True)
    if spare:
        with pytest.raises(ProtocolError):
            messages.check(request, Completed(1, {}, arrays={"maps": maps}))
    else:
        messages.check(request, Completed(1, {}, arrays={"maps": maps}))


class BrokenSession:
    """A session that raises when it is run."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "it needs more memory than a worker may use"),
        (RuntimeError("x" * 500 + "\nand more"), f"it could not be run ({'x' * 120} … {'x' * 261} and more)"),
        (RuntimeError(" \n"), "it could not be run (RuntimeError)"),
    ],
)
def test_what_goes_wrong_in_a_graph_is_one_short_sentence(error: BaseException, sentence: str) -> None:
    held, _ = opened("graph", FLAT)
    loaded = held.graphs.get(("0", "cpu", False))
    assert loaded is not None
    held.graphs.put(("0", "cpu", False), replace(loaded, session=BrokenSession(error)), 1)
    assert sentence_of(run_graph(held, np.zeros((1, 2)), "y")) == sentence


def test_a_graph_is_described_by_its_ports_and_counts() -> None:
    _, reply = opened("graph", convolutions())
    facts = gate.check_onnx(convolutions(), source="it")
    assert (facts.opset, facts.ir_version, facts.nodes) == (18, 8, 5)
    assert graphs.from_header(reply.facts).facts == replace(facts, multiply_adds=0) and reply.facts["card"] is None


# ---- what is kept ----------------------------------------------------------------------------------------------


def test_sessions_are_dropped_by_number_and_by_bytes_but_the_newest_stay() -> None:
    kept: LruCache[str] = LruCache(max_count=3, max_bytes=100)
    for name, weight in (("a", 10), ("b", 10), ("c", 10)):
        kept.put(name, name, weight)
    assert kept.get("a") == "a"  # and so "b" is the oldest now
    kept.put("d", "d", 10)
    assert (kept.get("b"), len(kept)) == (None, 3)
    kept.put("e", "e", 90)
    assert (len(kept), kept.size, kept.get("d")) == (2, 100, "d")
    for name in ("f", "g", "h"):
        kept.put(name, name, 1000)
    assert len(kept) == MIN_COUNT and kept.get("g") and kept.get("h")


def test_a_value_that_is_put_anew_is_the_newest() -> None:
    kept: LruCache[int] = LruCache(max_count=2, max_bytes=100)
    for name, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        kept.put(name, value, 10)
    assert (kept.get("a"), kept.get("b"), kept.get("c"), kept.size) == (3, None, 4, 20)


def test_a_worker_weighs_its_sessions_by_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SESSION_BYTES", 3 * len(FLAT))
    held = Worker("cpu")
    for index in range(5):
        request = OpenFile(index, "it", str(index), "graph", arrays={"file": np.frombuffer(FLAT, np.uint8)})
        assert isinstance(held.reply(request), Completed)
    assert (len(held.graphs), held.graphs.size) == (3, 3 * len(FLAT))


def test_what_one_graph_made_of_images_is_never_sent_for_another() -> None:
    held, images = Worker("cpu"), np.ones((2, 3), np.float32)
    for name, operator in (("kept", "Identity"), ("negated", "Neg")):
        data = graph([port("x", "n", 3)], [port("y", "n", 3)], node(operator, "x", "y"))
        held.reply(OpenFile(1, "it", name, "graph", arrays={"file": np.frombuffer(data, np.uint8)}))
    for name, expected in (("kept", images), ("negated", -images), ("kept", images)):
        reply = held.reply(RunGraph(2, "it", name, ("y",), False, arrays={"images": images}))
        assert isinstance(reply, Completed), reply
        np.testing.assert_array_equal(reply.arrays["y"], expected)


@pytest.mark.parametrize("excess", [0, 1])
def test_a_card_that_is_too_long_is_not_sent(excess: int) -> None:
    room = card.MAX_TEXT - len(replace(CARD, summary="").to_json())
    own = replace(CARD, summary="x" * (room + excess))
    _, reply = opened("graph", graph_bytes(own))
    assert reply.facts["card"] == ("" if excess else own.to_json())


def test_a_graph_that_was_dropped_is_missing() -> None:
    held, _ = opened("graph", convolutions())
    images = np.ones((3, 1, 8, 8), np.float32)
    assert isinstance(run_graph(held, images, "y"), Completed)
    held.graphs = LruCache(max_count=1, max_bytes=1)
    assert isinstance(run_graph(held, images, "y"), NotOpen)


def test_a_worker_on_cuda_holds_fewer_sessions_and_one_for_layers_weighs_as_much_as_its_file() -> None:
    assert (Worker("cpu").graphs.max_count, Worker("cuda").graphs.max_count) == (16, 8)
    held, _ = opened("layers", convolutions())
    assert held.graphs.size == len(convolutions())


def test_a_graph_that_is_broken_is_called_by_its_label_when_its_layers_are_asked_for() -> None:
    held = Worker("cpu")
    broken = OpenFile(1, "odd.onnx", "0", "layers", arrays={"file": np.frombuffer(b"broken", np.uint8)})
    assert sentence_of(held.reply(broken)).startswith("odd.onnx") and not len(held.graphs)


def test_memory_is_given_back_after_a_large_file_only(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    libc = type("Libc", (), {"malloc_trim": staticmethod(given.append)})
    monkeypatch.setattr("ctypes.CDLL", lambda _: libc)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(worker, "LARGE_FILE", len(FLAT))
    for data, times in ((FLAT[:-1], 0), (FLAT, 1)):
        message = OpenFile(1, "it", "0", "graph", arrays={"file": np.frombuffer(data, np.uint8)})
        worker.serve(io.BytesIO(messages.encode(message)), io.BytesIO(), Worker("cpu"))
        assert given == [0] * times


@pytest.mark.parametrize("value", [object(), float("nan")], ids=["no JSON", "not a number"])
def test_facts_that_cannot_be_sent_are_a_sentence(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Worker, "reply", lambda *_: Completed(7, {"value": value}))
    replies = io.BytesIO()
    request = OpenFile(7, "it", "0", "graph", arrays={"file": np.zeros(1, np.uint8)})
    worker.serve(io.BytesIO(messages.encode(request)), replies, Worker("cpu"))
    (frame,) = Decoder().feed(replies.getvalue())
    assert vars(messages.decode(frame, Refused)) == {
        "number": 7, "sentence": "it holds more than can be shown", "facts": {}, "arrays": {},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["cuda", "cpu"])
def test_cuda_is_probed_once_more_in_the_sandbox(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Probe:
        def __call__(self) -> sessions.Provider:
            calls.append("probe")
            return sessions.Provider("cuda" if name == "cuda" else "cpu", "")

        def cache_clear(self) -> None:
            calls.append("clear")

    monkeypatch.setattr(sessions, "probe", Probe())
    found = worker._probe_in_sandbox()
    assert calls == ["clear", "probe"] and found.name == name
    assert found.why_not_cuda == ("" if name == "cuda" else "CUDA does not work in the sandbox")


# ---- threads ---------------------------------------------------------------------------------------------------


def heavy() -> bytes:
    """32 channels in and out, 3×3, on 64×64 pixels: 38 million multiply-adds an image."""
    random = np.random.default_rng(0)
    return graph(
        [port("image", "n", 1, 64, 64)],
        [port("y", "n", 32, 64, 64)],
        node("Conv", "image v", "maps", pads=[1, 1, 1, 1]),
        node("Conv", "maps w", "y", pads=[1, 1, 1, 1]),
        v=random.random((32, 1, 3, 3), np.float32),
        w=random.random((32, 32, 3, 3), np.float32),
    )


@pytest.mark.parametrize(
    ("multiply_adds", "cores", "threads"),
    [
        (0, 8, 1),
        (MULTITHREAD_MIN_MULTIPLY_ADDS - 1, 8, 1),
        (MULTITHREAD_MIN_MULTIPLY_ADDS, 8, 4),
        (MULTITHREAD_MIN_MULTIPLY_ADDS, 2, 2),
        (MULTITHREAD_MIN_MULTIPLY_ADDS, 1, 1),
    ],
)
def test_a_heavy_graph_gets_the_cores_there_are_up_to_four(
    multiply_adds: int, cores: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    facts = replace(gate.check_onnx(FLAT, source="it"), multiply_adds=multiply_adds)
    assert worker.threads_for(facts, "cpu") == threads
    assert worker.threads_for(facts, "cuda") == 1


def test_where_the_cores_of_a_process_are_not_known_those_of_the_machine_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    facts = replace(gate.check_onnx(FLAT, source="it"), multiply_adds=MULTITHREAD_MIN_MULTIPLY_ADDS)
    for cores, threads in ((2, 2), (None, 1), (64, 4)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert worker.threads_for(facts, "cpu") == threads


def test_sessions_for_outputs_and_for_layers_are_made_for_the_workers_provider_and_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[dict[str, object]] = []
    monkeypatch.setattr(sessions, "make", lambda _, **options: made.append(options))
    monkeypatch.setattr(worker, "threads_for", lambda _, provider: {"cuda": 3}[provider])
    held = Worker("cuda")
    for kind in ("graph", "layers"):
        opened(kind, convolutions(), held)
    assert made == [{"provider": "cuda", "threads": 3}] * 2
    assert held.graphs.get(("0", "cuda", True)) and held.graphs.get(("0", "cuda", False))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
def test_the_threads_of_a_heavy_graph_run_in_the_sandbox(qtbot: QtBot) -> None:
    def tasks() -> set[Path]:
        return set(Path(f"/proc/{workers.process_id}/task").iterdir())

    workers = Workers(keep_spare=False)
    images = np.random.default_rng(1).random((3, 1, 64, 64), np.float32)
    try:
        light = Request("panel", "run", FileBytes(Path("g"), "g.onnx", "a" * 64, graph_bytes()), PLAIN, ("bottleneck",))
        assert one_answer(qtbot, workers, light).error == ""
        before = tasks()
        reply = one_answer(
            qtbot, workers, Request("panel", "run", FileBytes(Path("h"), "h.onnx", "b" * 64, heavy()), images, ("y",))
        )
        more = tasks() - before
        flags = {(task / "status").read_text().partition("NoNewPrivs:")[2].split()[0] for task in more}
    finally:
        workers.close()
        workers.deleteLater()
    threads = worker.threads_for(gate.check_onnx(heavy(), source="it"), "cpu")
    assert len(more) == threads - 1 and flags <= {"1"}
    alone = sessions.make(heavy()).run(["y"], {"image": images})[0]
    assert reply.error == "" and np.allclose(reply.arrays["y"], alone, rtol=1e-4)


# ---- which replies the window accepts --------------------------------------------------------------------------------

FILE = FileBytes(Path("x"), "x", "0", b"")
PICTURES = np.zeros((2, 1, 1, 4, 4), np.uint8)
LAYER = {"tensor": "a", "node": "", "operator": "Conv", "shape": [1, 2, 3]}


def believed(kind: messages.Kind, facts: dict[str, Any], **arrays: np.ndarray) -> None:
    messages.check(Request("panel", kind, FILE), Completed(1, facts, arrays=arrays))


def test_proper_answers_are_believed() -> None:
    believed("epochs", {"epochs": [1, 7]}, reconstructions=PICTURES)
    believed("layers", {"layers": [LAYER, {**LAYER, "tensor": "b", "shape": None}]})


@pytest.mark.parametrize(
    ("numbers", "arrays"),
    [
        ([1, 2], {}),
        ([1, 2], {"other": PICTURES}),
        ([1, 2], {"reconstructions": PICTURES, "more": PICTURES}),
        ([1], {"reconstructions": PICTURES}),
        ([2, 1], {"reconstructions": PICTURES}),
        ([1, 1], {"reconstructions": PICTURES}),
        ([0, 1], {"reconstructions": PICTURES}),
        ([True, 2], {"reconstructions": PICTURES}),
        ([1.0, 2], {"reconstructions": PICTURES}),
        (["1", "2"], {"reconstructions": PICTURES}),
        (None, {"reconstructions": PICTURES}),
        ([1, 1 << 40], {"reconstructions": PICTURES}),
        ([1, 2], {"reconstructions": PICTURES.astype(np.float32)}),
        ([1, 2], {"reconstructions": PICTURES[:, 0]}),
        ([1, 2], {"reconstructions": np.zeros((2, 1, 2, 4, 4), np.uint8)}),
        ([1, 2], {"reconstructions": PICTURES[:, :0]}),
        ([], {"reconstructions": PICTURES[:0]}),
        ([1, 2], {"reconstructions": np.zeros((2, 1, 1, 4096, 4096), np.uint8)}),
        (list(range(1, 2002)), {"reconstructions": np.zeros((2001, 1, 1, 1, 1), np.uint8)}),
    ],
)
def test_improper_epochs_are_not_believed(numbers: object, arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(ProtocolError):
        believed("epochs", {"epochs": numbers}, **arrays)


@pytest.mark.parametrize(
    "listing",
    [
        None,
        {},
        [7],
        [LAYER, LAYER],
        [{**LAYER, "tensor": ""}],
        [{**LAYER, "tensor": None}],
        [{**LAYER, "tensor": "a" * 4097}],
        [{**LAYER, "operator": 7}],
        [{**LAYER, "shape": [1, 2]}],
        [{**LAYER, "shape": [1, 2, 0]}],
        [{**LAYER, "shape": [1, 2, True]}],
        [{**LAYER, "shape": [1, 2, 1 << 40]}],
        [{**LAYER, "tensor": str(index)} for index in range(513)],
    ],
)
def test_improper_layers_are_not_believed(listing: object) -> None:
    with pytest.raises(ProtocolError):
        believed("layers", {"layers": listing})


def test_a_layer_larger_than_agreed_is_not_believed() -> None:
    images = np.zeros((1, 1, 4, 4), np.float32)
    reply = Completed(1, {}, arrays={"maps": np.zeros((1, 5 << 20), np.float32)})
    messages.check(Request("panel", "run", FILE, images, ("maps",)), reply)
    with pytest.raises(ProtocolError, match="larger than agreed"):
        messages.check(Request("panel", "run", FILE, images, ("maps",), inner=True), reply)


def test_what_a_file_is_opened_as_follows_from_the_request_and_its_message_names_it() -> None:
    kinds = [Request("panel", "run", FILE, inner=inner).open_kind for inner in (True, False)]
    assert kinds == ["layers", "graph"] and Request("panel", "epochs", FILE).open_kind == "epochs"
    file = FileBytes(Path("x"), "x.onnx", "5a", b"\1\2")
    message = messages.open_message(4, "layers", file)
    assert (message.number, message.label, message.sha256, message.kind) == (4, "x.onnx", "5a", "layers")
    assert message.arrays["file"].tolist() == [1, 2]
    asked = messages.run_message(5, Request("panel", "run", file, np.ones((2, 3)), ("y",), inner=True))
    assert (asked.number, asked.label, asked.sha256, asked.outputs, asked.inner) == (5, "x.onnx", "5a", ("y",), True)
    assert asked.arrays["images"].dtype == np.float32 and asked.arrays["images"].shape == (2, 3)


@pytest.mark.parametrize("spare", [0, -1])
def test_pictures_of_epochs_may_be_exactly_as_many_bytes_as_agreed(monkeypatch: pytest.MonkeyPatch, spare: int) -> None:
    monkeypatch.setattr(messages, "EPOCHS_BYTES", PICTURES.nbytes + spare)
    if spare:
        with pytest.raises(ProtocolError, match="more pictures of epochs than agreed"):
            believed("epochs", {"epochs": [1, 2]}, reconstructions=PICTURES)
    else:
        believed("epochs", {"epochs": [1, epochs.LAST]}, reconstructions=PICTURES)


def test_layers_may_be_as_many_as_large_and_as_long_as_agreed_and_have_titles() -> None:
    most = [{**LAYER, "tensor": f"{index:0300}", "shape": [1, 1, 1 << 20]} for index in range(512)]
    found = layers.from_header({"layers": most})
    assert len(found) == 512 and found[0].shape == (1, 1, 1 << 20) and len(found[-1].tensor) == 300
    listing = [
        LAYER,
        {**LAYER, "tensor": "b", "operator": "ConvTranspose", "shape": None},
        {**LAYER, "tensor": "c", "operator": "Relu"},
    ]
    three = layers.from_header({"layers": listing})
    assert [layer.title for layer in three] == ["Conv · a, 1×2×3", "ConvTranspose · b", "Relu · c, 1×2×3"]
    assert [layer.is_convolution for layer in three] == [True, True, False]


def test_a_layers_title_is_one_harmless_line() -> None:
    (layer,) = layers.from_header({"layers": [{**LAYER, "tensor": "a\n\u202e" + "b" * 200, "operator": "Conv\x1b"}]})
    assert layer.title.isprintable() and len(layer.title) < 150


# ---- through Workers ---------------------------------------------------------------------------------


def test_layers_epochs_and_a_plain_run_of_the_same_file_go_through_one_worker(qtbot: QtBot) -> None:
    workers = Workers(keep_spare=False)
    try:
        file = FileBytes(Path("g"), "g.onnx", "a" * 64, graph_bytes())
        history = FileBytes(Path("h"), "history.h5", "b" * 64, pack_history(history_of(epochs=2)))
        images = np.zeros((2, 1, 28, 28), np.float32)
        run = Request("panel", "run", file, images, ("bottleneck",), inner=True)
        replies = [
            one_answer(qtbot, workers, request)
            for request in (
                run,
                replace(run, inner=False),
                Request("panel", "layers", file),
                Request("panel", "epochs", history),
                run,
                replace(run, outputs=("nowhere",)),
            )
        ]
    finally:
        workers.close()
        workers.deleteLater()
    assert [reply.error for reply in replies[:5]] == [""] * 5
    assert replies[0].arrays["bottleneck"].shape == replies[1].arrays["bottleneck"].shape == (2, 8, 7, 7)
    assert [layer.shape for layer in layers.from_header(replies[2].facts)] == [(1, 28, 28), (8, 7, 7)]
    assert epochs.from_parts(replies[3].facts, replies[3].arrays).numbers == (1, 2)
    assert "g.onnx has no layer 'nowhere'" in replies[5].error


def one_answer(qtbot: QtBot, workers: Workers, request: Request) -> Reply:
    with qtbot.waitSignal(workers.answered, timeout=TIMEOUT) as answered:
        workers.send(request)
    reply = answered.args[0]
    assert isinstance(reply, Reply) and reply.request is request
    return reply


def test_a_reply_too_large_to_send_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    held, _ = opened("graph", convolutions())
    request = RunGraph(2, "it", "0", ("y",), False, arrays={"images": np.ones((3, 1, 8, 8), np.float32)})
    whole, replies = io.BytesIO(), io.BytesIO()
    size = len(messages.encode(held.reply(request)))
    monkeypatch.setattr("zoo.protocol.MAX_REPLY", size)
    worker.serve(io.BytesIO(messages.encode(request)), whole, held)
    assert len(whole.getvalue()) == size
    monkeypatch.setattr("zoo.protocol.MAX_REPLY", size - 1)
    worker.serve(io.BytesIO(messages.encode(request)), replies, held)
    (frame,) = Decoder().feed(replies.getvalue())
    assert messages.decode(frame, Refused).sentence == "it holds more than can be shown"
