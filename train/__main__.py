"""`aezoo train`: train recipes one after the other, measure them, export them."""

from __future__ import annotations

import sys
from functools import cache
from typing import Annotated, Any

import typer

from train import devices
from train.interrupts import Interrupt, watch
from train.loop import Result, Splits, refuse_to_lose, train
from train.options import Options
from train.progress import Progress
from train.report import as_json, as_text
from zoo import checkpoints, registry
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
    no_export: Annotated[bool, typer.Option("--no-export", help="Train only.")] = False,
    as_json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train recipes: `aezoo train purdue/conv --data sample`, `aezoo train 'purdue/*' --epochs 20`."""
    if resume and overwrite:
        raise UsageError("--resume goes on with a run and --overwrite begins anew; give one of them")
    recipes = registry.match(names)
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
    )
    for recipe in recipes:  # what would stop the last one is said before the first one begins
        refuse_to_lose(RunFolder.of(runs, recipe.name), options)
        _splits(recipe.dataset, data)
    reports: list[dict[str, Any]] = []
    failed: list[str] = []
    try:
        with watch() as interrupt, Progress(quiet=quiet) as progress:
            for recipe in recipes:
                result, graphs = _train_one(recipe, options, interrupt, progress)
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
        result = train(recipe, _splits(recipe.dataset, options.data), options, interrupt, progress)
        if not options.export or not result.is_finite:
            progress.end()
            return result, None
        from export.publish import publish  # the one place where train knows of export; it loads onnx

        progress.exporting()
        published = publish(recipe, folder)
        progress.end()
    return result, published.as_json()


@cache
def _splits(dataset: str, data: str | None) -> Splits:
    sets.obtain(dataset, data, say=lambda line: print(line, file=sys.stderr))
    return Splits(train=sets.load(dataset, "train", data), test=sets.load(dataset, "test", data))


if __name__ == "__main__":
    run(app, sys.argv[1:], name="python -m train")
