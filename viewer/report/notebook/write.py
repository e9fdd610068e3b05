"""Puts cells into a notebook, lets a fresh kernel execute it, and writes it with its outputs."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from viewer.report import write
from viewer.report.notebook.cells import NotebookCell, cells_of, settings_of
from viewer.report.reader import Reader
from zoo.errors import CheckFailed, UsageError, WriteError, first_line
from zoo.runs import atomic_write

NEEDED = ("nbformat", "nbclient", "ipykernel", "matplotlib", "torch", "h5py", "onnxruntime")
LIMIT_SECONDS = 600  # for a cell

Say = Callable[[str], None]


def check(path: Path) -> None:
    """Raise UsageError or WriteError for what would come out only after minutes."""
    if path.suffix != ".ipynb":
        raise UsageError(f"--notebook {str(path)!r}: a notebook is a file that ends in .ipynb; name one")
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"a notebook needs {', '.join(missing)}, which is not installed here; "
            "install it with: pip install 'aezoo[train,notebook]'"
        )
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise WriteError(f"could not write {path}: its folder is not there or may not be written to; name another")


def write_notebook(
    assignment: str, path: Path, runs: Path, data: str | None, *, author: str, say: Say
) -> list[NotebookCell]:
    """Make the notebook of an assignment, execute it and write it; return its cells. Raises CheckFailed, WriteError."""
    with closing(Reader(runs, data, say=say)) as reader:
        report = write.report_of(assignment, reader)
        if not any(run.is_there and run.name.startswith(f"{assignment}/") for run in reader.known):
            raise UsageError(
                f"no run of {assignment} in {runs}, so that a notebook would be empty; train them with "
                f"`aezoo train {assignment}`, or name --runs DIR, or --runs pretrained"
            )
        cells = cells_of(report, reader, settings_of(reader, runs, data, path.absolute().parent, assignment), author)
    say(f"executing {len(cells)} cells")
    atomic_write(path, executed(notebook_of(cells, title=report.title, author=author), path.absolute().parent))
    return cells


def notebook_of(cells: Sequence[NotebookCell], *, title: str, author: str) -> Any:
    """Return cells as a notebook of nbformat 4.5; equal cells give equal notebooks."""
    import nbformat.v4 as v4

    notebook = v4.new_notebook(
        metadata={
            "title": title,
            **({"authors": [{"name": author}]} if author else {}),
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
    )
    for number, cell in enumerate(cells, start=1):
        make = v4.new_code_cell if cell.is_code else v4.new_markdown_cell
        made = make(cell.text, id=f"cell-{number}")
        if cell.pictures:
            made["attachments"] = {name: {"image/png": png} for name, png in cell.pictures.items()}
        notebook["cells"].append(made)
    return notebook


def executed(notebook: Any, folder: Path) -> bytes:
    """Execute a notebook in a fresh kernel that stands in a folder; return it with its outputs. Raises CheckFailed."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=LIMIT_SECONDS,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # it warns of its own, local socket
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        cause = first_line(ValueError(f"{error.ename}: {error.evalue}"))
        raise CheckFailed(f"the notebook stops with {cause}; nothing was written") from error
    except (CellTimeoutError, DeadKernelError) as error:
        raise CheckFailed(f"the notebook's kernel ended or gave no answer in {LIMIT_SECONDS} s; try again") from error
    text: str = nbformat.writes(notebook)
    return (text + "\n").encode()
