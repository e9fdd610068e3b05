"""What runs make of the images shown, chroma errors and letters: the values behind three panels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from skimage.color import rgb2lab

from tests.viewer.conftest import CARD, Open
from viewer.figures.comparison import ComparisonFigure
from viewer.state import chroma, formatting, history, letters, numbers, pages, run_outputs, samples, why
from viewer.state.files import FileBytes
from viewer.state.graph import GraphInfo
from viewer.state.grids import PictureGrid
from viewer.state.letters import RunLetters
from viewer.state.library import Entry
from viewer.state.pages import Order, Page, Pasted, Split, SplitName
from viewer.state.run_outputs import COMING, FIRST_ONLY, RunOutput
from viewer.state.samples import Samples, to_grey, to_unit
from viewer.state.selection import Known, State
from zoo import runs
from zoo.data import sets
from zoo.gate import GraphFacts, Port


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
    probabilities = numbers.softmax(np.array([[1e4, -1e4, 0.0]]))
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
    assert formatting.without_common_folder(["letters/class", "letters/mean"]) == ["class", "mean"]
    assert formatting.without_common_folder(["letters/class", "mean"]) == ["letters/class", "mean"]
    assert formatting.without_common_folder(["a/x", "b/x"]) == ["a/x", "b/x"]
    assert formatting.without_common_folder(["a/x"]) == ["a/x"], "one alone has nothing in common"
    assert State().shown_names[Path("runs/a/gone")] == "a/gone", "its pictures may still be shown"


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
    (recalled,) = letters.sheets_of(
        State(known={Path("a"): replace(known, card=replace(CARD, task="recall"))}), [Path("a")]
    )
    assert (recalled.task, recalled.name) == ("recall", "")
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


def test_differences_are_output_minus_target_and_the_three_likeliest_classes_are_named() -> None:
    inputs, targets = np.zeros((2, 1, 4, 4), np.float32), np.full((2, 3, 4, 4), 0.25, np.float32)
    made = output(samples=Samples(inputs, targets), images=np.stack([targets[0] + 0.5, targets[0] - 0.25]))
    np.testing.assert_allclose(made.difference[:, 0, 0], [0.5, -0.25])
    assert made.count == 2 and output(samples=None).count == 0 and len(output(samples=None).psnr) == 0
    text = output(logits=np.log(np.array([[0.1, 0.5, 0.05, 0.35]])), classes=("a", "b", "c"))
    assert text.likeliest(0) == "b 50.0 %, 3 35.0 %, a 10.0 %"
    assert text.class_name(-1) == "-1" and not text.is_wrong(0, np.zeros(0))


def test_images_differ_where_their_targets_or_shapes_do_in_any_run() -> None:
    images = np.zeros((3, 1, 4, 4), np.float32)
    one, two = output(samples=Samples(images, images)), output(samples=Samples(images, images.copy()))
    coloured = output(samples=Samples(images, np.zeros((3, 3, 4, 4), np.float32)))
    lit, noisy = (output(samples=Samples(*pair)) for pair in ((images, images + 1), (images + 1, images)))
    single = output(samples=Samples(images[:1], images))
    assert run_outputs.same_images([one, two, output(samples=None), two])
    for other in (coloured, lit, noisy, single):
        assert not run_outputs.same_images([one, other]) and not run_outputs.same_images([one, two, other])


# ---- letters ----


def test_a_class_that_is_no_letter_is_its_number_and_predictions_may_be_missing() -> None:
    assert [letters.latin(label) for label in (-1, 13, 14)] == ["-1", letters._LATIN[13], "14"]
    assert [letters.cyrillic(label) for label in (-1, 14)] == ["-1", "14"] and letters.cyrillic(1, letters=False) == "1"
    assert letters.prediction_text(0, 1, letters=False) == "0≠1"
    for dataset, found in (("cyrillic", True), ("latin-sample", True), ("mnist", False)):
        read = history.from_parts({"data": dataset}, {})
        assert letters.has_letter_classes(Known(history=read)) is found
    assert not letters.has_letter_classes(Known())
    plain = RunLetters(Path("a"), "a", "translate", np.zeros((3, 1, 4, 4)), np.arange(3), None, None, None)
    assert (plain.right_text, plain.wrong) == ("not classified", frozenset())
    unlabelled = history.from_parts({}, {"grids/letters/images": np.zeros((3, 1, 4, 4), np.uint8)})
    assert letters.sheets_of(State(known={Path("a"): Known(history=unlabelled)}), [Path("a")]) == ()


def test_what_recalls_letters_stands_beside_those_translated_in_its_folder() -> None:
    tasks = {"x/class": "translate", "x/mean": "translate", "x/name": "recall", "y/name": "recall", "x/plain": ""}
    paths = {name: Path(name) for name in tasks}
    entries = tuple(Entry(path, True, path / "model.onnx") for path in paths.values())
    known = {paths[name]: Known(card=replace(CARD, task=task)) for name, task in tasks.items()}
    state = State(entries=entries, known=known)

    def chosen(*names: str) -> list[str]:
        return [str(path) for path in letters.chosen_runs(replace(state, selected=tuple(map(Path, names))))]

    assert [str(path) for path in letters.open_runs(state)] == ["x/class", "x/mean", "x/name", "y/name"]
    assert chosen() == chosen("x/plain") == ["x/class", "x/mean", "x/name"]
    assert chosen("x/class") == ["x/class"] and chosen("y/name") == ["y/name"]
    assert chosen("x/mean", "x/class") == ["x/class", "x/mean", "x/name"], "and not what is in another folder"


# ---- pages ----


def page_of(clean: np.ndarray, **more: object) -> Page:
    return Page(clean=clean, title="", provenance="drawn", **more)  # type: ignore[arg-type]


def test_images_of_a_page_become_what_the_task_takes_and_should_give() -> None:
    colour = np.random.default_rng(0).random((3, 3, 4, 4)).astype(np.float32)
    page = page_of(colour, indices=(0, 1, 2))
    made = pages.make_samples(page, None, "colourise", 0.0, (1, 4, 4), None)
    assert made is not None and made.targets is colour and made.provenance == "drawn"
    np.testing.assert_allclose(made.inputs, to_grey(colour))
    assert pages.make_samples(page, None, "colourise", 0.0, (1, 5, 5), None) is None
    grey = pages.make_samples(page, None, "reconstruct", 0.5, (1, 4, 4), None)
    assert grey is not None and grey.inputs is grey.targets, "noise is for denoisers"
    np.testing.assert_allclose(grey.inputs, to_grey(colour))
    assert pages.make_samples(page, None, "reconstruct", 0.0, (1, 5, 5), None) is None
    assert pages.make_samples(page_of(to_grey(colour)), None, "colourise", 0.0, (1, 4, 4), None) is None
    assert pages.make_samples(page_of(to_grey(colour)), None, "", 0.0, (3, 4, 4), None) is None
    noisy = pages.make_samples(page, None, "denoise", 0.5, (3, 4, 4), None)
    assert noisy is not None and noisy.targets is colour and np.abs(noisy.inputs - colour).max() > 0.2
    still = pages.make_samples(page, None, "denoise", 0.0, (3, 4, 4), None)
    assert still is not None and still.inputs is colour


def test_a_runs_own_images_are_given_with_their_noise_and_only_where_they_are_those_of_the_page() -> None:
    images = np.random.default_rng(0).random((3, 1, 4, 4)).astype(np.float32)
    own = Samples(images[::-1], images)
    page = page_of(images.copy(), indices=(0, 1, 2))
    assert pages.make_samples(page, own, "denoise", 0.5, (1, 4, 4), None) is own
    for other, task in (
        (page_of(images, indices=None), "denoise"),
        (page_of(images + 0.1, indices=(0,)), "denoise"),
        (page, "reconstruct"),
    ):
        assert pages.make_samples(other, own, task, 0.5, (1, 4, 4), None) is not own
    assert [pages.clean_of(own, task) is own.targets for task in ("denoise", "colourise", "recall")] == [True] * 3
    assert [pages.clean_of(own, task) is own.inputs for task in ("", "reconstruct", "translate")] == [True] * 3
    assert own.clean(noisy=True) is own.targets and own.clean(noisy=False) is own.inputs


def test_letters_are_translated_to_those_of_their_class_and_recalled_from_it() -> None:
    targets = np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1) * np.ones((1, 1, 4, 4), np.float32)
    grid = PictureGrid(targets, targets=targets, labels=np.array([5, 1, 3]))
    images = np.random.default_rng(0).random((2, 1, 4, 4)).astype(np.float32)
    page = page_of(images, labels=np.array([3, 5]))
    made = pages.make_samples(page, None, "translate", 0.0, (1, 4, 4), grid)
    assert made is not None and made.inputs is images and made.targets[:, 0, 0, 0].tolist() == [2, 0]
    unknown = pages.make_samples(replace(page, labels=np.array([3, 4])), None, "translate", 0.0, (1, 4, 4), grid)
    assert unknown is not None and unknown.targets is images
    recalled = pages.make_samples(page, None, "recall", 0.0, (1, 1, 4), grid)
    assert recalled is not None and recalled.targets[:, 0, 0, 0].tolist() == [2, 0]
    assert recalled.inputs.tolist() == [[[[0, 0, 0, 1]]], [[[0, 1, 0, 0]]]], "classes begin anew after the last"
    assert pages.make_samples(page, None, "recall", 0.0, (1, 4, 4), grid) is None
    assert pages.make_samples(page_of(images), None, "recall", 0.0, (1, 1, 4), grid) is None


def test_a_run_on_one_label_is_found_by_its_own_images_though_they_are_rounded() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (8, 1, 4, 4), dtype=np.uint8)
    labels = np.array([0, 3] * 4, np.uint8)
    split = Split(SplitName("mnist", "published"), pixels, labels, pixels, labels)
    near = to_unit(pixels) - np.float32(0.4 / 255)
    first = Samples(near[1::2], near[1::2])
    found = pages.rows_in_split(split, first, "reconstruct", 4)
    assert found is not None and found.tolist() == [1, 3, 5, 7]
    assert pages.rows_in_split(split, Samples(near, near), "reconstruct", 4) is None, "they are more than the label has"
    whole = Samples(near[:3], near[:3])
    for count, rows in ((0, 8), (8, 8), (4, None)):
        found = pages.rows_in_split(split, whole, "reconstruct", count)
        assert (None if found is None else len(found)) == rows


def test_titles_of_pages_count_from_one_and_name_two_pictures_at_most() -> None:
    pixels, labels = np.zeros((1234, 1, 1, 1), np.uint8), np.zeros(1234, np.uint8)
    split = Split(SplitName("mnist", "published"), pixels, labels, pixels, labels)
    rows = np.arange(0, 1234, 1)
    assert pages.later_page(split, rows, 1230, None).title == "test images 1,231 to 1,234 of 1,234"
    turned = pages.later_page(split, rows[:25], 10, Order(np.arange(25)[::-1], "worst first"))
    assert (turned.title, turned.of) == ("worst first: 11 to 20 of 25", 25)
    assert turned.labels is not None and turned.labels.dtype == np.int64
    own = Samples(np.zeros((3, 1, 1, 1)), np.zeros((3, 1, 1, 1)), provenance="drawn")
    first = pages.first_page(own, "", embedded=True)
    assert (first.indices, first.provenance, first.own) == ((0, 1, 2), "drawn", own)
    assert turned.indices == tuple(range(14, 4, -1))
    picture = np.zeros((4, 6, 3), np.uint8)
    for names, title in ((("a", "b"), "your own: a, b"), (("a", "b", "c"), "your own: 3 pictures")):
        page = pages.pasted_page(Pasted((picture, picture[:, :4], picture)[: len(names)], names), (1, 4, 4))
        assert (page.title, page.of, page.fitting) == (title, len(names), "6×4, its middle 4×4")


@pytest.mark.parametrize(
    ("shape", "task", "inputs", "targets"),
    [
        ((1, 32, 32), "colourise", (10, 1, 32, 32), (10, 3, 32, 32)),
        ((3, 32, 32), "", (10, 3, 32, 32), (10, 3, 32, 32)),
        ((1, 28, 28), "denoise", (10, 1, 28, 28), (10, 1, 28, 28)),
        ((2, 5, 5), "", None, None),
    ],
)
def test_embedded_samples_are_of_the_shape_that_a_task_takes(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int], task: str, inputs: object, targets: object
) -> None:
    asked: list[tuple[str, ...]] = []

    def load(name: str, split: str, where: str) -> object:
        asked.append((name, split, where))
        pixels = np.random.default_rng(0).integers(0, 256, (12, *sets.DATA_SETS[name].shape), dtype=np.uint8)
        return type("Images", (), {"pixels": pixels, "labels": np.arange(12), "provenance": name})

    monkeypatch.setattr(sets, "load", load)
    made = samples.embedded_samples(shape, dataset="latin-sample", sigma=0.5 if task == "denoise" else 0.0, task=task)
    assert (made and made.inputs.shape, made and made.targets.shape) == (inputs, targets)
    if made is None:
        assert asked == []
        return
    fitting = [entry.name for entry in sets.DATA_SETS.values() if entry.shape == made.targets.shape[1:]]
    name = "latin" if "latin" in fitting else fitting[0]
    assert asked == [(name, "test", sets.SAMPLE)] and made.provenance == name
    expected = to_grey(made.targets) if task == "colourise" else made.targets
    assert np.allclose(made.inputs, expected) is (task != "denoise")


def test_embedded_samples_of_a_recall_are_the_classes_of_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.zeros((12, *sets.DATA_SETS["latin"].shape), np.uint8)
    images = type("Images", (), {"pixels": pixels, "labels": np.arange(12), "provenance": "x"})
    monkeypatch.setattr(sets, "load", lambda *_: images)
    made = samples.embedded_samples((1, 1, 8), task="recall")
    assert made is not None and made.inputs.shape == (10, 1, 1, 8)
    assert made.inputs[:, 0, 0].argmax(axis=1).tolist() == [*range(8), 0, 1] and made.inputs.sum() == 10


# ---- what a run has to show ----

PATH = Path("a")
PLAIN = np.random.default_rng(7).integers(0, 256, (25, 1, 4, 4), dtype=np.uint8)


def graph_with(*outputs: Port) -> GraphInfo:
    return GraphInfo(GraphFacts((Port("image", ("n", 1, 4, 4), "float32"),), outputs, 18, 8, 1, 0, {}), CARD, "")


PICTURE, LOGITS = Port("reconstruction", ("n", 1, 4, 4), "float32"), Port("logits", ("n", 3), "float32")


def read_history(*, made: bool = True, **meta: object) -> history.RunHistory:
    arrays: dict[str, np.ndarray] = {runs.SAMPLE_INPUTS: PLAIN[:10], runs.SAMPLE_TARGETS: PLAIN[:10]}
    arrays[runs.TRAIN_LOSS] = np.ones(3)
    if made:
        arrays[runs.SAMPLE_RECONSTRUCTIONS] = PLAIN[:10] // 2
    recorded = {"data": "mnist", "task": "reconstruct", "test_images": 25, "epochs": 9, **meta}
    return history.from_parts(recorded, arrays)


def state_with(known: Known, *, graph: bool = True, locked: bool = False, **more: object) -> State:
    stamp = (1, 1, 1)
    entry = Entry(PATH, True, PATH / "model.onnx", stamp if graph else None, stamp, is_locked=locked)
    files = {(PATH, "model"): FileBytes(PATH, "", "", b"")} if graph else {}
    state = State(entries=(entry,), known={PATH: known}, selected=(PATH,), current=PATH, files=files)
    return replace(state, **more)  # type: ignore[arg-type]


def later(state: State, start: int) -> State:
    """The same on later images of its split."""
    labels = np.arange(25, dtype=np.uint8) % 5
    split = Split(SplitName("mnist", "published"), PLAIN, labels, PLAIN, labels, ("a", "b", "c"))
    page = pages.later_page(split, np.arange(25), start, None)
    return replace(state, splits={split.name: split}, page=page, start=start)


def test_an_output_is_asked_for_once_graph_images_and_bytes_are_there() -> None:
    known = Known(history=read_history(), graph=graph_with(LOGITS, PICTURE))
    assert run_outputs.output_to_request(state_with(known), PATH) == "reconstruction"
    assert run_outputs.output_to_request(state_with(replace(known, graph=graph_with(LOGITS))), PATH) == "logits"
    assert run_outputs.output_to_request(state_with(known, files={}), PATH) == ""
    for other in (replace(known, graph=None), replace(known, history=None)):
        assert run_outputs.output_to_request(state_with(other), PATH) == ""
    wide = GraphInfo(GraphFacts((Port("image", ("n", 1, 4, 5), "float32"),), (LOGITS,), 18, 8, 1, 0, {}), CARD, "")
    assert run_outputs.output_to_request(state_with(replace(known, graph=wide)), PATH) == ""


def test_what_a_graph_made_is_shown_or_a_sentence_says_why_not() -> None:
    known = Known(history=read_history(), graph=graph_with(PICTURE))
    state, images = state_with(known), np.full((10, 1, 4, 4), 0.5, np.float32)
    shown = run_outputs.run_output(state, "it", PATH, images)
    assert shown.images is images and (shown.sentence, shown.note, shown.name, shown.task) == (
        "",
        "",
        "it",
        "reconstruct",
    )
    assert run_outputs.run_output(state, "it", PATH, images, "it failed").sentence == "It failed."
    broken = images.copy()
    broken[0, 0, 0, :2] = np.nan, np.inf
    sentence = run_outputs.run_output(state, "it", PATH, broken).sentence
    assert sentence == "The output is not finite: 2 of its 160 values."
    for odd in (images[:9], np.zeros((10, 3), np.float32)):
        assert "another shape" in run_outputs.run_output(state, "it", PATH, odd).sentence
    text = state_with(replace(known, graph=graph_with(LOGITS)))
    logits = np.zeros((10, 3), np.float32)
    assert run_outputs.run_output(text, "it", PATH, logits).logits is logits
    named = replace(graph_with(LOGITS), card=replace(CARD, outputs=[{"name": "logits", "classes": ["a", "b"]}]))
    named_state = state_with(replace(known, graph=named))
    assert run_outputs.run_output(named_state, "it", PATH, logits).classes == ("a", "b")
    for odd in (logits[:9], logits[:, :0], images[..., :3]):
        assert "another shape" in run_outputs.run_output(text, "it", PATH, odd).sentence
    waiting = run_outputs.run_output(state_with(replace(known, graph=None)), "it", PATH)
    assert (waiting.sentence, waiting.coming) == (COMING, True)
    gone = run_outputs.run_output(State(), "it", PATH)
    assert (gone.sentence, gone.coming) == ("This run is gone.", False)


@pytest.mark.parametrize(
    ("state", "locked", "note"),
    [
        ("training", True, "in training, as of epoch 3"),
        ("training", False, "stopped at epoch 3 of 9"),
        ("finished", False, "model.onnx is missing, as of epoch 3"),
    ],
)
def test_without_a_graph_the_pictures_of_the_training_are_shown_with_their_epoch(
    state: str, locked: bool, note: str
) -> None:
    known = Known(history=read_history(state=state))
    shown = run_outputs.run_output(state_with(known, graph=False, locked=locked), "it", PATH)
    assert shown.note == note and shown.images is known.own_samples.reconstructions  # type: ignore[union-attr]
    turned = run_outputs.run_output(later(state_with(known, graph=False, locked=locked), 10), "it", PATH)
    assert (turned.images, turned.sentence) == (None, FIRST_ONLY)
    nothing = run_outputs.run_output(state_with(Known(history=read_history(made=False)), graph=False), "it", PATH)
    assert nothing.images is None and nothing.sentence.startswith("model.onnx is missing")


def test_a_run_of_other_images_is_noted_to_show_its_own() -> None:
    own, other = Known(history=read_history(), graph=graph_with(PICTURE)), Path("b")
    state = later(state_with(own), 10)
    for dataset, note in (("kmnist", "images of its own"), ("mnist", "")):
        known = replace(own, history=read_history(data=dataset))
        both = replace(state, known={PATH: own, other: known})
        shown = run_outputs.run_output(both, "it", other, np.zeros((10, 1, 4, 4), np.float32))
        assert (shown.note, shown.shows_page_images) == (note, not note)
        first = replace(both, page=pages.first_page(own.own_samples, "", embedded=False))  # type: ignore[arg-type]
        assert run_outputs.shows_page_images(first, other), "the same values are the same images"


def test_the_gravest_error_is_the_sentence_and_images_that_do_not_fit_are_another() -> None:
    errors = {name: name for name in ("graph_error", "samples_error", "history_error")}
    for name in list(errors):
        known = Known(**errors)  # type: ignore[arg-type]
        assert why.no_output(state_with(known), PATH) == f"{name}."
        errors.pop(name)
    known = Known(history=read_history(), graph=graph_with(PICTURE))
    nothing = "There is nothing of this run to show here."
    assert why.no_output(state_with(known), PATH) == nothing
    wide = replace(later(state_with(known), 10), page=page_of(np.zeros((2, 1, 5, 5), np.float32)))
    assert why.no_output(wide, PATH) == why.UNFIT_IMAGES
    assert "has no bottleneck" in why.no_output(state_with(known), PATH, "bottleneck")
    pictureless = GraphInfo(GraphFacts((Port("z", ("n", 2), "float32"),), (PICTURE,), 18, 8, 1, 0, {}), None, "")
    assert "takes no images" in why.no_output(state_with(replace(known, graph=pictureless)), PATH)
    unread = state_with(Known(), graph=False)
    assert why.no_output(unread, PATH) == ""
    missing = replace(unread, entries=(replace(unread.entries[0], history_stamp=None),))
    assert why.no_output(missing, PATH).startswith("There is no model.onnx yet")


def test_images_are_titled_by_their_place_in_the_split_and_their_label() -> None:
    known = Known(history=read_history(), graph=graph_with(PICTURE))
    state = later(state_with(known), 20)
    assert run_outputs.page_title(state) == "test images 21 to 25 of 25 · page 3 of 3"
    titles = [run_outputs.image_title(state, image) for image in (1, 3, 5)]
    assert titles == ["test image 22 of 25, labelled b", "test image 24 of 25, labelled 3", ""]
    assert run_outputs.class_names(state) == ("a", "b", "c") and run_outputs.class_names(State()) == ()
    own = known.own_samples
    assert own is not None
    first = replace(state, page=pages.first_page(own, "", embedded=False), start=0)
    assert run_outputs.labels_of(first).tolist() == [0, 1, 2, 3, 4] * 2  # type: ignore[union-attr]
    assert run_outputs.image_title(first, 9) == "test image 10, labelled 4"
    assert run_outputs.page_title(first) == "the first 10 of the test split", "how many there are is not known"
    assert run_outputs.labels_of(replace(first, splits={})) is None
    beyond = replace(first, page=replace(first.page, indices=(0, 25)))  # type: ignore[type-var]
    assert run_outputs.labels_of(beyond) is None and run_outputs.image_title(beyond, 1) == "test image 26"
    lone = State(known={PATH: Known(samples=own)}, current=PATH, page=pages.first_page(own, "", embedded=True))
    assert run_outputs.image_title(lone, 2) == "image 3"
    pasted = Pasted((np.zeros((4, 4, 3), np.uint8),) * 2, ("one", "two"))
    drawn = replace(state, pasted=pasted, page=pages.pasted_page(pasted, (1, 4, 4)))
    assert [run_outputs.image_title(drawn, image) for image in (0, 1, 2)] == ["one", "two", ""]
    assert run_outputs.page_title(drawn) == "your own: one, two · 4×4"
    assert run_outputs.labels_of(drawn) is None and run_outputs.page_title(State()) == ""


def test_a_run_on_one_label_has_labels_and_titles_by_its_own_rows() -> None:
    labels = np.arange(25, dtype=np.uint8) % 2
    split = Split(SplitName("mnist", "published"), PLAIN, labels, PLAIN, labels, ("a", "b"))
    ones = PLAIN[labels == 1]
    fields = {runs.SAMPLE_INPUTS: ones[:10], runs.SAMPLE_TARGETS: ones[:10]}
    known = Known(history=history.from_parts({"data": "mnist", "test_images": 12}, fields))
    own = known.own_samples
    assert own is not None
    page = pages.first_page(own, "", embedded=False, of=12)
    state = State(known={PATH: known}, current=PATH, splits={split.name: split}, page=page)
    assert run_outputs.labels_of(state).tolist() == [1] * 10  # type: ignore[union-attr]
    assert run_outputs.image_title(state, 9) == "test image 10 of 12, labelled b"


def test_a_graph_for_images_of_any_size_is_given_photographs_scaled_to_it() -> None:
    made = samples.embedded_samples((3, 64, 48))
    assert made is not None and made.inputs.shape == (samples.COUNT, 3, 64, 48) and made.inputs is made.targets
    assert made.provenance.endswith("scaled to 3×64×48") and 0 <= made.inputs.min() < made.inputs.max() <= 1
    grey = samples.embedded_samples((1, 20, 20))
    assert grey is not None and grey.inputs.shape == (samples.COUNT, 1, 20, 20)
    assert samples.embedded_samples((2, 20, 20)) is None and samples.embedded_samples((3, 4096, 4096)) is None


def test_a_picture_of_another_size_is_shown_and_has_no_error(tmp_path: Path, open_window: Open) -> None:
    graph = helper.make_graph(
        [helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])],
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1, 56, 56])],
        [numpy_helper.from_array(np.ones((1, 1, 2, 2), np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    file = tmp_path / "twice.onnx"
    file.write_bytes(model.SerializeToString())
    window = open_window(file)
    panel = window.panels.reconstructions
    figure = panel.view.figure
    assert isinstance(figure, ComparisonFigure), panel.view.sentence
    assert [band.label for band in figure.blocks[0].bands] == ["input", "output"] and figure.scale is None
    assert [band.size for band in figure.blocks[0].bands] == [(28, 28), (56, 56)]
    (output,) = panel.outputs
    assert not output.is_comparable and len(output.mse) == 0 and panel.numbers()[1][4:6] == ("", "")
