"""How long a fresh process takes to its window and to its first picture, as it reports itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import viewer
from zoo.errors import CheckFailed

LIMIT_SECONDS = 60.0
ROOT = Path(viewer.__file__).parents[1]


@dataclass(frozen=True)
class Start:
    """Milliseconds from the start of the process, which Linux has in steps of ten."""

    window_ms: float
    picture_ms: float | None


def measure(runs: Path) -> Start:
    """Start the viewer on a folder, hear its times once everything is shown, and end it. Raises CheckFailed."""
    command = [sys.executable, "-P", "-m", "viewer", "--runs", str(runs), "--theme", "light", "--timing", "--json"]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # who develops may set it: each start would compile every module
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    limit = threading.Timer(LIMIT_SECONDS, process.kill)
    limit.start()
    assert process.stdout is not None
    try:
        said = ""
        while (line := process.stdout.readline()) and not line.startswith("}"):
            said += line
    finally:
        limit.cancel()
        process.terminate()
        process.stdout.close()
        process.wait()
    try:
        times = json.loads(said + "}")
        picture = times["first_picture_ms"]
        return Start(float(times["window_ms"]), None if picture is None else float(picture))
    except (ValueError, KeyError, TypeError) as error:
        raise CheckFailed(
            f"the viewer reported no times within {LIMIT_SECONDS:g} s; see above, or try `python -m viewer --timing`"
        ) from error
