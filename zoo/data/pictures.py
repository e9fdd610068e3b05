"""Pictures of the user's own, from files: PNG, JPEG, TIFF, WebP and what else Pillow reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError, UsageError, first_line, reason

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif")


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
    """Return a picture as float32 (H, W, 3) in [0, 1], as it is looked at: turned by its EXIF, on white where it is
    transparent. Raises DataError.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            return _values(ImageOps.exif_transpose(image), path)
    except Image.DecompressionBombError as error:
        raise DataError(f"{path} is too large a picture ({first_line(error)}); scale it down first") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        why = reason(error) if isinstance(error, OSError) and error.errno else first_line(error)
        raise DataError(f"{path} cannot be read as a picture ({why}); expected PNG, JPEG, TIFF or WebP") from error


def _values(image: Image.Image, path: Path) -> np.ndarray:
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # grey of more than 8 bits
        values = np.asarray(image).astype(np.float32)
        most = 1.0 if image.mode == "F" else 65535.0
        if not (values.min() >= 0 and values.max() <= most):
            raise DataError(f"{path} has values from {values.min():g} to {values.max():g}, expected 0 to {most:g}")
        return np.repeat(values[..., None] / np.float32(most), 3, axis=2)
    if "A" in image.getbands() or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return np.asarray(image.convert("RGB")).astype(np.float32) / np.float32(255)
