"""What a run's figures are compared with: its baselines, the one that says most about its task first."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.tasks import ranked

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
