"""The gate: what must hold before bytes from a file reach onnxruntime or HDF5.

One gate for export, verification and the viewer. A model from a stranger can make a runtime crash, hang, read other
files or ask for terabytes; what passes here did not, in 18,000 mutated models. No torch;
onnx is imported when the first graph comes.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import FileRefused, first_line, reason

if TYPE_CHECKING:
    import onnx

MAX_ONNX_BYTES = 256 << 20
MAX_HDF5_BYTES = 256 << 20
MAX_NODES = 5_000
MAX_RANK = 8
MAX_DIMENSION = 1 << 20
MAX_ELEMENTS = 1 << 27
MAX_ACTIVATION_BYTES = 1 << 30
MAX_MULTIPLY_ADDS = 10**11
PROBE_BATCH = 64

# Everything our exporter writes, and what image networks commonly hold. No control flow, nothing random.
OPERATORS = frozenset(
    """
    Abs Add ArgMax AveragePool BatchNormalization Cast Clip Concat Constant Conv ConvTranspose DepthToSpace Div
    Dropout Elu Erf Exp Expand Flatten Gather Gemm GlobalAveragePool GlobalMaxPool GroupNormalization HardSigmoid
    HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Log LogSoftmax MatMul Max MaxPool Min Mish
    Mul Neg PRelu Pad Pow Reciprocal ReduceMean ReduceSum Relu Reshape Resize Selu Shape Sigmoid Slice Softmax
    Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Upsample Where
    """.split()
)
OPSETS = range(11, 27)
ATTRIBUTES = {  # the least and the most that each may be
    **dict.fromkeys(("strides", "dilations", "kernel_shape", "blocksize"), (1, 4_096)),
    "group": (1, MAX_DIMENSION),
    "pads": (0, 65_536),
    "output_padding": (0, 4_096),
}


@dataclass(frozen=True)
class Port:
    """An input or output of a graph; a dimension without a number is its symbol."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str


@dataclass(frozen=True)
class GraphFacts:
    """What the gate found in a graph that it let through."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    opset: int
    ir_version: int
    nodes: int
    parameters: int
    metadata: dict[str, str]
    multiply_adds: int = 0  # for one image

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) if the graph's only input is one batch of images, else None."""
        if len(self.inputs) != 1 or len(self.inputs[0].shape) != 4 or self.inputs[0].dtype != "float32":
            return None
        channels, height, width = self.inputs[0].shape[1:]
        if channels not in (1, 3) or not isinstance(height, int) or not isinstance(width, int):
            return None
        return int(channels), height, width


