"""Pictures of the user's own: every layout is read, and every fault is one sentence."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data import contact_sheet, idx, own, own_files, pictures
from zoo.errors import DataError

GREY, RGB = (1, 28, 28), (3, 32, 32)


def picture(number: int, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> Image.Image:
    """A picture whose left half is as bright as its number says."""
    values = np.zeros((size[1], size[0]), np.uint8)
    values[:, : size[0] // 2] = 5 * number % 256
    return Image.fromarray(values).convert(mode)


def fill(folder: Path, count: int, first: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        picture(number).save(folder / f"{number:03}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of 20 pictures each."""
    fill(tmp_path / "photos" / "cat", 20)
    fill(tmp_path / "photos" / "dog", 20, first=20)
    return tmp_path / "photos"


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "cache"))
    own._held.clear()
    return tmp_path / "cache" / "pictures"


def test_folders_are_classes_and_the_cut_is_80_10_10_the_same_each_time(photos: Path) -> None:
    splits = own.load(photos, GREY)
    assert (len(splits.train), len(splits.validation), len(splits.test), splits.cut) == (32, 4, 4, "80/10/10")
    assert splits.train.shape == GREY and splits.train.classes == ("cat", "dog")
    assert splits.train.dataset == "images=photos" and splits.train.provenance == "own pictures: 40 of photos"
    brightness = splits.train.pixels[:, 0, 10, 5].astype(int)
    np.testing.assert_array_equal(splits.train.labels, (brightness >= 100).astype(np.uint8))
    assert len(set(brightness.tolist())) == 32, "none comes twice"
    before = splits.train.sha256
    own._held.clear()
    assert own.load(photos, GREY).train.sha256 == before


def test_folders_of_splits_are_kept_and_below_them_are_classes(tmp_path: Path) -> None:
    for split, count in (("train", 16), ("val", 4), ("test", 3)):
        fill(tmp_path / "set" / split / "a", count)
        fill(tmp_path / "set" / split / "b", count, first=30)
    splits = own.load(tmp_path / "set", RGB)
    assert splits.val is not None
    assert (len(splits.train), len(splits.val), len(splits.test), splits.cut) == (32, 8, 6, "as given")
    assert splits.test.classes == ("a", "b") and splits.test.split == "test"


def test_without_a_split_to_test_on_that_to_watch_is_tested_on(tmp_path: Path) -> None:
    fill(tmp_path / "set" / "train", 20)
    fill(tmp_path / "set" / "val", 5)
    splits = own.load(tmp_path / "set", GREY)
    assert splits.val is None and len(splits.test) == 5 and splits.train.classes == ()


