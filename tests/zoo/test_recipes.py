"""Every recipe of the registry is what its sheet says, and is whole."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from train.objectives import OBJECTIVES
from zoo import assignments, registry
from zoo.blocks import bottleneck_shape, parameter_count
from zoo.data import sets
from zoo.recipe import Recipe

RECIPES = list(registry.recipes().values())

# (parameters, bottleneck shape) as the sheet has them, or as its layers add up to.
SHEETS = {
    "freiburg/lr-0.1": (1_359, (2, 7, 7)),
    "freiburg/lr-0.01": (1_359, (2, 7, 7)),
    "freiburg/lr-0.001": (1_359, (2, 7, 7)),
    "purdue/dense": (829_284, (100,)),
    "purdue/conv": (3_217, (8, 7, 7)),
    "purdue/denoise": (3_217, (8, 7, 7)),
}


def test_the_registry_is_not_empty() -> None:
    assert {recipe.name for recipe in RECIPES} >= SHEETS.keys()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_stands_in_the_file_of_its_assignment(recipe: Recipe) -> None:
    module = recipe.network.__module__
    assert module == f"{assignments.__name__}.{recipe.assignment}"
    assert recipe.name.count("/") == 1


@pytest.mark.parametrize("name", SHEETS)
def test_a_network_has_the_parameters_and_the_bottleneck_of_its_sheet(name: str) -> None:
    recipe = registry.load(name)
    network = recipe.network()
    parameters, bottleneck = SHEETS[name]
    assert parameter_count(network) == parameters
    assert bottleneck_shape(network, sets.get(recipe.dataset).shape) == bottleneck


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_network_gives_back_images_of_its_data_set_in_unit_range(recipe: Recipe) -> None:
    shape = sets.get(recipe.dataset).shape
    output = recipe.network()(torch.rand(3, *shape))
    assert output.reconstruction.shape == output.raw.shape == (3, *shape)
    assert output.reconstruction.min() >= 0
    assert output.reconstruction.max() <= 1


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_network_starts_with_biases_of_zero_and_a_sigmoid_one_not_black(recipe: Recipe) -> None:
    torch.manual_seed(0)
    network = recipe.network()
    biases = [parameter for name, parameter in network.named_parameters() if name.endswith("bias")]
    assert biases
    assert not any(bias.any() for bias in biases)
    if isinstance(network.to_pixels, nn.Sigmoid):
        output = network(torch.rand(16, *sets.get(recipe.dataset).shape))
        assert 0.3 < output.reconstruction.mean() < 0.7


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_view_of_a_bottleneck_shows_every_value_once(recipe: Recipe) -> None:
    size = math.prod(bottleneck_shape(recipe.network(), sets.get(recipe.dataset).shape))
    assert recipe.bottleneck_view is None or math.prod(recipe.bottleneck_view) == size


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_an_objective_and_a_data_set_have_names_that_exist(recipe: Recipe) -> None:
    assert recipe.objective in OBJECTIVES
    assert recipe.dataset in sets.DATA_SETS
    assert recipe.epochs > 0
    assert recipe.choices, "say what the sheet leaves open"


def test_freiburg_tries_the_sheets_three_learning_rates_in_batches_of_64() -> None:
    freiburg = [recipe for recipe in RECIPES if recipe.assignment == "freiburg"]
    assert [recipe.learning_rate for recipe in freiburg] == [0.1, 0.01, 0.001]
    assert {recipe.batch_size for recipe in freiburg} == {64}


def test_purdue_trains_for_the_sheets_150_epochs_with_its_noise() -> None:
    purdue = {recipe.name: recipe for recipe in RECIPES if recipe.assignment == "purdue"}
    assert {recipe.epochs for recipe in purdue.values()} == {150}
    assert {name: recipe.noise for name, recipe in purdue.items()} == {
        "purdue/dense": 0.0,
        "purdue/conv": 0.0,
        "purdue/denoise": 0.25,
    }
