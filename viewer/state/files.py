"""The bytes of one file, read once by the window's process and handed to the worker, which gets no path."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zoo import gate
from zoo.errors import FileRefused
from zoo.image_ports import UNCHOSEN, InputChoice


@dataclass(frozen=True, eq=False)
class FileBytes:
    """A file's content; `label` names it in messages, `sha256` is the hash of its content.

    weights     what lies in files beside a graph, by their names
    choice      how a graph is given images, where it leaves that open
    """

    path: Path
    label: str
    sha256: str
    data: bytes
    weights: Mapping[str, bytes] = field(default_factory=dict)
    choice: InputChoice = UNCHOSEN

    @property
    def key(self) -> str:
        """What a worker knows it by: files of one content may be given images in several ways."""
        return self.sha256 if self.choice == UNCHOSEN else f"{self.sha256} {self.choice}"


def read(path: Path, *, limit: int, label: str) -> FileBytes:
    """Read a regular file of at most `limit` bytes, or raise FileRefused with a sentence that calls it by its label."""
    try:
        data = gate.read_bytes(path, limit=limit)
        weights = gate.read_weights(path, data) if path.suffix.lower() == ".onnx" else {}
    except FileRefused as refusal:
        raise FileRefused(str(refusal).replace(str(path), label)) from refusal
    except OSError as error:
        raise FileRefused(f"{label}: the disk did not respond ({error.strerror or error})") from error
    digest = hashlib.sha256(data)
    for beside in weights.values():
        digest.update(beside)
    return FileBytes(path=path, label=label, sha256=digest.hexdigest(), data=data, weights=weights)
