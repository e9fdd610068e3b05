"""The figures, texts and numbers of the Noise panel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from viewer.figures import colours
from viewer.figures.comparison import Band, Block, ComparisonFigure
from viewer.figures.lines import LinesFigure, PlotLine
from viewer.figures.mosaic import ImageRow, Large, MosaicFigure
from viewer.figures.theme import Theme
from viewer.qt.widgets.panel import Cell, Numbers
from viewer.state import formatting
from viewer.state.noise_lab import STRENGTHS, CurveKey, Curves, NoiseFrame, NoiseResult, Reference, Scores

HEADING = ("run", "image", "noise", "strength", "measured", "PSNR dB", "SSIM", "predicted")


def mosaic(theme: Theme, result: NoiseResult, reference: Reference, chosen: int) -> MosaicFigure:
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
    notes = [f"{formatting.decibels(float(scores.psnr[chosen]))} dB" if scores else "" for _, _, scores in shown]
    return MosaicFigure(
        theme=theme,
        rows=rows,
        captions=captions(result),
        caption_label="predicted" if result.scores is None else "dB",
        chosen=chosen,
        large=tuple(Large(row.label, row.pixels[chosen], note) for row, note in zip(rows, notes, strict=True)),
    )


def comparison(
    theme: Theme, frame: NoiseFrame, names: Mapping[Path, str], errors: Mapping[Path, str], chosen: int
) -> ComparisonFigure:
    """Return the figure of several runs: the images once, and what each network makes of them.

    A run on other images than the current one has its own noisy ones beside its output. `errors` holds a sentence
    for each compared run that has nothing to show, '' for one that is still to come.
    """
    shared = frame.reference
    shown = (("clean", shared.clean), ("noisy", shared.noisy), ("median", shared.median))
    bands = tuple(Band(label, colours.from_images(images)) for label, images in shown)
    blocks = [Block("images", bands)]
    for path in [*frame.results, *errors]:
        result = frame.results.get(path)
        if result is None:
            blocks.append(Block(names[path], sentence=errors[path]))
        else:
            blocks.append(_block(names[path], result, shared))
    return ComparisonFigure(theme, tuple(blocks), chosen=min(chosen, len(shared.clean) - 1))


def _block(name: str, result: NoiseResult, shared: Reference) -> Block:
    if result.error or result.outputs is None:
        return Block(name, sentence=result.error)
    own = result.noisy.shape != shared.noisy.shape or not np.array_equal(result.noisy, shared.noisy)
    bands = [Band("noisy", colours.from_images(result.noisy))] if own or result.scores is None else []
    if result.scores is not None:
        bands.append(Band("output", colours.from_images(result.outputs)))
    note = mean_text(result.scores) if result.scores is not None else "predictions"
    return Block(name, tuple(bands), captions(result), note)


def captions(result: NoiseResult) -> tuple[str, ...]:
    """Return what stands beside each image: the PSNR of the output, or the class that it is given."""
    if result.scores is not None:
        return tuple(formatting.decibels(float(ratio)) for ratio in result.scores.psnr)
    return tuple(_predictions(result))


def _predictions(result: NoiseResult) -> list[str]:
    if result.outputs is None or result.noise_input.classes is None:
        return []
    classes = result.noise_input.classes
    return [classes[index] if index < len(classes) else str(index) for index in result.outputs.argmax(axis=1)]


def similarity(value: float) -> str:
    """Format a structural similarity."""
    return formatting.MISSING if math.isnan(value) else f"{value:.2f}".replace("-", "−")


def mean_text(scores: Scores) -> str:
    """Format a run's means over the images."""
    ratio, alike = scores.means
    return f"{formatting.decibels(ratio)} dB, SSIM {similarity(alike)}"


def score_text(scores: Scores | None, index: int) -> str:
    """Format the scores of one image; '' where nothing was measured."""
    if scores is None:
        return ""
    return f"{formatting.decibels(float(scores.psnr[index]))} dB, SSIM {similarity(float(scores.ssim[index]))}"


