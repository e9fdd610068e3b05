"""How strangers' graphs take and give images, and the few nodes that let every program here do it in one way.

Here images are float32 (N, C, H, W) in [0, 1]. A graph may want its channels last, none of them, or 784 values in a
row; halves, bytes, or pixels from −1 to 1. Then nodes before its input and behind its outputs turn one into the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import UsageError

if TYPE_CHECKING:
    import onnx

Sizes = tuple[int | None, ...]  # None: any
OPEN_SIZES = (64, 224, 28)  # what a side is where a graph takes any: the first that fits inside
MULTIPLE = 32  # of which the sides of an image often have to be one
FLAT_IMAGES: Mapping[int, tuple[int, int, int]] = {784: (1, 28, 28), 3072: (3, 32, 32)}  # MNIST's, CIFAR-10's
SMALLEST_FLAT = 8  # pixels of a side

# A pixel of [0, 1] times the first plus the second is what a graph takes, for red, green and blue.
PIXELS: Mapping[str, tuple[Sequence[float], Sequence[float]]] = {
    "0..1": ((1,), (0,)),
    "0..255": ((255,), (0,)),
    "-1..1": ((2,), (-1,)),
    "imagenet": ((1 / 0.229, 1 / 0.224, 1 / 0.225), (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225)),
}
UNIT, SIGNED = "0..1", "-1..1"
_UNIT_OPERATORS = ("Sigmoid", "HardSigmoid", "Softmax")  # whose results are in [0, 1], whatever goes in
_MOVING = ("Transpose", "Reshape", "Identity", "Flatten", "Squeeze", "Unsqueeze", "Cast")
_OWN = "aezoo:"  # before the names of what is added


def is_added(node: onnx.NodeProto) -> bool:
    """Whether a node was added to a graph here."""
    return str(node.name).startswith(_OWN)


@dataclass(frozen=True)
class InputChoice:
    """What is chosen where a graph leaves it open. Raises UsageError for pixels that are not in PIXELS.

    pixels  what it takes for black and white: see PIXELS
    size    the height and width of its images; None for the first of OPEN_SIZES that fits inside
    """

    pixels: str = UNIT
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.pixels not in PIXELS:
            raise UsageError(f"no pixels {self.pixels!r}; there are {', '.join(PIXELS)}")

    @property
    def sizes(self) -> Iterator[tuple[int, int]]:
        """Sizes to try, in this order: the one that is wanted, the nearest below that suit, those of half of it …"""
        if self.size is not None:
            yield self.size
            height, width = self.size
            while min(height, width) >= MULTIPLE:
                yield height // MULTIPLE * MULTIPLE, width // MULTIPLE * MULTIPLE
                height, width = height // 2, width // 2
        yield from ((side, side) for side in OPEN_SIZES)


UNCHOSEN = InputChoice()


@dataclass(frozen=True)
class ImageInput:
    """The layout in which a graph takes an image of `shape` (C, H, W): "NCHW", "NHWC", "NHW", "CHW", "HWC" or "flat".

    chosen  whether the graph takes any height or width
    """

    layout: str
    shape: tuple[int, int, int]
    chosen: bool = False

    def own_shape(self, batch: int) -> tuple[int, ...]:
        """The shape of so many images as the graph takes them."""
        channels, height, width = self.shape
        return {
            "NCHW": (batch, channels, height, width),
            "NHWC": (batch, height, width, channels),
            "NHW": (batch, height, width),
            "CHW": (channels, height, width),
            "HWC": (height, width, channels),
            "flat": (batch, math.prod(self.shape)),
        }[self.layout]

    @property
    def takes_one(self) -> bool:
        """Whether there is no axis for a batch."""
        return self.layout in ("CHW", "HWC")


def image_inputs(sizes: Sizes, choice: InputChoice) -> Iterator[ImageInput]:
    """Yield the ways in which an input of these sizes may take images, the likeliest first; none of a flat one."""
    if len(sizes) == 3:
        layout = "CHW" if sizes[0] == 3 else "HWC" if sizes[2] in (1, 3) and sizes[0] is not None else "NHW"
        sizes = {"CHW": (1, *sizes), "HWC": (1, sizes[2], *sizes[:2]), "NHW": (sizes[0], 1, *sizes[1:])}[layout]
        ways = [(layout, sizes)]
    elif len(sizes) == 4:
        ways = [("NCHW", sizes)]
        if sizes[3] is not None or sizes[1] is None:
            ways.append(("NHWC", (sizes[0], sizes[3], *sizes[1:3])))
    else:
        return
    for layout, (_, channels, height, width) in ways:
        for count in (3, 1) if channels is None else (channels,):
            if count in (1, 3):
                is_open = None in (height, width)
                for tall, wide in choice.sizes if is_open else [(0, 0)]:
                    yield ImageInput(layout, (count, height or tall, width or wide), chosen=is_open)


def flat_image(size: int | None, outputs: Sequence[tuple[int, ...]]) -> ImageInput | None:
    """Return how rows of `size` values are images: of a known data set, or the outputs are such rows too."""
    if size is None:
        return None
    shape = FLAT_IMAGES.get(size)
    if shape is None and any(len(output) == 2 and output[1] == size for output in outputs):
        shape = next((s for c in (1, 3) if (s := (c, *(math.isqrt(size // c),) * 2)) and math.prod(s) == size), None)
    return ImageInput("flat", shape) if shape and shape[1] >= SMALLEST_FLAT else None


def output_picture(sizes: tuple[int, ...], image: ImageInput) -> str:
    """Return the layout in which an output of these sizes holds pictures, or maps; '' for none."""
    last = image.layout in ("NHWC", "HWC")
    if len(sizes) == 4:
        return "NHWC" if last or sizes[1:] == (*image.shape[1:], 3) else "NCHW"
    if len(sizes) == 3 and image.takes_one:
        return image.layout if sizes[2 if last else 0] in (1, 3) else ""
    if len(sizes) == 3 and image.layout == "NHW":
        return "NHW"
    is_row = len(sizes) == 2 and sizes[1] == math.prod(image.shape)
    return "flat" if is_row and min(image.shape[1:]) >= SMALLEST_FLAT else ""


class _Nodes:
    """Nodes in a row, each of which takes what the one before made."""

    def __init__(self, model: onnx.ModelProto, name: str) -> None:
        self.model, self.name, self.nodes = model, name, list[Any]()

    def add(self, operator: str, constant: np.ndarray | np.floating[Any] | None = None, **attributes: Any) -> None:
        import onnx

        inputs = [self.name]
        if constant is not None:
            inputs.append(f"{_OWN}constant:{len(self.model.graph.initializer)}")
            self.model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(constant), inputs[1]))
        self.name = f"{inputs[0]}:{operator}" if inputs[0].startswith(_OWN) else f"{_OWN}{inputs[0]}:{operator}"
        self.nodes.append(onnx.helper.make_node(operator, inputs, [self.name], name=self.name, **attributes))

    def reshape(self, *sizes: int) -> None:
        self.add("Reshape", np.array(sizes, np.int64))

    def ending_as(self, name: str) -> list[Any]:
        self.add("Identity")
        self.nodes[-1].output[0] = name
        return self.nodes


def with_plain_images(
    model: onnx.ModelProto, image: ImageInput, outputs: Mapping[str, tuple[int, ...]], pixels: str = UNIT
) -> bool:
    """Change a graph so that it takes and gives float32 (N, C, H, W) in [0, 1]; return whether it had to be changed.

    `outputs` holds the shapes of its outputs for one image.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    (port,) = [each for each in model.graph.input if each.name not in weights]
    pictures = {name: output_picture(shape, image) for name, shape in outputs.items()}
    if any(way not in ("", "flat") and outputs[name][1:] == image.shape for name, way in pictures.items()):
        pictures = {name: "" if way == "flat" and image.layout != "flat" else way for name, way in pictures.items()}
    before = _taking(model, port, image, pixels)
    behind = [
        _giving(model, each, image, outputs[each.name], pictures[each.name], pixels) for each in model.graph.output
    ]
    batch = port.type.tensor_type.shape.dim[0] if not image.takes_one else None
    changed = [*before, *(node for nodes in behind for node in nodes)]
    if image.chosen or before:
        _declare(port, batch, image.shape)
    if not changed:
        return image.chosen
    inner = [*model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend([*before, *inner, *(node for nodes in behind for node in nodes)])
    return True


def _taking(model: onnx.ModelProto, port: onnx.ValueInfoProto, image: ImageInput, pixels: str) -> list[Any]:
    """Return the nodes before the input, empty where none is needed; those behind it take what they make."""
    import onnx

    kind = port.type.tensor_type.elem_type
    row = _Nodes(model, port.name)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
    whole = dtype.kind in "iu"
    _scale(row, *PIXELS["0..255" if whole else pixels], image.shape[0])
    if whole:
        row.add("Add", np.float32(0.5))
        row.add("Floor")
        row.add("Max", np.float32(0))
        row.add("Min", np.float32(min(255, np.iinfo(dtype).max)))
    if image.layout in ("NHWC", "HWC"):
        row.add("Transpose", perm=[0, 2, 3, 1])
    if image.layout not in ("NCHW", "NHWC"):
        first = () if image.takes_one else (-1,)
        row.reshape(*first, *image.own_shape(1)[len(first) :])
    if kind != onnx.TensorProto.FLOAT:
        row.add("Cast", to=kind)
    if not row.nodes:
        return []
    for node in model.graph.node:
        node.input[:] = [f"{_OWN}image" if name == port.name else name for name in node.input]
    return row.ending_as(f"{_OWN}image")


def _giving(
    model: onnx.ModelProto, port: onnx.ValueInfoProto, image: ImageInput, sizes: tuple[int, ...], way: str, pixels: str
) -> list[Any]:
    """Return the nodes behind an output, empty where none is needed; they take its name."""
    import onnx

    name, inner = port.name, f"{_OWN}{port.name}"
    row = _Nodes(model, inner)
    kind = port.type.tensor_type.elem_type
    if kind != onnx.TensorProto.FLOAT:
        row.add("Cast", to=onnx.TensorProto.FLOAT)
    if (way == "flat" and image.layout == "NHWC") or way == "HWC":
        row.reshape(-1, *image.shape[1:], image.shape[0]) if way == "flat" else row.reshape(1, *sizes)
        row.add("Transpose", perm=[0, 3, 1, 2])
    elif way == "NHWC":
        row.add("Transpose", perm=[0, 3, 1, 2])
    elif way in ("flat", "CHW"):
        row.reshape(-1, *(image.shape if way == "flat" else sizes))
    elif way == "NHW":
        row.reshape(-1, 1, *sizes[1:])
    elif image.takes_one and sizes and sizes[0] != 1:
        row.reshape(1, *sizes)
    channels = {"NHW": 1, "flat": image.shape[0]}.get(way) or (
        sizes[3 if way == "NHWC" else 1] if len(sizes) == 4 else 0
    )
    if way in ("CHW", "HWC"):
        channels = sizes[0 if way == "CHW" else 2]
    if way and channels in (1, 3):
        if kind in (onnx.TensorProto.UINT8, onnx.TensorProto.INT32, onnx.TensorProto.INT64):
            _unscale(row, *PIXELS["0..255"], channels)
        else:
            _unscale(row, *PIXELS[_range_of(model, name, pixels)], channels)
    if not row.nodes:
        return []
    for node in model.graph.node:
        node.input[:] = [inner if each == name else each for each in node.input]
        node.output[:] = [inner if each == name else each for each in node.output]
    port.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    port.type.tensor_type.ClearField("shape")
    return row.ending_as(name)


def _range_of(model: onnx.ModelProto, output: str, pixels: str) -> str:
    """Return the pixels that an output gives: from 0 to 1 behind a sigmoid, else those that the graph takes."""
    makers = {name: node for node in model.graph.node for name in node.output}
    node = makers.get(output)
    while node is not None and node.op_type in _MOVING:
        node = makers.get(node.input[0])
    last = node.op_type if node is not None else ""
    return UNIT if last in _UNIT_OPERATORS else SIGNED if last == "Tanh" and pixels != UNIT else pixels


def _scale(row: _Nodes, factor: Sequence[float], shift: Sequence[float], channels: int) -> None:
    for operator, values, none in (("Mul", factor, 1), ("Add", shift, 0)):
        if any(value != none for value in values):
            row.add(operator, _per_channel(values, channels))


def _unscale(row: _Nodes, factor: Sequence[float], shift: Sequence[float], channels: int) -> None:
    for operator, values, none in (("Sub", shift, 0), ("Div", factor, 1)):
        if any(value != none for value in values):
            row.add(operator, _per_channel(values, channels))


def _per_channel(values: Sequence[float], channels: int) -> np.ndarray:
    """One value for each channel, shaped to go over images; a single channel gets the mean of three."""
    row = np.resize(np.array(values), 3)
    return np.array(row if channels == 3 else [row.mean()], np.float32).reshape(1, -1, 1, 1)


def _declare(port: onnx.ValueInfoProto, batch: Any, shape: tuple[int, int, int]) -> None:
    import onnx

    known = batch.dim_value if batch is not None and batch.dim_value > 0 else None
    first = 1 if batch is None else known or batch.dim_param or "batch"
    port.CopyFrom(onnx.helper.make_tensor_value_info(port.name, onnx.TensorProto.FLOAT, [first, *shape]))
