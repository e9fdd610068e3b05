"""Without torch, and what else only training needs: everything but training works, and training names the one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import PRETRAINED
from zoo.cli import TRAINING

pytestmark = pytest.mark.usefixtures("pretrained_folder")

# Runs a verb in a process in which those packages cannot be found, as if they were not installed.
BLOCKED = f"""
import importlib.abc, importlib.util, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {(*TRAINING, "ray", "sklearn", "skimage", "scipy")!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {TRAINING!r} else found(name, package)
"""
MAIN = "from zoo.cli import main\nmain()\n"


def light(folder: Path, *arguments: str | Path, code: str = MAIN) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(PRETRAINED.parents[1])}
    command = [sys.executable, "-c", BLOCKED + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("list", "purdue"), "pretrained"),
        (("card", "purdue/conv"), "purdue/conv, model.onnx"),
        (("verify", "purdue/conv"), "purdue/conv (pretrained): passed"),
        (("run", "purdue/denoise", "digit.png", "-o", "out", "--noise", "0.3"), "wrote out/digit.png"),
        (("export", "purdue/denoise", "--runs", "pretrained", "--bundle", "out", "--kit"), "9 files"),
        (("history", "purdue/conv", "--csv"), "epoch,train_loss,val_loss"),
        (("view", "--screenshot", "window.png"), "wrote window.png"),
        (("report", "purdue", "--runs", "pretrained", "--out", "report.html"), "wrote report.html"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_is_not_training_works_without_torch(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "digit.png")
    done = light(tmp_path, *arguments)
    assert (done.returncode, says in done.stdout) == (0, True), done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments", [("train", "purdue/conv", "--data", "sample"), ("bench", "train"), ("data", "fetch", "mnist")]
)
def test_training_says_the_one_line_to_install(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = light(tmp_path, *arguments)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "which is not installed; install it with: pip install 'aezoo[train]'" in done.stderr


def test_the_doctor_takes_nothing_for_broken_that_only_training_needs(tmp_path: Path) -> None:
    done = light(tmp_path, "doctor")
    assert "models that came with the package" in done.stdout and "Traceback" not in done.stderr


def test_from_python_models_are_used_without_torch_and_what_needs_it_says_the_line(tmp_path: Path) -> None:
    code = """
import numpy as np, zoo
print(zoo.load("purdue/conv").reconstruct(np.zeros((28, 28), np.uint8)).shape)
for needs in (lambda: zoo.network("purdue/conv", pretrained=True), lambda: zoo.train("purdue/conv", data="sample")):
    try:
        needs()
    except zoo.errors.UsageError as error:
        print(error)
"""
    done = light(tmp_path, code=code)
    line = "needs torch, which is not installed; install it with: pip install 'aezoo[train]'"
    assert done.stdout == f"(28, 28)\nzoo.network {line}\nzoo.train {line}\n", done.stderr
