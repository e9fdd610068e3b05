"""The checkpoint folder on disk: written aside, hashed, renamed; reading it compares the hashes.

    checkpoint/000012/state.pt          the bytes that training hands over
    checkpoint/000012/manifest.json     written last: {format, epoch, val_loss, facts, files: {name: {sha256, bytes}}}
    checkpoint/lock                     held by the trainer of this run

Torch-free: files are bytes here. `state.pt` is a torch file that loads with `weights_only=True`; its key `network`
holds the weights.
"""

import contextlib
import hashlib
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from zoo.errors import RunError, first_line
from zoo.runs import RunFolder, as_write_error, atomic_write, sync_folder

FORMAT = "aezoo-checkpoint/1"
STATE = "state.pt"
MANIFEST = "manifest.json"
_ASIDE = ".tmp-"
_BROKEN = ".bad-"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose hashes were verified."""

    epoch: int
    val_loss: float
    facts: Mapping[str, Any]
    files: Mapping[str, bytes]


@contextlib.contextmanager
def lock(run: RunFolder) -> Iterator[None]:
    """Hold the run for one trainer; a second one is refused with RunError. The lock of a killed trainer is free."""
    busy = f"{run.path} is being trained by another process; wait for it, or choose --runs DIR"
    with held(run.lock, busy, seconds=0.2):  # a test whether it is held takes it for an instant
        _sweep(run.checkpoint)
        yield


@contextlib.contextmanager
def held(path: Path, busy: str, *, seconds: float) -> Iterator[None]:
    """Hold a lock file. Raises RunError saying `busy` where another process holds it for so long, and WriteError."""
    lock_file = filelock.FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock_file.acquire(timeout=seconds)
    except filelock.Timeout as error:
        raise RunError(busy) from error
    except OSError as error:
        raise as_write_error(path, error, size=0) from error
    try:
        yield
    finally:
        lock_file.release()


def commit(
    run: RunFolder, *, epoch: int, val_loss: float, facts: Mapping[str, Any], files: Mapping[str, bytes]
) -> None:
    """Write a checkpoint whole or not at all, then drop all but the newest two and the best. Raises WriteError."""
    folder = run.checkpoint
    aside = folder / f"{_ASIDE}{epoch:06d}-{os.getpid()}-{secrets.token_hex(4)}"
    listing = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    manifest = {"format": FORMAT, "epoch": epoch, "val_loss": val_loss, "facts": dict(facts), "files": listing}
    try:
        aside.mkdir(parents=True)
        for name, data in files.items():
            atomic_write(aside / name, data)
        atomic_write(aside / MANIFEST, json.dumps(manifest, sort_keys=True, indent=1).encode())
        path = folder / f"{epoch:06d}"
        if path.exists():
            _set_aside(path)
        os.replace(aside, path)
        for later in _checkpoint_folders(folder):  # left by a longer run, of which an older epoch was resumed
            if later.name > path.name:
                _set_aside(later)
        sync_folder(folder)
    except OSError as error:
        raise as_write_error(folder, error, size=sum(map(len, files.values()))) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _prune(folder)


def _set_aside(path: Path) -> None:
    """Rename a checkpoint so that it counts no more; `_prune` removes it."""
    os.replace(path, path.with_name(f"{_BROKEN}{path.name}-{secrets.token_hex(4)}"))


def newest(run: RunFolder) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest checkpoint whose hashes verify, or None, and a sentence for each one passed over."""
    damaged: list[str] = []
    for path in sorted(_checkpoint_folders(run.checkpoint), reverse=True):
        try:
            return _read(path), damaged
        except (OSError, ValueError, KeyError, TypeError) as error:
            damaged.append(f"the checkpoint {path} is damaged ({error}) and passed over")
    return None, damaged


def last(run: RunFolder) -> Checkpoint:
    """Return the newest sound checkpoint, or raise RunError saying that there is none."""
    checkpoint, damaged = newest(run)
    if checkpoint is None:
        reason = "; ".join(damaged) or "nothing was trained there"
        raise RunError(f"no checkpoint in {run.checkpoint}: {reason}; train it with `aezoo train`")
    return checkpoint


def _read(path: Path) -> Checkpoint:
    manifest = json.loads((path / MANIFEST).read_bytes())
    if manifest["format"] != FORMAT:
        raise ValueError(f"its format is {manifest['format']!r}, not {FORMAT!r}")
    files = {}
    for name, entry in manifest["files"].items():
        data = (path / Path(name).name).read_bytes()
        if len(data) != entry["bytes"] or hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise ValueError(f"{name} is not what was written")
        files[name] = data
    return Checkpoint(
        epoch=int(manifest["epoch"]), val_loss=float(manifest["val_loss"]), facts=manifest["facts"], files=files
    )


def _checkpoint_folders(folder: Path) -> list[Path]:
    return [path for path in folder.glob("[0-9]" * 6) if path.is_dir()] if folder.is_dir() else []


def _prune(folder: Path) -> None:
    paths = sorted(_checkpoint_folders(folder))
    for path in (*set(paths[:-2]) - {min(paths, key=_val_loss)}, *folder.glob(f"{_BROKEN}*")):
        shutil.rmtree(path, ignore_errors=True)


def _val_loss(path: Path) -> float:
    try:
        value = float(json.loads((path / MANIFEST).read_bytes())["val_loss"])
    except (OSError, ValueError, KeyError, TypeError):
        return float("inf")
    return value if value == value else float("inf")


def _sweep(folder: Path) -> None:
    """Remove what a killed trainer left half-made; called under the lock."""
    for stale in folder.glob(f"{_ASIDE}*"):
        shutil.rmtree(stale, ignore_errors=True)
    for stale in (*folder.parent.glob(".*.tmp"), *folder.glob(".*.tmp")):
        stale.unlink(missing_ok=True)


def load_state(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the contents of state.pt, tensors and plain containers only; to be called under `fitting`."""
    import torch

    state: dict[str, Any] = torch.load(io.BytesIO(checkpoint.files[STATE]), map_location="cpu", weights_only=True)
    return state


@contextlib.contextmanager
def fitting(run: RunFolder) -> Iterator[None]:
    """Turn torch's errors about a state that it cannot read, or of another network, into RunError."""
    try:
        yield
    except Exception as error:  # torch raises RuntimeError, UnpicklingError, KeyError and more
        raise RunError(
            f"the newest checkpoint in {run.checkpoint} is not of this recipe ({first_line(error)}); "
            f"train it anew with `aezoo train … --overwrite`"
        ) from error
