"""`aezoo study`: the numbers of an assignment that need no weights, in one small file beside its runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from zoo import checkpoints, pretrained, registry, studies, variants
from zoo.cli import RUNS_DEFAULT, Data, Json, Runs, new_app, print_json, run
from zoo.data import sets
from zoo.errors import UsageError
from zoo.runs import SAMPLES, History, RunFolder, find_runs
from zoo.studies import Study

app = new_app("Gather the numbers of other seeds, and measure what a sheet asks for beside its recipes.")

EXPERIMENTS = {"hesso": ("augmentation",)}  # modules of this package, by assignment
WITHOUT_WEIGHTS = ("plus",)  # assignments of which every run is kept as numbers, and not only other seeds


@app.command()
def main(
    assignment: Annotated[str, typer.Argument(help="An assignment: freiburg, hesso, plus …", metavar="ASSIGNMENT")],
    runs: Runs = RUNS_DEFAULT,
    data: Data = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Of each experiment.")] = 5,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Measure again what was measured.")] = False,
    as_json: Json = False,
) -> None:
    """Write RUNS/ASSIGNMENT/study.json: `aezoo train freiburg --set seed=1,2`, then `aezoo study freiburg`.

    An experiment that was stopped goes on with the seed it was in.
    """
    pretrained.check_not_pretrained(runs)
    if assignment not in registry.assignments_of(registry.names()):
        raise UsageError(
            f"no assignment {assignment!r}; there is {', '.join(registry.assignments_of(registry.names()))}"
        )
    histories = {name: history for name, history in _histories(runs, assignment) if _is_kept(name, assignment)}
    experiments = {} if overwrite else dict(studies.read(runs, assignment).experiments)
    for name in EXPERIMENTS.get(assignment, ()):
        measure = importlib.import_module(f"train.study.{name}").measure
        for found in measure(data, seeds=seeds, before=experiments.get(name, {})):
            experiments[name] = found
            studies.write(runs, assignment, Study(histories, experiments))  # a kill costs one seed at most
    if not histories and not experiments:
        raise UsageError(
            f"{runs} holds no other seeds of {assignment}, and the sheet asks for no experiment: train some with "
            f"`aezoo train {assignment} --set seed=1,2`"
        )
    path = studies.write(runs, assignment, Study(histories, experiments, _pictures(runs, histories)))
    if as_json:
        print_json({"study": str(path), "runs": sorted(histories), "experiments": experiments})
        return
    print(f"wrote {path} ({path.stat().st_size:,} bytes): {len(histories)} runs, {len(experiments)} experiments")


def _histories(runs: Path, assignment: str) -> Iterator[tuple[str, History]]:
    """Yield the ended runs of an assignment by name."""
    for folder in find_runs(runs / assignment):
        name = folder.path.relative_to(runs).as_posix()
        history = folder.read_history()
        if history.meta["state"] not in ("training", "quick"):
            yield name, history


def _is_kept(name: str, assignment: str) -> bool:
    return "seed" in variants.split(name)[1] or assignment in WITHOUT_WEIGHTS


def _pictures(runs: Path, histories: Mapping[str, History]) -> dict[str, str]:
    """Return what runs on CIFAR-10, whose pixels may not be handed on, make of the embedded photographs."""
    return {name: _strip(runs, name) for name, history in histories.items() if history.meta["data"] == "cifar10"}


def _strip(runs: Path, name: str) -> str:
    import torch

    from zoo.inputs import grey, to_unit

    run, network = RunFolder.of(runs, name), registry.load(name).network()
    with checkpoints.fitting(run):
        network.load_state_dict(checkpoints.load_state(checkpoints.last(run))["network"])
    photographs = sets.load("cifar10", "test", sets.SAMPLE).pixels[:SAMPLES]
    with torch.inference_mode():
        made = network.eval()(grey(to_unit(torch.from_numpy(photographs)))).reconstruction
    return studies.to_strip((made * 255).round().to(torch.uint8).numpy())


if __name__ == "__main__":
    run(app, sys.argv[1:], name="aezoo study")
