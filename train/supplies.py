"""What a recipe is trained with besides its own images: a partner's letters, and networks trained before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from train.options import Options
from zoo import checkpoints, registry
from zoo.blocks import Autoencoder, Classifier
from zoo.data import sets
from zoo.data.images import Images
from zoo.errors import RunError
from zoo.recipe import Recipe
from zoo.runs import RunFolder


@dataclass(frozen=True)
class Supplies:
    """`partner` holds the letters to translate into; the networks are trained ones, at rest and frozen."""

    partner: Images | None = None
    teacher: Classifier | None = None
    judge: Classifier | None = None
    parent: Autoencoder | None = None


NOTHING = Supplies()


def gather(recipe: Recipe, options: Options, device: torch.device) -> Supplies:
    """Load what a recipe needs. Raises RunError where a network it needs is not trained, or on other data."""
    partner = sets.load(recipe.partner, "train", options.data) if recipe.partner else None
    networks = {name: _trained(name, recipe, options).to(device) for name in recipe.needs}
    teacher, judge = networks.get(recipe.teacher or ""), networks.get(recipe.judge or "")
    parent = networks.get(recipe.parent or "")
    assert teacher is None or isinstance(teacher, Classifier), recipe.teacher
    assert judge is None or isinstance(judge, Classifier), recipe.judge
    assert parent is None or isinstance(parent, Autoencoder), recipe.parent
    return Supplies(partner, teacher, judge, parent)


def _trained(name: str, wanted_by: Recipe, options: Options) -> Autoencoder | Classifier:
    run = RunFolder.of(options.runs, name)
    if not run.is_run:
        raise RunError(
            f"{wanted_by.name} needs {name}, which is not trained in {options.runs}; "
            f"train it first with `aezoo train {name}`"
        )
    history = run.read_history()
    if history.meta.get("state") == "training":
        raise RunError(
            f"{wanted_by.name} needs {name}, whose training in {options.runs} has not ended; "
            f"go on with it first: `aezoo train {name} --resume`"
        )
    _refuse_other_data(name, str(history.meta.get("data")), wanted_by, options)
    network = registry.load(name).network()
    with checkpoints.fitting(run):
        network.load_state_dict(checkpoints.load_state(checkpoints.last(run), run)["network"])
    return network.requires_grad_(False).eval()


def _refuse_other_data(name: str, data: str, wanted_by: Recipe, options: Options) -> None:
    """A classifier of sample digits must not judge real ones, nor the other way round."""
    sample = options.data == sets.SAMPLE
    if data.endswith("-sample") != sample:
        now = "the sample" if sample else "real data"
        raise RunError(
            f"{wanted_by.name} is to be trained on {now}, but {name} in {options.runs} was trained on {data}; "
            f"name another --runs DIR, or train {name} again with --overwrite"
        )


def in_order(recipes: Sequence[Recipe], runs: Path) -> list[Recipe]:
    """Return the recipes with those that they need, and that are not trained yet, before them."""
    ordered: dict[str, Recipe] = {}
    asked = {recipe.name for recipe in recipes}

    def add(recipe: Recipe) -> None:
        for name in recipe.needs:
            if name in asked or not _is_finished(RunFolder.of(runs, name)):
                add(registry.load(name))
        ordered.setdefault(recipe.name, recipe)

    for recipe in recipes:
        add(recipe)
    return list(ordered.values())


def _is_finished(run: RunFolder) -> bool:
    return run.is_run and run.read_history().meta.get("state") != "training"
