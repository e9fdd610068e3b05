"""What lies in a run's folder before a training: it is resumed, written over, or refused. Asked before the setup."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from train.dependencies import Dependencies
from train.engine.probe import Choice, reference_config, unprobed_choice
from train.engine.steps import ComputeConfig
from train.options import Options
from zoo import checkpoints, runs
from zoo.checkpoints import Checkpoint
from zoo.data.splits import Splits
from zoo.errors import RunError, UsageError
from zoo.recipe import Recipe
from zoo.runs import RunFolder


def checkpoint_to_resume(
    recipe: Recipe,
    splits: Splits,
    options: Options,
    dependencies: Dependencies | None,
    warn: Callable[[str], None] = lambda line: None,
) -> Checkpoint | None:
    """Return the checkpoint that a training goes on from, None where it begins at the start.

    Raises RunError where a run would be lost or is another one, FileRefused where a stranger's file lies where a graph
    would. `dependencies` None: not known yet, since what the recipe needs may be trained only just before it.
    """
    run, epochs = RunFolder.of(options.runs, recipe.name), options.epochs_of(recipe)
    _refuse_too_many(epochs, splits)
    checkpoint = refuse_to_lose(run, options, warn)
    if not options.overwrite:
        run.check_overwritable()
    if not options.resume:
        return None
    if checkpoint is None:
        warn(f"there is nothing to resume in {run.path}; the training begins at the start")
        return None
    _refuse_other_run(run, identity(recipe, splits, options, dependencies), checkpoint.facts, options)
    if checkpoint.epoch > epochs:
        raise RunError(
            f"{run.path} has {checkpoint.epoch} epochs already, more than the {epochs} asked for; "
            f"ask for more with --epochs, or add --overwrite to begin anew"
        )
    return checkpoint


def refuse_to_lose(
    run: RunFolder, options: Options, warn: Callable[[str], None] = lambda line: None
) -> Checkpoint | None:
    """Return the newest checkpoint there. Raises RunError for a run of which nobody said what shall become of it."""
    checkpoint, errors = checkpoints.newest(run)
    for error in errors:
        warn(error)
    if options.overwrite or not (checkpoint or run.is_run) or (checkpoint and options.resume):
        return checkpoint
    there = "without a readable checkpoint, which cannot be resumed; add"
    if checkpoint is not None:
        there = f"({checkpoint.epoch} epochs); add --resume to go on with it,"
    raise RunError(
        f"{run.path} already holds a run {there} --overwrite to begin anew, or --runs DIR for another folder"
    )


def _refuse_too_many(epochs: int, splits: Splits) -> None:
    """A history holds ten pictures of every epoch, and no reader takes one of any size."""
    most = runs.MAX_ELEMENTS // (runs.SAMPLES * math.prod(splits.train.shape))
    if epochs > most:
        raise UsageError(
            f"--epochs {epochs} is more than a history can hold of these images; at most {most} can be trained"
        )


def identity(recipe: Recipe, splits: Splits, options: Options, dependencies: Dependencies | None) -> dict[str, Any]:
    """Return the facts that must be the same when a run is resumed; those of its dependencies where they are known."""
    facts = {
        "recipe": recipe.name,
        "seed": options.seed_of(recipe),
        "data": splits.train.dataset,
        "data_sha256": splits.train.sha256,
        "provenance": splits.train.provenance,
        "train_images": len(splits.train),
        "batch_size": recipe.schedule.batch_size,
        "quick": options.quick,
        **({"file_sha256": recipe.file_sha256} if recipe.file else {}),
    }
    if dependencies is None:
        return facts
    targets = dependencies.targets.sha256 if dependencies.targets else None
    return {**facts, "partner_sha256": targets, "needs": dict(dependencies.sums)}


def _refuse_other_run(run: RunFolder, facts: Mapping[str, Any], saved: Mapping[str, Any], options: Options) -> None:
    names = {
        "recipe": "recipe",
        "seed": "seed",
        "data_sha256": "data set",
        "partner_sha256": "data set of the targets",
        "batch_size": "batch size",
        "file_sha256": "content of the file that its recipe stands in",
        "precision": "precision",
        "quick": "budget (--quick)",
        "needs": "teacher, scoring classifier or parent",
    }
    if options.precision != "auto":
        facts = {**facts, "precision": options.precision}
    for key, name in names.items():
        if key in facts and key in saved and saved[key] != facts[key]:
            if key == "data_sha256":
                before, now = (
                    f"{each.get('train_images', 0):,} images of {each.get('data')} ({each.get('provenance')})"
                    for each in (saved, facts)
                )
                both = f": before {before}, now {now}" if before != now else " of the same name"
            else:
                both = "" if key in ("needs", "partner_sha256", "file_sha256") else f" ({saved[key]}, now {facts[key]})"
            raise RunError(
                f"{run.path} was trained with another {name}{both}; "
                f"name the same one to resume it, or add --overwrite to begin anew"
            )


def config_of(run: RunFolder, begun: Checkpoint, engine: str) -> Choice:
    """Return how a run that is resumed was computed, with the threads and the engine that there are now."""
    with checkpoints.fitting(run):
        before = reference_config(begun.facts.get("precision", "fp32")).as_json()  # of a run that says nothing of it
        config = ComputeConfig.from_json(begun.facts.get("compute_config", begun.facts.get("way", before)))
        why = dict(begun.facts.get("why", {}))
        given = torch.get_num_threads()  # what a job, a process or a node is given
        threads = given if why == unprobed_choice("fp32").why else min(config.threads, given)
        return Choice(
            replace(config, threads=threads, engine=config.engine if config.engine == engine else "torch"), why
        )


def warn_of_other_bits(
    run: RunFolder, facts: Mapping[str, Any], saved: Mapping[str, Any], warn: Callable[[str], None]
) -> None:
    for key in ("torch", "device", "processes"):
        before = saved.get(key, facts[key])
        before = "cpu (1 thread)" if before == "cpu (1 threads)" else before  # as it was once written
        if before != facts[key]:
            warn(
                f"{run.path} was begun on {key} {before!r}, now {facts[key]!r}: "
                f"the result will not equal an uninterrupted run's bit for bit"
            )
