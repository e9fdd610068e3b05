"""IDX files of images and labels, as MNIST's kin have them: Fashion-MNIST, KMNIST, EMNIST; plain or gzipped.

Which data set it seems to be is said by the sums of the published files, by names, or by the shape.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from zoo.errors import DataError

MOST_BYTES = 4 << 30
# MD5 of train-images-idx3-ubyte.gz, as the projects that load these sets publish it.
KNOWN = {
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d": "Fashion-MNIST",
    "bdb82020997e1d708af4cf47b453dcf7": "KMNIST",
}
NAMES = {"fashion": "Fashion-MNIST", "kmnist": "KMNIST", "emnist": "EMNIST", "qmnist": "QMNIST"}

Pairs = dict[str, tuple[Path, Path | None]]  # split → the files of images and of labels


def is_idx(path: Path) -> bool:
    """Whether a file begins as IDX of bytes does, plain or gzipped."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
            return stream.read(3) == b"\x00\x00\x08"
    except (OSError, EOFError, zlib.error):
        return False


def pairs(folder: Path) -> Pairs:
    """Return the files of images in a folder, or in DIR/raw as torchvision has it, by split; {} where there are none.

    Raises DataError for several data sets.
    """
    for where in (folder, folder / "raw"):
        files = sorted(path for path in where.glob("*images*idx3*") if path.is_file()) if where.is_dir() else []
        found: Pairs = {}
        for path in files:
            split = _split(path)
            if split in found and found[split][0].name.removesuffix(".gz") != path.name.removesuffix(".gz"):
                names = ", ".join(each.name for each in files[:4])
                raise DataError(f"{where} holds several data sets ({names}, …); name one by its file of images")
            found.setdefault(split, (path, _labels_of(path)))
        if found:
            return found
    return {}


def pairs_of(images: Path) -> Pairs:
    """Return the pair of a file of images, and that of its other split where it lies beside it."""
    found: Pairs = {_split(images): (images, _labels_of(images))}
    for own, other in (("train", "t10k"), ("train", "test"), ("t10k", "train"), ("test", "train")):
        path = images.with_name(images.name.replace(own, other))
        if own in images.name and path.is_file():
            found.setdefault(_split(path), (path, _labels_of(path)))
    return {split: found[split] for split in ("train", "test") if split in found}


def _split(images: Path) -> str:
    return "test" if "t10k" in images.name or "test" in images.name else "train"


def _labels_of(images: Path) -> Path | None:
    name = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    beside = (images.with_name(name), images.with_name(f"{name}.gz"))
    return next((path for path in beside if path != images and path.is_file()), None)


def read_all(files: Pairs) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Return images, uint8 (N, H, W), and labels by split. Raises DataError."""
    if len(files) == 1:  # one pair has no splits
        files = {"": next(iter(files.values()))}
    return {split: _read_pair(images, labels) for split, (images, labels) in files.items()}


def _read_pair(images: Path, labels: Path | None) -> tuple[np.ndarray, np.ndarray | None]:
    pixels, numbers = read(images, 3), None if labels is None else read(labels, 1)
    if numbers is not None and len(numbers) != len(pixels):
        raise DataError(
            f"{images.name} holds {len(pixels):,} images and {labels.name if labels else ''} {len(numbers):,} labels; "
            f"expected as many: are they of one data set?"
        )
    if images.name.startswith("emnist-"):  # whose images lie on their side
        pixels = pixels.transpose(0, 2, 1)
    return pixels, numbers


def read(path: Path, dimensions: int) -> np.ndarray:
    """Return the bytes in an IDX file as the array that its header declares. Raises DataError."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
            header = stream.read(4 + 4 * dimensions)
            if header[:4] != bytes((0, 0, 8, dimensions)) or len(header) != 4 + 4 * dimensions:
                what = "images" if dimensions == 3 else "labels"
                raise DataError(f"{path} begins with {header[:4].hex() or 'nothing'}, which is no IDX file of {what}")
            shape = struct.unpack(f">{dimensions}I", header[4:])
            size = math.prod(shape)
            if size > MOST_BYTES:
                raise DataError(f"{path} declares {size / 1e9:,.1f} GB; at most {MOST_BYTES >> 30} GiB are taken")
            data = stream.read(size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged in its gzip data ({error}); get it again") from error
    if len(data) != size:
        raise DataError(f"{path} declares {' × '.join(map(str, shape))} values and holds {len(data):,}; get it again")
    return np.frombuffer(data, np.uint8).reshape(shape)


def other_set(folder: Path) -> str:
    """Return what a folder's files of IDX images seem to be, '' where there are none."""
    try:
        found = next(iter(pairs(folder).values()), None)
    except DataError as error:
        return str(error)
    if found is None:
        return ""
    title = seems(found[0])
    if not title and found[0].name.startswith(("train-images", "t10k-images")):
        return ""  # MNIST itself, with a file missing
    return f"{found[0].name}{f', which seems to be {title}' if title else ''}"


def seems(path: Path) -> str:
    """Return which data set a file of IDX images seems to be of; '' where nothing says so."""
    try:
        with open(path, "rb") as stream:
            md5 = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        md5 = ""
    text = "/".join(part.lower() for part in path.absolute().parts[-4:])
    return KNOWN.get(md5) or next((title for name, title in NAMES.items() if name in text), "")
