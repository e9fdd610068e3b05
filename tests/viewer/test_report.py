"""Reports: every sheet's deliverables are there in its order, and a note stands for what is missing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from pytestqt.qtbot import QtBot

from tests.conftest import TrainedRuns
from tests.viewer.conftest import PROVENANCE, history_of, write_run
from tests.zoo.test_cli import aezoo
from viewer.figures.arrange import BesideFigure, TitledFigure
from viewer.figures.image_grid import WRONG, PlaneFigure
from viewer.figures.overlap import OverlapCase, OverlapFigure
from viewer.figures.paper import Figure, Paper
from viewer.figures.theme import LIGHT
from viewer.figures.trade_off import Point, TradeOffFigure, rank_correlation
from viewer.report import page, paper, write
from viewer.report.document import FigureBlock, Heading, Report, TableBlock, TextBlock, answer, note, part
from viewer.report.reader import Reader
from viewer.report.sheets import ASSIGNMENTS
from viewer.state import grids
from zoo import registry, transposed
from zoo.data import sample
from zoo.runs import History, RunFolder, atomic_write, pack_history

Capture = pytest.CaptureFixture[str]

DELIVERABLES = {  # what each sheet asks for, in its order: how the headings begin
    "freiburg": (
        "1 Implementation of an Autoencoder in Tensorflow",
        "2 Training of the Autoencoder",
        "Use a batch size of 64 and the Adam optimizer. Try out different learning rates: 0.1, 0.01, 0.001.",
        "After the training, generate a sample of MNIST images that the autoencoder created and plot them.",
        "Optional task",
        "Try to feed noisy images of MNIST numbers",
        "What is the reason for the result?",
    ),
    "letters": (
        "Exercise 1: Transposed Convolutions",
        "a)",
        "b)",
        "c)",
        "Exercise 2: Encoder-Decoder",
        "a) normalize_mean() and normalize_stddev()",
        "b) The architecture of our encoder-decoder",
        "c)",
        "Here is a visualization of the results: class",
        "Here is a visualization of the results: class-noise",
        "Here is a visualization of the results: random",
        "Here is a visualization of the results: representative",
        "Here is a visualization of the results: mean",
        "Tricks: Mentioned above in (b)",
        "d) See (c).",
        "e) The 512-tupel alone is trained. The results are shown below:",
        "Exercise 3: Backpropagation through a convolution layer",
        "a) With the convolution as a matrix A",
        "b) Aᵀ is the transposed convolution",
        "Exercise 4: Principal component analysis against a linear autoencoder",
        "a) The reconstruction",
        "b) The mean squared error is the sum of the discarded eigenvalues",
        "c) What the batch size does",
    ),
    "purdue": (
        "Part 1: Fully connected autoencoder",
        "1. Show a plot of the model loss versus the epochs for both the training and validation data",
        "2. Show images of the first ten samples in the testing set",
        '3. Show images of the "bottleneck" layer representation of the first ten images in the testing set '
        "(reshape the images to be 10 x 10)",
        "4. Show images of the reconstructed samples of the first ten images in the testing set",
        "Part 2: Convolutional autoencoder",
        "1. Show a plot of the model loss versus the epochs for both the training and validation data",
        "2. Show images of the first ten samples in the testing set",
        '3. Show images of the "bottleneck" layer representation of the first ten images in the testing set '
        "(reshape the images to be 28×14)",
        "4. Show images of the reconstructed samples of the first ten images in the testing set",
        "Part 3: Denoising autoencoder",
        "1. Show images of the first ten samples in the training set",
        "2. Show images of the first ten samples in the training set after injecting Gaussian noise",
        "3. Show a plot of the model loss versus the epochs for both the training and validation data",
        "4. Show images of the first ten samples in the testing set",
        "5. Show images of the first ten samples in the testing set after adding noise",
        "6. Show images of the first ten samples in the testing set after “denoising”",
    ),
    "hesso": (
        "Task 1",
        "Provide the notebook your setup for training a convolutional autoencoder",
        "Task 2",
        "Provide results showing some examples of the ten digits of the MNIST database before and after denoising",
        "Noise = 0.5",
        "Noise = 0.7",
        "Noise = 0.9",
        "Task 3",
        "Conclude based on the obtained results",
        "Task 4",
        "Regarding the data augmentation exercise, generate different synthetic digits",
        "Test with 2",
        "Test with 8",
        "Test with 3",
        "Comment about the diversity of the synthetic objects the autoencoder is generating.",
        "Task 5",
        "Provide a summary of your experiments using the autoencoder for data augmentation",
        "Does augmentation help?",
        "Summary",
    ),
    "maastricht": (
        "2 Image Reconstruction",
        "2.1 Divide your dataset into training (80%), validation (10%) and test (10%). Normalize the data.",
        "2.2 Implement the autoencoder network specified above. Run the training for at least 10 epochs",
        "3 Latent Space Representation",
        "3.1 What is the size of the latent space representation of the above network?",
        "3.2 Try other architectures",
        "Removing layers from the network (model 1 and 2)",
        "Increasing the number of channels (model 3)",
        "Changing the kernel sizes (filters) (model 4 and 5)",
        "Changing the stride to 3 (model 6)",
        "Changing the padding (model 7)",
        "4 Colorization",
        "4.1 Adapting the network from the previous part such that it learns to reconstruct colors",
        "4.2 Report on your results and reason about potential shortcomings of your network.",
    ),
}


def painted(figure: Figure, width: int = 400, height: int = 300) -> np.ndarray:
    image = QImage(width, height, QImage.Format.Format_RGB888)
    image.fill(LIGHT.colour("base"))
    painter = QPainter(image)
    figure.paint(painter, Paper.of(painter, QRectF(0, 0, width, height)))
    painter.end()
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(height, image.bytesPerLine())
    return lines[:, : 3 * width].reshape(height, width, 3).copy()


def report_of(assignment: str, folder: Path, data: str | None = None) -> Report:
    return write.make(assignment, folder, data, say=lambda _: None)


def texts(report: Report, kind: str) -> str:
    return "\n".join(text.text for text in report.texts if text.kind == kind)


def pages_of(pdf: bytes) -> int:
    """Count a PDF's pages; Qt writes their objects uncompressed."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


