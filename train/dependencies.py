"""What a recipe is trained with besides its own images: letters of another data set, and networks trained before."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from train.options import Options
from zoo import checkpoints, registry
from zoo.blocks import Autoencoder, Classifier
from zoo.data import sets
from zoo.data.images import Images
from zoo.errors import RunError
from zoo.recipe import Recipe
from zoo.runs import QUICK, RunFolder


@dataclass(frozen=True)
class Dependencies:
    """`targets` are the letters to translate into; the networks are trained ones, at rest and frozen."""

    targets: Images | None = None
    teacher: Classifier | None = None
    scoring_classifier: Classifier | None = None
    parent: Autoencoder | None = None
    sums: Mapping[str, str] = field(default_factory=dict)  # sha256 of each needed network's checkpoint, by recipe


NOTHING = Dependencies()


def load_dependencies(recipe: Recipe, options: Options, device: torch.device) -> Dependencies:
    """Load what a recipe needs. Raises RunError where a network it needs is not trained, or on other data."""
    targets = sets.load(recipe.data.targets, "train", options.data) if recipe.data.targets else None
    found = {name: _trained(name, recipe, options) for name in recipe.needs}
    networks = {name: network.to(device) for name, (network, _) in found.items()}
    needs, sums = recipe.needs, {name: sha256 for name, (_, sha256) in found.items()}
    teacher, scoring = networks.get(needs.teacher or ""), networks.get(needs.scoring_classifier or "")
    parent = networks.get(needs.parent or "")
    assert teacher is None or isinstance(teacher, Classifier), needs.teacher
    assert scoring is None or isinstance(scoring, Classifier), needs.scoring_classifier
    assert parent is None or isinstance(parent, Autoencoder), needs.parent
    return Dependencies(targets, teacher, scoring, parent, sums)


def _trained(name: str, wanted_by: Recipe, options: Options) -> tuple[Autoencoder | Classifier, str]:
    run = RunFolder.of(options.runs, name)
    if not run.is_run:
        raise RunError(
            f"{wanted_by.name} needs {name}, which is not trained in {options.runs}; "
            f"train it first with `aezoo train {name}`"
        )
    meta = run.read_history().meta
    if meta.get("recipe") != name:
        raise RunError(f"{run.path} holds a run of {meta.get('recipe')}, expected {name}; move it to its own folder")
    _refuse_unfit(name, str(meta.get("state")), wanted_by, options)
    _refuse_other_data(name, str(meta.get("data")), wanted_by, options)
    network, checkpoint = registry.load(name).network(), checkpoints.last(run)
    with checkpoints.fitting(run):
        network.load_state_dict(checkpoints.load_state(checkpoint)["network"])
    sha256 = hashlib.sha256(checkpoint.files[checkpoints.STATE]).hexdigest()
    return network.requires_grad_(False).eval(), sha256


def _refuse_unfit(name: str, state: str, wanted_by: Recipe, options: Options) -> None:
    """What scores or teaches must have learned something: a quick run may only serve other quick runs."""
    if state == "training":
        raise RunError(
            f"{wanted_by.name} needs {name}, whose training in {options.runs} has not ended; "
            f"go on with it first: `aezoo train {name} --resume`"
        )
    if not options.quick and state in (QUICK, "failed"):
        how = "was trained for a few steps only (--quick)" if state == QUICK else "has failed: it answers all alike"
        raise RunError(
            f"{wanted_by.name} needs {name}, which in {options.runs} {how}; "
            f"train it again with `aezoo train {name} --overwrite`, or name another --runs DIR"
        )


def _refuse_other_data(name: str, data: str, wanted_by: Recipe, options: Options) -> None:
    """A classifier of sample digits must not score real ones, nor the other way around."""
    sample = options.data == sets.SAMPLE
    if data.endswith("-sample") != sample:
        now = "the sample" if sample else "real data"
        raise RunError(
            f"{wanted_by.name} is to be trained on {now}, but {name} in {options.runs} was trained on {data}; "
            f"name another --runs DIR, or train {name} again with --overwrite"
        )


def in_order(recipes: Sequence[Recipe], runs: Path) -> list[Recipe]:
    """Return the recipes with those that they need, and that are not trained yet or not to the end, before them."""
    ordered: dict[str, Recipe] = {}
    asked = {recipe.name for recipe in recipes}

    def add(recipe: Recipe) -> None:
        for name in recipe.needs:
            if name in asked or _is_to_train(RunFolder.of(runs, name)):
                add(registry.load(name))
        ordered.setdefault(recipe.name, recipe)

    for recipe in recipes:
        add(recipe)
    return list(ordered.values())


def _is_to_train(run: RunFolder) -> bool:
    """Whether there is no run yet, or one that was broken off and can go on."""
    if not run.is_run:
        return True
    if not run.history.is_file() or checkpoints.newest(run)[0] is None:
        return False  # refused later, with the sentence for it
    return run.read_history().meta.get("state") == "training"


def check(recipes: Sequence[Recipe], options: Options) -> None:
    """Raise RunError now for a needed run that is there and will not do; those among `recipes` are yet to come."""
    coming = {recipe.name for recipe in recipes}
    for recipe in recipes:
        for name in recipe.needs:
            if name not in coming:
                _trained(name, recipe, options)
