"""A graph's nodes with their output shapes and learned parameters, for a table. The graph has passed the gate."""

from __future__ import annotations

import math
from typing import Any

from viewer.infer import layers
from viewer.state.summary import MOST

_LEARNING = frozenset("Conv ConvTranspose Gemm MatMul PRelu BatchNormalization".split())


def nodes(data: bytes) -> list[dict[str, Any]]:
    """Return the first nodes in the order of the graph; parameters that several share count for the first of them."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    known = layers.shapes(model)
    types = onnx.TensorProto
    learned = (types.FLOAT, types.FLOAT16, types.DOUBLE)
    sizes = {each.name: math.prod(each.dims) for each in model.graph.initializer if each.data_type in learned}
    found = []
    for node in model.graph.node[:MOST]:
        parameters = sum(sizes.pop(name, 0) for name in node.input)
        _, shape = known.get(node.output[0] if node.output else "", (types.UNDEFINED, None))
        found.append(
            {
                "operator": node.op_type,
                "shape": [size or 0 for size in (shape or ())[1:]],  # without the batch
                "parameters": parameters if node.op_type in _LEARNING else 0,
            }
        )
    return found
