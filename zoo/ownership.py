"""Which files an export may write over: its own, and none that somebody else put there or changed.

While several files are written, `.writing.json` beside them lists what was ours before and what will be, so that a kill
in the middle leaves nothing that the next export would take for a stranger's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from zoo import card, gate
from zoo.errors import AezooError, FileRefused

CARD = "card.json"
INDEX = "index.json"
JOURNAL = ".writing.json"
_GRAPH_BEGINS = b"\x08\x08\x12\x05aezoo"  # of each graph we write: IR version 8, producer aezoo

Sums = dict[str, set[str]]  # file name → the sha256 sums under which it is ours


def refuse_foreign(folder: Path, files: Mapping[str, bytes], listed: Sums | None = None) -> dict[str, str]:
    """Raise FileRefused where a file to be written, or removed, (path below the folder → new bytes) is somebody else's.

    Ours is what has the same bytes already, what `listed` (by default card.json and the journal beside it) knows by its
    sha256, a graph of ours that no card lists or that is damaged, and a card that agrees with the graph beside it. An
    empty file is nobody's. Returns the sha256 of those that are there.
    """
    known = listed_in(folder) if listed is None else listed
    there = {}
    for name, data in files.items():
        path = folder / name
        if path.is_symlink() or path.exists():
            found = gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
            if not (found in (b"", data) or _is_ours(path, name, found, known)):
                raise FileRefused(
                    f"{path} was not written by aezoo, or was changed since; it would be lost, so move it away first"
                )
            there[name] = sha256_of(found)
    return there


def refuse_links(folder: Path, names: Mapping[str, object]) -> None:
    """Raise FileRefused where a link below the folder would lead what is written elsewhere."""
    for name in names:
        path = folder
        for part in Path(name).parts:
            path = path / part
            if path.is_symlink():
                raise FileRefused(f"{path} is a link, and what is written there would land elsewhere; move it away")


def listed_in(folder: Path) -> Sums:
    """Return the sums that card.json and the journal of a folder know; nothing where neither can be read."""
    sums: Sums = {}
    try:
        text = gate.read_bytes(folder / CARD, limit=card.MAX_TEXT).decode(errors="replace")
        for name, (sha256, _) in card.files_of(text).items():
            sums.setdefault(name, set()).add(sha256)
    except AezooError:
        pass
    for name, several in read_journal(folder).items():
        sums.setdefault(name, set()).update(several)
    return sums


def read_journal(folder: Path) -> Sums:
    """Return what a journal lists; nothing where there is none, or none of ours."""
    try:
        told = json.loads(gate.read_bytes(folder / JOURNAL, limit=card.MAX_TEXT))
        return {str(name): set(map(str, several)) for name, several in told["files"].items()}
    except (AezooError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def journal(listed: Sums, there: Mapping[str, str], files: Mapping[str, bytes]) -> bytes:
    """Return a journal: the sums of what is listed, of what is ours there now, and of what is about to be written."""
    sums = {name: set(several) for name, several in listed.items()}
    for name, data in files.items():
        sums.setdefault(name, set()).update({sha256_of(data), *([there[name]] if name in there else [])})
    told = {"format": card.FORMAT, "files": {name: sorted(several) for name, several in sorted(sums.items())}}
    return (json.dumps(told, indent=1) + "\n").encode()


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_ours(path: Path, name: str, found: bytes, listed: Sums) -> bool:
    if sha256_of(found) in listed.get(name, ()):
        return True
    if name.endswith(".onnx"):
        return found.startswith(_GRAPH_BEGINS) and (name not in listed or _is_damaged(found))
    if name == CARD:
        return _is_our_card(path, found)
    return name == INDEX and _is_index(found)


def _is_damaged(data: bytes) -> bool:
    try:
        gate.check_onnx(data, source="it")
    except FileRefused:
        return True
    return False


def _is_our_card(path: Path, found: bytes) -> bool:
    """Whether a card is as we write it, and says what the card inside the model beside it does, where there is one."""
    try:
        text = found.decode()
        own = card.from_json(text)
        if own.to_file(card.files_of(text)) != found:
            return False
        graph = gate.check_onnx(gate.read_bytes(path.with_name("model.onnx"), limit=gate.MAX_ONNX_BYTES), source="it")
    except UnicodeDecodeError:
        return False
    except AezooError:
        return found.startswith(b'{"assignment":"')  # cut short, or the only one left
    return card.from_metadata(graph.metadata) in (own, None)


def _is_index(found: bytes) -> bool:
    try:
        value = json.loads(found)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("format") == card.FORMAT and "bundles" in value
