"""MNIST's four files with a handful of images, and the published facts they would have."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace

import numpy as np

from zoo.data.mnist import FILES, IdxFile

COUNTS = {"train": 7, "test": 5}


def tiny_files() -> tuple[dict[tuple[str, str], IdxFile], dict[tuple[str, str], bytes]]:
    """Return the facts and the unpacked payloads, by (split, kind)."""
    rng = np.random.default_rng(3)
    files, payloads = {}, {}
    for (split, kind), published in FILES.items():
        shape = (COUNTS[split], *published.shape[1:])
        values = rng.integers(0, 256, shape) if kind == "images" else np.arange(shape[0])
        file = replace(published, shape=shape)
        payload = file.header + values.astype(np.uint8).tobytes()
        zipped = gzip.compress(payload, mtime=0)
        files[split, kind] = replace(
            file,
            sha256=hashlib.sha256(payload).hexdigest(),
            gz_sha256=hashlib.sha256(zipped).hexdigest(),
            gz_bytes=len(zipped),
        )
        payloads[split, kind] = payload
    return files, payloads
