"""Drawings: how they are fitted, centred as MNIST's digits are, and read by classifiers; and lines of any axis."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QApplication

from tests.viewer.conftest import CARD
from viewer.figures import strokes
from viewer.figures.arrange import StackedFigure, TextLine
from viewer.figures.chart.readings import Series
from viewer.figures.curves import CurvesFigure
from viewer.figures.drawn import DrawnBar, DrawnCell, DrawnFigure
from viewer.figures.paper import Paper
from viewer.figures.theme import DARK, LIGHT, Theme
from viewer.state import drawing, noise, why
from viewer.state.drawing import SIDE, Drawing, Stroke
from viewer.state.graph import GraphInfo
from zoo.data import fit
from zoo.data.images import LUMA
from zoo.gate import GraphFacts, Port

MNIST = (1, 28, 28)


def canvas_with(rows: slice, columns: slice) -> np.ndarray:
    picture = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    picture[rows, columns] = 255
    return picture


@pytest.mark.parametrize(
    ("rows", "columns"), [(slice(0, 60), slice(0, 30)), (slice(200, 280), slice(100, 280)), (slice(3, 9), slice(4, 5))]
)
def test_a_centred_drawing_fills_mnists_box_and_has_its_mass_in_the_middle(rows: slice, columns: slice) -> None:
    image = drawing.centre_like_mnist(canvas_with(rows, columns), MNIST)[0]
    inked = np.argwhere(image > 0.05)
    assert (np.ptp(inked, axis=0) + 1).max() == 20
    centre = (np.argwhere(image > -1).reshape(28, 28, 2) * image[..., None]).sum(axis=(0, 1)) / image.sum()
    assert np.abs(centre - 13.5).max() <= 0.5


def test_centring_keeps_proportions_and_brightness() -> None:
    image = drawing.centre_like_mnist(canvas_with(slice(0, 100), slice(0, 50)), MNIST)[0]
    assert image.max() == pytest.approx(1, abs=1e-3) and np.count_nonzero(image) == 20 * 10


def test_an_empty_canvas_stays_empty() -> None:
    assert not drawing.centre_like_mnist(canvas_with(slice(0), slice(0)), MNIST).any()


def test_only_grey_images_are_centred_and_noise_is_told() -> None:
    picture = canvas_with(slice(0, 40), slice(0, 40))
    grey = drawing.prepare_drawing(picture, MNIST, centre=True, sigma=0.25)
    assert grey.how == "centred as MNIST, 28×28, noise σ = 0.25" and grey.image.shape == MNIST
    colour = drawing.prepare_drawing(picture, (3, 32, 32), centre=True, sigma=0)
    assert colour.how == "280×280, scaled to 32×32" and colour.image[0, 0, 0] == pytest.approx(1)
    red = picture * np.array([1, 0, 0], dtype=np.uint8)
    assert drawing.prepare_drawing(red, MNIST, centre=False, sigma=0).how.endswith("grey by its luma")


def test_the_likeliest_classes_come_first_and_sum_to_one() -> None:
    text = drawing.class_probabilities(np.array([1.0, 1000.0, 999.0]), ("a", "b"))
    assert [name for name, _ in text] == ["b", "2", "a"]
    assert sum(share for _, share in text) == pytest.approx(1) and text[0][1] == pytest.approx(0.731, abs=1e-3)


def test_a_drawing_is_a_value() -> None:
    empty = Drawing()
    one = empty.with_stroke(Stroke(((1.0, 2.0, 3.0),), "#ffffff"))
    two = one.with_stroke(Stroke(((4.0, 5.0, 6.0),), "#000000"))
    assert [stroke.colour for stroke in two.strokes] == ["#ffffff", "#000000"], "the newest is the last"
    assert empty.is_empty and not one.is_empty and not Drawing(ground=canvas_with(slice(0), slice(0))).is_empty


def test_a_stroke_is_as_wide_as_it_was_pressed() -> None:
    image = strokes.blank_image(100, None)
    strokes.paint(image, [(10, 50, 4.0), (50, 50, 4.0), (90, 50, 20.0)], "#ffffff")
    inked = strokes.pixels(image)[..., 0].astype(float).sum(axis=0) / 255
    assert inked[30] == pytest.approx(4, abs=0.2) and inked[80] == pytest.approx(20, abs=0.2)


def test_a_picture_lies_under_the_strokes_and_is_not_changed_by_them() -> None:
    ground = canvas_with(slice(0, 140), slice(0, SIDE))
    image = strokes.blank_image(SIDE, ground)
    np.testing.assert_array_equal(strokes.pixels(image), ground)
    strokes.paint(image, [(20, 20, 10.0)], "#000000")
    assert strokes.pixels(image)[20, 20].max() == 0 and ground[20, 20].min() == 255


def test_faint_marks_are_paper_and_a_hair_is_a_pixel_wide() -> None:
    picture = canvas_with(slice(100, 140), slice(100, 120))
    clean = drawing.centre_like_mnist(picture, MNIST)
    picture[5, 5], picture[270, 270] = 20, 20
    np.testing.assert_array_equal(drawing.centre_like_mnist(picture, MNIST), clean)
    picture[5, 5] = 40
    assert np.count_nonzero(drawing.centre_like_mnist(picture, MNIST)) < np.count_nonzero(clean)
    hair = drawing.centre_like_mnist(canvas_with(slice(0, 280), slice(9, 10)), MNIST)[0]
    assert (np.ptp(np.argwhere(hair > 0), axis=0) + 1).tolist() == [20, 1]


def test_a_drawing_for_images_that_are_no_squares_fits_the_shorter_side_and_says_so() -> None:
    given = drawing.prepare_drawing(canvas_with(slice(0, 50), slice(0, 50)), (1, 28, 56), centre=True, sigma=0)
    assert given.how == "centred as MNIST, 56×28"
    assert (np.ptp(np.argwhere(given.image[0] > 0.05), axis=0) + 1).tolist() == [20, 20]


def test_noise_on_a_drawing_is_that_of_the_noise_lab() -> None:
    picture = canvas_with(slice(0, 140), slice(0, 140))
    plain, noisy = (drawing.prepare_drawing(picture, MNIST, centre=False, sigma=sigma) for sigma in (0.0, 0.5))
    np.testing.assert_array_equal(noisy.image, noise.add(plain.image[None], 0.5)[0])
    assert noisy.how == f"{plain.how}, noise σ = 0.50" and not np.array_equal(noisy.image, plain.image)


def drawn_by(channels: int, *outputs: Port) -> GraphInfo:
    image = Port("image", ("n", channels, 4, 4), "float32")
    return GraphInfo(GraphFacts((image,), outputs, 18, 8, 1, 0, {}), None, "")


def test_a_plane_is_asked_for_beside_the_picture_and_nothing_else() -> None:
    picture, plane = Port("reconstruction", ("n", 1, 4, 4), "float32"), Port("bottleneck", ("n", 2), "float32")
    assert drawing.outputs_for(drawn_by(1, picture, plane)) == ("reconstruction", "bottleneck")
    others = (Port("bottleneck", ("n", 3), "float32"), Port("more", ("n", 2), "float32"))
    assert drawing.outputs_for(drawn_by(1, picture, *others)) == ("reconstruction",)
    assert drawing.outputs_for(drawn_by(1)) == ()
    named = replace(drawn_by(1, Port("logits", ("n", 3), "float32")), card=CARD)
    assert drawing.outputs_for(named) == ("logits",)
    assert why.no_drawing_in(drawn_by(1, picture), "recall") == "It takes a class label, not an image."
    assert why.no_drawing_in(drawn_by(1, picture), "") == ""
    assert why.no_drawing_in(drawn_by(2, picture), "") == "It takes no images."
    assert why.no_drawing_in(drawn_by(1), "") == "It outputs neither an image nor class scores."


# ---- pictures of any size ----


@pytest.mark.parametrize(
    ("size", "shape", "how"),
    [
        ((6, 4), (1, 2, 2), "4×6, its middle 4×4, scaled to 2×2"),
        ((4, 6), (3, 2, 2), "6×4, its middle 4×4, scaled to 2×2"),
        ((4, 8), (1, 2, 4), "8×4, scaled to 4×2"),
        ((8, 4), (1, 1, 2), "4×8, its middle 4×2, scaled to 2×1"),
        ((3, 2), (3, 3, 2), "2×3"),
        ((1, 9), (1, 9, 1), "9×1, its middle 1×1, scaled to 1×9"),
        ((9, 1), (1, 1, 9), "1×9, its middle 1×1, scaled to 9×1"),
    ],
)  # fmt: skip
def test_the_middle_of_a_picture_is_taken_in_the_images_proportions(
    size: tuple[int, int], shape: tuple[int, int, int], how: str
) -> None:
    rows, columns = np.indices(size)
    picture = np.repeat((10 * rows + columns)[..., None], 3, axis=2).astype(np.uint8)
    image, said = fit.fit_to_shape(picture, shape)
    assert said == how and image.shape == shape
    middle = (10 * (size[0] - 1) + size[1] - 1) / 2
    if size != (1, 9) and size != (9, 1):
        assert 255 * image.mean() == pytest.approx(middle, abs=0.01), "what is cut off is as much on either side"


def test_areas_that_end_within_a_pixel_take_their_share_of_it() -> None:
    values = np.array([[1.0, 2.0, 4.0]], dtype=np.float32)
    np.testing.assert_allclose(fit.resize_by_area(values, 1, 2), [[(1 + 1) / 1.5, (1 + 4) / 1.5]], rtol=1e-6)
    np.testing.assert_allclose(fit.resize_by_area(values, 1, 4)[0], [1, 5 / 3, 8 / 3, 4], rtol=1e-6)


@pytest.mark.parametrize("colour", range(3))
def test_a_colour_is_made_grey_by_its_luma_and_that_is_said_only_where_there_was_colour(colour: int) -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[..., colour] = 255
    grey, said = fit.fit_to_shape(picture, (1, 2, 2))
    assert grey[0, 0, 0] == pytest.approx(LUMA[colour]) and said == "2×2, grey by its luma"
    assert fit.fit_to_shape(picture, (3, 2, 2))[1] == "2×2"
    assert fit.fit_to_shape(np.full((2, 2, 3), 9, np.uint8), (1, 2, 2))[1] == "2×2"


# ---- figures ----

X = np.linspace(0, 1, 11)


def painted(figure: object, width: int, height: int, theme: Theme) -> np.ndarray:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(theme.colour("base"))
    painter = QPainter(image)
    figure.paint(painter, Paper.of(painter, QRectF(4, 4, width - 8, height - 8)))  # type: ignore[attr-defined]
    painter.end()
    return strokes.pixels(image)


def curves_figure(theme: Theme) -> CurvesFigure:
    """Curves over an axis from 0 to 1, with a mark."""
    falling = 30 - 20 * X
    with_gaps = falling - 5
    with_gaps[[0, 4]] = np.inf, np.nan
    curves = (
        Series("a run", "PSNR", falling, "#ff0000", False, X, note="24.0 dB"),
        Series("noisy", "PSNR", with_gaps, "#00ff00", True, X, note="∞ dB"),
        Series("nothing yet", "PSNR", np.full(11, np.nan), "#0000ff", False, X),
    )
    return CurvesFigure(theme, curves, "PSNR", x_label="noise σ", mark=float(X[3]))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("size", [(700, 200), (330, 240), (60, 40)])
def test_curves_with_a_mark_are_painted_in_any_room(qapp: QApplication, theme: Theme, size: tuple[int, int]) -> None:
    pixels = painted(curves_figure(theme), *size, theme)
    red = (pixels == [255, 0, 0]).all(axis=2).any()
    assert red == (size[0] > 60)


def test_the_place_under_the_pointer_is_where_the_curves_are_marked(qapp: QApplication) -> None:
    figure, rect = curves_figure(LIGHT), QRectF(0, 0, 700, 200)
    paper = Paper(rect, QFontMetricsF(qapp.font()))
    plot = figure.axes(paper).plot
    middle = plot.center().y()
    assert figure.hit(QPointF(plot.left() + 0.3 * plot.width(), middle), paper) == pytest.approx(0.3)
    assert figure.hit(QPointF(plot.right() + 3, middle), paper) == 1
    assert figure.hit(QPointF(rect.right(), middle), paper) is None


def test_two_figures_above_one_another_share_the_height(qapp: QApplication) -> None:
    pixels = painted(StackedFigure(((curves_figure(LIGHT), 1), (curves_figure(LIGHT), 1))), 700, 400, LIGHT)
    red = (pixels == [255, 0, 0]).all(axis=2).any(axis=1)
    assert red[:200].any() and red[200:].any()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("count", [1, 6])
def test_what_came_of_a_drawing_is_painted_in_any_room(qapp: QApplication, theme: Theme, count: int) -> None:
    pixels = np.full((28, 28, 3), (255, 0, 0), dtype=np.uint8)
    pictures = np.stack([pixels, pixels])
    cells = [
        DrawnCell("a run", "280×280", pictures, measured="mse"),
        DrawnCell("b", "", pictures[:1], (DrawnBar("7", 0.9, "90.0 %"), DrawnBar("1", 0.1, "10.0 %"))),
    ]
    figure = DrawnFigure(theme, tuple([*cells, DrawnCell("c", sentence="Nothing.")] * 2)[:count])
    for size in ((500, 300), (250, 500), (40, 30)):
        seen = painted(figure, *size, theme)
        assert (seen == [255, 0, 0]).all(axis=2).any() or size == (40, 30)


@pytest.mark.parametrize("turns", range(4))
def test_a_drawing_whose_mass_is_at_one_end_stays_within_the_image(turns: int) -> None:
    picture = canvas_with(slice(0, 40), slice(0, 200))
    picture[:200, 98:102] = 255
    image = drawing.centre_like_mnist(np.rot90(picture, turns), MNIST)[0]
    inked = np.argwhere(image > 0.05)
    assert (np.ptp(inked, axis=0) + 1).tolist() == [20, 20]


def test_what_was_measured_of_a_drawing_has_a_line_of_its_own_where_the_two_need_it(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, measured, written = "280×280, scaled to 28×28", "mse 0.0366, at (0.95, 0.59)", []
    monkeypatch.setattr(TextLine, "paint", lambda line, *_: written.append(line.text))
    figure = DrawnFigure(LIGHT, (DrawnCell("a run", note, np.zeros((2, 28, 28, 3), np.uint8), measured=measured),))
    width = math.ceil(QFontMetricsF(QFont()).horizontalAdvance(f"{note} · {measured}"))
    painted(figure, width + 9, 400, LIGHT)
    assert written == ["a run", f"{note} · {measured}"]
    painted(figure, width - 9, 400, LIGHT)
    assert written[2:] == ["a run", note, measured]
