"""`aezoo data`: where the data sets lie and whether they are sound; fetching them; what the user's own pictures are."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli import Data, Json, new_app, plain, print_json, print_next
from zoo.data import sets
from zoo.errors import DataError, UsageError
from zoo.runs import atomic_write

app = new_app("Show where the data sets lie, fetch them, or show what your own pictures are.")

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
def show(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A folder or .zip of pictures, an .npz, or IDX files.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.png", help="Write a contact sheet of them.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a picture that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Show what `aezoo train NAME --images PATH` would find: `aezoo data show ~/photos -o sheet.png`."""
    from zoo.data import contact_sheet, own

    if output is not None and output.suffix.lower() != ".png":
        raise UsageError(f"-o {str(output)!r}: the contact sheet is a PNG; name a file that ends in .png")
    if output is not None and output.exists() and not overwrite:
        raise UsageError(f"{output} is there already; name another file with -o, or add --overwrite")
    found = contact_sheet.survey(own.absolute(path), show=not as_json)
    if output is not None:
        atomic_write(output, contact_sheet.to_png(found))
    if as_json:
        print_json({**found.as_json(), "sheet": str(output) if output else None})
        return
    print(plain(found.as_text()))
    if output is not None:
        print(f"wrote {output}")
    print_next("train", "purdue/conv", "--images", path)


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
