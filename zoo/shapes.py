"""Follows a graph node by node for given input sizes: every result's type and size, and what running it would take.

onnx infers the shape of one node at a time; small integers (sizes, axes, scales) are computed on the way, so that a
shape which the graph works out for itself is known too. Nothing is run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import FileRefused, first_line

if TYPE_CHECKING:
    import onnx

MAX_RANK = 8
MAX_DIMENSION = 1 << 20
MAX_ELEMENTS = 1 << 27
MAX_FOLDED = 64  # values of a result that is computed on the way: sizes of 8 axes, twice, and more

OWN = "com.microsoft"  # operators that onnxruntime writes into graphs that it quantised or saved optimised
# The operator of onnx's that each is sized like, and the inputs that this one takes.
STAND_INS: Mapping[str, tuple[str, slice]] = {
    "FusedConv": ("Conv", slice(3)),
    "FusedGemm": ("Gemm", slice(3)),
    "QGemm": ("Gemm", slice(0, 4, 3)),
    **dict.fromkeys(("QLinearAdd", "QLinearMul"), ("Add", slice(0, 4, 3))),
    "QLinearConcat": ("Concat", slice(2, None, 3)),
    "QLinearAveragePool": ("AveragePool", slice(1)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", slice(1)),
    **dict.fromkeys(("DynamicQuantizeMatMul", "MatMulIntegerToFloat"), ("MatMul", slice(2))),
    **dict.fromkeys(("QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax"), ("Identity", slice(1))),
    **dict.fromkeys(("Gelu", "FastGelu", "QuickGelu", "BiasGelu"), ("Identity", slice(1))),
    "DynamicQuantizeLSTM": ("LSTM", slice(3)),
    **{name: (name, slice(3)) for name in ("QuantizeLinear", "DequantizeLinear")},
}
STAND_IN_OPSET = 21
_FLOAT = 1  # onnx.TensorProto.FLOAT: stand-ins take no bytes
LIKE_ITS_INPUT = ("GroupNormalization", "MeanVarianceNormalization")  # onnx infers no shape for them


@dataclass
class Followed:
    """What was found in a graph: the types, shapes and small values of its tensors, and what running it takes.

    constant        names whose values depend on no input's size
    peak_bytes      the results that live at once, with a node's own workspace
    elements        of all results together
    multiply_adds   with the comparisons of pools
    """

    kinds: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)
    constant: set[str] = field(default_factory=set)
    peak_bytes: int = 0
    elements: int = 0
    multiply_adds: int = 0

    def size(self, name: str) -> int:
        return math.prod(self.shapes.get(name, (0,)))

    def bytes(self, name: str) -> int:
        """Half floats count as whole ones: on a CPU onnxruntime computes with those."""
        import onnx

        item = onnx.helper.tensor_dtype_to_np_dtype(self.kinds.get(name, 1)).itemsize
        return self.size(name) * (4 if item == 2 else item)


def check_dimensions(dimensions: Iterable[int], what: str) -> None:
    """Raise FileRefused for a shape that no image network has."""
    sizes = tuple(dimensions)
    if len(sizes) > MAX_RANK or any(not 0 <= size <= MAX_DIMENSION for size in sizes):
        raise FileRefused(f"{what} declares the shape {sizes[:10]}")
    if math.prod(sizes) > MAX_ELEMENTS:
        raise FileRefused(f"{what} declares {math.prod(sizes):,} values")


def check_numeric(kind: int, what: str) -> None:
    """Raise FileRefused for an element type that is no real number."""
    import onnx

    types = onnx.TensorProto
    if kind not in types.DataType.values():
        raise FileRefused(f"{what} is of an unknown type")
    if kind in (types.UNDEFINED, types.STRING, types.COMPLEX64, types.COMPLEX128):
        name = types.DataType.Name(kind).lower()
        raise FileRefused(f"{what} is {'no tensor' if kind == 0 else f'of {name}s'}; only tensors of numbers are run")


def follow(model: onnx.ModelProto, inputs: Mapping[str, tuple[int, ...]]) -> Followed:
    """Follow a graph whose inputs have these shapes. Raises FileRefused for results too large or of unknown size."""
    found = Followed()
    for port in model.graph.input:
        if port.name in inputs:
            found.kinds[port.name], found.shapes[port.name] = port.type.tensor_type.elem_type, inputs[port.name]
    for tensor in model.graph.initializer:
        found.kinds[tensor.name], found.shapes[tensor.name] = tensor.data_type, tuple(tensor.dims)
        _remember(found, tensor)
    opset = opset_of(model)
    last_use = {name: place for place, node in enumerate(model.graph.node) for name in (*node.input, *node.output)}
    results = {*inputs, *(name for node in model.graph.node for name in node.output)}
    passing = results.difference(port.name for port in model.graph.output)
    living = sum(map(found.bytes, inputs))
    for place, node in enumerate(model.graph.node):
        _follow_node(found, node, opset)
        made = [name for name in node.output if name]
        living += sum(map(found.bytes, made))
        found.elements += sum(map(found.size, made))
        found.peak_bytes = max(found.peak_bytes, living + _workspace(found, node))
        found.multiply_adds += _multiply_adds(found, node)
        living -= sum(found.bytes(name) for name in {*node.input, *made} & passing if last_use[name] == place)
    return found


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of onnx's own operators that a graph uses."""
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)


