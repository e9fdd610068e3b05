"""Reports: every sheet's page is whole, says what is missing, and tells nothing that was not measured."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from pytestqt.qtbot import QtBot

from tests.zoo.test_cli import aezoo
from viewer.figures.overlap import Case, OverlapFigure
from viewer.figures.plane import WRONG, PlaneFigure
from viewer.figures.theme import LIGHT
from viewer.figures.trade_off import Point, TradeOffFigure, rank_correlation
from viewer.report.__main__ import ASSIGNMENTS
from viewer.report.page import Figure, Section, to_html
from viewer.state import grids
from zoo import registry, transposed

Capture = pytest.CaptureFixture[str]


def painted(figure: Figure, width: int = 400, height: int = 300) -> np.ndarray:
    image = QImage(width, height, QImage.Format.Format_RGB888)
    image.fill(LIGHT.colour("base"))
    painter = QPainter(image)
    figure.paint(painter, QRectF(0, 0, width, height))
    painter.end()
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(height, image.bytesPerLine())
    return lines[:, : 3 * width].reshape(height, width, 3).copy()


def test_every_assignment_of_the_registry_has_a_report() -> None:
    assert set(ASSIGNMENTS) == {recipe.assignment for recipe in registry.recipes().values()}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_a_report_is_one_page_with_its_pictures_inside(
    assignment: str, whole_zoo: Path, tmp_path: Path, qtbot: QtBot, capsys: Capture
) -> None:
    page, pictures = tmp_path / "page.html", tmp_path / "pictures"
    words = ("report", assignment, "--runs", whole_zoo, "--out", page, "--figures", pictures, "--json")
    code, out, _ = aezoo(capsys, *words)
    report = json.loads(out)
    assert (code, report["report"]) == (0, str(page))
    text = page.read_text()
    assert len(report["pictures"]) >= 1
    assert text.count("data:image/png;base64,") == len(report["pictures"])
    assert not re.search(r"(src|href)=\"(?!data:)", text), "it needs no other file"
    assert "sample" in text, "the data's name is on every page"
    assert {path.stem for path in pictures.iterdir()} == set(report["pictures"])
    for path in pictures.iterdir():
        with Image.open(path) as image:
            assert len(image.convert("RGB").getcolors(1 << 22)) > 20  # type: ignore[arg-type]


def test_a_report_without_runs_says_what_to_train(tmp_path: Path, qtbot: QtBot, capsys: Capture) -> None:
    code, out, _ = aezoo(capsys, "report", "maastricht", "--runs", tmp_path, "--out", tmp_path / "page.html")
    assert code == 0
    assert "Not trained yet: base (`aezoo train maastricht/base`)." in out
    assert (tmp_path / "page.html").is_file()


def test_one_damaged_or_foreign_run_is_told_and_the_rest_is_reported(
    whole_zoo: Path, tmp_path: Path, qtbot: QtBot, capsys: Capture
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(whole_zoo / "purdue", runs / "purdue", ignore=shutil.ignore_patterns("checkpoint"))
    (runs / "purdue" / "dense" / "history.h5").write_bytes(b"broken")
    shutil.copy(runs / "purdue" / "conv" / "history.h5", runs / "purdue" / "denoise" / "history.h5")
    code, out, _ = aezoo(capsys, "report", "purdue", "--runs", runs, "--out", tmp_path / "page.html")
    assert code == 0
    assert f"{runs}/purdue/dense/history.h5 is not an HDF5 file" in out
    assert "holds a run of purdue/conv, expected purdue/denoise: it is left out." in out
    assert "Part 2: convolutional autoencoder" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("report", "purdoe"), "no assignment 'purdoe'; there is freiburg, letters, purdue, hesso, maastricht"),
        (("report", "purdue", "--runs", "/nowhere"), "no folder '/nowhere'; train the runs first"),
        (("report", "hesso", "--runs", ".", "--out", "page.png"), "the page is HTML; name a file that ends in .html"),
        (("report", "hesso", "--runs", ".", "--out", "/proc/page.html"), "could not write /proc/page.html"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence(words: tuple[str, ...], sentence: str, capsys: Capture) -> None:
    code, _, err = aezoo(capsys, *words)
    assert code == (74 if "could not write" in sentence else 2)
    assert sentence in err
    assert "Traceback" not in err


def test_text_from_files_cannot_become_markup() -> None:
    page = to_html("<b>", [Section("<script>", ("a & b",), ((("<i>",), ("\"'",)),))], {})
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;i&gt;" in page


# ---- figures -------------------------------------------------------------------------------------------------


def test_wrong_verdicts_are_marked_in_green_on_their_own_tile(qtbot: QtBot) -> None:
    pixels = np.zeros((9, 28, 28, 3), np.uint8)
    marks = ("", "", "", "", "7", "", "", "", "")
    plain, marked = (painted(PlaneFigure(LIGHT, "title", pixels, told)) for told in ((), marks))
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
        OverlapFigure(LIGHT, (Case("one", counts, (1, 1), (3, 3)), Case("two", counts, (0, 0), (3, 3)))), 900, 300
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
    verdicts = found["plane"].verdicts
    assert verdicts is not None
    assert verdicts.tolist() == [2, 2, 3, 2]
    assert (found["odd"].verdicts, found["odd"].inputs, found["plane"].side) == (None, None, 2)
