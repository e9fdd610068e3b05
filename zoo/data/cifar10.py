"""CIFAR-10 from its binary batches (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html).

A record is one label and 3,072 pixels: the red plane, the green one, the blue one. The Python version of the data set
is made of pickles, which run code when they are opened; it is never read.
"""

import hashlib
import io
import tarfile
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo.data.images import Images
from zoo.errors import DataError, reason
from zoo.runs import atomic_write, remove

FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
ARCHIVE_BYTES = 170_052_171
FILES = {"train": tuple(f"data_batch_{n}.bin" for n in range(1, 6)), "test": ("test_batch.bin",)}
# MD5 of the six files in the official archive, as the projects that check them publish it (rai-project/dldataset).
MD5 = {
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
}
CLASSES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32
RECORDS = 10_000  # a file
PROVENANCE_FILE = "PROVENANCE.txt"

OFFICIAL = "CIFAR-10, official archive"
UNKNOWN = "CIFAR-10, binary batches of unknown origin"
LICENCE = "none stated; cite Krizhevsky 2009"
MAX_PROVENANCE = 200
AGAIN = "fetch it again with `aezoo data fetch cifar10`"


def load(split: str, folder: Path) -> Images:
    """Read one published split, 50,000 or 10,000 images, or raise DataError saying which file fails and how."""
    batches = _batches_folder(folder)
    count = RECORDS * len(FILES[split])
    pixels = np.empty((count, *SHAPE), dtype=np.uint8)
    labels = np.empty(count, dtype=np.uint8)
    for number, name in enumerate(FILES[split]):
        records = _records(batches / name)
        rows = slice(number * RECORDS, (number + 1) * RECORDS)
        labels[rows] = records[:, 0]
        pixels[rows] = records[:, 1:].reshape(-1, *SHAPE)
    return Images("cifar10", split, pixels, labels, _provenance(batches), LICENCE, CLASSES)


def present(folder: Path) -> bool:
    """Whether all six files lie there, whatever is in them."""
    return any(all((batches / name).is_file() for name in MD5) for batches in (folder / FOLDER, folder))


def _batches_folder(folder: Path) -> Path:
    fetch = f"`aezoo data fetch cifar10 --data {folder}`"
    for batches in (folder / FOLDER, folder):
        missing = [name for name in MD5 if not (batches / name).is_file()]
        if not missing:
            return batches
        if len(missing) < len(MD5):
            raise DataError(f"{batches} lacks {', '.join(missing)}; fetch them with {fetch}")
    if (folder / "cifar-10-batches-py").exists() or (folder / "data_batch_1").exists():
        raise DataError(
            f"{folder} holds CIFAR-10 as Python pickles, which are never opened since they can run code; "
            f"fetch the binary version with {fetch}"
        )
    raise DataError(f"no {FOLDER} in {folder}; fetch it with {fetch}, or use --data sample")


def _records(path: Path) -> np.ndarray:
    """Return a file's records, uint8 (10000, 3073), after checking length and labels."""
    expected = RECORDS * RECORD_BYTES
    try:
        with open(path, "rb") as stream:
            data = stream.read(expected + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({reason(error)}); fetch it again") from error
    if len(data) != expected:
        short = len(data) < expected
        found = f"is truncated: {len(data):,}" if short else f"is too long: more than {expected:,}"
        raise DataError(f"{path} {found} bytes, expected {expected:,} ({RECORDS:,} records); {AGAIN}")
    records = np.frombuffer(data, dtype=np.uint8).reshape(RECORDS, RECORD_BYTES)
    if records[:, 0].max() >= len(CLASSES):
        raise DataError(
            f"{path} holds the label {records[:, 0].max()}, expected 0 to {len(CLASSES) - 1}: "
            f"its bytes are shifted or of another data set; {AGAIN}"
        )
    return records


def _provenance(batches: Path) -> str:
    """Return where the images come from: what a note beside the files says, but official only by the published sums.

    Raises DataError where some of the sums fit and others do not.
    """
    stats = [(batches / name).stat() for name in MD5]
    fitting = _fitting(batches, tuple((stat.st_size, stat.st_mtime_ns) for stat in stats))
    if fitting == MD5.keys():
        return OFFICIAL
    if fitting:
        changed = ", ".join(name for name in MD5 if name not in fitting)
        odd = "does not have the published MD5, as the other files of CIFAR-10 there do"
        raise DataError(f"{batches}: {changed} {odd}; {AGAIN}")
    try:
        with open(batches / PROVENANCE_FILE, "rb") as stream:
            lines = stream.read(4 * MAX_PROVENANCE).decode(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    note = "".join(filter(str.isprintable, lines[0]))[:MAX_PROVENANCE] if lines else ""
    return note if note and "official" not in note.casefold() else UNKNOWN


@lru_cache(maxsize=2)
def _fitting(batches: Path, state: tuple[tuple[int, int], ...]) -> set[str]:
    """Return the names of the files that have their published sum; `state` is their sizes and times, for the cache."""
    found = set()
    for name, md5 in MD5.items():
        with open(batches / name, "rb") as stream:
            if hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5:
                found.add(name)
    return found


def unpack(archive: bytes, folder: Path) -> list[Path]:
    """Write the six batches of the official archive into DIR/cifar-10-batches-bin.

    Only these six names are taken, in memory and of the exact size. Raises DataError for an archive without them.
    """
    members = {f"{FOLDER}/{name}": name for name in MD5}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                name = members.get(member.name)
                if name is None or not member.isreg() or member.size != RECORDS * RECORD_BYTES:
                    continue
                stream = tar.extractfile(member)
                assert stream is not None, member.name
                found[name] = stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{ARCHIVE} cannot be unpacked ({error}); fetch it again") from error
    missing = sorted(MD5.keys() - found.keys())
    if missing:
        raise DataError(f"{ARCHIVE} holds no proper {', '.join(missing)}; fetch it again")
    remove(folder / FOLDER / PROVENANCE_FILE)  # it described other files
    for name, data in found.items():
        atomic_write(folder / FOLDER / name, data)
    return [folder / FOLDER / name for name in MD5]
