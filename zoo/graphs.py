"""ONNX graphs as aezoo writes them: in one order, cut into encoder and decoder, with the card inside.

onnx is imported where it is used: the window's own process imports this module and never opens a graph.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import zoo
from zoo import card
from zoo.card import METADATA_KEY, WEIGHTS_KEY, Card
from zoo.errors import FileRefused

if TYPE_CHECKING:
    from onnx import ModelProto

IR_VERSION = 8
RECONSTRUCTION, BOTTLENECK = "reconstruction", "bottleneck"


def canonical(model: ModelProto) -> ModelProto:
    """Strip what is of this machine (paths, source lines) and put the rest into one order."""
    clean = type(model)()
    clean.CopyFrom(model)
    clean.ir_version = IR_VERSION
    del clean.metadata_props[:]
    clean.doc_string = clean.domain = ""
    graph = clean.graph
    initialised = {tensor.name for tensor in graph.initializer}
    kept = [value for value in graph.value_info if value.name not in initialised]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    outputs = {port.name for port in graph.output}
    for item in (graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        item.doc_string = ""
        del item.metadata_props[:]
    for node in graph.node:
        made = [name for name in node.output if name in outputs]
        node.name = made[0] if made else node.name  # tract names outputs after their nodes
        attributes = sorted((a for a in node.attribute if a.name != "allowzero"), key=lambda a: a.name)
        del node.attribute[:]
        node.attribute.extend(attributes)
    return clean


def part(whole: ModelProto, recipe: str, name: str, inputs: list[str], outputs: list[str]) -> ModelProto:
    """Return what leads from inputs to outputs of a canonical graph; its weights are the whole graph's, bit for bit.

    Raises FileRefused where the outputs need more than these inputs.
    """
    from onnx.utils import Extractor

    graph = whole if name == "model" else canonical(Extractor(whole).extract_model(inputs, outputs))
    made = {*inputs, *(tensor.name for tensor in graph.graph.initializer)}
    for node in graph.graph.node:
        if not made.issuperset(filter(None, node.input)):
            raise FileRefused(f"no {name} can be cut out of {recipe}: {outputs[0]} needs more than {inputs[0]}")
        made.update(node.output)
    graph.graph.name = f"{recipe}/{name}".replace("/", "_").replace("-", "_")
    graph.producer_name, graph.producer_version = "aezoo", zoo.__version__
    return graph


def with_card(model: ModelProto, card: Card, *, fp16: bool = False) -> bytes:
    """Return the graph's bytes with its card inside, beside the few keys that other tools know.

    fp16  whether weights are stored as float16
    """
    from onnx.helper import set_model_props

    signed = type(model)()
    signed.CopyFrom(model)
    channels = card.inputs[0]["shape"][1] if card.inputs[0]["kind"] == "image" else None
    metadata = {METADATA_KEY: card.to_json(), "model_author": "aezoo", "model_license": "MIT"}
    if channels:
        metadata["Image.NominalPixelRange"] = "Normalized_0_1"
        metadata["Image.BitmapPixelFormat"] = "Gray8" if channels == 1 else "Rgb8"
    if fp16:
        metadata[WEIGHTS_KEY] = "float16"
    set_model_props(signed, dict(sorted(metadata.items())))
    signed.doc_string = f"{card.name} ({card.graph}): {card.summary}. Float32 NCHW images in [0, 1]: divide by 255."
    signed.doc_string += " Weights are stored as float16." if fp16 else ""
    return bytes(signed.SerializeToString(deterministic=True))


def halves(model: bytes, *, source: str) -> dict[str, bytes]:
    """Cut encoder.onnx and decoder.onnx out of an exported model.onnx: the very bytes that its export wrote.

    Raises FileRefused where the graph has no card, or no bottleneck to cut at. It must have passed the gate.
    """
    from onnx import ModelProto

    parsed = ModelProto.FromString(model)
    metadata = {entry.key: entry.value for entry in parsed.metadata_props}
    whole = card.from_metadata(metadata, source=source)
    if whole is None:
        raise FileRefused(f"{source} has no card of aezoo that says where its encoder ends; it cannot be cut")
    ports = {port["name"]: port for port in (*whole.inputs, *whole.outputs)}
    if not {RECONSTRUCTION, BOTTLENECK} <= ports.keys():
        raise FileRefused(f"{source} has no bottleneck and no reconstruction; it is not cut into encoder and decoder")
    inputs, clean = [port["name"] for port in whole.inputs], canonical(parsed)
    cuts = {
        "encoder": (inputs, [port["name"] for port in whole.outputs if port["name"] != RECONSTRUCTION]),
        "decoder": ([BOTTLENECK], [RECONSTRUCTION]),
    }
    cut = {}
    for name, (before, after) in cuts.items():
        own = replace(whole, graph=name, inputs=[ports[n] for n in before], outputs=[ports[n] for n in after])
        cut[f"{name}.onnx"] = with_card(
            part(clean, whole.name, name, before, after), own, fp16=metadata.get(WEIGHTS_KEY) == "float16"
        )
    return cut
