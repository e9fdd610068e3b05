"""What one training is asked to do, as a value, and as the command's options."""

from __future__ import annotations

import functools
import inspect
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, get_type_hints

import typer

from zoo.cli import RUNS_DEFAULT, Data, Device, Runs
from zoo.errors import UsageError
from zoo.recipe import Recipe

PRECISIONS = ("auto", "fp32", "bf16")
CLUSTERS = ("ray",)
QUICK_EPOCHS, QUICK_STEPS = 2, 10
QUICK_IMAGES = 1_000  # to test on, and to fit baselines to


def share_of_cores(jobs: int) -> int:
    """Return the threads that each of so many processes may use."""
    return max(1, (os.cpu_count() or 1) // jobs)


@dataclass(frozen=True, kw_only=True)
class Options:
    """`data` is a folder, 'sample', or None for the user's cache; `epochs` None takes the recipe's own number.

    `precision` is the type that layers compute in: 'fp32', which is repeatable bit for bit, 'bf16', or 'auto', which
    lets a short probe choose; without `probe` that is float32. `quick` cuts every recipe to the same tiny budget.
    """

    data: Data = None
    runs: Runs = RUNS_DEFAULT
    device: Device = "auto"
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of weights, order and noise.")] = 0
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Epochs; the recipe's own by default.")] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that is there.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where a run is there.")] = False
    export: Annotated[
        bool,
        typer.Option(
            "--export/--no-export", show_default=False, help="Export and verify the graphs at the end, or train only."
        ),
    ] = True
    precision: Annotated[
        str,
        typer.Option(
            "--precision",
            metavar="auto|fp32|bf16",
            help="What layers compute in; auto: the fastest that keeps the result. fp32 is repeatable bit for bit.",
        ),
    ] = "fp32"
    quick: Annotated[
        bool, typer.Option("--quick", help="2 epochs of at most 10 batches: shows that it works, and nothing more.")
    ] = False
    probe: Annotated[
        bool,
        typer.Option(
            "--probe/--no-probe",
            show_default=False,
            help="Try for some seconds how computing is fastest, or begin at once.",
        ),
    ] = True
    jobs: Annotated[
        int | None,  # None: one at a time here, and as many as there is room for on a cluster
        typer.Option("--jobs", "-j", min=1, max=256, help="Train so many at once, each with its share of cores."),
    ] = None
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster", metavar="ray", help="Train on the Ray cluster at RAY_ADDRESS, or on one started here."
        ),
    ] = None
    gpus: Annotated[
        float | None, typer.Option("--gpus", min=0, help="Of each training on the cluster: 0.25 is a quarter of one.")
    ] = None
    launcher: tuple[str, ...] = ("aezoo", "train")  # how the command begins; () where nobody can say
    sweep: str = ""  # names the command
    resumes_own: bool = True  # what this very command began before a kill
    after: tuple[str, ...] = ()  # recipes that the same command trains after this one

    def check(self) -> None:
        """Raise UsageError for options that contradict each other, or that do not exist."""
        if self.resume and self.overwrite:
            raise UsageError("--resume goes on with a run and --overwrite begins anew; give one of them")
        if self.precision not in PRECISIONS:
            raise UsageError(f"--precision {self.precision!r} is none of {', '.join(PRECISIONS)}")
        if self.cluster not in (None, *CLUSTERS):
            raise UsageError(f"--cluster {self.cluster!r} is not known; there is {', '.join(CLUSTERS)}")
        if self.gpus is not None and self.cluster is None:
            raise UsageError("--gpus is a share on a cluster; add --cluster ray, or choose with --device")

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

    def images_measured(self, images: int) -> int:
        """Return how many of so many images baselines are fitted to."""
        return min(images, QUICK_IMAGES) if self.quick else images

    def resume_line(self, *names: str) -> str:
        """Return the command that goes on with these trainings and those after them, to be copied as it is."""
        if not self.launcher:
            return "the same command with --resume"
        words = [*self.launcher, *names, *self.after, "--resume"]
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


def with_options(**defaults: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command take its parameter `options` as one command-line option for each field that describes one."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        types = get_type_hints(Options, include_extras=True)
        typed = [field for field in fields(Options) if hasattr(types[field.name], "__metadata__")]

        @functools.wraps(command)
        def run(**given: Any) -> None:
            own = {field.name: given.pop(field.name) for field in typed}
            command(**given, options=Options(**own))

        own, kind = get_type_hints(command, include_extras=True), inspect.Parameter.KEYWORD_ONLY
        parameters = [
            parameter.replace(annotation=own[name], kind=kind)
            for name, parameter in inspect.signature(command).parameters.items()
            if name != "options"
        ]
        parameters += [
            inspect.Parameter(
                field.name, kind, default=defaults.get(field.name, field.default), annotation=types[field.name]
            )
            for field in typed
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate
