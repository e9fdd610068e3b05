"""`aezoo doctor`: what this machine has, what is missing, and the command that mends it."""

import importlib
import os
import platform
import subprocess
import sys
from dataclasses import dataclass

import zoo
from zoo import bench_process, display, pretrained, sessions
from zoo.cli import RUNS_DEFAULT, TRAINING, Data, Json, Runs, new_app, print_json, print_next
from zoo.data import sets
from zoo.runs import find_runs

app = new_app("Say what this machine has, what is missing, and the command that mends it.")

PACKAGES = (*TRAINING, *"onnx onnxruntime-gpu onnxruntime h5py numpy PySide6-Essentials Pillow typer rich".split())


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, and how to mend it where that is needed."""

    what: str
    found: str
    mend: str = ""


@app.command()
def main(data: Data = None, runs: Runs = RUNS_DEFAULT, as_json: Json = False) -> None:
    """Look at versions, devices, the provider a session really gets, data, runs and the display."""
    data_sets = [_data(dataset, data) for dataset in sets.DATA_SETS.values()]
    count = len(find_runs(runs))
    there = Finding("runs", f"{count or 'none yet'} in {runs.resolve()}")
    ours = Finding("pretrained", f"{len(find_runs(pretrained.FOLDER))} models that came with the package")
    findings = [*_versions(), *_training(), _provider(), _window(), *data_sets, there, ours]
    broken = [finding for finding in findings if finding.mend]
    if as_json:
        print_json({"sound": not broken, "findings": [vars(finding) for finding in findings]})
    else:
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            print(f"{finding.what:{width}}  {finding.found}")
            if finding.mend:
                print(f"{'':{width}}  mend it: {finding.mend}")
        if broken:
            print(f"{len(broken)} to mend, see above")
        else:
            print_next("view")
    sys.exit(1 if broken else 0)


def _versions() -> list[Finding]:
    python = Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    versions = bench_process.versions(*PACKAGES)
    absent = [name for name in PACKAGES if name not in versions and not name.startswith("onnxruntime")]
    missing, needless = ([name for name in absent if (name in TRAINING) == only] for only in (False, True))
    found = [Finding(name, versions[name]) for name in PACKAGES if name in versions]
    found += [Finding(name, "not installed", f"pip install {name}") for name in missing]
    if needless:
        names = ", ".join(needless)
        found.append(Finding("training", f"needs {names}: pip install 'aezoo[train]'; nothing else does"))
    runtimes = versions.keys() & {"onnxruntime", "onnxruntime-gpu"}
    if not runtimes:
        found.append(Finding("onnxruntime", "not installed", "pip install onnxruntime"))
    elif len(runtimes) == 2:  # they share one import name
        mend = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
        found.append(Finding("onnxruntime", "installed twice, one overwrites the other", mend))
    return [Finding("aezoo", zoo.__version__), python, *found]


def _training() -> list[Finding]:
    """Say what torch would compute on; it is loaded, in another process, only where an NVIDIA driver is found."""
    torch = bench_process.versions("torch").get("torch")
    if not torch:
        return []  # said already
    if torch.endswith("+cpu"):
        found = "cpu (this torch is a build without CUDA)"
    else:
        why_no_driver = sessions.why_no_driver()
        found = f"cpu ({why_no_driver})" if why_no_driver else _cuda_device()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [Finding("training on", f"{found}, {cores} {'core' if cores == 1 else 'cores'}")]


def _cuda_device() -> str:
    code = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    name = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True).stdout.strip()
    return f"cuda: {name}" if name else "cpu (torch finds no NVIDIA device)"


def _provider() -> Finding:
    provider = sessions.probe()
    why = f" ({provider.why_not_cuda})" if provider.why_not_cuda else ""
    return Finding("viewing on", f"{provider.name.upper()}{why}")


def _window() -> Finding:
    try:
        importlib.import_module("PySide6.QtWidgets")
    except ImportError as error:
        return Finding("window", f"Qt cannot be loaded: {error}", display.INSTALL_LINE)
    reason = display.why_no_window()
    works = f"{reason}; `aezoo view --screenshot FILE` works all the same"
    return Finding("window", works if reason else "Qt loads and there is a display")


def _data(dataset: sets.DataSet, data: str | None) -> Finding:
    folder = sets.folder_of(data)
    if folder is None or dataset.present(folder):
        return Finding(f"data {dataset.name}", f"in {folder or 'the embedded sample'}")
    found = f"not in {folder}; it is fetched when it is needed, or `aezoo data fetch`; --data sample needs none"
    return Finding(f"data {dataset.name}", found)
