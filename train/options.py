"""What one training is asked to do, as a value."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from zoo.cli import RUNS_DEFAULT
from zoo.recipe import Recipe

PRECISIONS = ("auto", "fp32", "bf16")
CLUSTERS = ("ray",)
QUICK_EPOCHS, QUICK_STEPS = 2, 10


def share_of_cores(jobs: int) -> int:
    """Return the threads that each of so many processes may use."""
    return max(1, (os.cpu_count() or 1) // jobs)


@dataclass(frozen=True, kw_only=True)
class Options:
    """`data` is a folder, 'sample', or None for the user's cache; `epochs` None takes the recipe's own number.

    `precision` is the type that layers compute in: 'fp32', which is repeatable bit for bit, 'bf16', or 'auto', which
    lets a short probe choose; without `probe` that is float32. `quick` cuts every recipe to the same tiny budget.
    """

    data: str | None
    runs: Path
    device: str = "auto"
    seed: int = 0
    epochs: int | None = None
    resume: bool = False
    overwrite: bool = False
    export: bool = True
    precision: str = "fp32"
    quick: bool = False
    probe: bool = True
    jobs: int | None = None  # None: one at a time here, and as many as there is room for on a cluster
    cluster: str | None = None
    gpus: float | None = None  # of each training on the cluster
    launcher: tuple[str, ...] = ("aezoo", "train")  # the words that begin the command; () where nobody can tell
    sweep: str = ""  # names the command
    takes_up: bool = True  # what this very command began before a kill
    after: tuple[str, ...] = ()  # recipes that the same command trains after this one

    def epochs_of(self, recipe: Recipe) -> int:
        """Return the epochs to train."""
        return self.epochs or (QUICK_EPOCHS if self.quick else recipe.schedule.epochs)

    def seed_of(self, recipe: Recipe) -> int:
        """Return the seed: a variant's own, where it names one."""
        return self.seed if recipe.schedule.seed is None else recipe.schedule.seed

    def steps_of(self, recipe: Recipe, images: int) -> int | None:
        """Return the batches an epoch, None for each of so many images once."""
        if not self.quick:
            return recipe.schedule.steps
        return min(QUICK_STEPS, recipe.schedule.steps or -(-images // recipe.schedule.batch_size))

    def resume_line(self, recipe_name: str) -> str:
        """Return the command that goes on with this training, to be copied as it is."""
        if not self.launcher:
            return "the same command with --resume"
        words = [*self.launcher, recipe_name, *self.after, "--resume"]
        words += ["--data", self.data] if self.data else []
        words += ["--epochs", str(self.epochs)] if self.epochs else []
        words += ["--seed", str(self.seed)] if self.seed else []
        words += ["--precision", self.precision] if self.precision != "auto" else []
        words += [] if self.probe else ["--no-probe"]
        words += ["--jobs", str(self.jobs)] if self.jobs else []
        words += ["--cluster", self.cluster] if self.cluster else []
        words += ["--gpus", f"{self.gpus:g}"] if self.gpus is not None else []
        words += ["--quick"] if self.quick else []
        words += ["--device", self.device] if self.device != "auto" else []
        words += ["--runs", str(self.runs)] if self.runs != RUNS_DEFAULT else []
        words += [] if self.export else ["--no-export"]
        return shlex.join(words)
