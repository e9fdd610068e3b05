"""What the noise lab measures: images before and after noise, after a median filter and after each network.

And curves: the mean over the images at several strengths of the noise, kept until the same curve is requested again.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from viewer.state import formatting, noise, numbers
from viewer.state.files import FileBytes
from viewer.state.noise import Kind
from viewer.state.numbers import Cell, Numbers, ssim
from viewer.state.selection import State
from viewer.state.why import not_finite

STRENGTHS = np.linspace(0, 1, 11)  # of the curves


@dataclass(frozen=True, eq=False)
class NoiseInput:
    """What a graph is tried on: images float32 (N, C, H, W) before the noise, and what should come out."""

    file: FileBytes
    output: str  # the name of the requested output
    clean: np.ndarray
    targets: np.ndarray
    classes: tuple[str, ...] | None = None  # of a classifier, whose output is logits

    @cached_property
    def same(self) -> bool:
        """Whether what should come out is what goes in; of what colours or translates it is not."""
        return self.clean is self.targets or np.array_equal(self.clean, self.targets)

    @cached_property
    def digest(self) -> bytes:
        """A key of these images."""
        return digest(self.clean, self.targets)


@dataclass(frozen=True, eq=False)
class Scores:
    """Peak signal-to-noise ratio in dB and structural similarity of each image, float64 (N,)."""

    psnr: np.ndarray
    ssim: np.ndarray

    @property
    def means(self) -> tuple[float, float]:
        """The means over the images of (PSNR, SSIM)."""
        return float(self.psnr.mean()), float(self.ssim.mean())


@dataclass(frozen=True, eq=False)
class NoiseResult:
    """What a graph made of noisy images; `error` is the sentence where it made nothing that can be shown."""

    noise_input: NoiseInput
    noisy: np.ndarray
    outputs: np.ndarray | None = None
    scores: Scores | None = None  # None of a classifier
    error: str = ""


@dataclass(frozen=True, eq=False)
class Reference:
    """What every network is compared with: the noisy images as they are, and after a median filter.

    The scores are None where what should come out is another picture.
    """

    clean: np.ndarray
    noisy: np.ndarray
    median: np.ndarray
    noisy_scores: Scores | None
    median_scores: Scores | None


@dataclass(frozen=True, eq=False)
class NoiseFrame:
    """Everything that is shown at one position of the slider."""

    kind: Kind
    strength: float
    results: Mapping[Path, NoiseResult]
    reference: Reference


def digest(*arrays: np.ndarray) -> bytes:
    """Return a key of these images, 16 bytes."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(str(array.shape).encode())
        found.update(np.ascontiguousarray(array).data)
    return found.digest()


def noise_input_of(state: State, path: Path) -> NoiseInput | None:
    """Return what a compared entry's graph is tried on; None where it is not there or takes no such images."""
    file, samples, graph = state.file_of(path), state.samples_of(path), state.known_of(path).graph
    if file is None or samples is None or graph is None:
        return None
    clean = samples.clean(noisy=graph.noise > 0)
    if graph.image_shape != clean.shape[1:]:
        return None
    if graph.reconstruction:
        return NoiseInput(file, graph.reconstruction, clean, samples.targets)
    return NoiseInput(file, graph.logits_output, clean, clean, graph.classes) if graph.logits_output else None


def score(targets: np.ndarray, outputs: np.ndarray) -> Scores:
    """Measure what came out against what should have."""
    return Scores(numbers.psnr(targets, outputs), ssim(targets, outputs))


def reference_of(noise_input: NoiseInput, noisy: np.ndarray) -> Reference:
    """Return what every network on these images is compared with."""
    median = noise.median(noisy)
    if not noise_input.same:
        return Reference(noise_input.clean, noisy, median, None, None)
    return Reference(
        noise_input.clean, noisy, median, score(noise_input.clean, noisy), score(noise_input.clean, median)
    )


def result_of(noise_input: NoiseInput, noisy: np.ndarray, outputs: np.ndarray) -> NoiseResult:
    """Measure a graph's answer, which may be of any shape and hold anything."""
    if broken := not_finite(outputs):
        return NoiseResult(noise_input, noisy, error=broken)
    if noise_input.classes is not None:
        if outputs.ndim != 2 or not outputs.shape[1]:
            return NoiseResult(noise_input, noisy, error="The graph's output is no row of logits for each image.")
        return NoiseResult(noise_input, noisy, outputs)
    if outputs.shape != noise_input.targets.shape:
        return NoiseResult(noise_input, noisy, error="The graph's output has another shape than its images.")
    return NoiseResult(noise_input, noisy, outputs, score(noise_input.targets, outputs))


# ---- curves ----


@dataclass(frozen=True)
class CurveKey:
    """What a curve depends on: who answers ('noisy', 'median' or a file's sha256), the images and the noise."""

    who: str
    images: bytes
    kind: Kind


def _unknown() -> np.ndarray:
    return np.full(len(STRENGTHS), np.nan)


@dataclass(eq=False)
class Curve:
    """Means over the images at each strength, float64 (11,), NaN where not known; `done` of them were tried."""

    psnr: np.ndarray = field(default_factory=_unknown)
    ssim: np.ndarray = field(default_factory=_unknown)
    done: int = 0

    def add(self, scores: Scores | None) -> None:
        """Take what was found at the next strength; None where the graph had no answer to measure."""
        if scores is not None:
            self.psnr[self.done], self.ssim[self.done] = scores.means
        self.done += 1


Curves = Mapping[CurveKey, Curve]


def baseline_curves(noise_input: NoiseInput, kind: Kind) -> dict[CurveKey, Curve]:
    """Return the curves of the noisy images as they are, and after the median filter; they take 30 ms."""
    noisy, median = Curve(), Curve()
    for strength in STRENGTHS:
        images = noise.apply(noise_input.clean, kind, float(strength))
        noisy.add(score(noise_input.clean, images))
        median.add(score(noise_input.clean, noise.median(images)))
    return {CurveKey("noisy", noise_input.digest, kind): noisy, CurveKey("median", noise_input.digest, kind): median}


def curve_keys(
    noise_inputs: Mapping[Path, NoiseInput], reference: NoiseInput, kind: Kind
) -> dict[CurveKey, Path | None]:
    """Return the curves shown and whose they are: of every graph that makes pictures, and of the baselines."""
    keys: dict[CurveKey, Path | None] = {}
    if reference.same:
        keys |= {CurveKey(who, reference.digest, kind): None for who in ("noisy", "median")}
    for path, noise_input in noise_inputs.items():
        if noise_input.classes is None:
            keys[CurveKey(noise_input.file.sha256, noise_input.digest, kind)] = path
    return keys


def reference_input(frame: NoiseFrame, current: Path | None) -> NoiseInput:
    """Return the images of the baselines: those of the current run."""
    inputs = {path: result.noise_input for path, result in frame.results.items()}
    return inputs[current] if current in inputs else next(iter(inputs.values()))


def frame_keys(frame: NoiseFrame, current: Path | None) -> dict[CurveKey, Path | None]:
    """Return the curves of a frame."""
    noise_inputs = {path: result.noise_input for path, result in frame.results.items()}
    return curve_keys(noise_inputs, reference_input(frame, current), frame.kind)


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
        curve = curves[key]
        for strength, ratio, alike in zip(STRENGTHS, curve.psnr, curve.ssim, strict=True):
            if not math.isnan(ratio):
                name = names[path] if path is not None else ""
                rows.append((name, "mean", key.kind, float(strength), what, float(ratio), float(alike), ""))
    return rows
