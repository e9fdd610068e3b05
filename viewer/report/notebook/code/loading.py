"""The data sets: from their files, or from those that come with aezoo."""

from __future__ import annotations

import gzip
import unicodedata
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

    DATA: Path
    PAIRS: dict[str, str]
    fit: Any
    ink_of: Any
    split_of: Any

SHUFFLE = 2020  # seed of the shuffles that choose images


def find(*names: str) -> Path:
    """Return the first of these files that is there."""
    paths = [DATA / folder / name for folder in ("", "MNIST/raw", "CoMNIST/images") for name in names]
    for path in paths:
        if path.is_file():
            return path
    raise FileNotFoundError(f"no {names[0]} in {DATA}: set DATA at the top to the folder that holds it")


def load_npz(name: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return pixels, uint8 (N, C, H, W), and labels of both splits of the small data that come with aezoo."""
    with np.load(DATA / f"{name}.npz") as file:
        return {split: (file[f"{split}_pixels"], file[f"{split}_labels"]) for split in ("train", "test")}


def load_idx(name: str) -> np.ndarray:
    """Return an IDX file's array: four bytes, of which the last is the rank; the sizes; the values."""
    path = find(name, f"{name}.gz")
    with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
        data = file.read()
    sizes = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)


def load_mnist() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return digits, uint8 (N, 1, 28, 28), and their labels, for each split."""
    if (DATA / "mnist.npz").is_file():
        return load_npz("mnist")
    return {
        split: (load_idx(f"{name}-images-idx3-ubyte")[:, None], load_idx(f"{name}-labels-idx1-ubyte"))
        for split, name in (("train", "train"), ("test", "t10k"))
    }


def only(
    data: dict[str, tuple[np.ndarray, np.ndarray]] | None, label: int, count: int | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]] | None:
    """Return the images of one label, of the training split `count` of them."""
    if data is None:
        return None
    chosen = {split: np.flatnonzero(labels == label) for split, (_, labels) in data.items()}
    if count is not None and count < len(chosen["train"]):
        order = np.random.default_rng(SHUFFLE).permutation(len(chosen["train"]))
        chosen["train"] = chosen["train"][np.sort(order[:count])]
    return {split: (data[split][0][rows], data[split][1][rows]) for split, rows in chosen.items()}


def load_batch(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels and labels of one of CIFAR-10's binary files: records of a label and three planes."""
    records = np.fromfile(find(f"cifar-10-batches-bin/{name}", name), np.uint8).reshape(-1, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def load_cifar10() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return photographs, uint8 (N, 3, 32, 32), shuffled and divided: 80 % training, 10 % validation, 10 % test."""
    if (DATA / "photographs.npz").is_file():
        parts = list(load_npz("photographs").values())
    else:
        parts = [load_batch(f"data_batch_{number}.bin") for number in range(1, 6)] + [load_batch("test_batch.bin")]
    pixels, labels = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
    order = np.argsort(np.random.default_rng(SHUFFLE).permutation(len(pixels)))
    ends = [round(0.8 * len(pixels)), round(0.9 * len(pixels))]
    names = ("train", "validation", "test")
    return {name: (pixels[rows], labels[rows]) for name, rows in zip(names, np.split(order, ends), strict=True)}


def load_letters(alphabet: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the 14 letters of an alphabet that have a partner in the other, uint8 (N, 1, 28, 28), and their labels."""
    if (DATA / f"{alphabet.lower()}.npz").is_file():
        return load_npz(alphabet.lower())
    letters = list(PAIRS if alphabet == "Cyrillic" else PAIRS.values())
    drawings: list[list[np.ndarray]] = [[] for _ in letters]
    with zipfile.ZipFile(find(f"{alphabet}.zip")) as archive:
        for name in sorted(archive.namelist()):
            folders = unicodedata.normalize("NFC", name).split("/")
            is_letter = len(folders) >= 2 and folders[-2] in letters and folders[0] != "__MACOSX"
            if is_letter and name.endswith(".png") and alphabet in folders[-3:]:
                with archive.open(name) as file, Image.open(file) as image:
                    drawings[letters.index(folders[-2])].append(fit(ink_of(image)))
    return {split: split_of(drawings, split) for split in ("train", "test")}
