"""The figures of every kind of run: letters, classifiers, generators, colours; and what a recipe needs first."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import Train, TrainedRuns, labels_of, pictures_of, shortened, small_splits
from tests.zoo.test_cli import aezoo
from train.dependencies import in_order, load_dependencies
from train.engine.batches import TestSplit
from train.engine.prepare import Preparation
from train.measure import generated as generate
from train.measure.baselines import TrainingSplit, linear, squared_distances
from train.measure.metrics import cross_entropy, measure, status_of_labels
from train.options import Options
from zoo import registry
from zoo.blocks import Classifier, Variational, normalise, normalize_mean, normalize_stddev
from zoo.data import sets
from zoo.errors import RunError
from zoo.inputs import distort, grey
from zoo.runs import RunFolder

CPU = torch.device("cpu")
Capture = pytest.CaptureFixture[str]


def prepared(name: str) -> Preparation:
    recipe = registry.load(name)
    targets = sets.load(recipe.data.targets, "train", sets.SAMPLE) if recipe.data.targets else None
    return Preparation.of(recipe, targets, device=CPU)


def split(name: str) -> TestSplit:
    return TestSplit.of(small_splits(registry.load(name)).test, prepared(name), device=CPU)


# ---- what goes in and what should come out -------------------------------------------------------------------


def test_normalize_mean_and_stddev_are_pure_and_do_what_they_say() -> None:
    image = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 0.7
    before = image.clone()
    centred, scaled = normalize_mean(image), normalize_stddev(image)
    torch.testing.assert_close(centred.mean(dim=(1, 2, 3)), torch.zeros(5), atol=1e-6, rtol=0)
    torch.testing.assert_close(centred.std(dim=(1, 2, 3), correction=0), image.std(dim=(1, 2, 3), correction=0))
    torch.testing.assert_close(scaled.std(dim=(1, 2, 3), correction=0), torch.ones(5))
    both = normalise(image)
    torch.testing.assert_close(both.mean(dim=(1, 2, 3)), torch.zeros(5), atol=1e-6, rtol=0)
    torch.testing.assert_close(both.std(dim=(1, 2, 3), correction=0), torch.ones(5))
    torch.testing.assert_close(normalise(3 * image + 1), both, atol=1e-4, rtol=0)
    assert torch.equal(image, before)
    assert torch.isfinite(normalise(torch.ones(1, 1, 4, 4))).all(), "a blank image stays blank"


def test_grey_is_the_weighted_sum_that_the_sheets_solutions_use() -> None:
    colours = torch.eye(3)[:, :, None, None]
    assert grey(colours).flatten().tolist() == pytest.approx([0.2989, 0.5870, 0.1140])


def test_a_colouriser_gets_grey_and_wants_colour() -> None:
    test = split("maastricht/colour-1")
    assert (test.inputs.shape[1:], test.pictures.shape[1:]) == ((1, 32, 32), (3, 32, 32))
    torch.testing.assert_close(test.inputs, grey(test.pictures))


@pytest.mark.parametrize(("name", "several"), [("random", 16), ("representative", 1), ("mean", 1)])
def test_each_strategy_wants_its_letters_of_the_same_class(name: str, several: int) -> None:
    prepare, test = prepared(f"letters/{name}"), split(f"letters/{name}")
    latin = sets.load("latin", "train", sets.SAMPLE)
    batch = next(test.batches(14))
    assert batch.target.shape == (14, several, 1, 28, 28)
    assert batch.label.tolist() == list(range(14))
    drawings = [latin.pixels[latin.labels == label] / np.float32(255) for label in range(14)]
    known = [normalise(torch.from_numpy(letters)).flatten(1) for letters in drawings]
    if name != "mean":
        for letters, label in zip(batch.target, batch.label.tolist(), strict=True):
            distance = torch.cdist(letters.flatten(1), known[label], compute_mode="donot_use_mm_for_euclid_dist")
            assert float(distance.min(dim=1).values.max()) < 1e-2
            chosen = distance.argmin(dim=1).tolist()
            assert len(set(chosen)) == several
            assert several == 1 or chosen != list(range(several)), "not the first of the file"
    means = np.stack([latin.pixels[latin.labels == label].mean(axis=0) / 255 for label in range(14)])
    np.testing.assert_allclose(test.pictures[:14].numpy(), means, atol=1e-6)
    assert prepare.bank is not None
    again = prepared(f"letters/{name}").bank
    assert again is not None
    assert torch.equal(prepare.bank, again), "chosen once for all"


def test_the_representative_letter_of_a_class_is_the_one_nearest_to_its_mean() -> None:
    latin, bank = sets.load("latin", "train", sets.SAMPLE), prepared("letters/representative").bank
    assert bank is not None
    for label in range(14):
        letters = latin.pixels[latin.labels == label] / np.float32(255)
        nearest = letters[np.square(letters - letters.mean(axis=0)).sum(axis=(1, 2, 3)).argmin()]
        torch.testing.assert_close(bank[label], normalise(torch.from_numpy(nearest[None])))


def test_a_class_goes_in_as_one_white_pixel() -> None:
    test = split("letters/latent")
    assert test.inputs.shape == (56, 1, 1, 14)
    assert torch.equal(test.inputs.flatten(1).argmax(1), test.labels)
    assert test.inputs.sum(dim=(1, 2, 3)).eq(1).all()


def test_a_noise_class_gives_as_many_images_of_noise_as_letters() -> None:
    test = split("letters/classifier-noise")
    noise = test.labels == 14
    assert int(noise.sum()) == len(test) // 2
    assert float(test.inputs[noise].std()) == pytest.approx(0.15, abs=0.01)
    assert float(test.inputs[noise].mean()) == pytest.approx(0.5, abs=0.01)
    assert test.inputs.min() >= 0 and test.inputs.max() <= 1
    assert len(test.inputs[noise].flatten(1).unique(dim=0)) == len(test) // 2, "each another"


def test_distorted_letters_are_others_each_time_and_as_bright() -> None:
    letters = torch.from_numpy(sets.load("latin", "train", sets.SAMPLE).pixels[:50]).float() / 255
    one, two = (distort(letters, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert torch.equal(one, distort(letters, torch.Generator().manual_seed(1)))
    assert float((one - two).abs().mean()) > 0.02
    assert 0.7 < float(one.mean() / letters.mean()) < 1.3
    assert one.min() >= 0
    assert one.max() <= 1.001


def test_each_letter_is_turned_sheared_scaled_shifted_and_bent_on_its_own() -> None:
    """A picture of its own coordinates shows where each pixel was taken from."""
    side = (torch.arange(28) + 0.5) / 14 - 1  # as in the middle, -1 to 1
    across, down = side.expand(200, 1, 28, 28), side[:, None].expand(200, 1, 28, 28)
    taken = [distort(image, torch.Generator().manual_seed(3))[:, 0, 8:20, 8:20] for image in (across, down)]
    x, y = (image[0, 0, 8:20, 8:20].flatten() for image in (across, down))
    known = torch.stack([x, y, torch.ones(144)], dim=1)
    wanted = torch.stack(taken, dim=-1).reshape(200, 144, 2)
    fit = torch.linalg.lstsq(known.expand(200, -1, -1), wanted).solution  # (200, 3, 2)
    turned, shifted = fit[:, :2] - torch.eye(2), fit[:, 2]
    assert turned.mean(dim=0).abs().max() < 0.05
    assert turned.std(dim=0).sub(0.15).abs().max() < 0.06, "of both axes by both, with what bending adds"
    assert shifted.std(dim=0).sub(0.07).abs().max() < 0.02
    bent = (wanted - known @ fit).std(dim=1)
    assert bent.min() > 0.005 and bent.max() < 0.1


def test_a_class_of_few_letters_leaves_every_class_as_many_to_compare_with() -> None:
    latin = sets.load("latin", "train", sets.SAMPLE)
    kept = np.concatenate([np.flatnonzero(latin.labels == label)[: 5 if label == 3 else None] for label in range(14)])
    prepare = Preparation.of(registry.load("letters/random"), latin.take(kept), device=CPU)
    assert prepare.bank is not None and prepare.bank.shape == (14, 5, 1, 28, 28)


# ---- baselines -----------------------------------------------------------------------------------------------


def test_copied_grey_and_the_best_linear_map_stand_beside_a_colouriser() -> None:
    splits, test = small_splits(registry.load("maastricht/colour-1")), split("maastricht/colour-1")
    found = pictures_of(TrainingSplit(splits.train, test.prepare), test, bottleneck_size=64)
    assert found.keys() == {"linear", "nearest-example", "black", "mean-image", "grey-copied"}
    np.testing.assert_array_equal(found["grey-copied"][:, 1:2], test.inputs.numpy())
    targets = test.pictures.numpy()
    assert measure(targets, found["linear"])["mse"] < measure(targets, found["mean-image"])["mse"]


def test_a_linear_map_of_few_images_is_least_squares_from_their_components() -> None:
    splits = small_splits(registry.load("maastricht/colour-1"))
    training = TrainingSplit(splits.train, prepared("maastricht/colour-1"))
    (batch,) = training.batches()
    inputs, targets = batch.image, batch.target
    x, y = inputs.numpy().astype(np.float64), targets.numpy().astype(np.float64)
    centred = x - x.mean(0)
    scores = centred @ np.linalg.svd(centred, full_matrices=False)[2][:30].T
    weights = np.linalg.lstsq(scores, y - y.mean(0), rcond=None)[0]
    expected = np.clip(scores @ weights + y.mean(0), 0, 1)
    found = linear(training, inputs.numpy().reshape(-1, 1, 32, 32))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_translated_letters_stand_beside_the_class_of_the_nearest_example() -> None:
    splits, test = small_splits(registry.load("letters/random")), split("letters/random")
    found = pictures_of(TrainingSplit(splits.train, test.prepare), test, bottleneck_size=64)
    assert found.keys() == {"linear", "nearest-example", "black", "mean-image", "copied-input"}
    means = {mean.tobytes() for mean in prepared("letters/random").means.numpy()}  # type: ignore[union-attr]
    assert {picture.tobytes() for picture in found["nearest-example"]} <= means


def test_a_classifiers_baselines_know_the_majority_the_means_and_the_nearest_image() -> None:
    splits, test = small_splits(registry.load("hesso/classifier")), split("hesso/classifier")
    found = labels_of(TrainingSplit(splits.train, test.prepare), test)
    assert len(set(found["majority"].tolist())) == 1
    accuracy = {name: float((labels == test.labels.numpy()).mean()) for name, labels in found.items()}
    assert accuracy["nearest-example"] > accuracy["majority"]
    assert accuracy["nearest-mean"] > accuracy["majority"]


def test_the_majority_is_the_most_frequent_class_of_the_training_split() -> None:
    splits, test = small_splits(registry.load("hesso/classifier")), split("hesso/classifier")
    labels = np.full_like(splits.train.labels, 3)
    labels[:20], labels[20] = 5, 8
    found = labels_of(TrainingSplit(replace(splits.train, labels=labels), test.prepare), test)
    assert set(found["majority"].tolist()) == {3}


def test_cross_entropy_is_torchs_and_one_answer_for_all_has_failed() -> None:
    logits, labels = np.random.default_rng(0).normal(size=(20, 5)) * 30, np.arange(20) % 5
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels))
    assert cross_entropy(labels, logits) == pytest.approx(float(expected))
    assert (status_of_labels(labels), status_of_labels(np.zeros(9))) == ("finished", "failed")


# ---- generated digits ----------------------------------------------------------------------------------------


def test_the_planes_grid_is_the_normal_distributions_quantiles_and_the_extreme_one_reaches_4() -> None:
    plane, extreme = generate.plane_points(), generate.extreme_points()
    assert plane.shape == extreme.shape == (225, 2)
    assert plane[0].tolist() == pytest.approx([-1.834, 1.834], abs=1e-3), "the first is at the left and above"
    assert plane[112].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert (extreme.min(), extreme.max()) == (-4, 4)


def test_the_three_measures_show_memory_and_sameness() -> None:
    splits = small_splits(registry.load("hesso/vae-2-100"))
    training = TrainingSplit(splits.train, prepared("hesso/vae-2-100"))
    real = splits.test.pixels.astype(np.float32) / 255
    threshold = generate.median_nearest_distance(real)
    repeated = splits.train.pixels[: len(real)].astype(np.float32) / 255
    same = np.broadcast_to(real[:1], real.shape)
    found = {
        name: generate.diversity(images, training, threshold=threshold)
        for name, images in (("real", real), ("repeated", repeated), ("same", same))
    }
    assert found["repeated"]["nearest"] == pytest.approx(0, abs=0.02)
    assert found["real"]["nearest"] > 1
    assert found["same"]["distinct"] == 1
    assert found["same"]["pairwise"] == pytest.approx(0, abs=0.02)
    assert found["real"]["distinct"] > 5


def test_the_pairwise_distance_is_the_mean_over_pairs_of_two_images() -> None:
    training = TrainingSplit(small_splits(registry.load("hesso/vae-2-100")).train, prepared("hesso/vae-2-100"))
    pictures = np.zeros((3, 1, 28, 28), np.float32)
    pictures[1, 0, 0, 0], pictures[2, 0, 0, 1] = 0.6, 0.8  # 0.6, 0.8 and 1 from one another
    black = replace(training, images=replace(training.images, pixels=np.zeros_like(training.images.pixels)))
    found = generate.diversity(pictures, black, threshold=1.0)
    assert found["pairwise"] == pytest.approx((0.6 + 0.8 + 1) / 3, abs=1e-4)
    assert found["nearest"] == pytest.approx((0 + 0.6 + 0.8) / 3, abs=1e-4)


def test_the_median_nearest_distance_is_of_other_images() -> None:
    pictures = np.zeros((5, 1, 28, 28), np.float32)
    pictures[:, 0, 0, 0] = [0, 0.1, 0.3, 0.5, 1]  # 0.1, 0.1, 0.2, 0.2 and 0.5 from the nearest
    assert generate.median_nearest_distance(pictures) == pytest.approx(0.2, abs=1e-4)


def test_a_generator_is_measured_on_both_grids_on_random_points_and_beside_real_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = registry.load("hesso/vae-8-10")
    splits, test = small_splits(recipe), split(recipe.name)
    decoded, wrong = list[np.ndarray](), iter([0.2, 0.4, 0.25])  # plane, extreme, real

    def decode(network: object, points: np.ndarray, device: object) -> np.ndarray:
        decoded.append(points)
        return np.full((len(points), 1, 28, 28), 0.61, np.float32)

    def labels(classifier: object, pictures: np.ndarray, **more: object) -> np.ndarray:
        is_real = len(pictures) == 20 and not (pictures == np.float32(0.61)).all()
        assert is_real == (len(decoded) == 3)
        return np.where(np.arange(len(pictures)) < len(pictures) * next(wrong), 3, 8)

    monkeypatch.setattr(generate, "MAX_IMAGES", 20)
    monkeypatch.setattr(generate, "decode", decode)
    monkeypatch.setattr(generate, "labels_of", labels)
    monkeypatch.setattr(
        generate, "diversity", lambda pictures, training, threshold: {"pairwise": float(pictures.mean())}
    )
    network, classifier = recipe.network(), registry.load("hesso/classifier").network()
    assert isinstance(network, Variational) and isinstance(classifier, Classifier)
    training = TrainingSplit(splits.train, test.prepare)
    found = generate.measure_generator(network, training, test, classifier)
    assert found.metrics == pytest.approx({"wrong-plane": 0.2, "wrong-extreme": 0.4, "pairwise": 0.61}, abs=1e-5)
    assert found.real == pytest.approx({"wrong-plane": 0.25, "pairwise": float(test.pictures[:20].mean())}, abs=1e-5)
    for name, points in (("plane", generate.plane_points()), ("extreme", generate.extreme_points())):
        np.testing.assert_array_equal(found.arrays[f"grids/{name}/points"], points)
        assert (found.arrays[f"grids/{name}/images"] == 156).all(), "155.55, rounded"
    generate.measure_generator(network, training, test, None)
    assert decoded[2].shape == (20, 2) and abs(decoded[2].mean()) < 0.4 and 0.7 < decoded[2].std() < 1.3
    np.testing.assert_array_equal(decoded[2], decoded[5], err_msg="the same points for every network")


def test_distinct_patterns_are_counted_greedily() -> None:
    points = np.array([[0.0], [0.5], [2.0], [2.4], [5.0]])
    distances = np.abs(points - points.T)
    assert generate.distinct_patterns(distances, 1.0) == 3
    assert generate.distinct_patterns(distances, 0.5) == 3, "only what is further than the threshold"
    flat = torch.from_numpy(points)
    np.testing.assert_allclose(squared_distances(flat, flat).sqrt().numpy(), distances, atol=1e-6)


def test_a_generators_history_holds_its_grids_and_their_labels(
    trained_runs: TrainedRuns,
) -> None:
    history = RunFolder.of(trained_runs("hesso/vae-8-10"), "hesso/vae-8-10").read_history()
    for grid in ("plane", "extreme"):
        assert history.arrays[f"grids/{grid}/images"].shape == (225, 1, 28, 28)
        assert history.arrays[f"grids/{grid}/points"].shape == (225, 2)
        verdicts = history.arrays[f"grids/{grid}/verdicts"]
        assert history.metrics()[f"wrong-{grid}"] == pytest.approx((verdicts != 8).mean())
    assert history.meta["train_images"] == 10
    assert history.baselines()["real"].keys() >= {"pairwise", "distinct", "nearest", "wrong-plane"}


# ---- what must be there first --------------------------------------------------------------------------------


def test_what_a_recipe_needs_is_put_before_it_once_unless_it_is_trained(
    trained_runs: TrainedRuns, tmp_path: Path
) -> None:
    recipes = [registry.load("letters/latent"), registry.load("letters/class-noise")]
    names = [recipe.name for recipe in in_order(recipes, tmp_path)]
    assert names == [
        *("letters/classifier", "letters/random", "letters/latent"),
        *("letters/classifier-noise", "letters/class-noise"),
    ]
    assert [recipe.name for recipe in in_order(recipes, trained_runs(*names))] == [
        "letters/latent",
        "letters/class-noise",
    ]


def test_a_network_that_is_needed_and_not_there_or_of_other_data_is_one_sentence(
    trained_runs: TrainedRuns, tmp_path: Path
) -> None:
    recipe, there = registry.load("hesso/vae-2-10"), trained_runs("hesso/classifier")
    with pytest.raises(
        RunError, match=r"needs hesso/classifier, which is not trained in .*`aezoo train hesso/classifier`"
    ):
        load_dependencies(recipe, Options(data="sample", runs=tmp_path), CPU)
    with pytest.raises(
        RunError, match=r"is to be trained on real data, but hesso/classifier .* was trained on mnist-sample"
    ):
        load_dependencies(recipe, Options(data="/somewhere", runs=there, quick=True), CPU)
    with pytest.raises(RunError, match=r"was trained for a few steps only \(--quick\); train it again with"):
        load_dependencies(recipe, Options(data="sample", runs=there), CPU)


@pytest.mark.slow
def test_what_is_only_needed_has_its_own_schedule_and_loses_nothing(tmp_path: Path, capsys: Capture) -> None:
    arguments = ("--data", "sample", "--quick", "--no-export", "--runs", tmp_path)
    assert aezoo(capsys, "train", "hesso/classifier", *arguments, "--epochs", "3")[0] == 0
    code, _, err = aezoo(capsys, "train", "hesso/vae-2-10", "--overwrite", "--epochs", "1", *arguments)
    assert (code, "is trained first" in err) == (0, False)
    assert RunFolder.of(tmp_path, "hesso/classifier").read_history().epochs == 3
    assert RunFolder.of(tmp_path, "hesso/vae-2-10").read_history().meta["needs"].keys() == {"hesso/classifier"}


@pytest.mark.slow
def test_a_changed_scoring_classifier_is_noticed_when_a_run_is_resumed(tmp_path: Path, capsys: Capture) -> None:
    arguments = ("--data", "sample", "--quick", "--no-export", "--runs", tmp_path)
    aezoo(capsys, "train", "hesso/vae-2-10", *arguments)
    aezoo(capsys, "train", "hesso/classifier", "--seed", "7", "--overwrite", *arguments)
    code, _, err = aezoo(capsys, "train", "hesso/vae-2-10", "--resume", "--epochs", "3", *arguments)
    assert code == 2
    assert "was trained with another teacher, scoring classifier or parent; name the same one to resume it" in err


def test_what_would_stop_the_last_recipe_is_said_before_the_first_begins(
    trained_runs: TrainedRuns, tmp_path: Path, capsys: Capture
) -> None:
    shutil.copytree(trained_runs("hesso/classifier") / "hesso" / "classifier", tmp_path / "hesso" / "classifier")
    arguments = ("train", "purdue/conv", "hesso/vae-2-10", "--data", "sample", "--epochs", "1", "--runs", tmp_path)
    code, _, err = aezoo(capsys, *arguments)
    assert (code, "was trained for a few steps only" in err) == (2, True)
    code, _, err = aezoo(
        capsys, "train", "purdue/conv", "maastricht/base", "--data", "sample", "--epochs", "3000", "--runs", tmp_path
    )
    assert (code, "at most 2184 can be trained" in err) == (2, True)
    assert not (tmp_path / "purdue").exists()


def test_the_line_that_goes_on_names_what_was_still_to_come() -> None:
    line = Options(data="sample", runs=Path("runs"), precision="auto", after=("a/b", "c/d")).resume_line("x/y")
    assert line == "aezoo train x/y a/b c/d --resume --data sample"


def test_the_latent_letters_start_from_the_trained_decoder_and_leave_it_alone(
    trained_runs: TrainedRuns, tmp_path: Path, train_quickly: Train
) -> None:
    recipe, there = shortened(registry.load("letters/latent")), trained_runs("letters/random")
    result = train_quickly(recipe, tmp_path, epochs=2, quick=True, splits=small_splits(recipe), needs=there)
    from export.trained import load_trained

    frozen = load_trained(recipe, result.run, epochs=2).network.decoder.state_dict()  # type: ignore[union-attr]
    parent_run = RunFolder.of(there, "letters/random")
    parent = load_trained(registry.load("letters/random"), parent_run, epochs=1).network.decoder.state_dict()  # type: ignore[union-attr]
    assert {f"module.{key}" for key in parent} == frozen.keys()
    assert all(torch.equal(value, frozen[f"module.{key}"]) for key, value in parent.items())
    assert result.record.train_loss[1] < result.record.train_loss[0]


def test_bf16_is_named_in_the_history_and_learns_nearly_the_same(tmp_path: Path, train_quickly: Train) -> None:
    exact = train_quickly("purdue/conv", tmp_path / "fp32", epochs=2)
    fast = train_quickly("purdue/conv", tmp_path / "bf16", epochs=2, precision="bf16")
    assert (exact.run.read_history().meta["precision"], fast.run.read_history().meta["precision"]) == ("fp32", "bf16")
    assert fast.record.val_loss[-1] == pytest.approx(exact.record.val_loss[-1], rel=0.05)
    with pytest.raises(RunError, match="was trained with another precision"):
        train_quickly("purdue/conv", tmp_path / "bf16", epochs=3, resume=True)


def test_the_verb_trains_what_is_needed_first_and_a_quick_run_is_called_so(tmp_path: Path, capsys: Capture) -> None:
    arguments = ("train", "hesso/vae-3-10", "--data", "sample", "--quick", "--no-export", "--runs", tmp_path)
    code, out, err = aezoo(capsys, *arguments)
    assert code == 0
    assert "hesso/classifier is trained first, since it is needed by hesso/vae-3-10" in err
    assert "these figures say nothing about the recipe" in out
    assert RunFolder.of(tmp_path, "hesso/vae-3-10").read_history().meta["state"] == "quick"
    code, _, err = aezoo(capsys, "train", "hesso/conv", "--precision", "fp8", "--data", "sample")
    assert (code, "--precision 'fp8' is none of auto, fp32, bf16" in err) == (2, True)


@pytest.mark.slow
def test_every_recipe_trains_exports_and_verifies_with_a_tiny_budget(tmp_path: Path, capsys: Capture) -> None:
    code, out, err = aezoo(capsys, "train", "all", "--data", "sample", "--quick", "--runs", tmp_path)
    assert code == 0, err
    assert out.count("these figures say nothing about the recipe") == len(registry.names())
    code, out, _ = aezoo(capsys, "verify", "all", "--runs", tmp_path)
    assert code == 0
    assert out.count(": passed") == len(registry.names())


def test_a_selection_is_of_the_runs_own_digit() -> None:
    recipe = replace(registry.load("hesso/vae-3-10"))
    test = TestSplit.of(small_splits(recipe).test, prepared(recipe.name), device=CPU)
    assert set(test.labels.tolist()) == {3}
