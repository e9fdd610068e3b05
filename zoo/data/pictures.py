"""Pictures of the user's own, from files: PNG, JPEG, TIFF, WebP and what else Pillow reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

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


def read(path: Path, *, file: IO[bytes] | None = None, least: int | None = None) -> np.ndarray:
    """Return a picture as float32 (H, W, 3) in [0, 1], as it is looked at: turned by its EXIF, on white where it is
    transparent. Raises DataError.

    file    where its bytes are, if `path` is only what it is called
    least   a picture that is many times as large may be reduced to so many pixels a side while it is decoded
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(file or path) as image:
            if least is not None:
                image.draft(image.mode, (least, least))  # a JPEG is decoded at ½, ¼ or ⅛ of its size
            return _values(ImageOps.exif_transpose(image), path, least)
    except Image.DecompressionBombError as error:
        raise DataError(f"{path} is too large a picture ({first_line(error)}); scale it down first") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        why = reason(error) if isinstance(error, OSError) and error.errno else first_line(error)
        raise DataError(f"{path} cannot be read as a picture ({why}); expected PNG, JPEG, TIFF or WebP") from error


def _values(image: Image.Image, path: Path, least: int | None) -> np.ndarray:
    from PIL import Image

    factor = max(1, min(image.size) // least) if least is not None else 1
    if image.mode.startswith(("I", "F")):  # grey of more than 8 bits
        values = np.asarray(image)
        most = 1.0 if image.mode == "F" else 65535.0
        if not (values.min() >= 0 and values.max() <= most):
            raise DataError(f"{path} has values from {values.min():g} to {values.max():g}, expected 0 to {most:g}")
        if factor > 1:
            values = np.asarray(image.convert("F").reduce(factor)).clip(0, most)
        return np.repeat(values[..., None].astype(np.float32) / np.float32(most), 3, axis=2)
    transparent = "A" in image.getbands() or "transparency" in image.info
    image = image.convert("RGBA" if transparent else "RGB")
    image = image.reduce(factor) if factor > 1 else image
    if transparent:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return np.asarray(image).astype(np.float32) / np.float32(255)
