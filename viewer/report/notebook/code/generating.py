"""Digits from the latent plane, and letters of each class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import matplotlib.pyplot as plt
    import torch

    TRAIN: bool
    PAIRS: dict[str, str]
    Batch: Any
    cyrillic_letters: Any
    in_a_row: Any
    latent: Any
    latin_letters: Any
    normalise: Any
    show: Any
    taught_by: Any

SIDE_OF_PLANE = 15  # images


def points_of(plane: str) -> np.ndarray:
    """Return the latent points of a grid, row by row from the top left, float32 (225, 2)."""
    axis = np.linspace(-4, 4, SIDE_OF_PLANE)  # beyond what was seen in training
    if plane == "plane":
        axis = np.array([NormalDist().inv_cdf((index + 0.5) / SIDE_OF_PLANE) for index in range(SIDE_OF_PLANE)])
    x, y = np.meshgrid(axis, axis[::-1])
    return np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float32)


def generated(run: Any, plane: str, classifier: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the digits that a grid of latent points gives, and what a classifier calls them."""
    if run.network is None:
        return run.images[f"{plane}/images"].astype(np.float32) / 255, run.images[f"{plane}/verdicts"]
    with torch.no_grad():
        images = run.network.decode(torch.from_numpy(points_of(plane))).numpy()
    return images, classifier.ask(images)["logits"].argmax(axis=1)


def show_planes(runs: Mapping[str, Any], plane: str, digit: int, classifier: Any, title: str) -> None:
    """Show the digits on the latent plane of runs; in green what the classifier takes for another digit."""
    figure, axes = plt.subplots(1, len(runs), figsize=(5.4 * len(runs), 5.9), squeeze=False, layout="constrained")
    for axis, (name, run) in zip(axes[0], runs.items(), strict=True):
        images, called = generated(run, plane, classifier)
        rows = images.reshape(SIDE_OF_PLANE, SIDE_OF_PLANE, *images.shape[1:])
        axis.imshow(np.concatenate([in_a_row(row, gap=1) for row in rows]).squeeze(), cmap="gray", vmin=0, vmax=1)
        for index in np.flatnonzero(called != digit):
            row, column = divmod(int(index), SIDE_OF_PLANE)
            axis.text(29 * column + 1, 28 * row + 9, str(called[index]), color="lime", fontsize=7)
        axis.set(xticks=[], yticks=[], title=f"{name}: {(called != digit).sum()} of {len(called)} taken for another")
    figure.suptitle(title)
    plt.show()


SEVERAL, CHOICE = 20, 26  # letters of a class to compare with, and the seed that chooses them


def means_of(data: Any) -> np.ndarray:
    """Return the mean letter of each class, float32 (14, 1, 28, 28)."""
    pixels, labels = data["train"]
    return np.stack([pixels[labels == label].mean(axis=0) / 255 for label in range(len(PAIRS))]).astype(np.float32)


def letters_to_reach(which: str) -> np.ndarray:
    """Return the Latin letters that an output is compared with, (14, K, 1, 28, 28): several, one, or their mean."""
    means = means_of(latin_letters)
    if which == "mean":
        return means[:, None]
    pixels, labels = latin_letters["train"]
    letters = [pixels[labels == label].astype(np.float32) / 255 for label in range(len(PAIRS))]
    if which == "one":
        nearest = [((own - mean) ** 2).sum(axis=(1, 2, 3)).argmin() for own, mean in zip(letters, means, strict=True)]
        return np.stack([own[[index]] for own, index in zip(letters, nearest, strict=True)])
    count = min(SEVERAL, *map(len, letters))
    orders = [np.random.default_rng([CHOICE, label]).permutation(len(own)) for label, own in enumerate(letters)]
    return np.stack([own[order[:count]] for own, order in zip(letters, orders, strict=True)])


def to_translate(which: str) -> Any:
    """A Cyrillic letter goes in, and Latin ones of its class should come out."""
    bank = normalise(torch.from_numpy(letters_to_reach(which))) if TRAIN else None

    def batch_of(image: Any, label: Any, generator: Any, training: bool) -> Any:
        assert bank is not None
        return Batch(image, bank[label], label)

    return batch_of


def taught(teacher: Any) -> Any:
    """Return the cross-entropy of a classifier that has learned, and learns no more."""
    return taught_by(teacher.network.requires_grad_(False).eval() if TRAIN else None)


def with_decoder_of(parent: Any) -> Callable[[], Any]:
    """Return what builds the table of 512-tuples before the frozen decoder of a run."""

    def build() -> Any:
        network = latent()
        if TRAIN:
            network.decoder.module.load_state_dict(parent.network.decoder.state_dict())
        return network

    return build


def show_letters(run: Any, rows: Mapping[str, str], classifier: Any, title: str) -> None:
    """Show the first test letter of each class, what comes out, and the mean Latin letter."""
    if run.network is None:
        found = {name: run.images[f"letters/{name}"].astype(np.float32) / 255 for name in rows}
        called = run.images["letters/verdicts"]
    else:
        letters = cyrillic_letters["test"][0][: len(PAIRS)].astype(np.float32) / 255  # one of each class
        classes = np.eye(len(PAIRS), dtype=np.float32)[:, None, None, :]
        inputs = letters if run.inputs.shape[-1] == 28 else classes
        found = {"inputs": inputs, "targets": means_of(latin_letters), "images": run.ask(inputs)["reconstruction"]}
        called = classifier.ask(found["images"])["logits"].argmax(axis=1)
    names = [*PAIRS.values(), "noise"]
    below = [names[own] if own == label else f"{names[own]} ({names[label]})" for label, own in enumerate(called)]
    show({label: found[name] for name, label in rows.items()}, title, below)
