"""The registry of recipes: the folders `assignments/` and `plus/` are the list, this module only reads them."""

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from zoo import assignments, plus, variants
from zoo.errors import UsageError
from zoo.recipe import Recipe


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name, in the order of the assignments' files."""
    found: dict[str, Recipe] = {}
    for folder in (assignments, plus):
        for module in pkgutil.iter_modules(folder.__path__):
            for recipe in importlib.import_module(f"{folder.__name__}.{module.name}").RECIPES:
                assert recipe.name not in found, recipe.name
                found[recipe.name] = recipe
    return found


def names() -> tuple[str, ...]:
    """Return the names of all recipes, such as 'purdue/conv'."""
    return tuple(recipes())


def assignments_of(recipe_names: Iterable[str]) -> tuple[str, ...]:
    """Return the assignments of these recipes, each once, in their order."""
    return tuple(dict.fromkeys(name.split("/")[0] for name in recipe_names))


def load(name: str) -> Recipe:
    """Return the recipe or variant of that name, or raise UsageError with the nearest name."""
    base, settings = variants.split(name)
    if base in recipes():
        return variants.vary(recipes()[base], settings)
    if Path(name).exists():
        raise UsageError(f"no recipe {name!r}, though a file or folder is there; name the recipe, and --runs DIR")
    near = difflib.get_close_matches(base, (*names(), *assignments_of(names())), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise UsageError(f"no recipe {name!r}{hint} (`aezoo list` shows all)")


def match(patterns: Iterable[str]) -> list[Recipe]:
    """Return the recipes that the patterns name: names, assignments, globs such as 'purdue/*', or 'all'.

    Each may end in '@' and settings. Each recipe comes once, in the order asked for. Raises UsageError for a pattern
    that fits none.
    """
    chosen: dict[str, Recipe] = {}
    for pattern in patterns:
        base, settings = variants.split(pattern)
        glob = "*" if base == "all" else f"{base}/*" if base in assignments_of(names()) else base
        fitting = [variants.vary(recipe, settings) for name, recipe in recipes().items() if fnmatchcase(name, glob)]
        if not fitting and any(character in glob for character in "*?["):
            raise UsageError(f"no recipe fits {pattern!r}. (`aezoo list` shows all)")
        chosen.update((recipe.name, recipe) for recipe in fitting or [load(pattern)])
    return list(chosen.values())
