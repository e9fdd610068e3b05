"""Uni Freiburg, Deep Learning Lab 2017, exercise 3: architecture, learning curves, a sample, and noise as an option."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from viewer.report import pictures, tables
from viewer.report.document import Block, TableBlock, note
from viewer.report.notes import answers, missing, standing, without_graph
from viewer.report.pictures import PictureRow, call_code, quoted, run_code
from viewer.report.reader import Reader, ReportRun, Runs
from viewer.report.spread import alike_within, is_beyond
from viewer.state import formatting, noise, numbers
from viewer.state.metrics import error, percent

RATES = ("0.1", "0.01", "0.001")
SIGMAS = (0.1, 0.2, 0.3)
NO_BETTER = 0.95  # of the mean image's error
LITTLE = 0.02  # of the noise's energy: as good as none
DENOISER = "purdue/denoise"


def blocks(reader: Reader) -> dict[str, list[Block]]:
    """Return what stands in the sheet's text by its name."""
    runs = {rate: reader.run(f"freiburg/lr-{rate}") for rate in RATES}
    shown = next((run for run in runs.values() if run.history.layers), runs[RATES[0]])
    layers = tables.layer_table(shown, "the other rates have the same", in_short=True)
    noisy, reason = _with_noise(reader, runs[best_rate(runs) or RATES[0]])
    return {
        "architecture": [*layers, *answers(resolution(shown))],
        "standing": standing(*runs.values()),
        "curves": _curves(runs),
        "sample": _sample(runs),
        "noisy": noisy,
        "reason": reason,
    }


def best_rate(runs: Runs) -> str:
    """Return the learning rate with the lowest error on the test split, '' where none is measured."""
    spreads = {rate: run.spread("mse") for rate, run in runs.items() if run.history.state != "failed"}
    known = {rate: spread.mean for rate, spread in spreads.items() if spread.values}
    return min(known, key=known.__getitem__, default="")


def resolution(run: ReportRun) -> str:
    """Answer whether what comes out has the size of what goes in."""
    image = run.graph.image_shape if run.graph else None
    ports = [port for port in run.graph.facts.outputs if port.name == "reconstruction"] if run.graph else []
    if image is None or not ports:
        return ""
    out = ports[0].shape[1:]
    same = f"{'the same' if tuple(image) == tuple(out) else 'not the same'} resolution"
    return (
        f"{formatting.shape(image)} goes in and {formatting.shape(out)} comes out: {same}. In between there are "
        f"{formatting.shape(run.history.bottleneck)} = {run.size:,} values; {run.history.parameters:,} "
        "parameters are learned."
    )


def _curves(runs: Runs) -> list[Block]:
    labelled = {f"learning rate {rate}": run for rate, run in runs.items()}
    return [
        *pictures.losses(
            "freiburg-curves",
            labelled,
            title="Learning curves of the three learning rates",
            caption="Training dashed, validation solid.",
            log=True,
        ),
        *tables.compared(
            labelled,
            "mse",
            ("pca", "mean-image", "black"),
            caption="Measured on the test split. The sheet gives no figure; PCA has as many values as the bottleneck.",
            more=("psnr", "ssim"),
        ),
        *answers(*which_rate(runs)),
    ]


def which_rate(runs: Runs) -> list[str]:
    """Answer which learning rate is best, and what became of those that learned nothing."""
    best = best_rate(runs)
    failures = [_failure(rate, run) for rate, run in runs.items() if run.is_there]
    return [*([_ranking(runs, best)] if best else []), *filter(None, failures)]


def _failure(rate: str, run: ReportRun) -> str:
    """Say that a network has learned nothing, '' where it has learned something."""
    own, mean, failed = run.metric("mse"), run.baseline("mean-image", "mse"), run.history.state == "failed"
    if own is None:
        diverged = f"At {rate} the training diverged: its error is not a number, so the steps are too large."
        return diverged if failed else ""
    if mean is None or own < NO_BETTER * mean:
        return ""
    why = "it has collapsed: the steps are too large" if failed else "it has not begun to learn, or has collapsed"
    return (
        f"At {rate} the network does no better than one mean picture for every digit (mse {error(own)}, that of the "
        f"mean image {error(mean)}): {why}."
    )


def _ranking(runs: Runs, best: str) -> str:
    spreads = {rate: spread for rate, run in runs.items() if (spread := run.spread("mse")).values}
    lowest = spreads.pop(best)
    alike = [rate for rate, spread in spreads.items() if len(lowest.values) > 1 and not is_beyond(lowest, spread)]
    others = " and ".join(f"{rate} has {spread.written()}" for rate, spread in spreads.items())
    text = f"The learning rate {best} gives the lowest error on the test split, mse {lowest.written()} ({lowest.seeds})"
    text += f"; {others or 'no other rate is measured yet'}."
    if compared := runs[best].compared("pca"):
        text += f" {best} has {compared} with as many values ({error(runs[best].baseline('pca', 'mse'))})."
    for rate in alike:
        text += (
            f" The rates {best} and {rate} are {alike_within(lowest, spreads[rate])}, so that neither is the better."
        )
    return text


def _sample(runs: Runs) -> list[Block]:
    best = best_rate(runs) or next((rate for rate, run in runs.items() if run.history.samples), RATES[0])
    return pictures.reconstructions(
        "freiburg-samples",
        {f"rate {rate}": run for rate, run in runs.items()},
        caption=f"The first ten test images and what the three networks make of them; below: mse at rate {best}.",
        what="sample",
        mse_of=f"rate {best}",
        mse_label=f"mse, {best}",
    )


