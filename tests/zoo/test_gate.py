"""The gate lets our graphs through and stops what could crash, hang or read: one sentence each."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo import gate
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
    model = model_of([helper.make_node("FusedConv", ["image"], ["out"], domain="com.microsoft")])
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
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
    """Twenty results of 4 MB an image, each of which is small enough and quick to compute."""
    names = ["image", *(f"n{index}" for index in range(19)), "out"]
    nodes = [helper.make_node("Relu", [a], [b]) for a, b in itertools.pairwise(names)]
    return model_of(nodes, shape=("batch", 1, 1000, 1000))


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


REFUSED: list[tuple[Callable[[], onnx.ModelProto], str]] = [
    (lambda: external("../secret"), "lies in another file"),
    (lambda: external("/etc/passwd"), "lies in another file"),
    (lambda: external("weights.bin"), "lies in another file"),
    (loop, "operator 'Loop', which is not on the list"),
    (foreign, "domain 'com.microsoft'"),
    (functions, "functions of its own"),
    (huge_tensor, "declares the shape"),
    (huge_result, "declares 68,719,476,736 values|would need"),
    (doubling, "would need|declares"),
    (long_multiplication, "multiplications|would need|declares"),
    (wide_pool, "multiplications for 64 images"),
    (many_large_results, "it would need 4.8 GiB for 64 images"),
    (sparse, "sparse tensors"),
    (too_many_nodes, "more than 5,000"),
    (old_opset, "opset is 3"),
    (short_payload, "more or fewer bytes"),
    (integer_division, "divides integers"),
    (lambda: conv(group=0), "sets 'group' to"),
    (lambda: conv(strides=[0, 1]), "sets 'strides' to"),
    (lambda: model_of([helper.make_node("RandomNormalLike", ["image"], ["out"])]), "'RandomNormalLike'"),
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
