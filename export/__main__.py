"""`aezoo export` and `aezoo verify`."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo import card, checkpoints, gate, registry
from zoo.cli import RUNS_DEFAULT, Json, Names, Runs, new_app, plain, print_json, print_next, print_next_view, run
from zoo.errors import AezooError, FileRefused, RunError, UsageError
from zoo.runs import GRAPHS, RunFolder, find_runs

export_app = new_app("Export trained runs to ONNX, verified before they are written.")
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


@export_app.command()
def export(
    names: Names, runs: Runs = RUNS_DEFAULT, bundle: BundleFolder = None, fp16: Fp16 = False, as_json: Json = False
) -> None:
    """Export runs: `aezoo export purdue/conv`, `aezoo export all --bundle models`."""
    from export.bundle import write_bundle
    from export.publish import publish
    from export.report import check_as_text

    published, bundles = [], []
    for recipe in registry.match(names):
        folder = RunFolder.of(runs, recipe.name)
        checkpoints.last(folder)  # says what is missing before a folder is made for the lock
        with checkpoints.lock(folder):
            done = publish(recipe, folder, fp16=fp16)
        published.append(done)
        bundles.append(write_bundle(done, bundle) if bundle else None)
        if not as_json:
            print(f"{recipe.name}: " + ", ".join(f"{name} {size:,} bytes" for name, size in done.sizes.items()))
            print("\n".join(check_as_text(check) for check in done.checks))
            if bundles[-1] is not None:
                print(f"  bundle  {bundles[-1].path}: {len(bundles[-1].sizes)} files, {bundles[-1].bytes:,} bytes")
    if as_json:
        print_json(
            [
                {**done.as_json(), "bundle": made.as_json() if made else None}
                for done, made in zip(published, bundles, strict=True)
            ]
        )
    elif bundle:
        print_next("verify", bundle, "--matrix")
    else:
        print_next_view(runs)


@dataclass
class Verdict:
    """What was found about one target."""

    target: str
    checks: list[Any] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.troubles and all(check.passed for check in self.checks)


@verify_app.command()
def verify(targets: Targets, runs: Runs = RUNS_DEFAULT, as_json: Json = False) -> None:
    """Verify runs (`aezoo verify purdue/conv`, `all`), folders of them, or any .onnx file. Exit 1 when one fails."""
    from export.report import check_as_json, check_as_text

    verdicts = [_verify(target) for target in _expand(targets, runs)]
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


def _expand(targets: list[str], runs: Path) -> list[RunFolder | Path]:
    """A path that is there is taken as one; anything else must be a recipe's name or glob."""
    found: list[RunFolder | Path] = []
    for target in targets:
        path = Path(target)
        if path.is_dir():
            inside = find_runs(path)
            if not inside:
                raise RunError(f"no run in {target}: no model.onnx or history.h5 in it; train one with `aezoo train`")
            found += inside
        elif path.suffix == ".onnx" or path.is_file():
            if not path.is_file():
                raise UsageError(f"no file {target}; name an .onnx file, a run folder or a recipe")
            found.append(path)
        else:
            folders = [RunFolder.of(runs, recipe.name) for recipe in registry.match([target])]
            trained = [folder for folder in folders if folder.is_run]
            if not trained:
                raise RunError(f"no run of {target} in {runs}; train it with `aezoo train {target}`")
            found += trained
    return found


def _verify(target: RunFolder | Path) -> Verdict:
    verdict = Verdict(str(target.path if isinstance(target, RunFolder) else target))
    try:
        if isinstance(target, RunFolder):
            _verify_run(target, verdict)
        else:
            _verify_file(target, verdict)
    except AezooError as error:
        verdict.troubles.append(str(error))
    return verdict


def _verify_run(folder: RunFolder, verdict: Verdict) -> None:
    """Compare a run's graphs with torch and each other, and its files with the sums on its card."""
    from export.graphs import load_trained
    from export.publish import real_images
    from export.verify import against_torch, composition

    paths = {name: folder.graph(name) for name in GRAPHS if folder.graph(name).is_file()}
    if "model" not in paths:
        raise RunError(f"no model.onnx in {folder.path}; export it with `aezoo export`")
    files = {name: gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES) for name, path in paths.items()}
    facts = {name: gate.check_onnx(data, source=str(paths[name])) for name, data in files.items()}
    _verify_sums(folder, files, verdict)
    own = card.from_metadata(facts["model"].metadata)
    shape = facts["model"].image_shape
    if own is None or shape is None or not folder.checkpoint.is_dir():
        verdict.notes.append("nothing to compare with torch: no card or no checkpoint beside it")
        for name in files:
            _verify_file(paths[name], verdict)
        return
    history = folder.read_history()
    trained = load_trained(registry.load(own.name), folder, epochs=history.epochs)
    for name, fact in facts.items():
        ports = tuple(port.name for port in fact.inputs), tuple(port.name for port in fact.outputs)
        if ports != trained.ports.get(name):
            expected = trained.ports.get(name, "no such graph")
            raise FileRefused(f"{paths[name]} has the ports {ports}, expected {expected}; export the run again")
    if shape != trained.image_shape:
        raise FileRefused(f"{paths['model']} takes images of {shape}, expected {trained.image_shape}; export again")
    real = real_images(history)
    for name, data in files.items():
        verdict.checks += against_torch(name, data, trained, real)
    verdict.checks += composition(files, shape, real)


def _verify_sums(folder: RunFolder, files: dict[str, bytes], verdict: Verdict) -> None:
    if not folder.card.is_file():
        verdict.notes.append("no card.json beside it, so its sha256 sums could not be compared")
        return
    text = gate.read_bytes(folder.card, limit=card.MAX_TEXT).decode(errors="replace")
    card.from_json(text)
    for name, (sha256, _) in card.files_of(text).items():
        data = files.get(name.removesuffix(".onnx"))
        if data is None:
            verdict.troubles.append(f"{name} is on card.json and not in {folder.path}; export the run again")
        elif hashlib.sha256(data).hexdigest() != sha256:
            verdict.troubles.append(f"{name} is not the file that card.json names (another sha256); export again")


def _verify_file(path: Path, verdict: Verdict) -> None:
    """A lone file: the gate, its card, and whether it answers each image alike alone and in a batch."""
    from export.verify import repetition

    data = gate.read_bytes(path, limit=gate.MAX_ONNX_BYTES)
    facts = gate.check_onnx(data, source=str(path))
    own = card.from_metadata(facts.metadata)
    verdict.notes.append(f"{path.name}: {own.name}, {own.graph}" if own else f"{path.name}: a file without our card")
    verdict.checks += repetition(data, facts, source=str(path))


if __name__ == "__main__":
    run(export_app, sys.argv[1:], name="python -m export")
