"""Letters from zip files: read in memory behind limits, fitted to 28×28, and refused with a sentence otherwise."""

from __future__ import annotations

import io
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from zoo.data import comnist, fetch, sets
from zoo.errors import DataError

LATIN = tuple(comnist.PAIRS.values())


def png(*, size: int = 60, mode: str = "L", paper: int = 255, ink: int = 0, shift: int = 0) -> bytes:
    """A drawing of a rectangle's outline."""
    image = Image.new("L", (size, size), paper)
    ImageDraw.Draw(image).rectangle((10 + shift, 15, size - 20, size - 12), outline=ink, width=4)
    if mode == "LA":
        alpha = Image.eval(image, lambda value: 255 - value)
        image = Image.merge("LA", (Image.new("L", image.size, 0), alpha))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def whole(alphabet: str, names: tuple[str, ...], count: int = 5) -> dict[str, bytes]:
    return {f"{alphabet}/{letter}/{n}.png": png(shift=n) for letter in names for n in range(count)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / comnist.FOLDER
    write_zip(inner / "Latin.zip", whole("Latin", LATIN))
    write_zip(inner / "Cyrillic.zip", whole("Cyrillic", tuple(comnist.PAIRS)))
    return tmp_path


def test_the_pairs_are_the_sheets_fourteen() -> None:
    assert " ".join(f"{one}→{two}" for one, two in comnist.PAIRS.items()) == (
        "Б→B Д→D Г→G Ф→F И→I Й→J Л→L Н→N П→P С→S Р→R У→U В→V З→Z"
    )


def test_both_alphabets_are_read_with_the_same_labels(folder: Path) -> None:
    assert comnist.present(folder)
    cyrillic, latin = comnist.load_cyrillic("train", folder), comnist.load_latin("test", folder)
    assert cyrillic.pixels.shape == (14 * 4, 1, 28, 28)
    assert latin.pixels.shape == (14, 1, 28, 28)
    assert cyrillic.labels[:14].tolist() == latin.labels.tolist() == list(range(14))
    assert (cyrillic.classes, latin.classes) == (tuple(comnist.PAIRS), LATIN)
    assert cyrillic.provenance == "Cyrillic.zip: 70 drawings by unknown hands"
    (folder / comnist.FOLDER / "Latin.zip").unlink()
    assert not comnist.present(folder), "both files are needed"


def test_whose_drawings_they_are_shows_in_the_names_of_their_files() -> None:
    assert comnist.origin_of(["Latin/B/58a9cea0bee57.png", "Latin/Z/5a96bd6e4e734.png"])[0] == "CoMNIST"
    assert comnist.origin_of(["Latin/B/0684_01.png"]) == ("Omniglot", "MIT (Omniglot)")
    assert comnist.origin_of(["Latin/B/0684_01.png", "Latin/B/mine.png", "Latin/B/1.png"]) == comnist.UNKNOWN
    assert comnist.origin_of(["Latin/B/0684_01.png", "Latin/B/mine.png"]) == comnist.UNKNOWN, "half are not most"
    assert comnist.origin_of(["Latin/B/0684_01.png.png"]) == comnist.UNKNOWN


def test_the_splits_share_no_drawing_and_each_letter_has_the_same_share(folder: Path) -> None:
    train, test = (comnist.load_latin(split, folder) for split in ("train", "test"))
    assert set(np.bincount(train.labels).tolist()) == {4}
    assert set(np.bincount(test.labels).tolist()) == {1}


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_ink_is_white_on_black_whatever_the_polarity_or_alpha(mode: str) -> None:
    dark, light = png(mode=mode), png(paper=0, ink=255)
    for data in (dark, light):
        with Image.open(io.BytesIO(data)) as image:
            ink = comnist.ink_of(image)
        assert ink[0, 0] == 0
        assert ink.max() == 255


def test_paper_is_what_most_of_the_border_is() -> None:
    inside, above = np.full((9, 9), 255, np.uint8), np.full((9, 9), 255, np.uint8)
    inside[1:-1, 1:-1] = above[0] = 0
    for drawing in (inside, above):
        assert np.array_equal(comnist.ink_of(Image.fromarray(drawing)), 255 - drawing)
        assert np.array_equal(comnist.ink_of(Image.fromarray(255 - drawing)), 255 - drawing)


def test_a_transparent_colour_is_nothing_and_so_is_ink_that_cannot_be_seen() -> None:
    grey = np.zeros((9, 9), np.uint8)
    grey[4, 4] = 40
    image = Image.fromarray(grey)
    image.info["transparency"] = 0
    assert np.array_equal(comnist.ink_of(image), np.where(grey, 255, 0))
    with Image.open(io.BytesIO(png())) as drawing:
        assert not comnist.ink_of(Image.merge("LA", (drawing, Image.new("L", drawing.size, 0)))).any()


def test_white_ink_on_nothing_is_ink() -> None:
    alpha = Image.eval(Image.open(io.BytesIO(png())), lambda value: 255 - value)
    white = Image.merge("LA", (Image.new("L", alpha.size, 255), alpha))
    assert comnist.ink_of(white).max() == 255


def test_what_a_mac_adds_to_a_zip_is_passed_over(tmp_path: Path) -> None:
    files = {
        f"Cyrillic/{unicodedata.normalize('NFD', letter)}/{n}.png": png(shift=n)
        for letter in comnist.PAIRS
        for n in range(3)
    }
    write_zip(
        tmp_path / "Cyrillic.zip",
        {
            **files,
            "__MACOSX/Cyrillic/Б/._0.png": b"no picture",
            "Cyrillic/Б/._0.png": b"",
            "__MACOSX/Cyrillic/Б/1.png": b"",
            "loose.png": b"",
        },
    )
    assert len(comnist.load_cyrillic("train", tmp_path)) == 14 * 2


def test_broken_letters_are_not_called_fetched(folder: Path) -> None:
    (folder / comnist.FOLDER / "Latin.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="cannot be read"):
        fetch.fetch_letters(folder)


def test_a_letter_fills_the_image_and_keeps_its_proportions() -> None:
    ink = np.zeros((60, 90), np.uint8)
    ink[20:50, 40:50] = 255  # 30 high, 10 wide
    fitted = comnist.fit(ink)
    assert fitted is not None
    rows, columns = np.flatnonzero(fitted.any(axis=1)), np.flatnonzero((fitted > 127).any(axis=0))
    assert (rows[0], rows[-1]) == (0, 27)
    assert 8 <= len(columns) <= 10
    assert abs((columns[0] + columns[-1]) / 2 - 13.5) <= 1
    assert comnist.fit(np.zeros((5, 5), np.uint8)) is None
    assert len(np.unique(fitted)) > 2, "smoothly"
    flat = np.zeros((40, 40), np.uint8)
    flat[30:40, 12:40] = 255  # 10 high, 28 wide, to the edge
    centred = comnist.fit(flat)
    assert centred is not None and np.array_equal(centred, np.pad(np.full((10, 28), 255, np.uint8), ((9, 9), (0, 0))))


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png())).save(buffer, "JPEG")
    return buffer.getvalue()


