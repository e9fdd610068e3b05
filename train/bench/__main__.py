"""`aezoo bench train`: images a second, time to a loss and memory, of our engines, a plain loop and Keras."""

import importlib.util
import json
import os
import statistics
import sys
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from train.bench import CAN, DEFAULT, NAMES
from zoo import bench_process, registry
from zoo.bench_process import load_average
from zoo.cli import Data, Device, Json, Quiet, new_app, print_json, print_next, run
from zoo.data import sets
from zoo.errors import UsageError
from zoo.runs import atomic_write

app = new_app("Compare the training engine with a plain PyTorch loop and with Keras, epoch by epoch in turn.")

BUSY = 1.2  # of the cores: a load above it is not the benchmark's own
SLACK = 1.01  # a loss counts as reached at 1 % above the plain loop's last


@dataclass
class Run:
    """What one contender showed on one recipe; `seconds` of every epoch, validation not counted."""

    child: bench_process.Child
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    load: float = 0.0  # the highest that an epoch began with: processes that wanted a core in the minute before

    def epoch(self) -> None:
        self.load = max(self.load, load_average())
        result = self.child.ask(len(self.seconds) + 1)
        self.seconds.append(result["seconds"])
        self.losses.append(result["loss"])

    def time_to(self, loss: float) -> float | None:
        """Return the seconds of training until the validation loss was that low; None where it never was."""
        for epoch, reached in enumerate(self.losses, start=1):
            if reached <= loss:
                return sum(self.seconds[:epoch])
        return None


