"""The gate lets our graphs through and stops what could crash, hang or read: one sentence each."""

from __future__ import annotations

import itertools
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo import gate, graph_facts, graph_sizes, sessions, shapes
from zoo.errors import FileRefused
from zoo.runs import GRAPHS, RunFolder

FLOAT = TensorProto.FLOAT


def model_of(
    nodes: list[Any], weights: list[Any] | None = None, shape: tuple[Any, ...] = ("batch", 1, 8, 8)
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "crafted",
        [helper.make_tensor_value_info("image", FLOAT, list(shape))],
        [helper.make_tensor_value_info("out", FLOAT, [f"o{axis}" for axis in range(len(shape))])],
        weights or [],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def conv(**attributes: Any) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "w")
    return model_of([helper.make_node("ConvTranspose", ["image", "w"], ["out"], **attributes)], [weight])


def relu() -> onnx.ModelProto:
    return model_of([helper.make_node("Relu", ["image"], ["out"])])


def external(location: str) -> onnx.ModelProto:
    model = conv()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return model


def loop() -> onnx.ModelProto:
    body = helper.make_graph([helper.make_node("Identity", ["c"], ["d"])], "body", [], [])
    return model_of([helper.make_node("Loop", ["image"], ["out"], body=body)])


def foreign() -> onnx.ModelProto:
    model = model_of([helper.make_node("Own", ["image"], ["out"], domain="org.example")])
    model.opset_import.append(helper.make_opsetid("org.example", 1))
    return model


def functions() -> onnx.ModelProto:
    model = relu()
    model.functions.append(helper.make_function("x", "f", ["a"], ["b"], [], [helper.make_opsetid("", 18)]))
    return model


def huge_tensor() -> onnx.ModelProto:
    model = conv()
    model.graph.initializer[0].dims[:] = [1 << 40, 1 << 40]
    return model


def huge_result() -> onnx.ModelProto:
    shape = numpy_helper.from_array(np.array([1 << 18, 1 << 18], np.int64), "s")
    return model_of([helper.make_node("Expand", ["image", "s"], ["out"])], [shape], (1, 1))


def doubling() -> onnx.ModelProto:
    names = ["image", *(f"n{index}" for index in range(33)), "out"]
    nodes = [helper.make_node("Concat", [a, a], [b], axis=1) for a, b in itertools.pairwise(names)]
    return model_of(nodes)


def long_multiplication() -> onnx.ModelProto:
    nodes = [helper.make_node("MatMul", ["image", "image"], ["out"])]
    return model_of(nodes, shape=(20_000, 20_000))


def wide_pool() -> onnx.ModelProto:
    shape = ("batch", 1, 1000, 1000)
    return model_of([helper.make_node("MaxPool", ["image"], ["out"], kernel_shape=[500, 500])], shape=shape)


def many_large_results() -> onnx.ModelProto:
    """Three hundred results of 4 MB that are all needed at the end, each of which is small and quick to compute."""
    names = [f"n{index}" for index in range(300)]
    nodes = [helper.make_node("Relu", ["image"], [name]) for name in names]
    return model_of([*nodes, helper.make_node("Sum", names, ["out"])], shape=("batch", 1, 1000, 1000))


def sparse() -> onnx.ModelProto:
    model = relu()
    model.graph.sparse_initializer.add()
    return model


def too_many_nodes() -> onnx.ModelProto:
    names = ["image", *(f"n{index}" for index in range(6000)), "out"]
    return model_of([helper.make_node("Relu", [a], [b]) for a, b in itertools.pairwise(names)])


def old_opset() -> onnx.ModelProto:
    model = relu()
    model.opset_import[0].version = 3
    return model


def short_payload() -> onnx.ModelProto:
    model = conv()
    model.graph.initializer[0].raw_data = b"\0" * 8
    return model


