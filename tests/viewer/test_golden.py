"""Golden pictures of the painters: what a figure shows, compared with what was looked at once, in light and dark.

Fonts differ between machines, and with them where everything stands. So a golden picture is not a screenshot: it holds
every image that a figure paints, read back from the painted figure one sample a pixel, with a ring of what surrounds it
(the ground, or the frame of the chosen one), and the colours of the scale. Words are left out; where things stand is
tested beside each figure. A wrong image, order, colour, frame or scale fails; a font does not.

After a change that is wanted: `AEZOO_WRITE_GOLDEN=1 pytest tests/viewer/test_golden.py`, and look at the pictures.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication

from viewer.figures import colours
from viewer.figures.comparison import Block, ComparisonFigure, of_one
from viewer.figures.paper import Paper
from viewer.figures.theme import DARK, LIGHT, Theme
from viewer.figures.tiles import ImageRow, Scale

GOLDEN = Path(__file__).parent / "golden"
ROOM = QRectF(4, 4, 892, 592)
SIDE, COUNT = 16, 7
MOST = 6  # levels of 255: of smoothing that another version of Qt does otherwise; a wrong image differs by dozens


def bars(side: int = SIDE, count: int = COUNT) -> np.ndarray:
    """Images (N, 1, H, W) in [0, 1] that differ from one another in place, size and level."""
    images = np.zeros((count, 1, side, side), dtype=np.float32)
    for index, image in enumerate(images):
        image[0, index : side - 2, 2 * index : 2 * index + 3] = 1 - 0.1 * index
        image[0, -1, : index + 1] = 0.5
    return images


def pictures(theme: Theme, level: float) -> tuple[tuple[str, np.ndarray], ...]:
    """Input, output and signed difference as pixels."""
    clean = bars()
    output = np.clip(clean * level + 0.1, 0, 1)
    table = colours.diverging(theme.neutral)
    difference = colours.apply_table((output - clean).mean(axis=1), -0.5, 0.5, table)
    shown = (colours.from_images(clean), colours.from_images(output), difference)
    return tuple(zip(("input", "output", "difference"), shown, strict=True))


def scale_of(theme: Theme) -> Scale:
    return Scale(theme, "−0.50", "+0.50", colours.diverging(theme.neutral), "output − target")


def comparison(theme: Theme) -> ComparisonFigure:
    blocks = [
        Block(
            f"runs/{level:g}",
            tuple(ImageRow(*entry) for entry in pictures(theme, level)),
            ("0.1",) * COUNT,
            note="mse 0.1",
        )
        for level in (0.9, 0.4)
    ]
    blocks = [*blocks, Block("runs/none", sentence="nothing")]
    return ComparisonFigure(theme, tuple(blocks), 2, scale_of(theme), zoom=2.0)


def mosaic(theme: Theme) -> ComparisonFigure:
    rows = tuple(ImageRow(*entry) for entry in pictures(theme, 0.7))
    return of_one(theme, rows, ("0.1",) * COUNT, "mse", chosen=1, notes=("text",) * 3, scale=scale_of(theme))


def painted(figure: ComparisonFigure) -> tuple[np.ndarray, QFontMetricsF]:
    """Return a painted figure, uint8 (H, W, 3), and the metrics that it was painted with."""
    image = QImage(900, 600, QImage.Format.Format_RGB888)
    image.fill(QColor(figure.theme.base))
    painter = QPainter(image)
    metrics = QFontMetricsF(painter.font(), image)
    figure.paint(painter, Paper.of(painter, ROOM))
    painter.end()
    return pixels_of(image), metrics


def pixels_of(image: QImage) -> np.ndarray:
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def sampled(pixels: np.ndarray, cell: QRectF, side: int = SIDE) -> np.ndarray:
    """Read an image of `side` pixels back, with a ring of what surrounds it."""
    steps = (np.arange(side) + 0.5) / side
    rows = np.concatenate([[cell.top() - 1.5], cell.top() + steps * cell.height(), [cell.bottom() + 0.5]])
    columns = np.concatenate([[cell.left() - 1.5], cell.left() + steps * cell.width(), [cell.right() + 0.5]])
    return np.asarray(pixels[np.ix_(rows.astype(int), columns.astype(int))])


def sheet(pixels: np.ndarray, strips: Sequence[Sequence[QRectF]], bar: QRectF) -> np.ndarray:
    """Put what was read back into one small picture: a strip a row, the scale below."""
    across = max(map(len, strips))
    rows = []
    for strip in strips:
        row = np.concatenate([sampled(pixels, cell) for cell in strip], axis=1)
        rows.append(np.pad(row, ((0, 0), (0, (SIDE + 2) * across - row.shape[1]), (0, 0))))
    columns = (bar.left() + (np.arange((SIDE + 2) * across) + 0.5) / ((SIDE + 2) * across) * bar.width()).astype(int)
    rows.append(np.repeat(pixels[int(bar.center().y()), columns][None], 2, axis=0))
    return np.concatenate(rows)


def bar_of(rect: QRectF, scale: Scale, metrics: QFontMetricsF) -> QRectF:
    """Where `paint_scale` puts the colours: behind its label and its low end."""
    words = metrics.horizontalAdvance(scale.label) + metrics.horizontalAdvance(scale.low) + 12
    return QRectF(rect.left() + words + 1, rect.center().y() - 1, 118, 2)


def read_back(figure: ComparisonFigure) -> np.ndarray:
    pixels, metrics = painted(figure)
    assert figure.scale is not None
    paper = Paper(ROOM, metrics)
    layout, room = figure.layout(paper), figure.large_in(paper)
    large = figure.large.tiles(room).cells if figure.large is not None and room is not None else ()
    assert len(large) == (0 if figure.large is None else 3)
    assert layout.shown == COUNT, "the room is large enough for all of them with any font"
    strips = [strip for block in layout.cells for strip in block]
    return sheet(
        pixels, [*strips, *([large] if large else [])], bar_of(figure.scale_rect(paper), figure.scale, metrics)
    )


def differs(one: np.ndarray, other: np.ndarray) -> int:
    """Return by how many levels two pictures differ at most; 255 for pictures of two sizes."""
    return int(np.abs(one.astype(int) - other).max()) if one.shape == other.shape else 255


def golden(name: str, shown: np.ndarray) -> np.ndarray:
    path = GOLDEN / f"{name}.png"
    if os.environ.get("AEZOO_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        whole = np.ascontiguousarray(shown)
        image = QImage(whole.data, whole.shape[1], whole.shape[0], 3 * whole.shape[1], QImage.Format.Format_RGB888)
        assert image.save(str(path)), path
    return pixels_of(QImage(str(path)).convertToFormat(QImage.Format.Format_RGB888))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("name", ["comparison", "mosaic"])
def test_a_figure_shows_what_was_looked_at_once(qapp: QApplication, name: str, theme: Theme) -> None:
    shown = read_back(comparison(theme) if name == "comparison" else mosaic(theme))
    assert differs(shown, golden(f"{name}-{theme.name}", shown)) <= MOST


def test_a_golden_picture_notices_a_wrong_image_a_wrong_colour_and_a_wrong_frame(qapp: QApplication) -> None:
    kept = read_back(comparison(LIGHT))
    one, other, nothing = comparison(LIGHT).blocks
    other_scale = Scale(LIGHT, "−0.50", "+0.50", colours.sequential(), "output − target")
    shown = comparison(LIGHT)
    wrong = [
        replace(shown, blocks=(other, one, nothing)),
        replace(shown, chosen=1),
        replace(shown, scale=other_scale),
        comparison(DARK),
    ]
    for figure in wrong:
        assert differs(read_back(figure), kept) > 3 * MOST
