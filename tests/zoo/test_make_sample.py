"""The embedded sample is what its script makes of the real data, and small."""

from pathlib import Path

import numpy as np
import pytest

from zoo.data import make_sample, sample


def check(name: str, folder: Path) -> None:
    with np.load(sample.FOLDER / f"{name}.npz", allow_pickle=False) as embedded:
        for split in ("train", "test"):
            pixels, labels = make_sample.parts(name, split, folder)
            assert np.array_equal(embedded[f"{split}_pixels"], pixels)
            assert np.array_equal(embedded[f"{split}_labels"], labels)


def test_the_script_makes_the_embedded_digits_of_the_real_ones(real_mnist: Path) -> None:
    check("mnist", real_mnist)


@pytest.mark.parametrize("name", ["cyrillic", "latin"])
def test_the_script_makes_the_embedded_letters_of_the_real_ones(name: str, real_letters: Path) -> None:
    check(name, real_letters)


def test_the_script_cuts_the_embedded_photographs(tmp_path: Path) -> None:
    check("photographs", tmp_path)


def test_the_embedded_files_are_under_four_megabytes_and_each_has_a_licence() -> None:
    files = {file.name: file.stat().st_size for file in sample.FOLDER.iterdir()}
    assert set(files) == {*(f"{name}.npz" for name in sample.FILES), "LICENCES.md"}
    assert sum(files.values()) < 4_000_000
    licences = (sample.FOLDER / "LICENCES.md").read_text()
    assert all(f"`{name}.npz`" in licences for name in sample.FILES)
