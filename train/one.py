"""One training, from the data set to the exported graphs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from train import devices
from train.interrupts import Interrupt
from train.loop import Result, train
from train.options import Options
from train.progress import Progress
from train.supplies import gather
from zoo import checkpoints
from zoo.data.splits import Splits, load, select
from zoo.errors import Interrupted
from zoo.recipe import Recipe
from zoo.runs import RunFolder


def train_one(
    recipe: Recipe, options: Options, interrupt: Interrupt, progress: Progress
) -> tuple[Result, dict[str, Any] | None]:
    """Train, measure, export and verify a recipe; return the result, and what was published where it was."""
    if interrupt.received is not None:
        line = options.resume_line(recipe.name)
        raise Interrupted(f"stopped before {recipe.name}; go on with: {line}", received=interrupt.received)
    folder = RunFolder.of(options.runs, recipe.name)
    with checkpoints.lock(folder):
        splits = splits_of(recipe, options.data)
        supplies = gather(recipe, options, devices.choose(options.device))
        result = train(recipe, splits, options, interrupt, progress, supplies)
        if not options.export or not result.is_finite:
            progress.end()
            return result, None
        from export.publish import publish  # the one place where train knows of export; it loads onnx

        progress.exporting()
        published = publish(recipe, folder)
        progress.end()
    return result, published.as_json()


def splits_of(recipe: Recipe, data: str | None) -> Splits:
    """Return a recipe's splits; one data set is held at a time."""
    return select(_splits(recipe.dataset, recipe.split, data), recipe.selection)


@lru_cache(maxsize=1)
def _splits(dataset: str, split: str, data: str | None) -> Splits:
    return load(dataset, data, split=split)