def _remember(found: Followed, tensor: onnx.TensorProto) -> None:
    """Keep the values of a small constant; of one without a readable value nothing is known."""
    import onnx

    if math.prod(tensor.dims) <= MAX_FOLDED:
        try:
            found.values[tensor.name] = onnx.numpy_helper.to_array(tensor)
        except Exception as error:  # it raises many kinds for what is damaged
            raise FileRefused(
                f"its tensor {tensor.name[:60]!r} has more or fewer bytes than its shape needs"
            ) from error
        found.constant.add(tensor.name)


def _follow_node(found: Followed, node: onnx.NodeProto, opset: int) -> None:
    """Find the types, shapes and small values of a node's outputs, and keep them."""
    for name, kind, shape in _inferred(found, node, opset):
        if shape is None:
            raise FileRefused(f"the size of its result {name[:60]!r} is not known before it runs")
        check_numeric(kind, f"its result {name[:60]!r}")
        check_dimensions(shape, f"its result {name[:60]!r}")
        found.kinds[name], found.shapes[name] = kind, shape
    _check_fit(found, node)
    if node.output and node.output[0] in found.shapes and found.size(node.output[0]) <= MAX_FOLDED:
        _fold(found, node)


def _inferred(found: Followed, node: onnx.NodeProto, opset: int) -> Iterable[tuple[str, int, tuple[int, ...] | None]]:
    """Yield (name, element type, shape or None) of each output of a node, as onnx infers them from what is known."""
    import onnx

    named = node
    if node.domain == OWN:
        operator, taken = STAND_INS[node.op_type]
        named = onnx.helper.make_node(operator, list(node.input)[taken], list(node.output))
        schema = onnx.defs.get_schema(operator, STAND_IN_OPSET, "")
        named.attribute.extend(each for each in node.attribute if each.name in schema.attributes)
    else:
        schema = onnx.defs.get_schema(node.op_type, opset, "")
    known = dict.fromkeys(filter(None, named.input))
    try:
        kinds = found.kinds if named is node or named.op_type == node.op_type else dict.fromkeys(known, _FLOAT)
        types = {name: onnx.helper.make_tensor_type_proto(kinds[name], found.shapes[name]) for name in known}
        data = {name: onnx.numpy_helper.from_array(found.values[name]) for name in known if name in found.values}
        made = onnx.shape_inference.infer_node_outputs(
            schema, named, types, data, opset_imports=[onnx.helper.make_opsetid("", max(opset, 1))]
        )
    except Exception as error:  # it raises many kinds
        raise FileRefused(f"the shapes inside it do not fit together ({first_line(error)})") from error
    for name in filter(None, named.output):
        kind = made[name].tensor_type if name in made else onnx.TypeProto().tensor_type
        if name in made and not made[name].HasField("tensor_type"):
            raise FileRefused(f"its result {name[:60]!r} is no tensor; only tensors of numbers are run")
        sizes = [size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim]
        shape = None if not kind.HasField("shape") or None in sizes else tuple(size or 0 for size in sizes)
        if shape is None and node.op_type in LIKE_ITS_INPUT:
            shape = found.shapes[node.input[0]]
        first = found.kinds.get(named.input[0], 0) if named.input else 0
        quantised = node.domain == OWN and named.op_type != node.op_type and not node.op_type.endswith("ToFloat")
        yield name, first if quantised else kind.elem_type or first, shape


