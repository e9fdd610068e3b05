"""Training holds a data set once: the resident memory of whole trainings on data sets of full size stays bounded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zoo.data import cifar10

MEASURE = """
import resource, subprocess, sys
code = subprocess.run([sys.executable, "-m", "zoo.cli", *sys.argv[1:]], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_megabytes(*arguments: str) -> float:
    """Run a verb and return the most memory it had resident."""
    done = subprocess.run([sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=True)
    code, kilobytes = map(int, done.stdout.split())
    assert code == 0, done.stderr
    return kilobytes / 1024


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", ["maastricht/base", "maastricht/colour-2"])
def test_cifar10_trains_in_less_than_1500_megabytes(name: str, tmp_path: Path) -> None:
    folder = tmp_path / cifar10.FOLDER
    folder.mkdir()
    rng = np.random.default_rng(0)
    for file in (*cifar10.FILES["train"], *cifar10.FILES["test"]):
        records = rng.integers(0, 256, (cifar10.RECORDS, cifar10.RECORD_BYTES), dtype=np.uint8)
        records[:, 0] %= 10
        (folder / file).write_bytes(records.tobytes())
    arguments = ("train", name, "--quick", "--no-export", "--data", str(tmp_path), "--runs", str(tmp_path / "runs"))
    assert peak_megabytes(*arguments) < 1500


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_mnist_trains_in_less_than_1000_megabytes(real_mnist: Path, tmp_path: Path) -> None:
    arguments = ("train", "hesso/denoise-0.5", "--quick", "--data", str(real_mnist), "--runs", str(tmp_path))
    assert peak_megabytes(*arguments) < 1000
