"""Which files an export may write over: its own, and none that somebody else put there or changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from zoo import card, gate
from zoo.errors import AezooError, FileRefused

CARD = "card.json"
INDEX = "index.json"
_GRAPH_BEGINS = b"\x08\x08\x12\x05aezoo"  # of each graph we write: IR version 8, producer aezoo
_CARD_BEGINS = b'{"assignment":"'


def refuse_foreign(folder: Path, files: Mapping[str, bytes], listed: Mapping[str, str] | None = None) -> None:
    """Raise FileRefused where a file to be written, or removed, (path below the folder → new bytes) is somebody else's.

    Ours is what has the same bytes already, what `listed` (name → sha256; by default card.json beside it) knows, and a
    graph or card that we wrote, whole or cut short. An empty file is nobody's.
    """
    listed = _listed(folder / CARD) if listed is None else listed
    for name, data in files.items():
        path = folder / name
        if path.is_symlink() or path.exists():
            found = gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
            if not (found in (b"", data) or _is_ours(name, found, listed)):
                raise FileRefused(
                    f"{path} was not written by aezoo, or was changed since; it would be lost, so move it away first"
                )


def _is_ours(name: str, found: bytes, listed: Mapping[str, str]) -> bool:
    if listed.get(name) == hashlib.sha256(found).hexdigest():
        return True
    if name.endswith(".onnx"):
        return found.startswith(_GRAPH_BEGINS)
    if name == CARD:
        return found.startswith(_CARD_BEGINS)
    return name == INDEX and _is_index(found)


def _is_index(found: bytes) -> bool:
    try:
        value = json.loads(found)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("format") == card.FORMAT and "bundles" in value


def _listed(path: Path) -> dict[str, str]:
    """Return {file name: sha256} of the card.json there; nothing where there is none that can be read."""
    try:
        text = gate.read_bytes(path, limit=card.MAX_TEXT).decode(errors="replace")
        return {name: sha256 for name, (sha256, _) in card.files_of(text).items()}
    except AezooError:
        return {}