QUICK = ("freiburg", "purdue")  # whose runs are trained in seconds
each_assignment = pytest.mark.parametrize(
    "assignment", [pytest.param(each, marks=[] if each in QUICK else [pytest.mark.slow]) for each in ASSIGNMENTS]
)


@pytest.fixture(scope="module")
def runs_of(trained_runs: TrainedRuns) -> Callable[[str], Path]:
    """Return a folder with every run of an assignment, trained for three steps and not exported."""
    return lambda assignment: trained_runs(
        *(recipe.name for recipe in registry.match([f"{assignment}/*", "purdue/denoise"]))
    )


@pytest.fixture(scope="module")
def full_report(runs_of: Callable[[str], Path], qapp: object) -> Callable[[str], Report]:
    """Return the report of an assignment with all its runs."""
    return cache(lambda assignment: report_of(assignment, runs_of(assignment)))


# ---- the sheets ----------------------------------------------------------------------------------------------


def test_every_assignment_of_the_registry_has_a_report() -> None:
    own = {"plus"}  # has no sheet
    assert set(ASSIGNMENTS) == {recipe.assignment for recipe in registry.recipes().values()} - own
    assert set(ASSIGNMENTS) == set(DELIVERABLES)


@each_assignment
def test_every_deliverable_of_a_sheet_is_there_in_its_order(
    assignment: str, full_report: Callable[[str], Report]
) -> None:
    left = [heading.text for heading in full_report(assignment).headings]
    wanted = DELIVERABLES[assignment]
    assert len(wanted) >= 7
    for beginning in wanted:
        place = next((index for index, text in enumerate(left) if text.startswith(beginning)), None)
        assert place is not None, f"{beginning!r} is missing, or stands before its turn"
        left = left[place + 1 :]


