"""The representatives leave out no kind of recipe, and `make test` runs all of them."""

from __future__ import annotations

import pytest

from tests.representatives import (
    each_recipe,
    each_small,
    each_task,
    kind_of,
    of_every_task,
    representatives,
    small_of_every_task,
)
from zoo import registry


def test_every_kind_of_recipe_has_one_representative() -> None:
    kinds = [kind_of(registry.load(name)) for name in representatives()]
    assert len(kinds) > 10
    assert len(set(kinds)) == len(kinds)
    assert set(kinds) == {kind_of(recipe) for recipe in registry.recipes().values()}


def test_a_kind_is_task_objective_and_layers() -> None:
    for one, two in (
        ("purdue/conv", "purdue/denoise"),  # another task
        ("purdue/conv", "maastricht/base"),  # another objective
        ("purdue/conv", "purdue/dense"),  # other layers
    ):
        assert kind_of(registry.load(one)) != kind_of(registry.load(two))
    assert kind_of(registry.load("hesso/vae-2-10")) == kind_of(registry.load("hesso/vae-8-all"))


def test_every_task_has_one_recipe_among_the_representatives() -> None:
    tasks = [registry.load(name).task.name for name in of_every_task()]
    assert len(set(tasks)) == len(tasks) >= 7
    assert set(tasks) == {recipe.task.name for recipe in registry.recipes().values()}
    assert set(of_every_task()) <= set(representatives())


@pytest.mark.parametrize(
    ("each", "quick"),
    [(each_recipe, representatives()), (each_task, of_every_task()), (each_small, small_of_every_task())],
)
def test_every_recipe_is_tested_and_only_the_representatives_are_quick(
    each: pytest.MarkDecorator, quick: tuple[str, ...]
) -> None:
    is_slow = {one.values[0]: bool(one.marks) for one in each.args[1]}
    assert list(is_slow) == list(registry.names())
    assert {name for name, slow in is_slow.items() if not slow} == set(quick)
