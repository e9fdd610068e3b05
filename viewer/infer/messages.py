"""What the window and its processes say to each other: frozen dataclasses, each sent as one frame of protocol.py.

A frame's header holds the name of the message's class and its fields, which are plain JSON; its arrays are the
message's `arrays`. Whoever receives a message says which classes it expects; anything else is a ProtocolError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar

import numpy as np

from viewer.state import epochs, layers, summary
from viewer.state.files import FileBytes
from zoo import protocol
from zoo.image_ports import UNIT
from zoo.protocol import Frame, ProtocolError

Arrays = Mapping[str, np.ndarray]
WEIGHTS = "weights/"  # before the names of files beside a graph


@dataclass(frozen=True, eq=False)
class Message:
    """What every message may carry besides its own fields: arrays by name."""

    arrays: Arrays = field(default_factory=dict, kw_only=True)


# ---- the window to its worker ----


@dataclass(frozen=True, eq=False)
class WorkerRequest(Message):
    """A request has a number, which its reply repeats, and concerns a file: its name for people, and its key."""

    number: int
    label: str
    sha256: str


@dataclass(frozen=True, eq=False)
class OpenFile(WorkerRequest):
    """The bytes of a file, `arrays["file"]`, uint8, what it is opened as (see Request), and how it is given images.

    Weights in files beside it are arrays by "weights/" and their names.
    """

    kind: str
    pixels: str = UNIT
    side: int = 0  # of an image, where the graph takes any


@dataclass(frozen=True, eq=False)
class RunGraph(WorkerRequest):
    """Run a graph opened before on `arrays["images"]`; if `inner` is set, `outputs` may name layers inside it too."""

    outputs: tuple[str, ...]
    inner: bool


# ---- the worker to the window ----


@dataclass(frozen=True, eq=False)
class Ready(Message):
    """The first message of a worker: where it computes, and what its sandbox takes away, in short and in full."""

    provider: str
    sandbox: str
    details: str


@dataclass(frozen=True, eq=False)
class WorkerReply(Message):
    """A reply to the request of this number."""

    number: int


@dataclass(frozen=True, eq=False)
class Completed(WorkerReply):
    """What was found in a file, `facts`, which viewer.state reads; or what a graph made of the images, `arrays`."""

    facts: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class NotOpen(WorkerReply):
    """The worker does not hold the graph any more: it has to be opened again."""


@dataclass(frozen=True, eq=False)
class Refused(WorkerReply):
    """Why the request cannot be fulfilled, in a sentence; a process that gets one request only has no numbers.

    facts   what a graph that is refused says of itself
    """

    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)


# ---- the window to a process that reads images ----


@dataclass(frozen=True, eq=False)
class ImageTask(Message):
    """A task of viewer.infer.images by its name, with what it needs to know; Completed or Refused replies, number 0."""

    task: str
    facts: Mapping[str, Any] = field(default_factory=dict)


# ---- as frames ----

AnyMessage = TypeVar("AnyMessage", bound=Message)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_FITS: Mapping[str, Callable[[Any], bool]] = {  # by a field's annotation, whether a value from JSON is of its type
    "int": lambda value: type(value) is int,
    "bool": lambda value: type(value) is bool,
    "str": _is_text,
    "tuple[str, ...]": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "Mapping[str, Any]": lambda value: isinstance(value, dict),
}


def parts(message: Message) -> list[memoryview]:
    """Return a message as the pieces of its frame; raise ValueError for one that is too large or is no JSON."""
    values = {name: getattr(message, name) for name in _types(type(message))}
    return protocol.parts({"message": type(message).__name__, **values}, message.arrays)


def encode(message: Message) -> bytes:
    """Return a message as the bytes of its frame."""
    return b"".join(parts(message))


def decode(frame: Frame, *expected: type[AnyMessage]) -> AnyMessage:
    """Return the message in a frame; raise ProtocolError unless it is one of those expected, with fields that fit."""
    values = dict(frame.header)
    name = values.pop("message", None)
    kind = next((each for each in expected if each.__name__ == name), None)
    if kind is None:
        raise ProtocolError(f"expected {' or '.join(each.__name__ for each in expected)}")
    types = _types(kind)
    if values.keys() != types.keys() or not all(_FITS[types[key]](value) for key, value in values.items()):
        raise ProtocolError(f"its {name} has other fields than agreed")
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return kind(**plain, arrays=frame.arrays)


def _types(kind: type[Message]) -> dict[str, str]:
    return {each.name: str(each.type) for each in fields(kind) if each.name != "arrays"}


Kind = Literal["graph", "decoder", "layers", "summary", "history", "epochs", "run"]
OPEN_SECONDS = 5.0
RUN_SECONDS = 2.0
MOST_RUN_SECONDS = 30.0  # for a graph that says, when it is opened, how much it computes
EPOCHS_BYTES = 24 << 20  # of the pictures of all epochs together
INNER_BYTES = 16 << 20  # of one layer's maps for a batch


@dataclass(frozen=True, eq=False)
class Request:
    """What a requester wants to know about a file, by kind.

    graph      the inputs, outputs, size and card of a graph
    decoder    the decoder that is cut out of a model graph: the same of it, and its bytes
    layers     the feature maps inside a graph: see viewer.state.layers
    summary    the layers of a graph with their sizes: see viewer.state.summary
    history    a history.h5, with the pictures of its newest epoch only
    epochs     the pictures of all its epochs, evenly thinned if they are too many: see viewer.state.epochs
    run        the `outputs` of a graph for `images`, float32 (N, …), one row per image; `inner` allows layers as well

    A requester has one request at a time: a newer one replaces one that has not been sent yet, whose `callback` is
    never called. A request of low priority waits while others are answered in quick succession.
    """

    requester: str
    kind: Kind
    file: FileBytes
    images: np.ndarray | None = None
    outputs: tuple[str, ...] = ()
    inner: bool = False
    low_priority: bool = False
    callback: Callable[[Reply], object] = lambda _: None

    @property
    def open_kind(self) -> Kind:
        """What the file must be opened as to fulfil this request."""
        if self.kind != "run":
            return self.kind
        return "layers" if self.inner else "graph"


@dataclass(frozen=True, eq=False)
class Reply:
    """A reply carries its request; `error` is the sentence of one that could not be fulfilled."""

    request: Request
    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    milliseconds: float = 0.0
    error: str = ""


def open_message(number: int, kind: Kind, file: FileBytes) -> OpenFile:
    """Return the message that hands a file's bytes over."""
    weights = {f"{WEIGHTS}{name}": data for name, data in file.weights.items()}
    arrays = {name: np.frombuffer(data, dtype=np.uint8) for name, data in {"file": file.data, **weights}.items()}
    side = file.choice.size[0] if file.choice.size else 0
    return OpenFile(number, file.label, file.key, kind, file.choice.pixels, side, arrays=arrays)


