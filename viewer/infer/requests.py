"""Questions of the window to its worker and the answers to them, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from viewer.infer.protocol import Message, ProtocolError, parts
from viewer.state import epochs, layers
from viewer.state.files import FileBytes

Kind = Literal["graph", "layers", "history", "epochs", "run"]
OPEN_SECONDS = 5.0
RUN_SECONDS = 2.0
EPOCHS_BYTES = 24 << 20  # of the pictures of all epochs together
INNER_BYTES = 16 << 20  # of one layer's maps for a batch


@dataclass(frozen=True, eq=False)
class Request:
    """What `asker` wants to know of a file, by its kind.

    graph      a graph's ports, figures and card
    layers     the feature maps inside a graph: header "layers", see viewer.state.layers
    history    a history.h5, of its epochs the newest pictures
    epochs     the pictures of all its epochs, evenly thinned where they are too many: see viewer.state.epochs
    run        what a graph makes of `images`, float32 (N, …) as its only input takes them: of the `outputs` named,
               float32 with a row an image; where `inner` is set, these may be layers too

    An asker has one question at a time; a newer one takes the place of one that was not sent yet. A patient one waits
    while others are answered in quick succession.
    """

    requester: str
    kind: Kind
    file: FileBytes
    images: np.ndarray | None = None
    outputs: tuple[str, ...] = ()
    inner: bool = False
    low_priority: bool = False

    @property
    def opening(self) -> Kind:
        """What a file's bytes are sent as before this can be answered, or with it."""
        if self.kind != "run":
            return self.kind
        return "layers" if self.inner else "graph"


@dataclass(frozen=True, eq=False)
class Reply:
    """An answer carries its question; `trouble` is the sentence of one that could not be answered."""

    request: Request
    header: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    milliseconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Ready:
    """What a worker says of itself when it is ready."""

    provider: str
    sandbox: str
    details: str


def opening(number: int, kind: Kind, file: FileBytes) -> list[memoryview]:
    """The message that hands a file's bytes over; what it is opened for is its kind."""
    header = {"number": number, "kind": kind, "label": file.label, "sha256": file.sha256}
    return parts(header, {"file": np.frombuffer(file.data, dtype=np.uint8)})


def running(number: int, request: Request) -> list[memoryview]:
    """The message that asks a graph, opened before, for some of its outputs."""
    assert request.images is not None and request.outputs, request
    header = {
        "number": number,
        "kind": "run",
        "label": request.file.label,
        "sha256": request.file.sha256,
        "outputs": list(request.outputs),
        "inner": request.inner,
    }
    return parts(header, {"images": request.images.astype(np.float32, copy=False)})


def check(request: Request, message: Message) -> None:
    """Raise ProtocolError unless the answer is of the kind, shapes and sizes that its question asks for.

    Facts and histories are read piece by piece in viewer.state, which leaves out what is of another kind than agreed.
    """
    try:
        if request.kind == "run":
            check_run(request, message)
        elif request.kind == "layers":
            layers.from_header(message.header)
        elif request.kind == "epochs":
            check_epochs(message)
    except ValueError as error:
        raise ProtocolError(str(error)) from error


def check_epochs(message: Message) -> None:
    """Raise ValueError unless these are pictures of epochs, in order and no more than agreed."""
    pictures = epochs.from_parts(message.header, message.arrays).pictures
    if pictures.nbytes > EPOCHS_BYTES:
        raise ProtocolError("it sends more pictures of epochs than agreed")


def check_run(request: Request, message: Message) -> None:
    """Raise ProtocolError unless the arrays are what was asked for: one float32 array a name, one row an image."""
    assert request.images is not None
    if set(message.arrays) != set(request.outputs):
        raise ProtocolError("it answers with other outputs than those asked for")
    for name, array in message.arrays.items():
        if array.dtype != np.float32 or array.ndim < 1 or len(array) != len(request.images):
            raise ProtocolError(f"its output {name[:60]!r} has another type or length than agreed")
        if request.inner and array.nbytes > INNER_BYTES:
            raise ProtocolError(f"its layer {name[:60]!r} is larger than agreed")


def ready_of(message: Message) -> Ready:
    """Read a worker's first message, or raise ProtocolError."""
    texts = [message.header.get(key) for key in ("provider", "sandbox", "details")]
    if message.header.get("kind") != "ready" or not all(isinstance(text, str) for text in texts):
        raise ProtocolError("it did not say that it is ready")
    return Ready(*(str(text)[:2000] for text in texts))
