"""`aezoo list`: every recipe of the zoo by assignment, and what runs of it have measured beside what its sheet says."""

import contextlib
import math
import shutil
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo import comparison, pretrained, registry, variants
from zoo.cli import RUNS_DEFAULT, Json, Runs, complete_recipes, new_app, plain, print_json, print_next
from zoo.errors import AezooError, UsageError
from zoo.recipe import Recipe
from zoo.runs import QUICK, TRAIN_LOSS, History, RunFolder, find_runs, finite

app = new_app("Show every recipe of the zoo.")

JSON_KEYS = (
    *("name", "assignment", "task", "dataset", "objective", "parameters", "bottleneck", "epochs"),
    *("metric", "published", "measured", "main_baseline", "baseline", "run", "provenance"),
)
# From the left to the right; of the others as many are shown as there is room for, first those named first.
COLUMNS = (
    *("recipe", "figure", "sheet", "baseline", "vs baseline", "state"),
    *("parameters", "bottleneck", "epochs", "objective", "data", "network"),
)
ALWAYS = ("recipe", "figure", "baseline", "state")
OTHERS = ("vs baseline", "sheet", "parameters", "bottleneck", "epochs", "objective", "data", "network")
_NUMBERS = {"parameters", "epochs", "sheet"}
NOTHING = "–"

Row = dict[str, Any]
_ALL = "Recipes: all by default."
ListedNames = Annotated[list[str] | None, typer.Argument(help=_ALL, metavar="[NAME…]", autocompletion=complete_recipes)]


@app.command()
def main(
    names: ListedNames = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="METRIC", help="In one table by mse, psnr, accuracy …, best first.")
    ] = None,
    runs: Runs = RUNS_DEFAULT,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a table for a README: those with a figure.")] = False,
    as_json: Json = False,
) -> None:
    """Show recipes, and where there is a run its figure beside the baseline: `aezoo list purdue --sort mse`."""
    rows = [facts_of(recipe, runs, metric=sort) for recipe in _recipes(names or ["all"], runs)]
    rows = _sorted(rows, sort) if sort else rows
    if as_json:
        print_json([{key: row[key] for key in JSON_KEYS} for row in rows])
        return
    if markdown:
        print(plain(_markdown(rows)))
        return
    print(plain(_table(rows, width=shutil.get_terminal_size().columns, grouped=not sort)))
    print_next("train", "purdue/conv", "--data", "sample")


def _recipes(names: list[str], runs: Path) -> list[Recipe]:
    """Return the recipes that are named, and those variants of them of which there are runs."""
    chosen = {recipe.name: recipe for recipe in registry.match_runs(names, runs)}
    for run_folder in find_runs(runs):
        name = run_folder.path.relative_to(runs).as_posix()
        with contextlib.suppress(AezooError):  # a folder may have any name, and a broken history
            if name.split(variants.MARK)[0] in chosen:
                chosen[name] = registry.load(name)
            elif "all" in names and name.count("/") == 1:  # of a file that is not here
                recipe = registry.recipe_of(name, run_folder)
                chosen |= {name: recipe} if recipe.name == name else {}
    return list(chosen.values())


def _sorted(rows: list[Row], metric: str) -> list[Row]:
    """Return the rows by a metric, the best first, and what has no figure of it last."""
    if all(row["measured"] is None for row in rows):
        known = "metrics are mse, psnr, ssim, bce, accuracy …"
        raise UsageError(f"no run of these recipes has measured {metric!r}; {known}")
    sign = -1 if comparison.larger_is_better(metric) else 1
    return sorted(rows, key=lambda row: math.inf if row["measured"] is None else sign * row["measured"])


def facts_of(recipe: Recipe, runs: Path, *, metric: str | None = None) -> Row:
    """Return what is listed of a recipe, with its figure in `metric`, or else in the one that says most."""
    metric = metric or recipe.metric
    return {
        "name": recipe.name,
        "assignment": recipe.assignment,
        "task": recipe.task.name,
        "summary": recipe.summary,
        "dataset": recipe.data.name,
        "objective": recipe.objective,
        "noise": recipe.data.noise,
        "parameters": recipe.network.parameters,
        "bottleneck": list(recipe.network.bottleneck),
        "epochs": recipe.schedule.epochs,
        "metric": metric,
        "published": recipe.published.get(metric),
        **_measured(recipe, pretrained.run_of(recipe.name, runs), metric),
    }


def _measured(recipe: Recipe, folder: RunFolder, metric: str) -> Row:
    """The run's own figure and its baseline's; None where there is no run, or none that has ended."""
    nothing = dict.fromkeys(("measured", "baseline", "run", "state", "provenance"))
    nothing["main_baseline"] = recipe.main_baseline
    if not folder.history.is_file():
        return nothing
    try:
        history = folder.read_history(only=("metrics/", "baselines/", TRAIN_LOSS))
    except AezooError:
        return {**nothing, "run": "broken", "state": "broken"}
    metrics, baselines = history.metrics(), history.baselines()
    main = comparison.main_baseline(recipe.task.name, metric, metrics, baselines) or recipe.main_baseline
    state = str(history.meta.get("state"))
    if state == "training" and not folder.is_locked():
        state = "stopped"
    progress = _progress(history, recipe, state)
    if pretrained.holds(folder.path):
        rest = progress["state"].removeprefix("finished").removeprefix(", ")
        progress = {
            "run": f"{progress['run']}, {pretrained.NAME}",
            "state": f"{pretrained.NAME}, {rest}" if rest else pretrained.NAME,
        }
    return {
        "measured": finite(metrics.get(metric)),
        "main_baseline": main,
        "baseline": finite(baselines.get(main, {}).get(metric)),
        **progress,
        "provenance": str(history.meta.get("provenance")),
    }


