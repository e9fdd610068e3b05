"""The graphs of a trained network: what goes in, what comes out, and the torch module that computes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo import checkpoints
from zoo.blocks import Autoencoder, bottleneck_shape
from zoo.data import sets
from zoo.errors import RunError
from zoo.recipe import Recipe
from zoo.runs import RunFolder

IMAGE = "image"
RECONSTRUCTION = "reconstruction"
BOTTLENECK = "bottleneck"


class Whole(nn.Module):
    """The graph that is traced; encoder and decoder are cut out of it."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        output = self.network(image)
        return output.reconstruction, output.bottleneck


@dataclass(frozen=True)
class Trained:
    """A trained network in eval mode on the CPU, with the shapes of its two ends (without the batch)."""

    recipe: Recipe
    network: Autoencoder
    image_shape: tuple[int, int, int]
    bottleneck_shape: tuple[int, ...]


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
    shape = sets.get(recipe.dataset).shape
    return Trained(recipe, network, shape, bottleneck_shape(network, shape))


def reference(trained: Trained, graph: str, value: Tensor) -> dict[str, Tensor]:
    """Return what torch computes for a graph: every output by name."""
    with torch.inference_mode():
        if graph == "encoder":
            return {BOTTLENECK: trained.network.encoder(value)}
        if graph == "decoder":
            return {RECONSTRUCTION: trained.network.to_pixels(trained.network.decoder(value))}
        output = trained.network(value)
        return {RECONSTRUCTION: output.reconstruction, BOTTLENECK: output.bottleneck}
