"""A cache for what a data set alone decides, and no network: what baselines fit to it, and their figures."""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from train.engine import prepare
from zoo.data import images
from zoo.data.fetch import cache_folder
from zoo.errors import WriteError
from zoo.runs import atomic_write

HASH_BYTES = 32

Arrays = dict[str, np.ndarray]


def cached(cache_key: Mapping[str, object], compute: Callable[[], Mapping[str, np.ndarray | float]]) -> Arrays:
    """Return the arrays cached under `cache_key`, or compute and cache them.

    `cache_key` is a JSON object of everything that the arrays depend on, beside our code and torch. A file is the hash
    of an .npz and that; a damaged one is ignored, and so is a cache folder that cannot be written to.
    """
    name = json.dumps({"code": _code(), "torch": torch.__version__, **cache_key}, sort_keys=True)
    file = cache_folder() / "baselines" / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.arrays"
    with suppress(OSError):
        saved = file.read_bytes()
        if saved[:HASH_BYTES] == hashlib.sha256(saved[HASH_BYTES:]).digest():
            with np.load(io.BytesIO(saved[HASH_BYTES:]), allow_pickle=False) as kept:
                return dict(kept)
    arrays = {name: np.asarray(value) for name, value in compute().items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    with suppress(WriteError, OSError):
        atomic_write(file, hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    return arrays


def sha256_of(tensors: Iterable[Tensor]) -> str:
    """Return the hash of shapes and values of these tensors."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
    return digest.hexdigest()


@cache
def _code() -> str:
    """Return the hash of the sources by which images are prepared and measured."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(prepare.__file__), Path(images.__file__)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
