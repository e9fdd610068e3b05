"""The bytes of one file, read once by the window's process and handed to the worker, which gets no path."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from zoo import gate
from zoo.errors import FileRefused


@dataclass(frozen=True, eq=False)
class FileBytes:
    """A file's content; `label` names it in messages, `sha256` is the key of its content."""

    path: Path
    label: str
    sha256: str
    data: bytes


def read(path: Path, *, limit: int, label: str) -> FileBytes:
    """Read a regular file of at most `limit` bytes, or raise FileRefused with a sentence that calls it by its label."""
    try:
        data = gate.read_bytes(path, limit=limit)
    except FileRefused as refusal:
        raise FileRefused(str(refusal).replace(str(path), label)) from refusal
    except OSError as error:
        raise FileRefused(f"{label}: the disk did not respond ({error.strerror or error})") from error
    return FileBytes(path=path, label=label, sha256=hashlib.sha256(data).hexdigest(), data=data)