@each_assignment
def test_every_deliverable_is_answered_by_something(assignment: str, full_report: Callable[[str], Report]) -> None:
    blocks = full_report(assignment).blocks
    asked = [index for index, block in enumerate(blocks) if isinstance(block, Heading) and block.level == 3]
    assert len(asked) >= 4
    for index in asked:
        following = blocks[index + 1 : index + 2]
        several = isinstance(following[0], Heading) and following[0].level == 3  # one question, answered in parts
        assert several or not isinstance(following[0], Heading), blocks[index]


@each_assignment
def test_pictures_have_names_titles_captions_and_the_name_of_their_data(
    assignment: str, full_report: Callable[[str], Report]
) -> None:
    pictures = full_report(assignment).pictures
    assert len(pictures) >= 2
    assert len({picture.name for picture in pictures}) == len(pictures)
    for picture in pictures:
        assert picture.caption.endswith((".", ")"))
        assert "sample" in picture.data or picture.name == "letters-transposed"


@pytest.mark.parametrize(
    ("assignment", "baseline"),
    [
        ("freiburg", "PCA"),
        ("purdue", "PCA, 100 values"),
        pytest.param("maastricht", "grey copied", marks=pytest.mark.slow),
        pytest.param("letters", "nearest training image", marks=pytest.mark.slow),
        pytest.param("hesso", "noisy input", marks=pytest.mark.slow),
    ],
)
def test_tables_put_the_measured_figure_beside_the_sheets_if_it_has_one_and_a_baseline(
    assignment: str, baseline: str, full_report: Callable[[str], Report]
) -> None:
    tables = [block for block in full_report(assignment).blocks if isinstance(block, TableBlock)]
    fitting = [table.rows[0] for table in tables if baseline in table.rows[0]]
    fitting = [heading for heading in fitting if "measured" in " ".join(heading)]
    assert fitting
    has_figures = assignment not in ("freiburg", "purdue")
    assert any("sheet" in heading for heading in fitting) == has_figures
    assert all(any(cell.startswith("measured") for cell in heading) for heading in fitting if "run" in heading)


@pytest.mark.parametrize(
    ("assignment", "figures"),
    [
        pytest.param("maastricht", {"0.0036", "0.00056", "0.044", "8,192"}, marks=pytest.mark.slow),
        pytest.param("hesso", {"0.10", "0.15", "7,265"}, marks=pytest.mark.slow),
        pytest.param("letters", {"97 %"}, marks=pytest.mark.slow),
    ],
)
def test_the_sheets_own_figures_stand_as_they_stand_there(
    assignment: str, figures: set[str], full_report: Callable[[str], Report]
) -> None:
    tables = [block for block in full_report(assignment).blocks if isinstance(block, TableBlock)]
    assert figures <= {cell for table in tables for row in table.rows for cell in row}


# ---- the command ---------------------------------------------------------------------------------------------


