"""What `verify` and `card` are pointed at, and what is found about it: a recipe, runs, bundles, a file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo import card, gate, registry
from zoo.errors import AezooError, FileRefused, RunError, UsageError
from zoo.ownership import sha256_of
from zoo.runs import COMPACT, GRAPHS, RunFolder, find_runs


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

    paths = {path.name: path for path in (*map(folder.graph, GRAPHS), folder.compact) if path.is_file()}
    if "model.onnx" not in paths:
        raise RunError(f"no model.onnx in {folder.path}; export it with `aezoo export`")
    files = {name: gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES) for name, path in paths.items()}
    facts = {name: gate.check_onnx(data, source=str(paths[name])) for name, data in files.items()}
    _verify_sums(folder, files, verdict)
    has_vectors = (folder.path / vectors.FILE).is_file()
    own = card.from_metadata(facts["model.onnx"].metadata, source=str(paths["model.onnx"]))
    if own is not None and facts["model.onnx"].image_shape is not None and folder.checkpoint.is_dir():
        _verify_against_torch(folder, files, facts, own, verdict)
    elif not has_vectors:
        verdict.notes.append("nothing to compare with torch: no card or no checkpoint beside it")
        for path in paths.values():
            _verify_file(path, verdict)
    if has_vectors:
        verdict.checks += vectors.check(vectors.read(folder.path), files, source=f"{folder.path}/")


def _verify_against_torch(
    folder: RunFolder, files: dict[str, bytes], facts: dict[str, gate.GraphFacts], own: card.Card, verdict: Verdict
) -> None:
    from export import compact
    from export.graphs import load_trained
    from export.publish import real_images
    from export.verify import TOLERANCE, against_torch, composition

    history = folder.read_history()
    trained = load_trained(registry.load(own.name), folder, epochs=history.epochs)
    for name, fact in facts.items():
        ports = tuple(port.name for port in fact.inputs), tuple(port.name for port in fact.outputs)
        expected = trained.ports.get(_graph_of(name))
        if ports != expected:
            raise FileRefused(
                f"{folder.path / name} has the ports {ports}, expected {expected or 'no such graph'}; "
                "export the run again"
            )
    shape = facts["model.onnx"].image_shape
    if shape != trained.image_shape:
        raise FileRefused(
            f"{folder.graph('model')} takes images of {shape}, expected {trained.image_shape}; export again"
        )
    real = real_images(history)
    for name, data in files.items():
        tolerance = compact.TOLERANCE if name == COMPACT else TOLERANCE
        checks = against_torch(_graph_of(name), data, trained, real, tolerance=tolerance)
        verdict.checks += [replace(check, graph=name.removesuffix(".onnx")) for check in checks]
    verdict.checks += composition({_graph_of(name): files[name] for name in files if name != COMPACT}, shape, real)


def _graph_of(file: str) -> str:
    return "model" if file == COMPACT else file.removesuffix(".onnx")


def _verify_sums(folder: RunFolder, files: dict[str, bytes], verdict: Verdict) -> None:
    """Compare every file that card.json lists with its sum and size, and name those that it does not list."""
    proofs = sorted((folder.path / "test").glob("*"))
    if not folder.card.exists():
        where = verdict.troubles if proofs else verdict.notes
        where.append("no card.json beside it, so its sha256 sums could not be compared")
        return
    text = gate.read_bytes(folder.card, limit=card.MAX_TEXT).decode(errors="replace")
    card.from_json(text, source=str(folder.card))
    listed = card.files_of(text)
    for name, (sha256, size) in listed.items():
        if not card.FILE.fullmatch(name):
            raise FileRefused(
                f"{folder.card} lists {name[:80]!r}, which is no file of its folder; export the run again"
            )
        path = folder.path / name
        if not path.exists():
            verdict.troubles.append(f"{name} is on card.json and not in {folder.path}; export the run again")
            continue
        data = files[name] if name in files else gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
        if sha256_of(data) != sha256 or len(data) != size:
            verdict.troubles.append(
                f"{name} is not the file that card.json names (another sha256 or size); export again"
            )
    there = [*files, *(f"test/{path.name}" for path in proofs)]
    verdict.troubles += [f"{name} is not on card.json; export again" for name in there if name not in listed]


def _verify_file(path: Path, verdict: Verdict) -> None:
    """A lone file: the gate, its card, and whether it answers each image alike alone and in a batch."""
    from export.verify import repetition

    data = gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
    facts = gate.check_onnx(data, source=str(path))
    own = card.from_metadata(facts.metadata, source=str(path))
    verdict.notes.append(f"{path.name}: {own.name}, {own.graph}" if own else f"{path.name}: a file without our card")
    verdict.checks += repetition(data, facts, source=str(path))


def card_of(target: RunFolder | Path) -> card.Card:
    """Return the card of a graph, of the model of a run or bundle, or in a card.json. Raises FileRefused."""
    path = target.graph("model") if isinstance(target, RunFolder) else target
    if path.suffix == ".json":
        return card.from_json(gate.read_bytes(path, limit=card.MAX_TEXT).decode(errors="replace"), source=str(path))
    data = gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
    own = card.from_metadata(gate.check_onnx(data, source=str(path)).metadata, source=str(path))
    if own is None:
        raise FileRefused(f"{path} has no card inside, as aezoo's graphs have; `aezoo verify` can run it still")
    return own
