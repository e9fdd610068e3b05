"""Variants: a recipe with some of its settings changed, `purdue/conv@learning_rate=0.01,seed=3`.

The name holds every setting. It is the name of the run's folder too, so that exporting, verifying and listing a run get
its recipe back from the name.
"""

import difflib
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from zoo.errors import UsageError
from zoo.recipe import Recipe
from zoo.tasks import DENOISE, RECONSTRUCT

MARK = "@"
SETTINGS = {"learning_rate": float, "batch_size": int, "epochs": int, "noise": float, "seed": int}
MOST = 1000  # runs of one command
_LEAST = {"batch_size": 1, "epochs": 1, "noise": 0, "seed": 0}

Settings = Mapping[str, float | int]


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
    ordered: dict[str, Any] = {key: both[key] for key in SETTINGS if key in both}
    name = base + MARK + ",".join(f"{key}={value:.12g}" for key, value in ordered.items())
    noise = ordered.pop("noise", recipe.data.noise)
    task = recipe.task
    if task in (RECONSTRUCT, DENOISE):
        task = DENOISE if noise else RECONSTRUCT
    data, schedule = replace(recipe.data, noise=noise), replace(recipe.schedule, **ordered)
    return replace(recipe, name=name, task=task, data=data, schedule=schedule)


def split(name: str) -> tuple[str, Settings]:
    """Split a variant's name into the recipe's and the settings; without the mark there are none. Raises UsageError."""
    base, mark, rest = name.partition(MARK)
    if not mark:
        return name, {}
    found: dict[str, float | int] = {}
    for setting in rest.split(","):
        key, values = _read(setting)
        if len(values) != 1 or key in found:
            raise UsageError(f"{name!r} gives {key} more than one value; a variant has one of each")
        found[key] = values[0]
    return base, found


def grid(settings: Iterable[str]) -> list[Settings]:
    """Return every combination of the values of `--set`: `learning_rate=0.1,0.01`, `seed=0..4`. Raises UsageError."""
    axes: dict[str, list[float | int]] = {}
    for setting in settings:
        key, values = _read(setting)
        if key in axes:
            raise UsageError(f"--set {key} is given twice; name all its values in one: --set {key}=1,2")
        axes[key] = values
    size = math.prod(len(values) for values in axes.values())
    if size > MOST:
        raise UsageError(f"--set makes {size:,} runs of each recipe; at most {MOST:,} are taken at once")
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def _read(setting: str) -> tuple[str, list[float | int]]:
    key, equals, text = setting.partition("=")
    key = key.strip()
    if not equals or not text.strip():
        raise UsageError(f"{setting!r} is no setting; expected KEY=VALUE, with KEY one of {', '.join(SETTINGS)}")
    if key not in SETTINGS:
        near = difflib.get_close_matches(key, SETTINGS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(SETTINGS)}"
        raise UsageError(f"no setting {key!r}; {hint}")
    values = [value for part in text.split(",") for value in _values(key, part.strip())]
    return key, list(dict.fromkeys(values))


def _values(key: str, text: str) -> list[float | int]:
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
