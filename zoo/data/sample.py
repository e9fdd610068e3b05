"""The embedded sample data: real images that come inside other packages, for machines with no data and no network.

They are small and they are not the sheets' data sets; their name goes into every file and picture made from them.
"""

import numpy as np

from zoo.data import mnist
from zoo.data.images import Images

DIGITS_PROVENANCE = "sample: scikit-learn's digits (UCI), 8×8 scaled to 28×28"
DIGITS_TRAIN = 1_500  # of 1,797; the order is that of the writers, so the last 297 come from other hands

PHOTOS_PROVENANCE = "sample: 32×32 patches of scikit-image's photographs"
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
PATCH = 32


def photos(split: str) -> Images:
    """Return patches of colour photographs in CIFAR-10's shape: side by side, so that no two share a pixel."""
    from skimage import data

    patches, labels = [], []
    for label, name in enumerate(PHOTOS):
        photo = getattr(data, name)()  # (H, W, 3) uint8
        rows, columns = photo.shape[0] // PATCH, photo.shape[1] // PATCH
        tiles = photo[: rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH, 3)
        patches.append(tiles.transpose(0, 2, 4, 1, 3).reshape(-1, 3, PATCH, PATCH))
        labels.append(np.full(rows * columns, label, dtype=np.uint8))
    pixels, where = np.unique(np.concatenate(patches), axis=0, return_index=True)  # a night sky has equal patches
    order = np.random.default_rng(0).permutation(len(pixels))
    first = round(5 / 6 * len(order))
    rows_taken = order[:first] if split == "train" else order[first:]
    chosen = np.concatenate(labels)[where][rows_taken]
    return Images(
        "cifar10-sample", split, pixels[rows_taken], chosen, PHOTOS_PROVENANCE, "CC0 or public domain", PHOTOS
    )


def digits(split: str) -> Images:
    """Return handwritten digits in MNIST's shape: white on black, 20×20 inside a border of 4."""
    from PIL import Image
    from sklearn.datasets import load_digits

    source = load_digits()
    rows = slice(None, DIGITS_TRAIN) if split == "train" else slice(DIGITS_TRAIN, None)
    grey = np.round(source.images[rows] * (255 / 16)).astype(np.uint8)  # (N, 8, 8)
    pixels = np.zeros((len(grey), 1, 28, 28), dtype=np.uint8)
    for image, small in zip(pixels, grey, strict=True):
        image[0, 4:24, 4:24] = np.asarray(Image.fromarray(small).resize((20, 20), Image.Resampling.BICUBIC))
    labels = source.target[rows].astype(np.uint8)
    return Images("mnist-sample", split, pixels, labels, DIGITS_PROVENANCE, "CC BY 4.0", mnist.CLASSES)
