"""`aezoo bench graphs`: images a second and memory of onnxruntime, beside torch in eager mode."""

import json
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from export.bench.child import ENCODER
from zoo import bench_process, registry, sessions
from zoo.cli import RUNS_DEFAULT, Device, Json, Quiet, Runs, new_app, print_json, print_next, run
from zoo.errors import DeviceError, RunError, UsageError
from zoo.runs import RunFolder, atomic_write, find_runs

app = new_app("Compare onnxruntime with torch on trained runs, in turn, at several batch sizes.")

NAMES = ("onnxruntime", "torch")
BATCHES = "1,64,1024"

Speeds = dict[str, dict[int, list[float]]]  # contender → batch size → images a second of each round


@app.command()
def main(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME…]", help="Recipes with a run; all runs by default.")
    ] = None,
    runs: Runs = RUNS_DEFAULT,
    device: Device = "auto",
    batches: Annotated[str, typer.Option("--batches", metavar="N,N,…", help="How many images at once.")] = BATCHES,
    rounds: Annotated[int, typer.Option("--rounds", min=2, help="The first is not counted.")] = 6,
    seconds: Annotated[float, typer.Option("--seconds", min=0.01, help="Of computing, each time.")] = 0.3,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the JSON document here.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compute runs with onnxruntime and with torch, in turn, and print ratios with their spread."""
    sizes, devices = _sizes(batches), _devices(device)
    folders = _folders(names, runs)
    about = {"name": bench_process.processor(), **bench_process.versions("onnxruntime-gpu", "onnxruntime", "torch")}
    document: dict[str, Any] = {"machine": about, "rounds": rounds, "seconds": seconds, "runs": {}}
    if not as_json:
        print(", ".join([about["name"], *(f"{name} {version}" for name, version in about.items() if name != "name")]))
    for name in folders:
        found = {each: _compare(name, runs, each, sizes, rounds, seconds, quiet) for each in devices}
        document["runs"][name] = found
        if not as_json:
            print(_table(name, found), flush=True)
    if out is not None:
        atomic_write(out, json.dumps(document, indent=1).encode())
    if as_json:
        print_json(document)
    else:
        print_next("view", runs)


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(word) for word in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not all(1 <= size <= 65536 for size in sizes):
        raise UsageError(f"--batches {text!r} is not a list of numbers from 1 to 65536; expected one such as 1,64,1024")
    return list(dict.fromkeys(sizes))


def _devices(device: str) -> list[str]:
    """Return the devices to compute on: the CPU, and CUDA where it works."""
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {device!r} is none of auto, cpu, cuda")
    provider = sessions.probe(device)
    if device == "cuda" and provider.name == "cpu":
        why = provider.why_not_cuda
        raise DeviceError(f"--device cuda: {why}; use --device cpu or auto. (`aezoo doctor` says more)")
    return list(dict.fromkeys(["cpu" if device == "auto" else provider.name, provider.name]))


def _folders(names: list[str] | None, runs: Path) -> list[str]:
    """Return the recipes with an exported run. Raises RunError where one that is named has none."""
    if not names:
        found = [str(folder.read_history().meta.get("recipe")) for folder in find_runs(runs) if _exported(folder)]
        if not found:
            raise RunError(f"no exported run in {runs}; train one first with `aezoo train purdue/conv`")
        return found
    recipes = [recipe.name for recipe in registry.match(names)]
    for name in recipes:
        if not _exported(RunFolder.of(runs, name)):
            raise RunError(f"{name} has no exported run in {runs}; make it with `aezoo train {name}`")
    return recipes


def _exported(folder: RunFolder) -> bool:
    return folder.history.is_file() and folder.graph("model").is_file()


def _compare(
    name: str, runs: Path, device: str, sizes: list[int], rounds: int, seconds: float, quiet: bool
) -> dict[str, Any]:
    names = [*NAMES, *([ENCODER] if RunFolder.of(runs, name).graph(ENCODER).is_file() else [])]
    speeds: Speeds = {each: {size: [] for size in sizes} for each in names}
    with ExitStack() as stack:
        children = {}
        for each in names:
            arguments = {"name": each, "recipe_name": name, "runs": str(runs.resolve()), "device": device}
            children[each] = stack.enter_context(bench_process.child(each, "export.bench.child", arguments))
        for round_ in range(rounds):
            for size in sizes:
                for each in bench_process.in_turn(names, round_):
                    speeds[each][size].append(children[each].ask((size, seconds))["images_a_second"])
            if not quiet:
                print(f"{name}: {device}, round {round_ + 1} of {rounds}", file=sys.stderr)
        contenders = {
            each: {"about": found.about["about"], "memory": found.memory, "ready": found.setup}
            for each, found in children.items()
        }
    return {"contenders": contenders, "batches": [_row(size, speeds) for size in sizes]}


def _row(size: int, speeds: Speeds) -> dict[str, Any]:
    counted = {each: found[size][1:] for each, found in speeds.items()}
    row = {
        "batch": size,
        "images_a_second": {each: statistics.median(found) for each, found in counted.items()},
        "onnxruntime_is_faster": bench_process.ratios(counted["onnxruntime"], counted["torch"]),
    }
    if ENCODER in counted:
        row["encoder_is_faster"] = bench_process.ratios(counted[ENCODER], counted["onnxruntime"])
    return row


def _table(name: str, results: dict[str, Any]) -> str:
    lines = []
    for device, found in results.items():
        rows = found["contenders"]
        abouts = [f"{each} ({rows[each]['about']})" for each in rows]
        lines.append(f"\n{name}, {device}: {', '.join(abouts)}")
        heads = "".join(f" {each:>11}" for each in rows)
        against = ["onnxruntime over torch", *(["encoder over onnxruntime"] if ENCODER in rows else [])]
        lines.append(f"  {'batch':>6}{heads} images/s  {' '.join(against)}")
        for row in found["batches"]:
            speeds = "".join(f" {row['images_a_second'][each]:>11,.0f}" for each in rows)
            faster = [row[key] for key in ("onnxruntime_is_faster", "encoder_is_faster") if key in row]
            ratios = [f"{bench_process.ratios_text(spread):22}" for spread in faster]
            lines.append(f"  {row['batch']:>6}{speeds} {'':8}  {' '.join(ratios)}".rstrip())
        for what, unit, scale in (("memory", "MB", 1e6), ("ready", "s", 1)):
            lines.append(f"  {what:>6}{''.join(f' {rows[each][what] / scale:>11,.1f}' for each in rows)} {unit}")
    return "\n".join(lines)


if __name__ == "__main__":
    run(app, sys.argv[1:], name="aezoo bench graphs")
