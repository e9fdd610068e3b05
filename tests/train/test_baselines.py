"""Baselines are what their names say, fitted to the training split alone, and once for a data set."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import Train, first, labels_of, pictures_of, small_splits
from train import options, setup
from train.engine.batches import TestSplit
from train.engine.prepare import Preparation
from train.measure import baselines, cache, metrics, run
from train.measure.baselines import TrainingSplit, linear, pca, run_in_thread
from train.measure.cache import Arrays, cached, sha256_of
from train.measure.metrics import Pixels, measure
from train.measure.run import Measured, RunMeasurement
from zoo import registry, runs
from zoo.blocks import Classifier
from zoo.data import sets
from zoo.data.images import Images
from zoo.data.splits import Splits
from zoo.errors import Interrupted

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def preparation(name: str) -> Preparation:
    recipe = registry.load(name)
    return Preparation.of(recipe, None, device=CPU)


def measurement(name: str, splits: Splits, **more: object) -> RunMeasurement:
    test = TestSplit.of(splits.test, preparation(name), device=CPU)
    return RunMeasurement(splits.train, test, scoring_classifier=None, bottleneck_size=5, **more)  # type: ignore[arg-type]


# ---- what they are -------------------------------------------------------------------------------------------


def test_the_linear_map_is_least_squares_with_a_bias_from_noisy_images_to_clean_ones() -> None:
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.integers(0, 12, (500, 1, 4, 4)), axis=3).astype(np.uint8) * 5
    images = Images("some", "train", smooth, np.zeros(500, np.uint8), provenance="", licence="")
    training = TrainingSplit(images, preparation("purdue/denoise"))
    batch = next(training.batches(noisy=True))
    x, y = batch.image.double().numpy(), batch.target.double().numpy()
    assert 0.15 < (x - y).std() < 0.25, "with the noise of training"
    weights = np.linalg.lstsq(np.column_stack([x, np.ones(500)]), y, rcond=None)[0]
    inputs = rng.random((30, 1, 4, 4), dtype=np.float32)
    expected = np.clip(np.column_stack([inputs.reshape(30, 16), np.ones(30)]) @ weights, 0, 1)
    np.testing.assert_allclose(linear(training, inputs), expected, atol=1e-4)


def test_a_linear_map_of_few_noisy_images_is_from_the_components_of_noisy_ones() -> None:
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.integers(0, 12, (60, 1, 4, 4)), axis=3).astype(np.uint8) * 5
    images = Images("some", "train", smooth, np.zeros(60, np.uint8), provenance="", licence="")
    training = TrainingSplit(images, preparation("purdue/denoise"))
    batch = next(training.batches(noisy=True))
    x, y = batch.image.double().numpy(), batch.target.double().numpy()
    axes = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:6].T  # one for every ten images
    weights = np.linalg.lstsq((x - x.mean(0)) @ axes, y - y.mean(0), rcond=None)[0]
    inputs = rng.random((30, 1, 4, 4), dtype=np.float32)
    expected = np.clip((inputs.reshape(30, 16) - x.mean(0)) @ axes @ weights + y.mean(0), 0, 1)
    np.testing.assert_allclose(linear(training, inputs), expected, atol=1e-4)


def test_pca_of_more_images_than_pixels_is_about_their_mean() -> None:
    pixels = np.random.default_rng(0).integers(150, 256, (60, 1, 3, 3)).astype(np.uint8)  # bright: the mean matters
    images = Images("some", "train", pixels, np.zeros(60, np.uint8), provenance="", licence="")
    inputs = pixels.astype(np.float32) / 255
    x = pixels.reshape(60, 9) / 255
    axes = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:2]
    expected = np.clip((x - x.mean(0)) @ axes.T @ axes + x.mean(0), 0, 1)
    found = pca(TrainingSplit(images, preparation("purdue/conv")), inputs, components=2)
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_denoiser_is_measured_beside_the_linear_map_and_the_noisy_input_and_never_beside_pca(splits: Splits) -> None:
    test = TestSplit.of(splits.test, preparation("purdue/denoise"), device=CPU)
    found = pictures_of(TrainingSplit(splits.train, test.prepare), test, bottleneck_size=5)
    assert list(found) == ["linear", "noisy-input", "nearest-example", "mean-image", "black"]
    targets = test.pictures.numpy()
    error = {name: measure(targets, pictures)["mse"] for name, pictures in found.items()}
    assert error["linear"] < min(error[name] for name in found if name != "linear")
    noisy_generator = TestSplit.of(splits.test, preparation("hesso/vae-2-10@noise=0.2"), device=CPU)
    training = TrainingSplit(splits.train, noisy_generator.prepare)
    assert "pca" not in pictures_of(training, noisy_generator, bottleneck_size=2)


def test_baselines_are_fitted_to_the_training_split_alone(splits: Splits) -> None:
    dark = replace(splits.train, pixels=splits.train.pixels // 2)  # so that what is fitted to the test split is another
    test = TestSplit.of(splits.test, preparation("purdue/conv"), device=CPU)
    found = (
        measurement("purdue/conv", Splits(train=dark, test=splits.test))
        .measure(registry.load("purdue/conv").network())
        .baselines
    )
    known, targets = dark.pixels.reshape(200, -1) / 255, test.pictures.numpy()
    flat, mean = targets.reshape(len(targets), -1).astype(np.float64), known.mean(0)
    axes = np.linalg.svd(known - mean, full_matrices=False)[2][:5]
    nearest = known[np.square(flat[:, None] - known[None]).sum(2).argmin(1)]
    expected = {
        "pca": (flat - mean) @ axes.T @ axes + mean,
        "nearest-example": nearest,
        "mean-image": np.broadcast_to(mean, flat.shape),
    }
    for name, pictures in expected.items():
        figures = measure(targets, np.clip(pictures, 0, 1).reshape(targets.shape))
        assert found[name]["mse"] == pytest.approx(figures["mse"], rel=1e-3), name


def test_a_training_is_measured_with_its_own_training_split(
    tmp_path: Path, splits: Splits, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Images] = []

    def measure_nothing(own: RunMeasurement, network: object) -> Measured:
        given.append(own.train)
        return Measured({}, {}, "finished")

    monkeypatch.setattr(RunMeasurement, "measure", measure_nothing)
    train_quickly("purdue/dense", tmp_path, epochs=1)
    assert [images.digest for images in given] == [splits.train.digest]


@pytest.mark.parametrize("name", ["purdue/conv", "purdue/denoise", "hesso/classifier"])
def test_nothing_of_the_test_splits_own_images_or_labels_reaches_a_fit(name: str, splits: Splits) -> None:
    test = TestSplit.of(splits.test, preparation(name), device=CPU)
    other = replace(test, pictures=1 - test.pictures, labels=9 - test.labels)
    training = TrainingSplit(splits.train, test.prepare)
    if name == "hesso/classifier":
        one, two = (labels_of(training, each) for each in (test, other))
    else:
        one, two = (pictures_of(training, each, bottleneck_size=5) for each in (test, other))
    assert len(one) > 2
    for baseline, values in one.items():
        np.testing.assert_array_equal(values, two[baseline])


def test_a_noise_class_counts_in_every_baseline_of_its_classifier() -> None:
    splits = small_splits(registry.load("letters/classifier-noise"))
    test = TestSplit.of(splits.test, preparation("letters/classifier-noise"), device=CPU)
    found = labels_of(TrainingSplit(splits.train, test.prepare), test)
    labels = test.labels.numpy()
    assert set(found["majority"].tolist()) == {14}, "half of all images are noise"
    for name in ("nearest-example", "nearest-mean"):
        assert (found[name] == 14)[labels == 14].mean() > 0.9, name
        assert (found[name] == labels).mean() > 0.5, name


def test_a_class_without_training_images_leaves_the_others_their_means(splits: Splits) -> None:
    test = TestSplit.of(splits.test, preparation("hesso/classifier"), device=CPU)
    known = splits.train.labels != 9
    training = TrainingSplit(splits.train.take(np.flatnonzero(known)), test.prepare)
    found, labels = labels_of(training, test)["nearest-mean"], test.labels.numpy()
    assert (found == labels)[labels != 9].mean() > 0.5


def test_a_linear_map_of_a_handful_of_images_has_one_component(splits: Splits) -> None:
    training = TrainingSplit(first(splits.train, 5), preparation("purdue/denoise"))
    found = linear(training, splits.test.pixels.astype(np.float32) / 255)
    assert np.isfinite(found).all() and found.std(axis=0).max() > 0.01, "more than their mean"


def test_what_is_recalled_stands_beside_the_mean_of_its_own_class() -> None:
    splits = small_splits(registry.load("letters/class"))
    prepare = preparation("letters/class")
    test = TestSplit.of(splits.test, prepare, device=CPU)
    training = TrainingSplit(splits.train, prepare)
    found = baselines.baseline_pictures("class-mean", training, test, bottleneck_size=2)
    assert found is not None
    for picture, label in zip(found, test.labels.tolist(), strict=True):
        mean = splits.train.pixels[splits.train.labels == label].mean(axis=0) / 255
        np.testing.assert_allclose(picture, mean, atol=1e-5)


# ---- the figures of a run ------------------------------------------------------------------------------------


def test_a_classifier_is_right_about_letters_and_noise_each_by_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = small_splits(registry.load("letters/classifier-noise"))
    test = TestSplit.of(splits.test, preparation("letters/classifier-noise"), device=CPU)
    labels = test.labels.numpy()
    predicted = labels.copy()
    predicted[np.flatnonzero(labels == 14)[:15]] = 0
    predicted[np.flatnonzero(labels == 2)[:3]] = 14
    logits = np.eye(15, dtype=np.float32)[predicted]
    monkeypatch.setattr(metrics, "classify", lambda *of: logits)
    own = RunMeasurement(splits.train, test, scoring_classifier=None, bottleneck_size=5)
    found = own.measure(registry.load("letters/classifier-noise").network())
    assert found.metrics["accuracy"] == pytest.approx(94 / 112)
    assert found.metrics["accuracy-letters"] == pytest.approx(53 / 56)
    assert found.metrics["accuracy-noise"] == pytest.approx(41 / 56)
    rest = np.log(np.e + 14)
    assert found.metrics["cross_entropy"] == pytest.approx(rest - 94 / 112)
    assert found.status == "finished"
    logits = np.eye(15, dtype=np.float32)[np.zeros(112, np.int64)]
    assert own.measure(registry.load("letters/classifier-noise").network()).status == "failed"


def test_the_letters_of_a_history_are_the_first_of_each_class_and_what_came_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = registry.load("letters/random")
    splits, targets = small_splits(recipe), sets.load("latin", "train", sets.SAMPLE)
    shuffled = splits.test.take(np.random.default_rng(0).permutation(60))
    test = TestSplit.of(shuffled, Preparation.of(recipe, targets, device=CPU), device=CPU)
    outputs = np.random.default_rng(1).random((60, 1, 28, 28), dtype=np.float32)
    monkeypatch.setattr(metrics, "reconstruct", lambda *of: outputs)
    monkeypatch.setattr(run, "baseline_pictures", lambda *of, **more: None)

    def darkest(classifier: object, pictures: Pixels, **more: object) -> np.ndarray:
        found: np.ndarray = pictures.reshape(len(pictures), -1)[:, :14].argmin(axis=1)
        return found

    monkeypatch.setattr(metrics, "labels_of", darkest)
    classifier = registry.load("letters/classifier").network()
    assert isinstance(classifier, Classifier)
    own = RunMeasurement(splits.train, test, scoring_classifier=classifier, bottleneck_size=5)
    arrays = own.measure(recipe.network()).arrays
    labels = test.labels.tolist()
    firsts = [labels.index(label) for label in range(14)]
    np.testing.assert_array_equal(arrays["grids/letters/labels"], np.arange(14))
    for name, pictures in (("inputs", test.inputs.numpy()), ("targets", test.pictures.numpy()), ("images", outputs)):
        np.testing.assert_array_equal(arrays[f"grids/letters/{name}"], run.to_bytes(pictures[firsts]), err_msg=name)
    np.testing.assert_array_equal(arrays["grids/letters/verdicts"], darkest(None, outputs[firsts]))
    np.testing.assert_array_equal(arrays[runs.SAMPLE_RECONSTRUCTIONS], run.to_bytes(outputs[: runs.SAMPLES]))


# ---- kept for the next recipe --------------------------------------------------------------------------------


def test_what_is_fitted_is_computed_once_for_all_recipes_of_a_data_set(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = splits.test.pixels.astype(np.float32) / 255
    before = [pca(TrainingSplit(splits.train, preparation("purdue/dense")), inputs, components=k) for k in (5, 9)]
    monkeypatch.setattr(baselines, "fit_principal_axes", _fail)
    again = [pca(TrainingSplit(splits.train, preparation("freiburg/lr-0.1")), inputs, components=k) for k in (5, 9)]
    for one, other in zip(before, again, strict=True):
        assert one is not None and other is not None
        np.testing.assert_array_equal(one, other)
    other_images = TrainingSplit(first(splits.train, 150), preparation("purdue/dense"))
    with pytest.raises(AssertionError, match="computed"):
        pca(other_images, inputs, components=5)


def _fail(training: TrainingSplit, **_: object) -> Arrays:
    raise AssertionError("computed")


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the baselines that are computed, and not found in the cache; each is black."""
    names: list[str] = []

    def black(name: str, training: TrainingSplit, test: TestSplit, *, bottleneck_size: int) -> Pixels:
        names.append(name)
        return np.zeros_like(test.pictures.numpy())

    monkeypatch.setattr(run, "baseline_pictures", black)
    return names


