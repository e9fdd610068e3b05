"""Networks with their weights, in torch: from a run's newest checkpoint, or else from an exported graph.

The exporter keeps every weight under its name in the network, `network.encoder.0.weight`, as float32, or as float16
in a file of half the size. Two things it keeps otherwise: a batch normalisation is folded into the layer before it,
and so becomes an identity here, as in torch's `fuse_conv_bn_eval`; a PReLU's slope has no name, and slopes are taken in
their order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from zoo import card, checkpoints, gate, pretrained, registry, targets
from zoo.blocks import Autoencoder, Classifier
from zoo.errors import FileRefused
from zoo.runs import RunFolder

PREFIX, FP16 = "network.", ".float16"
_COUNTER = "num_batches_tracked"  # of a batch normalisation: not used where it is at rest

Network = Autoencoder | Classifier


def fresh(name: str, seed: int | None) -> Network:
    """Return a recipe's network at the start of training. Raises UsageError."""
    recipe = registry.load(name)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        return recipe.network()


def trained(name: str, runs: Path) -> Network:
    """Return the network of a run, a bundle, a file or a pretrained model, at rest (`eval()`).

    Raises RunError and FileRefused where there are no weights, or those of another network.
    """
    target = targets.one(name, runs)
    if isinstance(target, RunFolder) and target.checkpoint.is_dir():
        return _of_checkpoint(target)
    if isinstance(target, RunFolder) and pretrained.holds(target.path):
        return of_graph(pretrained.read_model(target), pretrained.title(target.path))
    path = target.graph("model") if isinstance(target, RunFolder) else target
    return of_graph(gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES), str(path))


def _of_checkpoint(run: RunFolder) -> Network:
    checkpoint = checkpoints.last(run)
    network = registry.load(str(checkpoint.facts.get("recipe"))).network()
    with checkpoints.fitting(run):
        network.load_state_dict(checkpoints.load_state(checkpoint)["network"])
    return network.eval()


def of_graph(data: bytes, source: str) -> Network:
    """Return the network of an exported model.onnx with its weights, at rest. Raises FileRefused."""
    facts = gate.check_onnx(data, source=source)
    own = card.from_metadata(facts.metadata, source=source)
    if own is None or own.graph != "model":
        raise FileRefused(f"{source} is no model.onnx of aezoo: it has no card that names its network")
    network = registry.load(own.name).network()
    weights, slopes = _tensors(data)
    _remove_folded(network, weights)
    state = network.state_dict()
    for name, slope in zip(_slopes_of(network), slopes, strict=True):
        weights[name] = slope.reshape(state[name].shape)
    shapes = {name: tuple(value.shape) for name, value in state.items() if not name.endswith(_COUNTER)}
    found = {name: value.shape for name, value in weights.items()}
    if found != shapes:
        different = sorted(name for name in found.keys() | shapes.keys() if found.get(name) != shapes.get(name))
        raise FileRefused(f"{source} does not hold the weights of {own.name} ({', '.join(different[:3])} differ)")
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()}, strict=False)
    return network.eval()


def _tensors(data: bytes) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Return the weights that have a name in the network, as float32, and the slopes of PReLUs in their order."""
    from onnx import ModelProto, numpy_helper

    graph = ModelProto.FromString(data).graph
    tensors = {tensor.name.removesuffix(FP16): numpy_helper.to_array(tensor) for tensor in graph.initializer}
    named = {name.removeprefix(PREFIX): value for name, value in tensors.items() if name.startswith(PREFIX)}
    weights = {name: value.astype(np.float32) for name, value in named.items()}
    return weights, [tensors[node.input[1]] for node in graph.node if node.op_type == "PRelu"]


def _remove_folded(network: nn.Module, weights: dict[str, np.ndarray]) -> None:
    """Put an identity where a batch normalisation was folded into the layer before it."""
    for name, module in list(network.named_modules()):
        if isinstance(module, _BatchNorm) and f"{name}.running_mean" not in weights:
            network.set_submodule(name, nn.Identity())


def _slopes_of(network: nn.Module) -> list[str]:
    modules = network.named_modules(remove_duplicate=False)
    return [f"{name}.weight" for name, module in modules if isinstance(module, nn.PReLU)]
