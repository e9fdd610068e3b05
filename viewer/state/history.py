"""A run's history as the window knows it: checked once, when the worker's answer comes, and typed from then on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from viewer.state import grids, numbers, summary
from viewer.state.formatting import clean
from viewer.state.grids import PictureGrid
from viewer.state.library import Entry
from viewer.state.samples import COUNT, Samples, to_unit
from viewer.state.summary import NetworkLayer
from zoo import runs

LARGEST = 1e30  # of a loss that is drawn
LONGEST_SECONDS = 1e8  # three years an epoch
MOST_TERMS = 16
LONGEST_PATH = 4096

TRAINING = "training"
Table = dict[str, dict[str, float]]


@dataclass(frozen=True, eq=False)
class RunHistory:
    """What history.h5 holds; numbers that are absent are 0, names that are absent are empty."""

    recipe: str
    dataset: str
    provenance: str
    objective: str
    noise: float
    bottleneck: tuple[int, ...]
    parameters: int
    epochs_done: int
    epochs_planned: int
    state: str
    device: str
    facts: Mapping[str, str]
    train_loss: np.ndarray
    val_loss: np.ndarray
    seconds: float
    metrics: Mapping[str, float]
    baselines: Table
    samples: Samples | None
    published: Mapping[str, float] = field(default_factory=dict)
    grids: Mapping[str, PictureGrid] = field(default_factory=dict)
    terms: Mapping[str, np.ndarray] = field(default_factory=dict)  # of the objective, an epoch's mean in training
    learning_rate: np.ndarray = field(default_factory=lambda: np.zeros(0))  # at each epoch's end
    epoch_seconds: np.ndarray = field(default_factory=lambda: np.zeros(0))
    images: str = ""  # where pictures of the user's own lay; '' for a data set of the zoo
    layers: tuple[NetworkLayer, ...] = ()


def from_parts(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> RunHistory:
    """Make a RunHistory of what a worker sent; parts of an unexpected type or shape are left out."""
    plain = runs.History(meta={}, arrays={key: arrays[key] for key in arrays if _is_number(key, arrays[key])})
    train, validation = _curve(arrays, runs.TRAIN_LOSS), _curve(arrays, runs.VAL_LOSS)
    seconds = np.minimum(_curve(arrays, runs.SECONDS), LONGEST_SECONDS)
    terms = sorted(key for key in arrays if key.startswith("terms/"))
    return RunHistory(
        recipe=_text(meta, "recipe"),
        dataset=_text(meta, "data"),
        provenance=_text(meta, "provenance"),
        objective=_text(meta, "objective"),
        noise=numbers.finite_or_none(meta.get("noise")) or 0.0,
        bottleneck=_sizes(meta.get("bottleneck")),
        parameters=numbers.count_or_zero(meta.get("parameters")),
        epochs_done=len(train),
        epochs_planned=numbers.count_or_zero(meta.get("epochs")),
        state=_text(meta, "state"),
        device=_text(meta, "device"),
        facts={clean(key, limit=40): clean(value) for key, value in sorted(meta.items())[:64]},
        train_loss=train,
        val_loss=validation,
        seconds=float(np.nansum(seconds)),
        metrics=plain.metrics(),
        baselines={clean(name, limit=64): values for name, values in plain.baselines().items()},
        samples=_samples(arrays, meta),
        published=numbers.finite_values(meta.get("published")),
        grids=grids.from_arrays(arrays),
        terms={clean(key.removeprefix("terms/"), limit=40): _curve(arrays, key) for key in terms[:MOST_TERMS]},
        learning_rate=_curve(arrays, runs.LEARNING_RATE),
        epoch_seconds=seconds,
        images=meta["images"][:LONGEST_PATH] if isinstance(meta.get("images"), str) else "",
        layers=summary.from_history(meta.get("layers")),
    )


def _is_number(key: str, array: np.ndarray) -> bool:
    named = key.startswith("metrics/") or (key.startswith("baselines/") and key.count("/") == 2)
    return named and array.shape == (1,)


def _curve(arrays: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    """A number an epoch; one beyond what an axis can be drawn for is as good as not finite."""
    array = arrays.get(key)
    if array is None or array.ndim != 1:
        return np.zeros(0)
    values = array.astype(np.float64)
    size = np.abs(values)
    curve: np.ndarray = np.where(size < 1 / LARGEST, 0.0, np.where(size <= LARGEST, values, np.nan))
    return curve


def _samples(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Samples | None:
    targets = _images(arrays, runs.SAMPLE_TARGETS)
    inputs = _images(arrays, runs.SAMPLE_INPUTS)
    if targets is None or inputs is None or len(targets) != len(inputs) or not len(targets):
        return None
    made = _images(arrays, runs.SAMPLE_RECONSTRUCTIONS)
    if made is None:  # a run being trained: what it made in its newest epoch
        epochs = arrays.get(runs.EPOCH_RECONSTRUCTIONS)
        made = _images({"newest": epochs[-1]}, "newest") if epochs is not None and len(epochs) else None
    fits = made is not None and made.shape == targets.shape
    instead = _text(meta, runs.SAMPLES_PROVENANCE)
    provenance = instead or _text(meta, "provenance")
    return Samples(inputs, targets, made if fits else None, provenance, stand_in=bool(instead))


def _images(arrays: Mapping[str, np.ndarray], key: str) -> np.ndarray | None:
    array = arrays.get(key)
    if array is None or array.ndim != 4 or array.dtype != np.uint8 or array.shape[1] not in (1, 3):
        return None
    return to_unit(array[:COUNT])


def _text(meta: Mapping[str, Any], key: str) -> str:
    value = meta.get(key)
    return clean(value) if isinstance(value, str) else ""


def _sizes(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(isinstance(size, int) and 0 < size < 1 << 30 for size in value):
        return ()
    return tuple(value[:8])


# ---- how far a training is: what the history says, and whether a trainer still holds the run ----


def is_running(entry: Entry, history: RunHistory | None) -> bool:
    return history is not None and history.state == TRAINING and entry.is_locked


def has_stopped(entry: Entry, history: RunHistory | None) -> bool:
    """Whether the history says that the run is being trained, but no trainer holds it: it was stopped or killed."""
    return history is not None and history.state == TRAINING and not entry.is_locked


def training_state(entry: Entry, history: RunHistory) -> str:
    """Return the state that the history records; of a run that has stopped, at which epoch."""
    return stopped_at(history) if has_stopped(entry, history) else history.state or "unknown"


def stopped_at(history: RunHistory) -> str:
    return f"stopped at epoch {history.epochs_done} of {history.epochs_planned}"
