"""A run's whole export: trace, card, verify in memory, and only then write."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from export.compact import LEAST_BYTES, halved
from export.compact import TOLERANCE as FP16_TOLERANCE
from export.graphs import (
    BOTTLENECK,
    FEATURES,
    IMAGE,
    LOGITS,
    RECONSTRUCTION,
    Trained,
    load_trained,
    one_thread,
    shapes_of,
)
from export.report import check_as_json, failure
from export.to_onnx import BATCH, convert, with_card
from export.vectors import Vectors, make
from export.vectors import check as vector_check
from export.verify import Check, against_torch, composition
from zoo.blocks import parameter_count
from zoo.card import Card
from zoo.errors import CheckFailed
from zoo.ownership import CARD, sha256_of
from zoo.recipe import Recipe
from zoo.runs import COMPACT, SAMPLE_INPUTS, History, RunFolder, write_all


@dataclass(frozen=True)
class Published:
    """What an export wrote, and the checks that it passed.

    refused     what the graph of half the size failed, which is then not written: its weights need all their digits
    """

    recipe: Recipe
    run: RunFolder
    files: dict[str, bytes]
    checks: list[Check]
    card: Card
    vectors: Vectors
    refused: list[Check]

    @property
    def sizes(self) -> dict[str, int]:
        return {name: len(data) for name, data in self.files.items()}

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.recipe.name,
            "files": {name: {"path": str(self.run.path / name), "bytes": size} for name, size in self.sizes.items()},
            "checks": [check_as_json(check) for check in self.checks],
            "refused": [check_as_json(check) for check in self.refused],
        }


@one_thread()
def publish(recipe: Recipe, run: RunFolder, *, fp16: bool = False) -> Published:
    """Export a run; with `fp16` also at half the size, where the file has more than a mebibyte.

    Raises RunError where nothing is trained, FileRefused where a file that is not ours would be lost, and CheckFailed,
    leaving no graph, on a mismatch.
    """
    history = run.read_history()
    trained = load_trained(recipe, run, epochs=history.epochs)
    real = real_images(history)
    graphs = {name: with_card(graph, make_card(name, trained, history)) for name, graph in convert(trained).items()}
    checks = [check for name, data in graphs.items() for check in against_torch(name, data, trained, real)]
    checks += composition(graphs, trained.image_shape, real)
    refused: list[Check] = []
    files = {f"{name}.onnx": data for name, data in graphs.items()}
    if fp16 and len(graphs["model"]) > LEAST_BYTES:
        half = halved(graphs["model"])
        near = against_torch("model", half, trained, real, tolerance=FP16_TOLERANCE)
        refused = [replace(check, graph=COMPACT.removesuffix(".onnx")) for check in near]
        if all(check.passed for check in refused):
            files[COMPACT] = half
            checks, refused = [*checks, *refused], []
    vectors = make(trained, real, files)
    checks += vector_check(vectors, files)
    if not all(check.passed for check in checks):
        run.withdraw()
        raise CheckFailed(failure(recipe.name, checks))
    own = make_card("model", trained, history)
    files[CARD] = own.to_file(listing(files))
    write_all(run.path, files)
    if COMPACT not in files:
        run.withdraw_compact()
    return Published(recipe, run, files, checks, own, vectors, refused)


def listing(files: Mapping[str, bytes]) -> dict[str, tuple[str, int]]:
    """Return {name: (sha256, bytes)} for a card.json."""
    return {name: (sha256_of(data), len(data)) for name, data in files.items()}


def real_images(history: History) -> np.ndarray:
    """Return the run's sample inputs, float32 (10, C, H, W) in [0, 1]."""
    return history.arrays[SAMPLE_INPUTS].astype(np.float32) / 255


def make_card(graph: str, trained: Trained, history: History) -> Card:
    """Return the card of one graph from its recipe and its run's history."""
    recipe, meta = trained.recipe, history.meta
    classes = meta.get("classes", [])
    ports = {name: _port(name, shape, classes) for name, shape in shapes_of(trained).items()}
    inputs, outputs = trained.ports[graph]
    return Card(
        name=recipe.name,
        assignment=recipe.assignment,
        graph=graph,
        task=recipe.task,
        summary=recipe.summary,
        inputs=[ports[name] for name in inputs],
        outputs=[ports[name] for name in outputs],
        bottleneck=_bottleneck(trained),
        objective={"name": recipe.objective, "noise": recipe.noise},
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
            "seed": meta["seed"],
            "precision": meta.get("precision", "fp32"),
            "needs": meta.get("needs", {}),
            "state": meta["state"],
        },
        metrics=_finite(history.metrics()),
        baselines={name: _finite(values) for name, values in history.baselines().items()},
        parameters=parameter_count(trained.network),
        tools={"aezoo": version("aezoo"), "torch": meta["torch"], "onnx": version("onnx")},
        choices=list(recipe.choices),
        published=dict(recipe.published),
    )


def _bottleneck(trained: Trained) -> dict[str, Any]:
    """What the card tells of the bottleneck; nothing of a classifier's, which has none."""
    if not trained.bottleneck_shape:
        return {}
    size, view = math.prod(trained.bottleneck_shape), trained.recipe.bottleneck_view
    return {
        "shape": list(trained.bottleneck_shape),
        "size": size,
        "view": list(view) if view else None,
        "compression": round(math.prod(trained.recipe.image_shape) / size, 4),
    }


_KINDS = {IMAGE: "image", RECONSTRUCTION: "image", LOGITS: "logits", FEATURES: "features", BOTTLENECK: "bottleneck"}


def _port(name: str, shape: tuple[int, ...], classes: list[str]) -> dict[str, Any]:
    kind = _KINDS.get(name, name)
    port = {"name": name, "kind": kind, "dtype": "float32", "shape": [BATCH, *shape]}
    if kind == "image":
        return {**port, "layout": "NCHW", "range": [0, 1]}
    if kind == "logits":
        return {**port, "classes": [*classes, *["noise"] * (shape[0] - len(classes))]}
    return port


def _finite(values: dict[str, float]) -> dict[str, float]:
    """Leave out what is not a number, which JSON has no word for; six digits are more than a figure is worth."""
    return {name: float(f"{value:.6g}") for name, value in values.items() if math.isfinite(value)}
