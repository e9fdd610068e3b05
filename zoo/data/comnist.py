"""Letters from CoMNIST's zip files (Vial 2017, https://github.com/GregVial/CoMNIST): the 14 pairs of the letters sheet.

A zip holds <alphabet>/<letter>/<name>.png. It is read in memory behind limits, nothing is unpacked to disk. A letter is
cropped to its bounding box, padded to a square and scaled to fill 28×28, white on black as in MNIST. Which
drawings are for training is drawn once with a fixed seed, the same share of every letter.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.data.images import Images
from zoo.errors import DataError, first_line, reason

if TYPE_CHECKING:
    from PIL import Image

HOME = "https://github.com/GregVial/CoMNIST (images/)"
FOLDER = "CoMNIST/images"
ARCHIVES = {"Cyrillic": "Cyrillic.zip", "Latin": "Latin.zip"}
PAIRS = dict(zip("БДГФИЙЛНПСРУВЗ", "BDGFIJLNPSRUVZ", strict=True))
SHAPE = (1, 28, 28)
SIDE = 28
TRAIN_MOST = 5_000  # images of an alphabet, as the sheet's authors have it
TRAIN_SHARE = 0.8
SPLIT_SEED = 14

# Who drew the letters shows in the names of their files: (pattern of a name, whose, licence).
ORIGINS = (
    (re.compile(r"[0-9a-f]{13}\.png"), "CoMNIST", "CC BY-SA 4.0 (CoMNIST)"),
    (re.compile(r"[0-9]{4}_[0-9]{2}\.png"), "Omniglot", "MIT (Omniglot)"),
)
UNKNOWN = ("unknown hands", "unknown")

MAX_ENTRIES = 200_000
MAX_ENTRY_BYTES = 1 << 20
MAX_BYTES = 512 << 20  # of all entries that are read
MAX_SIDE = 1_024
INK = 32  # of 255: what is darker than this is paper


def load_cyrillic(split: str, folder: Path) -> Images:
    """Read the Cyrillic letters of the pairs, uint8 (N, 1, 28, 28), labels 0 to 13. Raises DataError."""
    return _load("Cyrillic", tuple(PAIRS), split, folder)


def load_latin(split: str, folder: Path) -> Images:
    """Read their Latin partners, with the same labels. Raises DataError."""
    return _load("Latin", tuple(PAIRS.values()), split, folder)


def present(folder: Path) -> bool:
    """Whether both zip files lie there, whatever is in them."""
    return all(_where(name, folder) is not None for name in ARCHIVES.values())


def _where(name: str, folder: Path) -> Path | None:
    folders = (folder / FOLDER, folder / "CoMNIST", folder / "images", folder)
    return next((each / name for each in folders if (each / name).is_file()), None)


def _load(alphabet: str, letters: tuple[str, ...], split: str, folder: Path) -> Images:
    path = _where(ARCHIVES[alphabet], folder)
    if path is None:
        raise DataError(
            f"no {ARCHIVES[alphabet]} in {folder / FOLDER} or {folder}; get it from {HOME}, or use --data sample"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            chosen = _choose(archive, path, alphabet, letters)
            drawings = [[_drawing(archive, entry, path) for entry in entries] for entries in chosen.values()]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        message = f"{path} cannot be read as a zip file ({first_line(error)}); get it again from {HOME}"
        raise DataError(message) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({reason(error)}); get it again") from error
    whose, licence = origin_of([entry.filename for entries in chosen.values() for entry in entries])
    provenance = f"{alphabet}.zip: {sum(map(len, drawings)):,} drawings by {whose}"
    return Images(alphabet.lower(), split, *split_of(drawings, split), provenance, licence, letters)


def split_of(drawings: list[list[np.ndarray]], split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return one split of the drawings, [class][(28, 28) uint8]: pixels uint8 (N, 1, 28, 28) and labels uint8 (N,).

    Of each class the same share is taken, the classes in turn: the first 14 images are one of each.
    """
    share = min(TRAIN_SHARE, TRAIN_MOST / sum(map(len, drawings)))
    turns: list[tuple[int, int, np.ndarray]] = []
    for label, images in enumerate(drawings):
        order = np.random.default_rng([SPLIT_SEED, label]).permutation(len(images))
        first = max(1, math.floor(share * len(images)))
        chosen = order[:first] if split == "train" else order[first:]
        turns += [(turn, label, images[index]) for turn, index in enumerate(chosen)]
    turns.sort(key=lambda entry: entry[:2])
    pixels = np.stack([image for _, _, image in turns])[:, None]
    return pixels, np.array([label for _, label, _ in turns], dtype=np.uint8)


