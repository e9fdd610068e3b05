"""`aezoo export`, `aezoo card` and `aezoo verify`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from export.targets import Verdict, card_of, expand
from export.targets import verify as verify_target
from zoo import checkpoints, registry
from zoo.cli import (
    RUNS_DEFAULT,
    Json,
    Names,
    Quiet,
    Runs,
    new_app,
    plain,
    print_json,
    print_next,
    print_next_view,
    run,
    say,
    uncollected,
)
from zoo.errors import AezooError, CheckFailed, UsageError
from zoo.runs import RunFolder

export_app = new_app("Export trained runs to ONNX, verified before they are written.")
card_app = new_app("Print the card that an ONNX file carries.")
verify_app = new_app("Check ONNX files: against torch, each other, and their card.")

Targets = Annotated[
    list[str], typer.Argument(help="Recipes, folders of runs, or .onnx files.", metavar="NAME|FOLDER|FILE…")
]


BundleFolder = Annotated[
    Path | None,
    typer.Option(
        "--bundle", metavar="DIR", file_okay=False, help="Write each run's bundle below DIR too, with test vectors."
    ),
]
Fp16 = Annotated[
    bool, typer.Option("--fp16", help="Add model_fp16.onnx, of half the size, where model.onnx is over 1 MB.")
]


Kit = Annotated[
    bool, typer.Option("--kit", help="With --bundle: put programs and a web page that use the bundles into DIR/kit.")
]


@export_app.command()
def export(
    names: Names,
    runs: Runs = RUNS_DEFAULT,
    bundle: BundleFolder = None,
    kit: Kit = False,
    fp16: Fp16 = False,
    as_json: Json = False,
) -> None:
    """Export runs: `aezoo export purdue/conv`, `aezoo export all --bundle models`."""
    with uncollected():
        from export.bundle import write_bundle, write_kit
        from export.npm import npm_command
        from export.publish import publish
        from export.report import export_as_text as as_text

    if kit and bundle is None:
        raise UsageError("--kit puts programs beside bundles; name their folder with --bundle DIR")
    told, halves = [], []
    for recipe in registry.match(names):
        folder = RunFolder.of(runs, recipe.name)
        checkpoints.last(folder)  # says what is missing before a folder is made for the lock
        with checkpoints.lock(folder):
            done = publish(recipe, folder, fp16=fp16)
        made = write_bundle(done, bundle) if bundle else None
        told.append({**done.as_json(), "bundle": made.as_json() if made else None})
        halves += [recipe.name] if done.refused else []
        if not as_json:
            print(as_text(done, made, fp16=fp16))
    page = kit and bundle is not None and write_kit(bundle)
    if kit and not page:
        say(f"the kit's web page needs onnxruntime-web beside it; run this line, then export again: {npm_command()}")
    if as_json:
        print_json(told)
    elif bundle and page:
        server = shlex.join(["python3", "-m", "http.server", "-d", str(bundle)])
        print(f"next: {server}, then http://localhost:8000/kit/web/")
    elif bundle:
        print_next("verify", bundle, "--matrix")
    else:
        print_next_view(runs)
    if halves:
        whose = ", ".join(halves)
        raise CheckFailed(f"model_fp16.onnx was not written of {whose}: its weights need more digits than float16 has")


@card_app.command()
def show(targets: Targets, runs: Runs = RUNS_DEFAULT, as_json: Json = False) -> None:
    """Print the card of .onnx files, bundles, runs or recipes: what goes in and out, from what it learned, how good."""
    from export.describe import as_text

    cards, troubles = [], []
    for target in expand(targets, runs):
        try:
            cards.append(card_of(target))
        except AezooError as error:
            troubles.append(error)
    if as_json:
        print_json([json.loads(own.to_json()) for own in cards])
    else:
        print(plain("\n\n".join(map(as_text, cards))), end="\n" if cards else "")
    for trouble in troubles[1:]:
        say(str(trouble))
    if troubles:
        raise troubles[0]


Matrix = Annotated[
    bool, typer.Option("--matrix", help="Run every graph through every runtime that is installed, and compare.")
]
Runtimes = Annotated[
    str | None, typer.Option("--runtimes", metavar="NAME,…", help="With --matrix: only these runtimes.")
]


@verify_app.command()
def verify(
    targets: Targets,
    runs: Runs = RUNS_DEFAULT,
    matrix: Matrix = False,
    runtimes: Runtimes = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Verify runs (`aezoo verify purdue/conv`, `all`), folders of them, or any .onnx file. Exit 1 when one fails."""
    from export.report import check_as_json, check_as_text

    if matrix:
        from export.runtimes.report import show_matrix

        sys.exit(0 if show_matrix(expand(targets, runs), runtimes, as_json=as_json, quiet=quiet) else 1)
    if runtimes is not None:
        raise UsageError("--runtimes chooses the columns of the matrix; add --matrix")
    verdicts = [verify_target(target) for target in expand(targets, runs)]
    if as_json:
        print_json(
            [
                {
                    "target": verdict.target,
                    "passed": verdict.passed,
                    "checks": [check_as_json(check) for check in verdict.checks],
                    "troubles": verdict.troubles,
                    "notes": verdict.notes,
                }
                for verdict in verdicts
            ]
        )
    else:
        for verdict in verdicts:
            lines = [f"{verdict.target}: {'passed' if verdict.passed else 'FAILED'}"]
            lines += [check_as_text(check) for check in verdict.checks]
            lines += [f"  FAILED  {line}" for line in verdict.troubles]
            lines += [f"  note    {line}" for line in verdict.notes]
            print(plain("\n".join(lines)))
        _say_what_is_next(verdicts, targets, runs)
    sys.exit(0 if all(verdict.passed for verdict in verdicts) else 1)


def _say_what_is_next(verdicts: list[Verdict], targets: list[str], runs: Path) -> None:
    failed = [verdict.target for verdict in verdicts if not verdict.passed]
    paths = [target for target in targets if Path(target).exists()]
    if failed:
        print(plain(f"failed: {', '.join(failed)}"))
    elif paths:
        print_next("view", *paths)
    else:
        print_next_view(runs)


if __name__ == "__main__":
    run(export_app, sys.argv[1:], name="python -m export")
