"""Recipes of the user's own: from a file that was named, `mine.py:small`, or from an installed package.

A file holds functions that return an `Autoencoder`, and `RECIPES = (Recipe(...),)`. It is run because it was named, and
never because a run says that it came from it. A package lists its module under the entry points `aezoo.recipes`.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from zoo.cli import TRAINING, plain, say
from zoo.errors import AezooError, UsageError, first_line, reason
from zoo.recipe import Network, Recipe
from zoo.variants import MARK

GROUP = "aezoo.recipes"
SECONDS = 5.0  # after which it is said which file is being run
EXPECTED = "expected RECIPES = (Recipe(…),) at its foot"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][A-Za-z0-9_.,=+-]*")


def file_of(pattern: str) -> tuple[Path, str] | None:
    """Return the file and what is named in it, of 'mine.py:small@seed=1' or 'mine.py'; None for any other name."""
    file, found, rest = pattern.partition(".py:")
    if found:
        return _absolute(f"{file}.py"), rest
    base, mark, settings = pattern.partition(MARK)
    return (_absolute(base), f"*{mark}{settings}") if base.endswith(".py") else None


def _absolute(file: str) -> Path:
    return Path(file).expanduser().resolve()


def read(path: Path) -> list[Recipe]:
    """Run a file and return its recipes, checked. Raises UsageError for what is wrong with it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({reason(error)}); name a file of recipes, as mine.py:small"
        ) from error
    importlib.import_module("torch")  # which takes its time by itself
    with _said_when_slow(path):
        module = _run(path)
        recipes = _recipes_in(module, str(path))
        sha256 = hashlib.sha256(data).hexdigest()
        named = [_named(recipe, path.stem, str(path)) for recipe in recipes]
        return [replace(_completed(recipe), file=str(path), file_sha256=sha256) for recipe in named]


def of_packages() -> list[Recipe]:
    """Return the recipes of installed packages; one that cannot be loaded is named, and the others stay."""
    found = []
    for entry in entry_points(group=GROUP):
        try:
            module = entry.load()
            recipes = [_named(recipe, entry.name, entry.value) for recipe in _recipes_in(module, entry.value)]
            found += [recipe if recipe.network.parameters else _completed(recipe) for recipe in recipes]
        except Exception as error:  # whatever a package does when it is imported
            line = str(error) if isinstance(error, AezooError) else f"{type(error).__name__}: {first_line(error)}"
            say(f"the recipes of {entry.value} are left out: {line}")
    return found


