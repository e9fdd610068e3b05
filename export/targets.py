"""What `verify` and `card` are pointed at, and what is found about it: a recipe, runs, bundles, a file."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from export import vectors
from export.graph import Graph
from export.verify import Check, against_torch, composition, real_images, repetition
from zoo import card, gate, pretrained, registry
from zoo.errors import AezooError, FileRefused, RunError
from zoo.ownership import sha256_of
from zoo.runs import GRAPHS, History, RunFolder


@dataclass
class Verification:
    """What was found about one target."""

    target: str
    checks: list[Check] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: gate.GraphFacts | None = None  # of a file that aezoo did not write

    @property
    def passed(self) -> bool:
        return not self.errors and all(check.passed for check in self.checks)


def verify(target: RunFolder | Path) -> Verification:
    """Check a run, a bundle or a file; what is wrong with it is in the answer."""
    found = Verification(pretrained.title(target.path if isinstance(target, RunFolder) else target))
    try:
        if isinstance(target, RunFolder):
            _verify_run(target, found)
        else:
            _verify_alone(Graph.read(target), found)
    except AezooError as error:
        found.errors.append(str(error))
        if isinstance(error, FileRefused) and isinstance(target, Path):
            found.facts = error.facts or found.facts
    return found


def _verify_run(folder: RunFolder, found: Verification) -> None:
    """Compare a run's graphs with torch and each other, a bundle's with its vectors, and the files with card.json."""
    paths = {path.name: path for path in (*map(folder.graph, GRAPHS), folder.fp16_model) if path.is_file()}
    if "model.onnx" not in paths:
        raise RunError(f"no model.onnx in {folder.path}; export it with `aezoo export`")
    graphs = {name: Graph.read(path) for name, path in paths.items()}
    _verify_sums(folder, graphs, found)
    has_vectors = (folder.path / vectors.FILE).is_file()
    model = graphs["model.onnx"]
    shape = model.facts.image_shape
    if model.card is not None and shape is not None and folder.checkpoint.is_dir():
        if importlib.util.find_spec("torch") is None:
            found.notes.append("not compared with torch, which is not installed: pip install 'aezoo[train]'")
            found.checks += composition(graphs, shape, real_images(folder.read_history()))
        else:
            _verify_against_torch(folder, graphs, model.card.name, found)
    elif not has_vectors:
        found.notes.append("cannot be compared with torch: there is no card inside, or no checkpoint beside it")
        for graph in graphs.values():
            _verify_alone(graph, found)
    if has_vectors:
        found.checks += vectors.check(vectors.read(folder.path), graphs)


def _verify_against_torch(folder: RunFolder, graphs: Mapping[str, Graph], name: str, found: Verification) -> None:
    history = folder.read_history()
    found.notes += pictures_gone(history)
    recipe = registry.recipe_of(name, folder)
    if not recipe.has_source:
        found.notes.append(f"no source here: checked against the card and its vectors; {_how_to_name(history)}")
        found.checks += composition(graphs, recipe.input_shape, real_images(history))
        return
    if recipe.file_sha256 != history.meta.get("file_sha256", ""):
        found.notes.append(f"{recipe.file} is another one than it was trained with")
    from export.trained import load_trained, one_thread

    trained = load_trained(recipe, folder, epochs=history.epochs)
    for graph in graphs.values():
        ports = tuple(port.name for port in graph.facts.inputs), graph.outputs
        expected = trained.ports.get(graph.part)
        if ports != expected:
            raise FileRefused(
                f"{graph.source} has the ports {ports}, expected {expected or 'no such graph'}; export the run again"
            )
    model, shape = graphs["model.onnx"], trained.image_shape
    if model.facts.image_shape != shape:
        taken = model.facts.image_shape
        raise FileRefused(f"{model.source} takes images of {taken}, expected {shape}; export again")
    real = real_images(history)
    with one_thread():
        for graph in graphs.values():
            found.checks += against_torch(graph, trained, real)
        found.checks += composition(graphs, shape, real)


def _how_to_name(history: History) -> str:
    file, recipe = history.meta.get("file", "its file"), str(history.meta.get("recipe")).split("/")[-1]
    return f"to compare it with torch name it {file}:{recipe}"


def pictures_gone(history: History) -> list[str]:
    """Return the note that pictures of the user's own are gone, where they are: the history's ten images remain."""
    path = history.meta.get("images")
    if not isinstance(path, str) or Path(path).exists():
        return []
    return [f"its pictures are no longer in {path}; compared on the ten that its history holds"]


def _verify_sums(folder: RunFolder, graphs: Mapping[str, Graph], found: Verification) -> None:
    """Compare every file that card.json lists with its sum and size, and name those that it does not list."""
    proofs = sorted((folder.path / "test").glob("*"))
    if not folder.card.exists():
        lines = found.errors if proofs else found.notes
        lines.append("no card.json beside it, so its sha256 sums could not be compared")
        return
    text = gate.read_bytes(folder.card, limit=card.MAX_TEXT).decode(errors="replace")
    card.from_json(text, source=str(folder.card))
    listed = card.files_of(text)
    for name, (sha256, size) in listed.items():
        if not card.FILE.fullmatch(name):
            raise FileRefused(f"{folder.card} lists {name[:80]!r}, which is not a file of its folder; export again")
        path = folder.path / name
        if not path.exists():
            found.errors.append(f"card.json lists {name}, which is not in {folder.path}; export the run again")
            continue
        data = graphs[name].data if name in graphs else gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
        if sha256_of(data) != sha256 or len(data) != size:
            found.errors.append(f"{name} is not the file that card.json lists (another sha256 or size); export again")
    there = [*graphs, *(f"test/{path.name}" for path in proofs)]
    found.errors += [f"card.json does not list {name}; export again" for name in there if name not in listed]


def _verify_alone(graph: Graph, found: Verification) -> None:
    """A lone graph: its card, and whether it answers each image alike alone and in a batch."""
    about = f"{graph.card.name}, {graph.card.graph}" if graph.card else "has no card"
    found.notes.append(f"{graph.file}: {about}")
    found.facts = None if graph.card else graph.facts
    found.checks += repetition(graph)


def card_of(target: RunFolder | Path) -> card.Card | gate.GraphFacts:
    """Return the card of a graph, of the model of a run or bundle, or in a card.json; of a file without one, what it
    says of itself. Raises FileRefused.
    """
    path = target.graph("model") if isinstance(target, RunFolder) else target
    if path.suffix == ".json":
        return card.from_json(gate.read_bytes(path, limit=card.MAX_TEXT).decode(errors="replace"), source=str(path))
    graph = Graph.read(path)
    return graph.card or graph.facts
