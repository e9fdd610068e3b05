"""Ratios are never below 1, say their direction, and are left out where they would say nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo import comparison, tasks


@pytest.mark.parametrize(
    ("value", "baseline", "metric", "name", "sentence"),
    [
        (0.0020, 0.0084, "mse", "pca", "4.2× less error than PCA"),
        (0.0001, 0.000997, "mse", "pca", "10× less error than PCA"),
        (0.0093, 0.0030, "mse", "pca", "3.1× more error than PCA"),
        (0.0054, 0.0069, "mse", "linear", "1.28× less error than the linear map"),
        (0.0046, 0.0046, "mse", "pca", "the same error as PCA"),
        (0.00460001, 0.0046, "mse", "pca", "the same error as PCA"),
        (0.096, 0.84, "bce", "noisy-input", "8.8× less error than the noisy input"),
        (0.5, 0.0002, "mse", "pca", "over 1,000× more error than PCA"),
        (0.0, 0.0002, "mse", "pca", "over 1,000× less error than PCA"),
        (0.0026, 0.0001, "mse", "pca", "26× more error than PCA"),
        (0.97, 0.89, "accuracy", "nearest-example", "8.0 points above the nearest example"),
        (0.10, 0.12, "accuracy-letters", "majority", "2.0 points below the most frequent class"),
        (22.5, 20.0, "psnr", "pca", "2.5 dB above PCA"),
        (0.9, 0.95, "ssim", "pca", "0.050 below PCA"),
        (0.97, 0.97, "accuracy", "majority", "as good as the most frequent class"),
        (0.001, 0.002, "mse", "some-other", "2.0× less error than some other"),
        (0.004, 0.008, "mse", "grey-copied", "2.0× less error than copied grey"),
        (0.004, 0.008, "mse", "copied-input", "2.0× less error than the copied letter"),
        (0.004, 0.008, "mse", "class-mean", "2.0× less error than the class mean"),
        (0.004, 0.008, "mse", "nearest-mean", "2.0× less error than the nearest class mean"),
        (0.004, 0.008, "mse", "mean-image", "2.0× less error than the mean image"),
        (0.004, 0.008, "mse", "black", "2.0× less error than black"),
        (20.01, 20.0, "psnr", "pca", "as good as PCA"),
        (2e-8, 8e-8, "mse", "pca", "4.0× less error than PCA"),
        (1.0, 9.96, "bce", "pca", "10× less error than PCA"),
        (1.0, 9.94, "bce", "pca", "9.9× less error than PCA"),
        (1.0, 1.997, "bce", "pca", "2.0× less error than PCA"),
        (1.0, 1.99, "bce", "pca", "1.99× less error than PCA"),
        (1.0, 999.4, "bce", "pca", "999× less error than PCA"),
        (1.0, 1000.0, "bce", "pca", "over 1,000× less error than PCA"),
    ],
)
def test_a_figure_is_compared_in_words(value: float, baseline: float, metric: str, name: str, sentence: str) -> None:
    assert comparison.in_words(value, baseline, metric, name) == sentence


@pytest.mark.parametrize(
    ("value", "baseline"),
    [
        (None, 0.1),
        (0.1, None),
        (math.nan, 0.1),
        (0.1, math.inf),
        (0.001, 0.0),
        (0.001, 3e-14),
        (0.0, 0.0),
        (0.1, 1e-9),
        (-0.1, 0.1),
    ],
)
def test_what_cannot_be_compared_is_left_out(value: float | None, baseline: float | None) -> None:
    assert comparison.in_words(value, baseline, "mse", "pca") == ""


@given(value=st.floats(1e-8, 1e6), baseline=st.floats(1e-8, 1e6))
def test_a_ratio_is_never_below_one_and_says_the_right_direction(value: float, baseline: float) -> None:
    short = comparison.in_short(value, baseline, "mse")
    if short == comparison.SAME:
        assert value == pytest.approx(baseline, rel=0.006)
        return
    times, direction = short.removeprefix("over ").split(" ")
    assert float(times.removesuffix("×").replace(",", "")) > 1
    assert direction == ("more" if value > baseline else "less")


def test_the_main_baseline_is_the_first_of_the_tasks_own_that_can_be_compared_with() -> None:
    mse = {name: {"mse": 0.5} for name in ("black", "zebra", "antelope", "nearest-example", "pca")}
    assert tasks.ranked("reconstruct", mse) == ["pca", "nearest-example", "black", "antelope", "zebra"]
    assert tasks.ranked("of another version", mse) == sorted(mse)
    assert comparison.main_baseline("reconstruct", "mse", {"mse": 0.1}, mse) == "pca"
    exact = {**mse, "pca": {"mse": 1e-12}}
    assert comparison.main_baseline("reconstruct", "mse", {"mse": 0.1}, exact) == "nearest-example"
    assert comparison.main_baseline("reconstruct", "bce", {"mse": 0.1}, mse) == ""


def test_what_a_task_does_and_what_is_better_when_larger() -> None:
    assert tasks.does("denoise") == "gives back the image without the noise that was added to it"
    assert tasks.does("of another version") == ""
    assert [task.name for task in tasks.TASKS.values() if task.by_class] == ["translate", "recall"]
    larger = [
        each
        for each in ("mse", "psnr", "ssim", "bce", "accuracy", "accuracy-letters", "kl")
        if comparison.larger_is_better(each)
    ]
    assert larger == ["psnr", "ssim", "accuracy", "accuracy-letters"]
