"""A bundle: a recipe's graphs, card, README and test vectors in a folder that proves itself; the index of several.

    DIR/index.json                      {format, bundles: [{name, path, task, …}]}
    DIR/<assignment>/<recipe>/          model.onnx  encoder.onnx  decoder.onnx  (model_fp16.onnx)
                                        card.json   the card, and sha256 and size of every other file
                                        README.md   the card for people
                                        test/       vectors.json, and <port>.f32: images and what torch computes

No dates, no paths: the same run gives the same bytes. Nothing is written over that is not ours.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.describe import as_markdown
from export.publish import Published, listing
from export.vectors import IMAGES
from zoo import gate
from zoo.card import FORMAT, MAX_TEXT, from_json
from zoo.errors import AezooError, FileRefused
from zoo.ours import CARD, INDEX
from zoo.runs import write_all

_MAX_INDEX = 16 << 20


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
    index = _read_index(folder)
    graphs = {file: data for file, data in published.files.items() if file != CARD}
    files = {**graphs, **published.vectors.as_files()}
    files["README.md"] = as_markdown(published.card, list(graphs), IMAGES).encode()
    files[CARD] = published.card.to_file(listing(files))
    write_all(folder / name, files)
    entries = [entry for entry in index if entry.get("name") != name]
    entries.append(_entry(published, files))
    entries.sort(key=lambda entry: str(entry["name"]))
    told = json.dumps({"format": FORMAT, "bundles": entries}, ensure_ascii=False, indent=1, sort_keys=True)
    write_all(folder, {INDEX: (told + "\n").encode()})
    return Bundle(folder / name, {file: len(data) for file, data in files.items()})


def _entry(published: Published, files: dict[str, bytes]) -> dict[str, Any]:
    """Return what the index tells of a bundle: enough to choose one and to know it unchanged."""
    card = published.card
    sha256, size = listing(files)[CARD]
    return {
        "name": card.name,
        "path": card.name,
        "assignment": card.assignment,
        "task": card.task,
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