def origin_of(names: list[str]) -> tuple[str, str]:
    """Return whose drawings these are and their licence, by the names of most of their files."""
    for pattern, whose, licence in ORIGINS:
        if 2 * sum(bool(pattern.fullmatch(name.rpartition("/")[2])) for name in names) > len(names):
            return whose, licence
    return UNKNOWN


def _choose(
    archive: zipfile.ZipFile, path: Path, alphabet: str, letters: tuple[str, ...]
) -> dict[str, list[zipfile.ZipInfo]]:
    """Return the entries of each letter, sorted by name, after checking every name and size that the zip declares."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise DataError(f"{path} lists {len(entries):,} files, expected at most {MAX_ENTRIES:,}; it is not opened")
    chosen: dict[str, list[zipfile.ZipInfo]] = {letter: [] for letter in letters}
    for entry in entries:
        parts = unicodedata.normalize("NFC", entry.filename).split("/")  # macOS writes Й as И and a breve
        if ".." in parts or entry.filename.startswith(("/", "\\")) or "\\" in entry.filename or ":" in parts[0]:
            raise DataError(
                f"{path} holds the name {entry.filename[:80]!r}, which leads out of its folder: such a file was made "
                f"to do harm, and nothing of it is read; get it from {HOME}"
            )
        if entry.is_dir() or len(parts) < 2 or not entry.filename.lower().endswith(".png"):
            continue
        if parts[0] == "__MACOSX" or parts[-1].startswith("."):
            continue  # what a Mac adds to a zip
        if parts[-2] in chosen and (len(parts) == 2 or parts[-3] == alphabet):
            chosen[parts[-2]].append(entry)
    taken = [entry for entries in chosen.values() for entry in entries]
    total, largest = sum(entry.file_size for entry in taken), max((entry.file_size for entry in taken), default=0)
    if total > MAX_BYTES or largest > MAX_ENTRY_BYTES:
        raise DataError(
            f"{path} declares {total / 1e6:,.0f} MB of letters, the largest of {largest / 1e6:,.1f} MB; expected at "
            f"most {MAX_BYTES >> 20} MB and {MAX_ENTRY_BYTES >> 20} MB: it looks like a zip bomb and is not unpacked"
        )
    empty = [letter for letter, entries in chosen.items() if len(entries) < 2]
    if empty:
        raise DataError(
            f"{path} holds no two drawings of {', '.join(empty)}; expected {alphabet}/<letter>/<name>.png "
            f"for each of {''.join(letters)}"
        )
    return {letter: sorted(entries, key=lambda entry: entry.filename) for letter, entries in chosen.items()}


def _drawing(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> np.ndarray:
    from PIL import Image

    with archive.open(entry) as stream:
        data = stream.read(MAX_ENTRY_BYTES + 1)
    what = f"{path}, {entry.filename[:80]}"
    if len(data) > MAX_ENTRY_BYTES:
        raise DataError(f"{what} unpacks to more than the {entry.file_size:,} bytes it declares; it is not read")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if max(image.size) > MAX_SIDE:
                raise DataError(f"{what} is {image.width}×{image.height}; more than {MAX_SIDE} a side is not decoded")
            ink = ink_of(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{what} is no PNG that can be decoded; get the file again") from error
    fitted = fit(ink)
    if fitted is None:
        raise DataError(f"{what} is blank; expected a letter, so get the file again")
    return fitted


def ink_of(image: Image.Image) -> np.ndarray:
    """Return where there is ink, uint8 (H, W), 255 for full ink, whatever the polarity and with or without alpha."""
    from PIL import Image

    if "A" in image.getbands() or "transparency" in image.info:
        alpha = np.asarray(image.convert("RGBA"))[:, :, 3]
        if alpha.min() < alpha.max():  # a drawing on nothing: the ink is where there is something, of any colour
            return alpha
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    grey = np.asarray(image.convert("L"))
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return 255 - grey if border.mean() > 127 else grey


def fit(ink: np.ndarray) -> np.ndarray | None:
    """Crop to the bounding box of the ink, pad to a square, scale to 28×28; None for a blank sheet."""
    from PIL import Image

    rows, columns = np.flatnonzero((ink > INK).any(axis=1)), np.flatnonzero((ink > INK).any(axis=0))
    if not len(rows):
        return None
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(box.shape)
    square = np.zeros((side, side), dtype=np.uint8)
    top, left = (side - box.shape[0]) // 2, (side - box.shape[1]) // 2
    square[top : top + box.shape[0], left : left + box.shape[1]] = box
    return np.asarray(Image.fromarray(square).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
