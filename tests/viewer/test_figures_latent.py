"""Where the figures of the latent plane and the time machine put things, and that what is hit is what is painted."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication

from viewer.figures import arrange
from viewer.figures.arrange import Parts
from viewer.figures.comparison import of_one
from viewer.figures.image_grid import ImageGrid
from viewer.figures.latent_plane import Cloud, LatentPlaneFigure, Plane
from viewer.figures.paper import Paper
from viewer.figures.theme import DARK, LIGHT, Theme
from viewer.figures.tiles import ImageRow, Pointed
from viewer.qt.latent import directions
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
    inside = layout.picture.topLeft() + QPointF(5, metrics.height() + 8)
    assert shown[int(inside.y()), int(inside.x())].tolist() == [200, 200, 200]


def test_a_picture_below_its_plane_has_its_size_besides_its_title(metrics: QFontMetricsF) -> None:
    paper = Paper(QRectF(0, 0, 800, 780), metrics)
    (layout,) = LatentPlaneFigure(LIGHT, Range(), (0.5, 0.5), (plane(),)).layout(paper)
    assert layout.picture.top() > layout.plot.bottom()
    assert ImageGrid(LIGHT, PICTURE[None], ("decoded",)).tiles(paper.at(layout.picture)).width == 84


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
def test_rows_of_directions_stand_beside_or_below_the_large_pictures(metrics: QFontMetricsF, rect: QRectF) -> None:
    rows = of_one(LIGHT, tuple(ImageRow(str(index + 1), np.stack([PICTURE] * 5)) for index in range(6)))
    large = ImageGrid(LIGHT, np.stack([PICTURE] * 2), ("now", "mean"))
    figure, paper = Parts({"now": large, "rows": rows}, directions.arrange), Paper(rect, metrics)
    places = figure.places(paper)
    used = large.used(paper.at(places["now"]))
    assert rect.contains(used) and rect.adjusted(-1, -1, 1, 1).contains(places["rows"])
    assert not used.intersects(places["rows"])
    cell = rows.layout(paper.at(places["rows"])).cells[0][4][2]
    assert figure.hit(cell.center(), paper) == ("rows", places["rows"], Pointed(0, 4, 2, 14, 14))
    painted(figure, rect)


@pytest.mark.parametrize("rect", [NARROW, WIDE], ids=["narrow", "wide"])
def test_a_sum_is_written_on_the_lines_that_show_it_largest(metrics: QFontMetricsF, rect: QRectF) -> None:
    titles, signs = ("a", "b", "c", "decoded", "pixels"), ("", "−", "+", "=", "")
    figure = ImageGrid(LIGHT, np.stack([PICTURE] * 5), titles, columns=(3, 5), signs=signs)
    cells = figure.tiles(Paper(rect, metrics)).cells
    assert len(cells) == 5 and all(rect.contains(cell) for cell in cells)
    assert cells[0].width() >= 84 and cells[0].left() >= rect.left() + 18
    painted(figure, rect)
