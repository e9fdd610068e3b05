"""What is fitted to a training split for its baselines: kept in the user's cache, stoppable while it is computed."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
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
    name = json.dumps({"version": VERSION, **facts}, sort_keys=True)
    file = cache_folder() / "baselines" / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.npz"
    with suppress(OSError, ValueError, EOFError, zipfile.BadZipFile), np.load(file, allow_pickle=False) as kept:
        return dict(kept)
    arrays = compute()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    with suppress(WriteError, OSError):
        atomic_write(file, buffer.getvalue())
    return arrays


def attended(work: Callable[[], T], stop: Callable[[], None]) -> T:
    """Return the result of one long call, beside which `stop` is called; where that raises, the call is abandoned."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # whatever it is, it is raised in the thread that waits
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()  # an executor's thread would be waited for at the end
    while not result.done():
        stop()
        wait([result], POLL_SECONDS)
    return result.result()
