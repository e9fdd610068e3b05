"""From torch to ONNX bytes: one trace a network, opset 18, IR 8, no trace of the machine, the same bytes again."""

import contextlib
import logging
import warnings
from collections.abc import Iterator

import onnx
import onnx.utils
import torch
from onnx import ModelProto

import zoo
from export.torchlib import quick_tables
from export.trained import Trained, Whole
from zoo.card import METADATA_KEY, Card
from zoo.cli import uncollected
from zoo.errors import CheckFailed

OPSET = 18  # with IR 8 the widest set: onnxruntime 1.15 to 1.31, web 1.14 on, OpenCV, OpenVINO, tract
IR_VERSION = 8
BATCH = "batch"


def convert(trained: Trained) -> dict[str, ModelProto]:
    """Return every graph of a network: the whole one, and what is cut out of it.

    Raises CheckFailed where the exporter fixed the batch or missed the opset.
    """
    whole = _canonical(_trace(trained))
    extractor = onnx.utils.Extractor(whole)  # the weights of a part are the whole graph's, bit for bit
    graphs = {}
    for name, (inputs, outputs) in trained.ports.items():
        graph = whole if name == "model" else _canonical(extractor.extract_model([*inputs], [*outputs]))
        graph.graph.name = f"{trained.recipe.name}/{name}".replace("/", "_").replace("-", "_")
        graph.producer_name, graph.producer_version = "aezoo", zoo.__version__
        _check_ports_and_versions(graph, name, (*inputs, *outputs))
        graphs[name] = graph
    return graphs


def _trace(trained: Trained) -> ModelProto:
    inputs, outputs = trained.ports["model"]
    example = torch.rand(2, *trained.image_shape, generator=torch.Generator().manual_seed(0))
    with _silence(), uncollected(), quick_tables():
        program = torch.onnx.export(
            Whole(trained.network).eval(),
            (example,),
            dynamo=True,
            external_data=False,
            optimize=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim(BATCH)},),
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    assert isinstance(proto, ModelProto)
    return proto


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The exporter warns of torchvision and of its own future; what matters is checked on its result."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _canonical(model: ModelProto) -> ModelProto:
    """Strip what is of this machine (paths, source lines) and put the rest into one order."""
    clean = ModelProto()
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


def _check_ports_and_versions(model: ModelProto, name: str, ports: tuple[str, ...]) -> None:
    """Two failures of the exporter are silent: a batch size that the network fixes, and an opset that it misses."""
    values = [*model.graph.input, *model.graph.output]
    found = {value.name: value.type.tensor_type.shape.dim[0].dim_param for value in values}
    expected = dict.fromkeys(ports, BATCH)
    if found != expected:
        raise CheckFailed(
            f"the exported {name} has the ports {found}, expected {expected}: the network fixes its batch"
        )
    versions = {entry.domain: entry.version for entry in model.opset_import}
    if versions != {"": OPSET} or model.ir_version != IR_VERSION:
        raise CheckFailed(f"the exported {name} has opset {versions} and IR {model.ir_version}, expected {OPSET} and 8")


def with_card(model: ModelProto, card: Card) -> bytes:
    """Return the graph's bytes with its card inside, beside the few keys that other tools know."""
    signed = ModelProto()
    signed.CopyFrom(model)
    channels = card.inputs[0]["shape"][1] if card.inputs[0]["kind"] == "image" else None
    metadata = {METADATA_KEY: card.to_json(), "model_author": "aezoo", "model_license": "MIT"}
    if channels:
        metadata["Image.NominalPixelRange"] = "Normalized_0_1"
        metadata["Image.BitmapPixelFormat"] = "Gray8" if channels == 1 else "Rgb8"
    onnx.helper.set_model_props(signed, dict(sorted(metadata.items())))
    signed.doc_string = f"{card.name} ({card.graph}): {card.summary}. Float32 NCHW images in [0, 1]: divide by 255."
    return bytes(signed.SerializeToString(deterministic=True))
