"""A run's whole export: trace, card, verify in memory, and only then write."""

import math
from importlib.metadata import version
from typing import Any

from export import vectors
from export.fp16 import MIN_BYTES, with_fp16_weights
from export.graph import BOTTLENECK, IMAGE, LOGITS, RECONSTRUCTION, Graph
from export.published import Published, listing
from export.report import check_as_text
from export.to_onnx import BATCH, convert
from export.trained import Trained, load_trained, one_thread
from export.verify import Check, against_torch, composition, real_images
from zoo.blocks import parameter_count
from zoo.card import Card
from zoo.errors import CheckFailed
from zoo.graphs import with_card
from zoo.layers import layers_of_recipe
from zoo.ownership import CARD
from zoo.recipe import Recipe
from zoo.runs import FP16_MODEL, History, RunFolder, remove, write_all


@one_thread()
def publish(recipe: Recipe, run: RunFolder, *, fp16: bool = False, overwrite: bool = False) -> Published:
    """Export a run; with `fp16` also the model with float16 weights, if model.onnx has more than a mebibyte.

    Raises RunError if nothing is trained, FileRefused if somebody else's file would be overwritten without `overwrite`,
    and CheckFailed on a mismatch: then all exported graphs and the card, older ones too, are deleted. A failing fp16
    graph is only reported in `refused`.
    """
    if not overwrite:
        run.check_overwritable()
    history = run.read_history()
    try:
        done = export(load_trained(recipe, run, epochs=history.epochs), run, history, fp16=fp16)
    except CheckFailed:
        run.delete_exports()
        raise
    write_all(run.path, done.files, overwrite=overwrite)
    if FP16_MODEL not in done.files:
        remove(run.fp16_model)  # an fp16 graph of an earlier export
    return done


def export(trained: Trained, run: RunFolder, history: History, *, fp16: bool = False) -> Published:
    """Convert a run's network and check every graph; nothing is written. Raises CheckFailed on a mismatch."""
    real = real_images(history)
    cards = {name: make_card(name, trained, history) for name in trained.ports}
    exported = [Graph(with_card(model, cards[name]), f"{name}.onnx") for name, model in convert(trained).items()]
    graphs = {graph.file: graph for graph in exported}
    checks = [check for graph in exported for check in against_torch(graph, trained, real)]
    checks += composition(graphs, trained.image_shape, real)
    refused: list[Check] = []
    if fp16 and len(graphs["model.onnx"].data) > MIN_BYTES:
        fp16_graph = Graph(with_fp16_weights(graphs["model.onnx"].data), FP16_MODEL)
        fp16_checks = against_torch(fp16_graph, trained, real)
        if all(check.passed for check in fp16_checks):
            graphs[FP16_MODEL] = fp16_graph
            checks += fp16_checks
        else:
            refused = fp16_checks
    test_vectors = vectors.make(trained, real, graphs.values())
    checks += vectors.check(test_vectors, graphs)
    if not all(check.passed for check in checks):
        lines = "\n".join(check_as_text(check) for check in checks if not check.passed)
        raise CheckFailed(
            f"the export of {trained.recipe.name} does not compute what torch computes; no graph was written\n{lines}"
        )
    files = {name: graph.data for name, graph in graphs.items()}
    if trained.recipe.file:  # where it is missing these alone show what torch computed
        files |= test_vectors.as_files()
    files[CARD] = cards["model"].to_file(listing(files))
    return Published(trained.recipe.name, run, files, checks, cards["model"], test_vectors, refused)


def make_card(graph: str, trained: Trained, history: History) -> Card:
    """Return the card of one graph from its recipe and its run's history."""
    recipe, meta = trained.recipe, history.meta
    classes = meta.get("classes", [])
    port_cards = {name: _port(name, shape, classes) for name, shape in trained.shapes.items()}
    inputs, outputs = trained.ports[graph]
    return Card(
        name=recipe.name,
        assignment=recipe.assignment,
        graph=graph,
        task=recipe.task.name,
        summary=recipe.summary,
        inputs=[port_cards[name] for name in inputs],
        outputs=[port_cards[name] for name in outputs],
        bottleneck=_bottleneck(trained),
        objective={"name": recipe.objective, "noise": recipe.data.noise},
        data={
            "name": meta["data"],
            "train": meta["train_images"],
            "validation": meta.get("val_images", 0),
            "test": meta["test_images"],
            "split": meta.get("split", "published"),
            "provenance": meta["provenance"],
            "sha256": meta["data_sha256"],
            "licence": meta["licence"],
        },
        training={
            "epochs": history.epochs,
            "batch_size": meta["batch_size"],
            "learning_rate": meta["learning_rate"],
            **{key: meta[key] for key in ("optimiser", "initialisation") if key in meta},
            "seed": meta["seed"],
            "precision": meta.get("precision", "fp32"),
            "needs": meta.get("needs", {}),
            "state": meta["state"],
            **({"file": meta["file"], "file_sha256": meta["file_sha256"]} if recipe.file else {}),
        },
        metrics=_rounded_finite(history.metrics()),
        baselines={name: _rounded_finite(values) for name, values in history.baselines().items()},
        parameters=parameter_count(trained.network),
        tools={"aezoo": version("aezoo"), "torch": meta["torch"], "onnx": version("onnx")},
        choices=list(recipe.choices),
        published=dict(recipe.published),
        layers=layers_of_recipe(recipe),
    )


def _bottleneck(trained: Trained) -> dict[str, Any]:
    """Return the card's bottleneck; empty for a classifier, which has none."""
    shape, view = trained.shapes.get(BOTTLENECK), trained.recipe.network.view
    if shape is None:
        return {}
    size = math.prod(shape)
    return {
        "shape": list(shape),
        "size": size,
        "view": list(view) if view else None,
        "compression": round(math.prod(trained.recipe.image_shape) / size, 4),
    }


def _port(name: str, shape: tuple[int, ...], classes: list[str]) -> dict[str, Any]:
    kind = IMAGE if name == RECONSTRUCTION else name
    port = {"name": name, "kind": kind, "dtype": "float32", "shape": [BATCH, *shape]}
    if kind == IMAGE:
        return {**port, "layout": "NCHW", "range": [0, 1]}
    if kind == LOGITS:
        return {**port, "classes": [*classes, *["noise"] * (shape[0] - len(classes))]}
    return port


def _rounded_finite(values: dict[str, float]) -> dict[str, float]:
    """Drop non-finite values (not valid JSON); round to 6 significant digits."""
    return {name: float(f"{value:.6g}") for name, value in values.items() if math.isfinite(value)}
