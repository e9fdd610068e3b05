"""The figures of the Reconstructions panel: a mosaic of one run, a comparison of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from viewer.figures import colours
from viewer.figures.comparison import Block, ComparisonFigure
from viewer.figures.mosaic import MosaicFigure
from viewer.figures.theme import Theme
from viewer.figures.tiles import ImageRow, Large, Scale
from viewer.qt.panels.compared import BandValues, ComparisonPicture, mean_text
from viewer.state import formatting, run_outputs
from viewer.state.run_outputs import RunOutput

SPELLED = {"noisy": "noisy input"}
_KINDS = {(True, False): "predictions", (True, True): "largest values"}  # of logits, plain ones
_INPUTS = {"denoise": "noisy", "colourise": "grey", "recall": "class", "translate": "letter"}


def reach_of(runs: Sequence[RunOutput]) -> float:
    """Return the largest difference of all runs, which sets their common scale; 0 where there is none."""
    differences = [output.difference for output in runs if output.is_comparable]
    return max((float(np.abs(difference).max(initial=0.0)) for difference in differences), default=0.0)


def scale_of(theme: Theme, reach: float) -> Scale:
    far = f"{reach:.2f}" if reach < formatting.LARGE else formatting.large(reach)
    return Scale(f"−{far}", f"+{far}", colours.diverging(theme.neutral), "output − target")


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


# ---- layers: the images of a run, before they are colours ----


def inputs_of(output: RunOutput) -> tuple[BandValues, ...]:
    """Return the input and, where it is not the same, the target."""
    assert output.samples is not None
    samples = output.samples
    first = BandValues(_INPUTS.get(output.task, "input"), samples.inputs)
    if output.logits is not None or np.array_equal(samples.inputs, samples.targets):
        return (first,)
    return first, BandValues("target", samples.targets)


def results_of(output: RunOutput) -> tuple[BandValues, ...]:
    """Return the output and its difference from the target."""
    if output.images is None:
        return ()
    made = BandValues("output", output.images)
    return (made, BandValues("difference", output.difference)) if output.is_comparable else (made,)


def pixels_of(layer: BandValues, theme: Theme, reach: float) -> np.ndarray:
    """Turn a layer into uint8 (N, H, W, 3); differences by the shared scale."""
    if layer.values.ndim == 3:
        return colours.apply_table(layer.values, -reach, reach, colours.diverging(theme.neutral))
    return colours.from_images(layer.values)


# ---- pictures ----


def picture_of_one(theme: Theme, output: RunOutput, chosen: int, labels: np.ndarray | None) -> ComparisonPicture:
    """Return the mosaic of one run, with the chosen image large."""
    if output.logits is not None:
        return _predictions(theme, output, chosen, labels)
    before, after = inputs_of(output), results_of(output)
    layers = (before[0], after[0], *before[1:], after[1])
    reach = reach_of((output,))
    size = after[0].values.shape[2:]
    rows = tuple(ImageRow(layer.label, colours.fit(pixels_of(layer, theme, reach), size)) for layer in layers)
    captions, chosen = captions_of(output, labels), min(chosen, output.count - 1)
    figure = MosaicFigure(
        theme=theme,
        rows=rows,
        captions=captions,
        caption_label="mse",
        chosen=chosen,
        large=tuple(Large(SPELLED.get(row.label, row.label), row.pixels[chosen]) for row in rows),
        scale=scale_of(theme, reach),
        description=f"{output.count} images; mean squared errors {', '.join(captions)}",
    )
    return ComparisonPicture(figure, (layers,))


def _predictions(theme: Theme, output: RunOutput, chosen: int, labels: np.ndarray | None) -> ComparisonPicture:
    """Return a classifier's images with its predictions, and the probabilities (softmax) of the chosen one."""
    label = "largest" if output.is_plain else "called"
    (layer,), chosen = inputs_of(output)[:1], min(chosen, output.count - 1)
    pixels = colours.from_images(layer.values)
    captions = captions_of(output, labels)
    figure = MosaicFigure(
        theme=theme,
        rows=(ImageRow(layer.label, pixels),),
        captions=captions,
        caption_label=label,
        chosen=chosen,
        large=(Large("the chosen image", pixels[chosen], output.likeliest(chosen)),),
        description=f"{output.count} images, {label} {', '.join(captions)}",
    )
    return ComparisonPicture(figure, ((layer,),))


def picture_of_several(
    theme: Theme, runs: Sequence[RunOutput], chosen: int, labels: np.ndarray | None, colours_of: Mapping[Path, int]
) -> ComparisonPicture:
    """Return the comparison: what all runs have in common, once, and a block for each run, with its colour."""
    reach = reach_of(runs)
    drawing = [output for output in runs if output.images is not None]
    common = _common_to(drawing)
    shared = bool(common)
    layers = [common] if shared else []
    layers += [_layers_of(output, common) for output in runs]
    names = formatting.without_common_folder([output.name for output in runs])
    blocks = [Block("images")] if shared else []
    blocks += [
        replace(_block_of(output, labels), title=name, colour=theme.colour_of_run(colours_of, output.path))
        for output, name in zip(runs, names, strict=True)
    ]
    bands = [tuple(ImageRow(layer.label, pixels_of(layer, theme, reach)) for layer in of) for of in layers]
    figure = ComparisonFigure(
        theme=theme,
        blocks=tuple(replace(block, bands=of) for block, of in zip(blocks, bands, strict=True)),
        chosen=chosen,
        scale=scale_of(theme, reach) if any(output.is_comparable for output in drawing) else None,
        description="; ".join(f"{block.title}: {block.sentence or block.note}" for block in blocks[shared:]),
    )
    titles = [""] * shared + [output.name for output in runs]
    return ComparisonPicture(figure, tuple(layers), tuple(titles))


def _common_to(drawing: Sequence[RunOutput]) -> tuple[BandValues, ...]:
    """Return the images that several runs have in common: inputs and targets, or the targets alone."""
    if len(drawing) < 2:
        return ()
    if run_outputs.same_images(drawing):
        return inputs_of(drawing[0])
    targets = [output.samples.targets for output in drawing if output.samples is not None]
    if all(np.array_equal(targets[0], other) for other in targets[1:]):
        plain = any(len(inputs_of(output)) == 1 for output in drawing)
        return (BandValues("input" if plain else "target", targets[0]),)
    return ()


def _layers_of(output: RunOutput, common: tuple[BandValues, ...]) -> tuple[BandValues, ...]:
    """Return what a block shows: of what goes in only what is not shown once for all."""
    if output.images is None and output.logits is None:
        return ()
    shown = () if output.images is None else common
    before = (layer for layer in inputs_of(output) if not any(np.array_equal(layer.values, of.values) for of in shown))
    return *before, *results_of(output)


def _block_of(output: RunOutput, labels: np.ndarray | None) -> Block:
    """Return a run's block but for its images."""
    if output.images is None and output.logits is None:
        return Block(output.name, sentence=output.sentence)
    notes = (mean_text(output.mse), _KINDS.get((output.logits is not None, output.is_plain), ""), output.note)
    return Block(output.name, captions=captions_of(output, labels), note=", ".join(note for note in notes if note))
