"""Graphs as other people's tools write them, one of each kind, built by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, HALF, BYTE = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
RANDOM = np.random.default_rng(7)


@dataclass(frozen=True)
class Stranger:
    """A graph, the images (C, H, W) that it takes here, and the shape of what comes out for each."""

    build: Callable[[], onnx.ModelProto]
    image: tuple[int, int, int]
    output: tuple[int, ...]
    is_random: bool = False


def weights(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return (RANDOM.standard_normal(shape) * 0.2).astype(dtype)


def model(
    nodes: list[Any],
    constants: dict[str, Any],
    takes: tuple[Any, ...],
    gives: tuple[Any, ...],
    *,
    opset: int = 17,
    ir: int = 8,
    kinds: tuple[int, int] = (FLOAT, FLOAT),
    domains: tuple[str, ...] = (),
) -> onnx.ModelProto:
    """A graph from "x" to "y" of nodes (operator, inputs, output, attributes)."""
    made = []
    for operator, inputs, output, attributes in nodes:
        domain, _, name = operator.rpartition(":")
        made.append(helper.make_node(name, inputs.split(), output.split(), domain=domain, **attributes))
    graph = helper.make_graph(
        made,
        "stranger",
        [helper.make_tensor_value_info("x", kinds[0], takes)],
        [helper.make_tensor_value_info("y", kinds[1], gives)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir, producer_name="a stranger's tool")


def convolution(
    takes: tuple[Any, ...] = ("n", 1, 28, 28),
    *,
    channels: int = 1,
    before: tuple[Any, ...] = (),
    dtype: Any = np.float32,
    **options: Any,
) -> onnx.ModelProto:
    """A convolution and a sigmoid, behind nodes that lead from "x" to "image"."""
    image = "image" if before else "x"
    nodes = [*before, ("Conv", f"{image} w", "c", {"pads": [1] * 4}), ("Sigmoid", "c", "y", {})]
    return model(nodes, {"w": weights(channels, channels, 3, 3, dtype=dtype)}, takes, takes, **options)


def on_maps(*nodes: tuple[Any, ...], constants: dict[str, Any] | None = None, **options: Any) -> onnx.ModelProto:
    """Nodes from four maps "m" of a convolution to maps "r", and a convolution back."""
    first, last = ("Conv", "x w", "m", {"pads": [1] * 4}), ("Conv", "r v", "y", {"pads": [1] * 4})
    constants = {"w": weights(4, 1, 3, 3), "v": weights(1, 4, 3, 3), **(constants or {})}
    return model([first, *nodes, last], constants, ("n", 1, 28, 28), ("n", 1, 28, 28), **options)


def channels_last(takes: tuple[Any, ...], kinds: tuple[int, int] = (FLOAT, FLOAT)) -> onnx.ModelProto:
    channels = takes[-1]
    nodes: list[Any] = [
        ("Cast", "x", "f", {"to": FLOAT}),
        ("Transpose", "f", "t", {"perm": [0, 3, 1, 2]}),
        ("Conv", "t w", "c", {"pads": [1] * 4}),
        ("Relu", "c", "p", {}),
        ("Transpose", "p", "b", {"perm": [0, 2, 3, 1]}),
        ("Cast", "b", "y", {"to": kinds[1]}),
    ]
    return model(nodes, {"w": weights(channels, channels, 3, 3)}, takes, takes, opset=13, kinds=kinds)


def dense(size: int) -> onnx.ModelProto:
    nodes: list[Any] = [("Gemm", "x a", "h", {}), ("Relu", "h", "p", {}), ("Gemm", "p b", "y", {})]
    return model(nodes, {"a": weights(size, 16), "b": weights(16, size)}, ("n", size), ("n", size))


def classifier(**options: Any) -> onnx.ModelProto:
    nodes: list[Any] = [("Flatten", "x", "f", {}), ("Gemm", "f a", "y", {})]
    return model(nodes, {"a": weights(784, 10)}, ("n", 1, 28, 28), ("n", 10), **options)


def by_view() -> onnx.ModelProto:
    """x.view(x.size(0), -1), traced."""
    nodes: list[Any] = [
        ("Shape", "x", "s", {}),
        ("Gather", "s zero", "n", {"axis": 0}),
        ("Unsqueeze", "n first", "u", {}),
        ("Concat", "u rest", "to", {"axis": 0}),
        ("Reshape", "x to", "f", {}),
        ("Gemm", "f a", "y", {}),
    ]
    numbers = {"zero": np.array(0), "first": np.array([0]), "rest": np.array([-1])}
    return model(nodes, {"a": weights(784, 10), **numbers}, ("n", 1, 28, 28), ("n", 10), opset=13)


def weights_as_inputs() -> onnx.ModelProto:
    made = convolution(opset=8, ir=3)
    made.graph.input.append(helper.make_tensor_value_info("w", FLOAT, [1, 1, 3, 3]))
    return made


def halves() -> onnx.ModelProto:
    return convolution(dtype=np.float16, kinds=(HALF, HALF))


def quantised() -> onnx.ModelProto:
    nodes: list[Any] = [
        ("QuantizeLinear", "x s z", "q", {}),
        ("QLinearConv", "q s z w s u s z", "k", {"pads": [1] * 4}),
        ("DequantizeLinear", "k s z", "y", {}),
    ]
    kernel = RANDOM.integers(-9, 9, (1, 1, 3, 3)).astype(np.int8)
    constants = {"s": np.float32(1 / 255), "z": np.uint8(0), "u": np.int8(0), "w": kernel}
    return model(nodes, constants, ("n", 1, 28, 28), ("n", 1, 28, 28))


def sequence() -> onnx.ModelProto:
    """An LSTM over the rows of an image."""
    nodes: list[Any] = [
        ("Transpose", "x", "t", {"perm": [1, 0, 2]}),
        ("LSTM", "t w r", "h", {"hidden_size": 28}),
        ("Squeeze", "h one", "q", {}),
        ("Transpose", "q", "y", {"perm": [1, 0, 2]}),
    ]
    constants = {"w": weights(1, 112, 28), "r": weights(1, 112, 28), "one": np.array([1])}
    return model(nodes, constants, ("n", 28, 28), ("n", 28, 28))


def unsorted() -> onnx.ModelProto:
    made = convolution()
    nodes = [*made.graph.node]
    del made.graph.node[:]
    made.graph.node.extend(reversed(nodes))
    return made


GREY = ((1, 28, 28), (1, 28, 28))
UP = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
_PAD = [
    ("ConstantOfShape", "two", "zeros", {"value": helper.make_tensor("v", TensorProto.INT64, [1], [1])}),
    ("Concat", "none zeros none zeros", "pads", {"axis": 0}),
    ("Pad", "x pads", "image", {"mode": "reflect"}),
]
_HALF = np.array([1, 1, 0.5, 0.5], np.float32)

STRANGERS: dict[str, Stranger] = {
    "opset 7": Stranger(lambda: convolution(opset=7, ir=3), *GREY),
    "opset 8, weights among the inputs": Stranger(weights_as_inputs, *GREY),
    "opset 24": Stranger(lambda: convolution(opset=24, ir=10), *GREY),
    "IR 14": Stranger(lambda: convolution(ir=14), *GREY),
    "a domain that no node uses": Stranger(lambda: convolution(domains=("ai.onnx.ml", "org.example")), *GREY),
    "nodes in no order": Stranger(unsorted, *GREY),
    "−1 as any": Stranger(lambda: convolution((-1, 1, 28, 28), opset=11), *GREY),
    "a batch of one": Stranger(lambda: convolution((1, 1, 28, 28)), *GREY),
    "a batch of three": Stranger(lambda: convolution((3, 1, 28, 28)), *GREY),
    "large colour": Stranger(lambda: convolution(("n", 3, 384, 384), channels=3), (3, 384, 384), (3, 384, 384)),
    "any height and width": Stranger(lambda: convolution(("n", 1, "h", "w")), (1, 64, 64), (1, 64, 64)),
    "any size, also of channels": Stranger(lambda: convolution((-1, -1, -1, -1), channels=3), (3, 64, 64), (3, 64, 64)),
    "channels last": Stranger(lambda: channels_last(("n", 28, 28, 1)), *GREY),
    "channels last, in colour": Stranger(lambda: channels_last(("n", 24, 32, 3)), (3, 24, 32), (3, 24, 32)),
    "bytes": Stranger(lambda: channels_last(("n", 24, 32, 3), (BYTE, BYTE)), (3, 24, 32), (3, 24, 32)),
    "halves": Stranger(halves, *GREY),
    "784 values": Stranger(lambda: dense(784), *GREY),
    "192 values": Stranger(lambda: dense(192), (3, 8, 8), (3, 8, 8)),
    "no channels": Stranger(sequence, *GREY),
    "no batch": Stranger(
        lambda: model([("Relu", "x", "y", {})], {}, (3, 24, 32), (3, 24, 32)), (3, 24, 32), (3, 24, 32)
    ),
    "a classifier": Stranger(classifier, (1, 28, 28), (10,)),
    "a view by its size": Stranger(by_view, (1, 28, 28), (10,)),
    "four times the pixels": Stranger(
        lambda: model(
            [("Conv", "x w", "c", {"pads": [1] * 4}), ("DepthToSpace", "c", "y", {"blocksize": 2})],
            {"w": weights(4, 1, 3, 3)},
            ("n", 1, 28, 28),
            ("n", 1, 56, 56),
        ),
        (1, 28, 28),
        (1, 56, 56),
    ),
    "colours from grey": Stranger(
        lambda: model(
            [("Conv", "x w", "y", {"pads": [1] * 4})], {"w": weights(3, 1, 3, 3)}, ("n", 1, 32, 32), ("n", 3, 32, 32)
        ),
        (1, 32, 32),
        (3, 32, 32),
    ),
    "an empty roi": Stranger(
        lambda: on_maps(
            ("MaxPool", "m", "p", {"kernel_shape": [2, 2], "strides": [2, 2]}),
            ("Constant", "", "roi", {"value": numpy_helper.from_array(np.zeros(0, np.float32))}),
            ("Resize", "p roi scales", "r", UP),
            constants={"scales": 1 / _HALF},
            opset=11,
            ir=6,
        ),
        *GREY,
    ),
    "reflected borders": Stranger(
        lambda: model(
            [*_PAD, ("Conv", "image w", "c", {}), ("Sigmoid", "c", "y", {})],
            {"two": np.array([2]), "none": np.array([0, 0]), "w": weights(1, 1, 3, 3)},
            ("n", 1, 28, 28),
            ("n", 1, 28, 28),
        ),
        *GREY,
    ),
    "random numbers": Stranger(
        lambda: on_maps(("RandomNormalLike", "m", "e", {}), ("Add", "m e", "r", {})), *GREY, is_random=True
    ),
    "quantised": Stranger(quantised, *GREY),
    "unit length": Stranger(
        lambda: on_maps(("ReduceL2", "m", "l", {"axes": [1], "keepdims": 1}), ("Div", "m l", "r", {})), *GREY
    ),
    "comparisons": Stranger(
        lambda: on_maps(
            ("Greater", "m half", "g", {}), ("Where", "g m half", "r", {}), constants={"half": np.float32(0)}
        ),
        *GREY,
    ),
    "local normalisation": Stranger(lambda: on_maps(("LRN", "m", "r", {"size": 3})), *GREY),
    "Gelu": Stranger(lambda: on_maps(("Gelu", "m", "r", {}), opset=20), *GREY),
    "Einsum": Stranger(
        lambda: on_maps(("Einsum", "m e", "r", {"equation": "nchw,cd->ndhw"}), constants={"e": weights(4, 4)}), *GREY
    ),
    "Tile": Stranger(
        lambda: on_maps(
            ("ReduceMean", "m", "a", {"axes": [1], "keepdims": 1}),
            ("Tile", "a by", "r", {}),
            constants={"by": np.array([1, 4, 1, 1])},
        ),
        *GREY,
    ),
    "the largest of all": Stranger(
        lambda: on_maps(("TopK", "m four i".removesuffix(" i"), "r i", {"axis": 1}), constants={"four": np.array([4])}),
        *GREY,
    ),
    "a fused convolution": Stranger(
        lambda: on_maps(
            ("com.microsoft:FusedConv", "m f", "r", {"activation": "Relu", "pads": [1] * 4}),
            constants={"f": weights(4, 4, 3, 3)},
            domains=("com.microsoft",),
        ),
        *GREY,
    ),
}