@app.command()
def main(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME…]", help=f"Of {', '.join(CAN)}; four of them by default.")
    ] = None,
    data: Data = None,
    device: Device = "auto",
    epochs: Annotated[int, typer.Option("--epochs", min=2, help="The first is not counted as speed.")] = 4,
    images: Annotated[int, typer.Option("--images", min=0, help="Train on the first so many only; 0: all.")] = 0,
    precision: Annotated[Literal["auto", "fp32"], typer.Option("--precision", help="Of our engine.")] = "auto",
    profile: Annotated[
        bool, typer.Option("--profile", help="Then look into a step: how long operators or kernels take.")
    ] = False,
    scaling: Annotated[
        bool, typer.Option("--scaling", help="Then train on a quarter and a half of the images too: what it costs.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the JSON document here.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train each recipe with each contender, one epoch in turn, and print ratios with their spread."""
    recipes = [recipe.name for recipe in registry.match(names or DEFAULT)]
    strange = [name for name in recipes if name not in CAN]
    if strange:
        raise UsageError(f"the benchmark has no {strange[0]!r} for Keras; it knows {', '.join(CAN)}")
    from train.bench import machine  # they load torch
    from train.engine import devices

    chosen = devices.choose(device)
    for dataset in dict.fromkeys(registry.load(name).data.name for name in recipes):
        sets.obtain(dataset, data)
    load = load_average()
    limits = machine.rates(chosen)
    versions = bench_process.versions("torch", "llvmlite", "keras", "tensorflow", "tensorflow-cpu", "jax")
    about = {"name": devices.machine(chosen), **versions}
    document: dict[str, Any] = {"machine": about, "load": load, "limits": limits, "epochs": epochs, "recipes": {}}
    settings = {"device": chosen.type, "data": sets.from_anywhere(data), "precision": precision, "images": images}
    if not as_json:
        print(_head(document))
    for name in recipes:
        recipe = registry.load(name)
        compiled = machine.compiled_operations(recipe) if chosen.type == "cpu" else None
        operations = {"torch": machine.operations(recipe), **({"fused": compiled} if compiled else {})}
        there = [each for each in NAMES if _is_there(each, compiles="fused" in operations)]
        result = _compare(name, there, settings, epochs=epochs, profile=profile, quiet=quiet)
        for engine, count in operations.items():
            row = result["contenders"][engine]
            limit = limits["gemm_bf16" if row["about"]["config"].startswith("bf16") else "gemm_fp32"]
            row["operations_an_image"], row["share_of_limit"] = count, row["images_a_second"] * count / limit
        if scaling:
            result["scaling"] = _scaling(name, there[0], result, settings)
        document["recipes"][name] = result
        if not as_json:
            print(_table(name, result, chosen.type), flush=True)
    if out is not None:
        atomic_write(out, json.dumps(document, indent=1).encode())
    if as_json:
        print_json(document)
    else:
        print_next("train", recipes[0])


def _is_there(name: str, *, compiles: bool) -> bool:
    if name == "fused":
        return compiles
    needed = {"tensorflow": ("keras", "tensorflow"), "jax": ("keras", "jax")}.get(name, ())
    return all(map(importlib.util.find_spec, needed))


def _compare(
    name: str, there: list[str], settings: dict[str, Any], *, epochs: int, profile: bool, quiet: bool
) -> dict[str, Any]:
    with ExitStack() as stack:
        runs = {each: Run(stack.enter_context(_child(each, name, settings))) for each in there}
        for round_ in range(epochs):
            for each in bench_process.in_turn(there, round_):
                runs[each].epoch()
                if not quiet:
                    last = runs[each]
                    line = f"{name}: {NAMES[each]}, epoch {round_ + 1} of {epochs}: {last.seconds[-1]:.2f} s"
                    print(f"{line}, validation {last.losses[-1]:.5f}", file=sys.stderr)
        result = _evaluated(name, runs)
        for each, run_ in runs.items() if profile else ():
            result["contenders"][each] |= run_.child.ask("profile")
    return result


def _child(contender: str, recipe: str, settings: dict[str, Any]) -> AbstractContextManager[bench_process.Child]:
    arguments = {"name": contender, "recipe_name": recipe, **settings}
    return bench_process.child(contender, "train.bench.contenders", arguments)


def _scaling(name: str, contender: str, result: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Return the seconds of an epoch on a quarter, a half and all of the images, and of one, two and all epochs."""
    images, seconds = result["images"], {}
    for count in (images // 4, images // 2, images):
        with _child(contender, name, {**settings, "images": count}) as child:
            seconds[count] = [child.ask(epoch)["seconds"] for epoch in (1, 2)][1]
    each = result["contenders"][contender]["seconds"][1:]
    return {"contender": contender, "images": seconds, "epochs": {n: sum(each[:n]) for n in (1, 2, len(each))}}


def _evaluated(name: str, runs: dict[str, Run]) -> dict[str, Any]:
    goal = runs["plain"].losses[-1] * SLACK
    ours = next(iter(runs))
    result: dict[str, Any] = {
        "provenance": runs[ours].child.about["provenance"],
        "images": runs[ours].child.about["images"],
        "batch": registry.load(name).schedule.batch_size,
        "goal": goal,
        "ours": ours,
        "contenders": {},
    }
    for each, run_ in runs.items():
        result["contenders"][each] = {
            "about": run_.child.about["about"],
            "images_a_second": result["images"] / statistics.median(run_.seconds[1:]),
            "ours_is_faster": bench_process.ratios(run_.seconds[1:], runs[ours].seconds[1:]),
            "seconds": run_.seconds,
            "losses": run_.losses,
            "seconds_to_goal": run_.time_to(goal),
            "setup": run_.child.setup,
            "memory": run_.child.memory,
            "load": run_.load,
        }
    return result


def _head(document: dict[str, Any]) -> str:
    about, limits = document["machine"], document["limits"]
    versions = ", ".join(f"{name} {version}" for name, version in about.items() if name != "name")
    bf16 = f"{limits['gemm_bf16'] / 1e9:,.0f} bfloat16" if "gemm_bf16" in limits else "no bfloat16"
    return (
        f"{about['name']}; {versions}\n"
        f"limits measured here: {limits['gemm_fp32'] / 1e9:,.0f} GFLOP/s float32, {bf16}, "
        f"copying {limits['copy'] / 1e9:.1f} GB/s; load before: {document['load']:.2f}"
    )


def _table(name: str, result: dict[str, Any], device: str) -> str:
    ours = NAMES[result["ours"]]
    lines = [
        f"\n{name}: {result['images']:,} images ({result['provenance']}), batch {result['batch']}, {device}",
        f"  {'':17} {'images/s':>9}  {ours + ' is faster by':27} "
        f"{'last loss':>9} {'s to goal':>9} {'ready, s':>8} {'MB':>6} {'limit':>6} {'load':>5}",
    ]
    for each, title in NAMES.items():
        row = result["contenders"].get(each)
        if row is None:
            missing = "not compiled" if each == "fused" else "not installed: pip install 'aezoo[bench]'"
            lines.append(f"  {title:17} –  {missing}")
            continue
        faster = bench_process.ratios_text(row["ours_is_faster"]) if each != result["ours"] else ""
        goal = "–" if row["seconds_to_goal"] is None else f"{row['seconds_to_goal']:.1f}"
        share = f"{row['share_of_limit']:.0%}" if "share_of_limit" in row else ""
        busy = "*" if row["load"] > BUSY * (os.cpu_count() or 1) else ""
        lines.append(
            f"  {title:17} {row['images_a_second']:>9,.0f}  {faster:27} {row['losses'][-1]:>9.5f} {goal:>9} "
            f"{row['setup']:>8.1f} {row['memory'] / 1e6:>6,.0f} {share:>6} {row['load']:>5.1f}{busy}"
        )
    for each in ("fused", "torch"):
        if each in result["contenders"]:
            lines.append(f"  {NAMES[each]}: {result['contenders'][each]['about']['config']}")
    lines.append(f"  the goal is {result['goal']:.5f}, 1 % above the plain loop's last loss; limit: of the products")
    if any(row["load"] > BUSY * (os.cpu_count() or 1) for row in result["contenders"].values()):
        lines.append("  * more processes wanted a core than there are: these rows say little")
    for what, costs in result.get("scaling", {}).items():
        if what != "contender":
            lines.append(f"  {NAMES[result['scaling']['contender']]}, seconds by {what}: {_costs(costs)}")
    for each, row in result["contenders"].items():
        lines += _profile(NAMES[each], row.get("profile", {}))
    return "\n".join(lines)


def _costs(seconds: dict[int, float]) -> str:
    """Return the cost of each size, and how far it is from being in proportion to the largest's."""
    largest = max(seconds)
    shown = (
        f"{count:,}: {each:.2f} ({each * largest / count / seconds[largest] - 1:+.0%})"
        for count, each in seconds.items()
    )
    return ", ".join(shown)


def _profile(contender: str, found: dict[str, float]) -> list[str]:
    """Return the operators that take more than a fiftieth of a step, and what is left."""
    if not found:
        return []
    whole = found["all"]
    shown = {name: time for name, time in found.items() if name != "all" and time > whole / 50}
    rows = {**shown, "the rest": whole - sum(shown.values())}
    head = f"  a step of {contender}: {whole:,.0f} µs"
    return [head, *(f"    {time:>8,.0f} µs  {time / whole:>5.1%}  {name}" for name, time in rows.items())]


if __name__ == "__main__":
    run(app, sys.argv[1:], name="aezoo bench train")
