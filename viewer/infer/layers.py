"""What is inside a graph that has passed the gate: its nodes, and its feature maps, which are made outputs."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viewer.state.checked import MOST
from viewer.state.layers import LARGEST
from viewer.state.summary import MOST_NODES
from zoo.graph_facts import text_of
from zoo.image_ports import is_added

if TYPE_CHECKING:
    import onnx


_OF_IMAGES = frozenset(  # their outputs are feature maps, even if shape inference does not know the shape
    "Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool Resize Upsample BatchNormalization".split()
)

LONGEST = 300  # characters of a name
Sizes = tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class LayerListing:
    """One entry per feature map, in the order of the graph; `left_out` counts those beyond the limit."""

    listing: tuple[dict[str, Any], ...]
    left_out: int

    @property
    def shapes(self) -> dict[str, list[int] | None]:
        return {entry["tensor"]: entry["shape"] for entry in self.listing}


def find(data: bytes) -> LayerListing:
    """Return the float32 tensors (batch, C, H, W) among the first outputs of the nodes."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    known = shapes(model)
    batch = _batch(model)
    nodes = (node for node in model.graph.node if not is_added(node))
    found = [entry for node in nodes if (entry := _entry(node, known, batch))]
    return LayerListing(tuple(found[:MOST]), left_out=max(0, len(found) - MOST))


def expose(data: bytes, layers: LayerListing) -> bytes:
    """Return the graph with these tensors among its outputs."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    existing = {port.name for port in model.graph.output}
    for name in layers.shapes:
        if name not in existing:
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return bytes(model.SerializeToString())


def shapes(model: onnx.ModelProto) -> dict[str, tuple[int, Sizes | None]]:
    """Return each tensor's element type and sizes, declared or inferred; None for a size that is not a number."""
    import onnx

    with contextlib.suppress(Exception):  # it raises many kinds; the declared shapes remain
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    known = {}
    for port in (*model.graph.value_info, *model.graph.output):
        kind = port.type.tensor_type
        sizes = tuple(size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim)
        known[port.name] = (kind.elem_type, sizes if kind.HasField("shape") else None)
    return known


def _batch(model: onnx.ModelProto) -> int | None:
    """Return the number of images that the graph takes at once, None if it takes any."""
    initialised = {tensor.name for tensor in model.graph.initializer}
    ports = [port for port in model.graph.input if port.name not in initialised]
    first = next((size for port in ports for size in port.type.tensor_type.shape.dim), None)
    return first.dim_value if first is not None and first.HasField("dim_value") else None


def _entry(
    node: onnx.NodeProto, known: dict[str, tuple[int, Sizes | None]], batch: int | None
) -> dict[str, Any] | None:
    """Describe the output of a node; None if it is no feature map."""
    import onnx

    name = node.output[0] if node.output else ""
    element, sizes = known.get(name, (onnx.TensorProto.UNDEFINED, None))
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST or not name.isprintable():
        return None
    if element not in (onnx.TensorProto.FLOAT, onnx.TensorProto.UNDEFINED):
        return None
    if sizes is None and node.op_type not in _OF_IMAGES:
        return None
    if sizes is not None and (len(sizes) != 4 or sizes[0] not in (None, batch)):
        return None
    inner = [size for size in sizes[1:] if size and size <= LARGEST] if sizes else []
    title = node.name if isinstance(node.name, str) else ""
    return {
        "tensor": name,
        "node": title[:LONGEST],
        "operator": text_of(node.op_type)[:LONGEST],
        "shape": inner if len(inner) == 3 else None,
    }


_PLAIN = (1, 2, 3, 6, 7)  # the attributes that are numbers or a text: FLOAT, INT, STRING, FLOATS, INTS
_LEARNING = frozenset("Conv ConvTranspose Gemm MatMul PRelu BatchNormalization".split())


def nodes(data: bytes, *, is_run: bool = True) -> list[dict[str, Any]]:
    """Return the first nodes in the order of the graph; parameters that several share count for the first of them.

    Of a graph that is not run no size is believed, so shapes and parameters are left out.
    """
    import onnx

    model = onnx.ModelProto.FromString(data)
    known = shapes(model) if is_run else {}
    types = onnx.TensorProto
    learned = (types.FLOAT, types.FLOAT16, types.DOUBLE)
    dims = {each.name: list(each.dims) for each in model.graph.initializer}
    weights = [each for each in model.graph.initializer if is_run and each.data_type in learned]
    sizes = {each.name: math.prod(each.dims) for each in weights}
    for node in model.graph.node:
        if node.op_type == "Cast" and node.output and node.input[:1] and node.input[0] in sizes:  # kept in float16
            sizes[node.output[0]] = sizes.pop(node.input[0])
    found = []
    own = [node for node in model.graph.node if not is_added(node)]
    for node in own[:MOST_NODES]:
        parameters = sum(sizes.pop(name, 0) for name in node.input)
        _, shape = known.get(node.output[0] if node.output else "", (types.UNDEFINED, None))
        found.append(
            {
                "operator": text_of(node.op_type)[:LONGEST],
                "tensor": text_of(node.output[0] if node.output else "")[:LONGEST],
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
    attributes = [f"{text_of(name)} {_text(value)}" for name, value in values.items()]
    weights = [f"{text_of(name)} {'×'.join(map(str, dims[name])) or 'a number'}" for name in node.input if name in dims]
    return ", ".join([*attributes, *weights])


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return " ".join(f"{each:g}" for each in value) if isinstance(value, Sequence) else f"{value:g}"
