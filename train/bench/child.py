"""One contender in a process of its own: it trains an epoch whenever it is asked."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from train.bench import contenders
from zoo import bench_process, registry
from zoo.data.images import Images
from zoo.data.splits import load, select


def make(
    name: str, recipe_name: str, data: str | None, device: str, precision: str, images: int
) -> tuple[bench_process.Values, bench_process.Measure]:
    """Return what describes the contender, and what answers: a number trains an epoch, "profile" looks into a step."""
    recipe = registry.load(recipe_name)
    splits = select(load(recipe.data.name, data, split=recipe.data.split), recipe.data.selection)
    train = _first(splits.train, images)
    held = _first(splits.val or splits.test, images)
    del splits
    contender = contenders.of(name, recipe, train, held, device=device, precision=precision)

    def answer(asked: int | str) -> dict[str, Any]:
        if isinstance(asked, str):
            return {"profile": contender.profile()}
        return {"seconds": contender.epoch(asked), "loss": contender.loss()}

    return {"about": contender.about, "images": len(train), "provenance": train.provenance}, answer


def _first(images: Images, count: int) -> Images:
    return images.take(np.arange(min(count, len(images)))) if count else images


if __name__ == "__main__":
    bench_process.serve(lambda: make(**json.loads(sys.argv[1])))
