"""`aezoo bench view`: the viewer's targets, measured off-screen on the real window with many runs in the folder."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from viewer.bench import folder
from viewer.bench.folder import BenchRuns
from zoo import bench_process
from zoo.cli import RUNS_DEFAULT, Data, Json, Quiet, Runs, new_app, print_json, print_next_view, run
from zoo.errors import DisplayError, UsageError
from zoo.runs import atomic_write

app = new_app("Measure the viewer off-screen: start, slider, paging, memory and stalls, each beside its target.")

COUNT = 60
CORES = 2


@app.command()
def main(
    folder_of_runs: Annotated[
        Path | None, typer.Argument(metavar="[RUNS]", help="Where run folders lie; --runs by default.")
    ] = None,
    runs: Runs = RUNS_DEFAULT,
    data: Data = None,
    count: Annotated[
        int, typer.Option("--count", min=1, max=500, help="Fill the folder up to so many runs with copies.")
    ] = COUNT,
    starts: Annotated[int, typer.Option("--starts", min=1, max=100, help="Fresh processes; the first is cold.")] = 6,
    steps: Annotated[int, typer.Option("--steps", min=1, max=1000, help="Single steps of the slider, each run.")] = 20,
    drag: Annotated[int, typer.Option("--drag", min=1, max=1000, help="Steps of a drag at 60 Hz, each run.")] = 30,
    pages: Annotated[int, typer.Option("--pages", min=1, max=1000, help="Pages turned, each run.")] = 20,
    cores: Annotated[int, typer.Option("--cores", min=1, help="Use so many cores where there are more.")] = CORES,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where a target is missed or not measured.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the JSON document here.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure the viewer on a folder of many runs; beside its targets, which --strict enforces."""
    source = folder_of_runs or runs
    if not source.is_dir():
        raise UsageError(f"no folder {str(source)!r}; name a folder of runs, or train one with `aezoo demo`")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        from viewer.bench import drive, report, start
    except ImportError as error:
        raise DisplayError(f"Qt cannot be loaded ({error}); `aezoo doctor` says what it needs") from error

    def say(sentence: str) -> None:
        if not quiet:
            print(sentence, file=sys.stderr, flush=True)

    used = _narrow(cores)
    load = _load()
    with tempfile.TemporaryDirectory(prefix="aezoo-bench-") as root:
        filled = folder.fill(Path(root), source, count)
        begun = []
        for number in range(starts):
            say(f"start {number + 1} of {starts}")
            begun.append(start.measure(filled.root))
        driven = drive.drive(filled, drive.DrivePlan(steps, drag, pages, data), say)
    load = f"{load} before, {_load()} after; what else runs here makes every number larger"
    conditions = {**_conditions(source, filled, used, load), "provider": driven.provider}
    document = report.document(conditions, begun, driven)
    if out is not None:
        atomic_write(out, json.dumps(document, indent=1).encode())
    if as_json:
        print_json(document)
    else:
        print(report.table(conditions, begun, driven))
        print_next_view(source)
    if strict and not all(each.passed for each in report.targets(begun, driven)):
        sys.exit(1)


def _narrow(cores: int) -> int:
    """Keep this process and those it starts to so many cores, where the system can; return how many there are."""
    if not hasattr(os, "sched_setaffinity"):
        return os.cpu_count() or 1
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    return len(os.sched_getaffinity(0))


def _load() -> str:
    """How many processes wanted to run in the last minute."""
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"


def _conditions(source: Path, filled: BenchRuns, cores: int, load: str) -> dict[str, Any]:
    versions = bench_process.versions("PySide6-Essentials", "onnxruntime-gpu", "onnxruntime", "numpy", "h5py")
    return {
        "machine": f"{bench_process.processor()}, {cores} used; {platform.system()} {platform.release()}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "load": load,
        "screen": "none (Qt's offscreen platform)",
        "runs": f"{len(filled.originals)} of {source} and {len(filled.copies)} copies of them",
    }


if __name__ == "__main__":
    run(app, sys.argv[1:], name="aezoo bench view")
