"""The models that come with the package: run folders of model.onnx, card.json, history.h5 and test vectors, only read.

`--runs pretrained` names them; a name that is in no runs folder is looked up among them. Encoders and decoders are cut
out of model.onnx when they are asked for (zoo/graphs.py). `make pretrained RUNS=DIR` made the folder.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from zoo import card, gate
from zoo.cli import RUNS_DEFAULT, say
from zoo.errors import FileRefused, UsageError
from zoo.ownership import sha256_of
from zoo.runs import RunFolder, find_runs

FOLDER = Path(__file__).parent
NAME = "pretrained"


def folder_named(runs: Path) -> Path:
    """Return the folder that `--runs` names."""
    return FOLDER if str(runs) == NAME else runs


def holds(path: Path) -> bool:
    """Whether a path lies among the pretrained models."""
    return path.is_relative_to(FOLDER)


def title(path: Path) -> str:
    """Return what a run or a file is called: a path, or 'purdue/conv (pretrained)'."""
    return f"{path.relative_to(FOLDER).as_posix()} ({NAME})" if path != FOLDER and holds(path) else str(path)


def run_of(name: str, runs: Path) -> RunFolder:
    """Return a recipe's run: that in the runs folder, or else the pretrained one where there is one."""
    own, ours = RunFolder.of(runs, name), RunFolder.of(FOLDER, name)
    return ours if ours.is_run and not own.is_run else own


def first_with(names: Sequence[str], runs: Path) -> list[RunFolder]:
    """Return the runs of these names: those in the runs folder, or else, where it has none of them, the pretrained."""
    for root in (runs, FOLDER):
        found = [run for run in (RunFolder.of(root, name) for name in names) if run.is_run]
        if found:
            return found
    return []


def named(name: str, runs: Path) -> list[RunFolder]:
    """Return the same for a name, an assignment, a glob or 'all'."""
    every = {run.path.relative_to(root).as_posix() for root in (runs, FOLDER) for run in find_runs(root)}
    fitting = [each for each in sorted(every) if name in ("all", each, each.split("/")[0]) or fnmatchcase(each, name)]
    return first_with(fitting, runs)


def read_model(run: RunFolder) -> bytes:
    """Return a pretrained model's graph. Raises FileRefused where it is not the file that its card.json lists."""
    data = gate.read_bytes(run.graph("model"), limit=gate.MAX_ONNX_BYTES)
    text = gate.read_bytes(run.card, limit=card.MAX_TEXT).decode(errors="replace")
    if card.files_of(text).get("model.onnx") != (sha256_of(data), len(data)):
        file, remedy = "came with the package", "install aezoo again"
        if not holds(run.path):
            file, remedy = "its card.json lists", "train it again"
        raise FileRefused(f"model.onnx of {title(run.path)} is not the file that {file} (another sha256); {remedy}")
    return data


def unless_there(runs: Path) -> Path:
    """Return the folder of runs, or that of the pretrained models where the usual one is not there yet; say so."""
    if runs != RUNS_DEFAULT or runs.is_dir():
        return runs
    say(f"there is no folder {str(runs)!r} here: these are the pretrained models")
    return FOLDER


def check_not_pretrained(runs: Path) -> None:
    """Raise UsageError where a verb that writes runs was pointed at the pretrained ones."""
    if holds(runs):
        raise UsageError("--runs pretrained holds the models that came with aezoo, which are only read; name a folder")
