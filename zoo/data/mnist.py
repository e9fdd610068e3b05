"""MNIST from its IDX files (LeCun, Cortes, Burges: http://yann.lecun.com/exdb/mnist/), plain or gzipped.

The unpacked payload is what is checked against the published hashes: a file may have been zipped anew.
"""

import gzip
import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data import idx
from zoo.data.images import Images
from zoo.errors import DataError

PROVENANCE = "MNIST, official files"
LICENCE = "CC BY-SA 3.0"
CLASSES = tuple("0123456789")
AGAIN = "fetch it again with `aezoo data fetch`"


@dataclass(frozen=True)
class IdxFile:
    """A published file: the shape in its header, the sha256 of its payload and of the .gz that mirrors hold."""

    name: str
    shape: tuple[int, ...]
    sha256: str
    gz_sha256: str
    gz_bytes: int

    @property
    def header(self) -> bytes:
        """IDX: two zero bytes, the type (8: unsigned bytes), the number of dimensions, then each one big-endian."""
        return struct.pack(f">HBB{len(self.shape)}I", 0, 8, len(self.shape), *self.shape)

    @property
    def size(self) -> int:
        return len(self.header) + int(np.prod(self.shape))


FILES = {
    ("train", "images"): IdxFile(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        9_912_422,
    ),
    ("train", "labels"): IdxFile(
        "train-labels-idx1-ubyte",
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        28_881,
    ),
    ("test", "images"): IdxFile(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        1_648_877,
    ),
    ("test", "labels"): IdxFile(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        4_542,
    ),
}


def load(split: str, folder: Path) -> Images:
    """Read one split from DIR or DIR/MNIST/raw, or raise DataError saying which file fails and how."""
    images, labels = (read_idx(find(file, folder), file) for file in (FILES[split, "images"], FILES[split, "labels"]))
    return Images("mnist", split, images.reshape(-1, 1, 28, 28), labels, PROVENANCE, LICENCE, CLASSES)


def present(folder: Path) -> bool:
    """Whether all four files lie there, whatever is in them."""
    return all(_where(file, folder) is not None for file in FILES.values())


def find(file: IdxFile, folder: Path) -> Path:
    path = _where(file, folder)
    if path is None:
        other = idx.other_set(folder)
        if other:
            raise DataError(f"{folder} holds no MNIST, but {other}; train on that with --images {folder}")
        raise DataError(
            f"no {file.name}[.gz] in {folder} or {folder / 'MNIST' / 'raw'}; "
            f"fetch it with `aezoo data fetch --data {folder}`, or use --data sample"
        )
    return path


def _where(file: IdxFile, folder: Path) -> Path | None:
    names, folders = (file.name, f"{file.name}.gz"), (folder, folder / "MNIST" / "raw")
    return next((each / name for each in folders for name in names if (each / name).is_file()), None)


def read_idx(path: Path, file: IdxFile) -> np.ndarray:
    """Return the array in an IDX file after checking magic number, shape, length and hash. Raises DataError."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
            payload = stream.read(file.size + 1)  # of a bomb no more
    except EOFError as error:
        raise DataError(f"{path} is truncated in its gzip data; {AGAIN}") from error
    except (OSError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); {AGAIN}") from error
    header = payload[: len(file.header)]
    if header[:4] != file.header[:4]:
        raise DataError(
            f"{path} starts with the magic number {header[:4].hex() or 'nothing'}, expected {file.header[:4].hex()}: "
            f"it is not the IDX file {file.name}; {AGAIN}"
        )
    if header == file.header and len(payload) < file.size:
        raise DataError(f"{path} is truncated: {len(payload):,} bytes of {file.size:,}; {AGAIN}")
    if header != file.header or len(payload) > file.size:
        shape = " × ".join(map(str, file.shape))
        hint = f"if it is another data set, train on it with --images {path.parent}, else {AGAIN}"
        raise DataError(f"{path} does not hold {shape} values, as {file.name} does; {_other(path, hint)}")
    if hashlib.sha256(payload).hexdigest() != file.sha256:
        wrong = f"not the published sha256 of {file.name}"
        hint = f"some of its bytes are wrong, or it is another data set; {AGAIN}, or use --images {path.parent}"
        raise DataError(f"{path} has the right size but {wrong}: {_other(path, hint)}")
    return np.frombuffer(payload, dtype=np.uint8, offset=len(file.header)).reshape(file.shape).copy()  # writable


def _other(path: Path, otherwise: str) -> str:
    """Return which other data set a file seems to be of, and what to do with it."""
    seems = idx.seems(path)
    return f"it seems to be {seems}: train on it with --images {path.parent}" if seems else otherwise