def _progress(history: History, recipe: Recipe, state: str) -> Row:
    """Say how far a run is and on what, and in brief, so that nobody takes a short run for a finished one."""
    data, epochs = str(history.meta.get("data")), recipe.schedule.epochs
    sample = ", sample" if data.endswith("-sample") else ""
    if state == QUICK:
        return {"run": f"quick, {data}", "state": f"{state}{sample}"}
    of = f" of {epochs}" if history.epochs != epochs else ""
    return {
        "run": f"{history.epochs}{of} epochs, {data}{'' if state == 'finished' else f', {state}'}",
        "state": f"{state}{f', {history.epochs}{of}' if of else ''}{sample}",
    }


def _table(rows: list[Row], *, width: int, grouped: bool) -> str:
    """Return lines of at most `width` characters, in one block an assignment where they are grouped."""
    cells = [_cells(row, grouped=grouped) for row in rows]
    widths = _widths(cells, width)
    head = _line({column: column for column in widths}, widths, width)
    lines: list[str] = [] if grouped else [head]
    for index, row in enumerate(rows):
        if grouped and (index == 0 or row["assignment"] != rows[index - 1]["assignment"]):
            lines += [*([""] if lines else []), row["assignment"][:width], head]
        lines.append(_line(cells[index], widths, width))
    return "\n".join([*lines, *_sources(rows, width)])


def _cells(row: Row, *, grouped: bool) -> dict[str, str]:
    metric, baseline = row["metric"], row["baseline"]
    main = comparison.noun(row["main_baseline"]).removeprefix("the ")
    return {
        "recipe": row["name"].split("/")[1] if grouped else row["name"],
        "figure": NOTHING if row["measured"] is None else f"{metric} {_figure(metric, row['measured'])}",
        "sheet": NOTHING if row["published"] is None else _figure(metric, row["published"]),
        "baseline": NOTHING if baseline is None else f"{main} {_figure(metric, baseline)}",
        "vs baseline": comparison.in_short(row["measured"], baseline, metric) or NOTHING,
        "state": row["state"] or NOTHING,
        "parameters": f"{row['parameters']:,}",
        "bottleneck": "×".join(map(str, row["bottleneck"])) or NOTHING,
        "epochs": str(row["epochs"]),
        "objective": row["objective"],
        "data": row["dataset"] + (f" (noise {row['noise']:g})" if row["noise"] else ""),
        "network": row["summary"],
    }


def _markdown(rows: list[Row]) -> str:
    """Return a table in Markdown of the recipes that have a figure, with the epochs it took where they are fewer."""
    columns = ("recipe", "figure", "sheet", "baseline", "vs baseline", "parameters", "epochs")
    lines = [columns, ["---", *("---:" if column in _NUMBERS else "---" for column in columns[1:])]]
    for row in rows:
        if row["measured"] is not None:
            cells = _cells(row, grouped=False) | {"epochs": str(row["run"]).split(" epochs")[0]}
            lines.append([cells[column].replace("|", "\\|") for column in columns])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figure(metric: str, value: float) -> str:
    return f"{value:.1%}".replace("%", " %") if metric.startswith("accuracy") else f"{value:.3g}"


def _widths(cells: list[dict[str, str]], width: int) -> dict[str, int]:
    """Return the columns to show, with their widths: what says nothing of any recipe is left out."""
    full = {column: max(len(column), *(len(own[column]) for own in cells)) for column in COLUMNS}
    filled = [column for column in full if any(own[column] != NOTHING for own in cells)]
    shown = [column for column in ALWAYS if column in filled]
    for column in OTHERS:
        wanted = [*shown, column]
        if column in filled and sum(full[each] + 2 for each in wanted) > width:
            break
        shown = wanted if column in filled else shown
    widths = {column: full[column] for column in COLUMNS if column in shown}
    excess = sum(size + 2 for size in widths.values()) - width
    shortest = min(12, widths["recipe"])  # of a name so much is always shown
    widths["recipe"] = max(shortest, widths["recipe"] - max(0, excess))
    return widths


def _line(cells: dict[str, str], widths: dict[str, int], width: int) -> str:
    padded = (
        f"{_cut(cells[column], size):{'>' if column in _NUMBERS else '<'}{size}}" for column, size in widths.items()
    )
    return _cut(("  " + "  ".join(padded)).rstrip(), width)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _sources(rows: list[Row], width: int) -> list[str]:
    """Say where the images of the measured figures come from: a figure of a copy is not one of the original."""
    sources = dict.fromkeys(f"{row['dataset']}: {row['provenance']}" for row in rows if row["provenance"])
    lines = [textwrap.wrap(source, width, initial_indent="  ", subsequent_indent="    ") for source in sources]
    return ["", "data of the runs", *(line for several in lines for line in several)] if sources else []
