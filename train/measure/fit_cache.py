"""A cache for what baselines fit to a training split, and a thread in which a long fit can be abandoned."""

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

VERSION = 1  # of the computations, part of the cache key: raise it when a fit changes
POLL_SECONDS = 0.2

Arrays = dict[str, np.ndarray]
T = TypeVar("T")


def cached_fit(cache_key: Mapping[str, object], compute: Callable[[], Arrays]) -> Arrays:
    """Return the arrays cached under `cache_key`, or compute and cache them.

    `cache_key` is a JSON object of everything that the arrays depend on. An unreadable file is ignored, and so is a
    cache folder that cannot be written to.
    """
    name = json.dumps({"version": VERSION, **cache_key}, sort_keys=True)
    file = cache_folder() / "baselines" / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.npz"
    with suppress(OSError, ValueError, EOFError, zipfile.BadZipFile), np.load(file, allow_pickle=False) as kept:
        return dict(kept)
    arrays = compute()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    with suppress(WriteError, OSError):
        atomic_write(file, buffer.getvalue())
    return arrays


def run_in_thread(work: Callable[[], T], check_stop: Callable[[], None]) -> T:
    """Return the result of `work`, calling `check_stop` while it runs; if that raises, `work` is abandoned."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # raised again in the waiting thread
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()  # an executor's thread would be waited for at the end
    while not result.done():
        check_stop()
        wait([result], POLL_SECONDS)
    return result.result()