def test_a_zip_has_the_same_layout_and_the_same_pixels(photos: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in sorted(photos.rglob("*.png")):
            archive.write(path, Path("photos") / path.relative_to(photos))
        archive.writestr("__MACOSX/photos/cat/._000.png", b"what a Mac adds")
    assert own.load(tmp_path / "photos.zip", GREY).train.digest == own.load(photos, GREY).train.digest


def numbered(count: int, shape: tuple[int, ...] = (28, 28)) -> np.ndarray:
    return np.arange(count, dtype=np.uint8).reshape(-1, *(1 for _ in shape)) * np.ones(shape, np.uint8) + 2


@pytest.mark.parametrize("names", [("x_{}", "y_{}"), ("{}_images", "{}_labels")], ids=["Keras", "MedMNIST"])
def test_arrays_of_numpy_keep_their_splits_and_order(names: tuple[str, str], tmp_path: Path) -> None:
    images, labels = names
    arrays = {images.format("train"): numbered(30), labels.format("train"): np.arange(30)[:, None] % 11}
    arrays |= {images.format("test"): numbered(8), labels.format("test"): np.arange(8)[:, None]}
    np.savez(tmp_path / "set.npz", allow_pickle=False, **arrays)
    splits = own.load(tmp_path / "set.npz", GREY)
    assert splits.val is None and len(splits.test) == 8
    assert splits.train.pixels[:, 0, 0, 0].tolist() == list(range(2, 32))
    assert splits.train.classes == tuple(map(str, range(11))), "10 follows 9"
    assert splits.train.labels.tolist() == [n % 11 for n in range(30)]


@pytest.mark.parametrize(
    "array",
    [
        numbered(24) / np.float32(255),
        numbered(24).astype(np.float64),
        numbered(24).astype(np.uint16) * 257,
        numbered(24)[:, None].repeat(3, axis=1),
        numbered(24)[..., None].repeat(3, axis=3),
    ],
    ids=["floats to 1", "floats to 255", "16 bit", "channels first", "channels last"],
)
def test_one_array_of_any_type_and_layout_is_read_right(array: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "set.npy", array, allow_pickle=False)
    splits = own.load(tmp_path / "set.npy", GREY)
    found = np.concatenate([part.pixels[:, 0, 3, 3] for part in (splits.train, splits.validation, splits.test)])
    assert sorted(found.tolist()) == list(range(2, 26))


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    data = header + array.astype(np.uint8).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    """Files of IDX as torchvision lays them."""
    for split, count in (("train", 30), ("t10k", 6)):
        write_idx(tmp_path / "FashionMNIST" / "raw" / f"{split}-images-idx3-ubyte.gz", numbered(count))
        write_idx(tmp_path / "FashionMNIST" / "raw" / f"{split}-labels-idx1-ubyte", np.arange(count) % 5)
    return tmp_path / "FashionMNIST"


def test_idx_files_are_read_by_their_folder_or_by_the_file_of_images(fashion: Path) -> None:
    splits = own.load(fashion, GREY)
    assert (len(splits.train), len(splits.test), splits.train.classes) == (30, 6, tuple("01234"))
    by_file = own.load(fashion / "raw" / "train-images-idx3-ubyte.gz", GREY)
    assert by_file.train.sha256 == splits.train.sha256 and len(by_file.test) == 6


def test_emnist_is_turned_and_one_of_several_sets_must_be_named(tmp_path: Path) -> None:
    corner = np.zeros((24, 28, 28), np.uint8)
    corner[:, 0, 27] = 255
    for name in ("letters", "digits"):
        write_idx(tmp_path / f"emnist-{name}-train-images-idx3-ubyte", corner)
    with pytest.raises(DataError, match="holds several data sets"):
        own.load(tmp_path, GREY)
    splits = own.load(tmp_path / "emnist-letters-train-images-idx3-ubyte", GREY)
    assert splits.train.pixels[0, 0, 27, 0] == 255
    assert idx.seems(tmp_path / "emnist-letters-train-images-idx3-ubyte") == "EMNIST"


def test_pictures_of_every_kind_come_out_alike(tmp_path: Path) -> None:
    folder = fill(tmp_path / "kinds", 20)
    half = picture(40)
    half.save(folder / "a.png")
    half.save(folder / "b.tiff")
    half.quantize().save(folder / "c.gif")
    half.convert("L").save(folder / "d.png")
    half.convert("RGBA").save(folder / "e.png")
    Image.fromarray(np.asarray(half.convert("L")).astype(np.uint16) * 257).save(folder / "f.png")
    Image.fromarray(np.asarray(half.convert("L")) / np.float32(255)).save(folder / "g.tiff")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° to the right
    half.transpose(Image.Transpose.ROTATE_90).save(folder / "h.png", exif=exif)
    found = own_files.find(folder)
    assert len(found) == 28
    images = {name[0]: own.decode(found, row, GREY) for row, name in enumerate(found.names) if name[0].isalpha()}
    for name, image in images.items():
        assert np.abs(image.astype(int) - images["a"]).max() <= 1, name


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "16 bit"])
def test_a_large_picture_is_reduced_while_it_is_decoded_to_nearly_the_same(kind: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    large = Image.fromarray(random.integers(0, 255, (8, 12), np.uint8)).resize((3000, 2000), Image.Resampling.BICUBIC)
    path = tmp_path / ("a.jpg" if kind == "JPEG" else "a.png")
    if kind == "16 bit":
        large = Image.fromarray(np.asarray(large).astype(np.uint16) * 257)
    large.save(path)
    reduced, whole = pictures.read(path, least=112), pictures.read(path)
    assert max(reduced.shape) < 400 and whole.shape == (2000, 3000, 3)
    one, other = (own.fitted(each, GREY).astype(int) for each in (reduced, whole))
    assert np.abs(one - other).mean() < 2 and np.abs(one - other).max() < 12


def test_what_was_decoded_is_kept_until_a_byte_of_it_changes(
    photos: Path, fresh_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = own.load(photos, GREY).train.sha256
    (kept,) = fresh_cache.glob("*.pixels")

    def never(*_: object) -> np.ndarray:
        raise AssertionError("it was decoded again")

    own._held.clear()
    with monkeypatch.context() as patch:
        patch.setattr(own, "decode", never)
        assert own.load(photos, GREY).train.sha256 == before
    kept.write_bytes(kept.read_bytes()[:-1] + b"\xff")  # damaged
    own._held.clear()
    assert own.load(photos, GREY).train.sha256 == before
    picture(50).save(photos / "cat" / "000.png")
    own._held.clear()
    own.load(photos, GREY)
    assert len(list(fresh_cache.glob("*.pixels"))) == 2


def test_the_cache_lets_go_of_what_was_not_used_for_longest(
    photos: Path, fresh_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "CACHE_BYTES", 50_000)
    for side in (28, 24, 20):
        own.load(photos, (1, side, side))
    assert len(list(fresh_cache.glob("*.pixels"))) == len(list(fresh_cache.glob("*.json"))) == 2


def test_one_unreadable_picture_of_a_hundred_is_left_out_and_three_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fill(tmp_path / "many", 99)
    (folder / "notes.png").write_text("a text, renamed")
    splits = own.load(folder, GREY, show=True)
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 99
    assert "1 (notes.png) cannot be read and is left out" in capsys.readouterr().err
    assert splits.train.provenance == "own pictures: 99 of many, 1 left out"
    (folder / "b.jpg").write_bytes(b"")
    (folder / "c.png").write_bytes((folder / "001.png").read_bytes()[:60])
    own._held.clear()
    with pytest.raises(DataError, match=r"3 \(b.jpg, c.png, notes.png\) of 102 pictures cannot be read, more than 1 %"):
        own.load(folder, GREY)


def bomb(path: Path) -> None:
    """A PNG that says it has 40,000 pixels a side."""
    data = io.BytesIO()
    Image.new("L", (8, 8)).save(data, "PNG")
    raw = bytearray(data.getvalue())
    raw[16:24] = struct.pack(">II", 40_000, 40_000)
    raw[29:33] = struct.pack(">I", zlib.crc32(bytes(raw[12:29])))
    path.write_bytes(bytes(raw))


def make_bomb(folder: Path) -> None:
    bomb(fill(folder, 25) / "bomb.png")


def make_loop(folder: Path) -> None:
    fill(folder / "a", 20)
    (folder / "a" / "again").symlink_to(folder, target_is_directory=True)


def make_pair(folder: Path) -> None:
    write_idx(folder / "train-images-idx3-ubyte", numbered(30))
    write_idx(folder / "train-labels-idx1-ubyte", np.arange(29))


def make_objects(folder: Path) -> None:
    folder.mkdir()
    array = np.array([{"a": 1}] * 30, dtype=object)
    with zipfile.ZipFile(folder / "o.npz", "w") as archive, archive.open("x_train.npy", "w") as stream:
        np.lib.format.write_array(stream, array, allow_pickle=True)  # what `load` must not unpickle


def make_files(folder: Path, **texts: bytes) -> None:
    """Files by their names, with _ for the dot."""
    folder.mkdir()
    for name, data in texts.items():
        (folder / name.replace("_", ".")).write_bytes(data)


def make_array(folder: Path, array: np.ndarray, *more: np.ndarray) -> None:
    folder.mkdir()
    if more:
        np.savez(folder / "a.npz", array, *more, allow_pickle=False)
    else:
        np.save(folder / "a.npy", array, allow_pickle=False)


def make_folders(folder: Path, **counts: int) -> None:
    for name, count in counts.items():
        fill(folder / name, count)


BAD: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "nothing there": (lambda _: None, "", r"which is not there; expected a folder or a .zip of pictures"),
    "an empty folder": (make_files, "", r"no picture in .*; expected files that end in .png"),
    "other files": (lambda at: make_files(at, a_heic=b""), "", r"there are 1 files that end in '.heic'"),
    "one picture": (lambda at: fill(at, 1), "", r"too few pictures \(1 in all\); expected 20 or more"),
    "a split of one": (lambda at: make_folders(at, train=30, test=1), "", r"\(30 in train, 0 in val, 1 in test\)"),
    "a bomb": (make_bomb, "", r"1 \(bomb.png\) of 26 pictures cannot be read"),
    "objects": (make_objects, "o.npz", r"x_train holds Python objects, which are never opened"),
    "a pair of two lengths": (make_pair, "", r"30 images and train-labels-idx1-ubyte 29 labels"),
    "splits and more": (
        lambda at: make_folders(at, train=10, test=10, more=10),
        "",
        r"holds more beside test, train; move it away",
    ),
    "no train": (lambda at: make_folders(at, val=10, test=10), "", r"holds test and val and no train"),
    "a text": (lambda at: make_files(at, a_txt=b"a"), "a.txt", r"is no data set of pictures"),
    "two arrays": (
        lambda at: make_array(at, numbered(3), numbered(3)),
        "a.npz",
        r"holds arr_0, arr_1; expected x_train, y_train",
    ),
    "a table": (lambda at: make_array(at, np.zeros((30, 784))), "a.npy", r"of the shape \(30, 784\); expected images"),
    "below zero": (lambda at: make_array(at, np.full((30, 8, 8), -1.0)), "a.npy", r"from -1 to -1; expected 0 to 1"),
    "an empty zip": (lambda at: make_files(at, a_zip=b"PK\x05\x06" + bytes(18)), "a.zip", r"no picture in"),
}


@pytest.mark.parametrize(("make", "name", "sentence"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_learned_from_is_one_sentence(
    make: Callable[[Path], object], name: str, sentence: str, tmp_path: Path
) -> None:
    make(tmp_path / "set")
    with pytest.raises(DataError, match=sentence) as error:
        own.load(tmp_path / "set" / name, GREY)
    assert "\n" not in str(error.value)


def test_a_loop_of_links_ends_and_each_folder_is_read_once(tmp_path: Path) -> None:
    make_loop(tmp_path / "set")
    assert len(own_files.find(tmp_path / "set")) == 20


def test_a_folder_that_may_not_be_read_is_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("zoo.data.own_files.os.scandir", refuse)
    with pytest.raises(DataError, match=r"dog cannot be read \(permission denied\); make it readable"):
        own.load(photos, GREY)


def test_more_than_memory_allows_is_refused_before_it_is_taken(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "MOST_BYTES", 100_000)
    with pytest.raises(DataError, match=r"holds 40 pictures, which take 0.0 GB as 64×64 RGB; at most 0.0 GB"):
        own.load(photos, (3, 64, 64))


def test_a_class_in_the_test_split_alone_stops_a_classifier_only(tmp_path: Path) -> None:
    for split, names in (("train", "ab"), ("test", "abz")):
        for number, name in enumerate(names):
            fill(tmp_path / "set" / split / name, 12, first=12 * number)
    source = own_files.find(tmp_path / "set")
    with pytest.raises(DataError, match="has z in test only; hesso/classifier can learn what is in train"):
        own.classes_of(source, "hesso/classifier")
    assert len(own.load(tmp_path / "set", GREY).test) == 36


def test_a_classifier_needs_two_classes_that_a_byte_can_count(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"tells classes apart, and .* has none"):
        own.classes_of(own_files.find(fill(tmp_path / "flat", 20)), "hesso/classifier")
    for number in range(300):
        fill(tmp_path / "days" / f"{number:03}", 1)
    many = own_files.find(tmp_path / "days")
    assert many.classes == () and many.kinds == 300
    with pytest.raises(DataError, match="has 300 classes; hesso/classifier can tell at most 256 apart"):
        own.classes_of(many, "hesso/classifier")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("photos", "photos"),
        ("My Photos, 2024", "My-Photos-2024"),
        ("été@home=1", "ete-home-1"),
        ("фото", "pictures"),
        ("x.npz", "x"),
        ("emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters-train"),
        ("mnist-sample", "mnist_sample"),
        ("..", "pictures"),
    ],
)
def test_a_run_is_named_after_the_folder_made_safe(path: str, name: str) -> None:
    assert own.name_of(Path(path)) == name


def test_a_survey_says_what_was_found_and_draws_a_sheet(photos: Path) -> None:
    (photos / "cat" / "broken.png").write_text("no picture")
    picture(3, (64, 48), "L").save(photos / "dog" / "grey.png")
    found = contact_sheet.survey(photos, show=False)
    facts = found.as_json()
    assert (facts["pictures"], facts["sizes"], facts["commonest_size"]) == (42, 2, [40, 30])
    assert facts["classes"] == {"cat": 21, "dog": 21} and facts["splits"] is None
    assert facts["unreadable"] == ["cat/broken.png"] and json.dumps(facts)
    assert "2: cat 21, dog 21" in found.as_text() and "they would be cut 80/10/10" in found.as_text()
    with Image.open(io.BytesIO(contact_sheet.to_png(found))) as sheet:
        assert sheet.size == (16 * 68 + 4, 3 * 68 + 4)
