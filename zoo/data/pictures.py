"""Pictures of the user's own, from files: PNG, JPEG, TIFF, WebP and what else Pillow reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import numpy as np

from zoo.data.fit import resize_by_area
from zoo.errors import DataError, UsageError, first_line, reason

if TYPE_CHECKING:
    from PIL import Image

Paper = Literal["white", "black", "visible"]
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


def read(
    path: Path,
    *,
    file: IO[bytes] | None = None,
    least: int | None = None,
    most: int | None = None,
    paper: Paper = "white",
) -> np.ndarray:
    """Return a picture as float32 (H, W, 3) in [0, 1], as it is looked at: turned by its EXIF, on white where it is
    transparent, of 8 or 16 bits or of floats from 0 to 1. Raises DataError.

    file    where its bytes are, if `path` is only what it is called
    least   a picture that is many times as large may be reduced to so many pixels a side while it is decoded
    most    a larger picture is scaled down to so many pixels a side
    paper   "visible" puts a transparent one on the side on which a drawing stays visible
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file or path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it has {image.width}×{image.height} pixels, more than {MOST_PIXELS:,}")
            if least is not None:
                image.draft(image.mode, (least, least))  # a JPEG is decoded at ½, ¼ or ⅛ of its size
            return _values(ImageOps.exif_transpose(image), path, least=least, most=most, paper=paper)
    except Image.DecompressionBombError as error:
        raise DataError(f"{path} is too large a picture ({first_line(error)}); scale it down first") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{path} {_EXPECTED.format('its format is not known')}") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        why = reason(error) if isinstance(error, OSError) and error.errno else first_line(error)
        raise DataError(f"{path} {_EXPECTED.format(why)}") from error


def _values(image: Image.Image, path: Path, *, least: int | None, most: int | None, paper: Paper) -> np.ndarray:
    from PIL import Image

    factor = max(1, min(image.size) // least) if least is not None else 1
    if image.mode.startswith(("I", "F")):  # grey of more than 8 bits
        return _deep(image, path, factor, most)
    transparent = "A" in image.getbands() or "transparency" in image.info
    image = image.convert("RGBA" if transparent else "RGB")
    image = image.reduce(factor) if factor > 1 else image
    if most is not None:
        image.thumbnail((most, most), Image.Resampling.BOX)
    if transparent:
        colour = _visible_on(image) if paper == "visible" else paper
        image = Image.alpha_composite(Image.new("RGBA", image.size, colour), image).convert("RGB")
    return np.asarray(image).astype(np.float32) / np.float32(255)


def _deep(image: Image.Image, path: Path, factor: int, most: int | None) -> np.ndarray:
    """Return a grey picture of 16 bits, or of floats from 0 to 1."""
    values, white = np.asarray(image), 1.0 if image.mode == "F" else 65535.0
    if not (values.min() >= 0 and values.max() <= white):
        raise DataError(
            f"{path} has values from {values.min():g} to {values.max():g}, expected 0 to {white:g}: scale them first"
        )
    if factor > 1:
        values = np.asarray(image.convert("F").reduce(factor)).clip(0, white)
    if most is not None and max(values.shape) > most:
        height, width = (max(1, round(size * most / max(values.shape))) for size in values.shape)
        values = resize_by_area(values, height, width)
    return np.repeat(values[..., None].astype(np.float32) / np.float32(white), 3, axis=2)


def _visible_on(picture: Image.Image) -> Paper:
    """Return what a transparent picture is put on: the side on which a drawing stays visible."""
    grey, opaque = np.asarray(picture.convert("L"), dtype=np.float64), np.asarray(picture.getchannel("A"))
    light = float(np.average(grey, weights=opaque)) if opaque.any() else 0.0
    return "black" if light > 127 else "white"
