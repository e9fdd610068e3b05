"""The registry of recipes: the folders `assignments/` and `plus/` are the list, this module only reads them.

After them come those of installed packages, and those of files that were named (recipe_files.py). Of a run whose
recipe is nowhere here there is what its history says.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Never

from zoo import assignments, plus, pretrained, recipe_files, tasks, variants
from zoo.cli import say
from zoo.errors import RunError, UsageError
from zoo.recipe import Data, Network, Recipe, Schedule
from zoo.runs import SAMPLE_TARGETS, RunFolder

_of_files: dict[str, Recipe] = {}  # those that were named in this process


def recipes() -> dict[str, Recipe]:
    """Return every recipe by name, in the order of the assignments' files."""
    return {**_installed(), **_of_files}


@cache
def _installed() -> dict[str, Recipe]:
    found: dict[str, Recipe] = {}
    for folder in (assignments, plus):
        for module in pkgutil.iter_modules(folder.__path__):
            for recipe in importlib.import_module(f"{folder.__name__}.{module.name}").RECIPES:
                assert recipe.name not in found, recipe.name
                found[recipe.name] = recipe
    for recipe in recipe_files.of_packages():
        if recipe.name in found:
            say(f"a package has a recipe {recipe.name!r}, which is there already; it is left out")
        found.setdefault(recipe.name, recipe)
    return found


def read_files(files: Iterable[str | Path]) -> None:
    """Read files of recipes, those that were read before too. Raises UsageError."""
    for file in files:
        known = {name for name, recipe in recipes().items() if recipe.file != str(file)}
        for recipe in recipe_files.read(Path(file)):
            if recipe.name in known:
                raise UsageError(f"{file} has a recipe {recipe.name!r}, which is there already; call it otherwise")
            known.add(recipe.name)
            _of_files[recipe.name] = recipe


def files() -> tuple[str, ...]:
    """Return the files of recipes that were read."""
    return tuple(dict.fromkeys(recipe.file for recipe in _of_files.values()))


def typed(name: str) -> str:
    """Return what one types for a recipe: its name, or 'mine.py:small' where it stands in a file."""
    base, mark, settings = name.partition(variants.MARK)
    recipe = _of_files.get(base)
    return f"{recipe.file}:{base.split('/')[1]}{mark}{settings}" if recipe else name


def _as_name(pattern: str) -> str:
    """Return the names that a pattern means, after reading the file that it names, if it does. Raises UsageError."""
    found = recipe_files.file_of(pattern)
    if found is None:
        return pattern
    file, rest = found
    if str(file) not in files():
        read_files([file])
    own = {recipe.name.split("/")[1]: recipe.assignment for recipe in _of_files.values() if recipe.file == str(file)}
    base, mark, settings = rest.partition(variants.MARK)
    fitting = [name for name in own if fnmatchcase(name, base)]
    if not fitting:
        raise UsageError(f"{file} has no recipe {base!r}; there is {', '.join(own)}")
    return f"{own[fitting[0]]}/{base}{mark}{settings}"


def names() -> tuple[str, ...]:
    """Return the names of all recipes, such as 'purdue/conv'."""
    return tuple(recipes())


def assignments_of(recipe_names: Iterable[str]) -> tuple[str, ...]:
    """Return the assignments of these recipes, each once, in their order."""
    return tuple(dict.fromkeys(name.split("/")[0] for name in recipe_names))


def load(name: str) -> Recipe:
    """Return the recipe or variant of that name, or raise UsageError with the nearest name."""
    name = _as_name(name)
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
    for pattern in map(_as_name, patterns):
        base, settings = variants.split(pattern)
        glob = "*" if base == "all" else f"{base}/*" if base in assignments_of(names()) else base
        fitting = [variants.vary(recipe, settings) for name, recipe in recipes().items() if fnmatchcase(name, glob)]
        if not fitting and any(character in glob for character in "*?["):
            raise UsageError(f"no recipe fits {pattern!r}. (`aezoo list` shows all)")
        chosen.update((recipe.name, recipe) for recipe in fitting or [load(pattern)])
    return list(chosen.values())


def match_runs(patterns: Iterable[str], runs: Path) -> list[Recipe]:
    """Return the same, and for what fits none the runs of that name: their recipes are not here."""
    chosen: dict[str, Recipe] = {}
    for pattern in patterns:
        try:
            found = match([pattern])
        except UsageError:
            found = [of_run(run) for run in pretrained.named(pattern, runs)]
            if not found:
                raise
        chosen.update((recipe.name, recipe) for recipe in found)
    return list(chosen.values())


def recipe_of(name: str, run: RunFolder) -> Recipe:
    """Return a run's recipe: the one of that name, or where there is none here what its history says of it."""
    try:
        return load(name)
    except UsageError:
        return of_run(run)


def of_run(run: RunFolder) -> Recipe:
    """Return what a run's history says of its recipe; its network cannot be built. Raises RunError."""
    history = run.read_history()
    meta = history.meta
    try:
        name, (channels, height, width) = str(meta["recipe"]), history.arrays[SAMPLE_TARGETS].shape[1:]

        def build() -> Never:
            raise RunError(f"{name}: no source here; name the file that it stands in, as in mine.py:small")

        summary, bottleneck = str(meta.get("summary", "")), tuple(int(size) for size in meta["bottleneck"])
        return Recipe(
            name=name,
            network=Network(build, summary, int(meta["parameters"]), bottleneck),
            data=Data(str(meta["data"]), noise=float(meta["noise"]), shape=(channels, height, width)),
            objective=str(meta["objective"]),
            schedule=Schedule(epochs=int(meta["epochs"]), batch_size=int(meta["batch_size"])),
            task=tasks.TASKS[meta["task"]],
            compared_by=str(meta["metric"]),
            has_source=False,
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RunError(f"{run.path} does not say of which recipe it is; name the file of that recipe") from error
