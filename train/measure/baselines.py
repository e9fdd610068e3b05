"""Baselines: what a model should beat, as images or labels for the test split.

All are fitted on the training split, linear maps on inputs as noisy as in training, and measured on the test split.
The training split is read in chunks, so that it is never held as floats; principal axes are cached for bottlenecks of
other sizes.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from train.engine.batches import TestSplit
from train.engine.prepare import Preparation, class_means
from train.measure.cache import Arrays, cached, sha256_of
from train.measure.metrics import CheckStop, Pixels, never_stop
from zoo.data.images import Images
from zoo.objectives import Batch

CHUNK = 1000  # images
NOISE_SEED = 27  # of the noise on training inputs
MOST_VALUES = 4096  # of an image, beyond which eigenvectors take longer than a training and a gigabyte
IMAGES_PER_COMPONENT = 10  # at least, or least squares overfits the training images
POLL_SECONDS = 0.2

T = TypeVar("T")


@dataclass(frozen=True)
class TrainingSplit:
    """The training split in chunks; `check_stop` is called before each and raises if the user wants to stop."""

    images: Images
    prepare: Preparation
    check_stop: CheckStop = never_stop

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, *, noisy: bool = False) -> Iterator[Batch]:
        """Yield inputs and targets, float32 (n, values) in [0, 1], and labels; every call yields the same.

        `noisy` adds the recipe's noise to the inputs. For classifiers the target is the input, `noisy` has no effect,
        and each chunk ends with as many images of the noise class, if the recipe has one.
        """
        generator = torch.Generator().manual_seed(NOISE_SEED)
        for start in range(0, len(self.images), CHUNK):
            self.check_stop()
            rows = slice(start, start + CHUNK)
            pixels = torch.from_numpy(self.images.pixels[rows])
            labels = torch.from_numpy(self.images.labels[rows].astype(np.int64))
            batch = self.prepare.measured(pixels, labels, generator, noisy=noisy)
            yield Batch(batch.image.flatten(1), batch.target.flatten(1).cpu(), batch.label)

    @cached_property
    def cache_key(self) -> dict[str, object]:
        """What fits to these images depend on, as JSON."""
        data, means = self.prepare.recipe.data, self.prepare.means
        return {
            "data": self.images.digest,
            "targets": None if means is None else sha256_of([means]),
            "input": self.prepare.recipe.task.input,
            "noise": [data.noise, data.noise_class, NOISE_SEED],
        }


def baseline_pictures(name: str, training: TrainingSplit, test: TestSplit, *, bottleneck_size: int) -> Pixels | None:
    """Return the images (N, C, H, W) of a baseline; none of PCA where it would be exact, and for denoisers.

    Of large images there is none that needs their principal axes.
    """
    inputs, targets, labels = test.inputs.cpu().numpy(), test.pictures.cpu().numpy(), test.labels.cpu().numpy()
    recipe = test.prepare.recipe
    if name in ("pca", "linear") and inputs[0].size > MOST_VALUES:
        return None
    makers: dict[str, Callable[[], Pixels | None]] = {
        "pca": lambda: None if recipe.data.noise else pca(training, inputs, components=bottleneck_size),
        "linear": lambda: linear(training, inputs),
        "nearest-example": lambda: nearest_example(training, inputs),
        "class-mean": lambda: class_means(training.images, recipe.classes)[labels],
        "mean-image": lambda: np.broadcast_to(_means(training.batches())[1].numpy(), (len(targets), targets[0].size)),
        "black": lambda: np.zeros_like(targets),  # its mse is the data's own mean square
        "noisy-input": lambda: inputs,
        "grey-copied": lambda: np.broadcast_to(inputs, targets.shape),  # as red, green and blue
        "copied-input": lambda: inputs,  # the letter that was to be translated
    }
    pictures = makers[name]()
    return None if pictures is None else pictures.reshape(targets.shape)


def as_rows(pictures: Pixels) -> Tensor:
    """Return images as a tensor (N, values)."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).flatten(1)


