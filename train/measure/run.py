"""The end of a run: its figures beside those of the baselines, and the pictures that go into the history."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from train.engine.batches import TestSplit
from train.measure import generated
from train.measure.baselines import labels_of_baselines, pictures_of_baselines
from train.measure.metrics import (
    Pixels,
    classify,
    cross_entropy,
    labels_of,
    measure,
    measure_labels,
    reconstruct,
    verdict,
    verdict_of_labels,
)
from zoo import runs
from zoo.blocks import Autoencoder, Classifier, Variational
from zoo.data.images import Images

Table = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Measured:
    """A run's figures on the test split, those of its baselines, its state, and arrays for the history."""

    metrics: dict[str, float]
    baselines: Table
    state: str
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def is_finite(self) -> bool:
        """A network that diverged has no figures."""
        return all(map(math.isfinite, self.metrics.values()))


def measure_run(
    network: Autoencoder | Classifier, train: Images, test: TestSplit, *, judge: Classifier | None, bottleneck_size: int
) -> Measured:
    """Measure a trained network of any task; `judge` is the classifier that names what comes out, where one does."""
    if isinstance(network, Classifier):
        return _measure_classifier(network, train, test)
    outputs = reconstruct(network, test)
    targets = test.pictures.cpu().numpy()
    metrics, baselines = measure(targets, outputs), {}
    for name, pictures in pictures_of_baselines(train, test, bottleneck_size=bottleneck_size):
        baselines[name] = {**measure(targets, pictures), **_accuracy(judge, test, pictures)}
    metrics |= _accuracy(judge, test, outputs)
    arrays = {runs.SAMPLE_RECONSTRUCTIONS: to_bytes(outputs[: runs.SAMPLES])}
    if isinstance(network, Variational):
        made = generated.measure_generator(network, train, test, judge)
        metrics |= made.metrics
        baselines = {**baselines, "real": made.real}
        arrays |= made.arrays
    if test.prepare.recipe.task.by_class:
        arrays |= _one_of_each(test, outputs, judge)
    return Measured(metrics, baselines, verdict(targets, outputs), arrays)


def _accuracy(judge: Classifier | None, test: TestSplit, pictures: Pixels) -> dict[str, float]:
    """The share of pictures that the scoring classifier takes for their class; {} where there is none."""
    if judge is None:
        return {}
    given = labels_of(judge, pictures, device=test.inputs.device)
    return measure_labels(test.labels.cpu().numpy(), given)


def _measure_classifier(network: Classifier, train: Images, test: TestSplit) -> Measured:
    logits, labels = classify(network, test), test.labels.cpu().numpy()
    given = logits.argmax(axis=1)
    metrics = {**measure_labels(labels, given), "cross_entropy": cross_entropy(labels, logits)}
    classes = test.prepare.classes
    if test.prepare.recipe.data.noise_class:
        real = labels < classes
        metrics["accuracy-letters"] = measure_labels(labels[real], given[real])["accuracy"]
        metrics["accuracy-noise"] = measure_labels(labels[~real], given[~real])["accuracy"]
    baselines = {
        name: measure_labels(labels, found) for name, found in labels_of_baselines(train, test, classes=classes)
    }
    return Measured(metrics, baselines, verdict_of_labels(given))


def _one_of_each(test: TestSplit, outputs: Pixels, judge: Classifier | None) -> dict[str, np.ndarray]:
    """The first test image of each class, what came out, what was wanted, and what the judge calls it."""
    labels = test.labels.cpu().numpy()
    firsts = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)]
    arrays = {
        "grids/letters/inputs": to_bytes(test.inputs.cpu().numpy()[firsts]),
        "grids/letters/targets": to_bytes(test.pictures.cpu().numpy()[firsts]),
        "grids/letters/images": to_bytes(outputs[firsts]),
        "grids/letters/labels": labels[firsts].astype(np.int64),
    }
    if judge is not None:
        arrays["grids/letters/verdicts"] = labels_of(judge, outputs[firsts], device=test.inputs.device)
    return arrays


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Map [0, 1] to uint8 0…255, rounding; what is not a number becomes black."""
    scaled: np.ndarray = np.round(np.clip(np.nan_to_num(pixels), 0, 1) * 255)
    return scaled.astype(np.uint8)
