"""Frames between processes: a length-prefixed JSON header, then raw little-endian arrays; never pickle.

The reader trusts nothing: lengths, types and shapes are checked against limits before memory is allocated.

    4 bytes   b"aez1"
    4 bytes   length of the header, uint32
    8 bytes   length of the arrays together, uint64
    header    JSON object; "arrays" lists {name, dtype, shape} in the order of their bytes
    arrays
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

import numpy as np

MAGIC = b"aez1"
DTYPES: dict[str, np.dtype[Any]] = {"<f4": np.dtype("<f4"), "<f8": np.dtype("<f8"), "|u1": np.dtype("|u1")}
MAX_HEADER = 4 << 20
MAX_REPLY = 64 << 20
MAX_REQUEST = (256 << 20) + (16 << 20)
MAX_ARRAYS = 600
MAX_RANK = 8
MAX_VALUES = 1 << 30
_PREFIX = struct.Struct("<4sIQ")


class ProtocolError(ValueError):
    """Bytes that are no frame or no message: the other process is broken or has been taken over."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A header, which is a JSON object, and arrays by name."""

    header: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]


def parts(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[memoryview]:
    """Return a frame as consecutive pieces; the arrays are not copied, since files may be large.

    Raises ValueError for a header that is too large.
    """
    prepared = {name: _little_endian(array) for name, array in arrays.items()}
    listing = [{"name": name, "dtype": array.dtype.str, "shape": list(array.shape)} for name, array in prepared.items()]
    text = json.dumps({**header, "arrays": listing}, allow_nan=False).encode()
    if len(text) > MAX_HEADER or len(prepared) > MAX_ARRAYS:
        raise ValueError(f"a header of {len(text):,} bytes for {len(prepared)} arrays")
    body = sum(array.nbytes for array in prepared.values())
    prefix = _PREFIX.pack(MAGIC, len(text), body)
    return [memoryview(prefix + text), *(array.reshape(-1).view(np.uint8).data for array in prepared.values())]


def _little_endian(array: np.ndarray) -> np.ndarray:
    plain = np.asarray(array, order="C")
    if plain.dtype.newbyteorder("<").str not in DTYPES:
        plain = plain.astype("<f8" if plain.dtype.kind in "iu" or plain.dtype.itemsize > 4 else "<f4")
    return plain.astype(plain.dtype.newbyteorder("<"), copy=False)


def _split_prefix(prefix: bytes, limit: int) -> tuple[int, int]:
    magic, header, body = _PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise ProtocolError("it does not begin like a frame")
    if header > MAX_HEADER or body > limit:
        raise ProtocolError(f"it announces {header + body:,} bytes; at most {limit:,} are accepted")
    return header, body


def decode(header: bytes, body: bytes | bytearray | memoryview) -> Frame:
    """Return the frame of a header and the bytes behind it, or raise ProtocolError."""
    try:
        value = json.loads(header, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("its header is not JSON") from error
    listing = value.pop("arrays", None) if isinstance(value, dict) else None
    if not isinstance(listing, list) or len(listing) > MAX_ARRAYS:
        raise ProtocolError("its header does not list its arrays")
    arrays: dict[str, np.ndarray] = {}
    offset = 0
    for entry in listing:
        name, dtype, shape = _parse_description(entry)
        end = offset + math.prod(shape) * dtype.itemsize
        if name in arrays or end > len(body):
            raise ProtocolError("its arrays are longer than its bytes")
        arrays[name] = np.frombuffer(body, dtype, count=math.prod(shape), offset=offset).reshape(shape)
        offset = end
    if offset != len(body):
        raise ProtocolError("its bytes are longer than its arrays")
    return Frame(header=value, arrays=arrays)


def _refuse_constant(name: str) -> NoReturn:
    raise ProtocolError(f"its header holds {name}")


def _parse_description(entry: object) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    if not isinstance(entry, dict):
        raise ProtocolError("one of its arrays has no description")
    name, dtype, shape = entry.get("name"), entry.get("dtype"), entry.get("shape")
    known = DTYPES.get(dtype) if isinstance(dtype, str) else None
    if not isinstance(name, str) or known is None:
        raise ProtocolError("one of its arrays has a type that was not agreed on")
    if not isinstance(shape, list) or len(shape) > MAX_RANK or not _is_shape(shape):
        raise ProtocolError("one of its arrays has no valid shape")
    return name, known, tuple(shape)


def _is_shape(shape: list[object]) -> bool:
    """Whether NumPy can make an array of this shape: it refuses large sizes of an empty array too."""
    sizes = [size for size in shape if type(size) is int and size >= 0]
    return len(sizes) == len(shape) and math.prod(size or 1 for size in sizes) <= MAX_VALUES


class Decoder:
    """Assembles frames from the pieces that a pipe delivers; holds at most one frame of `limit` bytes."""

    def __init__(self, limit: int = MAX_REPLY) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next piece and return the frames that are complete now; raise ProtocolError."""
        self._buffer += data
        frames = []
        while len(self._buffer) >= _PREFIX.size:
            header, body = _split_prefix(bytes(self._buffer[: _PREFIX.size]), self._limit)
            start, end = _PREFIX.size + header, _PREFIX.size + header + body
            if len(self._buffer) < end:
                break
            with memoryview(self._buffer) as view:  # a slice of the buffer itself would be copied twice
                frames.append(decode(bytes(view[_PREFIX.size : start]), bytes(view[start:end])))
            del self._buffer[:end]
        return frames


def read(stream: BinaryIO, *, limit: int = MAX_REQUEST) -> Frame | None:
    """Wait for the next frame on a stream; None at its end."""
    prefix = _read_exactly(stream, _PREFIX.size)
    if prefix is None:
        return None
    header, body = _split_prefix(bytes(prefix), limit)
    text, rest = _read_exactly(stream, header), _read_exactly(stream, body)
    return None if text is None or rest is None else decode(bytes(text), rest)


def _read_exactly(stream: BinaryIO, count: int) -> bytearray | None:
    buffer = bytearray(count)
    view, filled = memoryview(buffer), 0
    while filled < count:
        got = stream.readinto(view[filled:])  # type: ignore[attr-defined]
        if not got:
            return None
        filled += got
    return buffer
