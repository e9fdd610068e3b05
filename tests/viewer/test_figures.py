"""Figures: ticks, palettes, whole zooms, and pictures that show what they should."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPalette
from PySide6.QtWidgets import QApplication

from viewer.figures import colours, curves, tiles
from viewer.figures.chart import ticks
from viewer.figures.comparison import ComparisonFigure, of_one
from viewer.figures.paper import Paper
from viewer.figures.theme import DARK, LIGHT, Theme
from viewer.figures.tiles import ImageRow, Pointed


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2."""
    parts = [part / 255 for part in (QColor(colour).red(), QColor(colour).green(), QColor(colour).blue())]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_text_can_be_read_on_its_ground(theme: Theme) -> None:
    for colour in ("text", "muted"):
        assert contrast(getattr(theme, colour), theme.base) >= 4.5, colour
    assert contrast(theme.warning, theme.warning_ground) >= 4.5
    assert contrast(theme.accent_text, theme.accent) >= 4.5
    for colour in theme.series:
        assert contrast(colour, theme.base) >= 3, colour
    assert theme.palette().color(QPalette.ColorRole.Text) == QColor(theme.text)


def test_linear_ticks_are_round_and_enclose_the_data() -> None:
    axis = ticks.linear_axis(0.071, 0.161)
    assert axis.ticks[0] <= 0.071 and axis.ticks[-1] >= 0.161
    assert axis.labels == ("0.06", "0.08", "0.10", "0.12", "0.14", "0.16", "0.18")


def test_logarithmic_ticks_are_one_two_five() -> None:
    axis = ticks.logarithmic_axis(0.07, 0.6)
    assert axis.ticks == (0.05, 0.1, 0.2, 0.5, 1.0)
    assert axis.labels == ("0.05", "0.1", "0.2", "0.5", "1")
    assert axis.position(0.05) == 0 and axis.position(1) == pytest.approx(1)


def test_many_decades_have_ticks_at_powers_of_ten() -> None:
    assert ticks.logarithmic_axis(3e-6, 2.0).ticks == (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)


@pytest.mark.parametrize("value", [0.0, 0.25, -3.0, 1e-12])
def test_a_single_value_has_an_axis_too(value: float) -> None:
    axis = ticks.linear_axis(value, value)
    assert axis.low < axis.high and axis.low <= value <= axis.high
    assert ticks.logarithmic_axis(abs(value) or 1, abs(value) or 1).low < (abs(value) or 1)


def test_epochs_are_counted_from_the_first_to_the_last() -> None:
    axis = ticks.integer_axis(1, 20)
    assert (axis.low, axis.high) == (1, 20) and axis.ticks[0] == 1
    assert all(tick == int(tick) for tick in axis.ticks)
    assert ticks.integer_axis(1, 1).position(1) == 0.5


def test_zero_difference_is_neutral_and_the_signs_differ() -> None:
    table = colours.diverging(LIGHT.neutral)
    pixels = colours.apply_table(np.array([-1.0, 0.0, 1.0]), -1, 1, table).astype(int)
    assert np.abs(pixels[1] - LIGHT.neutral).max() <= 2
    assert pixels[0, 2] > pixels[0, 0] and pixels[2, 0] > pixels[2, 2]


def test_what_is_not_a_number_is_a_grey_gap() -> None:
    pixels = colours.apply_table(np.array([np.nan, 0.0, 1.0]), 0, 1, colours.sequential())
    assert tuple(pixels[0]) == colours.GAP and tuple(pixels[1]) == (68, 1, 84) and tuple(pixels[2]) == (253, 231, 37)


def test_grey_and_colour_images_become_rgb() -> None:
    grey = colours.from_images(np.full((2, 1, 3, 4), 0.5, dtype=np.float32))
    assert grey.shape == (2, 3, 4, 3) and set(grey.ravel()) == {128}
    colour = np.zeros((1, 3, 2, 2), dtype=np.float32)
    colour[0, 1] = 1
    assert tuple(colours.from_images(colour)[0, 0, 0]) == (0, 255, 0)


@pytest.mark.parametrize(
    ("room", "ratio", "zoom"), [(63, 1, 2), (63, 2, 2), (71, 2, 2.5), (20, 1, 20 / 28), (20, 2, 0.5)]
)
def test_a_pixel_takes_whole_device_pixels(room: float, ratio: float, zoom: float) -> None:
    assert tiles.whole_zoom(room / 28, room / 28, ratio) == pytest.approx(zoom)


