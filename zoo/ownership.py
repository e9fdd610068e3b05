"""Which files an export may write over: its own, and others only when the user says `--overwrite`.

A file is our own when a list of ours has its sha256 (card.json of a run or bundle, sums.json of the kit), or when it is
on no list and says itself that we wrote it: the producer of a graph, the card inside a model, the format of an index.

While several files are written, `.writing.json` beside them lists what was our own before and what will be: a kill in
the middle leaves card.json behind the files that it lists, and the next export would take them for changed ones.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from zoo import card, gate
from zoo.errors import AezooError, FileRefused

CARD = "card.json"
INDEX = "index.json"
JOURNAL = ".writing.json"
_GRAPH_BEGINS = b"\x08\x08\x12\x05aezoo"  # of each graph we write: IR version 8, producer aezoo

Sums = dict[str, set[str]]  # file name → the sha256 sums under which it is our own


def check_overwritable(
    folder: Path, files: Mapping[str, bytes], listed: Sums | None = None, *, overwrite: bool = False
) -> dict[str, str]:
    """Return the sha256 of the existing files among `files` (path below the folder → new bytes, b"" to remove it).

    Raises FileRefused for one that is neither our own nor empty, unless `overwrite`. `listed` are the sums of our own
    files, by default those of card.json and the journal.
    """
    known = listed_in(folder) if listed is None else listed
    existing_sums = {}
    for name, data in files.items():
        path = folder / name
        if path.is_symlink() or path.exists():
            found = gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
            if not (overwrite or found in (b"", data) or _is_own(path, name, found, known)):
                raise FileRefused(
                    f"{path} was not written by aezoo, or was changed since; it would be lost: move it away, or add "
                    "--overwrite"
                )
            existing_sums[name] = sha256_of(found)
    return existing_sums


def refuse_links(folder: Path, names: Mapping[str, object]) -> None:
    """Raise FileRefused where a link below the folder would lead what is written elsewhere."""
    for name in names:
        for path in ((folder / name), *(folder / name).parents):
            if folder in path.parents and path.is_symlink():
                raise FileRefused(f"{path} is a link, and what is written there would land elsewhere; move it away")


def listed_in(folder: Path) -> Sums:
    """Return the sums that card.json and the journal of a folder list; nothing where neither can be read."""
    sums = read_journal(folder)
    with suppress(AezooError):
        text = gate.read_bytes(folder / CARD, limit=card.MAX_TEXT).decode(errors="replace")
        for name, (sha256, _) in card.files_of(text).items():
            sums.setdefault(name, set()).add(sha256)
    return sums


def read_journal(folder: Path) -> Sums:
    """Return the sums that a journal lists; nothing where there is no journal."""
    try:
        files = json.loads(gate.read_bytes(folder / JOURNAL, limit=card.MAX_TEXT))["files"]
        return {str(name): set(map(str, several)) for name, several in files.items()}
    except (AezooError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def journal(listed: Sums, existing_sums: Mapping[str, str], files: Mapping[str, bytes]) -> bytes:
    """Return a journal: the sums that are listed, those of the files there, and those about to be written."""
    sums = {name: set(several) for name, several in listed.items()}
    for name, data in files.items():
        sums.setdefault(name, set()).update({sha256_of(data), existing_sums.get(name, sha256_of(data))})
    listing = {name: sorted(several) for name, several in sorted(sums.items())}
    return (json.dumps({"format": card.FORMAT, "files": listing}, indent=1) + "\n").encode()


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_own(path: Path, name: str, found: bytes, listed: Sums) -> bool:
    if name in listed:
        return sha256_of(found) in listed[name]
    if name.endswith(".onnx"):
        return found.startswith(_GRAPH_BEGINS)
    return name in (CARD, INDEX) and _has_our_format(path, found)


def _has_our_format(path: Path, found: bytes) -> bool:
    """Whether a JSON file has our format; a card must also say what the card inside the model beside it says."""
    try:
        value = json.loads(found)
        if value["format"] != card.FORMAT or path.name != CARD:
            return bool(value["format"] == card.FORMAT)
        inside = card.dump({key: each for key, each in value.items() if key != "files"}).encode()
        model = path.with_name("model.onnx")
        return not model.is_file() or inside in gate.read_bytes(model, limit=gate.MAX_ONNX_BYTES)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, FileRefused):
        return False
