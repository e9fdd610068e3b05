"""Where the figures of the latent plane and the time machine put things, and that what is hit is what is painted."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication

from viewer.figures import arrange
from viewer.figures.latent import EquationFigure, EquationTerm, SweepFigure
from viewer.figures.latent_plane import Cloud, LatentPlaneFigure, Plane
from viewer.figures.paper import Paper
from viewer.figures.theme import DARK, LIGHT, Theme
from viewer.figures.tiles import ImageRow, Large
from viewer.state.latent import Range

NARROW, WIDE = QRectF(4, 4, 330, 420), QRectF(4, 4, 900, 500)
PICTURE = np.full((28, 28, 3), 200, np.uint8)


@pytest.fixture
def metrics(qapp: QApplication) -> QFontMetricsF:
    return QFontMetricsF(qapp.font())


def painted(figure: object, rect: QRectF, theme: Theme = LIGHT) -> np.ndarray:
    """Paint a figure into a picture, uint8 (H, W, 3)."""
    image = QImage(int(rect.right()) + 5, int(rect.bottom()) + 5, QImage.Format.Format_RGB888)
    image.fill(QColor(theme.base))
    painter = QPainter(image)
    figure.paint(painter, Paper.of(painter, rect))  # type: ignore[attr-defined]
    painter.end()
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def plane(**more: object) -> Plane:
    points = np.array([[0.0, 0.0], [1.0, -2.0]], np.float32)
    text: dict[str, object] = {"cloud": Cloud(points, np.array([0, 1])), "rings": points[1:], "decoded": PICTURE}
    return Plane("tests/vae", **{**text, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("rect", [NARROW, WIDE], ids=["narrow", "wide"])
def test_a_plane_is_square_and_its_picture_stands_beside_or_below_it(
    metrics: QFontMetricsF, rect: QRectF, theme: Theme
) -> None:
    figure = LatentPlaneFigure(theme, Range(), (0.5, 0.5), (plane(),), {0: "a", 1: "b"})
    (layout,) = figure.layout(Paper(rect, metrics))
    assert layout.plot.width() == pytest.approx(layout.plot.height()) and rect.contains(layout.plot)
    assert layout.picture.width() >= 28 and layout.picture.height() >= 28 and rect.contains(layout.picture)
    assert not layout.picture.intersects(layout.plot)
    shown = painted(figure, rect, theme)
    inside = layout.picture.topLeft() + QPointF(5, 5)
    assert shown[int(inside.y()), int(inside.x())].tolist() == [200, 200, 200]


def test_what_is_hit_in_a_plane_is_where_its_point_is_painted(metrics: QFontMetricsF) -> None:
    figure = LatentPlaneFigure(LIGHT, Range(1.0, -1.0, 2.0), (1.0, -1.0), (plane(), plane()))
    for index, layout in enumerate(figure.layout(Paper(WIDE, metrics))):
        hit = figure.hit(figure.spot(layout.plot, 2.5, -2.0), Paper(WIDE, metrics))
        assert hit is not None and hit.plane == index and (hit.x, hit.y) == pytest.approx((2.5, -2.0))
        ring = figure.ring_at(figure.spot(layout.plot, 1.0, -2.0), Paper(WIDE, metrics))
        assert ring is not None and ring.image == 0
    assert figure.hit(QPointF(0, 0), Paper(WIDE, metrics)) is None


def test_what_stands_still_is_painted_once_for_a_moving_cross_hair(metrics: QFontMetricsF) -> None:
    figure = LatentPlaneFigure(LIGHT, Range(), (0.5, 0.5), (plane(),))
    before = painted(figure, WIDE)
    moved = figure.at((1.5, 1.5), [PICTURE])
    kept = next(iter(figure._background.values()))
    after = painted(moved, WIDE)
    assert next(iter(moved._background.values())) is kept
    assert (before != after).any()


def test_a_run_without_a_plane_takes_a_line_and_no_cell(metrics: QFontMetricsF) -> None:
    figure = LatentPlaneFigure(LIGHT, Range(), (0.0, 0.0), (plane(), Plane("tests/conv", sentence="It has none.")))
    first, second = figure.layout(Paper(WIDE, metrics))
    assert first.plot.height() > 350 and second.cell.height() < 2 * metrics.height()
    assert figure.hit(second.cell.center(), Paper(WIDE, metrics)) is None
    alone = LatentPlaneFigure(LIGHT, Range(), (0.0, 0.0), (Plane("", sentence="It has none."),))
    assert alone.layout(Paper(WIDE, metrics))[0].cell.height() > 400


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_cells_do_not_overlap_and_stay_inside(count: int) -> None:
    cells = arrange.cells(NARROW, count)
    assert len(cells) == count
    assert all(NARROW.adjusted(-1, -1, 1, 1).contains(cell) for cell in cells)
    assert not any(one.intersects(other) for index, one in enumerate(cells) for other in cells[:index])


@pytest.mark.parametrize("rect", [NARROW, WIDE], ids=["narrow", "wide"])
def test_rows_of_directions_are_hit_where_they_stand(metrics: QFontMetricsF, rect: QRectF) -> None:
    rows = tuple(ImageRow(str(index + 1), np.stack([PICTURE] * 5)) for index in range(6))
    figure = SweepFigure(LIGHT, (Large("now", PICTURE), Large("mean", PICTURE)), rows, ("−3", "", "0", "", "+3"))
    layout = figure.layout(Paper(rect, metrics))
    assert layout.cells and all(rect.contains(cell) for strip in layout.cells for cell in strip)
    assert figure.hit(layout.cells[4][2].center(), Paper(rect, metrics)) == (4, 2)
    assert not any(large.intersects(cell) for large in layout.large for strip in layout.cells for cell in strip)
    painted(figure, rect)


def test_where_there_is_no_room_for_rows_the_pictures_have_all_of_it(metrics: QFontMetricsF) -> None:
    rows = tuple(ImageRow(str(index + 1), np.stack([PICTURE] * 5)) for index in range(6))
    figure = SweepFigure(LIGHT, (Large("now", PICTURE), Large("mean", PICTURE)), rows, ("",) * 5)
    low = QRectF(0, 0, 330, 100)
    layout = figure.layout(Paper(low, metrics))
    assert layout.cells == () and layout.large[0].width() >= 56


@pytest.mark.parametrize("rect", [NARROW, WIDE], ids=["narrow", "wide"])
def test_a_sum_is_written_on_the_lines_that_show_it_largest(metrics: QFontMetricsF, rect: QRectF) -> None:
    first = tuple(EquationTerm(sign, name, PICTURE) for sign, name in (("", "a"), ("−", "b"), ("+", "c")))
    figure = EquationFigure(
        LIGHT, (first, (EquationTerm("=", "decoded", PICTURE), EquationTerm("", "pixels", PICTURE)))
    )
    places = figure.layout(Paper(rect, metrics))
    assert len(places) == 5 and all(rect.contains(place) for place in places)
    assert [figure.hit(place.center(), Paper(rect, metrics)) for place in places] == list(range(5))
    assert places[0].width() >= 84
    painted(figure, rect)
