"""`aezoo train`: train recipes one after the other, measure them, export them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from train import devices
from train.interrupts import Interrupt, watch
from train.jobs import Outcome, train_all
from train.loop import check, refuse_to_lose
from train.one import splits_of, train_one
from train.options import PRECISIONS, Options
from train.progress import Progress
from train.report import as_json, as_text
from train.supplies import check as check_needs
from train.supplies import in_order
from zoo import checkpoints, registry, variants
from zoo.cli import RUNS_DEFAULT, Data, Device, Json, Names, Quiet, Runs, new_app, print_json, print_next_view, run
from zoo.data import sets
from zoo.errors import AezooError, Interrupted, UsageError
from zoo.recipe import Recipe
from zoo.runs import RunFolder

app = new_app("Train recipes; each run is exported and verified at its end.")


@app.command()
def main(
    names: Names,
    data: Data = None,
    runs: Runs = RUNS_DEFAULT,
    device: Device = "auto",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of weights, order and noise.")] = 0,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Epochs; the recipe's own by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that is there.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where a run is there.")] = False,
    precision: Annotated[
        str,
        typer.Option(
            "--precision",
            metavar="auto|fp32|bf16",
            help="What layers compute in; auto: the fastest that keeps the result. fp32 is repeatable bit for bit.",
        ),
    ] = "auto",
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Do not try for some seconds which way to compute is fastest.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="2 epochs of at most 10 batches: shows that it works, and nothing more.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=V1,V2,…", help="A run for every value (seed=0..4 is a range); several make a grid."
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=256, help="Train so many at once, each with its share of cores.")
    ] = 1,
    no_export: Annotated[bool, typer.Option("--no-export", help="Train only.")] = False,
    as_json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train recipes: `aezoo train purdue/conv --data sample`, `aezoo train 'purdue/*' --epochs 20`."""
    if resume and overwrite:
        raise UsageError("--resume goes on with a run and --overwrite begins anew; give one of them")
    if precision not in PRECISIONS:
        raise UsageError(f"--precision {precision!r} is none of {', '.join(PRECISIONS)}")
    wanted = _varied(registry.match(names), settings or [], epochs)
    recipes = _with_needs(wanted, runs)
    devices.choose(device)
    options = Options(
        data=data,
        runs=runs,
        device=device,
        seed=seed,
        epochs=epochs,
        resume=resume,
        overwrite=overwrite,
        export=not no_export,
        precision=precision,
        quick=quick,
        probe=not no_probe,
        jobs=jobs,
    )
    asked = {recipe.name for recipe in wanted}
    each = {recipe.name: _options_of(recipe, options, asked) for recipe in recipes}
    _check_all(recipes, each, options)
    ended: list[Outcome] = []
    try:
        with watch() as interrupt, Progress(quiet=quiet) as progress:
            outcomes = (
                train_all(recipes, each, jobs, interrupt, progress)
                if jobs > 1
                else _one_by_one(recipes, each, interrupt, progress)
            )
            for outcome in outcomes:
                ended.append(outcome)
                if outcome.report is not None and not as_json_:
                    progress.print_result(outcome.text)
                elif outcome.error and not outcome.interrupted:
                    progress.warn(outcome.error)
        _raise_where_stopped(recipes, ended, options, interrupt)
    except AezooError:
        if as_json_:
            print_json(_reports(ended))  # what was finished before
        raise
    failed = [outcome.name for outcome in ended if outcome.report is None or outcome.report["state"] == "failed"]
    if as_json_:
        print_json(_reports(ended))
    elif failed:
        print(f"{', '.join(failed)} FAILED, see above; another --seed may help")
    else:
        print_next_view(runs)
    sys.exit(1 if failed else 0)


def _reports(ended: list[Outcome]) -> list[dict[str, Any]]:
    return [outcome.report for outcome in ended if outcome.report is not None]


def _one_by_one(
    recipes: list[Recipe], each: Mapping[str, Options], interrupt: Interrupt, progress: Progress
) -> Iterator[Outcome]:
    for number, recipe in enumerate(recipes):
        after = tuple(other.name for other in recipes[number + 1 :])
        result, graphs = train_one(recipe, replace(each[recipe.name], after=after), interrupt, progress)
        yield Outcome(recipe.name, report={**as_json(result), "export": graphs}, text=as_text(result))


def _raise_where_stopped(recipes: list[Recipe], ended: list[Outcome], options: Options, interrupt: Interrupt) -> None:
    """Raise Interrupted where a signal ended several at once, with the one line that goes on with all of them."""
    done = {outcome.name for outcome in ended if outcome.report is not None}
    left = [recipe.name for recipe in recipes if recipe.name not in done]
    if interrupt.received is None or not left:
        return
    line = replace(options, after=tuple(left[1:])).resume_line(left[0])
    raise Interrupted(f"stopped; every finished epoch is saved. Go on with: {line}", received=interrupt.received)


def _varied(recipes: list[Recipe], words: list[str], epochs: int | None) -> list[Recipe]:
    """Return every recipe in every combination of the settings that `--set` asks for."""
    if not words:
        return recipes
    combinations = variants.grid(words)
    for recipe in recipes:
        _, own = variants.split(recipe.name)
        twice = [key for key in combinations[0] if key in own]
        if twice:
            raise UsageError(f"{recipe.name} gives {twice[0]} already; leave --set {twice[0]} out, or its '@…'")
    if epochs is not None and "epochs" in combinations[0]:
        raise UsageError("--epochs and --set epochs=… say the same thing; give one of them")
    bases = [(registry.load(variants.split(recipe.name)[0]), variants.split(recipe.name)[1]) for recipe in recipes]
    return [variants.vary(base, {**own, **settings}) for base, own in bases for settings in combinations]


def _options_of(recipe: Recipe, options: Options, asked: set[str]) -> Options:
    """A recipe that is only needed by others has its own schedule, and nothing of it is overwritten."""
    if recipe.name in asked:
        return options
    begun = checkpoints.newest(RunFolder.of(options.runs, recipe.name))[0] is not None
    return replace(options, epochs=None, overwrite=False, resume=begun)


def _check_all(recipes: list[Recipe], each: Mapping[str, Options], options: Options) -> None:
    """Say what would stop the last one before the first one begins."""
    for recipe in recipes:
        refuse_to_lose(RunFolder.of(options.runs, recipe.name), each[recipe.name])
    check_needs(recipes, options)
    for name in dict.fromkeys(name for recipe in recipes for name in recipe.data_sets):
        sets.obtain(name, options.data, say=lambda line: print(line, file=sys.stderr))
    for recipe in sorted(recipes, key=lambda recipe: (recipe.dataset, recipe.split)):
        check(recipe, splits_of(recipe, options.data), each[recipe.name])


def _with_needs(recipes: list[Recipe], runs: Path) -> list[Recipe]:
    ordered = in_order(recipes, runs)
    asked = {recipe.name for recipe in recipes}
    for recipe in ordered:
        if recipe.name not in asked:
            wanting = ", ".join(other.name for other in ordered if recipe.name in other.needs)
            print(f"{recipe.name} is trained first, since it is needed by {wanting}", file=sys.stderr)
    return ordered


if __name__ == "__main__":
    run(app, sys.argv[1:], name="python -m train")
