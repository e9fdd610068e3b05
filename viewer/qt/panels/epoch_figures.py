"""The figures of the time machine: the pictures of one epoch, and the losses as a time line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from viewer.figures import colours
from viewer.figures.chart.readings import Series
from viewer.figures.comparison import Block, ComparisonFigure
from viewer.figures.curves import CurvesFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Large, Scale
from viewer.state import formatting
from viewer.state.epochs import EpochFrame
from viewer.state.history import RunHistory
from viewer.state.selection import State


def one(theme: Theme, frame: EpochFrame, chosen: int, *, difference: bool) -> MosaicFigure:
    """Return the figure of a single run."""
    rows = _rows(theme, frame, frame.epoch_frames.reach, difference=difference)
    chosen = min(chosen, len(frame.errors) - 1)
    return MosaicFigure(
        theme=theme,
        rows=rows,
        captions=tuple(formatting.mse(float(error)) for error in frame.errors),
        caption_label="mse",
        chosen=chosen,
        large=tuple(Large(row.label, row.pixels[chosen]) for row in rows),
        scale=_scale(theme, frame.epoch_frames.reach) if difference else None,
        description=frame.note,
    )


def several(
    theme: Theme,
    frames: Mapping[Path, EpochFrame | str],
    state: State,
    description: str,
    *,
    difference: bool,
) -> ComparisonFigure:
    """Return the figure of several runs; what all of them should make stands once. '' is for a run still to come."""
    found = [frame for frame in frames.values() if isinstance(frame, EpochFrame)]
    reach = max(frame.epoch_frames.reach for frame in found)
    targets = found[0].epoch_frames.targets
    alike = all(np.array_equal(frame.epoch_frames.targets, targets) for frame in found)
    blocks = [Block("target", (ImageRow("", _pixels(targets)),))] if alike else []
    for path, frame in frames.items():
        block = Block(state.shown_names[path], colour=theme.colour_of_run(state.colours, path))
        if isinstance(frame, str):
            blocks.append(replace(block, sentence=frame or "Its pictures are being read."))
            continue
        rows = _rows(theme, frame, reach, difference=difference)[1 if alike else 0 :]
        blocks.append(replace(block, bands=rows, note=frame.note))
    return ComparisonFigure(
        theme, tuple(blocks), state.sample, _scale(theme, reach) if difference else None, description
    )


def time_line(theme: Theme, shown: list[tuple[Path, RunHistory]], state: State, first: int, last: int) -> CurvesFigure:
    """Draw both losses of one run, or the validation losses of several; different objectives are scaled alike."""
    lines, names = [], state.shown_names
    several = len({history.objective for _, history in shown}) > 1
    for path, history in shown:
        colour = theme.colour_of_run(state.colours, path)
        parts = (("train", history.train_loss, True), ("validation", history.val_loss, False))
        for part, values, dashed in parts if len(shown) == 1 else parts[1:]:
            made = _share_of_range(values[:last]) if several else values[:last]
            lines.append(Series(names[path], part, made, colour, dashed, read=values[:last]))
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
        ImageRow("target", _pixels(frames.targets)),
        ImageRow("output", _pixels(frames.epochs.pictures[frame.index])),
    )
    if not difference:
        return rows
    table = colours.diverging(theme.neutral)
    return (*rows, ImageRow("difference", colours.apply_table(frames.difference(frame.index), -reach, reach, table)))


def _scale(theme: Theme, reach: float) -> Scale:
    return Scale(f"−{reach:.2f}", f"+{reach:.2f}", colours.diverging(theme.neutral), "output − target")


def _pixels(images: np.ndarray) -> np.ndarray:
    """Turn images uint8 (N, C, H, W) into uint8 (N, H, W, 3)."""
    shape = (len(images), *images.shape[2:], 3)
    return np.ascontiguousarray(np.broadcast_to(images.transpose(0, 2, 3, 1), shape))
