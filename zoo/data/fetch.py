"""Downloads by pooch: several mirrors, a hash for every file, each under its name only when it is whole.

AEZOO_MIRROR names a folder on a server (a course's own, say) that is tried before the public mirrors.
"""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from zoo.data import cifar10, comnist, mnist
from zoo.errors import DataError
from zoo.runs import as_write_error

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
CIFAR10_MIRRORS = (
    "https://www.cs.toronto.edu/~kriz/",
    "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
)
TIMEOUT_SECONDS = 20
CHUNK_BYTES = 65_536


def cache_folder() -> Path:
    """Return where downloaded data sets lie when no folder is named."""
    import platformdirs  # which pooch uses too, and is quicker to load

    return Path(os.environ.get("AEZOO_CACHE") or platformdirs.user_cache_dir("aezoo"))


def fetch_mnist(folder: Path) -> list[Path]:
    """Download MNIST's files into DIR/MNIST/raw, those that are not there yet; return the downloaded ones.

    A file that is there but wrong is fetched anew. Raises DataError when every mirror fails.
    """
    raw = folder / "MNIST" / "raw"
    fetched = []
    for file in mnist.FILES.values():
        try:
            mnist.read_idx(mnist.find(file, folder), file)
        except DataError:
            fetched.append(_fetch(f"{file.name}.gz", file.gz_sha256, file.gz_bytes, raw, MNIST_MIRRORS))
            (raw / file.name).unlink(missing_ok=True)  # a wrong plain file would be found before the right .gz
    return fetched


def fetch_cifar10(folder: Path) -> list[Path]:
    """Download CIFAR-10's six binary batches into DIR/cifar-10-batches-bin, if they are not there; return them.

    The archive is checked against its published hash, unpacked in memory, and not kept. Raises DataError.
    """
    try:
        for split in cifar10.FILES:
            cifar10.load(split, folder)
    except DataError:
        published = (cifar10.ARCHIVE, cifar10.ARCHIVE_SHA256, cifar10.ARCHIVE_BYTES)
        archive = _fetch(*published, folder, CIFAR10_MIRRORS)
        fetched = cifar10.unpack(archive.read_bytes(), folder)
        archive.unlink()
        return fetched
    return []


def fetch_letters(folder: Path) -> list[Path]:
    """Raise DataError with where to get the letters: no hash is published to check a download against."""
    if comnist.present(folder):
        for load in (comnist.load_cyrillic, comnist.load_latin):
            load("test", folder)  # broken files are named here
        return []
    raise DataError(
        f"the letters are not fetched, since no hash of them is published; get {', '.join(comnist.ARCHIVES.values())} "
        f"from {comnist.HOME} into {folder / comnist.FOLDER}, or use --data sample"
    )


def _fetch(name: str, sha256: str, size: int, folder: Path, mirrors: Sequence[str]) -> Path:
    """Download a file of the published sha256 and size from the first mirror that has it."""
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise as_write_error(folder, error, size=size) from error
    if not os.access(folder, os.W_OK):
        raise as_write_error(folder / name, PermissionError(errno.EACCES, "not writable"), size=size)
    errors: list[str] = []
    own = os.environ.get("AEZOO_MIRROR")
    for mirror in (*([own] if own else []), *mirrors):
        if not mirror.startswith(("http://", "https://")):
            errors.append(f"{mirror}: is no http address")
            continue
        download = pooch.HTTPDownloader(_Meter(name, size), timeout=TIMEOUT_SECONDS, chunk_size=CHUNK_BYTES)
        url = f"{mirror.rstrip('/')}/{name}"
        try:
            return Path(pooch.retrieve(url, f"sha256:{sha256}", fname=name, path=folder, downloader=download))
        except (requests.RequestException, ValueError, OSError, DataError) as error:
            errors.append(f"{mirror}: {_reason(error)}")
    raise DataError(
        f"could not fetch {name} from any mirror ({'; '.join(errors)}). Use --data sample for the embedded data, "
        f"or put the file into {folder} and name that folder with --data"
    )


def _reason(error: Exception) -> str:
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
    """What pooch calls a progress bar: says when another quarter is there, and stops what sends too much."""

    def __init__(self, name: str, size: int) -> None:
        self.total = size
        self._name, self._size = name, size
        self._done = self._quarters = 0

    def update(self, count: int) -> None:
        self._done += count
        if self._done > self._size + CHUNK_BYTES:  # pooch counts the last piece as a whole one
            raise DataError(f"sent more than the published {self._size:,} bytes")
        done = min(self._done, self._size)
        if 4 * done // self._size > self._quarters:
            self._quarters = 4 * done // self._size
            print(f"  {self._name}: {done / 1e6:.1f} of {self._size / 1e6:.1f} MB", file=sys.stderr)

    def reset(self) -> None:
        """pooch ends by setting the bar to zero and filling it once more."""
        self._done = 0

    def close(self) -> None:
        """Nothing is open."""