def integer_division() -> onnx.ModelProto:
    least = numpy_helper.from_array(np.array([-(2**63)], np.int64), "a")
    minus_one = numpy_helper.from_array(np.array([-1], np.int64), "b")
    nodes = [
        helper.make_node("Div", ["a", "b"], ["c"]),
        helper.make_node("Cast", ["c"], ["d"], to=FLOAT),
        helper.make_node("Add", ["image", "d"], ["out"]),
    ]
    return model_of(nodes, [least, minus_one])


def strings() -> onnx.ModelProto:
    """A text made a million times: 20 kB that would take 20 GB."""
    content: list[Any] = [b"x" * 20_000]
    text = helper.make_tensor("text", TensorProto.STRING, [1], content)
    many = numpy_helper.from_array(np.array([1_000_000]), "many")
    nodes = [helper.make_node("Relu", ["image"], ["out"]), helper.make_node("Expand", ["text", "many"], ["texts"])]
    return model_of(nodes, [text, many])


def no_tensor(kind: str) -> onnx.ModelProto:
    """A graph with one more input, a sequence or an optional."""
    make = {"sequence": helper.make_sequence_type_proto, "optional": helper.make_optional_type_proto}[kind]
    model = relu()
    more = make(helper.make_tensor_type_proto(FLOAT, [1]))
    model.graph.input.append(helper.make_value_info("more", more))
    return model


def workspace() -> onnx.ModelProto:
    """A transposed convolution of 64×64 over 600×600 pixels: 16 kB that would take a column of 5.5 GB."""
    weight = numpy_helper.from_array(np.ones((1, 1, 64, 64), np.float32), "w")
    return model_of([helper.make_node("ConvTranspose", ["image", "w"], ["out"])], [weight], ("batch", 1, 600, 600))


def much_metadata() -> onnx.ModelProto:
    model = relu()
    model.metadata_props.add(key="more", value="x" * (9 << 20))
    return model


def much_text() -> onnx.ModelProto:
    model = relu()
    model.graph.doc_string = "x" * (9 << 20)
    return model


def many_entries() -> onnx.ModelProto:
    model = relu()
    for index in range(50_001):
        model.metadata_props.add(key=str(index), value="")
    return model


REFUSED: list[tuple[Callable[[], onnx.ModelProto], str]] = [
    (lambda: external("../secret"), "lies in another file"),
    (lambda: external("/etc/passwd"), "lies in another file"),
    (lambda: external("weights.bin"), "lies in another file"),
    (loop, "operator 'Loop', which is not on the list"),
    (foreign, "domain 'org.example'"),
    (functions, "functions of its own"),
    (huge_tensor, "declares the shape"),
    (huge_result, "declares 68,719,476,736 values|would need"),
    (doubling, "would need|declares"),
    (long_multiplication, "multiplications|would need|declares"),
    (wide_pool, "multiplications for one image"),
    (many_large_results, "it would need 1.1 GiB at once for one image"),
    (sparse, "sparse tensors"),
    (too_many_nodes, "more than 5,000"),
    (old_opset, "opset is 3"),
    (short_payload, "more or fewer bytes"),
    (integer_division, "divides integers"),
    (strings, "tensor 'text' is of strings; only tensors of numbers are run"),
    (lambda: no_tensor("sequence"), "port 'more' is no tensor; only tensors of numbers are run"),
    (lambda: no_tensor("optional"), "port 'more' is no tensor; only tensors of numbers are run"),
    (workspace, "it would need 5.5 GiB at once for one image"),
    (much_metadata, "more than 8,388,608 bytes or 50,000 entries beside its nodes and weights"),
    (many_entries, "more than 8,388,608 bytes or 50,000 entries beside its nodes and weights"),
    (much_text, "more than 8,388,608 bytes or 50,000 entries beside its nodes and weights"),
    (lambda: conv(group=0), "sets 'group' to"),
    (lambda: conv(strides=[0, 1]), "sets 'strides' to"),
    *(
        (
            lambda name=name: model_of([helper.make_node(name, ["image"], ["out"])]),
            f"operator '{name}', which is not on",
        )
        for name in ("NonMaxSuppression", "If", "Scan", "StringNormalizer", "DFT")
    ),
]