def summary(frame: NoiseFrame, current: NoiseResult | None) -> str:
    """Format the means over the images: noisy, after the median filter, and after the network if there is only one."""
    before, filtered = frame.reference.noisy_scores, frame.reference.median_scores
    labelled = [(before, "dB noisy"), (filtered, "median"), (current.scores if current else None, "output")]
    measured = [(scores.means, label) for scores, label in labelled if scores is not None]
    if not measured:
        return ""
    if len(measured) == 1:
        label = "dB output" if measured[0][1] == "output" else measured[0][1]
        return f"PSNR {formatting.decibels(measured[0][0][0])} {label}; SSIM {similarity(measured[0][0][1])}"
    ratios = ", ".join(f"{formatting.decibels(means[0])} {label}" for means, label in measured)
    return f"PSNR {ratios}; SSIM {', '.join(similarity(means[1]) for means, _ in measured)}"


def hint(result: NoiseResult | None, reference: Reference, index: int, name: str) -> str:
    """Format the figures of one image: of a run's output, or of the shared input."""
    labelled: list[tuple[str, Scores | None]] = []
    if result is None:
        labelled = [("noisy", reference.noisy_scores), ("median filter", reference.median_scores)]
    elif result.scores is not None:
        labelled = [(name, result.scores)]
    lines = [f"{label}: {score_text(scores, index)}" for label, scores in labelled if scores is not None]
    predictions = _predictions(result) if result is not None else []
    return "\n".join([*lines, *([f"{name} predicts {predictions[index]}"] if index < len(predictions) else [])])


def strength_text(frame_kind: str, strength: float) -> str:
    """Format a strength with its unit."""
    return f"σ = {strength:.2f}" if frame_kind == "gaussian" else f"{100 * strength:.0f} % hit"


def lines(
    theme: Theme,
    frame: NoiseFrame,
    curves: Curves,
    keys: Mapping[CurveKey, Path | None],
    names: Mapping[Path, str],
) -> LinesFigure:
    """Return the curves of PSNR against the noise: one per run, and dashed ones for noisy input and median filter."""
    made = []
    colour_of = {path: theme.series[index % len(theme.series)] for index, path in enumerate(frame.results)}
    reference = frame.reference
    dashed = {
        "noisy": ("noisy input", theme.muted, reference.noisy_scores),
        "median": ("median filter", theme.text, reference.median_scores),
    }
    for key, path in keys.items():
        values = curves.of(key).psnr
        if path is None:
            name, colour, scores = dashed[key.who]
            made.append(PlotLine(name, STRENGTHS, values, colour, True, scores.means[0] if scores else None))
        elif path in frame.results:
            found = frame.results[path].scores
            made.append(
                PlotLine(names[path], STRENGTHS, values, colour_of[path], False, found.means[0] if found else None)
            )
    made.sort(key=lambda line: line.dashed)
    gaussian = frame.kind == "gaussian"
    return LinesFigure(
        theme,
        tuple(made),
        x_label="noise σ" if gaussian else "share of pixels hit",
        y_label=f"PSNR, dB, mean of {len(reference.clean)} images",
        at=frame.strength,
        heading=f"at {strength_text(frame.kind, frame.strength)}",
    )


def table(
    frame: NoiseFrame, curves: Curves, keys: Mapping[CurveKey, Path | None], names: Mapping[Path, str]
) -> Numbers:
    """Return the figures of every image, then the means of the curves."""
    rows: Numbers = [HEADING]
    reference = frame.reference
    measurements = [("", "noisy", reference.noisy_scores), ("", "median filter", reference.median_scores)]
    measurements += [(names[path], "output", result.scores) for path, result in frame.results.items()]
    for name, what, scores in measurements:
        for index in range(len(scores.psnr) if scores is not None else 0):
            assert scores is not None
            measured = (float(scores.psnr[index]), float(scores.ssim[index]))
            rows.append((name, index + 1, frame.kind, frame.strength, what, *measured, ""))
    for path, result in frame.results.items():
        for index, prediction in enumerate(_predictions(result)):
            rows.append((names[path], index + 1, frame.kind, frame.strength, "output", "", "", prediction))
    return [*rows, *_curve_rows(curves, keys, names)]


def _curve_rows(
    curves: Curves, keys: Mapping[CurveKey, Path | None], names: Mapping[Path, str]
) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for key, path in keys.items():
        what = {"noisy": "noisy", "median": "median filter"}.get(key.who, "output")
        curve = curves.of(key)
        for strength, ratio, alike in zip(STRENGTHS, curve.psnr, curve.ssim, strict=True):
            if not math.isnan(ratio):
                name = names[path] if path is not None else ""
                rows.append((name, "mean", key.kind, float(strength), what, float(ratio), float(alike), ""))
    return rows
