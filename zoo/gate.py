"""The gate: what must hold before bytes from a file reach onnxruntime or HDF5.

One gate for export, verification and the viewer. Graphs of strangers are run in a process with limits, which is the
wall; the gate keeps out what would harm that, and hands over a graph that takes and gives images in one way. No torch;
onnx is imported when the first graph comes.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import FileRefused, first_line, reason
from zoo.graph_facts import MAX_BATCH as MAX_BATCH
from zoo.graph_facts import MAX_PORTS, facts_of, inputs_of, tensors_of, text_of
from zoo.graph_facts import GraphFacts as GraphFacts
from zoo.graph_facts import Port as Port
from zoo.graph_sizes import as_run
from zoo.image_ports import UNCHOSEN, InputChoice
from zoo.shapes import MAX_DIMENSION, MAX_ELEMENTS, OWN, STAND_INS, check_dimensions, check_numeric, opset_of
from zoo.weight_files import join_weights, weight_files

if TYPE_CHECKING:
    import onnx

MAX_ONNX_BYTES = 256 << 20  # with the weights that lie beside it
MAX_HDF5_BYTES = 256 << 20
MAX_RECORDS = 50_000
MAX_METADATA_BYTES = 8 << 20
MAX_NODES = 5_000

_GRAPH, _NODES_AND_WEIGHTS = 7, (1, 5)  # fields of a ModelProto, and of its GraphProto

OPSETS = range(7, 27)
NEWEST_IR = 10  # later ones add only what is refused here; onnxruntime 1.18 and later read it

# No control flow, no strings, no sequences; results of a size that is known before.
OPERATORS = frozenset(
    """
    Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization
    Bernoulli Cast CastLike Ceil Celu CenterCropPad Clip Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose
    Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand
    EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool
    Greater GreaterOrEqual GridSample GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization
    IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul
    MatMulInteger Max MaxPool MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul Neg Not OneHot Or PRelu Pad Pow
    QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN RandomNormal RandomNormalLike RandomUniform
    RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
    ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Round ScatterElements ScatterND Selu Shape Shrink Sigmoid
    Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tan Tanh
    ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor
    """.split()
)
ATTRIBUTES = {  # the least and the most that each may be
    **dict.fromkeys(("strides", "dilations", "kernel_shape", "blocksize", "size", "p"), (1, 4_096)),
    **dict.fromkeys(("group", "num_groups", "num_outputs", "hidden_size", "output_shape"), (1, MAX_DIMENSION)),
    **dict.fromkeys(("q_num_heads", "kv_num_heads"), (1, 4_096)),
    "pads": (0, 65_536),
    "output_padding": (0, 4_096),
}


@dataclass(frozen=True, eq=False)
class OpenedGraph:
    """A graph that may be run: the bytes for onnxruntime, and its facts."""

    data: bytes
    facts: GraphFacts


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


def read_weights(path: Path, data: bytes) -> dict[str, bytes]:
    """Read the files beside a graph that hold its weights; links are not followed, and a file that is not there is
    left out. Raises FileRefused.
    """
    found: dict[str, bytes] = {}
    for name in weight_files(data)[:MAX_PORTS]:
        beside = path.with_name(name)
        if beside.is_file() and not beside.is_symlink() and beside.stat().st_nlink == 1:
            found[name] = read_bytes(beside, limit=MAX_ONNX_BYTES - len(data) - sum(map(len, found.values())))
    return found


def check_onnx(data: bytes, *, source: str, weights: Mapping[str, bytes] | None = None) -> GraphFacts:
    """Return the facts of a graph that may be run, or raise FileRefused."""
    return open_onnx(data, source=source, weights=weights).facts


def open_onnx(
    data: bytes, *, source: str, weights: Mapping[str, bytes] | None = None, choice: InputChoice = UNCHOSEN
) -> OpenedGraph:
    """Return a graph that may be run, taking and giving float32 images (N, C, H, W) in [0, 1], or raise FileRefused,
    which holds the facts of a graph that could be read.

    The rules: parseable, tensors of numbers, operators from a list, bounded nodes, ranks and dimensions, valid by
    onnx's check, results of a known size; what lives at once and the multiply-adds of one image fit a desktop machine.

    weights  the files beside it that hold its weights, by name
    choice   the pixels and the size of image that it gets where it leaves them open
    """
    import onnx

    weights = weights or {}
    size = len(data) + sum(map(len, weights.values()))
    if size > MAX_ONNX_BYTES:
        raise FileRefused(f"{source} has {size:,} bytes; more than {MAX_ONNX_BYTES:,} are not opened")
    facts = None
    try:
        _check_records(data)
        try:
            model = onnx.ModelProto.FromString(data)
        except Exception as error:  # protobuf raises many kinds, UnicodeDecodeError among them
            raise FileRefused(f"{source} is not an ONNX file, or a damaged one; export it again") from error
        if not model.graph.node:
            raise FileRefused(f"{source} is not an ONNX file, or an empty one; export it again")
        facts = facts_of(model)
        joined = join_weights(model, weights)
        _check_model(model)
        _check_tensors(model)
        _check_nodes(model)
        _check_ports(model)
        changed = _modernise(model) or joined
        _check_validity(model)
        facts, plain = as_run(model, facts, choice)
    except FileRefused as refusal:
        sentence = str(refusal) if str(refusal).startswith(source) else f"{source} is refused: {refusal}"
        raise FileRefused(sentence, facts=facts) from refusal
    return OpenedGraph(model.SerializeToString() if changed or plain else data, facts)


def _check_records(data: bytes) -> None:
    """Bound what lies beside nodes and weights before it is parsed: 200 MB of metadata would take 47 s."""
    records = beside = 0
    for field, start, end in _records(data, 0, len(data)):
        inside = _records(data, start, end) if field == _GRAPH else [(field, start, end)]
        for inner, first, last in inside:
            records += 1
            beside += 0 if field == _GRAPH and inner in _NODES_AND_WEIGHTS else last - first
            if records > MAX_RECORDS or beside > MAX_METADATA_BYTES:
                most = f"{MAX_METADATA_BYTES:,} bytes or {MAX_RECORDS:,} entries"
                raise FileRefused(f"it holds more than {most} beside its nodes and weights")


def _records(data: bytes, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the fields of a protobuf message, each with where its content begins and ends; none behind a broken one."""
    while place < end:
        tag, place = _varint(data, place)
        if tag & 7 == 0:
            _, place = _varint(data, place)
        elif tag & 7 == 2:
            length, place = _varint(data, place)
            yield tag >> 3, place, min(end, place + length)
            place += length
        else:
            return  # no field of a model; the parser will say so


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return a number of protobuf's, and where the next field begins."""
    value = 0
    for index, byte in enumerate(data[place : place + 10]):
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value, place + index + 1
    return 0, len(data)


