"""What the losses panel plots: which quantities the runs have, their values by epoch, and how they are smoothed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from viewer.state.history import RunHistory
from viewer.state.metrics import OBJECTIVES, TERMS
from viewer.state.numbers import Numbers

LOSS, RATE, TIME = "loss", "learning rate", "seconds an epoch"
TRAIN, VALIDATION = "train", "validation"
TERM = "term "
HEAVIEST = 0.99  # of a smoothing's weights: a hundred epochs


@dataclass(frozen=True, eq=False)
class LossCurve:
    """One part of a quantity: a value an epoch from 1, float64 (E,); what is not finite is a gap."""

    part: str
    values: np.ndarray


def quantities(histories: Iterable[RunHistory]) -> list[str]:
    """Return what can be plotted of these runs: the loss, every named term of it, the learning rate, the time."""
    terms = dict.fromkeys(name for history in histories for name in history.terms)
    return [LOSS, *(TERM + name for name in terms), RATE, TIME]


def lines_of(history: RunHistory, quantity: str) -> list[LossCurve]:
    """Return the lines of a run; a loss has two parts and every other quantity one; a run may have none."""
    if quantity == LOSS:
        lines = [LossCurve(TRAIN, history.train_loss), LossCurve(VALIDATION, history.val_loss)]
    elif quantity == RATE:
        lines = [LossCurve(RATE, history.learning_rate)]
    elif quantity == TIME:
        lines = [LossCurve(TIME, history.epoch_seconds)]
    else:
        lines = [LossCurve(TRAIN, history.terms.get(quantity.removeprefix(TERM), np.zeros(0)))]
    return [line for line in lines if len(line.values)]


def label_of(quantity: str, histories: Sequence[RunHistory]) -> str:
    """Return what stands on the axis; losses are those of one objective, for others have other units."""
    if quantity == RATE:
        return "learning rate at the epoch's end"
    if quantity == TIME:
        return "seconds an epoch took"
    if quantity != LOSS:
        name = quantity.removeprefix(TERM)
        return f"{name}: {TERMS[name]}" if name in TERMS else f"{name}, a term of the objective"
    objective = OBJECTIVES.get(histories[0].objective, "") if histories else ""
    return f"loss: {objective}" if objective else "loss"


def clock(history: RunHistory) -> np.ndarray:
    """Return the seconds that had gone by at each epoch's end, float64 (E,); (0,) where no time was recorded."""
    seconds: np.ndarray = np.cumsum(np.nan_to_num(history.epoch_seconds))
    return seconds if len(seconds) and seconds[-1] > 0 else np.zeros(0)


def smooth(values: np.ndarray, weight: float) -> np.ndarray:
    """Return an exponential moving average without the bias of its start, as TensorBoard's scalars have it.

    m_t = w·m_{t-1} + (1 - w)·v_t with m_0 = 0, shown as m_t / (1 - w^t): Kingma & Ba 2015 (Adam), section 3. A value
    that is not finite is passed over and stays a gap.
    """
    if not 0 < weight < 1:
        return values
    smoothed, mean, left = np.full(len(values), np.nan), 0.0, 1.0
    for index, value in enumerate(values.tolist()):
        if np.isfinite(value):
            mean, left = weight * mean + (1 - weight) * value, left * weight
            smoothed[index] = mean / (1 - left)
    return smoothed


def without_first(values: np.ndarray, epochs: int) -> np.ndarray:
    """Return values by epoch with a gap instead of the first `epochs`."""
    if not epochs:
        return values
    later = values.astype(np.float64)
    later[:epochs] = np.nan
    return later


def best_epoch(history: RunHistory) -> int | None:
    """Return the epoch of the least validation loss, from 1."""
    finite = np.isfinite(history.val_loss)
    return int(np.nanargmin(history.val_loss)) + 1 if finite.any() else None


def gaps_of(lines: Sequence[LossCurve]) -> str:
    """Say where a run has no numbers, '' where it has them all: a run that diverged is named, not left out."""
    if not lines:
        return ""
    longest = max(len(line.values) for line in lines)
    broken = np.zeros(longest, dtype=bool)
    for line in lines:
        broken[: len(line.values)] |= ~np.isfinite(line.values)
    if not broken.any():
        return ""
    first, count = int(np.argmax(broken)) + 1, int(broken.sum())
    if broken[first - 1 :].all():
        return f"not a number from epoch {first}"
    return f"not a number in epoch {first}" if count == 1 else f"not a number in {count} epochs"


def table(runs: Sequence[tuple[str, RunHistory]]) -> Numbers:
    """Return a row for every epoch of every run, with everything recorded."""
    if not runs:
        return []
    terms = list(dict.fromkeys(name for _, history in runs for name in history.terms))
    heading = ("run", "epoch", "train_loss", "val_loss", *terms, "learning_rate", "seconds", "seconds_so_far")
    rows: Numbers = [heading]
    for name, history in runs:
        columns = [history.train_loss, history.val_loss]
        columns += [history.terms.get(name, history.train_loss[:0]) for name in terms]
        columns += [history.learning_rate, history.epoch_seconds, clock(history)]
        for index in range(history.epochs_done):
            values = (float(column[index]) if index < len(column) else "" for column in columns)
            rows.append((name, index + 1, *values))
    return rows
