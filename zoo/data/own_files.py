"""Where pictures of the user's own lie: a folder, a zip file, NumPy's arrays, or IDX files; nothing is decoded yet.

In a folder or a zip file the folders train/, val/ and test/ are splits, and the folders below, or at the top where
there are no splits, are classes. Arrays are never unpickled. Files of IDX are those of MNIST's kin.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from zoo.data import idx, pictures
from zoo.errors import DataError, first_line, reason

SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
MOST_CLASSES = 256  # a label is one byte
MOST_BYTES = 4 << 30  # of all arrays, or of all pictures once they are decoded
MOST_FILE_BYTES = 256 << 20  # of one picture


@dataclass(frozen=True, eq=False)
class PictureSource:
    """Pictures of the user's own, before one is decoded.

    kind      what it is: 'folder', 'zip file', 'NumPy arrays', 'IDX files'
    names     of the pictures
    splits    of each 'train', 'val' or 'test'; '' of all where there are none
    labels    uint8 (N,), which count `classes`
    kinds     how many folders or labels there are; more than a label can count are no classes
    content   the bytes from which picture number i is made
    read      picture number i, (H, W, 3), float32 in [0, 1] or uint8, a large one reduced. Raises DataError
    """

    path: Path
    kind: str
    names: Sequence[str]
    splits: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    kinds: int
    content: Callable[[int], bytes]
    read: Callable[[int, int | None], np.ndarray]

    def __len__(self) -> int:
        return len(self.names)

    def size(self, row: int) -> tuple[int, int]:
        """Return the width and height of a picture that can be read."""
        from PIL import Image

        if not self.in_files:
            height, width = self.read(row, None).shape[:2]
            return width, height
        with Image.open(io.BytesIO(self.content(row))) as image:
            return image.size

    @property
    def in_files(self) -> bool:
        """Whether each picture is a file: sorted by name, and so by class, until they are shuffled."""
        return self.kind in ("folder", "zip file")


def find(path: Path) -> PictureSource:
    """Return what lies there, or raise DataError saying what was expected."""
    try:
        if path.is_dir():
            pairs = idx.pairs(path)
            return _arrays(path, "IDX files", idx.read_all(pairs)) if pairs else _folder(path)
        if not path.is_file():
            raise DataError(f"--images names {str(path)!r}, which is not there; expected {EXPECTED}")
        if zipfile.is_zipfile(path):
            return _arrays(path, "NumPy arrays", _npz(path)) if path.suffix == ".npz" else _zip(path)
        if path.suffix == ".npy":
            return _arrays(path, "NumPy arrays", {"": (_npy(path.read_bytes(), path, ""), None)})
        if idx.is_idx(path):
            return _arrays(path, "IDX files", idx.read_all(idx.pairs_of(path)))
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be read ({reason(error)}); make it readable") from error
    raise DataError(f"{path} is no data set of pictures; expected {EXPECTED}")


EXPECTED = "a folder or a .zip of pictures, an .npz file, or a folder of IDX files"


# ---- folders and zip files ---------------------------------------------------------------------------------------


def _folder(path: Path) -> PictureSource:
    def file(index: int) -> Path:
        return path / names[index]

    names = _chosen(path, _files_below(path))
    return _of_files(
        path,
        "folder",
        names,
        content=lambda index: file(index).read_bytes(),
        read=lambda index, least: pictures.read(file(index), least=least),
    )


def _files_below(folder: Path) -> Iterator[str]:
    """Yield the files below a folder, by their path in it; each real folder once, whatever links lead to it."""
    waiting, seen = [(folder, "")], set()
    while waiting:
        here, prefix = waiting.pop()
        about = here.stat()
        if (about.st_dev, about.st_ino) in seen:
            continue
        seen.add((about.st_dev, about.st_ino))
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    waiting.append((Path(entry.path), f"{prefix}{entry.name}/"))
                elif entry.is_file():
                    yield prefix + entry.name


def _zip(path: Path) -> PictureSource:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a zip file ({first_line(error)}); pack it anew") from error
    entries = {entry.filename: entry for entry in archive.infolist() if not entry.is_dir()}
    hidden = {name for name in entries if any(part.startswith((".", "__MACOSX")) for part in name.split("/"))}
    names = _chosen(path, entries.keys() - hidden)

    def content(index: int) -> bytes:
        try:
            with archive.open(entries[names[index]]) as stream:
                data = stream.read(MOST_FILE_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise DataError(f"{names[index]} cannot be unpacked ({first_line(error)})") from error
        if len(data) > MOST_FILE_BYTES:
            raise DataError(f"{names[index]} unpacks to more than {MOST_FILE_BYTES >> 20} MiB")
        return data

    def read(index: int, least: int | None) -> np.ndarray:
        return pictures.read(Path(names[index]), file=io.BytesIO(content(index)), least=least)

    return _of_files(path, "zip file", names, content=content, read=read)


def _chosen(path: Path, files: Iterator[str] | set[str]) -> list[str]:
    """Return those that are pictures by their names, sorted. Raises DataError for none."""
    others: Counter[str] = Counter()
    names = []
    for name in files:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in pictures.SUFFIXES:
            names.append(name)
        else:
            others[suffix] += 1
    if not names:
        there = "".join(f"; there are {count:,} files that end in {end!r}" for end, count in others.most_common(1))
        raise DataError(f"no picture in {path}; expected files that end in {', '.join(pictures.SUFFIXES)}{there}")
    return sorted(names)


def _of_files(
    path: Path,
    kind: str,
    names: list[str],
    *,
    content: Callable[[int], bytes],
    read: Callable[[int, int | None], np.ndarray],
) -> PictureSource:
    parts = _without_wrapper([name.split("/") for name in names])
    splits = [""] * len(names)
    tops = {part[0].lower() if len(part) > 1 else "" for part in parts}
    known = tops & SPLITS.keys()
    if known and len({SPLITS[top] for top in known}) > 1:
        if tops != known:
            beside = ", ".join(sorted(top or "pictures" for top in tops - known)[:3])
            raise DataError(
                f"{path} holds {beside} beside {', '.join(sorted(known))}; move it away, or into one of them"
            )
        if "train" not in {SPLITS[top] for top in known}:
            raise DataError(
                f"{path} holds {' and '.join(sorted(known))} and no train; put pictures to learn from there"
            )
        splits = [SPLITS[part[0].lower()] for part in parts]
        parts = [part[1:] for part in parts]
    folders = [part[0] if len(part) > 1 else "" for part in parts]
    kinds = None if "" in folders else np.array(folders)
    return _source(path, kind, names, splits, kinds, content=content, read=read)


def _without_wrapper(parts: list[list[str]]) -> list[list[str]]:
    """Return paths without the folder that is around all of them: it is no class."""
    while len({part[0] for part in parts}) == 1 and all(len(part) > 1 for part in parts):
        parts = [part[1:] for part in parts]
    return parts


def _source(
    path: Path,
    kind: str,
    names: Sequence[str],
    splits: Sequence[str],
    kinds: np.ndarray | None,
    *,
    content: Callable[[int], bytes],
    read: Callable[[int, int | None], np.ndarray],
) -> PictureSource:
    """Return a source whose classes are the different `kinds`, one of each picture, if a label can count them."""
    labels, classes, count = np.zeros(len(names), np.uint8), tuple[str, ...](), 0
    if kinds is not None:
        found, numbers = np.unique(kinds, return_inverse=True)
        count = len(found)
        if count <= MOST_CLASSES:
            labels = numbers.astype(np.uint8)
            classes = tuple(str(kind).encode(errors="replace").decode() for kind in found)
    return PictureSource(path, kind, names, np.array(splits), labels, classes, count, content, read)


# ---- arrays ------------------------------------------------------------------------------------------------------

Arrays = Mapping[str, tuple[np.ndarray, np.ndarray | None]]  # split → images and labels


def _arrays(path: Path, kind: str, arrays: Arrays) -> PictureSource:
    """Return the images of each split as a source."""
    if len(arrays) > 1 and "train" not in arrays:
        raise DataError(f"{path} holds {' and '.join(arrays)} and no train; name arrays x_train, y_train, x_test, …")
    pixels = {split: _as_pixels(images, path) for split, (images, _) in arrays.items()}
    for split, (_, labels) in arrays.items():
        if labels is not None and labels.size != len(pixels[split]):
            where = f" in {split}" if split else ""
            sizes = f"{len(pixels[split]):,} images and {labels.size:,} labels"
            raise DataError(f"{path} holds {sizes}{where}; expected one label an image")
    held = [image for images in pixels.values() for image in images]
    numbers = [labels.ravel() for _, labels in arrays.values() if labels is not None]
    return _source(
        path,
        kind,
        [f"{split or 'image'} {index}" for split, images in pixels.items() for index in range(len(images))],
        [split for split, images in pixels.items() for _ in images],
        np.concatenate(numbers) if len(numbers) == len(arrays) else None,
        content=lambda index: held[index].tobytes(),
        read=lambda index, least: np.broadcast_to(held[index], (*held[index].shape[:2], 3)),
    )


def _as_pixels(images: np.ndarray, path: Path) -> np.ndarray:
    """Return images as uint8 (N, H, W, 1 or 3). Raises DataError for another shape or type."""
    if images.ndim == 3:
        images = images[..., None]
    elif images.ndim == 4 and images.shape[3] not in (1, 3) and images.shape[1] in (1, 3):
        images = images.transpose(0, 2, 3, 1)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise DataError(
            f"{path} holds an array of the shape {images.shape}; "
            f"expected images: (N, H, W), (N, H, W, 3) or (N, 3, H, W)"
        )
    if images.dtype == np.uint8 and images.max() > 1:
        return images
    if images.dtype.kind not in "fiub":
        raise DataError(f"{path} holds values of the type {images.dtype}; expected numbers from 0 to 1 or to 255")
    low, high = float(images.min()), float(images.max())
    most = next((most for most in (1, 255, 65535) if high <= most), 0)
    if not (low >= 0 and most):  # not a number is neither
        raise DataError(f"{path} has values from {low:g} to {high:g}; expected 0 to 1, 0 to 255, or 0 to 65535")
    return np.round(images * np.float32(255 / most)).astype(np.uint8)


_IMAGES = ("x_{}", "{}_images", "{}_pixels", "X_{}", "{}_x")
_LABELS = ("y_{}", "{}_labels", "Y_{}", "{}_y")


def _npz(path: Path) -> Arrays:
    """Return the arrays of an .npz file by split; none is unpickled, and none is read before its size is known."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            if sum(entry.file_size for entry in entries.values()) > MOST_BYTES:
                raise DataError(f"{path} unpacks to more than {MOST_BYTES >> 30} GiB; give fewer images")

            def array(name: str) -> np.ndarray:
                with archive.open(entries[name]) as stream:
                    return _npy(stream.read(entries[name].file_size + 1), path, name)

            found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
            for split in ("train", "val", "test"):
                images, labels = (
                    next((name for each in known if (name := each.format(split)) in entries), None)
                    for known in (_IMAGES, _LABELS)
                )
                if images is not None:
                    found[split] = array(images), None if labels is None else array(labels)
            return found or _only(path, {name: array(name) for name in entries})
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path} cannot be read as an .npz file ({first_line(error)}); save it anew") from error


def _only(path: Path, arrays: Mapping[str, np.ndarray]) -> Arrays:
    """Return the one array of images, and that of labels where there is one."""
    images = [name for name, array in arrays.items() if array.ndim in (3, 4)]
    if len(images) != 1:
        names = ", ".join(list(arrays)[:6]) or "nothing"
        raise DataError(f"{path} holds {names}; expected x_train, y_train, x_test, …, train_images, …, or one array")
    count = len(arrays[images[0]])
    labels = [array for array in arrays.values() if array.size == count and array.dtype.kind in "iu" and array.ndim < 3]
    return {"": (arrays[images[0]], labels[0] if len(labels) == 1 else None)}


def _npy(data: bytes, path: Path, name: str) -> np.ndarray:
    try:
        array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        what = f"{path}: {name or 'it'}"
        if re.search("pickled|object", str(error), re.IGNORECASE):
            why = "which are never opened since they can run code; save numbers"
            raise DataError(f"{what} holds Python objects, {why}") from error
        raise DataError(f"{what} is no array of NumPy ({first_line(error)}); save it anew") from error
    return array
