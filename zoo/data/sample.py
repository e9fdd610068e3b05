"""The embedded sample: a small part of the real data sets, for machines with no data and no network.

`make_sample.py` made the files, `embedded/LICENCES.md` says whose images they are. What is made from them says so.
"""

from pathlib import Path

import numpy as np

from zoo.data import cifar10, comnist, mnist
from zoo.data.images import Images

FOLDER = Path(__file__).parent / "embedded"
FILES = ("mnist", "cyrillic", "latin", "photographs")
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
PATCH = cifar10.SHAPE[1]

DIGITS_PROVENANCE = "sample: 2,000 + 500 of MNIST's digits"
CYRILLIC_PROVENANCE = "sample: 60 + 15 of CoMNIST's drawings of each letter"
LATIN_PROVENANCE = "sample: 16 + 4 of Omniglot's drawings of each letter"
PHOTOS_PROVENANCE = "sample: 32×32 patches of scikit-image's photographs"


def digits(split: str) -> Images:
    """Return 200 digits of each class to train on, 50 to test on: uint8 (N, 1, 28, 28)."""
    return Images("mnist-sample", split, *_part("mnist", split), DIGITS_PROVENANCE, mnist.LICENCE, mnist.CLASSES)


def photos(split: str) -> Images:
    """Return patches of four colour photographs: uint8 (N, 3, 32, 32), labelled by photograph."""
    licence = "CC0 or public domain"
    return Images("cifar10-sample", split, *_part("photographs", split), PHOTOS_PROVENANCE, licence, PHOTOS)


def cyrillic(split: str) -> Images:
    """Return drawings of the 14 Cyrillic letters that have a Latin partner: uint8 (N, 1, 28, 28)."""
    pixels, labels = _part("cyrillic", split)
    licence = "CC BY-SA 4.0 (CoMNIST)"
    return Images("cyrillic-sample", split, pixels, labels, CYRILLIC_PROVENANCE, licence, tuple(comnist.PAIRS))


def latin(split: str) -> Images:
    """Return drawings of their Latin partners."""
    pixels, labels = _part("latin", split)
    licence = "MIT (Omniglot)"
    return Images("latin-sample", split, pixels, labels, LATIN_PROVENANCE, licence, tuple(comnist.PAIRS.values()))


def _part(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return file[f"{split}_pixels"], file[f"{split}_labels"]
