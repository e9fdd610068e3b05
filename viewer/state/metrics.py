"""What metrics, baselines and objectives are called, in which units, and how their figures are written."""

from __future__ import annotations

import math
from collections.abc import Mapping

from viewer.state import formatting
from zoo.tasks import ranked

TITLES = {  # of rows and axes
    "mse": "mse, of [0, 1] pixels",
    "psnr": "psnr, dB",
    "ssim": "ssim",
    "bce": "binary cross-entropy, nats a pixel",
    "accuracy": "accuracy",
    "accuracy-letters": "of letters",
    "accuracy-noise": "of noise",
    "cross_entropy": "cross-entropy, nats",
}
HEADINGS = {"psnr": TITLES["psnr"], "cross_entropy": "cross-entropy"}  # of narrow columns; the others have their key
OBJECTIVES = {
    "mse": "mean squared error of [0, 1] pixels",
    "mse-linear": "squared error a pixel, before clamping",
    "mse-normalised": "squared error of normalised pixels",
    "bce": "binary cross-entropy, nats a pixel",
    "elbo": "cross-entropy + divergence, nats an image",
    "cross-entropy": "cross-entropy, nats an image",
    "teacher": "cross-entropy of the classifier, nats an image",
}
TERMS = {  # of objectives
    "bce": "binary cross-entropy of the pixels, nats",
    "kl": "divergence from N(0, 1), nats an image",
    "mse": "mean squared error",
    "cross_entropy": "cross-entropy, nats an image",
}
BASELINES = {  # as columns are headed; within a sentence it is zoo.comparison.noun
    "pca": "PCA",
    "linear": "linear map",
    "nearest-example": "nearest training image",
    "black": "all black",
    "mean-image": "mean image",
    "noisy-input": "noisy input",
    "grey-copied": "grey copied",
    "copied-input": "letter copied",
    "class-mean": "class mean",
    "majority": "most frequent class",
    "nearest-mean": "nearest class mean",
}


def title(metric: str) -> str:
    """Return what a row or an axis of a metric is called, with its unit."""
    return TITLES.get(metric, metric)


def heading(metric: str) -> str:
    """Return what a narrow column of a metric is called."""
    return HEADINGS.get(metric, metric)


def baseline(name: str) -> str:
    """Return what a column of a baseline is called."""
    return BASELINES.get(name, name)


def written(metric: str, value: float | None, digits: int = 3) -> str:
    """Write a figure as the window's tables do."""
    if metric == "mse":
        return formatting.mse(value)
    return formatting.decibels(value) if metric == "psnr" else formatting.number(value, digits)


def figure(metric: str, value: float | None) -> str:
    """Write a figure as the reports' tables do: an error with three digits that count, a share in percent."""
    if value is None or not math.isfinite(value):
        return formatting.MISSING
    if metric == "mse":
        return _short_exponent(f"{value:#.3g}")
    return percent(value) if is_share(metric) else written(metric, value)


def is_share(metric: str) -> bool:
    """Whether a metric is a share of all images, which is written in percent."""
    return metric.startswith(("accuracy", "wrong"))


def error(value: float | None) -> str:
    """Write a mean squared error within a sentence, with three digits that count at most."""
    return formatting.MISSING if value is None or not math.isfinite(value) else _short_exponent(f"{value:.3g}")


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share in percent."""
    return formatting.MISSING if value is None or not math.isfinite(value) else f"{100 * value:.{digits}f} %"


def published(metric: str, figures: Mapping[str, float]) -> str:
    """Write a sheet's own figure as it stands there, without digits that it does not have."""
    value = figures.get(metric)
    if value is None:
        return formatting.MISSING
    if metric == "bce":
        return f"{value:.2f}"
    return percent(value, 0) if metric == "accuracy" else f"{value:g}"


def _short_exponent(text: str) -> str:
    return text.replace("e-0", "e-")


EXACT = 1e-6  # a mean squared error of PCA below it is rounding: the bottleneck has as many values as the data's rank


def comparable_baselines(baselines: Mapping[str, Mapping[str, float]], task: str) -> dict[str, Mapping[str, float]]:
    """Return the baselines that a run of this task is compared with, the one that says most first.

    PCA is left out for denoisers, since it was fitted on clean images, and where it is exact.
    """
    kept = {name: row for name, row in baselines.items() if name != "pca" or _pca_counts(row, task)}
    return {name: kept[name] for name in ranked(task, kept)}


def _pca_counts(row: Mapping[str, float], task: str) -> bool:
    error = row.get("mse")
    return task != "denoise" and not (isinstance(error, int | float) and error < EXACT)