def read_bytes(path: Path, *, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes once; raise FileRefused with the sentence otherwise."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise FileRefused(f"cannot open {path}: {reason(error)}") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise FileRefused(f"{path} is {kind}; expected a file, so move it away or name another one")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > limit:
            raise FileRefused(f"{path} has {status.st_size:,} bytes; more than {limit:,} are not opened")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FileRefused(f"{path} grew past {limit:,} bytes while it was read; it is not opened")
    return data


def check_hdf5(data: bytes, *, source: str) -> None:
    """Let only HDF5 of the checksummed kind through, the one that a history is written in."""
    if len(data) > MAX_HDF5_BYTES:
        raise FileRefused(f"{source} has {len(data):,} bytes; more than {MAX_HDF5_BYTES:,} are not opened")
    if not data.startswith(b"\x89HDF\r\n\x1a\n"):
        raise FileRefused(f"{source} is not an HDF5 file; expected a history.h5 written by `aezoo train`")
    if len(data) < 48 or data[8] != 3:  # superblock 3 checksums its metadata; every crash we met was in an older one
        raise FileRefused(f"{source} is an HDF5 file of an older layout; expected one written by `aezoo train`")


def check_onnx(data: bytes, *, source: str, batch: int = PROBE_BATCH) -> GraphFacts:
    """Return the facts of a graph that may be run at up to `batch` images, or raise FileRefused.

    The rules: parseable, self-contained, default operators from a list, bounded nodes, ranks and dimensions, valid by
    onnx's full check, and intermediate results and multiply-adds that fit a desktop machine.
    """
    import onnx

    if len(data) > MAX_ONNX_BYTES:
        raise FileRefused(f"{source} has {len(data):,} bytes; more than {MAX_ONNX_BYTES:,} are not opened")
    try:
        model = onnx.ModelProto.FromString(data)
    except Exception as error:  # protobuf raises many kinds, UnicodeDecodeError among them
        raise FileRefused(f"{source} is not an ONNX file, or a damaged one; export it again") from error
    if not model.graph.node:
        raise FileRefused(f"{source} is not an ONNX file, or an empty one; export it again")
    try:
        _check_model(model)
        _check_tensors(model)
        _check_nodes(model)
        _check_validity(model)
        multiply_adds = _check_cost(model, batch)
    except FileRefused as refusal:
        raise FileRefused(f"{source} is refused: {refusal}") from refusal
    return GraphFacts(
        inputs=tuple(map(_port, _inputs(model))),
        outputs=tuple(map(_port, model.graph.output)),
        opset=_opset(model),
        ir_version=model.ir_version,
        nodes=len(model.graph.node),
        parameters=sum(math.prod(t.dims) for t in model.graph.initializer if t.data_type in (1, 10, 11)),
        metadata={_text(entry.key): _text(entry.value) for entry in model.metadata_props},
        multiply_adds=multiply_adds,
    )


def _check_model(model: onnx.ModelProto) -> None:
    if model.functions:
        raise FileRefused("it defines functions of its own")
    if model.training_info:
        raise FileRefused("it holds training information")
    for entry in model.opset_import:
        if entry.domain not in ("", "ai.onnx"):
            raise FileRefused(f"it needs operators of the domain {entry.domain[:60]!r}; expected ONNX's own alone")
    if _opset(model) not in OPSETS:
        raise FileRefused(f"its opset is {_opset(model)}; {OPSETS[0]} to {OPSETS[-1]} are known")
    if len(model.graph.node) > MAX_NODES:
        raise FileRefused(f"it has {len(model.graph.node):,} nodes; more than {MAX_NODES:,} are not opened")
    if model.graph.sparse_initializer:
        raise FileRefused("it holds sparse tensors")


def _opset(model: onnx.ModelProto) -> int:
    return max((entry.version for entry in model.opset_import), default=0)


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _check_tensors(model: onnx.ModelProto) -> None:
    import onnx

    total = 0
    for tensor in _tensors(model):
        what = f"its tensor {tensor.name[:60]!r}"
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise FileRefused(f"{what} lies in another file; expected weights inside the graph")
        _check_dimensions(tensor.dims, what)
        total += math.prod(tensor.dims)
        if total > MAX_ELEMENTS:
            raise FileRefused(f"its tensors hold more than {MAX_ELEMENTS:,} values")
        try:
            item = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        except (KeyError, TypeError, ValueError) as error:
            raise FileRefused(f"{what} is of an unknown type") from error
        if tensor.raw_data and len(tensor.raw_data) != math.prod(tensor.dims) * item:
            raise FileRefused(f"{what} has more or fewer bytes than its shape needs")


def _check_dimensions(dimensions: Iterable[int], what: str) -> None:
    sizes = tuple(dimensions)
    if len(sizes) > MAX_RANK or any(not 0 <= size <= MAX_DIMENSION for size in sizes):
        raise FileRefused(f"{what} declares the shape {sizes[:10]}")
    if math.prod(sizes) > MAX_ELEMENTS:
        raise FileRefused(f"{what} declares {math.prod(sizes):,} values")


def _check_nodes(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx"):
            raise FileRefused(f"it needs an operator of the domain {node.domain[:60]!r}; expected ONNX's own alone")
        if node.op_type not in OPERATORS:
            operator = node.op_type[:60]
            raise FileRefused(f"it holds the operator {operator!r}, which is not on the list of image networks' own")
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                raise FileRefused(f"its node {node.op_type!r} holds a graph inside")
            if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
                raise FileRefused("it holds sparse tensors")
            low, high = ATTRIBUTES.get(attribute.name, (0, 0))
            values = [attribute.i] if attribute.name in ("group", "blocksize") else list(attribute.ints)
            if high and not all(low <= value <= high for value in values):
                raise FileRefused(f"its node {node.op_type!r} sets {attribute.name[:60]!r} to {values[:10]}")


def _check_validity(model: onnx.ModelProto) -> None:
    import onnx

    for port in (*model.graph.input, *model.graph.output):
        shape = port.type.tensor_type.shape
        if not _text(port.name).isprintable():
            raise FileRefused(f"its port {port.name[:60]!r} has a name that cannot be printed")
        _check_dimensions((d.dim_value for d in shape.dim), f"its port {port.name[:60]!r}")
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # onnx's checker lets errors of many kinds through
        raise FileRefused(f"it is not valid ONNX ({first_line(error)})") from error


def _check_cost(model: onnx.ModelProto, batch: int) -> int:
    """Infer every shape at this batch size and bound what running would take; return the multiply-adds an image."""
    import onnx

    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for port in _inputs(fixed):
        for axis, dimension in enumerate(port.type.tensor_type.shape.dim):
            if not dimension.dim_value:
                dimension.dim_value = batch if axis == 0 else 1024
    del fixed.graph.value_info[:]
    for port in fixed.graph.output:
        port.type.tensor_type.ClearField("shape")
    try:
        fixed = onnx.shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True)
    except Exception as error:
        raise FileRefused("the shapes inside it do not fit together") from error
    shapes = {tensor.name: tuple(tensor.dims) for tensor in fixed.graph.initializer}
    for port in (*fixed.graph.input, *fixed.graph.value_info, *fixed.graph.output):
        kind = port.type.tensor_type
        if kind.HasField("shape"):
            shapes[port.name] = tuple(dimension.dim_value for dimension in kind.shape.dim)
    activation_bytes = multiply_adds = 0
    for node in fixed.graph.node:
        for name in filter(None, node.output):
            shape = shapes.get(name)
            if shape is None or any(size < 1 for size in shape):
                raise FileRefused(f"the size of its result {name[:60]!r} is not known before it runs")
            _check_dimensions(shape, f"its result {name[:60]!r}")
            activation_bytes += 4 * math.prod(shape)
        multiply_adds += _multiply_adds(node, shapes)
    if activation_bytes > MAX_ACTIVATION_BYTES:
        raise FileRefused(f"it would need {activation_bytes / 2**30:.1f} GiB for {batch} images")
    if multiply_adds > MAX_MULTIPLY_ADDS:
        raise FileRefused(f"it would need {multiply_adds:.1e} multiplications for {batch} images")
    _check_divisions(fixed)
    given = (shapes.get(port.name) for port in _inputs(fixed))
    return multiply_adds // next((shape[0] for shape in given if shape), 1)


def _check_divisions(inferred: onnx.ModelProto) -> None:
    """Let floats be divided only: the least integer divided by -1, or any by 0, ends the process with SIGFPE."""
    import onnx

    kinds = {tensor.name: tensor.data_type for tensor in inferred.graph.initializer}
    for port in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        kinds[port.name] = port.type.tensor_type.elem_type
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE, onnx.TensorProto.BFLOAT16)
    for node in inferred.graph.node:
        if node.op_type == "Div" and any(kinds.get(name) not in floats for name in node.input):
            raise FileRefused("it divides integers")


