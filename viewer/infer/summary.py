"""A graph's nodes with their output shapes, parameters, weights and attributes. The graph has passed the gate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from viewer.infer import layers
from viewer.state.summary import LONGEST, MOST
from zoo.image_ports import is_added

if TYPE_CHECKING:
    import onnx

_PLAIN = (1, 2, 3, 6, 7)  # the attributes that are numbers or a text: FLOAT, INT, STRING, FLOATS, INTS
_LEARNING = frozenset("Conv ConvTranspose Gemm MatMul PRelu BatchNormalization".split())


def nodes(data: bytes) -> list[dict[str, Any]]:
    """Return the first nodes in the order of the graph; parameters that several share count for the first of them."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    known = layers.shapes(model)
    types = onnx.TensorProto
    learned = (types.FLOAT, types.FLOAT16, types.DOUBLE)
    dims = {each.name: list(each.dims) for each in model.graph.initializer}
    sizes = {each.name: math.prod(each.dims) for each in model.graph.initializer if each.data_type in learned}
    found = []
    nodes = [node for node in model.graph.node if not is_added(node)]
    for node in nodes[:MOST]:
        parameters = sum(sizes.pop(name, 0) for name in node.input)
        _, shape = known.get(node.output[0] if node.output else "", (types.UNDEFINED, None))
        found.append(
            {
                "operator": node.op_type,
                "tensor": (node.output[0] if node.output else "")[:LONGEST],
                "shape": [size or 0 for size in (shape or ())[1:]],  # without the batch
                "parameters": parameters if node.op_type in _LEARNING else 0,
                "properties": _properties(node, dims)[:LONGEST],
            }
        )
    return found


def _properties(node: onnx.NodeProto, dims: Mapping[str, list[int]]) -> str:
    """Return one line: the node's attributes of numbers, and its weights with their shapes."""
    import onnx

    values = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute if each.type in _PLAIN}
    attributes = [f"{name} {_text(value)}" for name, value in values.items()]
    weights = [f"{name} {'×'.join(map(str, dims[name])) or 'a number'}" for name in node.input if name in dims]
    return ", ".join([*attributes, *weights])


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return " ".join(f"{each:g}" for each in value) if isinstance(value, Sequence) else f"{value:g}"
