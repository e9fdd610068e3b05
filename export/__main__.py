"""`aezoo export`, `aezoo card` and `aezoo verify`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo import checkpoints, pretrained, registry
from zoo.card import Card
from zoo.cli import (
    RUNS_DEFAULT,
    Json,
    Quiet,
    RunNames,
    Runs,
    Targets,
    new_app,
    plain,
    print_json,
    print_next,
    print_next_view,
    run,
    say,
    uncollected,
)
from zoo.errors import AezooError, CheckFailed, FileRefused, RunError, UsageError
from zoo.runs import FP16_MODEL, RunFolder

if TYPE_CHECKING:
    from export.bundle import Bundle
    from export.published import Published
    from export.targets import Verification
    from zoo.graph_facts import GraphFacts
    from zoo.recipe import Recipe

export_app = new_app("Export trained runs to ONNX, verified before they are written.")
card_app = new_app("Print the card that an ONNX file carries.")
verify_app = new_app("Check ONNX files: against torch, each other, and their card.")

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
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Write over files that aezoo did not write or that were changed since.")
]


@export_app.command()
def export(
    names: RunNames,
    runs: Runs = RUNS_DEFAULT,
    bundle: BundleFolder = None,
    kit: Kit = False,
    fp16: Fp16 = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Export runs: `aezoo export purdue/conv`, `aezoo export all --bundle models`."""
    if kit and bundle is None:
        raise UsageError("--kit puts programs beside bundles; name their folder with --bundle DIR")
    recipes = _there(names, runs)
    folders = [pretrained.run_of(recipe.name, runs) for recipe in recipes]
    for recipe, folder in zip(recipes, folders, strict=True):
        if not recipe.has_source and bundle is None:
            raise UsageError(
                f"{recipe.name}: no source here to export again; --bundle DIR puts what was exported there"
            )
        if pretrained.holds(folder.path) and not folder.is_run:
            raise RunError(
                f"{recipe.name} is not among the pretrained models; train it with `aezoo train {recipe.name}`"
            )
        if not recipe.has_source:
            continue
        if not pretrained.holds(folder.path):
            checkpoints.last(folder)  # says what is missing before torch is loaded and a folder is made for the lock
        elif bundle is None:
            raise UsageError(f"{pretrained.title(folder.path)} is exported already; --bundle DIR puts it elsewhere")
    with uncollected():
        from export.bundle import write_bundle, write_kit
        from export.npm import npm_command
        from export.published import of_vectors

    documents, refused = [], []
    for recipe, folder in zip(recipes, folders, strict=True):
        if pretrained.holds(folder.path) or not recipe.has_source:
            done = of_vectors(recipe.name, folder)
        else:
            done = _publish(recipe, folder, fp16=fp16, overwrite=overwrite)
        made = write_bundle(done, bundle, overwrite=overwrite) if bundle else None
        documents.append({**done.as_json(), "bundle": made.as_json() if made else None})
        refused += [recipe.name] if done.refused else []
        if not as_json:
            print(_as_text(done, made, fp16=fp16))
    page = kit and bundle is not None and write_kit(bundle, overwrite=overwrite)
    if kit and not page:
        say(f"the kit's web page needs onnxruntime-web beside it; run this line, then export again: {npm_command()}")
    if as_json:
        print_json(documents)
    elif bundle and page:
        server = shlex.join(["python3", "-m", "http.server", "-d", str(bundle)])
        print(f"next: {server}, then http://localhost:8000/kit/web/")
    elif bundle:
        print_next("verify", bundle, "--matrix")
    else:
        print_next_view(runs)
    if refused:
        which = ", ".join(refused)
        raise CheckFailed(f"{FP16_MODEL} was not written for {which}: the weights need more digits than float16 has")


def _there(names: list[str], runs: Path) -> list[Recipe]:
    """Return the recipes that are named; of an assignment, a glob or 'all' those of which there is a run, if any."""
    named = registry.match_runs(names, runs)
    found = [recipe for recipe in named if recipe.name in names or pretrained.run_of(recipe.name, runs).is_run]
    if found and len(found) < len(named):
        absent = [recipe.name for recipe in named if recipe not in found]
        say(f"not trained, so left out: {', '.join(absent[:3])}{' …' if len(absent) > 3 else ''} ({len(absent)})")
    return found or named