@each_assignment
def test_a_report_is_one_page_with_its_pictures_inside_and_one_pdf(
    assignment: str, runs_of: Callable[[str], Path], tmp_path: Path, qtbot: QtBot, capsys: Capture
) -> None:
    place, pictures = tmp_path / "page.html", tmp_path / "pictures"
    words = (
        "report",
        assignment,
        "--runs",
        runs_of(assignment),
        "--out",
        place,
        "--figures",
        pictures,
        "--json",
        "--pdf",
    )
    code, out, _ = aezoo(capsys, *words)
    message = json.loads(out)
    assert (code, message["files"]) == (0, [str(place), str(tmp_path / "page.pdf")])
    text = place.read_text()
    assert text.count('<img src="data:image/png;base64,') == len(message["pictures"]) >= 2
    assert not re.search(r"(src|srcset|href)=\"(?!data:|#)", text), "it needs no other file"
    assert "default-src 'none'" in text
    assert "http" not in re.sub("http-equiv", "", re.sub(r'"data:[^"]*"', "", text)), "nor another machine"
    assert "sample" in text, "the data's name is on every page"
    assert {path.stem for path in pictures.iterdir()} == set(message["pictures"])
    for path in pictures.iterdir():
        with Image.open(path) as image:
            assert len(image.convert("RGB").getcolors(1 << 22)) > 20  # type: ignore[arg-type]
    pdf = (tmp_path / "page.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert pages_of(pdf) >= 3


def test_a_name_that_ends_in_pdf_writes_the_pdf_alone(tmp_path: Path, qtbot: QtBot, capsys: Capture) -> None:
    code, out, _ = aezoo(capsys, "report", "freiburg", "--runs", tmp_path, "--out", tmp_path / "report.pdf")
    assert (code, [path.name for path in tmp_path.iterdir()]) == (0, ["report.pdf"])
    assert f"wrote {tmp_path}/report.pdf (" in out


def test_a_report_without_runs_says_what_to_train(tmp_path: Path, qtbot: QtBot, capsys: Capture) -> None:
    for assignment in ASSIGNMENTS:
        code, out, _ = aezoo(capsys, "report", assignment, "--runs", tmp_path, "--out", tmp_path / "page.html", "--pdf")
        assert code == 0
        assert f"not trained yet: `aezoo train {assignment}/" in out
        assert "No run was there to be reported." in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("report", "purdoe"), "no assignment 'purdoe'; there is freiburg, hesso, letters, maastricht, purdue"),
        (("report", "purdue", "--runs", "/nowhere"), "no folder '/nowhere'; train the runs first"),
        (("report", "hesso", "--runs", ".", "--out", "page.png"), "name a file that ends in .html or .pdf"),
        (("report", "hesso", "--pdf", "page.pdf"), "page.pdf"),
        (("report", "hesso", "--runs", ".", "--out", "/proc/page.html"), "could not write /proc/page.html"),
        (("report", "hesso", "--runs", ".", "--out", "/proc/page.pdf"), "could not write /proc/page.pdf"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence(words: tuple[str, ...], sentence: str, capsys: Capture) -> None:
    code, _, err = aezoo(capsys, *words)
    assert code == (74 if "could not write" in sentence else 2)
    assert sentence in err
    assert "Traceback" not in err


def test_a_full_disk_is_one_sentence(tmp_path: Path, qtbot: QtBot, capsys: Capture, monkeypatch: Any) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = aezoo(capsys, "report", "freiburg", "--runs", tmp_path, "--out", tmp_path / "page.html")
    assert code == 74
    assert "the disk is full; free" in err
    assert not list(tmp_path.iterdir())


def test_what_takes_long_is_told_on_stderr_and_quiet_is_quiet(
    tmp_path: Path, qtbot: QtBot, capsys: Capture, monkeypatch: Any
) -> None:
    monkeypatch.setattr("viewer.report.__main__.QUIET_SECONDS", 0.0)
    write_run(tmp_path / "runs", "purdue/conv")
    words = ("report", "purdue", "--runs", tmp_path / "runs", "--out", tmp_path / "page.html", "--json")
    _, out, err = aezoo(capsys, *words)
    assert json.loads(out)
    assert "reading purdue/conv …\n" in err and f"setting {tmp_path / 'page.html'} …\n" in err
    assert aezoo(capsys, *words, "--quiet")[2] == ""


# ---- runs as they are ----------------------------------------------------------------------------------------


def test_a_run_with_a_graph_has_its_bottlenecks_in_the_sheets_shape(tmp_path: Path, qtbot: QtBot) -> None:
    write_run(tmp_path, "purdue/conv")
    report = report_of("purdue", tmp_path)
    captions = {picture.name: picture.caption for picture in report.pictures}
    assert captions["purdue-conv-bottleneck"].endswith("its 8 feature maps of 7×7 tiled to 28 × 14.")
    assert {"purdue-conv-loss", "purdue-conv-test", "purdue-conv-reconstructed"} <= captions.keys()


def test_a_report_of_runs_on_the_embedded_data_says_so_first(tmp_path: Path, qtbot: QtBot, capsys: Capture) -> None:
    run = write_run(tmp_path, "purdue/conv")
    for data, said in (("mnist-sample", True), ("mnist", False)):
        meta = {**history_of(name="purdue/conv").meta, "data": data}
        atomic_write(run.history, pack_history(History(meta, history_of(name="purdue/conv").arrays)))
        report = report_of("purdue", tmp_path)
        assert report.warning.startswith("Trained on the embedded data") == said
        write.write(report, [tmp_path / "page.html", tmp_path / "page.pdf"], None, say=lambda _: None)
        assert ("Trained on the embedded data" in (tmp_path / "page.html").read_text()) == said
    out = aezoo(capsys, "report", "purdue", "--runs", tmp_path, "--out", tmp_path / "page.html")[1]
    assert not out.startswith("Trained on the embedded data")


def test_bottlenecks_that_do_not_make_the_sheets_shape_are_told(tmp_path: Path, qtbot: QtBot) -> None:
    write_run(tmp_path, "purdue/dense")
    (picture,) = [each for each in report_of("purdue", tmp_path).pictures if each.name == "purdue-dense-bottleneck"]
    assert picture.caption.endswith("Its 392 values do not make the sheet's 10 × 10.")


def test_one_damaged_or_foreign_run_is_told_and_the_rest_is_reported(tmp_path: Path, qtbot: QtBot) -> None:
    for name in ("dense", "conv", "denoise"):
        write_run(tmp_path, f"purdue/{name}")
    (tmp_path / "purdue" / "dense" / "history.h5").write_bytes(b"broken")
    shutil.copy(tmp_path / "purdue" / "conv" / "history.h5", tmp_path / "purdue" / "denoise" / "history.h5")
    report = report_of("purdue", tmp_path)
    notes = texts(report, "note")
    assert f"{tmp_path}/purdue/dense/history.h5 is not an HDF5 file" in notes
    assert "`aezoo train purdue/dense --overwrite`" in notes
    assert "holds a run of purdue/conv, expected purdue/denoise: it is left out." in notes
    assert [picture.name for picture in report.pictures if "conv" in picture.name]


def test_a_damaged_graph_is_told_and_the_history_is_reported(tmp_path: Path, qtbot: QtBot) -> None:
    run = write_run(tmp_path, "purdue/conv")
    run.graph("model").write_bytes(b"broken")
    report = report_of("purdue", tmp_path)
    assert "Export it again: `aezoo export purdue/conv`." in texts(report, "note")
    names = {picture.name for picture in report.pictures}
    assert "purdue-conv-loss" in names and "purdue-conv-bottleneck" not in names


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (
            "quick",
            "Cut to a few steps (--quick), so that the figures say nothing: purdue/conv. `aezoo train purdue/conv ",
        ),
        ("training", "purdue/conv is not finished (3 of 3 epochs): its test figures come with its end."),
        ("failed", "The training of purdue/conv failed (3 of 3 epochs): its error is not a number. Its figures"),
        ("odd", "purdue/conv is odd (3 of 3 epochs)."),
    ],
)
def test_how_a_run_stands_is_told_in_its_place(state: str, sentence: str, tmp_path: Path, qtbot: QtBot) -> None:
    write_run(tmp_path, "purdue/conv", state=state)
    blocks = report_of("purdue", tmp_path).blocks
    place = blocks.index(part("Part 2: Convolutional autoencoder"))
    note = next(block for block in blocks[place + 1 :] if isinstance(block, TextBlock) and block.kind == "note")
    assert note.text.startswith(sentence)