def _multiply_adds(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    """Multiply-adds of the operators that do nearly all of them, comparisons of pools; 0 for the rest."""
    if node.op_type in ("MaxPool", "AveragePool"):
        kernel = next((attribute.ints for attribute in node.attribute if attribute.name == "kernel_shape"), ())
        return math.prod(shapes[node.output[0]]) * math.prod(kernel)
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul") or len(node.input) < 2:
        return 0
    data, weight = shapes.get(node.input[0], ()), shapes.get(node.input[1], ())
    result = shapes[node.output[0]]
    if node.op_type == "Conv":  # weight (out, in / group, *kernel)
        return math.prod(result) * math.prod(weight[1:])
    if node.op_type == "ConvTranspose":  # weight (in, out / group, *kernel)
        return math.prod(data) * math.prod(weight[1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    inner = data[0] if transposed else data[-1]
    return math.prod(result) * inner


def _inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that hold no weights."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [port for port in model.graph.input if port.name not in weights]


def _port(port: onnx.ValueInfoProto) -> Port:
    import onnx

    kind = port.type.tensor_type
    shape: list[int | str] = []
    for axis, dimension in enumerate(kind.shape.dim):
        known = dimension.HasField("dim_value")
        shape.append(dimension.dim_value if known else _text(dimension.dim_param) or f"axis{axis}")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
    return Port(_text(port.name), tuple(shape), str(dtype.name))


def _text(value: str | bytes) -> str:
    """Return text of a protobuf, which hands over as bytes what is not UTF-8."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
