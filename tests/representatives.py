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


def _marks(name: str) -> list[pytest.MarkDecorator]:
    return [] if name in representatives() else [pytest.mark.slow]


# One recipe of every kind in `make test`, the others in `make test-slow`.
each_recipe = pytest.mark.parametrize("name", [pytest.param(name, marks=_marks(name)) for name in registry.names()])