def vast() -> bytes:
    """A PNG that declares 400 million pixels."""
    data = png()
    header = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + data[24:29]
    return data[:12] + header + zlib.crc32(header).to_bytes(4, "big") + data[33:]


def bomb() -> bytes:
    """A megabyte and more of nothing, small when packed."""
    return bytes(comnist.MAX_ENTRY_BYTES + 1)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("Latin/../../escaped.png", png(), "which leads out of its folder: such a file was made to do harm"),
        ("/etc/escaped.png", png(), "which leads out of its folder"),
        ("Latin\\B\\..\\escaped.png", png(), "which leads out of its folder"),
        ("Latin/B/bomb.png", bomb(), "looks like a zip bomb and is not unpacked"),
        ("Latin/B/0.png", b"no picture", "is no PNG that can be decoded"),
        ("Latin/B/0.png", jpeg(), "is no PNG that can be decoded"),
        ("Latin/B/0.png", vast(), "is no PNG that can be decoded"),
        ("Latin/B/0.png", png(size=1_100), "is 1100×1100; more than 1024 a side is not decoded"),
        ("Latin/B/0.png", png(ink=255), "is blank; expected a letter"),
    ],
)
def test_a_harmful_or_broken_entry_is_one_sentence(tmp_path: Path, name: str, data: bytes, sentence: str) -> None:
    write_zip(tmp_path / "Latin.zip", {**whole("Latin", LATIN), name: data})
    with pytest.raises(DataError, match=sentence):
        comnist.load_latin("train", tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["Latin.zip"]


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "Latin.zip", {**whole("Latin", LATIN), "Latin/B/bomb.png": bomb()})
    data, size = path.read_bytes(), (comnist.MAX_ENTRY_BYTES + 1).to_bytes(4, "little")
    assert data.count(size) >= 2
    path.write_bytes(data.replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(DataError, match=r"cannot be read as a zip file|unpacks to more|no PNG"):
        comnist.load_latin("train", tmp_path)


@pytest.mark.parametrize("missing", ["B", "Z"])
def test_an_alphabet_without_a_letter_is_named(tmp_path: Path, missing: str) -> None:
    files = whole("Latin", tuple(letter for letter in LATIN if letter != missing))
    write_zip(tmp_path / "Latin.zip", {**files, f"Latin/{missing}/": b"", f"Latin/{missing}/only.png": png()})
    with pytest.raises(DataError, match=rf"holds no two drawings of {missing}; expected Latin/<letter>/<name>\.png"):
        comnist.load_latin("train", tmp_path)


def listed_with(at: int, value: int) -> Callable[[bytes], bytes]:
    """Return what changes a byte of the first entry in the zip's list."""

    def spoil(data: bytes) -> bytes:
        place = data.index(b"PK\x01\x02") + at
        return data[:place] + bytes([value]) + data[place + 1 :]

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-30],
        lambda data: b"",
        lambda data: b"PK" + data[5:],
        lambda data: data[:43] + b"\xff" * 9 + data[52:],
        listed_with(8, 1),
        listed_with(10, 99),
    ],
    ids=["cut short", "empty", "shifted", "wrong bits", "encrypted", "packed otherwise"],
)
def test_a_truncated_zip_is_one_sentence(folder: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = folder / comnist.FOLDER / "Latin.zip"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match="cannot be read"):
        comnist.load_latin("train", folder)


