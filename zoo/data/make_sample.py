"""Makes the embedded sample: `python -m zoo.data.make_sample DIR`, where DIR holds the real MNIST and CoMNIST.

Of MNIST 200 digits of each class to train on and 50 to test on; of each letter that the letters sheet pairs 60 + 15
drawings of CoMNIST, 16 + 4 of Omniglot (all there are); and the photographs of scikit-image, cut into patches of
CIFAR-10's size. What is drawn is drawn with a fixed seed: the same data give the same sample. Images to test on come
from the real test splits.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zoo.data import comnist, mnist, sample
from zoo.data.images import Images

DIGITS = {"train": 200, "test": 50}  # of each class
LETTERS = {"CoMNIST": {"train": 60, "test": 15}, "Omniglot": {"train": 16, "test": 4}}
PHOTOS = {"train": 5 / 6, "test": 1 / 6}
SEED = 0

Part = tuple[np.ndarray, np.ndarray]  # pixels (N, C, H, W) and labels (N,), uint8


def some_of_each(images: Images, count: int) -> Part:
    """Draw `count` images of each class, the classes in turn."""
    random = np.random.default_rng(SEED)
    drawn = [random.permutation(np.flatnonzero(images.labels == label))[:count] for label in np.unique(images.labels)]
    rows = np.stack(drawn, axis=1).ravel()
    return images.pixels[rows], images.labels[rows]


def digits(split: str, folder: Path) -> Part:
    return some_of_each(mnist.load(split, folder), DIGITS[split])


def letters(load: Callable[[str, Path], Images], split: str, folder: Path) -> Part:
    """Draw from an alphabet's split; how many depends on who drew it."""
    images = load(split, folder)
    whose = next(name for name in LETTERS if f"({name})" in images.licence)
    return some_of_each(images, LETTERS[whose][split])


def photos(split: str) -> Part:
    """Cut colour photographs into patches, side by side, so that no two share a pixel."""
    from skimage import data  # of the tests' dependencies

    patches, labels = [], []
    for label, name in enumerate(sample.PHOTOS):
        photo = getattr(data, name)()  # (H, W, 3) uint8
        size = sample.PATCH
        rows, columns = photo.shape[0] // size, photo.shape[1] // size
        tiles = photo[: rows * size, : columns * size].reshape(rows, size, columns, size, 3)
        patches.append(tiles.transpose(0, 2, 4, 1, 3).reshape(-1, 3, size, size))
        labels.append(np.full(rows * columns, label, dtype=np.uint8))
    pixels, where = np.unique(np.concatenate(patches), axis=0, return_index=True)  # a night sky has equal patches
    order = np.random.default_rng(SEED).permutation(len(pixels))
    first = round(PHOTOS["train"] * len(order))
    taken = order[:first] if split == "train" else order[first:]
    return pixels[taken], np.concatenate(labels)[where][taken]


def parts(name: str, split: str, folder: Path) -> Part:
    """Return one split of an embedded data set, made from the real one in `folder`."""
    if name == "photographs":
        return photos(split)
    if name == "mnist":
        return digits(split, folder)
    return letters({"cyrillic": comnist.load_cyrillic, "latin": comnist.load_latin}[name], split, folder)


def main() -> None:
    folder = Path(sys.argv[1])
    for name in sample.FILES:
        arrays = {}
        for split in ("train", "test"):
            arrays[f"{split}_pixels"], arrays[f"{split}_labels"] = parts(name, split, folder)
        np.savez_compressed(sample.FOLDER / f"{name}.npz", allow_pickle=False, **arrays)


if __name__ == "__main__":
    main()
