"""`aezoo bench train`: images a second, time to a loss and memory, of our engine, a plain loop and Keras."""

import importlib.util
import json
import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from train.bench import CAN, NAMES
from zoo import bench_process, registry
from zoo.cli import Data, Device, Json, Quiet, new_app, print_json, print_next, run
from zoo.data import sets
from zoo.errors import UsageError
from zoo.runs import atomic_write

app = new_app("Compare the training engine with a plain PyTorch loop and with Keras, epoch by epoch in turn.")

SLACK = 1.01  # a loss counts as reached at 1 % above the plain loop's last


@dataclass
class Run:
    """What one contender showed on one recipe; `seconds` of every epoch, validation not counted."""

    child: bench_process.Child
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def epoch(self) -> None:
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
        list[str] | None, typer.Argument(metavar="[NAME…]", help=f"Of {', '.join(CAN)}; all by default.")
    ] = None,
    data: Data = None,
    device: Device = "auto",
    epochs: Annotated[int, typer.Option("--epochs", min=2, help="The first is not counted as speed.")] = 4,
    images: Annotated[int, typer.Option("--images", min=0, help="Train on the first so many only; 0: all.")] = 0,
    precision: Annotated[Literal["auto", "fp32"], typer.Option("--precision", help="Of our engine.")] = "auto",
    profile: Annotated[
        bool, typer.Option("--profile", help="Then look into a step: how long torch's operators take.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the JSON document here.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train each recipe with each contender, one epoch in turn, and print ratios with their spread."""
    recipes = [recipe.name for recipe in registry.match(names or CAN)]
    strange = [name for name in recipes if name not in CAN]
    if strange:
        raise UsageError(f"the benchmark has no {strange[0]!r} for Keras; it knows {', '.join(CAN)}")
    from train.bench import machine  # they load torch
    from train.engine import devices

    chosen = devices.choose(device)
    for dataset in dict.fromkeys(registry.load(name).data.name for name in recipes):
        sets.obtain(dataset, data)
    limits = machine.rates(chosen)
    versions = bench_process.versions("torch", "keras", "tensorflow", "tensorflow-cpu")
    about = {"name": devices.machine(chosen), **versions}
    document: dict[str, Any] = {"machine": about, "limits": limits, "epochs": epochs, "recipes": {}}
    settings = {"device": chosen.type, "data": sets.from_anywhere(data), "precision": precision, "images": images}
    if not as_json:
        print(_head(document))
    for name in recipes:
        result = _compare(name, settings, epochs=epochs, profile=profile, quiet=quiet)
        result["operations_an_image"] = machine.operations(registry.load(name))
        result["share_of_limit"] = _share(result, limits)
        document["recipes"][name] = result
        if not as_json:
            print(_table(name, result, chosen.type), flush=True)
    if out is not None:
        atomic_write(out, json.dumps(document, indent=1).encode())
    if as_json:
        print_json(document)
    else:
        print_next("train", recipes[0])


def _compare(name: str, settings: dict[str, Any], *, epochs: int, profile: bool, quiet: bool) -> dict[str, Any]:
    has_keras = all(map(importlib.util.find_spec, ("keras", "tensorflow")))
    there = [each for each in NAMES if each != "keras" or has_keras]
    with ExitStack() as stack:
        runs = {}
        for each in there:
            arguments = {"name": each, "recipe_name": name, **settings}
            runs[each] = Run(stack.enter_context(bench_process.child(each, "train.bench.contenders", arguments)))
        for round_ in range(epochs):
            for each in bench_process.in_turn(there, round_):
                runs[each].epoch()
                if not quiet:
                    last = runs[each]
                    line = f"{name}: {each}, epoch {round_ + 1} of {epochs}: {last.seconds[-1]:.2f} s"
                    print(f"{line}, validation {last.losses[-1]:.5f}", file=sys.stderr)
        result = _evaluated(name, runs)
        for each, run_ in runs.items() if profile else ():
            result["contenders"][each] |= run_.child.ask("profile")
    return result


def _evaluated(name: str, runs: dict[str, Run]) -> dict[str, Any]:
    goal = runs["plain"].losses[-1] * SLACK
    aezoo = runs["aezoo"]
    result: dict[str, Any] = {
        "provenance": aezoo.child.about["provenance"],
        "images": aezoo.child.about["images"],
        "batch": registry.load(name).schedule.batch_size,
        "goal": goal,
        "contenders": {},
    }
    for each, run_ in runs.items():
        result["contenders"][each] = {
            "about": run_.child.about["about"],
            "images_a_second": result["images"] / statistics.median(run_.seconds[1:]),
            "aezoo_is_faster": bench_process.ratios(run_.seconds[1:], aezoo.seconds[1:]),
            "seconds": run_.seconds,
            "losses": run_.losses,
            "seconds_to_goal": run_.time_to(goal),
            "setup": run_.child.setup,
            "memory": run_.child.memory,
        }
    return result


def _share(result: dict[str, Any], limits: dict[str, float]) -> float:
    """Return our share of the machine's matrix products, in the precision that was chosen."""
    aezoo = result["contenders"]["aezoo"]
    limit = limits["gemm_bf16" if aezoo["about"]["config"].startswith("bf16") else "gemm_fp32"]
    share: float = aezoo["images_a_second"] * result["operations_an_image"] / limit
    return share


def _head(document: dict[str, Any]) -> str:
    about, limits = document["machine"], document["limits"]
    versions = ", ".join(f"{name} {version}" for name, version in about.items() if name != "name")
    bf16 = f"{limits['gemm_bf16'] / 1e9:,.0f} bfloat16" if "gemm_bf16" in limits else "no bfloat16"
    return (
        f"{about['name']}; {versions}\n"
        f"limits measured here: {limits['gemm_fp32'] / 1e9:,.0f} GFLOP/s float32, {bf16}, "
        f"copying {limits['copy'] / 1e9:.1f} GB/s"
    )


def _table(name: str, result: dict[str, Any], device: str) -> str:
    lines = [
        f"\n{name}: {result['images']:,} images ({result['provenance']}), batch {result['batch']}, {device}",
        f"  {'':6} {'images/s':>9}  {'aezoo is faster by':22} "
        f"{'last loss':>9} {'s to goal':>9} {'ready, s':>8} {'MB':>6}",
    ]
    for each in NAMES:
        row = result["contenders"].get(each)
        if row is None:
            lines.append(f"  {each:6} –  not installed: pip install 'aezoo[bench]'")
            continue
        faster = bench_process.ratios_text(row["aezoo_is_faster"]) if each != "aezoo" else ""
        goal = "–" if row["seconds_to_goal"] is None else f"{row['seconds_to_goal']:.1f}"
        lines.append(
            f"  {each:6} {row['images_a_second']:>9,.0f}  {faster:22} {row['losses'][-1]:>9.5f} {goal:>9} "
            f"{row['setup']:>8.1f} {row['memory'] / 1e6:>6,.0f}"
        )
    lines.append(
        f"  aezoo: {result['contenders']['aezoo']['about']['config']}; {result['share_of_limit']:.1%} of the arithmetic"
    )
    lines.append(f"  limit; the goal is {result['goal']:.5f}, 1 % above the plain loop's last loss")
    for each, row in result["contenders"].items():
        lines += _profile(each, row.get("profile", {}))
    return "\n".join(lines)


def _profile(contender: str, found: dict[str, float]) -> list[str]:
    """Return the operators that take more than a fiftieth of a step, and what is left."""
    if not found:
        return []
    whole = found["all"]
    shown = {name: time for name, time in found.items() if name != "all" and time > whole / 50}
    rows = {**shown, "the rest": whole - sum(shown.values())}
    head = f"  a step of {contender}: {whole:,.0f} µs in torch's operators"
    return [head, *(f"    {time:>8,.0f} µs  {time / whole:>5.1%}  {name}" for name, time in rows.items())]


if __name__ == "__main__":
    run(app, sys.argv[1:], name="aezoo bench train")
