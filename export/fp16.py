"""A graph at half the size: weights stored as float16 and cast to float32 before they are used."""

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from zoo.card import WEIGHTS_KEY

MIN_BYTES = 1 << 20
_MIN_VALUES = 16  # of a weight; a smaller one stays float32


def with_fp16_weights(data: bytes) -> bytes:
    """Return the graph with its larger float32 weights kept as float16; inputs, outputs and arithmetic stay float32.

    Every runtime reads it, since nothing but storage is float16; onnxruntime casts once, when it loads.
    """
    model = ModelProto.FromString(data)
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims, dtype=int) < _MIN_VALUES:
            continue
        name, fp16_name = tensor.name, f"{tensor.name}.float16"
        with np.errstate(over="ignore"):  # a weight beyond 65,504 becomes infinite, and the check then fails
            values = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(values, fp16_name))
        casts.append(helper.make_node("Cast", [fp16_name], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    known = {entry.key: entry.value for entry in model.metadata_props}
    helper.set_model_props(model, dict(sorted({**known, WEIGHTS_KEY: "float16"}.items())))
    model.doc_string += " Weights are stored as float16."
    return bytes(model.SerializeToString(deterministic=True))
