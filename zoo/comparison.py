"""How a figure compares with a baseline's, in words: '4.2× less error than PCA', '3.1× more error than PCA'.

Errors (mse, bce, cross-entropy …) are compared as a ratio that is never below 1. What is better when larger is compared
by its difference, since a ratio of decibels or shares says nothing: '8.2 points above the nearest example'.
"""

import math
from collections.abc import Mapping

from zoo.tasks import ranked

BASELINES = {
    "pca": "PCA",
    "linear": "the linear map",
    "nearest-example": "the nearest example",
    "nearest-mean": "the nearest class mean",
    "class-mean": "the class mean",
    "mean-image": "the mean image",
    "noisy-input": "the noisy input",
    "grey-copied": "copied grey",
    "copied-input": "the copied letter",
    "majority": "the most frequent class",
    "black": "black",
}
EXACT = 1e-9  # an error up to here is rounding, as of PCA with as many values as the data's rank
_DIFFERENCES = {"psnr": (1, " dB", 1), "ssim": (1, "", 3), "accuracy": (100, " points", 1)}  # factor, unit, digits
_MOST = 1000


def in_words(value: float | None, baseline: float | None, metric: str, name: str) -> str:
    """Return '4.2× less error than PCA' for a model's and a baseline's figure; '' where they cannot be compared.

    `name` is the baseline's key in the history. '' is for a figure that is absent or not finite, or an exact baseline.
    """
    short = in_short(value, baseline, metric)
    if not short or _difference_of(metric):
        return short and f"{short} {noun(name)}"
    return f"{short} error {'as' if short == SAME else 'than'} {noun(name)}"


SAME = "the same"


def in_short(value: float | None, baseline: float | None, metric: str) -> str:
    """Return the comparison for a column that names the baseline itself: '4.2× less', '3.1× more', 'the same'."""
    if value is None or baseline is None or not (math.isfinite(value) and math.isfinite(baseline)):
        return ""
    difference = _difference_of(metric)
    if difference:
        factor, unit, digits = difference
        written = f"{abs(value - baseline) * factor:.{digits}f}{unit}"
        same = not float(written.removesuffix(unit))
        return "as good as" if same else f"{written} {'above' if value > baseline else 'below'}"
    if baseline <= EXACT or value < 0:
        return ""
    times = _times(value / baseline) if value >= baseline else _times(baseline / value) if value else f"over {_MOST:,}×"
    return f"{times} {'more' if value > baseline else 'less'}" if times else SAME


def main_baseline(
    task: str, metric: str, metrics: Mapping[str, float], baselines: Mapping[str, Mapping[str, float]]
) -> str:
    """Return the baseline that says most about a task, of those that can be compared with; '' where none can."""
    own = metrics.get(metric)
    names = [name for name, figures in baselines.items() if in_short(own, figures.get(metric), metric)]
    return next(iter(ranked(task, names)), "")


def noun(name: str) -> str:
    """Return what a baseline is called within a sentence, by its key in the history."""
    return BASELINES.get(name, name.replace("-", " "))


def larger_is_better(metric: str) -> bool:
    return _difference_of(metric) is not None


def _difference_of(metric: str) -> tuple[float, str, int] | None:
    return _DIFFERENCES.get(metric.split("-")[0])  # accuracy-letters is an accuracy too


def _times(ratio: float) -> str:
    """Write a ratio of at least 1; '' where it rounds to 1."""
    if ratio >= _MOST:
        return f"over {_MOST:,}×"
    written = f"{ratio:.0f}" if ratio >= 9.95 else f"{ratio:.1f}" if ratio >= 1.995 else f"{ratio:.2f}"
    return "" if written == "1.00" else f"{written}×"