def test_a_run_without_an_export_says_how_to_export_it(tmp_path: Path, qtbot: QtBot) -> None:
    run = write_run(tmp_path, "purdue/conv")
    run.graph("model").unlink()
    assert "purdue/conv is not exported yet: `aezoo export purdue/conv`." in texts(
        report_of("purdue", tmp_path), "note"
    )


def rewritten(run: RunFolder, meta: dict[str, Any] | None = None, **arrays: np.ndarray) -> None:
    """Change some of a run's history."""
    message = history_of(name=f"{run.path.parent.name}/{run.path.name}")
    changed = {**message.arrays, **{key.replace("__", "/"): array for key, array in arrays.items()}}
    atomic_write(run.history, pack_history(History(meta={**message.meta, **(meta or {})}, arrays=changed)))


@pytest.mark.slow
def test_figures_that_are_not_finite_are_reported_without_a_crash(tmp_path: Path, qtbot: QtBot) -> None:
    for name in ("freiburg/lr-0.1", "maastricht/base", "maastricht/model-1", "hesso/denoise-0.5", "letters/mean"):
        broken = np.array([np.nan, np.inf, -np.inf])
        rewritten(
            write_run(tmp_path, name),
            {"state": "failed", "published": {"mse": 0.1}},
            history__epoch__train_loss=broken,
            history__epoch__val_loss=np.full(3, np.nan),
            metrics__mse=np.array([np.nan]),
            metrics__bce=np.array([np.inf]),
            metrics__accuracy=np.array([np.nan]),
            **{"baselines__pca__mse": np.array([np.nan]), "baselines__mean-image__mse": np.array([np.inf])},
        )
    for assignment in ASSIGNMENTS:
        report = report_of(assignment, tmp_path)
        assert "nan" not in texts(report, "answer").lower()
        write.write(report, [tmp_path / "page.html", tmp_path / "page.pdf"], None, say=lambda _: None)
    assert "At 0.1 the training diverged" in texts(report_of("freiburg", tmp_path), "answer")


