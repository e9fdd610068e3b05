"""Baselines: what a model should beat, as pictures or verdicts for the same split.

    pca              principal components, as many as the bottleneck has values; left out where these are enough to
                     give every image back
    linear           the best linear map from inputs to targets, where these differ: least squares with a bias
    nearest-example  the training image nearest to the input, and what should come out for that one: pure memory
    black            an all-black image: its mse is the data's own mean square
    mean-image       the mean of the targets
    noisy-input      the input itself, where noise was added to it
    grey-copied      the grey values as red, green and blue
    copied-input     the letter itself, where it should be translated
    class-mean       the mean image of the class
    majority         the most frequent class
    nearest-mean     the class whose mean is nearest

All are fitted on the training split, with the noise that its images have in training, and measured on the test split.
What is needed of the training split is summed up in chunks, so that it is never held as floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from train.engine.batches import TestSplit
from train.engine.prepare import Preparation, class_means, to_unit
from train.measure.metrics import Pixels
from zoo.data.images import Images

CHUNK = 1_000  # images
NOISE_SEED = 27  # of the training images, when a linear map is fitted to them
IMAGES_A_WEIGHT = 10  # with fewer for each component, least squares learns the training images by heart


@dataclass(frozen=True)
class Training:
    """The training split in chunks of (input, target), both float32 (n, values) in [0, 1]."""

    images: Images
    prepare: Preparation

    def __len__(self) -> int:
        return len(self.images)

    def chunks(self, *, noisy: bool = False) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield inputs and targets, always the same: without noise, or with one draw of it."""
        generator = torch.Generator().manual_seed(NOISE_SEED) if noisy else None
        for start in range(0, len(self.images), CHUNK):
            rows = slice(start, start + CHUNK)
            image = to_unit(torch.from_numpy(self.images.pixels[rows]))
            labels = torch.from_numpy(self.images.labels[rows].astype(np.int64))
            inputs, targets = self.prepare.input(image, labels, generator), self.prepare.picture(image, labels)
            yield inputs.flatten(1), targets.flatten(1).cpu()


def pictures_of_baselines(train: Images, test: TestSplit, *, bottleneck_size: int) -> Iterator[tuple[str, Pixels]]:
    """Yield the baselines of the recipe's task with their pictures for the test split, (N, C, H, W)."""
    inputs, targets, labels = test.inputs.cpu().numpy(), test.pictures.cpu().numpy(), test.labels.cpu().numpy()
    recipe, training = test.prepare.recipe, Training(train, test.prepare)
    makers: dict[str, Callable[[], Pixels | None]] = {
        "pca": lambda: None if recipe.data.noise else pca(training, inputs, components=bottleneck_size),
        "linear": lambda: linear(training, inputs),
        "nearest-example": lambda: nearest_example(training, inputs),
        "class-mean": lambda: class_means(train, test.prepare.classes)[labels],
        "mean-image": lambda: np.broadcast_to(_mean_target(training), (len(targets), targets[0].size)),
        "black": lambda: np.zeros_like(targets),
        "noisy-input": lambda: inputs,
        "grey-copied": lambda: np.broadcast_to(inputs, targets.shape),
        "copied-input": lambda: inputs,
    }
    for name in recipe.task.baselines:
        if (pictures := makers[name]()) is not None:
            yield name, pictures.reshape(targets.shape)


def _mean_target(training: Training) -> np.ndarray:
    return _means(training.chunks(), len(training))[1].numpy()


