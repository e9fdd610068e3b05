"""Graphs made by hand for the panels that look inside: decoders, many layers, odd ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from tests.viewer.conftest import CARD, graph_bytes, history_of, write_run
from zoo import card
from zoo.card import Card
from zoo.runs import RunFolder, atomic_write, pack_history

MAP_WEIGHTS = np.arange(1, 9, dtype=np.float32) / 16  # of the eight maps in the decoder's picture


def port(name: str, *shape: int | str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def node(operator: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], name=f"node_{output}", **attributes)


def graph(
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    *nodes: NodeProto,
    model_card: Card | None = None,
    **weights: np.ndarray,
) -> bytes:
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    made = helper.make_graph(list(nodes), "tests", list(inputs), list(outputs), tensors)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if model_card is not None:
        entry = model.metadata_props.add()
        entry.key, entry.value = card.METADATA_KEY, model_card.to_json()
    return bytes(model.SerializeToString())


def decoder_bytes(maps: int = 8) -> bytes:
    """Each value of map m becomes a block of 4×4 pixels of (m + 1) / 16 times its size; blocks are added."""
    weights = np.ones((maps, 1, 4, 4), np.float32) * np.resize(MAP_WEIGHTS, maps)[:, None, None, None]
    return graph(
        [port("bottleneck", "batch", maps, 7, 7)],
        [port("reconstruction", "batch", 1, 28, 28)],
        node("ConvTranspose", "bottleneck w", "reconstruction", strides=[4, 4]),
        w=weights,
    )


def flat_bytes(model_card: Card | None, *, size: int = 2) -> bytes:
    """A model with so many values, the means of rows of the image, and a reconstruction that is the image."""
    weights = np.zeros((784, size), np.float32)
    weights[np.arange(784), np.arange(784) * size // 784] = size / 784
    return graph(
        [port("image", "batch", 1, 28, 28)],
        [port("reconstruction", "batch", 1, 28, 28), port("bottleneck", "batch", size)],
        node("Relu", "image", "reconstruction"),
        node("Flatten", "image", "flat"),
        node("MatMul", "flat w", "bottleneck"),
        model_card=model_card,
        w=weights,
    )


def flat_decoder_bytes(size: int = 2, *, operator: str = "Identity") -> bytes:
    """Every value fills its own part of the picture; with 'Log' it fills it with what is not finite."""
    weights = np.zeros((size, 784), np.float32)
    weights[np.arange(784) * size // 784, np.arange(784)] = 1
    return graph(
        [port("bottleneck", "batch", size)],
        [port("reconstruction", "batch", 1, 28, 28)],
        node("MatMul", "bottleneck w", "flat"),
        node("Reshape", "flat shape", "square"),
        node(operator, "square", "reconstruction"),
        w=weights,
        shape=np.array([-1, 1, 28, 28]),
    )


def add_decoder(run: RunFolder, data: bytes) -> RunFolder:
    atomic_write(run.graph("decoder"), data)
    return run


def write_decodable(root: Path, name: str = "tests/conv") -> RunFolder:
    """A run of eight 7×7 maps with a decoder."""
    return add_decoder(write_run(root, name), decoder_bytes())


def write_flat(root: Path, name: str = "tests/flat", *, size: int = 2) -> RunFolder:
    """A run with few values, as a VAE's mean, and a decoder."""
    return add_decoder(write_graph(root, name, flat_bytes(_card(name), size=size)), flat_decoder_bytes(size))


def write_classifier(root: Path, name: str = "tests/classifier") -> RunFolder:
    """A run whose graph has logits, and inside it a convolution with a dead map."""
    weights = np.ones((3, 1, 3, 3), np.float32)
    weights[1] = -1
    data = graph(
        [port("image", "batch", 1, 28, 28)],
        [port("logits", "batch", 3)],
        node("Conv", "image w", "maps"),
        node("Relu", "maps", "lit"),
        node("ReduceMean", "lit axes", "logits", keepdims=0),
        model_card=replace(_card(name), task="classify"),
        w=weights,
        axes=np.array([2, 3]),
    )
    return write_graph(root, name, data)


def write_graph(root: Path, name: str, data: bytes) -> RunFolder:
    """A run with this graph."""
    run = RunFolder.of(root, name)
    atomic_write(run.graph("model"), data)
    atomic_write(run.card, _card(name).to_file({"model.onnx": (hashlib.sha256(data).hexdigest(), len(data))}))
    atomic_write(run.history, pack_history(history_of(name=name)))
    return run


def _card(name: str) -> Card:
    return replace(CARD, name=name, bottleneck={})


def lone(folder: Path, data: bytes | None = None) -> Path:
    """A graph that comes alone, without a card."""
    file = folder / "lone.onnx"
    file.write_bytes(graph_bytes(None) if data is None else data)
    return file


def stack(*nodes: NodeProto, **weights: Any) -> bytes:
    """A foreign graph of these nodes from 'image' (n, 1, 28, 28) to 'y', which is as many values as the image."""
    return graph([port("image", "n", 1, 28, 28)], [port("y", "n", 1, 28, 28)], *nodes, **weights)
