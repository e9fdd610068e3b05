"""What `verify` and `card` are pointed at, and what is found about it: a recipe, runs, bundles, a file."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo import card, gate, registry
from zoo.errors import AezooError, FileRefused, RunError, UsageError
from zoo.runs import GRAPHS, RunFolder, find_runs

_BELOW = re.compile(r"(test/)?[A-Za-z0-9][A-Za-z0-9_.-]*")  # what a card may list: a name, or one in `test`


@dataclass
class Verdict:
    """What was found about one target."""

    target: str
    checks: list[Any] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.troubles and all(check.passed for check in self.checks)


def expand(targets: list[str], runs: Path) -> list[RunFolder | Path]:
    """A path that is there is taken as one; anything else must be a recipe's name or glob."""
    found: list[RunFolder | Path] = []
    for target in targets:
        path = Path(target)
        if path.is_dir():
            inside = find_runs(path)
            if not inside:
                raise RunError(f"no run in {target}: no model.onnx or history.h5 in it; train one with `aezoo train`")
            found += inside
        elif path.suffix == ".onnx" or path.is_file():
            if not path.is_file():
                raise UsageError(f"no file {target}; name an .onnx file, a run folder or a recipe")
            found.append(path)
        else:
            folders = [RunFolder.of(runs, recipe.name) for recipe in registry.match([target])]
            trained = [folder for folder in folders if folder.is_run]
            if not trained:
                raise RunError(f"no run of {target} in {runs}; train it with `aezoo train {target}`")
            found += trained
    return found


def verify(target: RunFolder | Path) -> Verdict:
    """Check a run, a bundle or a file; what is wrong with it is in the verdict."""
    from export.graphs import one_thread

    verdict = Verdict(str(target.path if isinstance(target, RunFolder) else target))
    try:
        if isinstance(target, RunFolder):
            with one_thread():
                _verify_run(target, verdict)
        else:
            _verify_file(target, verdict)
    except AezooError as error:
        verdict.troubles.append(str(error))
    return verdict


def _verify_run(folder: RunFolder, verdict: Verdict) -> None:
    """Compare a run's graphs with torch and each other, a bundle's with its vectors, and the files with card.json."""
    from export import vectors
    from export.graphs import load_trained
    from export.publish import real_images
    from export.vectors import COMPACT
    from export.verify import against_torch, composition

    paths = {name: folder.graph(name) for name in GRAPHS if folder.graph(name).is_file()}
    if "model" not in paths:
        raise RunError(f"no model.onnx in {folder.path}; export it with `aezoo export`")
    files = {name: gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES) for name, path in paths.items()}
    facts = {name: gate.check_onnx(data, source=str(paths[name])) for name, data in files.items()}
    _verify_sums(folder, files, verdict)
    if (folder.path / vectors.FILE).is_file():
        compact = {COMPACT: folder.compact} if folder.compact.is_file() else {}
        graphs = {f"{name}.onnx": data for name, data in files.items()}
        graphs |= {name: gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES) for name, path in compact.items()}
        verdict.checks += vectors.check(vectors.read(folder.path), graphs, source=f"{folder.path}/")
        return
    own = card.from_metadata(facts["model"].metadata)
    shape = facts["model"].image_shape
    if own is None or shape is None or not folder.checkpoint.is_dir():
        verdict.notes.append("nothing to compare with torch: no card or no checkpoint beside it")
        for name in files:
            _verify_file(paths[name], verdict)
        return
    history = folder.read_history()
    trained = load_trained(registry.load(own.name), folder, epochs=history.epochs)
    for name, fact in facts.items():
        ports = tuple(port.name for port in fact.inputs), tuple(port.name for port in fact.outputs)
        if ports != trained.ports.get(name):
            expected = trained.ports.get(name, "no such graph")
            raise FileRefused(f"{paths[name]} has the ports {ports}, expected {expected}; export the run again")
    if shape != trained.image_shape:
        raise FileRefused(f"{paths['model']} takes images of {shape}, expected {trained.image_shape}; export again")
    real = real_images(history)
    for name, data in files.items():
        verdict.checks += against_torch(name, data, trained, real)
    verdict.checks += composition(files, shape, real)


def _verify_sums(folder: RunFolder, files: dict[str, bytes], verdict: Verdict) -> None:
    if not folder.card.is_file():
        verdict.notes.append("no card.json beside it, so its sha256 sums could not be compared")
        return
    text = gate.read_bytes(folder.card, limit=card.MAX_TEXT).decode(errors="replace")
    card.from_json(text)
    for name, (sha256, _) in card.files_of(text).items():
        if not _BELOW.fullmatch(name):
            raise FileRefused(
                f"{folder.card} lists {name[:80]!r}, which is no file of its folder; export the run again"
            )
        path = folder.path / name
        data = files.get(name.removesuffix(".onnx"))
        if data is None and not path.is_file():
            verdict.troubles.append(f"{name} is on card.json and not in {folder.path}; export the run again")
            continue
        data = data or gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
        if hashlib.sha256(data).hexdigest() != sha256:
            verdict.troubles.append(f"{name} is not the file that card.json names (another sha256); export again")


def _verify_file(path: Path, verdict: Verdict) -> None:
    """A lone file: the gate, its card, and whether it answers each image alike alone and in a batch."""
    from export.verify import repetition

    data = gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
    facts = gate.check_onnx(data, source=str(path))
    own = card.from_metadata(facts.metadata)
    verdict.notes.append(f"{path.name}: {own.name}, {own.graph}" if own else f"{path.name}: a file without our card")
    verdict.checks += repetition(data, facts, source=str(path))


def card_of(target: RunFolder | Path) -> card.Card:
    """Return the card of a graph, of the model of a run or bundle, or in a card.json. Raises FileRefused."""
    path = target.graph("model") if isinstance(target, RunFolder) else target
    if path.suffix == ".json":
        return card.from_json(gate.read_bytes(path, limit=card.MAX_TEXT).decode(errors="replace"))
    data = gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
    own = card.from_metadata(gate.check_onnx(data, source=str(path)).metadata)
    if own is None:
        raise FileRefused(f"{path} has no card inside, as aezoo's graphs have; `aezoo verify` can run it still")
    return own
