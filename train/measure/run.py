"""The end of a run: its figures beside those of the baselines, and the pictures that go into the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from train.engine.batches import TestSplit
from train.measure import generated, metrics
from train.measure.baselines import Training, labels_of_baselines, pictures_of_baselines
from train.measure.metrics import Pixels, Stop, accuracy, no_stop
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
    progress: Callable[[int, int], None] = lambda done, of: None

    def measure(self, network: Autoencoder | Classifier) -> Measured:
        """Measure a trained network of any task beside its baselines. Raises what `stop` raises."""
        training = Training(self.train, self.test.prepare, self.stop)
        self.progress(0, 1 + len(training.prepare.recipe.task.baselines))
        if isinstance(network, Classifier):
            return self._measure_classifier(network, training)
        outputs = metrics.reconstruct(network, self.test.inputs, self.stop)
        found = self._figures(outputs)
        arrays = {runs.SAMPLE_RECONSTRUCTIONS: to_bytes(outputs[: runs.SAMPLES])}
        made = None
        if isinstance(network, Variational):
            made = generated.measure_generator(network, training, self.test, self.scoring_classifier)
            found |= made.metrics
            arrays |= made.arrays
        pictures = pictures_of_baselines(training, self.test, bottleneck_size=self.bottleneck_size)
        baselines = self._beside(pictures, self._figures)
        if made is not None:
            baselines["real"] = made.real
        if self.test.prepare.recipe.task.by_class:
            arrays |= self._one_of_each(outputs)
        state = metrics.state_of_pictures(self.test.pictures.cpu().numpy(), outputs)
        return Measured(found, baselines, state, arrays)

    def _beside(
        self, outputs: Iterator[tuple[str, np.ndarray]], figures: Callable[[np.ndarray], dict[str, float]]
    ) -> Table:
        """Measure the baselines one by one, as their outputs are made."""
        names = self.test.prepare.recipe.task.baselines
        self.progress(1, 1 + len(names))
        table: Table = {}
        for name, output in outputs:
            table[name] = figures(output)
            self.progress(2 + names.index(name), 1 + len(names))
        return table

    def _figures(self, pictures: Pixels) -> dict[str, float]:
        """Measure pictures; `accuracy` is the share that the scoring classifier, if any, takes for their class."""
        found = metrics.measure(self.test.pictures.cpu().numpy(), pictures, self.stop)
        if self.scoring_classifier is not None:
            found |= accuracy(self.test.labels.cpu().numpy(), self._labels_of(self.scoring_classifier, pictures))
        return found

    def _labels_of(self, classifier: Classifier, pictures: Pixels) -> np.ndarray:
        return metrics.labels_of(classifier, pictures, device=self.test.inputs.device, stop=self.stop)

    def _measure_classifier(self, network: Classifier, training: Training) -> Measured:
        logits, labels = metrics.classify(network, self.test.inputs, self.stop), self.test.labels.cpu().numpy()
        given = logits.argmax(axis=1)
        found = {**accuracy(labels, given), "cross_entropy": metrics.cross_entropy(labels, logits)}
        if self.test.prepare.recipe.data.noise_class:
            real = labels < self.test.prepare.classes
            found["accuracy-letters"] = accuracy(labels[real], given[real])["accuracy"]
            found["accuracy-noise"] = accuracy(labels[~real], given[~real])["accuracy"]
        outputs = labels_of_baselines(training, self.test)
        baselines = self._beside(outputs, lambda answers: accuracy(labels, answers))
        return Measured(found, baselines, metrics.state_of_labels(given))

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
