"""The representatives leave out no kind of recipe, and `make test` runs all of them."""

from __future__ import annotations

from tests.representatives import each_recipe, kind_of, representatives
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


def test_each_recipe_is_the_whole_registry_and_only_the_representatives_are_quick() -> None:
    is_slow = {each.values[0]: bool(each.marks) for each in each_recipe.args[1]}
    assert list(is_slow) == list(registry.names())
    assert [name for name, slow in is_slow.items() if not slow] == list(representatives())
