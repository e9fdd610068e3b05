"""Files in the user's cache: what took long to make, and is made again where it is missing or damaged."""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from zoo.data.fetch import cache_folder
from zoo.errors import WriteError
from zoo.runs import atomic_write

HASH_BYTES = 32


def cached_bytes(folder: str, key: str, make: Callable[[], bytes]) -> bytes:
    """Return what is cached under `key` in a folder of the cache, or make and cache it.

    A file is the SHA-256 of its content and that; a damaged one is ignored, and so is a folder that can't be written.
    """
    file = cache_folder() / folder / hashlib.sha256(key.encode()).hexdigest()[:32]
    with suppress(OSError):
        saved = file.read_bytes()
        if saved[:HASH_BYTES] == hashlib.sha256(saved[HASH_BYTES:]).digest():
            return saved[HASH_BYTES:]
    content = make()
    with suppress(WriteError, OSError):
        atomic_write(file, hashlib.sha256(content).digest() + content)
    return content


def sha256_of_files(files: Iterable[Path]) -> str:
    """Return the hash of some sources: what they made is made again when they change."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
