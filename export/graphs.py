"""The graphs of a trained network: what goes in, what comes out, and the torch module that computes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo import checkpoints
from zoo.blocks import Autoencoder, Classifier, Variational, bottleneck_shape
from zoo.errors import RunError
from zoo.recipe import Recipe
from zoo.runs import RunFolder

IMAGE = "image"
RECONSTRUCTION = "reconstruction"
BOTTLENECK = "bottleneck"
LOGVAR = "logvar"
LOGITS = "logits"
FEATURES = "features"

Ports = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]  # graph → (inputs, outputs)

_AUTOENCODER: Ports = {
    "model": ((IMAGE,), (RECONSTRUCTION, BOTTLENECK)),
    "encoder": ((IMAGE,), (BOTTLENECK,)),
    "decoder": ((BOTTLENECK,), (RECONSTRUCTION,)),
}
_VARIATIONAL: Ports = {
    "model": ((IMAGE,), (RECONSTRUCTION, BOTTLENECK, LOGVAR)),
    "encoder": ((IMAGE,), (BOTTLENECK, LOGVAR)),
    "decoder": ((BOTTLENECK,), (RECONSTRUCTION,)),
}
_CLASSIFIER: Ports = {"model": ((IMAGE,), (LOGITS, FEATURES))}


def ports_of(network: nn.Module) -> Ports:
    """Return the graphs of a network with the names of their inputs and outputs."""
    if isinstance(network, Classifier):
        return _CLASSIFIER
    return _VARIATIONAL if isinstance(network, Variational) else _AUTOENCODER


class Whole(nn.Module):
    """The graph that is traced; encoder and decoder are cut out of it."""

    def __init__(self, network: Autoencoder | Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(_answer(self.network, image).values())


def _answer(network: Autoencoder | Classifier, image: Tensor) -> dict[str, Tensor]:
    """Return every output of the whole graph by name, in the order of its ports."""
    if isinstance(network, Classifier):
        logits, features = network(image)
        return {LOGITS: logits, FEATURES: features}
    values = network.encode(image)
    return {RECONSTRUCTION: network.decode(values[BOTTLENECK]), **values}


@dataclass(frozen=True)
class Trained:
    """A trained network in eval mode on the CPU, with the shapes of one image's values (without the batch).

    `bottleneck_shape` is () for a classifier.
    """

    recipe: Recipe
    network: Autoencoder | Classifier
    image_shape: tuple[int, int, int]
    bottleneck_shape: tuple[int, ...]

    @property
    def ports(self) -> Ports:
        return ports_of(self.network)


def load_trained(recipe: Recipe, run: RunFolder, *, epochs: int) -> Trained:
    """Return the network of the run's newest sound checkpoint, which must be of the epoch that the history ends with.

    Raises RunError where there is none, or one of another epoch: its figures would be another network's.
    """
    checkpoint = checkpoints.last(run)
    if checkpoint.epoch != epochs:
        _, troubles = checkpoints.newest(run)
        raise RunError(
            f"the newest sound checkpoint in {run.checkpoint} is of epoch {checkpoint.epoch}, the history ends with "
            f"epoch {epochs}{''.join(f'; {trouble}' for trouble in troubles)}; go on with `aezoo train … --resume`"
        )
    network = recipe.network()
    with checkpoints.fitting(run):
        network.load_state_dict(checkpoints.load_state(checkpoint, run)["network"])
    network.eval()
    return Trained(recipe, network, recipe.input_shape, bottleneck_shape(network, recipe.input_shape))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread: on a few small images several wait for each other longer than that takes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def reference(trained: Trained, graph: str, value: Tensor) -> dict[str, Tensor]:
    """Return what torch computes for a graph: every output by name."""
    network = trained.network
    with torch.inference_mode():
        if graph == "model":
            return _answer(network, value)
        assert isinstance(network, Autoencoder), graph
        if graph == "encoder":
            return dict(network.encode(value))
        return {RECONSTRUCTION: network.decode(value)}


def shapes_of(trained: Trained) -> dict[str, tuple[int, ...]]:
    """Return the shape of one image's value at every port, without the batch."""
    answer = reference(trained, "model", torch.zeros(1, *trained.image_shape))
    return {IMAGE: trained.image_shape, **{name: tuple(value.shape[1:]) for name, value in answer.items()}}
