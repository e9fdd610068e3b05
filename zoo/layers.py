"""A network's layers in the order in which an image goes through them, with output shapes and numbers of values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.recipe import Recipe

_ACTIVATIONS = (nn.ReLU, nn.Sigmoid)  # written behind the layer that they follow


def layers_of_recipe(recipe: Recipe) -> list[dict[str, Any]]:
    """Return the layers of a recipe's network; none of its weights are made, and no random number is drawn."""
    with torch.device("meta"):
        return layers_of(recipe.network(), recipe.input_shape)


def layers_of(network: nn.Module, image_shape: Sequence[int]) -> list[dict[str, Any]]:
    """Return {type, shape, parameters} of each layer, as a history and a card hold them; where some are, also `frozen`.

    `shape` is that of one image's output, `frozen` how many of the parameters are not learned. What several layers
    share counts once, where it is met first.
    """
    rows: list[dict[str, Any]] = []
    counted: set[int] = set()

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        if isinstance(layer, _ACTIVATIONS) and rows and rows[-1]["parameters"]:
            rows[-1]["type"] += f" + {type(layer).__name__}"
            return
        own = [each for each in layer.parameters() if id(each) not in counted]
        counted.update(map(id, own))
        count, frozen = (sum(math.prod(each.shape) for each in some) for some in (own, filter(_is_frozen, own)))
        row = {"type": type(layer).__name__, "shape": list(output.shape[1:]), "parameters": count}
        rows.append({**row, "frozen": frozen} if frozen else row)

    leaves = [layer for layer in network.modules() if not any(layer.children())]
    hooks = [layer.register_forward_hook(note) for layer in leaves]
    was_training = network.training
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(1, *image_shape, device=next(network.parameters()).device))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return rows


def _is_frozen(parameter: nn.Parameter) -> bool:
    return not parameter.requires_grad
