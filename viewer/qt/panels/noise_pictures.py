"""The figures of the Noise panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from viewer.figures import colours
from viewer.figures.chart.readings import Series
from viewer.figures.comparison import Block, ComparisonFigure, of_one
from viewer.figures.curves import CurvesFigure
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow
from viewer.state import formatting, noise_lab
from viewer.state.noise_lab import STRENGTHS, CurveKey, Curves, NoiseFrame, NoiseResult, Reference, Scores
from viewer.state.selection import State


def of_run(theme: Theme, result: NoiseResult, reference: Reference, chosen: int) -> ComparisonFigure:
    """Return the figure of one run: clean, noisy, median filtered, output; predictions of a classifier as captions."""
    chosen = min(chosen, len(reference.clean) - 1)
    size = result.noise_input.targets.shape[2:]
    shown: list[tuple[str, np.ndarray, Scores | None]] = [
        ("clean", reference.clean, None),
        ("noisy", reference.noisy, reference.noisy_scores),
    ]
    if result.scores is not None and result.outputs is not None:
        shown += [("median", reference.median, reference.median_scores), ("output", result.outputs, result.scores)]
    rows = tuple(ImageRow(label, colours.fit(colours.from_images(images), size)) for label, images, _ in shown)
    notes = (f"{formatting.decibels(float(scores.psnr[chosen]))} dB" if scores else "" for _, _, scores in shown)
    label = "predicted" if result.scores is None else "dB"
    return of_one(theme, rows, noise_lab.captions(result), label, chosen=chosen, notes=tuple(notes))


def comparison(theme: Theme, frame: NoiseFrame, state: State, errors: Mapping[Path, str]) -> ComparisonFigure:
    """Return the figure of several runs: the images once, and what each network makes of them.

    A run on other images than the current one has its own noisy ones beside its output. `errors` holds a sentence
    for each compared run that has nothing to show, '' for one that is still to come.
    """
    shared = frame.reference
    shown = (("clean", shared.clean), ("noisy", shared.noisy), ("median", shared.median))
    bands = tuple(ImageRow(label, colours.from_images(images)) for label, images in shown)
    blocks = [Block("images", bands)]
    for path in [*frame.results, *errors]:
        name, result = state.shown_names[path], frame.results.get(path)
        block = Block(name, sentence=errors[path]) if result is None else _block(name, result, shared)
        blocks.append(replace(block, colour=theme.colour_of_run(state.colours, path)))
    return ComparisonFigure(theme, tuple(blocks), chosen=min(state.sample, len(shared.clean) - 1))


def _block(name: str, result: NoiseResult, shared: Reference) -> Block:
    if result.error or result.outputs is None:
        return Block(name, sentence=result.error)
    own = result.noisy.shape != shared.noisy.shape or not np.array_equal(result.noisy, shared.noisy)
    bands = [ImageRow("noisy", colours.from_images(result.noisy))] if own or result.scores is None else []
    if result.scores is not None:
        bands.append(ImageRow("output", colours.from_images(result.outputs)))
    note = noise_lab.mean_text(result.scores) if result.scores is not None else "predictions"
    return Block(name, tuple(bands), noise_lab.captions(result), note)


def curves_of(
    theme: Theme, frame: NoiseFrame, curves: Curves, keys: Mapping[CurveKey, Path | None], state: State
) -> CurvesFigure:
    """Return the curves of PSNR against the noise: one per run, and dashed ones for noisy input and median filter."""
    made, names, reference = [], state.shown_names, frame.reference
    dashed = {
        "noisy": ("noisy input", theme.muted, reference.noisy_scores),
        "median": ("median filter", theme.text, reference.median_scores),
    }
    for key, path in keys.items():
        values = curves[key].psnr
        if path is None:
            name, colour, scores = dashed[key.who]
            made.append(_curve(name, colour, values, frame.strength, scores, dashed=True))
        elif path in frame.results:
            colour = theme.colour_of_run(state.colours, path)
            made.append(_curve(names[path], colour, values, frame.strength, frame.results[path].scores, dashed=False))
    made.sort(key=lambda curve: curve.dashed)
    at = noise_lab.strength_text(frame.kind, frame.strength)
    return CurvesFigure(
        theme,
        tuple(made),
        f"PSNR, dB, mean of {len(reference.clean)} images; named at {at}",
        x_label="noise σ" if frame.kind == "gaussian" else "share of pixels hit",
        mark=frame.strength,
    )


def _curve(
    name: str, colour: str, values: np.ndarray, strength: float, scores: Scores | None, *, dashed: bool
) -> Series:
    """Return the points of a curve and, between them, what the images shown have at the strength of the slider."""
    now = scores.means[0] if scores else np.nan
    others = ~np.isclose(STRENGTHS, strength)
    place = int(np.searchsorted(STRENGTHS[others], strength))
    x, y = (np.insert(of[others], place, at) for of, at in ((STRENGTHS, strength), (values, now)))
    return Series(name, "PSNR", y, colour, dashed, x, note=f"{formatting.decibels(now)} dB" if scores else "")
