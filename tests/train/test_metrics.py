"""Metrics and baselines are what the literature calls by their names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from tests.conftest import first, pictures_of
from train.engine.batches import TestSplit
from train.engine.prepare import Preparation
from train.measure import baselines as baselines_module
from train.measure import metrics as metrics_module
from train.measure.baselines import TrainingSplit, nearest, nearest_example, pca, squared_distances
from train.measure.metrics import MAX_PSNR_DB, labels_of, measure, never_stop, reconstruct, status_of_pictures
from zoo import registry
from zoo.blocks import Autoencoder, Classifier
from zoo.data.splits import Splits

CPU = torch.device("cpu")


def preparation(name: str) -> Preparation:
    recipe = registry.load(name)
    return Preparation.of(recipe, None, device=CPU)


@pytest.fixture
def training(splits: Splits) -> TrainingSplit:
    return TrainingSplit(splits.train, preparation("purdue/conv"))


@pytest.fixture
def pair(splits: Splits) -> tuple[np.ndarray, np.ndarray]:
    targets = splits.test.pixels.astype(np.float32) / 255
    outputs = np.clip(targets + np.random.default_rng(0).normal(0, 0.1, targets.shape), 0, 1).astype(np.float32)
    return targets, outputs


def test_metrics_agree_with_scikit_image_averaged_over_images(pair: tuple[np.ndarray, np.ndarray]) -> None:
    targets, outputs = pair
    found = measure(targets, outputs)
    images = [(target[0], output[0]) for target, output in zip(targets, outputs, strict=True)]
    assert found["mse"] == pytest.approx(np.mean([mean_squared_error(*image) for image in images]), rel=1e-5)
    psnr = [peak_signal_noise_ratio(*image, data_range=1) for image in images]
    assert found["psnr"] == pytest.approx(np.mean(psnr), rel=1e-5)
    ssim = [structural_similarity(*image, data_range=1) for image in images]
    assert found["ssim"] == pytest.approx(np.mean(ssim), rel=1e-5)
    p = np.clip(outputs.astype(np.float64), 1e-7, 1 - 1e-7)
    assert found["bce"] == pytest.approx(-(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean(), rel=1e-6)


@pytest.mark.parametrize("shape", [(30, 1, 28, 28), (30, 3, 32, 32), (3, 1, 7, 9)])
def test_ssim_is_scikit_images_to_twelve_digits_for_grey_and_colour(shape: tuple[int, ...]) -> None:
    targets, noise = np.random.default_rng(0).random((2, *shape), dtype=np.float32)
    targets[0], noise[0] = 0, 0.01  # dark and flat, where a variance is a small difference
    outputs = np.clip(targets + 0.1 * noise, 0, 1)
    pairs = zip(targets.astype(np.float64), outputs.astype(np.float64), strict=True)
    expected = np.mean([structural_similarity(*pair, data_range=1, channel_axis=0) for pair in pairs])
    assert measure(targets, outputs)["ssim"] == pytest.approx(expected, rel=0, abs=1e-12)


def test_equal_images_are_perfect_and_finite(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found = measure(pair[0], pair[0])
    assert (found["mse"], found["psnr"]) == (0.0, MAX_PSNR_DB)
    assert found["ssim"] == pytest.approx(1.0)


def test_every_image_counts_alike_whatever_chunk_it_is_measured_in(
    pair: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure(*pair)
    monkeypatch.setattr(metrics_module, "CHUNK", 39)  # of 40 images: the last is alone
    assert measure(*pair) == pytest.approx(whole, rel=1e-12)


def test_pca_is_the_best_linear_autoencoder_of_its_size(splits: Splits, training: TrainingSplit) -> None:
    train = splits.train.pixels.reshape(200, -1) / 255.0
    inputs = splits.train.pixels.astype(np.float32) / 255
    centred = train - train.mean(0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    for k in (2, 16, 150):
        expected = np.clip(centred @ components[:k].T @ components[:k] + train.mean(0), 0, 1)
        found = pca(training, inputs, components=k)
        assert found is not None
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_there_is_no_pca_with_enough_values_to_give_every_image_back(splits: Splits, training: TrainingSplit) -> None:
    inputs = splits.train.pixels.astype(np.float32) / 255
    assert pca(training, inputs, components=199) is None, "200 images span 199 directions about their mean"
    assert pca(training, inputs, components=198) is not None
    few = replace(training, images=first(splits.train, 3))
    assert pca(few, inputs, components=2) is None


@pytest.mark.parametrize("count", [8, 20], ids=["fewer images than pixels", "more"])
def test_as_many_values_as_pixels_that_vary_give_every_image_back(count: int, training: TrainingSplit) -> None:
    pixels = np.full((count, 1, 3, 3), 128, np.uint8)
    pixels[:, 0, 1] = np.random.default_rng(0).integers(0, 256, (count, 3))
    own = replace(training, images=replace(training.images, pixels=pixels, labels=np.zeros(count, np.uint8)))
    inputs = pixels.astype(np.float32) / 255
    assert pca(own, inputs, components=2) is not None
    assert pca(own, inputs, components=3) is None


def baselines(name: str, splits: Splits) -> dict[str, dict[str, float]]:
    test = TestSplit.of(splits.test, preparation(name), device=CPU)
    targets = test.pictures.numpy()
    made = pictures_of(TrainingSplit(splits.train, test.prepare), test, bottleneck_size=10)
    return {baseline: measure(targets, pictures) for baseline, pictures in made.items()}


def test_baselines_name_what_a_model_should_beat(splits: Splits) -> None:
    targets = splits.test.pixels / 255
    clean = baselines("purdue/conv", splits)
    assert clean.keys() == {"pca", "nearest-example", "black", "mean-image"}
    assert clean["black"]["mse"] == pytest.approx(np.square(targets).mean(), rel=1e-5)
    assert clean["pca"]["mse"] < clean["nearest-example"]["mse"] < clean["mean-image"]["mse"] < clean["black"]["mse"]
    noisy = TestSplit.of(splits.test, preparation("purdue/denoise"), device=CPU)
    denoise = baselines("purdue/denoise", splits)
    assert list(denoise) == ["linear", "noisy-input", "nearest-example", "mean-image", "black"]
    assert denoise["noisy-input"] == measure(noisy.pictures.numpy(), noisy.inputs.numpy())


def test_baselines_are_fitted_on_the_training_split(splits: Splits) -> None:
    test = TestSplit.of(splits.test, preparation("purdue/conv"), device=CPU)
    inverted = replace(splits.train, pixels=255 - splits.train.pixels)
    found = pictures_of(TrainingSplit(inverted, test.prepare), test, bottleneck_size=3)
    mean = inverted.pixels.mean(axis=0) / np.float32(255)
    np.testing.assert_allclose(found["mean-image"], np.broadcast_to(mean, found["mean-image"].shape), atol=1e-5)
    training = {image.tobytes() for image in inverted.pixels.astype(np.float32) / np.float32(255)}
    assert {image.tobytes() for image in found["nearest-example"]} <= training
    centred = inverted.pixels.reshape(len(inverted), -1) / 255.0 - mean.ravel()
    axes = np.linalg.svd(centred, full_matrices=False)[2][:3]
    inputs = test.inputs.numpy().reshape(len(test), -1) - mean.ravel()
    expected = np.clip(inputs @ axes.T @ axes + mean.ravel(), 0, 1)
    np.testing.assert_allclose(found["pca"].reshape(len(test), -1), expected, atol=1e-3)


def test_the_nearest_example_is_found_among_all_portions(
    splits: Splits, training: TrainingSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines_module, "CHUNK", 7)
    inputs = splits.train.pixels.astype(np.float32) / 255
    np.testing.assert_array_equal(nearest_example(training, inputs), inputs.reshape(len(inputs), -1))


@pytest.mark.parametrize("chunk", [1, 7, 60])
def test_the_nearest_row_is_brute_forces_and_of_rows_equally_near_the_first(chunk: int) -> None:
    rng = np.random.default_rng(0)
    rows, known = rng.integers(0, 4, (30, 5)) / 4, rng.integers(0, 4, (60, 5)) / 4  # whose squares float32 sums exactly
    distances = np.square(rows[:, None] - known).sum(2)
    assert ((distances == distances.min(1, keepdims=True)).sum(1) > 1).any(), "some are equally near"
    squares, index = nearest(torch.from_numpy(rows).float(), torch.from_numpy(known).float().split(chunk))
    assert index.tolist() == distances.argmin(1).tolist()
    assert squares.tolist() == distances.min(1).tolist()


def test_a_run_that_answers_every_image_alike_has_failed(pair: tuple[np.ndarray, np.ndarray]) -> None:
    targets, outputs = pair
    black = np.zeros_like(targets)
    assert measure(targets, black)["mse"] == pytest.approx(np.square(targets).mean(), rel=1e-5)
    assert status_of_pictures(targets, black) == "failed"
    assert status_of_pictures(targets, np.broadcast_to(targets.mean(axis=0), targets.shape)) == "failed"
    assert status_of_pictures(targets, np.full_like(targets, np.nan)) == "failed"
    assert status_of_pictures(targets, outputs) == "finished"
    assert status_of_pictures(targets, targets * 0.0011**0.5) == "finished"
    assert status_of_pictures(targets, targets * 0.0009**0.5) == "failed"


def test_a_network_is_measured_at_rest_whatever_it_did_and_whatever_the_pictures_are_kept_in() -> None:
    classifier = registry.load("letters/classifier").network().train()
    assert isinstance(classifier, Classifier)
    pictures = np.random.default_rng(0).random((5, 1, 28, 28))  # float64
    labels = labels_of(classifier, pictures, device=CPU, check_stop=never_stop)
    assert not classifier.training and labels.shape == (5,)
    network = registry.load("letters/random").network().train()
    assert isinstance(network, Autoencoder)
    reconstruct(network, torch.rand(2, 1, 28, 28), never_stop)
    assert not network.training


def test_squared_distances_are_never_below_0() -> None:
    rows = 0.9 + 0.1 * torch.rand(50, 784, generator=torch.Generator().manual_seed(0))  # of which rounding leaves some
    assert squared_distances(rows, rows).min() >= 0
    assert nearest(rows, [rows])[0].min() >= 0
