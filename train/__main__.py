"""`aezoo train`: train recipes one after the other, measure them, export them."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from train.dependencies import check as check_needs
from train.dependencies import in_order
from train.distributed import team as teams
from train.distributed.jobs import train_all
from train.distributed.team import Team
from train.engine import devices
from train.interrupts import Interrupt, watch
from train.loop import check, refuse_to_lose
from train.one import Outcome, help_train, splits_of, taken_up, train_one
from train.options import CLUSTERS, PRECISIONS, Options
from train.progress import Progress
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
        int | None,
        typer.Option("--jobs", "-j", min=1, max=256, help="Train so many at once, each with its share of cores."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster", metavar="ray", help="Train on the Ray cluster at RAY_ADDRESS, or on one started here."
        ),
    ] = None,
    gpus: Annotated[
        float | None, typer.Option("--gpus", min=0, help="Of each training on the cluster: 0.25 is a quarter of one.")
    ] = None,
    no_export: Annotated[bool, typer.Option("--no-export", help="Train only.")] = False,
    as_json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train recipes: `aezoo train purdue/conv --data sample`, `aezoo train 'purdue/*' --epochs 20`."""
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
        cluster=cluster,
        gpus=gpus,
        sweep=secrets.token_hex(8),
        takes_up=cluster is not None or (jobs or 1) > 1,  # where a process of this command may be replaced
    )
    heeding = watch(patient=True) if teams.is_launched() else nullcontext()
    with heeding, teams.one_voice():
        _check_options(options)
        wanted = _varied(registry.match(names), settings or [], epochs)
        if not teams.is_launched():
            sys.exit(_train(wanted, options, as_json_, quiet))
        if jobs or cluster:
            raise UsageError("torchrun trains one recipe in several processes; leave --jobs and --cluster out")
        options = replace(
            options,
            launcher=teams.launcher(),
            sweep=teams.name_of_command(),
            takes_up=teams.is_restarted(),
            probe=False,
        )
        with teams.joined(device) as team:
            code = _train(wanted, options, as_json_, quiet, team)
    sys.exit(code)


def _check_options(options: Options) -> None:
    if options.resume and options.overwrite:
        raise UsageError("--resume goes on with a run and --overwrite begins anew; give one of them")
    if options.precision not in PRECISIONS:
        raise UsageError(f"--precision {options.precision!r} is none of {', '.join(PRECISIONS)}")
    if options.cluster not in (None, *CLUSTERS):
        raise UsageError(f"--cluster {options.cluster!r} is not known; there is {', '.join(CLUSTERS)}")
    if options.gpus is not None and options.cluster is None:
        raise UsageError("--gpus is a share on a cluster; add --cluster ray, or choose with --device")


def _train(wanted: list[Recipe], options: Options, as_json_: bool, quiet: bool, team: Team | None = None) -> int:
    """Train the recipes and those that they need; return the exit code."""
    if team is not None and not team.leads:
        for name in team.hear():
            help_train(registry.load(name), options, team)
        return 0
    recipes = _with_needs(wanted, options.runs)
    if options.cluster is None or options.device not in ("auto", "cuda"):  # a cluster may have what this machine lacks
        devices.choose(options.device)
    asked = {recipe.name for recipe in wanted}
    each = {
        recipe.name: taken_up(RunFolder.of(options.runs, recipe.name), _options_of(recipe, options, asked))
        for recipe in recipes
    }
    _check_all(recipes, each, options, team)
    if team is not None:
        team.tell([recipe.name for recipe in recipes])
    ended: list[Outcome] = []
    try:
        with watch(patient=team is not None) as interrupt, Progress(quiet=quiet) as progress:
            for outcome in _outcomes(recipes, each, options, interrupt, progress, team):
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
        print_next_view(options.runs)
    return 1 if failed else 0


def _reports(ended: list[Outcome]) -> list[dict[str, Any]]:
    return [outcome.report for outcome in ended if outcome.report is not None]


def _outcomes(
    recipes: list[Recipe],
    each: Mapping[str, Options],
    options: Options,
    interrupt: Interrupt,
    progress: Progress,
    team: Team | None,
) -> Iterator[Outcome]:
    if options.cluster:
        from train.distributed import ray as cluster  # it may start Ray

        return cluster.train_all(recipes, each, options.jobs, interrupt, progress)
    if options.jobs and options.jobs > 1:
        return train_all(recipes, each, options.jobs, interrupt, progress)
    return _one_by_one(recipes, each, interrupt, progress, team)


def _one_by_one(
    recipes: list[Recipe],
    each: Mapping[str, Options],
    interrupt: Interrupt,
    progress: Progress,
    team: Team | None,
) -> Iterator[Outcome]:
    for number, recipe in enumerate(recipes):
        after = tuple(other.name for other in recipes[number + 1 :])
        yield train_one(recipe, replace(each[recipe.name], after=after), interrupt, progress, team)


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
    if epochs is not None and "epochs" in combinations[0]:
        raise UsageError("--epochs and --set epochs=… say the same thing; give one of them")
    return [variants.vary(recipe, settings) for recipe in recipes for settings in combinations]


def _options_of(recipe: Recipe, options: Options, asked: set[str]) -> Options:
    """A recipe that is only needed by others has its own schedule, and nothing of it is overwritten."""
    if recipe.name in asked:
        return options
    begun = checkpoints.newest(RunFolder.of(options.runs, recipe.name))[0] is not None
    return replace(options, epochs=None, overwrite=False, resume=begun)


def _check_all(recipes: list[Recipe], each: Mapping[str, Options], options: Options, team: Team | None) -> None:
    """Say what would stop the last one before the first one begins."""
    for recipe in recipes if team is not None else ():
        teams.check(recipe, devices.choose(options.device))
    for recipe in recipes:
        refuse_to_lose(RunFolder.of(options.runs, recipe.name), each[recipe.name])
    check_needs(recipes, options)
    for name in dict.fromkeys(name for recipe in recipes for name in recipe.data_sets):
        sets.obtain(name, options.data, say=lambda line: print(line, file=sys.stderr))
    for recipe in sorted(recipes, key=lambda recipe: (recipe.data.name, recipe.data.split)):
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
