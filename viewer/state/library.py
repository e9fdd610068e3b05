"""What lies on disk: runs and lone graphs under the paths that were opened, with a stamp of every file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from viewer.state.formatting import clean
from zoo.errors import UsageError
from zoo.runs import RunFolder, find_runs, loose_graphs

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"})
Stamp = tuple[int, int, int]  # (inode, mtime_ns, size): changes whenever a file is replaced or rewritten


@dataclass(frozen=True)
class Entry:
    """One row of the table: a run folder, or a graph without one. `path` is its key."""

    path: Path
    is_run: bool
    graph: Path
    graph_stamp: Stamp | None = None
    history_stamp: Stamp | None = None
    card_stamp: Stamp | None = None
    decoder_stamp: Stamp | None = None
    encoder_stamp: Stamp | None = None
    fp16_stamp: Stamp | None = None
    is_locked: bool = False  # a trainer holds the run

    @property
    def history(self) -> Path:
        return RunFolder(self.path).history

    @property
    def card(self) -> Path:
        return RunFolder(self.path).card

    @property
    def decoder(self) -> Path:
        return RunFolder(self.path).graph("decoder")

    @property
    def stamps(self) -> dict[str, Stamp | None]:
        """The stamps of the files that an export writes, by their names; None for one that is not there."""
        run = RunFolder(self.path)
        if not self.is_run:
            return {self.graph.name: self.graph_stamp}
        found = {self.graph.name: self.graph_stamp, run.graph("encoder").name: self.encoder_stamp}
        return {**found, run.graph("decoder").name: self.decoder_stamp, run.fp16_model.name: self.fp16_stamp}

    @property
    def name(self) -> str:
        """What it is called before anything of it was read: assignment/recipe, or the file's name."""
        return "/".join(self.path.parts[-2:]) if self.is_run else self.path.name


def scan(roots: Iterable[Path]) -> tuple[Entry, ...]:
    """Return every run and lone graph under these paths, each once, in the order of the paths."""
    found: dict[Path, Entry] = {}
    for root in roots:
        for entry in _entries(root):
            found.setdefault(entry.path, entry)
    return tuple(found.values())


def scan_and_list_gone(roots: Sequence[Path]) -> tuple[tuple[Entry, ...], tuple[Path, ...]]:
    """Return the entries that a scan finds, and the roots that do not exist any more."""
    return scan(roots), tuple(root for root in roots if not root.exists())


def _entries(root: Path) -> list[Entry]:
    if root.is_dir():
        runs = [run_entry(run) for run in find_runs(root)]
        return [*runs, *map(_lone, loose_graphs(root))]
    run = RunFolder(root.parent)
    if root == run.graph("model") and run.history.is_file():
        return [run_entry(run)]  # the graph of a run has its images and losses beside it
    return [_lone(root)] if root.exists() else []


def _lone(graph: Path) -> Entry:
    return Entry(path=graph, is_run=False, graph=graph, graph_stamp=stamp_of(graph))


def run_entry(run: RunFolder) -> Entry:
    graph = run.graph("model")
    return Entry(
        path=run.path,
        is_run=True,
        graph=graph,
        graph_stamp=stamp_of(graph),
        history_stamp=stamp_of(run.history),
        card_stamp=stamp_of(run.card),
        decoder_stamp=stamp_of(run.graph("decoder")),
        encoder_stamp=stamp_of(run.graph("encoder")),
        fp16_stamp=stamp_of(run.fp16_model),
        is_locked=run.is_locked(),
    )


def stamp_of(path: Path) -> Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None  # not there, or not readable: both mean that there is nothing to show
    return status.st_ino, status.st_mtime_ns, status.st_size


def is_picture(path: Path) -> bool:
    """Whether a file's suffix is that of a picture."""
    return path.suffix.lower() in PICTURES


def absolute_paths(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the paths made absolute; raise UsageError for one that does not exist or cannot be shown."""
    expected = "name a folder of runs, an .onnx file or a picture"
    for path in paths:
        if not path.exists():
            raise UsageError(f"no file or folder {str(path)!r}; {expected}")
        if not path.is_dir() and path.suffix.lower() != ".onnx" and not is_picture(path):
            raise UsageError(f"{path} is neither a folder nor an .onnx file nor a picture; {expected}")
    return tuple(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))


def distinct_names(names: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """Return the names; those that occur twice are followed by as many folders as make them unique."""
    distinct = list(names)
    by_name: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        by_name.setdefault(name, []).append(index)
    taken = set(by_name)
    for name, alike in by_name.items():
        if len(alike) > 1:
            longer = _with_folders_where_alike(name, [paths[index].parts for index in alike], taken)
            taken.update(longer)
            for index, text in zip(alike, longer, strict=True):
                distinct[index] = text
    return distinct


def _with_folders_where_alike(name: str, paths: Sequence[tuple[str, ...]], taken: set[str]) -> list[str]:
    """Append to a name the folders by which its paths differ, as many as make all names unique."""
    shortest = min(map(len, paths))
    alike = next((n for n in range(shortest) if len({parts[-1 - n] for parts in paths}) > 1), shortest)
    for count in range(1, max(map(len, paths)) + 1):
        origins = [Path(*parts[max(0, len(parts) - alike - count) : len(parts) - alike]) for parts in paths]
        longer = [f"{name} ({clean(origin)})" for origin in origins]
        if len(set(longer)) == len(longer) and taken.isdisjoint(longer):
            return longer
    return [f"{name} ({number})" for number in range(1, len(paths) + 1)]
