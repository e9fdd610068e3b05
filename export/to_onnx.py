"""From torch to ONNX bytes: one trace a network, opset 18, IR 8, no trace of the machine, the same bytes again."""

import contextlib
import logging
import warnings
from collections.abc import Iterator

import torch
from onnx import ModelProto

from export.torchlib import quick_tables
from export.trained import Trained, Whole
from zoo.cli import uncollected
from zoo.errors import CheckFailed
from zoo.graphs import IR_VERSION, canonical, part

OPSET = 18  # with IR 8 the widest set: onnxruntime 1.15 to 1.31, web 1.14 on, OpenCV, OpenVINO, tract
BATCH = "batch"


def convert(trained: Trained) -> dict[str, ModelProto]:
    """Return every graph of a network: the whole one, and what is cut out of it.

    Raises CheckFailed where the exporter fixed the batch or missed the opset.
    """
    whole = canonical(_trace(trained))
    graphs = {}
    for name, (inputs, outputs) in trained.ports.items():
        graph = part(whole, trained.recipe.name, name, [*inputs], [*outputs])
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
