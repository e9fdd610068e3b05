"""The layout of tiles that every figure of pictures uses, and the axes that every chart uses."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication

from viewer.figures.chart.axes import Axes, plot_in
from viewer.figures.chart.ticks import linear_axis
from viewer.figures.paper import Figure, Paper, kept
from viewer.figures.theme import LIGHT
from viewer.figures.tiles import Gaps, Tiles, pixel_at, sheet_of, whole_zoom

GAPS = Gaps(across=3.0, down=5.0, above=12.0, below=4.0)


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_every_tile_begins_at_a_device_pixel_inside_its_room_and_overlaps_no_other(ratio: float) -> None:
    room = QRectF(2.3, 3.7, 400, 300)
    tiles = Tiles.fitting(room, (28, 20), 10, 4, ratio, GAPS)
    cells = tiles.cells
    assert tiles.zoom * ratio == pytest.approx(round(tiles.zoom * ratio)) and tiles.zoom >= 1
    for cell in cells:
        for side in (cell.left(), cell.top(), cell.width(), cell.height()):
            assert side * ratio == pytest.approx(round(side * ratio))
    assert not any(one.intersects(other) for one in cells for other in cells if one is not other)
    assert room.adjusted(0, 0, 1, 1).contains(tiles.used) and len(cells) == 10


def test_what_is_under_a_point_is_the_tile_that_is_painted_there() -> None:
    tiles = Tiles.fitting(QRectF(1, 1, 300, 200), (8, 8), 12, 5, 1.0, GAPS)
    cell = tiles.cell(3)
    assert pixel_at(cell.topLeft() + QPointF(2.5, 5.5) * tiles.zoom, cell, tiles.size) == (5, 2)
    assert pixel_at(QPointF(-9, 999), cell, tiles.size) == (7, 0)


def test_a_picture_larger_than_its_room_is_made_smaller() -> None:
    assert whole_zoom(2.9, 3.5, 1.0) == 2 and whole_zoom(2.9, 3.5, 2.0) == 2.5
    assert whole_zoom(0.4, 3.5, 1.0) == 0.4
    assert Tiles.fitting(QRectF(0, 0, 50, 50), (100, 100), 1, 1, 1.0).width == 50


def test_a_sheet_holds_every_picture_in_its_place() -> None:
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3) + np.zeros((5, 2, 3, 3), np.uint8)
    image = sheet_of(pictures, 2)
    assert (image.width(), image.height()) == (6, 6)
    found = [image.pixelColor(3 * (index % 2) + 1, 2 * (index // 2) + 1).red() for index in range(5)]
    assert found == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("height", [60, 110, 400])
def test_no_label_of_an_axis_lies_over_another(qapp: QApplication, height: int) -> None:
    axis = linear_axis(0, 10, about=10)
    written: list[QRectF] = []

    class Recorded(Axes):
        def _write(self, painter: QPainter, box: QRectF, flags: object, text: str) -> None:
            written.append(box.adjusted(0, 1.5, 0, -1.5))  # figures have no descenders

    image = QImage(300, height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    paper = Paper.of(painter, QRectF(0, 0, 300, height))
    Recorded(LIGHT, plot_in(paper, axis, above=10, below=10), axis, axis).paint_rows(painter, paper)
    painter.end()
    assert len(written) >= 2 and (height < 400 or len(written) == len(axis.ticks))
    assert not any(one.intersects(other) for one in written for other in written if one is not other)


def test_a_layout_is_kept_for_the_last_paper_alone(qapp: QApplication) -> None:
    asked = []

    class Counted(Figure):
        def paint(self, painter: QPainter, paper: Paper) -> None:
            """Paint nothing."""

        @kept
        def layout(self, paper: Paper) -> float:
            asked.append(paper.rect.width())
            return paper.rect.width()

    figure, metrics = Counted(), QFontMetricsF(QFont())
    wide, narrow = Paper(QRectF(0, 0, 9, 9), metrics), Paper(QRectF(0, 0, 5, 9), metrics)
    assert [figure.layout(paper) for paper in (wide, wide, narrow, narrow, wide)] == [9, 9, 5, 5, 9]
    assert asked == [9, 5, 9] and figure.hit(QPointF(1, 1), wide) is None and figure.description == ""
