"""`aezoo bench view`: the viewer's targets, measured off-screen on the real window with many runs in the folder."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from viewer.bench import folder
from zoo import bench_process
from zoo.cli import RUNS_DEFAULT, Data, Json, Quiet, Runs, new_app, print_json, print_next_view, run
from zoo.errors import DisplayError, UsageError

app = new_app("Measure the viewer off-screen: start, slider, paging, memory and stalls, each beside its target.")

PACKAGES = ("PySide6-Essentials", "onnxruntime-gpu", "onnxruntime", "numpy", "h5py")


@app.command()
def main(
    folder_of_runs: Annotated[
        Path | None, typer.Argument(metavar="[RUNS]", help="Where run folders lie; --runs by default.")
    ] = None,
    runs: Runs = RUNS_DEFAULT,
    data: Data = None,
    count: Annotated[
        int, typer.Option("--count", min=1, max=500, help="Fill the folder up to so many runs with copies.")
    ] = 60,
    starts: Annotated[int, typer.Option("--starts", min=1, max=100, help="Fresh processes; the first is cold.")] = 6,
    steps: Annotated[int, typer.Option("--steps", min=1, max=100, help="Steps of the slider, each run.")] = 20,
    pages: Annotated[int, typer.Option("--pages", min=1, max=1000, help="Pages turned, each run.")] = 20,
    cores: Annotated[int, typer.Option("--cores", min=1, help="Use so many cores where there are more.")] = 2,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where a target is missed or not measured.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure the viewer on a folder of many runs; beside its targets, which --strict enforces."""
    source = folder_of_runs or runs
    if not source.is_dir():
        raise UsageError(f"no folder {str(source)!r}; name a folder of runs, or train one with `aezoo demo`")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        from viewer.bench import drive, report
    except ImportError as error:
        raise DisplayError(f"Qt cannot be loaded ({error}); `aezoo doctor` says what it needs") from error

    def say(sentence: str) -> None:
        if not quiet:
            print(sentence, file=sys.stderr, flush=True)

    load = _load()
    with tempfile.TemporaryDirectory(prefix="aezoo-bench-") as root:
        originals, copies = folder.fill(Path(root) / "runs", source, count)
        conditions = {
            "machine": f"{bench_process.processor()}, {_narrow(cores)} used; {platform.system()} {platform.release()}",
            "versions": ", ".join(f"{name} {version}" for name, version in bench_process.versions(*PACKAGES).items()),
            "runs": f"{len(originals)} of {source} and {len(copies)} copies of them, on Qt's offscreen platform",
        }
        begun = []
        for number in range(starts):
            say(f"start {number + 1} of {starts}")
            begun.append(drive.start(Path(root) / "runs", Path(root) / "window.png"))
        driven = drive.drive(originals, copies, steps, pages, data, say)
    conditions["load"] = f"{load} before, {_load()} after; what else runs here makes every number larger"
    conditions["provider"] = driven.provider
    document = report.document(conditions, begun, driven)
    if as_json:
        print_json(document)
    else:
        print(report.table(document))
        print_next_view(source)
    if strict and not all(each["passed"] for each in document["targets"]):
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


if __name__ == "__main__":
    run(app, sys.argv[1:], name="aezoo bench view")
