"""`aezoo report`: what a sheet asks for, as one HTML page and as pictures."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli import RUNS_DEFAULT, Json, Runs, new_app, print_json, run
from zoo.display import INSTALL_LINE
from zoo.errors import DisplayError, UsageError
from zoo.runs import atomic_write

app = new_app("Write a sheet's deliverables: plots, pictures, tables and answers, from the runs that are there.")

ASSIGNMENTS = ("freiburg", "letters", "purdue", "hesso", "maastricht")


@app.command()
def main(
    assignment: Annotated[str, typer.Argument(help=f"One of {', '.join(ASSIGNMENTS)}.", metavar="ASSIGNMENT")],
    runs: Runs = RUNS_DEFAULT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.html", help="The page; report-ASSIGNMENT.html by default.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="DIR", help="Write each picture as a PNG there too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the report of an assignment: `aezoo report maastricht`, `aezoo report hesso --figures pictures`."""
    if assignment not in ASSIGNMENTS:
        raise UsageError(f"no assignment {assignment!r}; there is {', '.join(ASSIGNMENTS)}")
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out {str(out)!r}: the page is HTML; name a file that ends in .html")
    if not runs.is_dir():
        raise UsageError(f"no folder {str(runs)!r}; train the runs first with `aezoo train '{assignment}/*'`")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        from viewer.qt.application import make_application
    except ImportError as error:
        raise DisplayError(f"Qt cannot be loaded ({error}); install what it needs: {INSTALL_LINE}") from error
    make_application()
    from viewer.report import page, sections
    from viewer.report.reader import Reader

    reader = Reader(runs)
    try:
        made = sections.of(assignment, reader)
    finally:
        reader.close()
    images = {picture.name: page.paint(picture) for section in made for picture in section.pictures}
    place = out or Path(f"report-{assignment}.html")
    atomic_write(place, page.to_html(f"aezoo: {assignment}", made, images).encode())
    for name, data in images.items() if figures else ():
        assert figures is not None
        atomic_write(figures / f"{name}.png", data)
    if as_json:
        print_json({"report": str(place), "pictures": sorted(images), "sections": [section.title for section in made]})
        return
    for section in made:
        print(section.title)
        print("".join(f"  {sentence}\n" for sentence in section.text), end="")
    print(f"wrote {place} ({len(images)} pictures)")


if __name__ == "__main__":
    run(app, sys.argv[1:], name="aezoo report")
