"""Sheets and bars lay themselves out, and tell what lies under a point."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication

from viewer.figures import bottleneck, feature_maps
from viewer.figures.arrange import Paragraph, Parts, TextLine
from viewer.figures.bars import BarsFigure, histogram
from viewer.figures.image_grid import ImageGrid, Mark
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import DARK, LIGHT
from viewer.figures.tiles import Pointed

ROOMS = [QRectF(10, 20, 320, 360), QRectF(0, 0, 320, 150), QRectF(5, 5, 1400, 800), QRectF(0, 0, 40, 30)]


@pytest.fixture
def metrics(qapp: QApplication) -> QFontMetricsF:
    return QFontMetricsF(QFont("Sans", 9))


def sheet(count: int = 8, height: int = 7, width: int = 7, **more: object) -> ImageGrid:
    pixels = np.random.default_rng(0).integers(0, 255, (count, height, width, 3), dtype=np.uint8)
    return ImageGrid(LIGHT, pixels, **more)  # type: ignore[arg-type]


def painted(part: Figure, room: QRectF, ratio: float = 1.0) -> np.ndarray:
    image = QImage(int(ratio * (room.right() + 20)), int(ratio * (room.bottom() + 20)), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(0xFFFFFFFF)
    painter = QPainter(image)
    part.paint(painter, Paper.of(painter, room))
    painter.end()
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 2::-1].copy()


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("count", [1, 3, 8, 1000])
def test_every_pixel_is_found_where_it_is_painted(room: QRectF, count: int, metrics: QFontMetricsF) -> None:
    shown = sheet(count, titles=tuple(map(str, range(count))), captions=("x",) * count)
    seen = 0
    for index in range(0, count, max(1, count // 7)):
        cell = shown.tiles(Paper(room, metrics)).cell(index)
        for row, column in ((0, 0), (3, 5), (6, 6)):
            point = QPointF(
                cell.left() + (column + 0.5) * cell.width() / 7, cell.top() + (row + 0.5) * cell.height() / 7
            )
            assert shown.hit(point, Paper(room, metrics)) == Pointed(0, 0, index, row, column)
            seen += 1
    assert seen
    assert shown.hit(QPointF(room.left() - 5, room.top() + 1), Paper(room, metrics)) is None
    assert shown.hit(QPointF(room.right() + 900, room.bottom() + 900), Paper(room, metrics)) is None


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_pixels_take_whole_device_pixels_and_have_their_colour(ratio: float, metrics: QFontMetricsF) -> None:
    shown, room = sheet(), ROOMS[0]
    cells = shown.tiles(Paper(room, metrics, ratio))
    assert (cells.zoom * ratio).is_integer() and cells.zoom > 2
    pixels = painted(shown, room, ratio)
    cell = shown.tiles(Paper(room, metrics, ratio)).cell(5)
    y, x = (int(ratio * (edge + 0.5 * cells.zoom)) for edge in (cell.top() + 2 * cells.zoom, cell.left() + cells.zoom))
    np.testing.assert_array_equal(pixels[y, x], shown.pixels[5, 2, 1])


def test_a_grid_has_few_empty_cells_and_few_rows(metrics: QFontMetricsF) -> None:
    assert sheet(16, 28, 28).tiles(Paper(QRectF(0, 0, 320, 200), metrics)).columns == 8
    assert sheet(3, 28, 28).tiles(Paper(QRectF(0, 0, 320, 100), metrics)).columns == 3


def test_titles_go_where_they_would_not_fit_and_room_is_kept_for_what_comes(metrics: QFontMetricsF) -> None:
    room = QRectF(0, 0, 300, 300)
    assert sheet(4, titles=("map",) * 4).tiles(Paper(room, metrics)).gaps.above > 0
    assert sheet(900, titles=("map 900",) * 900).tiles(Paper(room, metrics)).gaps.above == 0
    assert sheet(1, room_for=3).tiles(Paper(room, metrics)) == sheet(3).tiles(Paper(room, metrics))


def test_a_mark_and_a_frame_are_painted(metrics: QFontMetricsF) -> None:
    room = ROOMS[0]
    plain, marked = sheet(), sheet(chosen=1, marks=(Mark(0, 3, 3), Mark(99, 0, 0)))
    assert (painted(plain, room) != painted(marked, room)).any()


def test_a_bar_is_found_under_the_pointer_and_nothing_beside_the_plot(metrics: QFontMetricsF) -> None:
    values = np.linspace(-2, 5, 100, dtype=np.float32)
    figure, room = BarsFigure(LIGHT, values, -2, 5, "bars", 3), QRectF(0, 0, 600, 200)
    plot = figure.axes(Paper(room, metrics)).plot
    for unit in (0, 42, 99):
        point = QPointF(plot.left() + (unit + 0.5) * plot.width() / 100, plot.center().y())
        assert figure.hit(point, Paper(room, metrics)) == unit
    assert figure.hit(QPointF(1, 1), Paper(room, metrics)) is None
    assert figure.axis.low <= -2 < 0 < 5 <= figure.axis.high


@pytest.mark.parametrize("values", [[0.0, 0.0], [np.nan, 1.0, -np.inf], [3e38, -3e38], [7.0]])
def test_bars_of_odd_values_are_painted(values: list[float], metrics: QFontMetricsF) -> None:
    made = np.array(values, dtype=np.float32)
    for theme in (LIGHT, DARK):
        finite = made[np.isfinite(made)]
        figure = BarsFigure(theme, made, float(finite.min()), float(finite.max()), "odd", 0, np.zeros_like(made))
        assert len(np.unique(painted(figure, QRectF(0, 0, 300, 200)).reshape(-1, 3), axis=0)) > 2
        assert len(np.unique(painted(figure, QRectF(0, 0, 9, 9)).reshape(-1, 3), axis=0)) == 1, "no room, no bars"


def test_a_histogram_counts_every_finite_value_once(metrics: QFontMetricsF) -> None:
    values = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    values[:7] = np.nan
    figure = histogram(LIGHT, values, -1, 1, "many", 40)
    assert figure.values.sum() == 4993, "what lies outside is in the bins at the ends"
    room = QRectF(0, 0, 400, 200)
    message = figure.hit(QPointF(200, 100), Paper(room, metrics))
    assert isinstance(message, str) and "values from" in message
    assert painted(figure, room).std() > 0


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("shape", [(10, 8, 7, 7), (10, 100), (3, 2), (10, 128, 16, 16)])
def test_the_parts_of_a_bottleneck_do_not_overlap(room: QRectF, shape: tuple[int, ...], metrics: QFontMetricsF) -> None:
    (shown,) = bottleneck.tilings_of(
        [(np.random.default_rng(0).standard_normal(shape).astype(np.float32), None)], "viridis"
    )
    chosen = bottleneck.Chosen(1, shown.values[1], 1, 0, (0, 1))
    images = np.zeros((9, 1, 28, 28), np.float32)
    parts: dict[str, Figure] = {
        **bottleneck.parts_of(LIGHT, {"": bottleneck.TiledRun("run", "", shown)}, 1, chosen, "grid"),
        "decoded": bottleneck.decoded_grid(LIGHT, images[0], images[1]),
        "sweep": bottleneck.swept_grid(LIGHT, images, np.linspace(0, 1, 9), 3),
    }
    check_places(bottleneck.arrange(parts, Paper(room, metrics)), parts, room, metrics)
    painted(Parts(parts, bottleneck.arrange), room)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("shape", [(16, 28, 28), (1, 28, 28), (1024, 3, 3), (2, 300, 200)])
def test_the_parts_of_a_layer_do_not_overlap(room: QRectF, shape: tuple[int, ...], metrics: QFontMetricsF) -> None:
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    shown = feature_maps.prepare(values, "viridis", own=False)
    parts = feature_maps.parts_of(DARK, shown, np.zeros((1, 28, 28), np.float32), 0, name="sample 1")
    check_places(feature_maps.arrange(parts, Paper(room, metrics)), parts, room, metrics)
    painted(Parts(parts, feature_maps.arrange), room)


def check_places(given: dict[str, QRectF], parts: dict[str, Figure], room: QRectF, metrics: QFontMetricsF) -> None:
    assert set(given) == set(parts)
    places = {name: used(parts[name], place, metrics) for name, place in given.items()}
    if room.height() < 100:
        return  # too small for all of them: it is enough that nothing fails
    names = list(places)
    for index, one in enumerate(names):
        assert places[one].right() <= room.right() + 1 and places[one].bottom() <= room.bottom() + 3, one
        for two in names[index + 1 :]:
            both = places[one].intersected(places[two])
            assert both.width() <= 1 or both.height() <= 1, (one, two)


def test_a_line_too_long_keeps_its_ends(metrics: QFontMetricsF) -> None:
    line, room = TextLine(LIGHT, "map 4, row 4, column 4: 1.43 → 6.00"), QRectF(0, 0, 120, 20)
    assert metrics.horizontalAdvance(line.text) > 120
    pixels = painted(line, room)
    assert (pixels[:, 122:] == 255).all() and (pixels[:, 80:122] < 255).any()


def used(part: Figure, place: QRectF, metrics: QFontMetricsF) -> QRectF:
    return part.used(Paper(place, metrics)) if isinstance(part, ImageGrid) else place


def test_words_are_wrapped(qapp: QApplication) -> None:
    words = Paragraph(LIGHT, "a sentence that is longer than its room is wide")
    assert (painted(words, QRectF(0, 0, 80, 100))[30:] < 255).any()


def test_a_single_picture_takes_the_room_of_its_title_too(metrics: QFontMetricsF) -> None:
    title = "assignment/a-recipe-with-a-long-name"
    picture = ImageGrid(LIGHT, np.zeros((1, 28, 28, 3), np.uint8), (title,))
    for room in (400.0, 60.0):
        used = picture.used(Paper(QRectF(0, 0, room, 60), metrics)).width()
        assert min(room, metrics.horizontalAdvance(title)) <= used <= room
