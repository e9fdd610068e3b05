"""CIFAR-10: binary batches are read and checked, pickles never, and the archive is taken apart by name."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from skimage import data as photographs

from tests.zoo.conftest import Server
from zoo.data import cifar10, fetch, sample, sets
from zoo.data.images import Images
from zoo.data.splits import SHUFFLED, Selection, Splits, load, select, shuffled
from zoo.errors import DataError

RECORDS = 20


@pytest.fixture(autouse=True)
def few_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 20 images, so that a test's files are small."""
    monkeypatch.setattr(cifar10, "RECORDS", RECORDS)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums of these batches in place of the published ones."""
    sums = {name: hashlib.md5(data).hexdigest() for name, data in batches().items()}
    monkeypatch.setattr(cifar10, "MD5", sums)


def batches() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    names = (*cifar10.FILES["train"], *cifar10.FILES["test"])
    records = {name: rng.integers(0, 256, (RECORDS, cifar10.RECORD_BYTES), dtype=np.uint8) for name in names}
    for array in records.values():
        array[:, 0] %= 10
    return {name: array.tobytes() for name, array in records.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / cifar10.FOLDER
    target.mkdir()
    for name, data in batches().items():
        (target / name).write_bytes(data)
    return tmp_path


def archive(files: dict[str, bytes], *, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        if link:
            info = tarfile.TarInfo(f"{cifar10.FOLDER}/{link}")
            info.type, info.linkname = tarfile.SYMTYPE, "data_batch_1.bin"
            info.size = RECORDS * cifar10.RECORD_BYTES
            tar.addfile(info)
    return buffer.getvalue()


def test_a_record_is_a_label_and_three_planes(folder: Path) -> None:
    images = cifar10.load("train", folder)
    raw = np.frombuffer(batches()["data_batch_2.bin"], np.uint8).reshape(RECORDS, -1)[3]
    assert images.pixels.shape == (5 * RECORDS, 3, 32, 32)
    assert images.labels[RECORDS + 3] == raw[0]
    np.testing.assert_array_equal(images.pixels[RECORDS + 3, 2, 0], raw[1 + 2048 : 1 + 2048 + 32])
    assert images.classes[3] == "cat"
    assert images.labels[-1] == batches()["data_batch_5.bin"][-cifar10.RECORD_BYTES]
    test = cifar10.load("test", folder)
    assert (len(test), test.dataset, test.split) == (RECORDS, "cifar10", "test")


def test_the_batches_may_lie_in_the_folder_itself(folder: Path) -> None:
    assert cifar10.present(folder)
    assert cifar10.present(folder / cifar10.FOLDER)
    assert len(cifar10.load("test", folder / cifar10.FOLDER)) == RECORDS


def test_provenance_is_a_note_beside_the_files_or_unknown(folder: Path) -> None:
    assert cifar10.load("test", folder).provenance == cifar10.UNKNOWN
    (folder / cifar10.FOLDER / "PROVENANCE.txt").write_text("decoded from a JPEG copy\nmore\n")
    assert cifar10.load("test", folder).provenance == "decoded from a JPEG copy"
    (folder / cifar10.FOLDER / "PROVENANCE.txt").write_bytes(b"\x1b[1mr\xff" + b"e" * 300)
    assert cifar10.load("test", folder).provenance == "[1mr\ufffd" + "e" * 195
    assert cifar10.MAX_PROVENANCE == 200


@pytest.mark.usefixtures("published")
def test_the_official_archive_is_known_by_the_published_sums(folder: Path, tmp_path: Path) -> None:
    assert cifar10.load("train", folder).provenance == cifar10.OFFICIAL
    (folder / cifar10.FOLDER / "PROVENANCE.txt").write_text("decoded from a JPEG copy")
    assert cifar10.load("test", folder).provenance == cifar10.OFFICIAL


def test_nothing_beside_the_files_makes_them_official(folder: Path) -> None:
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in batches().items()]
    (folder / cifar10.FOLDER / "SHA256SUMS").write_text("\n".join(lines))
    assert cifar10.load("test", folder).provenance == cifar10.UNKNOWN
    (folder / cifar10.FOLDER / "PROVENANCE.txt").write_text("CIFAR-10, Official archive")
    assert cifar10.load("test", folder).provenance == cifar10.UNKNOWN


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (lambda good: good[:-1], r"data_batch_3.bin is truncated: 61,459 bytes, expected 61,460 \(20 records\); fetch"),
        (lambda good: good + b"x", "data_batch_3.bin is too long: more than 61,460 bytes"),
        (lambda good: b"\x0b" + good[1:], "holds the label 11, expected 0 to 9"),
        (lambda good: b"\x0a" + good[1:], "holds the label 10, expected 0 to 9"),
        (lambda good: b"", "is truncated: 0 bytes"),
    ],
)
def test_a_broken_batch_is_named_with_what_was_met_and_what_to_do(folder: Path, data: object, sentence: str) -> None:
    path = folder / cifar10.FOLDER / "data_batch_3.bin"
    path.write_bytes(data(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=sentence):
        cifar10.load("train", folder)


@pytest.mark.usefixtures("published")
def test_a_changed_byte_among_official_files_is_noticed(folder: Path) -> None:
    path = folder / cifar10.FOLDER / "test_batch.bin"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    for split in cifar10.FILES:
        with pytest.raises(DataError, match=r"test_batch\.bin does not have the published MD5, as the other files"):
            cifar10.load(split, folder)


@pytest.mark.usefixtures("published")
def test_a_batch_rewritten_at_the_same_size_is_checked_anew(folder: Path) -> None:
    path = folder / cifar10.FOLDER / "test_batch.bin"
    os.utime(path, ns=(0, 1_000_000_000))
    assert cifar10.load("test", folder).provenance == cifar10.OFFICIAL
    path.write_bytes(path.read_bytes()[::-1].replace(b"\xff", b"\xfe"))
    os.utime(path, ns=(0, 2_000_000_000))
    with pytest.raises(DataError, match=r"test_batch\.bin .* published MD5"):
        cifar10.load("train", folder)


def test_a_missing_batch_pickles_and_an_empty_folder_each_have_their_sentence(folder: Path, tmp_path: Path) -> None:
    (folder / cifar10.FOLDER / "data_batch_4.bin").unlink()
    with pytest.raises(DataError, match=r"lacks data_batch_4\.bin; fetch them with `aezoo data fetch cifar10"):
        cifar10.load("train", folder)
    assert not cifar10.present(folder)
    for name in ("cifar-10-batches-py", "data_batch_1"):
        pickles = tmp_path / "pickles" / name
        pickles.mkdir(parents=True)
        with pytest.raises(DataError, match="as Python pickles, which are never opened since they can run code"):
            cifar10.load("train", pickles.parent)
        pickles.rmdir()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"no cifar-10-batches-bin in .*or use --data sample"):
        sets.load("cifar10", "train", str(empty))


def test_only_the_six_regular_files_of_the_right_size_are_taken_from_an_archive(tmp_path: Path) -> None:
    files = batches()
    bad = {**files, "data_batch_1.bin": b"short", "../../escaped.bin": b"x" * 10}
    with pytest.raises(DataError, match=r"holds no proper data_batch_1\.bin"):
        cifar10.unpack(archive(bad), tmp_path)
    without = {name: data for name, data in files.items() if name != "test_batch.bin"}
    with pytest.raises(DataError, match=r"holds no proper test_batch\.bin"):
        cifar10.unpack(archive(without, link="test_batch.bin"), tmp_path)
    with pytest.raises(DataError, match="cannot be unpacked"):
        cifar10.unpack(archive(files)[:5_000], tmp_path)
    with pytest.raises(DataError, match="cannot be unpacked"):
        cifar10.unpack(gzip.compress(b"no tar at all" * 100), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("published")
def test_the_archive_is_fetched_checked_unpacked_and_not_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = archive(batches())
    server.files[f"/{cifar10.ARCHIVE}"] = data
    monkeypatch.setattr(cifar10, "ARCHIVE_BYTES", len(data))
    with pytest.raises(DataError, match="another sha256 than the published one"):
        fetch.fetch_cifar10(tmp_path)
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", hashlib.sha256(data).hexdigest())
    (tmp_path / cifar10.FOLDER).mkdir()
    (tmp_path / cifar10.FOLDER / cifar10.PROVENANCE_FILE).write_text("of other files")
    assert fetch.fetch_cifar10(tmp_path) == [tmp_path / cifar10.FOLDER / name for name in cifar10.MD5]
    assert not (tmp_path / cifar10.FOLDER / cifar10.PROVENANCE_FILE).exists()
    assert fetch.fetch_cifar10(tmp_path) == []
    assert not (tmp_path / cifar10.ARCHIVE).exists()
    assert cifar10.load("train", tmp_path).provenance == cifar10.OFFICIAL


def test_a_broken_test_batch_is_fetched_anew_too(server: Server, folder: Path) -> None:
    assert fetch.fetch_cifar10(folder) == []
    (folder / cifar10.FOLDER / "test_batch.bin").write_bytes(b"")
    with pytest.raises(DataError, match=f"could not fetch {cifar10.ARCHIVE} from any mirror .*answered 404"):
        fetch.fetch_cifar10(folder)
    assert server.requested == [f"/{cifar10.ARCHIVE}"]


# ---- splits --------------------------------------------------------------------------------------------------


def test_80_10_10_is_a_shuffle_of_all_images_that_never_changes(folder: Path) -> None:
    one = load("cifar10", str(folder), split=SHUFFLED)
    assert one.val is not None
    assert [len(part) for part in (one.train, one.val, one.test)] == [96, 12, 12]
    again = shuffled(cifar10.load("train", folder), cifar10.load("test", folder))
    np.testing.assert_array_equal(one.test.pixels, again.test.pixels)
    everything = np.concatenate([part.pixels.reshape(len(part), -1) for part in (one.train, one.val, one.test)])
    published = [cifar10.load(split, folder).pixels.reshape(-1, 3072) for split in ("train", "test")]
    assert {row.tobytes() for row in everything} == {row.tobytes() for row in np.concatenate(published)}
    assert one.train.pixels.base is one.test.pixels.base is not None, "cuts of one array, not copies"


def test_a_selection_takes_one_label_and_the_same_few_images_each_time(folder: Path) -> None:
    whole = load("cifar10", str(folder))
    label = int(np.intersect1d(whole.train.labels, whole.test.labels)[0])
    few = select(whole, Selection(label, 3))
    assert (len(few.train), set(few.train.labels.tolist()), set(few.test.labels.tolist())) == (3, {label}, {label})
    np.testing.assert_array_equal(few.train.pixels, select(whole, Selection(label, 3)).train.pixels)
    assert len(select(whole, Selection(label)).train) == int((whole.train.labels == label).sum())
    assert len(select(whole, Selection(label, 10_000)).train) == int((whole.train.labels == label).sum())
    nothing = Splits(train=whole.train.take(whole.train.labels != label), test=whole.test)
    untested = Splits(train=whole.train, test=whole.test.take(whole.test.labels != label))
    for lacking in (nothing, untested):
        with pytest.raises(DataError, match=f"holds no image of the label {label}"):
            select(lacking, Selection(label))
    cut = load("cifar10", str(folder), split=SHUFFLED, selection=Selection(label))
    assert (set(cut.train.labels.tolist()), cut.val) == ({label}, None)


def test_patches_of_photographs_share_no_pixel_between_the_splits() -> None:
    train, test = (sets.load("cifar10", split, "sample") for split in ("train", "test"))
    assert train.shape == test.shape == (3, 32, 32)
    assert len(train) > 500
    images = [image.tobytes() for image in (*train.pixels, *test.pixels)]
    assert len(set(images)) == len(images)
    assert "sample" in train.provenance
    counts = [np.bincount(images.labels).tolist() for images in (train, test)]
    assert [len(each) for each in counts] == [len(sample.PHOTOS)] * 2
    assert len(train) == round(5 / 6 * (len(train) + len(test)))
    assert np.bincount(test.labels).tolist() == [44, 20, 32, 47], "the same ones in every version"
    corner = photographs.coffee()[:32, 17 * 32 : 18 * 32].transpose(2, 0, 1)
    found = [label for one in (train, test) for label in one.labels[(one.pixels == corner).all(axis=(1, 2, 3))]]
    assert found == [sample.PHOTOS.index("coffee")]
    first = sample.photos("train")
    assert first.sha256 == train.sha256 and (first.classes, first.split) == (sample.PHOTOS, "train")


def numbered(count: int, split: str) -> Images:
    """Images of which each is its number, with the labels 0 and 1 in turn."""
    pixels = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
    return Images("numbers", split, pixels, (np.arange(count) % 2).astype(np.uint8), "made up", "none")


def test_which_images_a_split_or_a_selection_holds_is_the_same_in_every_version() -> None:
    parts = shuffled(numbered(16, "train"), numbered(4, "test"))
    assert parts.val is not None and parts.validation is parts.val
    assert [each.split for each in (parts.train, parts.val, parts.test)] == ["train", "val", "test"]
    numbers = [each.pixels.ravel().tolist() for each in (parts.val, parts.test)]
    assert numbers == [[7, 13], [5, 1]]
    assert (parts.train.labels == parts.train.pixels.ravel() % 2).all(), "each image keeps its label"
    few = select(Splits(train=numbered(40, "train"), test=numbered(6, "test")), Selection(1, 5))
    assert few.train.pixels.ravel().tolist() == [1, 5, 15, 19, 21]
    assert (few.test.pixels.ravel().tolist(), few.val, few.validation) == ([1, 3, 5], None, few.test)
    all_of_them = select(Splits(train=numbered(8, "train"), test=numbered(4, "test")), Selection(0, 4))
    assert all_of_them.train.pixels.ravel().tolist() == [0, 2, 4, 6]


def test_what_is_measured_briefly_is_the_first_of_test_and_validation() -> None:
    whole = Splits(train=numbered(5, "train"), test=numbered(4, "test"), val=numbered(3, "val"))
    brief = whole.tested_on(2)
    assert (len(brief.train), len(brief.validation)) == (5, 2)
    assert brief.test.pixels.ravel().tolist() == [0, 1]
    assert Splits(train=whole.train, test=whole.test).tested_on(9).val is None
