"""`aezoo run`: pictures of any kind through a model, and one sentence for what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import TrainedRuns
from tests.zoo.test_cli import Capture, aezoo
from zoo.data import pictures, sets
from zoo.errors import DataError, UsageError
from zoo.runs import RunFolder


@pytest.fixture(scope="module")
def digit() -> np.ndarray:
    """A digit, uint8 (28, 28)."""
    image: np.ndarray = sets.load("mnist", "test", "sample").pixels[0, 0]
    return image


def save(folder: Path, name: str, image: Image.Image, **options: Any) -> Path:
    image.save(folder / name, **options)
    return folder / name


def test_a_reconstruction_is_written_and_compared_with_the_picture(
    conv_run: RunFolder, digit: np.ndarray, tmp_path: Path, capsys: Capture
) -> None:
    picture = save(tmp_path, "seven.png", Image.fromarray(digit).resize((56, 84), Image.Resampling.NEAREST))
    code, out, _ = aezoo(capsys, "run", conv_run.graph("model"), picture, "-o", tmp_path / "out", "--json")
    (answer,) = json.loads(out)
    assert code == 0 and answer["output"] == str(tmp_path / "out/seven.png")
    assert answer["fitted"] == "56×84, its middle 56×56, scaled to 28×28"
    made = np.asarray(Image.open(answer["output"])).astype(np.float64) / 255
    assert made.shape == (28, 28)
    middle = np.asarray(Image.open(picture)).astype(np.float64)[14:70] / 255
    wanted = middle.reshape(28, 2, 28, 2).mean(axis=(1, 3))
    assert answer["mse"] == pytest.approx(np.mean((made - wanted) ** 2), rel=0.05)
    assert answer["psnr"] == pytest.approx(-10 * np.log10(answer["mse"]))


def test_noise_is_added_before_and_the_noisy_picture_is_written_too(
    conv_run: RunFolder, digit: np.ndarray, tmp_path: Path, capsys: Capture
) -> None:
    picture = save(tmp_path, "seven.png", Image.fromarray(digit))
    arguments = ("run", conv_run.graph("model"), picture, "-o", tmp_path / "out", "--noise", "0.3")
    assert aezoo(capsys, *arguments)[0] == 0
    noisy = np.asarray(Image.open(tmp_path / "out/seven-noisy.png")).astype(float) / 255
    inner = (digit > 90) & (digit < 165)  # where noise is seldom cut off
    assert np.std((noisy - digit / 255)[inner]) == pytest.approx(0.3, abs=0.1)
    code, _, err = aezoo(capsys, *arguments)
    assert code == 2 and "is there already; name another folder with -o DIR, or add --overwrite" in err
    assert aezoo(capsys, *arguments, "--overwrite")[0] == 0


def test_a_picture_is_never_written_over_by_what_is_made_of_it(
    conv_run: RunFolder, digit: np.ndarray, tmp_path: Path, capsys: Capture
) -> None:
    picture = save(tmp_path, "seven.png", Image.fromarray(digit))
    code, _, err = aezoo(capsys, "run", conv_run.graph("model"), picture, "-o", tmp_path, "--overwrite")
    assert code == 2 and "is there already" in err
    assert np.array_equal(np.asarray(Image.open(picture)), digit)


def test_a_classifier_names_the_three_likeliest_and_writes_nothing(
    trained_runs: TrainedRuns, digit: np.ndarray, tmp_path: Path, capsys: Capture
) -> None:
    runs = trained_runs("hesso/classifier")
    aezoo(capsys, "export", "hesso/classifier", "--runs", runs)
    picture = save(tmp_path, "seven.png", Image.fromarray(digit))
    code, out, _ = aezoo(capsys, "run", "hesso/classifier", picture, "--runs", runs, "--json")
    (answer,) = json.loads(out)
    shares = list(answer["classes"].values())
    assert code == 0 and len(shares) == 3 and shares == sorted(shares, reverse=True) and sum(shares) <= 1
    assert set(answer["classes"]) < set("0123456789") and answer["output"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["seven.png"]


def test_a_coloriser_takes_grey_and_writes_colours(trained_runs: TrainedRuns, tmp_path: Path, capsys: Capture) -> None:
    runs = trained_runs("maastricht/colour-1")
    aezoo(capsys, "export", "maastricht/colour-1", "--runs", runs)
    photograph = sets.load("cifar10", "test", "sample").pixels[0].transpose(1, 2, 0)
    save(tmp_path, "cat.png", Image.fromarray(photograph))
    code, out, _ = aezoo(
        capsys, "run", "maastricht/colour-1", tmp_path, "-o", tmp_path / "out", "--runs", runs, "--json"
    )
    (answer,) = json.loads(out)
    made = np.asarray(Image.open(tmp_path / "out/cat.png"))
    assert code == 0 and made.shape == (32, 32, 3) and "grey by its luma" in answer["fitted"]
    wanted = photograph / 255
    assert answer["mse"] == pytest.approx(np.mean((made / 255 - wanted) ** 2), rel=0.05), "beside the colours"


def test_pictures_of_one_name_do_not_overwrite_each_other(
    conv_run: RunFolder, digit: np.ndarray, tmp_path: Path, capsys: Capture
) -> None:
    paths = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        paths.append(save(tmp_path / folder, "digit.png", Image.fromarray(digit)))
    assert aezoo(capsys, "run", conv_run.graph("model"), *paths, "-o", tmp_path / "out")[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["digit-2.png", "digit.png"]


def test_what_cannot_be_read_is_named_and_the_rest_is_done(
    conv_run: RunFolder, digit: np.ndarray, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    save(tmp_path, "b.png", Image.fromarray(digit))
    code, out, err = aezoo(capsys, "run", conv_run.graph("model"), tmp_path, "-o", tmp_path / "out")
    assert code == 1 and "a.png cannot be read as a picture" in err and "expected PNG, JPEG, TIFF or WebP" in err
    assert "b.png" in out and (tmp_path / "out/b.png").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("no/such", "x.png"), "no file or folder 'no/such'"),
        (("MODEL", "absent.png", "-o", "OUT"), "no file or folder 'absent.png'; name pictures"),
        (("MODEL", "EMPTY", "-o", "OUT"), "no picture in"),
        (("MODEL", "EMPTY"), "name the folder that they go to with -o DIR"),
    ],
)
def test_what_is_missing_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, conv_run: RunFolder, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "empty").mkdir()
    named = {"MODEL": conv_run.graph("model"), "OUT": tmp_path / "out", "EMPTY": tmp_path / "empty"}
    code, _, err = aezoo(capsys, "run", *(named.get(each, each) for each in arguments), "--runs", tmp_path / "none")
    assert code == 2 and sentence in err


# ---- reading pictures ----------------------------------------------------------------------------------------


def test_every_kind_of_picture_is_read_as_it_is_looked_at(tmp_path: Path) -> None:
    values = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
    grey = np.repeat((values / 255)[..., None], 3, axis=2)
    plain = Image.fromarray(values)
    exact = {
        "grey.png": plain,
        "grey.webp": plain,
        "grey.tif": plain,
        "colour.png": plain.convert("RGB"),
        "palette.gif": plain.convert("P"),
        "deep.png": Image.fromarray(values.astype(np.uint16) * 257),
        "float.tif": Image.fromarray((values / 255).astype(np.float32)),
    }
    for name, image in exact.items():
        path = save(tmp_path, name, image, **({"lossless": True} if name.endswith("webp") else {}))
        found = pictures.read(path)
        assert found.dtype == np.float32 and found.shape == (4, 6, 3), name
        np.testing.assert_allclose(found, grey, atol=1e-6, err_msg=name)
    jpeg = pictures.read(save(tmp_path, "grey.jpg", plain, quality=100))
    np.testing.assert_allclose(jpeg, grey, atol=0.02)


def test_a_picture_is_turned_by_its_exif_and_stands_on_white_where_it_is_transparent(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.uint8).reshape(4, 6)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    turned = pictures.read(save(tmp_path, "turned.png", Image.fromarray(values), exif=exif))
    np.testing.assert_allclose(turned[..., 0], np.rot90(values, -1) / 255, atol=1e-6)
    half = pictures.read(save(tmp_path, "half.png", Image.new("RGBA", (2, 2), (0, 0, 0, 102))))
    np.testing.assert_allclose(half, 0.6, atol=0.005)


def test_values_without_a_known_range_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, "bright.tif", Image.fromarray(np.full((2, 2), 7.5, np.float32)))
    with pytest.raises(DataError, match=r"has values from 7\.5 to 7\.5, expected 0 to 1"):
        pictures.read(path)


def test_files_and_the_pictures_of_folders_are_listed_in_order(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "c.png").mkdir()
    assert [path.name for path in pictures.listed([tmp_path, tmp_path / "notes.txt"])] == [
        "a.png",
        "b.JPG",
        "notes.txt",
    ]
    with pytest.raises(UsageError, match="no file or folder"):
        list(pictures.listed([tmp_path / "absent"]))
