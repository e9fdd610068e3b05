"""What a graph says of itself, whether or not it can be run: inputs, outputs, operators, producer, metadata."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.shapes import opset_of

if TYPE_CHECKING:
    import onnx

MAX_BATCH = 64
MAX_PORTS = 32
RANDOM = frozenset("Bernoulli RandomNormal RandomNormalLike RandomUniform RandomUniformLike".split())


@dataclass(frozen=True)
class Port:
    """An input or output of a graph; a dimension without a number is its symbol."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.name[:60]} {self.dtype} {'×'.join(str(size)[:20] for size in self.shape)}".rstrip()


@dataclass(frozen=True)
class GraphFacts:
    """What is known of a graph.

    inputs, outputs     as it is run here; own_inputs, own_outputs as the file has them
    operators           how often it has each
    multiply_adds       for one image, or the batch that it insists on
    images_at_once      how many can be run at a time
    takes_any_size      whether the height or width of its images was chosen here
    notes               in what way it is run, for people
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    opset: int
    ir_version: int
    nodes: int
    parameters: int
    metadata: dict[str, str]
    multiply_adds: int = 0
    producer: str = ""
    operators: Mapping[str, int] = field(default_factory=dict)
    own_inputs: tuple[Port, ...] = ()
    own_outputs: tuple[Port, ...] = ()
    images_at_once: int = MAX_BATCH
    takes_any_size: bool = False
    notes: tuple[str, ...] = ()

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) if the graph's only input is one batch of images, else None."""
        if len(self.inputs) != 1 or len(self.inputs[0].shape) != 4 or self.inputs[0].dtype != "float32":
            return None
        channels, height, width = self.inputs[0].shape[1:]
        if channels not in (1, 3) or not isinstance(height, int) or not isinstance(width, int):
            return None
        return int(channels), height, width

    def as_json(self) -> dict[str, Any]:
        """Return what the file says of itself, for programs."""
        ports = {"inputs": self.own_inputs, "outputs": self.own_outputs}
        return {
            **{name: [asdict(port) for port in listed] for name, listed in ports.items()},
            "producer": self.producer,
            "opset": self.opset,
            "ir_version": self.ir_version,
            "parameters": self.parameters,
            "nodes": self.nodes,
            "operators": dict(self.operators),
            "notes": list(self.notes),
        }

    @property
    def is_random(self) -> bool:
        """Whether it draws random numbers, and so answers differently each time."""
        return any(name in RANDOM for name in self.operators)


def facts_of(model: onnx.ModelProto) -> GraphFacts:
    """Return what a graph says of itself, whatever it holds."""
    ports = tuple(map(port_of, inputs_of(model)[:MAX_PORTS])), tuple(map(port_of, model.graph.output[:MAX_PORTS]))
    names = (
        node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}" for node in model.graph.node
    )
    return GraphFacts(
        inputs=ports[0],
        outputs=ports[1],
        opset=opset_of(model),
        ir_version=model.ir_version,
        nodes=len(model.graph.node),
        parameters=sum(math.prod(t.dims) for t in model.graph.initializer if t.data_type in (1, 10, 11)),
        metadata={text_of(entry.key): text_of(entry.value) for entry in model.metadata_props},
        producer=" ".join(filter(None, (text_of(model.producer_name), text_of(model.producer_version))))[:120],
        operators=dict(Counter(text_of(name)[:120] for name in names).most_common(200)),
        own_inputs=ports[0],
        own_outputs=ports[1],
    )


def inputs_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that hold no weights."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [port for port in model.graph.input if port.name not in weights]


def port_of(port: onnx.ValueInfoProto) -> Port:
    import onnx

    kind = port.type.tensor_type
    shape: list[int | str] = []
    for axis, dimension in enumerate(kind.shape.dim):
        known = dimension.HasField("dim_value") and dimension.dim_value > 0
        shape.append(dimension.dim_value if known else text_of(dimension.dim_param) or f"axis{axis}")
    try:
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name).replace("object", "string")
    except (KeyError, TypeError, ValueError):
        dtype = str(port.type.WhichOneof("value") or "of an unknown type").removesuffix("_type")
    return Port(text_of(port.name), tuple(shape), dtype)


def tensors_of(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def text_of(value: str | bytes) -> str:
    """Return text of a protobuf, which hands over as bytes what is not UTF-8."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
