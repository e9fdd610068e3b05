"""Names, globs and typos."""

from __future__ import annotations

import subprocess
import sys

import pytest

from zoo import registry
from zoo.errors import UsageError


def test_a_typo_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        registry.load("purdue/cnov")
    assert str(caught.value) == "no recipe 'purdue/cnov'; did you mean 'purdue/conv'? (`aezoo list` shows all)"


def test_a_name_like_no_other_learns_where_the_names_are() -> None:
    with pytest.raises(UsageError, match=r"no recipe 'xyzzy'\. \(`aezoo list` shows all\)"):
        registry.load("xyzzy")


def test_globs_and_all_name_recipes_once_each_in_the_order_asked_for() -> None:
    chosen = [recipe.name for recipe in registry.match(["purdue/denoise", "purdue/*"])]
    assert chosen[0] == "purdue/denoise"
    assert len(chosen) == len(set(chosen)) == sum(name.startswith("purdue/") for name in registry.names())
    assert [recipe.name for recipe in registry.match(["all"])] == list(registry.names())


def test_a_glob_that_fits_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no recipe fits 'perdue/\*'"):
        registry.match(["perdue/*"])


def test_every_recipe_can_be_named_without_torch() -> None:
    program = (
        "import sys; from zoo import registry; from zoo.listing import facts_of; from pathlib import Path; "
        "rows = [facts_of(recipe, Path('absent')) for recipe in registry.recipes().values()]; "
        "assert len(rows) > 40; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_assignment_names_all_its_recipes() -> None:
    assert registry.match(["purdue"]) == registry.match(["purdue/*"])
    assert next(recipe.name for recipe in registry.match(["purdue@seed=3"])) == "purdue/dense@seed=3"
    with pytest.raises(UsageError, match=r"no recipe 'purdu'; did you mean 'purdue'\?"):
        registry.match(["purdu"])