def _check_fit(found: Followed, node: onnx.NodeProto) -> None:
    """Refuse what onnx does not look at: sizes that differ, and divisions of integers that end a process (SIGFPE)."""
    import onnx

    if node.op_type == "Gemm" and node.domain != OWN:
        data, weight = found.shapes[node.input[0]], found.shapes[node.input[1]]
        if data[0 if _attribute(node, "transA") else 1] != weight[1 if _attribute(node, "transB") else 0]:
            raise FileRefused(f"the shapes inside it do not fit together: {data} and weights of {weight}")
    if node.op_type == "Reshape" and found.size(node.input[0]) != found.size(node.output[0]):
        before, after = found.shapes[node.input[0]], found.shapes[node.output[0]]
        raise FileRefused(f"the shapes inside it do not fit together: {before} becomes {after}")
    if node.op_type in ("Conv", "FusedConv"):
        data, weight = found.shapes[node.input[0]], found.shapes[node.input[1]]
        group = next((each.i for each in node.attribute if each.name == "group"), 1)
        if len(data) < 2 or len(weight) < 2 or data[1] != weight[1] * group or weight[0] % group:
            raise FileRefused(f"the shapes inside it do not fit together: {data} and weights of {weight}")
    if node.op_type in ("Div", "Mod"):
        types = onnx.TensorProto
        floats = (types.FLOAT, types.FLOAT16, types.DOUBLE, types.BFLOAT16)
        divisor = found.values.get(node.input[1]) if node.input[1] in found.constant else None
        whole = any(found.kinds[name] not in floats for name in node.input)
        if whole and (divisor is None or not divisor.size or bool(np.isin(divisor, (0, -1)).any())):
            raise FileRefused("it divides integers by something else than a fixed number")


# ---- values that are computed on the way ----


def _axes(inputs: Sequence[np.ndarray], attributes: Mapping[str, Any]) -> tuple[int, ...]:
    given = inputs[1] if len(inputs) > 1 else attributes.get("axes", ())
    return tuple(int(axis) for axis in np.ravel(given))


def _unsqueezed(inputs: Sequence[np.ndarray], attributes: Mapping[str, Any]) -> np.ndarray:
    return np.expand_dims(inputs[0], _axes(inputs, attributes))


def _sliced(inputs: Sequence[np.ndarray], attributes: Mapping[str, Any]) -> np.ndarray:
    data, *more = inputs
    starts, ends = more[:2] if more else (attributes["starts"], attributes["ends"])
    axes = more[2] if len(more) > 2 else attributes.get("axes", range(len(starts)))
    steps = more[3] if len(more) > 3 else [1] * len(starts)
    where = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        last = None if step < 0 and end < -data.shape[axis] else int(end)
        where[axis] = slice(int(start), last, int(step))
    return data[tuple(where)]


def _divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(a / b) if a.dtype.kind == "f" else np.trunc(a / b).astype(a.dtype)


def _filled(inputs: Sequence[np.ndarray], attributes: Mapping[str, Any]) -> np.ndarray:
    import onnx

    value = onnx.numpy_helper.to_array(attributes["value"]) if "value" in attributes else np.zeros(1, np.float32)
    return np.full(inputs[0].tolist(), value.ravel()[0], value.dtype)


