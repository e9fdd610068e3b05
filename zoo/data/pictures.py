"""Pictures of the user's own, from files: PNG, JPEG, TIFF, WebP and what else Pillow reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from zoo.data.fit import resize_by_area
from zoo.errors import DataError, UsageError, first_line, reason

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 64_000_000  # a small file that unpacks to more is meant to exhaust the machine's memory
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif")
_EXPECTED = "cannot be read as a picture ({}); expected PNG, JPEG, TIFF or WebP"


def listed(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that are named, and those pictures that lie in the folders that are. Raises UsageError."""
    for path in paths:
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file())
            if not inside:
                raise UsageError(f"no picture in {path}; expected files that end in {', '.join(SUFFIXES)}")
            yield from inside
        elif path.is_file():
            yield path
        else:
            raise UsageError(f"no file or folder {str(path)!r}; name pictures, or folders of them")


def read(path: Path) -> np.ndarray:
    """Return a picture as float32 (H, W, 3) in [0, 1]: see decode. Raises DataError."""
    return decode(path, name=str(path))


def decode(file: Path | BinaryIO, *, name: str, largest_side: int | None = None) -> np.ndarray:
    """Return a picture as float32 (H, W, 3) in [0, 1], as it is looked at: turned by its EXIF, on white where it is
    transparent, of 8 or 16 bits or of floats from 0 to 1. Raises DataError, which calls it by its name.

    With `largest_side` a larger picture is scaled down.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width}×{image.height} pixels, more than {MOST_PIXELS:,}")
            return _values(ImageOps.exif_transpose(image), name, largest_side)
    except Image.DecompressionBombError as error:
        raise DataError(f"{name} is too large a picture ({first_line(error)}); scale it down first") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{name} {_EXPECTED.format('its format is not known')}") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        why = reason(error) if isinstance(error, OSError) and error.errno else first_line(error)
        raise DataError(f"{name} {_EXPECTED.format(why)}") from error


def _values(image: Image.Image, name: str, largest_side: int | None) -> np.ndarray:
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # grey of more than 8 bits
        values = np.asarray(image).astype(np.float32)
        most = 1.0 if image.mode == "F" else 65535.0
        if not (values.min() >= 0 and values.max() <= most):
            raise DataError(
                f"{name} has values from {values.min():g} to {values.max():g}, expected 0 to {most:g}: scale them first"
            )
        shrunk = values if largest_side is None else _shrunk(values, largest_side)
        return np.repeat(shrunk[..., None] / np.float32(most), 3, axis=2)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode != "RGB":
        image = image.convert("RGB")
    if largest_side is not None:
        image.thumbnail((largest_side, largest_side), Image.Resampling.BOX)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return np.asarray(image).astype(np.float32) / np.float32(255)


def _shrunk(values: np.ndarray, side: int) -> np.ndarray:
    """Return values (H, W) with neither side longer than this."""
    height, width = values.shape
    scale = min(1.0, side / max(height, width))
    return resize_by_area(values, max(1, round(height * scale)), max(1, round(width * scale)))