def _with_noise(reader: Reader, run: ReportRun) -> tuple[list[Block], list[Block]]:
    """Noisy images and what becomes of them; and why."""
    found = run.history.samples
    if found is None or run.graph_error:
        lack = without_graph(run, "noisy images")
        return lack, lack
    denoiser = reader.run(DENOISER)
    made = [_fed(reader, run, denoiser, found.targets, sigma) for sigma in SIGMAS]
    known = [each for each in made if each is not None]
    if len(known) < len(made):
        return missing(run, what="noisy images"), missing(run, what="answer")
    gains = [gain for gain, _ in known]
    absent = f"{DENOISER}, trained on noise, is not there to compare with: `aezoo train {DENOISER}`."
    shown: list[Block] = [*(picture for _, picture in known), _gain_table(run.name, gains)]
    shown += [] if denoiser.is_there else [note(absent)]
    return shown, answers(why_noise_stays(run.name, gains))


class Gain(NamedTuple):
    """What a network does to noise of one strength, as means over the images: PSNR in dB before and after.

    clean       what it makes of images without noise
    passed      the share of the noise's energy that comes out again
    trained     PSNR after a network that was trained on noise, None where there is none
    """

    sigma: float
    before: float
    after: float
    clean: float
    passed: float
    trained: float | None = None


def _fed(
    reader: Reader, run: ReportRun, denoiser: ReportRun, clean: np.ndarray, sigma: float
) -> tuple[Gain, Block] | None:
    """Feed images with noise of one strength to two networks; None where the first gives no images of their shape."""
    noisy, code = noise.add(clean, sigma), run_code(run)
    both = reader.outputs(run, np.concatenate([noisy, clean]), "reconstruction")
    if both is None or both.shape[1:] != clean.shape[1:]:
        return None
    output, untouched = both[: len(noisy)], both[len(noisy) :]
    gain = Gain(
        sigma=sigma,
        before=numbers.mean_psnr(clean, noisy),
        after=numbers.mean_psnr(clean, output),
        clean=numbers.mean_psnr(clean, untouched),
        passed=float(np.mean((output - untouched) ** 2) / np.mean((noisy - clean) ** 2)),
    )
    rows = [PictureRow("original", clean), PictureRow("noisy", noisy), PictureRow("output", output)]
    trained = reader.outputs(denoiser, noisy, "reconstruction")
    if trained is not None and trained.shape == clean.shape:
        gain = gain._replace(trained=numbers.mean_psnr(clean, trained))
        rows.append(PictureRow(DENOISER, trained))
    caption = (
        f"{sigma:g} · N(0, 1) added to each pixel of the first ten test images, and clipped to [0, 1]; below: mse of "
        f"{run.name}'s output."
    )
    return gain, pictures.images(
        f"freiburg-noise-{sigma:g}",
        rows,
        caption=caption,
        data=run.history.provenance,
        errors_of=(rows[0], rows[2]),
        cell=call_code("show_denoised", code, f"{code}.targets", f"{sigma:g}", quoted(caption)),
    )


def _gain_table(name: str, gains: Sequence[Gain]) -> TableBlock:
    heading = ("noise σ", "noisy image, dB", f"{name}, dB", f"{DENOISER}, dB", "noise that passes")
    rows = [
        (
            f"{gain.sigma:g}",
            *map(formatting.decibels, (gain.before, gain.after, gain.trained)),
            percent(gain.passed, 0),
        )
        for gain in gains
    ]
    caption = (
        "Mean PSNR to the clean image before and after the network, for the ten images above, and the share of the "
        "noise's energy that is found in the output again. Noisy values are clipped to [0, 1], so that half of the "
        "noise on black and white pixels is cut off."
    )
    return TableBlock(caption, (heading, *rows), in_short=True)


def why_noise_stays(name: str, gains: Sequence[Gain]) -> str:
    """Answer the sheet's question from what was measured."""
    own = [gain.after - gain.before for gain in gains]
    text = f"{name} changes the PSNR of noisy digits by {_span(own)} dB"
    trained = [gain.trained - gain.before for gain in gains if gain.trained is not None]
    text += f", {DENOISER}, which was trained on noise, by {_span(trained)} dB. " if trained else ". "
    often = " only where there is much of it" if min(own) <= 0 else " at every strength"
    text += f"It takes some noise away{often}" if max(own) > 0 else "It takes no noise away"
    text += f"; of clean digits it makes {gains[0].clean:.1f} dB, and it can hardly make more of noisy ones. "
    return (
        f"{text}{_what_passes([gain.passed for gain in gains])} Training with noisy inputs and clean targets asks "
        "just that."
    )


def _what_passes(shares: Sequence[float]) -> str:
    """Word the reason: what part of the noise passes the bottleneck, and what becomes of it."""
    if max(shares) < LITTLE:
        return (
            f"Hardly any of the noise's energy comes out again ({percent(max(shares))} at most): the bottleneck has no "
            "room for it. But nothing ever asked the network to tell noise from stroke, so that strokes are lost "
            "with it."
        )
    return (
        f"Of the noise's energy {_span(shares, partial(percent, digits=0))} comes out again. The reason: "
        "the bottleneck has no room for the noise of every pixel, so that part of it is lost on the way; but nothing "
        "ever asked a network that repeats clean digits to tell noise from stroke, so that what does pass is drawn "
        "as strokes."
    )


def _span(values: Sequence[float], write: Callable[[float], str] = "{:+.1f}".format) -> str:
    """Write the ends of a range: '+0.2 to +4.8', '24 to 26 %', or '25 %'."""
    low, high = write(min(values)), write(max(values))
    return low if low == high else f"{low.removesuffix(' %')} to {high}"
