"""Messages between window and worker, and those that are none."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viewer.infer import protocol, requests
from viewer.infer.protocol import Decoder, Message, ProtocolError
from viewer.infer.requests import Request
from viewer.state.files import FileBytes


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
    data = protocol.encode({"kind": "done", "text": "ä"}, arrays) * 2
    decoder = Decoder()
    messages = [message for byte in data for message in decoder.feed(bytes([byte]))]
    assert len(messages) == 2
    for message in messages:
        assert message.header == {"kind": "done", "text": "ä"}
        for name, array in arrays.items():
            np.testing.assert_array_equal(message.arrays[name], array)
            assert message.arrays[name].dtype == array.dtype


def test_other_number_types_are_sent_as_floating_point() -> None:
    (message,) = Decoder().feed(protocol.encode({}, {"a": np.array([1, 2], dtype=np.int64)}))
    assert message.arrays["a"].tolist() == [1.0, 2.0] and message.arrays["a"].dtype == np.float64


@pytest.mark.parametrize(
    "data",
    [
        raw({"arrays": []}, magic=b"evil"),
        raw({"arrays": []}, announced=protocol.MAX_ANSWER + 1),
        struct.pack("<4sIQ", protocol.MAGIC, protocol.MAX_HEADER + 1, 0),
        raw(b"{"),
        raw(b"[" * 100_000),
        raw([]),
        raw({}),
        raw(b'{"arrays": [], "x": NaN}'),
        raw({"arrays": [{}] * (protocol.MAX_ARRAYS + 1)}),
        raw(described("|O"), b"\0" * 8),
        raw(described("<U4"), b"\0" * 16),
        raw(described(">f4"), b"\0" * 4),
        raw(described(shape=[-1]), b"\0" * 4),
        raw(described(shape=[1.0]), b"\0" * 4),
        raw(described(shape=[True]), b"\0" * 4),
        raw(described(shape=[1] * 9), b"\0" * 4),
        raw(described(shape=[1 << 29, 1 << 29, 1 << 29]), b"\0" * 4),
        raw(described(shape=[2]), b"\0" * 4),
        raw(described(shape=[1]), b"\0" * 8),
        raw({"arrays": [described()["arrays"][0]] * 2}, b"\0" * 8),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Decoder().feed(data)


def test_an_answer_too_large_is_refused_before_it_has_come() -> None:
    with pytest.raises(ProtocolError, match="more than 100 are not taken"):
        Decoder(limit=100).feed(protocol.encode({}, {"a": np.zeros(1000, np.float32)})[:16])


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"other": np.zeros((2, 1), np.float32)},
        {"wanted": np.zeros((2, 1), np.float64)},
        {"wanted": np.zeros((2, 1), np.uint8)},
        {"wanted": np.zeros((3, 1), np.float32)},
        {"wanted": np.zeros((2, 1), np.float32), "more": np.zeros((2, 1), np.float32)},
    ],
)
def test_an_answer_to_something_else_is_refused(arrays: dict[str, np.ndarray]) -> None:
    file = FileBytes(Path("x"), "x", "0", b"")
    request = Request("panel", "run", file, np.zeros((2, 1, 4, 4), np.float32), ("wanted",))
    with pytest.raises(ProtocolError):
        requests.check_run(request, Message({}, arrays))


def test_a_worker_that_does_not_greet_is_refused() -> None:
    with pytest.raises(ProtocolError):
        requests.ready_of(Message({"kind": "ready", "provider": 7}, {}))


def test_a_header_that_nobody_would_take_is_not_sent() -> None:
    with pytest.raises(ValueError, match="a header of"):
        protocol.encode({"text": "x" * protocol.MAX_HEADER})
    with pytest.raises(ValueError, match="601 arrays"):
        protocol.encode({}, {str(index): np.zeros(1, np.float32) for index in range(protocol.MAX_ARRAYS + 1)})


def test_a_message_in_parts_copies_no_array_and_is_the_same_message() -> None:
    arrays: dict[str, np.ndarray] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "none": np.zeros((0, 4), np.uint8),
    }
    head, first, none = protocol.parts({"kind": "done"}, arrays)
    assert np.shares_memory(np.frombuffer(first, np.float32), arrays["a"]) and none.nbytes == 0
    assert b"".join((head, first, none)) == protocol.encode({"kind": "done"}, arrays)
