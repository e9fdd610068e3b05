"""`aezoo train`: train recipes one after the other, measure them, export them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import typer

from train import devices
from train.interrupts import Interrupt, watch
from train.loop import Result, check, refuse_to_lose, train
from train.options import PRECISIONS, Options
from train.progress import Progress
from train.report import as_json, as_text
from train.supplies import check as check_needs
from train.supplies import gather, in_order
from zoo import checkpoints, registry
from zoo.cli import RUNS_DEFAULT, Data, Device, Json, Names, Quiet, Runs, new_app, print_json, print_next_view, run
from zoo.data import sets
from zoo.data.splits import Splits, load, select
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
    no_export: Annotated[bool, typer.Option("--no-export", help="Train only.")] = False,
    as_json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train recipes: `aezoo train purdue/conv --data sample`, `aezoo train 'purdue/*' --epochs 20`."""
    if resume and overwrite:
        raise UsageError("--resume goes on with a run and --overwrite begins anew; give one of them")
    if precision not in PRECISIONS:
        raise UsageError(f"--precision {precision!r} is none of {', '.join(PRECISIONS)}")
    recipes = _with_needs(registry.match(names), runs)
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
    )
    asked = {recipe.name for recipe in registry.match(names)}
    each = {recipe.name: _options_of(recipe, options, asked) for recipe in recipes}
    _check_all(recipes, each, options)
    reports: list[dict[str, Any]] = []
    failed: list[str] = []
    try:
        with watch() as interrupt, Progress(quiet=quiet) as progress:
            for number, recipe in enumerate(recipes):
                after = tuple(other.name for other in recipes[number + 1 :])
                own = replace(each[recipe.name], after=after)
                result, graphs = _train_one(recipe, own, interrupt, progress)
                reports.append({**as_json(result), "export": graphs})
                failed += [recipe.name] if result.state == "failed" else []
                if not as_json_:
                    progress.print_result(as_text(result))
    except AezooError:
        if as_json_:
            print_json(reports)  # what was finished before
        raise
    if as_json_:
        print_json(reports)
    elif failed:
        print(f"{', '.join(failed)} FAILED, see above; another --seed may help")
    else:
        print_next_view(runs)
    sys.exit(1 if failed else 0)


def _train_one(
    recipe: Recipe, options: Options, interrupt: Interrupt, progress: Progress
) -> tuple[Result, dict[str, Any] | None]:
    if interrupt.received is not None:
        line = options.resume_line(recipe.name)
        raise Interrupted(f"stopped before {recipe.name}; go on with: {line}", received=interrupt.received)
    folder = RunFolder.of(options.runs, recipe.name)
    with checkpoints.lock(folder):
        splits = select(_splits(recipe.dataset, recipe.split, options.data), recipe.selection)
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
        splits = select(_splits(recipe.dataset, recipe.split, options.data), recipe.selection)
        check(recipe, splits, each[recipe.name])


def _with_needs(recipes: list[Recipe], runs: Path) -> list[Recipe]:
    ordered = in_order(recipes, runs)
    asked = {recipe.name for recipe in recipes}
    for recipe in ordered:
        if recipe.name not in asked:
            wanting = ", ".join(other.name for other in ordered if recipe.name in other.needs)
            print(f"{recipe.name} is trained first, since it is needed by {wanting}", file=sys.stderr)
    return ordered


@lru_cache(maxsize=1)
def _splits(dataset: str, split: str, data: str | None) -> Splits:
    """One data set is held at a time."""
    return load(dataset, data, split=split)


if __name__ == "__main__":
    run(app, sys.argv[1:], name="python -m train")