def _cast(inputs: Sequence[np.ndarray], attributes: Mapping[str, Any]) -> np.ndarray:
    import onnx

    return inputs[0].astype(onnx.helper.tensor_dtype_to_np_dtype(attributes["to"]))


def _constant(inputs: Sequence[np.ndarray], attributes: Mapping[str, Any]) -> np.ndarray:
    import onnx

    (name, value), *_ = attributes.items()
    kinds = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}
    return onnx.numpy_helper.to_array(value) if name == "value" else np.asarray(value, kinds[name])


_SAME_NAMES = "add equal floor ceil round sqrt less greater where"
_PLAIN: Mapping[str, Callable[..., Any]] = {
    **{name.capitalize(): getattr(np, name) for name in _SAME_NAMES.split()},
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divided,
    "Mod": np.mod,
    "Neg": np.negative,
    "Max": np.maximum,
    "Min": np.minimum,
    "Not": np.logical_not,
    "And": np.logical_and,
    "Or": np.logical_or,
    "Identity": np.asarray,
    "Range": np.arange,
    "Expand": lambda data, shape: data * np.ones(shape.tolist(), data.dtype),
}
_FOLDED: Mapping[str, Callable[[Sequence[np.ndarray], Mapping[str, Any]], Any]] = {
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Cast": _cast,
    "Concat": lambda inputs, attributes: np.concatenate(inputs, attributes["axis"]),
    "Gather": lambda inputs, attributes: np.take(inputs[0], inputs[1], attributes.get("axis", 0)),
    "Reshape": lambda inputs, attributes: inputs[0].reshape(inputs[1].tolist()),
    "Transpose": lambda inputs, attributes: np.transpose(inputs[0], attributes.get("perm")),
    "Unsqueeze": _unsqueezed,
    "Squeeze": lambda inputs, attributes: np.squeeze(inputs[0], _axes(inputs, attributes) or None),
    "Slice": _sliced,
    "ReduceProd": lambda inputs, attributes: np.prod(inputs[0], keepdims=bool(attributes.get("keepdims", 1))),
}


def _fold(found: Followed, node: onnx.NodeProto) -> None:
    """Compute a small result whose inputs are known; one that cannot be computed stays unknown."""
    import onnx

    name = node.output[0]
    if node.op_type in ("Shape", "Size") and len(node.input) == 1:
        shape = np.array(found.shapes[node.input[0]], np.int64)
        part = {each.name: each.i for each in node.attribute}
        value = shape[part.get("start", 0) : part.get("end")] if node.op_type == "Shape" else shape.prod()
    elif (node.op_type in _FOLDED or node.op_type in _PLAIN) and all(each in found.values for each in node.input):
        try:
            attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
            inputs = [found.values[each] for each in node.input]
            with np.errstate(all="ignore"):
                plain = _PLAIN.get(node.op_type)
                value = plain(*inputs) if plain else _FOLDED[node.op_type](inputs, attributes)
        except Exception:  # whatever numpy says of arrays that do not fit
            return
        if found.constant.issuperset(node.input):
            found.constant.add(name)
    else:
        return
    dtype = onnx.helper.tensor_dtype_to_np_dtype(found.kinds[name])
    if np.shape(value) == found.shapes[name]:
        found.values[name] = np.asarray(value, dtype)


# ---- what a node takes ----


def _attribute(node: onnx.NodeProto, name: str) -> Any:
    import onnx

    return next((onnx.helper.get_attribute_value(each) for each in node.attribute if each.name == name), None)


def _shape(found: Followed, node: onnx.NodeProto, place: int) -> tuple[int, ...]:
    return found.shapes.get(node.input[place], ()) if place < len(node.input) else ()


def _result(found: Followed, node: onnx.NodeProto) -> int:
    return max((found.size(name) for name in node.output if name), default=0)


