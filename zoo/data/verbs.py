"""`aezoo data`: where the data sets lie and whether they are sound; fetching them."""

import sys
from typing import Annotated, Any

import typer

from zoo.cli import Data, Json, new_app, print_json, print_next
from zoo.data import sets
from zoo.errors import DataError, UsageError

app = new_app("Show where the data sets lie, or fetch them.")

Sets = Annotated[list[str] | None, typer.Argument(help="Data sets; all by default.", metavar="[SET…]")]


@app.command()
def status(data: Data = None, as_json: Json = False) -> None:
    """Show every data set: where it was looked for, and whether it is there and sound."""
    rows = [_status(dataset, data) for dataset in sets.DATA_SETS.values()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        print(f"{row['name']}: {row['title']}")
        print(f"  in {row['location']}: {row['state']}")
        print(f"  embedded: {row['sample']}")
    absent = [row["name"] for row in rows if row["state"] != "sound" and sets.get(row["name"]).fetchable]
    option = ["--data", data] if data else []
    if absent:
        print_next("data", "fetch", *absent, *option)
    else:
        print_next("train", "purdue/conv", *option)


def _status(dataset: sets.DataSet, data: str | None) -> dict[str, Any]:
    folder, state = sets.folder_of(data), "sound"
    try:
        for split in ("train", "test"):
            sets.load(dataset.name, split, data)
    except DataError as error:
        state = f"{'broken' if folder is None or dataset.present(folder) else 'not there'}: {error}"
    about = {"name": dataset.name, "title": dataset.title, "location": str(folder or "the embedded sample")}
    return {**about, "state": state, "sample": dataset.sample_title}


@app.command()
def fetch(names: Sets = None, data: Data = None, as_json: Json = False) -> None:
    """Fetch data sets into --data DIR, or into the user's cache folder; what is there and sound is left alone."""
    folder = sets.folder_of(data)
    if folder is None:
        raise UsageError("--data sample is embedded and need not be fetched; name a folder, or none for the cache")
    report = []
    for dataset in [sets.get(name) for name in names or sets.DATA_SETS]:
        print(f"fetching {dataset.name} into {folder}", file=sys.stderr)
        fetched = dataset.fetch(folder)
        report.append({"name": dataset.name, "folder": str(folder), "files": [str(path) for path in fetched]})
        if not as_json:
            print(f"{dataset.name}: {len(fetched)} files fetched" if fetched else f"{dataset.name}: was there already")
    if as_json:
        print_json(report)
    else:
        print_next("train", "purdue/conv", *(["--data", data] if data else []))
