"""The figures of the time machine: the pictures of one epoch, and the losses as a time line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from viewer.figures.chart.readings import Series
from viewer.figures.comparison import Block, ComparisonFigure, of_one
from viewer.figures.curves import CurvesFigure
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow
from viewer.qt.panels.reconstruction_figures import scale_of, signed_row
from viewer.state import formatting
from viewer.state.epochs import EpochFrame
from viewer.state.history import RunHistory
from viewer.state.selection import State


def pictures(
    theme: Theme, frames: Mapping[Path, EpochFrame | str], state: State, description: str, *, difference: bool
) -> ComparisonFigure:
    """Return what runs made in an epoch; what all of several should make stands once. '' is for a run still to come."""
    found = [frame for frame in frames.values() if isinstance(frame, EpochFrame)]
    reach, targets = max(frame.epoch_frames.reach for frame in found), found[0].epoch_frames.targets
    scale = scale_of(theme, reach) if difference else None
    if len(frames) == 1:
        rows, errors = _rows(theme, found[0], reach, difference=difference), found[0].errors
        chosen = min(state.sample, len(errors) - 1)
        captions = tuple(formatting.mse(float(error)) for error in errors)
        return of_one(theme, rows, captions, "mse", chosen=chosen, scale=scale, description=found[0].note)
    alike = all(np.array_equal(frame.epoch_frames.targets, targets) for frame in found)
    blocks = [Block("target", (ImageRow.of("", targets),))] if alike else []
    for path, frame in frames.items():
        block = Block(state.shown_names[path], colour=theme.colour_of_run(state.colours, path))
        if isinstance(frame, str):
            blocks.append(replace(block, sentence=frame or "Its pictures are being read."))
            continue
        rows = _rows(theme, frame, reach, difference=difference)[1 if alike else 0 :]
        blocks.append(replace(block, bands=rows, note=frame.note))
    return ComparisonFigure(theme, tuple(blocks), state.sample, scale, description)


def time_line(theme: Theme, shown: list[tuple[Path, RunHistory]], state: State, first: int, last: int) -> CurvesFigure:
    """Draw both losses of one run, or the validation losses of several; different objectives are scaled alike."""
    lines, names = [], state.shown_names
    several = len({history.objective for _, history in shown}) > 1
    for path, history in shown:
        colour = theme.colour_of_run(state.colours, path)
        parts = (("train", history.train_loss, True), ("validation", history.val_loss, False))
        for part, values, dashed in parts if len(shown) == 1 else parts[1:]:
            made = _share_of_range(values[:last]) if several else values[:last]
            lines.append(Series(names[path], part, made, colour, dashed))
    label = "loss, from each run's least to its largest" if several else "loss"
    return CurvesFigure(theme, tuple(lines), label, span=(first, last))


def _share_of_range(values: np.ndarray) -> np.ndarray:
    low, high = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0.0, 1.0)
    shares: np.ndarray = (values - low) / ((high - low) or 1.0)
    return shares


def _rows(theme: Theme, frame: EpochFrame, reach: float, *, difference: bool) -> tuple[ImageRow, ...]:
    """Target, output and, where it is wanted, their difference."""
    frames = frame.epoch_frames
    rows = (
        ImageRow.of("target", frames.targets),
        ImageRow.of("output", frames.epochs.pictures[frame.index]),
    )
    return (*rows, signed_row(theme, frames.difference(frame.index), reach)) if difference else rows
