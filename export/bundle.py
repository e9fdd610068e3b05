"""A bundle: a recipe's graphs, card, README and test vectors in a folder that proves itself; the index of several.

    DIR/index.json                      {format, bundles: [{name, path, task, …}]}
    DIR/<assignment>/<recipe>/          model.onnx  encoder.onnx  decoder.onnx  (model_fp16.onnx)
                                        card.json   the card, and sha256 and size of every other file
                                        README.md   the card for people
                                        test/       vectors.json, and <port>.f32: images and what torch computes
    DIR/kit/                            programs and a web page that use them

No dates, no paths: the same run gives the same bytes. Somebody else's file is written over with --overwrite only.
"""

import json
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.describe import as_markdown
from export.npm import web_folder
from export.published import Published, listing
from export.vectors import IMAGES
from zoo import card, checkpoints, gate, tasks
from zoo.card import FORMAT, MAX_TEXT
from zoo.errors import AezooError, FileRefused, RunError
from zoo.ownership import CARD, INDEX, Sums, listed_in, read_journal, refuse_links, sha256_of
from zoo.runs import RunFolder, remove, write_all

KIT = Path(__file__).with_name("kit")
_BUILT = ("node_modules", "build", "bin", "obj", "ort")  # what its programs leave in their folders when they are built
_ORT = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
_SUMS = "sums.json"
_MAX_INDEX = 16 << 20
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][A-Za-z0-9_.,=@+-]*")  # of a recipe or a variant


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


def write_bundle(published: Published, folder: Path, *, overwrite: bool = False) -> Bundle:
    """Write the bundle of an exported run below a folder, and enter it in the folder's index.

    Raises FileRefused where somebody else's file would be lost without `overwrite`, or where a link would lead out of
    the folder, RunError where the folder is a run's own, and WriteError.
    """
    name = published.name
    bundle = RunFolder(folder / name)
    if bundle.history.exists() or bundle.checkpoint.exists():
        raise RunError(f"{bundle.path} is a run's own folder; name another one for the bundles with --bundle DIR")
    files = {file: data for file, data in published.files.items() if file != CARD}
    graphs = [file for file in files if file.endswith(".onnx")]
    files |= published.vectors.as_files()
    files["README.md"] = as_markdown(published.card, graphs, IMAGES).encode()
    files[CARD] = published.card.to_file(listing(files))
    with _alone_in(folder):
        refuse_links(folder, {INDEX: None, **{f"{name}/{file}": None for file in files}})
        names = {*_names_in(folder, overwrite=overwrite), name}
        before = listed_in(bundle.path)
        write_all(bundle.path, files, overwrite=overwrite)
        _remove_stale(bundle.path, before, files)
        entries = filter(None, (_entry(folder, each) for each in sorted(names)))
        index = {"format": FORMAT, "bundles": list(entries)}
        text = json.dumps(index, indent=1, sort_keys=True, allow_nan=False) + "\n"
        write_all(folder, {INDEX: text.encode()}, overwrite=overwrite)
    return Bundle(bundle.path, {file: len(data) for file, data in files.items()})


def _alone_in(folder: Path) -> AbstractContextManager[None]:
    """Wait until no other export writes into this folder."""
    refuse_links(folder, {".lock": None})
    busy = f"another export has been writing into {folder} for a minute; wait for it"
    return checkpoints.held(folder / ".lock", busy, seconds=60)


def _remove_stale(folder: Path, before: Sums, files: dict[str, bytes]) -> None:
    """Remove what the bundle before had and this one has not, unless it was changed."""
    for name, sums in before.items():
        path = folder / name
        gone = name not in files and card.FILE.fullmatch(name) and path.is_file() and not path.is_symlink()
        if gone and sha256_of(gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)) in sums:
            remove(path)


def _names_in(folder: Path, *, overwrite: bool) -> list[str]:
    """Return the bundles that an index lists. Raises FileRefused for anything else."""
    path = folder / INDEX
    if not path.exists():
        return []
    try:
        index = json.loads(gate.read_bytes(path, limit=_MAX_INDEX))
        if index["format"] != FORMAT:
            raise ValueError
        names = [str(entry["name"]) for entry in index["bundles"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if overwrite:
            return []
        raise FileRefused(f"{path} is not an index of bundles; move it away, or add --overwrite") from error
    return list(filter(_NAME.fullmatch, names))


_COPIED = ("assignment", "task", "summary", "inputs", "outputs", "bottleneck", "parameters", "metrics")


def _entry(folder: Path, name: str) -> dict[str, Any] | None:
    """Return a bundle's entry in the index, from its own card: enough to choose it and to see that it is unchanged.

    None where no such bundle lies in the folder: one that was moved away leaves the index.
    """
    try:
        refuse_links(folder, {f"{name}/{CARD}": None})
        text = gate.read_bytes(folder / name / CARD, limit=MAX_TEXT).decode(errors="replace")
        own, files = card.from_json(text), card.files_of(text)
    except AezooError:
        return None
    if own.name != name:
        return None
    data = text.encode()
    return {
        "name": name,
        "path": name,
        "does": tasks.does(own.task),
        **{field: getattr(own, field) for field in _COPIED},
        "graphs": [file for file in files if file.endswith(".onnx")],
        "card": {"sha256": sha256_of(data), "bytes": len(data)},
        "bytes": len(data) + sum(size for _, size in files.values()),
    }


def write_kit(folder: Path, *, overwrite: bool = False) -> bool:
    """Put the kit's programs and page into `folder/kit`, and onnxruntime-web beside the page.

    Returns whether onnxruntime-web was there to be put. Raises FileRefused where a file was changed since, without
    `overwrite`, and WriteError.
    """
    kit = folder / "kit"
    files = {path.relative_to(KIT).as_posix(): path.read_bytes() for path in sorted(KIT.rglob("*")) if _is_kit(path)}
    library = [web_folder() / name for name in _ORT]
    has_library = all(path.is_file() for path in library)
    if has_library:
        files |= {f"web/ort/{path.name}": path.read_bytes() for path in library}
    with _alone_in(folder):
        refuse_links(folder, {f"kit/{name}": None for name in (*files, _SUMS)})
        known = _kit_sums(kit / _SUMS)
        before = {name: min(several) for name, several in known.items()}
        sums = {**before, **{name: sha256 for name, (sha256, _) in listing(files).items()}}
        if known:
            known[_SUMS] = {sha256_of(gate.read_bytes(kit / _SUMS, limit=MAX_TEXT))}
        for name, several in read_journal(kit).items():
            known.setdefault(name, set()).update(several)
        files[_SUMS] = (json.dumps({"format": FORMAT, "kit": sums}, indent=1, sort_keys=True) + "\n").encode()
        write_all(kit, files, known, overwrite=overwrite)
    return has_library


def _is_kit(path: Path) -> bool:
    inside = path.relative_to(KIT).parts
    return path.is_file() and not any(part.startswith((".", "__")) or part in _BUILT for part in inside)


def _kit_sums(path: Path) -> Sums:
    """Return the sha256 of every file of the kit that was written before; nothing where there is no list of ours."""
    try:
        listed = json.loads(gate.read_bytes(path, limit=MAX_TEXT))
        if listed["format"] != FORMAT:
            return {}
        return {str(name): {str(sha256)} for name, sha256 in listed["kit"].items()}
    except (AezooError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
