"""Errors, ratios, noise and the words they are written in."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from viewer.state import files, formatting, noise, noise_lab, numbers
from viewer.state.files import FileBytes
from viewer.state.noise_lab import NoiseInput
from viewer.state.numbers import ssim
from zoo.errors import FileRefused

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
    ("value", "text"),
    [(0.0034, "0.0034"), (0.00024, "0.00024"), (2.4e-5, "2.4e-5"), (0.0, "0.0000"), (math.nan, "–"), (None, "–")],
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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "–"), (math.nan, "–"), (math.inf, "–"), (0.0, "0"), (10_000, "1.00e4"), (9_999.4, "9999")),
        *((1.0, "1.000"), (12.3456, "12.35"), (-123.456, "-123.5"), (0.5, "0.5000"), (1e-4, "0.0001")),
        *((9.99e-5, "9.99e-5"), (-1.5e-12, "-1.50e-12")),
    ],
)
def test_a_number_has_about_four_digits(value: float | None, text: str) -> None:
    assert formatting.number(value) == text


def test_errors_and_decibels_at_the_ends_of_their_ranges() -> None:
    assert [formatting.mse(value) for value in (1e-3, 4.9e-4, math.inf)] == ["0.0010", "0.00049", "–"]
    values = (None, math.nan, math.inf, 19.25)
    assert [formatting.decibels(value) for value in values] == ["–", "–", "∞", "19.2"]


def test_a_line_is_cut_with_an_ellipsis_and_private_and_surrogate_characters_are_replaced() -> None:
    assert [formatting.clean("abcd", limit=limit) for limit in (4, 3)] == ["abcd", "ab…"]
    assert formatting.clean("a" + " " * 5 + "b", limit=3) == "a b", "blanks are taken together before it is cut"
    assert formatting.clean("\ue000\ud800\u200f") == "\ufffd" * 3
    assert formatting.shape((8, "batch", 1234567)) == "8×batch×1234567"


def test_a_file_is_keyed_by_all_its_bytes_and_errors_call_it_by_its_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"x" * 5000)
    read = files.read(path, limit=5000, label="a/model.onnx")
    assert (read.path, read.label, read.data) == (path, "a/model.onnx", b"x" * 5000)
    assert read.sha256 == hashlib.sha256(b"x" * 5000).hexdigest()
    with pytest.raises(FileRefused) as refused:
        files.read(path, limit=4999, label="a/model.onnx")
    assert str(refused.value).startswith("a/model.onnx") and str(tmp_path) not in str(refused.value)

    def fail(*_: object, **__: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("zoo.gate.read_bytes", fail)
    with pytest.raises(FileRefused, match=r"^a/model.onnx: the disk did not respond \(Input/output error\)$"):
        files.read(path, limit=1, label="a/model.onnx")


def test_more_than_ten_images_get_the_noise_of_the_first_ten_again() -> None:
    many = np.full((23, 1, 8, 8), 0.5, dtype=np.float32)
    for kind in get_args(noise.Kind):
        noisy = noise.apply(many, kind, 0.2)
        np.testing.assert_array_equal(noisy[10:20], noisy[:10])
        np.testing.assert_array_equal(noisy[20:], noisy[:3])
        np.testing.assert_array_equal(noisy[:4], noise.apply(many[:10], kind, 0.2)[:4])
        assert not np.array_equal(noisy[8], noisy[9])


def test_noise_is_seeded_alike_in_every_version_and_its_kinds_do_not_share_their_seed() -> None:
    expected = np.random.default_rng(0).standard_normal((2, 1, 3, 3), dtype=np.float32)
    np.testing.assert_array_equal(noise.tensor((2, 1, 3, 3)), expected)
    uniform = np.random.default_rng(1).random((2, 1, 3, 3), dtype=np.float32)
    hit = noise.sprinkle(np.full((2, 1, 3, 3), 0.5, np.float32), 0.6)
    np.testing.assert_array_equal(hit, np.select([uniform < 0.3, uniform >= 0.7], [0, 1], 0.5))


def test_the_slider_starts_at_a_step_of_its_own_and_not_beyond_its_end() -> None:
    assert [noise.starting_sigma(sigma) for sigma in (0.296, 0.204, 3.0)] == [0.3, 0.2, 1.0]
    assert noise.DEFAULT_SHARE == 0.1


def test_finite_numbers_of_a_file_are_floats_and_zero_is_one() -> None:
    found = numbers.finite_values({"a": 0, "b": -(1 << 53), "c": -7, "d": math.inf, "e": 0.5, "f": "1", 3: 1.0})
    assert found == {"a": 0.0, "c": -7.0, "e": 0.5, "3": 1.0} and numbers.finite_values([1]) == {}
    dark, light = np.zeros((2, 1, 2, 2), np.uint8), np.full((2, 1, 2, 2), 20, np.uint8)
    assert numbers.mse(light, dark).tolist() == [400.0, 400.0], "bytes do not wrap around"
    outputs = np.stack([np.full((1, 2, 2), 0.1), np.full((1, 2, 2), 0.001)])
    assert numbers.mean_psnr(np.zeros((2, 1, 2, 2)), outputs) == pytest.approx((20 + 60) / 2)


# ---- the noise lab ----


def tried_with(clean: np.ndarray, targets: np.ndarray, *, sha256: str = "a", classes: bool = False) -> NoiseInput:
    return NoiseInput(FileBytes(Path("a"), "a", sha256, b""), "y", clean, targets, ("no", "yes") if classes else None)


def test_images_are_the_same_by_their_values_and_their_key_is_of_shape_and_both_parts() -> None:
    zeros, ones = np.zeros((2, 1, 8, 8), np.float32), np.ones((2, 1, 8, 8), np.float32)
    assert tried_with(zeros, zeros.copy()).same and not tried_with(zeros, ones).same
    pairs = [(zeros, zeros), (zeros, ones), (ones, zeros), (zeros.reshape(2, 1, 4, 16), zeros)]
    assert len({tried_with(*pair).digest for pair in pairs}) == 4
    assert tried_with(zeros, ones).digest == tried_with(zeros.copy(), ones.copy()).digest


def test_curves_are_of_what_makes_pictures_and_of_baselines_where_the_images_should_come_out() -> None:
    zeros, ones = np.zeros((2, 1, 8, 8), np.float32), np.ones((2, 1, 8, 8), np.float32)
    own, other = tried_with(zeros, zeros), tried_with(ones, ones, sha256="b")
    runs = {Path("a"): own, Path("b"): other, Path("c"): tried_with(zeros, zeros, sha256="c", classes=True)}
    keys = noise_lab.curve_keys(runs, own, "gaussian")
    assert [(key.who, path) for key, path in keys.items()] == [
        ("noisy", None), ("median", None), ("a", Path("a")), ("b", Path("b")),
    ]  # fmt: skip
    assert [key.images for key in keys] == [own.digest] * 3 + [other.digest]
    coloured = tried_with(zeros, ones)
    assert [key.who for key in noise_lab.curve_keys({}, coloured, "gaussian")] == []


def test_a_reference_measures_the_noisy_images_and_the_median_where_they_should_come_out() -> None:
    clean = np.zeros((2, 1, 8, 8), np.float32)
    noisy = clean.copy()
    noisy[:, :, 4, 4] = 1  # a single pixel, which the median takes away
    reference = noise_lab.reference_of(tried_with(clean, clean), noisy)
    assert reference.noisy_scores is not None and reference.median_scores is not None
    assert np.isfinite(reference.noisy_scores.psnr).all() and np.isinf(reference.median_scores.psnr).all()
    assert reference.noisy_scores.psnr[0] == pytest.approx(10 * math.log10(64))
    curves = {key.who: curve for key, curve in noise_lab.baseline_curves(tried_with(clean, clean), "gaussian").items()}
    assert all(curve.done == 11 and np.isinf(curve.psnr[0]) for curve in curves.values())
    assert (curves["median"].psnr[1:5] > curves["noisy"].psnr[1:5]).all()
    other = noise_lab.reference_of(tried_with(clean, noisy), noisy)
    assert other.noisy_scores is None and other.median_scores is None


def test_a_graphs_answer_is_measured_against_its_targets_or_is_a_sentence() -> None:
    clean, targets = np.zeros((2, 1, 8, 8), np.float32), np.full((2, 3, 8, 8), 0.5, np.float32)
    tried = tried_with(clean, targets)
    result = noise_lab.result_of(tried, clean, targets + np.float32(0.1))
    assert result.error == "" and result.scores is not None
    assert result.scores.means == pytest.approx((20.0, result.scores.ssim.mean()), abs=1e-4)
    broken = targets.copy()
    broken[0, 0, 0, :2] = np.nan, np.inf
    sentence = noise_lab.result_of(tried, clean, broken).error
    assert sentence == "The output is not finite: 2 of its 384 values."
    broken[0, 0, 0, 0] = np.inf
    assert noise_lab.result_of(tried, clean, broken).error == sentence, "infinite alone is as bad"
    assert "another shape" in noise_lab.result_of(tried, clean, clean).error
    text = tried_with(clean, clean, classes=True)
    assert noise_lab.result_of(text, clean, np.zeros((2, 2))).scores is None
    for odd in (np.zeros((2, 0)), np.zeros((2, 1, 1))):
        assert "no row of logits" in noise_lab.result_of(text, clean, odd).error


def test_curves_are_filled_from_the_weakest_noise_on() -> None:
    one, two = noise_lab.Curve(), noise_lab.Curve()
    scores = noise_lab.Scores(np.array([10.0, 30.0, 50.0, 90.0]), np.array([0.2, 0.4, 0.5, 0.9]))
    assert noise_lab.STRENGTHS.tolist() == pytest.approx([step / 10 for step in range(11)])
    one.add(scores)
    two.add(None)
    assert one.done == two.done == 1, "what has no answer is not tried again"
    assert (one.psnr[0], one.ssim[0]) == (45.0, 0.5)
    assert np.isnan(two.psnr).all() and np.isnan(one.psnr[1:]).all()
