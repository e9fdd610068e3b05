"""Bottleneck size against error: which runs can be compared, on which data, and what their order says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from viewer.state import formatting, numbers
from viewer.state.rows import baselines_of, metrics_of, parameters_of, state_of, values_of
from viewer.state.selection import Known, State
from zoo.comparison import larger_is_better
from zoo.runs import QUICK

VALUES, PARAMETERS = "bottleneck", "parameters"
AXES = {VALUES: "values in the bottleneck", PARAMETERS: "parameters"}
LEAST_COMPARED = 3  # runs; an order of two says nothing
MOST_NAMED = 4
MOST_ORDERS = 2


@dataclass(frozen=True)
class TradeOffModel:
    """One run with a bottleneck and a figure.

    group       what it is compared within: the data and the task, whose principal components are the same
    counts      False for a run that was cut short or is not finished, whose figures say nothing
    pca_at      where its principal components stand on the axis of sizes
    """

    path: Path
    name: str
    data: str
    group: str
    size: float
    value: float
    published: float | None
    pca: float | None
    pca_at: float
    state: str
    counts: bool

    @property
    def positions(self) -> tuple[float, float]:
        return self.size, self.value


def data_of(known: Known) -> str:
    """The data set that an entry was trained on, '' where it is not recorded."""
    card = known.any_card
    dataset = known.history.dataset if known.history else str(card.data.get("name", "")) if card else ""
    return formatting.clean(dataset, limit=40)


def data_sets(state: State) -> list[str]:
    """The data sets of all runs that have a bottleneck, in the order of the runs."""
    found = (data_of(state.known_of(entry.path)) for entry in state.entries if values_of(state.known_of(entry.path)))
    return list(dict.fromkeys(filter(None, found)))


def models_of(state: State, metric: str, axis: str) -> tuple[list[TradeOffModel], list[str]]:
    """Return every run that has the figure, and the names of those with a bottleneck that lack it."""
    names, found, without = state.names(), [], list[str]()
    for entry in state.entries:
        known, name = state.known_of(entry.path), names[entry.path]
        values, parameters = values_of(known), parameters_of(known)
        value = metrics_of(known).get(metric)
        if not values:
            continue
        size = values if axis == VALUES else parameters
        if value is None or not math.isfinite(value) or not size:
            without.append(name)
            continue
        run_state = state_of(entry, known)
        published = _published(known).get(metric)
        pca = baselines_of(known).get("pca", {}).get(metric)
        data = data_of(known)
        found.append(
            TradeOffModel(
                path=entry.path,
                name=name,
                data=data,
                group=_group(data, known),
                size=float(size),
                value=value,
                published=published if published is not None and math.isfinite(published) else None,
                pca=pca if pca is not None and math.isfinite(pca) else None,
                pca_at=float(values if axis == VALUES else _parameters_of_pca(values, known)),
                state=run_state,
                counts=run_state in ("finished", "graph", "changed"),
            )
        )
    return found, without


def _published(known: Known) -> dict[str, float]:
    card = known.any_card
    recorded = known.history.published if known.history else {}
    return dict(recorded or numbers.finite_values(card.published if card else {}))


def _group(data: str, known: Known) -> str:
    """Principal components see what the network sees: noisy images, grey ones or those of one digit are others."""
    task = known.task
    if known.noise > 0:
        return f"{data}, denoise σ {known.noise:g}"
    return data if task in ("", "reconstruct") else f"{data}, {formatting.clean(task, limit=20)}"


def _parameters_of_pca(values: int, known: Known) -> int:
    """As many components and a mean, of as many numbers as an image has pixels; 0 where its size is not known."""
    samples = known.own_samples
    pixels = int(np.prod(samples.targets.shape[1:])) if samples is not None else 0
    return (values + 1) * pixels


def better(one: float, other: float, metric: str) -> bool:
    """Return whether one value of a metric is better than another."""
    return one > other if larger_is_better(metric) else one < other


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Spearman's rank correlation of two equally long rows of values; ties share their mean rank.

    Not a number where one of the two does not vary.
    """
    ranks = [_ranks(np.asarray(values, dtype=np.float64)) for values in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if all(np.ptp(rank) > 0 for rank in ranks) else math.nan


def _ranks(values: np.ndarray) -> np.ndarray:
    below = (values[:, None] > values[None]).sum(axis=1)
    ranks: np.ndarray = below + ((values[:, None] == values[None]).sum(axis=1) - 1) / 2
    return ranks


def conclusion(models: Sequence[TradeOffModel], metric: str, axis: str) -> str:
    """Answer the sheet's question: does the size predict the error, and which runs beat PCA?"""
    if not models:
        return ""
    counted = [model for model in models if model.counts]
    left_out = len(models) - len(counted)
    hollow = f" {left_out} hollow: not finished, or of a short trial, and left out here." if left_out else ""
    if not counted:
        quick = "quick" if all(model.state == QUICK for model in models) else "unfinished"
        which = "The only run is" if len(models) == 1 else f"All {len(models)} runs are"
        return f"{which} {quick}, so that {'its' if len(models) == 1 else 'their'} figures say nothing yet."
    return " ".join(filter(None, (_order(counted, metric, axis), _against_pca(counted, metric)))) + hollow


def _order(models: list[TradeOffModel], metric: str, axis: str) -> str:
    """Say of every group that is large enough whether the size predicts the error, the largest first."""
    groups: dict[str, list[TradeOffModel]] = {}
    for model in models:
        groups.setdefault(model.group, []).append(model)
    large = sorted((m for m in groups.values() if len(m) >= LEAST_COMPARED), key=len, reverse=True)
    if not large:
        return f"{formatting.counted(len(models), 'finished run')}: too few alike for a trend."
    sentences = [_order_of(group, metric, axis) for group in large[:MOST_ORDERS]]
    return (
        " ".join(sentences)
        if len(groups) == 1
        else " ".join(f"{g[0].group}: {t}" for g, t in zip(large, sentences, strict=False))
    )


def _order_of(models: list[TradeOffModel], metric: str, axis: str) -> str:
    size = "size" if axis == VALUES else "parameters"
    positions = np.array([model.positions for model in models])
    rank = rank_correlation(positions[:, 0], positions[:, 1])
    if math.isnan(rank):
        return f"{len(models)} runs of the same {size} or {metric}: there is no trend."
    helps = rank if larger_is_better(metric) else -rank
    meaning = (
        "larger is better" if helps > 0.5 else "larger is worse" if helps < -0.5 else "size does not predict the error"
    )
    return f"Spearman's rank correlation of {size} and {metric} is {rank:+.2f} over {len(models)} runs: {meaning}."


def _against_pca(models: list[TradeOffModel], metric: str) -> str:
    known = [model for model in models if model.pca is not None]
    if not known:
        return "None has principal components to compare with."
    beating = [m.name for m in known if m.pca is not None and better(m.value, m.pca, metric)]
    if not beating:
        return f"PCA with as many components beats {'it' if len(known) == 1 else f'all {len(known)}'}."
    named = ", ".join(beating[:MOST_NAMED])
    more = f" and {len(beating) - MOST_NAMED} more" if len(beating) > MOST_NAMED else ""
    return f"{len(beating)} of {len(known)} beat PCA with as many components: {named}{more}."
