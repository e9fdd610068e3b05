"""Frames and messages between the window and its processes, and bytes that are neither."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viewer.infer import messages
from viewer.infer.messages import (
    Completed,
    ImageTask,
    Message,
    NotOpen,
    OpenFile,
    Ready,
    Refused,
    Request,
    RunGraph,
)
from viewer.state.files import FileBytes
from zoo import protocol
from zoo.protocol import Decoder, Frame, ProtocolError


def encoded(header: dict[str, Any], arrays: dict[str, np.ndarray] | None = None) -> bytes:
    """A frame as bytes."""
    return b"".join(protocol.parts(header, arrays or {}))


def raw(header: object, body: bytes = b"", *, magic: bytes = protocol.MAGIC, announced: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<4sIQ", magic, len(text), len(body) if announced is None else announced) + text + body


def described(dtype: str = "<f4", shape: object = (1,)) -> dict[str, Any]:
    return {"arrays": [{"name": "x", "dtype": dtype, "shape": shape}]}


def test_what_is_sent_arrives_in_whatever_pieces() -> None:
    arrays: dict[str, np.ndarray] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array([1, 2], dtype=np.uint8),
    }
    data = encoded({"kind": "done", "text": "ä"}, arrays) * 2
    decoder = Decoder()
    frames = [frame for byte in data for frame in decoder.feed(bytes([byte]))]
    assert len(frames) == 2
    for frame in frames:
        assert frame.header == {"kind": "done", "text": "ä"}
        for name, array in arrays.items():
            np.testing.assert_array_equal(frame.arrays[name], array)
            assert frame.arrays[name].dtype == array.dtype


def test_other_number_types_are_sent_as_floating_point() -> None:
    (frame,) = Decoder().feed(encoded({}, {"a": np.array([1, 2], dtype=np.int64)}))
    assert frame.arrays["a"].tolist() == [1.0, 2.0] and frame.arrays["a"].dtype == np.float64
    others = {"exact": np.array([16_777_217], np.int32), "big": np.array([1.5], ">f4"), "half": np.array([0.5], "<f2")}
    (frame,) = Decoder().feed(encoded({}, others))
    assert {name: (array.dtype.str, array.tolist()) for name, array in frame.arrays.items()} == {
        "exact": ("<f8", [16_777_217.0]),
        "big": ("<f4", [1.5]),
        "half": ("<f4", [0.5]),
    }


@pytest.mark.parametrize(
    "data",
    [
        raw({"arrays": []}, magic=b"evil"),
        raw({"arrays": []}, announced=protocol.MAX_REPLY + 1),
        struct.pack("<4sIQ", protocol.MAGIC, protocol.MAX_HEADER + 1, 0),
        raw(b"{"),
        raw(b"[" * 100_000),
        raw([]),
        raw({}),
        raw(b'{"arrays": [], "x": NaN}'),
        raw({"arrays": [{}] * (protocol.MAX_ARRAYS + 1)}),
        raw({"arrays": [7]}),
        raw(described("|O"), b"\0" * 8),
        raw(described("<U4"), b"\0" * 16),
        raw(described(">f4"), b"\0" * 4),
        raw(described(shape=[-1]), b"\0" * 4),
        raw(described(shape=[1.0]), b"\0" * 4),
        raw(described(shape=[True]), b"\0" * 4),
        raw(described(shape=[1] * 9), b"\0" * 4),
        raw(described(shape=[1 << 29, 1 << 29, 1 << 29]), b"\0" * 4),
        raw(described(shape=[0, 1 << 30, 1 << 30])),
        raw(described("<f8", shape=[0, 1 << 30, 1 << 30])),
        raw(described(shape=[1 << 40, 0])),
        raw(described(shape=[2]), b"\0" * 4),
        raw(described(shape=[1]), b"\0" * 8),
        raw({"arrays": [described()["arrays"][0]] * 2}, b"\0" * 8),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Decoder().feed(data)


def test_a_reply_too_large_is_refused_before_it_has_come() -> None:
    with pytest.raises(ProtocolError, match="at most 100 are accepted"):
        Decoder(limit=100).feed(encoded({}, {"a": np.zeros(1000, np.float32)})[:16])


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"other": np.zeros((2, 1), np.float32)},
        {"wanted": np.zeros((2, 1), np.float64)},
        {"wanted": np.zeros((2, 1), np.uint8)},
        {"wanted": np.zeros((3, 1), np.float32)},
        {"wanted": np.zeros((), np.float32)},
        {"wanted": np.zeros((2, 1), np.float32), "more": np.zeros((2, 1), np.float32)},
    ],
)
def test_a_reply_with_other_arrays_is_refused(arrays: dict[str, np.ndarray]) -> None:
    file = FileBytes(Path("x"), "x", "0", b"")
    request = Request("panel", "run", file, np.zeros((2, 1, 4, 4), np.float32), ("wanted",))
    with pytest.raises(ProtocolError):
        messages.check_run(request, Completed(1, {}, arrays=arrays))


MESSAGES = [
    OpenFile(1, "h", "ab", "history", arrays={"file": np.arange(3, dtype=np.uint8)}),
    RunGraph(2, "g", "cd", ("y", "z"), True, arrays={"images": np.ones((2, 3), np.float32)}),
    Ready("CPU", "no files", "Landlock"),
    Completed(3, {"layers": [{"tensor": "a", "shape": None}], "left_out": 0}),
    NotOpen(4),
    Refused(5, "it is broken"),
    ImageTask("split", {"dataset": "mnist", "cut": "published", "data": None}),
    ImageTask("picture", arrays={"file": np.zeros(3, np.uint8)}),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message: Message) -> None:
    (frame,) = Decoder().feed(messages.encode(message))
    came = messages.decode(frame, Ready, type(message))
    assert type(came) is type(message)
    plain, again = ({**vars(each), "arrays": {}} for each in (message, came))
    assert plain == again and came.arrays.keys() == message.arrays.keys()
    for name, array in message.arrays.items():
        np.testing.assert_array_equal(came.arrays[name], array)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"message": 7, "number": 1, "sentence": "x"},
        {"message": "NotOpen", "number": 1},
        {"message": "Message"},
        {"message": "Refused", "number": 1},
        {"message": "Refused", "number": 1, "sentence": "x", "more": 1},
        {"message": "Refused", "number": "1", "sentence": "x"},
        {"message": "Refused", "number": True, "sentence": "x"},
        {"message": "Refused", "number": 1.0, "sentence": "x"},
        {"message": "Refused", "number": 1, "sentence": None},
        {"message": "Completed", "number": 1, "facts": []},
        {"message": "Completed", "number": None, "facts": {}},
        {"message": "Completed", "number": 1, "facts": {}, "arrays": []},
    ],
)
def test_a_frame_that_holds_no_expected_message_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        messages.decode(Frame(header, {}), Completed, Refused)


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        (Ready, {"message": "Ready", "provider": 7, "sandbox": "", "details": ""}),
        (RunGraph, {"message": "RunGraph", "number": 1, "label": "", "sha256": "", "outputs": "y", "inner": False}),
        (RunGraph, {"message": "RunGraph", "number": 1, "label": "", "sha256": "", "outputs": [1], "inner": False}),
        (RunGraph, {"message": "RunGraph", "number": 1, "label": "", "sha256": "", "outputs": ["y"], "inner": 1}),
        (ImageTask, {"message": "ImageTask", "task": 1, "facts": {}}),
        (ImageTask, {"message": "ImageTask", "task": "split", "facts": []}),
        (ImageTask, {"message": "ImageTask", "task": "split", "facts": {}, "more": 1}),
    ],
)
def test_a_field_of_another_type_is_refused(kind: type[Message], header: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="other fields than agreed"):
        messages.decode(Frame(header, {}), kind)


def test_a_header_that_is_too_large_is_not_sent() -> None:
    with pytest.raises(ValueError, match="a header of"):
        encoded({"text": "x" * protocol.MAX_HEADER})
    with pytest.raises(ValueError, match="601 arrays"):
        encoded({}, {str(index): np.zeros(1, np.float32) for index in range(protocol.MAX_ARRAYS + 1)})


def test_a_frame_in_parts_copies_no_array_and_is_the_same_frame() -> None:
    arrays: dict[str, np.ndarray] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "none": np.zeros((0, 4), np.uint8),
    }
    head, first, none = protocol.parts({"kind": "done"}, arrays)
    assert np.shares_memory(np.frombuffer(first, np.float32), arrays["a"]) and none.nbytes == 0
    assert b"".join((head, first, none)) == encoded({"kind": "done"}, arrays)


def test_a_request_may_hold_a_larger_file_than_a_reply() -> None:
    prefix = struct.pack("<4sIQ", protocol.MAGIC, 0, protocol.MAX_REPLY + 1)
    assert protocol.read(io.BytesIO(prefix)) is None, "it waits for the rest, which never comes"
    with pytest.raises(ProtocolError, match="at most"):
        protocol.read(io.BytesIO(struct.pack("<4sIQ", protocol.MAGIC, 0, protocol.MAX_REQUEST + 1)))


def test_what_is_exactly_as_large_as_may_be_is_sent_and_accepted() -> None:
    room = protocol.MAX_HEADER - len(json.dumps({"text": "", "arrays": []}))
    (frame,) = Decoder().feed(encoded({"text": "x" * room}))
    assert len(frame.header["text"]) == room
    with pytest.raises(ValueError, match="a header of"):
        encoded({"text": "x" * (room + 1)})
    many = {str(index): np.zeros(1, np.uint8) for index in range(protocol.MAX_ARRAYS)}
    (frame,) = Decoder(limit=protocol.MAX_ARRAYS).feed(encoded({}, many))
    assert len(frame.arrays) == protocol.MAX_ARRAYS
    (frame,) = Decoder().feed(raw(described(shape=[1] * protocol.MAX_RANK), b"\0" * 4))
    assert frame.arrays["x"].ndim == protocol.MAX_RANK
    (frame,) = Decoder().feed(raw(described(shape=[0, 1 << 30])))
    assert frame.arrays["x"].shape == (0, 1 << 30)


def test_a_number_that_json_does_not_know_is_not_sent() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            encoded({"value": value})


class Trickle(io.RawIOBase):
    """A pipe that delivers a byte at a time."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def readinto(self, buffer: Any) -> int:
        piece, self.left = self.left[:1], self.left[1:]
        buffer[: len(piece)] = piece
        return len(piece)


def test_a_frame_is_read_from_a_pipe_byte_by_byte_and_one_that_is_cut_short_is_the_end() -> None:
    data = encoded({"a": 1}, {"x": np.arange(3, dtype=np.uint8)})
    frame = protocol.read(Trickle(data))  # type: ignore[arg-type]
    assert frame is not None and frame.header == {"a": 1} and frame.arrays["x"].tolist() == [0, 1, 2]
    for whole in (data, encoded({"a": 1})):
        assert [protocol.read(io.BytesIO(whole[:end])) for end in range(len(whole))] == [None] * len(whole)