@pytest.mark.parametrize(("build", "sentence"), REFUSED, ids=[str(index) for index in range(len(REFUSED))])
def test_a_crafted_graph_is_refused_with_its_reason(build: Callable[[], onnx.ModelProto], sentence: str) -> None:
    with pytest.raises(FileRefused, match=rf"^g is refused: .*({sentence})"):
        gate.check_onnx(build().SerializeToString(), source="g")


def test_text_and_empty_and_truncated_files_are_refused(conv_run: RunFolder) -> None:
    data = conv_run.graph("model").read_bytes()
    for broken in (b"", b"hello", b"\xff" * 99, data[:100], data[:-7]):
        with pytest.raises(FileRefused, match=r"^g is"):
            gate.check_onnx(broken, source="g")


@pytest.mark.parametrize("name", GRAPHS)
def test_our_own_graphs_pass_and_are_described(conv_run: RunFolder, name: str) -> None:
    facts = gate.check_onnx(conv_run.graph(name).read_bytes(), source=name)
    assert facts.opset == 18
    assert facts.ir_version == 8
    assert facts.inputs[0].shape[0] == "batch"
    assert facts.image_shape == ((1, 28, 28) if name != "decoder" else None)


@pytest.mark.parametrize("batch", ["batch", 3])
def test_multiply_adds_are_counted_for_one_image(batch: int | str) -> None:
    weight = numpy_helper.from_array(np.ones((4, 2, 3, 3), np.float32), "w")
    convolution = helper.make_node("Conv", ["image", "w"], ["out"], pads=[1, 1, 1, 1])
    model = model_of([convolution], [weight], shape=(batch, 2, 8, 8))
    assert gate.check_onnx(model.SerializeToString(), source="g").multiply_adds == 4 * 8 * 8 * (2 * 3 * 3)


def test_only_regular_files_of_a_bounded_size_are_read(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 100)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileRefused, match="more than 10 are not opened"):
        gate.read_bytes(tmp_path / "big", limit=10)
    with pytest.raises(FileRefused, match="not a regular file"):
        gate.read_bytes(tmp_path / "pipe", limit=10)
    with pytest.raises(FileRefused, match="no such file"):
        gate.read_bytes(tmp_path / "absent", limit=10)
    assert gate.read_bytes(tmp_path / "big", limit=100) == b"x" * 100


MUTATE = """
import sys, numpy as np
from zoo import gate, sessions
from zoo.errors import AezooError
data = sys.stdin.buffer.read()
rng = np.random.default_rng(11)
passed = 0
for _ in range(500):
    mutant = bytearray(data)
    for position in rng.integers(0, len(mutant), rng.integers(1, 9)):
        mutant[position] = rng.integers(0, 256)
    try:
        gate.check_onnx(bytes(mutant), source="g")
    except AezooError:
        continue
    try:
        session = sessions.make(bytes(mutant))
        session.run(None, {session.get_inputs()[0].name: np.zeros((2, 1, 28, 28), np.float32)})
        passed += 1
    except Exception:
        pass
print(passed)
"""


