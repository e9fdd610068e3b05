"""What runs make of the images shown, chroma errors and letters: the values behind three panels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.color import rgb2lab

from viewer.state import chroma, history, letters, pages, run_outputs
from viewer.state.letters import RunLetters
from viewer.state.run_outputs import RunOutput
from viewer.state.samples import Samples, to_unit
from viewer.state.selection import Known, State


@pytest.mark.parametrize("level", [0.01, 0.2, 1.0])
def test_a_and_b_are_those_of_scikit_image(level: float) -> None:
    images = (level * np.random.default_rng(0).random((3, 3, 8, 9))).astype(np.float32)
    theirs = rgb2lab(images.transpose(0, 2, 3, 1))[..., 1:].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(chroma.ab(images), theirs, atol=2e-3)


def test_the_chroma_error_is_the_mean_distance_in_a_and_b_whatever_the_brightness() -> None:
    rng = np.random.default_rng(1)
    targets, outputs = rng.random((2, 4, 3, 8, 8)).astype(np.float32)
    lab = [rgb2lab(images.transpose(0, 2, 3, 1))[..., 1:] for images in (targets, outputs)]
    distances = np.linalg.norm(lab[0] - lab[1], axis=-1)
    np.testing.assert_allclose(chroma.error_map(targets, outputs), distances, atol=5e-3)
    np.testing.assert_allclose(chroma.errors(distances), distances.mean(axis=(1, 2)))
    grey = np.repeat(rng.random((4, 1, 8, 8)), 3, axis=1).astype(np.float32)
    assert chroma.error_map(grey, 0.5 * grey).max() < 0.01, "brightness is not chroma"
    np.testing.assert_allclose(chroma.distance(chroma.ab(targets), 0), chroma.error_map(targets, grey), atol=0.01)


def output(**more: object) -> RunOutput:
    images = np.full((3, 1, 4, 4), 0.5, np.float32)
    fields: dict[str, object] = {"path": Path("a"), "name": "a", "samples": Samples(images, images), **more}
    return RunOutput(**fields)  # type: ignore[arg-type]


def test_errors_of_an_output_are_of_each_image_and_empty_without_pictures() -> None:
    half = output(images=np.stack([np.full((1, 4, 4), level, np.float32) for level in (0.5, 0.6, 1.0)]))
    np.testing.assert_allclose(half.mse, [0, 0.01, 0.25], atol=1e-6)
    assert np.isinf(half.psnr[0]) and half.psnr[2] == pytest.approx(6.02, abs=0.01)
    assert len(output(sentence="nothing").mse) == 0


def test_a_classifier_is_wrong_only_where_the_label_is_known_and_of_its_images() -> None:
    logits = np.array([[5.0, 0, 0], [0, 5, 0], [0, 0, 5]])
    text = output(logits=logits, classes=("a", "b"))
    name, sure = text.prediction(1)
    assert name == "b" and sure == pytest.approx(np.exp(5) / (np.exp(5) + 2))
    assert text.prediction(2)[0] == "2", "a class without a name is its number"
    labels = np.array([0, 0, 2])
    assert [text.is_wrong(image, labels) for image in range(3)] == [False, True, False]
    assert not text.is_wrong(1, None) and not output(logits=logits, shows_page_images=False).is_wrong(1, labels)


def test_probabilities_of_large_logits_are_finite() -> None:
    probabilities = run_outputs.softmax(np.array([[1e4, -1e4, 0.0]]))
    np.testing.assert_allclose(probabilities, [[1, 0, 0]])


def test_images_are_the_same_only_if_inputs_and_targets_are() -> None:
    one, other = output(), output(samples=Samples(np.zeros((3, 1, 4, 4), np.float32), np.zeros((3, 1, 4, 4))))
    assert run_outputs.same_images([one, output()]) and not run_outputs.same_images([one, other])
    assert not run_outputs.same_images([]) and not run_outputs.same_images([output(samples=None)])


def test_letters_are_called_by_their_names_and_classes_of_other_data_by_their_numbers() -> None:
    assert (letters.cyrillic(1), letters.latin(1)) == ("Д", "D")
    assert (letters.latin(14), letters.latin(1, letters=False)) == ("14", "1")
    assert letters.prediction_text(1, 1) == "D" and letters.prediction_text(0, 1) == "B≠D"
    assert letters.prediction_text(0, None) == "B"


def test_names_lose_the_folder_that_all_have_in_common() -> None:
    assert letters.short_names(["letters/class", "letters/mean"]) == ["class", "mean"]
    assert letters.short_names(["letters/class", "mean"]) == ["letters/class", "mean"]


def test_a_sheet_counts_what_is_called_rightly() -> None:
    images, labels = np.zeros((3, 1, 4, 4)), np.arange(3)
    sheet = RunLetters(Path("a"), "a", "translate", images, labels, None, None, np.array([0, 2, 2]))
    assert sheet.wrong == {1} and sheet.right_text == "2 of 3"


def test_a_letters_picture_target_and_prediction_stand_with_its_label() -> None:
    labels = np.array([2, 0, 1])
    shades = np.broadcast_to((10 * labels).astype(np.uint8)[:, None, None, None], (3, 1, 4, 4))
    parts = {"images": shades, "inputs": shades + 1, "targets": shades + 2, "labels": labels, "verdicts": labels + 3}
    known = Known(history=history.from_parts({}, {f"grids/letters/{part}": array for part, array in parts.items()}))
    (sheet,) = letters.sheets_of(State(known={Path("a"): known}), [Path("a")])
    assert sheet.labels.tolist() == [0, 1, 2] and sheet.predictions is not None
    assert sheet.predictions.tolist() == [3, 4, 5]
    for pictures, more in ((sheet.images, 0), (sheet.inputs, 1), (sheet.targets, 2)):
        assert pictures is not None
        np.testing.assert_allclose(255 * pictures[:, 0, 0, 0], np.array([0, 10, 20]) + more, atol=1e-4)


def test_the_colours_of_what_is_beyond_black_and_white_are_those_of_black_and_white() -> None:
    images = np.random.default_rng(2).uniform(-0.5, 1.5, (2, 3, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(chroma.ab(images), chroma.ab(images.clip(0, 1)))


def test_the_images_of_a_page_are_counted_in_the_runs_own_test_split() -> None:
    pixels, labels = np.zeros((8, 1, 4, 4), np.uint8), np.array([0, 3] * 4, np.uint8)
    split = pages.Split(pages.SplitName("mnist", "published"), pixels, labels, pixels, labels)
    page = pages.later_page(split, np.flatnonzero(labels == 3), 1, None)
    assert page.indices == (1, 2, 3) and page.labels is not None and page.labels.tolist() == [3, 3, 3]


@pytest.mark.parametrize(("count", "found"), [(12, True), (0, True), (11, False), (13, False)])
def test_images_that_begin_like_a_runs_own_are_its_test_split_only_if_they_are_as_many(count: int, found: bool) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (24, 1, 4, 4), dtype=np.uint8)
    labels = np.array([0, 3] * 12, np.uint8)
    split = pages.Split(pages.SplitName("mnist", "published"), pixels, labels, pixels, labels)
    first = to_unit(pixels[labels == 3][:10])
    rows = pages.rows_in_split(split, Samples(first, first), "reconstruct", count)
    assert (None if rows is None else rows.tolist()) == (list(range(1, 24, 2)) if found else None)
