"""`aezoo list`: every recipe of the zoo, from the registry alone."""

from __future__ import annotations

import sys
from typing import Any

from zoo.cli import Json, new_app, print_json, print_next, run
from zoo.data import sets
from zoo.recipe import Recipe

app = new_app("Show every recipe of the zoo.")

JSON_KEYS = ("name", "assignment", "dataset", "objective", "parameters", "bottleneck", "epochs")
_COLUMNS = ("name", "network", "data", "objective", "parameters", "bottleneck", "epochs")


@app.command()
def main(as_json: Json = False) -> None:
    """Show every recipe: network, data set, objective, parameters, bottleneck, epochs."""
    from zoo import registry

    facts = [facts_of(recipe) for recipe in registry.recipes().values()]
    if as_json:
        print_json([{key: row[key] for key in JSON_KEYS} for row in facts])
        return
    rows = [_cells(row) for row in facts]
    print(_table(rows))
    print_next("train", "purdue/conv", "--data", "sample")


def facts_of(recipe: Recipe) -> dict[str, Any]:
    """Return what is listed of a recipe; parameters and bottleneck are counted on the network itself."""
    from zoo.blocks import bottleneck_shape, parameter_count

    network = recipe.network()
    return {
        "name": recipe.name,
        "assignment": recipe.assignment,
        "summary": recipe.summary,
        "dataset": recipe.dataset,
        "objective": recipe.objective,
        "noise": recipe.noise,
        "parameters": parameter_count(network),
        "bottleneck": list(bottleneck_shape(network, sets.get(recipe.dataset).shape)),
        "epochs": recipe.epochs,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    noise = f" (noise {row['noise']:g})" if row["noise"] else ""
    return (
        row["name"],
        row["summary"],
        row["dataset"] + noise,
        row["objective"],
        f"{row['parameters']:,}",
        "×".join(map(str, row["bottleneck"])),
        str(row["epochs"]),
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    numbers = {_COLUMNS.index("parameters"), _COLUMNS.index("epochs")}
    return "\n".join(
        "  ".join(
            f"{cell:>{width}}" if index in numbers else f"{cell:{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (_COLUMNS, *rows)
    )


if __name__ == "__main__":
    run(app, sys.argv[1:], name="aezoo list")