def test_shapes_that_no_recipe_has_are_reported_without_a_crash(tmp_path: Path, qtbot: QtBot) -> None:
    wide, colour = np.zeros((10, 1, 900, 40), np.uint8), np.zeros((10, 3, 32, 32), np.uint8)
    many = np.zeros((900, 1, 60, 60), np.uint8)
    for name in ("purdue/conv", "freiburg/lr-0.1", "hesso/vae-2-10", "letters/mean", "maastricht/colour-1"):
        targets = colour if name.startswith("maastricht") else wide
        rewritten(
            write_run(tmp_path, name),
            {"bottleneck": [1 << 20, 1 << 20, 3], "state": "x" * 300, "device": "y" * 300, "epochs": 1 << 60},
            samples__inputs=wide,
            samples__targets=targets,
            samples__reconstructions=targets,
            grids__plane__images=many,
            grids__plane__verdicts=np.arange(900),
            grids__letters__images=many,
            grids__letters__inputs=np.zeros((900, 1, 1, 14), np.uint8),
        )
    for assignment in ASSIGNMENTS:
        report = report_of(assignment, tmp_path)
        assert all(max(picture.size) < 4_000 for picture in report.pictures)
        write.write(report, [tmp_path / "page.html", tmp_path / "page.pdf"], None, say=lambda _: None)
        assert pages_of((tmp_path / "page.pdf").read_bytes()) >= 2


def test_training_images_come_from_the_sample_where_the_run_was_trained_on_it(tmp_path: Path, qtbot: QtBot) -> None:
    known = sample.digits("train").sha256
    rewritten(write_run(tmp_path, "purdue/denoise"), {"data": "mnist-sample", "data_sha256": known, "noise": 0.25})
    report = report_of("purdue", tmp_path)
    names = [picture.name for picture in report.pictures]
    assert names.index("purdue-denoise-train") + 1 == names.index("purdue-denoise-train-noisy")
    assert "the noise of standard deviation 0.25 is added, as the sheet asks" in texts(report, "answer")
    assert "sha256 differs" not in texts(report, "note")
    rewritten(write_run(tmp_path, "purdue/denoise"), {"data": "mnist-sample", "data_sha256": "0" * 64})
    assert "their sha256 differs" in texts(report_of("purdue", tmp_path), "note")


