"""A bundle: a recipe's graphs, card, README and test vectors in a folder that proves itself; the index of several.

    DIR/index.json                      {format, bundles: [{name, path, task, …}]}
    DIR/<assignment>/<recipe>/          model.onnx  encoder.onnx  decoder.onnx  (model_fp16.onnx)
                                        card.json   the card, and sha256 and size of every other file
                                        README.md   the card for people
                                        test/       vectors.json, and <port>.f32: images and what torch computes

No dates, no paths: the same run gives the same bytes. Nothing is written over that is not ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from export.describe import TASKS, as_markdown
from export.publish import Published, listing
from export.runtimes.catalogue import web_folder
from export.vectors import IMAGES
from zoo import gate
from zoo.card import FORMAT, MAX_TEXT, from_json
from zoo.data.fetch import cache_folder
from zoo.errors import AezooError, FileRefused, RunError
from zoo.ours import CARD, INDEX
from zoo.runs import atomic_write, write_all

_MAX_INDEX = 16 << 20


KIT = Path(__file__).with_name("kit")
_ORT = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
_SUMS = "sums.json"
_BUILT = ("node_modules", "build", "bin", "obj", "ort")  # what its programs leave in their folders when they are built


@dataclass(frozen=True)
class Bundle:
    """A bundle that was written: where, and the bytes of each of its files."""

    path: Path
    sizes: dict[str, int]

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())

    def as_json(self) -> dict[str, Any]:
        return {"path": str(self.path), "files": self.sizes, "bytes": self.bytes}


def write_bundle(published: Published, folder: Path) -> Bundle:
    """Write the bundle of an exported run below a folder, and enter it in the folder's index.

    Raises FileRefused where a file that is not ours would be lost, and WriteError; the index is then as it was.
    """
    name = published.recipe.name
    _read_index(folder)  # says what is wrong with it before anything is written
    graphs = {file: data for file, data in published.files.items() if file != CARD}
    files = {**graphs, **published.vectors.as_files()}
    files["README.md"] = as_markdown(published.card, list(graphs), IMAGES).encode()
    files[CARD] = published.card.to_file(listing(files))
    write_all(folder / name, files)
    with _only_one_at(folder):
        entries = [entry for entry in _read_index(folder) if entry.get("name") != name]
        entries.append(_entry(published, files))
        entries.sort(key=lambda entry: str(entry["name"]))
        told = json.dumps({"format": FORMAT, "bundles": entries}, ensure_ascii=False, indent=1, sort_keys=True)
        write_all(folder, {INDEX: (told + "\n").encode()})
    return Bundle(folder / name, {file: len(data) for file, data in files.items()})


@contextmanager
def _only_one_at(folder: Path) -> Iterator[None]:
    """Wait until no other export enters a bundle in this folder's index; the lock lies in the cache, not among them."""
    place = cache_folder() / "locks"
    try:
        place.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
        with filelock.FileLock(place / name, timeout=60):
            yield
    except filelock.Timeout as error:
        raise RunError(f"another export has been writing {folder / INDEX} for a minute; wait for it") from error


def _entry(published: Published, files: dict[str, bytes]) -> dict[str, Any]:
    """Return what the index tells of a bundle: enough to choose one and to know it unchanged."""
    card = published.card
    sha256, size = listing(files)[CARD]
    return {
        "name": card.name,
        "path": card.name,
        "assignment": card.assignment,
        "task": card.task,
        "does": TASKS.get(card.task, ""),
        "summary": card.summary,
        "inputs": card.inputs,
        "outputs": card.outputs,
        "bottleneck": card.bottleneck,
        "parameters": card.parameters,
        "metrics": card.metrics,
        "graphs": [file for file in files if file.endswith(".onnx")],
        "card": {"sha256": sha256, "bytes": size},
        "bytes": sum(map(len, files.values())),
    }


def _read_index(folder: Path) -> list[dict[str, Any]]:
    """Return the entries of an index whose bundles are still there. Raises FileRefused for a file that is none."""
    path = folder / INDEX
    if not path.exists():
        return []
    try:
        entries = json.loads(gate.read_bytes(path, limit=_MAX_INDEX))["bundles"]
        found = [entry for entry in entries if _is_there(folder, entry["name"])]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileRefused(f"{path} is not an index of bundles; move it away, or name another folder") from error
    return found


def _is_there(folder: Path, name: object) -> bool:
    """Whether a bundle of that name lies in the folder; one that was moved away leaves the index."""
    try:
        own = from_json(gate.read_bytes(folder / str(name) / CARD, limit=MAX_TEXT).decode(errors="replace"))
    except AezooError:
        return False
    return own.name == name


def write_kit(folder: Path) -> bool:
    """Put the kit's programs and page into `folder/kit`, and onnxruntime-web beside the page.

    Returns whether onnxruntime-web was at hand. Raises FileRefused where a file was changed since, and WriteError.
    """
    place = folder / "kit"
    files = {path.relative_to(KIT).as_posix(): path.read_bytes() for path in sorted(KIT.rglob("*")) if _is_kit(path)}
    library = [web_folder() / name for name in _ORT]
    whole = all(path.is_file() for path in library)
    if whole:
        files |= {f"web/ort/{path.name}": path.read_bytes() for path in library}
    sums = {name: sha256 for name, (sha256, _) in listing(files).items()}
    known = _sums(place / _SUMS)
    write_all(place, files, known)
    told = json.dumps({**known, **sums}, indent=1, sort_keys=True) + "\n"
    atomic_write(place / _SUMS, told.encode())
    return whole


def _is_kit(path: Path) -> bool:
    inside = path.relative_to(KIT).parts
    return path.is_file() and not any(part.startswith((".", "__")) or part in _BUILT for part in inside)


def _sums(path: Path) -> dict[str, str]:
    """Return the sha256 of every file of the kit that was written before; nothing where that cannot be read."""
    try:
        told = json.loads(gate.read_bytes(path, limit=MAX_TEXT))
        return {str(name): str(sha256) for name, sha256 in told.items()}
    except (AezooError, ValueError, AttributeError, RecursionError):
        return {}
