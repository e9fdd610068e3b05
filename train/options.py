"""What one training is asked to do, as a value, and as the command's options."""

import inspect
import os
import shlex
from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from typing import Annotated, Any, get_type_hints

import typer

from zoo import pretrained, registry
from zoo.cli import RUNS_DEFAULT, Data, Device, Runs
from zoo.data import sets
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
    """`data` is a folder, 'sample', or None for the user's cache; `epochs` None takes the recipe's own number. `images`
    is where pictures of the user's own lie, for all recipes of the command.

    `precision` is the type that layers compute in: 'fp32', which is repeatable bit for bit, 'bf16', or 'auto', which
    lets a short probe choose; without `probe` that is float32. `quick` cuts every recipe to the same tiny budget.
    """

    data: Data = None
    images: Annotated[
        str | None,
        typer.Option(
            "--images", metavar="PATH", help="Your own pictures: a folder, a .zip, an .npz, or IDX files as MNIST's."
        ),
    ] = None
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Epochs; the recipe's own by default.")] = None
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of weights, order and noise.")] = 0
    precision: Annotated[
        str,
        typer.Option(
            "--precision",
            metavar="auto|fp32|bf16",
            help="What layers compute in; auto: the fastest that keeps the result. fp32 is repeatable bit for bit.",
        ),
    ] = "auto"
    probe: Annotated[
        bool,
        typer.Option("--probe/--no-probe", show_default=False, help="Try for some seconds how computing is fastest."),
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
    quick: Annotated[
        bool, typer.Option("--quick", help="2 epochs of at most 10 batches: shows that it works, and nothing more.")
    ] = False
    verbose: Annotated[bool, typer.Option("--verbose", help="Say why steps are not compiled, where they are not.")] = (
        False
    )
    device: Device = "auto"
    runs: Runs = RUNS_DEFAULT
    export: Annotated[
        bool, typer.Option("--export/--no-export", show_default=False, help="Export and verify the graphs at the end.")
    ] = True
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that is there.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where a run is there.")] = False
    launcher: tuple[str, ...] = ("aezoo", "train")  # how the command begins; () where nobody can say
    files: tuple[str, ...] = ()  # of recipes, that the command named
    sweep: str = ""  # names the command
    resumes_own: bool = True  # what this very command began before a kill
    after: tuple[str, ...] = ()  # recipes that the same command trains after this one

    def check(self) -> None:
        """Raise UsageError for options that contradict each other, or that do not exist, DataError for no folder."""
        if self.resume and self.overwrite:
            raise UsageError("--resume goes on with a run and --overwrite begins anew; give one of them")
        if self.precision not in PRECISIONS:
            raise UsageError(f"--precision {self.precision!r} is none of {', '.join(PRECISIONS)}")
        if self.cluster not in (None, *CLUSTERS):
            raise UsageError(f"--cluster {self.cluster!r} is not known; there is {', '.join(CLUSTERS)}")
        if self.gpus is not None and self.cluster is None:
            raise UsageError("--gpus is a share on a cluster; add --cluster ray, or choose with --device")
        pretrained.check_not_pretrained(self.runs)
        sets.existing_folder(self.data)

    @property
    def wants_probe(self) -> bool:
        """Whether the clock may choose how to compute, at the cost of equal bits."""
        return self.probe and self.precision != "fp32" and not self.quick

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
        command = [*self.launcher, *map(registry.typed, (*names, *self.after)), "--resume"]
        for field, option in _typed():
            value = getattr(self, field.name)
            if field.name not in ("resume", "overwrite") and value != field.default:
                flag, _, negated = option.default.partition("/")
                command += [flag if value else negated] if isinstance(value, bool) else [flag, str(value)]
        return shlex.join(command)


def _typed() -> list[tuple[Field[Any], Any]]:
    """Return the fields that are options of the command, each with its description for typer."""
    types = get_type_hints(Options, include_extras=True)
    return [
        (field, types[field.name].__metadata__[0])
        for field in fields(Options)
        if hasattr(types[field.name], "__metadata__")
    ]


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take its parameter `options` as one command-line option for each field that describes one."""
    kind, own = inspect.Parameter.KEYWORD_ONLY, get_type_hints(command, include_extras=True)
    types = {**own, **get_type_hints(Options, include_extras=True)}
    defaults = {name: each.default for name, each in inspect.signature(command).parameters.items() if name != "options"}
    typed = {field.name: field.default for field, _ in _typed()}

    def run(**given: Any) -> None:
        command(**{name: given[name] for name in defaults}, options=Options(**{name: given[name] for name in typed}))

    parameters = [
        inspect.Parameter(name, kind, default=default, annotation=types[name])
        for name, default in {**defaults, **typed}.items()
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__doc__ = command.__doc__
    return run
