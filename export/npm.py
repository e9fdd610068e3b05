"""onnxruntime's two JavaScript builds: where in the user's cache they lie, and the line that brings them."""

import json
import shlex
from pathlib import Path

from zoo.data.fetch import cache_folder

VERSION = "1.30.0"  # the newest; npm lags behind PyPI


def npm_folder() -> Path:
    """Return the folder of the user's cache that npm's packages are installed in."""
    return cache_folder().absolute() / "npm"


def npm_command() -> str:
    """Return the line that installs npm's packages; without their scripts, which download CUDA libraries."""
    command = "npm install --ignore-scripts --no-audit --no-fund --prefix".split()
    packages = [f"{name}@{VERSION}" for name in ("onnxruntime-node", "onnxruntime-web")]
    return shlex.join([*command, str(npm_folder()), *packages])


def web_folder() -> Path:
    """Return the folder that onnxruntime-web's files lie in, once they are installed."""
    return npm_folder() / "node_modules" / "onnxruntime-web" / "dist"


def version_of(package: str) -> str | None:
    """Return the version of an installed package of npm, or None."""
    path = npm_folder() / "node_modules" / package / "package.json"
    try:
        return str(json.loads(path.read_text(errors="replace"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