def test_absent_letters_have_a_sentence_that_says_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no Cyrillic\.zip in .*get it from https://github.com/GregVial/CoMNIST"):
        comnist.load_cyrillic("train", tmp_path)
    with pytest.raises(DataError, match="not fetched, since no hash of them is published"):
        fetch.fetch_letters(tmp_path)


@pytest.mark.parametrize(
    ("name", "counts", "whose"), [("cyrillic", (60, 15), "CoMNIST"), ("latin", (16, 4), "Omniglot")]
)
def test_the_embedded_letters_are_drawings_by_people_each_another(
    name: str, counts: tuple[int, int], whose: str
) -> None:
    parts = [sets.load(name, split, "sample") for split in ("train", "test")]
    assert [set(np.bincount(part.labels).tolist()) for part in parts] == [{count} for count in counts]
    every = [image.tobytes() for part in parts for image in part.pixels]
    assert len(set(every)) == len(every)
    assert parts[0].labels[:14].tolist() == list(range(14)) and len(parts[0].classes) == 14
    first, second = counts
    assert parts[0].provenance == f"sample: {first} + {second} of {whose}'s drawings of each letter"
    assert whose in parts[0].licence


def test_of_many_drawings_5000_are_for_training_and_of_few_four_in_five() -> None:
    blank = np.zeros((28, 28), np.uint8)
    assert [len(comnist.split_of([[blank] * 8_000], split)[0]) for split in ("train", "test")] == [5_000, 3_000]
    assert [len(comnist.split_of([[blank] * 100], split)[0]) for split in ("train", "test")] == [80, 20]
    assert len(comnist.split_of([[blank]], "train")[0]) == 1


