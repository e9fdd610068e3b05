"""The end of a run: its figures beside those of the baselines, and the pictures that go into the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from train.engine.batches import TestSplit
from train.measure import generated
from train.measure.baselines import Training, labels_of_baselines, pictures_of_baselines
from train.measure.metrics import (
    Pixels,
    Stop,
    accuracy,
    classify,
    cross_entropy,
    labels_of,
    measure,
    no_stop,
    reconstruct,
    state_of_labels,
    state_of_pictures,
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


def no_progress(done: int, of: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class RunMeasurement:
    """How a run is measured.

    train                the training split, to which baselines are fitted
    test                 the split on which all is measured
    scoring_classifier   names what comes out, where one does
    bottleneck_size      values of one image's bottleneck
    stop                 called at least twice a second; raises where the user wants to stop
    progress             gets how many of the parts are done, and of how many: the network and each baseline
    """

    train: Images
    test: TestSplit
    scoring_classifier: Classifier | None
    bottleneck_size: int
    stop: Stop = no_stop
    progress: Callable[[int, int], None] = no_progress

    def measure(self, network: Autoencoder | Classifier) -> Measured:
        """Measure a trained network of any task beside its baselines. Raises what `stop` raises."""
        self.progress(0, 1 + len(self._baselines))
        if isinstance(network, Classifier):
            return self._measure_classifier(network)
        outputs, targets = reconstruct(network, self.test.inputs, self.stop), self.test.pictures.cpu().numpy()
        metrics = {**measure(targets, outputs, self.stop), **self._scores(outputs)}
        arrays = {runs.SAMPLE_RECONSTRUCTIONS: to_bytes(outputs[: runs.SAMPLES])}
        if isinstance(network, Variational):
            made = generated.measure_generator(network, self._training, self.test, self.scoring_classifier)
            metrics |= made.metrics
            arrays |= made.arrays
        self._done()
        baselines: Table = {}
        pairs = pictures_of_baselines(self._training, self.test, bottleneck_size=self.bottleneck_size)
        for name, pictures in pairs:
            baselines[name] = {**measure(targets, pictures, self.stop), **self._scores(pictures)}
            self._done(name)
        if isinstance(network, Variational):
            baselines["real"] = made.real
        if self.test.prepare.recipe.task.by_class:
            arrays |= self._one_of_each(outputs)
        return Measured(metrics, baselines, state_of_pictures(targets, outputs), arrays)

    @property
    def _baselines(self) -> tuple[str, ...]:
        return self.test.prepare.recipe.task.baselines

    def _done(self, baseline: str | None = None) -> None:
        """Say that this baseline, or else the network, is measured."""
        done = 1 if baseline is None else 2 + self._baselines.index(baseline)
        self.progress(done, 1 + len(self._baselines))

    @property
    def _training(self) -> Training:
        return Training(self.train, self.test.prepare, self.stop)

    def _scores(self, pictures: Pixels) -> dict[str, float]:
        """The share of pictures that the scoring classifier takes for their class; {} where there is none."""
        if self.scoring_classifier is None:
            return {}
        return accuracy(self.test.labels.cpu().numpy(), self._labels_of(self.scoring_classifier, pictures))

    def _labels_of(self, classifier: Classifier, pictures: Pixels) -> np.ndarray:
        return labels_of(classifier, pictures, device=self.test.inputs.device, stop=self.stop)

    def _measure_classifier(self, network: Classifier) -> Measured:
        logits, labels = classify(network, self.test.inputs, self.stop), self.test.labels.cpu().numpy()
        given = logits.argmax(axis=1)
        metrics = {**accuracy(labels, given), "cross_entropy": cross_entropy(labels, logits)}
        if self.test.prepare.recipe.data.noise_class:
            real = labels < self.test.prepare.classes
            metrics["accuracy-letters"] = accuracy(labels[real], given[real])["accuracy"]
            metrics["accuracy-noise"] = accuracy(labels[~real], given[~real])["accuracy"]
        self._done()
        baselines: Table = {}
        for name, found in labels_of_baselines(self._training, self.test):
            baselines[name] = accuracy(labels, found)
            self._done(name)
        return Measured(metrics, baselines, state_of_labels(given))

    def _one_of_each(self, outputs: Pixels) -> dict[str, np.ndarray]:
        """The first test image of each class, what came out, what should, and what the scoring classifier names."""
        labels = self.test.labels.cpu().numpy()
        firsts = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)]
        arrays = {
            "grids/letters/inputs": to_bytes(self.test.inputs.cpu().numpy()[firsts]),
            "grids/letters/targets": to_bytes(self.test.pictures.cpu().numpy()[firsts]),
            "grids/letters/images": to_bytes(outputs[firsts]),
            "grids/letters/labels": labels[firsts].astype(np.int64),
        }
        if self.scoring_classifier is not None:
            arrays["grids/letters/verdicts"] = self._labels_of(self.scoring_classifier, outputs[firsts])
        return arrays


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Map [0, 1] to uint8 0…255, rounding; what is not a number becomes black."""
    scaled: np.ndarray = np.round(np.clip(np.nan_to_num(pixels), 0, 1) * 255)
    return scaled.astype(np.uint8)