def test_training_images_that_are_not_at_hand_are_asked_for(tmp_path: Path, qtbot: QtBot, monkeypatch: Any) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "cache"))
    write_run(tmp_path / "runs", "purdue/denoise")
    for data, sentence in (
        (None, "mnist is not at hand; name the folder that holds it with `--data DIR` (or AEZOO_DATA)."),
        (str(tmp_path / "nowhere"), "which is no folder"),
        ("sample", "The run was trained on mnist and not on the sample: give its folder with `--data DIR`."),
    ):
        report = report_of("purdue", tmp_path / "runs", data)
        assert sentence in texts(report, "note")
        assert "purdue-denoise-train" not in {picture.name for picture in report.pictures}


def test_provenance_tells_data_versions_and_the_hash_of_every_graph(tmp_path: Path, qtbot: QtBot) -> None:
    run = write_run(tmp_path, "purdue/conv")
    rewritten(run, {"torch": "9.9", "device": "a device", "data_sha256": "f" * 64})
    report = report_of("purdue", tmp_path)
    foot = report.blocks[report.blocks.index(part("Provenance")) :]
    cells = {cell for block in foot if isinstance(block, TableBlock) for row in block.rows for cell in row}
    sha256 = Reader(tmp_path)
    known = sha256.run("purdue/conv").file
    sha256.close()
    assert known is not None
    assert {PROVENANCE, "9.9", "a device", "f" * 64, known.sha256, "card.json"} <= cells


def test_text_from_files_cannot_become_markup() -> None:
    hostile = "<script>alert('x')</script> & \"'` `<b>`"
    picture = FigureBlock(
        "p", lambda theme: TitledFigure(theme, hostile, BesideFigure(())), (100, 60), hostile, hostile
    )
    report = Report(
        "x",
        hostile,
        hostile,
        (part(hostile), note(hostile), answer(hostile), TableBlock(hostile, ((hostile,),)), picture),
    )
    text = page.to_html(report)
    body = text[text.index("</style>") :]
    assert not re.search(r"<(script|b)\b", body)
    assert body.count("&lt;script&gt;") >= 8
    assert 'alt="&lt;script' in body
    assert pages_of(paper.to_pdf(report)) == 1


def test_headings_are_shortened_by_whole_words_for_the_contents() -> None:
    long = Heading("Provide a summary " * 12)
    assert long.short.endswith(" …") and len(long.short) < 115
    sentences = "Use a batch size of 64 and the Adam optimizer. " + "Plot the according learning curves " * 2
    assert Heading(sentences).short == "Use a batch size of 64 and the Adam optimizer. …"
    bracket = "Show a plot of the loss versus the epochs for training and validation data " + "(as it is here " * 3
    assert Heading(bracket).short.count("(") == Heading(bracket).short.count(")"), "no bracket is left open"
    assert Heading("Task 1").short == "Task 1"


def test_a_sheet_has_a_title_and_a_lead_that_names_its_runs() -> None:
    for assignment in ASSIGNMENTS:
        sheet = write.sheet_of(assignment)
        assert sheet.title and assignment in sheet.lead


NEW_SHEET = """# A new course

On nothing yet.

In short:

### Its only
question

{answer}
"""
NEW_ANSWERS = """
from viewer.report.document import Block, note
from viewer.report.reader import Reader


def blocks(reader: Reader) -> dict[str, list[Block]]:
    return {"answer": [note("Its only answer.")]}
"""