def painted(figure: ComparisonFigure | curves.CurvesFigure, width: int = 400, height: int = 300) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB888)
    image.fill(QColor(LIGHT.base))
    painter = QPainter(image)
    figure.paint(painter, Paper.of(painter, QRectF(0, 0, width, height)))
    painter.end()
    return image


def test_images_are_painted_pixel_for_pixel(qapp: QApplication) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 7, 7, 3), dtype=np.uint8)
    figure = of_one(LIGHT, (ImageRow("", pixels),))
    image = painted(figure)
    cells = figure.layout(Paper(QRectF(0, 0, 400, 300), QFontMetricsF(QFont()))).cells[0][0]
    zoom = cells[0].width() / 7
    assert zoom == int(zoom) > 1
    for index, cell in enumerate(cells):
        for row, column in ((0, 0), (3, 5), (6, 6)):
            corner = image.pixelColor(int(cell.left() + column * zoom), int(cell.top() + row * zoom))
            assert (corner.red(), corner.green(), corner.blue()) == tuple(pixels[index, row, column])


def test_a_click_finds_its_column(qapp: QApplication) -> None:
    figure = of_one(LIGHT, (ImageRow("input", np.zeros((10, 28, 28, 3), np.uint8)),))
    rect, metrics = QRectF(0, 0, 800, 200), QFontMetricsF(QFont())
    cell = figure.layout(Paper(rect, metrics)).cells[0][0][7]
    assert figure.hit(cell.center(), Paper(rect, metrics)) == Pointed(0, 0, 7, 14, 14)
    assert figure.hit(QPointF(799, 199), Paper(rect, metrics)) is None


def test_curves_have_gaps_where_numbers_are_not_finite(qapp: QApplication) -> None:
    values = np.array([1.0, np.nan, 0.5, np.inf, 0.25])
    figure = curves.of_runs(LIGHT, [("run", values, values[:0])], y_label="loss", log=True)
    assert len(figure.series) == 1
    assert figure.y_axis.low <= 0.25 and figure.y_axis.high >= 1
    painted(figure)


def test_several_runs_have_one_colour_each_and_a_legend_that_names_them(qapp: QApplication) -> None:
    loss = np.linspace(1, 0.1, 20)
    figure = curves.of_runs(LIGHT, [("a", loss, loss), ("b", loss, loss)], y_label="loss", log=False)
    assert {(s.run, s.colour) for s in figure.series} == {("a", LIGHT.series[0]), ("b", LIGHT.series[1])}
    assert [entry.text for entry in figure.entries()] == ["a", "b", "train", "validation"]
    assert [
        (reading.run, reading.colour, reading.epoch, reading.values) for reading in figure.with_hover(3).readings()
    ] == [(name, colour, 3, (loss[2], loss[2])) for name, colour in zip("ab", LIGHT.series, strict=False)]
    painted(figure.with_hover(3))


def test_a_legend_of_many_runs_leaves_the_curves_their_room(qapp: QApplication) -> None:
    loss = np.linspace(1, 0.1, 20)
    runs = [(f"assignment/recipe-{index}", loss, loss) for index in range(60)]
    figure = curves.of_runs(LIGHT, runs, y_label="loss", log=False)
    rect, metrics = QRectF(0, 0, 330, 330), QFontMetricsF(QFont())
    texts = [entry.text for entry, _ in figure.legend(Paper(rect, metrics))]
    more = next(text for text in texts if text.startswith("…"))
    assert more == f"… and {60 - (len(texts) - 3)} more" and texts[-2:] == ["train", "validation"]
    assert figure.axes(Paper(rect, metrics)).plot.height() > rect.height() / 3
    painted(figure.with_hover(3), 330, 330)


@pytest.mark.parametrize("low", [1e-14, 1e16, 1e30])
def test_values_that_hardly_differ_have_an_axis(low: float) -> None:
    high = np.nextafter(low, 2 * low)
    for axis in (ticks.linear_axis(low, high), ticks.logarithmic_axis(low, high)):
        assert axis.low < axis.high and 0 <= axis.position(low) <= 1


def test_captions_that_do_not_fit_are_left_out(qapp: QApplication) -> None:
    row = ImageRow("", np.full((10, 28, 28, 3), 255, np.uint8))
    wide = of_one(LIGHT, (row,), ("0.0012345",) * 10)
    bare = of_one(LIGHT, (row,), ("",) * 10)
    assert painted(wide, 300, 120) == painted(bare, 300, 120)
    assert painted(wide, 1200, 200) != painted(bare, 1200, 200)
