"""The recipes that stand for the whole registry, where a test is too expensive to be run for each in `make test`."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from zoo import registry
from zoo.recipe import Recipe

Kind = tuple[str, str, frozenset[str]]


def kind_of(recipe: Recipe) -> Kind:
    """Return what makes a recipe unlike others: its task, its objective and the kinds of layers in its network."""
    with torch.device("meta"):
        layers = [layer for layer in recipe.network().modules() if not any(layer.children())]
    return recipe.task.name, recipe.objective, frozenset(type(layer).__name__ for layer in layers)


@cache
def representatives() -> tuple[str, ...]:
    """Return the first recipe of every kind."""
    first: dict[Kind, str] = {}
    for name, recipe in registry.recipes().items():
        first.setdefault(kind_of(recipe), name)
    return tuple(first.values())


def of_every_task() -> tuple[str, ...]:
    """Return the first recipe of every task."""
    return tuple({registry.load(name).task.name: name for name in reversed(representatives())}.values())


def small_of_every_task() -> tuple[str, ...]:
    """Return those of them that have less than a million weights."""
    return tuple(name for name in of_every_task() if registry.load(name).network.parameters < 1_000_000)


def _each(quick: tuple[str, ...]) -> pytest.MarkDecorator:
    """Return a parameter `name` for every recipe; those that are not `quick` are left to `make test-slow`."""
    marked = [pytest.param(name, marks=[] if name in quick else [pytest.mark.slow]) for name in registry.names()]
    return pytest.mark.parametrize("name", marked)


each_recipe = _each(representatives())  # one recipe of every kind in `make test`
each_task = _each(of_every_task())  # one of every task, where what is tested differs little between layers
each_small = _each(small_of_every_task())  # those of them that are small, where a run is trained once more