def _check_model(model: onnx.ModelProto) -> None:
    if model.functions:
        raise FileRefused("it defines functions of its own; export it with them inlined")
    if model.training_info:
        raise FileRefused("it holds training information; export it for inference")
    if opset_of(model) not in OPSETS:
        raise FileRefused(
            f"its opset is {opset_of(model)}; {OPSETS[0]} to {OPSETS[-1]} are run: convert it with "
            "onnx.version_converter.convert_version"
        )
    if len(model.graph.node) > MAX_NODES:
        raise FileRefused(f"it has {len(model.graph.node):,} nodes; more than {MAX_NODES:,} are not opened")
    if model.graph.sparse_initializer:
        raise FileRefused("it holds sparse tensors")


def _check_tensors(model: onnx.ModelProto) -> None:
    import onnx

    total, packed = 0, (onnx.TensorProto.INT4, onnx.TensorProto.UINT4)
    for tensor in tensors_of(model):
        what = f"its tensor {tensor.name[:60]!r}"
        check_dimensions(tensor.dims, what)
        check_numeric(tensor.data_type, what)
        total += math.prod(tensor.dims)
        if total > MAX_ELEMENTS:
            raise FileRefused(f"its tensors hold more than {MAX_ELEMENTS:,} values")
        item = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        needed = math.prod(tensor.dims) * item
        if tensor.raw_data and len(tensor.raw_data) != (-(-needed // 2) if tensor.data_type in packed else needed):
            raise FileRefused(f"{what} has more or fewer bytes than its shape needs")


def _check_nodes(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        _check_operator(node)
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                raise FileRefused(f"its node {node.op_type!r} holds a graph inside")
            if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
                raise FileRefused("it holds sparse tensors")
            low, high = ATTRIBUTES.get(attribute.name, (0, 0))
            low = -high if node.op_type == "Pad" else low  # which may cut off, too
            values = list(attribute.ints) or [attribute.i]
            if high and not all(low <= value <= high for value in values):
                raise FileRefused(f"its node {node.op_type!r} sets {attribute.name[:60]!r} to {values[:10]}")


def _check_operator(node: onnx.NodeProto) -> None:
    domain, operator = node.domain[:60], node.op_type[:60]
    if domain == f"{OWN}.nchwc":
        raise FileRefused(
            "onnxruntime saved it optimised for one kind of processor; save it with the level ORT_ENABLE_EXTENDED, or "
            "take the file from before"
        )
    if domain not in ("", "ai.onnx", OWN):
        raise FileRefused(f"it needs an operator of the domain {domain!r}; expected ONNX's own alone")
    if operator not in (STAND_INS if domain == OWN else OPERATORS):
        of = f" of the domain {domain!r}" if domain == OWN else ""
        raise FileRefused(f"it holds the operator {operator!r}{of}, which is not on the list of image networks' own")


def _check_ports(model: onnx.ModelProto) -> None:
    if len(inputs_of(model)) > MAX_PORTS or len(model.graph.output) > MAX_PORTS:
        raise FileRefused(f"it has more than {MAX_PORTS} inputs or outputs")
    for port in (*model.graph.input, *model.graph.output):
        what = f"its port {text_of(port.name)[:60]!r}"
        if not text_of(port.name).isprintable():
            raise FileRefused(f"{what} has a name that cannot be printed")
        if not port.type.HasField("tensor_type"):
            raise FileRefused(f"{what} is no tensor; only tensors of numbers are run")
        check_numeric(port.type.tensor_type.elem_type, what)
        check_dimensions((max(0, d.dim_value) for d in port.type.tensor_type.shape.dim), what)


def _modernise(model: onnx.ModelProto) -> bool:
    """Lower a version that onnxruntime may not know, leave out imports of operators that no node uses, let sizes of −1
    and 0 be any, and sort the nodes; return whether something changed.
    """
    before = model.ir_version, len(model.opset_import)
    model.ir_version = min(max(model.ir_version, 4), NEWEST_IR)
    used = {"", "ai.onnx", *(node.domain for node in model.graph.node)}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    unsized = [
        size
        for port in (*model.graph.input, *model.graph.output, *model.graph.value_info)
        for size in port.type.tensor_type.shape.dim
        if size.HasField("dim_value") and size.dim_value < 1
    ]
    for size in unsized:
        size.Clear()
    return _sort(model) or bool(unsized) or before != (model.ir_version, len(kept))


def _sort(model: onnx.ModelProto) -> bool:
    """Put every node behind those whose results it takes, as onnxruntime does; return whether one had to move."""
    nodes, order = [*model.graph.node], list[int]()
    missing, waiting = {name for node in nodes for name in node.output}, [*range(len(nodes))]
    while waiting:
        later = []
        for place in waiting:
            if missing.isdisjoint(nodes[place].input):
                order.append(place)
                missing.difference_update(nodes[place].output)
            else:
                later.append(place)
        if later == waiting:
            return False  # they take one another's results; onnx's check will say so
        waiting = later
    if order == [*range(len(nodes))]:
        return False
    del model.graph.node[:]
    model.graph.node.extend(nodes[place] for place in order)
    return True


def _check_validity(model: onnx.ModelProto) -> None:
    import onnx

    try:
        onnx.checker.check_model(model)
    except Exception as error:  # onnx's checker lets errors of many kinds through
        raise FileRefused(f"it is not valid ONNX ({first_line(error)})") from error