def test_a_new_sheet_is_its_text_and_what_answers_it(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    shutil.copytree(root / "viewer", tmp_path / "viewer", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in (("newest.md", NEW_SHEET), ("newest.py", NEW_ANSWERS)):
        (tmp_path / "viewer" / "report" / "sheets" / name).write_text(text)
    command = [sys.executable, "-m", "zoo.cli", "report", "newest", "--runs", ".", "--out", "page.html"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.html").read_text()
    assert all(text in page for text in ("A new course", "Its only question", "Its only answer."))


# ---- figures -------------------------------------------------------------------------------------------------


def test_wrong_predictions_are_marked_in_green_on_their_own_tile(qtbot: QtBot) -> None:
    pixels = np.zeros((9, 28, 28, 3), np.uint8)
    marks = ("", "", "", "", "7", "", "", "", "")
    plain, marked = (painted(PlaneFigure(LIGHT, "title", pixels, message)) for message in ((), marks))
    changed = np.argwhere((plain != marked).any(axis=2))
    assert len(changed)
    tile = 84 * 3 // 3  # three device pixels a pixel of 28
    low, high = changed.min(axis=0), changed.max(axis=0)
    assert (high - low <= tile + 2).all()
    green = np.array([WRONG.red(), WRONG.green(), WRONG.blue()])
    assert (np.abs(marked.astype(int) - green).max(axis=2) < 40).any()


def test_a_trade_off_paints_points_rings_and_the_line_of_pca(qtbot: QtBot) -> None:
    points = (
        Point("a", 16, 0.04, 0.044, 0.017),
        Point("b", 1024, 0.0036, None, 3e-5),
        Point("c", 4096, 7e-4, 5e-4, 0.0),
    )
    picture = painted(TradeOffFigure(LIGHT, points), 700, 400)
    accent = LIGHT.colour("accent")
    near = np.abs(picture.astype(int) - [accent.red(), accent.green(), accent.blue()]).max(axis=2) < 30
    assert near.sum() > 3 * 40


def test_an_overlap_figure_paints_one_block_a_case(qtbot: QtBot) -> None:
    counts = transposed.overlap((9, 9), (3, 3), (2, 2))
    picture = painted(
        OverlapFigure(LIGHT, (OverlapCase("one", counts, (1, 1), (3, 3)), OverlapCase("two", counts, (0, 0), (3, 3)))),
        900,
        300,
    )
    columns = np.flatnonzero((picture != 255).any(axis=(0, 2)))
    assert columns.min() < 20
    assert columns.max() > 500


def test_rank_correlation_is_spearmans() -> None:
    from scipy.stats import spearmanr

    one, two = np.array([1, 5, 5, 2, 9.0]), np.array([3, 2, 2, 8, 1.0])
    assert rank_correlation(one, two) == pytest.approx(spearmanr(one, two).statistic)


def test_grids_of_another_shape_than_agreed_are_left_out() -> None:
    good = np.zeros((4, 1, 28, 28), np.uint8)
    arrays = {
        "grids/plane/images": good,
        "grids/plane/verdicts": np.array([2.0, 2, 3, 2]),
        "grids/bad/images": np.zeros((4, 1, 28, 28), np.float32),
        "grids/odd/images": good,
        "grids/odd/verdicts": np.array([np.nan] * 4),
        "grids/odd/inputs": np.zeros((3, 1, 28, 28), np.uint8),
    }
    found = grids.from_arrays(arrays)
    assert found.keys() == {"plane", "odd"}
    predictions = found["plane"].predictions
    assert predictions is not None
    assert predictions.tolist() == [2, 2, 3, 2]
    assert (found["odd"].predictions, found["odd"].inputs, found["plane"].side) == (None, None, 2)


def test_a_title_stands_above_its_figure(qtbot: QtBot) -> None:
    inner = PlaneFigure(LIGHT, "", np.full((4, 28, 28, 3), 200, np.uint8))
    picture = painted(TitledFigure(LIGHT, "A title", inner))
    below = painted(TitledFigure(LIGHT, "", inner))
    rows = np.flatnonzero((picture != below).any(axis=(1, 2)))
    assert len(rows) and rows.max() < 30


def test_figures_beside_one_another_share_the_width(qtbot: QtBot) -> None:
    inner = PlaneFigure(LIGHT, "", np.zeros((4, 28, 28, 3), np.uint8))
    picture = painted(BesideFigure((inner, inner)), 400, 150)
    dark = np.flatnonzero((picture == 0).all(axis=2).any(axis=0))
    assert dark.min() < 10 and 200 < dark.max() < 400
    assert not (picture[:, 193:207] == 0).all(axis=2).any()
