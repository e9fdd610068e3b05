"""Baselines: what a model should beat, as pictures or verdicts for the same split.

    pca              principal components, as many as the bottleneck has values; fitted on the clean training split.
                     Where the target is another picture than the input, the best linear map from them to the target
    nearest-example  the training image nearest to the input, and what should come out for that one: pure memory
    black            an all-black image: its mse is the data's own mean square
    mean-image       the mean of the training split's targets
    noisy-input      the input itself, where the recipe adds noise
    grey-copied      the grey values as red, green and blue, where the recipe colours
    copied-input     the letter itself, where the recipe translates it
    class-mean       the mean letter of the class, where the recipe is told the class
    majority         the most frequent class, where the recipe classifies
    nearest-mean     the class whose mean is nearest, where the recipe classifies

What is needed of the training split is summed up in portions, so that it is never held as floats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from train.engine.batches import TestSplit
from train.engine.prepare import Preparation, class_means, grey, to_unit
from train.measure.metrics import Pixels
from zoo.data.images import Images

PORTION = 1_000  # images
IMAGES_A_WEIGHT = 10  # with fewer for each component, least squares learns the training images by heart


@dataclass(frozen=True)
class Training:
    """The clean training split in portions of (input, target), both float32 (n, values) in [0, 1]."""

    images: Images
    prepare: Preparation

    def __len__(self) -> int:
        return len(self.images)

    @property
    def input_size(self) -> int:
        return int(np.prod(self.prepare.recipe.input_shape))

    def portions(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for start in range(0, len(self.images), PORTION):
            rows = slice(start, start + PORTION)
            image = to_unit(torch.from_numpy(self.images.pixels[rows]))
            labels = torch.from_numpy(self.images.labels[rows].astype(np.int64))
            inputs, targets = self.pair(image, labels)
            yield inputs.flatten(1), targets.flatten(1)

    def pair(self, image: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the clean input and the picture that should come out."""
        task = self.prepare.recipe.task
        if task == "translate":
            assert self.prepare.means is not None
            return image, self.prepare.means.cpu()[labels]
        return (grey(image), image) if task == "colourise" else (image, image)

    @property
    def is_mapped(self) -> bool:
        """Whether the target is another picture than the input."""
        return self.prepare.recipe.task in ("translate", "colourise")


def pictures_of_baselines(train: Images, test: TestSplit, *, bottleneck_size: int) -> Iterator[tuple[str, Pixels]]:
    """Yield every baseline that fits the recipe's task with its pictures for the test split, (N, C, H, W)."""
    inputs, targets, labels = test.inputs.cpu().numpy(), test.pictures.cpu().numpy(), test.labels.cpu().numpy()
    recipe, training = test.prepare.recipe, Training(train, test.prepare)
    if recipe.task == "recall":
        means = class_means(train, test.prepare.classes)
        yield "class-mean", means[labels].reshape(targets.shape)
    else:
        yield "pca", pca(training, inputs, components=bottleneck_size).reshape(targets.shape)
        yield "nearest-example", nearest_example(training, inputs).reshape(targets.shape)
    yield "black", np.zeros_like(targets)
    yield "mean-image", np.broadcast_to(_means(training)[1].numpy().reshape(targets.shape[1:]), targets.shape)
    if recipe.task == "denoise":
        yield "noisy-input", inputs
    if recipe.task == "colourise":
        yield "grey-copied", np.broadcast_to(inputs, targets.shape)
    if recipe.task == "translate":
        yield "copied-input", inputs


