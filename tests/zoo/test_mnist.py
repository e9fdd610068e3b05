"""MNIST's files: found in two folders, plain or zipped; every fault has its sentence."""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.zoo.tiny_mnist import tiny_files
from zoo.data import mnist, sets
from zoo.errors import DataError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DIR/MNIST/raw/*.gz with a few images, and the published facts of those."""
    files, payloads = tiny_files()
    monkeypatch.setattr(mnist, "FILES", files)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for key, file in files.items():
        (raw / f"{file.name}.gz").write_bytes(gzip.compress(payloads[key]))
    return tmp_path


def images_file(folder: Path) -> Path:
    return folder / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz"


def rewrite(path: Path, change: slice, by: bytes) -> None:
    payload = bytearray(gzip.decompress(path.read_bytes()))
    payload[change] = by
    path.write_bytes(gzip.compress(bytes(payload)))


def test_a_split_is_read_with_its_labels_and_provenance(folder: Path) -> None:
    images = mnist.load("test", folder)
    assert images.pixels.shape == (5, 1, 28, 28)
    assert images.pixels.dtype == np.uint8
    assert images.labels.tolist() == [0, 1, 2, 3, 4]
    assert images.provenance == "MNIST, official files"
    assert images.pixels.flags.writeable and images.labels.flags.writeable
    assert images.digest != replace(images, labels=images.labels[::-1]).digest
    assert images.sha256 == hashlib.sha256(images.pixels.tobytes()).hexdigest()


def test_plain_files_in_the_folder_itself_are_read_too(folder: Path) -> None:
    for path in list((folder / "MNIST" / "raw").iterdir()):
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert len(mnist.load("train", folder)) == 7
    (folder / "MNIST" / "raw" / "train-labels-idx1-ubyte").write_bytes(b"another one")
    plain = folder / "train-labels-idx1-ubyte"
    (folder / f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert len(mnist.load("train", folder)) == 7, "the folder itself comes first"
    assert mnist.present(folder)
    (folder / "train-images-idx3-ubyte").unlink()
    assert not mnist.present(folder), "all four files are needed"


def test_a_file_cut_short_is_called_truncated_zipped_or_not(folder: Path) -> None:
    path = images_file(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(DataError, match=r"truncated in its gzip data; fetch it again"):
        mnist.load("test", folder)
    path.unlink()
    path.with_suffix("").write_bytes(gzip.decompress(whole)[:-1])
    with pytest.raises(DataError, match=r"is truncated: 3,935 bytes of 3,936"):
        mnist.load("test", folder)


def test_one_wrong_pixel_is_a_wrong_hash(folder: Path) -> None:
    rewrite(images_file(folder), slice(100, 101), b"\x77")
    with pytest.raises(DataError, match="not the published sha256 of t10k-images-idx3-ubyte"):
        mnist.load("test", folder)


def test_a_wrong_magic_number_a_wrong_shape_and_trailing_bytes_have_each_their_sentence(folder: Path) -> None:
    path = images_file(folder)
    whole = path.read_bytes()
    rewrite(path, slice(0, 4), b"\x00\x00\x08\x01")
    with pytest.raises(DataError, match=r"magic number 00000801, expected 00000803"):
        mnist.load("test", folder)
    path.write_bytes(whole)
    rewrite(path, slice(4, 8), b"\x00\x00\x00\x04")
    with pytest.raises(DataError, match="does not hold 5 × 28 × 28 values"):
        mnist.load("test", folder)
    path.write_bytes(gzip.compress(gzip.decompress(whole) + b"more"))
    with pytest.raises(DataError, match="does not hold 5 × 28 × 28 values"):
        mnist.load("test", folder)


def test_a_file_that_is_no_gzip_has_its_sentence(folder: Path) -> None:
    path = images_file(folder)
    for data in (b"<html>not found</html>", path.read_bytes()[:10] + b"\xff" * 40):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"cannot be read .*fetch it again"):
            mnist.load("test", folder)


def test_a_gzip_bomb_costs_no_more_than_a_right_file(folder: Path) -> None:
    images_file(folder).write_bytes(gzip.compress(bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="magic number"):
            mnist.load("test", folder)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_header_of_an_idx_file_is_big_endian() -> None:
    header = mnist.IdxFile("some", (60_000, 28, 28), "", "", 0).header
    assert header.hex(" ", 4) == "00000803 0000ea60 0000001c 0000001c"


def test_an_absent_file_names_the_places_and_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no t10k-images-idx3-ubyte\[\.gz\] in .*aezoo data fetch.*--data sample"):
        sets.load("mnist", "test", str(tmp_path))


def test_nothing_falls_back_to_the_sample(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="which is no folder"):
        sets.load("mnist", "test", str(tmp_path / "absent"))


def test_the_sample_is_real_digits_in_mnists_shape_and_says_its_name() -> None:
    images = {split: sets.load("mnist", split, "sample") for split in ("train", "test")}
    assert images["test"].shape == (1, 28, 28)
    assert images["test"].pixels.max() == 255
    assert {name: np.bincount(part.labels).tolist() for name, part in images.items()} == {
        "train": [200] * 10,
        "test": [50] * 10,
    }
    assert sorted(images["train"].labels[:10]) == list(range(10)), "the classes take turns"
    assert images["train"].provenance == "sample: 2,000 + 500 of MNIST's digits"
    every = [image.tobytes() for part in images.values() for image in part.pixels]
    assert len(set(every)) == len(every)


def test_the_sample_s_digits_are_no_longer_exactly_what_a_few_components_hold() -> None:
    """Digits of 8×8 pixels, scaled up, lay on a plane of 64 dimensions: PCA of 100 had no error at all."""
    train, test = (sets.load("mnist", split, "sample").pixels.reshape(-1, 784) / 255 for split in ("train", "test"))
    mean = train.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(train.T))
    best = axes[:, -100:]
    error = np.mean((test - mean - (test - mean) @ best @ best.T) ** 2)
    assert 0.003 < error < 0.01


def test_the_real_mnist_is_read_and_its_hashes_agree(real_mnist: Path) -> None:
    images = sets.load("mnist", "test", str(real_mnist))
    assert images.pixels.shape == (10_000, 1, 28, 28)
    assert images.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_another_set_of_idx_files_is_called_by_its_name_and_by_the_option_for_it(folder: Path) -> None:
    rewrite(images_file(folder), slice(100, 101), b"\x77")
    with pytest.raises(DataError, match=r"or it is another data set; fetch it again .* or use --images .*raw$"):
        mnist.load("test", folder)
    fashion = folder.with_name("fashion-mnist")
    (folder / "MNIST" / "raw").rename(fashion)
    with pytest.raises(DataError, match=r"it seems to be Fashion-MNIST: train on it with --images .*fashion-mnist$"):
        mnist.load("test", fashion)


def test_another_set_in_the_folder_of_the_data_sets_is_named(tmp_path: Path) -> None:
    (tmp_path / "emnist-letters-train-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03")
    with pytest.raises(DataError, match=r"holds no MNIST, but emnist-letters-.*, which seems to be EMNIST; .*--images"):
        mnist.load("train", tmp_path)
    (tmp_path / "emnist-letters-train-images-idx3-ubyte").rename(tmp_path / "train-images-idx3-ubyte.old")
    with pytest.raises(DataError, match=r"no train-images-idx3-ubyte\[.gz\] in"):
        mnist.load("train", tmp_path)
