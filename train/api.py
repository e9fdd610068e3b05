"""Training from Python: what `zoo.train` does, in the caller's own process."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import torch

from train.command import train_quietly
from train.interrupts import Interrupt, watch
from train.options import Options
from train.progress import Progress
from zoo import variants
from zoo.errors import CheckFailed, UsageError
from zoo.recipe import Recipe
from zoo.runs import RunFolder


def train(recipe: Recipe, options: Options, *, quiet: bool) -> Path:
    """Train, measure, export and verify; return the run's folder.

    Ctrl-C stops between two batches with Interrupted. Raises CheckFailed where nothing could be exported.
    """
    for key, value, least in (("epochs", options.epochs, 1), ("seed", options.seed, 0)):
        if value is not None and value < least:
            raise UsageError(f"{key}={value} is out of range; expected {least} or more")
    options.check()
    with _as_it_was(), _watched() as interrupt, Progress(quiet=quiet) as progress:
        report = train_quietly(recipe, options, interrupt, progress)
    if report["export"] is None:
        base, smaller = variants.split(recipe.name)[0], recipe.schedule.learning_rate / 10
        raise CheckFailed(
            f"the loss of {recipe.name} is not finite, so nothing was exported; "
            f"try '{base}{variants.MARK}learning_rate={smaller:g}'"
        )
    return RunFolder.of(options.runs, recipe.name).path


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
