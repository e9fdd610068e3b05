"""What is fitted to a training split for its baselines: kept in the user's cache, stoppable while it is computed."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np

from zoo.data.fetch import cache_folder
from zoo.errors import WriteError
from zoo.runs import atomic_write

VERSION = 1  # of the computations: a new one leaves what older programs kept alone
POLL_SECONDS = 0.2

Arrays = dict[str, np.ndarray]
T = TypeVar("T")


def fitted(facts: Mapping[str, object], compute: Callable[[], Arrays]) -> Arrays:
    """Return the arrays that were computed before from the same facts, or compute and keep them.

    `facts` are all that the arrays follow from, as JSON. A file that cannot be read counts as none, and where none can
    be written the next run computes once more.
    """
    file = _file(facts)
    with suppress(OSError, ValueError, EOFError, zipfile.BadZipFile), np.load(file, allow_pickle=False) as kept:
        return dict(kept)
    arrays = compute()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    with suppress(WriteError, OSError):
        atomic_write(file, buffer.getvalue())
    return arrays


def _file(facts: Mapping[str, object]) -> Path:
    text = json.dumps({"version": VERSION, **facts}, sort_keys=True)
    return cache_folder() / "baselines" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"


def attended(work: Callable[[], T], stop: Callable[[], None]) -> T:
    """Return the result of one long call, beside which `stop` is called; where that raises, the call is abandoned."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # whatever it is, it is raised in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        stop()
        thread.join(POLL_SECONDS)
    if errors:
        raise errors[0]
    return results[0]
