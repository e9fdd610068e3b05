"""A trained network: the graphs it is exported as, and what torch computes for each."""

import contextlib
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from export.graph import BOTTLENECK, FEATURES, IMAGE, LOGITS, LOGVAR, RECONSTRUCTION, Array
from zoo import checkpoints
from zoo.blocks import Autoencoder, Classifier, Variational
from zoo.errors import RunError
from zoo.recipe import Recipe
from zoo.runs import RunFolder

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
        return tuple(_outputs(self.network, image).values())


def _outputs(network: Autoencoder | Classifier, image: Tensor) -> dict[str, Tensor]:
    """Return every output of the whole graph by name, in the order of its ports."""
    if isinstance(network, Classifier):
        logits, features = network(image)
        return {LOGITS: logits, FEATURES: features}
    values = network.encode(image)
    return {RECONSTRUCTION: network.decode(values[BOTTLENECK]), **values}


@dataclass(frozen=True)
class Trained:
    """A trained network in eval mode on the CPU."""

    recipe: Recipe
    network: Autoencoder | Classifier

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.recipe.input_shape

    @property
    def ports(self) -> Ports:
        return ports_of(self.network)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of one image's value at every port, without the batch."""
        outputs = self.compute("model", np.zeros((1, *self.image_shape), np.float32))
        return {IMAGE: self.image_shape, **{name: value.shape[1:] for name, value in outputs.items()}}

    def compute(self, graph: str, value: Array) -> dict[str, Array]:
        """Return what torch computes for a graph: every output by name."""
        with torch.inference_mode():
            return {name: output.numpy() for name, output in self._compute(graph, torch.from_numpy(value)).items()}

    def _compute(self, graph: str, value: Tensor) -> Mapping[str, Tensor]:
        if graph == "model":
            return _outputs(self.network, value)
        assert isinstance(self.network, Autoencoder), graph
        return self.network.encode(value) if graph == "encoder" else {RECONSTRUCTION: self.network.decode(value)}

    def rounding(self, graph: str, value: Array) -> dict[str, float]:
        """Return how far torch's own float32 answer is off from its float64 one, at most, for every output."""
        double = replace(self, network=copy.deepcopy(self.network).double())
        exact = double.compute(graph, value.astype(np.float64))
        return {
            name: float(np.abs(single - exact[name]).max(initial=0))
            for name, single in self.compute(graph, value).items()
        }


def load_trained(recipe: Recipe, run: RunFolder, *, epochs: int) -> Trained:
    """Return the network of the run's newest sound checkpoint, which must be of the epoch that the history ends with.

    Raises RunError where there is none, or one of another epoch: its figures would be another network's.
    """
    checkpoint = checkpoints.last(run)
    if checkpoint.epoch != epochs:
        _, damaged = checkpoints.newest(run)
        raise RunError(
            f"the newest sound checkpoint in {run.checkpoint} is of epoch {checkpoint.epoch}, the history ends with "
            f"epoch {epochs}{''.join(f'; {sentence}' for sentence in damaged)}; go on with `aezoo train … --resume`"
        )
    network = recipe.network()
    with checkpoints.fitting(run):
        network.load_state_dict(checkpoints.load_state(checkpoint)["network"])
    network.eval()
    return Trained(recipe, network)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread: on a few small images several wait for each other longer than that takes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
