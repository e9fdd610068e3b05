"""The figures of the Reconstructions panel: of one run with the chosen image large, or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from viewer.figures import colours
from viewer.figures.comparison import Block, ComparisonFigure, of_one
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Scale
from viewer.qt.panels.compared import mean_text
from viewer.state import formatting, run_outputs
from viewer.state.run_outputs import RunOutput

_KINDS = {(True, False): "predictions", (True, True): "largest values"}  # of logits, plain ones
_INPUTS = {"denoise": "noisy", "colourise": "grey", "recall": "class", "translate": "letter"}


def reach_of(runs: Sequence[RunOutput]) -> float:
    """Return the largest difference of all runs, which sets their common scale; 0 where there is none."""
    differences = [output.difference for output in runs if output.is_comparable]
    return max((float(np.abs(difference).max(initial=0.0)) for difference in differences), default=0.0)


def scale_of(theme: Theme, reach: float) -> Scale:
    far = f"{reach:.2f}" if reach < formatting.LARGE else formatting.large(reach)
    return Scale(theme, f"−{far}", f"+{far}", colours.diverging(theme.neutral), "output − target")


def signed_row(theme: Theme, values: np.ndarray, reach: float) -> ImageRow:
    """Return differences (N, H, W) on a scale of both signs."""
    colour = partial(colours.apply_table, low=-reach, high=reach, table=colours.diverging(theme.neutral))
    return ImageRow.of("difference", values, colour)


def captions_of(output: RunOutput, labels: np.ndarray | None) -> tuple[str, ...]:
    """Return each image's caption: its error, or a classifier's prediction and, if that is wrong, the true class."""
    if output.logits is None:
        return tuple(formatting.mse(float(error)) for error in output.mse)
    captions = []
    for image in range(output.count):
        name, sure = output.prediction(image)
        if output.is_plain:
            captions.append(f"{formatting.number(sure, 3)} at {name}")
            continue
        wrong = labels is not None and output.is_wrong(image, labels)
        true = output.class_name(int(labels[image])) if labels is not None and wrong else ""
        captions.append(f"{name} ≠ {true}" if wrong else f"{name} {100 * sure:.0f} %")
    return tuple(captions)


# ---- bands ----


def inputs_of(output: RunOutput) -> tuple[ImageRow, ...]:
    """Return the input and, where it is not the same, the target."""
    assert output.samples is not None
    samples = output.samples
    first = ImageRow.of(_INPUTS.get(output.task, "input"), samples.inputs)
    if output.logits is not None or np.array_equal(samples.inputs, samples.targets):
        return (first,)
    return first, ImageRow.of("target", samples.targets)


def results_of(theme: Theme, output: RunOutput, reach: float) -> tuple[ImageRow, ...]:
    """Return the output and its difference from the target."""
    if output.images is None:
        return ()
    made = ImageRow.of("output", output.images)
    return (made, signed_row(theme, output.difference, reach)) if output.is_comparable else (made,)


# ---- pictures ----


def picture_of_one(theme: Theme, output: RunOutput, chosen: int, labels: np.ndarray | None) -> ComparisonFigure:
    """Return the rows of one run, with the chosen image large; of a classifier with its likeliest classes."""
    captions, chosen = captions_of(output, labels), min(chosen, output.count - 1)
    notes: tuple[str, ...] = ()
    if output.logits is not None:
        label = "largest" if output.is_plain else "called"
        rows = inputs_of(output)[:1]
        scale, notes = None, (output.likeliest(chosen),)
    else:
        label, reach = "mse", reach_of((output,))
        before, after = inputs_of(output), results_of(theme, output, reach)
        rows = tuple(row.fitted(after[0].size) for row in (before[0], after[0], *before[1:], after[1]))
        scale = scale_of(theme, reach)
    text = f"{output.count} images, {label} {', '.join(captions)}"
    return of_one(theme, rows, captions, label, chosen=chosen, notes=notes, scale=scale, description=text)


def picture_of_several(
    theme: Theme, runs: Sequence[RunOutput], chosen: int, labels: np.ndarray | None, colours_of: Mapping[Path, int]
) -> ComparisonFigure:
    """Return the comparison: what all runs have in common, once, and a block for each run, with its colour."""
    reach = reach_of(runs)
    drawing = [output for output in runs if output.images is not None]
    common = _common_to(drawing)
    names = formatting.without_common_folder([output.name for output in runs])
    blocks = [
        replace(
            _block_of(theme, output, labels, common, reach),
            title=name,
            colour=theme.colour_of_run(colours_of, output.path),
        )
        for output, name in zip(runs, names, strict=True)
    ]
    scale = scale_of(theme, reach) if any(output.is_comparable for output in drawing) else None
    description = "; ".join(f"{block.title}: {block.sentence or block.note}" for block in blocks)
    images = [Block("images", common)] if common else []
    return ComparisonFigure(theme, (*images, *blocks), chosen, scale, description)


def _common_to(drawing: Sequence[RunOutput]) -> tuple[ImageRow, ...]:
    """Return the images that several runs have in common: inputs and targets, or the targets alone."""
    if len(drawing) < 2:
        return ()
    if run_outputs.same_images(drawing):
        return inputs_of(drawing[0])
    targets = [output.samples.targets for output in drawing if output.samples is not None]
    if all(np.array_equal(targets[0], other) for other in targets[1:]):
        plain = any(len(inputs_of(output)) == 1 for output in drawing)
        return (ImageRow.of("input" if plain else "target", targets[0]),)
    return ()


def _block_of(
    theme: Theme, output: RunOutput, labels: np.ndarray | None, common: tuple[ImageRow, ...], reach: float
) -> Block:
    """Return a run's block; of what goes in it has only what is not shown once for all."""
    if output.images is None and output.logits is None:
        return Block("", sentence=output.sentence)
    shown = [] if output.images is None else [row.pixels for row in common]
    before = [row for row in inputs_of(output) if not any(np.array_equal(row.pixels, of) for of in shown)]
    notes = (mean_text(output.mse), _KINDS.get((output.logits is not None, output.is_plain), ""), output.note)
    note = ", ".join(note for note in notes if note)
    return Block("", (*before, *results_of(theme, output, reach)), captions_of(output, labels), note)
