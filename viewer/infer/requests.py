"""What the window wants from its worker and what comes back, as frozen values; on the pipe they are messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from viewer.infer.messages import WEIGHTS, Completed, OpenFile, RunGraph
from viewer.state import epochs, layers, summary
from viewer.state.files import FileBytes
from zoo.protocol import ProtocolError

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

    A requester has one request at a time: a newer one replaces one that has not been sent yet. A request of low
    priority waits while others are answered in quick succession.
    """

    requester: str
    kind: Kind
    file: FileBytes
    images: np.ndarray | None = None
    outputs: tuple[str, ...] = ()
    inner: bool = False
    low_priority: bool = False

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
    return OpenFile(number, file.label, file.key, kind, file.pixels, arrays=arrays)


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
            summary.from_header(completed.facts)
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
