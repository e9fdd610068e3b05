"""One training, from the data set to the exported graphs, and how it ended.

It may be asked for any number of times: what the same command began before a kill is resumed, and what the same command
finished before is not done twice. `checkpoint/outcome.json` says what was finished, written last and whole.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch

import zoo
from train.dependencies import Dependencies, load_dependencies
from train.distributed.team import Team, end_announced, train_beside
from train.engine import devices
from train.interrupts import Interrupt
from train.loop import train
from train.options import Options
from train.pictures import path_of
from train.progress import Progress
from train.report import as_json, as_text
from zoo import checkpoints
from zoo.data import own
from zoo.data.splits import Splits, load, select
from zoo.recipe import Recipe
from zoo.runs import RunFolder, atomic_write, remove


@dataclass(frozen=True)
class Outcome:
    """How one recipe ended: its report, or the sentence that says why there is none."""

    name: str
    report: dict[str, Any] | None = None
    text: str = ""
    error: str = ""
    code: int = 0
    interrupted: bool = False


def train_one(
    recipe: Recipe, options: Options, interrupt: Interrupt, progress: Progress, team: Team | None = None
) -> Outcome:
    """Train, measure, export and verify a recipe, as far as that was not done before; a team's first process does."""
    folder, line = RunFolder.of(options.runs, recipe.name), options.resume_line(recipe.name)
    with interrupt.at_once(f"stopped before {recipe.name}. Resume with: {line}"):
        splits = splits_of(recipe, options)
        dependencies = load_dependencies(recipe, options, devices.choose(options.device))
    with end_announced(team), checkpoints.lock(folder):
        options, key = resume_if_begun(folder, options), key_of(recipe, options, splits, dependencies)
        done = _read(folder, key, recipe) if options.resume else None
        if done is not None:
            progress.say(f"{recipe.name}: finished before; --overwrite trains it anew")
            return done
        remove(_outcome_file(folder))
        result = train(recipe, splits, options, interrupt, progress, dependencies, team)
        published = None
        if options.export and result.is_finite:
            progress.exporting()
            with interrupt.at_once(f"{recipe.name} is trained, and was stopped before its graphs. Resume with: {line}"):
                from export.publish import publish  # the one import of export in train; it loads onnx

                published = publish(recipe, folder, overwrite=options.overwrite).as_json()
        report = {**as_json(result), "export": published}
        outcome = Outcome(recipe.name, report, as_text(result, published))
        atomic_write(_outcome_file(folder), json.dumps({"key": key, "outcome": asdict(outcome)}).encode())
        progress.drop()
    return outcome


def help_train(recipe: Recipe, options: Options, team: Team) -> None:
    """Do the part of another process than the first in the training of a recipe."""
    dependencies = load_dependencies(recipe, options, devices.choose(options.device))
    train_beside(recipe, splits_of(recipe, options), options, dependencies, team)


def splits_of(recipe: Recipe, options: Options) -> Splits:
    """Return a recipe's splits; one data set is held at a time."""
    if recipe.data.is_own:
        return select(own.load(path_of(recipe, options), recipe.image_shape), recipe.data.selection)
    return select(_splits(recipe.data.name, recipe.data.split, options.data), recipe.data.selection)


@lru_cache(maxsize=1)
def _splits(dataset: str, split: str, data: str | None) -> Splits:
    return load(dataset, data, split=split)


def resume_if_begun(folder: RunFolder, options: Options) -> Options:
    """Return the options, with what this very command began before a kill to be resumed, whatever else was said."""
    if not (options.resumes_own and options.sweep):
        return options
    found, _ = checkpoints.newest(folder)
    if found is None or found.facts.get("sweep") != options.sweep:
        return options
    return replace(options, resume=True, overwrite=False)


def key_of(recipe: Recipe, options: Options, splits: Splits, dependencies: Dependencies) -> str:
    """Return a SHA-256 of all that a result follows from: settings, data, networks it needs, our code and torch."""
    facts = {
        "run": str(RunFolder.of(options.runs, recipe.name).path.resolve()),
        "recipe": recipe.name,
        "settings": [recipe.task.name, recipe.objective, asdict(recipe.data), asdict(recipe.schedule)],
        "seed": options.seed_of(recipe),
        "epochs": options.epochs_of(recipe),
        "quick": options.quick,
        "precision": options.precision,
        "export": options.export,
        "data": [None if images is None else images.digest for images in (splits.train, splits.val, splits.test)],
        "partner": dependencies.targets.digest if dependencies.targets else None,
        "needs": dict(dependencies.sums),
        "file": recipe.file_sha256,
        "code": code(),
        "torch": torch.__version__,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@cache
def code() -> str:
    """Return a SHA-256 of our own source, of which a result follows too."""
    digest = hashlib.sha256()
    for room in ("zoo", "train", "export"):
        for path in sorted((Path(zoo.__file__).parents[1] / room).rglob("*.py")):
            digest.update(f"{path.relative_to(Path(zoo.__file__).parents[1])}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _outcome_file(folder: RunFolder) -> Path:
    return folder.checkpoint / "outcome.json"


def _read(folder: RunFolder, key: str, recipe: Recipe) -> Outcome | None:
    """Return how this very training ended before, or None where it did not, or its files are no more."""
    try:
        saved = json.loads(_outcome_file(folder).read_bytes())
        outcome = Outcome(**saved["outcome"])
        exported = (outcome.report or {})["export"] or {}
        files = [folder.history, *(folder.path / name for name in exported.get("files", {}))]
        sound = saved["key"] == key and outcome.name == recipe.name and all(path.is_file() for path in files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return outcome if sound else None