@contextmanager
def _said_when_slow(path: Path) -> Iterator[None]:
    timer = threading.Timer(SECONDS, say, [f"{path} is still being run; Ctrl-C stops"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _run(path: Path) -> Any:
    """Run a file as a module. Raises UsageError with the line where it breaks off."""
    spec = importlib.util.spec_from_file_location(f"aezoo_recipes_{path.stem}", path)
    assert spec is not None and spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # which dataclasses look for
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(
            f"{error.filename or path}, line {error.lineno}: {error.msg}; mend it and try again"
        ) from error
    except (Exception, SystemExit) as error:  # whatever stands in the file
        if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in TRAINING:
            raise
        where = _line_of(error, path)
        raise UsageError(f"{path}{where}: {type(error).__name__}: {plain(first_line(error))}; mend it") from error
    return module


def _line_of(error: BaseException, path: Path) -> str:
    """Return ', line 7' of the file itself, as far down as the error came from there."""
    lines, here = [], error.__traceback__
    while here is not None:
        if here.tb_frame.f_code.co_filename == str(path):
            lines.append(here.tb_lineno)
        here = here.tb_next
    return f", line {lines[-1]}" if lines else ""


def _recipes_in(module: Any, where: str) -> list[Recipe]:
    recipes = getattr(module, "RECIPES", None)
    if recipes is None:
        raise UsageError(f"{where} defines no RECIPES; {EXPECTED}")
    if isinstance(recipes, Recipe):
        recipes = (recipes,)
    if not isinstance(recipes, list | tuple) or not recipes or not all(isinstance(each, Recipe) for each in recipes):
        raise UsageError(f"RECIPES in {where} is no tuple of recipes; {EXPECTED}")
    return list(recipes)


def _named(recipe: Recipe, stem: str, where: str) -> Recipe:
    """Return a recipe with its full name; one without an assignment belongs to the file's."""
    name = (
        recipe.name if "/" in recipe.name else f"{re.sub('[^a-z0-9_-]+', '-', stem.lower()).strip('-_')}/{recipe.name}"
    )
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{where}: {recipe.name!r} is no name for a recipe; expected small letters, as in 'mine/small'"
        )
    return replace(recipe, name=name)


def _completed(recipe: Recipe) -> Recipe:
    """Return a recipe with what is known of its network, which is built and run once. Raises UsageError."""
    import torch

    from zoo.blocks import Autoencoder, Classifier, parameter_count

    name = recipe.name
    build: Any = recipe.network  # or a function alone
    shape, wanted = recipe.input_shape, recipe.image_shape
    try:
        network: Any = build()
    except Exception as error:  # whatever layers do
        raise UsageError(f"{name}: its network cannot be built: {type(error).__name__}: {first_line(error)}") from error
    if not isinstance(network, Autoencoder | Classifier):
        made = type(network).__name__
        raise UsageError(f"{name}: its network is a {made}; expected an Autoencoder or a Classifier of zoo.blocks")
    network.eval()
    try:
        with torch.inference_mode():
            output = network(torch.zeros(2, *shape))
    except Exception as error:  # the same
        raise UsageError(f"{name}: its network cannot take images of {_text(shape)}: {first_line(error)}") from error
    if isinstance(network, Autoencoder) and output.reconstruction.shape[1:] != wanted:
        gives = _text(output.reconstruction.shape[1:])
        raise UsageError(
            f"{name}: its network gives {gives} back for images of {_text(shape)}; expected {_text(wanted)}"
        )
    data, summary, view, features = recipe.data, "", None, 0
    if isinstance(network, Classifier):
        features = output.features.shape[1]
        data = replace(data, classes=output.logits.shape[1] - data.noise_class) if data.is_own else data
    if isinstance(build, Network):
        summary, build, view = build.summary, build.build, build.view
    known = Network(
        build,
        summary or first_line_of(build),
        parameter_count(network),
        () if isinstance(network, Classifier) else tuple(output.bottleneck.shape[1:]),
        view,
        features=features,
    )
    _check_objective(recipe, output, torch.zeros(2, *wanted), torch.zeros(2, dtype=torch.int64))
    return replace(recipe, network=known, data=data)


def _check_objective(recipe: Recipe, output: Any, target: Any, labels: Any) -> None:
    """Raise UsageError for an objective that is not there, or a function of one's own that gives no terms."""
    import torch

    from zoo.objectives import MAX_TERMS, OBJECTIVES, Batch

    if recipe.loss is None:
        if recipe.objective not in OBJECTIVES:
            known = ", ".join(OBJECTIVES)
            raise UsageError(
                f"{recipe.name}: no objective {recipe.objective!r}; there are {known}, or loss=a function of your own"
            )
        return
    if recipe.objective in OBJECTIVES:
        raise UsageError(f"{recipe.name}: {recipe.objective!r} is an objective of the zoo; name your loss otherwise")
    try:
        terms = recipe.loss(output, Batch(target, target, labels))
    except Exception as error:  # whatever the function does
        line = f"{type(error).__name__}: {first_line(error)}"
        raise UsageError(f"{recipe.name}: its loss cannot be computed: {line}") from error
    sound = isinstance(terms, dict) and 0 < len(terms) <= MAX_TERMS
    if not sound or not all(isinstance(term, torch.Tensor) and term.ndim == 0 for term in terms.values()):
        raise UsageError(
            f"{recipe.name}: its loss gives no terms; expected a dict of 1 to {MAX_TERMS} names and numbers"
        )


def first_line_of(build: Any) -> str:
    """Return what a function says of its network: the first line of its docstring, or its name."""
    lines = (build.__doc__ or "").strip().splitlines()
    return lines[0].rstrip(".") if lines else str(getattr(build, "__name__", "a network"))


def _text(shape: Any) -> str:
    return "×".join(map(str, shape))
