"""Errors, ratios, noise and the words they are written in."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from viewer.state import formatting, noise, noise_lab, numbers
from viewer.state.files import FileBytes
from viewer.state.noise_lab import NoiseInput
from viewer.state.ssim import ssim

IMAGES = np.random.default_rng(0).random((4, 1, 28, 28)).astype(np.float32)


def test_the_error_of_an_image_is_the_mean_of_its_squares() -> None:
    outputs = IMAGES.copy()
    outputs[2] += 0.1
    assert numbers.mse(IMAGES, outputs) == pytest.approx([0, 0, 0.01, 0], abs=1e-8)
    assert numbers.psnr(IMAGES, outputs)[2] == pytest.approx(20, abs=1e-4)
    assert math.isinf(numbers.psnr(IMAGES, outputs)[0])


@pytest.mark.parametrize(("value", "count"), [(0, 0), (7, 7), (-7, 0), (1 << 53, 0), (7.0, 0), ("7", 0), (None, 0)])
def test_a_count_from_a_file_is_a_whole_number_that_is_not_negative(value: object, count: int) -> None:
    assert numbers.count_or_zero(value) == count


def test_noise_is_the_same_every_time_and_the_slider_only_scales_it() -> None:
    grey = np.full((2, 1, 8, 8), 0.5, dtype=np.float32)
    weak, strong = noise.add(grey, 0.01), noise.add(grey, 0.02)
    np.testing.assert_array_equal(weak, noise.add(grey, 0.01))
    np.testing.assert_allclose(2 * (weak - grey), strong - grey, atol=1e-6)


def test_noisy_images_stay_between_black_and_white() -> None:
    noisy = noise.add(IMAGES, 1.0)
    assert noisy.min() == 0 and noisy.max() == 1 and noisy.dtype == np.float32


def test_no_noise_changes_nothing() -> None:
    np.testing.assert_array_equal(noise.add(IMAGES, 0.0), IMAGES)


def test_the_slider_starts_at_the_noise_of_the_training() -> None:
    assert noise.starting_sigma(0.4) == 0.4
    assert noise.starting_sigma(0.0) == noise.DEFAULT_SIGMA == 0.25


def test_text_from_a_file_cannot_turn_the_line_around_or_break_it() -> None:
    assert formatting.clean("a\u202eb\x1b[31m\nc\x00") == "a\ufffdb\ufffd[31m c\ufffd"
    assert len(formatting.clean("x" * 10_000)) == formatting.LINE


@pytest.mark.parametrize(
    ("value", "text"), [(0.0034, "0.0034"), (0.00024, "2.4e-4"), (0.0, "0.0000"), (float("nan"), "–"), (None, "–")]
)
def test_errors_are_written_shortly(value: float | None, text: str) -> None:
    assert formatting.mse(value) == text


def test_a_clause_becomes_a_sentence_but_a_file_keeps_its_name() -> None:
    assert formatting.sentence("cannot open it") == "Cannot open it."
    assert formatting.sentence("conv/model.onnx is damaged") == "conv/model.onnx is damaged."
    assert formatting.sentence("") == ""


def test_large_numbers_are_written_with_an_exponent() -> None:
    assert (formatting.mse(12345.678), formatting.number(12345.678), formatting.number(9999.0)) == (
        "1.23e4",
        "1.23e4",
        "9999",
    )
    assert (formatting.mse(1e300), formatting.number(-1e76, 3)) == ("1.00e300", "-1.00e76")


def test_the_share_of_pixels_is_black_or_white_and_what_was_hit_stays_hit() -> None:
    images = np.full((10, 3, 32, 32), 0.5, dtype=np.float32)
    few, more = noise.sprinkle(images, 0.1), noise.sprinkle(images, 0.4)
    assert np.mean(few != images) == pytest.approx(0.1, abs=0.01) and np.mean(more == 0) == pytest.approx(0.2, abs=0.01)
    assert set(np.unique(more)) == {0, 0.5, 1} and more.dtype == np.float32
    was_hit = few != images
    np.testing.assert_array_equal(more[was_hit], few[was_hit])
    np.testing.assert_array_equal((more != images).any(axis=1), (more != images).all(axis=1))  # in all colours


def test_every_pixel_can_be_hit_and_none() -> None:
    np.testing.assert_array_equal(noise.sprinkle(IMAGES, 0.0), IMAGES)
    assert set(np.unique(noise.sprinkle(IMAGES, 1.0))) == {0, 1}


@pytest.mark.parametrize("kind", ["gaussian", "salt and pepper"])
def test_noise_of_every_kind_stands_still(kind: noise.Kind) -> None:
    np.testing.assert_array_equal(noise.apply(IMAGES, kind, 0.3), noise.apply(IMAGES.copy(), kind, 0.3))
    assert not np.array_equal(noise.apply(IMAGES, kind, 0.3), IMAGES)


@pytest.mark.parametrize("shape", [(4, 1, 28, 28), (3, 3, 32, 32), (1, 1, 2, 1)])
def test_the_median_filter_is_scipys(shape: tuple[int, ...]) -> None:
    from scipy.ndimage import median_filter

    images = np.random.default_rng(3).random(shape).astype(np.float32)
    np.testing.assert_array_equal(noise.median(images), median_filter(images, size=(1, 1, 3, 3), mode="nearest"))


@pytest.mark.parametrize("shape", [(4, 1, 28, 28), (3, 3, 32, 32), (2, 1, 7, 9)])
@pytest.mark.parametrize("sigma", [0.0, 0.02, 0.7])
def test_structural_similarity_is_scikit_images(shape: tuple[int, ...], sigma: float) -> None:
    from skimage.metrics import structural_similarity

    images = np.random.default_rng(4).random(shape).astype(np.float32)
    images[0, :, :5] = 0  # flat, as most of a digit is
    outputs = noise.add(images, sigma)
    pairs = zip(images.astype(np.float64), outputs.astype(np.float64), strict=True)
    expected = [structural_similarity(*pair, data_range=1.0, channel_axis=0) for pair in pairs]
    np.testing.assert_allclose(ssim(images, outputs), expected, atol=1e-9)


def test_images_smaller_than_a_window_have_no_structural_similarity() -> None:
    assert np.isnan(ssim(IMAGES[..., :6], IMAGES[..., :6])).all()


def test_each_kind_of_noise_has_curves_of_its_own_for_runs_and_baselines() -> None:
    images = np.zeros((2, 1, 8, 8), np.float32)
    tried = NoiseInput(FileBytes(Path("a"), "a", "sha256", b""), "reconstruction", images, images)
    keys = [set(noise_lab.curve_keys({Path("a"): tried}, tried, kind)) for kind in get_args(noise.Kind)]
    assert [len(each) for each in keys] == [3, 3] and not keys[0] & keys[1]