def _means(chunks: Iterable[tuple[torch.Tensor, torch.Tensor]], count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean input and the mean target, float32."""
    sums = [(inputs.sum(0, dtype=torch.float64), targets.sum(0, dtype=torch.float64)) for inputs, targets in chunks]
    mean, target_mean = (torch.stack(parts).sum(0).div(count).float() for parts in zip(*sums, strict=True))
    return mean, target_mean


def pca(training: Training, inputs: Pixels, *, components: int) -> Pixels | None:
    """Return the inputs projected on the training split's principal components and back, clipped to [0, 1].

    Pearson 1901; the best linear autoencoder with as many values (Baldi & Hornik 1989). None where so many components
    span all training images, and would give back every input as it is.
    """
    moments = Moments.of(training)
    if components >= moments.rank:
        return None
    axes = principal_axes(training, moments, components)
    return _apply(axes @ axes.T, moments.mean, moments.mean, inputs)


def linear(training: Training, inputs: Pixels) -> Pixels:
    """Return the inputs mapped to targets by least squares with a bias, clipped to [0, 1].

    It is fitted on the inputs as they are in training, noise and all. Where there are few images, it sees only the
    leading principal components of the inputs, a tenth of the number of images.
    """
    moments = Moments.of(training, noisy=training.prepare.recipe.data.noise > 0, crossed=True)
    axes = principal_axes(training, moments, max(1, len(training) // IMAGES_A_WEIGHT)).double()
    assert moments.cross is not None
    inner = axes.T @ moments.covariance @ axes
    ridge = 1e-6 * inner.diagonal().mean() * torch.eye(len(inner), dtype=torch.float64)
    weights = axes @ torch.linalg.solve(inner + ridge, axes.T @ moments.cross)
    return _apply(weights.float(), moments.mean, moments.target_mean, inputs)


def _apply(weights: torch.Tensor, mean: torch.Tensor, target_mean: torch.Tensor, inputs: Pixels) -> Pixels:
    outputs = np.empty((len(inputs), weights.shape[1]), dtype=np.float32)
    for start in range(0, len(inputs), CHUNK):
        rows = slice(start, start + CHUNK)
        flat = torch.from_numpy(np.ascontiguousarray(inputs[rows])).flatten(1)
        outputs[rows] = ((flat - mean) @ weights + target_mean).clamp_(0, 1)
    return outputs


@dataclass(frozen=True)
class Moments:
    """Means of inputs and targets (float32), the inputs' covariance and, crossed, theirs with the targets (float64)."""

    mean: torch.Tensor
    target_mean: torch.Tensor
    covariance: torch.Tensor
    cross: torch.Tensor | None
    count: int
    noisy: bool

    @classmethod
    def of(cls, training: Training, *, noisy: bool = False, crossed: bool = False) -> Moments:
        count = len(training)
        mean, target_mean = _means(training.chunks(noisy=noisy), count)
        covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
        cross = torch.zeros(len(mean), len(target_mean), dtype=torch.float64) if crossed else None
        for inputs, targets in training.chunks(noisy=noisy):
            centred = inputs - mean
            covariance += (centred.T @ centred) / count
            if cross is not None:
                cross += (centred.T @ (targets - target_mean)) / count
        return cls(mean, target_mean, covariance, cross, count, noisy)

    @property
    def rank(self) -> int:
        """At most so many directions are needed to span the inputs: pixels that vary, and images less one."""
        return min(int((self.covariance.diagonal() > 0).sum()), self.count - 1)


def principal_axes(training: Training, moments: Moments, components: int) -> torch.Tensor:
    """Return the directions of the largest variances, float32 (pixels, components).

    No more of them than there are images: those of a small split come from the images themselves, much sooner.
    """
    from scipy.linalg import eigh

    size = len(moments.covariance)
    if components >= size:
        return torch.eye(size)  # all of them span the whole space
    if len(training) <= CHUNK:
        ((images, _),) = training.chunks(noisy=moments.noisy)
        _, _, axes = torch.linalg.svd(images - moments.mean, full_matrices=False)
        largest: torch.Tensor = axes[:components].T
        return largest
    _, vectors = eigh(moments.covariance.numpy(), subset_by_index=(size - components, size - 1), overwrite_a=False)
    return torch.from_numpy(np.ascontiguousarray(vectors)).float()


def nearest_example(training: Training, inputs: Pixels) -> Pixels:
    """Return for each input the target of the training image that is nearest to it in squared distance."""
    flat = torch.from_numpy(np.ascontiguousarray(inputs.reshape(len(inputs), -1)))
    _, index = nearest(flat, (chunk for chunk, _ in training.chunks()))
    answer: torch.Tensor | None = None
    for number, (_, targets) in enumerate(training.chunks()):
        answer = torch.zeros(len(flat), targets.shape[1]) if answer is None else answer
        here = index // CHUNK == number
        answer[here] = targets[index[here] % CHUNK]
    assert answer is not None, "an empty training split"
    found: Pixels = answer.numpy()
    return found


def nearest(flat: torch.Tensor, chunks: Iterable[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return for each row the squared distance to the nearest row of all chunks, and that row's index; (N,) each.

    Every chunk but the last holds CHUNK rows.
    """
    best = torch.full((len(flat),), float("inf"))
    index = torch.zeros(len(flat), dtype=torch.int64)
    for number, chunk in enumerate(chunks):
        distance, within = squared_distances(flat, chunk).min(dim=1)
        nearer = distance < best
        best = torch.where(nearer, distance, best)
        index = torch.where(nearer, within + number * CHUNK, index)
    return best, index


def flat_chunks(images: Images) -> Iterator[torch.Tensor]:
    """Yield the images in chunks, float32 (n, C·H·W) in [0, 1]."""
    for start in range(0, len(images), CHUNK):
        yield to_unit(torch.from_numpy(images.pixels[start : start + CHUNK])).flatten(1)


def squared_distances(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the squared distance of every row to every row: (N, D), (M, D) → (N, M); never below 0."""
    squares = one.square().sum(1)[:, None] + other.square().sum(1)[None, :]
    return (squares - 2 * one @ other.T).clamp_(min=0)


def labels_of_baselines(train: Images, test: TestSplit, *, classes: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every baseline of a classifier with the labels it gives the test split, int64 (N,)."""
    inputs = test.inputs.cpu().flatten(1)
    majority = int(np.bincount(train.labels, minlength=classes).argmax())
    yield "majority", np.full(len(test), majority)
    means = torch.from_numpy(class_means(train, classes)).flatten(1)
    yield "nearest-mean", squared_distances(inputs, means).argmin(dim=1).numpy()
    _, index = nearest(inputs, flat_chunks(train))
    yield "nearest-example", train.labels[index.numpy()].astype(np.int64)
