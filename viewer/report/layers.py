"""A graph's layers with their output shapes and numbers of parameters, as Keras's summary and the sheets print them.

Read by hand from the protobuf, in plain Python: names, sizes and the order of the nodes are all that is needed, of a
graph that the worker let through the gate before. https://protobuf.dev/programming-guides/encoding and onnx.proto3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from viewer.state.formatting import clean

MOST = 400  # layers that are listed
_ACTIVATIONS = frozenset("Relu PRelu Sigmoid Tanh LeakyRelu Elu Selu Softmax Clip".split())
_HIDDEN = frozenset("Identity Dropout".split())  # which do nothing outside training

# onnx.proto3's numbers of the fields that are read
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR = 1, 2, 4
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME = 1, 2, 8
_FLOATS = (1, 10, 11)  # TensorProto's float, half and double: what is learned
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class SummaryLayer:
    """One layer: the operator that makes it, its activation if any, its output without the batch, its parameters."""

    operator: str
    activation: str
    shape: tuple[int, ...]
    parameters: int


@dataclass
class _Graph:
    nodes: list[tuple[str, list[str], list[str]]] = field(default_factory=list)  # operator, inputs, outputs
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of every initializer of floats
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of every known result


def of(data: bytes) -> tuple[SummaryLayer, ...]:
    """Return the layers of an ONNX file in their order, an activation with the layer that it follows.

    Empty for bytes that cannot be read this way.
    """
    try:
        graph = _read(memoryview(data))
    except (ValueError, IndexError, UnicodeDecodeError):
        return ()
    layers: list[SummaryLayer] = []
    counted: set[str] = set()
    for operator, inputs, outputs in graph.nodes[:MOST]:
        new = [name for name in inputs if name in graph.sizes and name not in counted]
        counted.update(new)
        parameters = sum(math.prod(graph.sizes[name]) for name in new) if operator in _LEARNING else 0
        shape = graph.shapes.get(outputs[0] if outputs else "", ())
        if operator in _HIDDEN:
            continue
        if operator in _ACTIVATIONS and layers and not layers[-1].activation:
            before = layers[-1]
            layers[-1] = replace(before, activation=operator, parameters=before.parameters + parameters)
        else:
            layers.append(SummaryLayer(operator, "", shape, parameters))
    return tuple(layers)


_LEARNING = frozenset("Conv ConvTranspose Gemm MatMul PRelu BatchNormalization".split())


def _read(model: memoryview) -> _Graph:
    graph = _Graph()
    for number, content in _fields(model):
        if number == _MODEL_GRAPH and isinstance(content, memoryview):
            for inner, part in _fields(content):
                if isinstance(part, memoryview):
                    _take(graph, inner, part)
    return graph


def _take(graph: _Graph, number: int, part: memoryview) -> None:
    if number == _GRAPH_NODE:
        found = list(_fields(part))
        texts = {key: [_text(value) for n, value in found if n == key] for key in (1, 2, 4)}
        operator = clean("".join(texts[_NODE_OPERATOR]), limit=40)
        graph.nodes.append((operator, texts[_NODE_INPUT], texts[_NODE_OUTPUT]))
    elif number == _GRAPH_INITIALIZER:
        name, sizes, kind = _tensor(part)
        if kind in _FLOATS:
            graph.sizes[name] = sizes
    elif number in (_GRAPH_VALUE_INFO, _GRAPH_INPUT, _GRAPH_OUTPUT):
        name, shape = _port(part)
        graph.shapes[name] = shape[1:]  # the first is the batch


def _tensor(part: memoryview) -> tuple[str, tuple[int, ...], int]:
    name, sizes, kind = "", list[int](), 0
    for number, value in _fields(part):
        if number == _TENSOR_DIMS:
            sizes += [value] if isinstance(value, int) else _packed(value)
        elif number == _TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == _TENSOR_NAME:
            name = _text(value)
    return name, tuple(sizes), kind


def _port(part: memoryview) -> tuple[str, tuple[int, ...]]:
    """Read a ValueInfoProto: name (1), type (2) → tensor type (1) → shape (2) → dim (1) → its value (1) or symbol."""
    name = "".join(_text(value) for number, value in _fields(part) if number == 1)
    shapes = [part]
    for step in (2, 1, 2):
        shapes = [v for outer in shapes for n, v in _fields(outer) if n == step and isinstance(v, memoryview)]
    dimensions = [v for shape in shapes for n, v in _fields(shape) if n == 1 and isinstance(v, memoryview)]
    return name, tuple(next((v for n, v in _fields(d) if n == 1 and isinstance(v, int)), 0) for d in dimensions)


def _packed(value: memoryview) -> list[int]:
    numbers, offset = [], 0
    while offset < len(value):
        number, offset = _varint(value, offset)
        numbers.append(number)
    return numbers


def _text(value: int | memoryview) -> str:
    return bytes(value).decode() if isinstance(value, memoryview) else ""


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield every field's number and value: a whole number, or bytes. Raises ValueError for what is no message."""
    offset = 0
    while offset < len(message):
        key, offset = _varint(message, offset)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, offset = _varint(message, offset)
            yield number, value
            continue
        if kind == _BYTES:
            length, offset = _varint(message, offset)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {kind}")
        if offset + length > len(message):
            raise ValueError("cut off")
        yield number, message[offset : offset + length]
        offset += length


def _varint(message: memoryview, offset: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        byte = message[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, offset
        shift += 7
    raise ValueError("a number of more than 64 bits")
