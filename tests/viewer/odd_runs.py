"""Runs that do something else than reconstruct: classifiers, colourisers, translators of letters; and a test split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.viewer.conftest import CARD, bars, graph_bytes, history_of
from viewer.state.pages import Split, SplitName
from zoo import card, runs
from zoo.card import Card
from zoo.runs import History, RunFolder, atomic_write, pack_history

TURNS = np.array([[0.9], [0.5], [0.2]], dtype=np.float32)  # grey becomes this much red, green and blue


def _bytes(nodes: list[Any], ports: tuple[list[Any], list[Any]], weights: list[Any], model_card: Card) -> bytes:
    graph = helper.make_graph(nodes, "tests", *ports, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    entry = model.metadata_props.add()
    entry.key, entry.value = card.METADATA_KEY, model_card.to_json()
    return bytes(model.SerializeToString())


def _port(name: str, *shape: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])


def _write(root: Path, name: str, graph: bytes, history: History) -> Path:
    run = RunFolder.of(root, name)
    atomic_write(run.graph("model"), graph)
    atomic_write(run.history, pack_history(history))
    return run.path


def _history(name: str, task: str, data: str, arrays: dict[str, np.ndarray]) -> History:
    plain = history_of(name=name)
    kept = {key: value for key, value in plain.arrays.items() if not key.startswith("samples/")}
    return History(meta={**plain.meta, "task": task, "data": data, "bottleneck": []}, arrays={**kept, **arrays})


def write_classifier(root: Path, name: str = "tests/classifier", *, data: str = "mnist", classes: int = 10) -> Path:
    """A classifier that calls the bars of the tests 0 to 9, from left to right."""
    weights = np.zeros((784, classes), np.float32)
    for index in range(min(classes, 10)):
        one = np.zeros((28, 28), np.float32)
        one[6:22, 2 * index + 4 : 2 * index + 7] = 1
        weights[:, index] = one.ravel() / 2
    nodes = [helper.make_node("Flatten", ["image"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["logits"])]
    names = [chr(ord("a") + index) for index in range(classes)]
    model_card = replace(
        CARD, name=name, task="classify", outputs=[{"name": "logits", "kind": "logits", "classes": names}]
    )
    ports = ([_port("image", 1, 28, 28)], [_port("logits", classes)])
    graph = _bytes(nodes, ports, [numpy_helper.from_array(weights, "w")], model_card)
    images = {runs.SAMPLE_INPUTS: bars(), runs.SAMPLE_TARGETS: bars()}
    return _write(root, name, graph, _history(name, "classify", data, images))


def photographs() -> np.ndarray:
    """Ten colour images, uint8 (10, 3, 32, 32)."""
    return np.random.default_rng(3).integers(0, 255, (10, 3, 32, 32), dtype=np.uint8)


def write_colouriser(root: Path, name: str = "tests/colour") -> Path:
    """A colouriser that turns grey into a shade of orange."""
    nodes = [helper.make_node("Conv", ["image", "w"], ["reconstruction"])]
    model_card = replace(CARD, name=name, task="colourise", outputs=[{"name": "reconstruction", "kind": "image"}])
    ports = ([_port("image", 1, 32, 32)], [_port("reconstruction", 3, 32, 32)])
    graph = _bytes(nodes, ports, [numpy_helper.from_array(TURNS[:, :, None, None], "w")], model_card)
    grey = photographs().mean(axis=1, keepdims=True).astype(np.uint8)
    images = {runs.SAMPLE_INPUTS: grey, runs.SAMPLE_TARGETS: photographs()}
    return _write(root, name, graph, _history(name, "colourise", "cifar10", images))


def write_translator(root: Path, name: str = "letters/mean", *, wrong: tuple[int, ...] = ()) -> Path:
    """A translator whose history keeps ten letters; the classifier takes those in `wrong` for the next one."""
    labels = np.arange(10)
    predictions = np.array([label + 1 if label in wrong else label for label in labels])
    grid = {"inputs": bars(), "images": bars() // 2, "targets": bars()[::-1], "labels": labels, "verdicts": predictions}
    arrays = {f"grids/letters/{part}": np.ascontiguousarray(values) for part, values in grid.items()}
    arrays |= {runs.SAMPLE_INPUTS: bars(), runs.SAMPLE_TARGETS: np.ascontiguousarray(bars()[::-1])}
    graph = graph_bytes(replace(CARD, name=name, task="translate"))
    return _write(root, name, graph, _history(name, "translate", "cyrillic", arrays))


def split_of_bars(images: int = 35) -> Split:
    """A test split that begins with the runs' ten bars; every image's label is its index modulo ten."""
    pixels = np.concatenate([np.roll(bars(), turn, axis=2) for turn in range(-(-images // 10))])[:images]
    labels = (np.arange(images) % 10).astype(np.uint8)
    names = tuple(f"class-{label}" for label in range(10))
    return Split(SplitName("mnist", "published"), pixels, labels, pixels[:2], labels[:2], names, "bars")
