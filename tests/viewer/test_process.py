"""What the window's process never loads, and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from viewer.qt.child_process import ROOT
from zoo.runs import RunFolder

FORBIDDEN = ("torch", "matplotlib", "pandas", "onnx", "onnxruntime", "h5py")


def modules() -> list[str]:
    """Every module of the viewer except the worker's own."""
    found = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "viewer").rglob("*.py")]
    names = [".".join(path.parts).removesuffix(".__init__") for path in found]
    return sorted(name for name in names if name != "viewer.infer.worker")


def python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=300, cwd=ROOT, env={**kept, **variables}
    )


def test_no_module_of_the_window_loads_what_only_the_worker_may() -> None:
    names = modules()
    assert len(names) > 30
    script = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
    script += f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    done = python("-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_a_window_that_showed_a_run_has_not_loaded_it_either(run: RunFolder, tmp_path: Path) -> None:
    script = f"""
import sys
sys.argv = ["view"]
from viewer.__main__ import main
from pathlib import Path
try:
    main([Path({str(run.path)!r})], screenshot=Path({str(tmp_path / "v.png")!r}))
except SystemExit as end:
    assert not end.code, end.code
print([name for name in {FORBIDDEN!r} if name in sys.modules])
"""
    done = python("-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"wrote {tmp_path / 'v.png'}", "[]"]


def test_a_screenshot_needs_no_display_and_shows_the_whole_window(run: RunFolder, tmp_path: Path) -> None:
    picture = tmp_path / "view.png"
    done = python("-m", "viewer", str(run.path.parent), "--screenshot", str(picture), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["screenshot"] == str(picture)
    assert 0 < report["window_ms"] <= report["first_picture_ms"]
    assert report["provider"].startswith(("CPU", "CUDA"))
    image = QImage(str(picture))
    assert (image.width(), image.height()) == (1600, 1000)


def test_a_folder_without_runs_has_a_screenshot_too(tmp_path: Path) -> None:
    done = python("-m", "viewer", str(tmp_path), "--screenshot", str(tmp_path / "empty.png"))
    assert (done.returncode, done.stdout) == (0, f"wrote {tmp_path / 'empty.png'}\n"), done.stderr


def test_without_a_display_one_sentence_names_the_screenshot(run: RunFolder) -> None:
    done = python("-m", "viewer", str(run.path))
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "--screenshot FILE" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("nowhere",), (".", "--screenshot", "nowhere/v.png"), (".", "--theme", "pink", "--screenshot", "v.png")],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...]) -> None:
    done = python("-m", "viewer", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("aezoo: ")


class _Emitter(QObject):
    sent = Signal()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="True is immortal from 3.12 on")
def test_signals_do_not_use_up_the_references_to_true() -> None:
    """PySide6 6.12 on Python 3.11 drops one at every emit and then aborts the interpreter."""
    sender = _Emitter()
    before = sys.getrefcount(True)
    for _ in range(100):
        sender.sent.emit()
    assert sys.getrefcount(True) > before - 50
