"""`aezoo list`: every recipe of the zoo by assignment, and what runs of it have measured beside what its sheet says."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo import variants
from zoo.cli import RUNS_DEFAULT, Json, Runs, new_app, plain, print_json, print_next, run
from zoo.errors import AezooError, UsageError
from zoo.recipe import Recipe
from zoo.runs import QUICK, History, RunFolder, find_runs, finite
from zoo.tasks import ranked

app = new_app("Show every recipe of the zoo.")

JSON_KEYS = (
    *("name", "assignment", "task", "dataset", "objective", "parameters", "bottleneck", "epochs"),
    *("metric", "published", "measured", "rival", "baseline", "run", "provenance"),
)
_RECIPE = ("recipe", "network", "data", "objective", "parameters", "bottleneck", "epochs")
_FIGURES = ("metric", "sheet", "measured", "baseline", "run")
_NUMBERS = {"parameters", "epochs", "sheet", "measured"}
NOTHING = "–"


@app.command()
def main(runs: Runs = RUNS_DEFAULT, as_json: Json = False) -> None:
    """Show every recipe: network, data set, size, and where there is a run its figure beside sheet and baseline."""
    from zoo import registry

    recipes = [*registry.recipes().values(), *_variants(runs)]
    facts = [facts_of(recipe, runs) for recipe in recipes]
    if as_json:
        print_json([{key: row[key] for key in JSON_KEYS} for row in facts])
        return
    print(plain(_table(facts)))
    print_next("train", "purdue/conv", "--data", "sample")


def _variants(runs: Path) -> list[Recipe]:
    """Return the variants of which there are runs; a folder whose name is none is passed over."""
    from zoo import registry

    found = []
    for run_folder in find_runs(runs):
        name = run_folder.path.relative_to(runs).as_posix()
        with contextlib.suppress(UsageError):
            if variants.MARK in name:
                found.append(registry.load(name))
    return found


def facts_of(recipe: Recipe, runs: Path) -> dict[str, Any]:
    """Return what is listed of a recipe."""
    return {
        "name": recipe.name,
        "assignment": recipe.assignment,
        "task": recipe.task.name,
        "summary": recipe.network.summary,
        "dataset": recipe.data.name,
        "objective": recipe.objective,
        "noise": recipe.data.noise,
        "parameters": recipe.network.parameters,
        "bottleneck": list(recipe.network.bottleneck),
        "epochs": recipe.schedule.epochs,
        "metric": recipe.metric,
        "published": recipe.published.get(recipe.metric),
        **_measured(recipe, RunFolder.of(runs, recipe.name)),
    }


def _measured(recipe: Recipe, folder: RunFolder) -> dict[str, Any]:
    """The run's own figure and its baseline's; None where there is no run, or none that has ended."""
    nothing = {"measured": None, "rival": recipe.main_baseline, "baseline": None, "run": None, "provenance": None}
    if not folder.history.is_file():
        return nothing
    try:
        history = folder.read_history()
    except AezooError:
        return {**nothing, "run": "broken"}
    baselines = history.baselines()
    main = next(iter(ranked(recipe.task.name, baselines)), recipe.main_baseline)  # no PCA where it would be exact
    return {
        "measured": finite(history.metrics().get(recipe.metric)),
        "rival": main,
        "baseline": finite(baselines.get(main, {}).get(recipe.metric)),
        "run": _told(history, recipe),
        "provenance": str(history.meta.get("provenance")),
    }


def _told(history: History, recipe: Recipe) -> str:
    """Say how far a run is and on what, so that nobody takes a short one for the whole."""
    state, data = str(history.meta.get("state")), str(history.meta.get("data"))
    if state == QUICK:
        return f"quick, {data}"
    of = f" of {recipe.schedule.epochs}" if history.epochs != recipe.schedule.epochs else ""
    return f"{history.epochs}{of} epochs, {data}{'' if state == 'finished' else f', {state}'}"


def _cells(row: dict[str, Any]) -> dict[str, str]:
    noise = f" (noise {row['noise']:g})" if row["noise"] else ""
    baseline = f"{row['rival']} {_figure(row['baseline'])}" if row["baseline"] is not None else NOTHING
    return {
        "recipe": row["name"].split("/")[1],
        "network": row["summary"],
        "data": row["dataset"] + noise,
        "objective": row["objective"],
        "parameters": f"{row['parameters']:,}",
        "bottleneck": "×".join(map(str, row["bottleneck"])) or NOTHING,
        "epochs": str(row["epochs"]),
        "metric": row["metric"],
        "sheet": _figure(row["published"]),
        "measured": _figure(row["measured"]),
        "baseline": baseline,
        "run": row["run"] or NOTHING,
    }


def _figure(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3g}"


def _table(facts: list[dict[str, Any]]) -> str:
    """One block an assignment; the columns of figures are shown in full where there is any run."""
    columns = (*_RECIPE, *(_FIGURES if any(row["run"] for row in facts) else ("metric", "sheet")))
    rows = [_cells(row) for row in facts]
    widths = {column: max(len(column), *(len(cells[column]) for cells in rows)) for column in columns}
    lines: list[str] = []
    for assignment in dict.fromkeys(row["assignment"] for row in facts):
        lines += ["", assignment] if lines else [assignment]
        lines.append(_line({column: column for column in columns}, widths))
        lines += [
            _line(cells, widths) for row, cells in zip(facts, rows, strict=True) if row["assignment"] == assignment
        ]
    return "\n".join([*lines, *_sources(facts)])


def _sources(facts: list[dict[str, Any]]) -> list[str]:
    """Say where the images of the measured figures come from: a figure of a copy is not one of the original."""
    sources = dict.fromkeys((row["dataset"], row["provenance"]) for row in facts if row["provenance"])
    return (
        ["", "data of the runs", *(f"  {dataset}: {provenance}" for dataset, provenance in sources)] if sources else []
    )


def _line(cells: dict[str, str], widths: dict[str, int]) -> str:
    padded: Iterable[str] = (
        f"{cells[column]:>{width}}" if column in _NUMBERS else f"{cells[column]:{width}}"
        for column, width in widths.items()
    )
    return ("  " + "  ".join(padded)).rstrip()


if __name__ == "__main__":
    run(app, sys.argv[1:], name="aezoo list")