def baseline_labels(name: str, training: TrainingSplit, test: TestSplit) -> np.ndarray:
    """Return the test labels, int64 (N,), that a classifier's baseline gives."""
    inputs = test.inputs.cpu().flatten(1)
    labels = torch.cat([batch.label for batch in training.batches()])
    makers: dict[str, Callable[[], Tensor]] = {
        "nearest-example": lambda: labels[nearest_index(training, inputs)],
        "nearest-mean": lambda: nearest(inputs, [_mean_inputs_by_class(training)])[1],
        "majority": lambda: labels.bincount().argmax().expand(len(test)),
    }
    answers: np.ndarray = makers[name]().numpy()
    return answers


def _mean_inputs_by_class(training: TrainingSplit) -> Tensor:
    """Return the mean input of each class, the noise class included, float32 (classes, values)."""
    classes = training.prepare.recipe.classes + training.prepare.recipe.data.noise_class
    hot = ((torch.nn.functional.one_hot(batch.label, classes).float(), batch.image) for batch in training.batches())
    sums = [(which.T @ images, which.sum(0)) for which, images in hot]
    totals, counts = (torch.stack(parts).sum(0) for parts in zip(*sums, strict=True))
    return totals / counts.clamp(min=1)[:, None]


def _means(batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """Return the mean input and the mean target, float32."""
    sums = [(batch.image.sum(0).double(), batch.target.sum(0).double(), len(batch.image)) for batch in batches]
    inputs, targets, counts = zip(*sums, strict=True)
    return (torch.stack(inputs).sum(0) / sum(counts)).float(), (torch.stack(targets).sum(0) / sum(counts)).float()


# ---- linear maps ---------------------------------------------------------------------------------------------


def pca(training: TrainingSplit, inputs: Pixels, *, components: int) -> Pixels | None:
    """Return the inputs projected on the training split's principal components and back, clipped to [0, 1].

    Pearson 1901; the best linear autoencoder with as many values (Baldi & Hornik 1989). None where so many components
    would reproduce every training image exactly.
    """
    fit = cached({"fit": "pca", **training.cache_key}, lambda: fit_principal_axes(training))
    if components >= fit["rank"]:
        return None
    axes, mean = torch.from_numpy(fit["axes"][:, :components]), torch.from_numpy(fit["mean"])
    return _apply(inputs, lambda flat: (flat - mean) @ axes @ axes.T + mean, training.check_stop)


def linear(training: TrainingSplit, inputs: Pixels) -> Pixels:
    """Return the inputs mapped to targets by least squares with a bias, clipped to [0, 1].

    It is fitted on noisy inputs, as in training, and if images are few only on the leading principal components of the
    inputs: one for every IMAGES_PER_COMPONENT images.
    """
    fit = fit_linear_map(training)
    mean, weights, target_mean = (torch.from_numpy(fit[name]) for name in ("mean", "weights", "target_mean"))
    return _apply(inputs, lambda flat: (flat - mean) @ weights + target_mean, training.check_stop)


def _apply(inputs: Pixels, function: Callable[[Tensor], Tensor], check_stop: CheckStop) -> Pixels:
    parts = []
    for part in as_rows(inputs).split(CHUNK):
        check_stop()
        parts.append(function(part).clamp_(0, 1))
    outputs: Pixels = torch.cat(parts).numpy()
    return outputs


def fit_principal_axes(training: TrainingSplit, *, noisy: bool = False) -> Arrays:
    """Return 'mean' (values,), 'axes' (values, k), principal axes by falling variance, and 'rank' ().

    rank = min(number of varying pixels, images − 1): so many axes reproduce every input exactly.
    """
    mean, _ = _means(training.batches(noisy=noisy))
    if len(training) <= len(mean):  # fewer images than pixels: eigenvectors of the n×n Gram matrix
        centred = torch.cat([batch.image for batch in training.batches(noisy=noisy)]) - mean
        values, vectors = run_in_thread(lambda: torch.linalg.eigh((centred @ centred.T).double()), training.check_stop)
        kept = values > 1e-9 * values[-1]
        axes = centred.T.double() @ vectors[:, kept] / values[kept].sqrt()
        varying = (centred != 0).any(dim=0)
    else:
        covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
        for batch in training.batches(noisy=noisy):
            centred = batch.image - mean
            covariance += (centred.T @ centred) / len(training)
        _, axes = run_in_thread(lambda: torch.linalg.eigh(covariance), training.check_stop)
        varying = covariance.diagonal() > 0
    rank = min(int(varying.sum()), len(training) - 1)
    return {"mean": mean.numpy(), "axes": axes.flip(1).float().contiguous().numpy(), "rank": np.array(rank)}


def fit_linear_map(training: TrainingSplit) -> Arrays:
    """Return 'weights' (values, target values), 'mean' and 'target_mean' of the least-squares map."""
    noisy = training.prepare.recipe.data.noise > 0
    mean, target_mean = _means(training.batches(noisy=noisy))
    components = max(1, len(training) // IMAGES_PER_COMPONENT)
    axes = torch.eye(len(mean))
    if components < len(mean):
        axes = torch.from_numpy(fit_principal_axes(training, noisy=noisy)["axes"][:, :components])
    inner = torch.zeros(axes.shape[1], axes.shape[1], dtype=torch.float64)
    cross = torch.zeros(axes.shape[1], len(target_mean), dtype=torch.float64)
    for batch in training.batches(noisy=noisy):
        scores = (batch.image - mean) @ axes
        inner += scores.T @ scores
        cross += scores.T @ (batch.target - target_mean)
    ridge = 1e-6 * inner.diagonal().mean() * torch.eye(len(inner), dtype=torch.float64)
    weights = axes @ run_in_thread(lambda: torch.linalg.solve(inner + ridge, cross), training.check_stop).float()
    return {"mean": mean.numpy(), "weights": weights.numpy(), "target_mean": target_mean.numpy()}


def run_in_thread(work: Callable[[], T], check_stop: Callable[[], None]) -> T:
    """Return the result of `work`, calling `check_stop` while it runs; if that raises, `work` is abandoned."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # raised again in the waiting thread
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()  # an executor's thread would be waited for at the end
    while not result.done():
        check_stop()
        wait([result], POLL_SECONDS)
    return result.result()


# ---- nearest neighbours --------------------------------------------------------------------------------------


def nearest_example(training: TrainingSplit, inputs: Pixels) -> Pixels:
    """Return for each input the target of the training image whose input is nearest to it."""
    index = nearest_index(training, as_rows(inputs))
    rows, inverse = index.unique(return_inverse=True)
    nearest_ones = replace(training, images=training.images.take(rows.numpy()))
    targets: Pixels = torch.cat([batch.target for batch in nearest_ones.batches()])[inverse].numpy()
    return targets


def nearest_index(training: TrainingSplit, flat: Tensor) -> Tensor:
    """Return the index of the training input that is nearest to each row, int64 (N,)."""
    return nearest(flat, (batch.image for batch in training.batches()))[1]


def nearest(flat: Tensor, chunks: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Return for each row of `flat` the squared distance to the nearest row of all chunks, and its index; (N,) each."""
    best = torch.full((len(flat),), float("inf"))  # |y|²/2 − x·y, which is least where |x − y|² is
    index = torch.zeros(len(flat), dtype=torch.int64)
    start = 0
    for chunk in chunks:
        least, within = torch.addmm(chunk.square().sum(1) / 2, flat, chunk.T, alpha=-1).min(dim=1)
        nearer = least < best
        best = torch.where(nearer, least, best)
        index = torch.where(nearer, within + start, index)
        start += len(chunk)
    return (2 * best + flat.square().sum(1)).clamp_(min=0), index


def squared_distances(one: Tensor, other: Tensor) -> Tensor:
    """Return the squared distance of every row to every row: (N, D), (M, D) → (N, M); never below 0."""
    squares = one.square().sum(1)[:, None] + other.square().sum(1)[None, :]
    return (squares - 2 * one @ other.T).clamp_(min=0)
