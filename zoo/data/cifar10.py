"""CIFAR-10 from its binary batches (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html).

A record is one label and 3,072 pixels: the red plane, the green one, the blue one. The Python version of the data set
is made of pickles, which run code when they are opened; it is never read.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from pathlib import Path

import numpy as np

from zoo.data.images import Images
from zoo.errors import DataError
from zoo.runs import atomic_write, remove

FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
ARCHIVE_BYTES = 170_052_171
FILES = {"train": tuple(f"data_batch_{n}.bin" for n in range(1, 6)), "test": ("test_batch.bin",)}
CLASSES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32
RECORDS = 10_000  # a file
SUMS = "SHA256SUMS"  # written when the official archive is unpacked, in the format of sha256sum
PROVENANCE_FILE = "PROVENANCE.txt"

OFFICIAL = "CIFAR-10, official archive"
UNKNOWN = "CIFAR-10, binary batches of unknown origin"
LICENCE = "none stated; cite Krizhevsky 2009"
MAX_PROVENANCE = 200


def load(split: str, folder: Path) -> Images:
    """Read one published split, 50,000 or 10,000 images, or raise DataError saying which file fails and how."""
    place = _place(folder)
    count = RECORDS * len(FILES[split])
    pixels = np.empty((count, *SHAPE), dtype=np.uint8)
    labels = np.empty(count, dtype=np.uint8)
    sums = _sums(place)
    for number, name in enumerate(FILES[split]):
        records = _records(place / name, sums.get(name))
        rows = slice(number * RECORDS, (number + 1) * RECORDS)
        labels[rows] = records[:, 0]
        pixels[rows] = records[:, 1:].reshape(-1, *SHAPE)
    return Images(
        dataset="cifar10",
        split=split,
        pixels=pixels,
        labels=labels,
        provenance=_provenance(place, checked=bool(sums)),
        licence=LICENCE,
        classes=CLASSES,
    )


def present(folder: Path) -> bool:
    """Tell whether all six files lie there, whatever is in them."""
    return any(all((place / name).is_file() for name in _names()) for place in (folder / FOLDER, folder))


def _names() -> tuple[str, ...]:
    return (*FILES["train"], *FILES["test"])


def _place(folder: Path) -> Path:
    for place in (folder / FOLDER, folder):
        missing = [name for name in _names() if not (place / name).is_file()]
        if not missing:
            return place
        if len(missing) < len(_names()):
            raise DataError(
                f"{place} lacks {', '.join(missing)}; fetch them with `aezoo data fetch cifar10 --data {folder}`"
            )
    if (folder / "cifar-10-batches-py").exists() or (folder / "data_batch_1").exists():
        raise DataError(
            f"{folder} holds CIFAR-10 as Python pickles, which are never opened since they can run code; "
            f"fetch the binary version with `aezoo data fetch cifar10 --data {folder}`"
        )
    raise DataError(
        f"no {FOLDER} in {folder}; fetch it with `aezoo data fetch cifar10 --data {folder}`, or use --data sample"
    )


def _records(path: Path, sha256: str | None) -> np.ndarray:
    """Return a file's records, uint8 (10000, 3073), after checking length, labels and, where one is known, the hash."""
    expected = RECORDS * RECORD_BYTES
    try:
        with open(path, "rb") as stream:
            data = stream.read(expected + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({(error.strerror or str(error)).lower()}); fetch it again") from error
    again = "fetch it again with `aezoo data fetch cifar10`"
    if len(data) != expected:
        word = "is truncated" if len(data) < expected else "is too long"
        found = f"{len(data):,}" if len(data) < expected else f"more than {expected:,}"
        raise DataError(f"{path} {word}: {found} bytes, expected {expected:,} ({RECORDS:,} records); {again}")
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise DataError(f"{path} does not have the sha256 that {SUMS} beside it tells; {again}")
    records = np.frombuffer(data, dtype=np.uint8).reshape(RECORDS, RECORD_BYTES)
    if records[:, 0].max() >= len(CLASSES):
        raise DataError(
            f"{path} holds the label {records[:, 0].max()}, expected 0 to {len(CLASSES) - 1}: "
            f"its bytes are shifted or of another data set; {again}"
        )
    return records


def _sums(place: Path) -> dict[str, str]:
    """Return {file: sha256} of the official archive's files; empty where we did not unpack them."""
    try:
        lines = (place / SUMS).read_text(errors="replace")[:4_096].splitlines()
    except OSError:
        return {}
    found = {name.strip(): sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    return found if found.keys() >= set(_names()) else {}


def _provenance(place: Path, *, checked: bool) -> str:
    try:
        with open(place / PROVENANCE_FILE, "rb") as stream:
            told = stream.read(4 * MAX_PROVENANCE).decode(errors="replace").strip().splitlines()
    except OSError:
        told = []
    if told:
        return "".join(character for character in told[0] if character.isprintable())[:MAX_PROVENANCE]
    return OFFICIAL if checked else UNKNOWN


def unpack(archive: bytes, folder: Path) -> list[Path]:
    """Write the six batches of the official archive into DIR/cifar-10-batches-bin, and their sums.

    Only these six names are taken, in memory and of the exact size. Raises DataError for an archive without them.
    """
    wanted = {f"{FOLDER}/{name}": name for name in _names()}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                name = wanted.get(member.name)
                if name is None or not member.isreg() or member.size != RECORDS * RECORD_BYTES:
                    continue
                stream = tar.extractfile(member)
                assert stream is not None, member.name
                found[name] = stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{ARCHIVE} cannot be unpacked ({error}); fetch it again") from error
    missing = sorted(set(_names()) - found.keys())
    if missing:
        raise DataError(f"{ARCHIVE} holds no proper {', '.join(missing)}; fetch it again")
    place = folder / FOLDER
    for name, data in found.items():
        atomic_write(place / name, data)
    sums = "".join(f"{hashlib.sha256(found[name]).hexdigest()}  {name}\n" for name in _names())
    remove(place / PROVENANCE_FILE)  # it told of other files
    atomic_write(place / SUMS, sums.encode())
    return [place / name for name in _names()]
