"""Comparisons: what stands where in every room, what lies under a point, and that words never run into one another."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication

from viewer.figures import colours
from viewer.figures.comparison import Block, ComparisonFigure
from viewer.figures.image_grid import ImageGrid
from viewer.figures.paper import Paper
from viewer.figures.theme import LIGHT
from viewer.figures.tiles import ImageRow, Pointed, Scale

SIZES = [(684, 420), (350, 450), (350, 700), (1150, 900), (480, 200)]


def images(count: int = 10, side: int = 28) -> np.ndarray:
    rng = np.random.default_rng(count + side)
    return rng.integers(0, 255, (count, side, side, 3), dtype=np.uint8)


def block(index: int, side: int = 28, count: int = 10) -> Block:
    bands = tuple(ImageRow(label, images(count, side)) for label in ("input", "output", "difference"))
    return Block(f"assignment/recipe-with-a-name-{index}", bands, ("0.0123",) * count, note="mse 0.0123")


def figure_of(runs: int, *, sentence: bool = False, paged: bool = True) -> ComparisonFigure:
    blocks = [block(index) for index in range(runs)]
    if sentence:
        blocks.append(Block("hesso/classifier", sentence="It makes no pictures: it says which class an image is of."))
    scale = Scale(LIGHT, "−0.5", "+0.5", colours.diverging(LIGHT.neutral), "output − target")
    return ComparisonFigure(LIGHT, tuple(blocks), 3, scale, paged=paged)


def strips_of(runs: int, *, sentence: bool = False) -> ComparisonFigure:
    """All images of a single kind at once, as where they are steps from one to another."""
    figure = figure_of(runs, sentence=sentence, paged=False)
    plain = (replace(block, bands=block.bands[:1], captions=(), note="") for block in figure.blocks)
    return replace(figure, blocks=(*plain, Block("blend", (ImageRow("", images()),), ("0.5",) * 10)))


def rects_of(figure: ComparisonFigure, paper: Paper) -> list[QRectF]:
    """Everything that must not overlap anything else."""
    blocks = figure.layout(paper).blocks
    cells = [cell for block in blocks for strip in block.bands for cell in strip]
    return [*cells, *(block.sentence for block in blocks if not block.bands), figure.scale_rect(paper)]


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("sentence", [False, True])
@pytest.mark.parametrize("figure_of", [figure_of, strips_of])
@pytest.mark.parametrize("runs", [1, 2, 3, 5])
def test_everything_stands_inside_its_room_and_nothing_on_anything_else(
    qapp: QApplication,
    runs: int,
    figure_of: Callable[..., ComparisonFigure],
    sentence: bool,
    width: int,
    height: int,
    ratio: float,
) -> None:
    room = QRectF(2, 2, width, height)
    figure = figure_of(runs, sentence=sentence)
    paper = Paper(room, QFontMetricsF(QFont()), ratio)
    layout, everything = figure.layout(paper), rects_of(figure, paper)
    assert len(everything) == sum(len(block.bands) for block in figure.blocks) * layout.shown + sentence + 1
    assert figure.paged or layout.shown == 10
    for rect in everything:
        assert room.adjusted(-1, -1, 1, 1).contains(rect), rect
    for one, other in combinations(everything, 2):
        both = one.intersected(other)
        assert both.width() < 0.6 or both.height() < 0.6, (one, other)


@pytest.mark.parametrize("ratio", [1.0, 1.25, 2.0])
def test_pixels_are_whole_device_pixels_in_their_places_too(qapp: QApplication, ratio: float) -> None:
    layout = figure_of(2, paged=False).layout(Paper(QRectF(2, 2, 900, 700), QFontMetricsF(QFont()), ratio))
    cells = [cell for strips in layout.cells for strip in strips for cell in strip]
    assert len(cells) == 60
    for cell in cells:
        for value in (cell.left(), cell.top(), cell.width() / 28, cell.height() / 28):
            assert abs(value * ratio - round(value * ratio)) < 1e-6, cell


def test_images_are_linked_whatever_the_shapes_of_the_runs(qapp: QApplication) -> None:
    figure = ComparisonFigure(LIGHT, (block(0, side=28), block(1, side=32)), paged=False)
    for room in (QRectF(0, 0, 684, 420), QRectF(0, 0, 400, 700)):
        layout = figure.layout(Paper(room, QFontMetricsF(QFont())))
        for image in range(10):
            begins = {
                (c[image].top() if layout.is_columns else c[image].left()) for strips in layout.cells for c in strips
            }
            assert len(begins) == 1, begins


def test_a_row_of_few_values_is_enlarged_only_as_far_as_images_are(qapp: QApplication) -> None:
    text = ImageRow("class", np.zeros((10, 1, 14, 3), np.uint8))
    figure = ComparisonFigure(LIGHT, (Block("letters/latent", (text, ImageRow("output", images()))),))
    layout = figure.layout(Paper(QRectF(0, 0, 684, 420), QFontMetricsF(QFont())))
    (narrow,), (wide,) = ((strip[0],) for strip in layout.cells[0])
    assert narrow.width() <= wide.width() and narrow.height() < wide.height()


def test_a_wide_low_room_has_rows_and_a_tall_one_columns(qapp: QApplication) -> None:
    figure, metrics = figure_of(2, paged=False), QFontMetricsF(QFont())
    assert not figure.layout(Paper(QRectF(0, 0, 1200, 460), metrics)).is_columns
    assert figure.layout(Paper(QRectF(0, 0, 500, 1000), metrics)).is_columns


def test_columns_are_as_wide_as_their_names_where_there_is_room(qapp: QApplication) -> None:
    metrics = QFontMetricsF(QFont())
    blocks = tuple(Block(f"assignment/a-long-name-{each}", (ImageRow("output", images()),)) for each in range(3))
    figure = replace(figure_of(1), blocks=blocks, zoom=2.0)
    name = metrics.horizontalAdvance(blocks[0].title)
    for room, whole in ((3 * name + 40, True), (2 * name, False)):  # too narrow for ten images in a row
        layout = figure.layout(Paper(QRectF(0, 0, room, 640), metrics))
        assert layout.is_columns and layout.zoom == 2
        assert all((block.head.width() >= name) == whole for block in layout.blocks)


def test_a_page_shows_fewer_images_instead_of_smaller_ones(qapp: QApplication) -> None:
    paper = Paper(QRectF(0, 0, 684, 420), QFontMetricsF(QFont()))
    page, whole = figure_of(3).layout(paper), figure_of(3, paged=False).layout(paper)
    assert page.shown < whole.shown == 10
    assert page.zoom >= 2 > whole.zoom
    assert page.first <= 3 < page.first + page.shown, "the chosen image is among them"


def test_a_point_tells_run_band_image_and_pixel(qapp: QApplication) -> None:
    figure, room, metrics = figure_of(2, paged=False), QRectF(2, 2, 684, 420), QFontMetricsF(QFont())
    layout = figure.layout(Paper(room, metrics))
    cell = layout.cells[1][2][7]
    zoom = cell.width() / 28
    point = QPointF(cell.left() + 5.5 * zoom, cell.top() + 20.5 * zoom)
    assert figure.hit(point, Paper(room, metrics)) == Pointed(1, 2, 7, y=20, x=5)
    corner = layout.cells[0][1][3].bottomRight() - QPointF(zoom / 2, zoom / 2)
    assert figure.hit(corner, Paper(room, metrics)) == Pointed(0, 1, 3, y=27, x=27)
    assert figure.hit(QPointF(1, 1), Paper(room, metrics)) is None


def painted(figure: ComparisonFigure, width: int, height: int) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(LIGHT.base))
    painter = QPainter(image)
    figure.paint(painter, Paper.of(painter, QRectF(0, 0, width, height)))
    painter.end()
    return image


def test_captions_without_room_are_left_out_save_that_of_the_chosen_image(qapp: QApplication) -> None:
    def narrow(captions: tuple[str, ...]) -> QImage:
        one = Block("run", (ImageRow("output", images()),), captions)
        return painted(ComparisonFigure(LIGHT, (one,), 3, paged=False), 330, 80)

    every, only = ("0.00123456",) * 10, ("",) * 3 + ("0.00123456",) + ("",) * 6
    assert narrow(every) == narrow(only) != narrow(("",) * 3 + ("0.9",) + ("",) * 6)


def test_a_figure_of_sentences_alone_can_be_painted(qapp: QApplication) -> None:
    figure = ComparisonFigure(LIGHT, (Block("one", sentence="nothing here"), Block("two", sentence="nor here")))
    assert painted(figure, 400, 200) != painted(ComparisonFigure(LIGHT, ()), 400, 200)
    assert figure.hit(QPointF(50, 50), Paper(QRectF(0, 0, 400, 200), QFontMetricsF(QFont()))) is None


def test_captions_below_rows_stand_clear_of_the_frame_of_the_chosen_image(qapp: QApplication) -> None:
    figure = replace(figure_of(1), large=ImageGrid(LIGHT, images(1)))
    paper = Paper(QRectF(0, 0, 1000, 600), QFontMetricsF(QFont()))
    (placed,) = figure.layout(paper).blocks
    lowest = max(cells[0].bottom() for cells in placed.bands)
    assert placed.captions and min(box.top() for box in placed.captions) >= lowest + 2.5


def test_an_opened_image_has_one_line_above_it(qapp: QApplication) -> None:
    metrics = QFontMetricsF(QFont())
    blocks = tuple(replace(block(index), bands=block(index).bands[: 1 + index // 2], captions=()) for index in range(3))
    figure = ComparisonFigure(LIGHT, blocks, open=True)
    paper = Paper(QRectF(0, 0, 900, 2 * (252 + math.ceil(metrics.height()) + 6) + 14), metrics)
    assert min(cells[0].width() for block in figure.layout(paper).blocks for cells in block.bands) == 252
