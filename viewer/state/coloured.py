"""How well runs colour: the chroma error at every pixel, beside that of the grey input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viewer.state import chroma
from viewer.state.numbers import Numbers
from viewer.state.run_outputs import RunOutput


@dataclass(frozen=True, eq=False)
class ColourResult:
    """A run's output, its chroma error at every pixel, and that of the grey input: both float32 (N, H, W)."""

    output: RunOutput
    wrong: np.ndarray
    grey: np.ndarray

    @property
    def name(self) -> str:
        return self.output.name


def results_of(runs: Sequence[RunOutput]) -> tuple[ColourResult, ...]:
    """Return the chroma errors of the runs with images; shared true colours are converted once."""
    truths: dict[int, np.ndarray] = {}
    found = []
    for output in runs:
        if output.images is None or output.samples is None:
            continue
        targets = output.samples.targets
        if id(targets) not in truths:
            truths[id(targets)] = chroma.ab(_in_colour(targets))
        truth = truths[id(targets)]
        wrong = chroma.distance(chroma.ab(_in_colour(output.images)), truth)
        found.append(ColourResult(output, wrong, chroma.distance(truth, 0.0)))
    return tuple(found)


def _in_colour(images: np.ndarray) -> np.ndarray:
    """Return images with three channels: a foreign colouriser may make grey ones."""
    return images if images.shape[1] == 3 else np.repeat(images[:, :1], 3, axis=1)


def table(results: Sequence[ColourResult]) -> Numbers:
    """Return a row for each image of each run."""
    rows: Numbers = [("run", "image", "chroma_error", "chroma_error_grey_copied", "mse", "psnr_db")]
    for one in results:
        wrong, grey = chroma.errors(one.wrong), chroma.errors(one.grey)
        for image in range(len(wrong)):
            mse, psnr = float(one.output.mse[image]), float(one.output.psnr[image])
            rows.append((one.name, image + 1, float(wrong[image]), float(grey[image]), mse, psnr))
    return rows if len(rows) > 1 else []
