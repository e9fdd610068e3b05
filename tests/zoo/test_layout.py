"""Arrays in every layout that people hold images in: to a batch and back, and one sentence for what is no image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.layout import Layout, layout_of, to_images
from zoo.errors import DataError

GREY, COLOUR = (1, 28, 28), (3, 32, 32)


@given(st.sampled_from(["HW", "HWC", "CHW", "NHW", "NHWC", "NCHW"]), st.integers(1, 4), st.sampled_from([1, 3]))
def test_a_batch_comes_back_in_the_layout_that_it_had(axes: str, count: int, channels: int) -> None:
    sizes = {"N": count, "C": channels, "H": 5, "W": 7}
    images = np.random.default_rng(0).random([sizes[axis] for axis in axes], dtype=np.float32)
    batch = Layout(axes).to_batch(images)
    assert batch.ndim == 4 and batch.shape[2:] == (5, 7)
    assert np.array_equal(Layout(axes).from_batch(batch), images)


@pytest.mark.parametrize(
    ("shape", "wanted", "axes"),
    [
        ((28, 28), GREY, "HW"),
        ((5, 28, 28), GREY, "NHW"),
        ((3, 28, 28), GREY, "NHW"),  # three grey images
        ((5, 1, 28, 28), GREY, "NCHW"),
        ((5, 28, 28, 1), GREY, "NHWC"),
        ((28, 28, 1), GREY, "HWC"),
        ((480, 640, 3), GREY, "HWC"),  # one photograph
        ((3, 32, 32), COLOUR, "CHW"),  # one image
        ((32, 32, 3), COLOUR, "HWC"),
        ((3, 32, 32, 3), COLOUR, "NHWC"),
        ((3, 3, 32, 32), COLOUR, "NCHW"),
        ((7, 480, 640, 3), COLOUR, "NHWC"),
        ((7, 1, 480, 640), COLOUR, "NCHW"),
        ((14, 1, 14), (1, 1, 14), "NHW"),  # a row of classes
    ],
)
def test_the_layout_is_known_by_the_shape(shape: tuple[int, ...], wanted: tuple[int, int, int], axes: str) -> None:
    assert layout_of(shape, wanted).axes == axes


@pytest.mark.parametrize("axes", ["HW", "NHW"])
def test_colours_come_last_where_the_layout_has_no_axis_for_them(axes: str) -> None:
    made = Layout(axes).from_batch(np.zeros((1, 3, 5, 7), np.float32))
    assert made.shape == ((5, 7, 3) if axes == "HW" else (1, 5, 7, 3))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, np.float16, np.bool_])
def test_pixels_of_every_type_become_float32_in_0_to_1(dtype: type) -> None:
    most = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    batch, _ = to_images(np.full((28, 28), most, dtype), GREY, fit=False, title="it")
    assert batch.dtype == np.float32 and batch.shape == (1, *GREY) and batch.max() == batch.min() == 1


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.zeros(784), r"an array of the shape \(784,\) holds no images; expected \(H, W\), .* or \(N, C, H, W\)"),
        (np.zeros((2, 5, 28, 28)), r"\(2, 5, 28, 28\) holds no images"),
        (np.full((28, 28), 255.0), r"values go from 255 to 255; expected \[0, 1\]: divide them by 255, or pass uint8"),
        (np.full((28, 28), -0.3), r"values go from -0.3 to -0.3; expected \[0, 1\]: np.clip\(images, 0, 1\)"),
        (np.full((28, 28), np.nan), r"values go from nan to nan; expected \[0, 1\]"),
        (np.zeros((28, 28), np.int64), r"the images are int64; expected uint8 \(0 to 255: images.astype\(np.uint8\)\)"),
        ([np.zeros((28, 28)), np.zeros((14, 14))], r"the images have several sizes; add fit=True"),
        (np.zeros((9, 64, 48)), r"have the shape \(9, 64, 48\), and it takes \(N, 28, 28\); add fit=True"),
        (np.zeros((9, 28, 28, 3)), r"have the shape \(9, 28, 28, 3\), and it takes \(N, 28, 28, 1\); add fit=True"),
    ],
)
def test_what_is_no_image_is_one_sentence_with_the_way_out(images: object, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        to_images(images, GREY, fit=False, title="it")


def test_a_colour_model_names_its_channels_where_grey_images_come() -> None:
    with pytest.raises(DataError, match=r"\(9, 32, 32\), and it takes \(N, 32, 32, 3\); add fit=True"):
        to_images(np.zeros((9, 32, 32)), COLOUR, fit=False, title="it")


def test_fit_takes_any_size_any_colours_and_lists_of_several() -> None:
    photograph = np.zeros((60, 40, 3), np.uint8)
    photograph[10:50] = 255  # the middle square
    batch, layout = to_images(photograph, GREY, fit=True, title="it")
    assert batch.shape == (1, *GREY) and layout.axes == "HWC" and batch.min() == pytest.approx(1, abs=1e-3)
    batch, _ = to_images([photograph, np.zeros((9, 9))], GREY, fit=True, title="it")
    assert batch.shape == (2, *GREY) and batch[1].max() == 0
    grey, _ = to_images(np.full((5, 64, 64), 128, np.uint8), COLOUR, fit=True, title="it")
    assert grey.shape == (5, *COLOUR) and np.allclose(grey, 128 / 255)
    assert to_images([[0.0] * 28] * 28, GREY, fit=True, title="it")[1].axes == "HW"
    with pytest.raises(DataError, match="four channels; drop transparency first"):
        to_images(np.zeros((60, 40, 4)), GREY, fit=True, title="it")


def test_an_image_that_fits_already_is_not_touched() -> None:
    image = np.random.default_rng(0).random((28, 28), dtype=np.float32)
    assert np.array_equal(to_images(image, GREY, fit=True, title="it")[0][0, 0], image)
