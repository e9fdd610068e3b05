"""The embedded letters: drawn from the stroke fonts of A. V. Hershey (1967), each with a hand of its own.

Slant, width, turn, thickness and the strokes' ends are random, with a fixed seed a letter.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from zoo.data import comnist
from zoo.data.images import Images

if TYPE_CHECKING:
    from HersheyFonts import HersheyFonts

PROVENANCE = "sample: letters drawn from Hershey's stroke fonts"
LICENCE = "public domain (Hershey fonts)"
LATIN_FONTS: tuple[str, ...] = ("futural", "futuram", "rowmans", "rowmand", "timesr", "timesrb")
ALPHABET = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩ"  # the order in which that font puts them on A to Z
DRAWINGS = 50  # a letter
CANVAS = 96


def cyrillic(split: str) -> Images:
    """Return drawings of the 14 Cyrillic letters, uint8 (N, 1, 28, 28)."""
    return _images("cyrillic-sample", tuple(comnist.PAIRS), split)


def latin(split: str) -> Images:
    """Return drawings of their Latin partners."""
    return _images("latin-sample", tuple(comnist.PAIRS.values()), split)


def _images(dataset: str, letters: tuple[str, ...], split: str) -> Images:
    drawings = [list(_drawings(letter)) for letter in letters]
    return Images(dataset, split, *comnist.split_of(drawings, split), PROVENANCE, LICENCE, letters)


@cache
def _drawings(letter: str) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(ord(letter))
    fonts, character = LATIN_FONTS, letter
    if letter in ALPHABET:
        fonts, character = ("cyrilc_1",), chr(ord("A") + ALPHABET.index(letter))
    glyphs = [np.array(list(_font(name).lines_for_text(character)), dtype=np.float64) for name in fonts]
    return tuple(_draw(glyphs[turn % len(glyphs)], rng) for turn in range(DRAWINGS))


@cache
def _font(name: str) -> HersheyFonts:
    from HersheyFonts import HersheyFonts

    font = HersheyFonts()
    font.load_default_font(name)
    font.normalize_rendering(1.0)
    return font


def _draw(segments: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a glyph with a random hand and fit it as a real drawing is fitted.

    `segments` are both ends of each stroke, x to the right, y up: float (S, 2, 2).
    """
    from PIL import Image, ImageDraw

    slant, turn = rng.normal(0, 0.15), rng.normal(0, 0.1)
    wide, high = rng.uniform(0.7, 1.15), rng.uniform(0.8, 1.1)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[wide, slant], [0, high]]
    ends, inverse = np.unique(segments.reshape(-1, 2), axis=0, return_inverse=True)
    moved = (ends + rng.normal(0, 0.015, ends.shape)) @ matrix.T  # strokes that met meet still
    low, high_end = moved.min(axis=0), moved.max(axis=0)
    placed = 12 + (moved - low) * (CANVAS - 24) / max((high_end - low).max(), 1e-6)
    strokes = placed[inverse.reshape(-1)].reshape(-1, 2, 2)
    image = Image.new("L", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(image)
    width = int(rng.integers(4, 9))
    for (x0, y0), (x1, y1) in strokes:
        pen.line((x0, CANVAS - y0, x1, CANVAS - y1), fill=255, width=width, joint="curve")
    fitted = comnist.fit(np.asarray(image))
    assert fitted is not None
    return fitted
