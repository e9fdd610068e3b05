"""The end of a run: its figures beside those of the baselines, and the pictures that go into the history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from train.engine.batches import TestSplit
from train.measure import generated, metrics
from train.measure.baselines import TrainingSplit, baseline_labels, baseline_pictures
from train.measure.cache import cached, sha256_of
from train.measure.metrics import CheckStop, Pixels, accuracy, never_stop
from zoo import runs
from zoo.blocks import Autoencoder, Classifier, Variational
from zoo.data.images import Images

Table = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Measured:
    """A run's metrics on the test split, those of its baselines, its status, and arrays for the history."""

    metrics: dict[str, float]
    baselines: Table
    status: runs.Status
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class RunMeasurement:
    """How a run is measured.

    train                the training split, to which baselines are fitted
    test                 the split on which everything is measured
    scoring_classifier   classifies the outputs, if the recipe names one
    bottleneck_size      values per image
    check_stop           called at least twice a second; raises if the user wants to stop
    progress             called with the number of parts (network and baselines) done, and of all
    """

    train: Images
    test: TestSplit
    scoring_classifier: Classifier | None
    bottleneck_size: int
    check_stop: CheckStop = never_stop
    progress: Callable[[int, int], None] = lambda done, total: None

    def measure(self, network: Autoencoder | Classifier) -> Measured:
        """Measure a trained network of any task beside its baselines. Raises what `check_stop` raises."""
        training = TrainingSplit(self.train, self.test.prepare, self.check_stop)
        self.progress(0, 1 + len(training.prepare.recipe.task.baselines))
        if isinstance(network, Classifier):
            return self._measure_classifier(network, training)
        outputs = metrics.reconstruct(network, self.test.inputs, self.check_stop)
        figures = self._metrics(outputs)
        arrays = {runs.SAMPLE_RECONSTRUCTIONS: to_bytes(outputs[: runs.SAMPLES])}
        made = None
        if isinstance(network, Variational):
            made = generated.measure_generator(network, training, self.test, self.scoring_classifier)
            figures |= made.metrics
            arrays |= made.arrays
        baselines = self._measure_baselines(training, lambda name: self._picture_metrics(name, training))
        if made is not None:
            baselines["real"] = made.real
        if self.test.prepare.recipe.task.by_class:
            arrays |= self._first_of_each_class(outputs)
        status = metrics.status_of_pictures(self.test.pictures.cpu().numpy(), outputs)
        return Measured(figures, baselines, status, arrays)

    def _measure_baselines(self, training: TrainingSplit, figures_of: Callable[[str], Mapping[str, float]]) -> Table:
        """Return the metrics of each baseline that has some; they are cached, unless a network judges them too."""
        names, cache_key = self.test.prepare.recipe.task.baselines, self._cache_key(training)
        self.progress(1, 1 + len(names))
        table: Table = {}
        for done, name in enumerate(names, start=2):
            compute, components = partial(figures_of, name), self.bottleneck_size if name == "pca" else None
            figures: Mapping[str, np.ndarray | float]
            if self.scoring_classifier is None:
                figures = cached({"baseline": name, "components": components, **cache_key}, compute)
            else:
                figures = compute()
            if figures:
                table[name] = {metric: float(value) for metric, value in figures.items()}
            self.progress(done, 1 + len(names))
        return table

    def _cache_key(self, training: TrainingSplit) -> dict[str, object]:
        """What the metrics of baselines depend on, as JSON; beside it PCA's number of components."""
        return {
            **training.cache_key,
            "task": self.test.prepare.recipe.task.name,
            "test": sha256_of([self.test.inputs, self.test.pictures, self.test.labels]),
        }

    def _picture_metrics(self, name: str, training: TrainingSplit) -> dict[str, float]:
        """Return the metrics of a baseline that makes pictures; none where it is left out."""
        pictures = baseline_pictures(name, training, self.test, bottleneck_size=self.bottleneck_size)
        return {} if pictures is None else self._metrics(pictures)

    def _metrics(self, pictures: Pixels) -> dict[str, float]:
        """Return the metrics of outputs for the test split, with the scoring classifier's accuracy if there is one."""
        figures = metrics.measure(self.test.pictures.cpu().numpy(), pictures, self.check_stop)
        if self.scoring_classifier is not None:
            figures |= accuracy(self.test.labels.cpu().numpy(), self._labels_of(self.scoring_classifier, pictures))
        return figures

    def _labels_of(self, classifier: Classifier, pictures: Pixels) -> np.ndarray:
        return metrics.labels_of(classifier, pictures, device=self.test.inputs.device, check_stop=self.check_stop)

    def _measure_classifier(self, network: Classifier, training: TrainingSplit) -> Measured:
        logits, labels = metrics.classify(network, self.test.inputs, self.check_stop), self.test.labels.cpu().numpy()
        predicted = logits.argmax(axis=1)
        figures = {**accuracy(labels, predicted), "cross_entropy": metrics.cross_entropy(labels, logits)}
        if self.test.prepare.recipe.data.noise_class:
            real = labels < self.test.prepare.recipe.classes
            figures["accuracy-letters"] = accuracy(labels[real], predicted[real])["accuracy"]
            figures["accuracy-noise"] = accuracy(labels[~real], predicted[~real])["accuracy"]
        baselines = self._measure_baselines(
            training, lambda name: accuracy(labels, baseline_labels(name, training, self.test))
        )
        return Measured(figures, baselines, metrics.status_of_labels(predicted))

    def _first_of_each_class(self, outputs: Pixels) -> dict[str, np.ndarray]:
        """Return the grid 'letters': the first test image of each class, target, output and predicted label."""
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
    """Map [0, 1] to uint8 0…255, rounding; NaN becomes black."""
    scaled: np.ndarray = np.round(np.clip(np.nan_to_num(pixels), 0, 1) * 255)
    return scaled.astype(np.uint8)