def test_mutated_graphs_are_run_or_refused_and_nothing_else_happens(conv_run: RunFolder) -> None:
    data = conv_run.graph("model").read_bytes()
    done = subprocess.run([sys.executable, "-c", MUTATE], input=data, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert int(done.stdout) > 0


def test_the_values_of_all_tensors_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = [numpy_helper.from_array(np.ones(600, np.float32), name) for name in ("first", "second")]
    graph = helper.make_graph(
        [helper.make_node("Add", list("ab"), ["out"])],
        "two weights",
        [helper.make_tensor_value_info(name, FLOAT, [1, 600]) for name in "ab"],
        [helper.make_tensor_value_info("out", FLOAT, [1, 600])],
        weights,
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString()
    monkeypatch.setattr(gate, "MAX_ELEMENTS", 1_200)
    gate.check_onnx(data, source="two.onnx")
    monkeypatch.setattr(gate, "MAX_ELEMENTS", 1_000)
    with pytest.raises(FileRefused, match="its tensors hold more than 1,000 values"):
        gate.check_onnx(data, source="two.onnx")


# ---- limits --------------------------------------------------------------------------------------------------


def refusal(model: onnx.ModelProto) -> str:
    """Return why a graph is refused, '' where it is not."""
    try:
        gate.check_onnx(model.SerializeToString(), source="g")
    except FileRefused as error:
        return str(error)
    return ""


def test_opsets_from_7_to_26_and_5000_nodes_are_known_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    model = relu()
    for opset, sentence in ((6, "its opset is 6; 7 to 26 are run: convert it"), (7, ""), (26, ""), (27, "opset is 27")):
        model.opset_import[0].version = opset
        assert sentence in refusal(model) and bool(sentence) == bool(refusal(model))
    assert gate.MAX_NODES == 5_000
    chain = model_of([helper.make_node("Relu", [a], [b]) for a, b in (("image", "n"), ("n", "out"))])
    monkeypatch.setattr(gate, "MAX_NODES", 2)
    assert refusal(chain) == ""
    monkeypatch.setattr(gate, "MAX_NODES", 1)
    assert "it has 2 nodes; more than 1 are not opened" in refusal(chain)


@pytest.mark.parametrize(
    ("attributes", "refused"),
    [
        ({"strides": [4_096, 1]}, False),
        ({"strides": [4_097, 1]}, True),
        ({"dilations": [0, 1]}, True),
        ({"pads": [0, 0, 0, -1]}, True),
        ({"pads": [0, 0, 65_537, 0]}, True),
        ({"output_padding": [4_097, 0]}, True),
        ({"group": shapes.MAX_DIMENSION + 1}, True),
        ({"blocksize": 0}, True),
        ({"blocksize": 4_097}, True),
        ({"kernel_shape": [3, 3]}, False),
    ],
)
def test_attributes_are_bounded_on_both_sides(attributes: dict[str, Any], refused: bool) -> None:
    (name,) = attributes
    assert (f"sets '{name}' to" in refusal(conv(**attributes))) == refused


@pytest.mark.parametrize(
    ("shape", "refused"),
    [
        ([1] * 8, ""),
        ([1] * 9, "declares the shape"),
        ([0, 1 << 20], ""),
        ([-1, 2], "declares the shape"),
        ([(1 << 20) + 1], "declares the shape"),
        ([1 << 20, 1 << 7], ""),
        ([1 << 20, (1 << 7) + 1], "declares 135,266,304 values"),
    ],
)
def test_a_shape_has_8_dimensions_of_a_million_and_134_million_values_at_most(shape: list[int], refused: str) -> None:
    with pytest.raises(FileRefused, match=f"^it {refused}") if refused else nullcontext():
        shapes.check_dimensions(shape, "it")


def with_attribute(**attribute: Any) -> onnx.ModelProto:
    """A graph of one Relu that has an attribute besides, which onnx does not know."""
    model = relu()
    model.graph.node[0].attribute.add(name="more", **attribute)
    return model


@pytest.mark.parametrize("field", ["t", "tensors"])
@pytest.mark.parametrize(
    "more", [{"data_location": TensorProto.EXTERNAL}, {"external_data": [onnx.StringStringEntryProto(key="location")]}]
)
def test_weights_in_another_file_are_refused_however_that_is_said_and_wherever_they_are(
    field: str, more: dict[str, Any]
) -> None:
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[1], **more)
    assert "its tensor 'w' lies in another file" in refusal(
        with_attribute(**{field: tensor if field == "t" else [tensor]})
    )
    model = conv()
    model.graph.initializer[0].MergeFrom(TensorProto(**more))
    assert "its tensor 'w' lies in another file" in refusal(model)


@pytest.mark.parametrize(
    ("attribute", "sentence"),
    [
        ({"g": onnx.GraphProto()}, "its node 'Relu' holds a graph inside"),
        ({"graphs": [onnx.GraphProto()]}, "its node 'Relu' holds a graph inside"),
        ({"sparse_tensor": onnx.SparseTensorProto()}, "it holds sparse tensors"),
        ({"sparse_tensors": [onnx.SparseTensorProto()]}, "it holds sparse tensors"),
    ],
)
def test_a_node_holds_no_graph_and_no_sparse_tensor(attribute: dict[str, Any], sentence: str) -> None:
    assert refusal(with_attribute(**attribute)).endswith(sentence)


def test_operators_are_onnxs_own_by_the_graph_and_by_the_node_and_its_newest_opset_counts() -> None:
    declared, used, newest, long_payload = relu(), relu(), relu(), conv()
    declared.opset_import.append(helper.make_opsetid("org.example", 1))
    assert refusal(declared) == "", "what no node uses is left out"
    used.graph.node[0].domain = "org.example"
    assert "it needs an operator of the domain 'org.example'" in refusal(used)
    newest.opset_import.append(helper.make_opsetid("ai.onnx", 27))
    assert "its opset is 27" in refusal(newest)
    long_payload.graph.initializer[0].raw_data += b"\0" * 4
    assert "its tensor 'w' has more or fewer bytes than its shape needs" in refusal(long_payload)
    assert refusal(onnx.ModelProto()).endswith("is not an ONNX file, or an empty one; export it again")


def test_parameters_are_the_floats_of_every_width() -> None:
    kinds = (np.float32, np.float16, np.float64, np.int64)
    weights = [numpy_helper.from_array(np.ones(10**place, kind), kind.__name__) for place, kind in enumerate(kinds)]
    model = model_of([helper.make_node("Relu", ["image"], ["out"])], weights)
    assert gate.check_onnx(model.SerializeToString(), source="g").parameters == 111


def test_a_file_that_grows_while_it_is_read_and_one_that_is_none_are_left_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grown").write_bytes(b"x" * 11)
    closed: list[int] = []
    close = os.close

    def noted(descriptor: int) -> None:
        closed.append(descriptor)
        close(descriptor)

    monkeypatch.setattr(os, "close", noted)
    with pytest.raises(FileRefused, match="is a folder"):
        gate.read_bytes(tmp_path, limit=10)
    assert len(closed) == 1
    monkeypatch.setattr(os, "fstat", lambda _: SimpleNamespace(st_mode=stat.S_IFREG, st_size=10))
    with pytest.raises(FileRefused, match="grew past 10 bytes while it was read"):
        gate.read_bytes(tmp_path / "grown", limit=10)


def test_what_is_hidden_beside_the_nodes_is_refused() -> None:
    training, unprintable, unknown = relu(), relu(), conv()
    training.training_info.add()
    assert "it holds training information" in refusal(training)
    unprintable.graph.node[0].output[0] = unprintable.graph.output[0].name = "a\x1b[31m"
    assert "has a name that cannot be printed" in refusal(unprintable)
    unknown.graph.initializer[0].data_type = 999
    assert "its tensor 'w' is of an unknown type" in refusal(unknown)


def test_bytes_are_bounded_where_they_are_read_and_where_they_come_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gate.MAX_ONNX_BYTES == gate.MAX_HDF5_BYTES == 256 << 20
    data = relu().SerializeToString()
    monkeypatch.setattr(gate, "MAX_ONNX_BYTES", len(data))
    gate.check_onnx(data, source="g")
    monkeypatch.setattr(gate, "MAX_ONNX_BYTES", len(data) - 1)
    with pytest.raises(FileRefused, match=f"g has {len(data)} bytes; more than {len(data) - 1} are not opened"):
        gate.check_onnx(data, source="g")
    history = b"\x89HDF\r\n\x1a\n\x03" + bytes(39)
    gate.check_hdf5(history, source="h")
    for broken in (history[:47], history[:8] + b"\x02" + history[9:], history[:8] + b"\x04" + history[9:]):
        with pytest.raises(FileRefused, match="of an older layout"):
            gate.check_hdf5(broken, source="h")
    monkeypatch.setattr(gate, "MAX_HDF5_BYTES", 47)
    with pytest.raises(FileRefused, match="h has 48 bytes; more than 47 are not opened"):
        gate.check_hdf5(history, source="h")
    with pytest.raises(FileRefused, match="is a folder; expected a file"):
        gate.read_bytes(tmp_path, limit=10)


@pytest.mark.parametrize(
    ("node", "weight", "shape", "count"),
    [
        (helper.make_node("ConvTranspose", ["image", "w"], ["out"], strides=[2, 2]), (2, 3, 2, 2), (5, 2, 4, 4), 384),
        (helper.make_node("Conv", ["image", "w"], ["out"], group=2), (4, 1, 3, 3), (5, 2, 4, 4), 144),
        (helper.make_node("MaxPool", ["image"], ["out"], kernel_shape=[2, 3]), None, (5, 2, 4, 4), 2 * 3 * 2 * 6),
        (helper.make_node("AveragePool", ["image"], ["out"], kernel_shape=[2, 3]), None, (5, 2, 4, 4), 2 * 3 * 2 * 6),
        (helper.make_node("Conv", ["image", "w"], ["out"]), (1, 1, 1, 1), ("batch", 1, "height", "width"), 64 * 64),
        (helper.make_node("Gemm", ["image", "w"], ["out"]), (6, 7), (5, 6), 42),
        (helper.make_node("Gemm", ["image", "w"], ["out"], transA=0), (6, 7), (5, 6), 42),
        (helper.make_node("Gemm", ["w", "image"], ["out"], transA=1), (5, 7), (5, 6), 7 * 6),
        (helper.make_node("MatMul", ["image", "w"], ["out"]), (6, 7), (5, 6), 42),
        (helper.make_node("Relu", ["image"], ["out"]), None, (5, 6), 0),
    ],
)
def test_multiply_adds_of_every_operator_that_does_most_are_counted(
    node: onnx.NodeProto, weight: tuple[int, ...] | None, shape: tuple[int, ...], count: int
) -> None:
    weights = [] if weight is None else [numpy_helper.from_array(np.ones(weight, np.float32), "w")]
    facts = gate.check_onnx(model_of([node], weights, shape).SerializeToString(), source="g")
    assert facts.multiply_adds == count
    assert (facts.parameters, facts.nodes) == (int(np.prod(weight)) if weight else 0, 1)


def test_what_a_graph_needs_is_that_of_all_its_nodes_and_of_all_their_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = numpy_helper.from_array(np.ones((6, 6), np.float32), "w")
    pair = [helper.make_node("MatMul", [a, "w"], [b]) for a, b in (("image", "n"), ("n", "out"))]
    facts = gate.check_onnx(model_of(pair, [weight], ("batch", 6)).SerializeToString(), source="g")
    assert facts.multiply_adds == 72
    halves = helper.make_node("Split", ["image"], ["a", "b"], axis=1, num_outputs=2)
    model = model_of([halves, helper.make_node("Concat", ["a", "b"], ["out"], axis=1)], shape=("batch", 4))
    monkeypatch.setattr(graph_sizes, "MAX_RESULT_BYTES", 2 * 4 * 4)  # the input and its halves, or these and the output
    assert refusal(model) == ""
    assert gate.check_onnx(model.SerializeToString(), source="g").images_at_once == 1
    monkeypatch.setattr(graph_sizes, "MAX_RESULT_BYTES", 2 * 4 * 4 - 1)
    assert "it would need" in refusal(model)
    monkeypatch.setattr(graph_sizes, "MAX_RESULT_BYTES", 7 * 2 * 4 * 4)
    assert gate.check_onnx(model.SerializeToString(), source="g").images_at_once == 7


def test_results_and_ports_are_bounded_and_the_size_of_each_is_known() -> None:
    for number, (name, ports) in enumerate([("image", "input"), ("out", "output")]):
        model = relu()
        getattr(model.graph, ports)[0].type.tensor_type.shape.dim[number].dim_value = (1 << 20) + 1
        assert f"its port '{name}' declares the shape" in refusal(model)
    wide = numpy_helper.from_array(np.array([1, (1 << 20) + 1], np.int64), "s")
    assert "its result 'out' declares the shape" in refusal(
        model_of([helper.make_node("Expand", ["image", "s"], ["out"])], [wide], (1, 1))
    )
    empty = numpy_helper.from_array(np.ones(0, np.float32), "w")
    nodes = [helper.make_node("Identity", ["w"], ["n"]), helper.make_node("Relu", ["image"], ["out"])]
    assert refusal(model_of(nodes, [empty])) == "", "a tensor of no values has a size"
    reads = [
        helper.make_node("ReduceMax", ["image"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["whole", "first"], ["n"]),
        helper.make_node("ConstantOfShape", ["n"], ["out"]),
    ]
    first = numpy_helper.from_array(np.zeros(1, np.int64), "first")
    assert "the size of its result 'out' is not known before it runs" in refusal(model_of(reads, [first], (1,)))
    follows = [helper.make_node("Shape", ["image"], ["s"]), helper.make_node("Reshape", ["image", "s"], ["out"])]
    assert refusal(model_of(follows)) == "", "a shape that follows from the input's is known"


@pytest.mark.parametrize("kind", [FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16])
def test_floats_of_every_width_are_divided_also_by_a_weight(kind: int) -> None:
    weight = numpy_helper.from_array(np.ones(1, np.float32), "w")
    nodes = [
        helper.make_node("Div", ["image", "w"], ["a"]),
        helper.make_node("Cast", ["a"], ["b"], to=kind),
        helper.make_node("Div", ["b", "b"], ["c"]),
        helper.make_node("Cast", ["c"], ["out"], to=FLOAT),
    ]
    assert refusal(model_of(nodes, [weight])) == ""


def test_ports_are_those_that_hold_no_weights_and_an_axis_without_a_name_gets_one() -> None:
    model = conv()
    model.graph.input.append(helper.make_tensor_value_info("w", FLOAT, [1, 1, 3, 3]))
    model.graph.input[0].type.tensor_type.shape.dim[0].Clear()
    facts = gate.check_onnx(model.SerializeToString(), source="g")
    assert facts.inputs == (gate.Port("image", ("axis0", 1, 8, 8), "float32"),)
    assert graph_facts.text_of(b"a\xff") == "a\ufffd", "text that is not UTF-8 comes as bytes"


@pytest.mark.parametrize(
    ("shape", "image_shape"),
    [
        (("batch", 1, 8, 9), (1, 8, 9)),
        (("batch", 3, 8, 9), (3, 8, 9)),
        (("batch", 2, 8, 9), None),
        (("batch", 4, 8, 9), None),
        (("batch", 1, "height", 9), (1, 64, 9)),
        (("batch", 1, 8, "width"), (1, 8, 64)),
        (("batch", 8, 9), (1, 8, 9)),
        (("batch", 8, 9, 3), (3, 8, 9)),
        (("batch", 784), (1, 28, 28)),
        (("batch", 192), (3, 8, 8)),
        (("batch", 190), None),
        ((3, 8, 9), (3, 8, 9)),
        ((2, 1, 8, 9), (1, 8, 9)),
    ],
)
def test_a_graph_takes_images_where_its_input_is_a_batch_in_grey_or_colour(
    shape: tuple[Any, ...], image_shape: tuple[int, int, int] | None
) -> None:
    facts = gate.check_onnx(
        model_of([helper.make_node("Relu", ["image"], ["out"])], shape=shape).SerializeToString(), source="g"
    )
    assert facts.image_shape == image_shape
    assert facts.own_inputs == (gate.Port("image", shape, "float32"),)
    assert [port.name for port in facts.outputs] == ["out"]
    (image,) = facts.inputs
    assert replace(facts, inputs=(replace(image, dtype="uint8"),)).image_shape is None
    assert replace(facts, inputs=(image, image)).image_shape is None


# ---- sessions ------------------------------------------------------------------------------------------------


class FakeSession:
    """A session that got a provider and gives an answer, or raises."""

    def __init__(self, provider: str, answer: object) -> None:
        self.provider, self.answer = provider, answer

    def get_providers(self) -> list[str]:
        return [self.provider]

    def run(self, *_: object) -> list[object]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return [self.answer]


NINE = np.full((1, 1, 2, 2), 9.0)


@pytest.mark.parametrize(
    ("providers", "driver", "session", "why"),
    [
        ([sessions.CPU], "", None, "this onnxruntime has no CUDA provider"),
        ([sessions.CUDA], "no NVIDIA driver is installed", None, "no NVIDIA driver is installed"),
        ([sessions.CUDA], "", FakeSession(sessions.CPU, NINE), "CUDA's libraries could not be loaded"),
        ([sessions.CUDA], "", FakeSession(sessions.CUDA, KeyError("x")), "CUDA failed on a first graph (KeyError)"),
        ([sessions.CUDA], "", FakeSession(sessions.CUDA, NINE + 0.1), "CUDA computed something else than the CPU"),
        ([sessions.CUDA], "", FakeSession(sessions.CUDA, NINE + 0.009), ""),
    ],
)
def test_cuda_is_believed_only_where_a_session_on_it_answers_rightly(
    providers: list[str],
    driver: str,
    session: FakeSession | None,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import onnxruntime

    looked_for: list[str] = []

    def preload(*, directory: str) -> None:
        looked_for.append(directory)
        print("an error of its own")

    made = {"cuda": session, "cpu": FakeSession(sessions.CPU, NINE)}
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    monkeypatch.setattr(onnxruntime, "preload_dlls", preload)
    monkeypatch.setattr(sessions, "why_no_driver", lambda: driver)
    monkeypatch.setattr(sessions, "make", lambda data, provider="cpu": made[provider])
    assert sessions._why_no_cuda() == why
    assert looked_for == ([""] if session else []) and capsys.readouterr().out == ""
    for wanted in ("auto", "cuda"):
        assert sessions.probe.__wrapped__(wanted) == sessions.Provider("cpu" if why else "cuda", why)
    assert sessions.probe.__wrapped__() == sessions.probe.__wrapped__("auto")
    assert sessions.probe.__wrapped__("cpu") == sessions.Provider("cpu", "the CPU was asked for")


def test_a_driver_that_counts_no_device_or_cannot_begin_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for devices, initialised, counted in ((1, 0, 0), (0, 0, 0), (1, 100, 0), (1, 0, 3)):

        def count(pointer: Any, devices: int = devices, code: int = counted) -> int:
            pointer._obj.value = devices
            return code

        driver = SimpleNamespace(cuInit=lambda flags, code=initialised: code, cuDeviceGetCount=count)
        monkeypatch.setattr("ctypes.CDLL", lambda name, driver=driver: driver)
        found.append(sessions.why_no_driver())
    assert found == ["", *["the NVIDIA driver finds no device"] * 3]


def test_a_session_is_asked_for_on_cuda_before_the_cpu_and_falls_back_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import onnxruntime

    asked: list[Any] = []

    def session(data: bytes, _: object, *, providers: list[Any], enable_fallback: bool) -> SimpleNamespace:
        asked.append(([each if isinstance(each, str) else each[0] for each in providers], enable_fallback))
        return SimpleNamespace(_model_bytes=data)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    monkeypatch.setattr(onnxruntime, "set_default_logger_severity", asked.append)
    for provider in ("cuda", "cpu"):
        assert sessions.make(b"graph", provider=provider)._model_bytes is None, "the file is held once"
    assert asked == [4, ([sessions.CUDA, sessions.CPU], False), 4, ([sessions.CPU], False)]


def test_a_session_has_the_threads_that_were_asked_for_and_its_threads_rest() -> None:
    options = sessions.make(relu().SerializeToString(), threads=3).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert sessions.make(relu().SerializeToString()).get_session_options().intra_op_num_threads == 1
    (answer,) = sessions.make(sessions.probe_graph()).run(None, {"image": np.ones((1, 1, 4, 4), np.float32)})
    assert np.array_equal(answer, NINE)
