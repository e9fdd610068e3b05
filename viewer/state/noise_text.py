"""What the Noise panel writes: scores, captions, tool tips, and the table of everything measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from viewer.state import formatting
from viewer.state.noise_lab import STRENGTHS, CurveKey, Curves, NoiseFrame, NoiseResult, Reference, Scores
from viewer.state.numbers import Cell, Numbers

HEADING = ("run", "image", "noise", "strength", "measured", "PSNR dB", "SSIM", "predicted")


def captions(result: NoiseResult) -> tuple[str, ...]:
    """Return what stands beside each image: the PSNR of the output, or the class that it is given."""
    if result.scores is not None:
        return tuple(formatting.decibels(float(ratio)) for ratio in result.scores.psnr)
    return tuple(predictions(result))


def predictions(result: NoiseResult) -> list[str]:
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
    named = predictions(result) if result is not None else []
    return "\n".join([*lines, *([f"{name} predicts {named[index]}"] if index < len(named) else [])])


def strength_text(frame_kind: str, strength: float) -> str:
    """Format a strength with its unit."""
    return f"σ = {strength:.2f}" if frame_kind == "gaussian" else f"{100 * strength:.0f} % hit"


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
        for index, prediction in enumerate(predictions(result)):
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
