"""`aezoo report`: what a sheet asks for, as one HTML page, as a PDF and as pictures."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from viewer.report.sheets import ASSIGNMENTS
from zoo import pretrained
from zoo.cli import RUNS_DEFAULT, Data, Json, Quiet, Runs, new_app, print_json, run
from zoo.display import INSTALL_LINE
from zoo.errors import DisplayError, UsageError

app = new_app("Write a sheet's deliverables: plots, pictures, tables and answers, from the runs that are there.")

PAGE, PAPER = (".html", ".htm"), ".pdf"
QUIET_SECONDS = 1.0  # what takes less is not reported


@app.command()
def main(
    assignment: Annotated[
        str,
        typer.Argument(
            help=f"One of {', '.join(ASSIGNMENTS)}.",
            metavar="ASSIGNMENT",
            autocompletion=lambda incomplete: [each for each in ASSIGNMENTS if each.startswith(incomplete)],
        ),
    ],
    runs: Runs = RUNS_DEFAULT,
    data: Data = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="The page, FILE.html; report-ASSIGNMENT.html by default. FILE.pdf writes the PDF alone.",
        ),
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Write a PDF on A4 too, beside the page and with its name.")
    ] = False,
    short: Annotated[
        bool, typer.Option("--short", help="Answers and the figures that say most: a PDF of at most two pages.")
    ] = False,
    notebook: Annotated[
        Path | None,
        typer.Option(
            "--notebook",
            metavar="FILE.ipynb",
            help="Write a notebook instead, which stands without aezoo: networks, training, deliverables, answers.",
        ),
    ] = None,
    author: Annotated[str, typer.Option("--author", metavar='"Last, First"', help="Who hands the notebook in.")] = "",
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="DIR", help="Write each picture as a PNG there too.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the report of an assignment: `aezoo report maastricht --pdf`, `aezoo report hesso --figures pictures`.

    Pictures of training images need the data set: `--data DIR` where it is not in the cache. Runs that were trained
    on the sample need none.
    """
    runs = pretrained.unless_there(runs)
    paths = _output_paths(assignment, runs, out, pdf=pdf)
    if notebook is None and author:
        raise UsageError("--author stands in a notebook; add --notebook FILE.ipynb")
    if notebook is not None and (out or pdf or figures or short):
        raise UsageError("--notebook writes the notebook alone; leave --out, --pdf, --short and --figures out")
    _start_qt(notebook)
    say = _teller(quiet)
    if notebook is not None:
        from viewer.report.notebook.write import write_notebook

        cells = write_notebook(assignment, notebook, runs, data, author=author, say=say)
        count = sum(cell.is_code for cell in cells)
        if as_json:
            print_json({"notebook": str(notebook), "cells": len(cells), "code": count})
        else:
            print(f"wrote {notebook} ({len(cells)} cells, {count} of them code, executed without an error)")
        return
    from viewer.report.write import make, write

    report = make(assignment, runs, data, say=say, is_short=short)
    write(report, paths, figures, say=say)
    texts = [report.warning, *(text.text for text in report.texts if text.kind == "note")]
    notes = list(dict.fromkeys(filter(None, texts)))  # what is missing or not to be trusted, each once
    if as_json:
        print_json(
            {
                "report": str(paths[0]),
                "files": [str(path) for path in paths],
                "title": report.title,
                "sections": [heading.text for heading in report.headings],
                "pictures": sorted(picture.name for picture in report.pictures),
                "answers": [text.text for text in report.texts if text.kind == "answer"],
                "notes": notes,
            }
        )
        return
    wrote = f"wrote {' and '.join(map(str, paths))} ({len(report.headings)} headings, {len(report.pictures)} pictures)"
    print(*notes, wrote, sep="\n")


def _start_qt(notebook: Path | None) -> None:
    """Start Qt without a screen; raise at once for a notebook what would come out only after minutes."""
    if notebook is not None:
        from viewer.report.notebook.write import check

        check(notebook)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        from viewer.qt.application import make_application
    except ImportError as error:
        raise DisplayError(f"Qt cannot be loaded ({error}); install what it needs: {INSTALL_LINE}") from error
    make_application()


def _output_paths(assignment: str, runs: Path, out: Path | None, *, pdf: bool) -> list[Path]:
    """Return the files to write, or raise UsageError for a request that cannot be met."""
    if assignment not in ASSIGNMENTS:
        raise UsageError(f"no assignment {assignment!r}; there is {', '.join(ASSIGNMENTS)}")
    page = out or Path(f"report-{assignment}.html")
    if page.suffix.lower() not in (*PAGE, PAPER):
        raise UsageError(f"--out {str(out)!r}: a report is a page or a PDF; name a file that ends in .html or .pdf")
    if not runs.is_dir():
        raise UsageError(f"no folder {str(runs)!r}; train the runs first with `aezoo train '{assignment}/*'`")
    if page.suffix.lower() == PAPER:
        return [page]
    return [page, page.with_suffix(PAPER)] if pdf else [page]


def _teller(quiet: bool) -> Callable[[str], None]:
    """Return a function that reports progress on stderr, after a while and then once a second."""
    last = time.monotonic()

    def say(text: str) -> None:
        nonlocal last
        now = time.monotonic()
        if not quiet and now - last >= QUIET_SECONDS:
            last = now
            print(f"{text} …", file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    run(app, sys.argv[1:], name="aezoo report")
