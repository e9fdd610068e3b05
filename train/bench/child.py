"""One contender in a process of its own: it says it is ready, trains an epoch for every line it reads, and tells.

Its standard output is the pipe to the benchmark, one JSON document a line; what a library prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any, TextIO

import numpy as np

from train.bench import contenders
from zoo import registry
from zoo.data.images import Images
from zoo.data.splits import load, select
from zoo.errors import AezooError


def main(arguments: dict[str, Any]) -> None:
    """Serve until stdin ends; what the user can mend goes through the pipe as one sentence."""
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        _serve(pipe, **arguments)
    except AezooError as error:
        print(json.dumps({"error": str(error)}), file=pipe, flush=True)


def _serve(pipe: TextIO, name: str, recipe_name: str, data: str, device: str, precision: str, images: int) -> None:
    recipe = registry.load(recipe_name)
    splits = select(load(recipe.dataset, data or None, split=recipe.split), recipe.selection)
    train = _first(splits.train, images)
    held = _first(splits.val or splits.test, images)
    del splits
    contender = contenders.of(name, recipe, train, held, device=device, precision=precision)
    ready = {"about": contender.about, "images": len(train), "provenance": train.provenance}
    print(json.dumps(ready), file=pipe, flush=True)
    for number, _ in enumerate(sys.stdin, start=1):
        told = {"seconds": contender.epoch(number), "loss": contender.loss(), "memory": peak_memory()}
        print(json.dumps(told), file=pipe, flush=True)


def _first(images: Images, count: int) -> Images:
    return images.take(np.arange(min(count, len(images)))) if count else images


def peak_memory() -> int:
    """Return the most memory that this process ever held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
