"""Training from Python: what `zoo.train` does, in the caller's own process."""

from __future__ import annotations

import contextlib
import io
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from train.command import train_quietly
from train.interrupts import Interrupt, watch
from train.options import Options
from train.pictures import on_pictures
from train.progress import Progress
from zoo import registry, variants
from zoo.data import own
from zoo.data.layout import to_images
from zoo.errors import CheckFailed, DataError, UsageError
from zoo.recipe import Recipe
from zoo.runs import RunFolder, atomic_write


def train(name: str, options: Options, *, images: Any, labels: Any, quiet: bool) -> Path:
    """Train, measure, export and verify; return the run's folder.

    Ctrl-C stops between two batches with Interrupted. Raises CheckFailed where nothing could be exported.
    """
    for key, value, least in (("epochs", options.epochs, 1), ("seed", options.seed, 0)):
        if value is not None and value < least:
            raise UsageError(f"{key}={value} is out of range; expected {least} or more")
    options.check()
    recipes = registry.match([name])
    if len(recipes) > 1:
        raise UsageError(f"{name} names {len(recipes)} recipes; name one of them")
    with _as_it_was(), _watched() as interrupt, _path_of(images, labels, recipes[0]) as path:
        options = replace(options, images=path, files=registry.files())
        with interrupt.at_once("stopped before the first epoch"):
            (recipe,) = on_pictures(recipes, options, show=not quiet)
        with Progress(quiet=quiet) as progress:
            report = train_quietly(recipe, options, interrupt, progress)
    if report["export"] is None:
        base, smaller = variants.split(recipe.name)[0], recipe.schedule.learning_rate / 10
        raise CheckFailed(
            f"the loss of {recipe.name} is not finite, so nothing was exported; "
            f"try '{base}{variants.MARK}learning_rate={smaller:g}'"
        )
    return RunFolder.of(options.runs, recipe.name).path


@contextlib.contextmanager
def _path_of(images: Any, labels: Any, recipe: Recipe) -> Iterator[str | None]:
    """Yield the path of pictures; arrays are brought to the recipe's shape and written to a file for as long."""
    if labels is not None and (images is None or isinstance(images, str | Path)):
        raise UsageError("labels are of images that are an array; those of a path are its folders, or lie in its file")
    if images is None or isinstance(images, str | Path):
        yield None if images is None else str(own.absolute(str(images)))
        return
    pixels, _ = to_images(images, recipe.image_shape, fit=True, title=recipe.name)
    arrays = {"images": np.round(pixels.transpose(0, 2, 3, 1) * 255).astype(np.uint8)}
    if labels is not None:
        arrays["labels"] = np.asarray(labels)
        if arrays["labels"].shape != pixels.shape[:1] or arrays["labels"].dtype.kind not in "iu":
            kind = f"{arrays['labels'].dtype} {arrays['labels'].shape}"
            raise DataError(f"the labels are {kind}; expected whole numbers, one an image: ({len(pixels)},)")
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory(prefix="aezoo-") as folder:
        path = Path(folder) / "array.npz"
        atomic_write(path, buffer.getvalue())
        yield str(path)


def _watched() -> contextlib.AbstractContextManager[Interrupt]:
    """Catch signals, which Python lets the main thread alone do."""
    in_main = threading.current_thread() is threading.main_thread()
    return watch() if in_main else contextlib.nullcontext(Interrupt())


@contextlib.contextmanager
def _as_it_was() -> Iterator[None]:
    """Leave torch as strict about repeatable sums as the caller has it."""
    mode = torch.get_deterministic_debug_mode()
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(mode)
