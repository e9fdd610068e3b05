"""What the window and its processes say to each other: frozen dataclasses, each sent as one frame of protocol.py.

A frame's header holds the name of the message's class and its fields, which are plain JSON; its arrays are the
message's `arrays`. Whoever receives a message says which classes it expects; anything else is a ProtocolError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np

from viewer.infer import protocol
from viewer.infer.protocol import Frame, ProtocolError

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Message:
    """What every message may carry besides its own fields: arrays by name."""

    arrays: Arrays = field(default_factory=dict, kw_only=True)


# ---- the window to its worker ----


@dataclass(frozen=True, eq=False)
class WorkerRequest(Message):
    """A request has a number, which its reply repeats, and concerns a file: its name for people, and its hash."""

    number: int
    label: str
    sha256: str


@dataclass(frozen=True, eq=False)
class OpenFile(WorkerRequest):
    """The bytes of a file, `arrays["file"]`, uint8, and what it is opened as: see Request."""

    kind: str


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
    """Why the request cannot be fulfilled, in a sentence; a process that gets one request only has no numbers."""

    sentence: str


# ---- the window to a process that reads images, and back ----


@dataclass(frozen=True, eq=False)
class ReadSplit(Message):
    """Read a data set's test images and some of its training images.

    data     where the data sets are, as --data names it
    images   where the run says that pictures of the user's own lie, '' for a data set of the zoo; and their shape
    """

    dataset: str
    cut: str
    data: str | None
    images: str = ""
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class SplitImages(Message):
    """The arrays pixels, labels, training and training_labels of a data set."""

    provenance: str
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ReadSamples(Message):
    """Read embedded images of a shape (C, H, W), with noise for a denoiser, as the task needs them."""

    shape: tuple[int, ...]
    dataset: str
    sigma: float
    task: str


@dataclass(frozen=True, eq=False)
class SampleImages(Message):
    """The arrays inputs and targets; none where no embedded images have the shape."""

    provenance: str


@dataclass(frozen=True, eq=False)
class DecodePicture(Message):
    """Decode the bytes of a picture's file, `arrays["file"]`, uint8."""


@dataclass(frozen=True, eq=False)
class DecodedPicture(Message):
    """The picture, `arrays["picture"]`, uint8 (H, W, 3)."""


# ---- as frames ----

AnyMessage = TypeVar("AnyMessage", bound=Message)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_FITS: Mapping[str, Callable[[Any], bool]] = {  # by a field's annotation, whether a value from JSON is of its type
    "int": lambda value: type(value) is int,
    "bool": lambda value: type(value) is bool,
    "float": lambda value: type(value) in (int, float),
    "str": _is_text,
    "str | None": lambda value: value is None or _is_text(value),
    "tuple[str, ...]": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "tuple[int, ...]": lambda value: isinstance(value, list) and all(type(each) is int for each in value),
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
