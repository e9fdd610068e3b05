"""Variants: a recipe with some of its settings changed, `purdue/conv@learning_rate=0.01,seed=3`.

The name holds every setting. It is the name of the run's folder too, so that exporting, verifying and listing a run get
its recipe back from the name.
"""

import difflib
import itertools
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from zoo.data.splits import SHUFFLED, Selection
from zoo.errors import UsageError
from zoo.recipe import Needs, Recipe
from zoo.tasks import CLASSIFY, DENOISE, RECONSTRUCT

MARK = "@"
SETTINGS = {"learning_rate": float, "batch_size": int, "epochs": int, "noise": float, "seed": int}
OWN = ("images", "classes")  # of a recipe on the user's pictures: what they are called, and a classifier's classes
MOST = 1000  # runs of one command
_LEAST = {"batch_size": 1, "epochs": 1, "noise": 0, "seed": 0}

Value = float | int | str
Settings = Mapping[str, Value]


def vary(recipe: Recipe, settings: Settings) -> Recipe:
    """Return the recipe, or variant, with these settings too, and a name that holds all in a fixed order.

    With noise it is a denoiser, without it is none. Raises UsageError for a setting that the variant has already.
    """
    if not settings:
        return recipe
    base, own = split(recipe.name)
    for key in settings:
        if key in own:
            raise UsageError(f"{recipe.name} gives {key} already; leave --set {key} out, or its '{MARK}…'")
    both = {**own, **settings}
    ordered: dict[str, Any] = {key: both[key] for key in (*OWN, *SETTINGS) if key in both}
    name = base + MARK + ",".join(f"{key}={_text(value)}" for key, value in ordered.items())
    images, classes = ordered.pop("images", None), ordered.pop("classes", None)
    if "images" in settings:
        recipe = _on_pictures(recipe, images, classes)
    elif "classes" in settings:
        raise UsageError(f"{name}: the classes are those of pictures; train it with --images PATH")
    noise = ordered.pop("noise", recipe.data.noise)
    task = recipe.task
    if task in (RECONSTRUCT, DENOISE):
        task = DENOISE if noise else RECONSTRUCT
    data, schedule = replace(recipe.data, noise=noise), replace(recipe.schedule, **ordered)
    return replace(recipe, name=name, task=task, data=data, schedule=schedule)


def _on_pictures(recipe: Recipe, images: str, classes: int | None) -> Recipe:
    """Return a recipe on pictures of the user's own, of which nothing but the shape is as its sheet has it.

    A generator learns from as many pictures of any kind, and nobody classifies what it makes.
    """
    if not can_have_pictures(recipe):
        raise UsageError(f"{recipe.name} makes letters of the same class in another alphabet, so it takes no --images")
    data, network = recipe.data, recipe.network
    selection = data.selection and Selection(None, data.selection.count, "pictures")
    if classes is not None and classes != recipe.classes:
        if recipe.task != CLASSIFY:
            raise UsageError(f"{recipe.name} has no classes; leave classes={classes} out of its name")
        network = network.with_outputs(classes + data.noise_class, recipe.classes + data.noise_class)
    data = replace(
        data,
        name=f"images={images}",
        shape=recipe.image_shape,
        classes=classes or recipe.classes,
        selection=selection,
        split=SHUFFLED,
    )
    return replace(recipe, network=network, data=data, needs=Needs(), published={}, compared_by=recipe.metric)


def can_have_pictures(recipe: Recipe) -> bool:
    """Whether a recipe can be trained on pictures of the user's own."""
    return not recipe.task.by_class


def split(name: str) -> tuple[str, Settings]:
    """Split a variant's name into the recipe's and the settings; without the mark there are none. Raises UsageError."""
    base, mark, rest = name.partition(MARK)
    if not mark:
        return name, {}
    found: dict[str, Value] = {}
    for setting in rest.split(","):
        key, values = _read(setting, own=True)
        if len(values) != 1 or key in found:
            raise UsageError(f"{name!r} gives {key} more than one value; a variant has one of each")
        found[key] = values[0]
    return base, found


def grid(settings: Iterable[str]) -> list[Settings]:
    """Return every combination of the values of `--set`: `learning_rate=0.1,0.01`, `seed=0..4`. Raises UsageError."""
    axes: dict[str, list[Value]] = {}
    for setting in settings:
        key, values = _read(setting)
        if key in axes:
            raise UsageError(f"--set {key} is given twice; name all its values in one: --set {key}=1,2")
        axes[key] = values
    size = math.prod(len(values) for values in axes.values())
    if size > MOST:
        raise UsageError(f"--set makes {size:,} runs of each recipe; at most {MOST:,} are taken at once")
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def _text(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"


def _read(setting: str, *, own: bool = False) -> tuple[str, list[Value]]:
    key, equals, text = setting.partition("=")
    key = key.strip()
    if not equals or not text.strip():
        raise UsageError(f"{setting!r} is no setting; expected KEY=VALUE, with KEY one of {', '.join(SETTINGS)}")
    if key in OWN:
        return key, _own_values(setting, key, text.strip(), own=own)
    if key not in SETTINGS:
        near = difflib.get_close_matches(key, SETTINGS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(SETTINGS)}"
        raise UsageError(f"no setting {key!r}; {hint}")
    values = [value for part in text.split(",") for value in _values(key, part.strip())]
    return key, list(dict.fromkeys(values))


def _own_values(setting: str, key: str, text: str, *, own: bool) -> list[Value]:
    """Read what stands in the name of a recipe on the user's pictures; `--images` alone puts it there."""
    if not own:
        raise UsageError(f"--set {setting} is not how pictures are named; name their folder or file with --images PATH")
    if key == "images" and re.fullmatch("[A-Za-z0-9_.-]+", text):
        return [text]
    if key == "classes" and re.fullmatch("[1-9][0-9]{0,2}", text):
        return [int(text)]
    raise UsageError(f"{setting!r} cannot be in the name of a run; it is named by `aezoo train NAME --images PATH`")


def _values(key: str, text: str) -> list[Value]:
    first, dots, last = text.partition("..")
    if dots and SETTINGS[key] is int:
        low, high = _value(key, first), _value(key, last)
        if not low <= high < low + MOST:
            raise UsageError(f"{key}={text} is no range; expected FIRST..LAST, as in seed=0..4, of at most {MOST:,}")
        return list(range(int(low), int(high) + 1))
    return [_value(key, text)]


def _value(key: str, text: str) -> float | int:
    try:
        value: float | int = SETTINGS[key](text)
    except ValueError:
        kind = "a whole number" if SETTINGS[key] is int else "a number"
        raise UsageError(f"{key}={text!r} is not {kind}") from None
    least = _LEAST.get(key)
    if not (value > 0 if least is None else value >= least) or value > 2**31:  # nan is neither
        expected = "more than 0" if least is None else f"{least} or more"
        raise UsageError(f"{key}={text} is out of range; expected {expected}")
    return value