def _of_convolution(found: Followed, node: onnx.NodeProto) -> int:  # weight (out, in / group, *kernel)
    weight = _shape(found, node, 3 if node.op_type == "QLinearConv" else 1)
    return _result(found, node) * math.prod(weight[1:])


def _of_product(found: Followed, node: onnx.NodeProto) -> int:
    data = _shape(found, node, 0) or (1,)
    return _result(found, node) * (data[0] if _attribute(node, "transA") else data[-1])


def _of_pool(found: Followed, node: onnx.NodeProto) -> int:
    return _result(found, node) * math.prod(_attribute(node, "kernel_shape") or ())


def _of_recurrence(found: Followed, node: onnx.NodeProto) -> int:  # data (steps, batch, in), weight (ways, gates, in)
    data, weight, again = (_shape(found, node, place) for place in range(3))
    return math.prod(data[:2]) * (math.prod(weight) + math.prod(again))


def _of_einsum(found: Followed, node: onnx.NodeProto) -> int:
    terms = (_attribute(node, "equation") or b"").decode(errors="replace").split("->")[0].replace(" ", "").split(",")
    shapes = [_shape(found, node, place) for place in range(len(node.input))]
    if len(shapes) > 2 or any("." in term for term in terms):  # its results on the way may be larger than the last
        return math.prod(math.prod(shape) for shape in shapes)
    return math.prod(
        dict(pair for each in zip(terms, shapes, strict=False) for pair in zip(*each, strict=False)).values()
    )


def _scores(found: Followed, node: onnx.NodeProto) -> int:  # pairs of a query and a key that an attention weighs
    query, key = _shape(found, node, 0), _shape(found, node, 1)
    return math.prod(query[:-1]) * (_attribute(node, "q_num_heads") or 1 if len(query) == 3 else 1) * key[-2]


_MULTIPLY_ADDS: Mapping[str, Callable[[Followed, onnx.NodeProto], int]] = {
    **dict.fromkeys(("Conv", "FusedConv", "ConvInteger", "QLinearConv"), _of_convolution),
    "ConvTranspose": lambda found, node: math.prod(_shape(found, node, 0)) * math.prod(_shape(found, node, 1)[1:]),
    **dict.fromkeys(("Gemm", "MatMul", "MatMulInteger", "QLinearMatMul", "FusedGemm", "QGemm"), _of_product),
    **dict.fromkeys(("DynamicQuantizeMatMul", "MatMulIntegerToFloat"), _of_product),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool", "QLinearAveragePool"), _of_pool),
    "LRN": lambda found, node: _result(found, node) * (_attribute(node, "size") or 1),
    **dict.fromkeys(("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"), _of_recurrence),
    "Einsum": _of_einsum,
    "Attention": lambda found, node: 2 * _scores(found, node) * _shape(found, node, 0)[-1],
}


def _multiply_adds(found: Followed, node: onnx.NodeProto) -> int:
    return _MULTIPLY_ADDS[node.op_type](found, node) if node.op_type in _MULTIPLY_ADDS else 0


def _workspace(found: Followed, node: onnx.NodeProto) -> int:
    """Return the bytes that onnxruntime takes for a node besides its inputs and outputs, an image at a time."""
    if node.op_type == "ConvTranspose":  # a column for each place of the input
        return 4 * math.prod(_shape(found, node, 1)[1:]) * math.prod(_shape(found, node, 0)[2:])
    if node.op_type in ("ConvInteger", "QLinearConv"):  # a pointer for each place of the kernel
        weight = _shape(found, node, 3 if node.op_type == "QLinearConv" else 1)
        return (8 * math.prod(weight[2:]) + math.prod(weight[1:])) * math.prod(found.shapes[node.output[0]][2:])
    if node.op_type in ("LSTM", "GRU", "RNN"):
        return 4 * math.prod(_shape(found, node, 0)[:2]) * math.prod(_shape(found, node, 1)[:2])
    pairs = _scores(found, node) if node.op_type == "Attention" else 0
    return 4 * (_of_einsum(found, node) if node.op_type == "Einsum" and len(node.input) > 2 else pairs)
