"""Downloads: pooch, several mirrors, a hash for every file, moved into place when whole, with progress.

AEZOO_MIRROR names a folder on a server (a course's own, say) that is asked before the public mirrors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.data import mnist
from zoo.errors import DataError

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT_SECONDS = 20
CHUNK_BYTES = 65_536

Tell = Callable[[str, int, int], None]  # (file name, bytes so far, bytes in all)


def cache_folder() -> Path:
    """Return where downloaded data sets lie when no folder is named."""
    import pooch

    return Path(os.environ.get("AEZOO_CACHE") or pooch.os_cache("aezoo"))


def fetch_mnist(folder: Path, *, tell: Tell, mirrors: Sequence[str] | None = None) -> list[Path]:
    """Bring MNIST's files into DIR/MNIST/raw, those that are not there yet; return the files brought.

    A file that is there but wrong is fetched anew. Raises DataError when every mirror fails.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; name a folder to fetch MNIST into")
    own = os.environ.get("AEZOO_MIRROR")
    sources = mirrors if mirrors is not None else (*([own] if own else []), *MNIST_MIRRORS)
    return [
        _fetch(file, folder / "MNIST" / "raw", sources, tell)
        for file in mnist.FILES.values()
        if not _sound(file, folder)
    ]


def _sound(file: mnist.IdxFile, folder: Path) -> bool:
    try:
        mnist.read_idx(mnist.find(file, folder), file)
    except DataError:
        return False
    return True


def _fetch(file: mnist.IdxFile, folder: Path, mirrors: Sequence[str], tell: Tell) -> Path:
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    name = f"{file.name}.gz"
    troubles: list[str] = []
    for mirror in mirrors:
        if not mirror.startswith(("http://", "https://")):
            troubles.append(f"{mirror}: is no http address")
            continue
        meter = _Meter(name, file.gz_bytes, tell)
        try:
            path = pooch.retrieve(
                url=f"{mirror.rstrip('/')}/{name}",
                known_hash=f"sha256:{file.gz_sha256}",
                fname=name,
                path=folder,
                downloader=pooch.HTTPDownloader(progressbar=meter, timeout=TIMEOUT_SECONDS, chunk_size=CHUNK_BYTES),
            )
        except (requests.RequestException, ValueError, OSError, DataError) as error:
            troubles.append(f"{mirror}: {_in_words(error)}")
            continue
        (folder / file.name).unlink(missing_ok=True)  # a wrong plain file would be found before the right .gz
        return Path(path)
    raise DataError(
        f"could not fetch {name} from any mirror ({'; '.join(troubles)}). Use --data sample for the embedded digits, "
        f"or put the file into {folder} and name that folder with --data"
    )


def _in_words(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return f"no answer in {TIMEOUT_SECONDS} s"
    if isinstance(error, requests.ConnectionError):
        return "cannot be reached"
    if isinstance(error, ValueError):
        return "sent a file with another sha256 than the published one"
    return str(error)


class _Meter:
    """What pooch calls a progress bar: tells how far a download is, and stops one that sends too much."""

    def __init__(self, name: str, size: int, tell: Tell) -> None:
        self.total = size
        self._name = name
        self._size = size
        self._done = 0
        self._tell = tell

    def update(self, count: int) -> None:
        self._done += count
        if self._done > self._size + CHUNK_BYTES:  # pooch counts the last piece as a whole one
            raise DataError(f"sent more than the published {self._size:,} bytes")
        self._tell(self._name, min(self._done, self._size), self._size)

    def reset(self) -> None:
        """pooch ends by setting the bar to zero and filling it once more."""
        self._done = 0

    def close(self) -> None:
        """Nothing is open."""