def _means(training: Training) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean input and the mean target, float32."""
    sums: list[torch.Tensor] = []
    for pair in training.portions():
        parts = [part.sum(0, dtype=torch.float64) for part in pair]
        sums = [total + part for total, part in zip(sums, parts, strict=True)] if sums else parts
    mean, target_mean = ((total / len(training)).float() for total in sums)
    return mean, target_mean


def pca(training: Training, inputs: Pixels, *, components: int) -> Pixels:
    """Return the inputs projected on the training split's principal components and back, clipped to [0, 1].

    Pearson 1901; the best linear autoencoder with as many values (Baldi & Hornik 1989). At most as many components are
    taken as the inputs have pixels. Where the target is another picture, they are mapped to it by least squares, and no
    more are taken than a tenth of the images.
    """
    if components >= training.input_size and not training.is_mapped:
        whole: Pixels = np.clip(inputs.reshape(len(inputs), -1), 0, 1)
        return whole  # all components span the whole space
    if training.is_mapped:
        components = max(1, min(components, len(training) // IMAGES_A_WEIGHT))
    mean, target_mean, covariance, cross = _moments(training)
    axes = principal_axes(training, mean, covariance, components)  # (pixels, k)
    if cross is None:
        back, offset = axes.T, mean
    else:
        inner = axes.T.double() @ covariance @ axes.double()
        ridge = 1e-6 * inner.diagonal().mean() * torch.eye(len(inner), dtype=torch.float64)
        back, offset = torch.linalg.solve(inner + ridge, axes.T.double() @ cross).float(), target_mean
    del covariance, cross
    outputs = np.empty((len(inputs), back.shape[1]), dtype=np.float32)
    for start in range(0, len(inputs), PORTION):
        rows = slice(start, start + PORTION)
        flat = torch.from_numpy(np.ascontiguousarray(inputs[rows])).flatten(1)
        outputs[rows] = ((flat - mean) @ axes @ back + offset).clamp_(0, 1)
    return outputs


def _moments(training: Training) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Return both means (float32), the inputs' covariance, and theirs with the targets where those differ (float64)."""
    count, (mean, target_mean) = len(training), _means(training)
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    cross = torch.zeros(len(mean), len(target_mean), dtype=torch.float64) if training.is_mapped else None
    for inputs, targets in training.portions():
        centred = inputs - mean
        covariance += (centred.T @ centred) / count
        if cross is not None:
            cross += (centred.T @ (targets - target_mean)) / count
    return mean, target_mean, covariance, cross


def principal_axes(training: Training, mean: torch.Tensor, covariance: torch.Tensor, components: int) -> torch.Tensor:
    """Return the directions of the largest variances, float32 (pixels, components).

    No more of them than there are images: those of a small split come from the images themselves, much sooner.
    """
    from scipy.linalg import eigh

    size = len(covariance)
    if components >= size:
        return torch.eye(size)  # all of them span the whole space
    if len(training) <= PORTION:
        (images, _), *_ = training.portions()
        _, _, axes = torch.linalg.svd(images - mean, full_matrices=False)
        largest: torch.Tensor = axes[:components].T
        return largest
    _, vectors = eigh(covariance.numpy(), subset_by_index=(size - components, size - 1), overwrite_a=False)
    return torch.from_numpy(np.ascontiguousarray(vectors)).float()


def nearest_example(training: Training, inputs: Pixels) -> Pixels:
    """Return for each input the target of the training image that is nearest to it in squared distance."""
    flat = torch.from_numpy(np.ascontiguousarray(inputs.reshape(len(inputs), -1)))
    _, index = nearest(flat, (portion for portion, _ in training.portions()))
    answer: torch.Tensor | None = None
    for number, (_, targets) in enumerate(training.portions()):
        answer = torch.zeros(len(flat), targets.shape[1]) if answer is None else answer
        here = index // PORTION == number
        answer[here] = targets[index[here] % PORTION]
    assert answer is not None, "an empty training split"
    found: Pixels = answer.numpy()
    return found


def nearest(flat: torch.Tensor, portions: Iterable[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return for each row the squared distance to the nearest row of all portions, and that row's place; (N,) each.

    Every portion but the last holds PORTION rows.
    """
    best = torch.full((len(flat),), float("inf"))
    index = torch.zeros(len(flat), dtype=torch.int64)
    for number, portion in enumerate(portions):
        distance, place = squared_distances(flat, portion).min(dim=1)
        nearer = distance < best
        best = torch.where(nearer, distance, best)
        index = torch.where(nearer, place + number * PORTION, index)
    return best, index


def flat_portions(images: Images) -> Iterator[torch.Tensor]:
    """Yield the images in portions, float32 (n, C·H·W) in [0, 1]."""
    for start in range(0, len(images), PORTION):
        yield to_unit(torch.from_numpy(images.pixels[start : start + PORTION])).flatten(1)


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
    _, index = nearest(inputs, flat_portions(train))
    yield "nearest-example", train.labels[index.numpy()].astype(np.int64)