def test_which_drawings_are_for_testing_is_the_same_in_every_version() -> None:
    drawings = [[np.full((28, 28), 10 * label + n, np.uint8) for n in range(10)] for label in range(3)]
    pixels, labels = comnist.split_of(drawings, "test")
    assert (pixels[:, 0, 0, 0].tolist(), labels.tolist()) == ([1, 19, 26, 2, 12, 24], [0, 1, 2, 0, 1, 2])


def test_a_drawing_is_known_by_its_name_and_not_by_its_place_in_the_zip(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_zip(other / "Latin.zip", dict(reversed(whole("Latin", LATIN).items())))
    assert comnist.load_latin("train", other).sha256 == comnist.load_latin("train", folder).sha256


def test_only_pictures_of_the_alphabets_own_folders_are_taken_two_of_a_letter_are_enough(tmp_path: Path) -> None:
    files = {f"images/{name}": data for name, data in whole("Latin", LATIN, 2).items()}
    more = {"images/Latin/B/7.PNG": png(shift=9), "images/Latin/B/notes.txt": b"no picture", "images/Latin/B/": b""}
    write_zip(tmp_path / "images" / "Latin.zip", {**files, **more, "images/Other/B/8.png": b"another alphabet's"})
    images = comnist.load_latin("test", tmp_path)
    assert np.bincount(images.labels).tolist() == [1] * 14
    assert images.provenance == "Latin.zip: 29 drawings by unknown hands"
    assert (images.dataset, images.split, images.licence) == ("latin", "test", "unknown")
    assert images.shape == sets.get("latin").shape
    write_zip(tmp_path / "CoMNIST" / "Latin.zip", {f"{letter}/{n}.png": png() for letter in LATIN for n in (1, 2)})
    assert comnist.load_latin("train", tmp_path).provenance.startswith("Latin.zip: 28 drawings"), "found first, flat"


def test_an_opaque_drawing_with_alpha_is_read_by_its_colours_and_faint_ink_is_paper() -> None:
    with Image.open(io.BytesIO(png())) as image:
        assert np.array_equal(comnist.ink_of(image.convert("RGBA")), comnist.ink_of(image))
    faint = np.zeros((9, 9), np.uint8)
    faint[4, 4] = 32
    assert comnist.fit(faint) is None
    faint[4, 4] = 33
    assert comnist.fit(faint) is not None


def test_limits_of_a_zip_hold_for_all_of_it_and_for_the_longer_side(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / comnist.FOLDER / "Latin.zip").unlink()
    write_zip(tmp_path / "Latin.zip", {**whole("Latin", LATIN), "Latin/B/0.png": png(size=1_024)})
    comnist.load_latin("test", tmp_path)
    for name, size, sentence in (
        ("Latin/B/0.png", (1_100, 60), "is 1100×60; more than 1024"),
        ("Latin/B/0.png", (60, 1_100), "is 60×1100; more than 1024"),
        ("C:/Latin/B/0.png", (60, 60), "leads out of its folder"),
    ):
        image = io.BytesIO()
        Image.new("L", size).save(image, "PNG")
        write_zip(tmp_path / "Latin.zip", {**whole("Latin", LATIN), name: image.getvalue()})
        with pytest.raises(DataError, match=sentence):
            comnist.load_latin("train", tmp_path)
    monkeypatch.setattr(comnist, "MAX_BYTES", 1_000)
    with pytest.raises(DataError, match="looks like a zip bomb"):
        comnist.load_cyrillic("train", folder)
    monkeypatch.setattr(comnist, "MAX_BYTES", 512 << 20)
    monkeypatch.setattr(comnist, "MAX_ENTRIES", 70)
    comnist.load_cyrillic("train", folder)
    monkeypatch.setattr(comnist, "MAX_ENTRIES", 69)
    with pytest.raises(DataError, match="lists 70 files, expected at most 69; it is not opened"):
        comnist.load_cyrillic("train", folder)
    monkeypatch.undo()
    assert (comnist.MAX_BYTES, comnist.MAX_ENTRIES, comnist.MAX_ENTRY_BYTES) == (512 << 20, 200_000, 1 << 20)
