"""A monkey at the window: what it does may not raise, leak threads or files, or leave the window without answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.viewer.conftest import write_run
from viewer.qt.child_process import ROOT


def let_loose(store: Path, home: Path, *, actions: int, seed: int, seconds: int) -> dict[str, Any]:
    """Let a monkey loose in a process of its own, and return its report."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT), "HOME": str(home)}
    arguments = ["--runs", str(store), "--actions", str(actions), "--seed", str(seed), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.viewer.monkey", *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        env=environment,
        cwd=ROOT,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    report: dict[str, Any] = json.loads(done.stdout)
    assert sum(report["done"].values()) == actions
    return report


def check(report: dict[str, Any]) -> None:
    """What is held at the end is what was held after the first actions, when every panel was there, and caches."""
    warm, last = report["held"][1], report["held"][-1]
    assert last["threads"] <= warm["threads"] + 1, report["held"]
    assert last["files"] <= warm["files"] + 12, report["held"]
    assert last["widgets"] <= warm["widgets"] + 60, report["held"]
    assert last["megabytes"] <= warm["megabytes"] + 150, report["held"]
    assert report["answers"], "the window shows a run at the end"


def test_a_monkey_breaks_nothing(tmp_path: Path) -> None:
    for name in ("tests/a", "tests/b", "tests/c"):
        write_run(tmp_path / "store", name, noise=0.3 if name == "tests/b" else 0.0)
    check(let_loose(tmp_path / "store", tmp_path, actions=250, seed=1, seconds=400))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_ten_thousand_actions_break_nothing(tmp_path: Path, seed: int) -> None:
    for name in ("tests/a", "tests/b", "tests/c"):
        write_run(tmp_path / "store", name, noise=0.3 if name == "tests/b" else 0.0)
    check(let_loose(tmp_path / "store", tmp_path, actions=10_000, seed=seed, seconds=3_000))
