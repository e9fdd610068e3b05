"""Plots and rows of images, by matplotlib; digits from the latent plane, and letters of each class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import matplotlib.pyplot as plt
    import torch

    TRAIN: bool
    PAIRS: dict[str, str]
    Batch: Any
    cyrillic_letters: Any
    latent: Any
    latin_letters: Any
    normalise: Any
    taught_by: Any

SIDE_OF_PLANE = 15  # images
SEVERAL, CHOICE = 20, 26  # letters of a class to compare with, and the seed that chooses them


def in_a_row(images: np.ndarray, gap: int = 2, between: float = 1.0) -> np.ndarray:
    """Put images (N, C, H, W) in a row: (H, N·(W + gap), C)."""
    padded = np.pad(images, ((0, 0), (0, 0), (0, 0), (0, gap)), constant_values=between)
    return np.concatenate(list(padded.transpose(0, 2, 3, 1)), axis=1)[:, :-gap]


def show(rows: Mapping[str, np.ndarray], title: str, below: Sequence[str] = (), zoom: float = 1 / 34) -> None:
    """Show rows of images (N, C, H, W) in [0, 1], each with its name on the left; `below`: a text for each column."""
    pictures = {name: in_a_row(images) for name, images in rows.items()}
    height, width = (max(picture.shape[axis] for picture in pictures.values()) for axis in (0, 1))
    size = (zoom * width + 1.4, zoom * (height + 6) * len(rows) + 0.6)
    _, axes = plt.subplots(len(rows), 1, figsize=size, squeeze=False, layout="constrained")
    for axis, (name, picture) in zip(axes[:, 0], pictures.items(), strict=True):
        axis.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
    if below:
        step = width / len(below)
        axes[-1, 0].set_xticks([step * (index + 0.5) for index in range(len(below))], below, fontsize=8)
        axes[-1, 0].tick_params(length=0)
    axes[0, 0].set_title(fill(title, 100))
    plt.show()


def errors(targets: np.ndarray, outputs: np.ndarray) -> list[str]:
    """Return the mean squared error of each image, as text."""
    return [f"{value:.4f}" for value in ((targets - outputs) ** 2).mean(axis=(1, 2, 3))]


def with_noise(images: np.ndarray, sigma: float) -> np.ndarray:
    """Return images with noise of this standard deviation, clipped to [0, 1]."""
    noise = np.random.default_rng(0).standard_normal(images.shape, dtype=np.float32)
    noisy: np.ndarray = np.clip(images + sigma * noise, 0, 1)
    return noisy


def one_of_each(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the first image of every digit, float32 (10, 1, 28, 28)."""
    rows = [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]
    images: np.ndarray = pixels[rows].astype(np.float32) / 255
    return images


def show_denoised(run: Any, images: np.ndarray, sigma: float, title: str, classifier: Any = None) -> None:
    """Show images with noise and what a network makes of them; below, its errors or what a classifier calls them."""
    noisy_images = with_noise(images, sigma)
    output = run.ask(noisy_images)["reconstruction"]
    below = errors(images, output)
    if classifier is not None:
        below = [f"called {digit}" for digit in classifier.ask(output)["logits"].argmax(axis=1)]
    show({"original": images, "noisy": noisy_images, "output": output}, title, below)


def plot_losses(
    runs: Mapping[str, Any], title: str, loss: str = "loss", *, log: bool = False, only_validation: bool = False
) -> None:
    """Plot the loss of runs against epochs: training dashed, validation solid."""
    _, axis = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for index, (name, run) in enumerate(runs.items()):
        epochs, label = range(1, len(run.val_loss) + 1), f"{name}, " if len(runs) > 1 else ""
        if not only_validation:
            axis.plot(epochs, run.train_loss, f"C{index}--", label=f"{label}training", marker="." * (len(epochs) == 1))
        axis.plot(epochs, run.val_loss, f"C{index}", label=f"{label}validation", marker="." * (len(epochs) == 1))
    axis.set(title=title, xlabel="epoch", ylabel=loss, yscale="log" if log else "linear")
    axis.locator_params(axis="x", integer=True)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    plt.show()


def show_bottlenecks(run: Any, rows: int, columns: int, title: str) -> None:
    """Show the bottleneck of the first ten images in the shape asked for; feature maps (C, H, W) stand as tiles."""
    values = run.bottleneck
    if values.ndim == 4:
        count, _, height, width = values.shape
        tiles = values.reshape(count, rows // height, columns // width, height, width)
        values = tiles.transpose(0, 1, 3, 2, 4)
    pictures = values.reshape(len(values), 1, rows, columns)
    _, axis = plt.subplots(figsize=(9, 0.7 + 0.75 * rows / columns), layout="constrained")
    shown = axis.imshow(in_a_row(pictures, between=np.nan).squeeze(), cmap="viridis")
    plt.colorbar(shown, ax=axis, label="value")
    axis.set(xticks=[], yticks=[], title=fill(title, 80))
    plt.show()


def plot_sizes(runs: Mapping[str, Any], sheet: Mapping[str, float], title: str) -> None:
    """Plot each run's validation error, and the sheet's test error, against the size of the bottleneck."""
    _, axis = plt.subplots(figsize=(8, 4.5), layout="constrained")
    named: list[int] = []  # the sizes that have a name beside them: further names stand below it
    for name, run in sorted(runs.items(), key=lambda item: -item[1].val_loss[-1]):
        size = run.bottleneck[0].size
        place = (6, 2 - 7 * named.count(size))
        named.append(size)
        axis.plot(size, run.val_loss[-1], "C0o")
        axis.annotate(name, (size, run.val_loss[-1]), xytext=place, textcoords="offset points", fontsize=8)
        if name in sheet:
            axis.plot(size, sheet[name], "C1x")
    axis.plot([], [], "C0o", label="our validation error")
    axis.plot([], [], "C1x", label="the sheet's")
    axis.margins(x=0.12)
    axis.set(xscale="log", yscale="log", title=title, xlabel="values in the bottleneck", ylabel="mean squared error")
    axis.grid(alpha=0.3, which="both")
    axis.legend()
    plt.show()


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
