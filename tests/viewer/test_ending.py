"""Ctrl-C and SIGTERM close the window, end the workers, and are reported as a shell would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_window_without_a_traceback(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "viewer", str(tmp_path), "--timing"]
    viewer = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert viewer.stdout is not None
    assert viewer.stdout.readline().startswith("window ")
    viewer.send_signal(number)
    _, err = viewer.communicate(timeout=300)
    assert viewer.returncode == 128 + number
    assert "Traceback" not in err
    assert "QProcess" not in err


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        ([], {"DISPLAY": ":977"}, "`aezoo view --screenshot FILE`"),
        (["--screenshot", "window.jpg"], {}, "name a file that ends in .png"),
        (["--screenshot", "absent/window.png"], {}, "no folder 'absent' for the screenshot"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(
    arguments: list[str], environment: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    plain = {key: value for key, value in os.environ.items() if key not in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-m", "zoo.cli", "view", str(tmp_path), *arguments]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**plain, **environment, "PYTHONPATH": str(root)}, cwd=tmp_path
    )
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