def _publish(recipe: Recipe, folder: RunFolder, *, fp16: bool, overwrite: bool) -> Published:
    with uncollected():
        from export.publish import publish

    with checkpoints.lock(folder):
        return publish(recipe, folder, fp16=fp16, overwrite=overwrite)


def _as_text(done: Published, made: Bundle | None, *, fp16: bool) -> str:
    """Say what an export wrote, the checks that it passed, and where its bundle lies."""
    from export.report import check_as_text

    origin = f" ({pretrained.NAME})" if pretrained.holds(done.run.path) else ""
    lines = [f"{done.name}{origin}: " + ", ".join(f"{name} {size:,} bytes" for name, size in done.sizes.items())]
    lines += [check_as_text(check) for check in (*done.checks, *done.refused)]
    if fp16 and not done.refused and FP16_MODEL not in done.files:
        lines.append(f"  note    no {FP16_MODEL}: model.onnx has at most 1 MiB")
    if made is not None:
        lines.append(f"  bundle  {made.path}: {len(made.sizes)} files, {made.bytes:,} bytes")
    return "\n".join(lines)


@card_app.command()
def show(targets: Targets, runs: Runs = RUNS_DEFAULT, as_json: Json = False) -> None:
    """Print the card of .onnx files, bundles, runs or recipes: inputs and outputs, training data, test figures.

    Of a file that aezoo did not write: its inputs, outputs, opset, producer and operators.
    """
    from export.describe import as_text, facts_as_text
    from export.targets import card_of
    from zoo.targets import expand

    texts, documents, errors = [], [], []
    for target in expand(targets, runs):
        found: Card | GraphFacts | None
        try:
            found = card_of(target)
        except AezooError as error:
            errors.append(error)
            found = error.facts if isinstance(error, FileRefused) else None
        if isinstance(found, Card):
            texts.append(as_text(found))
            documents.append(json.loads(found.to_json()))
        elif found is not None:
            texts.append(facts_as_text(str(target), found))
            documents.append({"file": str(target), **found.as_json()})
    if as_json:
        print_json(documents)
    else:
        print(plain("\n\n".join(texts)), end="\n" if texts else "")
    for other in errors[1:]:
        say(str(other))
    if errors:
        raise errors[0]


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
    if runtimes is not None and not matrix:
        raise UsageError("--runtimes chooses the columns of the matrix; add --matrix")
    from export.describe import facts_as_rows
    from export.report import check_as_json, check_as_text
    from export.targets import verify as verify_target
    from zoo.targets import expand

    if matrix:
        from export.runtimes.report import show_matrix

        sys.exit(0 if show_matrix(expand(targets, runs), runtimes, as_json=as_json, quiet=quiet) else 1)
    verified = [verify_target(target) for target in expand(targets, runs)]
    if as_json:
        print_json(
            [
                {
                    "target": each.target,
                    "passed": each.passed,
                    "checks": [check_as_json(check) for check in each.checks],
                    "errors": each.errors,
                    "notes": each.notes,
                    "facts": each.facts.as_json() if each.facts else None,
                }
                for each in verified
            ]
        )
    else:
        for each in verified:
            lines = [f"{each.target}: {'passed' if each.passed else 'FAILED'}"]
            lines += [check_as_text(check) for check in each.checks]
            lines += [f"  FAILED  {line}" for line in each.errors]
            lines += [f"  note    {line}" for line in each.notes]
            lines += [f"  {label:10}  {value}" for label, value in (facts_as_rows(each.facts) if each.facts else [])]
            print(plain("\n".join(lines)))
        _say_what_is_next(verified, targets, runs)
    sys.exit(0 if all(each.passed for each in verified) else 1)


def _say_what_is_next(verified: list[Verification], targets: list[str], runs: Path) -> None:
    failed = [each.target for each in verified if not each.passed]
    paths = [target for target in targets if Path(target).exists()]
    if failed:
        print(plain(f"failed: {', '.join(failed)}"))
    elif paths:
        print_next("view", *paths)
    else:
        print_next_view(runs)


if __name__ == "__main__":
    run(export_app, sys.argv[1:], name="python -m export")
