"""How far a run's training is: what its history says, and whether a trainer still holds the run."""

from __future__ import annotations

from viewer.state.history import RunHistory
from viewer.state.library import Entry

TRAINING = "training"


def is_running(entry: Entry, history: RunHistory | None) -> bool:
    return history is not None and history.state == TRAINING and entry.is_locked


def has_stopped(entry: Entry, history: RunHistory | None) -> bool:
    """Whether the history says that the run is being trained, but no trainer holds it: it was stopped or killed."""
    return history is not None and history.state == TRAINING and not entry.is_locked


def state_of(entry: Entry, history: RunHistory) -> str:
    """Return the state that the history records; of a run that has stopped, at which epoch."""
    return stopped_at(history) if has_stopped(entry, history) else history.state or "unknown"


def stopped_at(history: RunHistory) -> str:
    return f"stopped at epoch {history.epochs_done} of {history.epochs_planned}"