def with_recipe(own: RunMeasurement, **changes: object) -> RunMeasurement:
    prepare = own.test.prepare
    recipe = replace(prepare.recipe, **changes)  # type: ignore[arg-type]
    return replace(own, test=replace(own.test, prepare=replace(prepare, recipe=recipe)))


def with_data(own: RunMeasurement, **changes: object) -> RunMeasurement:
    return with_recipe(own, data=replace(own.test.prepare.recipe.data, **changes))  # type: ignore[arg-type]


def with_test(own: RunMeasurement, part: str) -> RunMeasurement:
    changed = getattr(own.test, part).clone()
    changed[7] = 0
    return replace(own, test=replace(own.test, **{part: changed}))


ALL = ["pca", "nearest-example", "mean-image", "black"]
CHANGES: dict[str, Callable[[RunMeasurement], RunMeasurement]] = {
    "a training image": lambda own: replace(own, train=replace(own.train, pixels=own.train.pixels // 2)),
    "a training label": lambda own: replace(own, train=replace(own.train, labels=own.train.labels // 2)),
    "fewer training images": lambda own: replace(own, train=first(own.train, 199)),
    "an input": lambda own: with_test(own, "inputs"),
    "a wanted output": lambda own: with_test(own, "pictures"),
    "a test label": lambda own: with_test(own, "labels"),
    "the task": lambda own: with_recipe(own, task=replace(own.test.prepare.recipe.task, name="another")),
    "what goes in": lambda own: with_recipe(own, task=replace(own.test.prepare.recipe.task, input="grey")),
    "the noise": lambda own: with_data(own, noise=0.1),
    "the noise class": lambda own: with_data(own, noise_class=True),
    "the target letters": lambda own: replace(
        own, test=replace(own.test, prepare=replace(own.test.prepare, means=torch.zeros(10, 1, 28, 28)))
    ),
}


def test_the_figures_of_baselines_are_computed_once_for_all_networks(splits: Splits, computed: list[str]) -> None:
    before = measurement("purdue/conv", splits).measure(registry.load("purdue/conv").network())
    assert computed == ALL
    again = measurement("purdue/dense", splits).measure(registry.load("purdue/dense").network())
    assert computed == ALL, "none a second time"
    assert list(again.baselines) == ALL
    assert again.baselines == before.baselines
    assert again.metrics != before.metrics


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_the_figures_of_baselines_has_them_computed_again(
    splits: Splits, computed: list[str], change: Callable[[RunMeasurement], RunMeasurement]
) -> None:
    network, own = registry.load("purdue/conv").network(), measurement("purdue/conv", splits)
    for _ in range(2):
        own.measure(network)
        change(own).measure(network)
    assert computed == [*ALL, *ALL]


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [(baselines, "NOISE_SEED", 5), (cache, "_code", lambda: "another"), (torch, "__version__", "another")],
)
def test_another_seed_code_or_torch_has_baselines_computed_again(
    splits: Splits, computed: list[str], monkeypatch: pytest.MonkeyPatch, owner: object, name: str, value: object
) -> None:
    network = registry.load("purdue/conv").network()
    measurement("purdue/conv", splits).measure(network)
    monkeypatch.setattr(owner, name, value)
    measurement("purdue/conv", splits).measure(network)
    assert computed == [*ALL, *ALL]


def test_a_bottleneck_of_another_size_has_only_pca_computed_again(splits: Splits, computed: list[str]) -> None:
    network, own = registry.load("purdue/conv").network(), measurement("purdue/conv", splits)
    own.measure(network)
    replace(own, bottleneck_size=6).measure(network)
    assert computed == [*ALL, "pca"]


def test_a_baseline_that_is_left_out_is_left_out_from_the_cache_too(splits: Splits) -> None:
    network, own = registry.load("purdue/conv").network(), measurement("purdue/conv", splits)
    one, again = (replace(own, bottleneck_size=199).measure(network).baselines for _ in range(2))
    assert list(one) == ALL[1:]
    assert again == one


def test_what_a_network_judges_is_not_cached(splits: Splits, computed: list[str]) -> None:
    network, own = registry.load("purdue/conv").network(), measurement("purdue/conv", splits)
    for classifier in (registry.load("hesso/classifier").network() for _ in range(2)):
        judged = replace(own, scoring_classifier=classifier).measure(network)  # type: ignore[arg-type]
        assert judged.baselines["black"].keys() == {"mse", "psnr", "ssim", "bce", "accuracy"}
    assert computed == [*ALL, *ALL]


def test_a_fit_is_of_its_own_noise_inputs_and_data(splits: Splits) -> None:
    def cache_key(name: str, images: Images = splits.train) -> str:
        return str(TrainingSplit(images, preparation(name)).cache_key)

    assert cache_key("purdue/conv") == cache_key("hesso/conv@learning_rate=0.1")
    others = [
        cache_key("purdue/conv"),
        cache_key("purdue/denoise"),
        cache_key("purdue/denoise@noise=0.3"),
        cache_key("maastricht/colour-1"),
        cache_key("letters/classifier-noise"),
        cache_key("purdue/conv", first(splits.train, 199)),
        cache_key("purdue/conv", replace(splits.train, labels=splits.train.labels // 2)),
    ]
    assert len(set(others)) == len(others)


def test_what_is_kept_is_of_its_key_in_any_order_and_of_our_code() -> None:
    cached({"one": 1, "two": 2}, lambda: {"x": np.ones(2)})
    assert cached({"two": 2, "one": 1}, _never)["x"].tolist() == [1, 1]
    assert sha256_of([torch.zeros(2, 3)]) != sha256_of([torch.zeros(3, 2)])
    read: list[str] = []

    def read_bytes(path: Path) -> bytes:
        read.append("/".join(path.parts[-2:]))
        return b""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", read_bytes)
        cache._code.__wrapped__()
    measuring = {f"measure/{name}.py" for name in ("baselines", "cache", "generated", "metrics", "run")}
    assert {*measuring, "engine/prepare.py", "data/images.py"} <= set(read)


def test_a_damaged_file_of_the_cache_costs_only_time(empty_cache: Path) -> None:
    answers: list[Arrays] = []

    def answer() -> Arrays:
        answers.append({"x": np.arange(3.0)})
        return answers[-1]

    cached({"of": "this"}, answer)
    (file,) = (path for path in empty_cache.rglob("*") if path.is_file())
    whole = file.read_bytes()
    spoiled = [b"", whole[:20], whole[:-1]]
    spoiled += [whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :] for at in range(0, len(whole), 7)]
    for count, damaged in enumerate(spoiled, start=2):
        file.write_bytes(damaged)
        assert cached({"of": "this"}, answer)["x"].tolist() == [0, 1, 2]
        assert (len(answers), file.read_bytes()) == (count, whole), "computed and kept again"
    assert cached({"of": "this"}, _never)["x"].tolist() == [0, 1, 2]


def _never() -> Arrays:
    raise AssertionError("computed")


def test_where_nothing_can_be_kept_it_is_computed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        assert cached({}, lambda: {"x": np.ones(2)})["x"].tolist() == [1, 1]


# ---- stopped and followed ------------------------------------------------------------------------------------


def test_measuring_says_how_far_it_is_and_can_be_stopped_anywhere(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, seen = registry.load("purdue/conv").network(), list[tuple[int, int]]()
    measurement("purdue/conv", splits, progress=lambda *of: seen.append(of)).measure(network)
    assert seen == [(done, 5) for done in range(6)]
    calls: list[None] = []
    monkeypatch.setattr(run, "cached", lambda cache_key, compute: compute())
    measurement("purdue/conv", splits, check_stop=lambda: calls.append(None)).measure(network)
    assert len(calls) > 8

    def stop_at(count: int) -> Callable[[], None]:
        left = iter(range(count))

        def check_stop() -> None:
            if next(left, None) is None:
                raise Interrupted("stopped", received=2)

        return check_stop

    for count in range(len(calls)):
        with pytest.raises(Interrupted):
            measurement("purdue/conv", splits, check_stop=stop_at(count)).measure(network)


def test_a_long_call_is_abandoned_where_the_user_wants_to_stop() -> None:
    never = torch.multiprocessing.get_context().Event()

    def check_stop() -> None:
        raise Interrupted("stopped", received=2)

    with pytest.raises(Interrupted):
        run_in_thread(never.wait, check_stop)
    never.set()
    with pytest.raises(ZeroDivisionError):
        run_in_thread(lambda: 1 // 0, lambda: None)
    assert run_in_thread(lambda: 7, lambda: None) == 7
    assert run_in_thread(lambda: threading.current_thread().daemon, lambda: None), "nothing waits for it at the end"
    left = iter(range(20))

    def stop_at_last() -> None:
        next(left)

    with pytest.raises(SystemExit):
        run_in_thread(lambda: sys.exit(1), stop_at_last)


def test_a_quick_run_measures_few_images_and_says_how_many(
    tmp_path: Path, train_quickly: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "QUICK_IMAGES", 30)
    monkeypatch.setattr(setup, "QUICK_IMAGES", 30)
    meta = train_quickly("purdue/denoise", tmp_path, epochs=1, quick=True).run.read_history().meta
    assert (meta["test_images"], meta["baseline_images"], meta["train_images"]) == (30, 30, 200)
    meta = train_quickly("purdue/denoise", tmp_path, epochs=1, overwrite=True).run.read_history().meta
    assert (meta["test_images"], meta["baseline_images"], meta["rival"]) == (40, 200, "linear")
