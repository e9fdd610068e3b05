"""The bytes of one file, read once by the window's process and handed to the worker, which gets no path."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from zoo import gate


@dataclass(frozen=True, eq=False)
class FileBytes:
    """A file's content; `label` names it in messages, `sha256` tells it from every other."""

    path: Path
    label: str
    sha256: str
    data: bytes


def read(path: Path, *, limit: int, label: str) -> FileBytes:
    """Read a regular file of at most `limit` bytes, or raise FileRefused with the sentence for it."""
    data = gate.read_bytes(path, limit=limit)
    return FileBytes(path=path, label=label, sha256=hashlib.sha256(data).hexdigest(), data=data)
