"""All trainings of one command: the recipes that are asked for and those that they need, in their order."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from train import dependencies
from train.distributed import jobs, team
from train.distributed.team import Team
from train.engine import devices
from train.interrupts import Interrupt
from train.one import Outcome, help_train, resume_if_begun, splits_of, train_one
from train.options import Options
from train.progress import Progress
from train.resume import checkpoint_to_resume, refuse_to_lose
from zoo import checkpoints, registry
from zoo.cli import print_json, print_next_view
from zoo.data import sets
from zoo.errors import Interrupted
from zoo.recipe import Recipe
from zoo.runs import RunFolder


def train_in_team(wanted: list[Recipe], options: Options, interrupt: Interrupt, *, as_json: bool, quiet: bool) -> int:
    """Train in this and torchrun's other processes; return the exit code."""
    with team.joined(options.device) as joined:
        if joined.leads:
            return train_all(wanted, options, interrupt, as_json=as_json, quiet=quiet, joined=joined)
        for name in joined.receive():
            help_train(registry.load(name), options, joined)
    return 0


def train_all(
    wanted: list[Recipe],
    options: Options,
    interrupt: Interrupt,
    *,
    as_json: bool,
    quiet: bool,
    joined: Team | None = None,
) -> int:
    """Train the recipes and those that they need; return the exit code."""
    names = [recipe.name for recipe in wanted]
    ended: list[Outcome] = []
    try:
        with Progress(quiet=quiet) as progress:
            with interrupt.at_once(f"stopped before the first epoch. Resume with: {options.resume_line(*names)}"):
                recipes, each = _planned(wanted, options, joined)
            if joined is not None:
                joined.send([recipe.name for recipe in recipes])
            for outcome in _outcomes(recipes, each, options, interrupt, progress, joined):
                ended.append(outcome)
                if outcome.report is not None and not as_json:
                    progress.print_result(outcome.text)
                elif outcome.error and not outcome.interrupted:
                    progress.warn(outcome.error)
        _raise_where_stopped(recipes, ended, options, interrupt)
    finally:
        if as_json:  # what was finished, if not all
            print_json([outcome.report for outcome in ended if outcome.report is not None])
    failed = [outcome.name for outcome in ended if outcome.report is None or outcome.report["state"] == "failed"]
    if failed and not as_json:
        print(f"{', '.join(failed)} FAILED, see above")
    elif not as_json:
        print_next_view(options.runs)
    return 1 if failed else 0


def train_quietly(recipe: Recipe, options: Options, interrupt: Interrupt, progress: Progress) -> dict[str, Any]:
    """Train a recipe and those that it needs, for a caller in Python; return its report. Raises what stops it."""
    with interrupt.at_once("stopped before the first epoch"):
        recipes, each = _planned([recipe], options, None)
    *_, outcome = _outcomes(recipes, each, options, interrupt, progress, None)
    assert outcome.report is not None, outcome
    return outcome.report


def _planned(wanted: list[Recipe], options: Options, joined: Team | None) -> tuple[list[Recipe], Mapping[str, Options]]:
    """Return all that is to be trained, in its order, with the options of each, once nothing stands in its way."""
    names, recipes = [recipe.name for recipe in wanted], _with_needs(wanted, options.runs)
    each = {recipe.name: _options_of(recipe, options, names) for recipe in recipes}
    _check_all(recipes, each, options, joined)
    return recipes, each


def _outcomes(
    recipes: list[Recipe],
    each: Mapping[str, Options],
    options: Options,
    interrupt: Interrupt,
    progress: Progress,
    joined: Team | None,
) -> Iterator[Outcome]:
    if options.cluster:
        from train.distributed import ray  # it may start Ray

        yield from ray.train_all(recipes, each, options.jobs, interrupt, progress)
    elif options.jobs and options.jobs > 1:
        yield from jobs.train_all(recipes, each, options.jobs, interrupt, progress)
    else:
        for number, recipe in enumerate(recipes):
            after = tuple(other.name for other in recipes[number + 1 :])
            yield train_one(recipe, replace(each[recipe.name], after=after), interrupt, progress, joined)


def _raise_where_stopped(recipes: list[Recipe], ended: list[Outcome], options: Options, interrupt: Interrupt) -> None:
    """Raise Interrupted where a signal ended several at once, with the one line that goes on with all of them."""
    done = {outcome.name for outcome in ended if outcome.report is not None}
    left = [recipe.name for recipe in recipes if recipe.name not in done]
    if interrupt.received is None or not left:
        return
    sentence = f"stopped; every finished epoch is saved. Resume with: {options.resume_line(*left)}"
    raise Interrupted(sentence, received=interrupt.received)


def _options_of(recipe: Recipe, options: Options, asked: list[str]) -> Options:
    """A recipe that is only needed by others has its own schedule, and nothing of it is overwritten."""
    folder = RunFolder.of(options.runs, recipe.name)
    if recipe.name not in asked:
        begun = checkpoints.newest(folder)[0] is not None
        options = replace(options, epochs=None, overwrite=False, resume=begun)
    return resume_if_begun(folder, options)


def _check_all(recipes: list[Recipe], each: Mapping[str, Options], options: Options, joined: Team | None) -> None:
    """Say what would stop the last one before the first one begins."""
    if options.cluster is None or options.device not in ("auto", "cuda"):  # a cluster may have what this machine lacks
        device = devices.choose(options.device)
        for recipe in recipes if joined is not None else ():
            team.check(recipe, device)
    for recipe in recipes:  # before data is fetched
        refuse_to_lose(RunFolder.of(options.runs, recipe.name), each[recipe.name])
    dependencies.check(recipes, options)
    for name in dict.fromkeys(name for recipe in recipes for name in recipe.data_sets):
        sets.obtain(name, options.data)
    for recipe in sorted(recipes, key=lambda recipe: (recipe.data.name, recipe.data.split, recipe.image_shape)):
        checkpoint_to_resume(recipe, splits_of(recipe, options), each[recipe.name], None)


def _with_needs(recipes: list[Recipe], runs: Path) -> list[Recipe]:
    ordered = dependencies.in_order(recipes, runs)
    for recipe in ordered:
        if recipe not in recipes:
            needed_by = ", ".join(other.name for other in ordered if recipe.name in other.needs)
            print(f"{recipe.name} is trained first, since it is needed by {needed_by}", file=sys.stderr)
    return ordered
