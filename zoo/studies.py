"""Numbers of an assignment that are kept without weights: `<root>/<assignment>/study.json`, beside its runs.

    runs          by name: a history without pictures of other seeds, or of ideas that were tried out
    pictures      by name: what such a run makes of the embedded photographs, a strip of them as PNG in base64
    experiments   by name: what else the sheet asks to be measured, as `aezoo study` found it

`aezoo study ASSIGNMENT` writes it, reports read it.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo import gate, runs
from zoo.errors import FileRefused
from zoo.runs import History, atomic_write

NAME = "study.json"
MOST_BYTES = 1 << 20
DIGITS = 4  # that count, of every number
META = (
    *("recipe", "data", "provenance", "objective", "task", "noise", "bottleneck", "parameters", "epochs", "state"),
    *("seed", "device", "torch", "precision", "batch_size", "learning_rate"),
    *("licence", "optimiser", "initialisation"),
)
META_OF_SEED = ("recipe", "epochs", "state", "seed")  # the rest is that of the recipe


@dataclass(frozen=True)
class Study:
    """What a study.json holds."""

    runs: Mapping[str, History] = field(default_factory=dict)
    experiments: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)


def path_of(root: Path, assignment: str) -> Path:
    return root / assignment / NAME


def read(root: Path, assignment: str) -> Study:
    """Return an assignment's study, empty where there is none. Raises FileRefused for what aezoo did not write."""
    path = path_of(root, assignment)
    if not path.is_file():
        return Study()
    try:
        found = json.loads(gate.read_bytes(path, limit=MOST_BYTES))
        histories = {name: _history(name, each) for name, each in found["runs"].items()}
        return Study(histories, dict(found["experiments"]), dict(found["pictures"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FileRefused(f"{path} is no study of aezoo's; `aezoo study {assignment}` writes it anew") from error


def write(root: Path, assignment: str, study: Study) -> Path:
    """Write a study; equal ones give equal bytes. Raises WriteError."""
    path = path_of(root, assignment)
    kept = {name: _kept(history) for name, history in sorted(study.runs.items())}
    text = {"runs": kept, "experiments": study.experiments, "pictures": study.pictures}
    atomic_write(path, (json.dumps(text, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode())
    return path


def _kept(history: History) -> dict[str, Any]:
    is_seed = "seed=" in str(history.meta.get("recipe"))
    meta = {key: history.meta[key] for key in (META_OF_SEED if is_seed else META) if key in history.meta}
    prefixes = ("metrics/",) if is_seed else ("metrics/", "baselines/")
    curves = (runs.TRAIN_LOSS, runs.VAL_LOSS) if is_seed else (runs.TRAIN_LOSS, runs.VAL_LOSS, runs.SECONDS)
    keys = [key for key in history.arrays if key in curves or key.startswith(prefixes)]
    return {"meta": meta, "arrays": {key: [_rounded(value) for value in history.arrays[key]] for key in sorted(keys)}}


def _rounded(value: float) -> float | str:
    number = float(f"{float(value):.{DIGITS}g}")
    return number if np.isfinite(number) else str(number)  # JSON has no number that is not finite


def _history(name: str, entry: Mapping[str, Any]) -> History:
    meta = dict(entry["meta"])
    if meta.get("recipe") != name:
        raise ValueError(f"{name} is called {meta.get('recipe')!r} inside")
    arrays = {str(key): np.array(values, np.float64) for key, values in entry["arrays"].items()}
    if any(array.ndim != 1 for array in arrays.values()):
        raise ValueError("a curve has one number an epoch")
    return History(meta, arrays)


def to_strip(images: np.ndarray) -> str:
    """Return images, uint8 (N, C, H, W), side by side as PNG in base64."""
    from PIL import Image

    wide = np.concatenate([image.transpose(1, 2, 0) for image in images], axis=1)
    buffer = io.BytesIO()
    Image.fromarray(wide).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def from_strip(text: str, *, count: int) -> np.ndarray:
    """Return so many colour images, uint8 (N, 3, H, W). Raises FileRefused."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as picture:
            if picture.width * picture.height > 1 << 20:
                raise ValueError("too large")
            wide = np.asarray(picture.convert("RGB"))
        return np.stack([each.transpose(2, 0, 1) for each in np.split(wide, count, axis=1)])
    except (ValueError, OSError) as error:
        raise FileRefused("a study holds a picture that cannot be read; `aezoo study` writes it anew") from error