def run_message(number: int, request: Request) -> RunGraph:
    """Return the message that asks a graph, opened before, for some of its outputs."""
    assert request.images is not None and request.outputs, request
    arrays = {"images": request.images.astype(np.float32, copy=False)}
    return RunGraph(number, request.file.label, request.file.key, request.outputs, request.inner, arrays=arrays)


def check(request: Request, completed: Completed) -> None:
    """Raise ProtocolError unless what came is of the kind, shapes and sizes that were requested.

    Facts and histories are read piece by piece in viewer.state, which leaves out what has the wrong type.
    """
    try:
        if request.kind == "run":
            check_run(request, completed)
        elif request.kind == "layers":
            layers.from_header(completed.facts)
        elif request.kind == "summary":
            summary.nodes_of(completed.facts)
        elif request.kind == "epochs":
            check_epochs(completed)
        elif request.kind == "decoder" and "file" not in completed.arrays:
            raise ProtocolError("it sends no decoder")
    except ValueError as error:
        raise ProtocolError(str(error)) from error


def check_epochs(completed: Completed) -> None:
    """Raise ValueError unless these are pictures of epochs, in order and no more than agreed."""
    pictures = epochs.from_parts(completed.facts, completed.arrays).pictures
    if pictures.nbytes > EPOCHS_BYTES:
        raise ProtocolError("it sends more pictures of epochs than agreed")


def check_run(request: Request, completed: Completed) -> None:
    """Raise ProtocolError unless there is one float32 array for each output, with one row per image."""
    assert request.images is not None
    if set(completed.arrays) != set(request.outputs):
        raise ProtocolError("it sends other outputs than those requested")
    for name, array in completed.arrays.items():
        if array.dtype != np.float32 or array.ndim < 1 or len(array) != len(request.images):
            raise ProtocolError(f"its output {name[:60]!r} has another type or length than agreed")
        if request.inner and array.nbytes > INNER_BYTES:
            raise ProtocolError(f"its layer {name[:60]!r} is larger than agreed")
