"""The layers of a network, as its history and card hold them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.representatives import each_recipe
from zoo import registry
from zoo.layers import layers_of, layers_of_recipe

ASSIGNMENTS = Path(registry.__file__).parent / "assignments"


@each_recipe
def test_the_learned_values_of_the_layers_are_the_recipes_parameters(name: str) -> None:
    recipe = registry.load(name)
    layers = layers_of_recipe(recipe)
    assert sum(layer["parameters"] - layer.get("frozen", 0) for layer in layers) == recipe.network.parameters
    assert json.loads(json.dumps(layers)) == layers


def test_dropout_normalisation_and_slopes_are_layers_of_their_own() -> None:
    layers = layers_of_recipe(registry.load("letters/random"))
    assert layers[:4] == [
        {"type": "Normalise", "shape": [1, 28, 28], "parameters": 0},
        {"type": "Conv2d", "shape": [32, 14, 14], "parameters": 320},
        {"type": "BatchNorm2d", "shape": [32, 14, 14], "parameters": 64},
        {"type": "PReLU", "shape": [32, 14, 14], "parameters": 1},
    ]
    assert sum(layer["parameters"] for layer in layers if layer["type"] == "PReLU") == 1  # one slope, used seven times
    assert {"type": "Dropout", "shape": [512], "parameters": 0} in layers


def test_an_activation_stands_behind_its_layer() -> None:
    types = [layer["type"] for layer in layers_of_recipe(registry.load("purdue/conv"))]
    assert types[:2] == ["Conv2d + ReLU", "MaxPool2d"] and types[-1] == "Conv2d + Sigmoid"


def test_looking_at_layers_changes_nothing() -> None:
    network = nn.Sequential(nn.Linear(4, 2), nn.Dropout())
    torch.manual_seed(1)
    before = torch.get_rng_state()
    layers_of(network, (4,))
    layers_of_recipe(registry.load("purdue/conv"))
    assert network.training and torch.equal(torch.get_rng_state(), before)
    assert not any(layer._forward_hooks for layer in network)


@pytest.mark.parametrize("path", sorted(ASSIGNMENTS.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_file_of_recipes_says_what_trains_them(path: Path) -> None:
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert f"aezoo train {path.stem}" in done.stdout
