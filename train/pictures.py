"""Training on pictures of the user's own: which recipes `--images` makes of those named, and where the pictures lie."""

from __future__ import annotations

from pathlib import Path

from train.options import Options
from zoo import variants
from zoo.cli import say
from zoo.data import own, own_files
from zoo.errors import DataError, UsageError
from zoo.recipe import Recipe
from zoo.runs import RunFolder


def on_pictures(recipes: list[Recipe], options: Options, *, show: bool) -> list[Recipe]:
    """Return the recipes on the pictures that `--images` names, which are read now. Raises DataError, UsageError.

    Of several recipes those that cannot have pictures are left out; `show` tells so, and what is read.
    """
    if options.images is None:
        return recipes
    path = Path(options.images)
    able = [recipe for recipe in recipes if variants.can_have_pictures(recipe)] or recipes
    for recipe in recipes if show else ():
        if recipe not in able:
            say(f"{recipe.name} is left out: it makes letters in another alphabet, and has no use for pictures")
    source = own_files.find(path)
    varied = [_on_pictures(recipe, path, source) for recipe in able]
    del source  # of arrays it holds all
    for shape in dict.fromkeys(recipe.image_shape for recipe in varied):
        own.load(path, shape, show=show)
    return varied


def _on_pictures(recipe: Recipe, path: Path, source: own_files.PictureSource) -> Recipe:
    name, settings = own.name_of(path), variants.split(recipe.name)[1]
    known = settings.get("images", name)
    if known != name:
        raise UsageError(
            f"{recipe.name} is of the pictures {known!r}, and --images names {name!r}; leave one of them out"
        )
    wanted: dict[str, variants.Value] = {"images": name}
    if recipe.task.target == "label":
        classes = len(own.classes_of(source, recipe.name))
        wanted |= {"classes": classes} if classes != recipe.classes or "classes" in settings else {}
    if settings.items() >= wanted.items():
        return recipe
    if "images" in settings:
        raise UsageError(f"{recipe.name} is of other classes than those in {path}; train it by its name without '@…'")
    return variants.vary(recipe, wanted)


def path_of(recipe: Recipe, options: Options) -> Path:
    """Return where a recipe's own pictures lie: where `--images` says, or else where its run says they did."""
    if options.images is not None:
        return Path(options.images)
    run = RunFolder.of(options.runs, recipe.name)
    before = run.read_history().meta.get("images") if run.history.is_file() else None
    if not isinstance(before, str):
        raise UsageError(f"{recipe.name} is trained on pictures of your own; name where they lie with --images PATH")
    if not Path(before).exists():
        raise DataError(
            f"the pictures of {recipe.name} are no longer in {before}; name where they are with --images PATH"
        )
    return Path(before)
