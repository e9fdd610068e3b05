"""The splits of a recipe: which images it is trained, validated and tested on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from zoo.data import sets
from zoo.data.images import Images
from zoo.errors import DataError

SPLIT_SEED = 2020  # of shuffles; a split never depends on the seed of a run
PUBLISHED = "published"
SHUFFLED = "80/10/10"


@dataclass(frozen=True)
class Splits:
    """The images of one recipe; where a sheet has no validation split of its own, the test split is taken.

    cut   how they were split, where the recipe does not say it
    """

    train: Images
    test: Images
    val: Images | None = None
    cut: str = ""

    @property
    def validation(self) -> Images:
        return self.test if self.val is None else self.val

    def tested_on(self, count: int) -> Splits:
        """Return these splits with no more than so many images to test and to validate on."""
        few = slice(None, count)
        return replace(self, test=self.test.take(few), val=None if self.val is None else self.val.take(few))


@dataclass(frozen=True)
class Selection:
    """Only the images of one label; of the training split `count` of them, drawn with a fixed seed (None: all).

    label   None: of any
    noun    what these images show: "twos"
    """

    label: int | None
    count: int | None = None
    noun: str = "images"

    def __str__(self) -> str:
        return f"from {f'{self.count:,}' if self.count else 'all'} {self.noun}"


def load(dataset: str, data: str | None, *, split: str = PUBLISHED, selection: Selection | None = None) -> Splits:
    """Return the splits of a data set: as published, or all images shuffled and cut 80/10/10; then the selection."""
    parts = Splits(train=sets.load(dataset, "train", data), test=sets.load(dataset, "test", data))
    return select(shuffled(parts.train, parts.test) if split == SHUFFLED else parts, selection)


def shuffled(train: Images, test: Images) -> Splits:
    """Put both splits together, shuffle them with the fixed seed and cut them 80/10/10.

    Each image is copied straight to its new position: two copies exist at most, and one when it is done.
    """
    count = len(train) + len(test)
    position = np.random.default_rng(SPLIT_SEED).permutation(count)
    pixels = np.empty((count, *train.shape), dtype=np.uint8)
    labels = np.empty(count, dtype=np.uint8)
    for images, rows in ((train, position[: len(train)]), (test, position[len(train) :])):
        pixels[rows] = images.pixels
        labels[rows] = images.labels
    everything = replace(train, pixels=pixels, labels=labels)
    first, second = round(0.8 * count), round(0.9 * count)
    cuts = {"train": slice(None, first), "val": slice(first, second), "test": slice(second, None)}
    parts = {name: everything.part(name, rows) for name, rows in cuts.items()}
    return Splits(parts["train"], parts["test"], parts["val"])


def select(splits: Splits, selection: Selection | None) -> Splits:
    """Return the selected images. Raises DataError where there are none."""
    if selection is None:
        return splits
    train, test, val = splits.train, splits.test, splits.val
    if selection.label is not None:
        train, test = (images.take(np.flatnonzero(images.labels == selection.label)) for images in (train, test))
        val = None
    if not len(train) or not len(test):
        raise DataError(
            f"{splits.train.dataset} holds no image of the label {selection.label} in one of its splits; "
            f"expected some of each digit, so name another --data"
        )
    if selection.count is not None and selection.count < len(train):
        order = np.random.default_rng(SPLIT_SEED).permutation(len(train))
        train = train.take(np.sort(order[: selection.count]))
    return replace(splits, train=train, test=test, val=val)
