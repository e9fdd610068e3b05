"""A cache for what a data set alone decides, and no network: what baselines fit to it, and their figures."""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from train.cache import cached_bytes, sha256_of_files
from train.engine import prepare
from zoo import inputs
from zoo.data import images

Arrays = dict[str, np.ndarray]


def cached(cache_key: Mapping[str, object], compute: Callable[[], Mapping[str, np.ndarray | float]]) -> Arrays:
    """Return the arrays cached under `cache_key`, or compute and cache them.

    `cache_key` is a JSON object of everything that the arrays depend on, beside our code and torch.
    """
    name = json.dumps({"code": _code(), "torch": torch.__version__, **cache_key}, sort_keys=True)

    def make() -> bytes:
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{name: np.asarray(value) for name, value in compute().items()})
        return buffer.getvalue()

    with np.load(io.BytesIO(cached_bytes("baselines", name, make)), allow_pickle=False) as kept:
        return dict(kept)


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
    elsewhere = (Path(module.__file__ or "") for module in (prepare, inputs, images))
    return sha256_of_files([*sorted(Path(__file__).parent.glob("*.py")), *elsewhere])
